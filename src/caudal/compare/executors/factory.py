"""An executor by its name."""

import os

from caudal.compare.executors.base import Executor, Inline
from caudal.compare.executors.local import Local
from caudal.compare.executors.ray import Cluster
from caudal.errors import InputError

_OWNER = "open_executor"


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
        return Inline()
    if kind == "local" and not address:
        return Local(workers or cores())
    if kind == "ray":
        return Cluster(address, workers)
    raise InputError(_OWNER, "name", f"is {name!r}; expected local, inline, ray or ray:ADDRESS", "Name one of them.")


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
