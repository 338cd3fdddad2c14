"""A rate as a smooth curve of a column of numbers, such as age, with a band and its largest difference.

Groups cut from numbers hide what happens within them, and depend on where they were cut. The curve is a local mean:
the Nadaraya-Watson estimate with a Gaussian kernel, whose width is that of four which predicts left-out people best
(five folds). The band is simultaneous: over draws of people with replacement, the whole curve lies within it 95 times
in 100. The largest difference along the curve is told with the ends that this band allows, and with what chance alone
would show, were the column dealt out anew among the people.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import InputError
from caudal.fair.answers import Answers
from caudal.fair.estimate import LEVEL
from caudal.fair.groups import LEAST
from caudal.fair.metrics import ratio
from caudal.intervals import Interval
from caudal.typing import Floats

_LEAST_PEOPLE = 100
_PLACES, _GRID, _FOLDS = 200, 31, 5
_WIDTHS = (0.4, 0.8, 1.6, 3.2)
_DEALS = 200
METHOD = "simultaneous band by bootstrap clustered by series"


@dataclass(frozen=True)
class SmoothRate:
    """A metric along a column of numbers.

    Attributes:
        column: by name.
        metric: by name.
        at: values of the column, from its 5 % to its 95 % point; those near which fewer than 30 people are, are left
            out.
        rates: the metric at each, with the simultaneous 95 % band.
        high_at, low_at: where it is highest and lowest.
        difference: highest less lowest.
        chance: what the difference would be on average if the metric did not depend on the column.
        chance_95: what it would exceed once in 20 times then.
        width: standard deviation of the kernel, in the unit of the column.
    """

    column: str
    metric: str
    at: tuple[float, ...]
    rates: tuple[Interval, ...]
    high_at: float
    low_at: float
    difference: Interval
    chance: float
    chance_95: float
    width: float

    @property
    def sure(self) -> bool:
        """Whether the difference exceeds chance, and the band leaves no level curve within it."""
        return self.difference.low > 0 and self.difference.value > self.chance_95


@dataclass(frozen=True, eq=False)
class _Sums:
    """What each answer adds to the metric, by its place along the column and by whose it is."""

    above: Floats
    below: Floats
    place: NDArray[np.int64]
    owner: NDArray[np.int64]
    people: int

    def table(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """Sums `(places,)` of both over all answers, each weighted by its owner."""
        each = np.ones(len(self.place)) if weights is None else weights[self.owner]
        return _placed(self.place, each * self.above), _placed(self.place, each * self.below)


def smooth(
    answers: Answers, column: ArrayLike, metric: str, *, name: str = "", draws: int = 300, seed: int = 0
) -> SmoothRate | None:
    """A metric of answers along a column of numbers; None where fewer than 100 people have both, or all one value.

    Arguments:
        answers: of a model.
        column: `(n,)` number of each answer, NaN where not known.
        metric: one that is a mean or a share, such as `"tpr"`, `"accuracy"` or `"mae"`.
        name: of the column.
        draws: of the bootstrap.
        seed: of draws, folds and deals.

    Raises:
        InputError: sizes disagree, or the metric is no mean or share of these answers.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> rng = np.random.default_rng(0)
        >>> age = rng.uniform(20, 90, 2000)
        >>> missed = rng.random(2000) < np.where((age > 50) & (age < 60), 0.5, 0.05)
        >>> truth = np.arange(2000) % 2
        >>> curve = smooth(decisions(truth, decided=truth * ~missed), age, "tpr", name="age")
        >>> 50 < curve.low_at < 60, curve.difference.value > 0.35, curve.sure
        (True, True, True)
    """
    values = np.asarray(column, np.float64)
    if values.shape != (len(answers),):
        raise InputError("smooth", "column", f"has shape {values.shape}; expected ({len(answers)},)", "Pass one each.")
    fraction = ratio(answers, metric)
    if fraction is None or fraction.root:
        raise InputError("smooth", "metric", f"is {metric!r}, which is no mean or share", 'Pass "accuracy", say.')
    known = np.isfinite(values) & (fraction.below > 0)
    owner = np.unique(answers.owner[known], return_inverse=True)[1]
    people = int(owner.max()) + 1 if known.any() else 0
    if people < _LEAST_PEOPLE or np.ptp(values[known]) == 0:
        return None
    low, high = (float(end) for end in (values[known].min(), values[known].max()))
    place = np.minimum(((values[known] - low) / (high - low) * _PLACES).astype(np.int64), _PLACES - 1)
    sums = _Sums(fraction.above[known], fraction.below[known], place, owner, people)
    centres = low + (np.arange(_PLACES) + 0.5) * (high - low) / _PLACES
    rng = np.random.default_rng([seed, 23])
    usual = float(values[known].std()) * people**-0.2
    width = min((usual * factor for factor in _WIDTHS), key=lambda width: _misfit(sums, centres, width, seed))
    first, last = (float(end) for end in np.quantile(values[known], [0.05, 0.95]))
    grid = np.linspace(first, last, _GRID)
    kernel = _kernel(grid, centres, width)
    grid, kernel = _where_enough(sums, grid, kernel)
    if len(grid) < 2:
        return None
    curve = _along(kernel, *sums.table())
    drawn = _drawn(sums, kernel, draws, rng)
    spread = drawn.std(axis=0)
    reach = float(np.quantile((np.abs(drawn - curve) / np.maximum(spread, 1e-12)).max(axis=1), LEVEL))
    ends = np.stack([curve - reach * spread, curve + reach * spread])
    if fraction.share:
        ends = np.clip(ends, 0.0, 1.0)
    dealt = np.array([np.ptp(_along(kernel, *_dealt(sums, rng))) for _ in range(_DEALS)])
    most, least = int(curve.argmax()), int(curve.argmin())
    apart = max(0.0, float(ends[0].max() - ends[1].min())), float(ends[1].max() - ends[0].min())
    return SmoothRate(
        column=name,
        metric=metric,
        at=tuple(float(f"{value:.6g}") for value in grid),
        rates=tuple(
            Interval(float(v), float(a), float(b), LEVEL, METHOD) for v, a, b in zip(curve, *ends, strict=True)
        ),
        high_at=float(grid[most]),
        low_at=float(grid[least]),
        difference=Interval(float(np.ptp(curve)), *apart, LEVEL, METHOD),
        chance=float(dealt.mean()),
        chance_95=float(np.quantile(dealt, LEVEL)),
        width=width,
    )


def _kernel(at: Floats, centres: Floats, width: float) -> Floats:
    """`(at, places)` weights of a Gaussian kernel."""
    return np.asarray(np.exp(-0.5 * ((at[:, None] - centres) / width) ** 2))


def _along(kernel: Floats, above: Floats, below: Floats) -> Floats:
    return np.asarray(kernel @ above / np.maximum(kernel @ below, 1e-12))


def _misfit(sums: _Sums, centres: Floats, width: float, seed: int) -> float:
    """Squared error at people left out, with this width."""
    fold = np.random.default_rng([seed, 29]).permutation(sums.people) % _FOLDS
    kernel, total = _kernel(centres, centres, width), 0.0
    for left_out in range(_FOLDS):
        curve = _along(kernel, *sums.table((fold != left_out).astype(np.float64)))
        rows = fold[sums.owner] == left_out
        expected = curve[sums.place[rows]]
        total += float(((sums.above[rows] / sums.below[rows] - expected) ** 2 * sums.below[rows]).sum())
    return total


def _where_enough(sums: _Sums, grid: Floats, kernel: Floats) -> tuple[Floats, Floats]:
    """Places of the grid near which the answers are those of 30 people or more, counted by their weights."""
    enough = []
    for weights in kernel:
        each = np.bincount(sums.owner, weights[sums.place] * sums.below, sums.people)
        enough.append(each.sum() ** 2 >= LEAST * (each**2).sum() > 0)
    return grid[enough], kernel[enough]


def _drawn(sums: _Sums, kernel: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """`(draws, grid)` curves of people drawn with replacement."""
    curves = []
    for _ in range(draws):
        weights = np.bincount(rng.integers(0, sums.people, sums.people), minlength=sums.people).astype(np.float64)
        curves.append(_along(kernel, *sums.table(weights)))
    return np.stack(curves)


def _dealt(sums: _Sums, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Sums with the places of the people dealt out anew; of several places of one person the first counts."""
    first = np.zeros(sums.people, np.int64)
    first[sums.owner[::-1]] = sums.place[::-1]
    place = rng.permutation(first)[sums.owner]
    return _placed(place, sums.above), _placed(place, sums.below)


def _placed(place: NDArray[np.int64], each: Floats) -> Floats:
    return np.asarray(np.bincount(place, each, _PLACES), np.float64)
