"""What a table says about itself: which columns are inputs, of what kind, and what is asked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from caudal.data.accidents import label_flips, left_out
from caudal.data.columns import Columns, named
from caudal.data.recipe import Column
from caudal.data.rows import EQUAL_TIMES, Order
from caudal.data.sequences import Finding, Label
from caudal.data.spelling import disguise, exact, spelled, truth
from caudal.data.table import Table
from caudal.data.task import TASKS, Task
from caudal.typing import Array

_MANY = 100
_FEW = 20
KINDS = ("auto", "classes", "numbers")
_NO_ATTRIBUTE = "Leave it out of `sensitive`: groups made of the answer say nothing about who is treated worse."
_NO_GROUP = "Name as `group` who the series belong to, such as the patient of several stays."
_OF_ONE_SERIES = ("forecast", "classify_steps", "imitate")


def check_columns(table: Table, columns: Columns) -> None:
    """Refuse names that are not columns or that would leak, and options that do not exist.

    Raises:
        DataError: names the column or the option.
    """
    _check_options(table, columns)
    parts = [name.strip() for name in str(columns.series).split(",")]
    if columns.series not in table.columns and len(parts) > 1 and all(name in table.columns for name in parts):
        remedy = "Join them into one column first, such as the texts of both with a dash between."
        raise table.fail(str(columns.series), f"names {len(parts)} columns; a series has one name", remedy)
    table.need_columns(
        [
            *(*named(columns.series), *named(columns.time), *columns.target, *(columns.features or ())),
            *(*columns.static, *columns.sensitive, *named(columns.group), *columns.categorical, *columns.drop),
        ]
    )
    for name in (*(columns.features or ()), *columns.static):
        if name in (*named(columns.series), *named(columns.group)):
            raise table.fail(name, "names who the row belongs to; as an input it would leak", "Leave it out.")
    for name in columns.target:
        if name in (columns.series, columns.time):
            part = "series" if name == columns.series else "time"
            raise table.fail(name, f"is both the target and the {part}", "Name the column that is to be predicted.")
        if name in columns.sensitive or name == columns.group:
            part, remedy = ("protected attribute", _NO_ATTRIBUTE) if name in columns.sensitive else ("group", _NO_GROUP)
            raise table.fail(name, f"is both the target and the {part}", remedy)
    if columns.series in columns.sensitive:
        fault = "names the series and is a protected attribute as well, so that every group would be one series"
        raise table.fail(str(columns.series), fault, "Name an attribute that series share, such as sex or age.")
    for name in columns.drop:
        if name in (*(columns.features or ()), *columns.static, *columns.target, columns.series, columns.time):
            raise table.fail(name, "is to be dropped and has another part as well", "Take it out of `drop`.")


def _check_options(table: Table, columns: Columns) -> None:
    if not columns.target:
        raise table.fail("target", "names no column", "Name the column to predict.")
    if columns.series is None and not columns.horizon and columns.task not in _OF_ONE_SERIES:
        fault = "is missing: no column says which rows belong to one series"
        there = ", ".join(table.columns[:12]) + (", ..." if len(table.columns) > 12 else "")
        remedy = (
            f"Name it: {there}. A table of one series needs none for a forecast (`horizon`), nor where `task` is "
            "classify_steps or imitate."
        )
        raise table.fail("series", fault, remedy)
    if columns.equal_times not in EQUAL_TIMES:
        fault = f"is {columns.equal_times!r}; expected one of {', '.join(EQUAL_TIMES)}"
        raise table.fail("equal_times", fault, "Name one of them.")
    for name, size, least in (
        ("horizon", columns.horizon, 0),
        ("window", columns.window, 0),
        ("stride", columns.stride, 1),
    ):
        if size < least:
            raise table.fail(name, f"is {size}; expected at least {least}", "Pass a count of steps.")
    if columns.task not in (*KINDS, "forecast") and columns.horizon:
        raise table.fail("horizon", f"is {columns.horizon}, and the task is {columns.task}", 'Pass `task="forecast"`.')


def input_columns(table: Table, columns: Columns, forecast: bool) -> tuple[str, ...]:
    """The columns that become inputs: those listed, or all that have no other part and are no likely accident.

    A forecast sees its own past.
    """
    chosen = list(columns.features or ())
    if columns.features is None:
        free = free_columns(table, columns)
        accidents = left_out(table, [name for name in free if name not in columns.categorical])
        chosen = [name for name in free if name not in accidents]
    if forecast:
        chosen += [name for name in columns.target if name not in chosen]
    leak = [name for name in chosen if name in columns.target]
    if leak and not forecast:
        raise table.fail(leak[0], "is both a feature and the target", "Take it out of `features`.")
    if not chosen:
        raise table.fail("features", "leave no input at all", "Name at least one feature column.")
    return tuple(chosen)


def free_columns(table: Table, columns: Columns) -> tuple[str, ...]:
    """Columns that no argument names."""
    taken = {
        *named(columns.series),
        *named(columns.time),
        *columns.target,
        *columns.static,
        *columns.sensitive,
        *named(columns.group),
        *columns.drop,
    }
    return tuple(name for name in table.columns if name not in taken)


def told_columns(table: Table, columns: Columns) -> tuple[str, ...]:
    """Columns in which a row must repeat another to be its double: all but those that are no likely inputs."""
    accidents = left_out(table, free_columns(table, columns)) if columns.features is None else {}
    return tuple(name for name in table.columns if name not in accidents)


def learn_columns(table: Table, names: Sequence[str], columns: Columns) -> tuple[tuple[Column, ...], list[Finding]]:
    """Kind and known values of each column; empty columns are left out unless listed by name.

    Raises:
        DataError: a listed column is empty, a number column holds text, a type cannot be an input, or a text column
            has too many different values to be a category.
    """
    learned, findings = [], []
    for name in names:
        table.need_once(name)
        kind = _kind(table, name, columns.categorical)
        if kind == "category":
            column, more = _category(table, name)
        else:
            column, more = _number(table, name, columns.units.get(name, ""))
        if column is None:
            if name in (*(columns.features or ()), *columns.static, *columns.target):
                raise table.fail(name, "is empty in every row", "Take it out of the list.")
            findings.append(Finding("empty", name, f"`{name}` is empty in every row; left out.", len(table)))
            continue
        learned.append(column)
        findings += more
    if not learned:
        raise table.fail("features", "leave no input that holds a value", "Name at least one feature column.")
    return tuple(learned), findings


def _kind(table: Table, name: str, categorical: Sequence[str]) -> str:
    if name in categorical or table.is_categorical(name):
        return "category"
    kind = table.kind(name)
    if kind in ("datetime", "other"):
        dtype = table.frame[name].dtype
        raise table.fail(name, f"has the type {dtype}, which is no input", "Turn it into numbers or leave it out.")
    if kind != "text" or table.is_mostly_numbers(name):
        return "number"
    _refuse_disguise(table, name)
    return "category"


def _refuse_disguise(table: Table, name: str) -> None:
    """Refuse numbers in a form of people, which would become one category each.

    Raises:
        DataError: names the column, a cell and what reads it.
    """
    column = table.coded(name)
    texts = [str(cell) for cell in column.cells]
    like = disguise([text for text in texts if table.form.plain(text) == text])
    if like is None:
        return
    row = int(np.argmax(column.codes == [text.strip() for text in texts].index(like[0])))
    fault = f"holds numbers written with {like[1]}, such as {like[0]!r} at {{where}}"
    raise table.fail(name, fault, like[2], row)


def _number(table: Table, name: str, unit: str) -> tuple[Column | None, list[Finding]]:
    cells = table.numbers(name)
    known = cells[~np.isnan(cells)]
    if not known.size:
        return None, []
    findings = []
    if known.size > 1 and known.min() == known.max():
        text = f"`{name}` is {known[0]:g} wherever it is given; it can tell nothing. Kept."
        findings.append(Finding("constant", name, text, len(known)))
    return Column(name, "number", (), unit), findings


def _category(table: Table, name: str) -> tuple[Column | None, list[Finding]]:
    values = check_many(table, name, set(table.coded(name).names))
    if not values:
        return None, []
    findings = table.holes(name)
    if len(values) == 1 and len(table) > 1:
        text = f"`{name}` is {values[0]!r} wherever it is given; it can tell nothing. Kept."
        findings.append(Finding("constant", name, text, len(table)))
    return Column(name, "category", values), findings


def check_many(table: Table, name: str, values: set[str]) -> tuple[str, ...]:
    """The values of a category, sorted.

    Raises:
        DataError: there are too many.
    """
    if len(values) > _MANY:
        raise table.fail(
            name,
            f"has {len(values):,} different texts, too many for a category (at most {_MANY})",
            f'Leave it out (`drop="{name}"`), or group its values first.',
        )
    return tuple(sorted(values))


def labels(table: Table, name: str) -> tuple[Array, NDArray[np.bool_]]:
    """A target column as labels (whole numbers, numbers, bools or text) and which rows have one.

    Whole numbers are exact, whatever their size and whatever holes the column has.
    """
    column = table.coded(name)
    known = column.codes >= 0
    return column.take(values_of(table, name)), known


def values_of(table: Table, name: str) -> Array:
    """The label of each different cell of a column."""
    cells, kind, written = table.coded(name).cells, table.kind(name), name in table.written
    if kind == "bool":
        return np.array([truth(cell) if written else bool(cell) for cell in cells], np.bool_)
    if kind == "number":
        plain = [table.form.plain(cell) if written else cell for cell in cells]
        whole = exact([spelled(cell) for cell in plain])
        if whole.dtype.kind == "i" or not all(float(cell).is_integer() for cell in plain):
            return whole if whole.dtype.kind == "i" else np.array(list(map(float, plain)), np.float64)
        numbers = np.array(list(map(float, plain)), np.float64)
        # Written as 1e5, say, or beyond 64 bits: the latter are told apart by their digits alone.
        return numbers.astype(np.int64) if (np.abs(numbers) < 2**53).all() else whole
    if kind == "other":
        table.numbers(name)  # refuses the type
    return np.array([str(cell) for cell in cells], np.str_)


def guess_task(table: Table, columns: Columns, ordering: Order) -> Task:
    """The task: the one named, or the one that the target column looks like.

    Text, bool and at most 20 different whole numbers classify (`"classes"` and `"numbers"` settle that); other numbers
    regress. A target that changes within a series is asked for at each step.

    Raises:
        DataError: the task is unknown or does not fit the target.
    """
    if columns.task in TASKS:
        return Task(columns.task)
    if columns.task not in KINDS:
        raise table.fail("task", f"is {columns.task!r}; expected {', '.join((*KINDS, *TASKS))}", "Name one of them.")
    if columns.horizon:
        return Task.FORECAST
    kinds = [table.kind(name) for name in columns.target]
    if len(columns.target) > 1 and columns.task != "classes":
        return Task.IMITATE if any(_changes(table, name, ordering) for name in columns.target) else Task.REGRESS
    different = np.unique(values_of(table, columns.target[0]))
    # Whole numbers of more than 64 bits are told apart by their digits alone, as texts.
    whole = different.dtype.kind in "ib" or (different.dtype.kind == "U" and kinds[0] == "number")
    few = len(different) <= _FEW and whole
    changes = _changes(table, columns.target[0], ordering)
    if columns.task == "classes" or (columns.task == "auto" and (kinds[0] == "text" or few)):
        return Task.CLASSIFY_STEPS if changes else Task.CLASSIFY
    return Task.IMITATE if changes else Task.REGRESS


def _changes(table: Table, name: str, ordering: Order) -> bool:
    values, known = labels(table, name)
    rows = ordering.rows[known[ordering.rows]]
    series = ordering.series[known[ordering.rows]]
    return bool(np.any((series[1:] == series[:-1]) & (values[rows][1:] != values[rows][:-1])))


def flips(table: Table, name: str, ordering: Order) -> list[Finding]:
    """A finding where a target is one per series but for a few cells, which make it a target of each step."""
    values, known = labels(table, name)
    rows = ordering.rows[known[ordering.rows]]
    series = ordering.series[known[ordering.rows]]
    places = label_flips(series, values[rows])
    if not places.size:
        return []
    row, count = int(rows[places[0]]), len(places)
    text = (
        f"`{name}` is one value per series, but for {count} of {len(ordering.ids)} series that hold two, first "
        f"{ordering.ids[series[places[0]]]} with {str(values[row])!r} at {table.where(row)}; "
        "read as a target of each step."
    )
    return [Finding("flip", name, text, count, table.place(row))]


def learn_classes(table: Table, name: str, least: int = 2) -> tuple[Label, ...]:
    """The different labels of a target column, sorted.

    Raises:
        DataError: there are fewer than `least`.
    """
    classes = tuple(np.unique(values_of(table, name)).tolist())
    if len(classes) < least:
        fault = f"holds one class only, {classes[0]!r}" if classes else "is empty in every row"
        words = "".join(f" {finding.message}" for finding in table.holes(name))
        raise table.fail(name, fault, f"A classifier needs series of at least two classes.{words}")
    return classes
