"""Logistic or ridge regression on a handful of summaries of each channel: whether a network is needed at all."""

from collections.abc import Mapping
from typing import final

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.estimators.features import CLOCK, SUMMARIES, Size, decisions_of, features_at, known_targets, names_of
from caudal.estimators.tabular import Arrays, FeatureModel
from caudal.estimators.trees import some_rows
from caudal.typing import Array

# Of the features of trees those that a person would write down; first value and change are added.
_OF_CHANNEL = ("last", "mean", "std", "slope", "missing")
_OF_TIMES = {"steps", "duration", "mean gap", "std gap", "longest gap"}
# Strengths of the penalty that are tried where there are series to choose by.
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
_CELLS = 20_000_000


@final
class SummaryModel(FeatureModel):
    """Linear model of scikit-learn on summaries of each series, for every task.

    Of each channel: mean, standard deviation, last and first value, change between them, slope and share of gaps; and
    number, length and spread of the steps. Classes: logistic regression; numbers: ridge regression. Where every step is
    answered, the summaries are those of the history up to it. What was never observed counts as its mean in training.

    Arguments:
        strength: of the penalty; None chooses it by the validation series, and takes 1 where there are none.
        validation: share of the series that choose the strength, whole groups together.
        seed: of the rows that are left out where there are too many.
        augment, send_on_change: see `FeatureModel`.

    Attributes:
        names_: the features, in order.
        weights_: `(features, columns)` weights of the standardised features.

    Raises:
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> from caudal.data import from_arrays
        >>> x = np.random.default_rng(0).normal(size=(60, 1, 6))
        >>> series = from_arrays(x, np.where(x[:, 0].mean(1) > 0, "up", "down"))
        >>> model = SummaryModel().fit(series)
        >>> bool((model.predict(series) == np.where(x[:, 0].mean(1) > 0, "up", "down")).mean() > 0.9)
        True
    """

    def __init__(
        self,
        strength: float | None = None,
        validation: float = 0.15,
        seed: int = 0,
        augment: Mapping[str, float] | None = None,
        send_on_change: float | Mapping[str, float] | None = None,
    ) -> None:
        self.strength = strength
        self.validation = validation
        self.seed = seed
        self.augment = augment
        self.send_on_change = send_on_change

    def learn(self, train: Sequences, val: Sequences | None) -> None:
        """Standardise the summaries, and fit; see `fit`."""
        rows, y = known_targets(train)
        x = _summaries(train, rows)
        self.names_ = _names(train)
        x, y = some_rows(np.random.default_rng(self.seed), x, y, _CELLS // x.shape[1])
        seen = np.isfinite(x)
        count = np.maximum(seen.sum(axis=0), 1)
        self.mean_ = np.where(seen, x, 0.0).sum(axis=0) / count
        deviation = np.sqrt(np.where(seen, np.square(x - self.mean_), 0.0).sum(axis=0) / count)
        self.scale_ = np.where(deviation > 1e-12 * np.maximum(np.abs(self.mean_), 1e-30), deviation, np.inf)
        self.codes_ = np.unique(y).astype(np.int64) if len(self.classes_) else np.zeros(0, np.int64)
        x = self._standard(x)
        strengths = STRENGTHS if self.strength is None else (self.strength,)
        if val is None and self.strength is None:
            strengths = (1.0,)
        fits = [self._weights(x, y, strength) for strength in strengths]
        losses = [0.0] if len(fits) == 1 or val is None else [self._loss(val, *fit) for fit in fits]
        self.weights_, self.intercept_ = fits[int(np.argmin(losses))]

    def _standard(self, x: Array) -> NDArray[np.float64]:
        return np.where(np.isfinite(x), (x - self.mean_) / self.scale_, 0.0)

    def _weights(
        self, x: NDArray[np.float64], y: Array, strength: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights `(features, columns)` and intercept of one strength; of two classes one column."""
        if not len(self.classes_):
            from sklearn.linear_model import Ridge

            ridge = Ridge(alpha=strength * max(1, len(x)) / 100).fit(x, y)
            return np.atleast_2d(ridge.coef_).T, np.atleast_1d(ridge.intercept_).astype(np.float64)
        if len(self.codes_) < 2:
            return np.zeros((x.shape[1], 1)), np.array([np.inf])
        from sklearn.linear_model import LogisticRegression

        logistic = LogisticRegression(C=1 / strength, max_iter=300, tol=1e-3).fit(x, y)
        return logistic.coef_.T, logistic.intercept_

    def _loss(self, val: Sequences, weights: NDArray[np.float64], intercept: NDArray[np.float64]) -> float:
        rows, truth = known_targets(val)
        told = self._told(self._standard(_summaries(val, rows)), weights, intercept)
        if not len(self.classes_):
            return float(np.square(told - truth).mean())
        return float(-np.log(np.maximum(told[np.arange(len(truth)), truth], 1e-12)).mean())

    def _told(
        self, x: NDArray[np.float64], weights: NDArray[np.float64], intercept: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        raw = x @ weights + intercept
        if not len(self.classes_):
            return np.asarray(raw)
        logits = np.concatenate([np.zeros_like(raw), raw], axis=1) if len(self.codes_) == 2 else raw
        raised = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(self.codes_) > 1 else np.ones_like(logits)
        whole = np.zeros((len(x), len(self.classes_)))
        whole[:, self.codes_] = raised / raised.sum(axis=1, keepdims=True)
        return whole

    def computed(self, data: Sequences) -> Array:
        """See `FeatureModel.computed`."""
        rows = decisions_of(data)
        told = self._told(self._standard(_summaries(data, rows)), self.weights_, self.intercept_)
        whole = np.zeros((*rows.shape, told.shape[1]))
        whole[rows] = told
        return whole

    def size(self, steps: float) -> Size:
        """Features, their weights, and what updating the summaries and the sum costs."""
        del steps
        classes = float(len(self.classes_))
        count = self.weights_.size + self.intercept_.size
        return Size(len(self.names_), count, count, None, float(count + 4 * len(self.names_)), classes)

    def arrays(self) -> Arrays:
        """Means, scales and weights."""
        return {
            "mean": self.mean_,
            "scale": self.scale_,
            "weights": self.weights_,
            "intercept": self.intercept_,
            "codes": self.codes_,
        }

    def restore(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave; see `FeatureModel.restore`."""
        self.mean_, self.scale_, self.codes_ = arrays["mean"], arrays["scale"], arrays["codes"]
        self.weights_, self.intercept_ = arrays["weights"], arrays["intercept"]
        self.names_ = tuple(f"feature {k + 1}" for k in range(len(self.mean_)))
        count = len(self.codes_)
        columns = (1 if count <= 2 else count) if len(self.classes_) else len(self.outputs_)
        if self.weights_.shape != (len(self.mean_), columns) or self.intercept_.shape != (columns,):
            raise ValueError("its weights do not fit its features")
        if self.scale_.shape != self.mean_.shape or not (self.scale_ > 0).all():
            raise ValueError("its features have no scale")
        if count and not 0 <= self.codes_.min() <= self.codes_.max() < len(self.classes_):
            raise ValueError("its weights are of other classes")


def _names(data: Sequences) -> tuple[str, ...]:
    names = names_of(data, 0)
    more = [f"{what}({name})" for what in ("first", "last - first") for name in data.names]
    return (*(names[k] for k in _kept(data)), *(("step ahead",) if data.ahead is not None else ()), *more)


def _kept(data: Sequences) -> list[int]:
    """Places of the features of trees that are taken: some of each channel, of the times, and all that are fixed."""
    of_channels = len(SUMMARIES) * data.inputs
    taken = [place for place in range(of_channels) if SUMMARIES[place // data.inputs] in _OF_CHANNEL]
    taken += [of_channels + place for place, name in enumerate(CLOCK) if name in _OF_TIMES]
    return taken + list(range(of_channels + len(CLOCK), len(names_of(data, 0))))


def _summaries(data: Sequences, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`(decisions, features)` float64 in the order of `_names`; NaN where a value was never observed."""
    whole = features_at(data, rows, 0).astype(np.float64)
    names = names_of(data, 0)
    ahead = whole[:, len(names) :]
    last = whole[:, : data.inputs]
    first = _first(data)[np.nonzero(rows)[0]]
    # Nothing is known of the first value before it was observed.
    first = np.where(np.isfinite(last), first, np.nan)
    return np.concatenate([whole[:, _kept(data)], ahead, first, last - first], axis=1)


def _first(data: Sequences) -> NDArray[np.float64]:
    """First observed value of each channel, `(batch, channels)`; NaN where there is none."""
    at = np.argmax(data.observed, axis=1)
    values = np.take_along_axis(data.values.astype(np.float64), at[:, None], axis=1)[:, 0]
    return np.where(data.observed.any(axis=1), values, np.nan)
