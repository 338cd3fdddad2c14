"""Text tables by separators: how the file is written is read off its first lines, faults are named by line."""

import bz2
import csv
import gzip
import io
import lzma
import mmap
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from caudal.data.sequences import Finding
from caudal.data.spelling import MISSING, TextForm, accent_forms, is_number, written_kind
from caudal.errors import DataError
from caudal.extras import need

_SNIFFED = 1 << 18
_LINES = 200
_SEPARATORS = ",;\t|"
_WHOLE = re.compile(r"-?\d{1,18}")
# Bytes that the reader of plain numbers takes at a time.
_BLOCK = 1 << 22
_POINTS = r"-?\d{1,3}(\.\d{3})+"


@dataclass(frozen=True)
class AskedColumns:
    """Columns that will be asked of a table.

    Attributes:
        names: those that hold names (series, groups, classes, categories): read as text, never guessed.
        columns: those that must be there.
        time: column of the time, or None.
    """

    names: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    time: str | None = None

    def __post_init__(self) -> None:
        forms = frozenset(form for name in self.names for form in accent_forms(name))
        object.__setattr__(self, "names", forms)

    @cached_property
    def forms(self) -> frozenset[str]:
        """The columns that must be there, in each form that their accents may have."""
        return frozenset(form for name in self.columns for form in accent_forms(name))

    def is_time(self, name: str) -> bool:
        """Whether a column of that name is the time."""
        return self.time is not None and name in accent_forms(self.time)


ANY = AskedColumns()


@dataclass(frozen=True, eq=False)
class Opened:
    """A file that was read.

    Attributes:
        frame: a pandas or pyarrow table.
        name: of the file.
        first_line: line of the file that holds row 0, or None.
        rows: `(rows,)` lines after `first_line` of each row, or None where they follow one another.
        written: columns that hold the texts of the file.
        twice: names that more than one column has.
        notes: what was odd.
    """

    frame: Any
    name: str
    first_line: int | None = None
    rows: NDArray[np.int64] | None = None
    written: frozenset[str] = frozenset()
    twice: frozenset[str] = frozenset()
    notes: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Layout:
    """What the first lines of a file show: separator, place of the header, its names, and some rows."""

    sep: str
    line: int
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[Finding, ...] = ()


@contextmanager
def _text(path: Path, owner: str) -> Iterator[TextIO]:
    """The text of a file, unpacked."""
    ending = path.suffix.lower()
    raw: Any
    if ending == ".zip":
        with zipfile.ZipFile(path) as bundle:
            if len(bundle.namelist()) != 1:
                fault = f"holds {len(bundle.namelist())} files: {path.name}"
                raise DataError(owner, "frame", fault, f"Unpack it (`unzip {path.name}`) and name one of them.")
            raw = io.BytesIO(bundle.read(bundle.namelist()[0]))
    else:
        openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
        raw = openers.get(ending, open)(path, "rb")
    with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        yield text


def read_separated(path: Path, owner: str, name: str, wanted: AskedColumns, form: TextForm) -> Opened:
    """A text file as a pandas table.

    Raises:
        DataError: it is no text, has no header, or a row has more or fewer cells than the header.
    """
    need(owner, "pandas")
    layout = _layout(path, owner, name, wanted, form)
    twice = frozenset(column for column in layout.header if layout.header.count(column) > 1)
    written = wanted.names & set(layout.header) | _texts(layout, wanted, form)
    skip = _comments(path, owner, form.comment, layout.line) if form.comment else None
    gone = {column: [""] if column in written else ["", *MISSING, *form.na] for column in dict.fromkeys(layout.header)}
    frame = None if skip is not None or twice else _plain_numbers(path, layout, written, form)
    if frame is None:
        frame = _any_cells(path, owner, name, layout, written, form, skip, gone)
    lines = (
        np.arange(len(frame))
        if skip is None
        else np.setdiff1d(np.arange(len(frame) + len(skip)), skip - layout.line - 1)
    )
    blank = _blank(frame)
    if blank.any():
        frame, lines = frame[~blank], lines[~blank]
    _refuse_short(frame, path, owner, name, layout, form)
    if twice:
        frame = frame.iloc[:, [layout.header.index(column) for column in dict.fromkeys(layout.header)]]
    moved = skip is not None or bool(blank.any())
    return Opened(frame, name, layout.line + 2, lines if moved else None, written, twice, layout.notes)


def _any_cells(
    path: Path,
    owner: str,
    name: str,
    layout: _Layout,
    written: frozenset[str],
    form: TextForm,
    skip: NDArray[np.int64] | None,
    gone: dict[str, list[str]],
) -> Any:
    """The cells as pandas reads them, which knows every form of number and text.

    Raises:
        DataError: a row has more or fewer cells than the header.
    """
    pandas = need(owner, "pandas")
    head = list(range(layout.line))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            return pandas.read_csv(
                path,
                sep=layout.sep,
                skiprows=head if skip is None else [*head, *skip],
                dtype=dict.fromkeys(written, str),
                na_values=gone,
                decimal=form.decimal,
                thousands=form.thousands if form.thousands.isascii() and form.thousands else None,
                index_col=False,
                low_memory=False,
                skip_blank_lines=False,
                keep_default_na=False,
                float_precision="round_trip" if form.decimal == "." else None,
            )
    except (pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        fault = _ragged(path, owner, name, layout, form, empty=True)
        raise fault or _unreadable(owner, name, error) from error


def _plain_numbers(path: Path, layout: _Layout, written: frozenset[str], form: TextForm) -> Any | None:
    """The table as `_any_cells` gives it, several times faster, where every column is plain; None where one is not.

    Numbers are rounded correctly by both. Each column has the type that its first rows show; whatever does not fit
    (a word, a blank line, a short row, a whole number beyond 64 bits) leaves the table to the other reader.
    """
    is_usual = form.decimal == "." and not form.thousands and path.suffix.lower() in (".csv", ".tsv", ".txt")
    try:
        arrow, csv_reader = import_module("pyarrow"), import_module("pyarrow.csv")
    except ImportError:
        return None
    if not is_usual or any("\n" in column for column in layout.header) or _holds_hexadecimals(path):
        return None
    kinds = {
        column: arrow.string() if column in written else _arrow_type(arrow, layout, at, form)
        for at, column in enumerate(layout.header)
    }
    if not layout.rows or None in kinds.values():
        return None
    gone = ["", *MISSING, *form.na]
    try:
        table = csv_reader.read_csv(
            path,
            csv_reader.ReadOptions(
                use_threads=False, block_size=_BLOCK, skip_rows=layout.line + 1, column_names=list(layout.header)
            ),
            csv_reader.ParseOptions(delimiter=layout.sep, newlines_in_values=True, ignore_empty_lines=False),
            csv_reader.ConvertOptions(column_types=kinds, null_values=gone),
        )
    except (arrow.ArrowInvalid, OSError):
        return None
    compute, nothing = import_module("pyarrow.compute"), arrow.scalar(None, arrow.string())
    for at, column in enumerate(layout.header):
        if kinds[column] == arrow.string():
            cells = table.column(at)
            is_gone = compute.is_in(cells, arrow.array([""] if column in written else gone))
            table = table.set_column(at, column, compute.if_else(is_gone, nothing, cells))
    return table.to_pandas()


def _arrow_type(arrow: Any, layout: _Layout, at: int, form: TextForm) -> object:
    """The type of a column of numbers, or of texts alone, by its first rows; None where they hold both."""
    cells = [row[at] for row in layout.rows if at < len(row) and row[at] not in {"", *MISSING, *form.na}]
    if all(_WHOLE.fullmatch(cell) for cell in cells):
        return arrow.int64() if cells else arrow.float64()
    if all(map(is_number, cells)):
        return arrow.float64()
    return None if any(map(is_number, cells)) or written_kind(cells) != "text" else arrow.string()


def _holds_hexadecimals(path: Path, most: int = 10_000) -> bool:
    """Whether the file may hold numbers to the base of 16, which one reader takes for numbers and the other does not.

    Arguments:
        path: of the file.
        most: letters x that are looked at; of a file with more it may.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for letter in (b"x", b"X"):
            at = content.find(letter)
            while at >= 0:
                most -= 1
                if content[at - 1 : at] == b"0" or most < 0:
                    return True
                at = content.find(letter, at + 1)
    return False


def _unreadable(owner: str, name: str, error: Exception) -> DataError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    remedy = "Save it as UTF-8 CSV." if isinstance(error, UnicodeDecodeError) else "Export the table again."
    return DataError(owner, "frame", f"cannot be read: {name} ({first})", remedy)


def _layout(path: Path, owner: str, name: str, wanted: AskedColumns, form: TextForm) -> _Layout:
    """Separator and header by the first lines."""
    try:
        with _text(path, owner) as text:
            if b"\0" in text.buffer.read(_SNIFFED):
                raise DataError(owner, "frame", f"is no text: {name}", "Save it as UTF-8 CSV or as Parquet.")
        with _text(path, owner) as text:
            start = text.read(_SNIFFED)
            whole = len(start) < _SNIFFED
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise _unreadable(owner, name, error) from error
    lines = start.splitlines(keepends=True)
    lines = lines[: _LINES + 1] if whole or len(lines) < 2 else lines[:-1][: _LINES + 1]
    if not start.strip():
        raise DataError(owner, "frame", f"has no rows: {name}", "Pass a table with at least one row per series.")
    marks = _marks(lines, path, form)
    best = max((_score(lines[at:], sep, wanted), -at, sep) for at, sep in _starts(lines, marks, wanted, form))
    at, sep = -best[1], best[2]
    rows = list(csv.reader(lines[at:], delimiter=sep))
    header = tuple(cell or f"Unnamed: {place}" for place, cell in enumerate(rows[0])) if rows else ()
    _refuse_headless(owner, name, header, sep, wanted)
    notes: tuple[Finding, ...] = ()
    if at and any(line.strip() and not line.lower().startswith("sep=") for line in lines[:at]):
        message = f"The first {at} lines of {name} are no rows and were left out; the header is line {at + 1}."
        notes = (Finding("preface", "", message, at),)
    layout = _Layout(sep, at, header, tuple(map(tuple, rows[1:])), notes)
    return layout if form.thousands else replace(layout, notes=(*notes, *_pointed(layout)))


def _pointed(layout: _Layout) -> list[Finding]:
    """Columns of a file by semicolons whose every number has a point and three digits: perhaps thousands."""
    if layout.sep != ";":
        return []
    findings = []
    for at, column in enumerate(layout.header):
        cells = [row[at].strip() for row in layout.rows if at < len(row) and row[at].strip()]
        if len(cells) > 1 and all(re.fullmatch(_POINTS, cell) for cell in cells):
            text = (
                f"`{column}` holds numbers such as {cells[0]}, all with a point and three digits, read as decimals; "
                'where the point marks thousands, pass `thousands=".", decimal=","` (`--thousands . --decimal ,`).'
            )
            findings.append(Finding("points", column, text, len(cells)))
    return findings


def _marks(lines: Sequence[str], path: Path, form: TextForm) -> str:
    """Separators that are thought of, the likeliest first."""
    first_line = lines[0].strip().lower()
    if form.sep:
        return form.sep
    if first_line.startswith("sep=") and len(first_line) == 5:
        return lines[0].strip()[-1]
    return "\t,;|" if ".tsv" in path.name.lower() else _SEPARATORS


def _starts(lines: Sequence[str], marks: str, wanted: AskedColumns, form: TextForm) -> Iterator[tuple[int, str]]:
    """Where the header may be, and with which separator."""
    least = 1 if lines[0].lower().startswith("sep=") else 0
    while least < len(lines) - 1 and (not lines[least].strip() or _is_comment(lines[least], form)):
        least += 1
    first = least
    if not _names(lines[first], marks, wanted):
        while first < len(lines) - 1 and lines[first].lstrip().startswith("#"):
            first += 1
    later = [at for at in range(first + 1, min(len(lines), 40)) if _names(lines[at], marks, wanted)]
    for at in dict.fromkeys((first, *later)):
        for sep in marks:
            yield at, sep


def _is_comment(line: str, form: TextForm) -> bool:
    return bool(form.comment) and line.startswith(form.comment)


def _names(line: str, marks: str, wanted: AskedColumns) -> int:
    """How many of the wanted columns a line names, by the separator that fits best."""
    return max(len({cell.strip() for cell in _split(line, sep)} & wanted.forms) for sep in marks)


def _split(line: str, sep: str) -> list[str]:
    return next(csv.reader([line], delimiter=sep), [])


def _score(lines: Sequence[str], sep: str, wanted: AskedColumns) -> tuple[float, ...]:
    """How well a separator fits a header and the rows below it."""
    rows = [row for row in csv.reader(lines, delimiter=sep) if row]
    if not rows:
        return (0.0, 0.0, 0.0)
    width = len(rows[0])
    named = len(set(rows[0]) & wanted.forms)
    fitting = sum(len(row) == width for row in rows[1:]) / max(1, len(rows) - 1)
    return (float(named), fitting if width > 1 else -1.0, float(width))


def _refuse_headless(owner: str, name: str, header: tuple[str, ...], sep: str, wanted: AskedColumns) -> None:
    if not wanted.columns or set(header) & wanted.forms or not any(map(is_number, header)):
        return
    shown = sep.join(header)[:60]
    remedy = f"Write the names of the columns in the first line: {sep.join(wanted.columns[:3])}{sep}..."
    raise DataError(owner, "frame", f"has no header: the first line of {name} is {shown!r}", remedy)


def _texts(layout: _Layout, wanted: AskedColumns, form: TextForm) -> frozenset[str]:
    """Columns whose first rows hold words: texts whatever follows, so that no word of them is lost."""
    words = set()
    gone = {"", *MISSING, *form.na}
    for at, column in enumerate(layout.header):
        cells = [row[at] for row in layout.rows if at < len(row) and row[at].strip() not in gone]
        kind = written_kind(cells)
        is_text = any(not is_number(form.plain(cell)) for cell in cells) and kind == "text"
        # Of bools with a hole pandas makes objects.
        if (is_text or (kind == "bool" and cells)) and not wanted.is_time(column):
            words.add(column)
    return frozenset(words)


def _comments(path: Path, owner: str, mark: str, after: int) -> NDArray[np.int64]:
    """Lines below the header that begin with a mark."""
    with _text(path, owner) as text:
        numbers = [at for at, line in enumerate(text) if at > after and line.startswith(mark)]
    return np.array(numbers, np.int64)


def _blank(frame: Any) -> NDArray[np.bool_]:
    """Rows without any cell: blank lines, and lines of separators alone."""
    blank = np.ones(len(frame), np.bool_)
    for column in range(frame.shape[1]):
        at = np.flatnonzero(blank)
        if not at.size:
            break
        blank[at] = frame.iloc[at, column].isna().to_numpy(dtype=np.bool_)
    return blank


def _refuse_short(frame: Any, path: Path, owner: str, name: str, layout: _Layout, form: TextForm) -> None:
    """Only a row whose last cell is empty can be too short."""
    if len(layout.header) > 1 and len(frame) and frame.iloc[:, -1].isna().any():
        fault = _ragged(path, owner, name, layout, form)
        if fault is not None:
            raise fault


def _ragged(
    path: Path, owner: str, name: str, layout: _Layout, form: TextForm, empty: bool = False
) -> DataError | None:
    """The error about the first row that has more or fewer cells than the header; empty ones count where `empty`."""
    width = len(layout.header)
    with _text(path, owner) as text:
        rows = csv.reader(text, delimiter=layout.sep)
        for row in rows:
            if rows.line_num <= layout.line + 1 or not row or not "".join(row).strip():
                continue
            if _is_comment(row[0], form):
                continue
            extra = len(row) - width
            if extra and (extra < 0 or empty or any(row[width:])):
                fault = f"cannot be read: {name} (line {rows.line_num} has {len(row)} cells; the header has {width})"
                return DataError(owner, "frame", fault, _wrong_width(layout.sep, extra, row[0]))
    return None


def _wrong_width(sep: str, extra: int, first: str) -> str:
    if first.startswith("#") and extra < 0:
        return 'Pass `comment="#"` (`--comment "#"`) where such lines are no rows.'
    if extra < 0:
        return "Complete the line, or take it out; a file that was cut off is exported again."
    return f"Take out what is too much, or put cells that hold {sep!r} into quotes."
