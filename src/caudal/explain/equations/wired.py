"""Equations of the cells that are differential equations: LTC, CTRNN and LRC."""

from collections.abc import Iterator

import numpy as np

from caudal.errors import InputError
from caudal.explain.equations.algebra import Expression, function, minus, over, plus, times
from caudal.explain.equations.form import Channel, Equation, Form, Scene, array, by_target
from caudal.nn import CTRNN, LRC, LTC
from caudal.nn.wired import graph_tensors
from caudal.typing import Floats


def _motor(layer: LTC | CTRNN | LRC, new: list[Expression]) -> list[tuple[Expression, float, float]]:
    scale, shift = array(layer.output_scale), array(layer.output_shift)
    return [(state, float(a), float(b)) for state, a, b in zip(new[-layer.outputs :], scale, shift, strict=True)]


def _reads(layer: LTC | CTRNN | LRC, scene: Scene, alive: Floats) -> list[list[tuple[int, Expression, int]]]:
    """For each neuron its live synapses: `(number among all, what is read, number of the input or -1)`."""
    sensory_ptr, sensory_source, ptr, source = graph_tensors(layer)
    first = len(sensory_source)
    reads = []
    for outer, inner in zip(by_target(sensory_ptr, sensory_source), by_target(ptr, source), strict=True):
        mine = [(k, scene.channels[j], j) for k, j in outer if alive[k]]
        mine += [(first + k, scene.old[j], -1) for k, j in inner if alive[first + k]]
        reads.append(mine)
    return reads


def ltc(layer: LTC, scene: Scene, alive: Floats) -> Form:
    """`c dx/dt = g (v - x) + sum w gate (e - x)`, and its fused or Euler step.

    Raises:
        InputError: the step is Runge-Kutta's, which mixes four slopes, or exact for some of its neurons.
    """
    if layer.solver in ("rk4", "exact"):
        why = "whose step mixes four slopes" if layer.solver == "rk4" else "whose neurons are not all stepped alike"
        fault = f'is an LTC solved by "{layer.solver}", {why}'
        raise InputError("equations", "model", fault, 'Build it with solver="fused".')
    p, number = layer.params(), scene.numbers
    w = np.concatenate((array(p.sensory_w), array(p.w)))
    mu, sigma = (np.concatenate((array(a), array(b))) for a, b in ((p.sensory_mu, p.mu), (p.sensory_sigma, p.sigma)))
    e_rev = np.concatenate((array(p.sensory_e_rev), array(p.e_rev)))
    scale, shift = array(layer.input_scale), array(layer.input_shift)
    g, v, c = array(p.g_leak), array(p.v_leak), array(p.c_m)
    d = over(scene.dt, number(layer.substeps)) if layer.substeps > 1 else scene.dt
    ode, step = [], []
    for i, mine in enumerate(_reads(layer, scene, alive)):
        x, den, currents = scene.old[i], [number(g[i])], [times(number(g[i]), minus(number(v[i]), scene.old[i]))]
        for k, value, j in mine:
            maps = (scale[j], shift[j]) if j >= 0 else (1.0, 0.0)
            gate = scene.gate(value, mu[k], sigma[k], *maps)
            den.append(times(number(w[k]), gate))
            currents.append(times(number(w[k]), gate, minus(number(e_rev[k]), x)))
        current, size = plus(currents), number(c[i] * scene.gap)
        ode.append(Equation(x, over(current, size), derivative=True))
        if layer.solver == "euler":
            step.append(Equation(scene.new[i], plus([x, over(times(d, current), size)])))
            continue
        if layer.eps:
            den, current = [*den, number(layer.eps)], minus(current, times(number(layer.eps), x))
        step.append(Equation(scene.new[i], plus([x, over(times(d, current), plus([size, times(d, plus(den))]))])))
    return Form(tuple(ode), tuple(step), scene.new, layer.substeps, _motor(layer, scene.new))


def ctrnn(layer: CTRNN, scene: Scene, alive: Floats) -> Form:
    """`dx/dt = -x / tau + tanh(sum w y + b)`, and its fused step."""
    p, number = layer.params(), scene.numbers
    w, b, tau = np.concatenate((array(p.sensory_w), array(p.w))), array(p.b), array(p.tau)
    d = over(scene.dt, number(layer.substeps)) if layer.substeps > 1 else scene.dt
    ode, step = [], []
    for i, mine in enumerate(_reads(layer, scene, alive)):
        x = scene.old[i]
        pull = function("tanh")(scene.linear([(float(w[k]), value) for k, value, _ in mine], float(b[i])))
        rate = minus(pull, over(x, number(tau[i])))
        ode.append(Equation(x, rate if scene.gap == 1 else over(rate, number(scene.gap)), derivative=True))
        change = times(d, minus(times(number(tau[i]), pull), x))
        step.append(Equation(scene.new[i], plus([x, over(change, plus([number(tau[i] * scene.gap), d]))])))
    return Form(tuple(ode), tuple(step), scene.new, layer.substeps, _motor(layer, scene.new))


def lrc(layer: LRC, scene: Scene, alive: Floats) -> Form:
    """`dx/dt = eps (tanh(z) e - sigmoid(f) x)`, and its hybrid or explicit step."""
    p, number = layer.params(), scene.numbers
    size = len(alive)
    g_max, k_max, mu, sigma = (
        np.concatenate((array(a), array(b)))
        for a, b in (
            (p.sensory_g_max, p.g_max),
            (p.sensory_k_max, p.k_max),
            (p.sensory_mu, p.mu),
            (p.sensory_sigma, p.sigma),
        )
    )
    o = np.concatenate((array(p.sensory_o), array(p.o))) if layer.elastance != "none" else np.zeros(size)
    e_leak = array(p.e_leak)
    d = over(scene.dt, number(layer.substeps * scene.gap)) if layer.substeps * scene.gap != 1 else scene.dt
    ode, step = [], []
    for i, mine in enumerate(_reads(layer, scene, alive)):
        x, g = scene.old[i], number(float(array(p.g_leak)[i]))
        gates = [scene.gate(value, mu[k], sigma[k]) for k, value, _ in mine]
        f = plus([g, *(times(number(g_max[k]), gate) for (k, _, _), gate in zip(mine, gates, strict=True))])
        z = plus([g, *(times(number(k_max[k]), gate) for (k, _, _), gate in zip(mine, gates, strict=True))])
        pull = function("sigmoid")(f)
        push = times(function("tanh")(z), number(e_leak[i]))
        change = minus(push, times(pull, x))
        elastic = list(_elastance(layer, scene, [(float(o[k]), value) for k, value, _ in mine], i))
        rate = times(*elastic, change)
        ode.append(Equation(x, rate if scene.gap == 1 else over(rate, number(scene.gap)), derivative=True))
        move = times(d, *elastic, change)
        if layer.solver == "hybrid":
            move = over(move, plus([number(1.0), times(d, *elastic, pull)]))
        step.append(Equation(scene.new[i], plus([x, move])))
    return Form(tuple(ode), tuple(step), scene.new, layer.substeps, _motor(layer, scene.new))


def _elastance(
    layer: LRC, scene: Scene, weights: list[tuple[float, "Channel | Expression"]], i: int
) -> Iterator[Expression]:
    """The elastance as a factor; none where it is 1."""
    if layer.elastance == "none":
        return
    p, sigmoid = layer.params(), function("sigmoid")
    w = scene.linear(weights, float(array(p.p)[i]))
    if layer.elastance == "asymmetric":
        yield sigmoid(w)
        return
    k = scene.numbers(float(array(p.k)[i]))
    yield minus(sigmoid(plus([w, k])), sigmoid(minus(w, k)))
