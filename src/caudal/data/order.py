"""Rows of a long table put in order: one block per series, times rising, equal times settled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.sequences import Finding
from caudal.data.table import TICKS, Table

EQUAL_TIMES = ("error", "first", "last", "keep")
_UNITS = ("s", "min", "h", "d")
_HUGE = 1000.0


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
        datetimes: whether times were datetimes.
        findings: what was odd.
    """

    rows: NDArray[np.int64]
    series: NDArray[np.int64]
    step: NDArray[np.int64]
    gaps: NDArray[np.float64]
    start: NDArray[np.float64]
    ids: NDArray[Any]
    lengths: NDArray[np.int64]
    unit: str
    datetimes: bool
    findings: tuple[Finding, ...]


def order(
    table: Table,
    series: str,
    time: str | None,
    unit: str | None,
    equal_times: str,
    datetimes: bool | None = None,
    values: tuple[str, ...] = (),
) -> Order:
    """Sort, find repeated rows and equal times, and measure gaps.

    Arguments:
        table: long form.
        series: column that names the series.
        time: column of the time; None takes the order of rows.
        unit: of numbers a label only, of datetimes what they are measured in; None chooses.
        equal_times: `"error"`, `"first"`, `"last"` or `"keep"`.
        datetimes: what the time column must hold, None for either.
        values: columns that tell a repeated row from two rows at one time.

    Raises:
        DataError: a name or time is missing, or two different rows of one series share a time and that is an error.
    """
    codes, ids = table.key_codes(series)
    ticks, dates = _ticks(table, time, codes, datetimes)
    rows = np.lexsort((np.arange(len(codes)), ticks, codes)).astype(np.int64)
    findings = _unsorted(table, codes, ticks)
    rows, more = _settle(table, rows, codes, ticks, equal_times, (series, time or series), values)
    codes, ticks = codes[rows], ticks[rows]
    new = np.concatenate([[True], codes[1:] != codes[:-1]])
    raw = np.concatenate([[0], np.diff(ticks)]).astype(np.float64)
    raw[new] = np.nan
    unit = unit or (_pick(raw) if dates else "step" if time is None else "unit")
    size = float(_ticks_of(table, time, unit)) if dates else 1.0
    lengths = np.bincount(codes)
    heads = np.flatnonzero(new)
    return Order(
        rows=rows,
        series=codes.astype(np.int64),
        step=(np.arange(len(codes)) - heads[codes]).astype(np.int64),
        gaps=raw / size,
        start=ticks[heads].astype(np.float64) / size,
        ids=ids,
        lengths=lengths.astype(np.int64),
        unit=unit,
        datetimes=dates,
        findings=(*findings, *more),
    )


def _ticks(table: Table, time: str | None, codes: NDArray[Any], datetimes: bool | None) -> tuple[NDArray[Any], bool]:
    if time is not None:
        return table.clock(time, datetimes)
    by_series = np.argsort(codes, kind="stable")
    heads = np.flatnonzero(np.concatenate([[True], np.diff(codes[by_series]) != 0]))
    place = np.empty(len(codes))
    place[by_series] = np.arange(len(codes)) - heads[codes[by_series]]
    return place, False


def _ticks_of(table: Table, time: str | None, unit: str) -> int:
    if unit not in TICKS:
        raise table.fail("time_unit", f"is {unit!r}, and `{time}` holds datetimes", f"Use one of {', '.join(TICKS)}.")
    return TICKS[unit]


def _pick(raw: NDArray[np.float64]) -> str:
    gaps = raw[raw > 0]
    typical = float(np.median(gaps)) if gaps.size else 1.0
    fitting = [unit for unit in _UNITS if typical >= TICKS[unit]]
    return fitting[-1] if fitting else "s"


def typical_gap(gaps: NDArray[np.float64]) -> float:
    """Median of the positive gaps, 1 when there is none."""
    positive = gaps[gaps > 0]
    return float(np.median(positive)) if positive.size else 1.0


def huge_gaps(table: Table, found: Order, time: str | None) -> list[Finding]:
    """A finding when some gap is more than a thousand times the typical one: a wrong date, or two series in one."""
    typical = typical_gap(found.gaps)
    huge = found.gaps > _HUGE * typical
    if time is None or not huge.any():
        return []
    at = int(np.nanargmax(np.where(huge, found.gaps, np.nan)))
    row = int(found.rows[at])
    text = (
        f"`{time}` jumps by {found.gaps[at]:g} {found.unit} before {table.where(row)}, "
        f"series {found.ids[found.series[at]]}; the typical gap is {typical:g}. "
        "Kept as it is: check for a wrong date, or for two series under one name."
    )
    return [Finding("gap", time, text, int(huge.sum()), table.place(row))]


def _unsorted(table: Table, codes: NDArray[Any], ticks: NDArray[Any]) -> list[Finding]:
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
    codes: NDArray[Any],
    ticks: NDArray[Any],
    equal_times: str,
    names: tuple[str, str],
    values: tuple[str, ...],
) -> tuple[NDArray[np.int64], list[Finding]]:
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
        raise table.fail(
            names[1],
            f"is the same at {table.where(other)} and {{where}}, "
            f"both of {names[0]} {table.frame[names[0]][row]}, and the rows differ",
            'Pass `equal_times="first"`, `"last"` or `"keep"` (an elapsed time of 0), or repair the times.',
            row,
        )
    # Every pair marks its first row; "last" drops those, "first" drops the second rows.
    drop = np.zeros(len(rows), np.bool_)
    drop[pairs + (1 if equal_times == "first" else 0)] = True
    text = f"{len(pairs)} rows share series and time with another, first {table.where(row)}; kept the {equal_times}."
    findings.append(Finding("equal_times", names[1], text, len(pairs), table.place(row)))
    return rows[~drop], findings


def _twins(table: Table, one: NDArray[np.int64], other: NDArray[np.int64], names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which pairs of rows agree in every column."""
    alike = np.ones(len(one), np.bool_)
    for name in names:
        codes = table.coded(name).codes
        alike &= codes[one] == codes[other]
    return alike
