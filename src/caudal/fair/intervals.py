"""Group metrics and gaps with 95 % intervals, intersections included.

A difference of two groups is joined from their two intervals by the method of variance estimates recovery (Zou and
Donner, Statistics in Medicine 27 (2008) 1693-1702; for shares it is Newcombe's, Statistics in Medicine 17 (1998)
873-890).

A gap is the largest less the smallest of several groups, and is never below 0: where groups are alike it lies above 0
by chance, and so do its bootstrap draws, whose percentiles would never reach 0. So a gap is told with what chance alone
would give (`chance`, and `chance_95`, which it would exceed once in 20 times): were the groups alike they would share
one rate, that of all together, and rates of single answers would be those of a random division of the same answers
(multivariate hypergeometric, as in Fisher's exact test); clustered answers and numbers are drawn from the normal
distribution with the variance of all together. The interval of a gap is made of the intervals of the differences of all
pairs. The true gap is at most the largest upper end over the pairs; and at least the largest lower end, each taken so
far down that, of those pairs that may be the largest, none misses more often than it should (the selection of moments
of Andrews and Soares, Econometrica 78 (2010) 119-157). It holds the truth at least 95 times in 100: for two groups 95
to 98, for more up to 100, since nobody knows which pair is truly the largest. A difference of two named groups has no
such slack. `python -m benchmarks coverage` simulates how often these intervals hold the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError
from caudal.fair.answers import Answers
from caudal.fair.estimate import DRAWS, LEVEL, Estimate, estimates, normal
from caudal.fair.groups import Groups
from caudal.fair.metrics import GAPS, check_alike, gaps_of, metrics_of
from caudal.intervals import Interval

METHOD = "bootstrap clustered by series"
_JOINT = 2000
_WIDE = 0.99


@dataclass(frozen=True)
class GroupRate:
    """A metric of one group.

    Attributes:
        group: by name.
        metric: by name.
        count: answers that it stands on: of a share found, those for whom yes is true; of an AUROC, the rarer class.
        value: with its interval; None where it is not defined, or kept back since it would lay bare persons.
        few: whether it stands on fewer than 30 answers, or those of fewer than 10 people: it counts in no gap.
        people: whose answers these are.
    """

    group: str
    metric: str
    count: int
    value: Interval | None
    few: bool
    people: int = 0


@dataclass(frozen=True)
class Gap:
    """The largest less the smallest value over the groups.

    Attributes:
        name: of the gap, one of `rates.GAPS`.
        metric: where it is largest.
        high, low: groups of the largest and of the smallest value.
        value: with its interval.
        chance: what the gap would be on average if these groups were alike.
        left_out: groups that stand on fewer than 30 answers, or on those of fewer than 10 people.
        chance_95: what it would exceed once in 20 times if these groups were alike.
        seeds: the gap of the same model trained from each seed, over the same groups; empty where it was not asked.
    """

    name: str
    metric: str
    high: str
    low: str
    value: Interval
    chance: float
    left_out: tuple[str, ...] = ()
    chance_95: float = 0.0
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class GroupEstimates:
    """Every metric of every group as estimates, from which intervals, differences and gaps are read.

    Attributes:
        groups: names, in order.
        table: metric -> estimate of each group.
        gap_names: gaps that these answers allow.
    """

    groups: tuple[str, ...]
    table: Mapping[str, tuple[Estimate, ...]]
    gap_names: tuple[str, ...]

    def rates(self) -> tuple[GroupRate, ...]:
        """Every metric of every group."""
        return tuple(
            GroupRate(group, metric, estimate.least, _interval(estimate), not estimate.enough, estimate.owners)
            for metric, row in self.table.items()
            for group, estimate in zip(self.groups, row, strict=True)
        )

    def difference(self, metric: str, first: str, second: str) -> Interval | None:
        """A metric of one named group less that of another; None where either is not defined.

        Raises:
            InputError: there is no such metric or group.
        """
        for name, known in (("metric", self.table), ("first", self.groups), ("second", self.groups)):
            asked = {"metric": metric, "first": first, "second": second}[name]
            if asked not in known:
                raise InputError("difference", name, f"is {asked!r}; there are {', '.join(known)}", "Name one of them.")
        estimate, other = (self.table[metric][self.groups.index(name)] for name in (first, second))
        if not _defined(estimate) or not _defined(other):
            return None
        low, high = _apart(estimate, other, LEVEL)
        return Interval(estimate.value - other.value, low, high, LEVEL, METHOD)

    def gap(self, name: str) -> Gap | None:
        """A gap over the groups that stand on 30 answers of 10 people at least; None where these are fewer than two.

        Raises:
            InputError: these answers have no such gap.
        """
        if name not in self.gap_names:
            raise InputError("gap", "name", f"is {name!r}; there are {', '.join(self.gap_names)}", "Name one of them.")
        return _gap(self, name)

    def gaps(self) -> tuple[Gap, ...]:
        """Every gap of `gap_names` that is defined, with its interval."""
        return tuple(gap for gap in map(self.gap, self.gap_names) if gap is not None)


def by_group(answers: Answers, groups: Groups, *, draws: int = DRAWS, seed: int = 0) -> GroupEstimates:
    """Metrics of every group, from which intervals and gaps are read.

    Arguments:
        answers: of a model.
        groups: of the answers.
        draws: of the bootstrap.
        seed: of the draws.

    Raises:
        InputError: answers and groups differ in number, or there are fewer than 100 draws.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.random(400) < 0.5
        >>> decided = truth ^ (rng.random(400) < 0.2)
        >>> metrics = by_group(decisions(truth, decided=decided), Groups.of({"g": [0, 1] * 200}))
        >>> difference = metrics.difference("accuracy", "0", "1")
        >>> round(difference.low, 2), round(difference.value, 3), round(difference.high, 2)
        (-0.07, 0.005, 0.08)
    """
    check_alike(answers, groups)
    if draws < 100:
        raise InputError("by_group", "draws", f"is {draws}; expected at least 100", "Pass 1000, say.")
    table = estimates(answers, groups, metrics_of(answers), draws=draws, seed=seed)
    return GroupEstimates(groups.names, table, gaps_of(answers))


def _interval(estimate: Estimate) -> Interval | None:
    if not np.isfinite(estimate.value):
        return None
    low, high = estimate.ends()
    return Interval(
        estimate.value, float(low), float(high), LEVEL, METHOD if estimate.shape != "none" else "no interval"
    )


def _defined(estimate: Estimate) -> bool:
    return bool(np.isfinite(estimate.value)) and estimate.owners > 1


def _apart(estimate: Estimate, other: Estimate, level: float) -> tuple[float, float]:
    """Ends of the interval of one estimate less another."""
    (low, high), (under, over) = estimate.ends(level), other.ends(level)
    apart = estimate.value - other.value
    below = np.hypot(estimate.value - low, over - other.value)
    above = np.hypot(high - estimate.value, other.value - under)
    return float(apart - below), float(apart + above)


def _gap(metrics: GroupEstimates, name: str) -> Gap | None:
    pairs = [
        (metric, *pair)
        for metric in GAPS[name]
        for pair in combinations([k for k, estimate in enumerate(metrics.table[metric]) if _counts(estimate)], 2)
    ]
    if not pairs:
        return None
    sizes = [abs(_value(metrics, m, i) - _value(metrics, m, j)) for m, i, j in pairs]
    metric, i, j = pairs[int(np.argmax(sizes))]
    if _value(metrics, metric, i) < _value(metrics, metric, j):
        i, j = j, i
    low, high = _bounds(metrics, pairs)
    chance, chance_95 = _by_chance(metrics, pairs)
    left_out = {
        metrics.groups[k] for m in GAPS[name] for k, estimate in enumerate(metrics.table[m]) if not _counts(estimate)
    }
    value = Interval(max(sizes), low, high, LEVEL, METHOD)
    ordered = tuple(group for group in metrics.groups if group in left_out)
    return Gap(name, metric, metrics.groups[i], metrics.groups[j], value, chance, ordered, chance_95)


def _counts(estimate: Estimate) -> bool:
    return _defined(estimate) and estimate.enough


def _value(metrics: GroupEstimates, metric: str, k: int) -> float:
    return metrics.table[metric][k].value


def _bounds(metrics: GroupEstimates, pairs: Sequence[tuple[str, int, int]]) -> tuple[float, float]:
    """Lower and upper end of the largest difference over pairs."""
    wide = [_size(metrics, pair, _WIDE) for pair in pairs]
    floor = max(low for low, _ in wide)
    likely = [pair for pair, (_, high) in zip(pairs, wide, strict=True) if high >= floor]
    level = _joint(metrics, likely)
    low = max(_size(metrics, pair, level)[0] for pair in likely)
    high = max(_size(metrics, pair, LEVEL)[1] for pair in pairs)
    return max(0.0, low), high


def _size(metrics: GroupEstimates, pair: tuple[str, int, int], level: float) -> tuple[float, float]:
    """Ends of the absolute difference of a pair; the lower is below 0 where 0 lies within."""
    metric, i, j = pair
    low, high = _apart(metrics.table[metric][i], metrics.table[metric][j], level)
    return max(low, -high), max(high, -low)


def _joint(metrics: GroupEstimates, pairs: Sequence[tuple[str, int, int]]) -> float:
    """Level at which all pairs together miss 5 times in 100."""
    if len(pairs) < 2:
        return LEVEL
    spots = sorted({(metric, k) for metric, i, j in pairs for k in (i, j)})
    place = {spot: k for k, spot in enumerate(spots)}
    ends = [metrics.table[metric][k].ends() for metric, k in spots]
    errors = np.array([high - low for low, high in ends]) / (2 * normal(LEVEL))
    first = np.array([place[metric, i] for metric, i, _ in pairs])
    second = np.array([place[metric, j] for metric, _, j in pairs])
    drawn = np.random.default_rng(0).normal(size=(_JOINT, len(spots))) * errors
    units = np.hypot(errors[first], errors[second])
    scaled = (np.abs(drawn[:, first] - drawn[:, second]) / np.where(units > 0, units, np.inf)).max(axis=1)
    reach = max(normal(LEVEL), float(np.quantile(scaled, LEVEL)))
    return 2 * NormalDist().cdf(reach) - 1


def _by_chance(metrics: GroupEstimates, pairs: Sequence[tuple[str, int, int]]) -> tuple[float, float]:
    """Mean of the largest difference, and what it exceeds once in 20 times, were all groups alike."""
    rng, largest = np.random.default_rng(0), np.zeros(_JOINT)
    for metric in dict.fromkeys(metric for metric, _, _ in pairs):
        members = sorted({k for name, i, j in pairs if name == metric for k in (i, j)})
        drawn = _drawn_alike([metrics.table[metric][k] for k in members], rng)
        largest = np.maximum(largest, np.ptp(drawn, axis=1))
    return float(largest.mean()), float(np.quantile(largest, LEVEL))


def _drawn_alike(group_estimates: Sequence[Estimate], rng: np.random.Generator) -> NDArray[np.float64]:
    """`(draws, groups)` values of a metric where every group has the rate, or mean, of all together."""
    values = np.array([estimate.value for estimate in group_estimates])
    counts = np.array([estimate.count for estimate in group_estimates])
    people = np.array([estimate.owners for estimate in group_estimates], np.float64)
    if all(estimate.shape == "share" and estimate.sd == 0 for estimate in group_estimates) and (counts == people).all():
        hits = round(float((values * counts).sum()))
        return np.asarray(rng.multivariate_hypergeometric(counts, hits, _JOINT) / counts)
    mean = (values * counts).sum() / counts.sum()
    spreads = np.array([estimate.sd for estimate in group_estimates])
    variance = (people * (spreads**2 * people + (values - mean) ** 2)).sum() / people.sum()
    return np.asarray(rng.normal(size=(_JOINT, len(values))) * np.sqrt(variance / people))
