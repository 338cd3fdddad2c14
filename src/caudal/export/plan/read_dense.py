"""Plans of the dense cells: CfC with and without backbone, LiquidSSM, LSTM, GRU, minGRU."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from torch import nn

from caudal.dynamics import liquid_ssm as liquid_ssm_step
from caudal.dynamics.cfc_heads import HEADS
from caudal.dynamics.lstm import FORGET_BIAS
from caudal.export.plan.plan import (
    ELAPSED,
    Approach,
    Builder,
    Closed,
    Commit,
    Finish,
    Heads,
    Links,
    Neurons,
    Remember,
    Reset,
    Squash,
    View,
    linear,
    vector_of,
    whole,
)
from caudal.nn import GRU, LSTM, CfC, LiquidSSM, MinGRU, MixedMemory
from caudal.nn.layer import Layer
from caudal.typing import Floats

# What neurons read, each with its weights `(channels, rows, read)`.
Reads: TypeAlias = tuple[tuple[View, Floats], ...]

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
    builder.stages.append(Neurons(builder.name("heads"), base, _links(pairs), finish, units))
    builder.stages.append(Commit(new.vector, old.vector))
    return old


def _links(pairs: list[tuple[Links, Floats]]) -> tuple[Links, ...]:
    """Those that hold a synapse."""
    return tuple(links for links, _ in pairs if len(links.index))


def _backbone(builder: Builder, net: CfC, k: int, reads: list[tuple[View, Floats]], bias: Floats) -> View:
    kind = "tanh" if net.activation == "lecun_tanh" else net.activation
    slope = _LECUN_SLOPE if net.activation == "lecun_tanh" else 1.0
    reach = sum(builder.reach(seen, part, np.zeros(len(part))) for seen, part in reads) + float(np.abs(bias).max())
    out = builder.view(f"z{k}_", len(bias), 1.0 if kind == "tanh" else reach)
    pairs = [linear(seen, slope * part[None]) for seen, part in reads]
    base = slope * bias[None] + np.sum([extra for _, extra in pairs], 0)
    name = builder.name(f"backbone{k}_")
    builder.stages.append(Neurons(name, base, _links(pairs), Squash(out.vector, kind), len(bias)))
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
    builder.stages.append(Neurons(builder.name("gates"), base, _links(pairs), finish, units))
    builder.stages.append(Commit(finish.out, old.vector))  # type: ignore[union-attr]


def liquid_ssm(builder: Builder, net: LiquidSSM, view: View) -> View:
    """LiquidSSM; from the second block on, a block reads the residual of those before it."""
    answer = view
    for k, block in enumerate(net.parts()):
        weight, bias = (vector_of(part).reshape(2, net.units, *part.shape[1:]) for part in (block.weight, block.bias))
        if block.gate is not None:
            weight = np.concatenate([weight, vector_of(block.gate.weight)[None]])
            bias = np.concatenate([bias, vector_of(block.gate.bias)[None]])
        rate = None if block.log_rate is None else np.exp(vector_of(block.log_rate))
        y = _approach(builder, str(k) if k else "", ((answer, weight),), bias, (rate, net.settings()))
        answer = y if block.mix is None else _residual(builder, k, answer, y, block.mix)
    return answer


def min_gru(builder: Builder, net: MinGRU, view: View) -> View:
    """minGRU, the elapsed time as its last feature."""
    weight, bias = vector_of(net.weight).reshape(2, net.units, -1), vector_of(net.bias).reshape(2, net.units)
    reads = (view, weight[..., : net.inputs]), (whole(builder.vectors[ELAPSED]), weight[..., net.inputs :])
    return _approach(builder, "", reads, bias, (None, net.settings()))


def _approach(
    builder: Builder, stem: str, reads: Reads, bias: Floats, form: tuple[Floats | None, liquid_ssm_step.Settings]
) -> View:
    """Neurons whose gates `(channels, rows)` read inputs only, and what they answer.

    Arguments:
        form: the rates `(rows,)` or None, and constants of the step.
    """
    (rate, settings), rows = form, bias.shape[1]
    spread = np.ones(rows)
    if settings.target == "linear":
        spread = np.sum([builder.reaches(seen, part[1]) for seen, part in reads], 0) + np.abs(bias[1])
    out = state = builder.view(f"v{stem}", rows, float(spread.max()), is_state=True, is_memory=True)
    if len(bias) > 2:
        out = builder.view(f"gated{stem}", rows, float(spread.max()))
    builder.spreads |= {state.vector: spread, out.vector: spread}
    pairs = [linear(seen, part) for seen, part in reads]
    base = bias + np.sum([extra for _, extra in pairs], 0)
    finish = Approach(state.vector, out.vector, rate, settings.decay, settings.target)
    builder.stages.append(Neurons(builder.name(f"approach{stem}"), base, _links(pairs), finish, rows))
    return out


def _residual(builder: Builder, k: int, before: View, y: View, mix: nn.Linear) -> View:
    """`before + mix(y)`."""
    weight, bias = vector_of(mix.weight), vector_of(mix.bias)
    reads = (before, np.eye(len(bias))), (y, weight)
    spread = np.sum([builder.reaches(seen, part) for seen, part in reads], 0) + np.abs(bias)
    out = builder.view(f"residual{k}_", len(bias), float(spread.max()))
    builder.spreads[out.vector] = spread
    pairs = [linear(seen, part[None]) for seen, part in reads]
    base = bias[None] + np.sum([extra for _, extra in pairs], 0)
    finish = Squash(out.vector, "linear")
    builder.stages.append(Neurons(builder.name(f"residual{k}_mix"), base, _links(pairs), finish, len(bias)))
    return out


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
    finish = Remember(new.vector, memory.vector)
    builder.stages.append(Neurons(builder.name("memory"), base, _links(pairs), finish, size))
    if read is None:
        builder.stages.append(Commit(new.vector, out.vector))
    return out
