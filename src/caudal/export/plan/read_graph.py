"""Layers with graphs for runtimes (ONNX, torch) and without C: their equations, written for batches.

No bound on their states is proven, or they have none (MLP); each is refused by `export.c`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from caudal.export.graph.nodes import Symbol, gelu, runge_kutta
from caudal.export.plan.plan import Builder, Formula, View, vector_of
from caudal.nn import GRUD, MLP, ODERNN
from caudal.typing import Floats

Values = dict[str, Symbol]
# Stands for the bound of a state that has none; graphs never read it.
_ANY = 1.0


def _linear(x: Symbol, weight: Floats, bias: Floats | None = None) -> Symbol:
    """`weight @ x + bias` for `x (batch, inputs)`."""
    product = x.nodes.op("MatMul", x, x.nodes.constant(weight.T))
    return product if bias is None else product + x.nodes.constant(bias)


def _columns(x: Symbol, first: int, end: int) -> Symbol:
    return x.nodes.op("Gather", x, x.nodes.constant(np.arange(first, end, dtype=np.int32)), axis=1)


def gru_d(builder: Builder, net: GRUD, view: View) -> View:
    """GRU-D, as its layer writes it; zeros mean that nothing was observed yet."""
    f, u = net.features, net.units
    names = ("x_mean", "input_decay", "input_decay_bias", "decay", "decay_bias", "weight_x", "weight_m")
    p = {name: vector_of(getattr(net, name)) for name in (*names, "weight_gates", "weight_new", "bias")}
    h, value, age = (
        builder.view(stem, size, _ANY, is_state=True) for stem, size in (("h", u), ("value", f), ("delta", f))
    )

    def write(x: Symbol, dt: Symbol, state: Values) -> Values:
        constant = x.nodes.constant
        shown = _columns(x, f, 2 * f)
        seen = shown.relu() - (shown - 1.0).relu()
        given, missing = seen * (_columns(x, 0, f) - constant(p["x_mean"])), 1.0 - seen
        delta, known = state[age.vector] + dt, state[value.vector]
        fade = ((delta * constant(p["input_decay"]) + constant(p["input_decay_bias"])).relu() * -1.0).exp()
        filled = given + missing * (fade * known) + constant(p["x_mean"])
        gates = _linear(filled, p["weight_x"], p["bias"]) + _linear(seen, p["weight_m"])
        decayed = (_linear(delta, p["decay"], p["decay_bias"]).relu() * -1.0).exp() * state[h.vector]
        both = (_columns(gates, 0, 2 * u) + _linear(decayed, p["weight_gates"])).sigmoid()
        reset, update = _columns(both, 0, u), _columns(both, u, 2 * u)
        new = (_columns(gates, 2 * u, 3 * u) + _linear(reset * decayed, p["weight_new"])).tanh()
        met = {value.vector: given + missing * known, age.vector: missing * delta}
        return {h.vector: decayed + update * (new - decayed), **met}

    builder.stages.append(Formula("GRUD", view, (h.vector, value.vector, age.vector), write))
    return h


def ode_rnn(builder: Builder, net: ODERNN, view: View) -> View:
    """ODE-RNN: four slopes of the flow in each sub-step, then a gated unit that does not read the elapsed time."""
    u = net.units
    names = ("flow_in", "flow_in_bias", "flow_out", "flow_out_bias", "weight_ih", "weight_hh", "bias_ih", "bias_hh")
    p = {name: vector_of(getattr(net, name)) for name in names}
    state = builder.view("h", u, _ANY, is_state=True)

    def slope(h: Symbol) -> Symbol:
        return _linear(_linear(h, p["flow_in"], p["flow_in_bias"]).tanh(), p["flow_out"], p["flow_out_bias"])

    def write(x: Symbol, dt: Symbol, states: Values) -> Values:
        h, d = states[state.vector], dt / float(net.substeps)
        for _ in range(net.substeps):
            h = runge_kutta(slope, h, d)
        forth, back = _linear(x, p["weight_ih"], p["bias_ih"]), _linear(h, p["weight_hh"], p["bias_hh"])
        r, z = ((_columns(forth, k * u, (k + 1) * u) + _columns(back, k * u, (k + 1) * u)).sigmoid() for k in range(2))
        new = (_columns(forth, 2 * u, 3 * u) + r * _columns(back, 2 * u, 3 * u)).tanh()
        return {state.vector: new + z * (h - new)}

    builder.stages.append(Formula("ODERNN", view, (state.vector,), write))
    return state


def mlp(builder: Builder, net: MLP, view: View) -> View:
    """The network without memory: the elapsed time is its last feature."""
    maps = [(vector_of(map_.weight), vector_of(map_.bias)) for map_ in net.maps]  # type: ignore[arg-type]  # as in MLP
    out = builder.view("z", net.units, _ANY)

    def write(x: Symbol, dt: Symbol, states: Values) -> Values:
        z = x.nodes.op("Concat", x, dt, axis=1)
        for weight, bias in maps:
            z = gelu(_linear(z, weight, bias))
        return {out.vector: z}

    builder.stages.append(Formula("MLP", view, (), write))
    return out


READERS: Mapping[type, Callable[[Builder, Any, View], View]] = {GRUD: gru_d, MLP: mlp, ODERNN: ode_rnn}

# Why the others have no form of their own, by name of the layer.
REASONS: Mapping[str, str] = {
    "Bidirectional": "an answer needs the steps that are still to come, so it has the ONNX graph of a sequence alone",
    "ConvHead": "reads pictures, which runtimes have layers of their own for",
    "DLinOSS": "its oscillators are not written for these formats yet",
    "LiquidS4": "its recurrence is not written for these formats yet",
    "LrcSSM": "its clamped elastance is not written for these formats yet",
    "PhasedLSTM": "counts absolute time, wider than the 32 bits of these formats",
    "SSM": "has complex states, which these formats do not carry",
    "Transformer": "attends to the steps before, whose number grows",
}
