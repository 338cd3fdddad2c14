"""Layers as machines over sets: one function for each kind of layer, found by its class."""

import functools
from functools import singledispatch

import torch
from torch import Tensor

from caudal.dynamics import cfc_wired, ctrnn, liquid_ssm, ltc
from caudal.errors import InputError
from caudal.explain.proof import gated
from caudal.explain.proof import ltc as ltc_sets
from caudal.explain.proof.affine import Affine, Symbols, plus, point, scaled, shifted, sigmoid, take, through, times
from caudal.explain.proof.reach import Machine, StateSet, at_rest, bounded, within
from caudal.nn import CTRNN, LSTM, LTC, CfC, Layer, LiquidSSM, Readout, WiredCfC
from caudal.nn.liquid_ssm import LiquidBlock
from caudal.nn.wired import graph_tensors


@singledispatch
def machine(layer: Layer) -> Machine:
    """A layer over sets, in float64.

    Raises:
        InputError: sets cannot be taken through this layer.
    """
    known = "LTC, CfC, WiredCfC, CTRNN, LiquidSSM or LSTM, alone or under a Readout of the last step"
    raise InputError("verify", "model", f"is a {type(layer).__name__}; sets go through {known}", "Use one of them.")


def _f64(tensor: Tensor) -> Tensor:
    return tensor.detach().double()


@machine.register
def _readout(layer: Readout) -> Machine:
    if layer.pool != "last":
        raise InputError("verify", "model", f'pools by "{layer.pool}"', 'Build the readout with pool="last".')
    inner = paired_machine(layer.layer)
    weight, bias = _f64(layer.map.weight), _f64(layer.map.bias)
    return inner._replace(read=lambda reach: through(inner.read(reach), weight, bias))


@machine.register
def _ltc(layer: LTC) -> Machine:
    if layer.solver != "fused":
        raise InputError("verify", "model", f'is solved by "{layer.solver}"', 'Build the LTC with solver="fused".')
    params = ltc.Params(*map(_f64, layer.params()))
    graph, settings = ltc.Graph(*graph_tensors(layer)), ltc.Settings(layer.substeps, layer.eps)
    scale, shift = _f64(layer.input_scale), _f64(layer.input_shift)

    def advance(reach: StateSet, x: Affine, dt: Affine, symbols: Symbols) -> StateSet:
        return ltc_sets.advance(reach, shifted(scaled(x, scale), shift), dt, params, graph, settings, symbols)

    return Machine(at_rest(layer.units), advance, _motor(layer))


@machine.register
def _ctrnn(layer: CTRNN) -> Machine:
    params, graph = ctrnn.Params(*map(_f64, layer.params())), ctrnn.Graph(*graph_tensors(layer))

    def advance(reach: StateSet, x: Affine, dt: Affine, symbols: Symbols) -> StateSet:
        return gated.ctrnn_advance(reach, x, dt, params, graph, layer.substeps, symbols)

    return Machine(at_rest(layer.units), advance, _motor(layer))


@machine.register
def _cfc(layer: CfC) -> Machine:
    params = layer.params()
    entry, bias, w_h = _f64(layer.entry.weight[:, : layer.inputs]), _f64(layer.entry.bias), _f64(params.w_h)
    dense = [(_f64(weight), _f64(offset)) for weight, offset in params.dense]
    low, high = gated.hull(layer.mode, layer.units)
    units = layer.units

    def advance(reach: StateSet, x: Affine, dt: Affine, symbols: Symbols) -> StateSet:
        z = plus(through(x, entry, bias), through(reach.form, w_h))
        for weight, offset in dense:
            z = through(gated.activated(z, layer.activation, symbols), weight, offset)
        heads = [Affine(z.centre[k : k + units], z.parts[:, k : k + units]) for k in range(0, len(z.centre), units)]
        return within(gated.closed_form(heads, dt, layer.mode, params.decay, symbols), low, high, symbols)

    return Machine(at_rest(units), advance, lambda reach: reach.form)


@machine.register
def _wired_cfc(layer: WiredCfC) -> Machine:
    raw = layer.params()
    params = cfc_wired.Params(
        _f64(raw.sensory_weight), _f64(raw.weight), _f64(raw.self_weight), _f64(raw.bias), raw.decay
    )
    graph = cfc_wired.Layered(*layer.graph())
    matrices, bias, units = cfc_wired.matrices(params, graph, layer.inputs), params.bias, layer.units
    heads = len(bias)
    low, high = gated.hull(layer.mode, units)

    def advance(reach: StateSet, x: Affine, dt: Affine, symbols: Symbols) -> StateSet:
        base = plus(through(x, matrices.sensory, bias.flatten()), through(reach.form, matrices.before))
        new = point(torch.zeros(units, dtype=torch.float64))
        for first, end in cfc_wired.spans(graph):
            pre = plus(base, through(new, matrices.now))
            rows = [torch.arange(k * units + first, k * units + end) for k in range(heads)]
            part = gated.closed_form([take(pre, row) for row in rows], dt, layer.mode, params.decay, symbols)
            new = plus(new, _placed(part, first, units))
        return within(new, low, high, symbols)

    return Machine(at_rest(units), advance, lambda reach: _last(reach.form, layer.outputs))


@machine.register
def _lstm(layer: LSTM) -> Machine:
    weights = (_f64(layer.weight_ih), _f64(layer.weight_hh), _f64(layer.bias_ih) + _f64(layer.bias_hh))
    units = layer.units

    def advance(reach: StateSet, x: Affine, dt: Affine, symbols: Symbols) -> StateSet:
        clocked = _beside(x, dt)
        h, c = (Affine(reach.form.centre[at], reach.form.parts[:, at]) for at in (slice(units), slice(units, None)))
        h, c = gated.lstm_advance(h, c, clocked, weights, symbols)
        return bounded(_beside(h, c))

    return Machine(at_rest(2 * units), advance, lambda reach: take(reach.form, torch.arange(units)))


@machine.register
def _liquid_ssm(layer: LiquidSSM) -> Machine:
    """States of all blocks, and behind them the last outputs, in which an output gate mixes states with inputs."""
    units, blocks, settings = layer.units, layer.parts(), layer.settings()
    params = [_liquid_params(block) for block in blocks]

    def advance(reach: StateSet, x: Affine, dt: Affine, symbols: Symbols) -> StateSet:
        states, read, h = list[StateSet](), x, None
        for k, (block, weights) in enumerate(zip(blocks, params, strict=True)):
            at = slice(k * units, (k + 1) * units)
            before = StateSet(Affine(reach.form.centre[at], reach.form.parts[:, at]), reach.low[at], reach.high[at])
            new = gated.liquid_ssm_advance(before, read, dt, weights, settings, symbols)
            states.append(new)
            h = _block_outputs(block, read, new.form, h, symbols)
            read = h
        parts = [*states, bounded(read)]
        form = functools.reduce(_beside, [part.form for part in parts])
        return StateSet(form, torch.cat([part.low for part in parts]), torch.cat([part.high for part in parts]))

    return Machine(at_rest((len(blocks) + 1) * units), advance, lambda reach: _last(reach.form, units))


def _liquid_params(block: LiquidBlock) -> liquid_ssm.Params:
    params = block.params()
    return liquid_ssm.Params(_f64(params.weight), _f64(params.bias), None if params.rate is None else _f64(params.rate))


def _block_outputs(block: LiquidBlock, x: Affine, v: Affine, residual: Affine | None, symbols: Symbols) -> Affine:
    """As `LiquidBlock.read`, over sets."""
    if block.gate is not None:
        gate = sigmoid(through(x, _f64(block.gate.weight), _f64(block.gate.bias)), symbols)
        v = times(gate, v, symbols)
    if block.mix is None or residual is None:
        return v
    return plus(residual, through(v, _f64(block.mix.weight), _f64(block.mix.bias)))


def paired_machine(layer: Layer) -> Machine:
    """A layer over sets, its inputs acting when its pairing says.

    Raises:
        InputError: sets cannot be taken through this layer.
    """
    plain = machine(layer)
    if layer.pairing == "hold":
        return plain
    if layer.pairing == "previous":
        return plain._replace(is_late=True)
    nothing = point(torch.zeros(layer.inputs, dtype=torch.float64))
    unit = point(torch.ones(1, dtype=torch.float64))

    def advance(reach: StateSet, x: Affine, dt: Affine, symbols: Symbols) -> StateSet:
        return plain.advance(plain.advance(reach, nothing, dt, symbols), x, unit, symbols)

    return plain._replace(advance=advance)


def _motor(layer: LTC | CTRNN) -> "_Read":
    return _Read(_f64(layer.output_scale), _f64(layer.output_shift), layer.outputs)


class _Read:
    """Outputs of the motor neurons, scaled and shifted."""

    def __init__(self, scale: Tensor, shift: Tensor, outputs: int) -> None:
        self.scale, self.shift, self.outputs = scale, shift, outputs

    def __call__(self, reach: StateSet) -> Affine:
        return shifted(scaled(_last(reach.form, self.outputs), self.scale), self.shift)


def _beside(first: Affine, second: Affine) -> Affine:
    """The entries of one form, then those of another."""
    size = len(first.centre)
    parts = first.parts.new_zeros(max(len(first.parts), len(second.parts)), size + len(second.centre))
    parts[: len(first.parts), :size], parts[: len(second.parts), size:] = first.parts, second.parts
    return Affine(torch.cat((first.centre, second.centre)), parts)


def _last(form: Affine, count: int) -> Affine:
    return Affine(form.centre[-count:], form.parts[:, -count:])


def _placed(form: Affine, first: int, size: int) -> Affine:
    """A form as the entries from `first` on of a longer one that is 0 elsewhere."""
    centre, parts = form.centre.new_zeros(size), form.parts.new_zeros(len(form.parts), size)
    centre[first : first + len(form.centre)], parts[:, first : first + len(form.centre)] = form.centre, form.parts
    return Affine(centre, parts)
