"""One line per measurement on stderr: what runs, and about how long is left."""

import time
from collections.abc import Callable

Say = Callable[[str], None]


class Progress:
    """Counts shares of work that were announced against those that are done.

    Arguments:
        total: announced work, in any unit.
        say: takes a line of text.

    Example:
        >>> progress = Progress(2.0, print)
        >>> progress.start("NCP 32, forward", 1.0)
        [  0 %] NCP 32, forward
    """

    def __init__(self, total: float, say: Say) -> None:
        self._total, self._say = total, say
        self._done = 0.0
        self._begun = time.perf_counter()
        self._share = 0.0

    def start(self, what: str, share: float) -> None:
        """Say what begins now; what began before is done."""
        self._done, self._share = self._done + self._share, share
        part = self._done / self._total if self._total else 1.0
        left = f", about {clock(self._passed() * (1 - part) / part)} left" if part > 0.02 else ""
        self._say(f"[{100 * part:3.0f} %] {what}{left}")

    def _passed(self) -> float:
        return time.perf_counter() - self._begun


def clock(seconds: float) -> str:
    """Seconds in words.

    Example:
        >>> clock(42), clock(185)
        ('42 s', '3 min 05 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
