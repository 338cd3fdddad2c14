"""One door to CSV, Parquet and data frames: columns as plain NumPy arrays, faults named by row and column."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.need import need
from caudal.data.source import read_file
from caudal.errors import DataError

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
    """

    frame: Any
    owner: str
    source: str = ""
    first_line: int | None = None
    rows: NDArray[np.int64] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.frame.columns)

    def __len__(self) -> int:
        return int(self.frame.shape[0])

    def place(self, row: int) -> int:
        """Place of a row in the whole file."""
        return row if self.rows is None else int(self.rows[row])

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
        """Refuse a table that lacks one of the columns.

        Raises:
            DataError: names the column and those that there are.
        """
        for name in names:
            if name not in self.columns:
                there = ", ".join(map(repr, self.columns[:12])) + (", ..." if len(self.columns) > 12 else "")
                close = get_close_matches(str(name), self.columns, 1, 0.5)
                remedy = f"Did you mean {close[0]!r}?" if close else "Check the spelling of the name."
                raise self.fail(name, f"is not a column; there are {there}", remedy)

    def kind(self, name: str) -> str:
        """`"number"`, `"bool"`, `"datetime"`, `"text"` or `"other"`, by the type of the column."""
        nw = need(self.owner, "narwhals.stable.v2")
        dtype = self.frame[name].dtype
        if dtype == nw.Boolean:
            return "bool"
        if dtype.is_numeric():
            return "number"
        if dtype in (nw.Datetime, nw.Date):
            return "datetime"
        if dtype in (nw.String, nw.Categorical, nw.Enum):
            return "text"
        if dtype in (nw.Object, nw.Unknown) and all(map(_is_plain, self.frame[name].to_list())):
            return "text"
        return "other"

    def numbers(self, name: str) -> NDArray[np.float64]:
        """The column as float64, NaN where missing.

        Raises:
            DataError: a cell holds text, infinity, or something that is neither number nor text.
        """
        kind = self.kind(name)
        if kind in ("number", "bool"):
            nw = need(self.owner, "narwhals.stable.v2")
            found = np.asarray(self.frame[name].cast(nw.Float64).to_numpy(), dtype=np.float64)
        elif kind == "text":
            found = self._parse(name)
        else:
            raise self.fail(name, f"has the type {self.frame[name].dtype}", "Turn it into numbers or leave it out.")
        if np.isinf(found).any():
            row = int(np.argmax(np.isinf(found)))
            raise self.fail(name, "holds infinity at {where}", "Write a number, or leave the cell empty.", row)
        return found

    def _parse(self, name: str) -> NDArray[np.float64]:
        found = np.full(len(self), np.nan)
        for row, cell in enumerate(self.texts(name)):
            if cell is None:
                continue
            try:
                found[row] = float(cell)
            except ValueError:
                remedy = "Write a number, leave the cell empty, or list the column in `categorical`."
                if _reads_as_number(cell.replace(",", ".", 1)):
                    remedy = "Write numbers with a decimal point, or list the column in `categorical`."
                raise self.fail(name, f"holds the text {cell[:40]!r} at {{where}}", remedy, row) from None
        return found

    def texts(self, name: str) -> list[str | None]:
        """The column as text, None where missing."""
        return [None if _is_missing(cell) else str(cell) for cell in self.frame[name].to_list()]

    def is_mostly_numbers(self, name: str) -> bool:
        """Whether at least half of the texts of a text column read as numbers, if with a decimal comma."""
        cells = [cell.replace(",", ".", 1) for cell in self.texts(name) if cell is not None]
        return bool(cells) and 2 * sum(map(_reads_as_number, cells)) >= len(cells)

    def keys(self, name: str) -> NDArray[Any]:
        """The column as names: int64 where all are whole numbers, else text.

        Raises:
            DataError: a cell is missing.
        """
        if self.kind(name) == "number":
            found = self.numbers(name)
            self._refuse_missing(name, np.isnan(found))
            if np.array_equal(found, np.floor(found)) and (np.abs(found) < 2**53).all():
                return found.astype(np.int64)
            return np.array([str(key) for key in found.tolist()])
        cells = self.texts(name)
        self._refuse_missing(name, np.array([cell is None for cell in cells], dtype=np.bool_))
        return np.array(cells, dtype=np.str_)

    def _refuse_missing(self, name: str, missing: NDArray[np.bool_]) -> None:
        if missing.any():
            row = int(np.argmax(missing))
            raise self.fail(name, "is missing at {where}", "Name the series of every row, or drop the row.", row)

    def clock(self, name: str, datetimes: bool | None = None) -> tuple[NDArray[Any], bool]:
        """The time column: float64 numbers, or int64 nanoseconds since 1970 for datetimes (and for ISO text).

        Arguments:
            name: of the column.
            datetimes: what it must be; None for what it looks like.

        Raises:
            DataError: a time is missing, infinite, or neither number nor datetime.
        """
        kind = self.kind(name)
        is_dates = kind == "datetime" or (kind == "text" and not self.is_mostly_numbers(name))
        if datetimes is not None and datetimes != is_dates:
            words = ("numbers", "datetimes") if is_dates is False else ("datetimes", "numbers")
            raise self.fail(name, f"holds {words[0]}; it held {words[1]} when the model was fitted", "Convert it.")
        if not is_dates:
            times = self.numbers(name)
            if np.isnan(times).any():
                row = int(np.argmax(np.isnan(times)))
                raise self.fail(name, "is missing at {where}", "Give every row a time, or drop the row.", row)
            return times, False
        ticks = self._dates_of_text(name) if kind == "text" else self._dates(name)
        lost = np.isnat(ticks)
        if lost.any():
            row = int(np.argmax(lost))
            raise self.fail(name, "is missing at {where}", "Give every row a time, or drop the row.", row)
        return ticks.astype(np.int64), True

    def _dates(self, name: str) -> NDArray[np.datetime64]:
        nw = need(self.owner, "narwhals.stable.v2")
        column = self.frame[name].cast(nw.Datetime("ns")) if self.frame[name].dtype == nw.Date else self.frame[name]
        if getattr(column.dtype, "time_zone", None) is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return np.asarray(column.to_numpy()).astype("datetime64[ns]")

    def _dates_of_text(self, name: str) -> NDArray[np.datetime64]:
        found = np.full(len(self), np.datetime64("NaT", "ns"))
        for row, cell in enumerate(self.texts(name)):
            if cell is None:
                continue
            try:
                # NumPy warns about time zones instead of refusing them.
                if cell.rstrip().endswith("Z") or "+" in cell:
                    raise ValueError
                found[row] = np.datetime64(cell.strip().replace(" ", "T"), "ns")
            except ValueError:
                remedy = "Write times as numbers or as 2024-03-31 23:59:59, or pass a frame with a datetime column."
                raise self.fail(name, f"holds {cell[:40]!r} at {{where}}, not a time", remedy, row) from None
        return found


def _is_missing(cell: object) -> bool:
    # pandas.NA answers a comparison with itself, which has no truth value.
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return (isinstance(cell, float) and cell != cell) or (isinstance(cell, str) and not cell.strip())


def _is_plain(cell: object) -> bool:
    return _is_missing(cell) or isinstance(cell, str | int | float | np.number | np.bool_)


def _reads_as_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def open_table(source: Any, owner: str) -> Table:
    """A table from a path (CSV or Parquet), from a pandas, polars or pyarrow frame, or one that is open already.

    Raises:
        DataError: there is no such file, it is empty or not readable, or the object is no data frame.
        MissingExtraError: the packages that read tables are not installed.
    """
    nw = need(owner, "narwhals.stable.v2")
    if isinstance(source, Table):
        return replace(source, owner=owner)
    if isinstance(source, str | Path):
        frame, first_line = read_file(Path(source), owner)
        table = Table(nw.from_native(frame, eager_only=True), owner, Path(source).name, first_line)
    else:
        try:
            wrapped = nw.from_native(source)
        except TypeError:
            fault = f"is {type(source).__name__}; expected a path or a pandas, polars or pyarrow table"
            raise DataError(owner, "frame", fault, "For NumPy arrays call `from_arrays`.") from None
        table = Table(wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped, owner)
    if len(table) == 0:
        raise DataError(owner, "frame", "has no rows", "Pass a table with at least one row per series.")
    return table
