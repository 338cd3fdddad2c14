"""The rule that turns answers into a decision: the likeliest class, or the last of two from a probability on."""

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.errors import InputError
from caudal.nn.readout import Readout
from caudal.typing import Array

# Answers of each class that a threshold is chosen by, at the least; with fewer the share of the class decides.
_LEAST = 10


def check_threshold(owner: str, threshold: float | None, classes: int, argument: str = "threshold") -> float | None:
    """A threshold as a plain number, or None.

    Arguments:
        owner: what is asked, for the message.
        threshold: probability of the last of two classes from which on it is decided for.
        classes: how many the model tells apart; 0 of numbers.
        argument: its name, for the message.

    Raises:
        InputError: it is no probability between 0 and 1, or there are not two classes.

    Example:
        >>> check_threshold("predict", 0.3, 2)
        0.3
    """
    if threshold is None:
        return None
    if classes != 2:
        fault = f"is {threshold}, and the model " + (
            f"tells {classes} classes apart, of which the likeliest is decided for" if classes else "predicts numbers"
        )
        raise InputError(owner, argument, fault, "Leave it out: it is for models of two classes.")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number) or not 0 < threshold < 1:
        fault = f"is {threshold}; expected a probability between 0 and 1"
        raise InputError(
            owner, argument, fault, "Pass 0.5, say: the last of the two classes is decided for from there."
        )
    return float(threshold)


def decided(shares: Array, threshold: float | None = None) -> NDArray[np.int64]:
    """The class of each answer, `(...)`, from probabilities `(..., classes)`.

    Arguments:
        shares: probabilities.
        threshold: of two classes, the probability of the last from which on it is decided for; None for the likeliest.

    Example:
        >>> shares = np.array([[0.6, 0.4], [0.8, 0.2]])
        >>> decided(shares).tolist(), decided(shares, 0.3).tolist()
        ([0, 0], [1, 0])
    """
    codes = shares.argmax(axis=-1) if threshold is None else shares[..., 1] >= threshold
    return np.asarray(codes, np.int64)


def decided_by_scores(scores: Array, threshold: float | None = None) -> NDArray[np.int64]:
    """The same of scores of a network, before they are made probabilities.

    Example:
        >>> decided_by_scores(np.array([[0.0, -0.5]]), 0.3).tolist()
        [1]
    """
    if threshold is None:
        return decided(scores)
    return decided(torch.softmax(torch.from_numpy(np.asarray(scores, np.float64)), -1).numpy(), threshold)


def lead(threshold: float | None) -> float:
    """Log odds that the first of two classes is given, so that the larger score decides as the threshold does.

    Example:
        >>> lead(None), lead(0.5), round(lead(0.3), 3)
        (0.0, 0.0, -0.847)
    """
    return 0.0 if threshold is None else math.log(threshold / (1 - threshold))


def deciding(net: Readout, threshold: float | None) -> Readout:
    """A network whose larger score decides as the threshold does; the network itself where there is none.

    Arguments:
        net: of two outputs; it is not changed.
        threshold: probability of the last class from which on it is decided for.
    """
    if not lead(threshold):
        return net
    moved = copy.deepcopy(net)
    with torch.no_grad():
        moved.map.bias[0] += lead(threshold)
    return moved


def shifted(shares: Array, threshold: float | None) -> Array:
    """Probabilities of two classes whose likeliest is what the threshold decides for; unchanged where there is none.

    Example:
        >>> shifted(np.array([[0.7, 0.3]]), 0.3).round(3).tolist()
        [[0.5, 0.5]]
    """
    if threshold is None or shares.shape[-1] != 2:
        return shares
    # The odds of what is decided for lie above 1, whatever rounding does.
    odds = shares * np.array([threshold, 1 - threshold])
    moved = odds / np.maximum(odds.sum(axis=-1, keepdims=True), 1e-300)
    yes = shares[..., 1] >= threshold
    high = np.where(yes, np.maximum(moved[..., 1], np.nextafter(0.5, 1)), np.minimum(moved[..., 1], 0.5))
    return np.stack([1 - high, high], axis=-1)


def best_threshold(score: Array, positive: NDArray[np.bool_], usual: float, *, by: str = "balanced") -> float:
    """The threshold that tells two classes apart best, to three digits so that it can be typed again.

    Arguments:
        score: `(answers,)` probability of the last class, of series that took no part in the training.
        positive: `(answers,)` whether the answer is of that class.
        usual: taken where a class has fewer than 10 answers, such as its share in the training.
        by: `"balanced"` for the mean of the shares found of both classes, or `"accuracy"` for all right decisions.

    Returns:
        of equally good ones that nearest to `usual`.

    Example:
        >>> score, positive = np.linspace(0, 1, 100), np.arange(100) >= 80
        >>> best_threshold(score, positive, 0.2), best_threshold(score[:5], positive[:5], 0.2)
        (0.803, 0.2)
    """
    usual = min(max(float(f"{usual:.3g}"), 0.001), 0.999)
    hits = int(positive.sum())
    if min(hits, len(positive) - hits) < _LEAST:
        return usual
    order = np.sort(np.asarray(score, np.float64))
    middles = (order[1:] + order[:-1]) / 2
    tried = np.unique([usual, *(float(f"{middle:.3g}") for middle in np.unique(middles) if 0.001 <= middle <= 0.999)])
    yes, no = np.sort(score[positive]), np.sort(score[~positive])
    caught = len(yes) - np.searchsorted(yes, tried, side="left")
    spared = np.searchsorted(no, tried, side="left")
    worth = caught + spared if by == "accuracy" else caught / len(yes) + spared / len(no)
    best = tried[worth >= worth.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - usual))])
