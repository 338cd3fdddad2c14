"""Times of a table, however they are written: exact ticks, and how they were spelled."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from caudal.data.calendar import Calendar, spelled, zone_info
from caudal.data.sequences import Finding
from caudal.data.table import Table
from caudal.data.time_formats import WORDS, calendar_words, english, iso_spelling, likely_formats, pattern_of, plain_iso
from caudal.extras import need
from caudal.typing import Array

Kind = Literal["number", "datetime", "duration"]
Cells = list[str | None]

_UNIX = {"unix": 10**9, "unix-ms": 10**6, "unix-us": 10**3, "unix-ns": 1}
_NS_RANGE = (np.datetime64("1678-01-01"), np.datetime64("2262-01-01"))
# In seconds: 2262-01-01, and 31 days.
_LAST, _WEEKS = 9_214_646_400, 2_678_400
_OBJECTS = (date, timedelta, np.datetime64)
_GRAINS = (10**9, 10**6, 10**3)
_ZONED = re.compile(r".*\d[T ]\d\d.*?(?P<zone>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)")
_WEEK = re.compile(r"(?P<year>\d{4})(?P<dash>-?)(?P<w>W?)(?P<week>\d\d)(?:-?(?P<day>[1-7]))?")
_QUARTERS = (
    (re.compile(r"(?P<year>\d{4})(?P<between>)(?P<quarter>[1-4])"), "%Y%q"),
    (re.compile(r"(?P<year>\d{4})(?P<between>[-/ ]?)[Qq](?P<quarter>[1-4])"), "%Y{}Q%q"),
    (re.compile(r"[Qq](?P<quarter>[1-4])(?P<between>[-/ ]?)(?P<year>\d{4})"), "Q%q{}%Y"),
    (re.compile(r"(?P<quarter>[1-4])[Qq](?P<between>[-/ ]?)(?P<year>\d{4})"), "%qQ{}%Y"),
)


@dataclass(frozen=True)
class Times:
    """A time column.

    Attributes:
        ticks: `(rows,)` float64 or int64 of numbers; int64 counts of `tick` since 1970 (UTC where there is a zone), or
            since 0 for durations.
        kind: what the column holds.
        tick: nanoseconds of one tick; 0 for numbers.
        calendar: zone and spelling, without a step.
        findings: what was odd.
    """

    ticks: Array
    kind: Kind = "number"
    tick: int = 0
    calendar: Calendar = field(default_factory=Calendar)
    findings: tuple[Finding, ...] = ()

    @property
    def instants(self) -> NDArray[np.datetime64]:
        """`(rows,)` datetime64."""
        return self.ticks.astype("datetime64[ns]" if self.tick == 1 else "datetime64[us]")


def read_times(
    table: Table,
    name: str,
    series: NDArray[np.int64],
    form: str = "",
    zone: str = "",
    fitted: Calendar | Literal["numbers"] | None = None,
) -> Times:
    """A time column as ticks.

    Arguments:
        table: long form.
        name: of the column.
        series: `(rows,)` which series each row belongs to.
        form: how the times are written: a pattern of `strptime`, letters such as `DD/MM/YYYY`, or a word; `""` for
            numbers, typed columns and ISO 8601.
        zone: for times without a zone, and of the calendar.
        fitted: what the column held when the model was fitted; None before.

    Raises:
        DataError: a time is missing, not readable, or a calendar number such as 20240131; kinds or zones are mixed;
            the zone or the format does not exist.
    """
    _check_zone(table, zone)
    times = _read(table, name, form)
    if fitted is not None and (fitted == "numbers") != (times.kind == "number"):
        now, then = ("numbers", "datetimes") if times.kind == "number" else ("datetimes", "numbers")
        raise table.fail(name, f"holds {now}; it held {then} when the model was fitted", "Convert it.")
    if times.kind != "datetime" or not zone:
        if isinstance(fitted, Calendar) and times.kind == "datetime" and bool(fitted.zone) != bool(times.calendar.zone):
            return replace(times, findings=(*times.findings, _zone_changed(name, fitted, times)))
        return times
    if times.calendar.zone:
        spelling = _unfixed(times.calendar.spelling)
        return replace(times, calendar=replace(times.calendar, zone=zone, localized=True, spelling=spelling))
    return _localized(table, name, times, series, zone)


def _check_zone(table: Table, zone: str) -> None:
    if zone:
        try:
            zone_info(zone)
        except ValueError:
            remedy = "Pass a name such as America/Bogota, or an offset such as +01:00."
            raise table.fail("time_zone", f"is {zone!r}, which is no time zone", remedy) from None


def _zone_changed(name: str, fitted: Calendar, times: Times) -> Finding:
    then, now = fitted.zone or "no zone", times.calendar.zone or "no zone"
    text = f"`{name}` has {now}; when the model was fitted it had {then}. Times are taken as they are written."
    return Finding("zone", name, text, len(times.ticks))


def _unfixed(spelling: str) -> str:
    """A spelling whose zone may be another one than UTC."""
    return f"{spelling[:-1]}%:z" if spelling.endswith("Z") and not spelling.endswith("%Z") else spelling


def _read(table: Table, name: str, form: str) -> Times:
    kind = _kind(table, name)
    if kind == "typed":
        return _typed(table, name)
    if kind == "objects":
        return _of_objects(table, name)
    if kind == "other":
        fault = f"has the type {table.frame[name].dtype}, which is no time"
        raise table.fail(name, fault, "Turn it into numbers, or into datetimes.")
    times = _usual_texts(table, name) if kind == "text" and form in ("", "iso") else None
    if times is not None:
        return replace(times, calendar=replace(times.calendar, form=form))
    is_numbers = form in (*_UNIX, "number") or (not form and kind == "text" and table.is_mostly_numbers(name))
    if kind == "number" or (kind == "text" and is_numbers):
        return _of_numbers(table, name, form)
    return _of_texts(table, name, table.texts(name), form)


def _usual_texts(table: Table, name: str) -> Times | None:
    """A column of texts such as 2024-03-31 23:59:59 and nothing else, read in one pass; None for any other."""
    try:
        arrow, compute = need(table.owner, "pyarrow"), need(table.owner, "pyarrow.compute")
        cells = table.frame[name].to_arrow().cast(arrow.string())
        instants = cells.cast(arrow.timestamp("us"))
    except (ImportError, ValueError, TypeError, NotImplementedError):
        return None
    if not len(cells) or cells.null_count:
        return None
    longest = str(cells[int(np.argmax(compute.utf8_length(cells).to_numpy(zero_copy_only=False)))])
    return _of_instants(table, name, instants.to_numpy(zero_copy_only=False), Calendar(spelling=iso_spelling(longest)))


def _kind(table: Table, name: str) -> str:
    """`"typed"`, `"objects"` of Python, `"number"`, `"text"` or `"other"`."""
    nw = need(table.owner, "narwhals.stable.v2")
    column = table.frame[name]
    dtype = column.dtype
    if dtype in (nw.Datetime, nw.Date, nw.Duration) or _is_pandas(column, "tz") or _is_pandas(column, "freq"):
        return "typed"
    kind = table.kind(name)
    if kind in ("number", "bool"):
        return "number"
    cells = column.to_list() if dtype in (nw.Object, nw.Unknown) else []
    known = [cell for cell in cells if not _is_missing(cell)]
    if known and all(isinstance(cell, _OBJECTS) or hasattr(cell, "start_time") for cell in known):
        return "objects"
    if known and kind == "other" and all(type(cell).__name__ == "Decimal" for cell in known):
        return "number"
    return kind


def _is_pandas(column: Any, attribute: str) -> bool:
    """Whether it is a pandas column whose type has a zone (`tz`), or is a period (`freq`)."""
    if not column.implementation.is_pandas_like():
        return False
    return getattr(column.to_native().dtype, attribute, None) is not None


def _is_missing(cell: object) -> bool:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, float) and cell != cell


def _refuse_missing(table: Table, name: str, missing: NDArray[np.bool_]) -> None:
    if missing.any():
        remedy = "Give every row a time, or drop the row."
        raise table.fail(name, "is missing at {where}", remedy, int(np.argmax(missing)))


def _of_numbers(table: Table, name: str, form: str) -> Times:
    ticks = _numbers(table, name)
    if form in _UNIX:
        return _unix(table, name, ticks, form)
    if form and form != "number":
        return _of_texts(table, name, _number_texts(table, name, ticks, form), form)
    if not form and (words := calendar_words(ticks)):
        shown = f"{np.median(ticks):.15g}" if len(ticks) % 2 else f"{np.sort(ticks)[len(ticks) // 2]:.15g}"
        kind = "times of day" if words == "HHmm" else "calendar dates"
        fault = f"looks like {kind} written as numbers ({shown} is {words}), whose differences are no times"
        remedy = f'Pass `time_format="{words}"` to read them so, or `time_format="number"` if they are counts.'
        raise table.fail(name, fault, remedy)
    return Times(ticks)


def _numbers(table: Table, name: str) -> Array:
    """Numbers, whole ones of 64 bits exact."""
    nw = need(table.owner, "narwhals.stable.v2")
    column = table.frame[name]
    if column.dtype.is_integer():
        _refuse_missing(table, name, np.asarray(column.is_null().to_numpy(), np.bool_))
        whole = np.asarray(column.to_numpy())
        if whole.dtype.kind == "i" or (whole.dtype.kind == "u" and whole.max() < 2**63):
            return whole.astype(np.int64)
        if whole.dtype == object:
            return np.asarray(column.cast(nw.Int64).to_list(), np.int64)
    if table.kind(name) == "other":  # Decimal objects
        cells = column.to_list()
        _refuse_missing(table, name, np.array([_is_missing(cell) for cell in cells], np.bool_))
        return np.array([float(cell) for cell in cells])
    if table.kind(name) == "text":
        texts = table.texts(name)
        if all(text is not None and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", text) for text in texts):
            return np.array([int(text) for text in texts if text is not None], np.int64)
    numbers = table.numbers(name, may_be_names=False)
    _refuse_missing(table, name, np.isnan(numbers))
    return numbers


def _number_texts(table: Table, name: str, ticks: Array, form: str) -> Cells:
    """Numbers as the texts of a format, with the zeros that numbers lose."""
    pattern = pattern_of(form) or ""
    if pattern == "%Y.%m":
        return [f"{tick:.2f}" for tick in ticks.tolist()]
    if not np.array_equal(ticks, np.floor(ticks)):
        row = int(np.argmax(ticks != np.floor(ticks)))
        fault = f"holds {ticks[row]:g} at {{where}}, which is not {form}"
        raise table.fail(name, fault, "Pass the format that it is written in.", row)
    width = sum({"Y": 4, "j": 3, "f": 0}.get(code, 2) for code in re.findall(r"%(\w)", pattern))
    return [str(int(tick)).zfill(width) for tick in ticks.tolist()]


def _unix(table: Table, name: str, ticks: Array, form: str) -> Times:
    size = _UNIX[form]
    _refuse_far(table, name, ticks, form)
    if ticks.dtype.kind == "f":
        ticks = np.round(ticks * (size / 1000)).astype(np.int64)
        tick = 1000
    else:
        tick = 1 if size < 1000 else 1000
        ticks = ticks * (size // tick)
    return _dated(ticks, tick, Calendar(zone="UTC", form=form, spelling=f"unix {size}"))


def _refuse_far(table: Table, name: str, ticks: Array, form: str) -> None:
    """Refuse counts since 1970 in a unit that is not theirs.

    Raises:
        DataError: a time is beyond the year 2262, or all lie in a few weeks of 1970 where another unit gives our time.
    """
    seconds = ticks.astype(np.float64) * (_UNIX[form] / 10**9)
    row = int(np.argmax(np.abs(seconds)))
    other = next((word for word, size in _UNIX.items() if 5e8 < abs(float(ticks[row])) * size / 10**9 < 4.2e9), "")
    remedy = f'Pass `time_format="{other}"`.' if other else "Correct the time, or pass the unit that it is written in."
    if abs(seconds[row]) > _LAST:
        year = 1970 + seconds[row] / (365.2425 * 86_400)
        fault = f"holds {ticks[row]:.15g} at {{where}}, which as {form} is in the year {year:.0f}"
        raise table.fail(name, fault, remedy, row)
    if other and 0 < seconds[row] < _WEEKS and seconds.min() > 0.5 * seconds[row]:
        fault = f"holds {ticks[row]:.15g} at {{where}}, which as {form} is in January of 1970"
        raise table.fail(name, fault, remedy, row)


def _dated(ticks: NDArray[np.int64], tick: int, calendar: Calendar, findings: tuple[Finding, ...] = ()) -> Times:
    grain = next((grain for grain in _GRAINS if grain % tick == 0 and not (ticks % (grain // tick)).any()), 1)
    kind: Kind = "duration" if calendar.spelling.startswith("duration") else "datetime"
    return Times(ticks, kind, tick, replace(calendar, resolution=grain), findings)


def _of_instants(table: Table, name: str, instants: NDArray[np.datetime64], calendar: Calendar, **more: Any) -> Times:
    """Times of datetime64, in nanoseconds where they fit."""
    _refuse_missing(table, name, np.isnat(instants))
    fits = bool(len(instants)) and instants.min() >= _NS_RANGE[0] and instants.max() <= _NS_RANGE[1]
    unit, tick = ("ns", 1) if fits else ("us", 1000)
    return _dated(instants.astype(f"datetime64[{unit}]").astype(np.int64), tick, calendar, **more)


def _typed(table: Table, name: str) -> Times:
    nw = need(table.owner, "narwhals.stable.v2")
    column = table.frame[name]
    if _is_pandas(column, "freq"):
        return _of_periods(table, name, column.to_native())
    if column.dtype == nw.Duration:
        _refuse_missing(table, name, np.asarray(column.is_null().to_numpy(), np.bool_))
        sizes = np.asarray(column.to_numpy()).astype("timedelta64[ns]").astype(np.int64)
        return _dated(sizes, 1, Calendar(spelling="duration"))
    if _is_pandas(column, "tz"):
        pandas = need(table.owner, "pandas")
        native = pandas.Series(column.to_native())
        zone = _zone_name(native.dt.tz)
        return _of_instants(
            table, name, np.asarray(native.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()), Calendar(zone=zone)
        )
    if column.dtype == nw.Date:
        return _of_instants(table, name, np.asarray(column.to_numpy(), "datetime64[D]"), Calendar(spelling="date"))
    zone = getattr(column.dtype, "time_zone", None) or ""
    if zone:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    instants = np.asarray(column.to_numpy()).astype(f"datetime64[{_unit(column)}]")
    return _of_instants(table, name, instants, Calendar(zone=zone))


def _unit(column: Any) -> str:
    return str(getattr(column.dtype, "time_unit", "us"))


def _zone_name(zone: Any) -> str:
    """IANA name or offset of a zone of any library."""
    for name in (getattr(zone, "key", None), getattr(zone, "zone", None), str(zone)):
        try:
            if name:
                zone_info(str(name))
                return str(name)
        except ValueError:
            continue
    offset = zone.utcoffset(None)
    if offset is None:
        return "UTC"
    return _offset(offset)


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _of_periods(table: Table, name: str, native: Any) -> Times:
    _refuse_missing(table, name, np.asarray(native.isna().to_numpy(), np.bool_))
    styles = {"M": "%Y-%m", "Q": "%YQ%q", "Y": "%Y", "A": "%Y", "D": "date"}
    spelling = styles.get(str(native.dtype.freq.name)[0] if native.dtype.freq.n == 1 else "", "")
    return _of_instants(table, name, np.asarray(native.dt.start_time.to_numpy()), Calendar(spelling=spelling))


def _of_objects(table: Table, name: str) -> Times:
    """Dates, datetimes, durations and periods of Python, as database drivers give them."""
    cells = table.frame[name].to_list()
    _refuse_missing(table, name, np.array([_is_missing(cell) for cell in cells], np.bool_))
    if all(isinstance(cell, timedelta) for cell in cells):
        sizes = np.array(cells, "timedelta64[us]").astype(np.int64)
        return _dated(sizes, 1000, Calendar(spelling="duration"))
    starts = [cell.start_time if hasattr(cell, "start_time") else cell for cell in cells]
    zoned = [getattr(cell, "tzinfo", None) is not None for cell in starts]
    if any(zoned) and not all(zoned):
        raise _mixed(table, name, [str(cell) for cell in starts], zoned)
    only_dates = all(not isinstance(cell, datetime | np.datetime64) for cell in starts)
    if not any(zoned):
        return _of_instants(
            table, name, np.array(starts, "datetime64[us]"), Calendar(spelling="date" if only_dates else "")
        )
    zones = list(dict.fromkeys(_zone_name(cell.tzinfo) for cell in starts))
    instants = np.array([cell.astimezone(UTC).replace(tzinfo=None) for cell in starts], "datetime64[us]")
    return _zoned(table, name, instants, zones, "")


def _mixed(table: Table, name: str, cells: Sequence[str | None], zoned: Sequence[bool]) -> Exception:
    bare, row = zoned.index(False), zoned.index(True)
    fault = f"holds times with a zone and without: {cells[row]!r} at {table.where(row)}, {cells[bare]!r} at {{where}}"
    return table.fail(name, fault, "Write the zone of every time, or of none.", bare)


def _zoned(table: Table, name: str, instants: Array, zones: Sequence[str], spelling: str) -> Times:
    """Times of one zone or of several; with several the calendar is that of UTC, and a finding says so."""
    if len(zones) == 1:
        return _of_instants(table, name, instants, Calendar(zone=zones[0], spelling=spelling))
    shown = ", ".join(zones[:3]) + (", ..." if len(zones) > 3 else "")
    text = (
        f"`{name}` holds times of several offsets ({shown}); days and months are those of UTC. "
        'Name the zone, such as `time_zone="Europe/Madrid"`, if its clocks change.'
    )
    finding = Finding("zone", name, text, len(instants))
    return _of_instants(table, name, instants, Calendar(zone="UTC", spelling=_unfixed(spelling)), findings=(finding,))


def _of_texts(table: Table, name: str, texts: Cells, form: str) -> Times:
    _refuse_missing(table, name, np.array([text is None for text in texts], np.bool_))
    cells = [text.strip() for text in texts if text is not None]
    if form == "duration":
        return _durations(table, name, cells)
    times: Times | None
    if form in ("", "iso"):
        is_marked = bool({"Q", "q", "W"} & set(cells[0]))
        times = _quarters(table, name, cells) or _weeks(table, name, cells) if is_marked else None
        times = times or _iso(table, name, cells)
    elif form in ("quarter", "YYYYQ"):
        times = _quarters(table, name, cells)
    elif form in ("week", "YYYYWW"):
        times = _weeks(table, name, cells)
    else:
        times = _by_pattern(table, name, cells, form)
    if times is None:
        rules = [_WEEK] if form in ("week", "YYYYWW") else [rule for rule, _ in _QUARTERS]
        wrong = np.array([not any(rule.fullmatch(cell) for rule in rules) for cell in cells])
        raise _unreadable(table, name, cells, wrong, form)
    return replace(times, calendar=replace(times.calendar, form=form))


def _quarters(table: Table, name: str, cells: list[str]) -> Times | None:
    for rule, template in _QUARTERS:
        first = rule.fullmatch(cells[0])
        if first is None or not all(map(rule.fullmatch, cells)):
            continue
        months = [f"{m['year']}-{3 * int(m['quarter']) - 2:02d}" for m in map(rule.fullmatch, cells) if m]
        return _of_instants(
            table,
            name,
            np.array(months, "datetime64[M]").astype("datetime64[D]"),
            Calendar(spelling=template.format(first["between"])),
        )
    return None


def _weeks(table: Table, name: str, cells: list[str]) -> Times | None:
    matches = [match for match in map(_WEEK.fullmatch, cells) if match]
    if len(matches) < len(cells):
        return None
    days, wrong = [], np.zeros(len(cells), np.bool_)
    for row, match in enumerate(matches):
        try:
            days.append(date.fromisocalendar(int(match["year"]), int(match["week"]), int(match["day"] or 1)))
        except ValueError:
            wrong[row] = True
    if wrong.any():
        raise _unreadable(table, name, cells, wrong, "")
    first = matches[0]
    spelling = f"%G{first['dash']}{first['w']}%V" + ("" if first["day"] is None else f"{first['dash']}%u")
    return _of_instants(table, name, np.array(days, "datetime64[D]"), Calendar(spelling=spelling))


def _durations(table: Table, name: str, cells: list[str]) -> Times:
    pandas = need(table.owner, "pandas")
    sizes = pandas.to_timedelta(pandas.Series(cells), errors="coerce")
    wrong = np.asarray(sizes.isna().to_numpy(), np.bool_)
    if wrong.any():
        raise _unreadable(table, name, cells, wrong, "duration")
    days = "day" in cells[0]
    style = "days" if days else "clock" if re.match(r"-?\d:", cells[0]) else "long" if ":" in cells[0] else ""
    spelling = f"duration {style}" if style else "duration"
    ticks = np.asarray(sizes.to_numpy()).astype("timedelta64[ns]").astype(np.int64)
    return _dated(ticks, 1, Calendar(form="duration", spelling=spelling))


def _iso(table: Table, name: str, cells: list[str]) -> Times:
    pandas = need(table.owner, "pandas")
    longest = max(cells, key=len)
    spelling = iso_spelling(longest)
    parse = partial(pandas.to_datetime, format="ISO8601")
    wrong = np.array([not cell[:1].isdigit() for cell in cells], np.bool_)
    if wrong.any():
        raise _unreadable(table, name, cells, wrong, "")
    try:
        parsed = parse(pandas.Series(cells))
        if parsed.dt.tz is None:
            return _of_instants(table, name, np.asarray(parsed.to_numpy()), Calendar(spelling=spelling))
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None:
        cells, extra = plain_iso(cells)
        zones = [_ZONED.fullmatch(cell) for cell in cells]
        if any(zones) and not all(zones):
            raise _mixed(table, name, cells, [match is not None for match in zones])
        parsed = parse(pandas.Series(cells), utc=True, errors="coerce") + extra
        wrong = np.asarray(parsed.isna().to_numpy(), np.bool_)
        if wrong.any():
            raise _unreadable(table, name, cells, wrong, "")
        if not all(zones):
            return _of_instants(table, name, _naive(parsed), Calendar(spelling=spelling))
    offsets = dict.fromkeys(match["zone"] for match in map(_ZONED.fullmatch, cells) if match)
    names = list(dict.fromkeys("UTC" if text in ("Z", "z", "UTC", "GMT") else _offset_name(text) for text in offsets))
    return _zoned(table, name, _naive(parsed), names, spelling)


def _naive(parsed: Any) -> NDArray[np.datetime64]:
    return np.asarray(parsed.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())


def _offset_name(text: str) -> str:
    digits = text[1:].replace(":", "").ljust(4, "0")
    return f"{text[0]}{digits[:2]}:{digits[2:]}"


def _by_pattern(table: Table, name: str, cells: list[str], form: str) -> Times:
    pandas = need(table.owner, "pandas")
    pattern = pattern_of(form)
    if pattern is None:
        raise table.fail("time_format", f"is {form!r}, which is no format", f"Pass {WORDS}.")
    plain = [english(cell) for cell in cells]
    try:
        parsed = pandas.to_datetime(pandas.Series(plain), format=pattern, errors="coerce", utc="%z" in pattern)
    except ValueError as error:
        raise table.fail("time_format", f"is {form!r}, which is no format ({error})", f"Pass {WORDS}.") from None
    wrong = np.asarray(parsed.isna().to_numpy(), np.bool_)
    if wrong.any():
        raise _unreadable(table, name, cells, wrong, form)
    if "%z" in pattern:
        offsets = dict.fromkeys(match["zone"] for match in map(_ZONED.fullmatch, plain) if match)
        names = list(dict.fromkeys("UTC" if text[0] not in "+-" else _offset_name(text) for text in offsets))
        return _zoned(table, name, _naive(parsed), names or ["UTC"], pattern)
    instants = np.asarray(parsed.to_numpy())
    return _of_instants(table, name, instants, Calendar(spelling=_unpadded(pattern, instants, cells)))


def _unpadded(pattern: str, instants: NDArray[np.datetime64], cells: list[str]) -> str:
    """The pattern without zeros before days, months and hours, where that is how the table writes them."""
    shown = instants[:100].astype("datetime64[us]").tolist()
    bare = re.sub(r"%([dmHI])", r"%-\1", pattern)
    return bare if all(spelled(m, bare) == c for m, c in zip(shown, cells, strict=False)) else pattern


def _unreadable(table: Table, name: str, cells: list[str], wrong: NDArray[np.bool_], form: str) -> Exception:
    """The error for a cell that is not in the format, with the formats that would read the column."""
    row = int(np.argmax(wrong))
    fits = [words for words in likely_formats([english(cell) for cell in cells]) if words != form]
    fault = f"holds {cells[row][:40]!r} at {{where}}, not a time" + (f" written as {form}" if form else "")
    if len(fits) == 1:
        remedy = f'Pass `time_format="{fits[0]}"`.'
    elif fits:
        remedy = "Pass " + " or ".join(f'`time_format="{words}"`' for words in fits) + ", whichever is meant."
    elif form:
        remedy = f"Correct the cell, or pass the format that the column is written in: {WORDS}."
    else:
        remedy = f"Write times as numbers or as 2024-03-31 23:59:59. Or pass `time_format`: {WORDS}."
    return table.fail(name, fault, remedy, row)


def _localized(table: Table, name: str, times: Times, series: NDArray[np.int64], zone: str) -> Times:
    """Times without a zone as those of a zone; an hour that comes twice is told apart by the order of the rows."""
    pandas = need(table.owner, "pandas")
    wall = pandas.DatetimeIndex(times.instants)
    info = zone_info(zone)
    early = wall.tz_localize(info, ambiguous=np.ones(len(wall), np.bool_), nonexistent="NaT")
    skipped = np.asarray(early.isna(), np.bool_)
    if skipped.any():
        row = int(np.argmax(skipped))
        fault = f"holds {wall[row]} at {{where}}, an hour that clocks skip in {zone}"
        raise table.fail(name, fault, "Correct the time, or name the zone that it is written in.", row)
    late = wall.tz_localize(info, ambiguous=np.zeros(len(wall), np.bool_), nonexistent="NaT")
    twice = np.asarray(early != late, np.bool_)
    is_first = np.ones(len(wall), np.bool_)
    is_first[twice] = _first_pass(times.ticks, series, np.flatnonzero(twice), 86_400 * 10**9 // times.tick)
    chosen = early.where(is_first, late).tz_convert("UTC").tz_localize(None)
    findings: tuple[Finding, ...] = ()
    if twice.any():
        row = int(np.argmax(twice))
        text = (
            f"{int(twice.sum())} rows lie in the hour that comes twice when clocks go back in {zone}, first "
            f"{table.where(row)}; the order of the rows tells which is meant."
        )
        findings = (Finding("clock_change", name, text, int(twice.sum()), table.place(row)),)
    calendar = replace(times.calendar, zone=zone, localized=True)
    return _of_instants(table, name, np.asarray(chosen.to_numpy()), calendar, findings=(*times.findings, *findings))


def _first_pass(
    ticks: NDArray[np.int64], series: NDArray[np.int64], rows: NDArray[np.int64], day: int
) -> NDArray[np.bool_]:
    """Which rows of the repeated hour come before clocks went back: those before their series steps back."""
    first = np.ones(len(rows), np.bool_)
    last: dict[tuple[int, int], tuple[int, bool]] = {}
    for k, row in enumerate(rows.tolist()):
        key, tick = (int(series[row]), int(ticks[row] // day)), int(ticks[row])
        before, is_first = last.get(key, (tick - 1, True))
        first[k] = is_first and tick > before
        last[key] = (tick, bool(first[k]))
    return first
