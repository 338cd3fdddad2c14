"""The work of one step of the liquid layers and of CT-RNN, from their equations in `dynamics/`."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from caudal.dynamics.cfc_heads import HEADS
from caudal.dynamics.wired import targets
from caudal.nn.cfc import CfC
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.ctrnn import CTRNN
from caudal.nn.lrc import LRC
from caudal.nn.ltc import LTC
from caudal.nn.work import Operations


def _heads(mode: str, u: int) -> Operations:
    """The closed form of `cfc_heads.update`."""
    if mode == "pure":
        return Operations(macs=u, multiplies=2 * u, adds=u, exponentials=u, comparisons=u)
    if mode == "no_gate":
        return Operations(macs=2 * u, tanhs=2 * u, sigmoids=u)
    return Operations(macs=2 * u, multiplies=u, adds=u, tanhs=2 * u, sigmoids=u)


def activation(kind: str, n: int) -> Operations:
    """One activation of `n` numbers."""
    return {
        "lecun_tanh": Operations(multiplies=2 * n, tanhs=n),
        "tanh": Operations(tanhs=n),
        "relu": Operations(comparisons=n),
        "silu": Operations(multiplies=n, sigmoids=n),
        "gelu": Operations(multiplies=3 * n, adds=n, error_functions=n),
    }[kind]


def ltc(net: LTC) -> Operations:
    """Per synapse: the gate's argument, onto the conductance, onto conductance times potential; one sigmoid.

    Per neuron of a fused sub-step: `num - den v` and `c_m + D den`, times D, their quotient, onto the state.
    """
    sensory, recurrent, u, runs = net.sensory_mu.numel(), net.mu.numel(), net.units, net.substeps
    maps = net.inputs + net.outputs
    sensory_work = Operations(macs=3 * sensory + maps, sigmoids=sensory, divisions=float(runs > 1))
    gate = Operations(macs=3 * recurrent, sigmoids=recurrent, weights=4 * recurrent)
    if net.solver == "fused":
        eps = 2 * u if net.eps else 0
        substep = gate.plus(Operations(macs=2 * u, multiplies=u, adds=u + eps, divisions=u, weights=u))
    else:
        slope = gate.plus(Operations(macs=u, divisions=u, weights=u))
        euler = slope.plus(Operations(macs=u))
        # h/2 twice and h/6; three stages ahead, two doubled slopes, the step; the last slope.
        substep = euler if net.solver == "euler" else slope.times(4).plus(Operations(macs=6 * u, adds=u, divisions=3))
    return sensory_work.plus(substep.times(runs)).plus(Operations(weights=4 * sensory + 2 * u + 2 * maps))


def lrc(net: LRC) -> Operations:
    """Per synapse: the gate's argument, onto conductance and drive (and onto the elastance); one sigmoid."""
    sensory, recurrent, u, runs = net.sensory_mu.numel(), net.mu.numel(), net.units, net.substeps
    has = net.elastance != "none"
    per = 4 if has else 3
    moves = {"asymmetric": Operations(sigmoids=u), "symmetric": Operations(adds=3 * u, sigmoids=2 * u)}
    neuron = Operations(macs=2 * u, multiplies=2 * u, sigmoids=u, tanhs=u, weights=u)
    if net.solver == "hybrid":
        neuron = neuron.plus(Operations(multiplies=u, adds=u, divisions=u))
    neuron = neuron.plus(moves.get(net.elastance, Operations()))
    gate = Operations(macs=per * recurrent, sigmoids=recurrent, weights=(per + 1) * recurrent)
    sensory_work = Operations(macs=per * sensory + net.outputs, sigmoids=sensory, divisions=float(runs > 1))
    weights = (per + 1) * sensory + 2 * net.outputs + u * (1 + has + (net.elastance == "symmetric"))
    return sensory_work.plus(neuron.plus(gate).times(runs)).plus(Operations(weights=weights))


def ctrnn(net: CTRNN) -> Operations:
    """Per synapse one multiply-add; per neuron of a sub-step a tanh, `tau tanh - v`, `tau + D` and their quotient."""
    sensory, recurrent, u, runs = net.sensory_w.numel(), net.w.numel(), net.units, net.substeps
    sensory_work = Operations(
        macs=sensory + net.outputs, divisions=float(runs > 1), weights=sensory + u + 2 * net.outputs
    )
    substep = Operations(macs=recurrent + u, multiplies=u, adds=2 * u, divisions=u, tanhs=u, weights=recurrent + u)
    return sensory_work.plus(substep.times(runs))


def cfc(net: CfC) -> Operations:
    """The maps of the backbone with their activations, then the closed form."""
    maps = [part for part in net.modules() if isinstance(part, nn.Linear)]
    products = Operations(macs=sum(part.weight.numel() for part in maps))
    curved = activation(net.activation, net.backbone_units * net.backbone_layers)
    return products.plus(curved).plus(_heads(net.mode, net.units))


def wired_cfc(net: WiredCfC) -> Operations:
    """Per head and synapse one multiply-add, and one for each membrane (an autapse folds into it); then the form."""
    to = targets(net.recurrent_ptr)
    per_head = net.synapse_count() + net.units - int((to == net.get_buffer("recurrent_source")).sum())
    return Operations(macs=HEADS[net.mode] * per_head).plus(_heads(net.mode, net.units))


LIQUID: Mapping[type[nn.Module], Callable[[Any], Operations]] = {
    LTC: ltc,
    LRC: lrc,
    CTRNN: ctrnn,
    CfC: cfc,
    WiredCfC: wired_cfc,
}
