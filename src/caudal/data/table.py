"""One door to CSV, Parquet and data frames: columns as plain NumPy arrays, faults named by row and column."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.sequences import Finding
from caudal.data.source import ANY, AskedColumns, is_open, read_source
from caudal.data.spelling import (
    MISSING,
    USUAL,
    Coded,
    TextForm,
    accent_forms,
    coded,
    disguise,
    exact,
    folded,
    is_missing,
    is_number,
    spelled,
    truth,
    written_kind,
)
from caudal.errors import DataError
from caudal.extras import need
from caudal.typing import Array

_TICKS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
TICKS = {**_TICKS, "w": 7 * _TICKS["d"], "y": int(365.25 * _TICKS["d"])}


@dataclass(frozen=True)
class Table:
    """A table in memory, whatever library made it.

    Attributes:
        frame: a narwhals data frame.
        owner: who reads, for messages.
        source: file name, or `""` for a frame.
        first_line: line of the file that holds row 0, or None.
        rows: `(rows,)` place of each row in the file, when this is a part of it; None for the whole.
        form: how numbers and holes are written in texts.
        written: columns whose cells are the texts of a file, so that what they are is read off them.
        twice: names that more than one column has; only the first column is kept.
        notes: what was odd about the file.
    """

    frame: Any
    owner: str
    source: str = ""
    first_line: int | None = None
    rows: NDArray[np.int64] | None = None
    form: TextForm = USUAL
    written: frozenset[str] = frozenset()
    twice: frozenset[str] = frozenset()
    notes: tuple[Finding, ...] = ()
    _codes: dict[str, Coded] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.frame.columns)

    def __len__(self) -> int:
        return int(self.frame.shape[0])

    def place(self, row: int) -> int:
        """Place of a row in the whole file."""
        return row if self.rows is None else int(self.rows[row])

    def take(self, rows: NDArray[np.int64]) -> "Table":
        """Some of the rows, in the order given."""
        place = rows if self.rows is None else self.rows[rows]
        return replace(self, frame=self.frame[rows], rows=place)

    def part(self, start: int, stop: int) -> "Table":
        """Rows `start` to `stop` as a view."""
        place = np.arange(start, stop) if self.rows is None else self.rows[start:stop]
        return replace(self, frame=self.frame[start:stop], rows=place)

    def where(self, row: int) -> str:
        """How to find a row, in words."""
        row = self.place(row)
        if self.first_line is not None:
            return f"row {row} (line {row + self.first_line} of {self.source})"
        return f"row {row} of {self.source}" if self.source else f"row {row}"

    def fail(self, column: str, fault: str, remedy: str, row: int | None = None) -> DataError:
        """An error about a column; `fault` may hold `{where}` for the row."""
        text = fault if row is None else fault.replace("{where}", self.where(row))
        return DataError(self.owner, column, text, remedy, row=None if row is None else self.place(row))

    def need_columns(self, names: Sequence[str]) -> None:
        """Refuse a table that lacks one of the columns, or has two of that name.

        Raises:
            DataError: names the column and those that there are.
        """
        for name in names:
            if name not in self.columns:
                there = ", ".join(map(repr, self.columns[:12])) + (", ..." if len(self.columns) > 12 else "")
                raise self.fail(name, f"is not a column; there are {there}", self._near(str(name)))
            self.need_once(name)

    def _near(self, name: str) -> str:
        """Which column a name may mean, as a remedy."""
        if set(accent_forms(name)) & set(self.columns):
            return "A column looks the same, its accents composed in another way: rename it, or copy its name."
        close = get_close_matches(name, self.columns, 1, 0.6)
        remedy = f"Did you mean {close[0]!r}?" if close else "Check the spelling of the name."
        if close and folded(close[0]) == folded(name) and close[0].strip(" ") != close[0].strip():
            remedy += " It holds signs that do not show: write its name anew in the header."
        return remedy

    def need_once(self, name: str) -> None:
        """Refuse a name that more than one column has.

        Raises:
            DataError: names the column.
        """
        if name in self.twice:
            raise self.fail(name, "is the name of more than one column", "Give each column its own name.")

    def kind(self, name: str) -> str:
        """`"number"`, `"bool"`, `"datetime"`, `"text"` or `"other"`, by its type or by how it is written."""
        nw = need(self.owner, "narwhals.stable.v2")
        if name in self.written:
            return written_kind(tuple(map(self.form.plain, self.coded(name).cells)))
        dtype = self.frame[name].dtype
        if dtype == nw.Boolean:
            return "bool"
        if dtype.is_numeric():
            return "number"
        # narwhals does not know every zone of pandas.
        zone = getattr(getattr(self.frame[name].to_native(), "dtype", None), "tz", None)
        if dtype in (nw.Datetime, nw.Date) or zone is not None:
            return "datetime"
        if dtype == nw.String:
            return "text"
        if dtype in (nw.Categorical, nw.Enum) or (
            dtype in (nw.Object, nw.Unknown) and all(map(_is_plain, self.frame[name].to_list()))
        ):
            return _kind_of(self.coded(name).cells)
        return "other"

    def is_categorical(self, name: str) -> bool:
        """Whether the type of a column says that its cells are names, whatever they look like."""
        nw = need(self.owner, "narwhals.stable.v2")
        column = self.frame[name]
        # Arrow stores any text by a dictionary.
        return column.dtype in (nw.Categorical, nw.Enum) and not column.implementation.is_pyarrow()

    def coded(self, name: str) -> Coded:
        """The column as codes of its different cells; words for missing cells are holes, but not in a key."""
        if name not in self._codes:
            whole = self._all_coded(name)
            words = self.form.na or (MISSING if name in self.written else ())
            self._codes[name] = whole.without([isinstance(cell, str) and cell.strip() in words for cell in whole.cells])
        return self._codes[name]

    def _all_coded(self, name: str) -> Coded:
        column = self.frame[name]
        try:
            return coded(column.to_arrow())
        except (ValueError, TypeError, NotImplementedError, ModuleNotFoundError):
            return coded([None if is_missing(cell) else cell for cell in column.to_list()])

    def numbers(self, name: str, may_be_names: bool = True) -> NDArray[np.float64]:
        """The column as float64, NaN where missing.

        Arguments:
            name: of the column.
            may_be_names: whether a remedy may be to read it as a category, which a time or a target is not.

        Raises:
            DataError: a cell holds text, infinity, or something that is neither number nor text.
        """
        kind = "text" if name in self.written else self.kind(name)
        if kind in ("number", "bool"):
            numbers = _floats(self.frame[name])
        elif kind == "text":
            numbers = self._parse(name, may_be_names)
        else:
            raise self.fail(name, f"has the type {self.frame[name].dtype}", "Turn it into numbers or leave it out.")
        if np.isinf(numbers).any():
            row = int(np.argmax(np.isinf(numbers)))
            raise self.fail(name, "holds infinity at {where}", "Write a number, or leave the cell empty.", row)
        return numbers

    def _parse(self, name: str, may_be_names: bool) -> NDArray[np.float64]:
        column = self.coded(name)
        texts = [self.form.plain(str(cell)) for cell in column.cells]
        if texts and written_kind(texts) == "bool":
            values = np.array([float(truth(text)) for text in texts])
        else:
            wrong = [not is_number(text) for text in texts]
            if any(wrong):
                raise self._no_number(name, column, wrong, may_be_names)
            values = np.array(list(map(float, texts)), np.float64)
        return np.where(column.codes < 0, np.nan, column.take(values))

    def _no_number(self, name: str, column: Coded, wrong: list[bool], may_be_names: bool) -> DataError:
        """The error about the first cell that is no number, with what reads all those cells, where something does."""
        row = int(np.argmax(np.append(wrong, False)[column.codes]))
        cell = str(column.cells[column.codes[row]])
        remedy = "Write a number, leave the cell empty, or list the column in `categorical`."
        like = disguise([str(text) for text, no in zip(column.cells, wrong, strict=True) if no])
        if like is not None:
            remedy = like[2]
        elif is_number(cell.replace(",", ".", 1)):
            remedy = (
                'Write numbers with a decimal point. Or pass `decimal=","` (`--decimal ,`), or list the column in '
                "`categorical`."
            )
        elif all(str(self.frame[column][row]).strip("\ufeff ") == column for column in self.columns):
            remedy = "The header stands there again, as in files that were joined: take the line out."
        elif row == 0 and len(self) > 1 and int(np.append(wrong, False)[column.codes].sum()) == 1:
            remedy = "If the line holds units, take it out."
        elif 2 * sum(wrong) < len(wrong):
            remedy += f' A word for what is missing is told by `na=["{cell[:20]}"]` (`--na {cell[:20]}`).'
        if not may_be_names:
            remedy = remedy.replace(", leave the cell empty, or list the column in `categorical`", "")
            remedy = remedy.replace(", or list the column in `categorical`", "")
        return self.fail(name, f"holds the text {cell[:40]!r} at {{where}}", remedy, row)

    def texts(self, name: str) -> list[str | None]:
        """The column as text, None where missing; a whole number has no decimals."""
        column = self.coded(name)
        names: list[str | None] = [*column.names, None]
        return [names[code] for code in column.codes.tolist()]

    def is_mostly_numbers(self, name: str) -> bool:
        """Whether at least half of the texts of a text column read as numbers, if with a decimal comma."""
        column = self.coded(name)
        cells = [self.form.plain(str(cell)).replace(",", ".", 1) for cell in column.cells]
        counts = np.bincount(column.codes[column.codes >= 0], minlength=len(cells))
        return bool(cells) and 2 * int(counts[list(map(is_number, cells))].sum()) >= int(counts.sum())

    def key_codes(self, name: str) -> tuple[NDArray[np.int64], Array]:
        """Who each row belongs to: `(rows,)` codes in order of first appearance, and the names by code.

        Names are as they are written: int64 where all are the usual spelling of a whole number, else text.

        Raises:
            DataError: a cell is missing, or a number and a text have one spelling.
        """
        column = self._all_coded(name)
        if self.form.na:
            column = column.without([isinstance(cell, str) and cell in self.form.na for cell in column.cells])
        missing = column.codes < 0
        if missing.any():
            row = int(np.argmax(missing))
            raise self.fail(name, "is missing at {where}", "Name the series of every row, or drop the row.", row)
        texts = [isinstance(cell, str) for cell in column.cells]
        if name in self.written:
            # Programs write a column of whole numbers with a hole, or a merged one, as 1.0 and 2.0.
            zeros = all(cell.endswith(".0") for cell in column.cells)
            names = [spelled(cell) if zeros else str(cell) for cell in column.cells]
            return column.codes, exact(names)
        names = [cell if text else spelled(cell) for cell, text in zip(column.cells, texts, strict=True)]
        if len(set(names)) < len(names):
            repeated = next(cell for cell in names if names.count(cell) > 1)
            row = int(np.argmax(np.isin(column.codes, [k for k, cell in enumerate(names) if cell == repeated][1:])))
            fault = f"holds {repeated!r} as a number and as a text, first {{where}}"
            raise self.fail(name, fault, "Write one name in one way.", row)
        return column.codes, np.array(names, np.str_) if any(texts) else exact(names)

    def keys(self, name: str) -> Array:
        """The name of each row by `key_codes`.

        Raises:
            DataError: as `key_codes`.
        """
        codes, names = self.key_codes(name)
        return np.asarray(names[codes])

    def holes(self, name: str) -> list[Finding]:
        """A finding where words of a column of names, which was written in a file, were read as missing."""
        if name not in self.written or self.form.na:
            return []
        whole = self._all_coded(name)
        at = [k for k, cell in enumerate(whole.cells) if isinstance(cell, str) and cell.strip() in MISSING]
        rows = np.flatnonzero(np.isin(whole.codes, at))
        if not len(rows):
            return []
        row, words = int(rows[0]), ", ".join(sorted(repr(str(whole.cells[k])) for k in at))
        text = (
            f"`{name}` holds {words} in {len(rows)} rows, first {self.where(row)}, read as missing; "
            '`na=[""]` (`--na ""`) reads them as names.'
        )
        return [Finding("missing_words", name, text, len(rows), self.place(row))]


def _floats(column: Any) -> NDArray[np.float64]:
    """A column of numbers or bools as float64, rounded where integers are beyond 2^53, NaN where missing."""
    cells = column.to_numpy()
    if cells.dtype.kind in "iufb":
        return np.asarray(cells, np.float64)
    return np.array([np.nan if is_missing(cell) else float(cell) for cell in cells.tolist()], np.float64)


def _kind_of(cells: Sequence[object]) -> str:
    """The kind of a column of any type by its different cells, none of them missing."""
    if cells and all(isinstance(cell, bool | np.bool_) for cell in cells):
        return "bool"
    is_number = all(isinstance(cell, int | float | np.number) and not isinstance(cell, bool) for cell in cells)
    return "number" if cells and is_number else "text"


def _is_plain(cell: object) -> bool:
    return is_missing(cell) or isinstance(cell, str | int | float | np.number | np.bool_)


def _once(nw: Any, frame: Any) -> tuple[object, frozenset[str]]:
    """A frame wrapped by narwhals, the first column of each name, and the names that stand more than once."""
    # polars and DuckDB never hold a name twice.
    names = list(frame.columns if hasattr(frame, "iloc") else getattr(frame, "column_names", ()))
    twice = frozenset(name for name in names if names.count(name) > 1) if len(set(names)) < len(names) else frozenset()
    if twice:
        places = [names.index(name) for name in dict.fromkeys(names)]
        frame = frame.iloc[:, places] if hasattr(frame, "iloc") else frame.select(places)
    wrapped = nw.from_native(frame)
    return (wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped), twice


def plain_frame(frame: Any, wanted: AskedColumns, owner: str) -> Any:
    """A pandas frame with columns that are named by text and hold what NumPy holds; any other frame as it is.

    Levels of an index that are asked for become columns; objects of dates and Decimals, and periods, become datetimes
    and numbers.

    Raises:
        DataError: the columns have several levels.
    """
    if (
        type(frame).__module__.partition(".")[0] != "pandas"
        or not hasattr(frame, "iloc")
        or not hasattr(frame, "columns")
    ):
        return frame
    pandas = need(owner, "pandas")
    if frame.columns.nlevels > 1:
        fault = f"has columns of {frame.columns.nlevels} levels"
        raise DataError(owner, "frame", fault, 'Join them: `frame.columns = ["_".join(c) for c in frame.columns]`.')
    if not all(isinstance(name, str) for name in frame.columns):
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    levels = [name for name in frame.index.names if name is not None and str(name) not in frame.columns]
    if any(str(name) in wanted.forms for name in levels):
        frame = frame.reset_index(levels)
    changed = {}
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if wanted.is_time(name):  # read by `read_times`, which keeps how it was written
            continue
        if isinstance(column.dtype, pandas.PeriodDtype):
            changed[name] = column.dt.to_timestamp()
        elif column.dtype == object and name not in wanted.names:
            inferred = pandas.api.types.infer_dtype(column, skipna=True)
            if inferred in ("date", "datetime"):
                changed[name] = pandas.to_datetime(column, utc=True)
            elif inferred == "decimal":
                changed[name] = pandas.to_numeric(column).astype("float64")
    return frame.assign(**changed) if changed else frame


def open_table(source: object, owner: str, wanted: AskedColumns = ANY, form: TextForm = USUAL) -> Table:
    """A table from a file, from a pandas, polars or pyarrow frame, or one that is open already.

    Arguments:
        source: path, `"-"` for standard input, an open file, a frame, or a table.
        owner: who reads, for messages.
        wanted: columns that will be asked for; those that hold names are read as text from the start.
        form: how the text is written.

    Raises:
        DataError: there is no such file, it is empty or not readable, or the object is no data frame.
        MissingExtraError: the packages that read tables are not installed.
    """
    nw = need(owner, "narwhals.stable.v2")
    form.check(owner)
    if isinstance(source, Table):
        return replace(source, owner=owner)
    if isinstance(source, str | Path) or is_open(source):
        opened = read_source(source, owner, wanted, form)
        frame, twice = _once(nw, opened.frame)
        table = Table(
            frame,
            owner,
            opened.name,
            opened.first_line,
            opened.rows,
            form,
            opened.written,
            twice | opened.twice,
            opened.notes,
        )
    else:
        try:
            frame, twice = _once(nw, plain_frame(source, wanted, owner))
        except TypeError:
            fault = f"is {type(source).__name__}; expected a path or a pandas, polars or pyarrow table"
            raise DataError(owner, "frame", fault, "For NumPy arrays call `from_arrays`.") from None
        table = Table(frame, owner, form=form, twice=twice)
    if len(table) == 0:
        raise DataError(owner, "frame", "has no rows", "Pass a table with at least one row per series.")
    return _renamed(table, wanted)


def _renamed(table: Table, wanted: AskedColumns) -> Table:
    """The table with the names of columns that were asked for, where the accents alone are composed otherwise."""
    other = {}
    for name in wanted.columns:
        alike = [form for form in accent_forms(name) if form in table.columns]
        if name not in alike and len(alike) == 1:
            other[alike[0]] = name
    if not other:
        return table
    notes = [
        Finding("accents", name, f"`{name}` is asked for, and its accents are composed otherwise in the table.")
        for name in other.values()
    ]
    return replace(
        table,
        frame=table.frame.rename(other),
        written=frozenset(other.get(name, name) for name in table.written),
        twice=frozenset(other.get(name, name) for name in table.twice),
        notes=(*table.notes, *notes),
    )
