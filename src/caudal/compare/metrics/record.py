"""Records of the metrics of contenders, each figure with its uncertainty, and of the verdict drawn from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from caudal.intervals import Interval


@dataclass(frozen=True)
class Paired:
    """Two contenders on the same seeds and the same test series.

    Attributes:
        first, second: names; the difference is first minus second, and above 0 where the first is better.
        metric: by name.
        difference: in the unit of the metric, its sign turned so that above 0 is better.
        p_value: of no difference, two-sided, corrected for the number of comparisons.
        test: name of the test.
        verdict: `"better"`, `"worse"`, `"alike"` (the interval lies within the margin) or `"undecided"`.
        margin: difference below which nobody would care, in the unit of the metric.
        question: whose answer it is part of, and over whose comparisons it is corrected: `"worth"` (each model against
            the trivial one), `"need"` (each network against the best model that is none), `"which"` (each against
            the best), `"kinds"` (each liquid one against each traditional one); `""` in records that name none.
        enough: about how many owners of test series would show a difference of this size, four times in five; None
            where it is shown, or where no number would do.
    """

    first: str
    second: str
    metric: str
    difference: Interval
    p_value: float
    test: str
    verdict: str
    margin: float
    question: str = ""
    enough: int | None = None


@dataclass(frozen=True)
class Curve:
    """Primary metric of one contender as the test series are disturbed more and more.

    Attributes:
        model: name of the contender.
        disturbance: kind.
        levels: rising, from 0 (undisturbed); its unit stands in `unit`.
        unit: of the levels, in words.
        values: one interval for each level, over seeds.
        area: mean height of the curve over its levels, by the trapezium rule.
        kept: area over the undisturbed height, in the sense that 1 is nothing lost.
    """

    model: str
    disturbance: str
    levels: tuple[float, ...]
    unit: str
    values: tuple[Interval, ...]
    area: float
    kept: float


@dataclass(frozen=True)
class Calibration:
    """How far the probabilities of one contender can be taken at their word.

    Attributes:
        model: name of the contender.
        error: expected calibration error.
        bins: mean probability, share observed, and number, of each bin that holds any.
    """

    model: str
    error: Interval
    bins: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True)
class GroupScore:
    """Primary metric of one contender within one group, seeds pooled.

    Attributes:
        model: name of the contender.
        attribute, group: for example `"sex"`, `"f"`.
        count: test series of the group.
        positives: those of the positive class; None where there is none.
        score: None where the group is too small or holds one class only.
    """

    model: str
    attribute: str
    group: str
    count: int
    positives: int | None
    score: Interval | None


@dataclass(frozen=True)
class World:
    """What becomes of the recommended contender, and of the order, in a world that is worse in one way.

    Attributes:
        disturbance, level: of the test series.
        before, after: primary metric of the recommended contender on the same series, undisturbed and disturbed.
        leader: the contender that is best then.
        lead: of the leader over the recommended one then, above 0 where it is ahead; over seeds.
        turns: whether the leader is ahead by more than the margin, and was not so before.
    """

    disturbance: str
    level: float
    before: Interval
    after: Interval
    leader: str
    lead: Interval
    turns: bool


@dataclass(frozen=True)
class Verdict:
    """Which to use, as facts; the report turns them into sentences in its language.

    Attributes:
        use: the contender to use.
        reason: `"best"` (the best score), `"preferred"` (within the margin of the best, and preferred by `prefer`) or
            `"trivial is enough"` (no model is ahead of it by what it costs). Older records also hold
            `"most accurate"`, `"smallest of the alike"` and `"best so far"`.
        best: highest mean of the primary metric.
        best_liquid, best_traditional: of each family.
        liquid_against_traditional: the paired comparison of those two.
        liquid_against_trivial: of the best liquid one and the trivial one.
        parameters_ratio: live parameters of the best liquid contender over those of the best traditional one.
        operations_ratio: multiply-adds and transcendentals likewise.
        would_change: codes of what would change the verdict: `"more seeds"`, `"more data"`, `"margin"`,
            `"robustness"`, `"size"`.
        prefer: what decides among models within the margin: `"score"`, `"cheap"`, `"robust"` or `"explainable"`.
        standing: contender -> `"best"`, `"within"` the margin of it, `"worse"`, or `"unknown"`, by its interval.
        worth: the contender to use, or the best one that is not trivial, against the trivial one.
        need: the best network against the best model that is none; None where one of the two is missing.
        best_network, best_simple: names of those two, or `""`.
        worlds: the recommended contender where the data get worse.
    """

    use: str
    reason: str
    best: str
    best_liquid: str
    best_traditional: str
    liquid_against_traditional: Paired
    liquid_against_trivial: Paired | None
    parameters_ratio: float
    operations_ratio: float
    would_change: tuple[str, ...] = ()
    prefer: str = "score"
    standing: Mapping[str, str] = field(default_factory=dict)
    worth: Paired | None = None
    need: Paired | None = None
    best_network: str = ""
    best_simple: str = ""
    worlds: tuple[World, ...] = ()
