"""How a table was read: enough to read the next one the same way. Saved with a model as JSON."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from caudal import limits, serial
from caudal.data.calendar import Calendar
from caudal.data.spelling import USUAL, TextForm
from caudal.data.task import Task
from caudal.serial import Schema


@dataclass(frozen=True)
class Column:
    """One column of a table that becomes inputs.

    Attributes:
        name: of the column.
        kind: `"number"`, or `"category"` (one input per known value).
        values: known values of a category, sorted; empty for a number.
        unit: of a number, or `""`.
    """

    name: str
    kind: Literal["number", "category"] = "number"
    values: tuple[str, ...] = ()
    unit: str = ""

    @property
    def width(self) -> int:
        """How many inputs the column becomes."""
        return len(self.values) if self.kind == "category" else 1


@dataclass(frozen=True)
class Recipe:
    """What `from_frame` decided or was told. JSON there and back is exact.

    Attributes:
        task: what is asked of a model.
        series: column that names the series, or None for a table of one series.
        time: column of the time, or None when the order of rows is the time.
        target: target columns.
        inputs: columns that become inputs, in order.
        statics: per-series columns, in order.
        sensitive: protected columns.
        group: column of the cluster, or None.
        classes: class labels in the order of their codes.
        time_unit: unit of `dt`.
        datetimes: whether the time column holds datetimes rather than numbers.
        first_dt: the elapsed time given to the first step of each series.
        equal_times: what happens to rows of one series at one time.
        horizon: forecast only, steps ahead.
        window: forecast only, steps of history.
        stride: forecast only, steps between successive windows.
        dtype: of the values.
        form: how numbers and holes are written in texts.
        calendar: zone, spelling and step of datetimes; None for numbers, and in files of older versions.
        fine: whether values are kept in float64, because `dtype` would lose differences that matter.

    Example:
        >>> recipe = Recipe(Task.CLASSIFY, series="id", time="day", target=("ill",), inputs=(Column("pulse"),))
        >>> Recipe.from_json(recipe.to_json()) == recipe
        True
    """

    task: Task
    series: str | None
    time: str | None
    target: tuple[str, ...]
    inputs: tuple[Column, ...]
    statics: tuple[Column, ...] = ()
    sensitive: tuple[str, ...] = ()
    group: str | None = None
    classes: tuple[str | int | float | bool, ...] = ()
    time_unit: str = "step"
    datetimes: bool = False
    first_dt: float = 1.0
    equal_times: str = "error"
    horizon: int = 0
    window: int = 0
    stride: int = 1
    dtype: str = "float32"
    form: TextForm = USUAL
    calendar: Calendar | None = None
    fine: bool = False
    schema: ClassVar[Schema] = Schema(noun="a recipe", remedy="Read the table again.", is_ascii=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", Task(self.task))

    def to_json(self) -> str:
        """One JSON object, keys sorted."""
        return serial.to_json(self)

    @staticmethod
    def from_json(text: str) -> "Recipe":
        """The recipe that `to_json` wrote.

        Raises:
            FileFormatError: the text is not JSON, misses a field, has an unknown one, or is of another version.
        """
        return serial.from_json(Recipe, text, limit=limits.TEXT, check=_check)


def _check(recipe: Recipe) -> None:
    for name in ("horizon", "window", "stride"):
        limits.integer("Recipe.from_json", name, getattr(recipe, name), limits.STEPS)
    if recipe.dtype not in ("float32", "float64"):
        raise ValueError(f"`dtype` is {limits.shown(recipe.dtype)}, neither float32 nor float64")
