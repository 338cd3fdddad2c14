"""Parts that the user gives: a test table of their own, or a column that says to which part each series belongs."""

import unicodedata
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal.compare.job import Parts
from caudal.data import Finding, Sequences, read_like, split
from caudal.errors import DataError

# What a cell of the column may say; accents and capitals do not count.
_WORDS = {
    "train": ("train", "training", "tr", "entrenamiento", "entreno"),
    "val": ("val", "valid", "validation", "dev", "validacion"),
    "test": ("test", "testing", "held-out", "heldout", "prueba"),
}
_SHOWN = 3


class Given(NamedTuple):
    """What the user says about parts.

    Attributes:
        test: a table to test on, or `Sequences`; None for none.
        column: that says of each series to which part it belongs; None for none.
    """

    test: object = None
    column: str | None = None

    def __bool__(self) -> bool:
        return self.test is not None or self.column is not None

    def check(self, folds: int | None) -> None:
        """Refuse what contradicts itself.

        Raises:
            DataError: both are given, or folds as well.
        """
        if self.test is not None and self.column is not None:
            fault = f"is given, and the column {self.column!r} as well: each says which series test"
            raise DataError("compare", "test", fault, "Leave one of them out.")
        if self and folds not in (None, 1):
            what = (
                "a test table is given" if self.column is None else f"the column {self.column!r} says which series test"
            )
            raise DataError("compare", "folds", f"is {folds}, and {what}", "Leave it out.")

    def read(self, train: Sequences) -> Sequences:
        """The test series, read as those of the training.

        Raises:
            DataError: the training series are no table, or the test table does not read as theirs.
        """
        if isinstance(self.test, Sequences):
            if (self.test.names, self.test.task, self.test.classes) != (train.names, train.task, train.classes):
                fault = "are of other inputs, another task or other classes than those to train on"
                raise DataError("compare", "test", fault, "Read both in the same way, as `read_like` does.")
            return self.test
        if train.recipe is None:
            fault = "is a table, and the series to train on are none"
            raise DataError("compare", "test", fault, "Pass `Sequences`, or both as tables.")
        return read_like(self.test, train.recipe, target=True)


def split_off(whole: Sequences, column: str, by: str, share: float, seed: int) -> tuple[Parts, str]:
    """Training, validation and test series as a column says, and how they were drawn in words.

    Arguments:
        whole: series that hold the column beside the sensitive ones.
        column: its name; its cells say train, validation or test, one word in each series.
        by: how validation is drawn from the training series where the column names none, as in `split`.
        share: of the training series that validate then.
        seed: of that draw.

    Raises:
        DataError: a cell says something else or nothing, or no series is to train or none to test.
    """
    codes = _codes(column, whole.sensitive[column])
    others = {name: values for name, values in whole.sensitive.items() if name != column}
    recipe = whole.recipe
    if recipe is not None:
        recipe = replace(recipe, sensitive=tuple(name for name in recipe.sensitive if name != column))
    bare = replace(whole, sensitive=others, recipe=recipe)
    each = {part: np.flatnonzero(codes == part) for part in _WORDS}
    for part, word in (("train", "train"), ("test", "test")):
        if not len(each[part]):
            counts = ", ".join(f"{len(rows):,} {name}" for name, rows in each.items() if len(rows))
            fault = f"names `{column}`, which gives no series to {word}: {counts}"
            raise DataError("compare", "split_column", fault, f"Write `{word}` for some series.")
    train, test = bare.select(each["train"]), bare.select(each["test"])
    words = f"parts by the column `{column}`"
    if len(each["val"]):
        return Parts(train, bare.select(each["val"]), test), f"{words}."
    train, val = _validated(train, by, share, seed)
    return Parts(train, val, test), f"{words}; {_validating(share, seed)}"


def with_test(train: Sequences, test: Sequences, name: str, by: str, share: float, seed: int) -> tuple[Parts, str]:
    """Training and validation series of one table and the test series of another, and how they were drawn in words.

    Arguments:
        train: series to train on.
        test: series to test on, read in the same way.
        name: of the test table.
        by, share, seed: of validation, as in `split_off`.
    """
    train, val = _validated(train, by, share, seed)
    return Parts(train, val, test), f"tested on {name}; {_validating(share, seed)}"


def overlaps(parts: Parts) -> list[Finding]:
    """Findings where test series, or whose they are, take part in the training as well."""
    findings: list[Finding] = []
    learnt = (parts.train, parts.val)
    if parts.test.group is not None and parts.train.group is not None:
        known = {str(name) for part in learnt if part.group is not None for name in part.group}
        owners = sorted({str(name) for name in parts.test.group})
        shared = [name for name in owners if name in known]
        if shared:
            column = (parts.train.recipe.group if parts.train.recipe else None) or "group"
            named = ", ".join(shared[:_SHOWN]) + (", ..." if len(shared) > _SHOWN else "")
            text = f"{len(shared):,} of {len(owners):,} `{column}` of the test part are trained on too ({named})"
            findings.append(
                Finding("overlap", column, f"{text}: on new ones the scores are likely worse.", len(shared))
            )
    seen = {_content(part, row) for part in learnt for row in range(len(part))}
    twins = sum(_content(parts.test, row) in seen for row in range(len(parts.test)))
    if twins:
        text = f"{twins:,} of {len(parts.test):,} test series stand in the training value by value"
        findings.append(Finding("overlap", "", f"{text}: the scores are better than on new ones.", twins))
    return findings


def have_names_of_their_own(parts: Parts) -> bool:
    """Whether no test series has the name of one that was trained on, as in two tables that both count from 1."""
    learnt = {str(name) for part in (parts.train, parts.val) for name in part.ids}
    return not learnt & {str(name) for name in parts.test.ids}


def _codes(column: str, cells: NDArray[np.generic]) -> NDArray[np.str_]:
    place = {word: part for part, words in _WORDS.items() for word in words}
    codes = []
    for cell in cells.tolist():
        part = place.get(_plain(cell))
        if part is None:
            fault = "is empty in some series" if _plain(cell) in ("", "nan", "none") else f"holds {cell!r}"
            remedy = "Write train, validation or test in every series."
            raise DataError("compare", "split_column", f"names `{column}`, which {fault}", remedy)
        codes.append(part)
    return np.array(codes)


def _plain(cell: object) -> str:
    spelled = unicodedata.normalize("NFKD", str(cell).strip().casefold())
    return "".join(sign for sign in spelled if not unicodedata.combining(sign))


def _validated(train: Sequences, by: str, share: float, seed: int) -> tuple[Sequences, Sequences]:
    inner = split(train, val=share, test=0.0, by=by, seed=seed)
    return train.select(inner.train), train.select(inner.val)


def _validating(share: float, seed: int) -> str:
    return f"{100 * share:.0f} % of the training series validate, seed {seed}."


def _content(data: Sequences, row: int) -> bytes:
    steps = int(data.lengths[row])
    arrays = (data.values[row, :steps], data.observed[row, :steps], data.dt[row, :steps])
    fixed = b"" if data.static is None else np.ascontiguousarray(data.static[row]).tobytes()
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays) + fixed
