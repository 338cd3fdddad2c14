"""Uncertainty over seeds and test series together: both are drawn anew, whole owners at a time.

Seeds cross series: each trained network answers every test series. Both are resampled on their own (the pigeonhole
bootstrap, Owen, Annals of Applied Statistics 1 (2007) 386-411), which leans to the wide side. Of S seeds S - 1 are
drawn, since S out of S understate a spread that few seeds show (Rao and Wu, JASA 83 (1988) 231-241), and a quantile of
Student's t takes the place of the normal one as far as the spread comes from few seeds (Satterthwaite's degrees of
freedom).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.compare.need import need
from caudal.records import Interval

Floats = NDArray[np.float64]
METHOD = "hierarchical bootstrap over seeds and test series"
LEVEL = 0.95


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
        """The estimate between quantiles of its draws, widened for few seeds."""
        value, gaps = self.value, self._gaps()
        if not len(gaps):
            return Interval(value, value, value, LEVEL, METHOD)
        low, high = np.quantile(gaps, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        wide = self._widening()
        return Interval(value, float(value + min(0.0, low * wide)), float(value + max(0.0, high * wide)), LEVEL, METHOD)

    def p_value(self) -> float:
        """Two-sided, of an estimate of 0: the share of draws at least as far from their centre as it is from 0."""
        gaps = self._gaps()
        if not len(gaps):
            return 1.0
        beyond = np.abs(gaps) * self._widening() >= abs(self.value)
        return float((1 + beyond.sum()) / (1 + len(gaps)))

    def _gaps(self) -> Floats:
        return self.drawn[np.isfinite(self.drawn)] - self.value

    def _widening(self) -> float:
        """Student's quantile over the normal one."""
        count = len(self.each)
        if count < 2:
            return 1.0
        of_seeds = float(self.each.var(ddof=1)) / count
        whole = max(float(np.nanvar(self.drawn)), of_seeds)
        if of_seeds <= 0:
            return 1.0
        stats = need("compare", "scipy.stats")
        freedom = (count - 1) * (whole / of_seeds) ** 2
        tail = (1 + LEVEL) / 2
        return float(stats.t.ppf(tail, freedom) / stats.norm.ppf(tail))


def over_seeds(values: Floats) -> Interval:
    """Mean over seeds with Student's interval; its ends are the mean where there is one seed.

    Example:
        >>> over_seeds(np.array([1.0, 2.0, 3.0]))
        Interval(value=2.0, low=-0.484..., high=4.484..., level=0.95, method="Student's t over seeds")
    """
    value, count = float(values.mean()), len(values)
    if count < 2:
        return Interval(value, value, value, LEVEL, "one seed")
    stats = need("compare", "scipy.stats")
    reach = float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
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
