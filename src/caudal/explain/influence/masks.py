"""Names of synapses and neurons to strengths: what is cut, weakened or made stronger."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence.target import Question, synapses_of, wired_layers
from caudal.explain.trace.layers import evaluating
from caudal.explain.trace.record import numbered
from caudal.nn import Readout
from caudal.nn.layer import Layer, State, leaves
from caudal.nn.pairing import PreviousState

_ARROW = " -> "


def is_wired(model: Layer) -> bool:
    """Whether a net holds synapses that can be cut."""
    return model.synapse_count() > 0


def neurons_of(model: Layer) -> tuple[str, ...]:
    """Names of the neurons of the wired layers, by path where there are several; of a dense net, of its only layer.

    Example:
        >>> from caudal.nn import LTC, Readout
        >>> neurons_of(Readout(LTC(1, 2), 1))
        ('motor/0', 'motor/1')
    """
    layers = wired_layers(model)
    if not layers:
        return numbered("unit", dense_units(model))
    if len(layers) == 1:
        return tuple(layers[0][1].wiring.names)
    return tuple(f"{path}: {name}" for path, layer, _ in layers for name in layer.wiring.names)


def check_wired(owner: str, model: Layer) -> None:
    """Refuse a net without a wiring.

    Raises:
        InputError: it has none.
    """
    if not is_wired(model):
        fault = f"is a {type(model).__name__} without a wiring: every unit reads every other, and there is no synapse"
        raise InputError(owner, "model", fault, 'Ask about "inputs", "steps" or "neurons", or train a wired cell.')


def ends(model: Layer) -> tuple[Tensor, Tensor]:
    """Source (-1 for an input) and target neuron of each synapse, counted through all wired layers."""
    sources, targets, first = [], [], 0
    for _, layer, _ in wired_layers(model):
        sensory, recurrent = layer.wiring.sensory_synapses, layer.wiring.recurrent_synapses
        sources += [torch.full((len(sensory.source),), -1), torch.tensor(recurrent.source).long() + first]
        targets += [torch.tensor(kind.target).long() + first for kind in (sensory, recurrent)]
        first += layer.wiring.units
    return torch.cat(sources), torch.cat(targets)


def spread_neurons(neurons: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Strengths `(..., synapses)` from those of neurons `(..., neurons)`: a synapse is as strong as both its ends."""
    at_source = torch.where(source < 0, 1, neurons[..., source.clamp_min(0)])
    return at_source * neurons[..., target]


def strengths(owner: str, question: Question, chosen: Iterable[str] | Mapping[str, float]) -> Tensor:
    """Strength of every synapse after some were cut or scaled.

    Arguments:
        owner: function to name in errors.
        question: holds the net and the names of its inputs.
        chosen: names of synapses (`"command/3 -> motor/0"`) or neurons (`"command/3"`, every synapse to and from it),
            to be cut, or with the factor of each.

    Raises:
        InputError: nothing is chosen, a name is unknown, or the net has no wiring.
    """
    check_wired(owner, question.model)
    factors = dict(chosen) if isinstance(chosen, Mapping) else dict.fromkeys(chosen, 0.0)
    if not factors:
        raise InputError(owner, "what", "is empty", "Name at least one synapse or neuron.")
    names = synapses_of(question.model, question.inputs)
    plain, neurons = synapses_of(question.model), neurons_of(question.model)
    place = {**{name: k for k, name in enumerate(plain)}, **{name: k for k, name in enumerate(names)}}
    strength = question.x.new_ones(len(names))
    source, target = ends(question.model)
    for name, factor in factors.items():
        if not factor == factor or factor in (float("inf"), float("-inf")):
            raise InputError(owner, "what", f"gives {name!r} the factor {factor}", "Pass 0 to cut, 1 to keep.")
        if name in place:
            strength[place[name]] *= factor
        elif name in neurons:
            k = neurons.index(name)
            strength[((source == k) | (target == k)).to(strength.device)] *= factor
        else:
            raise InputError(owner, "what", f"names {name!r}, which is not there", _near(name, (*names, *neurons)))
    return strength


def _near(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, 3)
    listed = ", ".join(repr(candidate) for candidate in (close or known[:3]))
    return f"{'Did you mean' if close else 'There are'} {listed}{'?' if close else ', ...'}"


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
        value: `(batch,)` what it is held at, or `(batch, time)` after each step.
    """
    blocks = torch.split(torch.arange(len(question)), _ROWS)
    with torch.no_grad(), evaluating(question.model):
        return torch.cat([_held(question.rows(index), unit[index], value[index]) for index in blocks])


def _held(question: Question, unit: Tensor, value: Tensor) -> Tensor:
    layer = recurrent_layer(question.model)
    state, outputs = layer.initial_state(len(question)), []
    path = value[:, None].expand(-1, question.x.shape[1]) if value.dim() == 1 else value
    for t in range(question.x.shape[1]):
        y, new = layer.advance(question.x[:, t], question.dt[:, t], state)
        y, new = _clamp(layer, y, new, unit, path[:, t])
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
    if isinstance(state, PreviousState):
        y, inner = _clamp(layer, y, state.inner, unit, value)
        return y, PreviousState(inner, state.last)
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
    pairs = zip(new, old, strict=True)
    parts = [torch.where(keep[:, None], a, b) if isinstance(a, Tensor) else _where(keep, a, b) for a, b in pairs]
    return type(new)(*parts) if hasattr(new, "_fields") else tuple(parts)


def mean_states(question: Question) -> Tensor:
    """Mean of each neuron over all steps that count, `(neurons,)`."""
    return state_paths(question)[question.mask].mean(0)


def state_paths(question: Question) -> Tensor:
    """State of each neuron after every step, `(batch, time, neurons)`, without gradients."""
    layer = recurrent_layer(question.model)
    with torch.no_grad(), evaluating(question.model):
        state, seen = layer.initial_state(len(question)), []
        for t in range(question.x.shape[1]):
            _, new = layer.advance(question.x[:, t], question.dt[:, t], state)
            state = _where(question.mask[:, t], new, state)
            seen.append(leaves(state)[0])
    return torch.stack(seen, 1)
