"""Which column of a table is what, and how its cells are written: one value for calls, the command line and TOML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, TypedDict, Unpack, get_type_hints

from caudal.data.source import AskedColumns
from caudal.data.spelling import TextForm
from caudal.errors import DataError

# As shells write it.
_TABS = {"tab": "\t", "\\t": "\t"}
Names = str | int | Sequence[str | int]


class TableArguments(TypedDict, total=False):
    """The fields of `Columns` but `sensitive`, as callers give them: a name for several, None for what is not said."""

    target: Names | None
    series: str | int | None
    time: str | int | None
    features: Names | None
    static: Names
    group: str | int | None
    categorical: Names
    drop: Names
    task: str | None
    time_unit: str | None
    time_format: str | None
    time_zone: str | None
    equal_times: str
    horizon: int
    window: int
    stride: int
    units: Mapping[str, str] | None
    sep: str
    decimal: str
    thousands: str
    na: Names | None
    comment: str


class ColumnArguments(TableArguments, total=False):
    """All fields of `Columns` as callers may give them."""

    sensitive: Names


def _words(metavar: str, text: str) -> dict[str, str]:
    """What the command line says of a field."""
    return {"metavar": metavar, "help": text}


@dataclass(frozen=True)
class Columns:
    """The columns of a table by their part, and how the table is written.

    Every function that reads a table takes these fields as keyword arguments or one `Columns`; every command has them
    as options (`time_unit` is `--time-unit`), and a recipe in TOML as keys of `[data]`.

    Attributes:
        target: column to predict, or several columns of numbers.
        series: column that names the series (patient, trip, machine); None for a forecast, or answers at each step,
            of a table of one series.
        time: column of numbers, datetimes or ISO text; None when the order of rows is the time.
        features: input columns; None takes every column that has no other part, but for those without a name, of dates,
            or that count the rows, which `findings` tell.
        static: columns with one value per series.
        sensitive: protected columns with one value per series. They are no inputs unless also listed as such.
        group: column of the cluster that must not be split between training and test (the patient of several stays).
        categorical: columns of numbers or text to be read as categories. Other text columns are categories as well.
        drop: columns that are not read.
        task: `"classify"`, `"classify_steps"`, `"regress"`, `"forecast"`, `"imitate"` (numbers at each step), or
            `"auto"`: text, bools and at most 20 different whole numbers classify, other numbers regress; a target
            that changes within a series is asked for at each step; a horizon asks for a forecast. `"classes"` and
            `"numbers"` leave only the last two to the table.
        time_unit: of `dt`. Datetimes are measured in it (ns, us, ms, s, min, h, d, w, y; None chooses by the typical
            gap); for numbers it is a label.
        time_format: how times are written where it is no ISO 8601: a pattern of `strptime` such as `"%d.%m.%Y"`,
            letters such as `"DD/MM/YYYY"` or `"YYYYMMDD"`, `"duration"` (1:27:18), `"quarter"` (2023Q4), `"week"`
            (2023-W48), `"unix"` (or `"unix-ms"`), or `"number"`.
        time_zone: name (`"America/Bogota"`) or offset (`"-05:00"`) of times written without a zone. Days and months
            of a forecast are those of this zone, or else of the zone of the column.
        equal_times: when rows of one series share a time and differ: `"error"`, `"first"`, `"last"`, or `"keep"`
            (an elapsed time of 0).
        horizon: forecast: steps ahead.
        window: forecast: steps of history; 0 takes four horizons, or fewer where series are short.
        stride: forecast: steps between windows.
        units: unit of each feature, by column.
        sep: of text files: what separates columns; `""` reads it off the file (comma, semicolon, tab, bar).
        decimal: of numbers in texts: the decimal mark.
        thousands: of numbers in texts: the mark between groups of three digits; a space stands for all spaces.
        na: words that mean missing, in texts; none for NA, NaN, null, None and their like, of which only columns of
            series and groups are spared. `[""]` leaves empty cells alone.
        comment: of text files: what begins a line that is no row.

    Example:
        >>> columns = Columns.of(target="ill", series="patient", time="day", sensitive=["sex", "age"])
        >>> columns.target, columns.given()
        (('ill',), {'target': ('ill',), 'series': 'patient', 'time': 'day', 'sensitive': ('sex', 'age')})
    """

    target: tuple[str, ...] = field(default=(), metadata=_words("NAMES", "what to predict"))
    series: str | None = field(
        default=None, metadata=_words("NAME", "what tells one series from another: patient, trip, machine")
    )
    time: str | None = field(
        default=None, metadata=_words("NAME", "numbers or datetimes (default: the order of the rows)")
    )
    features: tuple[str, ...] | None = field(
        default=None, metadata=_words("NAMES", "inputs (default: every column with no other part)")
    )
    static: tuple[str, ...] = field(default=(), metadata=_words("NAMES", "inputs with one value per series"))
    sensitive: tuple[str, ...] = field(
        default=(), metadata=_words("NAMES", "protected attributes, whose groups of people are compared; no inputs")
    )
    group: str | None = field(
        default=None, metadata=_words("NAME", "cluster that is never split between training and test: the patient")
    )
    categorical: tuple[str, ...] = field(default=(), metadata=_words("NAMES", "numbers that are names"))
    drop: tuple[str, ...] = field(default=(), metadata=_words("NAMES", "columns that are not read"))
    task: str = field(
        default="auto", metadata=_words("TASK", "classify, classify_steps, regress, forecast, imitate or auto")
    )
    time_unit: str | None = field(
        default=None, metadata=_words("UNIT", "of the elapsed times: s, min, h, d, ... (default: by the typical gap)")
    )
    time_format: str | None = field(
        default=None,
        metadata=_words(
            "FORMAT",
            "how times are written, if not as 2024-03-31T23:59Z: DD/MM/YYYY, YYYYMMDD, duration, a strptime pattern",
        ),
    )
    time_zone: str | None = field(
        default=None,
        metadata=_words("ZONE", "of times written without one, and of days: America/Bogota, -05:00"),
    )
    equal_times: str = field(
        default="error", metadata=_words("HOW", "rows of a series at one time: error (default), first, last, keep")
    )
    horizon: int = field(default=0, metadata=_words("STEPS", "how far ahead to forecast"))
    window: int = field(default=0, metadata=_words("STEPS", "history of a forecast (default: 4 horizons)"))
    stride: int = field(default=1, metadata=_words("STEPS", "between windows of a forecast (default: 1)"))
    units: Mapping[str, str] = field(default_factory=dict)
    sep: str = field(
        default="", metadata=_words("SIGN", "what separates columns, such as ; or tab (default: read off the file)")
    )
    decimal: str = field(default=".", metadata=_words("SIGN", "decimal mark of numbers (default: a point)"))
    thousands: str = field(
        default="",
        metadata=_words("SIGN", "mark between groups of three digits; a space stands for all spaces"),
    )
    na: tuple[str, ...] = field(
        default=(), metadata=_words("WORDS", 'words that mean missing, separated by commas; "" for empty cells alone')
    )
    comment: str = field(default="", metadata=_words("SIGN", "what begins a line that is no row"))

    @staticmethod
    def of(
        columns: "Columns | Mapping[str, Any] | None" = None,
        owner: str = "Columns",
        **arguments: Unpack[ColumnArguments],
    ) -> "Columns":
        """Columns from keyword arguments.

        Arguments:
            columns: what the arguments change, also as a mapping of fields; None starts with none.
            owner: the function that is called, for errors.
            arguments: fields by name; None leaves a field as it is.

        Raises:
            DataError: there is no such field.
        """
        first = columns if isinstance(columns, Columns) else Columns()
        values: dict[str, Any] = {}
        for name, value in (*(() if isinstance(columns, Columns) else (columns or {}).items()), *arguments.items()):
            if name not in COLUMN_NAMES:
                close = get_close_matches(name, COLUMN_NAMES, 1)
                remedy = f"Did you mean `{close[0]}`?" if close else f"There are {', '.join(COLUMN_NAMES)}."
                raise DataError(owner, name, "is no argument that says how a table is read", remedy)
            if value is not None:
                values[name] = _settled(name, value)
        return replace(first, **values)

    def given(self) -> dict[str, Any]:
        """The fields that differ from their defaults, by name."""
        usual = Columns()
        return {
            each.name: value
            for each in fields(Columns)
            if (value := getattr(self, each.name)) != getattr(usual, each.name)
        }

    @property
    def form(self) -> TextForm:
        """How the table is written as text; `""` is always among the words for missing cells where any is given."""
        words = tuple(dict.fromkeys(("", *self.na))) if self.na else ()
        return TextForm(_TABS.get(self.sep, self.sep), self.decimal, self.thousands, words, self.comment)

    @property
    def wanted(self) -> AskedColumns:
        """The columns that a table must have, and which of them hold names."""
        keys = (*named(self.series), *named(self.group))
        parts = (*named(self.time), *self.target, *(self.features or ()), *self.static, *self.sensitive, *self.drop)
        names = {*keys, *self.categorical, *self.sensitive, *(() if self.is_numbers else self.target)}
        return AskedColumns(frozenset(names), (*keys, *parts, *self.categorical), self.time)

    @property
    def is_numbers(self) -> bool:
        """Whether the target is known to be numbers before the table is read."""
        return bool(self.horizon) or self.task in ("numbers", "regress", "forecast", "imitate")


COLUMN_NAMES = tuple(each.name for each in fields(Columns))
# Fields that hold names of columns.
KEY_NAMES = frozenset(each.name for each in fields(Columns) if each.metadata.get("metavar") in ("NAME", "NAMES"))
_SEVERAL = frozenset(name for name, kind in get_type_hints(Columns).items() if "tuple" in str(kind))


def named(value: Names | None) -> tuple[str, ...]:
    """One name or several, as a tuple of texts; pandas also names columns by whole numbers."""
    if value is None:
        return ()
    return (str(value),) if isinstance(value, str | int) else tuple(map(str, value))


def _settled(name: str, value: Any) -> object:
    """A value in the type of its field."""
    if name in _SEVERAL:
        return named(value)
    if name in ("series", "time", "group"):
        return str(value)
    return dict(value) if name == "units" else value
