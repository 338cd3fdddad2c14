"""Tables and streams as an estimator needs them, or a sentence that says why not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from caudal.data import ParquetSequences, Sequences, from_frame
from caudal.data.plan import refuse_flips
from caudal.errors import DataError

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator


def read_table(model: "LiquidEstimator", x: Any, target: Any, series: str | None, **columns: Any) -> Sequences:
    """A long table, its target read as the estimator needs it.

    Raises:
        DataError: no target is named, or no series where there must be several; or `from_frame` refuses the table.
    """
    is_one_series = "forecast" in model.tasks or columns["task"] in ("classify_steps", "imitate")
    if target is None or (series is None and not is_one_series):
        fault = "is missing; a table needs `target` and `series`"
        raise DataError(type(model).__name__, "series" if target else "target", fault, "Pass the names of the columns.")
    columns["task"] = columns["task"] or model.kind
    found = from_frame(x, target=target, series=series, **{**columns, **model.table_options()})
    refuse_flips(type(model).__name__, found.findings, found.task)
    return found


def refuse_names(owner: str, columns: Mapping[str, Any]) -> None:
    """Refuse names of columns beside arrays, where nothing would read them.

    Raises:
        DataError: names the argument, and `target` as what is missing.
    """
    given = [name for name, value in columns.items() if value is not None and len(value)]
    if given:
        fault = f"is missing, and `{given[0]}` names a column: a long table holds its target in a column as well"
        remedy = 'Put it into the table and name it: `fit(X.assign(y=y), target="y", series=...)`.'
        raise DataError(owner, "target", fault, remedy)


def check_stop(owner: str, val: Any) -> None:
    """Refuse what cannot be series to stop by.

    Raises:
        DataError: names what to pass.
    """
    if isinstance(val, float | int):
        fault = f"is {val}; it takes series, and a share of X is a setting of the model"
        raise DataError(owner, "val", fault, f"Pass `{owner}(validation={val})`.")
    if isinstance(val, tuple | list):
        fault = "is a list or a pair; expected a table, `Sequences` or `ParquetSequences`"
        raise DataError(owner, "val", fault, "Of arrays pass `caudal.data.from_arrays(X, y)`.")


def check_flow(model: "LiquidEstimator", val: Any, sample_weight: Any) -> None:
    """Refuse what cannot go with series that are read in batches.

    Raises:
        DataError: names the argument.
    """
    owner = type(model).__name__
    if sample_weight is not None:
        fault = "is given, and the series are read in batches"
        raise DataError(owner, "sample_weight", fault, "Leave it out, or read the table whole.")
    if val is not None and not isinstance(val, ParquetSequences):
        fault = f"is a {type(val).__name__}; X is ParquetSequences"
        raise DataError(owner, "val", fault, "Pass a part of the same kind, such as `X.split()` gives.")


def known(model: Any, x: Any) -> Sequences:
    """Data read as those of the training, with the target where it is there."""
    read = model.read
    if isinstance(x, Sequences):
        found: Sequences = read(x, target=x.target is not None)
    elif model.data_recipe_ is None:
        found = read(x)
    else:
        try:
            found = read(x, target=True)
        except DataError as error:
            if error.argument not in model.data_recipe_.target:
                raise
            found = read(x)
    return found
