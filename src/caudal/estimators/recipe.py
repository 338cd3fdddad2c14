"""What a fit was told: three parts of named settings, from TOML, words of a command, or a saved model."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from caudal.data import Columns
from caudal.errors import InputError
from caudal.files import read_toml

_OWNER = "FitRecipe"


@dataclass(frozen=True)
class DataPart(Columns):
    """Which series, and how they are read: the columns of a table, or a data set by name.

    Attributes:
        table: path of a CSV or Parquet file.
        dataset: name of a data set, instead of a table.
        folder: of the files of that set, where it needs one.
        protocol: of that set.
        stream: read the (Parquet) table in batches in each pass.
        test: share of the series held out for the score; a data set has its own.
        by: how they are held out, as in `split`; `"auto"` goes by cluster or series, and by time for forecasts of fewer
            than ten series.
        val: share of the series that stop the training, drawn together with those held out, as a study does; 0 takes
            `train.validation` of the others.
        split_seed: of that draw; None takes `train.seed`.
    """

    table: str | None = None
    dataset: str | None = None
    folder: str | None = None
    protocol: str = "clean"
    stream: bool = False
    test: float = 0.2
    by: str = "auto"
    val: float = 0.0
    split_seed: int | None = None


@dataclass(frozen=True)
class ModelPart:
    """Which network; see `LiquidClassifier`.

    Attributes:
        threshold: of two classes, the probability of the last from which on it is decided for, which the file keeps;
            None for the likeliest class.
    """

    cell: str = "cfc"
    units: int = 32
    cell_options: Mapping[str, object] = field(default_factory=dict)
    pool: str = "last"
    dropout: float = 0.0
    dtype: str = "float32"
    class_weight: str | Mapping[str, float] | None = None
    clock: str = "plain"
    pace: float = 1.0
    send_on_change: float | Mapping[str, float] | None = None
    threshold: float | None = None
    target_scale: str = "each"


@dataclass(frozen=True)
class TrainPart:
    """How it is trained; see `LiquidClassifier`."""

    epochs: int = 50
    lr: float = 0.01
    batch_size: int = 32
    patience: int = 10
    validation: float = 0.15
    clip: float = 1.0
    weight_decay: float = 0.0
    schedule: str = "cosine"
    precision: str = "full"
    seed: int = 0
    device: str = "cpu"
    accelerate: bool = False
    augment: Mapping[str, float] | None = None
    by_length: bool = False
    least_updates: int = 0


@dataclass(frozen=True)
class FitRecipe:
    """Everything that a fit was told.

    Attributes:
        data: which series.
        model: which network.
        train: how it is trained.

    Raises:
        InputError: neither a table nor a data set is named, or both; or a table without `target`.

    Example:
        >>> recipe = FitRecipe.from_dict({"data": {"table": "ward.csv", "target": "ill", "series": "patient"}})
        >>> recipe = recipe.changed(["train.epochs=20", "cell=gru"])
        >>> recipe.train.epochs, recipe.model.cell, FitRecipe.from_dict(recipe.to_dict()) == recipe
        (20, 'gru', True)
    """

    data: DataPart
    model: ModelPart = field(default_factory=ModelPart)
    train: TrainPart = field(default_factory=TrainPart)

    def __post_init__(self) -> None:
        data = self.data
        if (data.table is None) == (data.dataset is None):
            fault = "is missing" if data.table is None else "is given, and a data set as well"
            raise InputError(_OWNER, "data.table", fault, "Name a table or a data set.")
        if data.table is not None and not data.target:
            raise InputError(_OWNER, "data.target", "is missing; a table needs it", "Name the column to predict.")
        if not 0 <= data.test < 1:
            fault = f"is {data.test:g}; expected a share from 0 to below 1"
            raise InputError(_OWNER, "data.test", fault, "Pass for example `test=0.2`.")

    @staticmethod
    def from_dict(given: Mapping[str, Any]) -> "FitRecipe":
        """A recipe from nested names.

        Raises:
            InputError: a name is unknown, or a value is of the wrong type.
        """
        parts = {}
        for name in given:
            if name not in _PARTS:
                raise InputError(_OWNER, name, "is no part of a recipe", f"There are {', '.join(_PARTS)}.")
            if not isinstance(given[name], Mapping):
                raise InputError(_OWNER, name, f"is {given[name]!r}; expected a table of settings", f"Write [{name}].")
        for name, kind in _PARTS.items():
            values = given.get(name, {})
            parts[name] = kind(**{key: _typed(name, kind, key, value) for key, value in values.items()})
        return FitRecipe(**parts)

    @staticmethod
    def from_toml(path: str | Path) -> "FitRecipe":
        """A recipe from a TOML file; a table and a folder are looked for from where the file is.

        Raises:
            MissingFileError: there is no such file.
            InputError: it is no TOML, or `from_dict` refuses it.
        """
        place = Path(path)
        given = read_toml(_OWNER, "path", place)
        data = given.get("data")
        for name in ("table", "folder"):
            if isinstance(data, dict) and isinstance(data.get(name), str):
                data[name] = str(place.parent / data[name])
        return FitRecipe.from_dict(given)

    def changed(self, settings: Iterable[str]) -> "FitRecipe":
        """The recipe with settings `part.name=value`, or `name=value` where one part alone has the name.

        Values are written as in TOML; what is no TOML is text.

        Raises:
            InputError: a setting is unknown or malformed.
        """
        parts = self.to_dict()
        for words in settings:
            name, equals, value = words.partition("=")
            if not equals:
                raise InputError(_OWNER, "set", f"is {words!r}; expected name=value", "Write for example epochs=20.")
            part, key = _place(name.strip())
            parts[part][key] = _value(value.strip())
        return FitRecipe.from_dict(parts)

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Nested plain values, as JSON and TOML hold them."""
        return {name: {key: _plain(value) for key, value in asdict(getattr(self, name)).items()} for name in _PARTS}

    def to_toml(self) -> str:
        """The recipe as `from_toml` reads it, without what is as it is usually.

        Example:
            >>> print(FitRecipe.from_dict({"data": {"dataset": "nafld"}, "train": {"epochs": 3}}).to_toml())
            [data]
            dataset = "nafld"
            <BLANKLINE>
            [train]
            epochs = 3
            <BLANKLINE>
        """
        lines = []
        for name, kind in _PARTS.items():
            usual = {key: _plain(value) for key, value in asdict(kind()).items()}
            values = {key: value for key, value in self.to_dict()[name].items() if value != usual[key]}
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items()), ""] if values else []
        return "\n".join(lines)

    def with_data(self, **values: Any) -> "FitRecipe":
        """The recipe with other values of the data."""
        return replace(self, data=replace(self.data, **values))


_PARTS: dict[str, Any] = {"data": DataPart, "model": ModelPart, "train": TrainPart}
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list of texts",
    Mapping: "a table of names and values",
    type(None): "nothing",
}


def _place(name: str) -> tuple[str, str]:
    """Part and key of a setting."""
    if "." in name:
        part, key = name.split(".", 1)
        if part not in _PARTS:
            raise InputError(_OWNER, name, "is in no part of a recipe", f"There are {', '.join(_PARTS)}.")
        return part, key
    holding = [part for part, kind in _PARTS.items() if name in {setting.name for setting in fields(kind)}]
    if len(holding) > 1:
        both = " and ".join(f"{part}.{name}" for part in holding)
        raise InputError(_OWNER, name, f"could be {both}", "Write it in full.")
    if not holding:
        known = [setting.name for kind in _PARTS.values() for setting in fields(kind)]
        raise InputError(_OWNER, name, "is no setting", _alike(name, known))
    return holding[0], name


def _alike(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"Did you mean `{close[0]}`?" if close else f"There are {', '.join(known)}."


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _toml(value: object) -> str:
    """A value as TOML writes it; texts as JSON does, but for a character that TOML escapes and JSON need not."""
    if isinstance(value, Mapping):
        each = (f"{json.dumps(str(key))} = {_toml(cell)}" for key, cell in value.items() if cell is not None)
        return f"{{{', '.join(each)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool) or value is None:
        return str(bool(value)).lower()
    return json.dumps(value).replace("\x7f", "\\u007f") if isinstance(value, str) else repr(value)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _typed(part: str, kind: object, key: str, value: object) -> object:
    """A value in the type of its field."""
    hints = get_type_hints(kind)
    if key not in hints:
        raise InputError(_OWNER, f"{part}.{key}", "is no setting", _alike(key, list(hints)))
    hint = hints[key]
    allowed = [get_origin(form) or form for form in (get_args(hint) if isinstance(hint, UnionType) else (hint,))]
    if tuple in allowed and isinstance(value, str):
        value = (value,)
    if tuple in allowed and isinstance(value, list) and all(isinstance(form, str) for form in value):
        value = tuple(value)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    for form in allowed:
        fits = isinstance(value, Mapping if form.__name__ == "Mapping" else form)
        if fits and (form is bool or not isinstance(value, bool)):
            return value
    words = " or ".join(_WORDS.get(form, _WORDS[Mapping]) for form in allowed)
    raise InputError(_OWNER, f"{part}.{key}", f"is {value!r}; expected {words}", "Correct the recipe.")
