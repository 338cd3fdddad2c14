"""The calendar of a time column: its zone, how it is written, by what step it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from caudal.extras import need
from caudal.typing import Array

_OWNER = "from_frame"
_SECOND = 10**9
_DAY = 86_400 * _SECOND
# A step is that of a calendar when so many of the gaps are of it; the others are holes.
_REGULAR = 2 / 3
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK = "1111111"
_SIZES = ((_DAY, "days"), (3600 * _SECOND, "h"), (60 * _SECOND, "min"), (_SECOND, "s"))

Days = NDArray[np.datetime64]


@dataclass(frozen=True)
class Step:
    """What lies between one row and the next.

    Attributes:
        unit: `"month"` and `"day"` of the local calendar, or `"elapsed"` time.
        count: months, days, or nanoseconds.
        anchor: of months: `"day 15"`, `"last day"`, `"workday 1"`, `"workday -1"`, `"weekday 3 4"` (the third
            Friday), `"weekday -1 4"` (the last one), or `"own"`, the day of the month of each series.
        phase: of months: remainder of the month number since 1970 by `count`.
        week: of days: which weekdays have rows, from Monday.
    """

    unit: Literal["month", "day", "elapsed"]
    count: int
    anchor: str = ""
    phase: int = 0
    week: str = _WEEK

    def __str__(self) -> str:
        if self.unit == "elapsed":
            size, name = next(((s, n) for s, n in _SIZES if self.count % s == 0), (1, "ns"))
            return f"every {self.count // size} {name}"
        if self.unit == "day":
            if self.week == _WEEK:
                return "every day" if self.count == 1 else f"every {self.count} days"
            return f"every {', '.join(name for name, has in zip(_WEEKDAYS, self.week, strict=True) if has == '1')}"
        often = {1: "every month", 3: "every quarter", 12: "every year"}.get(self.count, f"every {self.count} months")
        kind, *numbers = self.anchor.split()
        place = [int(number) for number in numbers if number.lstrip("-").isdigit()]
        if kind == "weekday":
            return f"{often}, on {_nth(place[0])} {_WEEKDAYS[place[1]]}"
        words = {"own": "the same day", "last": "the last day", "day": f"day {place[0] if place else 0}"}
        return f"{often}, on {words.get(kind) or f'{_nth(place[0])} working day'}"


def _nth(number: int) -> str:
    return {-1: "the last", 1: "the first", 2: "the second", 3: "the third"}.get(number, f"the {number}th")


@dataclass(frozen=True)
class Calendar:
    """How a time column of dates or durations is written and goes on.

    Attributes:
        zone: IANA name or `"+01:00"`; `""` for local time without a zone.
        localized: whether the zone was named by the user, for times written without one.
        form: what the user said of the spelling, such as `"%d.%m.%Y"`, or `""`.
        spelling: template of the text that the times were written in; `""` for typed columns, `"date"` for dates
            without a time of day, `"duration"` for elapsed times.
        resolution: nanoseconds that all times are whole multiples of.
        step: by which the times go on; None when they are irregular.
    """

    zone: str = ""
    localized: bool = False
    form: str = ""
    spelling: str = ""
    resolution: int = 1000
    step: Step | None = None


def zone_info(zone: str) -> tzinfo:
    """The zone of an IANA name or of `"+01:00"`.

    Raises:
        ValueError: there is no such zone.

    Example:
        >>> zone_info("-05:00").utcoffset(None), str(zone_info("America/Bogota"))
        (datetime.timedelta(days=-1, seconds=68400), 'America/Bogota')
    """
    if zone[:1] in ("+", "-"):
        hours, _, minutes = zone[1:].partition(":")
        if not (hours.isdigit() and (minutes or "0").isdigit()):
            raise ValueError(f"{zone!r} is no offset")
        size = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return timezone(size if zone[0] == "+" else -size)
    try:
        return ZoneInfo(zone)
    except (KeyError, OSError) as error:
        raise ValueError(f"{zone!r} is no time zone") from error


def to_wall(utc: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Local clock times of instants.

    Arguments:
        utc: `(n,)` datetime64.
        zone: as in `Calendar`; `""` leaves them as they are.
    """
    if not zone or not len(utc):
        return utc
    pandas = need(_OWNER, "pandas")
    local = pandas.DatetimeIndex(utc, tz="UTC").tz_convert(zone_info(zone)).tz_localize(None)
    return np.asarray(local.to_numpy())


def to_utc(wall: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Instants of local clock times: of an hour that comes twice the first, of one that is skipped the next time."""
    if not zone or not wall.size:
        return wall
    pandas = need(_OWNER, "pandas")
    flat = pandas.DatetimeIndex(wall.ravel())
    local = flat.tz_localize(
        zone_info(zone), ambiguous=np.ones(len(flat), np.bool_), nonexistent="shift_forward"
    ).tz_convert("UTC")
    return np.asarray(local.tz_localize(None).to_numpy()).reshape(wall.shape)


def step_of(utc: NDArray[np.datetime64], series: NDArray[np.int64], zone: str = "") -> Step | None:
    """The step by which most rows follow the row before in their series, or None when no step does.

    Arguments:
        utc: `(rows,)` datetime64, by series and rising within.
        series: `(rows,)` which series.
        zone: whose days and months are meant.

    Example:
        >>> days = np.array(["2024-01-31", "2024-02-29", "2024-03-31"], "M8[s]")
        >>> str(step_of(days, np.zeros(3, np.int64)))
        'every month, on the last day'
    """
    same = series[1:] == series[:-1]
    later = np.diff(utc)[same].astype("timedelta64[ns]").astype(np.int64)
    if not (later > 0).any():
        return None
    wall = to_wall(utc, zone)
    day = wall.astype("datetime64[D]")
    times = wall - day
    if (np.diff(times)[same] == np.timedelta64(0)).all():
        return _months(day, same) or _days(day, series, same)
    size = _usual(later)
    return None if size is None else Step("elapsed", size)


def _usual(gaps: NDArray[np.int64]) -> int | None:
    """The gap that most are equal to."""
    sizes, counts = np.unique(gaps[gaps > 0], return_counts=True)
    if not len(sizes) or counts.max() < _REGULAR * len(gaps):
        return None
    return int(sizes[np.argmax(counts)])


def _months(day: Days, same: NDArray[np.bool_]) -> Step | None:
    month = day.astype("datetime64[M]").astype(np.int64)
    count = _usual(np.diff(month)[same])
    if count is None:
        return None
    anchor = _anchor(day) or ("own" if not np.diff(_day_of_month(day))[same].any() else "")
    phases, sizes = np.unique(month % count, return_counts=True)
    return Step("month", count, anchor, int(phases[np.argmax(sizes)])) if anchor else None


def _day_of_month(day: Days) -> NDArray[np.int64]:
    return np.asarray((day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1)


def _anchor(day: Days) -> str:
    """The rule that all days keep within their month, or `""`."""
    months = day.astype("datetime64[M]")
    number = _day_of_month(day)
    fixed = int(number.max())
    candidates = ["last day", f"day {fixed}", "workday 1", "workday -1"]
    weekday = _weekday(day)
    if (weekday == weekday[0]).all():
        candidates += [f"weekday {(number[0] - 1) // 7 + 1} {weekday[0]}", f"weekday -1 {weekday[0]}"]
    if fixed == 1:
        candidates = ["day 1"]
    return next((rule for rule in candidates if (on_anchor(rule, months) == day).all()), "")


def _weekday(day: Days) -> NDArray[np.int64]:
    return np.asarray((day.astype(np.int64) + 3) % 7)


def on_anchor(anchor: str, months: NDArray[np.datetime64]) -> Days:
    """The day of each month that an anchor names.

    Example:
        >>> on_anchor("workday -1", np.array(["2024-03", "2024-06"], "M8[M]")).astype(str).tolist()
        ['2024-03-29', '2024-06-28']
    """
    first = months.astype("datetime64[D]")
    last = (months + 1).astype("datetime64[D]") - 1
    kind, *numbers = anchor.split()
    place = int(numbers[0]) if numbers[0].lstrip("-").isdigit() else 0
    days: Days = last
    if kind == "day":
        days = np.minimum(first + (place - 1), last)
    elif kind == "workday":
        edge = first if place > 0 else last
        days = np.asarray(np.busday_offset(edge, 0, roll="forward" if place > 0 else "backward"))
    elif kind == "weekday":
        to_first = ((int(numbers[1]) - _weekday(first)) % 7 + 7 * (place - 1)).astype("timedelta64[D]")
        to_last = ((_weekday(last) - int(numbers[1])) % 7).astype("timedelta64[D]")
        days = first + to_first if place > 0 else last - to_last
    return days


def _days(day: Days, series: NDArray[np.int64], same: NDArray[np.bool_]) -> Step | None:
    gaps = np.diff(day)[same].astype(np.int64)
    seen = np.bincount(_weekday(day), minlength=7) > 0
    if not seen.all() and _weekdays_missed(day, series, seen, gaps):
        week = "".join("1" if has else "0" for has in seen)
        following = np.busday_count(day[:-1][same], day[1:][same], weekmask=week) == 1
        if following.mean() >= _REGULAR:
            return Step("day", 1, week=week)
    count = _usual(gaps)
    return None if count is None else Step("day", count)


def _weekdays_missed(day: Days, series: NDArray[np.int64], seen: NDArray[np.bool_], gaps: NDArray[np.int64]) -> bool:
    """Whether the weekdays without a row came by often enough for that to be a rule."""
    heads = np.flatnonzero(np.concatenate([[True], series[1:] != series[:-1]]))
    spans = (np.maximum.reduceat(day, heads) - np.minimum.reduceat(day, heads)).astype(np.int64)
    weekends_only = seen[:5].all() and not seen[5:].any()
    return bool((spans // 7).sum() >= 2 or (weekends_only and (gaps == 3).any()))


def next_times(
    calendar: Calendar, last: NDArray[np.datetime64], horizon: int, typical: np.timedelta64
) -> NDArray[np.datetime64]:
    """The next times of series, as instants.

    Arguments:
        calendar: zone and step.
        last: `(batch,)` datetime64 of the last step.
        horizon: how many.
        typical: gap of series that no calendar step describes.

    Returns:
        `(batch, horizon)` datetime64.

    Example:
        >>> monthly = Calendar(step=Step("month", 1, "day 1"))
        >>> last = np.array(["2024-12-01"], "M8[us]")
        >>> next_times(monthly, last, 2, np.timedelta64(0)).astype("M8[D]").astype(str).tolist()
        [['2025-01-01', '2025-02-01']]
    """
    step, ahead = calendar.step, np.arange(1, horizon + 1)
    if step is None:
        return np.asarray(last[:, None] + ahead * typical)
    if step.unit == "elapsed":
        return np.asarray(last[:, None] + (ahead * step.count).astype("timedelta64[ns]").astype("timedelta64[us]"))
    wall = to_wall(last, calendar.zone)
    day = wall.astype("datetime64[D]")
    days = _next_months(step, day, ahead) if step.unit == "month" else _next_days(step, day, ahead)
    return to_utc(days.astype(wall.dtype) + (wall - day)[:, None], calendar.zone)


def _next_months(step: Step, day: Days, ahead: NDArray[np.int64]) -> Days:
    month = day.astype("datetime64[M]")
    if step.anchor == "own":
        number = _day_of_month(day)[:, None]
        later = month[:, None] + ahead * step.count
        first, last = later.astype("datetime64[D]"), (later + 1).astype("datetime64[D]") - 1
        return np.asarray(np.minimum(first + (number - 1), last))
    # The next month of the right phase whose day is later than the last step.
    wait = (step.phase - month.astype(np.int64)) % step.count
    on_phase = np.where(on_anchor(step.anchor, month) > day, 0, step.count)
    first = month.astype(np.int64) + np.where(wait == 0, on_phase, wait)
    return on_anchor(step.anchor, (first[:, None] + (ahead - 1) * step.count).astype("datetime64[M]"))


def _next_days(step: Step, day: Days, ahead: NDArray[np.int64]) -> Days:
    if step.week == _WEEK:
        return np.asarray(day[:, None] + ahead * step.count)
    return np.asarray(np.busday_offset(day[:, None], ahead, roll="backward", weekmask=step.week))


def spell(times: NDArray[np.datetime64], calendar: Calendar) -> Array:
    """Instants as the times of the table were written, in its zone: text, dates, or datetimes with or without a zone.

    Arguments:
        times: `(n,)` datetime64 in microseconds, UTC where the table has a zone; for durations since 0.
        calendar: of the table.

    Example:
        >>> when = np.array(["2024-03-31T01:30"], "M8[us]")
        >>> spell(when, Calendar(zone="Europe/Madrid", spelling="%Y-%m-%dT%H:%M%:z")).tolist()
        ['2024-03-31T03:30+02:00']
    """
    ticks = times.astype("datetime64[us]").astype(np.int64)
    grain = max(1, calendar.resolution // 1000)
    times = ((ticks + grain // 2) // grain * grain).astype("datetime64[us]")
    if calendar.spelling == "duration":
        return times.astype(np.int64).astype("timedelta64[us]")
    if calendar.spelling.startswith("duration "):
        style = calendar.spelling.split()[1]
        return np.array([_spell_duration(int(size), style) for size in times.astype(np.int64)])
    if calendar.spelling.startswith("unix "):
        return np.asarray(times.astype(np.int64) * 1000 // int(calendar.spelling.split()[1]))
    if calendar.spelling == "date":
        return np.asarray(to_wall(times, calendar.zone).astype("datetime64[D]"))
    if not calendar.spelling and not calendar.zone:
        return times
    moments = _moments(times, calendar.zone)
    if not calendar.spelling:
        cells = np.empty(len(moments), object)
        cells[:] = moments
        return cells
    return np.array([spelled(moment, calendar.spelling) for moment in moments])


def _moments(times: NDArray[np.datetime64], zone: str) -> Sequence[datetime]:
    naive: list[datetime] = times.tolist()
    if not zone:
        return naive
    info = zone_info(zone)
    return [moment.replace(tzinfo=UTC).astimezone(info) for moment in naive]


def _spell_duration(size: int, style: str) -> str:
    seconds, rest = divmod(abs(size), 10**6)
    days, seconds = divmod(seconds, 86_400) if style == "days" else (0, seconds)
    hours, minutes, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{hours:0{1 if style == 'clock' else 2}d}:{minutes:02d}:{second:02d}" + (f".{rest:06d}" if rest else "")
    sign = "-" if size < 0 else ""
    return f"{sign}{days} days {text}" if style == "days" else sign + text


def spelled(moment: datetime, template: str) -> str:
    """One moment in a template: codes of `strftime`, `%-d` without a zero, `%3f`, `%:z`, `%q` for the quarter.

    Example:
        >>> spelled(datetime(2024, 5, 7, 15), "%-m/%-d/%Y %I:%M %p, Q%q")
        '5/7/2024 03:00 PM, Q2'
    """
    text, at = "", 0
    while at < len(template):
        if template[at] != "%":
            text, at = text + template[at], at + 1
            continue
        code = template[at + 1 : at + 2]
        width = 2 if code in "-:" or (code.isdigit() and template[at + 2 : at + 3] == "f") else 1
        text, at = text + _field(moment, template[at + 1 : at + 1 + width]), at + 1 + width
    return text


def _field(moment: datetime, code: str) -> str:
    if code == "Y":
        return f"{moment.year:04d}"
    if code == "q":
        return str((moment.month + 2) // 3)
    if code.startswith("-"):
        return moment.strftime(f"%{code[1]}").lstrip("0") or "0"
    if code.endswith("f") and len(code) == 2:
        return f"{moment.microsecond:06d}000"[: int(code[0])]
    if code == ":z":
        text = moment.strftime("%z")
        return f"{text[:3]}:{text[3:5]}"
    if code == "h":
        return moment.strftime("%z")[:3]
    return moment.strftime(f"%{code}")
