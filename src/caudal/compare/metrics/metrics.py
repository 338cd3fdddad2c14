"""What is measured of predictions, by kind of task; NumPy only, held against scikit-learn in the tests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from caudal.compare.metrics.scorers import Scorer, known
from caudal.data import Sequences
from caudal.data.task import Task
from caudal.errors import InputError
from caudal.nn.decide import shifted
from caudal.typing import Array

Numbers = NDArray[np.floating[Any]]
Kind = Literal["two classes", "classes", "numbers"]


@dataclass(frozen=True)
class MetricPlan:
    """What is measured for one kind of task.

    Attributes:
        primary: the metric that decides.
        higher_is_better: of the primary metric.
        names: every metric, in order.
        margin: difference in the primary metric that nobody would care about, or None where it is a share.
        share: of the trivial contender's error, which nobody would care about; None where `margin` is given.
    """

    primary: str
    higher_is_better: bool
    names: tuple[str, ...]
    margin: float | None = None
    share: float | None = None

    def margin_of(self, trivial: float | None = None) -> float:
        """The margin, in the unit of the primary metric.

        Arguments:
            trivial: error of the trivial contender; 0 is the margin of a share of nothing known.

        Example:
            >>> METRICS["two classes"].margin_of(), METRICS["numbers"].margin_of(50.0)
            (0.01, 1.0)
        """
        return self.margin if self.margin is not None else (self.share or 0.0) * abs(trivial or 0.0)


METRICS: Mapping[Kind, MetricPlan] = {
    "two classes": MetricPlan(
        "auroc",
        True,
        ("auroc", "auprc", "accuracy", "balanced_accuracy", "brier", "log_loss", "ece"),
        margin=0.01,
    ),
    "classes": MetricPlan(
        "accuracy",
        True,
        ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "brier", "ece"),
        margin=0.01,
    ),
    "numbers": MetricPlan("mse", False, ("mse", "rmse", "mae", "r2"), share=0.02),
}

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "auroc": True,
    "auprc": True,
    "accuracy": True,
    "balanced_accuracy": True,
    "macro_f1": True,
    "r2": True,
    "brier": False,
    "log_loss": False,
    "ece": False,
    "mse": False,
    "rmse": False,
    "mae": False,
}

_SHARES = frozenset(("auroc", "auprc", "accuracy", "balanced_accuracy", "macro_f1", "ece"))
# Metrics of classes; those of them that weigh each class alike, so that the rarest decides how much is known.
BY_CLASS = frozenset(("auroc", "auprc", "balanced_accuracy", "macro_f1"))
OF_PROBABILITIES = frozenset(("auroc", "auprc", "brier", "log_loss", "ece"))
OF_CLASSES = BY_CLASS | {"accuracy", "brier", "log_loss", "ece"}
# Those of decisions, and not of probabilities: of two classes they depend on the threshold.
OF_DECISIONS = frozenset(("accuracy", "balanced_accuracy", "macro_f1"))


def higher_is_better(metric: str) -> bool:
    """Whether more of a metric is better."""
    other = known(metric)
    return HIGHER_IS_BETTER[metric] if other is None else other.higher_is_better


WORDS: Mapping[str, str] = {
    "auroc": "area under the curve of hits against false alarms; 0.5 is chance",
    "auprc": "average precision of the positive class; chance is its share",
    "accuracy": "share of right decisions",
    "balanced_accuracy": "mean over classes of the share found",
    "macro_f1": "mean over classes of F1",
    "brier": "squared error of the probabilities (of the positive class; summed over classes where there are more)",
    "log_loss": "mean negative logarithm of the probability given to the truth",
    "ece": "expected calibration error over 10 bins",
    "mse": "squared error in the unit of the target, mean over all known numbers, as in the papers",
    "rmse": "root of the mean squared error, in the unit of the target",
    "mae": "mean absolute error, in the unit of the target",
    "r2": "share of the variance explained, mean over outputs",
}


def bounds(metric: str) -> tuple[float, float]:
    """The least and the greatest value that a metric can take; an interval ends there at the latest.

    Example:
        >>> bounds("auroc"), bounds("mse"), bounds("r2")
        ((0.0, 1.0), (0.0, inf), (-inf, 1.0))
    """
    other = known(metric)
    if other is not None:
        return other.bounds
    if metric in _SHARES:
        return 0.0, 1.0
    return (0.0, np.inf) if not HIGHER_IS_BETTER[metric] else (-np.inf, 1.0)


def kind_of(task: str, count: int) -> Kind:
    """The kind of a task with so many classes.

    Example:
        >>> kind_of("classify", 2), kind_of("classify_steps", 5), kind_of("imitate", 0)
        ('two classes', 'classes', 'numbers')
    """
    if not Task(task).is_classification:
        return "numbers"
    return "two classes" if count == 2 else "classes"


def plan_of(data: Sequences, metric: str = "", margin: float | None = None) -> MetricPlan:
    """What is measured on some series.

    Arguments:
        data: series.
        metric: that decides; `""` takes the usual one of the task.
        margin: in the unit of that metric; None takes the usual one.

    Raises:
        InputError: the task has no such metric, or the margin is negative.
    """
    kind = kind_of(data.task, len(data.classes))
    plan = METRICS[kind]
    other = None if metric in plan.names else known(metric)
    if other is not None:
        if (other.reads == "numbers") != (kind == "numbers"):
            fault = f"is {metric!r}, which reads {other.reads}; this is a task of {kind}"
            raise InputError("compare", "metric", fault, f"Name one that fits it: {', '.join(plan.names)}.")
        of_numbers = kind == "numbers"
        names = (metric, *plan.names)
        plan = MetricPlan(
            metric, other.higher_is_better, names, None if of_numbers else 0.01, 0.02 if of_numbers else None
        )
    elif metric and metric not in plan.names:
        fault = f"is {metric!r}; a task of {kind} has {', '.join(plan.names)}"
        raise InputError("compare", "metric", fault, "Name one of them, or a scorer of scikit-learn that fits it.")
    elif metric and metric != plan.primary:
        names = (metric, *(name for name in plan.names if name != metric))
        # Errors in the unit of the target have the share of the trivial one's as their margin; all others are near 1.
        of_unit = metric in ("mse", "rmse", "mae")
        plan = MetricPlan(metric, HIGHER_IS_BETTER[metric], names, None if of_unit else 0.01, 0.02 if of_unit else None)
    if margin is None:
        return plan
    if not 0 <= margin < np.inf:
        raise InputError("compare", "margin", f"is {margin}; expected a number of at least 0", "Pass 0.01, say.")
    return replace(plan, margin=margin, share=None)


def score(task: str, scores: Array, truth: Array, threshold: float | None = None, metric: str = "") -> dict[str, float]:
    """Every metric that is defined and finite, by name, in order.

    Arguments:
        task: as in `Sequences.task`.
        scores: probabilities `(known, classes)`, or numbers `(known, outputs)`.
        truth: `(known,)` codes, or `(known, outputs)` numbers.
        threshold: of two classes, the probability of the last from which on it is decided for; None for the likeliest.
        metric: of others, measured too; see `scorers`.

    Raises:
        InputError: shapes disagree, or a score is not finite.

    Example:
        >>> score("classify", np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]))["auroc"]
        1.0
    """
    return measure(task, scores, truth, threshold, metric)[0]


def measure(
    task: str, scores: Array, truth: Array, threshold: float | None = None, metric: str = ""
) -> tuple[dict[str, float], dict[str, str]]:
    """As `score`, and for each metric left out the reason; right decisions of two classes are those at the threshold.

    Example:
        >>> measure("classify", np.array([[0.9, 0.1]]), np.array([0]))[1]["auroc"]
        'one class only among the known targets'
    """
    _check(task, scores, truth)
    plan = METRICS[kind_of(task, scores.shape[1])]
    if Task(task).is_classification:
        computed = all_of(scores.astype(np.float64), truth, threshold)
    else:
        computed = number_metrics(scores.astype(np.float64), truth.astype(np.float64))
    names, other = plan.names, None if metric in plan.names else known(metric)
    if other is not None:
        names = (metric, *names)
        computed[metric] = _of_others(other, scores, truth, threshold)
    values = {name: float(computed[name]) for name in names if np.isfinite(computed[name])}
    return values, {name: _why(name) for name in names if name not in values}


def _of_others(scorer: Scorer, scores: Array, truth: Array, threshold: float | None) -> float:
    """A metric of others; NaN where it is not defined, such as an area with a single class."""
    try:
        return scorer(shifted(scores, threshold) if scorer.reads == "decisions" else scores, truth)
    except ValueError:
        return float("nan")


def _why(name: str) -> str:
    reasons = {
        "auroc": "one class only among the known targets",
        "auprc": "no positive among the known targets",
        "r2": "the known targets do not vary",
    }
    return reasons.get(name, "not finite")


def _check(task: str, scores: Array, truth: Array) -> None:
    expected = truth.shape if not Task(task).is_classification else (len(truth), scores.shape[-1])
    if scores.ndim != 2 or scores.shape != expected or not len(truth):
        fault = f"has shape {scores.shape} for truth of {truth.shape}"
        raise InputError("metrics.score", "scores", fault, "Pass one row per known target.")
    if not np.isfinite(scores).all():
        raise InputError("metrics.score", "scores", "holds NaN or infinity", "Look at the training; see `doctor`.")


BINS = 10
# What float32 probabilities can tell from 0; scikit-learn clips them at the same number.
_LEAST = float(np.finfo(np.float32).eps)
Codes = NDArray[np.integer[Any]]


def all_of(scores: Numbers, truth: Codes, threshold: float | None = None) -> dict[str, float]:
    """Every metric by name; NaN where one is not defined.

    Arguments:
        scores: `(known, classes)` probabilities.
        truth: `(known,)` codes.
        threshold: of two classes, as in `score`.
    """
    given = shifted(scores, threshold)
    found = {
        "accuracy": float((given.argmax(axis=1) == truth).mean()),
        "balanced_accuracy": balanced_accuracy(given, truth),
        "macro_f1": macro_f1(given, truth),
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


def number_metrics(scores: Numbers, truth: Numbers) -> dict[str, float]:
    """Every metric by name; NaN where one is not defined.

    The squared error is the papers': the mean over rows and outputs alike, in the squared unit of the target.

    Arguments:
        scores: `(known, outputs)`.
        truth: `(known, outputs)`.

    Example:
        >>> number_metrics(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]]))
        {'mse': 0.5, 'rmse': 0.707..., 'mae': 0.5, 'r2': -1.0}
    """
    gap = scores - truth
    mse = float(np.square(gap).mean())
    return {"mse": mse, "rmse": float(np.sqrt(mse)), "mae": float(np.abs(gap).mean()), "r2": _r2(scores, truth)}


def _r2(scores: Numbers, truth: Numbers) -> float:
    """Share of the variance explained, mean over the outputs that vary; NaN where none does."""
    spread = np.square(truth - truth.mean(axis=0)).sum(axis=0)
    left = np.square(truth - scores).sum(axis=0)
    varies = spread > 0
    return float((1 - left[varies] / spread[varies]).mean()) if varies.any() else float("nan")
