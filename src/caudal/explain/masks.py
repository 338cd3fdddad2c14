"""Names of synapses and neurons to strengths: what is cut, weakened or made stronger."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence_question import Question, synapses_of, wired_layers
from caudal.explain.trace_job import numbered
from caudal.nn.layer import Layer

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
    found = wired_layers(model)
    if not found:
        from caudal.explain.ablate_hold import dense_units

        return numbered("unit", dense_units(model))
    if len(found) == 1:
        return tuple(found[0][1].wiring.names)
    return tuple(f"{path}: {name}" for path, layer, _ in found for name in layer.wiring.names)


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
    found = question.x.new_ones(len(names))
    source, target = ends(question.model)
    for name, factor in factors.items():
        if not factor == factor or factor in (float("inf"), float("-inf")):
            raise InputError(owner, "what", f"gives {name!r} the factor {factor}", "Pass 0 to cut, 1 to keep.")
        if name in place:
            found[place[name]] *= factor
        elif name in neurons:
            k = neurons.index(name)
            found[((source == k) | (target == k)).to(found.device)] *= factor
        else:
            raise InputError(owner, "what", f"names {name!r}, which is not there", _near(name, (*names, *neurons)))
    return found


def _near(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, 3)
    listed = ", ".join(repr(one) for one in (close or known[:3]))
    return f"{'Did you mean' if close else 'There are'} {listed}{'?' if close else ', ...'}"
