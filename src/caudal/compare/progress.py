"""What a person sees while runs go on: how far, what runs now, and about how long is left."""

import math
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Protocol

from caudal.compare.job import Job, RunOutcome
from caudal.train.bar import clock

_WIDTH = 22
# Model and phase -> runs that have not begun.
Waiting = Mapping[tuple[str, str], int]


class Watcher(Protocol):
    """Is told what happens; see `Board`."""

    def start(self, total: int, stored: int, workers: int, waiting: Waiting | None = None) -> None:
        """Runs in all, of which so many are stored already; of each model and phase, how many wait."""
        ...

    def begun(self, job: Job) -> None:
        """A run has begun."""
        ...

    def inside(self, job: Job, words: tuple[object, ...]) -> None:
        """A run says where it stands."""
        ...

    def ended(self, job: Job, outcome: RunOutcome | None, error: str, metric: str) -> None:
        """A run has ended."""
        ...

    def say(self, line: str) -> None:
        """A line that stays."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class Silent:
    """A watcher that tells nobody."""

    def start(self, total: int, stored: int, workers: int, waiting: Waiting | None = None) -> None:
        """See `Watcher`."""

    def begun(self, job: Job) -> None:
        """See `Watcher`."""

    def inside(self, job: Job, words: tuple[object, ...]) -> None:
        """See `Watcher`."""

    def ended(self, job: Job, outcome: RunOutcome | None, error: str, metric: str) -> None:
        """See `Watcher`."""

    def say(self, line: str) -> None:
        """See `Watcher`."""

    def close(self) -> None:
        """See `Watcher`."""


class Board:
    """One bar that is drawn again on a terminal; elsewhere one line for each finished run.

    Arguments:
        lively: whether to draw the bar; None looks at the stream.
        write: takes text; None writes to standard error.
        clock: seconds.
        words: turns a line that stays into what is written.
    """

    def __init__(
        self,
        lively: bool | None = None,
        write: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        words: Callable[[str], str] = str,
    ) -> None:
        self._words = words
        self._lively = sys.stderr.isatty() if lively is None else lively
        self._write = write or _to_stderr
        self._clock = clock
        self._total = self._done = 0
        self._workers = 1
        self._running: dict[str, tuple[Job, float]] = {}
        self._took: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._waiting: dict[tuple[str, str], int] = {}
        self._drawn = False

    def start(self, total: int, stored: int, workers: int, waiting: Waiting | None = None) -> None:
        """See `Watcher`."""
        self._total, self._done, self._workers = total, stored, max(1, workers)
        self._waiting = dict(waiting or {})
        if stored:
            self.say(f"{stored} of {total} runs are stored already; going on from there.")
        if stored < total and not self._lively:
            self.say(f"{total - stored} runs to go, {self._workers} at once; the first ones may compile their kernels.")
        self._draw()

    def begun(self, job: Job) -> None:
        """See `Watcher`."""
        self._running[job.key] = (job, self._clock())
        if self._waiting.get((job.model, job.phase)):
            self._waiting[job.model, job.phase] -= 1
        self._draw()

    def inside(self, job: Job, words: tuple[object, ...]) -> None:
        """See `Watcher`."""
        self._draw()

    def ended(self, job: Job, outcome: RunOutcome | None, error: str, metric: str) -> None:
        """See `Watcher`."""
        now = self._clock()
        _, begun = self._running.pop(job.key, (job, now))
        self._took[job.model, job.phase].append(now - begun)
        self._done += 1
        failed = error or (outcome.run.failed if outcome is not None else "")
        if self._lively and not failed:
            self._draw()
            return
        found = f"failed: {failed}" if failed else _figure(outcome, metric)
        left = f", {self._left()}" if self._left() else ""
        self.say(f"[{self._done}/{self._total}] {_name(job)}: {found}, {clock(now - begun)}{left}")

    def say(self, line: str) -> None:
        """See `Watcher`."""
        self._wipe()
        self._write(self._words(line) + "\n")
        self._draw()

    def close(self) -> None:
        """See `Watcher`."""
        self._wipe()
        self._lively = False

    def _left(self) -> str:
        """Time left, from what runs of the same model took, or else of any; rounded, since it is a guess."""
        every = [seconds for took in self._took.values() for seconds in took]
        remaining = self._total - self._done
        # The first run may have compiled its kernels, which the others do not.
        if len(every) < 2 or remaining <= 0:
            return ""
        usual = statistics.median(every)
        now, ahead = self._clock(), 0.0
        for job, begun in self._running.values():
            ahead += max(0.0, self._usual(job.model, job.phase, usual) - (now - begun))
        known = sum(self._waiting.values())
        ahead += sum(count * self._usual(*of, usual) for of, count in self._waiting.items())
        ahead += max(0, remaining - len(self._running) - known) * usual
        return f"about {roughly(ahead / self._workers)} left"

    def _usual(self, model: str, phase: str, otherwise: float) -> float:
        """Seconds of a run of a model; the lower of two, since the first may have compiled kernels."""
        took = self._took.get((model, phase))
        return statistics.median_low(took) if took else otherwise

    def _draw(self) -> None:
        if not self._lively or not self._total:
            return
        share = min(1.0, self._done / self._total)
        full = math.floor(share * _WIDTH)
        now = ", ".join(_name(job) for job, _ in list(self._running.values())[:3])
        more = f" +{len(self._running) - 3}" if len(self._running) > 3 else ""
        text = f"[{'#' * full}{'.' * (_WIDTH - full)}] {self._done}/{self._total} runs  {self._left()}  {now}{more}"
        width = max(20, shutil.get_terminal_size().columns - 1)
        self._write(f"\r\x1b[2K{text[:width]}")
        self._drawn = True

    def _wipe(self) -> None:
        if self._drawn:
            self._write("\r\x1b[2K")
            self._drawn = False


def roughly(seconds: float) -> str:
    """A guessed time: to five seconds, to a minute, or to five.

    Example:
        >>> roughly(3), roughly(42), roughly(200), roughly(1000)
        ('5 s', '45 s', '4 min', '20 min')
    """
    if seconds < 57.5:
        return f"{max(5, 5 * math.ceil(seconds / 5 - 0.01))} s"
    step = 1 if seconds < 600 else 5
    return f"{step * math.ceil(seconds / (60 * step) - 0.01)} min"


def _name(job: Job) -> str:
    return f"{job.model} {'seed' if job.phase == 'final' else 'trial'} {job.number}"


def _figure(outcome: RunOutcome | None, metric: str) -> str:
    if outcome is None:
        return "done"
    found = outcome.run.metrics if outcome.job.phase == "final" else outcome.run.val_metrics
    where = "" if outcome.job.phase == "final" else " on validation"
    return f"{metric} {found[metric]:.4g}{where}" if metric in found else "done"


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
