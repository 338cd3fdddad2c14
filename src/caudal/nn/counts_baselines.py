"""The work of one step of the layers to compare with, from their own files."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from caudal.nn.baselines import GRU, GRUD, LSTM, MLP, ODERNN, SSM, PhasedLSTM, Transformer
from caudal.nn.conv_head import ConvHead
from caudal.nn.counts_liquid import activation
from caudal.nn.work import Operations


def memory(inputs: int, u: int, *, biases: int) -> Operations:
    """An LSTM: four maps (with two biases each in torch's form, which are one further sum), then the gates."""
    gates = Operations(macs=4 * u * (inputs + u), adds=4 * u * (biases - 1))
    return gates.plus(Operations(macs=u, multiplies=2 * u, sigmoids=3 * u, tanhs=2 * u))


def gated(inputs: int, u: int) -> Operations:
    """Torch's GRU cell: the new value keeps its own recurrent bias, the two gates add their biases."""
    return Operations(macs=3 * u * (inputs + u) + 2 * u, adds=3 * u, sigmoids=2 * u, tanhs=u)


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
    GRUD: gru_d,
    MLP: mlp,
    ODERNN: ode_rnn,
    PhasedLSTM: phased_lstm,
    SSM: ssm,
    ConvHead: conv_head,
}
