"""The series that a command asks a model about: a table read as that of its training, or a data set by name."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.data import Sequences


def series_for(
    owner: str, model: Any, source: str, *, target: bool = False, sensitive: tuple[str, ...] | None = None
) -> "Sequences":
    """Series for an estimator: the test series of a data set, or all series of a table.

    Arguments:
        owner: the command, for messages.
        model: an estimator.
        source: path of a table, or name of a data set that ships in a package.
        target: whether the target must be there.
        sensitive: columns of a table to read as sensitive; None takes those of the training.

    Raises:
        InputError: the model was trained on arrays, which say nothing about tables.
        DataError: the table does not read as that of the training.
    """
    from caudal.data import datasets, read_like

    if not Path(source).is_file() and source.lower().replace("_", "-") in datasets.names():
        return datasets.load(source).test
    if model.data_recipe_ is None:
        fault = "was trained on arrays or on a data set, so it cannot say how to read a table"
        raise InputError(owner, "model", fault, "Name the data set, train on a table, or pass arrays in Python.")
    recipe = model.data_recipe_ if sensitive is None else replace(model.data_recipe_, sensitive=sensitive)
    return read_like(source, recipe, target=target)


def training_series(owner: str, model: Any, source: str) -> "tuple[Sequences, Sequences | None]":
    """Series to train an estimator on, with the target, and those to stop by where a data set has them.

    Arguments:
        owner, model, source: as in `series_for`.

    Raises:
        InputError, DataError: as `series_for`.
    """
    from caudal.data import datasets

    if not Path(source).is_file() and source.lower().replace("_", "-") in datasets.names():
        found = datasets.load(source)
        return found.train, found.val if len(found.split.val) else None
    return series_for(owner, model, source, target=True), None
