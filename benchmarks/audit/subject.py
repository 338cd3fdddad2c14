"""A small classifier on real data for the benchmarks of the audit room: what it asks of an estimator, and no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import Encoder, Sequences
from caudal.data.datasets import load
from caudal.nn import Readout
from caudal.nn.registry import build_cell
from caudal.train import TrainRecipe, answer, examples, fit

_MOST = 2500


@dataclass(eq=False)
class Subject:
    """A trained network with what `caudal.audit` asks of an estimator."""

    net_: Readout
    encoder_: Encoder
    classes_: tuple[Any, ...]
    cell: str
    task_: str = "classify"

    def read(self, data: Sequences, *, target: bool = False) -> Sequences:
        """The series as they are."""
        return data

    def parts(self, data: Sequences) -> Iterator[Sequences]:
        """The series as they are."""
        yield data

    def predict_proba(self, data: Sequences) -> NDArray[np.float64]:
        """Probabilities, `(series, classes)`."""
        seen = examples(self.encoder_, data.without_target())
        with torch.no_grad():
            scores = [answer(self.net_, seen.rows(part)) for part in torch.split(torch.arange(len(seen)), 256)]
        return torch.softmax(torch.cat(scores).double(), -1).numpy()


def subject(folder: str | None, units: int = 16, epochs: int = 6) -> tuple[Subject, Sequences, str]:
    """A network trained on half of the series, and the half that it has not seen, with the column of its groups.

    Arguments:
        folder: of PhysioNet 2012 (groups: kind of intensive care unit); None for nafld (groups: sex).
        units: neurons.
        epochs: of the training.
    """
    dataset, by = (load("nafld"), "sex") if folder is None else (load("physionet2012", folder), "icu")
    data = dataset.sequences
    order = np.random.default_rng(0).permutation(len(data))
    half = len(data) // 2
    train, unseen = data.select(np.sort(order[:half][:_MOST])), data.select(np.sort(order[half:]))
    encoder = Encoder.fit(train)
    seen = examples(encoder, train)
    net = build_cell("audit", "cfc", seen.x.shape[2], units, len(data.classes), pool="mean", seed=0)
    fit(net, seen, None, TrainRecipe(epochs=epochs, lr=0.02, seed=0), progress=False)
    return Subject(net, encoder, data.classes, "cfc"), unseen, by
