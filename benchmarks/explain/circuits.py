"""Circuit explanations of nets trained on real data, against what really happens when synapses are cut."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from caudal.data import Encoder
from caudal.data.datasets import load
from caudal.errors import DataError
from caudal.explain import (
    Likeness,
    Question,
    ask,
    coverage,
    decision_circuits,
    fidelity,
    influence,
    likeness,
    spearman,
    trace,
)
from caudal.explain.influence.record import Influence
from caudal.explain.scorecard.randomised import counted
from caudal.explain.scorecard.scorecard import DRAWS
from caudal.nn import Readout
from caudal.nn.registry import build_cell
from caudal.train import Examples, TrainRecipe, answer, examples, fit

DATA = {"japanese-vowels": 150, "nafld": 12, "smartwatch": 40}
MOST_TRAIN = 3000


@dataclass(frozen=True)
class CircuitRow:
    """One wired net on one data set.

    Attributes:
        data, cell, seed: which.
        accuracy: on all test series; balanced over the classes.
        synapses: of the circuit.
        series: how many test series were explained.
        delta: worst completeness error of path integrals over inputs and gaps.
        flagged: share of the series flagged for it, none of which is hidden.
        circuit_delta: the same of path integrals over synapses.
        circuit_flagged: share flagged of those.
        spearman: by method, mean over series of the signed rank correlation with cutting each synapse.
        kept: by method, share of the decisions kept by the top third of the synapses.
        rho: by what is looked at, rank correlation with nets drawn anew as the scorecard holds it: signed, mean over
            series, mean of its size over draws.
        likeness: by what is looked at, the other ways to tell it; see `caudal.explain.Likeness`.
        covered: share of the parameters that are drawn anew.
    """

    data: str
    cell: str
    seed: int
    accuracy: float
    synapses: int
    series: int
    delta: float
    flagged: float
    circuit_delta: float
    circuit_flagged: float
    spearman: dict[str, float]
    kept: dict[str, float]
    rho: dict[str, float]
    likeness: dict[str, dict[str, float]]
    covered: float


def currents(question: Question) -> Tensor:
    """What is usually drawn: the mean synaptic current of each synapse, `(batch, synapses)`, over all heads.

    Example:
        >>> from caudal.nn import LTC, Readout
        >>> currents(ask(Readout(LTC(2, 3), 2), torch.zeros(4, 5, 2))).shape
        torch.Size([4, 15])
    """
    traced = trace(question.model, question.x, question.dt, mask=question.mask)["currents"]
    flat = traced if traced.dim() == 3 else traced.sum(2)
    return flat.sum(1) / question.mask.sum(1, keepdim=True)


def top_third(values: Tensor) -> Tensor:
    """Strengths that keep the third of the synapses with the largest values.

    Example:
        >>> top_third(torch.tensor([[1.0, 3.0, 2.0]])).tolist()
        [[0.0, 1.0, 0.0]]
    """
    count = -(-values.shape[1] // 3)
    return torch.zeros_like(values).scatter(1, values.argsort(dim=1, descending=True)[:, :count], 1)


def question_of(data: str, cell: str, seed: int, epochs: int, series: int) -> tuple[Question, float]:
    """A trained net and test series drawn evenly, with the balanced accuracy on all of them.

    Raises:
        DataError: the data set is none of those of the benchmark.
    """
    if data not in DATA:
        raise DataError("explain", "data", f"is {data!r}; there are {', '.join(DATA)}", "Name one of them.")
    net, encoder, test, accuracy = trained(
        data, cell, seed, TrainRecipe(epochs=epochs, lr=0.02, patience=40, seed=seed)
    )
    rows = torch.linspace(0, len(test) - 1, min(series, len(test))).round().long()
    some = test.rows(rows)
    return ask(net, some.x, some.dt, lengths=some.lengths, names=encoder.channels), accuracy


def trained(
    data: str, cell: str, seed: int, recipe: TrainRecipe, *, pool: str = "mean"
) -> tuple[Readout, Encoder, Examples, float]:
    """A net of 20 neurons trained on a data set with its classes weighed alike.

    Returns:
        net, encoder, test series, and the balanced accuracy on them.

    Raises:
        DataError: the data set has no classes.
    """
    dataset = load(data)
    train = dataset.train.select(np.arange(min(MOST_TRAIN, len(dataset.train))))
    encoder = Encoder.fit(train)
    parts = [examples(encoder, part) for part in (train, dataset.val, dataset.test)]
    classes = len(dataset.sequences.classes)
    net = build_cell("explain", cell, parts[0].x.shape[2], 20, classes, pool=pool, seed=seed)
    fit(net, parts[0], parts[1], replace(recipe, class_weights=_weights(parts[0], classes)), progress=False)
    test = parts[2]
    with torch.no_grad():
        predicted = torch.cat(
            [answer(net, test.rows(part)).argmax(1) for part in torch.split(torch.arange(len(test)), 256)]
        )
    return net, encoder, test, _balanced(predicted, test, classes)


def _weights(train: Examples, classes: int) -> tuple[float, ...]:
    if train.target is None:
        raise DataError("explain", "data", "have no target", "Take a data set that is classified.")
    counts = torch.bincount(train.target, minlength=classes).double()
    return tuple((counts.sum() / (classes * counts.clamp_min(1))).tolist())


def _balanced(predicted: Tensor, test: Examples, classes: int) -> float:
    truth = predicted if test.target is None else test.target
    each = [(predicted[truth == k] == k).double().mean() for k in range(classes) if bool((truth == k).any())]
    return float(torch.stack(each).mean())


def circuits(data: str, cell: str, seed: int = 0, *, epochs: int | None = None, series: int = 40) -> CircuitRow:
    """Train, explain, and cut: the figures of one net."""
    question, accuracy = question_of(data, cell, seed, DATA.get(data, 0) if epochs is None else epochs, series)
    cells = influence(question, "everything", "path")
    influences = {
        method: influence(question, "synapses", method) for method in ("gradient", "halved", "path", "removal")
    }
    values = {method: torch.from_numpy(record.values) for method, record in influences.items()}
    values = {"currents": currents(question).double(), **values}
    like = question.x.dtype
    masks = {name: top_third(scores).to(like) for name, scores in values.items()}
    masks |= {f"{name}, by size": top_third(scores.abs()).to(like) for name, scores in values.items()}
    masks["cut in rounds"] = decision_circuits(question, rounds=12)
    drawn = {
        "inputs and dt, path": _drawn_anew(question, cells),
        "synapses, removal": _drawn_anew(question, influences["removal"]),
    }
    return CircuitRow(
        data,
        cell,
        seed,
        accuracy,
        values["path"].shape[1],
        len(question),
        cells.delta,
        float((cells.deltas > 0.01).mean()),
        influences["path"].delta,
        float((influences["path"].deltas > 0.01).mean()),
        {name: _mean(spearman(scores, values["removal"])) for name, scores in values.items()},
        {name: float(fidelity(question, mask).double().mean()) for name, mask in masks.items()},
        {name: comparison.over_series for name, comparison in drawn.items()},
        {name: comparison._asdict() for name, comparison in drawn.items()},
        coverage(question.model),
    )


def _drawn_anew(question: Question, explanation: Influence, series: int = 20) -> Likeness:
    """The explanation beside those of ten nets drawn anew, on some of the series."""
    index = torch.linspace(0, len(question) - 1, min(series, len(question))).round().long()
    values = torch.from_numpy(explanation.values)[index].flatten(1)

    def again(other: Question) -> Tensor:
        anew = influence(other, explanation.on, explanation.method)  # type: ignore[arg-type]  # a method that the record holds
        return torch.from_numpy(anew.values).flatten(1)

    asked = question.rows(index)
    return likeness(asked, values, again, DRAWS, 0, counted(asked, explanation.on, values))


def _mean(values: Tensor) -> float:
    return float(values[~values.isnan()].mean())
