"""Each series as a row of plain numbers, for small models and rank tests; NumPy only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.fair.diagnose.density import mean_gap
from caudal.typing import Floats

TIMES = "times of measurement"


class SummaryColumn(NamedTuple):
    """One number per series.

    Attributes:
        source: the input that it is of, or `TIMES`.
        what: `"level"` (mean), `"spread"` (standard deviation), `"last"`, `"rough"` (mean size of a step, see
            `roughness`), `"missing"` (share of cells), `"steps"`, `"gap"`.
        values: `(batch,)`, NaN where not defined.
    """

    source: str
    what: str
    values: Floats


def summaries(data: Sequences) -> tuple[SummaryColumn, ...]:
    """Level, spread, last value, roughness and missing share of each input; static features; times.

    Arguments:
        data: series.

    Example:
        >>> from caudal.fair.synthetic import synthetic
        >>> [f"{column.source}: {column.what}" for column in summaries(synthetic(50))][:5]
        ['level: level', 'level: spread', 'level: last', 'level: rough', 'level: missing']
    """
    columns = [column for k in range(data.inputs) for column in _input(data, k)]
    for k, feature in enumerate(data.statics):
        fixed = np.where(data.static_observed[:, k], data.static[:, k].astype(np.float64), np.nan)
        columns.append(SummaryColumn(feature.name, "level", fixed))
    columns.append(SummaryColumn(TIMES, "steps", data.lengths.astype(np.float64)))
    columns.append(SummaryColumn(TIMES, "gap", mean_gap(data)))
    return tuple(columns)


def _input(data: Sequences, k: int) -> list[SummaryColumn]:
    name, seen = data.features[k].name, data.observed[:, :, k]
    values = data.values[:, :, k].astype(np.float64)
    count = seen.sum(axis=1)
    level = _over(np.where(seen, values, 0).sum(axis=1), count)
    apart = np.where(seen, values - np.nan_to_num(level)[:, None], 0)
    spread = np.sqrt(_over((apart**2).sum(axis=1), count))
    final = np.where(seen, np.arange(data.steps), -1).max(axis=1)
    last = np.where(final >= 0, values[np.arange(len(data)), np.maximum(final, 0)], np.nan)
    missing = 1 - count / data.lengths
    columns = {"level": level, "spread": spread, "last": last, "rough": roughness(values, seen), "missing": missing}
    return [SummaryColumn(name, what, column) for what, column in columns.items()]


def roughness(values: Floats, seen: NDArray[np.bool_]) -> Floats:
    """`(batch,)` mean absolute difference of neighbouring observed values; NaN where there are fewer than two.

    Arguments:
        values: `(batch, time)`.
        seen: `(batch, time)` bool.

    Example:
        >>> roughness(np.array([[1.0, 9.0, 3.0]]), np.array([[True, False, True]]))
        array([2.])
    """
    order = np.argsort(~seen, axis=1, kind="stable")
    packed = np.take_along_axis(values, order, 1)
    count = seen.sum(axis=1)
    inside = np.arange(1, values.shape[1]) < count[:, None]
    jumps = np.where(inside, np.abs(np.diff(packed, axis=1)), 0).sum(axis=1)
    return _over(jumps, count - 1)


def table(
    columns: tuple[SummaryColumn, ...], *, without: frozenset[str] = frozenset()
) -> tuple[Floats, tuple[str, ...]]:
    """The columns as one block `(batch, columns)` of mean 0 and deviation 1, holes at the mean; constant ones dropped.

    Arguments:
        columns: of `summaries`.
        without: sources left out.

    Returns:
        the block, and the source of each column.
    """
    scaled, sources = [], []
    for column in columns:
        known = np.isfinite(column.values)
        if column.source in without or not known.any() or np.ptp(column.values[known]) == 0:
            continue
        middle, unit = float(column.values[known].mean()), float(column.values[known].std())
        scaled.append(np.where(known, (column.values - middle) / unit, 0.0))
        sources.append(column.source)
    count = len(columns[0].values) if columns else 0
    return (np.stack(scaled, 1) if scaled else np.zeros((count, 0))), tuple(sources)


def _over(above: Floats, below: NDArray[np.integer]) -> Floats:
    return np.asarray(np.where(below > 0, above / np.maximum(below, 1), np.nan))
