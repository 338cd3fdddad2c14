"""Interpretability of neurons: four figures with intervals, beside those of re-drawn networks.

With `z_i` the response of neuron `i` (scaled to variance 1), `P_k` the event that a step lies on path `k` of one of the
trees (paths of all trees together are the factors), `I` mutual information with `z_i` cut into bins of equal count, and
`H` entropy:

    variance    mean over neurons of E_k[ Var(z_i | path k of tree i) ]                        lower: paths say it all
    gap         mean over k of ( I(z_a; P_k) - I(z_b; P_k) ) / H(P_k), a and b the two neurons that know most of P_k
    modularity  mean over i of 1 - sum_(k /= m) I(z_i; P_k)^2 / ((K - 1) I(z_i; P_m)^2), m the factor z_i knows best
    conflict    share of pairs of neurons whose paths, as inferred from their responses alone, contradict each other
    accuracy    share of steps whose path is inferred rightly from the response alone

Factors that are always or never true are left out. The steps are those that no tree was grown on.

Source: the figures that Wang et al., CoRL 2023 (arXiv 2210.06650), propose for compact neural policies, written out as
they are computed here; the gap follows Chen et al., NeurIPS 2018, the modularity Ridgeway and Mozer, NeurIPS 2018.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.explain.neurons.responses import Responses, responses
from caudal.explain.neurons.trees import NeuronTree, grow, halves
from caudal.extras import need
from caudal.intervals import Interval
from caudal.nn import Layer
from caudal.typing import Floats

_BINS = 12
_MOST_FACTORS = 400


@dataclass(frozen=True)
class Figures:
    """The figures of one network; see the module for each."""

    variance: float
    gap: float
    modularity: float
    conflict: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Interpretability:
    """Figures of a trained network beside those of the same network with its parameters drawn anew.

    Attributes:
        trees: one per neuron.
        trained: each figure with a 95 % interval over series.
        null: each figure's mean over the re-drawn networks, with their 2.5 % and 97.5 % quantiles.
        draws: how many networks were drawn.
        steps: how many steps, of series that no tree was grown on, were measured.
    """

    trees: tuple[NeuronTree, ...]
    trained: dict[str, Interval]
    null: dict[str, Interval]
    draws: int
    steps: int

    def beyond_null(self, name: str) -> bool:
        """Whether the trained figure lies outside what re-drawn networks reach.

        Example:
            >>> value, null = Interval(0.2, 0.1, 0.3), Interval(0.5, 0.4, 0.6)
            >>> Interpretability((), {"gap": value}, {"gap": null}, 10, 100).beyond_null("gap")
            True
        """
        value, null = self.trained[name].value, self.null[name]
        return not null.low <= value <= null.high

    def __str__(self) -> str:
        lines = [f"{self.steps} steps, {self.draws} re-drawn networks"]
        for name, interval in self.trained.items():
            null = self.null[name]
            relation = "beyond" if self.beyond_null(name) else "within"
            lines.append(
                f"  {name:<10} {interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]; {relation} re-drawn "
                f"{null.value:.3f} [{null.low:.3f}, {null.high:.3f}]"
            )
        return "\n".join(lines)


def interpretability(
    model: Layer,
    encoder: Encoder,
    data: Sequences,
    *,
    depth: int = 3,
    draws: int = 20,
    resamples: int = 100,
    most: int = 2000,
    seed: int = 0,
) -> Interpretability:
    """Trees of all neurons, and the figures of the trained network beside re-drawn ones.

    Arguments:
        model: a layer, or a readout of one.
        encoder: fitted with it.
        data: series, normally others than those of the training.
        depth: of the trees.
        draws: networks with the same wiring whose parameters are drawn anew.
        resamples: of the series, for the intervals.
        most: steps to look at.
        seed: of every draw.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        InputError: there are too few series, or no draw was asked for.
        DataError: the series have other inputs.
    """
    if draws < 1:
        raise InputError("interpretability", "draws", f"is {draws}; expected at least 1", "Pass `draws=20`.")
    observed = responses(model, encoder, data, most=most, seed=seed)
    trees = grow(observed, depth=depth, seed=seed)
    _, test = halves(observed, seed)
    inferred = _inferred(trees, *halves(observed, seed))
    trained = _with_intervals(trees, test, inferred, resamples)
    null = []
    with torch.random.fork_rng(devices=[]):
        for k in range(draws):
            torch.manual_seed(seed + 1 + k)
            other = copy.deepcopy(model)
            other.reset_parameters()
            redrawn = responses(other, encoder, data, most=most, seed=seed)
            grown = grow(redrawn, depth=depth, seed=seed, resamples=1)
            train, rest = halves(redrawn, seed)
            null.append(figures(grown, rest, _inferred(grown, train, rest), np.ones(len(rest))))
    spread = {
        figure.name: _spread(
            [getattr(part, figure.name) for part in null], float(np.mean([getattr(p, figure.name) for p in null]))
        )
        for figure in fields(Figures)
    }
    return Interpretability(trees, trained, spread, draws, len(test))


def figures(trees: Sequence[NeuronTree], rows: Responses, inferred: NDArray[np.int64], weight: Floats) -> Figures:
    """The figures of given rows, each counted by its weight.

    Arguments:
        trees: of all neurons.
        rows: responses that no tree was grown on.
        inferred: `(rows, neurons)` path inferred from the response alone.
        weight: `(rows,)`.
    """
    leaves = np.stack([tree.leaf_of(rows.known) for tree in trees], 1)
    information, entropy = _information(trees, leaves, rows.values, weight)
    best = np.sort(information, 0)[::-1]
    second = best[1] if len(best) > 1 else np.zeros_like(entropy)
    gap = float(((best[0] - second) / entropy).mean()) if len(entropy) else 0.0
    share = weight / weight.sum()
    accuracy = float((share[:, None] * (inferred == leaves)).sum() / len(trees))
    return Figures(
        _variance(leaves, rows.values, share),
        gap,
        _modularity(information),
        _conflict(trees, inferred, share),
        accuracy,
    )


def _variance(leaves: NDArray[np.int64], values: Floats, share: Floats) -> float:
    unexplained = []
    for leaf, z in zip(leaves.T, values.T, strict=True):
        mean = share @ z
        whole = share @ (z - mean) ** 2
        mass = np.bincount(leaf, share)
        inside = np.bincount(leaf, share * z) / np.maximum(mass, 1e-300)
        unexplained.append(float(share @ (z - inside[leaf]) ** 2 / whole) if whole > 0 else 0.0)
    return float(np.mean(unexplained))


def _information(
    trees: Sequence[NeuronTree], leaves: NDArray[np.int64], values: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Mutual information `(neurons, factors)` in nats, and the entropy of each factor."""
    factors = np.concatenate(
        [leaves[:, k, None] == np.arange(len(tree.paths)) for k, tree in enumerate(trees)], 1
    ).astype(np.float64)[:, :_MOST_FACTORS]
    total = weight.sum()
    chance = weight @ factors / total
    known = (chance > 0) & (chance < 1)
    factors, chance = factors[:, known], chance[known]
    information = np.zeros((values.shape[1], factors.shape[1]))
    for i, z in enumerate(values.T):
        edges = np.unique(np.quantile(z, np.linspace(0, 1, _BINS + 1)[1:-1]))
        bins = np.searchsorted(edges, z, side="right")[:, None] == np.arange(len(edges) + 1)
        joint = (bins * weight[:, None]).T @ factors / total
        rest = (bins * weight[:, None]).sum(0)[:, None] / total - joint
        mass = joint + rest
        information[i] = _cross(joint, mass * chance) + _cross(rest, mass * (1 - chance))
    entropy = -chance * np.log(chance) - (1 - chance) * np.log(1 - chance)
    return information, entropy


def _cross(joint: Floats, apart: Floats) -> Floats:
    safe = np.where(joint > 1e-300, joint, 1.0)
    return np.asarray((joint * np.log(safe / np.where(joint > 1e-300, apart, 1.0))).sum(0))


def _modularity(information: Floats) -> float:
    if information.shape[1] < 2:
        return 1.0
    squares = information**2
    top = squares.max(1)
    rest = (squares.sum(1) - top) / ((information.shape[1] - 1) * np.maximum(top, 1e-300))
    return float((1 - rest).mean())


def _conflict(trees: Sequence[NeuronTree], inferred: NDArray[np.int64], share: Floats) -> float:
    pairs = list(combinations(range(len(trees)), 2))
    if not pairs:
        return 0.0
    total = 0.0
    for i, j in pairs:
        clash = np.array([[not a.meets(b) for b in trees[j].paths] for a in trees[i].paths])
        total += float(share @ clash[inferred[:, i], inferred[:, j]])
    return total / len(pairs)


def _inferred(trees: Sequence[NeuronTree], train: Responses, test: Responses) -> NDArray[np.int64]:
    """Path of each row, told from the response alone."""
    tree_models = need("interpretability", "sklearn.tree")
    predictions = []
    for k, tree in enumerate(trees):
        reads = tree_models.DecisionTreeClassifier(max_leaf_nodes=max(2, 2 * len(tree.paths)), random_state=0)
        reads.fit(train.values[:, k, None], tree.leaf_of(train.known))
        predictions.append(reads.predict(test.values[:, k, None]))
    return np.stack(predictions, 1)


def _with_intervals(
    trees: Sequence[NeuronTree], rows: Responses, inferred: NDArray[np.int64], resamples: int
) -> dict[str, Interval]:
    place = np.unique(rows.series, return_inverse=True)[1]
    count = int(place.max()) + 1
    draw = np.random.default_rng(0)
    estimate = figures(trees, rows, inferred, np.ones(len(rows)))
    resampled = []
    for _ in range(resamples):
        weight = draw.multinomial(count, np.full(count, 1 / count))[place].astype(np.float64)
        resampled.append(figures(trees, rows, inferred, weight))
    return {
        figure.name: _spread([getattr(part, figure.name) for part in resampled], getattr(estimate, figure.name))
        for figure in fields(Figures)
    }


def _spread(values: list[float], value: float) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975]) if values else (value, value)
    return Interval(value, float(low), float(high))
