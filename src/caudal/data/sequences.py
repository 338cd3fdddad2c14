"""One frozen value for a set of time series: what is known, when, of whom, and what is asked."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from caudal.data.recipe import Recipe
from caudal.data.task import Task
from caudal.errors import DataError
from caudal.typing import Array

_OWNER = "Sequences"
_TARGET_AXES = {"classify": 1, "classify_steps": 2, "regress": 2, "forecast": 3, "imitate": 3}


def check_sequences(data: "Sequences") -> None:
    """Refuse a value whose parts disagree.

    Raises:
        DataError: names the part, the fault and the remedy.
    """
    _check_block(data)
    _check_time(data)
    _check_target(data)
    _check_people(data)


def _fail(argument: str, fault: str, remedy: str = "Build it with `from_frame` or `from_arrays`.") -> DataError:
    return DataError(_OWNER, argument, fault, remedy)


def _check_shape(name: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise _fail(name, f"has shape {array.shape}; expected {shape}")


def _check_kind(name: str, array: Array, kinds: str, words: str) -> None:
    if array.dtype.kind not in kinds:
        raise _fail(name, f"has dtype {array.dtype}; expected {words}")


def _check_block(data: "Sequences") -> None:
    values = data.values
    if values.dtype not in (np.float32, np.float64) or values.ndim != 3:
        raise _fail("values", f"is {values.dtype} of shape {values.shape}; expected floats of (batch, time, input)")
    batch, time, size = values.shape
    if batch == 0 or time == 0:
        raise _fail("values", f"has shape {values.shape}: there is no series or no step", "Select at least one series.")
    if len(data.features) != size:
        raise _fail("features", f"names {len(data.features)} inputs; values hold {size}")
    names = [feature.name for feature in (*data.features, *data.statics)]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise _fail("features", f"hold the name {twice[0]!r} more than once", "Give each input its own name.")
    _check_shape("lengths", data.lengths, (batch,))
    _check_kind("lengths", data.lengths, "i", "an integer type")
    if data.lengths.min() < 1 or data.lengths.max() > time:
        at = int(np.argmax((data.lengths < 1) | (data.lengths > time)))
        raise _fail("lengths", f"holds {data.lengths[at]} for series {at}; expected 1 to {time}", "Drop empty series.")
    _check_shape("observed", data.observed, values.shape)
    _check_kind("observed", data.observed, "b", "bool")
    if not np.isfinite(values).all():
        at3 = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise _fail("values", f"hold NaN or infinity at (series, step, input) {at3}", "Put 0, and False in `observed`.")
    if np.any(data.observed, where=~data.mask[:, :, None]) or np.any(values, where=~data.observed):
        raise _fail("values", "hold something in padding or in a cell that was not observed", "Put 0 and False there.")


def _check_time(data: "Sequences") -> None:
    batch, time, _ = data.values.shape
    _check_shape("dt", data.dt, (batch, time))
    _check_kind("dt", data.dt, "f", "float64")
    bad = ~np.isfinite(data.dt) | (data.dt < 0)
    if bad.any():
        series, step = (int(i) for i in np.argwhere(bad)[0])
        raise _fail(
            "dt",
            f"holds {data.dt[series, step]:g} at series {series}, step {step}; elapsed times are finite and at least 0",
            "Sort each series by time and pass the differences.",
        )
    if np.any(data.dt, where=~data.mask):
        raise _fail("dt", "holds something in the padding", "Put 0 after the last step of each series.")
    _check_shape("start", data.start, (batch,))
    if not np.isfinite(data.start).all():
        raise _fail("start", "holds NaN or infinity", "Pass the time of the first step of each series.")


def _check_target(data: "Sequences") -> None:
    if data.task not in _TARGET_AXES:
        raise _fail("task", f"is {data.task!r}; expected one of {', '.join(_TARGET_AXES)}", "Name one of them.")
    if (data.target is None) != (data.target_mask is None):
        raise _fail("target_mask", "must be given together with `target`")
    if (data.task == "forecast") != (data.ahead is not None):
        raise _fail("ahead", "is given for forecasts, and only for them")
    if data.target is None or data.target_mask is None:
        return
    classify = data.task.is_classification
    shape = {
        "classify": (len(data),),
        "classify_steps": (len(data), data.steps),
        "regress": (len(data), len(data.outputs)),
        "forecast": (len(data), 0 if data.ahead is None else data.ahead.shape[-1], len(data.outputs)),
        "imitate": (len(data), data.steps, len(data.outputs)),
    }[data.task]
    _check_shape("target", data.target, shape)
    _check_shape("target_mask", data.target_mask, shape)
    _check_kind("target", data.target, "i" if classify else "f", "int64" if classify else "floats")
    counted = data.target[data.target_mask]
    if classify and counted.size and (counted.min() < 0 or counted.max() >= len(data.classes)):
        raise _fail("target", f"holds a position outside the {len(data.classes)} classes")
    if not classify and not np.isfinite(counted).all():
        raise _fail("target", "holds NaN or infinity where `target_mask` is True", "Put False in `target_mask` there.")


def _check_people(data: "Sequences") -> None:
    batch = len(data)
    _check_shape("ids", data.ids, (batch,))
    if len(np.unique(data.ids)) != batch:
        ids, counts = np.unique(data.ids, return_counts=True)
        raise _fail("ids", f"name series {ids[counts > 1][0]!s} more than once", "Give each series its own name.")
    if data.group is not None:
        _check_shape("group", data.group, (batch,))
    for name, column in data.sensitive.items():
        _check_shape(f"sensitive[{name!r}]", column, (batch,))
    _check_shape("static", data.static, (batch, len(data.statics)))
    _check_shape("static_observed", data.static_observed, (batch, len(data.statics)))
    if not np.isfinite(data.static).all() or np.any(data.static, where=~data.static_observed):
        raise _fail("static", "holds NaN, infinity, or something not observed", "Put 0, and False in static_observed.")


Kind = Literal["number", "category"]
Label = str | int | float | bool
Rows = Sequence[int] | NDArray[np.integer[Any]] | NDArray[np.bool_] | slice


@dataclass(frozen=True)
class Feature:
    """One input or static feature.

    Attributes:
        name: for a category, `"column=value"`.
        unit: of the values, or `""`.
        kind: `"number"`, or `"category"` for one indicator of a one-hot encoding.
    """

    name: str
    unit: str = ""
    kind: Kind = "number"


@dataclass(frozen=True)
class Finding:
    """Something odd in the data that did not stop the reading, and what was done about it.

    Attributes:
        code: a stable word: `"sorted"`, `"duplicates"`, `"constant"`, `"empty"`, `"gap"`, `"unseen"`, `"unlabelled"`,
            `"single_series"`, `"missing_words"`, `"preface"`, `"points"`, `"padding"`, `"rare_class"`,
            `"missing_sensitive"`, `"equal_times"`, `"short"`, and of likely accidents `"left_out"`, `"owner"`,
            `"spelling"`, `"row_order"`, `"calendar"`, `"sentinel"`, `"total"`, `"repeated"`, `"flip"`,
            `"no_past"`; `"accents"` of a name that is written otherwise, `"first_batch"` of a file in batches.
        column: the column, or `""` for the whole table.
        message: a full sentence that names row and column.
        count: how many rows or series.
        row: position of the first row, from 0, or None.
    """

    code: str
    column: str
    message: str
    count: int = 1
    row: int | None = None


@dataclass(frozen=True, eq=False)
class Sequences:
    """A set of series of unequal length on irregular times, with holes, padded to one block. Frozen and checked.

    Arrays are read-only views. Cells that were not observed, and padding, hold 0 in `values` and False in `observed`.

    Attributes:
        values: `(batch, time, input)` float32 or float64, finite.
        observed: `(batch, time, input)` bool; whether the cell was measured.
        dt: `(batch, time)` float64, time since the previous step in `time_unit`; 0 in the padding. The first step of a
            series has no previous one and holds a typical gap (see `from_frame`).
        lengths: `(batch,)` int64, valid steps of each series, at least 1.
        features: the inputs, one `Feature` each.
        task: what is asked of a model.
        target: by task: classify `(batch,)` int64; classify_steps `(batch, time)` int64; regress `(batch, outputs)`;
            forecast `(batch, horizon, outputs)`; imitate `(batch, time, outputs)`; None when unknown (prediction).
        target_mask: bool, shape of `target`: which entries count.
        classes: class names; `target` holds positions in it. Empty unless the task classifies.
        outputs: names of the target columns.
        ids: `(batch,)` name of each series, unique.
        start: `(batch,)` float64, time of the first step, in `time_unit` from a common origin.
        ahead: `(batch, horizon)` float64, forecast only: gaps between the last step and each target step.
        group: `(batch,)` cluster of each series (patient, subject, parent series), which no split tears apart, or None.
        static: `(batch, statics)` per-series features, 0 where `static_observed` is False.
        static_observed: `(batch, statics)` bool.
        statics: the static features, one `Feature` each.
        sensitive: protected attributes, name to `(batch,)`; never inputs unless the same column was listed as one.
        time_unit: unit of `dt`, for example `"d"`.
        findings: what was odd and what was done about it.
        recipe: how a table was read, to read another the same way; None for arrays.
        precision: dtype that networks are given, where `values` are float64 because float32 would lose differences
            that matter; `""` for that of `values`.

    Raises:
        DataError: shapes disagree, a value is not finite, a length or elapsed time is impossible, ids repeat.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.zeros((4, 2, 5)), [0, 1, 0, 1])
        >>> data
        Sequences(4 series of up to 5 steps, 2 inputs, classify 2 classes, 0 % missing, time in step)
        >>> data.select([0, 3]).target.tolist()
        [0, 1]
    """

    values: NDArray[np.floating[Any]]
    observed: NDArray[np.bool_]
    dt: NDArray[np.float64]
    lengths: NDArray[np.int64]
    features: tuple[Feature, ...]
    task: Task
    target: Array | None
    target_mask: NDArray[np.bool_] | None
    ids: Array
    start: NDArray[np.float64]
    classes: tuple[Label, ...] = ()
    outputs: tuple[str, ...] = ("target",)
    ahead: NDArray[np.float64] | None = None
    group: Array | None = None
    static: NDArray[np.floating[Any]] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    static_observed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    statics: tuple[Feature, ...] = ()
    sensitive: Mapping[str, Array] = field(default_factory=dict)
    time_unit: str = "step"
    findings: tuple[Finding, ...] = ()
    recipe: Recipe | None = None
    precision: str = ""

    def __post_init__(self) -> None:
        if self.task in _TARGET_AXES:
            object.__setattr__(self, "task", Task(self.task))
        if not self.statics:
            object.__setattr__(self, "static", np.zeros((len(self.lengths), 0), self.values.dtype))
            object.__setattr__(self, "static_observed", np.zeros((len(self.lengths), 0), np.bool_))
        check_sequences(self)
        for name in ARRAYS:
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, _read_only(array))
        frozen = {name: _read_only(column) for name, column in self.sensitive.items()}
        object.__setattr__(self, "sensitive", MappingProxyType(frozen))

    def __getstate__(self) -> dict[str, object]:
        """Plain dictionary for copying and for worker processes (a mapping proxy does not pickle)."""
        return {**self.__dict__, "sensitive": dict(self.sensitive)}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore a copy; arrays become read-only again."""
        self.__dict__.update(state)
        self.__post_init__()

    def __len__(self) -> int:
        return int(self.lengths.shape[0])

    @property
    def steps(self) -> int:
        """Size of the time axis, the longest series."""
        return int(self.values.shape[1])

    @property
    def inputs(self) -> int:
        """Number of input features."""
        return int(self.values.shape[2])

    @property
    def is_fine(self) -> bool:
        """Whether values are kept in float64 for networks of float32."""
        return self.precision == "float32" and self.values.dtype == np.float64

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(feature.name for feature in self.features)

    @property
    def units(self) -> tuple[str, ...]:
        """Units of the inputs."""
        return tuple(feature.unit for feature in self.features)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """`(batch, time)` bool, which steps are no padding."""
        within: NDArray[np.bool_] = np.arange(self.steps) < self.lengths[:, None]
        return within

    @property
    def times(self) -> NDArray[np.float64]:
        """`(batch, time)` float64, time of each step in `time_unit`; the padding repeats the last time."""
        gaps = self.dt.copy()
        gaps[:, 0] = self.start
        return np.cumsum(gaps, axis=1)

    @property
    def end(self) -> NDArray[np.float64]:
        """`(batch,)` float64, latest time that inputs or target of a series touch."""
        last = self.times[:, -1]
        return last if self.ahead is None else last + self.ahead.sum(axis=1)

    @property
    def missing(self) -> float:
        """Share of cells, padding aside, that were not observed."""
        cells = int(self.lengths.sum()) * self.inputs
        return 1.0 - int(self.observed.sum()) / cells if cells else 0.0

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the content: arrays, names, units, classes. Findings and recipe do not count."""
        return digest(self)

    def select(self, rows: Rows) -> "Sequences":
        """The given series, in the given order, padded to the longest of them.

        Arguments:
            rows: positions, a bool mask `(batch,)`, or a slice.

        Raises:
            DataError: `rows` selects nothing, a series twice, or one that is not there.
        """
        at = _positions(rows, len(self))
        longest = int(self.lengths[at].max()) if len(at) else self.steps
        per_step = (*_PER_STEP, *(("target", "target_mask") if self.task.is_per_step else ()))
        chosen: dict[str, Any] = {}
        for name in ARRAYS:
            whole = getattr(self, name)
            if whole is not None:
                chosen[name] = (whole[:, :longest] if name in per_step else whole)[at]
        return replace(self, **chosen, sensitive={name: column[at] for name, column in self.sensitive.items()})

    def without_target(self) -> "Sequences":
        """The same series with the target unknown, as at prediction time."""
        return replace(self, target=None, target_mask=None)

    def with_findings(self, more: Iterable[Finding]) -> "Sequences":
        """The same value with further findings."""
        return replace(self, findings=(*self.findings, *more))

    def __repr__(self) -> str:
        known = "" if self.target is not None else ", target unknown"
        classes = f" {len(self.classes)} classes" if self.classes else ""
        return (
            f"Sequences({len(self):,} series of up to {self.steps:,} steps, {self.inputs} inputs, "
            f"{self.task}{classes}{known}, {100 * self.missing:.0f} % missing, time in {self.time_unit})"
        )


def _positions(rows: Rows, count: int) -> NDArray[np.int64]:
    if isinstance(rows, slice):
        return np.arange(count, dtype=np.int64)[rows]
    at = np.asarray(rows)
    if at.size == 0 and at.ndim == 1:
        return np.zeros(0, np.int64)
    mask = at.dtype == np.bool_
    if at.ndim != 1 or at.dtype.kind not in "iub" or (mask and len(at) != count):
        fault = f"is {at.dtype} of shape {at.shape}; expected positions, or a bool mask of shape ({count},)"
        raise DataError("Sequences.select", "rows", fault, "Pass integers from 0.")
    if not mask and (at.max() >= count or at.min() < -count):
        fault = f"holds {int(at.max() if at.max() >= count else at.min())}; there are {count} series"
        raise DataError("Sequences.select", "rows", fault, "Pass positions below the number of series.")
    return np.asarray(np.arange(count, dtype=np.int64)[at])


def _read_only(array: Array) -> Array:
    view = array.view()
    view.setflags(write=False)
    return view


ARRAYS = (
    *("values", "observed", "dt", "lengths", "target", "target_mask", "ids"),
    *("start", "ahead", "group", "static", "static_observed"),
)


_PER_STEP = ("values", "observed", "dt")


def digest(data: "Sequences") -> str:
    """SHA-256 in hex of every array (dtype, shape, bytes) and of names, units, task and classes."""
    ledger = hashlib.sha256(b"caudal.Sequences/1")
    for name in ARRAYS:
        update(ledger, name, getattr(data, name))
    for name in sorted(data.sensitive):
        update(ledger, f"sensitive/{name}", data.sensitive[name])
    facts = {
        "features": [[f.name, f.unit, f.kind] for f in data.features],
        "statics": [[f.name, f.unit, f.kind] for f in data.statics],
        "task": data.task,
        "classes": list(data.classes),
        "outputs": list(data.outputs),
        "time_unit": data.time_unit,
    }
    ledger.update(json.dumps(facts, sort_keys=True).encode())
    return ledger.hexdigest()


def update(ledger: "hashlib._Hash", name: str, array: Array | None) -> None:
    """Add name, dtype, shape and bytes of an array to a digest under way."""
    if array is None:
        ledger.update(f"|{name}:none".encode())
        return
    if array.dtype.kind == "U":
        # The width of a string array depends on its neighbours, not on its content.
        ledger.update(f"|{name}:text:".encode() + json.dumps(array.tolist()).encode())
        return
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    ledger.update(f"|{name}:{plain.dtype.str}:{plain.shape}:".encode())
    ledger.update(plain.data)
