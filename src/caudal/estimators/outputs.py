"""What the network of an estimator says, batch by batch."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from caudal.audit import log_series
from caudal.data import Encoder, Sequences
from caudal.data.changes import held_answers
from caudal.errors import DataError, InputError
from caudal.kernels import exact
from caudal.monitor.guard import flat
from caudal.nn import Readout
from caudal.nn.layer import State
from caudal.train import Examples, answer_and_state, examples
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.audit import Log
    from caudal.estimators.base import LiquidEstimator

Tell = Callable[[Tensor, Tensor, State], None]
# Series of one batch: of a log, and at most of any other, which holds so many steps with their padding.
_LOGGED, _MOST, _STEPS = 256, 1024, 32_768
# Steps of a batch with their padding, for each step that there is.
_PADDED = 1.25


def outputs(
    model: "LiquidEstimator", x: Any, log: "Log | None" = None, threshold: float | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Outputs of the network on the CPU and the lengths of the series, one chunk of the data after the other.

    Arguments:
        model: trained.
        x: what `predict` takes.
        log: where each answer is written down, in replay mode.
        threshold: that decides between two classes, which the log tells.

    Raises:
        DataError: the data ask for something else than the training did.
    """
    for data in model.parts(x):
        if data.task != model.task_:
            fault = f"asks to {data.task}; the model was trained to {model.task_}"
            raise DataError(type(model).__name__, "X", fault, "Read the data with the task of the training.")
        if log is not None and model.encoder_.thresholds and data.task.is_per_step:
            fault = "is given, and `send_on_change` answers some steps by what was answered before"
            raise InputError(type(model).__name__, "log", fault, "Log a model that computes every step.")
        tell = None if log is None else partial(_write, log, model, data, threshold)
        out = outputs_of(model.net_, model.encoder_, data, paired=model.cell == "gru-d", tell=tell)
        yield out, torch.tensor(data.lengths)


def _write(
    log: "Log",
    model: "LiquidEstimator",
    data: Sequences,
    threshold: float | None,
    index: Tensor,
    out: Tensor,
    state: State,
) -> None:
    """Write the answers of a batch down, and the states where a guard watches them."""
    states = None if log.guard is None else flat(state)
    log_series(log, model, data, index.tolist(), out.numpy(), states, threshold)


def outputs_of(
    net: Readout, encoder: Encoder, data: Sequences, *, paired: bool = False, tell: Tell | None = None
) -> Tensor:
    """Outputs of a network for some series: `(batch, outputs)`, or `(batch, time, outputs)` with 0 in the padding.

    Arguments:
        net: trained.
        encoder: how it reads series.
        data: the series.
        paired: as in `examples`.
        tell: is given rows, outputs and states of each batch, in the order of the data and in replay mode.
    """
    seen = examples(encoder, data.without_target(), paired=paired)
    device = next(net.parameters()).device
    is_each = data.task in ("classify_steps", "imitate")
    shape = tuple(seen.x.shape[:2]) if is_each else (len(data),)
    whole: Tensor | None = None
    net.eval()
    with torch.no_grad():
        for index in _batches(seen, tell is not None):
            with nullcontext() if tell is None else exact():
                answered, state = answer_and_state(net, seen.rows(index, device))
            out = answered.cpu()
            if tell is not None:
                tell(index, out, state)
            if whole is None:
                whole = out.new_zeros(*shape, out.shape[-1])
            if is_each:
                whole[index, : out.shape[1]] = out
            else:
                whole[index] = out
    answered_all = torch.zeros(*shape, net.outputs) if whole is None else whole
    if not is_each or not encoder.thresholds:
        return answered_all
    every_step = held_answers(encoder.moved(data), answered_all.numpy()) * data.mask[:, :, None]
    return torch.tensor(every_step.astype(answered_all.numpy().dtype))


def _batches(seen: Examples, logged: bool) -> Iterator[Tensor]:
    """Rows of each batch: in the order of the data for a log, else long and short series apart, for speed."""
    if logged:
        yield from torch.split(torch.arange(len(seen)), _LOGGED)
        return
    order, at = torch.argsort(seen.lengths, stable=True), 0
    while at < len(order):
        lengths = seen.lengths[order[at : at + _MOST]]
        padded = lengths * torch.arange(1, len(lengths) + 1)
        fits = (padded <= _STEPS) & (padded <= _PADDED * lengths.cumsum(0))
        count = len(lengths) if fits.all() else max(1, int(fits.int().argmin()))
        yield order[at : at + count]
        at += count


def answers(net: Readout, encoder: Encoder, data: Sequences, *, paired: bool = False) -> Array:
    """Probabilities, or numbers in the unit of the target, float32 in its shape with a last axis of classes or outputs.

    The answer to a series does not depend on those beside it.

    Arguments:
        net, encoder, data, paired: as in `outputs_of`.
    """
    out = outputs_of(net, encoder, data, paired=paired).double()
    if data.classes:
        shares = torch.softmax(out, -1).numpy().astype(np.float32)
        return shares * data.mask[:, :, None] if data.task == "classify_steps" else shares
    shape = out.shape if data.ahead is None else (*out.shape[:-1], -1, len(data.outputs))
    return encoder.scaler.restore(out.numpy().astype(np.float32).reshape(shape))
