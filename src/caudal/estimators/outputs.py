"""What the network of an estimator says, batch by batch."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from caudal.audit import log_series
from caudal.errors import DataError
from caudal.kernels import exact
from caudal.monitor.guard import flat
from caudal.train import answer_and_state, examples

if TYPE_CHECKING:
    from caudal.audit import Log
    from caudal.estimators.base import LiquidEstimator

_BATCH = 256


def outputs(model: "LiquidEstimator", x: Any, log: "Log | None" = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Outputs of the network, on the CPU, with the lengths of the series.

    Arguments:
        model: trained.
        x: what `predict` takes.
        log: where each answer is written down, in replay mode.

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
                with nullcontext() if log is None else exact():
                    found, state = answer_and_state(model.net_, batch)
                out = found.cpu()
                if log is not None:
                    states = None if log.guard is None else flat(state)
                    log_series(log, model, data, index.tolist(), out.numpy(), states)
                yield out, batch.lengths.cpu()
