"""Exact operations of one step of a network, and the parameters that can change its output.

A multiply-add is one product that is added to something; a lone product or sum counts as one too. Divisions stand by
themselves. A transcendental is a sigmoid, tanh, exponential, sine, root or error function of one number. Constants that
follow from the parameters alone (`softplus` of a raw weight, `w e`) are counted as folded, as every kernel folds them.
"""

from typing import NamedTuple

from torch import nn

from caudal.dynamics.cfc_heads import HEADS
from caudal.errors import InputError
from caudal.nn.baselines import GRU, GRUD, LSTM, SSM, Transformer
from caudal.nn.cfc import CfC
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.layer import Layer
from caudal.nn.ltc import LTC
from caudal.nn.mixed import MixedMemory
from caudal.nn.readout import Readout


class Operations(NamedTuple):
    """Work of one step of one series.

    Attributes:
        macs: multiply-adds.
        transcendentals: sigmoids, tanh, exponentials and their like.
        divisions: quotients.
    """

    macs: float
    transcendentals: float
    divisions: float = 0.0

    def plus(self, other: "Operations") -> "Operations":
        """Both, one after the other.

        Example:
            >>> Operations(1, 2).plus(Operations(3, 4, 5))
            Operations(macs=4, transcendentals=6, divisions=5.0)
        """
        return Operations(*(a + b for a, b in zip(self, other, strict=True)))


def operations(net: Layer, steps: float = 1.0) -> Operations:
    """Operations of one step.

    Arguments:
        net: a readout, or a layer that has an entry here.
        steps: of a typical series; attention alone depends on it, and reads the mean number of steps before.

    Raises:
        InputError: the layer's operations are not counted.

    Example:
        >>> operations(Readout(LSTM(3, 4), 2))
        Operations(macs=148.0, transcendentals=20.0, divisions=0.0)
    """
    if isinstance(net, Readout):
        means = net.layer.outputs if net.pool == "mean" else 0
        own = Operations(net.outputs * net.layer.outputs + means, 0)
        found = operations(net.layer, steps).plus(own)
        return Operations(*map(float, found))
    if isinstance(net, LTC):
        return _ltc(net)
    if isinstance(net, CfC):
        return _cfc(net)
    if isinstance(net, WiredCfC):
        per_head = net.synapse_count() + net.units
        return Operations(HEADS[net.mode] * per_head, 0).plus(_heads(net.mode, net.units))
    if isinstance(net, MixedMemory):
        gates = Operations(4 * net.size * (net.inputs + net.size) + 3 * net.size, 5 * net.size)
        return gates.plus(operations(net.liquid, steps))
    if isinstance(net, LSTM):
        return Operations(4 * net.units * (net.inputs + 1 + net.units) + 3 * net.units, 5 * net.units)
    if isinstance(net, GRU):
        return Operations(3 * net.units * (net.inputs + 1 + net.units) + 2 * net.units, 3 * net.units)
    if isinstance(net, GRUD):
        return _gru_d(net)
    if isinstance(net, Transformer):
        return _transformer(net, steps)
    if isinstance(net, SSM):
        return _ssm(net)
    raise InputError("operations", "net", f"is a {type(net).__name__}, which is not counted", "Count another layer.")


def live_parameters(net: nn.Module) -> int:
    """Trained numbers that can change an output: one per synapse that exists, and no bias that cancels.

    The bias of the keys of an attention adds the same to every score of a step, which the softmax takes away again.

    Example:
        >>> live_parameters(LSTM(3, 4)), live_parameters(LTC(2, 3))
        (160, 79)
    """
    total = sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
    return total - sum(part.units * part.layers for part in net.modules() if isinstance(part, Transformer))


def _heads(mode: str, units: int) -> Operations:
    if mode == "pure":
        return Operations(3 * units, units)
    return Operations(2 * units, 3 * units)


def _ltc(net: LTC) -> Operations:
    """Per synapse: `sigma x - sigma mu`, onto the conductance, onto conductance times potential, and the gate."""
    sensory, recurrent = net.sensory_mu.numel(), net.mu.numel()
    runs = sensory + net.substeps * recurrent
    per_neuron = 3 * net.units * net.substeps
    maps = net.inputs + net.outputs
    return Operations(3 * runs + per_neuron + maps, runs, net.units * net.substeps + 1)


def _cfc(net: CfC) -> Operations:
    maps = [part for part in net.modules() if isinstance(part, nn.Linear)]
    products = sum(part.weight.numel() for part in maps)
    curved = 0 if net.activation == "relu" else net.backbone_units * net.backbone_layers
    return Operations(products, curved).plus(_heads(net.mode, net.units))


def _gru_d(net: GRUD) -> Operations:
    f, u = net.features, net.units
    # Ages and last values; decay, mean and mask of the inputs; decay of the state.
    inputs = Operations(2 * f + 4 * f, f)
    decay = Operations(f * u + u, u)
    gates = Operations(3 * u * (2 * f + u) + 2 * u, 3 * u)
    return inputs.plus(decay).plus(gates)


def _transformer(net: Transformer, steps: float) -> Operations:
    u = net.units
    read = min(float(net.context), (steps + 1) / 2)
    norm = Operations(4 * u, 1, 1)
    attention = Operations(4 * u * u + 2 * read * u + net.heads * read, net.heads * read, net.heads)
    feed = Operations(2 * u * net.hidden, net.hidden)
    block = norm.plus(attention).plus(norm).plus(feed)
    ends = Operations(net.inputs * u + u // 2, u).plus(norm)
    return Operations(*(net.layers * a + b for a, b in zip(block, ends, strict=True)))


def _ssm(net: SSM) -> Operations:
    u, s = net.units, net.states
    norm = Operations(4 * u, 1, 1)
    # Factor and gain of each complex state: exponential, expm1, two cosines and sines, and the half-angle sine.
    clock = Operations(2 * s + 12 * s, 5 * s, 2 * s)
    drive = Operations(2 * s * u + 4 * s, 0)
    scan = Operations(4 * s, 0)
    read = Operations(2 * s * u + u, u)
    gate = Operations(u * u + 2 * u, u)
    block = norm.plus(clock).plus(drive).plus(scan).plus(read).plus(gate)
    return Operations(*(net.layers * a + b for a, b in zip(block, (net.inputs * u, 0, 0), strict=True)))
