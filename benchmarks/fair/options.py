"""Ways to decide from scores: ours with and without the attribute, and those of fairlearn and oxonfair."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.fair.front import Bools, Option, People
from caudal.extras import need
from caudal.typing import Floats

_OWNER = "fair"
_RATES = np.linspace(0.2, 0.97, 24)
TOLERANCES = (0.0, 0.05, 0.1, 0.2)
REDUCED = (0.02, 0.1)


@dataclass(frozen=True, eq=False)
class Scores:
    """Probabilities of the positive class.

    Attributes:
        choose, test: of the series to choose by, and of those to judge by.
    """

    choose: Floats
    test: Floats

    def select(self, choose: Bools, test: Bools) -> "Scores":
        """Of some series alone."""
        return Scores(self.choose[choose], self.test[test])


def for_all(variants: Mapping[str, Scores], choose: People) -> list[Option]:
    """One threshold for all, over the scores of several fits of a model: no decision reads the attribute.

    Thresholds are those that find 20 to 97 % of the positives.

    Example:
        >>> who = People(np.array([True, True, False, False]), np.array([0, 1, 0, 1]))
        >>> seen = np.array([0.9, 0.6, 0.5, 0.1])
        >>> len(for_all({"plain": Scores(seen, seen)}, who))
        24
    """
    options = []
    for name, score in variants.items():
        for rate in _RATES:
            at = np.quantile(score.choose[choose.truth], 1 - rate)
            options.append(Option(f"{name}, threshold {at:.3f}", score.choose >= at, score.test >= at))
    return options


def by_group(variants: Mapping[str, Scores], choose: People, test: People) -> list[Option]:
    """Thresholds that find the same share of the positives of every group, or half of the way there."""
    options = []
    for name, score in variants.items():
        for rate in _RATES:
            common = np.quantile(score.choose[choose.truth], 1 - rate)
            thresholds = np.array(
                [
                    np.quantile(score.choose[choose.truth & (choose.codes == code)], 1 - rate)
                    for code in range(int(choose.codes.max()) + 1)
                ]
            )
            for way in (0.5, 1.0):
                at = way * thresholds + (1 - way) * common
                named = f"{name}, {'half ' if way < 1 else ''}by group, {rate:.2f}"
                options.append(Option(named, score.choose >= at[choose.codes], score.test >= at[test.codes]))
    return options


def best(score: Scores, choose: People) -> Option:
    """The model left as it is, at the threshold of the highest balanced accuracy; open to everyone."""
    options = for_all({"plain": score}, choose)
    heights = [(option.chosen[choose.truth].mean() - option.chosen[~choose.truth].mean()) for option in options]
    return options[int(np.argmax(heights))]


def fairlearn_options(score: Scores, choose: People, test: People, seed: int) -> list[Option]:
    """Thresholds by group of fairlearn's `ThresholdOptimizer` for balanced accuracy, at several tolerances.

    Raises:
        MissingExtraError: fairlearn is not installed.
    """
    kind = need(_OWNER, "fairlearn.postprocessing").ThresholdOptimizer
    options = []
    for tolerance in TOLERANCES:
        fitted = kind(
            estimator=_said(),
            constraints="true_positive_rate_parity",
            objective="balanced_accuracy_score",
            prefit=True,
            predict_method="predict",
            tol=tolerance or None,
        )
        fitted.fit(score.choose[:, None], choose.truth.astype(int), sensitive_features=choose.codes)
        decided = [
            np.asarray(fitted.predict(x[:, None], sensitive_features=who.codes, random_state=seed), np.bool_)
            for x, who in ((score.choose, choose), (score.test, test))
        ]
        options.append(Option(f"thresholds, tolerance {tolerance:g}", *decided))
    return [*options, best(score, choose)]


def oxonfair_options(score: Scores, choose: People, test: People) -> list[Option]:
    """Thresholds by group of oxonfair for balanced accuracy, at several tolerances.

    Raises:
        MissingExtraError: oxonfair is not installed.
    """
    oxonfair, metrics = need(_OWNER, "oxonfair"), need(_OWNER, "oxonfair.utils.group_metrics")
    near = [np.clip(part, 1e-7, 1 - 1e-7) for part in (score.choose, score.test)]
    logits = [np.log(part / (1 - part))[:, None] for part in near]
    fitted = oxonfair.DeepFairPredictor(choose.truth.astype(int), logits[0], choose.codes, use_actual_groups=True)
    options = []
    for tolerance in TOLERANCES:
        fitted.fit(metrics.balanced_accuracy, metrics.equal_opportunity, max(tolerance, 0.005))
        decided = [
            np.asarray(fitted.predict(oxonfair.DeepDataDict(np.zeros(len(x), int), x, who.codes)), np.bool_)
            for x, who in zip(logits, (choose, test), strict=True)
        ]
        options.append(Option(f"thresholds, tolerance {tolerance:g}", *decided))
    return [*options, best(score, choose)]


def reduced_options(
    make: Callable[[], Any],
    rows: Sequence[Any],
    train: People,
    score: Scores,
    choose: People,
    seed: int,
    *,
    few: bool = False,
) -> Iterator[Option]:
    """Options of fairlearn's `ExponentiatedGradient` for balanced error, at two slacks; no attribute at decision.

    Arguments:
        make: an estimator with `fit(x, y, sample_weight=)` and `predict`.
        rows: inputs to train on, to choose by and to judge by.
        train: the training people.
        score: of the plain model.
        choose: people to choose by.
        seed: of its lots.
        few: 4 rounds at one slack, for estimators that are slow to fit; 8 rounds at two slacks otherwise. A round
            makes several fits.

    Raises:
        MissingExtraError: fairlearn is not installed.
    """
    kinds = need(_OWNER, "fairlearn.reductions")
    share = float(train.truth.mean())
    for slack in REDUCED[:1] if few else REDUCED:
        # Costs of the two errors weigh the classes alike, as in the training of the other models.
        fitted = kinds.ExponentiatedGradient(
            make(),
            kinds.TruePositiveRateParity(difference_bound=slack),
            objective=kinds.ErrorRate(costs={"fp": share, "fn": 1 - share}),
            eps=slack,
            max_iter=4 if few else 8,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted.fit(rows[0], train.truth.astype(int), sensitive_features=train.codes)
        decided = [np.asarray(fitted.predict(x, random_state=seed), np.bool_) for x in rows[1:]]
        yield Option(f"reductions, slack {slack:g}", *decided)
    yield best(score, choose)


def _said() -> Any:
    """An estimator whose inputs are its answers, as `ThresholdOptimizer` asks for one."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Said(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
        """Answers what it is given."""

        def fit(self, x: object, y: object) -> "Said":
            """Nothing to learn."""
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, x: Any) -> Any:
            """The score."""
            return np.asarray(x)[:, 0]

    return Said().fit(None, None)
