"""Files of tables: CSV and Parquet read whole, or a sentence that says why not."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from caudal.data.need import need
from caudal.errors import DataError

CSV = (".csv", ".txt", ".tsv", ".csv.gz")
PARQUET = (".parquet", ".pq")
_SNIFFED = 8192
# A table of text takes about twice its size in memory once it is read.
_GROWTH = 2.0


def is_parquet(path: str | Path) -> bool:
    """Whether a path ends like a Parquet file."""
    return Path(path).name.lower().endswith(PARQUET)


def read_file(path: Path, owner: str) -> tuple[Any, int | None]:
    """A pandas or pyarrow table, and the line of the file that holds row 0.

    Raises:
        DataError: there is no such file; it is empty, binary, larger than memory, or does not read.
        MissingExtraError: pandas or pyarrow is not installed.
    """
    _check(path, owner)
    if is_parquet(path):
        parquet = need(owner, "pyarrow.parquet")
        try:
            _refuse_huge(parquet.ParquetFile(path).metadata, path, owner)
            return parquet.read_table(path), None
        except (OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(owner, "frame", f"is no Parquet file: {path.name} ({error})", "Export it again.") from error
    if not path.name.lower().endswith(CSV):
        raise DataError(owner, "frame", f"has an unknown ending: {path.name}", "Use .csv, .tsv or .parquet.")
    pandas = need(owner, "pandas")
    faults = (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError, OSError, EOFError)
    try:
        return pandas.read_csv(path, sep=_separator(path, owner), low_memory=False, skip_blank_lines=False), 2
    except faults as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise DataError(owner, "frame", f"cannot be read: {path.name} ({first})", "Save it as UTF-8 CSV.") from error


def _check(path: Path, owner: str) -> None:
    if not path.is_file():
        fault = f"names a folder: {path}" if path.is_dir() else f"names no file: {path}{_alike(path)}"
        raise DataError(owner, "frame", fault, "Check the path.")
    if path.stat().st_size == 0:
        raise DataError(owner, "frame", f"names an empty file: {path.name}", "Export the table again.")


def _alike(path: Path) -> str:
    """The file beside it whose name is nearest, in words."""
    if not path.parent.is_dir():
        return ""
    tables = [one.name for one in path.parent.iterdir() if one.name.lower().endswith((*CSV, *PARQUET))]
    close = get_close_matches(path.name, tables, 1)
    return f" (there is {close[0]})" if close else ""


def _separator(path: Path, owner: str) -> str:
    """What separates the columns, by the ending and the first line."""
    if path.name.lower().endswith(".gz"):
        return ","
    with path.open("rb") as file:
        start = file.read(_SNIFFED)
    if b"\0" in start:
        raise DataError(owner, "frame", f"is no text: {path.name}", "Save it as UTF-8 CSV or as Parquet.")
    size, free = path.stat().st_size, free_memory()
    if free is not None and size * _GROWTH > free:
        raise _huge(path, owner, size * _GROWTH, free)
    if path.name.lower().endswith(".tsv"):
        return "\t"
    header = start.splitlines()[0] if start.strip() else b""
    # Spreadsheets of half of Europe separate by semicolons.
    return ";" if b";" in header and b"," not in header else ","


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
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    return None
