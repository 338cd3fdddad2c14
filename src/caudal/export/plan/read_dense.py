"""Plans of the dense cells: CfC with and without backbone, LSTM, GRU."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from caudal.dynamics.cfc_heads import HEADS
from caudal.dynamics.lstm import FORGET_BIAS
from caudal.export.plan.plan import (
    ELAPSED,
    Builder,
    Closed,
    Commit,
    Finish,
    Heads,
    Neurons,
    Remember,
    Reset,
    Squash,
    View,
    linear,
    vector_of,
    whole,
)
from caudal.nn import GRU, LSTM, CfC, MixedMemory
from caudal.nn.layer import Layer
from caudal.typing import Floats

_LECUN_SCALE, _LECUN_SLOPE = 1.7159, 0.666
# Beyond it a long memory is clamped by the integer exports; its tanh is 1 there in every format.
MEMORY_RANGE = 15.0
# Shortest elapsed time, in typical gaps, that `pure` mode is exported for where its weights give no bound.
PURE_DT = 0.1


def pure_bound(builder: Builder, inner: Floats, outer: float, a: Floats) -> float:
    """What the state of a CfC in `pure` mode never exceeds.

    From `|h| <= |a| (1 + |f|)` and `|f| <= outer + inner |h|` where this has a fixed point near by, at any elapsed
    time; otherwise from `|f| exp(-dt |f|) <= 1 / (e dt)`, which needs an elapsed time of at least `PURE_DT`.

    Example:
        >>> pure_bound(Builder(), np.array([[0.5]]), 1.0, np.array([1.0]))
        4.0
        >>> round(pure_bound(Builder(), np.array([[1.5]]), 1.0, np.array([1.0])), 3)
        4.679
    """
    gain, largest = float((np.abs(a)[:, None] * inner).sum(1).max()), float(np.abs(a).max())
    late = largest * (1 + 1 / (math.e * PURE_DT))
    if gain < 1 and largest * (1 + outer) / (1 - gain) <= late:
        return largest * (1 + outer) / (1 - gain)
    builder.dt_min = max(builder.dt_min, PURE_DT)
    return late


def cfc(builder: Builder, net: CfC, view: View, *, old: View | None = None, recall: View | None = None) -> View:
    """Dense CfC; scales of `lecun_tanh` are folded into the weights.

    Arguments:
        old: the state, where something read it before the CfC does; made here when left out.
        recall: what the CfC reads in place of its state.
    """
    units, heads = net.units, HEADS[net.mode]
    weight, bias = vector_of(net.entry.weight), vector_of(net.entry.bias)
    layers = [(vector_of(part.weight), vector_of(part.bias)) for part in (*net.backbone, net.heads) if part is not None]
    bound = {"default": 1.0, "no_gate": 2.0}.get(net.mode)
    if bound is None:
        bound = _pure(builder, net, view, (weight, bias), layers, recall)
    if old is None:
        old = builder.view("h", units, bound, is_state=True)
    builder.vectors[old.vector] = replace(builder.vectors[old.vector], bound=bound)
    new = builder.view("h_next", units, bound)
    reads = [(view, weight[:, : net.inputs]), (recall or old, weight[:, net.inputs :])]
    for k, (further, own_bias) in enumerate(layers):
        reads = [(_backbone(builder, net, k, reads, bias), further)]
        bias = own_bias
    finish: Finish = Heads(new.vector, net.mode)
    if net.a is not None and net.w_tau is not None:
        finish = Closed(new.vector, vector_of(net.a), vector_of(net.w_tau))
    pairs = [linear(seen, part.reshape(heads, units, -1)) for seen, part in reads]
    base = bias.reshape(heads, units) + np.sum([extra for _, extra in pairs], 0)
    builder.stages.append(Neurons(builder.name("heads"), base, tuple(links for links, _ in pairs), finish, units))
    builder.stages.append(Commit(new.vector, old.vector))
    return old


def _backbone(builder: Builder, net: CfC, k: int, reads: list[tuple[View, Floats]], bias: Floats) -> View:
    kind = "tanh" if net.activation == "lecun_tanh" else net.activation
    slope = _LECUN_SLOPE if net.activation == "lecun_tanh" else 1.0
    reach = sum(builder.reach(seen, part, np.zeros(len(part))) for seen, part in reads) + float(np.abs(bias).max())
    out = builder.view(f"z{k}_", len(bias), 1.0 if kind == "tanh" else reach)
    pairs = [linear(seen, slope * part[None]) for seen, part in reads]
    base = slope * bias[None] + np.sum([extra for _, extra in pairs], 0)
    name = builder.name(f"backbone{k}_")
    builder.stages.append(Neurons(name, base, tuple(links for links, _ in pairs), Squash(out.vector, kind), len(bias)))
    scale = _LECUN_SCALE if net.activation == "lecun_tanh" else 1.0
    return View(out.vector, out.index, out.scale * scale, out.shift)


def _pure(
    builder: Builder,
    net: CfC,
    view: View,
    entry: tuple[Floats, Floats],
    layers: list[tuple[Floats, Floats]],
    recall: View | None,
) -> float:
    """What the state in `pure` mode never exceeds."""
    a = vector_of(net.a if net.a is not None else net.entry.bias)
    weight, bias = entry
    if layers and net.activation in ("tanh", "lecun_tanh"):
        top, shift = layers[-1]
        scale = _LECUN_SCALE if net.activation == "lecun_tanh" else 1.0
        return float((np.abs(a) * (1 + scale * np.abs(top).sum(1) + np.abs(shift))).max())
    outer, inner = builder.reach(view, weight[:, : net.inputs], bias), np.abs(weight[:, net.inputs :])
    if recall is not None:  # the state is not read, so nothing comes back
        outer += builder.reach(recall, inner, np.zeros(len(bias)))
        inner = np.zeros_like(inner)
    for further, shift in layers:  # every activation satisfies |act(z)| <= |z|
        outer = float((np.abs(further).sum(1) * outer + np.abs(shift)).max())
        inner = np.stack([(row[:, None] * inner).sum(0) for row in np.abs(further)])
    return pure_bound(builder, inner, outer, a)


def lstm(builder: Builder, net: LSTM, view: View) -> View:
    """LSTM, the elapsed time as its last feature; its memory is wide in every format."""
    old = builder.view("h", net.units, 1.0, is_state=True)
    memory = builder.view("c", net.units, MEMORY_RANGE, is_state=True, is_memory=True)
    new = builder.view("h_next", net.units, 1.0)
    bias = (vector_of(net.bias_ih) + vector_of(net.bias_hh)).reshape(4, net.units)
    _gates(builder, net, view, old, bias, Remember(new.vector, memory.vector))
    return old


def gru(builder: Builder, net: GRU, view: View) -> View:
    """GRU, the elapsed time as its last feature; the candidate's two sums stay apart."""
    old = builder.view("h", net.units, 1.0, is_state=True)
    new = builder.view("h_next", net.units, 1.0)
    forth, back = (vector_of(part).reshape(3, net.units) for part in (net.bias_ih, net.bias_hh))
    bias = np.stack([forth[0] + back[0], forth[1] + back[1], forth[2], back[2]])
    _gates(builder, net, view, old, bias, Reset(old.vector, new.vector))
    return old


def _gates(builder: Builder, net: LSTM | GRU, view: View, old: View, bias: Floats, finish: Finish) -> None:
    units, inputs = net.units, net.inputs
    forward = vector_of(net.weight_ih).reshape(-1, units, inputs + 1)
    back = vector_of(net.weight_hh).reshape(-1, units, units)
    if isinstance(net, GRU):
        forward = np.concatenate([forward, np.zeros_like(forward[:1])])
        back = np.stack([back[0], back[1], np.zeros_like(back[0]), back[2]])
    reads = [
        (view, forward[..., :inputs]),
        (whole(builder.vectors[ELAPSED]), forward[..., inputs:]),
        (old, back),
    ]
    pairs = [linear(seen, part) for seen, part in reads]
    base = bias + np.sum([extra for _, extra in pairs], 0)
    links = tuple(link for link, _ in pairs if len(link.index))
    builder.stages.append(Neurons(builder.name("gates"), base, links, finish, units))
    builder.stages.append(Commit(finish.out, old.vector))  # type: ignore[union-attr]


# The cell's gates stand as g, i, f, o; `Remember` takes i, f, g, o.
_ORDER = [1, 2, 0, 3]


def mixed(builder: Builder, net: MixedMemory, view: View, layers: Callable[[Builder, Layer, View], View]) -> View:
    """Any form of mixed memory.

    Arguments:
        layers: what reads the liquid layer of the form "stacked".
    """
    if not isinstance(net.liquid, CfC) or net.form == "stacked":
        return layers(builder, net.liquid, _memory(builder, net, view, None))
    old = builder.view("h", net.size, {"default": 1.0, "no_gate": 2.0}.get(net.liquid.mode, 0.0), is_state=True)
    recall = _memory(builder, net, view, old)
    if net.form == "shared":
        return cfc(builder, net.liquid, view, old=old, recall=recall)
    return cfc(builder, net.liquid, recall, old=old)


def _memory(builder: Builder, net: MixedMemory, view: View, read: View | None) -> View:
    """The memory's output; it reads the liquid state `read`, or its own output where it is a layer of its own."""
    size = net.size
    memory = builder.view("c", size, MEMORY_RANGE, is_state=True, is_memory=True)
    out = builder.view("m", size, 1.0, is_state=read is None)
    new = builder.view("m_next", size, 1.0) if read is None else out
    forward, back = (vector_of(part.weight).reshape(4, size, -1)[_ORDER] for part in (net.input_map, net.recurrent_map))
    bias = vector_of(net.input_map.bias).reshape(4, size)[_ORDER]
    bias[1] += FORGET_BIAS
    pairs = [linear(seen, part) for seen, part in ((view, forward), (out if read is None else read, back))]
    base = bias + np.sum([extra for _, extra in pairs], 0)
    links = tuple(link for link, _ in pairs if len(link.index))
    finish = Remember(new.vector, memory.vector)
    builder.stages.append(Neurons(builder.name("memory"), base, links, finish, size))
    if read is None:
        builder.stages.append(Commit(new.vector, out.vector))
    return out
