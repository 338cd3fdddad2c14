"""Runs jobs through an executor, storing each as it ends, beside other processes that do the same."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType

import numpy as np

from caudal.compare.contenders.registry import entry_of
from caudal.compare.executors import OUT_OF_TIME, Done, Executor
from caudal.compare.job import Job, Parts, RunOutcome
from caudal.compare.progress import Watcher
from caudal.compare.record import Contender, Run
from caudal.compare.store import EXPIRY, Store
from caudal.errors import CaudalError

Runner = Callable[[Job, Parts, Callable[..., None]], RunOutcome]
_PAUSE = 1.0


class JobCrew:
    """Whoever runs the jobs of one study.

    Arguments:
        store: of finished runs.
        executor: where they run.
        runner: does one run.
        parts: the series, divided.
        watcher: is told.
        metric: that the watcher names.
        until: when runs end, by `time.monotonic`: what is under way then is given up; None without a limit.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        runner: Runner,
        parts: Parts,
        watcher: Watcher,
        metric: str,
        until: float | None = None,
    ) -> None:
        self._store, self._executor = store, executor
        self._runner, self._parts = runner, parts
        self._watcher, self._metric = watcher, metric
        self._lost: dict[str, RunOutcome] = {}
        self._until = until
        executor.until = until
        self._over = threading.Event()
        self._pulse = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "JobCrew":
        self._pulse.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the heartbeat."""
        self._over.set()
        self._pulse.join()

    def run(self, jobs: Sequence[Job]) -> list[RunOutcome]:
        """The outcomes of the jobs, in order: stored ones as they are, the others run here or awaited from elsewhere.

        A run whose process dies again and again is a failed outcome of this time only: it is not stored, and the next
        time it is tried anew.
        """
        while not self._is_over and (missing := self._open(jobs)):
            before = len(missing)
            for done in self._executor.map(self._runner, self._parts, self._claimed(missing), self._watcher.inside):
                self._keep(done)
            if not self._is_over and len(self._open(missing)) == before:
                time.sleep(_PAUSE)  # another process has what is left
        unfinished = {job.key for job in self._store.missing(jobs)} if self._is_over else set()
        late = {key: failed(job, OUT_OF_TIME) for job in jobs if (key := job.key) in unfinished}
        return [self._lost.get(job.key) or late.get(job.key) or self._stored(job) for job in jobs]

    def _open(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the jobs that have no outcome yet."""
        return [job for job in self._store.missing(jobs) if job.key not in self._lost]

    @property
    def _is_over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _claimed(self, jobs: Sequence[Job]) -> Iterator[Job]:
        for job in jobs:
            if self._is_over:
                return
            if self._store.claim(job.key):
                self._watcher.begun(job)
                yield job

    def _keep(self, done: Done) -> None:
        outcome: RunOutcome = done.outcome if done.outcome is not None else failed(done.job, done.error)
        if done.lost:
            self._lost[done.job.key] = outcome
            self._store.release(done.job.key)
        else:
            self._store.put(outcome)
        self._watcher.ended(done.job, outcome, "", self._metric)

    def _stored(self, job: Job) -> RunOutcome:
        found = self._store.get(job)
        if found is None:
            raise CaudalError(f"compare: a run of {job.model} has left the store. Run the same command again.")
        return found

    def _beat(self) -> None:
        while not self._over.wait(EXPIRY / 4):
            with suppress(CaudalError):  # the next write will say it
                self._store.beat()


def failed(job: Job, why: str) -> RunOutcome:
    """The outcome of a run that gave none."""
    entry = job.guest or entry_of(job.model)
    contender = Contender(
        entry.name,
        entry.label,
        entry.family,
        entry.summary,
        dict(job.settings),
        uses_dt=entry.uses_dt,
        macs_per_step=0.0,
        transcendentals_per_step=0.0,
        fit_seconds=0.0,
        kind=entry.kind,
        units=0,
        parameters=0,
        live_parameters=0,
        synapses=None,
    )
    run = Run(job.model, job.seed, {}, {}, 0, 0.0, failed=why)
    return RunOutcome(job, run, contender, np.zeros((0, 0), np.float32), np.zeros(0, np.int64), np.zeros(0))
