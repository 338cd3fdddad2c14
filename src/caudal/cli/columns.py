"""Options of the commands that read a table, and the recipe that they amount to."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.cli.names import AddNames, columns_of, joined, name_list
from caudal.cli.propose import complete
from caudal.data import Columns
from caudal.data.columns import COLUMN_NAMES
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.estimators import FitRecipe

# How a table is written; a new one may be written otherwise than that of the training, its columns may not be others.
WRITTEN = ("sep", "decimal", "thousands", "na", "comment", "time_format", "time_zone")
_FIELDS = {field.name: field for field in fields(Columns) if field.metadata}
# Settings of `--set` that say what the table is asked.
_TOLD = ("target=", "series=", "task=", "horizon=")
# Arguments that say how a table is read.
NAMES = frozenset((*COLUMN_NAMES, "folder", "protocol")) - {"time", "series", "target"}


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Options that say which column of a table is what and how it is written, or name a data set's files."""
    columns = parser.add_argument_group('columns (NAMES: a,b,"c, d", or the option again)')
    for name in _FIELDS:
        if name not in WRITTEN:
            add_column(columns, name)
    add_written(parser)
    sets = parser.add_argument_group("data sets")
    sets.add_argument("--folder", metavar="DIR", help="where the files of a data set are, if it does not ship")
    sets.add_argument("--protocol", metavar="NAME", help="clean (default) or paper")


def add_column(parser: "argparse._ActionsContainer", name: str, **more: object) -> None:
    """The option of one field of `Columns`.

    Arguments:
        parser: or a group of it.
        name: of the field.
        more: arguments of `add_argument`.
    """
    known = _FIELDS[name].metadata
    kinds: dict[str, dict[str, object]] = {
        "NAMES": {"type": name_list, "action": AddNames},
        "STEPS": {"type": count},
        "WORDS": {"type": _words},
    }
    settings = {**kinds.get(known["metavar"], {}), "metavar": known["metavar"], "help": known["help"], **more}
    parser.add_argument(f"--{name.replace('_', '-')}", **settings)


def add_written(parser: argparse.ArgumentParser) -> None:
    """Options that say how a table is written."""
    group = parser.add_argument_group("how the table is written")
    for name in WRITTEN:
        add_column(group, name)


def written_given(args: argparse.Namespace) -> dict[str, object]:
    """The options of `add_written` that were typed, by field."""
    return {name: value for name in WRITTEN if (value := getattr(args, name, None)) is not None}


def refuse_columns(args: argparse.Namespace, command: str) -> None:
    """Refuse options of columns beside a model, which reads the columns of its training.

    Raises:
        InputError: names the first one that was typed.
    """
    for name in _FIELDS:
        if name not in WRITTEN and getattr(args, name, None) is not None:
            fault = "is given, and a model reads the columns of its training"
            raise InputError(command, f"--{name.replace('_', '-')}", fault, "Leave it out.")


def add_split(parser: "argparse._ActionsContainer") -> None:
    """The option that says how series are divided."""
    parser.add_argument(
        "--split", metavar="BY", help="how series are divided: auto (default), series, group, time, ..."
    )


def add_world(parser: "argparse._ActionsContainer", option: str, text: str) -> None:
    """An option that says what a model must expect, by kind of disturbance with its level.

    Arguments:
        parser: or a group of it.
        option: its name.
        text: what it does.
    """
    kinds = "dropped=0.4, subsampled=1, gaps=0.4, noise=0.5, shift=0.5, dead=1, missing=0.4, jitter=0.5"
    parser.add_argument(option, type=_world, metavar="KIND=LEVEL,...", help=f"{text}: {kinds}")


def _world(text: str) -> dict[str, float]:
    levels: dict[str, float] = {}
    for part in text.split(","):
        kind, sign, level = (word.strip() for word in part.partition("="))
        try:
            levels[kind] = float(level) if sign else float("nan")
        except ValueError:
            levels[kind] = float("nan")
        if not levels[kind] < float("inf"):
            raise argparse.ArgumentTypeError(f"{part.strip()!r} is not KIND=LEVEL, as in dropped=0.4")
    return levels


def count(text: str) -> int:
    """A whole number of at least 0, as an option holds it.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return value


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def columns_given(args: argparse.Namespace, source: str) -> dict[str, object]:
    """The options of columns that were typed, by field; names that a comma took apart are put together again.

    Arguments:
        args: as parsed.
        source: the table, whose first line holds the names.
    """
    values = {name: getattr(args, name, None) for name in _FIELDS}
    typed = {name: value for name, value in values.items() if value is not None}
    for name, value in typed.items():
        if _FIELDS[name].metadata["metavar"] == "NAMES" and len(value) > 1:
            typed[name] = joined(value, columns_of(source))
    return typed


def recipe_of(args: argparse.Namespace) -> "FitRecipe":
    """The recipe of a command: a TOML file, a table or a data set, and what its options change.

    Raises:
        InputError: the source is none of them, or an option does not fit.
        MissingFileError: the TOML file is not there.
    """
    from caudal.data import datasets
    from caudal.data.source import is_table_path
    from caudal.estimators import FitRecipe

    source = args.source
    settings = list(getattr(args, "set", None) or [])
    if is_table_path(source) and not any(words.removeprefix("data.").startswith(_TOLD) for words in settings):
        complete(args, source, args.command, args.options)
    options = _given(args)
    if source.lower().endswith(".toml"):
        recipe = FitRecipe.from_toml(source).to_dict()
    elif is_table_path(source):
        recipe = {"data": {"table": source}}
    elif source.lower().replace("_", "-") in datasets.names():
        recipe = {"data": {"dataset": source}}
    else:
        what = "is a folder" if Path(source).is_dir() else "is no table, recipe or data set"
        raise InputError(args.command, "source", f"{source!r} {what}", _remedy(source, datasets.names()))
    for part, values in options.items():
        recipe[part] = {**recipe.get(part, {}), **values}
    return FitRecipe.from_dict(recipe).changed(settings)


def _remedy(source: str, names: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    if source.lower().endswith(".caudal"):
        return "It is named like a saved model: name the table or the recipe to train on."
    close = get_close_matches(source.lower(), names, 1)
    return f"Did you mean {close[0]!r}?" if close else "Pass a .csv, .parquet or .toml file, or see `caudal datasets`."


def _given(args: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Options that were given, as parts of a recipe."""
    data = columns_given(args, args.source)
    more = {"folder": "folder", "protocol": "protocol", "by": "split"}
    data |= {name: value for name, option in more.items() if (value := getattr(args, option, None)) is not None}
    if getattr(args, "stream", False):
        data["stream"] = True
    model = {
        name: getattr(args, name)
        for name in ("cell", "units", "send_on_change", "threshold")
        if getattr(args, name, None) is not None
    }
    train = {
        name: getattr(args, name) for name in ("epochs", "seed", "augment") if getattr(args, name, None) is not None
    }
    if getattr(args, "accelerate", False):
        train["accelerate"] = True
    return {"data": data, "model": model, "train": train}
