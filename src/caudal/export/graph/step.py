"""From a plan to the operations of one step for a batch of series, in ONNX or torch.

Equations are those of `program/lower_float.py`.

Synapses keep their sparsity: each row gathers what its synapses read, rows filled up to the longest with weights of 0;
where that would take more numbers than the dense matrix, the sum is a matrix product.
"""

from dataclasses import dataclass, replace

import numpy as np

from caudal.export.graph.nodes import Nodes, Symbol, gelu, runge_kutta
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
    Formula,
    Heads,
    Ints,
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
    View,
)
from caudal.export.program.assemble import is_scaled, reads_elapsed
from caudal.export.program.lower_float import neurons_eps
from caudal.typing import Floats


@dataclass
class _Run:
    """A step in the making: the plan, the nodes, the elapsed time in typical gaps, and the value of every vector."""

    plan: Plan
    nodes: Nodes
    dt: Symbol
    at: dict[str, Symbol]


def advance(
    nodes: Nodes, plan: Plan, x: Symbol, dt: Symbol, states: dict[str, Symbol]
) -> tuple[Symbol, dict[str, Symbol]]:
    """Write one step.

    Arguments:
        nodes: where to.
        plan: what.
        x: inputs `(batch, inputs)` in the user's units.
        dt: elapsed time `(batch, 1)` in the user's unit.
        states: by name, `(batch, size)` each.

    Returns:
        the answer `(batch, outputs)` and the new states.
    """
    scaling = plan.scaling
    if is_scaled(plan):
        x = (x - nodes.constant(np.array(scaling.mean))) / nodes.constant(np.array(scaling.std))
    if scaling.gap != 1:
        dt = dt / scaling.gap
    run = _Run(plan, nodes, dt, {INPUT: x, **states})
    if reads_elapsed(plan):
        run.at[ELAPSED] = dt
    for stage in plan.stages:
        if isinstance(stage, Commit):
            run.at[stage.state] = run.at[stage.source]
        elif isinstance(stage, Formula):
            run.at.update(stage.write(_seen(run, stage.source), dt, {name: run.at[name] for name in stage.states}))
        elif isinstance(stage, Substeps):
            for _ in range(stage.count):
                _neurons(run, stage.neurons, stage.count)
        else:
            _neurons(run, stage)
    return run.at[OUTPUT], {name: run.at[name] for name in states}


def _seen(run: _Run, view: View) -> Symbol:
    """What a layer answers, evaluated."""
    value, size = run.at[view.vector], run.plan.vectors[view.vector].size
    if not np.array_equal(view.index, np.arange(size)):
        value = run.nodes.op("Gather", value, run.nodes.constant(view.index.astype(np.int32)), axis=1)
    if (view.scale != 1).any():
        value = value * run.nodes.constant(view.scale)
    return value + run.nodes.constant(view.shift) if view.shift.any() else value


def _neurons(run: _Run, neurons: Neurons, substeps: int = 1) -> None:
    if neurons.one_unit:
        run = replace(run, dt=run.dt * 0.0 + 1.0)
    if substeps > 1:
        run = replace(run, dt=run.dt / substeps)
    if isinstance(neurons.finish, Conduct) and neurons.finish.solver != "fused":
        run.at[neurons.finish.state] = _explicit(run, neurons, neurons.finish)
        return
    if isinstance(neurons.finish, Average):
        run.at[neurons.finish.count] = run.at[neurons.finish.count] + 1.0
    if not neurons.spans:
        run.at.update(_finish(run, neurons, _totals(run, neurons, 0, neurons.rows)))
        return
    parts: dict[str, list[Symbol]] = {}
    for first, end in zip(neurons.spans, neurons.spans[1:], strict=False):
        here = replace(neurons, finish=_cut(neurons.finish, first, end))
        for name, value in _finish(run, here, _totals(run, neurons, first, end)).items():
            parts.setdefault(name, []).append(value)
            parameter = parts[name]
            run.at[name] = value if len(parameter) == 1 else run.nodes.op("Concat", *parameter, axis=1)


def _explicit(run: _Run, neurons: Neurons, finish: Conduct) -> Symbol:
    """An LTC by Euler's step or the classical one of fourth order."""
    c_m = run.nodes.constant(finish.c_m)

    def slope(v: Symbol) -> Symbol:
        den, num = _totals(replace(run, at={**run.at, finish.state: v}), neurons, 0, neurons.rows)
        return (num - den * v) / c_m

    v = run.at[finish.state]
    return v + run.dt * slope(v) if finish.solver == "euler" else runge_kutta(slope, v, run.dt)


def _cut(finish: Finish, first: int, end: int) -> Finish:
    """What becomes of the sums of some rows."""
    if isinstance(finish, Closed):
        return replace(finish, a=finish.a[first:end], w_tau=finish.w_tau[first:end])
    return finish


def _totals(run: _Run, neurons: Neurons, first: int, end: int) -> list[Symbol]:
    """Sums of the rows `first:end`, one `(batch, rows)` per channel."""
    if isinstance(neurons.base, tuple):
        totals: dict[int, Symbol] = {k: run.at[name] for k, name in enumerate(neurons.base)}
    else:
        totals = {}
    for links in neurons.links:
        for k, brought in _brought(run, _rows(links, first, end)).items():
            totals[k] = totals[k] + brought if k in totals else brought
    if isinstance(neurons.base, tuple):
        return [totals[k] for k in range(len(neurons.base))]
    eps = neurons_eps(run.plan, neurons)
    rows = [run.nodes.constant(row[first:end] + (eps if k == 0 else 0.0)) for k, row in enumerate(neurons.base)]
    # Where nothing comes in, the elapsed time lends the constants its batch.
    return [totals[k] + row if k in totals else run.dt * 0.0 + row for k, row in enumerate(rows)]


def _rows(links: Links, first: int, end: int) -> Links:
    """The synapses onto some rows."""
    at = slice(links.ptr[first], links.ptr[end])
    slope, offset = (None if part is None else part[at] for part in (links.slope, links.offset))
    ptr = links.ptr[first : end + 1] - links.ptr[first]
    return replace(links, ptr=ptr, index=links.index[at], weights=links.weights[at], slope=slope, offset=offset)


def _brought(run: _Run, links: Links) -> dict[int, Symbol]:
    """What synapses bring to each channel that they have a weight for, `(batch, rows)`."""
    live = [k for k in range(links.weights.shape[1]) if links.weights[:, k].any()]
    if not len(links.index) or not live:
        return {}
    source = run.at[links.source]
    products: dict[int, Symbol] = {}
    if links.slope is None:
        size = run.plan.vectors[links.source].size
        if _padded_size(links, len(live) + 1) < len(live) * size * (len(links.ptr) - 1):
            return _gathered(run.nodes, links, source, live, gated=False)
        return _product(run.nodes, links, source, live, size)
    for gate in (True, False):
        products |= _gathered(run.nodes, links, source, [k for k in live if links.gated[k] is gate], gated=gate)
    return products


def _padded_size(links: Links, numbers: int) -> int:
    counts = np.diff(links.ptr)
    return int(counts.max() * (counts > 0).sum() * numbers)


def _product(nodes: Nodes, links: Links, source: Symbol, live: list[int], size: int) -> dict[int, Symbol]:
    rows = len(links.ptr) - 1
    dense = np.zeros((size, len(live), rows))
    to = np.repeat(np.arange(rows), np.diff(links.ptr))
    for at, k in enumerate(live):
        np.add.at(dense[:, at], (links.index, to), links.weights[:, k])
    out = nodes.op("MatMul", source, nodes.constant(dense.reshape(size, -1)))
    if len(live) == 1:
        return {live[0]: out}
    split = nodes.op("Reshape", out, nodes.constant([0, len(live), rows]))
    return {k: _entry(split, at) for at, k in enumerate(live)}


def _gathered(nodes: Nodes, links: Links, source: Symbol, live: list[int], *, gated: bool) -> dict[int, Symbol]:
    """Sums along synapses, rows that have none left out of the work."""
    if not live:
        return {}
    counts = np.diff(links.ptr)
    busy = np.flatnonzero(counts)
    within = np.arange(counts.max()) < counts[busy, None]
    value = nodes.op("Gather", source, nodes.constant(_filled(links.index, within)), axis=1)
    if gated and links.slope is not None and links.offset is not None:
        slope, offset = (nodes.constant(_filled(part, within)) for part in (links.slope, links.offset))
        value = (value * slope + offset).sigmoid()
    weights = [_filled(links.weights[:, k], within) for k in live]
    if len(live) == 1:
        sums = _sum(nodes, value * nodes.constant(weights[0]), 2)
        return {live[0]: _placed(nodes, sums, busy, len(counts), 1)}
    sums = _sum(nodes, value.column() * nodes.constant(np.stack(weights)), 3)
    placed = _placed(nodes, sums, busy, len(counts), 2)
    return {k: _entry(placed, at) for at, k in enumerate(live)}


def _filled(values: Floats | Ints, within: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats | Ints:
    """Rows of equal length, 0 behind what each row has."""
    dtype = np.int32 if values.dtype.kind == "i" else np.float64
    padded = np.zeros(within.shape, dtype)
    padded[within] = values
    return padded


def _entry(value: Symbol, at: int) -> Symbol:
    """Entry `at` of axis 1, which goes."""
    return value.nodes.op("Gather", value, value.nodes.constant(np.array(at, np.int32)), axis=1)


def _sum(nodes: Nodes, value: Symbol, axis: int) -> Symbol:
    return nodes.op("ReduceSum", value, nodes.constant([axis]), keepdims=0)


def _placed(nodes: Nodes, sums: Symbol, busy: Ints, rows: int, axis: int) -> Symbol:
    """Sums of some rows among all, 0 in the others."""
    if len(busy) == rows:
        return sums
    padded = nodes.op("Pad", sums, nodes.constant([0] * (axis + 1) + [0] * axis + [1]))
    at = np.full(rows, len(busy), np.int32)
    at[busy] = np.arange(len(busy))
    return nodes.op("Gather", padded, nodes.constant(at), axis=axis)


def _finish(run: _Run, neurons: Neurons, totals: list[Symbol]) -> dict[str, Symbol]:
    """New value of every vector that the neurons write."""
    finish = neurons.finish
    if isinstance(finish, Retain):
        return dict(zip(finish.outs, totals, strict=True))
    if isinstance(finish, Emit):
        return {OUTPUT: totals[0]}
    if isinstance(finish, Average):
        mean = run.at[finish.mean]
        return {finish.mean: mean + (totals[0] - mean) / run.at[finish.count]}
    if isinstance(finish, Conduct | Leak | Resist):
        return {finish.state: _relaxed(run, finish, totals)}
    if isinstance(finish, Remember):
        i, f, g, o = totals
        memory = f.sigmoid() * run.at[finish.memory] + i.sigmoid() * g.tanh()
        return {finish.memory: memory, finish.out: o.sigmoid() * memory.tanh()}
    if isinstance(finish, Approach):
        v = _approached(run, finish, totals)
        return {finish.state: v} | ({} if finish.out == finish.state else {finish.out: totals[2].sigmoid() * v})
    if isinstance(finish, Reset):
        r, z, candidate, back = totals
        new = (candidate + r.sigmoid() * back).tanh()
        return {finish.out: new + z.sigmoid() * (run.at[finish.state] - new)}
    return {finish.out: _activated(run, finish, totals)}


def _relaxed(run: _Run, finish: Conduct | Leak | Resist, totals: list[Symbol]) -> Symbol:
    v, d, constant = run.at[finish.state], run.dt, run.nodes.constant
    if isinstance(finish, Conduct):
        den, num = totals
        return v + d * (num - den * v) / (d * den + constant(finish.c_m))
    if isinstance(finish, Leak):
        tau = constant(finish.tau)
        return v + d * (totals[0].tanh() * tau - v) / (d + tau)
    pull, rate = totals[0].sigmoid(), d
    if finish.elastance == "asymmetric":
        rate = d * totals[2].sigmoid()
    elif finish.elastance == "symmetric":
        k = constant(finish.k)
        rate = d * ((totals[2] + k).sigmoid() - (totals[2] - k).sigmoid())
    move = rate * (totals[1].tanh() * constant(finish.e_leak) - pull * v)
    return v + (move if finish.solver == "explicit" else move / (rate * pull + 1.0))


def _approached(run: _Run, finish: Approach, totals: list[Symbol]) -> Symbol:
    a, z, v = totals[0], totals[1], run.at[finish.state]
    share = a.softplus() if finish.decay == "softplus" else a.sigmoid()
    if finish.rate is not None:
        share = share * run.nodes.constant(finish.rate)
    if finish.decay != "unclocked":
        # 1 - exp(-y) without its loss of digits near 0.
        half = (share * run.dt * 0.5).tanh()
        share = half * 2.0 / (half + 1.0)
    return v + share * ((z.tanh() if finish.target == "tanh" else z) - v)


def _activated(run: _Run, finish: Heads | Closed | Squash, totals: list[Symbol]) -> Symbol:
    if isinstance(finish, Heads):
        f1, f2, t = totals[0].tanh(), totals[1].tanh(), (totals[2] * run.dt + totals[3]).sigmoid()
        return f1 + t * f2 if finish.mode == "no_gate" else f1 + t * (f2 - f1)
    z = totals[0]
    if isinstance(finish, Closed):
        a, w_tau = run.nodes.constant(finish.a), run.nodes.constant(np.abs(finish.w_tau))
        return a - a * (run.dt * (abs(z) + w_tau) * -1.0).exp() * z
    if finish.kind == "tanh":
        return z.tanh()
    if finish.kind == "linear":
        return z
    if finish.kind == "relu":
        return z.relu()
    return z * z.sigmoid() if finish.kind == "silu" else gelu(z)
