"""Fits of one model: plain, and mitigated at little cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.fair.options import Scores
from caudal.data import Encoder, Sequences
from caudal.energy import estimate
from caudal.fair.diagnose.summaries import summaries
from caudal.fair.mitigate import Penalty, reweighing
from caudal.fair.mitigate.circuit.hidden_states import readings
from caudal.fair.mitigate.readout import trained_on
from caudal.nn import Readout, build_cell
from caudal.nn.operations import Operations, operations
from caudal.train import Examples, TrainRecipe, examples, fit

Codes = NDArray[np.int64]
UNITS, UPDATES, PRICES = 16, 150, (2.0, 10.0, 50.0)
_TREES = {"max_iter": 80, "learning_rate": 0.08, "max_depth": 3}


@dataclass(frozen=True, eq=False)
class Parts:
    """Series to train on, to choose thresholds and points by, and to judge by."""

    train: Sequences
    choose: Sequences
    test: Sequences

    @property
    def truth(self) -> tuple[NDArray[np.bool_], ...]:
        """Classes of the three."""
        return tuple(np.asarray(part.target) == 1 for part in (self.train, self.choose, self.test))


@dataclass(frozen=True, eq=False)
class Fits:
    """A plain model, and how it is mitigated.

    Attributes:
        plain: its scores.
        mitigated: scores of its mitigated fits by name, given a group of each training series, -1 for none.
        rows: inputs for an estimator of fairlearn's reductions: of the series to train on, to choose by, to judge by.
        make: that estimator.
        work: of one decision.
    """

    plain: Scores
    mitigated: Callable[[Codes], dict[str, Scores]]
    rows: tuple[Any, Any, Any]
    make: Callable[[], Any]
    work: Operations

    @property
    def energy(self) -> tuple[float, float]:
        """Microjoules of one decision, least and most, by the table of Horowitz 2014 with weights in SRAM."""
        joules = estimate(self.work)
        return 1e6 * float(joules.low or 0.0), 1e6 * float(joules.high or 0.0)


def net_fits(cell: str, parts: Parts, seed: int, epochs: int) -> Fits:
    """A network of 16 units; mitigated, its readout is trained anew with weights, or with a price on the gap.

    The recurrent layer stays as it is, so that a point of the curve costs seconds, and the price meets a net that
    already tells the classes apart. fairlearn's reductions get the same: a linear readout of what the layer gives.
    """
    paired = cell == "gru-d"
    encoder = Encoder.fit(parts.train, indicators="all" if paired else "auto")
    seen = [examples(encoder, part, paired=paired) for part in (parts.train, parts.choose, parts.test)]
    count = np.bincount(np.asarray(parts.train.target), minlength=2)
    alike = count.sum() / (2 * count)
    recipe = TrainRecipe(
        epochs=epochs,
        lr=0.008,
        batch_size=64,
        patience=0,
        seed=seed,
        by_length=True,
        class_weights=tuple(map(float, alike)),
    )
    net = build_cell("fair", cell, seen[0].x.shape[2], UNITS, 2, seed=seed)
    fit(net, seen[0], recipe=recipe, progress=False)
    read = [_read(net, part) for part in seen]
    weight = torch.tensor(alike[np.asarray(parts.train.target)]).float()

    def scores(readout: nn.Linear) -> Scores:
        with torch.no_grad():
            return Scores(*(torch.softmax(readout(states).double(), 1)[:, 1].numpy() for states in read[1:]))

    def again(who: Codes, row_weight: Tensor, price: float) -> Scores:
        term = Penalty("equal_opportunity", weight=price, positive=1) if price else None
        target = torch.tensor(np.asarray(parts.train.target))
        return scores(
            trained_on(net.map, read[0], target, torch.tensor(who), row_weight, term, updates=UPDATES, lr=0.02)
        )

    def mitigated(who: Codes) -> dict[str, Scores]:
        row_weight = weight * torch.tensor(weights(who, np.asarray(parts.train.target))).float()
        priced = {f"penalty {price:g}": again(who, weight, price) for price in PRICES}
        return {"reweighing": again(who, row_weight, 0.0), **priced}

    def make() -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=300)

    typical = float(parts.test.lengths.mean())
    rows = read[0].numpy(), read[1].numpy(), read[2].numpy()
    return Fits(scores(net.map), mitigated, rows, make, operations(net, typical).times(typical))


def _read(net: Readout, data: Examples) -> Tensor:
    """What the decision reads; series of like length share a batch."""
    order = torch.argsort(data.lengths)
    states = torch.empty(len(data), net.layer.outputs)
    for index in torch.split(order, 512):
        states[index] = readings(net, data.rows(index))[0]
    return states


def tree_fits(parts: Parts, seed: int) -> Fits:
    """80 boosted trees of depth 3 on summaries of each input, and the same with weights of two strengths."""
    rows = [
        np.stack([column.values for column in summaries(part)], 1) for part in (parts.train, parts.choose, parts.test)
    ]
    live = [len(np.unique(column[np.isfinite(column)])) > 1 for column in rows[0].T]
    train, choose, test = (part[:, live] for part in rows)
    y = np.asarray(parts.train.target)
    alike = (len(y) / (2 * np.bincount(y, minlength=2)))[y]

    def make() -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(random_state=seed, **_TREES)

    def scores(weight: Any) -> Scores:
        model = make().fit(train, y, sample_weight=weight)
        return Scores(*(np.asarray(model.predict_proba(part)[:, 1]) for part in (choose, test)))

    def mitigated(who: Codes) -> dict[str, Scores]:
        row_weight = weights(who, y)
        return {"reweighing": scores(alike * row_weight), "reweighing, squared": scores(alike * row_weight**2)}

    count, cells = float(_TREES["max_iter"]), float(parts.test.lengths.mean() * parts.test.inputs)
    # Summaries take a product and four sums of each cell; a tree reads input and threshold at each of three forks.
    work = Operations(macs=cells, adds=3 * cells + count, comparisons=3 * count, weights=7 * count, ends=cells)
    return Fits(scores(alike), mitigated, (train, choose, test), make, work)


def weights(who: Codes, y: Codes) -> NDArray[np.float64]:
    """Reweighing among those whose group counts; 1 for the others."""
    factors = np.ones(len(y))
    if len(np.unique(who[who >= 0])) > 1:
        factors[who >= 0] = reweighing(who[who >= 0], y[who >= 0])
    return factors
