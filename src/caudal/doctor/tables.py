"""What is wrong with a table, all of it at once."""

from dataclasses import replace
from typing import Any, Unpack

from caudal.data import Sequences, from_frame
from caudal.data.columns import ColumnArguments, Columns
from caudal.data.infer import check_columns, input_columns
from caudal.data.table import open_table
from caudal.doctor.leaks import Symptom
from caudal.doctor.model import examine
from caudal.errors import DataError


def examine_table(
    frame: object, columns: Columns | None = None, **arguments: Unpack[ColumnArguments]
) -> tuple[Symptom, ...]:
    """Examine a table: what stops it from being read, and then what `doctor` finds in its series.

    Where a feature cannot be read the others still are, so that one round names every fault.

    Arguments:
        frame: path or data frame, as in `from_frame`.
        columns, arguments: as in `from_frame`.

    Returns:
        the symptoms; `"table"` for what cannot be read.

    Raises:
        DataError: there is no such file or column, or an option is unknown: nothing was examined.
        MissingExtraError: the packages that read tables are not installed.

    Example:
        >>> import pytest
        >>> pandas = pytest.importorskip("pandas")
        >>> rows = pandas.DataFrame({"id": [1, 2, 3], "t": 0, "x": [1, 2, float("inf")], "z": 1.0, "y": [0.5, 1, 2]})
        >>> for symptom in examine_table(rows, target="y", series="id", time="t"):
        ...     print(symptom.severity, symptom)
        serious table: `x` holds infinity at row 2. Write a number, or leave the cell empty.
        mild constant: `z` is 1 wherever it is given; it can tell nothing. Kept. Leave it out with `drop`.
    """
    return examined(frame, Columns.of(columns, "doctor", **arguments))[0]


def examined(frame: object, columns: Columns) -> tuple[tuple[Symptom, ...], Sequences | None]:
    """The symptoms of `examine_table`, and the series as far as they could be read."""
    table = open_table(frame, "doctor", columns.wanted, columns.form)
    check_columns(table, columns)
    symptoms: list[Symptom] = []
    features, refused = _inputs(table, columns), list[str]()
    readable = columns
    while True:
        try:
            data = from_frame(table, readable)
        except DataError as error:
            symptoms.append(Symptom("table", error.argument, f"`{error.argument}` {error.fault}.", error.remedy))
            if error.argument not in features or len(refused) == len(features) - 1:
                return tuple(symptoms), None
            refused.append(error.argument)
        else:
            return (*symptoms, *examine(None, data)), data
        if columns.features is None:
            readable = replace(columns, drop=(*columns.drop, *refused))
        else:
            readable = replace(columns, features=tuple(name for name in columns.features if name not in refused))


def _inputs(table: Any, columns: Columns) -> tuple[str, ...]:
    """Columns that can be left out one by one."""
    try:
        chosen = input_columns(table, columns, forecast=True)
    except DataError:
        return ()
    return tuple(name for name in chosen if name not in columns.target)
