"""What was to be reached, set before it was measured, and what a report reached."""

from dataclasses import dataclass
from statistics import median
from typing import Literal

from caudal.bench.records import LSTM, OURS, PEER, KernelReport, Measurement, spread

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
