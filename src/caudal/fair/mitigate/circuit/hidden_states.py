"""What a net holds at its last step, and synapses cut for good."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import softplus

from caudal.errors import InputError
from caudal.nn import LTC, Readout, WiredCfC
from caudal.nn.layer import Layer, leaves
from caudal.train import Examples

_ROWS = 512


def readings(model: Readout, data: Examples, synapses: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """What the decision reads, and the states of all neurons, at the last step of each series.

    Arguments:
        model: whose decision is one for each series.
        data: the series.
        synapses: strengths, as in a call of the model.

    Returns:
        `(batch, outputs of the layer)` and `(batch, neurons)`, without gradients unless `synapses` asks for them.
    """
    read, states = [], []
    inner = bare(model)
    device = next(model.parameters()).device
    with torch.set_grad_enabled(synapses is not None and synapses.requires_grad):
        for index in torch.split(torch.arange(len(data)), _ROWS):
            batch = data.rows(index, device)
            strengths = synapses[index] if synapses is not None and synapses.dim() == 2 else synapses
            z, state = inner.series(batch.x, dt=batch.dt, lengths=batch.lengths, synapses=strengths)
            read.append(z)
            states.append(_neurons(model, state))
    return torch.cat(read), torch.cat(states)


def check_one_layer(owner: str, model: object, data: Examples) -> tuple[Readout, Tensor, Tensor]:
    """The net, the classes and the groups; what has no single set of states at the last step is refused.

    Raises:
        InputError: the net is no readout of one recurrent layer, or the task is not to classify series.
    """
    if not isinstance(model, Readout) or not leaves(model.layer.initial_state(1)) or hasattr(model.layer, "layers"):
        fault = f"is a {type(model).__name__} without one set of states"
        raise InputError(owner, "model", fault, "Pass the `net_` of an estimator with one recurrent layer.")
    if data.task != "classify" or data.target is None or data.groups is None:
        fault = f"asks to {data.task}, or lacks target or groups"
        raise InputError(owner, "data", fault, "Pass classified series with `Examples.groups`.")
    return model, data.target, data.groups


def without(model: Readout, strength: Tensor) -> Readout:
    """A copy whose synapses have the strengths given, for good.

    Arguments:
        model: with LTC or WiredCfC layers.
        strength: `(synapses,)`, at least 0.

    Raises:
        InputError: a wired layer is of another kind.

    Example:
        >>> from caudal.wiring import auto_ncp
        >>> net = Readout(LTC(auto_ncp(2, 8, 2)), 2)
        >>> half, x = torch.arange(net.synapse_count()) % 2.0, torch.randn(3, 4, 2)
        >>> torch.allclose(without(net, half).series(x)[0], net.series(x, synapses=half)[0], atol=1e-6)
        True
    """
    new = copy.deepcopy(model)
    rest = strength.detach()
    with torch.no_grad():
        for layer in wired(new):
            count = layer.synapse_count()
            factors, rest = rest[:count], rest[count:]
            if isinstance(layer, LTC):
                sensory = layer.sensory_raw_w.shape[0]
                for raw, factor in ((layer.sensory_raw_w, factors[:sensory]), (layer.raw_w, factors[sensory:])):
                    raw.copy_(_unsoft(softplus(raw.double()) * factor.double()).to(raw))
            elif isinstance(layer, WiredCfC):
                sensory = layer.sensory_weight.shape[1]
                layer.sensory_weight.mul_(factors[:sensory])
                layer.weight.mul_(factors[sensory:])
            else:
                fault = f"holds a {type(layer).__name__}, whose synapses cannot be cut for good yet"
                raise InputError("without", "model", fault, "Use LTC or WiredCfC, or cut nothing.")
    return new


def wired(model: Readout) -> Iterator[Layer]:
    """The wired layer of a readout of one layer, if it is wired."""
    if model.layer.synapse_count():
        yield model.layer


def names_of(layer: Layer) -> tuple[str, ...]:
    """Names of the synapses of a wired layer, in the order of the strengths; of a dense one, none."""
    wiring = getattr(layer, "wiring", None)
    return () if wiring is None else tuple(wiring.synapse_names)


def neuron_names(layer: Layer) -> tuple[str, ...]:
    """Names of the neurons of a layer."""
    wiring = getattr(layer, "wiring", None)
    if wiring is not None:
        return tuple(wiring.names)
    return tuple(f"unit/{k}" for k in range(leaves(layer.initial_state(1))[0].shape[1]))


def _unsoft(value: Tensor) -> Tensor:
    """What softplus makes `value` of; far below 0 for 0, where softplus is 0 in float32."""
    return torch.where(value > 0, value + torch.log(-torch.expm1(-value.clamp_min(1e-300))), -1e4)


def bare(model: Readout) -> Readout:
    """The same net, answering with what the decision reads."""
    width = model.layer.outputs
    inner = Readout(model.layer, width, pool=model.pool)
    with torch.no_grad():
        inner.map.weight.copy_(torch.eye(width))
        inner.map.bias.zero_()
    return inner.to(next(model.parameters())).eval()


def _neurons(model: Readout, state: object) -> Tensor:
    return leaves(state[0] if model.pool == "mean" else state)[0]  # type: ignore[index, arg-type]
