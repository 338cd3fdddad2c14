"""A decision tree for each neuron: its state predicted from named features, with its fidelity on other series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError
from caudal.explain.neurons.responses import Responses
from caudal.extras import need
from caudal.intervals import Interval
from caudal.typing import Floats

Intervals = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class NeuronPath:
    """One way down a tree: a conjunction of intervals.

    Attributes:
        limits: feature -> `(above, at most)`; infinite where open.
        value: mean response of the training rows on this path.
        share: of the training rows.

    Example:
        >>> print(NeuronPath({"ast": (40.0, np.inf), "dt": (-np.inf, 2.5)}, 0.81, 0.25))
        ast > 40 and dt <= 2.5: 0.81 (25 % of steps)
    """

    limits: Intervals
    value: float
    share: float

    def __str__(self) -> str:
        parts = []
        for name, (low, high) in self.limits.items():
            if np.isfinite(low) and np.isfinite(high):
                parts.append(f"{low:.4g} < {name} <= {high:.4g}")
            else:
                parts.append(f"{name} > {low:.4g}" if np.isfinite(low) else f"{name} <= {high:.4g}")
        return f"{' and '.join(parts) or 'always'}: {self.value:.3g} ({self.share:.0%} of steps)".replace("%", " %")

    def meets(self, other: "NeuronPath") -> bool:
        """Whether some state of the world lies on both paths."""
        return all(
            max(low, other.limits[name][0]) < min(high, other.limits[name][1])
            for name, (low, high) in self.limits.items()
            if name in other.limits
        )


@dataclass(frozen=True, eq=False)
class NeuronTree:
    """What one neuron responds to.

    Attributes:
        neuron: name.
        paths: leaves, the most frequent first.
        fidelity: share of the variance of the response on series the tree was not grown on, with a 95 % interval over
            series. Below 0 it is worse than the mean.
        features: names that the tree asks about, by how much they explain.
        leaf_of: leaf of rows `(rows, features)`, as positions in `paths`.
    """

    neuron: str
    paths: tuple[NeuronPath, ...]
    fidelity: Interval
    features: tuple[str, ...]
    _tree: Any
    _order: NDArray[np.int64]

    def leaf_of(self, known: Floats) -> NDArray[np.int64]:
        """Path of each row, as a position in `paths`."""
        positions: NDArray[np.int64] = self._order[self._tree.apply(known.astype(np.float32))]
        return positions

    def predict(self, known: Floats) -> Floats:
        """Response that the tree expects, `(rows,)`."""
        return np.array([path.value for path in self.paths])[self.leaf_of(known)]

    def __str__(self) -> str:
        low, high = self.fidelity.low, self.fidelity.high
        head = f"{self.neuron}: fidelity {self.fidelity.value:.2f} [{low:.2f}, {high:.2f}] on other series"
        return "\n".join([head, *(f"  {path}" for path in self.paths)])


def halves(observed: Responses, seed: int) -> tuple[Responses, Responses]:
    """Rows of some series to grow trees on, and rows of the others.

    Raises:
        InputError: there are fewer than 4 series.
    """
    names = np.unique(observed.series)
    if len(names) < 4:
        fault = f"holds {len(names)} series; trees are grown on some and measured on others"
        raise InputError("neuron_trees", "data", fault, "Pass at least 4 series.")
    order = np.random.default_rng(seed).permutation(names)
    grown = np.isin(observed.series, order[: max(len(names) * 2 // 3, 2)])
    return observed.rows(grown), observed.rows(~grown)


def grow(observed: Responses, *, depth: int = 3, seed: int = 0, resamples: int = 200) -> tuple[NeuronTree, ...]:
    """One tree per neuron, grown on two thirds of the series and measured on the rest.

    Arguments:
        observed: see `responses`.
        depth: most questions on a path.
        seed: which series grow the trees.
        resamples: of the series, for the intervals.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        InputError: there are too few series, or the depth is below 1.
    """
    tree_models = need("neuron_trees", "sklearn.tree")
    if depth < 1:
        raise InputError("neuron_trees", "depth", f"is {depth}; expected at least 1", "Pass `depth=3`.")
    train, test = halves(observed, seed)
    trees = []
    for k, name in enumerate(observed.neurons):
        leaf = max(5, len(train) // 100)
        tree = tree_models.DecisionTreeRegressor(max_depth=depth, min_samples_leaf=leaf, random_state=seed)
        tree.fit(train.known.astype(np.float32), train.values[:, k])
        paths, order = _paths(tree.tree_, train.features)
        asked = np.argsort(-tree.feature_importances_)
        features = tuple(train.features[j] for j in asked if tree.feature_importances_[j] > 0)
        fidelity = _fidelity(tree.predict(test.known.astype(np.float32)), test.values[:, k], test.series, resamples)
        trees.append(NeuronTree(name, paths, fidelity, features, tree, order))
    return tuple(trees)


def _paths(tree: Any, features: tuple[str, ...]) -> tuple[tuple[NeuronPath, ...], NDArray[np.int64]]:
    """Leaves as paths, and for each node of the tree its position among them."""
    total = float(tree.n_node_samples[0])
    leaves: list[tuple[int, NeuronPath]] = []
    waiting: list[tuple[int, dict[str, tuple[float, float]]]] = [(0, {})]
    while waiting:
        node, limits = waiting.pop()
        if tree.children_left[node] < 0:
            value, share = float(tree.value[node].ravel()[0]), float(tree.n_node_samples[node]) / total
            leaves.append((node, NeuronPath(limits, value, share)))
            continue
        name, cut = features[tree.feature[node]], float(tree.threshold[node])
        low, high = limits.get(name, (-np.inf, np.inf))
        waiting.append((tree.children_left[node], {**limits, name: (low, min(high, cut))}))
        waiting.append((tree.children_right[node], {**limits, name: (max(low, cut), high)}))
    leaves.sort(key=lambda leaf: -leaf[1].share)
    order = np.full(tree.node_count, -1, np.int64)
    order[[node for node, _ in leaves]] = np.arange(len(leaves))
    return tuple(path for _, path in leaves), order


def _fidelity(predicted: Floats, truth: Floats, series: NDArray[np.int64], resamples: int) -> Interval:
    """Share of variance explained, with a bootstrap over series."""
    place = np.unique(series, return_inverse=True)[1]
    count = int(place.max()) + 1
    sums = np.stack(
        [np.bincount(place, part, count) for part in (np.ones_like(truth), truth, truth**2, (truth - predicted) ** 2)]
    )

    def share(total: Floats) -> Floats:
        n, first, second, missed = total
        return np.asarray(1 - missed / np.maximum(second - first**2 / np.maximum(n, 1), 1e-300))

    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)
    low, high = np.quantile(share(np.asarray(sums @ draws.T, np.float64)), [0.025, 0.975])
    return Interval(float(share(sums.sum(1))), float(low), float(high))
