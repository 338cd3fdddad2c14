"""Before training: weights, or a draw of the series, under which group and class are independent."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import InputError
from caudal.fair.groups import MANY, Groups, is_quantity
from caudal.typing import Array


def reweighing(groups: Groups | ArrayLike, labels: ArrayLike, weight: ArrayLike | None = None) -> NDArray[np.float64]:
    """Weights under which no group has a class more often than another: w = P(group) P(class) / P(group, class).

    For `fit(..., sample_weight=)` of any estimator, or `weight` of `examples`. Their mean is 1. Nothing of the group
    is needed when the model decides. It mends labels that were biased against a group whose true rates are those of
    the others; where true rates differ, it levels what is not unjust, and accuracy pays.

    Arguments:
        groups: one for each series.
        labels: `(batch,)` class of each series, or `(batch, time)` codes for each step, -1 where unknown: a series
            then weighs the mean of its steps.
        weight: `(batch,)` weights that the series have already.

    Returns:
        `(batch,)` float64; 0 only where `weight` is 0.

    Raises:
        InputError: lengths differ, a weight is negative, there is one group or one class only, or the groups are a
            quantity or more than 30.

    Source: Kamiran & Calders 2012, Data preprocessing techniques for classification without discrimination, section
        5.3.

    Example:
        >>> reweighing(["f", "f", "f", "m"], [0, 0, 1, 1]).tolist()
        [0.75, 0.75, 1.5, 0.5]
    """
    who, what, weights = _checked("reweighing", groups, labels, weight)
    if what.ndim == 2:
        known = what >= 0
        flat = reweighing(np.repeat(who, known.sum(1)), what[known], np.repeat(weights, known.sum(1)))
        owner = np.repeat(np.arange(len(who)), known.sum(1))
        total = np.bincount(owner, flat, len(who))
        mean: NDArray[np.float64] = total / np.maximum(known.sum(1), 1)
        return mean
    joint = np.zeros((who.max() + 1, what.max() + 1))
    np.add.at(joint, (who, what), weights)
    joint /= joint.sum()
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    factor = np.divide(expected, joint, out=np.zeros_like(joint), where=joint > 0)
    balanced: NDArray[np.float64] = weights * factor[who, what]
    return balanced


def resampling(groups: Groups | ArrayLike, labels: ArrayLike, *, seed: int = 0) -> NDArray[np.float64]:
    """How often each series is drawn when as many as there are are drawn with the chances of `reweighing`.

    Every cell of group and class gets its expected number, to the nearest whole one: none is left to luck, only who
    of the cell is drawn. For what takes no weights, repeat the rows: `np.repeat(np.arange(len(w)), w.astype(int))`.

    Arguments:
        groups, labels: as in `reweighing`, one class for each series.
        seed: of the draw.

    Returns:
        `(batch,)` whole numbers as float64, to be passed as weights or as repeats.

    Raises:
        InputError: as in `reweighing`.

    Source: Kamiran & Calders 2012, section 5.4 (uniform sampling).

    Example:
        >>> resampling(["f"] * 3 + ["m"], [0, 0, 1, 1])
        array([1., 1., 2., 0.])
    """
    who, what, weights = _checked("resampling", groups, labels, None)
    if what.ndim != 1:
        raise InputError("resampling", "labels", "has one class per step", "Use `reweighing` for steps.")
    share = reweighing(who, what, weights)
    rng, counts = np.random.default_rng(seed), np.zeros(len(who))
    for group in np.unique(who):
        for label in np.unique(what[who == group]):
            rows = np.flatnonzero((who == group) & (what == label))
            whole, rest = divmod(round(float(share[rows].sum())), len(rows))
            counts[rows] = whole
            counts[rng.permutation(rows)[:rest]] += 1
    return counts


def _checked(
    owner: str, groups: Groups | ArrayLike, labels: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    who = groups.codes if isinstance(groups, Groups) else _plain(owner, np.asarray(groups))
    given = np.asarray(labels)
    if given.ndim not in (1, 2) or given.shape[:1] != who.shape or who.ndim != 1 or not len(who):
        fault = f"has shape {given.shape}, the groups {who.shape}"
        raise InputError(owner, "labels", fault, "Pass one group and one class for each series.")
    if given.ndim == 2:
        if given.dtype.kind not in "iu":
            raise InputError(owner, "labels", "holds no codes for its steps", "Pass whole numbers, -1 where unknown.")
        what = given.astype(np.int64)
    else:
        what = _codes(given)
    weights = np.ones(len(who)) if weight is None else np.asarray(weight, np.float64)
    if weights.shape != who.shape or not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum() > 0:
        fault = "does not hold one finite weight of at least 0 for each series, or only 0"
        raise InputError(owner, "weight", fault, "Leave it out for 1 each.")
    for name, codes in (("groups", who), ("labels", what[what >= 0])):
        if len(np.unique(codes)) < 2:
            fault = "holds one value only, so there is nothing to balance"
            raise InputError(owner, name, fault, "Pass at least two groups and two classes.")
    return who, what, weights


def _plain(owner: str, groups: Array) -> NDArray[np.int64]:
    """Codes of groups that nobody has checked."""
    if is_quantity(groups):
        fault = f"holds {len(np.unique(groups))} different numbers, which name no groups"
        raise InputError(owner, "groups", fault, "Say where to cut: pass `Groups.of(..., edges=...)`.")
    codes = _codes(groups)
    if codes.size and codes.max() >= MANY:
        fault = f"holds {codes.max() + 1} different values; at most {MANY} groups can be balanced"
        raise InputError(owner, "groups", fault, "Join values into fewer groups; an identifier is no attribute.")
    return codes


def _codes(given: Array) -> NDArray[np.int64]:
    return np.unique(given.astype(str) if given.dtype == object else given, return_inverse=True)[1].astype(np.int64)
