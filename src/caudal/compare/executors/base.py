"""The one interface of executors, and the door that opens one by name."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from caudal.errors import InputError

Tell = Callable[[Any, tuple[Any, ...]], None]
Function = Callable[[Any, Any, Callable[..., None]], Any]
_OWNER = "open_executor"


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


def open_executor(name: str = "local", workers: int | None = None) -> Executor:
    """An executor by name.

    Arguments:
        name: `"local"` (processes of this machine), `"inline"` (this process, one after another), `"ray"` (a Ray
            cluster started here), or `"ray:ADDRESS"` (one that runs: `auto`, `host:port`, `ray://host:port`).
        workers: jobs at once; None takes one per core, or what the cluster has.

    Raises:
        InputError: the name is unknown or the number is below 1.
        MissingExtraError: Ray is not installed.

    Example:
        >>> with open_executor("inline") as executor:
        ...     [done.outcome for done in executor.map(lambda job, shared, progress: job + shared, 10, [1, 2])]
        [11, 12]
    """
    if workers is not None and workers < 1:
        raise InputError(_OWNER, "workers", f"is {workers}; expected at least 1", "Leave it out for one per core.")
    kind, _, address = name.partition(":")
    if kind == "inline" and not address:
        from caudal.compare.executors.inline import Inline

        return Inline()
    if kind == "local" and not address:
        from caudal.compare.executors.local import Local

        return Local(workers or cores())
    if kind == "ray":
        from caudal.compare.executors.ray import Cluster

        return Cluster(address, workers)
    raise InputError(_OWNER, "name", f"is {name!r}; expected local, inline, ray or ray:ADDRESS", "Name one of them.")


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
