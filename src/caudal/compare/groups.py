"""How well each contender does within each group of the test series, and who belongs to which."""

import numpy as np
from numpy.typing import NDArray

from caudal.compare.summary import Panel, within
from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair import Groups, thirds
from caudal.fair.groups import UNKNOWN, is_quantity
from caudal.records import GroupScore, Interval

LEAST = 30
# The group of the data, such as the hospital, beside its sensitive columns.
GROUP = "group"


def group_scores(found: Panel, test: Sequences) -> tuple[GroupScore, ...]:
    """The primary metric by sensitive attribute, and by group of the data where there are few.

    Numbers of many values are cut into thirds. A group of fewer than 30 series, or of one class only where the metric
    needs two, has a count and no score.

    Arguments:
        found: outcomes and draws.
        test: the test series.
    """
    made = []
    positive = _positive(test)
    for attribute, groups in protected(test)[0].items():
        for group in groups.names:
            rows = groups.where(group)
            count = int(rows.sum())
            hits = None if positive is None else int(positive[rows].sum())
            for model in found.outcomes:
                score = _score(found, model, rows) if group != UNKNOWN and count >= LEAST else None
                made.append(GroupScore(model, attribute, group, count, hits, score))
    return tuple(made)


def _score(found: Panel, model: str, rows: NDArray[np.bool_]) -> Interval | None:
    spread = found.spread(model, found.plan.primary, rows)
    if not np.isfinite(spread.value) or np.isfinite(spread.drawn).mean() < 0.9:
        return None
    return within(spread.interval(), found.plan.primary)


def protected(test: Sequences) -> tuple[dict[str, Groups], dict[str, str]]:
    """Groups of the test series by each sensitive column, and by the group of the data where there are few.

    Numbers of many values are cut into thirds. Groups of one person are put together into `"other"`.

    Returns:
        column -> groups; and column -> why it makes none, as a clause.
    """
    columns = dict(test.sensitive)
    if test.group is not None and GROUP not in columns:
        columns[GROUP] = np.asarray(test.group)
    found, left = {}, {}
    for name, column in columns.items():
        try:
            made = Groups.of({name: column}, edges=_edges({name: column}), alone="other")
        except InputError as error:
            left[name] = error.fault
            continue
        if len(made.names) > 1:
            found[name] = made
        else:
            left[name] = "holds groups of one only"
    return found, {name: why for name, why in left.items() if name in test.sensitive}


def crossed(test: Sequences, single: list[Groups]) -> tuple[Groups, ...]:
    """Groups by all of some columns at once; none where there is one column, or too many groups."""
    columns = {name: test.sensitive[name] for one in single for name in one.columns}
    if len(columns) < 2:
        return ()
    try:
        made = Groups.of(columns, edges=_edges(columns), alone="other")
    except InputError:
        return ()
    return (made,) if len(made.names) > 1 else ()


def _edges(columns: dict[str, NDArray[np.generic]]) -> dict[str, tuple[float, ...]]:
    cuts = {name: thirds(column) for name, column in columns.items() if is_quantity(column)}
    return {name: found for name, found in cuts.items() if found}


def _positive(test: Sequences) -> NDArray[np.bool_] | None:
    if test.task != "classify" or len(test.classes) != 2 or test.target is None:
        return None
    positive: NDArray[np.bool_] = test.target == 1
    return positive
