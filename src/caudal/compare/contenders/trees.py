"""Gradient-boosted trees on summary features: the traditional model to beat where series are few and short."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.compare.contenders.base import Progress, Trained, known_targets
from caudal.compare.contenders.registry import entry_of, settings_of
from caudal.compare.job import Job, Parts
from caudal.compare.record import Contender, Scalar
from caudal.data import Sequences, since_observed
from caudal.extras import need, require

# Numbers held at once while features are made.
_CELLS_features = 8_000_000
SUMMARIES = ("last", "mean", "min", "max", "std", "slope", "count", "missing", "since", "change")
CLOCK = ("steps", "duration", "gap", "mean gap", "std gap", "longest gap")


def names_of(data: Sequences, lags: int) -> tuple[str, ...]:
    """Names of the features, in order.

    Example:
        >>> from caudal.data import from_arrays
        >>> names_of(from_arrays(np.zeros((2, 1, 3)), [0.0, 1.0], task="regress"), 1)[-8:-5]
        ('change(x0)', 'x0 1 back', 'steps')
    """
    summed = [f"{summary}({name})" for summary in SUMMARIES for name in data.names]
    back = [f"{name} {lag} back" for lag in range(1, lags + 1) for name in data.names]
    ahead = [] if data.ahead is None else [f"time to step {k + 1}" for k in range(data.ahead.shape[1])]
    return (*summed, *back, *CLOCK, *(feature.name for feature in data.statics), *ahead)


def at_ends(data: Sequences, lags: int) -> NDArray[np.float32]:
    """Features of each whole series, `(batch, features)`; NaN where a value was never observed."""
    parts = [found[np.arange(len(rows)), data.lengths[rows] - 1] for rows, found in _chunks(data, lags, by_length=True)]
    order = np.concatenate([rows for rows, _ in _rows(data, lags, by_length=True)])
    whole = np.empty((len(data), parts[0].shape[1]), np.float32)
    whole[order] = np.concatenate(parts)
    return whole


def at_steps(data: Sequences, rows: NDArray[np.bool_], lags: int) -> NDArray[np.float32]:
    """Features of the history up to each marked step, `(marked, features)`, in the order of the mask.

    Arguments:
        data: series.
        rows: `(batch, time)` bool.
        lags: earlier steps whose values are features of their own.
    """
    return np.concatenate([found[rows[at][:, : found.shape[1]]] for at, found in _chunks(data, lags)])


def _rows(data: Sequences, lags: int, by_length: bool = False) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Rows of a few series at a time, and the steps of the longest of them."""
    order = np.argsort(data.lengths, kind="stable") if by_length else np.arange(len(data))
    width = max(1, len(names_of(data, lags)))
    at = 0
    while at < len(order):
        count = 1
        while at + count < len(order):
            longest = int(data.lengths[order[at : at + 2 * count]].max())
            if 2 * count * longest * width > _CELLS_features:
                break
            count *= 2
        rows = order[at : at + count]
        yield rows, int(data.lengths[rows].max())
        at += count


def _chunks(
    data: Sequences, lags: int, by_length: bool = False
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    for rows, steps in _rows(data, lags, by_length):
        yield rows, _features_features(data, rows, steps, lags)


def _features_features(data: Sequences, rows: NDArray[np.int64], steps: int, lags: int) -> NDArray[np.float32]:
    """`(rows, steps, features)`: at each step what is known up to it."""
    values, seen = data.values[rows, :steps].astype(np.float64), data.observed[rows, :steps]
    dt = data.dt[rows, :steps].copy()
    place = np.arange(1, steps + 1, dtype=np.float64)[None, :, None]
    since = since_observed(seen, dt)
    dt[:, 0] = 0.0
    time = np.cumsum(dt, axis=1)
    parts = [*_summaries(values, seen, time, place), np.where(seen, 0.0, since)]
    last = parts[0]
    parts.append(_change(last, values, seen))
    filled = np.pad(last, ((0, 0), (lags, 0), (0, 0)), constant_values=np.nan)
    parts += [filled[:, lags - lag : lags - lag + steps] for lag in range(1, lags + 1)]
    parts.append(_clock(dt, time))
    fixed = [np.where(data.static_observed[rows], data.static[rows], np.nan)]
    if data.ahead is not None:
        fixed.append(data.ahead[rows])
    every = np.concatenate(fixed, axis=1)[:, None, :]
    parts.append(np.broadcast_to(every, (len(rows), steps, every.shape[2])))
    return np.concatenate(parts, axis=2).astype(np.float32)


def _summaries(
    values: NDArray[Any], seen: NDArray[np.bool_], time: NDArray[Any], place: NDArray[Any]
) -> list[NDArray[Any]]:
    count = np.cumsum(seen, axis=1).astype(np.float64)
    safe, none = np.maximum(count, 1), count == 0
    # Sums are taken about a value of the series, so that large means cost no digits.
    middle = (values.sum(axis=1) / np.maximum(seen.sum(axis=1), 1))[:, None]
    off = np.where(seen, values - middle, 0.0)
    first, second = np.cumsum(off, axis=1) / safe, np.cumsum(off**2, axis=1) / safe
    clock = np.where(seen, time[:, :, None], 0.0)
    t, tt = np.cumsum(clock, axis=1) / safe, np.cumsum(clock**2, axis=1) / safe
    spread = tt - t**2
    slope = (np.cumsum(clock * off, axis=1) / safe - t * first) / np.where(
        spread > 1e-12 * np.maximum(tt, 1e-30), spread, np.inf
    )
    at = np.maximum.accumulate(np.where(seen, np.arange(values.shape[1])[None, :, None], 0), axis=1)
    last = np.take_along_axis(values, at, axis=1)
    lowest = np.minimum.accumulate(np.where(seen, values, np.inf), axis=1)
    highest = np.maximum.accumulate(np.where(seen, values, -np.inf), axis=1)
    known = [last, middle + first, lowest, highest, np.sqrt(np.maximum(second - first**2, 0.0)), slope]
    return [*(np.where(none, np.nan, one) for one in known), count, 1 - count / place]


def _change(last: NDArray[Any], values: NDArray[Any], seen: NDArray[np.bool_]) -> NDArray[Any]:
    """Latest observed value less the one observed before it, NaN before the second."""
    before = np.concatenate([np.full_like(last[:, :1], np.nan), last[:, :-1]], axis=1)
    steps = np.arange(values.shape[1])[None, :, None]
    at = np.maximum.accumulate(np.where(seen, steps, -1), axis=1)
    change = np.take_along_axis(values - before, np.maximum(at, 0), axis=1)
    return np.where(at >= 0, change, np.nan)


def _clock(dt: NDArray[Any], time: NDArray[Any]) -> NDArray[Any]:
    """Steps so far, time so far, and the gaps between them."""
    steps = np.broadcast_to(np.arange(1, dt.shape[1] + 1, dtype=np.float64), dt.shape)
    gaps = np.maximum(steps - 1, 1)
    mean = time / gaps
    spread = np.sqrt(np.maximum(np.cumsum(dt**2, axis=1) / gaps - mean**2, 0.0))
    return np.stack([steps, time, dt, mean, spread, np.maximum.accumulate(dt, axis=1)], axis=2)


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
    require("compare", "sklearn", "compare")
    limits: Callable[[int], Any] = need("compare", "threadpoolctl", "compare").threadpool_limits
    return limits


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
    ensemble = need("compare", "sklearn.ensemble", "compare")
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
        model = ensemble.HistGradientBoostingRegressor(**settings).fit(*own)
        errors = [float(np.square(y - held[1]).mean()) for y in model.staged_predict(held[0])]
        return _Forest(model, int(np.argmin(errors)) + 1, None, 1, columns)
    model = ensemble.HistGradientBoostingClassifier(**settings).fit(*own)
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
