"""Metrics of others: scorers of scikit-learn by name, functions of the caller, and what installed packages offer."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError
from caudal.importing import import_named, import_offered, import_path, offered
from caudal.typing import Array, Floats

Reads = Literal["decisions", "probabilities", "numbers"]
_RESPONSES: dict[str, Reads] = {"predict": "decisions", "predict_proba": "probabilities"}


@dataclass(frozen=True, eq=False)
class Scorer:
    """A metric of one's own, which more than one row is judged by.

    Attributes:
        name: unique among metrics.
        function: truth and answers -> a number. Truth: `(rows,)` codes of classes, or `(rows, outputs)` numbers.
            Answers: decided codes `(rows,)`; probabilities, `(rows,)` of the last of two classes or `(rows, classes)`;
            or `(rows, outputs)` numbers.
        reads: which of these answers.
        higher_is_better: whether more of it is better.
        bounds: the least and the greatest value that it can take.
        mark: what tells it from an earlier version of the same name.
    """

    name: str
    function: Callable[[Array, Array], float]
    reads: Reads = "decisions"
    higher_is_better: bool = True
    bounds: tuple[float, float] = (-np.inf, np.inf)
    mark: str = ""

    def __call__(self, scores: Array, truth: Array) -> float:
        """The metric of answers in the form of a study: probabilities `(rows, classes)`, or numbers."""
        return float(self.function(truth, self._answers(scores)))

    def _answers(self, scores: Array) -> Array:
        if self.reads == "decisions":
            return np.asarray(scores.argmax(axis=1))
        return scores[:, 1] if self.reads == "probabilities" and scores.shape[1] == 2 else scores

    def weighted(self, scores: Array, truth: Array, owner: NDArray[np.int64], weights: Floats) -> Floats:
        """The metric under each weighting of the owners, `(draws,)`; rows come as often as their owner is drawn."""
        values = np.full(len(weights), np.nan)
        for draw, weight in enumerate(weights):
            rows = np.repeat(np.arange(len(owner)), np.rint(weight[owner]).astype(np.int64))
            if len(rows):
                try:
                    values[draw] = self(scores[rows], truth[rows])
                except ValueError:  # a draw without one of the classes leaves it undefined
                    continue
        return values


def check(scorer: Scorer, classes: int, outputs: int) -> None:
    """Refuse a metric that does not answer a task, before anything is trained.

    Arguments:
        scorer: the metric.
        classes: of the task; 0 where numbers are predicted.
        outputs: numbers that are predicted.

    Raises:
        InputError: it fails, or gives no number.
    """
    rng = np.random.default_rng(0)
    if classes:
        truth: Array = np.arange(4 * classes) % classes
        scores = 0.4 * np.eye(classes)[truth] + 0.6 * rng.dirichlet(np.ones(classes), len(truth))
    else:
        truth = rng.normal(size=(8, outputs))
        scores = truth + 0.1
    remedy = "Name another, or pass a function of truth and answers that gives a number."
    try:
        value = scorer(scores, truth)
    except Exception as error:  # whatever a function of the user raises
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        fault = f"is {scorer.name!r}, which fails on this task ({reason})"
        raise InputError("compare", "metric", fault, remedy) from error
    if not np.isfinite(value):
        raise InputError("compare", "metric", f"is {scorer.name!r}, which gives {value} on this task", remedy)


_KNOWN: dict[str, Scorer] = {}


def known(name: str) -> Scorer | None:
    """The metric of a name that was asked for in this process, or None."""
    return _KNOWN.get(name)


def adopt(scorer: Scorer) -> str:
    """Make a metric known in this process, and give its name."""
    _KNOWN[scorer.name] = scorer
    return scorer.name


def scorer_of(metric: object, usual: tuple[str, ...], name: str = "") -> Scorer | None:
    """The metric of others that is asked for; None for one of caudal's own names.

    Arguments:
        metric: a name of caudal or of scikit-learn's scorers, `module:function`, a name that a package offers as
            `caudal.metrics`, a function of truth and answers, a scorer of scikit-learn, or a `Scorer`.
        usual: caudal's own names.
        name: of a function; its own without.

    Raises:
        InputError: nothing of the name is there, or it is no metric.

    Example:
        >>> scorer_of("f1_macro", ("accuracy",)).reads, scorer_of("accuracy", ("accuracy",)) is None
        ('decisions', True)
    """
    if isinstance(metric, Scorer):
        return metric
    if isinstance(metric, str):
        if metric in usual or not metric:
            return None
        if ":" in metric:
            return scorer_of(import_named("compare", "metric", metric), usual, metric.partition(":")[2])
        if metric in offered("metrics"):
            return scorer_of(import_offered("compare", "metric", "metrics", metric), usual, metric)
        return _of_sklearn(metric, usual)
    if hasattr(metric, "_score_func") and hasattr(metric, "_response_method"):
        return _of_scorer(metric, name or getattr(metric._score_func, "__name__", "scorer"))
    if not callable(metric) or isinstance(metric, type):
        fault = f"is {metric!r}, which is no metric"
        raise InputError("compare", "metric", fault, "Pass a name, or a function of truth and answers.")
    reads: Reads = getattr(metric, "reads", "decisions")
    higher = bool(getattr(metric, "higher_is_better", True))
    bounds = getattr(metric, "bounds", (-np.inf, np.inf))
    return Scorer(name or getattr(metric, "__name__", "metric"), metric, reads, higher, bounds, code_mark(metric))


def _of_sklearn(name: str, usual: tuple[str, ...]) -> Scorer:
    from difflib import get_close_matches

    from sklearn.metrics import get_scorer, get_scorer_names

    names = get_scorer_names()
    if name not in names:
        close = get_close_matches(name, (*usual, *names, *offered("metrics")), 1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Name one of them, or your own as `module:function`."
        fault = f"is {name!r}; there are {', '.join(usual)}, and the scorers of scikit-learn"
        raise InputError("compare", "metric", fault, remedy)
    return _of_scorer(get_scorer(name), name)


@dataclass(frozen=True)
class _Signed:
    """A function of scikit-learn as its scorer calls it: more is better."""

    function: Callable[..., float]
    sign: int
    options: tuple[tuple[str, object], ...]

    def __call__(self, truth: Array, answers: Array) -> float:
        return self.sign * float(self.function(truth, answers, **dict(self.options)))


def _of_scorer(scorer: object, name: str) -> Scorer:
    # The public door of a scorer takes an estimator; a study has answers.
    function, responses, options, sign = (
        getattr(scorer, f"_{part}") for part in ("score_func", "response_method", "kwargs", "sign")
    )
    first = responses if isinstance(responses, str) else responses[0]
    reads = _RESPONSES.get(first, "probabilities")
    if reads == "decisions" and _is_of_numbers(function):
        reads = "numbers"
    return Scorer(name, _Signed(function, int(sign), tuple(sorted(options.items()))), reads)


def _is_of_numbers(function: Callable[..., float]) -> bool:
    return function.__module__.endswith("_regression")


def code_mark(function: Callable[..., object]) -> str:
    """SHA-256 (hex) of import path and source of a function: one that was changed is another."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = ""
    return hashlib.sha256(repr((import_path(function), source)).encode()).hexdigest()
