"""Uncertainty over seeds and test series together, from bootstrap draws of whole owners (people, or series).

Two parts add up in squares, each by its own quantile (the method of variance estimates recovery; Zou and Donner,
Statistics in Medicine 27 (2008) 1693-1702). The part of owners is the variance, over draws, of the score averaged over
seeds, by Student's quantile with the owners as its count. The part of seeds is what their scores differ by beyond what
so few owners explain (two-way analysis of variance), by Student's quantile with the seeds as its count; from two seeds
that quantile says nothing and the normal one stands in. Where each seed has a test part of its own, as in
cross-validation, the scores share training series, and the correction of Nadeau and Bengio (Machine Learning 52 (2003)
239-281) widens the part of seeds.

Ends stay within what the figure can be: shares by Wilson's interval for as many answers as give the same variance
(JASA 22 (1927) 209-212), errors on a logarithmic scale. Where all draws agree they show no spread, and the owners
themselves are the count: Wilson's, and for a difference that of paired shares (Tango, Statistics in Medicine 17 (1998)
891-908). No p value falls below that of the most extreme permutation that the owners allow. Fewer than five owners have
no interval. `pytest -m slow tests/compare/test_bootstrap.py` checks that the intervals cover.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from caudal.extras import need
from caudal.intervals import Interval
from caudal.typing import Floats

METHOD = "bootstrap over owners of test series, and seeds"
LEVEL = 0.95
# Fewer owners than this have no interval: with four, no order of signs is rarer than one in eight.
FEWEST = 5
# From so few seeds no spread of seeds is told.
FEW_SEEDS = 2
# How much of the skewness of the draws lengthens the open side of an error.
_LEAN = 1 / 3
# Below this a p value says nothing more.
_SMALLEST = 1e-9
# How often a study of `Spread.enough` owners would show the difference.
_POWER = 0.8
_MOST_OWNERS = 1_000_000
# How near that number is found; it is told as about so many.
_NEAR = 1.05


def draw(owners: int, count: int, seed: int = 0) -> Floats:
    """How often each owner is drawn, with replacement: `(draws, owners)`, the same for all contenders, so they pair.

    Arguments:
        owners: number of owners of test series.
        count: draws.
        seed: of the draw.

    Example:
        >>> draw(10, 100).sum(axis=1)[:2].tolist()
        [10.0, 10.0]
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(owners, np.full(owners, 1 / owners), size=count).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Spread:
    """An estimate and its draws.

    Attributes:
        each: `(seeds,)` the estimate of each seed, NaN where it has no run.
        drawn: `(draws, seeds)` the same on drawn owners.
        bounds: the least and the greatest value that the figure can take; equal where it is known without data.
        count: how many owners it stands on.
        owners: the same; where each class weighs alike, the harmonic mean over the owners of each class.
        least: the smallest p value that so many owners allow.
        is_difference: whether 0 means no difference.
        overlap: test series over training series where each seed has a test part of its own, else 0.
    """

    each: Floats
    drawn: Floats
    bounds: tuple[float, float] = (-math.inf, math.inf)
    count: float = math.inf
    owners: float = math.inf
    least: float = 0.0
    is_difference: bool = False
    overlap: float = 0.0

    @property
    def value(self) -> float:
        """The estimate: the mean over seeds that have a run; NaN where none has."""
        there = self.each[np.isfinite(self.each)]
        return float(there.mean()) if len(there) else math.nan

    @property
    def seeds(self) -> int:
        """How many seeds have a run."""
        return int(np.isfinite(self.each).sum())

    @property
    def is_told(self) -> bool:
        """Whether there are owners enough for an interval."""
        return self.seeds > 0 and (self.count >= FEWEST or self.bounds[0] == self.bounds[1])

    def minus(self, other: "Spread") -> "Spread":
        """The paired difference, over the seeds that both have."""
        bounds = (self.bounds[0] - other.bounds[1], self.bounds[1] - other.bounds[0])
        few = min(self.count, other.count), min(self.owners, other.owners), max(self.least, other.least)
        overlap = max(self.overlap, other.overlap)
        return Spread(self.each - other.each, self.drawn - other.drawn, bounds, *few, True, overlap)

    def turned(self) -> "Spread":
        """The same with the other sign."""
        return replace(self, each=-self.each, drawn=-self.drawn, bounds=(-self.bounds[1], -self.bounds[0]))

    def interval(self, level: float = LEVEL) -> Interval:
        """The estimate between the ends of its interval; see `unknown` for what too few owners give.

        Arguments:
            level: of confidence that the ends are for; the record names the usual one, which a correction for several
                comparisons raises.
        """
        value = self.value
        if not self.is_told:
            return unknown(value, f"none: {self.count:.0f} owners of test series", self.bounds)
        below, above = self._reach(1 - level)
        low, high = max(value - below, self.bounds[0]), min(value + above, self.bounds[1])
        if self.is_difference and self.least > 1 - level:
            low, high = min(low, 0.0), max(high, 0.0)
        if self.bounds[0] < self.bounds[1] and low <= self.bounds[0] and self.bounds[1] <= high:
            return unknown(
                value, f"none: {self.count:.0f} owners of test series leave all that is possible", self.bounds
            )
        return Interval(value, min(low, value), max(high, value), LEVEL, f"{METHOD} ({self.seeds} seeds)")

    def p_value(self) -> float:
        """Two-sided, of an estimate of 0: the level at which its interval would just reach 0."""
        if self.value == 0 or not self.is_told:
            return 1.0
        low, high = max(_SMALLEST, min(self.least, 1.0)), 1.0
        if self._towards_zero(low) <= abs(self.value):
            return low
        while high / low > 1 + 1e-6:
            level = (low * high) ** 0.5
            low, high = (level, high) if self._towards_zero(level) > abs(self.value) else (low, level)
        return high

    def enough(self, level: float = 1 - LEVEL) -> int | None:
        """About how many owners would show a difference of this size, four times in five; None where none would.

        Arguments:
            level: that a p value must fall below.
        """
        if self.value == 0 or not np.isfinite(self.value) or math.isinf(self.owners):
            return None
        power = 1 + _normal(2 * (1 - _POWER)) / _normal(level)

        def shows(times: float) -> bool:
            least = min(self.least, least_p(int(times * self.owners)))
            return least <= level and power * self._towards_zero(level, times) <= abs(self.value)

        low = high = max(1.0, FEWEST / max(1.0, self.count))
        while not shows(high):
            low, high = high, 2 * high
            if high * self.count > _MOST_OWNERS:
                return None
        while high / low > _NEAR:
            middle = (low * high) ** 0.5
            low, high = (low, middle) if shows(middle) else (middle, high)
        return math.ceil(high * self.count)

    def _towards_zero(self, level: float, times: float = 1.0) -> float:
        below, above = self._reach(level, times)
        return below if self.value > 0 else above

    @cached_property
    def _variances(self) -> tuple[float, float]:
        """Variance of the estimate from seeds, and from owners."""
        there = np.isfinite(self.each) & np.isfinite(self.drawn).any(axis=0)
        drawn, count = self.drawn[:, there], int(there.sum())
        drawn = drawn[np.isfinite(drawn).any(axis=1)]
        if not len(drawn):
            return 0.0, 0.0
        owners = max(2.0, self.owners)
        unbiased = 1.0 if math.isinf(owners) else owners / (owners - 1)
        of_owners = unbiased * float(np.nanmean(drawn, axis=1).var())
        if count < 2:
            return 0.0, of_owners
        of_one = unbiased * float(np.nanvar(drawn, axis=0).mean())
        between = float(self.each[there].var(ddof=1)) * (1 / count + self.overlap)
        return max(0.0, between - max(0.0, of_one - of_owners) / (count - 1)), of_owners

    @cached_property
    def _agrees(self) -> bool:
        """Whether the draws of owners show no spread."""
        for column in self.drawn[:, np.isfinite(self.each)].T:
            there = column[np.isfinite(column)]
            if len(there) and np.ptp(there) > 1e-12 * max(1.0, float(np.abs(there).max())):
                return False
        return True

    def _reach(self, level: float, times: float = 1.0) -> tuple[float, float]:
        """How far an interval that misses so often reaches below and above, of so many times the owners."""
        seeds, owners = self._variances
        quantile = _normal(level) if self.seeds <= FEW_SEEDS else _student(level, self.seeds)
        of_seeds = quantile * math.sqrt(seeds)
        if self._agrees:
            below, above = self._unseen(level, times * self.owners)
            return math.hypot(of_seeds, below), math.hypot(of_seeds, above)
        reach = math.hypot(of_seeds, self._quantile(level, owners, times) * math.sqrt(owners / times))
        return (reach, reach) if self.is_difference else self._within(reach)

    def _quantile(self, level: float, variance: float, times: float) -> float:
        """Student's, of so many owners; the normal one as far as owners answer by yes or no.

        The variance of such answers follows from the share itself, which Wilson's interval allows for.
        """
        if math.isinf(self.owners):
            return _normal(level)
        scale, room = self.bounds[1] - self.bounds[0], (self.value - self.bounds[0]) * (self.bounds[1] - self.value)
        if self.is_difference or math.isinf(scale) or not room > 0:
            return _student(level, times * self.owners)
        plain = min(1.0, variance * self.owners / room)
        return plain * _normal(level) + (1 - plain) * _student(level, times * self.owners)

    @cached_property
    def _skew(self) -> float:
        """Skewness of the draws of the mean over seeds."""
        drawn = self.drawn[:, np.isfinite(self.drawn).any(axis=0)]
        means = np.nanmean(drawn[np.isfinite(drawn).any(axis=1)], axis=1)
        gaps = means - means.mean()
        spread = float(np.square(gaps).mean())
        return float((gaps**3).mean()) / spread**1.5 if spread > 0 else 0.0

    def _within(self, reach: float) -> tuple[float, float]:
        """A reach as it is near a bound: shorter towards it, longer away from it.

        Where one side is open, as of an error, few owners seldom show the largest values; by how far the draws lean
        that way, the reach grows.
        """
        (least, most), value = self.bounds, self.value
        if math.isfinite(most - least) and most > least and least < value < most:
            scale = most - least
            share = (value - least) / scale
            # Wilson's, of one answer whose quantile is the reach in standard deviations of an answer.
            below, above = _wilson(share, 1.0, reach / scale / math.sqrt(share * (1 - share)))
            return below * scale, above * scale
        lean = _LEAN * reach / math.sqrt(max(sum(self._variances), 1e-300)) if reach > 0 else 0.0
        if math.isfinite(least) and value > least:
            room, further = value - least, 1 + lean * max(0.0, self._skew)
            return -room * math.expm1(-reach / room), room * math.expm1(further * reach / room)
        if math.isfinite(most) and value < most:
            room, further = most - value, 1 + lean * max(0.0, -self._skew)
            return room * math.expm1(further * reach / room), -room * math.expm1(-reach / room)
        return reach, reach

    def _unseen(self, level: float, owners: float) -> tuple[float, float]:
        """How far down and up the truth may lie though all draws agree: by the score interval, within the bounds."""
        least, most = self.bounds
        if math.isinf(owners) or least == most:
            return 0.0, 0.0
        if math.isinf(most - least):
            # Without bounds one owner says nothing, and equal figures of several are equal.
            far = abs(self.value) if owners <= 1 else 0.0
            return far, far
        if not self.is_difference:
            below, above = _wilson((self.value - least) / (most - least), owners, _normal(level))
            return below * (most - least), above * (most - least)
        scale = max(most, -least)
        below, above = _paired(self.value / scale, owners, _normal(level))
        return below * scale, above * scale


def unknown(value: float, why: str, bounds: tuple[float, float] = (-math.inf, math.inf)) -> Interval:
    """An estimate without an interval, and why: its level is 0, its ends all that is possible.

    Example:
        >>> unknown(0.9, "none: 1 owner", (0, 1)).low, unknown(0.9, "none: 1 owner").is_known
        (0, False)
    """
    far = abs(value)
    low, high = (end if math.isfinite(end) else value + far * (1 if end > 0 else -1) for end in bounds)
    return Interval(value, low, high, 0.0, why)


def _wilson(share: float, count: float, quantile: float) -> tuple[float, float]:
    """Distance from a share to the lower and the upper end of Wilson's interval.

    Example:
        >>> [round(part, 3) for part in _wilson(1.0, 8, 1.96)]
        [0.324, 0.0]
    """
    square = quantile**2 / count
    middle = (share + square / 2) / (1 + square)
    half = quantile / (1 + square) * math.sqrt(max(0.0, share * (1 - share)) / count + square / (4 * count))
    return max(0.0, share - middle + half), max(0.0, middle + half - share)


def _paired(gap: float, count: float, quantile: float) -> tuple[float, float]:
    """Distance from a difference of paired shares, in [-1, 1], to the ends of its score interval.

    As few pairs as the difference needs are taken to differ.

    Example:
        >>> [round(part, 3) for part in _paired(1.0, 8, 1.96)], [round(part, 3) for part in _paired(0.0, 8, 1.96)]
        ([0.649, 0.0], [0.324, 0.324])
    """
    truth = np.linspace(-1, 1, 4001)
    differ = np.maximum(abs(gap), np.abs(truth))
    within = truth[np.square(gap - truth) <= quantile**2 * np.maximum(0.0, differ - np.square(truth)) / count + 1e-12]
    if not len(within):
        return 0.0, 0.0
    return max(0.0, gap - float(within.min())), max(0.0, float(within.max()) - gap)


def least_p(owners: int, of_classes: Sequence[int] = ()) -> float:
    """The smallest two-sided p value of a permutation of so many owners: by the sign of each, or by their classes.

    Arguments:
        owners: owners of test series.
        of_classes: owners that hold each class, for a task of classes.

    Example:
        >>> least_p(2), least_p(8), round(least_p(8, [4, 4]), 4), round(least_p(60, [59, 1]), 3)
        (0.5, 0.0078125, 0.0286, 0.033)
    """
    signs = 2.0 ** min(0, 1 - owners)
    there = [count for count in of_classes if count]
    if not there:
        return min(1.0, signs)
    ways = math.lgamma(sum(there) + 1) - sum(math.lgamma(count + 1) for count in there)
    return min(1.0, max(signs, math.exp(math.log(2) - ways)))


@lru_cache(maxsize=4096)
def _student(level: float, count: float) -> float:
    """Student's quantile, two-sided, of a mean over so many."""
    return float(need("compare", "scipy.stats").t.isf(level / 2, max(1, count - 1)))


@lru_cache(maxsize=4096)
def _normal(level: float) -> float:
    return float(need("compare", "scipy.stats").norm.isf(level / 2))


def over_seeds(values: Floats) -> Interval:
    """Mean over seeds with Student's interval; up to two seeds have none.

    Example:
        >>> over_seeds(np.array([1.0, 2.0, 3.0]))
        Interval(value=2.0, low=-0.484..., high=4.484..., level=0.95, method="Student's t over seeds")
    """
    value, count = float(values.mean()), len(values)
    if count <= FEW_SEEDS:
        return unknown(value, f"none: {count} seed{'s' * (count > 1)}")
    reach = _student(1 - LEVEL, count) * float(values.std(ddof=1)) / count**0.5
    return Interval(value, value - reach, value + reach, LEVEL, "Student's t over seeds")


def holm(p_values: list[float]) -> list[float]:
    """P values corrected for their number (Holm, Scandinavian Journal of Statistics 6 (1979) 65-70).

    Example:
        >>> [round(p, 6) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[at]))
        corrected[at] = highest
    return corrected
