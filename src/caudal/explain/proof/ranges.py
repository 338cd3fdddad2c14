"""Ranges that a layer's state never leaves, whatever the input and the times between steps: proven, not calibrated."""

import math
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics.wired import targets
from caudal.errors import InputError
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, CfC, Layer, LiquidSSM, Readout, WiredCfC
from caudal.nn.wired import graph_tensors


@dataclass(frozen=True, eq=False)
class Ranges:
    """Proven ranges of a layer that starts from zeros; float64 arrays.

    Attributes:
        low, high: `(units,)` of the state; infinite where nothing is proven.
        tau_low, tau_high: `(units,)` of the effective time constant in the unit of `dt`; None for cells without one.
        output_low, output_high: `(outputs,)`.
        reason: what the proof stands on, in words.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    tau_low: NDArray[np.float64] | None
    tau_high: NDArray[np.float64] | None
    output_low: NDArray[np.float64]
    output_high: NDArray[np.float64]
    reason: str


@singledispatch
def ranges(layer: Layer) -> Ranges:
    """Ranges of state, time constants and outputs for any input, from the weights alone.

    Arguments:
        layer: LTC (fused), CfC and WiredCfC (with a gate), LRC (hybrid), CTRNN, LiquidSSM (tanh),
            LSTM or GRU, or a Readout of one.

    Raises:
        InputError: nothing is proven for this layer.

    Source: Hasani et al., AAAI 2021 (arXiv 2006.04439), theorems 1 and 2, in the sharper form that the fused step, a
    weighted average of old state, leak and reversal potentials, gives for each neuron.

    Example:
        >>> bounds = ranges(LTC(3, 4))
        >>> bool((bounds.low >= -1).all() and (bounds.high <= 1).all() and (bounds.tau_low > 0).all())
        True
    """
    fault = f"is a {type(layer).__name__}, whose states have no proven range"
    raise InputError("ranges", "layer", fault, "Use LTC, CfC, WiredCfC, LRC, CTRNN, LiquidSSM, LSTM or GRU.")


@ranges.register
def _readout(layer: Readout) -> Ranges:
    inner = ranges(layer.layer)
    low, high = _affine(inner.output_low, inner.output_high, _array(layer.map.weight), _array(layer.map.bias))
    return Ranges(inner.low, inner.high, inner.tau_low, inner.tau_high, low, high, inner.reason)


@ranges.register
def _ltc(layer: LTC) -> Ranges:
    if layer.solver != "fused":
        raise InputError("ranges", "layer", f'is solved by "{layer.solver}"', 'Build it with solver="fused".')
    params, (sensory_ptr, _, ptr, _) = layer.params(), graph_tensors(layer)
    to = torch.cat((targets(sensory_ptr), targets(ptr))).numpy()
    w = np.concatenate((_array(params.sensory_w), _array(params.w)))
    e_rev = np.concatenate((_array(params.sensory_e_rev), _array(params.e_rev)))
    leak, g_leak, c_m = (_array(part) for part in (params.v_leak, params.g_leak, params.c_m))
    # The start, and the potential 0 that `eps` pulls to, are in the average too.
    low, high = np.minimum(leak, 0.0), np.maximum(leak, 0.0)
    np.minimum.at(low, to, e_rev)
    np.maximum.at(high, to, e_rev)
    total = g_leak.copy()
    np.add.at(total, to, w)
    reason = "each sub-step is a weighted average of the old state, the leak and the reversal potentials"
    return _with_motor(layer, low, high, c_m / total, c_m / g_leak, reason)


@ranges.register
def _ctrnn(layer: CTRNN) -> Ranges:
    tau = _array(layer.params().tau)
    reason = "each sub-step lies between the old state and tau tanh(drive)"
    return _with_motor(layer, -tau, tau, tau, tau, reason)


@ranges.register
def _lrc(layer: LRC) -> Ranges:
    if layer.solver != "hybrid":
        raise InputError("ranges", "layer", f'is solved by "{layer.solver}"', 'Build it with solver="hybrid".')
    params = layer.params()
    most = np.abs(_array(params.e_leak)) * (1 + np.exp(-_array(params.g_leak)))
    reason = "each sub-step lies between the old state and tanh(z) e_leak / sigmoid(f), and f is at least g_leak"
    return _with_motor(layer, -most, most, None, None, reason)


@ranges.register
def _cfc(layer: CfC) -> Ranges:
    return _gate(layer.mode, layer.units, layer.units)


@ranges.register
def _wired_cfc(layer: WiredCfC) -> Ranges:
    return _gate(layer.mode, layer.units, layer.outputs)


@ranges.register
def _liquid_ssm(layer: LiquidSSM) -> Ranges:
    if layer.target != "tanh":
        fault = "has a linear target, which goes as far as its inputs do"
        raise InputError("ranges", "layer", fault, 'Build it with target="tanh".')
    rates = [block.params().rate for block in layer.parts()]
    fastest = [np.full(layer.units, np.inf) if rate is None else _array(rate) for rate in rates]
    ones, low = np.ones(layer.units), -np.ones(layer.units)
    high = -low
    for block in layer.parts():
        if block.mix is not None:
            mixed = _affine(-ones, ones, _array(block.mix.weight), _array(block.mix.bias))
            low, high = low + mixed[0], high + mixed[1]
    states = np.ones(layer.layers * layer.units)
    reason = "each step is a weighted mean of the old state and a tanh"
    tau_low = 1 / np.concatenate(fastest)
    return Ranges(-states, states, tau_low, np.full(len(states), np.inf), low, high, reason)


@ranges.register
def _lstm(layer: LSTM) -> Ranges:
    ones = np.ones(layer.units)
    reason = "outputs are a sigmoid times a tanh; the memory c grows by at most 1 a step and has no range of its own"
    low = np.concatenate((-ones, np.full(layer.units, -np.inf)))
    return Ranges(low, -low, None, None, -ones, ones, reason)


@ranges.register
def _gru(layer: GRU) -> Ranges:
    ones = np.ones(layer.units)
    return Ranges(-ones, ones, None, None, -ones, ones, "each step lies between the old state and a tanh")


def _gate(mode: str, units: int, outputs: int) -> Ranges:
    if mode == "pure":
        fault = "is a CfC in pure mode, whose state has no range at short times"
        raise InputError("ranges", "layer", fault, 'Build it with mode="default" or "no_gate".')
    most = np.full(units, 2.0 if mode == "no_gate" else 1.0)
    reason = "the state is a tanh plus a gated tanh" if mode == "no_gate" else "the state lies between two tanh"
    return Ranges(-most, most, None, None, -most[-outputs:], most[-outputs:], reason)


def _with_motor(
    layer: LTC | CTRNN | LRC,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    tau_low: NDArray[np.float64] | None,
    tau_high: NDArray[np.float64] | None,
    reason: str,
) -> Ranges:
    scale, shift, motor = _array(layer.output_scale), _array(layer.output_shift), slice(-layer.outputs, None)
    ends = (low[motor] * scale + shift, high[motor] * scale + shift)
    return Ranges(low, high, tau_low, tau_high, np.minimum(*ends), np.maximum(*ends), reason)


def _affine(
    low: NDArray[np.float64], high: NDArray[np.float64], weight: NDArray[np.float64], bias: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not (math.isfinite(low.sum()) and math.isfinite(high.sum())):
        return np.full(len(bias), -np.inf), np.full(len(bias), np.inf)
    rise, fall = np.maximum(weight, 0), np.minimum(weight, 0)
    return rise @ low + fall @ high + bias, rise @ high + fall @ low + bias


def _array(tensor: Tensor) -> NDArray[np.float64]:
    values: NDArray[np.float64] = tensor.detach().cpu().double().numpy()
    return values
