"""How good a model is on series that it has not seen, beside the answer that needs no model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.nn.decide import decided
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator


@dataclass(frozen=True)
class HeldOut:
    """Scores on series that took no part in the training.

    Attributes:
        series: how many.
        entries: how many targets were scored.
        scores: of the model. Classes: `accuracy`, `balanced_accuracy`, `log_loss`, and `auroc` of two classes; numbers:
            `r2`, `mae` (in the unit of the target), each the mean over outputs.
        trivial: of the answer without a model: the most common class of the training, or its mean; a forecast repeats
            the last value where the past is an input.
    """

    series: int
    entries: int
    scores: Mapping[str, float]
    trivial: Mapping[str, float]

    def __str__(self) -> str:
        words = [f"{name.replace('_', ' ')} {value:.3f}" for name, value in self.scores.items()]
        without = [f"{name.replace('_', ' ')} {value:.3f}" for name, value in self.trivial.items()]
        return f"{', '.join(words)} on {self.series:,} held-out series (without a model: {', '.join(without)})"


# Names of series that a file keeps, at most.
MOST_NAMES = 100_000


def ids_of(train: Sequences, val: Sequences | None, test: Sequences | None) -> dict[str, list[str]] | None:
    """Names of the series of each part, so that a table can be told apart; None of forecasts, or where there are many.

    Example:
        >>> from caudal.data import from_arrays
        >>> series = from_arrays(np.zeros((3, 1, 2)), [0, 1, 0], ids=["a", "b", "c"])
        >>> ids_of(series.select([0, 1]), None, series.select([2]))
        {'train': ['a', 'b'], 'val': [], 'test': ['c']}
    """
    parts = {"train": train, "val": val, "test": test}
    names = {part: [] if data is None else [str(name) for name in data.ids] for part, data in parts.items()}
    if train.task == "forecast" or sum(map(len, names.values())) > MOST_NAMES:
        return None
    return names


def held_out(model: "LiquidEstimator", test: Iterable[Sequences], train: Iterable[Sequences]) -> HeldOut:
    """Score a model.

    Arguments:
        model: trained.
        test: chunks of series with their target.
        train: chunks of the training series, for what can be said without a model.
    """
    if model.task_.startswith("classify"):
        return _classes(model, test, train)
    return _numbers(model, test, train)


def _classes(model: "LiquidEstimator", test: Iterable[Sequences], train: Iterable[Sequences]) -> HeldOut:
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    usual = np.sum([np.bincount(_known(label), minlength=len(label.classes)) for label in train], axis=0)
    series, truth, answers = 0, [], []
    for part in test:
        series += len(part)
        probabilities = model.predict_proba(part)
        known = np.asarray(part.target_mask)
        shares = probabilities if part.task == "classify" else _padded(probabilities, part.steps)
        truth.append(np.asarray(part.target)[known])
        answers.append(shares[known])
    codes, shares = np.concatenate(truth), np.concatenate(answers)
    labels = np.arange(shares.shape[1])
    prior = np.broadcast_to(usual / usual.sum(), shares.shape)

    def scored(chances: Array) -> dict[str, float]:
        best = decided(chances, model.threshold_of())
        # By hand: scikit-learn warns where a class is told that is not there.
        recalls = [(best[codes == label] == label).mean() for label in np.unique(codes)]
        # Probabilities of 0 would make the loss infinite.
        safe = np.clip(chances, 1e-15, 1)
        scores = {"accuracy": accuracy_score(codes, best), "balanced_accuracy": np.mean(recalls)}
        if len(labels) == 2 and len(np.unique(codes)) == 2:
            scores["auroc"] = roc_auc_score(codes, chances[:, 1])
        scores["log_loss"] = log_loss(codes, safe / safe.sum(axis=1, keepdims=True), labels=labels)
        return {name: float(value) for name, value in scores.items()}

    return HeldOut(series, len(codes), scored(shares), scored(prior))


def _known(data: Sequences) -> Array:
    return np.asarray(np.asarray(data.target)[np.asarray(data.target_mask)])


def _padded(rows: list[Array], steps: int) -> Array:
    """`(batch, steps, ...)` of rows of unequal length."""
    whole = np.zeros((len(rows), steps, *rows[0].shape[1:]))
    for k, row in enumerate(rows):
        whole[k, : len(row)] = row
    return whole


def _numbers(model: "LiquidEstimator", test: Iterable[Sequences], train: Iterable[Sequences]) -> HeldOut:
    mean = _mean(train)
    series, truth, answers, trivial = 0, [], [], []
    for part in test:
        series += len(part)
        known = np.asarray(np.asarray(part.target_mask).all(axis=-1))
        predictions = model.predict(part)
        if isinstance(predictions, list):
            predictions = _padded(predictions, part.steps)
        target = np.asarray(part.target)
        truth.append(target[known])
        answers.append(np.reshape(predictions, target.shape)[known])
        trivial.append(_persistent(part, np.broadcast_to(mean, target.shape))[known])
    right = np.concatenate(truth).astype(np.float64)
    return HeldOut(series, len(right), *(_errors(right, np.concatenate(numbers)) for numbers in (answers, trivial)))


def _mean(train: Iterable[Sequences]) -> NDArray[np.float64]:
    total, count = np.zeros(1), np.zeros(1)
    for part in train:
        target, known = np.asarray(part.target, np.float64), np.asarray(part.target_mask)
        axes = tuple(range(target.ndim - 1))
        total, count = total + (target * known).sum(axis=axes), count + known.sum(axis=axes)
    return np.asarray(total / np.maximum(count, 1))


def _persistent(data: Sequences, mean: Array) -> Array:
    """A forecast that repeats the last observed value of each output, where the outputs are inputs too."""
    if data.task != "forecast" or not set(data.outputs) <= set(data.names):
        return mean
    columns = [data.names.index(name) for name in data.outputs]
    values, seen = data.values[:, :, columns], data.observed[:, :, columns]
    last = data.steps - 1 - np.argmax(seen[:, ::-1], axis=1)
    latest = np.take_along_axis(values, last[:, None, :], axis=1)
    some = np.asarray(seen.any(axis=1))
    return np.where(some[:, None, :], np.broadcast_to(latest, mean.shape), mean)


def _errors(truth: Array, answers: Array) -> dict[str, float]:
    left = np.square(truth - answers).sum(axis=0)
    spread = np.square(truth - truth.mean(axis=0)).sum(axis=0)
    # An output that never changes has nothing to explain.
    share = 1 - left / np.where(spread > 0, spread, np.inf)
    return {"r2": float(share.mean()), "mae": float(np.abs(truth - answers).mean())}
