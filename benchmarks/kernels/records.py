"""What a benchmark leaves behind: frozen records with raw values; units stand in the names.

`_s` is seconds, `_bytes` bytes, `_per_s` a rate. `wall_s` is time on the clock, `cpu_s` processor time of the whole
process, all threads together. Every value is per call.
"""

from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple

from caudal.testing.backends import Check as Check

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
        rows: names of the rows; see `benchmarks.kernels.ROWS`.
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
    """A whole run of `python -m benchmarks kernels`; a red gate leaves everything after it empty.

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


Kind = Literal["ratio", "memory", "step", "threads"]


@dataclass(frozen=True)
class Goal:
    """A goal of the kernels: which row, work and length, and the value to reach.

    Attributes:
        title: in words.
        kind: `"ratio"` of processor time on one thread, `"memory"` ratio, `"step"` in microseconds (less is better),
            or `"threads"`, the gain of two threads over one on the clock.
        rows: rows that must all reach it; the worst one counts.
        other: whom it is compared with.
        work: `"forward"` or `"train"`.
        time: time steps.
        must: least that counts; None where there is only a goal.
        goal: what was aimed at.
    """

    title: str
    kind: Kind
    rows: tuple[str, ...]
    other: str
    work: str
    time: int
    must: float | None
    goal: float

    def show(self, value: float) -> str:
        """A value in the unit of the goal."""
        if self.kind == "step":
            return f"{value:.1f} us"
        return f"{value:.0f}x" if value >= 100 else f"{value:.3g}x"

    def verdict(self, value: float | None) -> str:
        """`goal`, `must`, `missed`, or nothing when it was not measured."""
        if value is None:
            return ""
        sign = -1 if self.kind == "step" else 1
        if sign * value >= sign * self.goal:
            return "goal"
        return "must" if self.must is not None and sign * value >= sign * self.must else "missed"


POLICIES = ("ncp32", "ncp64")
LTCS = ("ncp19", "ncp32", "ncp64", "fc32")
# ncps would keep some 20 GB for 64 units at that length.
KEPT = ("ncp19", "ncp32", "fc32")
GOALS = (
    Goal("LTC FC 32 forward, against ncps", "ratio", ("fc32",), PEER, "forward", 100, 5, 8),
    Goal("LTC FC 32 forward and backward, against ncps", "ratio", ("fc32",), PEER, "train", 100, 6, 10),
    Goal("LTC NCP 32 and NCP 64 forward, against ncps", "ratio", POLICIES, PEER, "forward", 100, 15, 35),
    Goal("LTC NCP 64 forward and backward, against ncps", "ratio", ("ncp64",), PEER, "train", 100, 30, 60),
    Goal("LTC memory kept at 1,000 steps, against ncps", "memory", KEPT, PEER, "train", 1000, 50, 100),
    Goal("CfC 64 forward, against ncps", "ratio", ("cfc64",), PEER, "forward", 100, 2.5, 5),
    Goal("CfC 64 forward and backward, against ncps", "ratio", ("cfc64",), PEER, "train", 100, 2, 4),
    Goal("CfC 64 forward, against nn.LSTM 64", "ratio", ("cfc64",), LSTM, "forward", 100, 0.45, 0.8),
    Goal("LTC NCP forward, against nn.LSTM of its size", "ratio", POLICIES, LSTM, "forward", 100, 0.4, 0.8),
    Goal("LTC NCP forward and backward, against nn.LSTM", "ratio", POLICIES, LSTM, "train", 100, None, 1.0),
    Goal("LTC one step at batch 1, public API", "step", LTCS, OURS, "step", 1, 50, 10),
    Goal("Two threads over one, NCP 64 and CfC 256", "threads", ("ncp64", "cfc256"), OURS, "train", 1000, None, 1.7),
)


def reached(goal: Goal, report: KernelReport) -> float | None:
    """The value of the worst row of a goal, None unless every row was measured.

    Example:
        >>> import dataclasses
        >>> GOALS[0].verdict(9.0), GOALS[0].verdict(6.0), GOALS[0].verdict(1.0)
        ('goal', 'must', 'missed')
    """
    values = [_value(goal, row, report) for row in goal.rows]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return max(known) if goal.kind == "step" else min(known)


def _value(goal: Goal, row: str, report: KernelReport) -> float | None:
    if goal.kind == "memory":
        sizes = {k.subject: k.kept_bytes for k in report.memory if (k.row, k.time) == (row, goal.time)}
        return sizes[goal.other] / sizes[OURS] if sizes.keys() >= {goal.other, OURS} else None
    single = _find(report, row, goal.work, goal.time, 1)
    ours = None if single is None else single.timing(OURS)
    if single is None or ours is None:
        return None
    if goal.kind == "step":
        return 1e6 * median(ours.wall_s)
    if goal.kind == "ratio":
        ratio = single.ratio(goal.other, "cpu")
        return None if ratio is None else ratio.median
    two = _find(report, row, goal.work, goal.time, 2)
    both = None if two is None else two.timing(OURS)
    return None if both is None else spread(ours.wall_s).median / spread(both.wall_s).median


def _find(report: KernelReport, row: str, work: str, time: int, threads: int) -> Measurement | None:
    place = (row, work, time, threads)
    return next((m for m in report.measurements if (m.row, m.work, m.time, m.threads) == place), None)
