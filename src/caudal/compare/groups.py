"""How well each contender does within each group of the test series."""

import numpy as np
from numpy.typing import NDArray

from caudal.compare.summary import Panel, within
from caudal.data import Sequences
from caudal.records import GroupScore, Interval

LEAST = 30
# More owners than this are no groups that a reader could compare.
_MANY = 30
_DISTINCT = 12
_PARTS = 3


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
    for attribute, labels in attributes(test).items():
        for group in dict.fromkeys(sorted(labels.tolist(), key=_rank)):
            rows = labels == group
            count = int(rows.sum())
            hits = None if positive is None else int(positive[rows].sum())
            for model in found.outcomes:
                score = _score(found, model, rows) if group and count >= LEAST else None
                made.append(GroupScore(model, attribute, group or "unknown", count, hits, score))
    return tuple(made)


def _score(found: Panel, model: str, rows: NDArray[np.bool_]) -> Interval | None:
    spread = found.spread(model, found.plan.primary, rows)
    if not np.isfinite(spread.each).all() or np.isfinite(spread.drawn).mean() < 0.9:
        return None
    return within(spread.interval(), found.plan.primary)


def attributes(test: Sequences) -> dict[str, NDArray[np.str_]]:
    """Attribute -> group of each test series, as text; `""` where it is not known."""
    found = {name: _labels(np.asarray(column)) for name, column in test.sensitive.items()}
    if test.group is not None and 1 < len(np.unique(test.group)) <= _MANY:
        found["group"] = np.asarray(test.group).astype(np.str_)
    return {name: labels for name, labels in found.items() if len(set(labels.tolist())) > 1}


def _labels(column: NDArray[np.generic]) -> NDArray[np.str_]:
    if column.dtype.kind not in "iuf":
        return np.array(["" if one is None else str(one) for one in column.tolist()], dtype=np.str_)
    numbers = column.astype(np.float64)
    known = np.isfinite(numbers)
    different = np.unique(numbers[known])
    if len(different) <= _DISTINCT:
        return np.array([f"{one:g}" if np.isfinite(one) else "" for one in numbers], dtype=np.str_)
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, _PARTS + 1)[1:-1]))
    place = np.searchsorted(edges, numbers, side="right")
    spans = {}
    for part in np.unique(place[known]):
        inside = numbers[known & (place == part)]
        spans[int(part)] = f"{inside.min():g} to {inside.max():g}"
    return np.array([spans[int(p)] if ok else "" for p, ok in zip(place, known, strict=True)], dtype=np.str_)


def _rank(label: str) -> tuple[int, float, str]:
    """Numbers by size, before texts, before the unknown."""
    try:
        return (0, float(label.split(" to ")[0]), label)
    except ValueError:
        return (1 if label else 2, 0.0, label)


def _positive(test: Sequences) -> NDArray[np.bool_] | None:
    if test.task != "classify" or len(test.classes) != 2 or test.target is None:
        return None
    positive: NDArray[np.bool_] = test.target == 1
    return positive
