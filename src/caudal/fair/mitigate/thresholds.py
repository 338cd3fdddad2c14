"""After training: from a score to a decision, by thresholds that make rates alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import InputError
from caudal.extras import need
from caudal.fair.groups import Groups
from caudal.fair.mitigate.soft_rates import Constraint, check_constraint
from caudal.typing import Floats

Bools = NDArray[np.bool_]
_FAIRLEARN = {
    "equal_opportunity": "true_positive_rate_parity",
    "demographic_parity": "demographic_parity",
    "equalised_odds": "equalized_odds",
}
_OXONFAIR = {
    "equal_opportunity": "equal_opportunity",
    "demographic_parity": "demographic_parity",
    "equalised_odds": "equalized_odds",
}


@final
@dataclass(frozen=True, eq=False)
class Rule:
    """Thresholds of a score, one for all or one for each group, and the decisions by them.

    Attributes:
        by: who found it: `"fairlearn"`, `"oxonfair"` or `"one threshold"`.
        constraint: what was to be alike.
        needs_attribute: whether each decision has to know the group of the person. Where the law forbids that, as in
            lending in many places, such a rule cannot be used.
        names: of the groups.
    """

    by: str
    constraint: Constraint
    needs_attribute: bool
    names: tuple[str, ...]
    _apply: Callable[[Floats, NDArray[np.int64] | None], Bools] = field(repr=False)

    def decide(self, score: ArrayLike, groups: Groups | None = None) -> Bools:
        """Decisions `(n,)`: True where the positive class is decided.

        Arguments:
            score: `(n,)` probability of the positive class.
            groups: of the same people, with the names of those that the rule was found on; only where
                `needs_attribute`.

        Raises:
            InputError: the rule needs groups and there are none, or others.
        """
        given = _scores("Rule.decide", score)
        if not self.needs_attribute:
            return self._apply(given, None)
        if groups is None:
            fault = f"is not given, and the thresholds by {self.by} differ between groups"
            raise InputError(
                "Rule.decide", "groups", fault, "Pass it, or use `one_threshold` or a term of the training."
            )
        if groups.names != self.names or len(groups) != len(given):
            known = ", ".join(self.names)
            fault = f"has {len(groups)} people of {', '.join(groups.names)}; expected {len(given)} of {known}"
            raise InputError("Rule.decide", "groups", fault, "Read them with `Groups.read`.")
        return self._apply(given, groups.codes)


def fairlearn_thresholds(
    score: ArrayLike, truth: ArrayLike, groups: Groups, constraint: Constraint = "equal_opportunity", *, seed: int = 0
) -> Rule:
    """Thresholds by group of fairlearn's `ThresholdOptimizer`. Decisions need the attribute.

    Near a threshold some decisions are drawn by lot, from the seed; equal calls give equal decisions.

    Arguments:
        score: `(n,)` probability of the positive class, of series that the model was not trained on.
        truth: `(n,)` 0 and 1.
        groups: of the same series.
        constraint: see `soft_gaps`.
        seed: of the lots.

    Raises:
        InputError: shapes differ, or a group has one class only.
        MissingExtraError: fairlearn is not installed.

    Source: Hardt, Price & Srebro 2016, Equality of opportunity in supervised learning.

    Example:
        >>> who = Groups.of({"sex": list("ffffmmmm")})
        >>> rule = fairlearn_thresholds([0.1, 0.2, 0.4, 0.5, 0.1, 0.6, 0.8, 0.9], [0, 0, 1, 1] * 2, who)
        >>> rule.decide([0.45, 0.45], who.select([0, 4])).tolist(), rule.needs_attribute
        ([True, False], True)
    """
    scores, real = _checked("fairlearn_thresholds", score, truth, groups, constraint)
    fitted = need("fairlearn_thresholds", "fairlearn.postprocessing").ThresholdOptimizer(
        estimator=_scored(), constraints=_FAIRLEARN[constraint], prefit=True, predict_method="predict"
    )
    fitted.fit(scores[:, None], real, sensitive_features=groups.codes)

    def apply(given: Floats, codes: NDArray[np.int64] | None) -> Bools:
        decided = fitted.predict(given[:, None], sensitive_features=codes, random_state=seed)
        return np.asarray(decided, np.bool_)

    return Rule("fairlearn", constraint, True, groups.names, apply)


def oxonfair_thresholds(
    score: ArrayLike,
    truth: ArrayLike,
    groups: Groups,
    constraint: Constraint = "equal_opportunity",
    *,
    tolerance: float = 0.02,
) -> Rule:
    """Thresholds by group of oxonfair: highest accuracy at a gap of at most `tolerance`. Decisions need the attribute.

    Arguments:
        score, truth, groups, constraint: as in `fairlearn_thresholds`.
        tolerance: of the gap, as oxonfair measures it.

    Raises:
        InputError: shapes differ, or a group has one class only.
        MissingExtraError: oxonfair is not installed.

    Source: Delaney et al. 2024, OxonFair: a flexible toolkit for algorithmic fairness (NeurIPS).

    Example:
        >>> who = Groups.of({"sex": list("ffffmmmm")})
        >>> rule = oxonfair_thresholds([0.1, 0.2, 0.4, 0.5, 0.1, 0.6, 0.8, 0.9], [0, 0, 1, 1] * 2, who)
        >>> rule.decide([0.45, 0.55], who.select([0, 4])).tolist()
        [True, False]
    """
    scores, real = _checked("oxonfair_thresholds", score, truth, groups, constraint)
    oxonfair, group_metrics = (
        need("oxonfair_thresholds", name) for name in ("oxonfair", "oxonfair.utils.group_metrics")
    )
    fitted = oxonfair.DeepFairPredictor(real, _logits(scores), groups.codes, use_actual_groups=True)
    fitted.fit(group_metrics.accuracy, getattr(group_metrics, _OXONFAIR[constraint]), tolerance)

    def apply(given: Floats, codes: NDArray[np.int64] | None) -> Bools:
        asked = oxonfair.DeepDataDict(np.zeros(len(given), int), _logits(given), codes)
        return np.asarray(fitted.predict(asked), np.bool_)

    return Rule("oxonfair", constraint, True, groups.names, apply)


def one_threshold(
    score: ArrayLike,
    truth: ArrayLike,
    groups: Groups,
    constraint: Constraint = "equal_opportunity",
    *,
    cost: float = 0.05,
) -> Rule:
    """The one threshold for all whose gap is narrowest, of those that cost little accuracy; no attribute is needed.

    It can do less than thresholds by group: where one group scores lower throughout, no single threshold mends that.

    Arguments:
        score, truth, groups, constraint: as in `fairlearn_thresholds`.
        cost: in accuracy, at most, against the best single threshold.

    Raises:
        InputError: shapes differ, or a group has one class only.

    Example:
        >>> who = Groups.of({"sex": list("ffffmmmm")})
        >>> rule = one_threshold([0.1, 0.2, 0.4, 0.5, 0.1, 0.6, 0.8, 0.9], [0, 0, 1, 1] * 2, who, cost=0.2)
        >>> rule.decide([0.45]).tolist(), rule.needs_attribute
        ([True], False)
    """
    scores, real = _checked("one_threshold", score, truth, groups, constraint)
    levels = np.unique(scores)
    levels = np.concatenate([levels[:1], (levels[1:] + levels[:-1]) / 2])
    levels = levels[np.linspace(0, len(levels) - 1, min(len(levels), 512)).round().astype(int)]
    decided = scores >= levels[:, None]
    right = (decided == (real == 1)).mean(1)
    events = {"equal_opportunity": [real == 1], "demographic_parity": [real >= 0]}.get(
        constraint, [real == 1, real == 0]
    )
    spread = np.zeros(len(levels))
    for event in events:
        rates = [decided[:, event & (groups.codes == k)].mean(1) for k in np.unique(groups.codes)]
        spread = np.maximum(spread, np.ptp(np.stack(rates), axis=0))
    allowed = right >= right.max() - cost - 1e-12
    best = int(np.lexsort((-right, np.where(allowed, spread, np.inf)))[0])
    level = float(levels[best])
    return Rule("one threshold", constraint, False, groups.names, lambda given, codes: given >= level)


def _scored() -> object:
    """An estimator for fairlearn whose inputs are the scores."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Scored(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
        """Answers what it is given."""

        def fit(self, x: object, y: object) -> "Scored":
            """Nothing to learn."""
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, x: object) -> Any:
            """The score."""
            return np.asarray(x)[:, 0]

    return Scored().fit(None, None)


def _logits(score: Floats) -> Floats:
    near = np.clip(score, 1e-7, 1 - 1e-7)
    logits: Floats = np.log(near / (1 - near))[:, None]
    return logits


def _scores(owner: str, score: ArrayLike) -> Floats:
    probabilities = np.asarray(score, np.float64)
    if probabilities.ndim != 1 or not ((probabilities >= 0) & (probabilities <= 1)).all():
        fault = f"has shape {probabilities.shape}, or holds something else than probabilities"
        raise InputError(owner, "score", fault, "Pass `predict_proba(X)[:, 1]`.")
    return probabilities


def _checked(
    owner: str, score: ArrayLike, truth: ArrayLike, groups: Groups, constraint: Constraint
) -> tuple[Floats, NDArray[np.int64]]:
    check_constraint(owner, constraint)
    scores, real = _scores(owner, score), np.asarray(truth)
    if real.shape != scores.shape or len(groups) != len(scores) or not np.isin(real, (0, 1)).all():
        fault = f"has shape {real.shape}, the score {scores.shape}, and there are {len(groups)} people in groups"
        raise InputError(owner, "truth", fault, "Pass 0 or 1 for each, 1 where the positive class is true.")
    for code in np.unique(groups.codes):
        if len(np.unique(real[groups.codes == code])) < 2:
            fault = f"holds one class only in group {groups.names[code]!r}"
            raise InputError(owner, "truth", fault, "Join that group with another, or use more series.")
    return scores, real.astype(np.int64)
