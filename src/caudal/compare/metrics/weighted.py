"""Metrics under many weightings of the test series at once, equal to `metrics.score` where all weights are 1.

A bootstrap draw is a weight for each owner of rows. Sums over owners serve every metric that is built from sums; ranks
are taken once, and the weights run through them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from caudal.compare.metrics.metrics import BINS
from caudal.compare.metrics.scorers import known
from caudal.typing import Array, Floats

_LEAST = float(np.finfo(np.float32).eps)
# Rows times draws that are held at once.
_BLOCK = 8_000_000


def weigh(metric: str, scores: Array, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    """A metric under each weighting.

    Arguments:
        metric: as in `metrics.METRICS`.
        scores: `(known, classes)` probabilities or `(known, outputs)` numbers.
        truth: `(known,)` codes or `(known, outputs)` numbers.
        owner: `(known,)` position of the owner of each row.
        weights: `(draws, owners)`, at least 0.

    Returns:
        `(draws,)`, NaN where a draw leaves the metric undefined.

    Example:
        >>> scores, truth = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]), np.array([0, 1, 1])
        >>> weigh("accuracy", scores, truth, np.arange(3), np.array([[1.0, 1, 1], [1, 1, 0]])).tolist()
        [0.666..., 1.0]
    """
    scores = scores.astype(np.float64)
    other = known(metric)
    if other is not None:
        return other.weighted(scores, truth, owner, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _BY_NAME[metric](scores, truth, owner, weights)


def _sums(values: Floats, owner: NDArray[np.int64], owners: int) -> Floats:
    """Sum of rows of each owner: `(owners, ...)`."""
    total = np.zeros((owners, *values.shape[1:]))
    np.add.at(total, owner, values)
    return total


def _mean(each: Floats, owner: NDArray[np.int64], weights: Floats) -> Floats:
    owners = weights.shape[1]
    found: Floats = (weights @ _sums(each, owner, owners)) / (weights @ _sums(np.ones(len(each)), owner, owners))
    return found


def _over(each: Floats, counts: NDArray[np.bool_]) -> Floats:
    """Mean over columns of those that count; NaN where none does."""
    mean: Floats = np.where(counts, each, 0.0).sum(axis=1) / counts.sum(axis=1)
    return mean


def _accuracy(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    return _mean((scores.argmax(axis=1) == truth).astype(float), owner, weights)


def _brier(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    gaps = np.square(scores - np.eye(scores.shape[1])[truth])
    return _mean(gaps[:, 1] if scores.shape[1] == 2 else gaps.sum(axis=1), owner, weights)


def _log_loss(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    given = scores[np.arange(len(truth)), truth] / scores.sum(axis=1)
    return _mean(-np.log(np.clip(given, _LEAST, 1 - _LEAST)), owner, weights)


def _counts(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> tuple[Floats, ...]:
    """Of each class, `(draws, classes)`: rows, rows said to be it, and rows rightly said so."""
    codes = np.eye(scores.shape[1])
    said = scores.argmax(axis=1)
    owners = weights.shape[1]
    is_it, says = codes[truth], codes[said]
    return tuple(weights @ _sums(part, owner, owners) for part in (is_it, says, is_it * says))


def _balanced(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    there, _, right = _counts(scores, truth, owner, weights)
    return _over(right / there, there > 0)


def _macro_f1(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    there, said, right = _counts(scores, truth, owner, weights)
    return _over(2 * right / (there + said), there + said > 0)


def _calibration(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    if scores.shape[1] == 2:
        said, came = scores[:, 1], truth == 1
    else:
        said, came = scores.max(axis=1), scores.argmax(axis=1) == truth
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = np.zeros((len(said), BINS))
    gaps[np.arange(len(said)), place] = came - said
    owners = weights.shape[1]
    total = weights @ _sums(np.ones(len(said)), owner, owners)
    found: Floats = np.abs(weights @ _sums(gaps, owner, owners)).sum(axis=1) / total
    return found


def _auroc(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    def area(hits: Floats, others: Floats) -> Floats:
        below = np.cumsum(others, axis=1) - others / 2
        found: Floats = (hits * below).sum(axis=1) / (hits.sum(axis=1) * others.sum(axis=1))
        return found

    return _ranked(scores[:, 1], truth == 1, owner, weights, area)


def _auprc(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    def area(hits: Floats, others: Floats) -> Floats:
        found = np.cumsum(hits, axis=1)
        precision = np.nan_to_num(found / (found + np.cumsum(others, axis=1)))
        mean: Floats = (hits * precision).sum(axis=1) / hits.sum(axis=1)
        return mean

    return _ranked(-scores[:, 1], truth == 1, owner, weights, area)


def _ranked(
    score: Floats,
    positive: NDArray[np.bool_],
    owner: NDArray[np.int64],
    weights: Floats,
    area: Callable[[Floats, Floats], Floats],
) -> Floats:
    """An area from the weights of positives and negatives at each different score, scores rising."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf) != 0)
    owned, hit = owner[order], positive[order].astype(float)
    tied = len(starts) < len(score)
    step = max(1, _BLOCK // len(score))
    parts = []
    for begin in range(0, len(weights), step):
        each = weights[begin : begin + step, owned]
        hits = each * hit
        others = each - hits
        if tied:
            hits, others = (np.add.reduceat(part, starts, axis=1) for part in (hits, others))
        parts.append(area(hits, others))
    return np.concatenate(parts)


def _mse(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    return _mean(np.square(scores - truth).mean(axis=1), owner, weights)


def _rmse(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    found: Floats = np.sqrt(_mse(scores, truth, owner, weights))
    return found


def _mae(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    return _mean(np.abs(scores - truth).mean(axis=1), owner, weights)


def _r2(scores: Floats, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
    owners = weights.shape[1]
    # About its mean, so that the difference of sums keeps its digits.
    middle = truth - truth.mean(axis=0)
    total = weights @ _sums(np.ones(len(truth)), owner, owners)
    left, first, second = (
        weights @ _sums(part, owner, owners) for part in (np.square(truth - scores), middle, np.square(middle))
    )
    spread = second - np.square(first) / total[:, None]
    varies = spread > 1e-12 * np.maximum(second, 1e-300)
    return _over(1 - left / spread, varies)


_BY_NAME: dict[str, Callable[[Floats, Array, NDArray[np.int64], Floats], Floats]] = {
    "accuracy": _accuracy,
    "auprc": _auprc,
    "auroc": _auroc,
    "balanced_accuracy": _balanced,
    "brier": _brier,
    "ece": _calibration,
    "log_loss": _log_loss,
    "macro_f1": _macro_f1,
    "mae": _mae,
    "mse": _mse,
    "r2": _r2,
    "rmse": _rmse,
}
