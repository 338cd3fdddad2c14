"""Metrics by group, and the gaps between groups.

Names and definitions follow Hardt, Price and Srebro, Equality of Opportunity in Supervised Learning (NeurIPS 2016), and
Barocas, Hardt and Narayanan, Fairness and Machine Learning (2023), chapter 3. All count with weights, many sets of
weights at once: that is what the intervals of `caudal.fair.intervals` stand on.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from caudal.errors import InputError
from caudal.fair.answers import Answers
from caudal.fair.groups import Groups
from caudal.typing import Floats

_BINS = 10


class Ratio(NamedTuple):
    """A metric that is one sum over another.

    Attributes:
        above, below: `(n,)` what each answer adds to the sums.
        share: whether it lies from 0 to 1 because each answer counts 0 or 1.
        root: whether the metric is the root of it.
    """

    above: Floats
    below: Floats
    share: bool = True
    root: bool = False


DECISION = ("base_rate", "selection_rate", "tpr", "fpr", "accuracy", "auroc", "calibration_gap", "calibration_error")
NUMBER = ("mae", "rmse", "bias", "mean_prediction")
GAPS: Mapping[str, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("tpr",),
    "equalised_odds": ("tpr", "fpr"),
    "accuracy": ("accuracy",),
    "mae": ("mae",),
    "rmse": ("rmse",),
    "bias": ("bias",),
    "mean_prediction": ("mean_prediction",),
}
# Gaps in how often or how far a model errs; the others differ wherever the truth does, and are no harm by themselves.
ERROR_GAPS = ("equal_opportunity", "equalised_odds", "accuracy", "mae", "rmse", "bias")
WORDS: Mapping[str, str] = {
    "base_rate": "share for whom the positive class is true",
    "selection_rate": "share for whom yes is decided",
    "tpr": "share found of those for whom yes is true",
    "fpr": "share of false alarms among those for whom no is true",
    "accuracy": "share of right decisions",
    "auroc": "chance that of two, one of each class, the right one is ranked higher",
    "calibration_gap": "mean probability less the share observed: above 0 the risk is overstated",
    "calibration_error": "distance between probability and share observed, mean over 10 bins; never below 0, and above "
    "it by chance alone in small groups",
    "mae": "mean absolute error",
    "rmse": "root of the mean squared error: large errors count more",
    "bias": "mean of prediction less truth",
    "mean_prediction": "mean of the predictions",
    "demographic_parity": "largest difference in selection rate",
    "equal_opportunity": "largest difference in the share found (true positive rate)",
    "equalised_odds": "largest difference in true or in false positive rate, whichever is larger",
}


def metrics_of(answers: Answers) -> tuple[str, ...]:
    """Names of the metrics that such answers allow.

    Example:
        >>> from caudal.fair.answers import numbers
        >>> metrics_of(numbers([1.0], [2.0]))
        ('mae', 'rmse', 'bias', 'mean_prediction')
    """
    if answers.kind == "number":
        return NUMBER
    needs = ("auroc", "calibration_gap", "calibration_error")
    return tuple(name for name in DECISION if answers.score is not None or name not in needs)


def gaps_of(answers: Answers) -> tuple[str, ...]:
    """Names of the gaps that such answers allow."""
    return tuple(GAPS)[:4] if answers.kind == "decision" else NUMBER


def ratio(answers: Answers, metric: str) -> Ratio | None:
    """A metric as one sum over another, or as the root of one; None for those that are neither (AUROC, calibration).

    Arguments:
        answers: of a model.
        metric: one of `metrics_of(answers)`.

    Raises:
        InputError: such answers have no such metric.
    """
    if metric not in metrics_of(answers):
        fault = f"is {metric!r}; these answers have {', '.join(metrics_of(answers))}"
        raise InputError("rates", "metric", fault, "Name one of them, or pass probabilities.")
    truth, given, ones = answers.truth, answers.given, np.ones(len(answers))
    if answers.kind == "number":
        wrong = given - truth
        parts = {"mae": np.abs(wrong), "rmse": wrong**2, "bias": wrong, "mean_prediction": given}
        return Ratio(parts[metric], ones, share=False, root=metric == "rmse")
    if metric == "calibration_gap" and answers.score is not None:
        return Ratio(answers.score - truth, ones, share=False)
    ratios = {
        "base_rate": (truth, ones),
        "selection_rate": (given, ones),
        "tpr": (given * truth, truth),
        "fpr": (given * (1 - truth), 1 - truth),
        "accuracy": (answers.right.astype(np.float64), ones),
    }
    return Ratio(*ratios[metric]) if metric in ratios else None


def measure(answers: Answers, metric: str, weights: Floats | None = None) -> Floats:
    """A metric of all the answers, for each set of weights; NaN where it is not defined.

    Arguments:
        answers: of a model.
        metric: one of `metrics_of(answers)`.
        weights: `(draws, n)`; None counts each answer once.

    Returns:
        `(draws,)`, or `(1,)` without weights.

    Raises:
        InputError: such answers have no such metric.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> measure(decisions([0, 1, 1], [0.2, 0.9, 0.4]), "tpr")
        array([0.5])
    """
    each = np.ones((1, len(answers))) if weights is None else weights
    fraction = ratio(answers, metric)
    if fraction is not None:
        value = _divide(each @ fraction.above, each @ fraction.below)
        return np.sqrt(value) if fraction.root else value
    if metric == "auroc":
        return _auroc(answers, each)
    return _calibration(answers, each)


def rates(answers: Answers, groups: Groups) -> dict[str, dict[str, float]]:
    """Every metric of every group, by metric and group; NaN where it is not defined.

    Arguments:
        answers: of a model.
        groups: of the answers, one code each.

    Raises:
        InputError: answers and groups differ in number.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> by_metric = rates(decisions([0, 1, 0, 1], [0.2, 0.9, 0.6, 0.4]), Groups.of({"sex": list("ffmm")}))
        >>> by_metric["accuracy"]
        {'f': 1.0, 'm': 0.0}
    """
    check_alike(answers, groups)
    parts = [answers.select(groups.codes == k) for k in range(len(groups.names))]
    return {
        metric: {
            name: float(measure(part, metric)[0]) if len(part) else float("nan")
            for name, part in zip(groups.names, parts, strict=True)
        }
        for metric in metrics_of(answers)
    }


def gaps(answers: Answers, groups: Groups, *, small: bool = False) -> dict[str, float]:
    """Largest less smallest value over the groups, by gap; NaN where fewer than two groups have a value.

    Where groups are alike this is above 0 by chance alone: `caudal.fair.intervals.gap` says how far.

    Arguments:
        answers: of a model.
        groups: of the answers.
        small: whether groups of fewer than 30 count as well.

    Raises:
        InputError: answers and groups differ in number.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> gaps(decisions([0, 1, 0, 1], [0.2, 0.9, 0.6, 0.4]), Groups.of({"sex": list("ffmm")}), small=True)
        {'demographic_parity': 0.0, 'equal_opportunity': 1.0, 'equalised_odds': 1.0, 'accuracy': 1.0}
    """
    by_metric = rates(answers, groups)
    left_out = set() if small else set(groups.small)
    return {gap: max(_spread(by_metric[metric], left_out) for metric in GAPS[gap]) for gap in gaps_of(answers)}


def check_alike(answers: Answers, groups: Groups) -> None:
    """Refuse groups of other answers.

    Raises:
        InputError: answers and groups differ in number.
    """
    if len(answers) != len(groups):
        fault = f"name the group of {len(groups):,} answers; there are {len(answers):,}"
        raise InputError("rates", "groups", fault, "Pass the group of each answer.")


def _spread(values: Mapping[str, float], left_out: set[str]) -> float:
    defined = [value for name, value in values.items() if name not in left_out and value == value]
    return max(defined) - min(defined) if len(defined) > 1 else float("nan")


def _divide(above: Floats, below: Floats) -> Floats:
    known = below > 0
    return np.asarray(np.where(known, above / np.where(known, below, 1.0), np.nan))


def _auroc(answers: Answers, weights: Floats) -> Floats:
    """Share of pairs in the right order, ties half."""
    score = answers.score if answers.score is not None else answers.given
    places, level = np.unique(score, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(len(places)))
    truth = answers.truth[order]
    ordered = weights[:, order]
    yes = np.add.reduceat(ordered * truth, starts, axis=1)
    no = np.add.reduceat(ordered * (1 - truth), starts, axis=1)
    below = np.cumsum(no, axis=1) - no / 2
    return _divide((yes * below).sum(axis=1), yes.sum(axis=1) * no.sum(axis=1))


def _calibration(answers: Answers, weights: Floats) -> Floats:
    score = answers.score if answers.score is not None else answers.given
    place = np.minimum((score * _BINS).astype(np.int64), _BINS - 1)
    inside = np.zeros((len(score), _BINS))
    inside[np.arange(len(score)), place] = score - answers.truth
    return _divide(np.abs(weights @ inside).sum(axis=1), weights.sum(axis=1))
