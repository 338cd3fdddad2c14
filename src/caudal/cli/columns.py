"""Options of the commands that read a table, and the recipe that they amount to."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.names import AddNames, columns_of, joined, name_list, need_target
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.estimators import FitRecipe

_LISTS = ("target", "features", "static", "categorical", "sensitive", "drop")
_WORDS = (
    *("series", "time", "group", "task", "time_unit", "time_format", "time_zone", "equal_times"),
    *("folder", "protocol"),
)
_COUNTS = ("horizon", "window")
_FORM = (
    ("sep", "SIGN", "what separates columns, such as ; or tab (default: read off the file)"),
    ("decimal", "SIGN", "decimal mark of numbers (default: a point)"),
    ("thousands", "SIGN", "mark between groups of three digits; a space stands for every kind of space"),
    ("na", "WORDS", 'words that mean missing, separated by commas; "" for empty cells alone'),
    ("comment", "SIGN", "what begins a line that is no row"),
)
# Arguments that say how a table is read.
NAMES = frozenset((*_LISTS, *_WORDS, *_COUNTS, *(name for name, *_ in _FORM))) - {"time", "series", "target"}


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Options that say what the columns of a table are."""
    columns = parser.add_argument_group('columns (NAMES: a,b,"c, d", or the option again)')
    columns.add_argument("--target", type=name_list, action=AddNames, metavar="NAMES", help="what to predict")
    columns.add_argument("--series", metavar="NAME", help="what tells one series from another: patient, trip, machine")
    columns.add_argument("--time", metavar="NAME", help="numbers or datetimes (default: the order of the rows)")
    for name, text in (
        ("features", "inputs (default: every column with no other part)"),
        ("static", "inputs with one value per series"),
        ("categorical", "numbers that are names"),
        ("sensitive", "protected attributes, kept out of the inputs"),
        ("drop", "columns that are not read"),
    ):
        columns.add_argument(f"--{name}", type=name_list, action=AddNames, metavar="NAMES", help=text)
    columns.add_argument("--group", metavar="NAME", help="what must not be split between training and test")
    columns.add_argument("--task", metavar="TASK", help="classify, classify_steps, regress, forecast, imitate or auto")
    columns.add_argument("--time-unit", metavar="UNIT", help="of the elapsed times: s, min, h, d, ...")
    add_time_options(columns)
    columns.add_argument("--equal-times", metavar="HOW", help="rows of a series at one time: error, first, last, keep")
    columns.add_argument("--horizon", type=int, metavar="STEPS", help="how far ahead to forecast")
    columns.add_argument("--window", type=int, metavar="STEPS", help="history of a forecast (default: 4 horizons)")
    add_form(parser)
    sets = parser.add_argument_group("data sets")
    sets.add_argument("--folder", metavar="DIR", help="where the files of a data set are, if it does not ship")
    sets.add_argument("--protocol", metavar="NAME", help="clean (default) or paper")


def add_time_options(group: "argparse._ArgumentGroup") -> None:
    """Options that say how times are written."""
    group.add_argument(
        "--time-format",
        metavar="FORMAT",
        help="how times are written, if not as 2024-03-31T23:59Z: DD/MM/YYYY, YYYYMMDD, duration, a strptime pattern",
    )
    group.add_argument(
        "--time-zone", metavar="ZONE", help="of times written without one, and of days: America/Bogota, -05:00"
    )


def add_form(parser: argparse.ArgumentParser) -> None:
    """Options that say how a text file is written."""
    group = parser.add_argument_group("how a text file is written")
    for name, metavar, text in _FORM:
        group.add_argument(f"--{name}", metavar=metavar, help=text)


def form_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_form` that were given, as arguments of `from_frame`."""
    given = {name: getattr(args, name, None) for name, *_ in _FORM}
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if "na" in found:
        found["na"] = tuple(word.strip() for word in found["na"].split(","))
    return found


def recipe_of(args: argparse.Namespace) -> "FitRecipe":
    """The recipe of a command: a TOML file, a table or a data set, and what its options change.

    Raises:
        InputError: the source is none of them, or an option does not fit.
        MissingFileError: the TOML file is not there.
    """
    from caudal.data import datasets
    from caudal.data.source import is_table_path
    from caudal.estimators import FitRecipe

    source, options = args.source, _given(args)
    for name in _LISTS:
        if len(options["data"].get(name, ())) > 1:
            options["data"][name] = joined(options["data"][name], columns_of(source))
    settings = list(getattr(args, "set", None) or [])
    if source.lower().endswith(".toml"):
        found = FitRecipe.from_toml(source).to_dict()
    elif is_table_path(source):
        found = {"data": {"table": source}}
    elif source.lower().replace("_", "-") in datasets.names():
        found = {"data": {"dataset": source}}
    else:
        what = "is a folder" if Path(source).is_dir() else "is no table, recipe or data set"
        raise InputError(args.command, "source", f"{source!r} {what}", _remedy(source, datasets.names()))
    for part, values in options.items():
        found[part] = {**found.get(part, {}), **values}
    if is_table_path(source) and "target" not in found["data"] and not any("target=" in words for words in settings):
        raise need_target(args.command, source)
    return FitRecipe.from_dict(found).changed(settings)


def _remedy(source: str, names: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    if source.lower().endswith(".caudal"):
        return "It is named like a saved model: name the table or the recipe to train on."
    close = get_close_matches(source.lower(), names, 1)
    return f"Did you mean {close[0]!r}?" if close else "Pass a .csv, .parquet or .toml file, or see `caudal datasets`."


def _given(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Options that were given, as parts of a recipe."""
    values = {name: getattr(args, name, None) for name in (*_LISTS, *_WORDS, *_COUNTS)}
    data = {name: value for name, value in values.items() if value is not None}
    data |= form_of(args)
    if getattr(args, "stream", False):
        data["stream"] = True
    model = {name: getattr(args, name) for name in ("cell", "units") if getattr(args, name, None) is not None}
    train = {name: getattr(args, name) for name in ("epochs", "seed") if getattr(args, name, None) is not None}
    if getattr(args, "accelerate", False):
        train["accelerate"] = True
    return {"data": data, "model": model, "train": train}
