"""Runs in this process, one after another: for tests and for debuggers."""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from caudal.compare.executors.base import Done, Function, Tell


class Inline:
    """The executor without processes.

    Attributes:
        workers: 1.
    """

    workers = 1

    def __enter__(self) -> "Inline":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing was started, so nothing ends."""

    def map(self, function: Function, shared: Any, jobs: Iterable[Any], tell: Tell | None = None) -> Iterator[Done]:
        """Run each job in turn; see `Executor.map`."""
        for job in jobs:
            try:
                outcome = function(job, shared, lambda *words, job=job: tell(job, words) if tell else None)
            except Exception as error:
                yield Done(job, error=words_of(error))
            else:
                yield Done(job, outcome)


def words_of(error: BaseException) -> str:
    """An error as one line: kind and sentence."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
