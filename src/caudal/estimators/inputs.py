"""Whatever `fit` and `predict` are given becomes `Sequences`."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data import Encoder, Scaler, Sequences, from_arrays
from caudal.data.arrays import numbers_or_names, plain_array
from caudal.data.scaler import is_flat, needs_float64
from caudal.data.spelling import is_missing
from caudal.errors import DataError, InputError
from caudal.typing import Array


@dataclass(frozen=True, eq=False)
class SeriesPanel:
    """Series of one collection.

    Attributes:
        series: `(channels, time)` each.
        dt: `(time,)` each, since the previous row; the first is the median gap of all.
    """

    series: list[Array]
    dt: list[NDArray[np.float64]]


def is_panel(x: Any) -> bool:
    """Whether it is one of the shapes.

    Example:
        >>> is_panel(np.zeros((2, 1, 3))), is_panel([np.zeros((1, 3))])
        (False, False)
    """
    if isinstance(x, list | tuple):
        return bool(x) and all(_is_frame(part) for part in x)
    return _is_frame(x) and (x.index.nlevels > 1 or _is_nested(x))


def panel(x: Any) -> SeriesPanel:
    """The series of a collection in one of the shapes.

    Raises:
        DataError: times fall, series have other channels, a channel of a series has another length, a cell is a
            text, or the index has more than two levels.
    """
    if _is_frame(x) and x.index.nlevels > 2:
        fault = f"has an index of {x.index.nlevels} levels; expected series and time"
        raise DataError("LiquidEstimator", "X", fault, "Join the levels before the last into one, as text.")
    if isinstance(x, list | tuple):
        return _panel([(frame.index, frame) for frame in x])
    if _is_nested(x):
        return _nested(x)
    keys = x.index.get_level_values(0)
    frames = [x.loc[[key]] for key in dict.fromkeys(keys)]
    return _panel([(frame.index.get_level_values(1), frame) for frame in frames])


def _is_frame(x: object) -> bool:
    return hasattr(x, "columns") and hasattr(getattr(x, "index", None), "nlevels")


def _is_nested(x: Any) -> bool:
    return len(x) > 0 and len(x.columns) > 0 and all(np.ndim(cell) == 1 for cell in x.iloc[0])


def _panel(parts: list[tuple[Any, Any]]) -> SeriesPanel:
    names = tuple(str(name) for name in parts[0][1].columns)
    for k, (_, frame) in enumerate(parts):
        if tuple(str(name) for name in frame.columns) != names:
            fault = f"has the channels {list(frame.columns)} in series {k} and {list(names)} in series 0"
            raise DataError("LiquidEstimator", "X", fault, "Pass the same channels for every series.")
    clocks = [_clock(index, k) for k, (index, _) in enumerate(parts)]
    return SeriesPanel([_cells(frame, k).T for k, (_, frame) in enumerate(parts)], _gaps(clocks))


def _cells(frame: Any, k: int) -> NDArray[np.float64]:
    """`(time, channels)` of one frame."""
    for name in frame.columns:
        if frame[name].dtype.kind not in "iufb":
            try:
                frame[name].to_numpy(dtype=np.float64)
            except (ValueError, TypeError):
                fault = f"holds texts in the channel {name!r} of series {k}"
                remedy = "Call `X.reset_index()` and pass the table with `target` and `series`, which reads categories."
                raise DataError("LiquidEstimator", "X", fault, remedy) from None
    return np.asarray(frame.to_numpy(dtype=np.float64))


def _clock(index: object, k: int) -> NDArray[np.float64]:
    times = np.asarray(index)
    if times.dtype.kind in "OUS":  # periods of pandas have no number; their order is the time
        times = np.arange(len(times))
    ticks = times.astype("datetime64[ns]").astype(np.int64) / 1e9 if times.dtype.kind == "M" else times
    clock = np.asarray(ticks, np.float64)
    if (np.diff(clock) < 0).any():
        fault = f"goes back in time in series {k}"
        raise DataError("LiquidEstimator", "X", fault, "Sort each series by time: `X.sort_index()`.")
    return clock


def _gaps(clocks: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    later = np.concatenate([np.diff(clock) for clock in clocks])
    later = later[later > 0]
    first = float(np.median(later)) if later.size else 1.0
    return [np.concatenate([[first], np.diff(clock)]) for clock in clocks]


def _nested(x: Any) -> SeriesPanel:
    series, clocks = [], []
    for k in range(len(x)):
        cells = list(x.iloc[k])
        if len({len(cell) for cell in cells}) > 1:
            fault = f"has channels of unequal length in series {k}"
            raise DataError("LiquidEstimator", "X", fault, "Pass a value, or NaN, for every time.")
        series.append(np.stack([np.asarray(cell, np.float64) for cell in cells]))
        first = cells[0]
        clocks.append(_clock(first.index, k) if hasattr(first, "index") else np.arange(len(first), dtype=np.float64))
    return SeriesPanel(series, _gaps(clocks))


# A block with so many times more channels than steps is in the order of torch, keras and tslearn.
_MANY_CHANNELS = 20


def listed(x: Any) -> Any:
    """An array of objects, each a series, as the list that it is; all else unchanged.

    Example:
        >>> rows = np.empty(2, object)
        >>> rows[0], rows[1] = np.ones((1, 3)), np.ones((1, 5))
        >>> is_listed(listed(rows))
        True
    """
    if getattr(x, "ndim", 0) > 3:
        fault = f"is an array of shape {tuple(x.shape)}, which is no form of series"
        raise DataError("LiquidEstimator", "X", fault, "Pass (batch, channels, time), or a list of (channels, time).")
    is_objects = isinstance(x, np.ndarray) and x.dtype == object and x.size > 0
    if is_objects and x.shape in ((len(x),), (len(x), 1)) and all(np.ndim(cell) == 2 for cell in x.flat):
        return list(x.flat)
    if isinstance(x, Mapping) and not hasattr(x, "shape"):  # a sparse matrix may be a dictionary
        fault = f"is a {type(x).__name__}; expected arrays, or a table with names of columns"
        raise DataError("LiquidEstimator", "X", fault, "Pass `pandas.DataFrame(X)` with `target` and `series`.")
    return plain_array(x)


def is_listed(x: object) -> bool:
    """Whether it is a list of series rather than one table of numbers.

    Example:
        >>> is_listed([[1, 2], [3, 4]]), is_listed([[1, 2], [3]]), is_listed([np.ones((2, 3))])
        (False, True, True)
    """
    if not isinstance(x, list | tuple) or not x:
        return False
    first = np.ndim(x[0]) if not isinstance(x[0], list) or not x[0] else 1 + np.ndim(x[0][0])
    return first == 2 or (first == 1 and len({np.size(row) for row in x}) > 1)


def is_collection(x: object) -> bool:
    """Whether it is `(batch, channels, time)`, a list of series, or a frame of them; all else is a table of numbers."""
    return is_panel(x) or is_listed(x) or getattr(x, "ndim", 0) == 3


def is_table(x: object, target: tuple[str, ...]) -> bool:
    """Whether it is a path, or a long table by the word of who passes a target column."""
    return isinstance(x, str | Path) or bool(target)


def per_step(y: Any) -> bool:
    """Whether a target given with a collection holds one entry per step."""
    return is_listed(y) or (isinstance(y, list | tuple) and len(y) > 0 and np.ndim(y[0]) == 1) or np.ndim(y) > 1


def flat(owner: Any, x: Any, y: Any, *, reset: bool, numeric: bool) -> tuple[Array, Any]:
    """A 2D array checked as scikit-learn checks it: one channel, one step per column; NaN is not observed.

    Raises:
        ValueError: as scikit-learn words it.
    """
    from sklearn.utils.validation import check_array, validate_data

    options: dict[str, Any] = {"dtype": [np.float64, np.float32], "ensure_all_finite": "allow-nan"}
    if not reset:
        if not owner.is_flat_:
            return check_array(x, **options), None
        return validate_data(owner, x, reset=False, **options), None
    if y is None:
        return validate_data(owner, x, y, **options), None
    validated = validate_data(owner, x, y, multi_output=numeric, y_numeric=numeric, **options)
    return validated[0], validated[1]


def settled_axes(owner: str, axes: str, x: Any) -> str:
    """Which axis of a 3D array is time: as it was said, or for `"auto"` the longer by far.

    Raises:
        InputError: it is none of the words.
    """
    if axes not in ("auto", "channels_first", "time_first"):
        fault = f"is {axes!r}; expected auto, channels_first or time_first"
        raise InputError(owner, "axes", fault, "Name one of them.")
    if axes != "auto":
        return axes
    if getattr(x, "ndim", 0) != 3 or np.shape(x)[1] < _MANY_CHANNELS * np.shape(x)[2]:
        return "channels_first"
    count, first, second = np.shape(x)
    sentence = (
        f"{owner}: `X` of shape {(count, first, second)} is read as (batch, time, channels): {first} steps of {second} "
        f'channels. Pass `axes="time_first"` to say so, or `axes="channels_first"` for {first} channels.'
    )
    warnings.warn(sentence, UserWarning, stacklevel=4)
    return "time_first"


def single_target(y: object) -> Any:
    """Targets as NumPy holds them: a column `(n, 1)` as `(n,)`, whole numbers and bools of nullable columns kept.

    Example:
        >>> single_target(np.array([True, False], dtype=object)).dtype
        dtype('bool')
    """
    from sklearn.utils.validation import column_or_1d

    if y is None or isinstance(y, list | tuple):
        return y
    cells = np.asarray(plain_array(y))
    if cells.ndim == 2 and cells.shape[1] == 1:
        cells = column_or_1d(cells, warn=True)
    return numbers_or_names(cells)


def refuse_unlabelled(owner: str, labels: Array) -> None:
    """Refuse labels of series of which one is None, NaN or blank.

    Raises:
        DataError: names the series.
    """
    missing = [is_missing(label) for label in labels.tolist()]
    if any(missing):
        row = missing.index(True)
        raise DataError(owner, "y", f"is missing for series {row}", "Drop the series without a class.", row=row)


def series_of(x: Any, dtype: str, y: Any = None, **options: Any) -> Sequences:
    """Arrays, or frames of sktime, as sequences in a dtype."""
    if is_panel(x):
        read = panel(x)
        return from_arrays(read.series, y, dtype=dtype, dt=read.dt, **{**options, "axes": "channels_first"})
    return from_arrays(x, y, dtype=dtype, **options)


def in_dtype(data: Sequences, dtype: str, fine: bool | None = None) -> Sequences:
    """Sequences for a model of a dtype: cast, unless float32 would lose differences that matter.

    Arguments:
        data: series.
        dtype: of the model.
        fine: whether values stay in float64 to be scaled first; None looks at them.
    """
    if dtype == "float32" and data.values.dtype == np.float64:
        keep = needs_float64(data.values, data.observed) if fine is None else fine
        if data.is_fine or keep:
            return replace(data, precision=dtype)
    if data.values.dtype == dtype:
        return replace(data, precision="") if data.precision else data
    target = data.target
    if target is not None and not data.classes:
        target = target.astype(dtype)
    values, static = data.values.astype(dtype), data.static.astype(dtype)
    return replace(data, values=values, static=static, target=target, precision="")


def weights_of(owner: str, given: object, data: Sequences) -> NDArray[np.float64] | None:
    """Weights of the series, checked, or None.

    Raises:
        InputError: a weight is negative, or none is positive.
        ValueError: the shape is wrong, as scikit-learn words it.
    """
    from sklearn.utils.validation import _check_sample_weight

    if given is None:
        return None
    weights: NDArray[np.float64] = _check_sample_weight(given, data.lengths, dtype=np.float64)
    if (weights < 0).any() or not (weights > 0).any():
        fault = "holds a negative weight, or none above 0"
        raise InputError(owner, "sample_weight", fault, "Pass weights of at least 0, not all 0.")
    return weights


def weighted(encoder: Encoder, data: Sequences, weight: NDArray[np.float64]) -> Encoder:
    """The encoder with scales as if each series stood in the data as often as its weight says.

    Example:
        >>> data = from_arrays(np.array([[0.0, 0.0], [4.0, 4.0]]), [0, 1])
        >>> weighted(Encoder.fit(data), data, np.array([3.0, 1.0])).scaler.mean
        (1.0,)
    """
    old = encoder.scaler
    mean, std = _moments(data.values, data.observed, weight, old.mean, old.std)
    static = _moments(data.static, data.static_observed, weight, old.static_mean, old.static_std)
    target = (old.target_mean, old.target_std)
    if old.target_mean and data.target is not None and data.target_mask is not None:
        target = _moments(data.target, data.target_mask, weight, *target)
    return replace(encoder, scaler=Scaler(mean, std, *static, *target, old.gap, old.fine))


def _moments(
    values: Array,
    known: NDArray[np.bool_],
    weight: NDArray[np.float64],
    old_mean: tuple[float, ...],
    old_std: tuple[float, ...],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    rows, width = int(np.prod(values.shape[:-1])), values.shape[-1]
    cells = values.reshape(rows, width).astype(np.float64)
    share = (known * weight.reshape(-1, *[1] * (values.ndim - 1))).reshape(rows, width)
    total = np.maximum(share.sum(axis=0), 1e-300)
    mean = (share * cells).sum(axis=0) / total
    std = np.sqrt((share * np.square(cells - mean)).sum(axis=0) / total)
    # Categories and constants keep the scale that the scaler gave them.
    is_category = (np.array(old_std) == 1.0) & (np.array(old_mean) == 0.0)
    flat = is_flat(mean, std, values.dtype)
    mean = np.where(is_category, 0.0, mean)
    return tuple(mean.tolist()), tuple(np.where(is_category | flat, 1.0, std).tolist())
