"""One frozen value for a set of time series: what is known, when, of whom, and what is asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from caudal.data.check import check_sequences
from caudal.data.digest import ARRAYS, digest
from caudal.data.recipe import Recipe
from caudal.errors import DataError

Task = Literal["classify", "classify_steps", "regress", "forecast", "imitate"]
TASKS: tuple[Task, ...] = get_args(Task)
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
        group: `(batch,)` who a series belongs to (patient, subject, parent series), or None.
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
    target: NDArray[Any] | None
    target_mask: NDArray[np.bool_] | None
    ids: NDArray[Any]
    start: NDArray[np.float64]
    classes: tuple[Label, ...] = ()
    outputs: tuple[str, ...] = ("target",)
    ahead: NDArray[np.float64] | None = None
    group: NDArray[Any] | None = None
    static: NDArray[np.floating[Any]] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    static_observed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    statics: tuple[Feature, ...] = ()
    sensitive: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    time_unit: str = "step"
    findings: tuple[Finding, ...] = ()
    recipe: Recipe | None = None
    precision: str = ""

    def __post_init__(self) -> None:
        if not self.statics:
            object.__setattr__(self, "static", np.zeros((len(self.lengths), 0), self.values.dtype))
            object.__setattr__(self, "static_observed", np.zeros((len(self.lengths), 0), np.bool_))
        check_sequences(self)
        for name in ARRAYS:
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, _read_only(array))
        kept = {name: _read_only(column) for name, column in self.sensitive.items()}
        object.__setattr__(self, "sensitive", MappingProxyType(kept))

    def __getstate__(self) -> dict[str, Any]:
        """Plain dictionary for copying and for worker processes (a mapping proxy does not pickle)."""
        return {**self.__dict__, "sensitive": dict(self.sensitive)}

    def __setstate__(self, state: dict[str, Any]) -> None:
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
        """The given series, in the given order.

        Arguments:
            rows: positions, a bool mask `(batch,)`, or a slice.

        Raises:
            DataError: `rows` selects nothing, a series twice, or one that is not there.
        """
        at = _positions(rows, len(self))
        chosen: dict[str, Any] = {name: getattr(self, name)[at] for name in ARRAYS if getattr(self, name) is not None}
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


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view
