"""Sequences as a long table, one row per series and step: what `from_frame` reads."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.calendar import Calendar, spell
from caudal.data.sequences import Feature, Sequences
from caudal.data.table import TICKS
from caudal.errors import DataError


def to_columns(data: Sequences) -> dict[str, NDArray[Any]]:
    """The series as columns of a long table, with the names that they were read with.

    Holes are NaN, or "" in text. Indicators of a category are one column again. Of a series without a target the
    column is left out, of a step without one the cell is empty.

    Arguments:
        data: series; forecasts are windows, of which no table can be made.

    Returns:
        by name, `(rows,)` each: series, group, time, inputs, static features, sensitive columns, target.

    Raises:
        DataError: it holds forecasts.

    Example:
        >>> from caudal.data import from_arrays
        >>> columns = to_columns(from_arrays([np.ones((1, 2)), np.zeros((1, 1))], ["a", "b"]))
        >>> {name: column.tolist() for name, column in columns.items()}
        {'series': [0, 0, 1], 'time': [0.0, 1.0, 0.0], 'x0': [1.0, 1.0, 0.0], 'target': ['a', 'a', 'b']}
    """
    if data.task == "forecast":
        raise DataError("to_columns", "data", "hold forecasts, which are windows of a table", "Pass whole series.")
    row, step = np.nonzero(data.mask)
    recipe = data.recipe
    series = recipe.series if recipe else "series"
    found: dict[str, NDArray[Any]] = {} if series is None else {series: data.ids[row]}
    if data.group is not None:
        found[recipe.group if recipe and recipe.group else "group"] = data.group[row]
    name = recipe.time if recipe else "time"
    if name is not None:
        found[name] = clock(data)[row, step]
    found |= _unfolded(data.features, data.values[row, step], data.observed[row, step])
    found |= _unfolded(data.statics, data.static[row], data.static_observed[row])
    found |= {key: column[row] for key, column in data.sensitive.items() if key not in found}
    return found | _target(data, row, step)


def clock(data: Sequences, times: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Times as they were read: numbers in `time_unit`, or datetimes in the zone and the spelling of the table.

    Arguments:
        data: who tells the unit.
        times: in `time_unit` from the origin; None for those of each step, `(batch, time)`.
    """
    found = data.times if times is None else times
    if data.recipe is None or not data.recipe.datetimes:
        return found
    ticks = np.round(found * (TICKS[data.time_unit] / 1000)).astype(np.int64).astype("datetime64[us]")
    return spell(ticks.ravel(), data.recipe.calendar or Calendar()).reshape(ticks.shape)


def _unfolded(features: Sequence[Feature], values: NDArray[Any], seen: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for k, feature in enumerate(features):
        if feature.kind == "number":
            found[feature.name] = np.where(seen[:, k], values[:, k], np.nan)
            continue
        column, label = feature.name.split("=", 1)
        here = seen[:, k] & (values[:, k] == 1)
        found[column] = np.where(here, label, found.get(column, np.array("")))
    return found


def _target(data: Sequences, row: NDArray[np.int64], step: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    if data.target is None or data.target_mask is None:
        return {}
    place = (row, step) if data.task in ("classify_steps", "imitate") else (row,)
    target, known = data.target[place], data.target_mask[place]
    if not data.classes:
        return {name: np.where(known[:, k], target[:, k], np.nan) for k, name in enumerate(data.outputs)}
    name = data.recipe.target[0] if data.recipe else data.outputs[0]
    labels = np.array(data.classes)[target]
    if known.all():
        return {name: labels}
    hole: Any = "" if labels.dtype.kind == "U" else np.nan
    return {name: np.where(known, labels, hole)}
