"""The one interface of executors, and the one that runs in this process: for tests and for debuggers."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol

Tell = Callable[[Any, tuple[Any, ...]], None]
Function = Callable[[Any, Any, Callable[..., None]], Any]


OUT_OF_TIME = "the time of the study was over"


class OutOfTimeError(BaseException):
    """Ends a run in this process when the time is over; no run keeps it for a failure of its own."""


@dataclass(frozen=True, eq=False)
class Done:
    """One job that has ended.

    Attributes:
        job: what was asked.
        outcome: what the function returned, or None where it failed.
        error: why there is no outcome, or `""`.
        lost: the process that ran the job died, so that trying again later may well succeed.
    """

    job: Any
    outcome: Any = None
    error: str = ""
    lost: bool = False


class Executor(AbstractContextManager["Executor"], Protocol):
    """Runs jobs; leaving its `with` block ends everything that it started.

    Attributes:
        workers: how many jobs run at once.
        until: when jobs under way are given up, by `time.monotonic`; None never. Set by whoever hands out jobs.
    """

    workers: int
    until: float | None

    def map(
        self, function: Function, shared: object, jobs: Iterable[object], tell: Tell | None = None
    ) -> Iterator[Done]:
        """Run `function(job, shared, progress)` for each job.

        Arguments:
            function: importable by its name, since other processes import it.
            shared: handed to every call, sent to each worker once.
            jobs: taken one at a time, each when a worker is free.
            tell: called with the job and what its run passed to `progress`, where the executor carries that.

        Returns:
            the jobs as they end. One that fails or whose process dies does not touch the others.
        """
        ...


class Inline:
    """The executor without processes.

    Attributes:
        workers: 1.
        until: when a job is given up at the next word of its progress.
    """

    workers = 1
    until: float | None = None

    def __enter__(self) -> "Inline":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing was started, so nothing ends."""

    def map(
        self, function: Function, shared: object, jobs: Iterable[object], tell: Tell | None = None
    ) -> Iterator[Done]:
        """Run each job in turn; see `Executor.map`."""

        def progress(job: object, *words: object) -> None:
            if self.until is not None and time.monotonic() >= self.until:
                raise OutOfTimeError
            if tell is not None:
                tell(job, words)

        for job in jobs:
            try:
                outcome = function(job, shared, partial(progress, job))
            except OutOfTimeError:
                yield Done(job, error=OUT_OF_TIME, lost=True)
            except Exception as error:
                yield Done(job, error=words_of(error))
            else:
                yield Done(job, outcome)


def words_of(error: BaseException) -> str:
    """An error as one line: kind and sentence."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
