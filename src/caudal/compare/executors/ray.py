"""A Ray cluster: runs as tasks with retries, the data put into its store once."""

import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from caudal.compare.executors.base import OUT_OF_TIME, Done, Function, Tell, words_of
from caudal.errors import InputError
from caudal.extras import need

_RETRIES = 3


class Cluster:
    """Runs on a Ray cluster; a task whose machine or process dies is tried again elsewhere.

    Arguments:
        address: of a cluster that runs, or `""` to start one on this machine.
        workers: tasks at once; None takes one per processor of the cluster.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: no cluster answers at the address.
    """

    def __init__(self, address: str = "", workers: int | None = None) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray = self._ray = need("open_executor", "ray")
        self._started = not ray.is_initialized()
        if self._started:
            self._connect(address, workers)
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self.until: float | None = None
        self._bound: tuple[object, object] | None = None

    def _connect(self, address: str, workers: int | None) -> None:
        quiet: dict[str, object] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        # Tasks find the user's own modules where this process does; what is installed, each machine has itself.
        folders = [str(Path(place).resolve()) for place in sys.path if not _is_installed(place)]
        quiet["runtime_env"] = {"env_vars": {"PYTHONPATH": os.pathsep.join(folders)}}
        try:
            if address:
                _knock(address)
                self._ray.init(address=address, **quiet)
            else:
                self._ray.init(num_cpus=workers, include_dashboard=False, **quiet)
        except (OSError, ValueError, RuntimeError, self._ray.exceptions.RayError) as error:
            fault = f"names a Ray cluster that does not answer: {address or 'local'} ({words_of(error)})"
            raise InputError("open_executor", "name", fault, "Start one with `ray start --head`.") from error

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the cluster, and end it where it was started here."""
        self._bound = None
        if self._started and self._ray.is_initialized():
            self._ray.shutdown()

    def map(
        self, function: Function, shared: object, jobs: Iterable[object], tell: Tell | None = None
    ) -> Iterator[Done]:
        """Run the jobs as tasks; see `Executor.map`. Progress from within a run is not carried."""
        ray = self._ray
        if self._bound is None or self._bound[0] is not shared:
            self._bound = (shared, ray.put(shared))
        stored = self._bound[1]
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_one)
        waiting, finished = iter(jobs), False
        running: dict[object, object] = {}
        try:
            while True:
                while not finished and len(running) < self.workers:
                    try:
                        job = next(waiting)
                    except StopIteration:
                        finished = True
                    else:
                        running[task.remote(function, job, stored)] = job
                if not running:
                    return
                if self.until is not None and time.monotonic() >= self.until:
                    yield from (Done(job, error=OUT_OF_TIME, lost=True) for job in running.values())
                    return
                ready, _ = ray.wait(list(running), num_returns=1, timeout=1.0)
                for reference in ready:
                    yield self._done(running.pop(reference), reference)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _done(self, job: object, reference: object) -> Done:
        errors = self._ray.exceptions
        try:
            outcome, fault = self._ray.get(reference)
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError, errors.ObjectLostError) as e:
            return Done(job, error=f"its process ended {_RETRIES + 1} times: {words_of(e)}", lost=True)
        except errors.RayError as error:
            return Done(job, error=words_of(error), lost=True)
        return Done(job, outcome, fault)


def _knock(address: str) -> None:
    """See whether anybody listens; Ray itself would try for two minutes.

    Raises:
        OSError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _is_installed(place: str) -> bool:
    return any(place.startswith(prefix) for prefix in (sys.prefix, sys.base_prefix)) if place else False


def _one(function: Function, job: object, shared: object) -> tuple[Any, str]:
    try:
        return function(job, shared, _silent), ""
    except Exception as error:
        return None, words_of(error)


def _silent(*words: object) -> None:
    """A task tells nothing before its end."""
