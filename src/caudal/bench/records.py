"""What a benchmark leaves behind: frozen records with raw values; units stand in the names.

`_s` is seconds, `_bytes` bytes, `_per_s` a rate. `wall_s` is time on the clock, `cpu_s` processor time of the whole
process, all threads together. Every value is per call.
"""

from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple

SCHEMA = 1
Work = Literal["forward", "train", "step"]
Clock = Literal["cpu", "wall"]
OURS, PEER, LSTM, GRU = "caudal", "ncps", "LSTM", "GRU"
SUBJECTS = (OURS, PEER, LSTM, GRU)


class Spread(NamedTuple):
    """Smallest, middle and largest of some repetitions."""

    low: float
    median: float
    high: float


def spread(values: tuple[float, ...]) -> Spread:
    """Smallest, middle and largest value.

    Example:
        >>> spread((3.0, 1.0, 2.0))
        Spread(low=1.0, median=2.0, high=3.0)
    """
    return Spread(min(values), median(values), max(values))


@dataclass(frozen=True)
class Machine:
    """Where it was measured; neither host nor user is named.

    Attributes:
        cpu: model of the processor.
        cores: processors this process may use.
        caches: size of each cache, as the system states it.
        memory_bytes: main memory, None when unknown.
        system: operating system and kernel.
        load: processes that ran in the minute before, on average; None when unknown.
    """

    cpu: str
    cores: int
    caches: tuple[str, ...]
    memory_bytes: int | None
    system: str
    load: float | None


@dataclass(frozen=True)
class Versions:
    """Versions of what took part; None for what is not installed.

    Attributes:
        caudal: this package.
        commit: git commit of its sources, with `+` where files were changed since; None outside of a checkout.
        python: interpreter.
        torch: PyTorch.
        numba: compiler of the kernels.
        ncps: the peer.
    """

    caudal: str
    commit: str | None
    python: str
    torch: str
    numba: str | None
    ncps: str | None


@dataclass(frozen=True)
class Settings:
    """What is measured and for how long.

    Attributes:
        rows: names of the rows; see `caudal.bench.ROWS`.
        growth: whether growth curves are measured too.
        lengths: numbers of time steps, increasing.
        threads: numbers of threads.
        batch: series per call.
        inputs: inputs of every model.
        repetitions: most repetitions of one measurement.
        sample_s: shortest time of one repetition; short calls are repeated within it.
        task_s: time that all repetitions of one measurement may take.
        skip_s: a call expected to take longer is left out, with this reason.
        skip_bytes: a training call expected to keep more memory is left out, with this reason.
    """

    rows: tuple[str, ...]
    growth: bool = True
    lengths: tuple[int, ...] = (100, 1000, 10000)
    threads: tuple[int, ...] = (1, 2)
    batch: int = 64
    inputs: int = 16
    repetitions: int = 15
    sample_s: float = 0.02
    task_s: float = 8.0
    skip_s: float = 6.0
    skip_bytes: int = 4 * 2**30


@dataclass(frozen=True)
class Check:
    """One line of the correctness gate.

    Attributes:
        subject: layer and shape.
        recurrence: its recurrence.
        backend: the backend held against the reference.
        status: `"equal"`, `"red"` (differs, or failed) or `"refused"` (cannot run here).
        detail: largest differences, or the reason.
    """

    subject: str
    recurrence: str
    backend: str
    status: Literal["equal", "red", "refused"]
    detail: str


@dataclass(frozen=True)
class Peak:
    """What the machine reached in this run, in loops that do nothing else.

    Attributes:
        threads: number of threads.
        flop_per_s: float32 matrix product.
        synapses_per_s: sigmoid synapses (a sigmoid and its three multiply-adds); None without numba.
    """

    threads: int
    flop_per_s: float
    synapses_per_s: float | None


@dataclass(frozen=True)
class Timing:
    """Raw times of one subject; the n-th values of two subjects were taken one after the other.

    Attributes:
        subject: `"caudal"`, `"ncps"`, `"LSTM"` or `"GRU"`; in growth curves the name of the model.
        calls: calls per repetition; values are divided by it.
        wall_s: seconds on the clock per call, one value per repetition.
        cpu_s: processor seconds per call, one value per repetition.
    """

    subject: str
    calls: int
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]

    def values(self, clock: Clock) -> tuple[float, ...]:
        """Seconds per call of every repetition."""
        return self.cpu_s if clock == "cpu" else self.wall_s


@dataclass(frozen=True)
class Skip:
    """A subject that was not measured, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Measurement:
    """One row at one length, work and number of threads.

    Attributes:
        row: name of the row.
        work: `"forward"` (no gradients), `"train"` (forward and backward) or `"step"` (one step at batch 1).
        time: time steps.
        batch: series.
        threads: number of threads.
        timings: what was measured, interleaved.
        skipped: what was not.
        floor_s: counted operations of ours over the measured peak; None when unknown.
    """

    row: str
    work: Work
    time: int
    batch: int
    threads: int
    timings: tuple[Timing, ...]
    skipped: tuple[Skip, ...]
    floor_s: float | None

    def timing(self, subject: str) -> Timing | None:
        """The times of a subject, None when it was not measured."""
        return next((timing for timing in self.timings if timing.subject == subject), None)

    def ratio(self, subject: str, clock: Clock) -> Spread | None:
        """How many times longer a subject took than caudal, repetition by repetition; None when not measured."""
        ours, other = self.timing(OURS), self.timing(subject)
        if ours is None or other is None:
            return None
        pairs = zip(other.values(clock), ours.values(clock), strict=True)
        return spread(tuple(theirs / mine for theirs, mine in pairs))


@dataclass(frozen=True)
class Kept:
    """Memory that a forward pass keeps for its backward pass, beyond parameters and input.

    Attributes:
        row: name of the row.
        time: time steps.
        batch: series.
        subject: whose.
        kept_bytes: bytes of distinct storages.
    """

    row: str
    time: int
    batch: int
    subject: str
    kept_bytes: int


@dataclass(frozen=True)
class Point:
    """One point of a growth curve, one thread.

    Attributes:
        axis: what grows: `"time"`, `"batch"`, `"units"` or `"synapses"`.
        model: whose curve.
        at: value on the axis.
        work: `"forward"` or `"train"`.
        timing: raw times.
    """

    axis: str
    model: str
    at: int
    work: Work
    timing: Timing


@dataclass(frozen=True)
class KernelReport:
    """A whole run of `caudal bench kernels`; a red gate leaves everything after it empty.

    Attributes:
        schema: version of this form.
        date: day of the run, ISO.
        machine: where.
        versions: of what.
        settings: how.
        gate: correctness, checked first.
        peaks: measured peak per number of threads.
        measurements: times.
        memory: bytes kept for backward.
        growth: how cost grows.
    """

    schema: int
    date: str
    machine: Machine
    versions: Versions
    settings: Settings
    gate: tuple[Check, ...]
    peaks: tuple[Peak, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    memory: tuple[Kept, ...] = ()
    growth: tuple[Point, ...] = ()

    @property
    def is_green(self) -> bool:
        """Whether every backend that ran equals the reference."""
        return all(check.status != "red" for check in self.gate)
