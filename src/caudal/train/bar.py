"""A bar on standard error for whatever takes more than a second."""

import sys
from time import perf_counter
from types import TracebackType
from typing import Self

_WIDTH = 24
# Steps after the first that an estimate needs.
_LEAST = 3


class Bar:
    """How far a loop is, and how long it will still take.

    On a terminal one line is drawn over; elsewhere, as in a log, there is a line every ten seconds.

    Arguments:
        name: what is running.
        total: steps of the loop.
        shown: False never draws.

    Example:
        >>> with Bar("fit", 10, shown=False) as bar:
        ...     bar.at(3, "loss 0.5")
    """

    def __init__(self, name: str, total: int, shown: bool = True) -> None:
        self.name, self.total, self.shown = name, total, shown
        self.is_terminal = sys.stderr.isatty()
        self.start = perf_counter()
        self.drawn = 0.0
        self.first: tuple[int, float] | None = None
        self.wait = 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the line, if one was drawn."""
        if self.drawn and self.is_terminal:
            print(file=sys.stderr)

    def at(self, step: int, words: str = "") -> None:
        """Draw again if it is time to.

        Arguments:
            step: steps done.
            words: what to say beside the bar.
        """
        now = perf_counter() - self.start
        if self.first is None and step:
            self.first = step, now
        if not self.shown or now - self.drawn < self.wait:
            return
        self.drawn, self.wait = now, 0.1 if self.is_terminal else 10.0
        full = round(_WIDTH * step / self.total)
        line = f"{self.name} [{'#' * full}{'.' * (_WIDTH - full)}] {words}{self._left(step, now)}"
        print(f"\r{line}\x1b[K" if self.is_terminal else line, end="" if self.is_terminal else "\n", file=sys.stderr)

    def _left(self, step: int, now: float) -> str:
        """The time left, by the steps after the first, which may have compiled its kernels."""
        if self.first is None or step < self.first[0] + _LEAST:
            return ""
        done, since = self.first
        return f", at most {clock((now - since) / (step - done) * (self.total - step))} left"


def clock(seconds: float) -> str:
    """Seconds in words.

    Example:
        >>> clock(0.4), clock(42), clock(185), clock(7380)
        ('0.4 s', '42 s', '3 min 05 s', '2 h 03 min')
    """
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
