"""From a plan to a program of float32, operation by operation as the equations stand."""

import numpy as np

from caudal.export.plan.plan import (
    ELAPSED,
    INPUT,
    OUTPUT,
    Approach,
    Average,
    Closed,
    Commit,
    Conduct,
    Emit,
    Finish,
    Heads,
    Leak,
    Links,
    Neurons,
    Plan,
    Remember,
    Reset,
    Resist,
    Retain,
    Squash,
    Substeps,
)
from caudal.export.program.arithmetic import SLOPES, float_table
from caudal.export.program.assemble import INPUT_SCALED, Assembly, holder_of, is_scaled, neurons_of, reads_elapsed
from caudal.export.program.program import Block, Clock, Gate, Link, Program, ProgramStep, Slot
from caudal.export.program.trace import Recorder, Value
from caudal.typing import Array, Floats

_TABLE = {"silu": "sigmoid", "gelu": "phi"}


def lower_float(plan: Plan) -> Program:
    """The program of a plan in float32; its numbers depend neither on the compiler nor on a maths library.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.nn import LTC
        >>> program = lower_float(describe(LTC(3, 4)))
        >>> program.state_bytes(), list(program.tables)
        (16, ['sigmoid'])
    """
    assembly = Assembly(plan, "float32")
    roles = {INPUT: "input", OUTPUT: "output", ELAPSED: "work"}
    for name, vector in plan.vectors.items():
        if name != ELAPSED or reads_elapsed(plan):
            role = "state" if vector.is_state else roles.get(name, "work")
            assembly.slots[name] = Slot(vector.size, "float", role)  # type: ignore[arg-type]
    assembly.slots["dt"] = Slot(1, "float", "scalar")
    _prologue(assembly)
    for stage in plan.stages:
        if isinstance(stage, Commit):
            assembly.steps[-1] = ProgramStep(assembly.steps[-1].block, commit=((stage.source, stage.state),))
        elif isinstance(stage, Substeps):
            block = _block(assembly, stage.neurons, stage.count)
            ((following, _),) = block.stores
            state = following.removesuffix("_next")
            assembly.slots[following] = Slot(plan.vectors[state].size, "float", "work")
            assembly.add(block, times=stage.count, commit=((following, state),))
        elif isinstance(stage, Neurons):
            if isinstance(stage.finish, Average):
                _tally(assembly, stage.finish)
            assembly.add(_block(assembly, stage, 1))
    return assembly.program(Clock(scale=float(np.float32(1 / plan.scaling.gap))))


def _prologue(assembly: Assembly) -> None:
    plan, trace = assembly.plan, Recorder()
    if ELAPSED in assembly.slots:
        value = trace.scalar("dt")
        assembly.add(Block("elapse", 1, (), (), tuple(trace.nodes), ((ELAPSED, value.at),)))
    if not is_scaled(plan):
        return
    assembly.slots[INPUT_SCALED] = Slot(plan.inputs, "float", "work")
    trace = Recorder()
    mean = assembly.constant("input_mean", _single(np.array(plan.scaling.mean)))
    factor = assembly.constant("input_factor", _single(1 / np.array(plan.scaling.std)))
    value = (trace.load(INPUT) - trace.constant(mean)) * trace.constant(factor)
    assembly.add(Block("scale", plan.inputs, (), (), tuple(trace.nodes), ((INPUT_SCALED, value.at),)))


def _tally(assembly: Assembly, finish: Average) -> None:
    trace = Recorder()
    count = trace.load(finish.count) + 1.0
    assembly.add(Block("tally", 1, (), (), tuple(trace.nodes), ((finish.count, count.at),)))


def _single(values: Floats) -> Array:
    return values.astype(np.float32)


def _block(assembly: Assembly, neurons: Neurons, substeps: int) -> Block:
    name = neurons.name
    if isinstance(neurons.base, tuple):
        base = neurons.base
    else:
        eps = neurons_eps(assembly.plan, neurons)
        base = tuple(
            assembly.constant(f"{name}_base{k}", _single(row + (eps if k == 0 else 0.0)))
            for k, row in enumerate(neurons.base)
        )
    links = tuple(_link(assembly, f"{name}_{k}", part) for k, part in enumerate(neurons.links))
    trace = Recorder()
    stores = _finish(assembly, trace, neurons, substeps)
    return Block(name, neurons.rows, base, links, tuple(trace.nodes), stores, neurons.spans)


def neurons_eps(plan: Plan, neurons: Neurons) -> float:
    """What the released LTC adds to the conductance, for the neurons that hold its sensory sums."""
    for other, _ in neurons_of(plan):
        if isinstance(other.finish, Conduct) and holder_of(plan, other.base[0]) is neurons:
            return other.finish.eps
    return 0.0


def _link(assembly: Assembly, stem: str, links: Links) -> Link:
    counts, index = assembly.shape(stem, links)
    weights = tuple(
        assembly.constant(f"{stem}_w{k}", _single(links.weights[:, k])) if links.weights[:, k].any() else ""
        for k in range(links.weights.shape[1])
    )
    gate = None
    if links.slope is not None and links.offset is not None:
        assembly.tables["sigmoid"] = float_table("sigmoid")
        slope = assembly.constant(f"{stem}_slope", _single(links.slope))
        gate = Gate(slope, assembly.constant(f"{stem}_offset", _single(links.offset)), "sigmoid")
    return Link(assembly.reads(links.source), counts, index, weights, links.gated, gate=gate)


def _sigmoid(assembly: Assembly, z: Value) -> Value:
    assembly.tables["sigmoid"] = float_table("sigmoid")
    return z.table("sigmoid")


def _tanh(assembly: Assembly, z: Value) -> Value:
    return _sigmoid(assembly, z * 2.0) * 2.0 - 1.0


def _finish(assembly: Assembly, trace: Recorder, neurons: Neurons, substeps: int) -> tuple[tuple[str, int], ...]:
    """Slots and values of what becomes of the sums."""
    finish, dt = neurons.finish, trace.number(1.0) if neurons.one_unit else trace.scalar("dt")
    channels = len(neurons.base)
    totals = [trace.total(k) for k in range(channels)]
    if isinstance(finish, Retain):
        return tuple((out, total.at) for out, total in zip(finish.outs, totals, strict=True))
    if isinstance(finish, Emit):
        return ((OUTPUT, totals[0].at),)
    if isinstance(finish, Average):
        mean = trace.load(finish.mean)
        return ((finish.mean, (mean + (totals[0] - mean) / trace.scalar(finish.count)).at),)
    if isinstance(finish, Conduct | Leak | Resist):
        d = dt * float(np.float32(1 / substeps))
        return ((f"{finish.state}_next", _relaxed(assembly, trace, finish, totals, d).at),)
    if isinstance(finish, Remember):
        i, f, g, o = totals
        memory = _sigmoid(assembly, f) * trace.load(finish.memory) + _sigmoid(assembly, i) * _tanh(assembly, g)
        return ((finish.memory, memory.at), (finish.out, (_sigmoid(assembly, o) * _tanh(assembly, memory)).at))
    if isinstance(finish, Approach):
        v = _approached(assembly, trace, finish, totals, dt)
        gated = () if finish.out == finish.state else ((finish.out, (_sigmoid(assembly, totals[2]) * v).at),)
        return ((finish.state, v.at), *gated)
    if isinstance(finish, Reset):
        r, z, candidate, back = totals
        new = _tanh(assembly, candidate + _sigmoid(assembly, r) * back)
        blend = new + _sigmoid(assembly, z) * (trace.load(finish.state) - new)
        return ((finish.out, blend.at),)
    return ((finish.out, _activated(assembly, trace, finish, totals, dt).at),)


def _relaxed(assembly: Assembly, trace: Recorder, finish: Finish, totals: list[Value], d: Value) -> Value:
    if isinstance(finish, Conduct):
        v, (den, num) = trace.load(finish.state), totals
        c_m = trace.constant(assembly.constant("c_m", _single(finish.c_m)))
        return v + d * (num - den * v) / (c_m + d * den)
    if isinstance(finish, Leak):
        v, tau = trace.load(finish.state), trace.constant(assembly.constant("tau", _single(finish.tau)))
        return v + d * (tau * _tanh(assembly, totals[0]) - v) / (tau + d)
    if not isinstance(finish, Resist):
        raise TypeError(type(finish).__name__)
    v, pull = trace.load(finish.state), _sigmoid(assembly, totals[0])
    rate = d
    if finish.elastance == "asymmetric":
        rate = d * _sigmoid(assembly, totals[2])
    elif finish.elastance == "symmetric":
        k = trace.constant(assembly.constant("elastance_k", _single(finish.k)))
        rate = d * (_sigmoid(assembly, totals[2] + k) - _sigmoid(assembly, totals[2] - k))
    e_leak = trace.constant(assembly.constant("e_leak", _single(finish.e_leak)))
    return v + rate * (_tanh(assembly, totals[1]) * e_leak - pull * v) / (rate * pull + 1.0)


def _approached(assembly: Assembly, trace: Recorder, finish: Approach, totals: list[Value], dt: Value) -> Value:
    a, z, v = totals[0], totals[1], trace.load(finish.state)
    if finish.decay == "softplus":
        for table in ("softplus", "sigmoid"):
            assembly.tables[table] = float_table(table)
        share = a.table("softplus")
    else:
        share = _sigmoid(assembly, a)
    if finish.rate is not None:
        share = share * trace.constant(assembly.constant("rate", _single(finish.rate)))
    if finish.decay != "unclocked":
        assembly.tables["rise"] = float_table("rise")
        share = (share * dt).table("rise")
    target = _tanh(assembly, z) if finish.target == "tanh" else z
    return v + share * (target - v)


def _activated(assembly: Assembly, trace: Recorder, finish: Finish, totals: list[Value], dt: Value) -> Value:
    if isinstance(finish, Heads):
        f1, f2 = _tanh(assembly, totals[0]), _tanh(assembly, totals[1])
        t = _sigmoid(assembly, totals[2] * dt + totals[3])
        return f1 + t * f2 if finish.mode == "no_gate" else f1 + t * (f2 - f1)
    if isinstance(finish, Closed):
        assembly.tables["decay"] = float_table("decay")
        f, a = totals[0], trace.constant(assembly.constant("asymptote", _single(finish.a)))
        rate = abs(f) + trace.constant(assembly.constant("w_tau", _single(np.abs(finish.w_tau))))
        return a - a * (dt * rate).table("decay") * f
    if not isinstance(finish, Squash):
        raise TypeError(type(finish).__name__)
    if finish.kind == "tanh":
        return _tanh(assembly, totals[0])
    if finish.kind == "linear":
        return totals[0]
    if finish.kind == "relu":
        return trace.node("relu", totals[0])
    table = _TABLE[finish.kind]
    for part in (table, SLOPES.get(table, table)):
        assembly.tables[part] = float_table(part)
    return totals[0] * totals[0].table(table)
