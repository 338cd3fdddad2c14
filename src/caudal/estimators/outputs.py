"""What the network of an estimator says, batch by batch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from caudal.errors import DataError
from caudal.train import answer, examples

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

_BATCH = 256


def outputs(model: "LiquidEstimator", x: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """Outputs of the network, on the CPU, with the lengths of the series.

    Arguments:
        model: trained.
        x: what `predict` takes.

    Raises:
        DataError: the data ask for something else than the training did.
    """
    for data in model.parts(x):
        if data.task != model.task_:
            fault = f"asks to {data.task}; the model was trained to {model.task_}"
            raise DataError(type(model).__name__, "X", fault, "Read the data with the task of the training.")
        seen = examples(model.encoder_, data.without_target(), paired=model.cell == "gru-d")
        device = next(model.net_.parameters()).device
        with torch.no_grad():
            for index in torch.split(torch.arange(len(seen)), _BATCH):
                batch = seen.rows(index, device)
                yield answer(model.net_, batch).cpu(), batch.lengths.cpu()
