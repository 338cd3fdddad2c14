"""Formats of times: words and letters as patterns of strptime, calendar numbers, and the formats that fit a column."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from caudal.typing import Array

WORDS = (
    "YYYYMMDD, DD/MM/YYYY, MM/DD/YYYY hh:mm AM, MMM-YYYY, duration, quarter, week, unix, or a pattern such as %d.%m.%Y"
)
_LETTERS = (
    *(("YYYY", "%Y"), ("YY", "%y"), ("MMMM", "%B"), ("MMM", "%b"), ("Mon", "%b"), ("MM", "%m"), ("DDD", "%j")),
    *(("DD", "%d"), ("HH", "%H"), ("hh", "%I"), ("mm", "%M"), ("SS", "%S"), ("ss", "%S"), ("ffffff", "%f")),
    *(("fff", "%f"), ("AM", "%p"), ("PM", "%p"), ("am", "%p"), ("pm", "%p"), ("Z", "%z"), ("T", "T")),
)
_DATES = (
    *("DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "DD-MM-YYYY", "MM-DD-YYYY", "YYYY/MM/DD", "YYYY.MM.DD"),
    *("DD/MM/YY", "MM/DD/YY", "DD.MM.YY", "DD-MMM-YYYY", "DD MMM YYYY", "DD-MMM-YY", "MMM DD, YYYY", "MMMM DD, YYYY"),
    *("DD MMMM YYYY", "MMM-YYYY", "MMM YYYY", "MMMM YYYY", "MMM-YY", "MM/YYYY", "YYYY MMM", "YYYY-MMM-DD", "YYYY-MMM"),
)
_CLOCKS = ("", " HH:mm", " HH:mm:SS", " hh:mm AM", " hh:mm:SS AM", "THH:mm:SS", ", HH:mm", ", HH:mm:SS")
_ISO = re.compile(
    r"(?P<year>\d{4})(?:(?P<dash>[-/]?)(?P<month>\d\d)(?:(?P=dash)(?P<day>\d\d))?)?"
    r"(?:(?P<t>[T ])(?P<hour>\d\d)(?:(?P<colon>:?)(?P<minute>\d\d)(?:(?P=colon)(?P<second>\d\d)"
    r"(?:(?P<point>[.,])(?P<fraction>\d+))?)?)?(?P<gap>\s?)(?P<zone>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?"
)
_ORDINAL = re.compile(r"(?P<year>\d{4})-(?P<day>\d{3})")
_MONTHS = {
    "ene": "Jan",
    "abr": "Apr",
    "ago": "Aug",
    "dic": "Dec",
    "sept": "Sep",
    "set": "Sep",
    "enero": "January",
    "febrero": "February",
    "marzo": "March",
    "abril": "April",
    "mayo": "May",
    "junio": "June",
    "julio": "July",
    "agosto": "August",
    "septiembre": "September",
    "setiembre": "September",
    "octubre": "October",
    "noviembre": "November",
    "diciembre": "December",
}
_SAMPLE = 2000
_CLEAR = 4

Cells = NDArray[np.int64]
Flags = NDArray[np.bool_]


def pattern_of(form: str) -> str | None:
    """A pattern of strptime for a format in letters, the format itself where it is one, None for neither.

    Example:
        >>> pattern_of("DD/MM/YYYY HH:MM"), pattern_of("%d.%m.%Y"), pattern_of("soon")
        ('%d/%m/%Y %H:%M', '%d.%m.%Y', None)
    """
    if "%" in form:
        return form
    pattern, at, clock = "", 0, False
    while at < len(form):
        letters, code = next(((k, c) for k, c in _LETTERS if form.startswith(k, at)), (form[at], ""))
        if not code and letters.isalpha():
            return None
        # MM after hours is minutes.
        code = "%M" if code == "%m" and clock else code
        clock = code in ("%H", "%I") or (clock and not code)
        pattern, at = pattern + (code or letters), at + len(letters)
    return pattern if "%" in pattern else None


def likely_formats(cells: Sequence[str]) -> list[str]:
    """Formats, in letters or words, that read every cell of a sample."""
    step = max(1, len(cells) // _SAMPLE)
    sample = list(dict.fromkeys(cells[::step]))
    if all(re.fullmatch(r"-?(\d+ days?,? )?\d{1,3}:\d\d(:\d\d(\.\d+)?)?|-?P[\dDTHMS.]+", cell) for cell in sample):
        return ["duration"]
    forms = [date + clock for date, clock in product(_DATES, _CLOCKS)]
    return [form for form in forms if all(_reads(cell, str(pattern_of(form))) for cell in sample)]


def _reads(cell: str, pattern: str) -> bool:
    try:
        datetime.strptime(cell, pattern)
    except ValueError:
        return False
    return True


def calendar_words(numbers: Array) -> str:
    """The format of numbers that all are valid calendar dates, such as 20240131; `""` when they may be counts.

    Arguments:
        numbers: `(rows,)` without NaN.

    Example:
        >>> calendar_words(np.array([20231229, 20240108])), calendar_words(np.array([20231299, 20240108]))
        ('YYYYMMDD', '')
        >>> calendar_words(np.array([202311, 202312, 202401])), calendar_words(np.array([2023, 2024]))
        ('YYYYMM', '')
    """
    values = np.unique(numbers)
    if not len(values) or values[0] < 0 or values[-1] >= 10**14:
        return ""
    if not np.array_equal(values, np.floor(values)):
        whole = np.round(values * 100).astype(np.int64)
        exact = np.allclose(values * 100, whole, atol=1e-6, rtol=0)
        return "YYYY.MM" if exact and _crosses(whole, 100) and _is_month(whole).all() else ""
    whole = values.astype(np.int64)
    words = next((words for words, fits in _NUMBERS if fits(whole).all()), "")
    # Of eight digits or more hardly a number is a date by chance: a few wrong ones are mistakes among dates.
    return words or next((words for words, fits in _NUMBERS[:_LONG] if _are_most(fits(whole))), "")


def _are_most(fits: Flags) -> bool:
    return bool(fits.sum() >= max(3, 0.75 * len(fits)))


def _is_year(years: Cells) -> Flags:
    return (years >= 1900) & (years <= 2100)


def _is_month(values: Cells) -> Flags:
    """YYYYMM."""
    return _is_year(values // 100) & (values % 100 >= 1) & (values % 100 <= 12)


def _is_date(values: Cells) -> Flags:
    """YYYYMMDD."""
    return _is_month(values // 100) & _fits_month(values // 100 % 100, values % 100)


def _fits_month(months: Cells, days: Cells) -> Flags:
    lengths = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    known = (months >= 1) & (months <= 12)
    return known & (days >= 1) & (days <= lengths[np.where(known, months, 0)])


def _is_moment(values: Cells, parts: int) -> Flags:
    """YYYYMMDD and hours, minutes or seconds of two digits each."""
    date, rest = values // 100**parts, values % 100**parts
    fits = _is_date(date)
    for part in range(parts):
        number = rest // 100 ** (parts - 1 - part) % 100
        fits &= number < (24 if part == 0 else 60)
    return fits


def _is_ordinal(values: Cells) -> Flags:
    """YYYYDDD."""
    return _is_year(values // 1000) & (values % 1000 >= 1) & (values % 1000 <= 366)


def _is_day_first(values: Cells) -> Flags:
    """DDMMYYYY."""
    return _is_year(values % 10**4) & _fits_month(values // 10**4 % 100, values // 10**6)


def _is_month_first(values: Cells) -> Flags:
    """MMDDYYYY."""
    return _is_year(values % 10**4) & _fits_month(values // 10**6, values // 10**4 % 100)


def _is_short(values: Cells) -> Flags:
    """YYMMDD, of several months: a counter would also hold numbers that are no dates."""
    return _fits_month(values // 100 % 100, values % 100) & (values < 10**6) & _crosses(values, 100)


def _is_quarter(values: Cells) -> Flags:
    """YYYYQ, of several years."""
    return _is_year(values // 10) & (values % 10 >= 1) & (values % 10 <= 4) & _crosses(values, 10)


def _is_week(values: Cells) -> Flags:
    """YYYYWW, of several years."""
    return _is_year(values // 100) & (values % 100 >= 1) & (values % 100 <= 53) & _crosses(values, 100)


def _is_clock(values: Cells) -> Flags:
    """HHmm: steps that are even in minutes and uneven as numbers, such as 955, 1000, 1005."""
    fits = (values >= 0) & (values < 2400) & (values % 100 < 60)
    steps, minutes = np.diff(values), np.diff(values // 100 * 60 + values % 100)
    is_even = len(values) >= _CLEAR and len(np.unique(minutes)) == 1 and len(np.unique(steps)) > 1
    return fits & is_even


def _crosses(values: Cells, size: int) -> bool:
    """Whether values are many, and lie in several years (or months) of `size` numbers each."""
    return len(values) >= _CLEAR and len(np.unique(values // size)) > 1


_NUMBERS: tuple[tuple[str, Callable[[Cells], Flags]], ...] = (
    ("YYYYMMDDHHmmSS", partial(_is_moment, parts=3)),
    ("YYYYMMDDHHmm", partial(_is_moment, parts=2)),
    ("YYYYMMDDHH", partial(_is_moment, parts=1)),
    *(("YYYYMMDD", _is_date), ("YYYYDDD", _is_ordinal), ("YYYYMM", _is_month)),
    *(("DDMMYYYY", _is_day_first), ("MMDDYYYY", _is_month_first)),
    *(("YYMMDD", _is_short), ("YYYYQ", _is_quarter), ("YYYYWW", _is_week), ("HHmm", _is_clock)),
)
# The first four have eight digits or more.
_LONG = 4


def plain_iso(cells: list[str]) -> tuple[list[str], NDArray[np.timedelta64]]:
    """ISO times in the forms that pandas takes: no ordinal day, no 24:00, no leap second; and what they lose by it."""
    plain, extra = [], np.zeros(len(cells), "timedelta64[s]")
    for row, cell in enumerate(cells):
        text = re.sub(r"\s?(?:[zZ]|UTC|GMT)$", "Z", cell).replace(",", ".")
        if match := _ORDINAL.fullmatch(text[:8]):
            start = date(int(match["year"]), 1, 1) + timedelta(days=int(match["day"]) - 1)
            # A day 366 of a common year belongs to no date: it stays as it is and is refused.
            text = start.isoformat() + text[8:] if start.year == int(match["year"]) and match["day"] != "000" else text
        if re.search(r"[T ]24(?::?00){0,2}", text) and not re.search(r"[T ]24:?0*[1-9]", text):
            text, extra[row] = re.sub(r"([T ])24", r"\g<1>00", text, count=1), np.timedelta64(86_400, "s")
        if re.search(r"[T ]\d\d:?\d\d:?60", text):
            text, extra[row] = re.sub(r"([T ]\d\d:?\d\d:?)60", r"\g<1>59", text, count=1), np.timedelta64(1, "s")
        plain.append(text)
    return plain, extra


def iso_spelling(cell: str) -> str:
    """The template of an ISO time; for other forms that of a full date and time."""
    match = _ISO.fullmatch(cell)
    if match is None:
        return "%Y-%j" if _ORDINAL.fullmatch(cell) else "%Y-%m-%dT%H:%M:%S"
    text = "%Y" + "".join(f"{match['dash']}%{code}" for code, part in (("m", "month"), ("d", "day")) if match[part])
    if match["hour"] is None:
        return text
    text += f"{match['t']}%H" + "".join(
        f"{match['colon']}%{code}" for code, part in (("M", "minute"), ("S", "second")) if match[part]
    )
    if match["fraction"]:
        text += f"{match['point']}%{min(9, len(match['fraction']))}f"
    zone = match["zone"] or ""
    if zone in ("Z", "z", "UTC", "GMT"):
        return f"{text}{match['gap']}{'Z' if zone in 'Zz' else '%:z'}"
    return text + match["gap"] + ({6: "%:z", 5: "%z", 3: "%h"}.get(len(zone), ""))


def english(cell: str) -> str:
    """A time with the names of months and the half of the day in English, which strptime knows."""
    text = re.sub(r"\b([ap])\.?\s?m\.?(?=\s|$)", r"\1m", cell, flags=re.IGNORECASE)
    return re.sub(r"[^\W\d_]+", lambda word: _MONTHS.get(word[0].lower(), word[0]), text)
