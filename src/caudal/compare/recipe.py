"""What a study was told, as a file from which it can be run again."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePath

from caudal.data.columns import Columns
from caudal.errors import InputError
from caudal.files import read_toml

STUDY_RECIPE = "study.toml"
_OWNER = "compare"
# Arguments of `compare` that say what is studied, with their defaults; the others belong to one call of it.
SETTINGS: Mapping[str, object] = {
    "folder": None,
    "protocol": None,
    "by": "auto",
    "seed": 0,
    "folds": None,
    "test": None,
    "split_column": None,
    "options": None,
    "budget": "small",
    "models": None,
    "changes": None,
    "metric": "",
    "margin": None,
    "prefer": "score",
    "chips": True,
    "watts": None,
    "expect": None,
    "disturbances": (),
    "minutes": None,
    "good_enough": None,
}
_PATHS = ("folder", "test")
_OBJECTS = ("models", "metric", "disturbances")
_MAPPINGS = ("options", "changes", "expect", "units")


@dataclass(frozen=True)
class StudyRecipe:
    """Data and arguments of `compare`, in TOML.

    Attributes:
        data: path or name of the data set, alone in a tuple.
        columns: fields of `Columns`.
        settings: further arguments of `compare` by name; what stands at its default is left out.

    Example:
        >>> recipe = StudyRecipe(("visits.csv",), {"target": ("ill",), "series": "patient"}, {"seed": 3})
        >>> print(recipe.to_toml())
        # Again: caudal compare study.toml
        data = ["visits.csv"]
        seed = 3
        <BLANKLINE>
        [columns]
        target = ["ill"]
        series = "patient"
        <BLANKLINE>
    """

    data: tuple[str, ...]
    columns: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)

    def to_toml(self) -> str:
        """The recipe as text."""
        plain = {name: value for name, value in self.settings.items() if not isinstance(value, Mapping)}
        tables = {name: value for name, value in self.settings.items() if isinstance(value, Mapping)}
        lines = ["# Again: caudal compare study.toml", *_lines({"data": self.data, **plain})]
        for name, table in {"columns": self.columns, **tables}.items():
            if table:
                lines += ["", f"[{name}]", *_lines(table)]
        return "\n".join(lines) + "\n"

    @staticmethod
    def from_toml(path: str | Path) -> "StudyRecipe":
        """The recipe of a file; paths in it are looked for from where the file is.

        Raises:
            MissingFileError: there is no such file.
            InputError: it is no TOML, names no data, or holds what is no argument of `compare`.
        """
        place = Path(path)
        given = read_toml(_OWNER, "data", place)
        data = given.pop("data", None)
        data = [data] if isinstance(data, str) else data
        if not isinstance(data, list) or not data or not all(isinstance(name, str) for name in data):
            fault = f"is missing in {place.name}, or no list of texts"
            raise InputError(_OWNER, "data", fault, 'Write for example data = ["visits.csv"].')
        columns = given.pop("columns", {})
        if not isinstance(columns, dict):
            raise InputError(_OWNER, "columns", "is no table", "Write [columns] and a line for each.")
        settings = {name: _checked(name, value) for name, value in given.items()}
        for name in _PATHS:
            if isinstance(settings.get(name), str):
                settings[name] = _from(place.parent, str(settings[name]))
        Columns.of(columns, _OWNER)
        return StudyRecipe(tuple(_from(place.parent, name) for name in data), columns, settings)


def study_recipe(
    data: Sequence[object], columns: Columns, arguments: Mapping[str, object], folder: Path
) -> StudyRecipe | None:
    """The recipe of a call of `compare`; None where data or contenders have no name that a file can hold.

    Arguments:
        data: as given.
        columns: as given.
        arguments: of the call by name; those that belong to one call alone are left out.
        folder: where the recipe will lie, from which paths are told.
    """
    if not all(isinstance(source, str | Path) for source in data):
        return None
    settings: dict[str, object] = {}
    for name, value in arguments.items():
        if name not in SETTINGS or value in (SETTINGS[name], None, (), {}):
            continue
        if name in _PATHS:
            if not isinstance(value, str | Path):
                return None
            value = _to(folder, value)
        if name in _OBJECTS and not all(isinstance(item, str) for item in _several(value)):
            return None
        settings[name] = dict(value) if isinstance(value, Mapping) else value
    return StudyRecipe(tuple(_to(folder, str(source)) for source in data), columns.given(), settings)


def _several(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def _checked(name: str, value: object) -> object:
    if name not in SETTINGS:
        close = get_close_matches(name, SETTINGS, 1)
        remedy = f"Did you mean `{close[0]}`?" if close else f"There are {', '.join(('data', 'columns', *SETTINGS))}."
        raise InputError(_OWNER, name, "is no argument of a study", remedy)
    if (name in _MAPPINGS) != isinstance(value, dict):
        kind = "a table of names and values" if name in _MAPPINGS else "a plain value"
        remedy = f"Write [{name}]." if name in _MAPPINGS else "Write it on the right of the sign."
        raise InputError(_OWNER, name, f"is {value!r}; expected {kind}", remedy)
    usual = SETTINGS[name]
    if isinstance(usual, str | bool | int) and not isinstance(value, type(usual)):
        raise InputError(_OWNER, name, f"is {value!r}; expected {_kind(usual)}", "Write it so.")
    return tuple(value) if isinstance(value, list) else value


def _kind(usual: object) -> str:
    return "true or false" if isinstance(usual, bool) else "a whole number" if isinstance(usual, int) else "a text"


def _lines(values: Mapping[str, object]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in values.items()]


def _key(name: str) -> str:
    is_bare = name.replace("_", "").replace("-", "").isalnum() and name.isascii()
    return name if is_bare else json.dumps(name, ensure_ascii=False)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(name))} = {_value(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_path(name: str) -> bool:
    from caudal.data.datasets import names

    return name.lower().replace("_", "-") not in names() and "://" not in name and name != "-"


def _to(folder: Path, name: str | Path) -> str:
    """A path as seen from a folder, where there is a way."""
    if not _is_path(str(name)):
        return str(name)
    try:
        return PurePath(os.path.relpath(name, folder)).as_posix()
    except ValueError:  # another drive
        return str(Path(name).resolve())


def _from(folder: Path, name: str) -> str:
    return str(folder / name) if _is_path(name) else name
