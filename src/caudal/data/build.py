"""From ordered rows of a table to the padded block of `Sequences`, following a recipe."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.infer import values_of
from caudal.data.recipe import Column, Recipe
from caudal.data.rows import Order
from caudal.data.sequences import Feature, Finding, Sequences
from caudal.data.spelling import exact, spelled, spellings, twin_of
from caudal.data.table import Table
from caudal.data.task import Task
from caudal.typing import Array

# A padded block beyond this is nearly always one very long series among short ones.
_LARGEST_BYTES = 2**32


def build(table: Table, ordering: Order, recipe: Recipe, with_target: bool) -> Sequences:
    """The sequences of a table, whole series (a forecast is cut into windows afterwards).

    Raises:
        DataError: a static or series-level target changes within a series, a target is missing, or the padded block
            would be too large.
    """
    dtype = np.dtype("float64" if recipe.fine else recipe.dtype)
    batch, time = len(ordering.ids), int(ordering.lengths.max())
    width = sum(column.width for column in recipe.inputs)
    if batch * time * width * dtype.itemsize > _LARGEST_BYTES:
        fault = f"would fill {batch:,} x {time:,} x {width:,} cells once padded to the longest series"
        raise table.fail("frame", fault, "Cut long series into pieces, or read Parquet with `ParquetSequences`.")
    cells, known, findings = _matrix(table, recipe.inputs, dtype)
    values, observed = _block(ordering, cells, (batch, time)), _block(ordering, known, (batch, time))
    static, static_observed, more = _statics(table, ordering, recipe, dtype)
    target, target_mask, odd = _target(table, ordering, recipe, dtype) if with_target else (None, None, [])
    task = Task.IMITATE if recipe.task == Task.FORECAST else recipe.task
    return Sequences(
        values=values,
        observed=observed,
        dt=_gaps(ordering, recipe.first_dt, (batch, time)),
        lengths=ordering.lengths,
        features=features_of(recipe.inputs),
        task=task,
        target=target,
        target_mask=target_mask,
        classes=recipe.classes,
        outputs=recipe.target,
        ids=ordering.ids,
        start=ordering.start,
        group=None if recipe.group is None else _per_series(table, ordering, recipe.group),
        static=static,
        static_observed=static_observed,
        statics=features_of(recipe.statics),
        sensitive={name: _protected(table, ordering, name) for name in recipe.sensitive if name in table.columns},
        time_unit=recipe.time_unit,
        findings=(*findings, *more, *odd),
        recipe=recipe,
        precision=recipe.dtype if recipe.fine else "",
    )


def features_of(columns: Sequence[Column]) -> tuple[Feature, ...]:
    """The inputs that columns become; a category becomes one per known value."""
    features = []
    for column in columns:
        if column.kind == "number":
            features.append(Feature(column.name, column.unit))
        features += [Feature(f"{column.name}={value}", "", "category") for value in column.values]
    return tuple(features)


def _block(ordering: Order, rows: Array, shape: tuple[int, int]) -> Array:
    """Rows of a table `(rows, width)` as a block `(batch, time, width)`, 0 in the padding.

    A table of equal series in order is such a block already, and is not copied.
    """
    width = rows.shape[1]
    if len(rows) != len(ordering.rows) or (np.diff(ordering.rows) != 1).any():
        rows = rows[ordering.rows]
    if len(rows) == shape[0] * shape[1]:
        return rows.reshape(*shape, width)
    block = np.zeros((shape[0] * shape[1], width), rows.dtype)
    block[ordering.series * shape[1] + ordering.step] = rows
    return block.reshape(*shape, width)


def _gaps(ordering: Order, first: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    dt = np.zeros(shape)
    dt[ordering.series, ordering.step] = np.where(np.isnan(ordering.gaps), first, ordering.gaps)
    return dt


def _matrix(
    table: Table, columns: Sequence[Column], dtype: np.dtype[Any]
) -> tuple[Array, NDArray[np.bool_], list[Finding]]:
    width = sum(column.width for column in columns)
    cells = np.zeros((len(table), width), dtype)
    known = np.zeros((len(table), width), np.bool_)
    findings: list[Finding] = []
    at = 0
    for column in columns:
        if column.kind == "number":
            numbers = table.numbers(column.name)
            _check_range(table, column.name, numbers, dtype)
            known[:, at] = ~np.isnan(numbers)
            cells[:, at] = np.nan_to_num(numbers)
        else:
            codes, more = _codes(table, column)
            findings += more
            known[:, at : at + column.width] = (codes >= 0)[:, None]
            rows = np.flatnonzero(codes >= 0)
            cells[rows, at + codes[rows]] = 1
        at += column.width
    return cells, known, findings


def _check_range(table: Table, name: str, numbers: NDArray[np.float64], dtype: np.dtype[Any]) -> None:
    large = np.abs(np.nan_to_num(numbers)) > np.finfo(dtype).max
    if large.any():
        row = int(np.argmax(large))
        fault = f"holds {numbers[row]:g} at {{where}}, beyond {dtype}"
        raise table.fail(name, fault, 'Pass `dtype="float64"`, or repair the value.', row)


def _codes(table: Table, column: Column) -> tuple[NDArray[np.int64], list[Finding]]:
    place = {value: code for code, value in enumerate(column.values)}
    for value in {"True", "False"} & set(column.values):
        place |= {word: place[value] for word in (value.upper(), value.lower()) if word not in place}
    cells = table.coded(column.name)
    known = np.array([*(place.get(name, -2) for name in cells.names), -1], dtype=np.int64)
    codes = known[cells.codes]
    unseen = codes == -2
    if not unseen.any():
        return codes, []
    row = int(np.argmax(unseen))
    name = cells.names[cells.codes[row]]
    twin = twin_of(name, column.values)
    text = (
        f"`{column.name}` holds {name!r} at {table.where(row)}, which training never saw"
        f"{f' (it saw {twin!r}, which differs in spelling alone)' if twin else ''}; "
        f"{int(unseen.sum())} such cells are read as missing."
    )
    return codes, [Finding("unseen", column.name, text, int(unseen.sum()), table.place(row))]


def _heads(ordering: Order) -> NDArray[np.int64]:
    return np.flatnonzero(ordering.step == 0)


def _refuse_change(table: Table, ordering: Order, name: str, values: Array, known: NDArray[np.bool_]) -> None:
    """Refuse two different known values within one series."""
    at = np.flatnonzero(known[ordering.rows])
    rows, series = ordering.rows[at], ordering.series[at]
    change = (series[1:] == series[:-1]) & (values[rows][1:] != values[rows][:-1])
    if change.any():
        k = int(np.argmax(change))
        first, other = int(rows[k]), int(rows[k + 1])
        raise table.fail(
            name,
            f"changes within series {ordering.ids[series[k]]}: {values[first]} at {table.where(first)}, "
            f"{values[other]} at {{where}}",
            "Give one value per series, or use it as a feature or as a target of each step.",
            other,
        )


def _one_each(ordering: Order, values: Array, known: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_]]:
    """The known value of each series (they agree), and whether there is one."""
    rows = np.full(len(ordering.ids), -1, np.int64)
    at = np.flatnonzero(known[ordering.rows])
    rows[ordering.series[at]] = ordering.rows[at]
    return values[np.maximum(rows, 0)], rows >= 0


def _statics(
    table: Table, ordering: Order, recipe: Recipe, dtype: np.dtype[Any]
) -> tuple[Array, NDArray[np.bool_], list[Finding]]:
    cells, known, findings = _matrix(table, recipe.statics, dtype)
    batch, width = len(ordering.ids), cells.shape[1]
    static, seen = np.zeros((batch, width), dtype), np.zeros((batch, width), np.bool_)
    for k, feature in enumerate(features_of(recipe.statics)):
        column = feature.name.split("=")[0] if feature.kind == "category" else feature.name
        _refuse_change(table, ordering, column, cells[:, k], known[:, k])
        static[:, k], seen[:, k] = _one_each(ordering, cells[:, k], known[:, k])
    return np.where(seen, static, 0).astype(dtype), seen, findings


def _per_series(table: Table, ordering: Order, name: str) -> Array:
    keys = table.keys(name)
    _refuse_change(table, ordering, name, keys, np.ones(len(table), np.bool_))
    return np.asarray(keys[ordering.rows[_heads(ordering)]])


def _protected(table: Table, ordering: Order, name: str) -> Array:
    """A sensitive column, one value per series: numbers with NaN, or text with "" where missing.

    Whole numbers that float64 cannot tell apart are text.
    """
    is_names = table.is_categorical(name) or _is_beyond(table, name)
    if table.kind(name) in ("number", "bool") and not is_names:
        numbers = table.numbers(name)
        _refuse_change(table, ordering, name, numbers, ~np.isnan(numbers))
        values, known = _one_each(ordering, numbers, ~np.isnan(numbers))
        return np.where(known, values, np.nan)
    column = table.coded(name)
    text = np.array([*column.names, ""], dtype=np.str_)[column.codes]
    _refuse_change(table, ordering, name, text, text != "")
    values, known = _one_each(ordering, text, text != "")
    return np.where(known, values, "")


def _is_beyond(table: Table, name: str) -> bool:
    names = exact(table.coded(name).names)
    return names.dtype.kind == "i" and bool((np.abs(names) >= 2**53).any())


def _target(
    table: Table, ordering: Order, recipe: Recipe, dtype: np.dtype[Any]
) -> tuple[Array, NDArray[np.bool_], list[Finding]]:
    shape = (len(ordering.ids), int(ordering.lengths.max()))
    if recipe.task.is_classification:
        name = recipe.target[0]
        values, known = _class_codes(table, name, recipe)
        if recipe.task == "classify":
            target, mask = _by_series(table, ordering, name, values, known)
            return target, mask, _rare(recipe, name, target)
        return _by_step(ordering, values, known, shape, np.dtype(np.int64), table, name)
    columns = [table.numbers(name, may_be_names=False) for name in recipe.target]
    for name, column in zip(recipe.target, columns, strict=True):
        _check_range(table, name, column, dtype)
    if recipe.task == "regress":
        pairs = [
            _by_series(table, ordering, name, column, ~np.isnan(column))
            for name, column in zip(recipe.target, columns, strict=True)
        ]
        return np.stack([p[0] for p in pairs], 1).astype(dtype), np.stack([p[1] for p in pairs], 1), []
    steps = [
        _by_step(ordering, np.nan_to_num(column), ~np.isnan(column), shape, dtype, table, name)
        for name, column in zip(recipe.target, columns, strict=True)
    ]
    findings = [finding for step in steps for finding in step[2]]
    return np.stack([s[0] for s in steps], 2), np.stack([s[1] for s in steps], 2), findings


def _class_codes(table: Table, name: str, recipe: Recipe) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    # By spelling: the text '0' of one file is the 0 of another, and TRUE is True.
    place = {word: code for code, label in enumerate(recipe.classes) for word in spellings(label)}
    column = table.coded(name)
    values = values_of(table, name)
    label_codes = [place.get(spelled(label), -1) for label in values.tolist()]
    known = column.codes >= 0
    codes = np.array([*label_codes, -1], np.int64)[column.codes]
    strange = known & (codes < 0)
    if strange.any():
        row = int(np.argmax(strange))
        fault = f"holds the class {values[column.codes[row]]!s} at {{where}}, which is not among {list(recipe.classes)}"
        twin = twin_of(spelled(values[column.codes[row]].item()), recipe.classes)
        remedy = "Write classes as the training did, or train with series of every class."
        raise table.fail(name, fault, f"Did you mean {twin!r}?" if twin else remedy, row)
    return codes, known


def _by_series(
    table: Table, ordering: Order, name: str, values: Array, known: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.bool_]]:
    _refuse_change(table, ordering, name, values, known)
    target, given = _one_each(ordering, values, known)
    if not given.all():
        series = int(np.argmin(given))
        row = int(ordering.rows[_heads(ordering)[series]])
        fault = f"is missing in every row of series {ordering.ids[series]}, first {{where}}"
        raise table.fail(name, fault, f"Drop the {int((~given).sum())} series without a target, or fill it in.", row)
    return target, np.ones(len(ordering.ids), np.bool_)


def _by_step(
    ordering: Order,
    values: Array,
    known: NDArray[np.bool_],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    table: Table,
    name: str,
) -> tuple[Array, NDArray[np.bool_], list[Finding]]:
    target, mask = np.zeros(shape, dtype), np.zeros(shape, np.bool_)
    target[ordering.series, ordering.step] = np.where(known, values, 0)[ordering.rows]
    mask[ordering.series, ordering.step] = known[ordering.rows]
    if known.all():
        return target, mask, []
    row = int(np.argmin(known))
    text = f"`{name}` is missing in {int((~known).sum())} rows, first {table.where(row)}; those steps are not scored."
    return target, mask, [Finding("unlabelled", name, text, int((~known).sum()), table.place(row))]


def _rare(recipe: Recipe, name: str, target: NDArray[np.int64]) -> list[Finding]:
    counts = np.bincount(target, minlength=len(recipe.classes))
    rare = np.flatnonzero(counts == 1)
    text = "Class {} of `{}` has one series only; it cannot stand in both training and test."
    return [Finding("rare_class", name, text.format(recipe.classes[code], name)) for code in rare]
