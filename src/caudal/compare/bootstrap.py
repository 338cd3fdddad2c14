"""Uncertainty over seeds and test series together: both are drawn anew, whole owners at a time.

Seeds cross series: each trained network answers every test series. Both are resampled on their own (the pigeonhole
bootstrap, Owen, Annals of Applied Statistics 1 (2007) 386-411), which leans to the wide side. Of S seeds S - 1 are
drawn, since S out of S understate a spread that few seeds show (Rao and Wu, JASA 83 (1988) 231-241). Where part of the
spread comes from seeds, that part counts by Student's quantile and the rest by the normal one, added in squares (the
method of variance estimates recovery; Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702).
`pytest -m slow tests/compare/test_bootstrap.py` checks that the intervals cover.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.compare.need import need
from caudal.records import Interval

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
        each: `(seeds,)` the estimate of each seed.
        drawn: `(draws,)` the mean over drawn seeds, on drawn owners.
    """

    each: Floats
    drawn: Floats

    @property
    def value(self) -> float:
        """The estimate: the mean over seeds."""
        return float(self.each.mean())

    def minus(self, other: "Spread") -> "Spread":
        """The paired difference."""
        return Spread(self.each - other.each, self.drawn - other.drawn)

    def turned(self) -> "Spread":
        """The same with the other sign."""
        return Spread(-self.each, -self.drawn)

    def interval(self) -> Interval:
        """The estimate between ends as far apart as the variances ask, lopsided as the draws are."""
        value, gaps = self.value, self._gaps()
        if not len(gaps):
            return Interval(value, value, value, LEVEL, METHOD)
        low, high = np.quantile(gaps, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        below, above = max(0.0, -float(low)), max(0.0, float(high))
        wide = 2 * self._reach(1 - LEVEL) / (below + above) if below + above > 0 else 1.0
        return Interval(value, value - below * wide, value + above * wide, LEVEL, METHOD)

    def p_value(self) -> float:
        """Two-sided, of an estimate of 0: the level at which its interval would just reach 0."""
        if self.value == 0 or not len(self._gaps()):
            return 1.0
        low, high = _SMALLEST, 1.0
        while high / low > 1 + 1e-6:
            level = (low * high) ** 0.5
            low, high = (level, high) if self._reach(level) > abs(self.value) else (low, level)
        return high

    def _gaps(self) -> Floats:
        return self.drawn[np.isfinite(self.drawn)] - self.value

    def _variances(self) -> tuple[float, float]:
        """Variance of the estimate from seeds, and from all else."""
        of_seeds = float(self.each.var(ddof=1)) / len(self.each) if len(self.each) > 1 else 0.0
        whole = float(self._gaps().var()) if len(self._gaps()) else 0.0
        return of_seeds, max(0.0, whole - of_seeds)

    def _reach(self, level: float) -> float:
        """How far an interval reaches to either side, on average, that misses so often."""
        of_seeds, rest = self._variances()
        return float(np.sqrt(_student(level, len(self.each)) ** 2 * of_seeds + _normal(level) ** 2 * rest))


def _student(level: float, count: int) -> float:
    """Student's quantile, two-sided, of a mean over so many seeds."""
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
