"""Who belongs to which group, in training only."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from caudal.data import ParquetSequences, Sequences
from caudal.data.window import WindowSource
from caudal.errors import DataError, InputError
from caudal.fair.groups import UNKNOWN, Groups
from caudal.fair.mitigate.settings import Fairness

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

Codes = NDArray[np.int64]


def is_values(sensitive: object) -> bool:
    """Whether `sensitive` holds values rather than names of columns.

    Example:
        >>> is_values("sex"), is_values(("sex", "age")), is_values({"sex": ["f", "m"]}), is_values([0, 1, 1])
        (False, False, True, True)
    """
    if isinstance(sensitive, list | tuple):  # texts in a list are names
        return len(sensitive) > 0 and not all(isinstance(name, str) for name in sensitive)
    return isinstance(sensitive, Groups | Mapping | np.ndarray) or hasattr(sensitive, "to_numpy")


def fairness_of(model: "LiquidEstimator") -> Fairness | None:
    """What the estimator was asked to keep equal, or None.

    Raises:
        InputError: it is something else than a term of `caudal.fair.mitigate`.
    """
    given = getattr(model, "fairness", None)
    if given is not None and not isinstance(given, Fairness):
        fault = f"is a {type(given).__name__}; expected Penalty, Lagrangian or Fairret"
        raise InputError(type(model).__name__, "fairness", fault, "Pass one of `caudal.fair.mitigate`.")
    return given


def groups_of(model: "LiquidEstimator", sensitive: object, data: Sequences) -> Groups | None:
    """Groups of the training series; None where nothing is asked of them.

    Arguments:
        model: whose `fairness` names the column, where there are several.
        sensitive: values, as `fit` takes them, or names of columns of the series.
        data: the series.

    Raises:
        DataError: they are not known, do not fit, or are among the inputs.
        InputError: the column is constant, a quantity without edges, or holds a group of one.
    """
    return _groups(model, sensitive, data.sensitive, len(data), _inputs(data))


def _inputs(data: Sequences) -> set[str]:
    """Columns that the model reads."""
    return {feature.name.split("=")[0] for feature in (*data.features, *data.statics)}


def _groups(
    model: "LiquidEstimator", sensitive: object, known: Mapping[str, object], count: int, inputs: set[str]
) -> Groups | None:
    fairness, owner = fairness_of(model), type(model).__name__
    if fairness is None:
        return None
    if isinstance(sensitive, Groups):
        groups = sensitive
    else:
        columns = _columns(owner, sensitive, known)
        if fairness.attribute is not None:
            if fairness.attribute not in columns:
                fault = f"holds {', '.join(columns)}; `fairness` names {fairness.attribute!r}"
                raise DataError(owner, "sensitive", fault, "Pass that column, or name another.")
            columns = {fairness.attribute: columns[fairness.attribute]}
        groups = Groups.of(columns)
    if len(groups) != count:
        fault = f"holds {len(groups)} values; there are {count} series"
        raise DataError(owner, "sensitive", fault, "Pass one for each series, in their order.")
    if len(np.unique(codes_of(groups)[codes_of(groups) >= 0])) < 2:
        fault = "is known of one group only, and series of unknown group count in no price"
        raise DataError(owner, "sensitive", fault, "Fill in what is missing, or leave `fairness` out.")
    among = [name for name in groups.columns if name in inputs]
    if among:
        fault = f"names {among[0]!r}, which is an input of the model as well"
        raise DataError(owner, "sensitive", fault, "Leave it out of `features` and `static`.")
    return groups


def groups_in(model: "LiquidEstimator", sensitive: object, source: ParquetSequences | WindowSource) -> Groups | None:
    """Groups of the series of a file, read once for its sensitive columns; None where nothing is asked of them.

    Arguments:
        model: as in `groups_of`.
        sensitive: names of columns that the file was opened with; none for all of them.
        source: the file.

    Raises:
        DataError: values are passed, or the file was opened without the column.
        InputError: as in `groups_of`.
    """
    if fairness_of(model) is None:
        return None
    if is_values(sensitive):
        fault = "holds values, and the series are read in batches, whose order it does not know"
        remedy = "Open the file with `sensitive=` and pass the names of the columns."
        raise DataError(type(model).__name__, "sensitive", fault, remedy)
    parts, count, inputs = list[Mapping[str, Any]](), 0, set[str]()
    for chunk in source:  # no more is kept of a chunk than its sensitive columns
        parts.append(chunk.sensitive)
        count, inputs = count + len(chunk), _inputs(chunk)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _groups(model, sensitive, columns, count, inputs)


def codes_in(groups: Groups, data: Sequences) -> Codes:
    """Codes of the series of a chunk."""
    return codes_of(groups.read({name: data.sensitive[name] for name in groups.columns}))


def codes_of(groups: Groups) -> Codes:
    """`(batch,)` codes for a term: -1 for those whose group is not known."""
    unknown = groups.names.index(UNKNOWN) if UNKNOWN in groups.names else -1
    return np.where(groups.codes == unknown, -1, groups.codes)


def codes_like(groups: Groups | None, data: Sequences) -> Codes | None:
    """Codes of other series, where they know the columns."""
    if groups is None or any(name not in data.sensitive for name in groups.columns) or not groups.columns:
        return None
    return codes_of(groups.read({name: data.sensitive[name] for name in groups.columns}))


def _columns(owner: str, sensitive: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(sensitive, Mapping):
        return dict(sensitive)
    if is_values(sensitive):
        return {str(getattr(sensitive, "name", None) or "sensitive"): np.asarray(sensitive)}
    names = (sensitive,) if isinstance(sensitive, str) else tuple(sensitive)
    lacking = [name for name in names if name not in known]
    if lacking or not known:
        fault = f"names {lacking[0]!r}, which no series knows" if lacking else "is not given, and `fairness` is"
        raise DataError(owner, "sensitive", fault, "Pass the attribute of each series: an array, or names of columns.")
    return {name: known[name] for name in names or known}
