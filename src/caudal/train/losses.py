"""What a model answers to each task, and what that costs; padding and unknown targets cost nothing."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from caudal.errors import InputError
from caudal.nn import Readout
from caudal.nn.layer import State
from caudal.train.batches import Examples


def answer(model: Readout, batch: Examples, synapses: Tensor | None = None) -> Tensor:
    """Scores or scaled numbers of a batch.

    Arguments:
        model: a readout.
        batch: what is asked.
        synapses: strength of each synapse, as in `Layer.forward`.

    Returns:
        by task: classify `(batch, classes)`; classify_steps `(batch, time, classes)`; regress `(batch, outputs)`;
        forecast `(batch, horizon * outputs)`, horizon outermost; imitate `(batch, time, outputs)`.
    """
    return answer_and_state(model, batch, synapses)[0]


def answer_and_state(model: Readout, batch: Examples, synapses: Tensor | None = None) -> tuple[Tensor, State]:
    """What `answer` gives, and the state of the network at the end of each series."""
    ask = model if batch.task.is_per_step else model.series
    answered: tuple[Tensor, State] = ask(batch.x, dt=batch.dt, lengths=batch.lengths, synapses=synapses)
    return answered


def loss(out: Tensor, batch: Examples, class_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Sum of the weighted losses of a batch, and of their weights: cross entropy of classes, squared error of numbers.

    Each entry of the target weighs as much as its series, times the weight of its class.

    Arguments:
        out: what `answer` gave.
        batch: with a target.
        class_weights: `(classes,)`.

    Returns:
        two scalars; their quotient is the mean loss.

    Raises:
        InputError: the target is unknown, or `out` does not fit it.

    Example:
        >>> x, n = torch.zeros(2, 1, 1), torch.ones(2, dtype=torch.int64)
        >>> y, known = torch.zeros(2, 1), torch.ones(2, 1) > 0
        >>> batch = Examples(x, x[:, :, 0], n, "regress", torch.tensor([1.0, 3.0]), y, known)
        >>> total, weight = loss(torch.tensor([[1.0], [2.0]]), batch)
        >>> total.item(), weight.item()
        (13.0, 4.0)
    """
    target, known = batch.target, batch.target_mask
    if target is None or known is None:
        raise InputError("loss", "batch", "has no target", "Train on series whose target is known.")
    out = out.to(batch.weight.dtype)
    weight = batch.weight.view(-1, *[1] * (known.dim() - 1)) * known
    if batch.task.is_classification:
        if out.shape[:-1] != target.shape:
            raise _misfit(out, (*target.shape, "classes"))
        each = cross_entropy(out.reshape(-1, out.shape[-1]), target.reshape(-1), reduction="none").view(target.shape)
        if class_weights is not None:
            weight = weight * class_weights.to(weight)[target]
    else:
        if out.numel() != target.numel():
            raise _misfit(out, tuple(target.shape))
        each = (out.view(target.shape) - target).square()
    # Where nothing counts the error may be anything, so it is not multiplied by 0.
    return (torch.where(weight > 0, each, 0) * weight).sum(), weight.sum()


def _misfit(out: Tensor, expected: tuple[object, ...]) -> InputError:
    fault = f"has shape {tuple(out.shape)}; the target asks for {expected}"
    return InputError("loss", "out", fault, "Give the readout as many outputs as the task has.")
