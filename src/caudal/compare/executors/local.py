"""Processes of this machine: one thread each, started afresh, replaced when one dies; and executors by name."""

import contextlib
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Any

from caudal.compare.executors.base import OUT_OF_TIME, Done, Executor, Function, Inline, Tell, words_of
from caudal.compare.executors.ray import Cluster
from caudal.errors import InputError
from caudal.extras import need

_SIZE = struct.Struct("<Q")


def send(stream: IO[bytes], value: object) -> None:
    """Write one value: its size in 8 bytes, then its pickle.

    Raises:
        OSError: the other end has gone.
    """
    # By import path where there is one; what was typed at a prompt or in a script that runs travels by value.
    data = need("compare", "cloudpickle").dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_SIZE.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one value.

    Raises:
        EOFError: the other end has gone.
    """
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    size = _SIZE.unpack(head)[0]
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def main() -> None:
    """Serve jobs until the input ends: first `(function, shared)`, then one job at a time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a run prints must not mix with its outcome
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, inbox), daemon=True).start()
    lock = threading.Lock()

    def answer(kind: str, value: object) -> None:
        with lock:
            send(answers, (kind, value))

    function, shared = inbox.get()
    while True:
        job = inbox.get()
        try:
            answer("done", function(job, shared, lambda *words: answer("progress", words)))
        except Exception as error:
            answer("error", words_of(error))


def _listen(stream: IO[bytes], inbox: "SimpleQueue[Any]") -> None:
    try:
        while True:
            inbox.put(receive(stream))
    except EOFError:
        os._exit(0)
    except BaseException as error:
        print(f"cannot read what to do: {words_of(error)}", file=sys.stderr, flush=True)
        os._exit(1)


_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from caudal.compare.executors.local import main; main()"
)
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_ATTEMPTS = 2
Message = tuple["_Worker", str, Any]


class Local:
    """Worker processes that stay between calls of `map` as long as function and shared value stay the same.

    A worker that dies is replaced, and its job is tried once more.

    Attributes:
        workers: how many processes.
        until: when jobs under way are given up, by `time.monotonic`; None never.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.until: float | None = None
        self._bound: tuple[Function, object] | None = None
        self._crew: list[_Worker] = []
        self._inbox: SimpleQueue[Message] = SimpleQueue()

    def __enter__(self) -> "Local":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every worker."""
        self._dismiss()

    def map(
        self, function: Function, shared: object, jobs: Iterable[object], tell: Tell | None = None
    ) -> Iterator[Done]:
        """Run the jobs; see `Executor.map`."""
        if self._bound is None or self._bound[0] is not function or self._bound[1] is not shared:
            self._dismiss()
            self._bound = (function, shared)
        waiting, finished = iter(jobs), False
        try:
            while True:
                while not finished and (worker := self._idle()) is not None:
                    try:
                        worker.begin(next(waiting))
                    except StopIteration:
                        finished = True
                if finished and not any(worker.busy for worker in self._crew):
                    return
                if self.until is not None and time.monotonic() >= self.until:
                    late = [worker.job for worker in self._crew if worker.busy]
                    self._dismiss()
                    yield from (Done(job, error=OUT_OF_TIME, lost=True) for job in late)
                    return
                if (done := self._next(tell)) is not None:
                    yield done
        except BaseException:
            self._dismiss()
            raise

    def _idle(self) -> "_Worker | None":
        free = next((worker for worker in self._crew if not worker.busy), None)
        if free is None and len(self._crew) < self.workers:
            free = self._hire()
        return free

    def _hire(self) -> "_Worker":
        worker = _Worker(self._inbox)
        self._crew.append(worker)
        worker.send(self._bound)
        return worker

    def _next(self, tell: Tell | None) -> Done | None:
        try:
            worker, kind, value = self._inbox.get(timeout=1.0)
        except Empty:  # wakes the main thread now and then, so that Ctrl-C is heard on every system
            return None
        if worker not in self._crew:
            return None
        if kind == "progress":
            if tell is not None:
                tell(worker.job, value)
            return None
        job = worker.job
        if kind == "gone":
            return self._replace(worker)
        worker.busy = False
        return Done(job, value) if kind == "done" else Done(job, error=value)

    def _replace(self, worker: "_Worker") -> Done | None:
        self._crew.remove(worker)
        why = worker.end()
        if not worker.busy:
            return None
        if worker.attempts < _ATTEMPTS:
            self._hire().begin(worker.job, worker.attempts + 1)
            return None
        return Done(worker.job, error=f"its process ended twice: {why}", lost=True)

    def _dismiss(self) -> None:
        for worker in self._crew:
            worker.process.kill()
        for worker in self._crew:
            worker.end()
        self._crew, self._bound = [], None


class _Worker:
    """One process, and the thread that listens to it."""

    def __init__(self, inbox: "SimpleQueue[Message]") -> None:
        self.job: Any = None
        self.busy = False
        self.attempts = 0
        self._inbox = inbox
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `end`
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps([os.path.abspath(place) for place in sys.path])],  # noqa: PTH100
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, **dict.fromkeys(_THREADS, "1")},
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self, job: object, attempt: int = 1) -> None:
        """Hand over a job."""
        self.job, self.busy, self.attempts = job, True, attempt
        self.send(job)

    def end(self) -> str:
        """Wait for the process, free what it held, and say why it ended."""
        code = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with self._said as channel:
            channel.seek(0)
            lines = channel.read().decode(errors="replace").strip().splitlines()
        last = f"; it last said: {lines[-1]}" if lines else ""
        return (f"signal {-code} (memory may have run out)" if code < 0 else f"exit code {code}") + last

    def send(self, value: object) -> None:
        """Write a value to the process."""
        if self.process.stdin is None:
            return
        # The listener tells of a process that has gone.
        with contextlib.suppress(BrokenPipeError):
            send(self.process.stdin, value)

    def _listen(self) -> None:
        stream = self.process.stdout
        try:
            while stream is not None:
                kind, value = receive(stream)
                self._inbox.put((self, kind, value))
        except (EOFError, OSError, ValueError):
            self._inbox.put((self, "gone", None))


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
