"""Long series cut into windows that remember whom they were cut from, so that no split can leak."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.calendar import next_times
from caudal.data.recipe import Recipe
from caudal.data.sequences import Finding, Sequences
from caudal.data.split import FEW, TimeSpans, past, split
from caudal.data.table import TICKS
from caudal.data.task import Task
from caudal.errors import DataError

Gaps = NDArray[np.float64]
Rows = NDArray[np.int64]
# What one block of windows may fill; beyond `_AT_ONCE` an estimator cuts them in chunks.
LARGEST_BYTES, _AT_ONCE, _CHUNK_BYTES = 2**32, 2**26, 2**23
# One series asked at each step is cut into about so many windows, of so many steps at least and at most.
_WINDOWS, _SHORT, _LONG, _FEWEST = 60, 8, 100, 8


def windows(data: Sequences, length: int, stride: int = 1, horizon: int = 0, *, gaps: str = "true") -> Sequences:
    """Windows of `length` steps, `stride` steps apart. A target per series goes to each of its windows.

    Each window belongs to the cluster of its parent, or to the parent itself, so splits by cluster keep it in one part.
    A series shorter than `length + horizon` gives no window, and a finding says so.

    Arguments:
        data: whole series; no forecasts.
        length: steps of a window.
        stride: steps between the first steps of successive windows.
        horizon: 0 keeps the target of each step; `h` makes a forecast of the target of the next `h` steps.
        gaps: `"true"` keeps the elapsed time before the first step of a window; `"first"` gives it that of the
            first step of its series, as if the window were all there is.

    Returns:
        Sequences of `(windows, length, input)`, ids `"parent@first step"`, task `"forecast"` with a horizon.

    Raises:
        DataError: the series are forecasts already, a size is not positive, or no series is long enough.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.arange(10.0).reshape(1, 1, 10), np.arange(10.0).reshape(1, 10, 1), task="imitate")
        >>> cut = windows(data, length=4, stride=2, horizon=2)
        >>> cut.values[:, :, 0].tolist()
        [[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0], [4.0, 5.0, 6.0, 7.0]]
        >>> cut.target[:, :, 0].tolist()
        [[4.0, 5.0], [6.0, 7.0], [8.0, 9.0]]
    """
    _check(data, length, stride, horizon)
    series, first = _places(data.lengths, length + horizon, stride)
    if not len(series):
        longest = int(data.lengths.max())
        fault = f"is {length} steps and {horizon} ahead; the longest series has {longest}"
        remedy = "Pass a smaller window or horizon."
        if longest > horizon > 0:
            remedy = f"Pass a window of at most {longest - horizon}, or a smaller horizon."
        raise DataError("windows", "length", fault, remedy)
    size = len(series) * _bytes_of(data, length, horizon)
    if size > LARGEST_BYTES:
        fault = f"cuts {len(series):,} windows of {length} steps, which fill {size / 1e9:.1f} GB"
        remedy = (
            f"Pass a `stride` of at least {stride * -(-size // LARGEST_BYTES)}. Or give the table to "
            "`LiquidForecaster.fit`, which cuts windows as it needs them."
        )
        raise DataError("windows", "length", fault, remedy)
    cut = _windows(data, data.times[series, first], series, first, length, horizon, gaps)
    return replace(cut, findings=(*data.findings, *_short(data, length + horizon)))


def _windows(
    data: Sequences, start: Gaps, series: Rows, first: Rows, length: int, horizon: int, gaps: str
) -> Sequences:
    parts = {"start": start, **_cut(data, series, first, length, gaps)}
    if horizon:
        parts |= _ahead(data, series, first + length, horizon)
    return replace(data, **parts)


def _short(data: Sequences, need: int) -> list[Finding]:
    """A finding where series are too short to give a window."""
    short = int((data.lengths < need).sum())
    text = f"{short} series are shorter than {need} steps and give no window."
    return [Finding("short", "", text, short)] if short else []


def _bytes_of(data: Sequences, length: int, horizon: int) -> int:
    """Bytes of one window: values, whether observed, gaps; target, whether known, gaps ahead."""
    width, outputs = data.inputs, len(data.outputs)
    cell = data.values.dtype.itemsize + 1
    return length * (width * cell + 8) + horizon * (outputs * cell + 8)


@dataclass(frozen=True, eq=False)
class WindowSource:
    """Windows of whole series that are cut chunk by chunk, in each pass anew: memory holds the series and one chunk.

    A chunk draws its windows from all times, so that a batch does; chunks are the same in each pass.

    Attributes:
        data: whole series with their recipe, which says how windows are cut.
        series: `(windows,)` int32 series of each window.
        first: `(windows,)` int32 its first step.
        seed: of the draw of chunks.
    """

    data: Sequences
    series: NDArray[np.int32]
    first: NDArray[np.int32]
    seed: int = 0

    @staticmethod
    def of(data: Sequences) -> "Sequences | WindowSource":
        """The windows of whole series as their recipe says: cut at once where they are few.

        Raises:
            DataError: as `windows`.
        """
        recipe = recipe_of(data)
        series, first = _places(data.lengths, recipe.window + recipe.horizon, recipe.stride)
        if len(series) * _bytes_of(data, recipe.window, recipe.horizon) <= _AT_ONCE:
            return windows(data, recipe.window, recipe.stride, recipe.horizon)
        short = _short(data, recipe.window + recipe.horizon)
        whole = replace(data, findings=(*data.findings, *short))
        return WindowSource(whole, series.astype(np.int32), first.astype(np.int32))

    def whole(self) -> Sequences:
        """All windows at once.

        Raises:
            DataError: they would fill too much.
        """
        return windows(self.data, self.recipe.window, self.recipe.stride, self.recipe.horizon)

    @property
    def recipe(self) -> Recipe:
        """How the table was read and is cut."""
        return recipe_of(self.data)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was odd in the table."""
        return self.data.findings

    def __len__(self) -> int:
        return len(self.series)

    @property
    def spans(self) -> TimeSpans:
        """When each window begins, reaches its first target, and ends."""
        times, recipe = self.data.times, self.recipe
        after = self.first + recipe.window
        return TimeSpans(
            times[self.series, self.first], times[self.series, after + recipe.horizon - 1], times[self.series, after]
        )

    @property
    def is_of_few(self) -> bool:
        """Whether there are too few clusters or series to divide by them."""
        owners = self.data.ids if self.data.group is None else self.data.group
        return len(np.unique(owners)) < FEW

    def split(
        self, *, val: float = 0.15, test: float = 0.15, seed: int = 0, by: str = "auto"
    ) -> "tuple[WindowSource, WindowSource, WindowSource]":
        """Train, validation and test windows.

        Arguments:
            val, test: shares.
            seed: of the draw.
            by: as in `caudal.data.split`; `"auto"` divides by time where there are few series.

        Raises:
            DataError: a part would be empty.
        """
        by = "past" if by == "auto" and self.is_of_few else by
        if by in ("past", "time", "targets"):
            rows = past(self.spans, np.array([1 - val - test, val, test]), self.recipe, self.data, by)
        else:
            drawn = split(self.data, val=val, test=test, by=by, seed=seed)
            rows = [np.flatnonzero(np.isin(self.series, part)) for part in (drawn.train, drawn.val, drawn.test)]
        parts = [replace(self, series=self.series[part], first=self.first[part], seed=seed) for part in rows]
        return parts[0], parts[1], parts[2]

    def __iter__(self) -> Iterator[Sequences]:
        """Chunks of windows."""
        recipe = self.recipe
        # The gaps ahead become channels of each step.
        size = recipe.window * (self.data.inputs + recipe.horizon) * 8
        order = np.random.default_rng(self.seed).permutation(np.arange(len(self), dtype=np.int32))
        times = self.data.times
        for part in np.array_split(order, -(-len(order) // max(64, _CHUNK_BYTES // size)) or 1):
            series, first = self.series[part].astype(np.int64), self.first[part].astype(np.int64)
            start = times[series, first]
            yield _windows(self.data, start, series, first, recipe.window, recipe.horizon, "true")


def recipe_of(data: Sequences) -> Recipe:
    """The recipe of series that were read from a table.

    Raises:
        DataError: they were not.
    """
    if data.recipe is None:
        raise DataError("windows", "data", "comes from no table, whose recipe tells the windows", "Use `windows`.")
    return data.recipe


def windows_of_one(data: Sequences) -> tuple[Sequences, tuple[str, ...]]:
    """Windows of a table of one series that is asked at each step, and a line about them; else the series as they are.

    Windows follow one another and share no step, so that a division by time trains on the past alone.
    """
    steps = int(data.lengths.max(initial=0))
    length = int(np.clip(steps // _WINDOWS, _SHORT, _LONG))
    if len(data) != 1 or data.task not in (Task.CLASSIFY_STEPS, Task.IMITATE) or steps < _FEWEST * length:
        return data, ()
    cut = windows(data, length, length)
    return cut, (f"note: one series, cut into {len(cut)} windows of {length} steps, which are divided by time.",)


def history(data: Sequences, length: int, horizon: int, gap: float, given: Gaps | None = None) -> Sequences:
    """The last `length` steps of each series, to forecast from; shorter series are kept whole.

    Arguments:
        data: whole series.
        length: steps kept.
        horizon: steps to forecast.
        gap: elapsed time between the steps ahead where no calendar tells it.
        given: `(batch, k)` gaps of steps ahead that the table names, NaN where it names fewer; further ones go on from
            there.

    Returns:
        Forecast sequences without a target.
    """
    keep = np.minimum(data.lengths, length)
    first = data.lengths - keep
    at = np.minimum(first[:, None] + np.arange(int(keep.max())), data.steps - 1)
    valid = np.arange(at.shape[1]) < keep[:, None]
    row = np.arange(len(data))[:, None]
    return replace(
        data,
        values=np.where(valid[:, :, None], data.values[row, at], 0).astype(data.values.dtype),
        observed=data.observed[row, at] & valid[:, :, None],
        dt=np.where(valid, data.dt[row, at], 0.0),
        lengths=keep,
        start=data.times[np.arange(len(data)), first],
        task=Task.FORECAST,
        target=None,
        target_mask=None,
        ahead=_gaps_ahead(data, horizon, gap, given),
    )


def _gaps_ahead(data: Sequences, horizon: int, gap: float, given: Gaps | None) -> Gaps:
    """`(batch, horizon)` gaps before the steps ahead: as given, then as the calendar goes on."""
    ahead = np.full((len(data), horizon), gap)
    last = data.times[np.arange(len(data)), data.lengths - 1]
    given = np.full((len(data), 0), np.nan) if given is None else given[:, :horizon]
    named = (~np.isnan(given)).sum(axis=1)
    for count in np.unique(named):
        rows = named == count
        ahead[rows, :count] = given[rows, :count]
        origin = last[rows] + given[rows, :count].sum(axis=1)
        ahead[rows, count:] = gaps_after(data.recipe, origin, horizon - int(count), gap)
    return ahead


def gaps_after(recipe: Recipe | None, last: NDArray[np.float64], horizon: int, gap: float) -> Gaps:
    """Gaps before the next steps of series.

    Arguments:
        recipe: whose calendar tells them; without one they are all `gap`.
        last: `(batch,)` time of the last step, in the unit of the recipe.
        horizon: how many steps.
        gap: in the unit of the recipe.

    Returns:
        `(batch, horizon)`.
    """
    calendar = None if recipe is None else recipe.calendar
    if recipe is None or calendar is None or calendar.step is None or horizon < 1:
        return np.full((len(last), horizon), gap)
    size = TICKS[recipe.time_unit] / 1000
    grain = max(1, calendar.resolution // 1000)
    origin = (np.round(last * size / grain).astype(np.int64) * grain).astype("datetime64[us]")
    times = next_times(calendar, origin, horizon, np.timedelta64(round(gap * size), "us"))
    gaps = np.diff(times.astype("datetime64[us]"), axis=1, prepend=origin[:, None])
    return np.asarray(gaps.astype(np.int64) / size)


def _check(data: Sequences, length: int, stride: int, horizon: int) -> None:
    if data.task == "forecast":
        raise DataError("windows", "data", "holds forecasts, which are windows already", "Pass whole series.")
    if horizon and data.task != "imitate":
        fault = f"is {horizon}, and the task is {data.task}"
        raise DataError("windows", "horizon", fault, "Forecast a target that has a number at each step.")
    for name, size, least in (("length", length, 1), ("stride", stride, 1), ("horizon", horizon, 0)):
        if size < least:
            raise DataError("windows", name, f"is {size}; expected at least {least}", "Pass a count of steps.")


def _places(lengths: Rows, need: int, stride: int) -> tuple[Rows, Rows]:
    counts = np.maximum(0, (lengths - need) // stride + 1)
    series = np.repeat(np.arange(len(lengths)), counts)
    heads = np.cumsum(counts) - counts
    return series, (np.arange(len(series)) - heads[series]) * stride


def _cut(data: Sequences, series: Rows, first: Rows, length: int, gaps: str) -> dict[str, Any]:
    row, at = series[:, None], first[:, None] + np.arange(length)
    dt = data.dt[row, at]
    if gaps == "first":
        dt[:, 0] = data.dt[series, 0]
    parent = data.ids[series]
    parts: dict[str, Any] = {
        "values": data.values[row, at],
        "observed": data.observed[row, at],
        "dt": dt,
        "lengths": np.full(len(series), length, np.int64),
        "ids": np.array([f"{parent_name}@{step}" for parent_name, step in zip(parent, first, strict=True)]),
        "group": parent if data.group is None else data.group[series],
        "static": data.static[series],
        "static_observed": data.static_observed[series],
        "sensitive": {name: column[series] for name, column in data.sensitive.items()},
    }
    if data.target is not None and data.target_mask is not None:
        place = (row, at) if data.task.is_per_step else (series,)
        parts |= {"target": data.target[place], "target_mask": data.target_mask[place]}
    return parts


def _ahead(data: Sequences, series: Rows, after: Rows, horizon: int) -> dict[str, Any]:
    row, at = series[:, None], after[:, None] + np.arange(horizon)
    parts: dict[str, Any] = {"task": "forecast", "ahead": data.dt[row, at]}
    if data.target is not None and data.target_mask is not None:
        parts |= {"target": data.target[row, at], "target_mask": data.target_mask[row, at]}
    return parts
