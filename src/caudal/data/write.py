"""Columns into a CSV or Parquet file, chunk by chunk; the file is there whole or not at all."""

import csv
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from numpy.typing import NDArray

from caudal._version import __version__
from caudal.data.need import need
from caudal.data.source import is_parquet
from caudal.errors import InputError

Columns = Mapping[str, NDArray[Any]]
_OWNER = "write_table"
# Tells a table of ours from a user's, which no command replaces unasked.
_MARK = "caudal.table"


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
        for row in _rows(chunk):
            writer.writerow(row)
            rows += 1
    return rows


def _rows(chunk: Columns) -> Iterator[tuple[Any, ...]]:
    yield from zip(*(_cells(column) for column in chunk.values()), strict=True)


def _cells(column: NDArray[Any]) -> list[Any]:
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
