"""A trained readout on a smaller circuit: the synapses that left are gone from wiring, counts, files and exports."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from caudal.errors import InputError
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.ctrnn import CTRNN
from caudal.nn.layer import Layer
from caudal.nn.lrc import LRC
from caudal.nn.ltc import LTC
from caudal.nn.readout import Readout
from caudal.wiring import Kept, keep

Wired = LTC | WiredCfC | LRC | CTRNN
_PER_INPUT = ("input_scale", "input_shift")
_PER_MOTOR = ("output_scale", "output_shift")


def check_one_circuit(owner: str, model: object) -> Wired:
    """The wired layer of a readout that holds one and nothing else.

    Raises:
        InputError: the model is no readout of an LTC, WiredCfC, LRC or CTRNN.
    """
    layer = model.layer if isinstance(model, Readout) else None
    if isinstance(layer, LTC | WiredCfC | LRC | CTRNN):
        return layer
    kind = type(model).__name__ if layer is None else f"Readout of a {type(layer).__name__}"
    fault = f"is a {kind}; expected a Readout of an LTC, WiredCfC, LRC or CTRNN"
    raise InputError(owner, "model", fault, "Build it as `Readout(WiredCfC(wiring), outputs)`.")


def without(model: Readout, live: ArrayLike) -> Readout:
    """A new readout whose circuit keeps some of the synapses; the parameters of what is left stay as they are.

    Neurons that lose their purpose go as well (see `caudal.wiring.keep`), a motor neuron with its column of the map.
    As long as every neuron stays, the answers are those of the old model with the strength of the others at 0.

    Arguments:
        model: a readout of an LTC, WiredCfC, LRC or CTRNN; it is left as it is.
        live: `(synapses,)` bool, in the order of `wiring.synapse_names`; True stays.

    Raises:
        InputError: the model has no such layer.
        WiringError: there is not one bool per synapse, or no motor neuron would be left.

    Example:
        >>> model = Readout(LTC(2, 3), 2)
        >>> live = np.arange(model.synapse_count()) != 4
        >>> x, answer = torch.randn(1, 5, 2), without(model, live)
        >>> strength = torch.tensor(live).float()
        >>> torch.allclose(answer(x)[0], model(x, synapses=strength)[0]), answer.synapse_count()
        (True, 14)
    """
    layer = check_one_circuit("without", model)
    pruned = keep(layer.wiring, live)
    with torch.random.fork_rng(devices=[]):
        smaller = Readout(
            type(layer)(**{**layer.arguments(), "inputs": pruned.wiring}),
            model.outputs,
            pool=model.pool,
            dropout=model.dropout,
        )
    smaller = smaller.to(model.map.weight)
    motor = torch.from_numpy(pruned.neurons[-layer.wiring.motor :]).to(model.map.weight.device)
    with torch.no_grad():
        _copy(layer, smaller.layer, pruned)
        smaller.map.weight.copy_(model.map.weight[:, motor])
        smaller.map.bias.copy_(model.map.bias)
    return smaller.train(model.training)


def _copy(old: Wired, new: Layer, pruned: Kept) -> None:
    """Parameters of what is left; the last axis of each runs over synapses, neurons, motor neurons or inputs."""
    given = dict(old.named_parameters())
    sensory, recurrent = np.split(pruned.synapses, [len(old.wiring.sensory_synapses.source)])

    def rows(name: str) -> Tensor:
        if name.startswith("sensory_"):
            return torch.from_numpy(sensory)
        if f"sensory_{name}" in given:
            return torch.from_numpy(recurrent)
        if name in _PER_MOTOR:
            return torch.from_numpy(pruned.neurons[-old.wiring.motor :])
        return torch.ones(old.inputs, dtype=torch.bool) if name in _PER_INPUT else torch.from_numpy(pruned.neurons)

    for name, parameter in new.named_parameters():
        parameter.copy_(given[name][..., rows(name).to(parameter.device)])
