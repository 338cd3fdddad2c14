"""Sequences as a long table, one row per series and step: what `from_frame` reads."""

import csv
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from caudal._version import __version__
from caudal.data.calendar import Calendar, spell
from caudal.data.sequences import Feature, Sequences
from caudal.data.source import is_parquet
from caudal.data.table import TICKS
from caudal.errors import DataError, InputError
from caudal.extras import need
from caudal.typing import Array


def to_columns(data: Sequences) -> dict[str, Array]:
    """The series as columns of a long table, with the names that they were read with.

    Holes are NaN, or "" in text. Indicators of a category are one column again. Of a series without a target the
    column is left out, of a step without one the cell is empty.

    Arguments:
        data: series; forecasts are windows, of which no table can be made.

    Returns:
        by name, `(rows,)` each: series, group, time, inputs, static features, sensitive columns, target.

    Raises:
        DataError: it holds forecasts.

    Example:
        >>> from caudal.data import from_arrays
        >>> columns = to_columns(from_arrays([np.ones((1, 2)), np.zeros((1, 1))], ["a", "b"]))
        >>> {name: column.tolist() for name, column in columns.items()}
        {'series': [0, 0, 1], 'time': [0.0, 1.0, 0.0], 'x0': [1.0, 1.0, 0.0], 'target': ['a', 'a', 'b']}
    """
    if data.task == "forecast":
        raise DataError("to_columns", "data", "hold forecasts, which are windows of a table", "Pass whole series.")
    row, step = np.nonzero(data.mask)
    recipe = data.recipe
    series = recipe.series if recipe else "series"
    columns: dict[str, Array] = {} if series is None else {series: data.ids[row]}
    if data.group is not None:
        columns[recipe.group if recipe and recipe.group else "group"] = data.group[row]
    name = recipe.time if recipe else "time"
    if name is not None:
        columns[name] = clock(data)[row, step]
    columns |= _unfolded(data.features, data.values[row, step], data.observed[row, step])
    columns |= _unfolded(data.statics, data.static[row], data.static_observed[row])
    columns |= {key: column[row] for key, column in data.sensitive.items() if key not in columns}
    return columns | _target(data, row, step)


def clock(data: Sequences, times: NDArray[np.float64] | None = None) -> Array:
    """Times as they were read: numbers in `time_unit`, or datetimes in the zone and the spelling of the table.

    Arguments:
        data: who tells the unit.
        times: in `time_unit` from the origin; None for those of each step, `(batch, time)`.
    """
    elapsed = data.times if times is None else times
    if data.recipe is None or not data.recipe.datetimes:
        return elapsed
    ticks = np.round(elapsed * (TICKS[data.time_unit] / 1000)).astype(np.int64).astype("datetime64[us]")
    return spell(ticks.ravel(), data.recipe.calendar or Calendar()).reshape(ticks.shape)


def _unfolded(features: Sequence[Feature], values: Array, seen: NDArray[np.bool_]) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for k, feature in enumerate(features):
        if feature.kind == "number":
            columns[feature.name] = np.where(seen[:, k], values[:, k], np.nan)
            continue
        column, label = feature.name.split("=", 1)
        here = seen[:, k] & (values[:, k] == 1)
        columns[column] = np.where(here, label, columns.get(column, np.array("")))
    return columns


def _target(data: Sequences, row: NDArray[np.int64], step: NDArray[np.int64]) -> dict[str, Array]:
    if data.target is None or data.target_mask is None:
        return {}
    place = (row, step) if data.task.is_per_step else (row,)
    target, known = data.target[place], data.target_mask[place]
    if not data.classes:
        return {name: np.where(known[:, k], target[:, k], np.nan) for k, name in enumerate(data.outputs)}
    name = data.recipe.target[0] if data.recipe else data.outputs[0]
    labels = np.array(data.classes)[target]
    if known.all():
        return {name: labels}
    hole: Any = "" if labels.dtype.kind == "U" else np.nan
    return {name: np.where(known, labels, hole)}


Columns = Mapping[str, Array]
_OWNER = "write_table"
# Tells a table of ours from a user's, which no command replaces unasked.
_MARK = "caudal.table"
_ROWS_AS_TEXT = 16_384


def write_table(path: str | Path, chunks: Iterable[Columns]) -> int:
    """Write chunks of equal columns, one after the other; an older file stays whole when it fails.

    Arguments:
        path: ends in `.csv`, `.tsv`, `.parquet` or `.pq`.
        chunks: columns by name, all of one length within a chunk.

    Returns:
        the number of rows.

    Raises:
        InputError: the ending is unknown, or the folder is missing.
        OSError: the file cannot be written; the message says what became of an older one.

    Example:
        >>> import tempfile, numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "a.csv"
        ...     rows = write_table(file, [{"id": np.array([1, 2]), "x": np.array([0.5, np.nan])}])
        ...     rows, file.read_text().split()
        (2, ['id,x', '1,0.5', '2,'])
    """
    place = Path(path)
    check_path(place)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        rows = _parquet(beside, chunks) if is_parquet(place) else _csv(beside, chunks, _delimiter(place))
        os.replace(beside, place)  # noqa: PTH105
    except OSError as error:
        why = error.strerror or str(error)
        sentence = (
            f"{_OWNER}: could not write {place} ({why}); an older file is as it was. Free or choose another place"
        )
        raise OSError(error.errno, sentence, str(place)) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return rows


def check_path(path: Path) -> None:
    """Refuse a place where nothing can be written, before any work is done for it.

    Raises:
        InputError: the ending is unknown, or the folder is missing.
    """
    if not is_parquet(path) and path.suffix.lower() not in (".csv", ".tsv"):
        raise InputError(_OWNER, "path", f"has an unknown ending: {path.name}", "Use .csv, .tsv or .parquet.")
    if not path.parent.is_dir():
        raise InputError(_OWNER, "path", f"names a folder that is not there: {path.parent}", "Make it first.")


def write_csv(file: TextIO, chunks: Iterable[Columns], delimiter: str = ",") -> int:
    """Write chunks as CSV into an open file; numbers keep every digit, NaN and None are empty.

    Returns:
        the number of rows.
    """
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    rows = 0
    for number, chunk in enumerate(chunks):
        if number == 0:
            writer.writerow(chunk)
        for piece in _pieces(chunk):
            writer.writerows(zip(*map(_cells, piece), strict=True))
            rows += len(piece[0])
    return rows


def _pieces(chunk: Columns) -> Iterator[tuple[Array, ...]]:
    """The columns in pieces of rows, of which one at a time is held as Python objects."""
    columns = tuple(chunk.values())
    for start in range(0, len(columns[0]) if columns else 0, _ROWS_AS_TEXT):
        yield tuple(column[start : start + _ROWS_AS_TEXT] for column in columns)


def _cells(column: Array) -> list[object]:
    if column.dtype.kind == "f":
        # The shortest text that reads back as the same number of this dtype.
        return ["" if cell != cell else str(cell) for cell in column]
    return list(column.tolist())


def _csv(path: Path, chunks: Iterable[Columns], delimiter: str) -> int:
    with path.open("x", encoding="utf-8", newline="") as file:
        return write_csv(file, chunks, delimiter)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _parquet(path: Path, chunks: Iterable[Columns]) -> int:
    arrow, parquet = need(_OWNER, "pyarrow"), need(_OWNER, "pyarrow.parquet")
    writer, rows = None, 0
    try:
        for chunk in chunks:
            columns = {name: arrow.array(column, from_pandas=True) for name, column in chunk.items()}
            table = arrow.table(columns, metadata={_MARK: __version__})
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
            rows += len(table)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise InputError(_OWNER, "chunks", "hold no rows", "Pass at least one chunk.")
    return rows
