"""What in a table is likely an accident: counters of rows, dates, codes of persons, spelling twins."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from caudal.data.recipe import Column
from caudal.data.rows import Order
from caudal.data.sequences import Finding
from caudal.data.spelling import folded
from caudal.data.table import Table
from caudal.errors import DataError
from caudal.typing import Array

_SAMPLE = 2000
# Below these sizes a pattern is as likely chance as accident.
_ROWS, _SERIES, _CODES = 20, 10, 8
_UNNAMED = re.compile(r"\s*|Unnamed: \d+(\.\d+)?(_level_\d+)?|__index_level_\d+__")
_DATE = re.compile(
    r"\d{4}-(0?[1-9]|1[0-2])(-\d{1,2}([T ]\d.*)?)?|\d{1,4}[/.]\d{1,2}[/.]\d{1,4}([T ]\d.*)?|\d{1,2}:\d{2}(:\d{2}.*)?"
)
_CODE = re.compile(r"[^\W\d_]{0,10}[-_ .]?\d+")
_SENTINELS = (-9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0)
_SUM = re.compile(
    r"(grand |sub ?)?totale?s?( general| geral)?|totalen|sumas?|soma|sum|summe|gesamt(summe)?|insgesamt"
    r"|average|avg|mean|promedio|mittelwert|moyenne|overall"
)
_WORDS = """patient subject person student pupil user customer client speaker driver rider athlete participant employee
    worker operator animal mouse household account player member voice who uuid guid ssn mrn record rowid row index
    case stay admission encounter episode trip paciente sujeto persona estudiante alumno usuario cliente hablante
    conductor piloto participante empleado trabajador operador hogar cuenta jugador socio voz quien dni nif
    registro fila indice caso ingreso estancia viaje patiente sprecher kunde fahrer benutzer personne locuteur
    pessoa aluno"""
_OWNERS = frozenset(_WORDS.split())
_OF_NAMES = frozenset(("id", "nr", "no", "num", "number", "name", "code", "key", "ref", "nombre", "numero", "codigo"))


def left_out(table: Table, names: Sequence[str]) -> dict[str, str]:
    """Columns that are no inputs unless listed, each with the reason as a clause.

    They have no name, hold dates, or count the rows of the table (each whole number of a range once).
    """
    reasons = {}
    for name in names:
        if _UNNAMED.fullmatch(str(name)):
            reasons[name] = "has no name, as the index of an exported table"
        elif _holds_dates(table, name):
            reasons[name] = "holds dates"
        elif table.kind(name) == "number" and _counts_rows(table, name):
            reasons[name] = "counts the rows of the table"
    return reasons


def _counts_rows(table: Table, name: str) -> bool:
    try:
        cells = table.numbers(name)
    except DataError:  # what it holds is told where the column is read
        return False
    if len(cells) < _ROWS or (cells[:_ROWS] != np.floor(cells[:_ROWS])).any() or np.isnan(cells).any():
        return False
    low = cells.min()
    if cells.max() - low != len(cells) - 1 or (cells != np.floor(cells)).any():
        return False
    return bool((np.bincount((cells - low).astype(np.int64), minlength=len(cells)) == 1).all())


def _holds_dates(table: Table, name: str) -> bool:
    kind = table.kind(name)
    if kind != "text":
        return kind == "datetime"
    cells = table.coded(name).cells[:_SAMPLE]
    return len(cells) > 0 and all(_DATE.fullmatch(str(cell).strip()) for cell in cells)


def suspects(table: Table, columns: Sequence[Column], ordering: Order, listed: Sequence[str]) -> list[Finding]:
    """Findings about columns that became inputs.

    Arguments:
        table: the table.
        columns: as they were read.
        ordering: its rows in order.
        listed: columns that the user asked to read as they are: categories, static features.
    """
    findings, contents = [], dict[bytes, str]()
    for column in columns:
        name = column.name
        if column.kind == "category":
            findings += spelling_twins(name, column.values)
            findings += _owner_of_text(table, column, ordering) if name not in listed else []
            continue
        cells = table.numbers(name)
        findings += [*_calendar(name, cells), *_sentinel(name, cells)]
        if name not in listed:
            owner = _owner_of_numbers(name, cells, ordering)
            findings += owner or _row_order(name, cells, ordering)
        findings += _repeated(name, cells, contents)
    return findings


def spelling_twins(name: str, values: Sequence[object]) -> list[Finding]:
    """A finding where texts differ in case, blanks or accents alone.

    Example:
        >>> [finding.message for finding in spelling_twins("ill", ["Yes", "no", "yes "])]
        ["`ill` holds 'Yes' and 'yes ', which differ in spelling alone and count as different values."]
    """
    texts = [value for value in values if isinstance(value, str)]
    first: dict[str, str] = {}
    pairs = [(other, text) for text in texts if (other := first.setdefault(folded(text), text)) != text]
    if not pairs:
        return []
    shown = " and ".join(map(repr, pairs[0])) + (f" (and {len(pairs) - 1} more pairs)" if len(pairs) > 1 else "")
    text = f"`{name}` holds {shown}, which differ in spelling alone and count as different values."
    return [Finding("spelling", name, text, len(pairs))]


def label_flips(series: NDArray[np.int64], values: Array) -> NDArray[np.int64]:
    """Positions of labels that break the rule of one label per series, where nearly all series keep it.

    Arguments:
        series: `(labels,)` series of each label, rising.
        values: `(labels,)` the labels in the order of time.

    Returns:
        `(flips,)` the first label of each breaking series that its other labels outvote; empty where labels change
        in many series, or where those that never change all have the same label.
    """
    none = np.zeros(0, np.int64)
    change = (series[1:] == series[:-1]) & (values[1:] != values[:-1])
    breaking = np.unique(series[1:][change])
    steady = ~np.isin(series, breaking)
    several = np.bincount(series)[np.unique(series[steady])] > 1
    count, alone = int(several.sum()), len(np.unique(values[steady])) < 2
    if alone or count < 4 or len(breaking) > max(1, 0.1 * (count + len(breaking))):
        return none
    places = []
    for row in breaking:
        at = np.flatnonzero(series == row)
        labels, codes, votes = np.unique(values[at], return_inverse=True, return_counts=True)
        rare = at[codes != int(np.argmax(votes))]
        # One of a handful of series may well change for good; a single cell that turns and turns back does not.
        if count < 9 and (len(rare) > 1 or len(labels) > 2):
            return none
        places.append(int(rare[0]))
    return np.array(places, np.int64)


def _owner_of_text(table: Table, column: Column, ordering: Order) -> list[Finding]:
    name, count = column.name, len(column.values)
    several = 2 * len(ordering.rows) >= 3 * len(ordering.ids)
    coded = several and count >= _CODES and all(map(_CODE.fullmatch, column.values))
    apart = several and count == len(ordering.ids) >= _CODES
    if count < 3 or not (coded or apart or is_owner(name)):
        return []
    codes = table.coded(name).codes.astype(np.float64)
    codes[codes < 0] = np.nan
    return [_owner(name, count)] if _steady(codes, ordering) else []


def _owner_of_numbers(name: str, cells: NDArray[np.float64], ordering: Order) -> list[Finding]:
    known = cells[~np.isnan(cells)]
    if not _are_whole(known) or not _steady(cells, ordering):
        return []
    count, span = len(np.unique(known)), float(known.max() - known.min())
    several = 2 * len(ordering.rows) >= 3 * len(ordering.ids)
    dense = several and count == len(ordering.ids) >= _SERIES and span <= 1.5 * count
    return [_owner(name, count)] if dense or (count >= 3 and is_owner(name)) else []


def _owner(name: str, count: int) -> Finding:
    text = (
        f"`{name}` is an input, has one value within each series ({count:,} in all) and seems to name whom a series "
        "belongs to: a model would know them again."
    )
    return Finding("owner", name, text, count)


def is_owner(name: str) -> bool:
    """Whether the words of a name say person or record, and nothing about them."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [word.removesuffix("s") for word in re.findall(r"[^\W\d_]+", folded(spaced))]
    return any(word in _OWNERS for word in words) and all(word in _OWNERS | _OF_NAMES for word in words)


def _steady(cells: NDArray[np.float64], ordering: Order) -> bool:
    """Whether known values are the same within each series."""
    values = cells[ordering.rows]
    known = ~np.isnan(values)
    values, series = values[known], ordering.series[known]
    return not ((series[1:] == series[:-1]) & (values[1:] != values[:-1])).any()


def _row_order(name: str, cells: NDArray[np.float64], ordering: Order) -> list[Finding]:
    """Numbers that rise or fall with the rows of the table, across series."""
    several = 2 * len(ordering.rows) >= 3 * len(ordering.ids)
    if len(ordering.ids) < 2 or len(cells) < _ROWS or (several and _steady(cells, ordering)):
        return []
    rows = np.arange(0, len(cells), -(-len(cells) // _SAMPLE))
    rows = rows[~np.isnan(cells[rows])]
    values = cells[rows]
    steps = np.diff(values)
    strictly = bool((steps > 0).all() or (steps < 0).all()) and (values == np.floor(values)).all()
    if len(np.unique(values)) < _ROWS / 2 or not (strictly or (several and _rank_correlation(values) > 0.99)):
        return []
    starts = np.argsort(ordering.rows)
    times = (ordering.start[ordering.series] + _elapsed(ordering))[starts] if len(ordering.rows) == len(cells) else None
    if times is not None and (_rank_correlation(times[rows]) > 0.9 or not several):
        return []  # rows in the order of time: what grows with time grows with them
    text = f"`{name}` follows the order of the rows across series, as a record number does; kept as an input."
    return [Finding("row_order", name, text, len(cells))]


def _elapsed(ordering: Order) -> NDArray[np.float64]:
    """Time of each row since the first of its series."""
    total = np.cumsum(np.nan_to_num(ordering.gaps))
    return np.asarray(total - total[ordering.step == 0][ordering.series])


def _rank_correlation(values: NDArray[np.float64]) -> float:
    """Size of Spearman's correlation with the position, ties in order of value by their mean rank."""
    if len(np.unique(values)) < 2:
        return 0.0
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return abs(float(np.corrcoef(ranks, np.arange(len(values)))[0, 1]))


def _are_whole(values: NDArray[np.float64]) -> bool:
    """Whether all numbers are whole; most columns that are not show it in the first few."""
    return all(bool((part == np.floor(part)).all()) for part in (values[:_ROWS], values))


def _calendar(name: str, cells: NDArray[np.float64]) -> list[Finding]:
    """Numbers such as 20240131 or 202401, whose differences are no days or months."""
    known = cells[~np.isnan(cells)]
    if not _are_whole(known):
        return []
    values = np.unique(known)
    if len(values) < 5:
        return []
    for form, low, high, least in (("YYYYMMDD", 19000101, 21001231, 5), ("YYYYMM", 190001, 210012, 8)):
        if values[0] < low or values[-1] > high or len(values) < least:
            continue
        whole = values.astype(np.int64)
        months = whole // 100 % 100 if form == "YYYYMMDD" else whole % 100
        days = whole % 100 if form == "YYYYMMDD" else np.ones_like(whole)
        if ((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all():
            text = f"`{name}` looks like dates written as {form} and is read as numbers, whose differences are no time."
            return [Finding("calendar", name, text, len(values))]
    return []


def _sentinel(name: str, cells: NDArray[np.float64]) -> list[Finding]:
    """A number such as -999, far from all others, that stands for a missing value."""
    known = cells[~np.isnan(cells)]
    if len(known) < _ROWS:
        return []
    for code in {float(known.min()), float(known.max())} & set(_SENTINELS):
        rest = known[known != code]
        if not rest.size or 2 * rest.size < len(known) or len(known) - rest.size < 2:
            continue
        far = float(np.abs(rest - code).min()) > 3 * max(float(rest.max() - rest.min()), 1e-12)
        if len(np.unique(rest)) > 1 and (far or (code <= -99 and rest.min() >= 0)):
            count = len(known) - rest.size
            text = f"`{name}` is {code:g} in {count:,} rows, far from all other values: it may stand for missing."
            return [Finding("sentinel", name, text, count)]
    return []


def _repeated(name: str, cells: NDArray[np.float64], contents: dict[bytes, str]) -> list[Finding]:
    if len(np.unique(cells[:_SAMPLE])) < 5:
        return []
    other = contents.setdefault(cells.tobytes(), name)
    if other == name:
        return []
    return [Finding("repeated", name, f"`{name}` holds the same values as `{other}` in every row.", len(cells))]


def sums(table: Table, name: str) -> list[Finding]:
    """A finding where a column of series holds rows such as `Total`, which add up the others."""
    if table.kind(name) != "text":
        return []
    column = table.coded(name)
    at = [k for k, cell in enumerate(column.cells) if _SUM.fullmatch(folded(str(cell)))]
    if not at or len(column.cells) < max(3, 2 * len(at) + 1):
        return []
    rows = np.flatnonzero(np.isin(column.codes, at))
    text = (
        f"`{name}` holds {str(column.cells[at[0]])!r} in {len(rows)} rows, first {table.where(int(rows[0]))}: it seems "
        "to name a sum or mean of other rows, and is read as a series of its own."
    )
    return [Finding("total", name, text, len(rows), table.place(int(rows[0])))]


def key_findings(names: Sequence[str], table: Table) -> Iterator[Finding]:
    """Spelling twins in columns that name series, groups or protected attributes."""
    for name in dict.fromkeys(names):
        if table.kind(name) != "text":
            continue
        values = sorted(str(cell) for cell in table.coded(name).cells)
        mixed = sum(value not in (value.lower(), value.upper(), value.title(), value.capitalize()) for value in values)
        # Codes of letters in both cases mean the case.
        if len(values) <= 20 * _SAMPLE and 5 * mixed <= len(values):
            yield from spelling_twins(name, values)
