"""A neuron held at a value through all steps, in any cell, several holds in one pass."""

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence_question import Question
from caudal.explain.trace_layers import evaluating
from caudal.nn import Readout
from caudal.nn.layer import Layer, State, leaves

_ROWS = 2048


def recurrent_layer(model: Layer) -> Layer:
    """The layer that is held: the net, or the one inside its readout.

    Raises:
        InputError: the net is made of several layers, or keeps no state.
    """
    layer = model.layer if isinstance(model, Readout) else model
    state = leaves(layer.initial_state(1))
    if not layer.causal or not state or state[0].dim() != 2 or hasattr(layer, "layers"):
        fault = f"is made of {type(layer).__name__}, in which no single neuron can be held"
        raise InputError("explain", "model", fault, "Hold neurons of one recurrent layer, or of a readout of one.")
    return layer


def dense_units(model: Layer) -> int:
    """Number of neurons of the layer that `recurrent_layer` names."""
    return int(leaves(recurrent_layer(model).initial_state(1))[0].shape[1])


def held_scores(question: Question, unit: Tensor, value: Tensor) -> Tensor:
    """Outputs with one neuron of each series held after every step, without gradients.

    The value is set in the state and wherever the layer answers with it. Sub-steps within a step run free.

    Arguments:
        question: its series; repeat them to hold several neurons.
        unit: `(batch,)` neuron to hold in each series.
        value: `(batch,)` what it is held at.
    """
    blocks = torch.split(torch.arange(len(question)), _ROWS)
    with torch.no_grad(), evaluating(question.model):
        return torch.cat([_held(question.rows(index), unit[index], value[index]) for index in blocks])


def _held(question: Question, unit: Tensor, value: Tensor) -> Tensor:
    layer = recurrent_layer(question.model)
    state, outputs = layer.initial_state(len(question)), []
    for t in range(question.x.shape[1]):
        y, new = layer.tick(question.x[:, t], question.dt[:, t], state)
        y, new = _clamp(layer, y, new, unit, value)
        keep = question.mask[:, t]
        state = _where(keep, new, state)
        outputs.append(torch.where(keep[:, None], y, 0))
    whole, rows = torch.stack(outputs, 1), torch.arange(len(question))
    model = question.model
    if not isinstance(model, Readout):
        return whole[rows, question.at]
    if model.pool == "mean":
        counted = question.mask.to(whole.dtype).cumsum(1)
        whole = whole.cumsum(1) / counted.clamp_min(1)[..., None]
    return model._decide(whole[rows, question.at])


def _clamp(layer: Layer, y: Tensor, state: State, unit: Tensor, value: Tensor) -> tuple[Tensor, State]:
    """State and output with the neuron of each row at its value."""
    first, *rest = state
    units = first.shape[1]
    column = unit[:, None]
    first = first.scatter(1, column, value[:, None])
    motor = column - (units - layer.outputs)
    shown = value[:, None]
    scale, shift = getattr(layer, "output_scale", None), getattr(layer, "output_shift", None)
    at = motor.clamp_min(0)
    if isinstance(scale, Tensor) and isinstance(shift, Tensor):
        shown = shown * scale[at] + shift[at]
    y = torch.where(motor >= 0, y.scatter(1, at, shown), y)
    return y, (type(state)(first, *rest) if hasattr(state, "_fields") else (first, *rest))


def _where(keep: Tensor, new: State, old: State) -> State:
    parts = [torch.where(keep[:, None], a, b) for a, b in zip(new, old, strict=True)]
    return type(new)(*parts) if hasattr(new, "_fields") else tuple(parts)


def mean_states(question: Question) -> Tensor:
    """Mean of each neuron over all steps that count, `(neurons,)`."""
    layer = recurrent_layer(question.model)
    with torch.no_grad(), evaluating(question.model):
        state, seen = layer.initial_state(len(question)), []
        for t in range(question.x.shape[1]):
            _, new = layer.tick(question.x[:, t], question.dt[:, t], state)
            state = _where(question.mask[:, t], new, state)
            seen.append(state[0])
    return torch.stack(seen, 1)[question.mask].mean(0)
