"""Whether some groups are measured more rarely, and whether the error follows."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair.answers import Answers, numbers
from caudal.fair.estimate import DRAWS, LEVEL
from caudal.fair.groups import LEAST, Groups
from caudal.fair.intervals import METHOD, Gap, GroupRate, by_group
from caudal.intervals import Interval

_PARTS = 3


@dataclass(frozen=True)
class Density:
    """Measurement density by group, and error by density.

    Attributes:
        steps: mean steps of a series, by group.
        elapsed: mean time between steps, by group, in the unit of the data.
        steps_gap: of the mean steps; None where fewer than two groups have 30 series.
        elapsed_gap: of the mean time between steps, likewise.
        parts: error in the series of few, middling and many steps: `"up to 5"`, `"6 to 9"`, `"10 and more"`.
        follows: rank correlation of steps and error: below 0 the error falls where more is measured.
        raw: largest difference of the mean error between groups; None where fewer than two have 30 series.
        alike: the same if every group had the mix of densities of all; None where a group has no series of some
            density, so that nobody can tell.
    """

    steps: tuple[GroupRate, ...]
    elapsed: tuple[GroupRate, ...]
    steps_gap: Gap | None
    parts: tuple[GroupRate, ...]
    follows: Interval
    raw: float | None
    alike: float | None
    elapsed_gap: Gap | None = None


def density(data: Sequences, answers: Answers, groups: Groups, *, draws: int = DRAWS, seed: int = 0) -> Density:
    """Steps and gaps by group, and whether the error follows them.

    Arguments:
        data: series.
        answers: one of each series.
        groups: of the series.
        draws: of the bootstrap.
        seed: of the draws.

    Raises:
        InputError: series, answers and groups differ in number.

    Example:
        >>> from caudal.fair import decisions, synthetic
        >>> data = synthetic(300)
        >>> answers = decisions(data.target, decided=data.values[:, 0, 0] > 0)
        >>> measured = density(data, answers, Groups.of({"group": data.sensitive["group"]}))
        >>> [part.group for part in measured.parts], -0.2 < measured.follows.value < 0.2
        (['up to 10', '11 to 14', '15 and more'], True)
    """
    if not len(data) == len(answers) == len(groups):
        fault = f"are {len(data):,}, with {len(answers):,} answers and groups of {len(groups):,}"
        raise InputError("density", "data", fault, "Pass one answer and one group per series.")
    steps = data.lengths.astype(np.float64)
    metrics, gaps = (
        by_group(numbers(np.zeros(len(data)), column, owner=answers.owner), groups, draws=draws, seed=seed)
        for column in (steps, mean_gap(data))
    )
    wrong = error(answers)
    parts = _parts(data.lengths)
    spans = by_group(numbers(np.zeros(len(data)), wrong, owner=answers.owner), parts, draws=draws, seed=seed)
    named = tuple(rate for rate in spans.rates() if rate.metric == "bias")
    raw, alike = _standardised(wrong, groups, parts)
    return Density(
        steps=_named(metrics.rates(), "steps"),
        elapsed=_named(gaps.rates(), "elapsed"),
        steps_gap=metrics.gap("bias"),
        parts=_named(named, "error"),
        follows=_follows(steps, wrong, answers.owner, draws, seed),
        raw=raw,
        alike=alike,
        elapsed_gap=gaps.gap("bias"),
    )


def error(answers: Answers) -> NDArray[np.float64]:
    """`(n,)` 1 where a decision is wrong, or the absolute error of a number."""
    if answers.kind == "number":
        return np.asarray(np.abs(answers.given - answers.truth))
    return 1.0 - answers.right.astype(np.float64)


def mean_gap(data: Sequences) -> NDArray[np.float64]:
    """`(batch,)` mean time between the steps of a series; of a single step, the one it was given."""
    later = data.dt[:, 1:].sum(axis=1)
    return np.asarray(np.where(data.lengths > 1, later / np.maximum(1, data.lengths - 1), data.dt[:, 0]))


def _named(rates: tuple[GroupRate, ...], metric: str) -> tuple[GroupRate, ...]:
    biases = [rate for rate in rates if rate.metric == "bias"]
    return tuple(replace(rate, metric=metric) for rate in biases)


def _parts(lengths: NDArray[np.int64]) -> Groups:
    """Thirds by number of steps, fewer where lengths repeat."""
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, _PARTS + 1)[1:-1]).astype(np.int64))
    edges = edges[edges < lengths.max()]
    place = np.searchsorted(edges, lengths, side="left")
    if not len(edges):
        return Groups("steps", (f"{int(lengths.min())} to {int(lengths.max())}",), place)
    inner = [f"{low + 1} to {high}" for low, high in itertools.pairwise(edges)]
    return Groups("steps", (f"up to {edges[0]}", *inner, f"{edges[-1] + 1} and more"), place)


def _standardised(wrong: NDArray[np.float64], groups: Groups, parts: Groups) -> tuple[float | None, float | None]:
    """Range of the mean error over the groups, as it is and with the mix of densities of all."""
    members = [groups.codes == k for k, count in enumerate(groups.counts) if count >= LEAST]
    if len(members) < 2:
        return None, None
    raw = float(np.ptp([wrong[rows].mean() for rows in members]))
    cells = [[rows & (parts.codes == part) for part in range(len(parts.names))] for rows in members]
    if not all(cell.any() for row in cells for cell in row):
        return raw, None
    shares = parts.counts / len(parts)
    alike = [sum(share * wrong[cell].mean() for share, cell in zip(shares, row, strict=True)) for row in cells]
    return raw, float(np.ptp(alike))


def _follows(
    steps: NDArray[np.float64], wrong: NDArray[np.float64], owner: NDArray[np.int64], draws: int, seed: int
) -> Interval:
    """Correlation of ranks, with the bootstrap on Fisher's scale."""
    first, second = ranks(steps), ranks(wrong)
    value = _correlation(first, second, np.ones((1, len(first))))[0]
    if not np.isfinite(value):
        return Interval(0.0, 0.0, 0.0, LEVEL, "no variation")
    code = np.unique(owner, return_inverse=True)[1]
    many = int(code.max()) + 1
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(many, np.full(many, 1 / many), min(draws, 400)).astype(np.float64)[:, code]
    drawn = _correlation(first, second, weights)
    sd = float(np.arctanh(np.clip(drawn[np.isfinite(drawn)], -0.999, 0.999)).std())
    middle = float(np.arctanh(np.clip(value, -0.999, 0.999)))
    low, high = np.tanh([middle - 1.96 * sd, middle + 1.96 * sd])
    return Interval(float(value), float(low), float(high), LEVEL, METHOD)


def ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n,)` ranks from 0, ties at their middle.

    Example:
        >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
        [1.5, 0.0, 1.5]
    """
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[place])


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weights.sum(axis=1)
    mean_a, mean_b = weights @ a / total, weights @ b / total
    cross = weights @ (a * b) / total - mean_a * mean_b
    spread = (weights @ (a * a) / total - mean_a**2) * (weights @ (b * b) / total - mean_b**2)
    return np.asarray(np.where(spread > 1e-12, cross / np.sqrt(np.maximum(spread, 1e-12)), np.nan))
