"""The one interface of executors."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Tell = Callable[[Any, tuple[Any, ...]], None]
Function = Callable[[Any, Any, Callable[..., None]], Any]


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
    """

    workers: int

    def map(self, function: Function, shared: Any, jobs: Iterable[Any], tell: Tell | None = None) -> Iterator[Done]:
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
