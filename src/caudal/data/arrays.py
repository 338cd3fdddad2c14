"""NumPy arrays and lists of arrays (the forms of aeon and sktime) become `Sequences`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.data.scaler import needs_float64
from caudal.data.sequences import Feature, Finding, Label, Sequences
from caudal.data.spelling import is_missing
from caudal.data.task import TASKS, Task
from caudal.errors import DataError
from caudal.typing import Array

_OWNER = "from_arrays"
_FEW = 20


def from_arrays(
    x: ArrayLike | Sequence[ArrayLike],
    y: ArrayLike | Sequence[ArrayLike] | None = None,
    *,
    axes: str = "channels_first",
    dt: ArrayLike | Sequence[ArrayLike] | None = None,
    task: str = "auto",
    classes: Sequence[Label] | None = None,
    names: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
    ids: ArrayLike | None = None,
    group: ArrayLike | None = None,
    sensitive: Mapping[str, ArrayLike] | None = None,
    static: ArrayLike | None = None,
    static_names: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    time_unit: str = "step",
    dtype: str = "float32",
) -> Sequences:
    """Sequences from a 3D array, or from a list of 2D arrays of unequal length; NaN means not observed.

    Arguments:
        x: `(batch, channels, time)`, a list of `(channels, time)`, or `(batch, time)`; time before channels by `axes`.
        y: classes or numbers, one per series `(batch,)` or `(batch, outputs)`; one per step `(batch, time)` or a list
            of `(time,)` for classes, `(batch, time, outputs)` or a list of `(time, outputs)` for numbers; NaN in a
            number per step is not scored. None when unknown.
        axes: `"channels_first"` or `"time_first"`.
        dt: elapsed time before each step, `(batch, time)` or a list of `(time,)`; None for 1. Steps at the end of a 3D
            array that are empty in every channel are padding, unless `dt` says that time passed before them.
        task: as in `from_frame`; `"auto"` goes by shape and type of `y`. Forecasts are cut by `windows`.
        classes: labels in the order of their codes; None takes those of `y`, sorted.
        names: of the inputs.
        units: of the inputs.
        ids: `(batch,)` name of each series.
        group: `(batch,)` cluster of each series, which no split tears apart.
        sensitive: protected attributes, each `(batch,)`; never inputs.
        static: `(batch, statics)` numbers per series; NaN means not observed.
        static_names: of the static features.
        outputs: names of the target columns.
        time_unit: unit of `dt`.
        dtype: `"float32"` or `"float64"`.

    Raises:
        DataError: shapes disagree, a series is empty, a value is infinite, `y` has NaN or one class.

    Example:
        >>> data = from_arrays([np.ones((2, 3)), np.ones((2, 5))], ["a", "b"])
        >>> data.lengths.tolist(), data.classes
        ([3, 5], ('a', 'b'))
    """
    rows, dt, findings = _unpadded(_series(x, axes, dtype), dt, x, y, task)
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    values = _pad(rows, lengths)
    observed = ~np.isnan(values) & (np.arange(values.shape[1]) < lengths[:, None])[:, :, None]
    _refuse_infinite("x", values)
    width, batch = values.shape[2], len(rows)
    labels = _names("names", names, width, "x")
    measure = _names("units", units, width, None) if units is not None else ("",) * width
    target = _Target(y, task, classes, lengths, values.shape[1])
    fixed = np.zeros((batch, 0)) if static is None else _grid("static", static, batch, np.dtype(np.float64))
    _refuse_infinite("static", fixed)
    fine = dtype == "float32" and _loses(values, observed, fixed, target)
    stored = np.dtype("float64" if fine else dtype)
    _refuse_large(values, stored)
    columns = _names("static_names", static_names, fixed.shape[1], "static")
    return Sequences(
        values=np.where(observed, values, 0).astype(stored),
        observed=observed,
        dt=_elapsed(dt, lengths, values.shape[1]),
        lengths=lengths,
        features=tuple(Feature(name, unit) for name, unit in zip(labels, measure, strict=True)),
        task=target.task,
        target=target.values if target.classes or target.values is None else target.values.astype(stored),
        target_mask=target.mask,
        classes=target.classes,
        outputs=tuple(outputs) if outputs is not None else target.outputs,
        ids=np.arange(batch) if ids is None else _plain("ids", ids, batch),
        start=np.zeros(batch),
        group=None if group is None else _plain("group", group, batch),
        static=np.nan_to_num(fixed).astype(stored),
        static_observed=~np.isnan(fixed),
        statics=tuple(Feature(name) for name in columns),
        sensitive={name: _plain(name, column, batch) for name, column in (sensitive or {}).items()},
        time_unit=time_unit,
        findings=findings,
        precision=dtype if fine else "",
    )


def _loses(values: Array, observed: NDArray[np.bool_], static: Array, target: "_Target") -> bool:
    """Whether float32 would lose differences of an input, a static feature or a target of numbers."""
    blocks = [(values, observed), (static, ~np.isnan(static))]
    if target.values is not None and target.mask is not None and not target.classes:
        blocks.append((target.values, target.mask))
    return any(needs_float64(cells, known) for cells, known in blocks)


def _refuse_large(values: Array, dtype: np.dtype[Any]) -> None:
    large = np.abs(np.nan_to_num(values)) > np.finfo(dtype).max
    if large.any():
        at = tuple(int(i) for i in np.argwhere(large)[0])
        remedy = 'Pass `dtype="float64"`, or repair the value.'
        raise DataError(_OWNER, "x", f"holds {values[at]:g} at {at}, beyond {dtype}", remedy)


class _Target:
    """The target as codes or floats with its mask, and the task it implies."""

    def __init__(
        self,
        y: object,
        task: str,
        classes: Sequence[Label] | None,
        lengths: NDArray[np.int64],
        steps: int,
    ) -> None:
        if task not in ("auto", *TASKS) or task == "forecast":
            remedy = "For a forecast read each step as `imitate` and cut with `windows(horizon=...)`."
            raise DataError(_OWNER, "task", f"is {task!r}; expected auto, {', '.join(TASKS)}", remedy)
        self.classes: tuple[Label, ...] = tuple(classes or ())
        self.outputs: tuple[str, ...] = ("target",)
        self.values: Array | None = None
        self.mask: NDArray[np.bool_] | None = None
        if y is None:
            self.task = Task.CLASSIFY if task == "auto" else Task(task)
            return
        raw, ragged = _target_array(y, lengths, steps)
        per_step = ragged or _is_per_step(raw, task, lengths, steps)
        within = np.arange(steps) < lengths[:, None] if per_step else np.ones(len(lengths), np.bool_)
        self.task = _guess(raw, within, per_step) if task == "auto" else Task(task)
        if self.task.is_classification:
            self._classify(raw, within)
        else:
            self._regress(raw, within)

    def _classify(self, raw: Array, within: NDArray[np.bool_]) -> None:
        if raw.shape != within.shape:
            fault = f"has shape {raw.shape}; classes need {within.shape}"
            remedy = "Pass one class per series, or one per step."
            if raw.ndim == 2 and raw.dtype.kind in "iufb" and np.array_equal(raw.max(axis=1), raw.sum(axis=1)):
                remedy = "Of one column per class pass the classes: `y.argmax(axis=1)`."
            raise DataError(_OWNER, "y", fault, remedy)
        known = within & _is_known(raw)
        if self.task == "classify" and not known.all():
            fault = f"is missing for series {int(np.argmin(known))}"
            raise DataError(_OWNER, "y", fault, "Drop the series without a target.", row=int(np.argmin(known)))
        labels = np.unique(raw[known])
        if labels.dtype.kind == "f" and np.array_equal(labels, np.floor(labels)):
            labels, raw = labels.astype(np.int64), np.where(known, raw, 0).astype(np.int64)
        self.classes = self.classes or tuple(labels.tolist())
        if len(self.classes) < 2:
            raise DataError(_OWNER, "y", "holds one class only", "A classifier needs at least two classes.")
        place = {label: code for code, label in enumerate(self.classes)}
        strange = [label for label in labels.tolist() if label not in place]
        if strange:
            fault = f"holds the class {strange[0]!r}, which is not among {list(self.classes)}"
            raise DataError(_OWNER, "y", fault, "Add it to `classes`.")
        codes = np.array([place.get(label, 0) for label in raw.ravel().tolist()], dtype=np.int64).reshape(raw.shape)
        self.values, self.mask = np.where(known, codes, 0), known

    def _regress(self, raw: Array, within: NDArray[np.bool_]) -> None:
        if raw.dtype.kind not in "iufb":
            raise DataError(_OWNER, "y", f"has dtype {raw.dtype}; a regression needs numbers", "Pass floats.")
        if raw.ndim == within.ndim:
            raw = raw[..., None]
        if raw.shape[:-1] != within.shape:
            fault = f"has shape {raw.shape}; expected {(*within.shape, 'outputs')}"
            raise DataError(_OWNER, "y", fault, "Pass one row of numbers per series, or one per step.")
        _refuse_infinite("y", raw)
        known = within[..., None] & ~np.isnan(raw.astype(np.float64))
        if self.task == "regress" and not known.all():
            row = int(np.argwhere(~known)[0, 0])
            raise DataError(_OWNER, "y", f"is NaN for series {row}", "Drop the series without a target.", row=row)
        self.values, self.mask = np.where(known, raw, 0).astype(np.float64), known
        if raw.shape[-1] > 1:
            self.outputs = tuple(f"target{k}" for k in range(raw.shape[-1]))


def _is_known(raw: Array) -> NDArray[np.bool_]:
    if raw.dtype.kind == "f":
        return np.asarray(~np.isnan(raw), np.bool_)
    return np.asarray(raw != "", np.bool_) if raw.dtype.kind == "U" else np.ones(raw.shape, np.bool_)


def _is_per_step(raw: Array, task: str, lengths: NDArray[np.int64], steps: int) -> bool:
    if task != "auto":
        return Task(task).is_per_step
    return raw.ndim == 3 or (raw.ndim == 2 and raw.shape[1] == steps and steps > 1)


def _guess(raw: Array, within: NDArray[np.bool_], per_step: bool) -> Task:
    known = raw[within] if raw.shape == within.shape else raw
    labels = raw.dtype.kind in "Ub" or (raw.dtype.kind in "iu" and len(np.unique(known)) <= _FEW)
    if labels and raw.ndim == within.ndim:
        return Task.CLASSIFY_STEPS if per_step else Task.CLASSIFY
    return Task.IMITATE if per_step else Task.REGRESS


def _target_array(y: Any, lengths: NDArray[np.int64], steps: int) -> tuple[Array, bool]:
    """The target as one array, and whether it came as a list with one array per series."""
    if not isinstance(y, np.ndarray) and not np.isscalar(y) and any(np.ndim(row) for row in y):
        rows = [np.asarray(row) for row in y]
        if [len(row) for row in rows] != lengths.tolist():
            wrong = [len(row) for row in rows] != lengths[: len(rows)]
            at = int(np.argmax(wrong)) if len(rows) == len(lengths) else len(rows)
            raise DataError(_OWNER, "y", f"has not the length of x, first at series {at}", "Pass a target per step.")
        shape = (len(rows), steps, *rows[0].shape[1:])
        padded = np.zeros(shape, np.result_type(*rows))
        for k, row in enumerate(rows):
            padded[k, : len(row)] = row
        return padded, True
    raw = numbers_or_names(plain_array(y))
    if raw.dtype == object:
        raw = np.array(["" if is_missing(cell) else str(cell) for cell in raw.ravel()]).reshape(raw.shape)
    if raw.ndim == 0 or len(raw) != len(lengths):
        fault = f"has shape {raw.shape}; x holds {len(lengths)} series"
        raise DataError(_OWNER, "y", fault, "Pass one target per series.")
    return raw, False


def _unpadded(
    rows: list[NDArray[np.float64]], dt: Any, x: object, y: object, task: str
) -> tuple[list[NDArray[np.float64]], Any, tuple[Finding, ...]]:
    """Series and elapsed times of a 3D array without the steps at their end that are empty in every channel; told.

    A step stays where `dt` says that time passed, where a target is asked for at each step, and in a series that is
    empty throughout.
    """
    stay = (task in TASKS and Task(task).is_per_step) or (y is not None and _is_by_step(y, len(rows[0])))
    if getattr(x, "ndim", 0) != 3 or stay:
        return rows, dt, ()
    # Times of another form stay as they are: `_elapsed` refuses them in words.
    has_times = dt is not None and len(dt) == len(rows)
    times = [np.asarray(gaps) for gaps in dt] if has_times else [None] * len(rows)
    ends = [_end(row, gaps) for row, gaps in zip(rows, times, strict=True)]
    short = [k for k, row in enumerate(rows) if ends[k] < len(row)]
    if not short:
        return rows, dt, ()
    text = (
        f"{len(short)} series end in steps that are empty in every channel, first series {short[0]}; "
        "those steps are padding, not time."
    )
    if has_times:
        fitting = [np.shape(gaps) == row.shape[:1] for row, gaps in zip(rows, dt, strict=True)]
        dt = [gaps[:end] if fits else gaps for gaps, end, fits in zip(dt, ends, fitting, strict=True)]
    return [row[:end] for row, end in zip(rows, ends, strict=True)], dt, (Finding("padding", "", text, len(short)),)


def _end(row: NDArray[np.float64], gaps: NDArray[np.float64] | None) -> int:
    """Steps of one series up to the last that holds a value or to which time passed; all where there is none."""
    real = ~np.isnan(row).all(axis=1)
    if gaps is not None and gaps.shape == real.shape and gaps.dtype.kind in "fiu":
        real = real | (gaps > 0)
    return int(np.max(np.flatnonzero(real), initial=-1)) + 1 or len(row)


def _is_by_step(y: Any, steps: int) -> bool:
    if isinstance(y, list | tuple):
        return len(y) > 0 and np.ndim(y[0]) > 0
    return np.ndim(y) > 1 and np.shape(y)[1] == steps


def numbers_or_names(y: object) -> Array:
    """A target as an array; whole numbers and bools of nullable columns of pandas stay what they are."""
    raw = np.asarray(y)
    if raw.dtype != object or not raw.size or any(is_missing(cell) for cell in raw.flat):
        return raw
    kinds = {type(cell) for cell in raw.flat}
    if kinds <= {bool, np.bool_} or all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
        return np.array(raw.tolist())
    return raw


def _series(x: Any, axes: str, dtype: str) -> list[NDArray[np.float64]]:
    """One `(time, channels)` float64 array per series."""
    if axes not in ("channels_first", "time_first"):
        raise DataError(_OWNER, "axes", f"is {axes!r}; expected channels_first or time_first", "Name one of them.")
    if dtype not in ("float32", "float64"):
        raise DataError(_OWNER, "dtype", f"is {dtype!r}; expected float32 or float64", "Pass one of them.")
    if isinstance(x, Mapping) or getattr(x, "ndim", 0) > 3:
        shown = "a dictionary" if isinstance(x, Mapping) else f"an array of {x.ndim} axes"
        raise DataError(_OWNER, "x", f"is {shown}; expected (batch, channels, time)", "Pass one 3D array, or a list.")
    series = []
    for k, row in enumerate(plain_array(x)):
        try:
            array = np.asarray(plain_array(row), dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise DataError(_OWNER, "x", f"holds no numbers in series {k} ({error})", "Pass numbers.", row=k) from None
        array = array[None, :] if array.ndim == 1 and axes == "channels_first" else array
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or 0 in array.shape:
            fault = f"has shape {np.shape(row)} in series {k}; expected a non-empty (channels, time)"
            raise DataError(_OWNER, "x", fault, "Drop empty series; see `axes` for the order.", row=k)
        series.append(array.T if axes == "channels_first" else array)
        if series[k].shape[1] != series[0].shape[1]:
            fault = f"has {series[k].shape[1]} channels in series {k} and {series[0].shape[1]} in series 0"
            raise DataError(_OWNER, "x", fault, "Pass the same channels for every series; see `axes`.", row=k)
    if not series:
        raise DataError(_OWNER, "x", "holds no series", "Pass at least one.")
    return series


def plain_array(x: object) -> Any:
    """An array without a mask or a gradient: what is masked is NaN; anything else unchanged.

    Example:
        >>> plain_array(np.ma.masked_greater(np.array([1.0, 9999.0]), 5000)).tolist()
        [1.0, nan]
    """
    if isinstance(x, np.ma.MaskedArray):
        return np.ma.filled(x.astype(np.float64), np.nan)
    return x.detach().cpu().numpy() if hasattr(x, "detach") else x


def _pad(rows: list[NDArray[np.float64]], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    values = np.zeros((len(rows), int(lengths.max()), rows[0].shape[1]))
    for k, row in enumerate(rows):
        values[k, : len(row)] = row
    return values


def _elapsed(dt: Any, lengths: NDArray[np.int64], steps: int) -> NDArray[np.float64]:
    within = np.arange(steps) < lengths[:, None]
    if dt is None:
        return within.astype(np.float64)
    given = np.zeros((len(lengths), steps))
    if len(dt) != len(lengths):
        raise DataError(_OWNER, "dt", f"holds {len(dt)} series; x holds {len(lengths)}", "Pass gaps for each series.")
    for k, row in enumerate(dt):
        gaps = np.asarray(row, dtype=np.float64)
        if gaps.ndim != 1 or len(gaps) < lengths[k] or len(gaps) > steps:
            fault = f"has shape {gaps.shape} for series {k}; expected ({lengths[k]},)"
            raise DataError(_OWNER, "dt", fault, "Pass one elapsed time per step.", row=k)
        given[k, : lengths[k]] = gaps[: lengths[k]]
    return given


def _grid(name: str, array: ArrayLike, batch: int, dtype: np.dtype[Any]) -> Array:
    grid = np.asarray(array, dtype=dtype)
    if grid.ndim != 2 or len(grid) != batch:
        raise DataError(_OWNER, name, f"has shape {grid.shape}; expected ({batch}, features)", "Pass a 2D array.")
    return grid


def _names(argument: str, names: Sequence[str] | None, width: int, prefix: str | None) -> tuple[str, ...]:
    if names is None:
        return tuple(f"{prefix}{k}" for k in range(width))
    if len(names) != width:
        raise DataError(_OWNER, argument, f"holds {len(names)} names for {width} columns", "Pass one name per column.")
    return tuple(names)


def _plain(name: str, column: ArrayLike, batch: int) -> Array:
    array = np.asarray(column)
    if array.shape != (batch,):
        raise DataError(_OWNER, name, f"has shape {array.shape}; expected ({batch},)", "Pass one value per series.")
    return array.astype(np.str_) if array.dtype.kind not in "iufbU" else array


def _refuse_infinite(name: str, values: Array) -> None:
    infinite = np.isinf(values.astype(np.float64)) if values.dtype.kind in "iub" else np.isinf(values)
    if infinite.any():
        at = tuple(int(i) for i in np.argwhere(infinite)[0])
        raise DataError(_OWNER, name, f"holds infinity at {at}", "Repair the value, or put NaN where it is unknown.")
