"""Gradient-boosted trees on summary features of the series so far, kept as plain arrays of their nodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.errors import MissingExtraError
from caudal.estimators.features import Size, features_at, known_targets
from caudal.estimators.tabular import Arrays, FeatureModel, spread_out
from caudal.kernels.backends import can_compile
from caudal.typing import Array

# Numbers that trees are grown on, times the trees of a round; rows beyond are left out by chance.
_CELLS = 30_000_000
_STEP_LAGS, _MOST_LAGS = 3, 48
# What a node holds -> the type it has in the loop.
_NODE = {
    "feature": np.int64,
    "threshold": np.float64,
    "missing_left": np.uint8,
    "left": np.int64,
    "right": np.int64,
    "is_leaf": np.uint8,
    "value": np.float64,
    "depth": np.int64,
}


@dataclass(frozen=True, eq=False)
class Forest:
    """Boosted trees of one answer, cut to the rounds that validation chose.

    Attributes:
        nodes: by name, one entry per node of all trees, one tree after the other: feature and threshold of a split,
            whether a missing value goes left, the nodes it leads to (counted within the tree), whether it is a leaf,
            what a leaf adds, and its depth.
        first: `(rounds * columns + 1,)` int64 place of the first node of each tree, and the end.
        base: `(columns,)` what is answered before the first tree.
        codes: classes that training knew, as codes; empty for numbers.
        width: columns of the answer.
        columns: `(features,)` bool, features that training ever knew.
    """

    nodes: Arrays
    first: NDArray[np.int64]
    base: NDArray[np.float64]
    codes: NDArray[np.int64]
    width: int
    columns: NDArray[np.bool_]

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities `(rows, classes)`, or numbers `(rows, 1)`."""
        known = np.ascontiguousarray(rows[:, self.columns], np.float64)
        raw = np.tile(self.base, (len(known), 1))
        # Bits are those of adding the trees in the order in which they were grown.
        if can_compile():
            _descend()(known, *(self.nodes[name] for name in _NODE if name != "depth"), self.first, raw)
        else:
            _descend_rows(known, self.nodes, self.first, raw)
        if not len(self.codes):
            return raw
        whole = np.zeros((len(rows), self.width))
        whole[:, self.codes] = _probabilities(raw)
        return whole


def _probabilities(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    if raw.shape[1] == 1:
        yes = expit(raw)
        return np.concatenate([1 - yes, yes], axis=1)
    raised = np.exp(raw - raw.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _descend_rows(x: Array, nodes: Arrays, first: NDArray[np.int64], raw: NDArray[np.float64]) -> None:
    """Add to `raw` what each tree answers to each row, all rows down one tree together: the way without Numba."""
    rows = np.arange(len(x))
    for tree, start in enumerate(first[:-1]):
        place = np.full(len(x), start)
        while not nodes["is_leaf"][place].all():
            entry = x[rows, nodes["feature"][place]]
            goes_left = np.where(np.isnan(entry), nodes["missing_left"][place] != 0, entry <= nodes["threshold"][place])
            below = start + np.where(goes_left, nodes["left"][place], nodes["right"][place])
            place = np.where(nodes["is_leaf"][place] != 0, place, below)
        raw[:, tree % raw.shape[1]] += nodes["value"][place]


@lru_cache(maxsize=1)
def _descend() -> Callable[..., None]:
    """The compiled loop of `_descend_rows`."""
    from numba import njit

    def descend(x, feature, threshold, missing_left, left, right, is_leaf, value, first, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        columns = raw.shape[1]
        for row in range(x.shape[0]):
            for tree in range(len(first) - 1):
                node = first[tree]
                while not is_leaf[node]:
                    entry = x[row, feature[node]]
                    goes_left = missing_left[node] if np.isnan(entry) else entry <= threshold[node]
                    node = first[tree] + (left[node] if goes_left else right[node])
                raw[row, tree % columns] += value[node]

    compiled: Callable[..., None] = njit(cache=True)(descend)
    return compiled


@final
class BoostedTrees(FeatureModel):
    """Gradient-boosted trees of scikit-learn on summaries of each series, for every task.

    Classes share one booster; each output has its own. A forecast is made step by step ahead from the same features
    and the number of the step. Where there are series to choose by, they choose how many rounds count.

    Arguments:
        learning_rate: weight of each tree.
        leaves: of a tree, at most.
        l2: penalty on what a leaf adds.
        least: series in a leaf, at least.
        rounds: of boosting, at most.
        validation: share of the series that choose the rounds, whole clusters together; 0 keeps all rounds.
        seed: of the rows that are left out where there are too many.
        augment, send_on_change: see `FeatureModel`.

    Raises:
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> from caudal.data import from_arrays
        >>> x = np.random.default_rng(0).normal(size=(60, 1, 6))
        >>> series = from_arrays(x, np.where(x[:, 0].mean(1) > 0, "up", "down"))
        >>> model = BoostedTrees(rounds=20, least=5).fit(series)
        >>> bool((model.predict(series) == np.where(x[:, 0].mean(1) > 0, "up", "down")).mean() > 0.9)
        True
    """

    def __init__(
        self,
        learning_rate: float = 0.1,
        leaves: int = 15,
        l2: float = 1.0,
        least: int = 20,
        rounds: int = 150,
        validation: float = 0.15,
        seed: int = 0,
        augment: Mapping[str, float] | None = None,
        send_on_change: float | Mapping[str, float] | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.l2 = l2
        self.least = least
        self.rounds = rounds
        self.validation = validation
        self.seed = seed
        self.augment = augment
        self.send_on_change = send_on_change

    def learn(self, train: Sequences, val: Sequences | None) -> None:
        """Grow the trees; see `fit`."""
        self.lags_ = min(train.steps - 1, _MOST_LAGS) if train.task == "forecast" else _STEP_LAGS
        x, y = self._table(train)
        stop = None if val is None else self._table(val)
        count = len(train.classes)
        outputs = 1 if count else y.shape[1]
        rng = np.random.default_rng(self.seed)
        width = x.shape[1] * (max(1, count - 1 if count == 2 else count) * outputs)
        x, y = some_rows(rng, x, y, _CELLS // width)
        if stop is not None:
            stop = some_rows(rng, *stop, _CELLS // (4 * width))
        with _one_thread():
            self.forests_ = [
                self._grow((x, y), stop, count)
                if count
                else self._grow((x, y[:, k]), None if stop is None else (stop[0], stop[1][:, k]), 0)
                for k in range(outputs)
            ]

    def _table(self, data: Sequences) -> tuple[NDArray[np.float32], Array]:
        """Features and target of every known row."""
        rows, truth = known_targets(data)
        return features_at(data, rows, self.lags_), truth

    def _grow(
        self,
        train: tuple[Array, Array],
        stop: tuple[Array, Array] | None,
        classes: int,
    ) -> Forest:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        settings = {
            "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.leaves,
            "l2_regularization": self.l2,
            "min_samples_leaf": self.least,
            "max_iter": self.rounds,
            "early_stopping": False,
            "random_state": self.seed,
        }
        columns = np.asarray(np.isfinite(train[0]).any(axis=0))  # a feature that is always missing is refused
        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        booster = kind(**settings).fit(train[0][:, columns], train[1])
        rounds = len(booster._predictors) if stop is None else _best_round(booster, stop[0][:, columns], stop[1])
        codes = booster.classes_.astype(np.int64) if classes else np.zeros(0, np.int64)
        return _forest(booster, rounds, codes, classes or 1, columns)

    def computed(self, data: Sequences) -> Array:
        """See `FeatureModel.computed`."""

        def scores(rows: NDArray[np.bool_]) -> Array:
            features = features_at(data, rows, self.lags_)
            return np.concatenate([forest(features) for forest in self.forests_], axis=1)

        return spread_out(data, scores)

    def size(self, steps: float) -> Size:
        """Trees, their nodes, and a walk from root to leaf in each tree for a step."""
        del steps
        nodes = sum(len(forest.nodes["is_leaf"]) for forest in self.forests_)
        trees = sum(len(forest.first) - 1 for forest in self.forests_)
        depth = 0.0
        for forest in self.forests_:
            for begin, end in zip(forest.first[:-1], forest.first[1:], strict=True):
                leaves = forest.nodes["is_leaf"][begin:end] == 1
                depth += float(forest.nodes["depth"][begin:end][leaves].mean())
        return Size(trees, nodes, nodes, None, depth + trees, float(len(self.classes_)))

    def arrays(self) -> Arrays:
        """Nodes of each forest by name."""
        arrays: dict[str, Array] = {"lags": np.array([self.lags_], np.int64)}
        for k, forest in enumerate(self.forests_):
            arrays |= {f"{k}.{name}": forest.nodes[name] for name in _NODE}
            arrays |= {
                f"{k}.first": forest.first,
                f"{k}.base": forest.base,
                f"{k}.codes": forest.codes,
                f"{k}.columns": forest.columns,
                f"{k}.width": np.array([forest.width], np.int64),
            }
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave; see `FeatureModel.restore`."""
        self.lags_ = int(arrays["lags"][0])
        if not 0 <= self.lags_ <= _MOST_LAGS:
            raise ValueError(f"it reads {self.lags_} steps back")
        count = len({name.partition(".")[0] for name in arrays if name != "lags"})
        self.forests_ = [_checked(arrays, k, len(self.classes_)) for k in range(count)]
        if count != (1 if len(self.classes_) else len(self.outputs_)):
            raise ValueError(f"it holds {count} forests for {len(self.outputs_)} outputs")


def _best_round(booster: Any, x: Array, y: Array) -> int:
    """Rounds with the least error on validation."""
    if not hasattr(booster, "classes_"):
        return 1 + int(np.argmin([float(np.square(answers - y).mean()) for answers in booster.staged_predict(x)]))
    codes = booster.classes_.astype(np.int64)
    known = np.isin(y, codes)
    truth = np.searchsorted(codes, y[known])
    losses = [
        float(-np.log(np.maximum(shares[np.arange(len(truth)), truth], 1e-12)).mean())
        for shares in booster.staged_predict_proba(x[known])
    ]
    return 1 + int(np.argmin(losses))


def _forest(booster: Any, rounds: int, codes: NDArray[np.int64], width: int, columns: NDArray[np.bool_]) -> Forest:
    """The trees of a booster as arrays; scikit-learn has no public name for them."""
    trees = [tree.nodes for trees in booster._predictors[:rounds] for tree in trees]
    nodes = np.concatenate(trees)
    names = {"feature": "feature_idx", "threshold": "num_threshold", "missing_left": "missing_go_to_left"}
    named = {name: nodes[names.get(name, name)].astype(dtype) for name, dtype in _NODE.items()}
    first = np.cumsum([0, *map(len, trees)]).astype(np.int64)
    base = np.asarray(booster._baseline_prediction, np.float64).reshape(-1)
    return Forest(named, first, base, codes, width, columns)


def _checked(arrays: Arrays, k: int, classes: int) -> Forest:
    """A forest of a file whose every walk ends within its tree.

    Raises:
        ValueError: a node leads elsewhere, or the sizes disagree.
    """
    nodes = {name: arrays[f"{k}.{name}"].astype(dtype) for name, dtype in _NODE.items()}
    first, base = arrays[f"{k}.first"].astype(np.int64), arrays[f"{k}.base"].astype(np.float64)
    columns, codes = arrays[f"{k}.columns"].astype(np.bool_), arrays[f"{k}.codes"].astype(np.int64)
    width = int(arrays[f"{k}.width"][0])
    count = len(nodes["is_leaf"])
    if {len(value) for value in nodes.values()} != {count} or not len(base) or (len(first) - 1) % len(base):
        raise ValueError("its trees have nodes of unequal number")
    if width != max(1, classes) or (len(codes) and not (0 <= codes.min() <= codes.max() < width)):
        raise ValueError(f"its trees answer {width} columns")
    if len(codes) and len(base) != (1 if len(codes) == 2 else len(codes)):
        raise ValueError("its trees are of other classes")
    if first[0] != 0 or first[-1] != count or (np.diff(first) < 1).any():
        raise ValueError("its trees do not follow one another")
    place = np.arange(count) - np.repeat(first[:-1], np.diff(first))
    size = np.repeat(np.diff(first), np.diff(first))
    inner = nodes["is_leaf"] == 0
    for side in ("left", "right"):  # a node leads further down, so that every walk ends
        if (inner & ((nodes[side] <= place) | (nodes[side] >= size))).any():
            raise ValueError("a node of its trees leads to none")
    if (inner & ((nodes["feature"] < 0) | (nodes["feature"] >= columns.sum()))).any():
        raise ValueError("a node of its trees asks for a feature that is not there")
    return Forest(nodes, first, base, codes, width, columns)


def some_rows(rng: np.random.Generator, x: Array, y: Array, most: int) -> tuple[Array, Array]:
    """All rows of features and targets, or `most` of them drawn by chance, in order; 1,000 at least."""
    if len(x) <= most:
        return x, y
    rows = np.sort(rng.choice(len(x), max(most, 1000), replace=False)) if len(x) > 1000 else np.arange(len(x))
    return x[rows], y[rows]


def _one_thread() -> Any:
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError("BoostedTrees", "sklearn", "estimators") from None
    return threadpool_limits(1)
