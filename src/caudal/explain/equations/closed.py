"""Equations of the cells with a closed form.

CfC and WiredCfC have a step and no differential equation; the step of a liquid state space is the solution of its own.
"""

import numpy as np

from caudal.dynamics.cfc_heads import Decay
from caudal.errors import InputError
from caudal.explain.equations.algebra import Expression, function, minus, over, plus, symbol, times
from caudal.explain.equations.form import Equation, Form, Scene, array, by_target
from caudal.nn import CfC, LiquidSSM, WiredCfC
from caudal.nn.wired import graph_tensors
from caudal.typing import Floats


def _update(scene: Scene, mode: str, pre: list[Expression], decay: tuple[float, float] | None) -> Expression:
    """New state of one neuron from the pre-activations of its heads."""
    number, dt = scene.numbers, over(scene.dt, scene.numbers(scene.gap)) if scene.gap != 1 else scene.dt
    if decay is not None:
        a, w_tau = decay
        rate = plus([number(abs(w_tau)), function("Abs")(pre[0])])
        left = function("exp")(times(-1, dt, rate))
        return minus(number(a), times(number(a), left, pre[0]))
    tanh = function("tanh")
    first, second = tanh(pre[0]), tanh(pre[1])
    gate = function("sigmoid")(plus([times(dt, pre[2]), pre[3]]))
    if mode == "no_gate":
        return plus([first, times(gate, second)])
    return plus([times(first, minus(number(1.0), gate)), times(gate, second)])


def _decays(decay: Decay | None, units: int) -> list[tuple[float, float] | None]:
    if decay is None:
        return [None] * units
    return [(float(a), float(w)) for a, w in zip(array(decay.a), array(decay.w_tau), strict=True)]


def wired_cfc(layer: WiredCfC, scene: Scene, alive: Floats) -> Form:
    """Each neuron from its heads; it reads the new value of lower layers and the old one of its own and higher."""
    p = layer.params()
    sensory_ptr, sensory_source, ptr, source = graph_tensors(layer)
    outer, inner = by_target(sensory_ptr, sensory_source), by_target(ptr, source)
    sensory, recurrent, self_weight, bias = (array(part) for part in p[:4])
    current, decays, first = layer.current.tolist(), _decays(p.decay, layer.units), len(sensory_source)
    step = []
    for i in range(layer.units):
        pre = []
        for head in range(len(bias)):
            reads = [(float(sensory[head, k]), scene.channels[j]) for k, j in outer[i] if alive[k]]
            reads += [
                (float(recurrent[head, k]), (scene.new if current[k] else scene.old)[j])
                for k, j in inner[i]
                if alive[first + k]
            ]
            reads.append((float(self_weight[head, i]), scene.old[i]))
            pre.append(scene.linear(reads, float(bias[head, i])))
        step.append(Equation(scene.new[i], _update(scene, layer.mode, pre, decays[i])))
    motor = [(state, 1.0, 0.0) for state in scene.new[-layer.outputs :]]
    return Form((), tuple(step), scene.new, 1, motor)


def cfc(layer: CfC, scene: Scene, alive: Floats) -> Form:
    """Backbone first, one symbol `z_<layer>_<unit>` for each of its units, then every neuron from its heads."""
    weight, bias = array(layer.entry.weight), array(layer.entry.bias)
    values: list[Expression] = [*scene.channels, *scene.old]
    step: list[Equation] = []
    dense = [(array(w), array(b)) for w, b in layer.params().dense]
    for depth in range(layer.backbone_layers):
        hidden = [symbol(f"z_{depth + 1}_{k}") for k in range(len(bias))]
        for unit, row, constant in zip(hidden, weight, bias, strict=True):
            z = scene.linear(list(zip(row.tolist(), values, strict=True)), float(constant))
            step.append(Equation(unit, _activated(scene, layer.activation, z)))
        values, (weight, bias) = hidden, dense[depth]
    heads = np.arange(len(bias)).reshape(-1, layer.units)
    decays = _decays(layer.params().decay, layer.units)
    for i, rows in enumerate(heads.T.tolist()):
        pre = [scene.linear(list(zip(weight[k].tolist(), values, strict=True)), float(bias[k])) for k in rows]
        step.append(Equation(scene.new[i], _update(scene, layer.mode, pre, decays[i])))
    return Form((), tuple(step), scene.new, 1, [(unit, 1.0, 0.0) for unit in scene.new])


def liquid_ssm(layer: LiquidSSM, scene: Scene, alive: Floats) -> Form:
    """`dx/dt = k (u - x)` with rate and target from the inputs, and its solution over the elapsed time.

    Raises:
        InputError: the layer has several blocks, or an output gate, which mixes its states with its inputs.
    """
    if layer.layers > 1 or layer.output_gate:
        what = f"has {layer.layers} blocks" if layer.layers > 1 else "has an output gate"
        fault = f"is a LiquidSSM that {what}, so that its outputs are not its states"
        raise InputError("equations", "model", fault, "Build it with `layers=1, output_gate=False`.")
    params = layer.parts()[0].params()
    weight, bias, rate = array(params.weight), array(params.bias), None if params.rate is None else array(params.rate)
    number, ode, step, units = scene.numbers, [], [], layer.units

    def gate(row: int) -> Expression:
        return scene.linear(list(zip(weight[row].tolist(), scene.channels, strict=True)), float(bias[row]))

    for i in range(units):
        a, z, x = gate(i), gate(units + i), scene.old[i]
        target = function("tanh")(z) if layer.target == "tanh" else z
        if rate is None:
            soft = function("log")(plus([number(1.0), function("exp")(a)]))
            speed = over(soft, number(scene.gap)) if scene.gap != 1 else soft
        else:
            speed = times(number(rate[i] / scene.gap), function("sigmoid")(a))
        share = minus(number(1.0), function("exp")(times(-1, scene.dt, speed)))
        ode.append(Equation(x, times(speed, minus(target, x)), derivative=True))
        step.append(Equation(scene.new[i], plus([x, times(share, minus(target, x))])))
    return Form(tuple(ode), tuple(step), scene.new, 1, [(unit, 1.0, 0.0) for unit in scene.new])


def _activated(scene: Scene, activation: str, z: Expression) -> Expression:
    number = scene.numbers
    if activation == "lecun_tanh":
        return times(number(1.7159), function("tanh")(times(number(0.666), z)))
    if activation in ("tanh", "relu"):
        return function(activation)(z)
    if activation == "silu":
        return times(z, function("sigmoid")(z))
    below = function("erf")(times(number(0.5**0.5), z))
    return times(number(0.5), z, plus([number(1.0), below]))
