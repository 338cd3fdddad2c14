"""Files of tables: text, Parquet and what well-kept readers read simply, or a sentence that says why not."""

import atexit
import csv
import sys
import tempfile
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from caudal import limits
from caudal.data.separated import ANY as ANY
from caudal.data.separated import AskedColumns as AskedColumns
from caudal.data.separated import Opened as Opened
from caudal.data.separated import read_separated
from caudal.data.spelling import TextForm
from caudal.errors import DataError
from caudal.extras import need

_TEXT = (".csv", ".txt", ".tsv")
CSV = (*_TEXT, *(kind + pack for kind in _TEXT for pack in (".gz", ".bz2", ".xz", ".zip")), ".zip")
PARQUET = (".parquet", ".pq")
OTHER = (".jsonl", ".ndjson", ".feather", ".arrow", ".xlsx")
_PACKED = (".gz", ".bz2", ".xz", ".zip")
# A table of text takes about twice its size in memory once it is read.
_GROWTH = 2.0


def is_parquet(path: str | Path) -> bool:
    """Whether a path ends like a Parquet file."""
    return Path(path).name.lower().endswith(PARQUET)


def is_table_path(path: str | Path) -> bool:
    """Whether it is named like a table: by its ending, as a folder of Parquet files, as `-`, or as an address."""
    place = Path(path).expanduser()
    if str(path) == "-" or "://" in str(path) or place.name.lower().endswith((*CSV, *PARQUET, *OTHER)):
        return True
    return place.is_dir() and any(place.rglob("*.parquet"))


def is_open(source: object) -> bool:
    """Whether it is an open file rather than a frame that has a column of that name."""
    return callable(getattr(type(source), "read", None))


def read_source(source: Any, owner: str, wanted: AskedColumns, form: TextForm) -> Opened:
    """A file as a pandas or pyarrow table.

    Arguments:
        source: path, `"-"` for standard input, or an open file.
        owner: who reads, for messages.
        wanted: columns that will be asked for.
        form: how text is written.

    Raises:
        DataError: there is no such file; it is empty, binary, larger than memory, or does not read.
        MissingExtraError: pandas or pyarrow is not installed.
    """
    if is_open(source):
        content = source.read()
        return _read(
            _spooled(content if isinstance(content, bytes) else content.encode()), owner, "a file", wanted, form
        )
    if str(source) == "-":
        return _read(_standard_input(), owner, "standard input", wanted, form)
    if str(source).lower().startswith(("http://", "https://", "ftp://", "s3://", "gs://", "http:/", "https:/")):
        fault = f"names an address, and tables are read from files: {source}"
        raise DataError(owner, "frame", fault, f"Fetch it first: `curl -LO {source}`.")
    path = Path(source).expanduser()
    return _read(path, owner, path.name, wanted, form)


@cache
def _standard_input() -> Path:
    return _spooled(b"" if sys.stdin is None else sys.stdin.buffer.read())


def _spooled(content: bytes) -> Path:
    """A file that holds the content until the process ends."""
    ending = ".parquet" if content.startswith(b"PAR1") else ".csv"
    with tempfile.NamedTemporaryFile(suffix=ending, delete=False) as file:
        file.write(content)
    path = Path(file.name)
    atexit.register(path.unlink, missing_ok=True)
    return path


def _read(path: Path, owner: str, name: str, wanted: AskedColumns, form: TextForm) -> Opened:
    _check(path, owner, name)
    if path.is_dir() or is_parquet(path):
        return _arrow(path, owner, name)
    lower = path.name.lower()
    if lower.endswith((".jsonl", ".ndjson")):
        return _json_lines(path, owner, name)
    if lower.endswith((".feather", ".arrow")):
        try:
            return Opened(need(owner, "pyarrow.feather").read_table(path), name)
        except (OSError, ValueError) as error:
            raise DataError(owner, "frame", f"is no Arrow file: {name} ({error})", "Export it again.") from error
    if lower.endswith(".xlsx"):
        return _excel(path, owner, name, wanted)
    if lower.endswith(".caudal"):
        raise DataError(owner, "frame", f"is a saved model: {name}", "Name a table.")
    if not lower.endswith(CSV):
        remedy = "Use .csv, .tsv or .parquet (also packed: .gz, .bz2, .xz, .zip), .jsonl, .feather or .xlsx."
        raise DataError(owner, "frame", f"has an unknown ending: {name}", remedy)
    size, free = path.stat().st_size, free_memory()
    if free is not None and not lower.endswith(_PACKED) and size * _GROWTH > free:
        raise _huge(path, owner, size * _GROWTH, free)
    return _separated(path, owner, name, wanted, form)


def _separated(path: Path, owner: str, name: str, wanted: AskedColumns, form: TextForm) -> Opened:
    pandas = need(owner, "pandas")
    try:
        return read_separated(path, owner, name, wanted, form)
    except csv.Error as error:
        remedy = "Look for a quotation mark that is never closed, or save it as Parquet."
        raise DataError(owner, "frame", f"cannot be read: {name} ({error})", remedy) from error
    except (pandas.errors.EmptyDataError, UnicodeDecodeError, OSError, EOFError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise DataError(owner, "frame", f"cannot be read: {name} ({first})", "Save it as UTF-8 CSV.") from error


def _check(path: Path, owner: str, name: str) -> None:
    if path.is_dir():
        if not any(path.rglob("*.parquet")):
            raise DataError(owner, "frame", f"names a folder without Parquet files: {path}", "Name a file of it.")
        return
    if not path.is_file():
        raise DataError(owner, "frame", f"names no file: {path}{alike(path)}", "Check the path.")
    if path.stat().st_size == 0:
        raise DataError(owner, "frame", f"names an empty file: {name}", "Export the table again.")


def alike(path: Path) -> str:
    """The table beside a path that is not there whose name is nearest, in words; `""` for none."""
    if not path.parent.is_dir():
        return ""
    tables = [file.name for file in path.parent.iterdir() if file.name.lower().endswith((*CSV, *PARQUET, *OTHER))]
    close = get_close_matches(path.name, tables, 1)
    return f" (there is {close[0]})" if close else ""


def _arrow(path: Path, owner: str, name: str) -> Opened:
    """A Parquet file, or a folder of them whose subfolders `column=value` are columns of text."""
    parquet = need(owner, "pyarrow.parquet")
    try:
        if path.is_dir():
            return Opened(_folder(path, owner), name)
        file = parquet.ParquetFile(path)
        _refuse_huge(file.metadata, path, owner)
        return Opened(file.read(), name)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(owner, "frame", f"is no Parquet file: {name} ({error})", "Export it again.") from error


def _folder(path: Path, owner: str) -> Any:
    arrow, dataset = need(owner, "pyarrow"), need(owner, "pyarrow.dataset")
    parts = [part for file in path.rglob("*.parquet") for part in file.relative_to(path).parts[:-1] if "=" in part]
    keys = dict.fromkeys(part.partition("=")[0] for part in parts)
    named = dataset.partitioning(arrow.schema([(key, arrow.string()) for key in keys]), flavor="hive")
    return dataset.dataset(path, format="parquet", partitioning=named if keys else None).to_table()


def _json_lines(path: Path, owner: str, name: str) -> Opened:
    arrow = need(owner, "pyarrow")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = limits.parsed(line)
        except ValueError as error:
            fault = f"cannot be read: {name} (line {number} is no JSON: {error})"
            raise DataError(owner, "frame", fault, "Write one object per line.") from error
        if not isinstance(row, dict):
            fault = f"cannot be read: {name} (line {number} is no object)"
            raise DataError(owner, "frame", fault, "Write one object per line.")
        rows.append(row)
    names = list(dict.fromkeys(key for row in rows for key in row))
    try:
        return Opened(arrow.table({key: [row.get(key) for row in rows] for key in names}), name)
    except (ValueError, TypeError, OverflowError) as error:
        fault = f"cannot be read: {name} (a column holds both texts and numbers: {error})"
        raise DataError(owner, "frame", fault, "Write the cells of a column in one way.") from error


def _excel(path: Path, owner: str, name: str, wanted: AskedColumns) -> Opened:
    pandas = need(owner, "pandas")
    if not path.read_bytes()[:4] == b"PK\3\4":
        raise DataError(owner, "frame", f"is no workbook: {name}", "Save the sheet as CSV UTF-8.")
    try:
        frame = pandas.read_excel(path, dtype=dict.fromkeys(wanted.names, str), na_values=[""], keep_default_na=False)
    except ImportError as error:
        fault = f"is a workbook, and `openpyxl`, which reads it, is not installed: {name}"
        raise DataError(owner, "frame", fault, "Run `pip install openpyxl`, or save the sheet as CSV UTF-8.") from error
    except Exception as error:  # whatever the reader of workbooks raises
        fault = f"is no workbook that can be read: {name} ({error})"
        raise DataError(owner, "frame", fault, "Save the sheet as CSV UTF-8.") from error
    return Opened(frame, name, 2, written=wanted.names & set(map(str, frame.columns)))


def _refuse_huge(metadata: Any, path: Path, owner: str) -> None:
    size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    free = free_memory()
    if free is not None and size * _GROWTH > free:
        raise _huge(path, owner, size * _GROWTH, free)


def _huge(path: Path, owner: str, size: float, free: float) -> DataError:
    fault = f"needs about {size / 1e9:.1f} GB in memory, and {free / 1e9:.1f} GB are free: {path.name}"
    remedy = "Save it as Parquet sorted by series and read it in batches (`ParquetSequences`, `caudal fit --stream`)."
    return DataError(owner, "frame", fault, remedy)


def free_memory() -> float | None:
    """Bytes that a process may still take without swapping, or None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    return None
