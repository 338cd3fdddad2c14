"""Plans of the cells over a wiring: LTC, CT-RNN, LRC and the wired CfC."""

import copy
from typing import TypeVar

import numpy as np

from caudal.errors import InputError
from caudal.export.plan.plan import (
    Builder,
    Closed,
    Commit,
    Conduct,
    Finish,
    Heads,
    Ints,
    Leak,
    Links,
    Neurons,
    Resist,
    Retain,
    Substeps,
    View,
    along,
    gated,
    integers_of,
    settled,
    vector_of,
)
from caudal.export.plan.read_dense import pure_bound
from caudal.nn import CTRNN, LRC, LTC
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.wired import graph_tensors
from caudal.typing import Floats

Wired = TypeVar("Wired", LTC, CTRNN, LRC, WiredCfC)


def ltc(builder: Builder, net: LTC, view: View) -> View:
    """LTC; the affine map of its inputs is folded into the gates."""
    if net.solver == "exact":
        fault = 'is an LTC with solver="exact", which has no form outside caudal yet'
        raise InputError("export", "model", fault, 'Build it with `solver="fused"`: the parameters are the same.')
    if net.solver != "fused" and not builder.graphs:
        fault = f"is an LTC with solver={net.solver!r}, an explicit step that no bound holds for"
        raise InputError("export", "model", fault, 'Build it with `solver="fused"`, or export it to ONNX.')
    p = [vector_of(part) for part in _double(net).params()]
    sensory_ptr, sensory_source, ptr, source = (integers_of(part) for part in graph_tensors(net))
    w_s, mu_s, sigma_s, e_s, w, mu, sigma, e, g_leak, v_leak, c_m = p
    low, high = (_extreme(which, (sensory_ptr, e_s), (ptr, e), v_leak) for which in (np.minimum, np.maximum))
    bound = float(np.maximum(-low, high).max())
    state = builder.view("v", net.units, bound, is_state=True)
    scale, shift = vector_of(net.input_scale), vector_of(net.input_shift)
    inputs = View(view.vector, view.index, view.scale * scale, view.shift * scale + shift)
    both = (True, True)
    sensory = gated(inputs, sensory_ptr, sensory_source, np.stack([w_s, w_s * e_s]), mu_s, sigma_s, both)
    recurrent = gated(state, ptr, source, np.stack([w, w * e]), mu, sigma, both)
    base = np.stack([g_leak, g_leak * v_leak])
    finish = Conduct(state.vector, c_m, net.eps if net.solver == "fused" else 0.0, low, high, net.solver)
    _relaxing(builder, base, sensory, recurrent, finish, (net.units, net.substeps))
    return _motor(state, vector_of(net.output_scale), vector_of(net.output_shift))


def _extreme(which: np.ufunc, sensory: tuple[Ints, Floats], recurrent: tuple[Ints, Floats], leak: Floats) -> Floats:
    """The lowest or highest potential that pulls at each neuron, its start at 0 included."""
    extremes = which(leak, 0.0)
    for ptr, potential in (sensory, recurrent):
        which.at(extremes, np.repeat(np.arange(len(leak)), np.diff(ptr)), potential)
    return np.asarray(extremes)


def _relaxing(
    builder: Builder,
    base: Floats,
    sensory: Links,
    recurrent: Links,
    finish: Finish,
    sizes: tuple[int, int],
) -> None:
    """Sensory sums held over sub-steps, in which every neuron reads the state before the sub-step."""
    units, substeps = sizes
    senses, base = settled(sensory, base)
    sums = tuple(builder.view(f"held{k}_", units, 0.0).vector for k in range(len(base)))
    builder.stages.append(Neurons(builder.name("sense"), base, senses, Retain(sums), units))
    relax = Neurons(builder.name("relax"), sums, (recurrent,), finish, units)
    builder.stages.append(Substeps(substeps, relax))


def _motor(state: View, scale: Floats, shift: Floats) -> View:
    return View(state.vector, state.index[-len(scale) :], scale, shift)


def ctrnn(builder: Builder, net: CTRNN, view: View) -> View:
    """CT-RNN."""
    sensory_w, w, b, tau = (vector_of(part) for part in _double(net).params())
    sensory_ptr, sensory_source, ptr, source = (integers_of(part) for part in graph_tensors(net))
    state = builder.view("v", net.units, float(tau.max()), is_state=True)
    sensory, extra = along(view, sensory_ptr, sensory_source, sensory_w[None])
    recurrent, _ = along(state, ptr, source, w[None])
    sizes = (net.units, net.substeps)
    _relaxing(builder, b[None] + extra, sensory, recurrent, Leak(state.vector, tau), sizes)
    return _motor(state, vector_of(net.output_scale), vector_of(net.output_shift))


def lrc(builder: Builder, net: LRC, view: View) -> View:
    """LRC."""
    if net.solver != "hybrid" and not builder.graphs:
        fault = f"is an LRC with solver={net.solver!r}, a step that no bound holds for"
        raise InputError("export", "model", fault, 'Build it with `solver="hybrid"`, or export it to ONNX.')
    p = _double(net).params()._asdict()
    f = {name: vector_of(part) for name, part in p.items()}
    sensory_ptr, sensory_source, ptr, source = (integers_of(part) for part in graph_tensors(net))
    state = builder.view("v", net.units, 2 * float(np.abs(f["e_leak"]).max()), is_state=True)
    moves = net.elastance != "none"
    gate = (True, True, False) if moves else (True, True)

    def links(prefix: str, seen: View, ptr: Ints, source: Ints) -> Links:
        names = ("g_max", "k_max", "o") if moves else ("g_max", "k_max")
        weights = np.stack([f[prefix + name] for name in names])
        return gated(seen, ptr, source, weights, f[prefix + "mu"], f[prefix + "sigma"], gate)

    base = np.stack([f["g_leak"], f["g_leak"], f["p"]] if moves else [f["g_leak"], f["g_leak"]])
    if moves:
        rows = np.repeat(np.arange(net.units), np.diff(sensory_ptr))
        np.add.at(base[2], rows, f["sensory_o"] * view.shift[sensory_source])
    finish = Resist(state.vector, f["e_leak"], f["k"], net.elastance, net.solver)
    sensory, recurrent = links("sensory_", view, sensory_ptr, sensory_source), links("", state, ptr, source)
    _relaxing(builder, base, sensory, recurrent, finish, (net.units, net.substeps))
    return _motor(state, vector_of(net.output_scale), vector_of(net.output_shift))


def wired_cfc(builder: Builder, net: WiredCfC, view: View) -> View:
    """Wired CfC: a neuron reads new values of lower layers, old ones of the others, and its own membrane."""
    sensory_ptr, sensory_source, ptr, source, current, layer_ptr = (integers_of(part) for part in net.graph())
    sensory_w, w, self_w, bias = (vector_of(part) for part in _double(net).params()[:4])
    units = net.units
    rows = np.repeat(np.arange(units), np.diff(ptr))
    bound = {"default": 1.0, "no_gate": 2.0}.get(net.mode, 0.0)
    finish: Finish = Heads(builder.name("h_next"), net.mode)
    if net.a is not None and net.w_tau is not None:
        a, w_tau = vector_of(net.a), vector_of(net.w_tau)
        inner, outer = np.zeros((units, units)), np.zeros((units, net.inputs))
        np.add.at(inner, (rows, source), np.abs(w[0]))
        inner[np.arange(units), np.arange(units)] += np.abs(self_w[0])
        np.add.at(outer, (np.repeat(np.arange(units), np.diff(sensory_ptr)), sensory_source), sensory_w[0])
        bound = pure_bound(builder, inner, builder.reach(view, outer, bias[0]), a)
        finish = Closed(builder.name("h_next"), a, w_tau)
    old = builder.view("h", units, bound, is_state=True)
    new = builder.view("h_next", units, bound)
    sensory, extra = along(view, sensory_ptr, sensory_source, sensory_w)
    senses, base = settled(sensory, bias + extra)
    order = np.argsort(np.concatenate([rows[current == 0], np.arange(units)]), kind="stable")
    before = np.concatenate([source[current == 0], np.arange(units)])[order]
    weight = np.concatenate([w[:, current == 0], self_w], 1)[:, order]
    behind, _ = along(old, _pointers(rows[current == 0], units, 1), before, weight)
    ahead, _ = along(new, _pointers(rows[current == 1], units, 0), source[current == 1], w[:, current == 1])
    links = (*senses, *(part for part in (behind, ahead) if len(part.index)))
    spans = tuple(int(end) for end in layer_ptr)
    builder.stages.append(Neurons(builder.name("climb"), base, links, finish, units, spans))
    builder.stages.append(Commit(new.vector, old.vector))
    return _motor(old, np.ones(net.outputs), np.zeros(net.outputs))


def _double(net: Wired) -> Wired:
    """The layer in float64: how exp rounds in float32 differs from processor to processor, and an export must not."""
    return copy.deepcopy(net).double()


def _pointers(rows: Ints, units: int, more: int) -> Ints:
    return np.concatenate([[0], (np.bincount(rows, minlength=units) + more).cumsum()])
