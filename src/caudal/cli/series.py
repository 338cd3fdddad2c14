"""The series that a command asks a model about: a table read as that of its training, or a data set by name."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.streams import say
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.data import Finding, Recipe, Sequences
    from caudal.estimators.base import LiquidEstimator


def say_read(lines: Iterable[str], findings: Iterable["Finding"]) -> None:
    """Say on standard error what a table was read as and what is odd in it, in words of the shell."""
    for line in lines:
        say(in_words(line))
    for finding in findings:
        say(f"note: {in_words(finding.message, finding.column)}")


def in_words(text: str, column: str = "") -> str:
    """Text with options of the shell in the place of arguments of Python, but for the name of a column.

    Example:
        >>> in_words("`group` counts the rows; list it in `features`.", "group")
        '`group` counts the rows; list it in `--features`.'
    """
    from caudal.cli.columns import add_columns
    from caudal.cli.spoken import options_of, typed

    parser = argparse.ArgumentParser(add_help=False)
    add_columns(parser)
    return typed(text, options_of(parser), column)


class Notes:
    """What is odd about a table that a model reads, whole or in chunks, said once.

    Arguments:
        model: an estimator that was trained on a table.
    """

    def __init__(self, model: "LiquidEstimator") -> None:
        self.model = model
        self.chunks = 0
        self.findings: dict[tuple[str, str], Finding] = {}
        self.unlike: Counter[tuple[str, str]] = Counter()

    def watched(self, parts: Iterable["Sequences"]) -> Iterator["Sequences"]:
        """The same chunks; once they are through, what was odd is said."""
        whole: Sequences | None = None
        for part in parts:
            self._add(part)
            whole = part if self.chunks == 1 else None
            yield part
        self._say(whole)

    def say(self, data: "Sequences") -> None:
        """Say what is odd about a table that was read whole."""
        self._add(data)
        self._say(data)

    def _add(self, data: "Sequences") -> None:
        from caudal.data.account import without_past
        from caudal.doctor.model import unlike_training

        self.chunks += 1
        for finding in (*data.findings, *without_past(data)):
            self.findings.setdefault((finding.code, finding.column), finding)
        self.unlike.update({(shift.message, shift.remedy) for shift in unlike_training(self.model.encoder_, data)})

    def _say(self, data: "Sequences | None") -> None:
        from caudal.data.account import read_as

        findings = tuple(self.findings.values())
        say_read(read_as(self.model.data_recipe_, findings, data, settled=True), findings)
        for (message, remedy), count in self.unlike.items():
            # Of a stream a chunk or two may well lack a sensor.
            if 2 * count > self.chunks:
                say(f"warning: {message} {remedy}")


def series_for(
    owner: str,
    model: Any,
    source: str,
    *,
    target: bool = False,
    sensitive: tuple[str, ...] | None = None,
    written: Mapping[str, Any] | None = None,
) -> "Sequences":
    """Series for an estimator: the test series of a data set, or all series of a table.

    Arguments:
        owner: the command, for messages.
        model: an estimator.
        source: path of a table, or name of a data set that ships in a package.
        target: whether the target must be there.
        sensitive: columns of a table to read as sensitive; None takes those of the training.
        written: how the table is written, where that differs from the table of the training.

    Raises:
        InputError: the model was trained on arrays, which say nothing about tables.
        DataError: the table does not read as that of the training.
    """
    from caudal.data import datasets, read_like

    if is_data_set(source):
        return datasets.load(source).test
    if model.data_recipe_ is None:
        fault = "was trained on arrays or on a data set, so it cannot say how to read a table"
        raise InputError(owner, "model", fault, "Name the data set, train on a table, or pass arrays in Python.")
    recipe = recipe_for(model, written or {})
    recipe = recipe if sensitive is None else replace(recipe, sensitive=sensitive)
    sequences = read_like(source, recipe, target=target)
    Notes(model).say(sequences)
    return sequences


def is_data_set(source: str) -> bool:
    """Whether a source is the name of a data set that ships, and no file."""
    from caudal.data import datasets

    return not Path(source).is_file() and source.lower().replace("_", "-") in datasets.names()


def add_part(parser: argparse.ArgumentParser) -> None:
    """The option that takes the series of one part of the training of a model."""
    parser.add_argument(
        "--part",
        choices=("train", "val", "test"),
        help="only series that the model was trained on, stopped by or tested on, by their names in its file",
    )


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """The option that decides between two classes by another probability than the file of the model says."""
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="of two classes, decide for the last from this probability (default: that of the model's file, else 0.5)",
    )


def checked_threshold(owner: str, model: object, threshold: float | None) -> float | None:
    """What `--threshold` says, checked before any work.

    Raises:
        InputError: it is no probability, or the model does not decide between two classes.
    """
    from caudal.nn.decide import check_threshold

    classes = getattr(model, "classes_", None)
    return check_threshold(owner, threshold, 0 if classes is None else len(classes), "--threshold")


def part_of(owner: str, model: object, data: "Sequences", part: str | None) -> "Sequences":
    """Series of one part of the training of a model.

    Arguments:
        owner: the command, for messages.
        model: whose file names the series of each part.
        data: series of a table.
        part: `"train"`, `"val"`, `"test"`, or None for all.

    Raises:
        InputError: the file names no parts, or none of the series is of the part.
    """
    if part is None:
        return data
    parts = _names_of(model)
    if parts is None:
        fault = f"is {part}, and the file of the model does not name the series of its parts"
        raise InputError(owner, "--part", fault, "Leave it out, and pass a table that holds the series meant.")
    names = set(parts[part])
    rows = [row for row, name in enumerate(data.ids) if str(name) in names]
    if not rows:
        fault = f"is {part}, and none of the {len(data):,} series has a name of that part"
        raise InputError(owner, "--part", fault, "Pass the table that the model was trained on.")
    return data.select(rows)


def say_trained_on(model: object, data: "Sequences") -> None:
    """Warn where series of a table were trained on: what is told of them is better than it is."""
    parts = _names_of(model)
    if parts is None:
        return
    names = {*parts["train"], *parts["val"]}
    known = sum(str(name) in names for name in data.ids)
    if known:
        say(
            f"warning: {known:,} of {len(data):,} series have names of the training: a model does better on those, "
            "and gaps look smaller. Add `--part test`, or pass series that took no part."
        )


def _names_of(model: object) -> Mapping[str, list[str]] | None:
    """Names of the series of each part, where the file of a model holds them as it should."""
    parts = (getattr(model, "origin_", None) or {}).get("parts")
    if not isinstance(parts, dict) or not all(isinstance(parts.get(part), list) for part in ("train", "val", "test")):
        return None
    return parts


def recipe_for(model: Any, written: Mapping[str, Any]) -> "Recipe":
    """The recipe of a model's training, for a table that is written in another way.

    Arguments:
        model: an estimator that was trained on a table.
        written: fields of `Columns` that say how the table is written.
    """
    from caudal.data import Columns
    from caudal.data.calendar import Calendar

    recipe: Recipe = model.data_recipe_
    columns = Columns.of(written)
    texts = {name: getattr(columns.form, name) for name in written if hasattr(columns.form, name)}
    times: dict[str, Any] = {}
    if columns.time_format is not None:
        times["form"] = columns.time_format
    if columns.time_zone is not None:
        times |= {"zone": columns.time_zone, "localized": True}
    calendar = replace(recipe.calendar or Calendar(), **times) if times else recipe.calendar
    return replace(recipe, form=replace(recipe.form, **texts), calendar=calendar)


def training_series(
    owner: str, model: object, source: str, written: Mapping[str, object] | None = None
) -> "tuple[Sequences, Sequences | None]":
    """Series to train an estimator on, with the target, and those to stop by where a data set has them.

    Arguments:
        owner, model, source, written: as in `series_for`.

    Raises:
        InputError, DataError: as `series_for`.
    """
    from caudal.data import datasets

    if is_data_set(source):
        dataset = datasets.load(source)
        return dataset.train, dataset.val if len(dataset.split.val) else None
    return series_for(owner, model, source, target=True, written=written), None
