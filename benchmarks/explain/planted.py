"""Share of the influence that falls on what was planted, for liquid nets and for an LSTM trained alike."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.explain.tasks import TASKS
from caudal.explain import ask, influence
from caudal.nn import Readout
from caudal.nn.registry import build_cell
from caudal.train import TrainRecipe, answer, fit


class Work(NamedTuple):
    """How a net is trained: series, passes, series of one update; the same for every cell."""

    series: int
    epochs: int
    batch: int


# So many series, and weights held so small, that little is learnt of the noise.
WORK = Work(40_000, 5, 64)
# Two pulses to compare take more passes before anything is learnt at all.
LONGER = {"interaction": Work(20_000, 12, 128)}
VAL, TEST, RATE, DECAY = 500, 100, 0.02, 0.1
LIQUID, GATED, SOLVED = "cfc-ncp", "lstm", 0.90
CELLS = (LIQUID, GATED)
# Also run where the wired net does not learn the task: a CfC beside the memory of an LSTM.
MORE = {"interaction": ("mixed",)}


@dataclass(frozen=True)
class PlantedRow:
    """One net on one planted task.

    Attributes:
        task, cell, seed: which.
        accuracy: on test series.
        share: of the influence, in size, on planted cells, mean over the test series that the net tells right.
        occluded: the same share by setting cells to their baseline one at a time.
        chance: share of the cells that are planted.
        delta: worst completeness error.
        flagged: share of the series flagged for it.
        parameters: of the net.
    """

    task: str
    cell: str
    seed: int
    accuracy: float
    share: float
    occluded: float
    chance: float
    delta: float
    flagged: float
    parameters: int


def planted(task: str, cell: str, seed: int, units: int = 24, work: Work | None = None) -> PlantedRow:
    """Train one net on one task and mark its explanation.

    Arguments:
        task, cell, seed: which.
        units: neurons.
        work: training; that of the task if left out.

    Example:
        >>> row = planted("rare feature", "lstm", 0, units=4, work=Work(100, 1, 64))
        >>> row.chance < 0.12, 0 <= row.share <= 1
        (True, True)
    """
    count, epochs, batch = work or LONGER.get(task, WORK)
    data = TASKS[task](count + VAL + TEST, 1000 + seed)
    ends = (slice(0, count), slice(count, count + VAL), slice(count + VAL, None))
    parts = [data.examples(rows) for rows in ends]
    net: Readout = build_cell("explain", cell, data.x.shape[2], units, 2, pool="mean", seed=seed)
    recipe = TrainRecipe(epochs, RATE, batch, weight_decay=DECAY, seed=seed)
    fit(net, parts[0], parts[1], recipe, progress=False)
    test, truth = parts[2], data.truth[count + VAL :]
    with torch.no_grad():
        right = answer(net, test).argmax(1) == data.label[count + VAL :]
    rows = right.nonzero()[:, 0]
    question = ask(net, test.x[rows], test.dt[rows])
    path = influence(question, "everything", "path")
    occluded = influence(question, "everything", "occlusion")
    share, other = (_share(explanation.values, truth[rows]) for explanation in (path, occluded))
    flagged = float((path.deltas > 0.01).mean())
    parameters = sum(p.numel() for p in net.parameters())
    return PlantedRow(
        task, cell, seed, float(right.float().mean()), share, other, data.chance, path.delta, flagged, parameters
    )


def _share(values: NDArray[np.float64], truth: Tensor) -> float:
    size = torch.from_numpy(values).abs()
    return float(((size * truth).sum((1, 2)) / size.sum((1, 2))).mean())
