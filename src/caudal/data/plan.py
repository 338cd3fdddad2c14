"""The recipe that a table and the wishes of the user amount to."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from caudal.data.accidents import key_findings, left_out, spelling_twins, sums, suspects
from caudal.data.calendar import Calendar, step_of
from caudal.data.columns import Columns, named
from caudal.data.infer import check_many, flips, free_columns, guess_task, input_columns, learn_classes, learn_columns
from caudal.data.recipe import Column, Recipe
from caudal.data.rows import Order, typical_gap
from caudal.data.scaler import needs_float64
from caudal.data.sequences import Finding
from caudal.data.split import default_window, too_short
from caudal.data.table import Table
from caudal.data.task import TASKS
from caudal.errors import DataError


def plan(
    table: Table, columns: Columns, ordering: Order, dtype: str, least_classes: int = 2
) -> tuple[Recipe, list[Finding]]:
    """Decide task, columns, categories and classes.

    Arguments:
        table: the table, or the first part of one.
        columns: what the user wants.
        ordering: its rows in order.
        dtype: of the values.
        least_classes: classes that a target must have; fewer for a part of a table.

    Raises:
        DataError: a column or the target cannot be used as asked.
    """
    if dtype not in ("float32", "float64"):
        raise table.fail("dtype", f"is {dtype!r}; expected float32 or float64", "Pass one of them.")
    task = guess_task(table, columns, ordering)
    if task.is_classification and len(columns.target) != 1:
        raise table.fail("target", f"names {len(columns.target)} columns; classes stand in one", "Name one column.")
    if task == "forecast" and columns.horizon < 1:
        raise table.fail("horizon", "is 0; a forecast looks at least 1 step ahead", "Pass `horizon=1` or more.")
    inputs, findings = learn_columns(table, input_columns(table, columns, task == "forecast"), columns)
    statics, more = learn_columns(table, columns.static, columns) if columns.static else ((), [])
    forecast = task == "forecast"
    window, odd = _window(columns, ordering) if forecast else (0, [])
    calendar, irregular = _calendar(columns, ordering) if forecast else (ordering.calendar, [])
    numbers = () if task.is_classification else columns.target
    recipe = Recipe(
        task=task,
        series=columns.series,
        time=columns.time,
        target=columns.target,
        inputs=inputs,
        statics=statics,
        sensitive=columns.sensitive,
        group=columns.group,
        classes=learn_classes(table, columns.target[0], least_classes) if task.is_classification else (),
        time_unit=ordering.unit,
        datetimes=ordering.calendar is not None,
        first_dt=typical_gap(ordering.gaps),
        equal_times=columns.equal_times,
        horizon=columns.horizon if forecast else 0,
        window=window,
        stride=columns.stride,
        dtype=dtype,
        form=columns.form,
        calendar=calendar,
        fine=dtype == "float32" and _loses(table, (*inputs, *statics), numbers),
    )
    holes = [finding for name in columns.target if task.is_classification for finding in table.holes(name)]
    notes = [*table.notes, *findings, *more, *holes, *_few_series(columns, ordering), *_incomplete(table, columns)]
    return recipe, [*not_read(table, columns), *notes, *odd, *irregular, *_accidents(table, columns, ordering, recipe)]


def refuse_flips(owner: str, findings: Iterable[Finding], task: str) -> None:
    """Refuse to train on steps where a few cells alone make a target of series one of steps.

    Raises:
        DataError: names the cell and the words that settle it.
    """
    for finding in findings:
        if finding.code == "flip":
            fault = finding.message.removeprefix(f"`{finding.column}` ").rstrip(".")
            remedy = f'Correct the cell, or pass `task="{task}"` if each step has a target of its own.'
            raise DataError(owner, finding.column, fault, remedy, finding.row)


def not_read(table: Table, columns: Columns) -> list[Finding]:
    """Columns that were left out because they are no likely inputs."""
    if columns.features is not None:
        return []
    text = "`{}` {}; left out. {} to read it."
    return [
        Finding(
            "left_out",
            name,
            text.format(name, reason, "Turn it into numbers" if "dates" in reason else "List it in `features`"),
            len(table),
        )
        for name, reason in left_out(table, free_columns(table, columns)).items()
    ]


def _accidents(table: Table, columns: Columns, ordering: Order, recipe: Recipe) -> list[Finding]:
    """What among the columns that are read is likely an accident."""
    findings = suspects(table, recipe.inputs, ordering, (*columns.categorical, *columns.target))
    findings += suspects(table, recipe.statics, ordering, columns.static)
    if columns.task not in TASKS and recipe.task.is_per_step:
        findings += [flip for name in columns.target for flip in flips(table, name, ordering)]
    if recipe.classes:
        findings += spelling_twins(columns.target[0], recipe.classes)
    findings += [] if columns.series is None else sums(table, columns.series)
    return [*findings, *key_findings((*named(columns.series), *named(columns.group), *columns.sensitive), table)]


def _window(columns: Columns, ordering: Order) -> tuple[int, list[Finding]]:
    """Steps of history: those asked for, or as many of four horizons as the series leave windows for."""
    usual = 4 * columns.horizon
    window = columns.window or default_window(ordering.lengths, columns.horizon, columns.stride)
    short = too_short(ordering.lengths, window, columns.horizon, columns.stride)
    if short is not None:
        words, remedy = short
        text = f"The series are too short to train, stop and test on different times: {words}. {remedy}"
        return window, [Finding("short_history", "", text, len(ordering.ids))]
    if columns.window or window == usual:
        return window, []
    text = (
        f"The window is {window} steps: with the usual four horizons ({usual}) series of up to "
        f"{int(ordering.lengths.max()):,} rows would leave too few windows to train and to test on."
    )
    return window, [Finding("window", "", text)]


def _calendar(columns: Columns, ordering: Order) -> tuple[Calendar | None, list[Finding]]:
    """The calendar with the step by which the rows go on, or a finding where there is none."""
    if ordering.calendar is None:
        return None, []
    utc = ordering.times.instants
    zone = ordering.calendar.zone if ordering.times.kind == "datetime" else ""
    step = step_of(utc, ordering.series, zone)
    if step is not None or not (ordering.gaps > 0).any():
        return replace(ordering.calendar, step=step), []
    gap = f"{typical_gap(ordering.gaps):.4g} {ordering.unit}"
    text = f"The times in `{columns.time}` follow no regular step; forecasts are spaced by the typical gap, {gap}."
    return ordering.calendar, [Finding("irregular", columns.time or "", text)]


def _loses(table: Table, inputs: Sequence[Column], target: Sequence[str]) -> bool:
    """Whether float32 would lose differences of an input or of a target of numbers."""
    names = dict.fromkeys((*(column.name for column in inputs if column.kind == "number"), *target))
    columns = (table.numbers(name)[:, None] for name in names)
    return any(needs_float64(cells, ~np.isnan(cells)) for cells in columns)


def widen(recipe: Recipe, table: Table) -> Recipe:
    """The recipe with the categories and classes of a further part of the table.

    Raises:
        DataError: a category has too many values.
    """
    classes = recipe.classes
    if classes:
        classes = tuple(np.unique([*classes, *learn_classes(table, recipe.target[0], 0)]).tolist())
    return replace(
        recipe,
        inputs=tuple(_wider(column, table) for column in recipe.inputs),
        statics=tuple(_wider(column, table) for column in recipe.statics),
        classes=classes,
    )


def _wider(column: Column, table: Table) -> Column:
    if column.kind == "number":
        return column
    return replace(column, values=check_many(table, column.name, {*column.values, *table.coded(column.name).names}))


def _few_series(columns: Columns, ordering: Order) -> list[Finding]:
    if len(ordering.ids) > 1 or columns.task == "forecast" or columns.horizon:
        return []
    name = "The table is one series" if columns.series is None else f"`{columns.series}` names one series only"
    text = f"{name}: it cannot be divided by series; cut windows of it and divide those by time."
    return [Finding("single_series", columns.series or "", text)]


def _incomplete(table: Table, columns: Columns) -> list[Finding]:
    findings = []
    for name in columns.sensitive:
        findings += table.holes(name)
        known = table.coded(name).codes >= 0
        if not known.all():
            row = int(np.argmin(known))
            text = f"`{name}` is missing in {int((~known).sum())} rows, first {table.where(row)}."
            findings.append(Finding("missing_sensitive", name, text, int((~known).sum()), row))
    return findings
