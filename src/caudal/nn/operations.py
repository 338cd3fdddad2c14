"""Exact work of one step of every layer: scalar operations of its equation by kind, and the numbers that must move.

The equation is counted as its file of `dynamics/` (of a baseline: as its layer) writes it, with three rules. A sum of n
terms is n - 1 additions, wherever its parts are added up. What follows from the parameters alone (`softplus` of a raw
weight, `g v_leak`) is folded, as every kernel folds it. Negation, adding 0 and multiplying by 1 are free.

`caudal.nn.counter` counts the same by running it, and knows none of these formulas. It counts a layer of anybody else.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from caudal.dynamics.cfc_heads import HEADS
from caudal.dynamics.wired import targets
from caudal.errors import InputError
from caudal.nn.baselines import GRU, GRUD, LSTM, MLP, ODERNN, SSM, MinGRU, PhasedLSTM, Transformer
from caudal.nn.bidirectional import Bidirectional
from caudal.nn.cfc import CfC
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.conv_head import ConvHead
from caudal.nn.counter import count_step
from caudal.nn.ctrnn import CTRNN
from caudal.nn.layer import Layer, leaves
from caudal.nn.liquid_s4 import LiquidS4
from caudal.nn.liquid_ssm import LiquidSSM
from caudal.nn.lrc import LRC
from caudal.nn.lrc_ssm import LrcSSM
from caudal.nn.ltc import LTC
from caudal.nn.mixed import MixedMemory
from caudal.nn.oscillators import DLinOSS
from caudal.nn.readout import Readout
from caudal.nn.stack import Stack
from caudal.nn.work import Operations as Operations


def operations(net: Layer, steps: float = 1.0) -> Operations:
    """Work of one step of one series.

    Arguments:
        net: any layer of `caudal.nn`; one of anybody else is counted by running a step of it, where a product and a
            sum make a multiply-add, and a call that the counter does not know counts as one operation.
        steps: of a typical series; attention alone depends on it, and reads the mean number of steps before.

    Example:
        >>> from caudal.nn import LSTM
        >>> work = operations(Readout(LSTM(3, 4), 2))
        >>> work.macs, work.multiplies, work.sigmoids, work.tanhs, work.divisions
        (140.0, 8.0, 12.0, 8.0, 0.0)
    """
    return _work(net, steps)._replace(ends=float(net.inputs + 1 + net.outputs))


def live_parameters(net: nn.Module) -> int:
    """Trained numbers that can change an output: one per synapse that exists, and no bias that cancels.

    The bias of the keys of an attention adds the same to every score of a step, which the softmax takes away again.

    Example:
        >>> from caudal.nn import LSTM, LTC
        >>> live_parameters(LSTM(3, 4)), live_parameters(LTC(2, 3))
        (160, 79)
    """
    total = sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
    return total - sum(part.units * part.layers for part in net.modules() if isinstance(part, Transformer))


def _work(net: Layer, steps: float) -> Operations:
    """Work of one step, which under `pairing="event"` are two: the gap, then the inputs."""
    return _once(net, steps).times(2 if net.pairing == "event" else 1)


def _once(net: Layer, steps: float) -> Operations:
    if isinstance(net, Readout):
        return _work(net.layer, steps).plus(_decision(net))
    if isinstance(net, Stack):
        parts = [_work(part, steps) for part in net.layers]  # type: ignore[arg-type]  # a ModuleList forgets its kind
        return Operations(*map(sum, zip(*parts, strict=True)))
    if isinstance(net, Bidirectional):
        return _work(net.forward_layer, steps).plus(_work(net.backward_layer, steps))
    if isinstance(net, MixedMemory):
        gates = memory(net.inputs, net.size, biases=1)
        weights = sum(p.numel() for p in (*net.input_map.parameters(), *net.recurrent_map.parameters()))
        # The forget gate's +1; output and memory are held beside what the liquid layer holds.
        extra = Operations(adds=net.size, weights=weights, state=(4 if net.form == "stacked" else 2) * net.size)
        return gates.plus(extra).plus(_work(net.liquid, steps))
    if isinstance(net, Transformer):
        return _filled(net, transformer(net, steps))
    for kind, formula in _FORMULAS.items():
        if isinstance(net, kind):
            return _filled(net, formula(net))
    if not isinstance(net, Layer):
        raise InputError("operations", "net", f"is a {type(net).__name__}, which is not counted", "Pass a `Layer`.")
    return _filled(net, run_once(net))


def run_once(net: Layer) -> Operations:
    """What one step of a layer asks of torch, counted by running it.

    Example:
        >>> from caudal.nn import GRU
        >>> counted, written = run_once(GRU(3, 4)), operations(GRU(3, 4))
        >>> (counted.products, counted.sums, counted.transcendentals) == (
        ...     written.products, written.sums, written.transcendentals
        ... )
        True
    """
    count = count_step(net)
    fused = min(count.products, count.sums)
    work = Operations(macs=fused, multiplies=count.products - fused, adds=count.sums - fused, divisions=count.divisions)
    comparisons = count.comparisons + sum(count.unknown.values())
    return work._replace(comparisons=comparisons, **count.curved)


def _decision(net: Readout) -> Operations:
    read = net.layer.outputs
    weights = sum(p.numel() for p in net.map.parameters())
    decision = Operations(macs=net.outputs * read, weights=weights)
    if net.pool == "last":
        return decision
    # mean <- (mean k + y) / (k + 1), guarded against k + 1 = 0.
    return decision.plus(Operations(macs=read, adds=1, divisions=read, comparisons=1, state=2 * (read + 1)))


def _filled(net: Layer, work: Operations) -> Operations:
    """What the formula leaves open: every parameter is read once, every number of the state read and written."""
    weights = work.weights or sum(parameter.numel() for parameter in net.parameters())
    state = work.state or 2 * getattr(net, "substeps", 1) * sum(part.numel() for part in leaves(net.initial_state(1)))
    return Operations(*map(float, work._replace(weights=weights, state=state)))


def memory(inputs: int, u: int, *, biases: int) -> Operations:
    """An LSTM: four maps (with two biases each in torch's form, which are one further sum), then the gates."""
    gates = Operations(macs=4 * u * (inputs + u), adds=4 * u * (biases - 1))
    return gates.plus(Operations(macs=u, multiplies=2 * u, sigmoids=3 * u, tanhs=2 * u))


def gated(inputs: int, u: int) -> Operations:
    """Torch's GRU cell: the new value keeps its own recurrent bias, the two gates add their biases."""
    return Operations(macs=3 * u * (inputs + u) + 2 * u, adds=3 * u, sigmoids=2 * u, tanhs=u)


def min_gru(net: MinGRU) -> Operations:
    """Two maps of the inputs, one sigmoid; the way to the candidate, and the share of it onto the state."""
    u = net.units
    return Operations(macs=2 * u * (net.inputs + 1) + u, adds=u, sigmoids=u)


def gru_d(net: GRUD) -> Operations:
    """Ages and last values; decay of inputs and of the state; a gated unit on values and indicators."""
    f, u = net.features, net.units
    inputs = Operations(macs=3 * f, multiplies=3 * f, adds=4 * f, exponentials=f, comparisons=2 * f)
    decay = Operations(macs=f * u, multiplies=u, exponentials=u, comparisons=u)
    gates = Operations(macs=3 * u * (2 * f + u) + u, multiplies=u, adds=u, sigmoids=2 * u, tanhs=u)
    return inputs.plus(decay).plus(gates)


def mlp(net: MLP) -> Operations:
    """Linear maps, each followed by a gelu."""
    maps = Operations(macs=net.units * (net.inputs + 1 + (net.layers - 1) * net.units))
    return maps.plus(activation("gelu", net.units * net.layers))


def ode_rnn(net: ODERNN) -> Operations:
    """Four slopes of the flow in each sub-step, then a gated unit that does not read dt."""
    u, h, runs = net.units, net.hidden, net.substeps
    slope = Operations(macs=2 * h * u, tanhs=h, weights=2 * h * u + h + u)
    flow = slope.times(4).plus(Operations(macs=6 * u, adds=u, divisions=3))
    cell = gated(net.inputs, u).plus(Operations(weights=3 * u * (net.inputs + u + 2)))
    return flow.times(runs).plus(cell).plus(Operations(divisions=float(runs > 1)))


def phased_lstm(net: PhasedLSTM) -> Operations:
    """The openness of each unit at its time; an LSTM with peepholes; both blended."""
    u = net.units
    gate = Operations(multiplies=u * (1 + (net.leak != 1)), adds=3 * u + 1, divisions=2 * u, comparisons=5 * u)
    cell = Operations(macs=4 * u * (net.inputs + u) + 4 * u, multiplies=2 * u, sigmoids=3 * u, tanhs=2 * u)
    return gate.plus(cell).plus(Operations(macs=2 * u, adds=2 * u))


def norm(u: int) -> Operations:
    """Layer norm of `u` numbers."""
    return Operations(macs=2 * u - 1, multiplies=u + 1, adds=2 * u, divisions=2, roots=1)


def transformer(net: Transformer, steps: float) -> Operations:
    """One step that reads `(steps + 1) / 2` steps, as the steps of a series do on average."""
    u, heads = net.units, net.heads
    read = min(float(net.context), (steps + 1) / 2)
    pairs = heads * read
    scores = Operations(macs=read * u - pairs, multiplies=2 * pairs)
    soft = Operations(adds=2 * pairs - heads, divisions=pairs, exponentials=pairs, comparisons=pairs - heads)
    values = Operations(macs=read * u - u, multiplies=u)
    attention = Operations(macs=4 * u * u).plus(scores).plus(soft).plus(values)
    feed = Operations(macs=2 * u * net.hidden).plus(activation("gelu", net.hidden))
    block = norm(u).plus(attention).plus(norm(u)).plus(feed).plus(Operations(adds=2 * u))
    ends = Operations(macs=net.inputs * u, multiplies=u // 2, adds=u + 1, sines=u).plus(norm(u))
    cache = 2 * net.layers * u * (read + 1)
    return block.times(net.layers).plus(ends).plus(Operations(state=cache + 2))


def ssm(net: SSM) -> Operations:
    """Factor and gain of each complex state by the elapsed time, the drive, the step, the read, gelu and gate."""
    u, s = net.units, net.states
    clock = Operations(macs=3 * s, multiplies=9 * s, divisions=3 * s, exponentials=2 * s, sines=3 * s)
    drive = Operations(macs=2 * s * (u - 1) + 2 * s, multiplies=4 * s)
    scan = Operations(macs=2 * s, multiplies=2 * s, adds=2 * s)
    read = Operations(macs=u * (2 * s - 1) + u, multiplies=2 * u).plus(activation("gelu", u))
    gate = Operations(macs=u * u, multiplies=u, adds=u, sigmoids=u)
    block = norm(u).plus(clock).plus(drive).plus(scan).plus(read).plus(gate)
    return block.times(net.layers).plus(Operations(macs=net.inputs * u))


def conv_head(net: ConvHead) -> Operations:
    """Every filter at every place, the padded border included; then a map of each filter's image."""
    _, height, width = net.frame
    total = Operations()
    for weight, (count, _, stride) in zip(net.weights, net.filters, strict=True):
        height, width = -(-height // stride), -(-width // stride)
        outputs = count * height * width
        total = total.plus(Operations(macs=outputs * weight[0].numel(), comparisons=outputs))
    return total.plus(Operations(macs=net.map.numel()))


BASELINES: Mapping[type[nn.Module], Callable[[Any], Operations]] = {
    LSTM: lambda net: memory(net.inputs + 1, net.units, biases=2),
    GRU: lambda net: gated(net.inputs + 1, net.units),
    MinGRU: min_gru,
    GRUD: gru_d,
    MLP: mlp,
    ODERNN: ode_rnn,
    PhasedLSTM: phased_lstm,
    SSM: ssm,
    ConvHead: conv_head,
}


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
    if net.solver == "exact":
        return _ltc_exact(net)
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


def _ltc_exact(net: LTC) -> Operations:
    """Sums, rate, rest and scan of the first neurons; their path in each sub-step, and the fused steps behind them."""
    read, inner = (net.get_buffer(f"exact_{name}").numel() for name in ("chosen", "recurrent"))
    onto, behind = (
        net.sensory_mu.numel() - net.get_buffer("exact_behind").numel(),
        net.get_buffer("exact_ptr").numel() - 1,
    )
    first, maps = net.units - behind, net.inputs + net.outputs
    solved = Operations(macs=3 * onto + maps + first, sigmoids=onto, exponentials=first, divisions=2 * first)
    solved = solved.plus(Operations(multiplies=2 * first, adds=2 * first, weights=4 * onto + 2 * maps + 3 * first))
    path = Operations(macs=first, multiplies=first + 1, exponentials=first)
    gates = Operations(macs=3 * (read + inner), sigmoids=read + inner, weights=4 * (read + inner))
    fused = Operations(macs=2 * behind, multiplies=behind, adds=behind, divisions=behind, weights=3 * behind)
    steps = path.plus(gates).plus(fused).times(net.substeps)
    return solved.plus(steps).plus(Operations(divisions=float(net.substeps > 1)))


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


def liquid_ssm(net: LiquidSSM) -> Operations:
    """Per block: two gates (three with an output gate), rate and share by the elapsed time, the step, mixing."""
    u, gates = net.units, 3 if net.output_gate else 2
    # Softplus is an exponential and a logarithm with a sum between.
    rate = {
        "sigmoid": Operations(multiplies=u, sigmoids=u),
        "softplus": Operations(adds=u, exponentials=2 * u),
    }[net.decay]
    target = Operations(tanhs=u if net.target == "tanh" else 0)
    # Times dt, 1 - exp, u - v, and the share of that onto v.
    step = Operations(macs=u, multiplies=u, adds=u, exponentials=u)
    gate = Operations(multiplies=u, sigmoids=u) if net.output_gate else Operations()
    block = rate.plus(target).plus(step).plus(gate)
    mixing = Operations(macs=(net.layers - 1) * (gates * u * u + u * u), adds=(net.layers - 1) * u)
    return block.times(net.layers).plus(Operations(macs=gates * u * net.inputs)).plus(mixing)


def liquid_s4(net: LiquidS4) -> Operations:
    """The drive; rate, its bound and its share by the elapsed time; the step; outputs from states and inputs."""
    u = net.units
    flow = Operations(multiplies=2 * u, adds=2 * u, divisions=u, exponentials=u, comparisons=u)
    maps = Operations(macs=u * (net.inputs - 1) + u * (u - 1) + u * net.inputs, multiplies=2 * u)
    return maps.plus(flow).plus(Operations(macs=u))


def lrc_ssm(net: LrcSSM) -> Operations:
    """Gates of inputs and states, conductance, drive and elastance, their rate and push, the step."""
    i, u = net.inputs, net.units
    gates = Operations(multiplies=i + u, adds=i + u, sigmoids=i + u)
    sums = Operations(macs=3 * u * i + 3 * u)
    pull = Operations(multiplies=3 * u, sigmoids=2 * u, tanhs=u, comparisons=u)
    return gates.plus(sums).plus(pull).plus(Operations(macs=u, multiplies=2 * u, adds=u, divisions=u, exponentials=u))


def d_linoss(net: DLinOSS) -> Operations:
    """As the diagonal state space, with a real drive and positions alone read."""
    u, s = net.units, net.states
    clock = Operations(macs=3 * s, multiplies=8 * s, divisions=3 * s, exponentials=2 * s, sines=3 * s)
    drive = Operations(macs=s * (u - 1), multiplies=4 * s)
    scan = Operations(macs=2 * s, multiplies=2 * s, adds=2 * s)
    read = Operations(macs=u * (s - 1) + u, multiplies=u).plus(activation("gelu", u))
    gate = Operations(macs=u * u, multiplies=u, adds=u, sigmoids=u)
    block = norm(u).plus(clock).plus(drive).plus(scan).plus(read).plus(gate)
    return block.times(net.layers).plus(Operations(macs=net.inputs * u))


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
    LiquidSSM: liquid_ssm,
    LiquidS4: liquid_s4,
    LrcSSM: lrc_ssm,
    DLinOSS: d_linoss,
    CfC: cfc,
    WiredCfC: wired_cfc,
}

_FORMULAS: Mapping[type[nn.Module], Callable[[Any], Operations]] = {**LIQUID, **BASELINES}
