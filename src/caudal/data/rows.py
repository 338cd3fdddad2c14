"""Rows of a long table put in order: one block per series, times rising, equal times settled."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caudal.data.calendar import Calendar
from caudal.data.sequences import Finding
from caudal.data.table import TICKS, Table
from caudal.data.times import Times, read_times
from caudal.typing import Array

EQUAL_TIMES = ("error", "first", "last", "keep")
_UNITS = ("s", "min", "h", "d")
_HUGE = 1000.0
_HOUR = 3600 * 10**9
# Clocks go back between midnight and four.
_LATEST_CHANGE = 4


@dataclass(frozen=True)
class Order:
    """Where each row of a table goes.

    Attributes:
        rows: `(rows kept,)` positions in the table, by series in order of first appearance and then by time.
        series: `(rows kept,)` position of the series, from 0.
        step: `(rows kept,)` position within the series, from 0.
        gaps: `(rows kept,)` float64 time since the previous row of the series, in `unit`; NaN at the first.
        start: `(batch,)` float64 first time, in `unit`.
        ids: `(batch,)` names.
        lengths: `(batch,)` int64.
        unit: time unit.
        times: of the rows kept, in their order.
        findings: what was odd.
        ahead: `(batch, k)` float64 gaps of rows after the last known target, in `unit`, NaN where there are fewer;
            those rows are left out of all the above.
    """

    rows: NDArray[np.int64]
    series: NDArray[np.int64]
    step: NDArray[np.int64]
    gaps: NDArray[np.float64]
    start: NDArray[np.float64]
    ids: Array
    lengths: NDArray[np.int64]
    unit: str
    times: Times
    findings: tuple[Finding, ...]
    ahead: NDArray[np.float64] | None = None

    @property
    def calendar(self) -> Calendar | None:
        """Zone and spelling of datetimes, None for numbers."""
        return None if self.times.kind == "number" else self.times.calendar


def order(
    table: Table,
    series: str | None,
    time: str | None,
    unit: str | None,
    equal_times: str,
    fitted: Calendar | Literal["numbers"] | None = None,
    values: tuple[str, ...] = (),
    form: str = "",
    zone: str = "",
) -> Order:
    """Sort, find repeated rows and equal times, and measure gaps.

    Arguments:
        table: long form.
        series: column that names the series; None for a table of one series.
        time: column of the time; None takes the order of rows.
        unit: of numbers a label only, of datetimes what they are measured in; None chooses.
        equal_times: `"error"`, `"first"`, `"last"` or `"keep"`.
        fitted: what the time column held when the model was fitted, None for either.
        values: columns that tell a repeated row from two rows at one time.
        form: how times are written; see `read_times`.
        zone: of times without one.

    Raises:
        DataError: a name or time is missing, or two different rows of one series share a time and that is an error.
    """
    codes, ids = (np.zeros(len(table), np.int64), np.array(["series"])) if series is None else table.key_codes(series)
    times = _steps(codes) if time is None else read_times(table, time, codes, form, zone, fitted)
    ticks = times.ticks
    rows = np.lexsort((np.arange(len(codes)), ticks, codes)).astype(np.int64)
    if time is not None:
        _refuse_clock_change(table, time, codes, times)
    findings = _unsorted(table, codes, ticks)
    rows, more = _settle(table, rows, codes, times, equal_times, (series, time or series or "series"), values)
    unit = unit or (_pick(_gaps(ticks[rows], codes[rows]) * times.tick) if times.tick else None)
    unit = unit or ("step" if time is None else "unit")
    _refuse_far(table, time, rows, _gaps(ticks[rows], codes[rows]))
    size = _ticks_of(table, time, unit) / times.tick if times.tick else 1.0
    return _placed(
        rows, codes[rows], ids, replace(times, ticks=ticks[rows]), unit, size, (*times.findings, *findings, *more)
    )


def _refuse_far(table: Table, time: str | None, rows: NDArray[np.int64], gaps: NDArray[np.float64]) -> None:
    """Refuse gaps that networks, which count in float32, would take for infinite."""
    far = np.nan_to_num(gaps) > np.finfo(np.float32).max
    if time is not None and far.any():
        row = int(rows[np.argmax(far)])
        remedy = "Correct the time, or write times in a larger unit."
        raise table.fail(time, f"jumps by more than {np.finfo(np.float32).max:.1e} before {{where}}", remedy, row)


def _placed(
    rows: NDArray[np.int64],
    codes: NDArray[np.int64],
    ids: Array,
    times: Times,
    unit: str,
    size: float,
    findings: tuple[Finding, ...],
) -> Order:
    """The order of rows that are sorted; `size`: ticks of one unit."""
    lengths = np.bincount(codes, minlength=len(ids))
    heads = np.cumsum(lengths) - lengths
    return Order(
        rows=rows,
        series=codes.astype(np.int64),
        step=(np.arange(len(codes)) - heads[codes]).astype(np.int64),
        gaps=_gaps(times.ticks, codes) / size,
        start=times.ticks[heads].astype(np.float64) / size,
        ids=ids,
        lengths=lengths.astype(np.int64),
        unit=unit,
        times=times,
        findings=findings,
    )


def _gaps(ticks: Array, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Differences of sorted ticks, NaN at the first row of each series."""
    gaps = np.concatenate([[0], np.diff(ticks)]).astype(np.float64)
    gaps[np.concatenate([[True], codes[1:] != codes[:-1]])] = np.nan
    return gaps


def without_ahead(order: Order, known: NDArray[np.bool_]) -> Order:
    """The order up to the last row of each series that has a target; the rows after it are what is to be forecast.

    A series without any target keeps its rows.

    Arguments:
        order: of all rows.
        known: `(rows of the table,)`, whether a target is given.
    """
    given = known[order.rows]
    last = np.full(len(order.ids), -1, np.int64)
    np.maximum.at(last, order.series[given], order.step[given])
    last = np.where(last < 0, order.lengths - 1, last)
    extra = order.lengths - 1 - last
    if not extra.any():
        return order
    is_ahead = order.step > last[order.series]
    ahead = np.full((len(order.ids), int(extra.max())), np.nan)
    ahead[order.series[is_ahead], (order.step - last[order.series] - 1)[is_ahead]] = order.gaps[is_ahead]
    keep = ~is_ahead
    return replace(
        order,
        rows=order.rows[keep],
        series=order.series[keep],
        step=order.step[keep],
        gaps=order.gaps[keep],
        lengths=last + 1,
        times=replace(order.times, ticks=order.times.ticks[keep]),
        ahead=ahead,
    )


def _steps(codes: Array) -> Times:
    by_series = np.argsort(codes, kind="stable")
    heads = np.flatnonzero(np.concatenate([[True], np.diff(codes[by_series]) != 0]))
    place = np.empty(len(codes))
    place[by_series] = np.arange(len(codes)) - heads[codes[by_series]]
    return Times(place)


def _ticks_of(table: Table, time: str | None, unit: str) -> int:
    if unit not in TICKS:
        raise table.fail("time_unit", f"is {unit!r}, and `{time}` holds datetimes", f"Use one of {', '.join(TICKS)}.")
    return TICKS[unit]


def _pick(raw: NDArray[np.float64]) -> str:
    gaps = raw[raw > 0]
    typical = float(np.median(gaps)) if gaps.size else 1.0
    fitting = [unit for unit in _UNITS if typical >= TICKS[unit]]
    return fitting[-1] if fitting else "s"


def _refuse_clock_change(table: Table, time: str, codes: Array, times: Times) -> None:
    """Refuse local times whose clock was set back by an hour: sorting would mix the two hours.

    Raises:
        DataError: rows that are otherwise in order step back by an hour, less the usual gap, in the small hours.
    """
    if times.kind != "datetime" or times.calendar.zone:
        return
    by_series = np.argsort(codes, kind="stable")
    moves = np.diff(times.ticks[by_series])
    inside = np.diff(codes[by_series]) == 0
    back = np.flatnonzero(inside & (moves < 0))
    forward = moves[inside & (moves > 0)] * times.tick
    if not back.size or not forward.size:
        return
    # What the gap was when clocks went back by an hour: one as others are.
    gap = moves[back] * times.tick + _HOUR
    is_change = (gap > 0) & (gap <= max(2 * np.median(forward), np.quantile(forward, 0.95)))
    # Clocks change once in a half year: rows that go back more often are merely out of order.
    changes = np.unique(codes).size * (np.ptp(times.ticks) * times.tick / (180 * 24 * _HOUR) + 1)
    if not is_change.all() or not _small_hours(times, by_series[back]).all() or back.size > changes:
        return
    row = int(by_series[back[0] + 1])
    raise table.fail(
        time,
        f"goes back at {{where}}, from {times.instants[by_series[back[0]]]} to {times.instants[row]}: clocks seem to "
        "have been set back there, and the hour comes twice",
        'Name the zone, such as `time_zone="America/New_York"`; with `time_zone="UTC"` rows are sorted as they are.',
        row,
    )


def typical_gap(gaps: NDArray[np.float64]) -> float:
    """Median of the positive gaps, 1 when there is none."""
    positive = gaps[gaps > 0]
    return float(np.median(positive)) if positive.size else 1.0


def huge_gaps(table: Table, ordering: Order, time: str | None) -> list[Finding]:
    """A finding when some gap is more than a thousand times the typical one: a wrong date, or two series in one."""
    typical = typical_gap(ordering.gaps)
    huge = ordering.gaps > _HUGE * typical
    if time is None or not huge.any():
        return []
    at = int(np.nanargmax(np.where(huge, ordering.gaps, np.nan)))
    row = int(ordering.rows[at])
    text = (
        f"`{time}` jumps by {ordering.gaps[at]:g} {ordering.unit} before {table.where(row)}, "
        f"series {ordering.ids[ordering.series[at]]}; the typical gap is {typical:g}. "
        "Kept as it is: check for a wrong date, or for two series under one name."
    )
    return [Finding("gap", time, text, int(huge.sum()), table.place(row))]


def _small_hours(times: Times, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(times.instants[rows].astype("datetime64[h]").astype(np.int64) % 24 <= _LATEST_CHANGE)


def _unsorted(table: Table, codes: Array, ticks: Array) -> list[Finding]:
    by_series = np.argsort(codes, kind="stable")
    back = (np.diff(codes[by_series]) == 0) & (np.diff(ticks[by_series]) < 0)
    if not back.any():
        return []
    row = int(by_series[1:][back].min())
    text = f"{int(back.sum())} rows are earlier than the row before in their series, first {table.where(row)}; sorted."
    return [Finding("sorted", "", text, int(back.sum()), table.place(row))]


def _settle(
    table: Table,
    rows: NDArray[np.int64],
    codes: Array,
    times: Times,
    equal_times: str,
    names: tuple[str | None, str],
    values: tuple[str, ...],
) -> tuple[NDArray[np.int64], list[Finding]]:
    ticks = times.ticks
    same = (np.diff(codes[rows]) == 0) & (np.diff(ticks[rows]) == 0)
    if not same.any():
        return rows, []
    findings = []
    pairs = np.flatnonzero(same)
    twin = _twins(table, rows[pairs], rows[pairs + 1], values)
    drop = np.zeros(len(rows), np.bool_)
    if twin.any():
        drop[pairs[twin] + 1] = True
        row = int(rows[pairs[twin] + 1].min())
        text = f"{int(twin.sum())} rows repeat another row in full, first {table.where(row)}; each was kept once."
        findings.append(Finding("duplicates", names[1], text, int(twin.sum()), table.place(row)))
    rows = rows[~drop]
    same = (np.diff(codes[rows]) == 0) & (np.diff(ticks[rows]) == 0)
    if not same.any() or equal_times == "keep":
        return rows, findings
    pairs = np.flatnonzero(same)
    row = int(rows[pairs + 1].min())
    if equal_times == "error":
        other = int(rows[int(np.flatnonzero(rows == row)[0]) - 1])
        whose = "" if names[0] is None else f"both of {names[0]} {table.frame[names[0]][row]}, "
        remedy = 'Pass `equal_times="first"`, `"last"` or `"keep"` (an elapsed time of 0). Or repair the times.'
        if times.kind == "datetime" and not times.calendar.zone and _small_hours(times, np.array([row])).all():
            remedy = f'If clocks were set back then, name the zone (`time_zone="America/New_York"`). {remedy}'
        if names[0] is None:
            remedy = f"If the table holds several series, name the column that tells them apart (`series`). {remedy}"
        fault = f"is the same at {table.where(other)} and {{where}}, {whose}and the rows differ"
        raise table.fail(names[1], fault, remedy, row)
    # Every pair marks its first row; "last" drops those, "first" drops the second rows.
    drop = np.zeros(len(rows), np.bool_)
    drop[pairs + (1 if equal_times == "first" else 0)] = True
    text = f"{len(pairs)} rows share series and time with another, first {table.where(row)}; kept the {equal_times}."
    findings.append(Finding("equal_times", names[1], text, len(pairs), table.place(row)))
    return rows[~drop], findings


def _twins(
    table: Table, first: NDArray[np.int64], other: NDArray[np.int64], names: tuple[str, ...]
) -> NDArray[np.bool_]:
    """Which pairs of rows agree in every column; only the cells of these rows are looked at."""
    pairs = table.take(np.concatenate([first, other]))
    alike = np.ones(len(first), np.bool_)
    for name in names:
        codes = pairs.coded(name).codes
        alike &= codes[: len(first)] == codes[len(first) :]
    return alike
