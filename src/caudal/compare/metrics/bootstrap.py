"""Uncertainty over seeds and test series together: both are drawn anew, whole owners at a time.

Seeds cross series: each trained network answers every test series. Both are resampled on their own (the pigeonhole
bootstrap, Owen, Annals of Applied Statistics 1 (2007) 386-411), which leans to the wide side. Of S seeds S - 1 are
drawn, since S out of S understate a spread that few seeds show (Rao and Wu, JASA 83 (1988) 231-241). Where part of the
spread comes from seeds, that part counts by Student's quantile and the rest by the normal one, added in squares (the
method of variance estimates recovery; Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702).

Few owners: Student's quantile stands for the normal one, with the owners as its count. Where all draws agree they show
no spread, and the score interval takes their place: Wilson's (JASA 22 (1927) 209-212) of a metric between its bounds,
that of paired shares (Tango, Statistics in Medicine 17 (1998) 891-908) of a difference. No p value falls below that of
the most extreme permutation that the owners allow. All ends stay within what the figure can be.
`pytest -m slow tests/compare/test_bootstrap.py` checks that the intervals cover.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from caudal.extras import need
from caudal.intervals import Interval

Floats = NDArray[np.float64]
METHOD = "hierarchical bootstrap over seeds and test series"
LEVEL = 0.95
# Below this a p value says nothing more.
_SMALLEST = 1e-9


@dataclass(frozen=True, eq=False)
class Draws:
    """What is drawn, the same for every contender, so that differences pair.

    Attributes:
        owners: `(draws, owners)` how often each owner is drawn.
        seeds: `(draws, seeds)` weight of each seed, rows adding up to 1.
    """

    owners: Floats
    seeds: Floats


def draw(owners: int, seeds: int, count: int, seed: int = 0) -> Draws:
    """Draw owners and seeds with replacement.

    Arguments:
        owners: number of owners of test series.
        seeds: final runs of each contender.
        count: draws.
        seed: of the draw.

    Example:
        >>> draws = draw(10, 3, 100)
        >>> draws.owners.sum(axis=1)[:2].tolist(), draws.seeds.shape
        ([10.0, 10.0], (100, 3))
    """
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(owners, np.full(owners, 1 / owners), size=count).astype(np.float64)
    fewer = max(1, seeds - 1)
    chosen = rng.multinomial(fewer, np.full(seeds, 1 / seeds), size=count) / fewer
    return Draws(weights, chosen)


@dataclass(frozen=True, eq=False)
class Spread:
    """An estimate and its draws.

    Attributes:
        each: `(seeds,)` the estimate of each seed, NaN where it has no run.
        drawn: `(draws,)` the mean over drawn seeds, on drawn owners.
        by_seed: `(draws, seeds)` the estimate of each seed on drawn owners, or None.
        weights: `(draws, seeds)` weight of each seed in each draw, or None.
        bounds: the least and the greatest value that the figure can take; equal where it is known without data.
        owners: how many owners it stands on; of classes, the harmonic mean over classes.
        least: the smallest p value that so many owners allow.
        is_difference: whether 0 means no difference.
    """

    each: Floats
    drawn: Floats
    by_seed: Floats | None = None
    weights: Floats | None = None
    bounds: tuple[float, float] = (-math.inf, math.inf)
    owners: float = math.inf
    least: float = 0.0
    is_difference: bool = False

    @property
    def value(self) -> float:
        """The estimate: the mean over seeds that have a run; NaN where none has."""
        there = self.each[np.isfinite(self.each)]
        return float(there.mean()) if len(there) else math.nan

    @property
    def seeds(self) -> int:
        """How many seeds have a run."""
        return int(np.isfinite(self.each).sum())

    def minus(self, other: "Spread") -> "Spread":
        """The paired difference, over the seeds that both have."""
        bounds = (self.bounds[0] - other.bounds[1], self.bounds[1] - other.bounds[0])
        few = min(self.owners, other.owners), max(self.least, other.least)
        each = self.each - other.each
        if self.by_seed is None or other.by_seed is None or self.weights is None:
            return Spread(each, self.drawn - other.drawn, None, None, bounds, *few, is_difference=True)
        return over_owners(each, self.by_seed - other.by_seed, self.weights, bounds, *few, is_difference=True)

    def turned(self) -> "Spread":
        """The same with the other sign."""
        by_seed = None if self.by_seed is None else -self.by_seed
        bounds = (-self.bounds[1], -self.bounds[0])
        return replace(self, each=-self.each, drawn=-self.drawn, by_seed=by_seed, bounds=bounds)

    def interval(self) -> Interval:
        """The estimate between ends as far apart as the variances ask, lopsided as the draws are."""
        value, gaps = self.value, self._gaps()
        method = METHOD if math.isinf(self.owners) else f"{METHOD} ({self.seeds} seeds)"
        if self._agrees():
            below, above = (math.hypot(part, self._of_seeds(1 - LEVEL)) for part in self._unseen(1 - LEVEL))
        else:
            low, high = np.quantile(gaps, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            below, above = max(0.0, -float(low)), max(0.0, float(high))
            wide = 2 * self._reach(1 - LEVEL) / (below + above) if below + above > 0 else 1.0
            skewed = self._skewed()
            below, above = max(below * wide, skewed[0]), max(above * wide, skewed[1])
        low, high = max(value - below, self.bounds[0]), min(value + above, self.bounds[1])
        if self.is_difference and self.least > 1 - LEVEL:
            low, high = min(low, 0.0), max(high, 0.0)
        return Interval(value, min(low, value), max(high, value), LEVEL, method)

    def p_value(self) -> float:
        """Two-sided, of an estimate of 0: the level at which its interval would just reach 0."""
        if self.value == 0 or not (len(self._gaps()) and self.seeds):
            return 1.0
        low, high = max(_SMALLEST, min(self.least, 1.0)), 1.0
        if self._reach(low) <= abs(self.value):
            return low
        while high / low > 1 + 1e-6:
            level = (low * high) ** 0.5
            low, high = (level, high) if self._reach(level) > abs(self.value) else (low, level)
        return high

    def _gaps(self) -> Floats:
        return self.drawn[np.isfinite(self.drawn)] - self.value

    def _agrees(self) -> bool:
        """Whether the draws of owners show no spread."""
        columns = self.drawn[:, None] if self.by_seed is None else self.by_seed[:, np.isfinite(self.each)]
        for column in columns.T:
            there = column[np.isfinite(column)]
            if len(there) and np.ptp(there) > 1e-12 * max(1.0, float(np.abs(there).max())):
                return False
        return True

    def _variances(self) -> tuple[float, float]:
        """Variance of the estimate from seeds, and from all else."""
        there = self.each[np.isfinite(self.each)]
        of_seeds = float(there.var(ddof=1)) / len(there) if len(there) > 1 else 0.0
        whole = float(self._gaps().var()) if len(self._gaps()) else 0.0
        owners = max(2.0, self.owners)
        unbiased = 1.0 if math.isinf(owners) else owners / (owners - 1)
        return of_seeds, unbiased * max(0.0, whole - of_seeds)

    def _of_seeds(self, level: float) -> float:
        return _student(level, self.seeds) * math.sqrt(self._variances()[0])

    def _reach(self, level: float) -> float:
        """How far an interval reaches to either side, on average, that misses so often; of a difference, towards 0."""
        if self._agrees():
            below, above = self._unseen(level)
            towards = below if self.value > 0 else above
            return math.hypot(self._of_seeds(level), towards if self.is_difference else (below + above) / 2)
        of_owners = _normal(level) if math.isinf(self.owners) else _student(level, self.owners)
        return math.hypot(self._of_seeds(level), of_owners * self._variances()[1] ** 0.5)

    def _skewed(self) -> tuple[float, float]:
        """Reach of Wilson's interval for as many answers as give this variance: near a bound it leans inwards."""
        scale, rest = self.bounds[1] - self.bounds[0], self._variances()[1]
        if self.is_difference or math.isinf(self.owners) or math.isinf(scale) or not scale or not rest:
            return 0.0, 0.0
        share = (self.value - self.bounds[0]) / scale
        count = share * (1 - share) * scale**2 / rest
        below, above = _wilson(share, count, _student(1 - LEVEL, self.owners)) if count > 0 else (0.0, 0.0)
        return below * scale, above * scale

    def _unseen(self, level: float) -> tuple[float, float]:
        """How far down and up the truth may lie though all draws agree: by the score interval, within the bounds."""
        least, most = self.bounds
        if math.isinf(self.owners) or least == most:
            return 0.0, 0.0
        if math.isinf(most - least):
            # Without bounds one owner says nothing, and equal figures of several are equal.
            far = abs(self.value) if self.owners <= 1 else 0.0
            return far, far
        if not self.is_difference:
            below, above = _wilson((self.value - least) / (most - least), self.owners, _normal(level))
            return below * (most - least), above * (most - least)
        scale = max(most, -least)
        below, above = _paired(self.value / scale, self.owners, _normal(level))
        return below * scale, above * scale


def over_owners(
    each: Floats,
    by_seed: Floats,
    weights: Floats,
    bounds: tuple[float, float],
    owners: float,
    least: float,
    *,
    is_difference: bool = False,
) -> Spread:
    """The spread of the mean over those seeds that have a run; see `Spread` for the arguments.

    Example:
        >>> drawn = np.array([[1.0, np.nan], [2.0, np.nan]])
        >>> over_owners(np.array([1.5, np.nan]), drawn, np.full((2, 2), 0.5), (0, 3), 9, 0.1).drawn.tolist()
        [1.0, 2.0]
    """
    there = np.isfinite(each)
    share = weights * there
    total = share.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.where(there, by_seed, 0.0) * np.where(share > 0, share, 0.0)
        mean = np.where(total > 0, drawn.sum(axis=1) / total, np.nan)
    return Spread(each, mean, by_seed, weights, bounds, owners, least, is_difference)


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


def _student(level: float, count: float) -> float:
    """Student's quantile, two-sided, of a mean over so many."""
    return float(need("compare", "scipy.stats").t.isf(level / 2, max(1, count - 1)))


def _normal(level: float) -> float:
    return float(need("compare", "scipy.stats").norm.isf(level / 2))


def over_seeds(values: Floats) -> Interval:
    """Mean over seeds with Student's interval; its ends are the mean where there is one seed.

    Example:
        >>> over_seeds(np.array([1.0, 2.0, 3.0]))
        Interval(value=2.0, low=-0.484..., high=4.484..., level=0.95, method="Student's t over seeds")
    """
    value, count = float(values.mean()), len(values)
    if count < 2:
        return Interval(value, value, value, LEVEL, "one seed")
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
