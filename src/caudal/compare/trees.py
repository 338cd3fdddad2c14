"""Gradient-boosted trees on summary features: the traditional model to beat where series are few and short."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.compare.answers import known_targets
from caudal.compare.contenders import entry_of, settings_of
from caudal.compare.features import at_ends, at_steps
from caudal.compare.job import Job, Parts
from caudal.compare.trained import Progress, Trained
from caudal.data import Sequences
from caudal.errors import MissingExtraError
from caudal.records import Contender
from caudal.records.study import Scalar

# Numbers that trees are grown on, times the trees of a round; rows beyond are left out by chance.
_CELLS = 30_000_000
_STEP_LAGS, _MOST_LAGS = 3, 48


@dataclass(frozen=True, eq=False)
class _Forest:
    """One booster cut to the rounds that validation chose.

    Attributes:
        model: of scikit-learn.
        rounds: how many of its rounds count.
        codes: columns of the answer that its classes belong to; None for numbers.
        width: columns of the answer.
        columns: features that training ever knew; the booster refuses one that is always missing.
    """

    model: Any
    rounds: int
    codes: NDArray[np.int64] | None
    width: int
    columns: NDArray[np.bool_]

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[Any]:
        """Probabilities `(rows, classes)`, or numbers `(rows, 1)`."""
        rows = rows[:, self.columns]
        if self.codes is None:
            return next(islice(self.model.staged_predict(rows), self.rounds - 1, None))[:, None]  # type: ignore[no-any-return]
        whole = np.zeros((len(rows), self.width))
        whole[:, self.codes] = next(islice(self.model.staged_predict_proba(rows), self.rounds - 1, None))
        return whole

    @property
    def trees(self) -> list[Any]:
        """The trees that count; scikit-learn has no public name for them."""
        return [tree for trees in self.model._predictors[: self.rounds] for tree in trees]


def train(job: Job, parts: Parts, progress: Progress | None = None) -> Trained:
    """Grow the trees of a job on the training series; validation chooses the number of rounds.

    Classes share one booster; each output has its own. A forecast is made step by step ahead from the same features
    and the number of the step.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    limits = _limits()
    chosen = settings_of(job.model, job.settings)
    start = perf_counter()
    with limits(1):
        forests = _grow(job, parts, chosen, progress)
    seconds = perf_counter() - start
    entry = entry_of(job.model)
    trees = [tree for forest in forests for tree in forest.trees]
    size = sum(len(tree.nodes) for tree in trees)
    depth = sum(float(tree.nodes["depth"][tree.nodes["is_leaf"] == 1].mean()) for tree in trees)
    contender = Contender(
        name=entry.name, label=entry.label, family=entry.family, summary=entry.summary, settings=chosen,
        units=len(trees), parameters=size, live_parameters=size, synapses=None, uses_dt=False,
        macs_per_step=depth + len(trees), transcendentals_per_step=float(len(parts.train.classes)),
        fit_seconds=seconds,
    )  # fmt: skip
    lags = _lags(parts.train)

    def answer(data: Sequences) -> NDArray[Any]:
        with limits(1):
            return _answer(forests, data, lags)

    return Trained(contender, answer)


def _limits() -> Callable[[int], Any]:
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError("compare", "sklearn", "compare") from None
    return threadpool_limits  # type: ignore[no-any-return]


def _grow(job: Job, parts: Parts, chosen: Mapping[str, Scalar], progress: Progress | None) -> list[_Forest]:
    lags = _lags(parts.train)
    (x, y), (x_val, y_val) = _table(parts.train, lags), _table(parts.val, lags)
    count = len(parts.train.classes)
    outputs = 1 if count else y.shape[1]
    rng = np.random.default_rng(job.seed)
    width = x.shape[1] * (max(1, count - 1 if count == 2 else count) * outputs)
    x, y = _some(rng, x, y, _CELLS // width)
    x_val, y_val = _some(rng, x_val, y_val, _CELLS // (4 * width))
    forests = []
    for k in range(outputs):
        if count:
            forests.append(_fit(job, chosen, (x, y), (x_val, y_val), count))
        else:
            forests.append(_fit(job, chosen, (x, y[:, k]), (x_val, y_val[:, k]), 0))
        if progress is not None:
            progress((k + 1) / outputs, f"output {k + 1} of {outputs}")
    return forests


def _fit(
    job: Job,
    chosen: Mapping[str, Scalar],
    own: tuple[NDArray[Any], NDArray[Any]],
    held: tuple[NDArray[Any], NDArray[Any]],
    classes: int,
) -> _Forest:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    except ImportError:
        raise MissingExtraError("compare", "sklearn", "compare") from None
    settings = {
        "learning_rate": chosen["learning_rate"],
        "max_leaf_nodes": chosen["leaves"],
        "l2_regularization": chosen["l2"],
        "min_samples_leaf": chosen["least"],
        "max_iter": chosen["rounds"],
        "early_stopping": False,
        "random_state": job.seed,
    }
    columns = np.isfinite(own[0]).any(axis=0)
    own, held = (own[0][:, columns], own[1]), (held[0][:, columns], held[1])
    if not classes:
        model = HistGradientBoostingRegressor(**settings).fit(*own)
        errors = [float(np.square(y - held[1]).mean()) for y in model.staged_predict(held[0])]
        return _Forest(model, int(np.argmin(errors)) + 1, None, 1, columns)
    model = HistGradientBoostingClassifier(**settings).fit(*own)
    codes = model.classes_.astype(np.int64)
    known = np.isin(held[1], codes)
    truth = np.searchsorted(codes, held[1][known])
    errors = [
        float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean())
        for p in model.staged_predict_proba(held[0][known])
    ]
    return _Forest(model, int(np.argmin(errors)) + 1, codes, classes, columns)


def _some(rng: np.random.Generator, x: NDArray[Any], y: NDArray[Any], most: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(x) <= most:
        return x, y
    rows = np.sort(rng.choice(len(x), max(most, 1000), replace=False)) if len(x) > 1000 else np.arange(len(x))
    return x[rows], y[rows]


def _lags(train: Sequences) -> int:
    if train.task == "forecast":
        return min(train.steps - 1, _MOST_LAGS)
    return _STEP_LAGS


def _table(data: Sequences, lags: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Features and target of every known row."""
    rows, truth = known_targets(data)
    return _features(data, rows, lags), truth


def _features(data: Sequences, rows: NDArray[np.bool_], lags: int) -> NDArray[np.float32]:
    if data.task in ("classify_steps", "imitate"):
        return at_steps(data, rows, lags)
    whole = at_ends(data, lags)
    if data.ahead is None:
        return whole[rows]
    series, step = np.nonzero(rows)
    return np.concatenate([whole[series], step[:, None].astype(np.float32)], axis=1)


def _answer(forests: list[_Forest], data: Sequences, lags: int) -> NDArray[Any]:
    per_step = data.task in ("classify_steps", "imitate")
    shape: tuple[int, ...] = (len(data),)
    if per_step or data.ahead is not None:
        shape = (len(data), data.steps if data.ahead is None else data.ahead.shape[1])
    rows = data.mask if per_step else np.ones(shape, np.bool_)
    features = _features(data, rows, lags)
    found = np.concatenate([forest(features) for forest in forests], axis=1)
    whole = np.zeros((*shape, found.shape[1]))
    whole[rows] = found
    return whole
