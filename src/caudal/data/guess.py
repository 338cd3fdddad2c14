"""Which column of a table is probably what, each guess with its reason, and none where the table does not say."""

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caudal.data.accidents import is_owner, left_out
from caudal.data.columns import Columns, named
from caudal.data.spelling import folded
from caudal.data.table import Table, open_table
from caudal.data.time_formats import likely_formats
from caudal.errors import DataError

Part = Literal["target", "series", "time", "sensitive", "group", "task", "time_format", "horizon"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TIMES = _words(
    """time times t timestamp datetime date day days hour hours hr hrs minute minutes min mins second seconds sec secs
    week weeks month months year years when clock elapsed offset step tick futime tiempo fecha hora horas dia dias
    semana mes meses ano anos instante momento minuto minutos segundo segundos"""
)
_ANSWERS = _words(
    """target label labels class classes outcome response y goal objetivo etiqueta clase resultado desenlace respuesta
    ziel klasse zielgroesse cible"""
)
_EVENTS = _words(
    """ill sick died dead death mortality survived survival alive event status diagnosis disease failure failed fails
    fault churn churned relapse readmitted default fraud anomaly phase activity state occupancy grade rating muerte
    fallecido fallecimiento vivo enfermo enfermedad evento estado diagnostico fallo averia recaida abandono fraude
    actividad fase"""
)
_PROTECTED = _words(
    """sex gender race ethnicity ethnic religion nationality disability sexo genero raza etnia etnico nacionalidad
    discapacidad"""
)
_THINGS = _words(
    """machine meter sensor station engine unit site device vehicle car truck batch battery bearing pump turbine plant
    store shop item product country city region school series sequence seq recording session run trial file maquina
    medidor estacion motor unidad sitio dispositivo vehiculo camion lote bateria bomba turbina planta tienda producto
    pais ciudad escuela serie secuencia sesion ensayo recorrido ruta vuelo flight ward sala room"""
)
# A column with more different labels is no class to guess.
_MOST_CLASSES = 20
# Gap in seconds up to which so many steps ahead are a usual forecast.
_AHEAD = ((3600.0, 24), (86400.0, 7), (7 * 86400.0, 4), (31 * 86400.0, 12))


@dataclass(frozen=True)
class ColumnGuess:
    """What one part of a table would be.

    Attributes:
        part: field of `Columns`.
        value: names of columns, or the value of the field; empty where the table does not say.
        reason: why, or why not, as a clause.
        candidates: columns that may be it, where none is taken.
        is_sure: whether a program may go on with it.
    """

    part: Part
    value: tuple[str, ...]
    reason: str
    candidates: tuple[str, ...] = ()
    is_sure: bool = True


@dataclass(frozen=True)
class Proposal:
    """Guesses about a table, and the columns that follow.

    Attributes:
        guesses: one for each part that was looked for.
        columns: what was given, with the sure guesses.
        unsure: parts that are needed and that the table does not tell.
    """

    guesses: tuple[ColumnGuess, ...]
    columns: Columns
    unsure: tuple[Part, ...]


def propose(frame: object, columns: Columns | None = None, owner: str = "propose") -> Proposal:
    """Which columns of a table would be target, series, time and protected attributes, with the reasons.

    A part that the caller names is left as it is. Names alone decide nothing that the cells contradict: times must not
    repeat within a series, a protected attribute is one per series, an identifier repeats.

    Arguments:
        frame: path or data frame, as in `from_frame`.
        columns: what is known already.
        owner: who asks, for messages.

    Raises:
        DataError: there is no such file or it does not read, or a given column is not there.

    Example:
        >>> import pytest
        >>> pandas = pytest.importorskip("pandas")
        >>> rows = {"patient": [1, 1, 2, 2], "day": [0, 3, 0, 9], "pulse": [60, 61, 75, 70], "ill": [0, 0, 1, 1]}
        >>> proposal = propose(pandas.DataFrame(rows))
        >>> {guess.part: guess.value for guess in proposal.guesses if guess.value}
        {'time': ('day',), 'series': ('patient',), 'target': ('ill',)}
    """
    given = columns or Columns()
    table = open_table(frame, owner, given.wanted, given.form)
    table.need_columns([*named(given.series), *named(given.time), *given.target, *given.sensitive])
    guesses: list[ColumnGuess] = []
    current = given
    if given.time is None:
        guesses += _time(table, current)
        current = _with(current, guesses)
    if given.series is None:
        guesses += _series(table, current)
        current = _with(current, guesses)
    if given.time is None and current.time is None:
        guesses, current = _once_more(table, current, guesses)
    if given.group is None and given.series is None and current.series is not None:
        guesses += _group(table, current)
        current = _with(current, guesses)
    if not given.sensitive and current.series is not None:
        guesses += _sensitive(table, current)
        current = _with(current, guesses)
    if not given.target:
        guesses += _target(table, current)
        current = _with(current, guesses)
    series = next((guess for guess in guesses if guess.part == "series"), None)
    is_single = series is not None and series.is_sure and not series.value
    if is_single and current.target and not given.horizon and given.task == "auto":
        guesses.append(_task(table, current))
        current = _with(current, guesses)
    needed = ("target", "series", "task", "time_format")
    missing = [guess.part for guess in guesses if not guess.is_sure and guess.part in needed]
    return Proposal(tuple(guesses), current, tuple(missing))


def _once_more(table: Table, columns: Columns, guesses: list[ColumnGuess]) -> tuple[list[ColumnGuess], Columns]:
    """Time and series together, where the one was not sure without the other."""
    rest = [guess for guess in guesses if guess.part not in ("time", "time_format", "series")]
    pairs = [(columns.series, "")] if columns.series is not None else []
    tried = next((guess.candidates for guess in guesses if guess.part == "time"), ())
    for time in tried if columns.series is None else ():
        series = _series(table, replace(columns, time=time))[0]
        if series.value and series.is_sure:
            pairs.append((series.value[0], time))
    if len({series for series, _ in pairs}) != 1:
        return guesses, columns
    times = _time(table, replace(columns, series=pairs[0][0]))
    if not times[0].value:
        return guesses, columns
    if columns.series is not None:
        rest += [guess for guess in guesses if guess.part == "series"]
    else:
        rest += _series(table, replace(columns, time=times[0].value[0]))
    both = [*times, *rest]
    return both, _with(columns, both)


def _group(table: Table, columns: Columns) -> list[ColumnGuess]:
    """Who several series belong to, as a patient of several stays."""
    series = _codes(table, str(columns.series))
    count = len(table.coded(str(columns.series)).cells)
    owners = [
        name
        for name in _free(table, columns)
        if is_owner(name) and 1 < len(table.coded(name).cells) < count and _is_steady(_codes(table, name), series)
    ]
    reason = "several series belong to one of its values, which stays on one side of the test"
    return [ColumnGuess("group", (owners[0],), reason)] if len(owners) == 1 else []


def _with(columns: Columns, guesses: list[ColumnGuess]) -> Columns:
    """The columns with the sure guesses."""
    values: dict[str, object] = {}
    for guess in guesses:
        if not guess.is_sure or not guess.value:
            continue
        several = guess.part in ("target", "sensitive")
        values[guess.part] = (
            guess.value if several else int(guess.value[0]) if guess.part == "horizon" else guess.value[0]
        )
        if guess.part == "horizon":
            values["task"] = "forecast"
    return Columns.of({**columns.given(), **values})


def _tokens(name: str) -> set[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name))
    return set(re.findall(r"[a-z]+", folded(apart)))


def _free(table: Table, columns: Columns) -> list[str]:
    """Columns without a part whose name stands once."""
    taken = {
        *named(columns.series),
        *named(columns.time),
        *columns.target,
        *columns.sensitive,
        *columns.drop,
        *named(columns.group),
        *(columns.features or ()),
        *columns.static,
    }
    return [name for name in table.columns if name not in taken and name not in table.twice]


def _codes(table: Table, name: str) -> NDArray[np.int64]:
    """`(rows,)` which of its different cells a row holds, -1 where missing."""
    return np.asarray(table.coded(name).codes, np.int64)


def _repeats(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Share of rows whose pair of cells another row has as well."""
    pairs = first * (int(second.max(initial=0)) + 2) + second
    return 1.0 - len(np.unique(pairs)) / max(1, len(pairs))


def _time(table: Table, columns: Columns) -> list[ColumnGuess]:
    series = None if columns.series is None else _codes(table, columns.series)
    forms: dict[str, str] = {}
    typed, numbers = [], []
    for name in _free(table, columns):
        kind, codes = table.kind(name), _codes(table, name)
        if (codes < 0).any() or len(table.coded(name).cells) < 2:
            continue
        if kind == "datetime":
            typed.append(name)
        elif kind == "text":
            form = _form(table, name)
            if form is not None:
                typed.append(name)
                forms[name] = form
        elif kind == "number" and _tokens(name) & _TIMES and not is_owner(name) and "id" not in _tokens(name):
            numbers.append(name)
    fitting = [name for name in (typed or numbers) if series is None or _repeats(series, _codes(table, name)) <= 0.05]
    whole = [name for name in fitting if _tokens(name) <= _TIMES]
    if len(whole) == 1 and not typed:  # `day` rather than `day_of_week`
        fitting = whole
    # Without series, a date that stands for all rows of a person (a birth day) cannot be told from a time.
    if len(fitting) == 1 and _moves(table, fitting[0], series):
        name = fitting[0]
        what = "holds dates" if name in typed else "is named like a time and holds numbers"
        guesses = [ColumnGuess("time", (name,), f"it {what}" + ("" if series is None else ", none twice in a series"))]
        form = forms.get(name, "")
        if form:
            guesses.append(ColumnGuess("time_format", (form,), f"so `{name}` is written"))
        elif name in forms and len(_formats(table, name)) > 1:
            both = " or ".join(_formats(table, name))
            guesses.append(ColumnGuess("time_format", (), f"`{name}` reads as {both}", (), False))
        return guesses
    if not fitting:
        return [ColumnGuess("time", (), "no column holds times: the order of the rows stands for it")]
    reason = "several columns may be it" if len(fitting) > 1 else "it hardly changes from row to row"
    return [ColumnGuess("time", (), reason, tuple(fitting), False)]


def _moves(table: Table, name: str, series: NDArray[np.int64] | None) -> bool:
    """Whether a time changes from row to row of a series."""
    codes = _codes(table, name)
    same = np.ones(len(codes) - 1, np.bool_) if series is None else series[1:] == series[:-1]
    return bool(not same.any() or (codes[1:] != codes[:-1])[same].mean() > 0.5)


_ISO = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?")


def _formats(table: Table, name: str) -> list[str]:
    return likely_formats([str(cell).strip() for cell in table.coded(name).cells[:2000]])


def _form(table: Table, name: str) -> str | None:
    """How a text column writes times: `""` for ISO 8601 or several ways, None where it holds none."""
    cells = [str(cell).strip() for cell in table.coded(name).cells[:2000]]
    if is_owner(name) or "id" in _tokens(name):
        return None
    if all(map(_ISO.fullmatch, cells)):
        return ""
    forms = likely_formats(cells)
    if forms == ["duration"] and not all(":" in cell or cell.startswith("PT") for cell in cells):
        return None
    return None if not forms else forms[0] if len(forms) == 1 else ""


def _series(table: Table, columns: Columns) -> list[ColumnGuess]:
    rows, time = len(table), None if columns.time is None else _codes(table, columns.time)
    is_mixed = time is not None and len(np.unique(time)) < rows
    sound: list[str] = []
    for name in _free(table, columns):
        codes, count = _codes(table, name), len(table.coded(name).cells)
        if (codes < 0).any() or count < 2 or 3 * count > 2 * rows or not _is_key(table, name):
            continue
        if time is None or _repeats(codes, time) == 0:
            sound.append(name)
    tokens = {name: _tokens(name) for name in sound}
    known = [name for name in sound if is_owner(name) or tokens[name] & _THINGS or "id" in tokens[name]]
    if time is not None and not is_mixed:
        single = "no time repeats: the table is one series"
        if not known:
            return [ColumnGuess("series", (), single)]
        reason = "times go on from row to row, so that the table may be one series"
        if len(known) == 1 and (is_owner(known[0]) or _restarts(table, str(columns.time), known[0])):
            return [ColumnGuess("series", (known[0],), "each of its values has rows of its own")]
        return [ColumnGuess("series", (), reason, tuple(known), False)]
    together = [name for name in known if time is not None or _in_blocks(_codes(table, name))]
    if len(together) == 1:
        why = "no time repeats within one of its values" if time is not None else "its values stand in blocks of rows"
        return [ColumnGuess("series", (together[0],), f"it is named like whoever rows belong to, and {why}")]
    if len(together) > 1:
        return _nested(table, together, time)
    if is_mixed and len(sound) == 1:
        return [ColumnGuess("series", (sound[0],), "it alone keeps equal times apart")]
    ids = [name for name in _free(table, columns) if is_owner(name) or "id" in _tokens(name)]
    ids = [name for name in ids if len(table.coded(name).cells) == rows]
    if ids:
        return [ColumnGuess("series", (), f"`{ids[0]}` differs in every row, and no column repeats", (), False)]
    if sound and (is_mixed or time is None):
        return [ColumnGuess("series", (), "several columns may name it" * (len(sound) > 1), tuple(sound[:8]), False)]
    reason = "no column says which rows belong together"
    if is_mixed and time is not None:
        twice = rows - len(np.unique(time))
        reason = f"{twice:,} rows share a time with another, and no column keeps them apart"
    return [ColumnGuess("series", (), reason, (), False)]


def _is_key(table: Table, name: str) -> bool:
    """Whether cells may be names: texts, or whole numbers."""
    if _tokens(name) & (_PROTECTED | _ANSWERS | _EVENTS):
        return False
    if table.kind(name) == "text":
        return _form(table, name) is None
    if table.kind(name) != "number":
        return False
    cells = table.numbers(name)
    return bool((cells == np.floor(cells)).all()) and not _tokens(name) & (_TIMES | {"age"})


def _in_blocks(codes: NDArray[np.int64]) -> bool:
    """Whether equal cells stand together."""
    return bool(1 + (codes[1:] != codes[:-1]).sum() == len(np.unique(codes)))


def _restarts(table: Table, time: str, name: str) -> bool:
    """Whether the values of a column stand in several blocks of time that overlap, as series side by side do."""
    codes, at = _codes(table, name), np.argsort(_ranks(table, time), kind="stable")
    return not _in_blocks(codes[at]) and len(np.unique(codes)) > 2


def _ranks(table: Table, name: str) -> NDArray[np.int64]:
    """`(rows,)` place of a cell among the sorted different cells; texts by their letters."""
    cells = table.coded(name).cells
    keys = [float(str(cell)) for cell in cells] if table.kind(name) == "number" else [str(cell) for cell in cells]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys))
    return np.asarray(rank[_codes(table, name)])


def _nested(table: Table, names: list[str], time: NDArray[np.int64] | None) -> list[ColumnGuess]:
    """Series and group where each value of one column belongs to one of another, as stays to a patient."""
    fine = max(names, key=lambda name: len(table.coded(name).cells))
    coarse = [name for name in names if name != fine]
    nested = all(_is_steady(_codes(table, name), _codes(table, fine)) for name in coarse)
    if nested and len(coarse) == 1 and len(table.coded(fine).cells) > len(table.coded(coarse[0]).cells):
        both = (fine, coarse[0])
        reason = f"`{fine}` or its owner `{coarse[0]}` may be a series"
        return [ColumnGuess("series", (), reason, both, False)]
    return [ColumnGuess("series", (), "several columns may name it", tuple(names), False)]


def _is_steady(codes: NDArray[np.int64], series: NDArray[np.int64]) -> bool:
    """Whether a column holds one value per series, holes aside."""
    known = codes >= 0
    pairs = np.unique(np.stack([series[known], codes[known]]), axis=1)
    return bool(len(np.unique(pairs[0])) == pairs.shape[1])


def _sensitive(table: Table, columns: Columns) -> list[ColumnGuess]:
    series = _codes(table, str(columns.series))
    steady = [
        name
        for name in _free(table, columns)
        if 1 < len(table.coded(name).cells) <= _MOST_CLASSES and _is_steady(_codes(table, name), series)
    ]
    taken = tuple(name for name in steady if _tokens(name) & _PROTECTED)
    if taken:
        return [ColumnGuess("sensitive", taken, "protected attribute; kept out of the inputs")]
    return []


def _target(table: Table, columns: Columns) -> list[ColumnGuess]:
    series = None if columns.series is None else _codes(table, columns.series)
    accidents = left_out(table, _free(table, columns))
    free = [name for name in _free(table, columns) if name not in accidents and len(table.coded(name).cells) > 1]
    free = [name for name in free if not is_owner(name)]
    free = [name for name in free if "id" not in _tokens(name)]
    # Beside `x`, `y` may be a place as well as an answer.
    is_place = any(_tokens(name) == {"x"} for name in table.columns)
    certain = [name for name in free if _tokens(name) <= _ANSWERS and _tokens(name)]
    certain = [
        name
        for name in certain
        if not (is_place and _tokens(name) == {"y"}) or (series is not None and _is_steady(_codes(table, name), series))
    ]
    certain = certain or [name for name in free if _tokens(name) & (_ANSWERS - {"y", "class", "classes", "response"})]
    if len(certain) == 1:
        return [ColumnGuess("target", (certain[0],), "it is named like an answer")]
    if certain:
        return [ColumnGuess("target", (), "several are named like an answer", tuple(certain), False)]
    events = [name for name in free if _tokens(name) & _EVENTS and len(table.coded(name).cells) <= _MOST_CLASSES]
    settled = [name for name in events if series is not None and _is_steady(_codes(table, name), series)]
    likely = settled if settled else [name for name in events if name == table.columns[-1]]
    if len(likely) == 1:
        why = "one value per series" if settled else "the last column"
        return [ColumnGuess("target", (likely[0],), f"it is named like an event, and is {why}")]
    if series is None and len(free) == 1 and columns.time is not None and table.kind(free[0]) == "number":
        return [ColumnGuess("target", (free[0],), "it is the only column beside the time")]
    shown = dict.fromkeys((*events, *([table.columns[-1]] if table.columns[-1] in free else []), *free))
    return [ColumnGuess("target", (), "no column says that it is the answer", tuple(shown)[:8], False)]


def _task(table: Table, columns: Columns) -> ColumnGuess:
    """What to ask of a table of one series."""
    name = columns.target[0]
    cells = table.coded(name).cells
    if table.kind(name) in ("text", "bool") or (len(cells) <= 2 and table.kind(name) == "number"):
        reason = f"one series, and `{name}` holds {len(cells)} classes: it is asked for at each step"
        return ColumnGuess("task", ("classify_steps",), reason)
    alone = not [other for other in _free(table, columns) if other not in left_out(table, _free(table, columns))]
    ahead = _ahead(table, columns)
    if alone and ahead is not None:
        return ColumnGuess("horizon", (str(ahead),), f"one series, and `{name}` alone: its next {ahead} steps")
    reason = f"one series: `{name}` is forecast from its past (--horizon), or answered at each step (--task imitate)"
    return ColumnGuess("task", (), reason, ("forecast", "imitate"), False)


def _ahead(table: Table, columns: Columns) -> int | None:
    """Steps of a usual forecast, by the typical gap of dates; None where the times are no dates."""
    from caudal.data.frame import ordered

    try:
        ordering = ordered(table, replace(columns, horizon=1, time_unit="s"))
    except DataError:
        return None
    if columns.time is None or (table.kind(columns.time) == "number"):
        return None
    gap = float(np.nanmedian(ordering.gaps[1:])) if len(ordering.gaps) > 1 else 0.0
    return next((steps for most, steps in _AHEAD if 0 < gap <= most * 1.01), None)
