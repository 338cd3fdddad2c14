"""Share of the influence that falls on what was planted, for liquid nets and for an LSTM trained alike."""

from dataclasses import dataclass

import torch

from caudal.bench.explain_tasks import TASKS
from caudal.explain import ask, influence
from caudal.nn import Readout
from caudal.nn.cells import build_cell
from caudal.train import TrainRecipe, answer, fit

TRAIN, VAL, TEST = 2000, 200, 100


@dataclass(frozen=True)
class PlantedRow:
    """One net on one planted task.

    Attributes:
        task, cell, seed: which.
        accuracy: on test series.
        share: of the influence, in size, on planted cells, mean over the test series that the net tells right.
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
    chance: float
    delta: float
    flagged: float
    parameters: int


def planted(task: str, cell: str, seed: int, units: int = 24, epochs: int = 60) -> PlantedRow:
    """Train one net on one task and mark its explanation.

    Example:
        >>> row = planted("rare feature", "lstm", 0, units=4, epochs=1)
        >>> row.chance < 0.12, 0 <= row.share <= 1
        (True, True)
    """
    data = TASKS[task](TRAIN + VAL + TEST, 1000 + seed)
    parts = [data.examples(rows) for rows in (slice(0, TRAIN), slice(TRAIN, TRAIN + VAL), slice(TRAIN + VAL, None))]
    net: Readout = build_cell("bench explain", cell, data.x.shape[2], units, 2, pool="mean", seed=seed)
    fit(
        net,
        parts[0],
        parts[1],
        TrainRecipe(epochs=epochs, lr=0.02, batch_size=64, patience=20, seed=seed),
        progress=False,
    )
    test = parts[2]
    with torch.no_grad():
        right = answer(net, test).argmax(1) == data.label[TRAIN + VAL :]
    rows = right.nonzero()[:, 0]
    question = ask(net, test.x[rows], test.dt[rows])
    found = influence(question, "everything", "path")
    size = torch.from_numpy(found.values).abs()
    share = (size * data.truth[TRAIN + VAL :][rows]).sum((1, 2)) / size.sum((1, 2))
    flagged = float((found.deltas > 0.01).mean())
    count = sum(p.numel() for p in net.parameters())
    return PlantedRow(
        task, cell, seed, float(right.float().mean()), float(share.mean()), data.chance, found.delta, flagged, count
    )
