"""Tables in long form (one row per series and time) become `Sequences`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from caudal.data.build import build
from caudal.data.calendar import Calendar
from caudal.data.columns import ColumnArguments, Columns, named
from caudal.data.infer import check_columns, told_columns
from caudal.data.plan import plan
from caudal.data.recipe import Recipe
from caudal.data.rows import Order, huge_gaps, order, without_ahead
from caudal.data.sequences import Finding, Sequences
from caudal.data.source import AskedColumns
from caudal.data.table import Table, open_table
from caudal.data.window import history, recipe_of, windows

_OWNER = "from_frame"


def from_frame(
    frame: object,
    columns: Columns | None = None,
    *,
    dtype: str = "float32",
    **arguments: Unpack[ColumnArguments],
) -> Sequences:
    """Sequences from a long table: one row per series and time, in any order.

    What is odd but harmless (rows out of order, rows repeated in full, constant columns, huge gaps) is put right or
    kept, and told in `findings`, as is what is likely an accident (a column that counts rows, `Yes` beside `yes`); what
    would change the meaning is an error that names row and column.

    Names are never numbers: series, groups, classes, categories and protected values are read as they are written
    (`007` is not `7`), or as exact whole numbers where the column holds integers; see docs/data.md.

    Arguments:
        frame: path of a text file (.csv, .tsv, .txt, also packed), Parquet (a file or a folder of them), .jsonl,
            .feather or .xlsx; `"-"` for standard input; an open file; or a pandas, polars or pyarrow table.
        columns: which column is what; None where the arguments say it.
        dtype: of the values, `"float32"` or `"float64"`.
        arguments: fields of `Columns` (`target`, `series`, `time`, `features`, ...), which go before those of
            `columns`.

    Returns:
        The sequences. The first step of a series has no elapsed time; it is given the median gap of the table, kept in
        the recipe, because a liquid cell integrates nothing over a time of 0. A recipe comes with them: `read_like`
        reads another table the same way.

    Raises:
        DataError: a column is missing, empty or of an unusable type; a number column holds text or infinity; series,
            time or target is missing in a row; rows of one series share a time; the target has one class.
        MissingExtraError: the packages that read tables are not installed (`pip install "caudal[data]"`).

    Example:
        >>> import pytest
        >>> pandas = pytest.importorskip("pandas")
        >>> visits = pandas.DataFrame(
        ...     {"patient": [1, 1, 2, 2], "day": [0, 3, 0, 9], "pulse": [60, None, 75, 70], "ill": [0, 0, 1, 1]}
        ... )
        >>> from_frame(visits, target="ill", series="patient", time="day", time_unit="d")
        Sequences(2 series of up to 2 steps, 1 inputs, classify 2 classes, 25 % missing, time in d)
    """
    whole = read_whole(frame, columns, dtype=dtype, **arguments)
    recipe = recipe_of(whole)
    if recipe.task != "forecast":
        return whole
    return windows(whole, recipe.window, recipe.stride, recipe.horizon)


def read_whole(
    frame: object,
    columns: Columns | None = None,
    *,
    dtype: str = "float32",
    **arguments: Unpack[ColumnArguments],
) -> Sequences:
    """As `from_frame`, but a forecast is not cut into windows yet; see `WindowSource`."""
    columns = Columns.of(columns, _OWNER, **arguments)
    table = open_table(frame, _OWNER, columns.wanted, columns.form)
    check_columns(table, columns)
    ordering = ordered(table, columns)
    recipe, findings = plan(table, columns, ordering, dtype)
    data = build(table, ordering, recipe, with_target=True)
    odd = [
        *ordering.findings,
        *findings,
        *huge_gaps(table, ordering, columns.time),
        *_past_end(recipe, ordering, target=True),
    ]
    return data.with_findings(odd)


def read_like(frame: object, recipe: Recipe, *, target: bool = False) -> Sequences:
    """Another table, read as the recipe says: same inputs in the same order, same classes, same unit of time.

    Arguments:
        frame: path or data frame.
        recipe: of sequences that `from_frame` made, or `Recipe.from_json`.
        target: whether the table holds the target (evaluation) or not (prediction). Without it a forecast starts
            from the last `window` steps of each series.

    Returns:
        The sequences. Categories that training never saw are read as missing, with a finding.

    Raises:
        DataError: as `from_frame`; also when the time column changed between numbers and datetimes.

    Example:
        >>> import pytest
        >>> pandas = pytest.importorskip("pandas")
        >>> old = pandas.DataFrame({"id": [1, 2], "t": [0, 0], "ward": ["ICU", "A"], "y": ["no", "yes"]})
        >>> recipe = from_frame(old, target="y", series="id", time="t").recipe
        >>> new = read_like(pandas.DataFrame({"id": [7], "t": [0], "ward": ["B"]}), recipe)
        >>> new.findings[0].code, new.observed.tolist()
        ('unseen', [[[False, False]]])
    """
    table = open_table(frame, "read_like", _wanted(recipe, target), recipe.form)
    return from_table(table, recipe, target)


def _wanted(recipe: Recipe, target: bool) -> AskedColumns:
    """The columns that another table must have, and which of them hold names."""
    inputs = (*recipe.inputs, *recipe.statics)
    keys = (*named(recipe.series), *named(recipe.group if target else None))
    names = {
        *named(recipe.series),
        *named(recipe.group),
        *recipe.sensitive,
        *(c.name for c in inputs if c.kind == "category"),
    }
    classes = recipe.target if recipe.classes else ()
    columns = (*keys, *named(recipe.time), *(column.name for column in inputs), *(recipe.target if target else ()))
    return AskedColumns(frozenset({*names, *classes}), columns, recipe.time)


def _read_columns(recipe: Recipe) -> frozenset[str]:
    """Columns in which a row must repeat another to be its double."""
    columns = [column.name for column in (*recipe.inputs, *recipe.statics)]
    return frozenset((*named(recipe.series), *named(recipe.time), *columns, *recipe.target, *recipe.sensitive))


def from_table(table: Table, recipe: Recipe, target: bool) -> Sequences:
    """`read_like` for a table that is open already.

    Raises:
        DataError: as `read_like`.
    """
    needed = [*named(recipe.series), *named(recipe.time)]
    needed += [column.name for column in (*recipe.inputs, *recipe.statics)]
    table.need_columns([*needed, *(recipe.target if target else ()), *named(recipe.group if target else None)])
    calendar = recipe.calendar or Calendar()
    fitted: Calendar | Literal["numbers"] = calendar if recipe.datetimes else "numbers"
    ordering = order(
        table,
        recipe.series,
        recipe.time,
        recipe.time_unit,
        recipe.equal_times,
        fitted if recipe.time is not None else None,
        tuple(name for name in table.columns if name in _read_columns(recipe)),
        calendar.form,
        calendar.zone if calendar.localized else "",
    )
    if recipe.task == "forecast" and all(name in table.columns for name in recipe.target):
        ordering = without_ahead(ordering, _known(table, recipe.target))
    usable = recipe if target or recipe.group in table.columns else replace(recipe, group=None)
    if ordering.calendar is not None:
        usable = replace(usable, calendar=replace(ordering.calendar, step=calendar.step, localized=calendar.localized))
    data = build(table, ordering, usable, with_target=target)
    odd = [*table.notes, *ordering.findings, *_past_end(recipe, ordering, target)]
    return _finish(data, usable, odd, target, ordering.ahead)


def ordered(table: Table, columns: Columns) -> Order:
    """The rows of a table in order; of a forecast, up to the last known target of each series.

    Raises:
        DataError: as `from_frame`.
    """
    ordering = order(
        table,
        columns.series,
        columns.time,
        columns.time_unit,
        columns.equal_times,
        values=told_columns(table, columns),
        form=columns.time_format or "",
        zone=columns.time_zone or "",
    )
    if columns.task == "forecast" or columns.horizon:
        return without_ahead(ordering, _known(table, columns.target))
    return ordering


def _known(table: Table, target: Sequence[str]) -> NDArray[np.bool_]:
    """`(rows,)`, whether a target is given."""
    return np.asarray(np.any([~np.isnan(table.numbers(name)) for name in target], axis=0))


def _past_end(recipe: Recipe, ordering: Order, target: bool) -> list[Finding]:
    """Words about the rows after the last known target."""
    if ordering.ahead is None:
        return []
    counts = (~np.isnan(ordering.ahead)).sum(axis=1)
    series, longest = int((counts > 0).sum()), int(counts.max())
    names = ", ".join(f"`{name}`" for name in recipe.target)
    text = f"{int(counts.sum())} rows of {series} series come after the last known {names}"
    if target:
        text += "; they are left out of the training."
        return [Finding("ahead", recipe.target[0], text, int(counts.sum()))]
    text += ": they are what is forecast"
    if longest > recipe.horizon:
        text += f", the first {recipe.horizon} of each series: the model was trained for a horizon of {recipe.horizon}"
    others = [column.name for column in recipe.inputs if column.name not in recipe.target]
    if others:
        text += f". What they hold in {', '.join(others[:5])} is not used: the model forecasts from the past alone"
    return [Finding("ahead", recipe.target[0], f"{text}.", int(counts.sum()))]


def _finish(
    data: Sequences,
    recipe: Recipe,
    findings: list[Finding],
    target: bool,
    ahead: NDArray[np.float64] | None = None,
) -> Sequences:
    data = data.with_findings(findings)
    if recipe.task != "forecast":
        return data
    if target:
        return windows(data, recipe.window, recipe.stride, recipe.horizon)
    return history(data, recipe.window, recipe.horizon, recipe.first_dt, ahead)
