"""Metrics of probabilities against classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
# What float32 probabilities can tell from 0; scikit-learn clips them at the same number.
_LEAST = float(np.finfo(np.float32).eps)
Numbers = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]


def all_of(scores: Numbers, truth: Codes) -> dict[str, float]:
    """Every metric by name; NaN where one is not defined.

    Arguments:
        scores: `(known, classes)` probabilities.
        truth: `(known,)` codes.
    """
    found = {
        "accuracy": float((scores.argmax(axis=1) == truth).mean()),
        "balanced_accuracy": balanced_accuracy(scores, truth),
        "macro_f1": macro_f1(scores, truth),
        "brier": brier(scores, truth),
        "log_loss": log_loss(scores, truth),
        "ece": calibration_error(scores, truth),
    }
    if scores.shape[1] == 2:
        found |= {"auroc": auroc(scores[:, 1], truth == 1), "auprc": auprc(scores[:, 1], truth == 1)}
    return found


def auroc(score: Numbers, positive: NDArray[np.bool_]) -> float:
    """Area under the receiver's curve: how often a positive outranks a negative, ties counting half.

    Returns:
        NaN where one class is missing.

    Example:
        >>> auroc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
        0.875
    """
    hits = int(positive.sum())
    others = len(positive) - hits
    if not hits or not others:
        return float("nan")
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((rank[place][positive].sum() - hits * (hits + 1) / 2) / (hits * others))


def auprc(score: Numbers, positive: NDArray[np.bool_]) -> float:
    """Average precision: the precision at each threshold, weighted by the rise in recall.

    Returns:
        NaN where no class is positive.

    Example:
        >>> auprc(np.array([0.9, 0.8, 0.1]), np.array([True, False, True])).__round__(4)
        0.8333
    """
    hits = int(positive.sum())
    if not hits:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    found = np.cumsum(positive[order])[ends]
    precision = found / (ends + 1)
    return float((np.diff(found, prepend=0) * precision).sum() / hits)


def balanced_accuracy(scores: Numbers, truth: Codes) -> float:
    """Mean over the classes that occur of the share found."""
    right = scores.argmax(axis=1) == truth
    return float(np.mean([right[truth == code].mean() for code in np.unique(truth)]))


def macro_f1(scores: Numbers, truth: Codes) -> float:
    """Mean of F1 over the classes that occur or were predicted."""
    said = scores.argmax(axis=1)
    values = []
    for code in np.union1d(truth, said):
        both = ((truth == code) & (said == code)).sum()
        values.append(2 * both / ((truth == code).sum() + (said == code).sum()))
    return float(np.mean(values))


def brier(scores: Numbers, truth: Codes) -> float:
    """Mean squared error of the probabilities: of the positive of two classes, else summed over classes."""
    if scores.shape[1] == 2:
        return float(np.square(scores[:, 1] - (truth == 1)).mean())
    return float(np.square(scores - np.eye(scores.shape[1])[truth]).sum(axis=1).mean())


def log_loss(scores: Numbers, truth: Codes) -> float:
    """Mean negative logarithm of the probability of the truth, no probability below what float32 tells from 0."""
    given = scores[np.arange(len(truth)), truth] / scores.sum(axis=1)
    return float(-np.log(np.clip(given, _LEAST, 1 - _LEAST)).mean())


def bins(scores: Numbers, truth: Codes, count: int = BINS) -> tuple[tuple[float, float, int], ...]:
    """Mean probability, share observed and number of each bin of equal width that holds any.

    Of two classes it is the probability of the positive one, of more that of the likeliest.

    Example:
        >>> bins(np.array([[0.9, 0.1], [0.9, 0.1], [0.25, 0.75]]), np.array([0, 1, 1]))
        ((0.1, 0.5, 2), (0.75, 1.0, 1))
    """
    if scores.shape[1] == 2:
        said, came = scores[:, 1], truth == 1
    else:
        said, came = scores.max(axis=1), scores.argmax(axis=1) == truth
    place = np.minimum((said * count).astype(int), count - 1)
    held = [place == one for one in range(count)]
    return tuple((float(said[rows].mean()), float(came[rows].mean()), int(rows.sum())) for rows in held if rows.any())


def calibration_error(scores: Numbers, truth: Codes, count: int = BINS) -> float:
    """Expected calibration error: distance of share from probability, mean over `bins` by their numbers."""
    return float(sum(number * abs(said - came) for said, came, number in bins(scores, truth, count)) / len(truth))
