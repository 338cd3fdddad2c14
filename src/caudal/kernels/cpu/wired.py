"""The wired recurrences on the CPU: forward and backward over tiles of rows, synapse by synapse.

Sums cost what the synapses cost: the loops run over real synapses only. A gate's scale is folded into two numbers per
synapse, sensory sums are taken once per step, and a masked step is one of `dt = 0`, which leaves the state as it was to
the bit. Backward keeps one state per step and recomputes the sub-steps of that step. The wired CfC walks its neurons in
their order instead of taking sub-steps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import cfc_wired, ctrnn, lrc, ltc
from caudal.kernels.cpu import cfc_wired_jit, ctrnn_jit, lrc_jit, ltc_jit, tiles
from caudal.kernels.cpu.cfc import MODES
from caudal.kernels.cpu.tiles import flat
from caudal.kernels.recurrence import Call
from caudal.typing import Array

_LOG2E = 1.0 / math.log(2.0)
KINDS = {"asymmetric": lrc_jit.ASYMMETRIC, "symmetric": lrc_jit.SYMMETRIC, "none": lrc_jit.NONE}
Kind = tuple[Array, Array, Array]


class Loops(NamedTuple):
    """The compiled loops of a call and what they need beside it.

    Attributes:
        forward, backward: kernels of one tile.
        constants: what both receive after the call's own arrays.
        units: width of the state.
        rows, back_rows: rows of scratch, each as wide as there are lanes, forward and backward.
        sums: running sums of backward.
    """

    forward: Callable[..., None]
    backward: Callable[..., None]
    constants: tuple[Any, ...]
    units: int
    rows: int
    back_rows: int
    sums: int


class Swept(NamedTuple):
    """What backward leaves: gradients of inputs, times and state, and the float64 sums for those of parameters."""

    x: Tensor
    dt: Tensor
    state: Tensor
    totals: NDArray[np.float64]


def _forward(call: Call, loops: Loops) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    batch, time, inputs = call.x.shape
    states = call.x.new_empty(batch, time, loops.units)
    x, dt, v0, out = (tiles.flat(t) for t in (call.x, call.dt, call.state[0], states))
    mask, dtype = tiles.mask_array(call), tiles.numpy_dtype(call)
    threads = torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        loops.forward(
            tile.lanes,
            tile.start,
            tile.rows,
            time,
            inputs,
            loops.units,
            x,
            dt,
            mask,
            v0,
            out,
            *loops.constants,
            np.empty(loops.rows * tile.lanes.count, dtype),
        )

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return [states]


def _backward(call: Call, grads: list[Tensor], states: list[Tensor], loops: Loops) -> Swept:
    """Gradients of a call; sums of tiles are added in the order of the tiles, whatever thread made them."""
    batch, time, inputs = call.x.shape
    x, dt, state = (torch.empty_like(t) for t in (call.x, call.dt, call.state[0]))
    flat = [tiles.flat(t) for t in (call.x, call.dt, call.state[0], states[0], grads[0], x, dt, state)]
    mask, dtype = tiles.mask_array(call), tiles.numpy_dtype(call)
    threads = torch.get_num_threads()
    cut = tiles.cut(batch, threads, call.x.dtype)
    totals = np.zeros((len(cut), loops.sums))

    def work(tile: tiles.Tile) -> None:
        loops.backward(
            tile.lanes,
            tiles.NARROW,
            tile.start,
            tile.rows,
            time,
            inputs,
            loops.units,
            *flat,
            mask,
            *loops.constants,
            np.empty(loops.back_rows * tile.lanes.count, dtype),
            np.zeros(loops.sums * tiles.NARROW.count, dtype),
            totals[tile.place],
        )

    tiles.run(cut, work, threads)
    return Swept(x, dt, state, totals.sum(0))


def _in_dtype(gradients: tuple[Tensor, ...], dtype: torch.dtype) -> list[Tensor]:
    """Gradients in memory of their own, as the outputs of an op must be."""
    return [g.to(dtype, copy=True, memory_format=torch.contiguous_format) for g in gradients]


@dataclass(frozen=True)
class CpuCell:
    """One recurrence over the loops of its tiles.

    Attributes:
        loops: the compiled loops of a call and what they need.
        gradients: `(call, totals) -> gradients` of the parameters, from the sums that backward leaves.
    """

    loops: Callable[[Call], Loops]
    gradients: Callable[[Call, Tensor], tuple[Tensor, ...]]

    def forward(self, call: Call) -> list[Tensor]:
        """States `(batch, time, units)` of a call."""
        return _forward(call, self.loops(call))

    def backward(self, call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
        """Gradients `[x, dt, state, *params]` of a call."""
        swept = _backward(call, grads, states, self.loops(call))
        params = self.gradients(call, torch.from_numpy(swept.totals))
        return [*swept[:3], *_in_dtype(params, call.x.dtype)]


class Folded(NamedTuple):
    """Synapses of one kind as flat arrays; the gate is `1 / (1 + 2 ** (slope v + offset))`.

    Attributes:
        ptr, source: rows by target, as in the dynamics' `Graph`.
        slope, offset: `-sigma log2(e)` and `sigma mu log2(e)`.
        w, w_e: weights into the two sums; in the LTC conductance, and conductance times reversal potential.
        sigma: kept for the chain rule.
    """

    ptr: Array
    source: Array
    slope: Array
    offset: Array
    w: Array
    w_e: Array
    sigma: Array


def fold_gates(ptr: Tensor, source: Tensor, mu: Tensor, sigma: Tensor, w: Tensor, w_e: Tensor) -> Folded:
    """Fold the gates of one kind of synapses, each parameter `(synapses,)`, beside their two weights."""
    slope = sigma * -_LOG2E
    return Folded(flat(ptr), flat(source), flat(slope), flat(-slope * mu), flat(w), flat(w_e), flat(sigma))


def fold_synapses(ptr: Tensor, source: Tensor, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> Folded:
    """Fold conductances, gates and reversal potentials of one kind of synapses, each `(synapses,)`."""
    w, mu, sigma, e_rev = (t.detach() for t in (w, mu, sigma, e_rev))
    return fold_gates(ptr, source, mu, sigma, w, w * e_rev)


def _moments(sums: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of `(w_e, w, mu, sigma)` from the float64 sums `(synapses, 4)` of `synapses_jit.pull`.

    With `a` and `b` the gradients of the sums that the gate `s` enters through `w` and through `w_e`, and `z` its
    argument, the columns are `sum s b`, `sum s a`, `sum dL/dz` and `sum dL/dz v`.
    """
    by_w_e, by_w, slope, slope_v = sums.unbind(1)
    return by_w_e, by_w, -sigma.double() * slope, slope_v - mu.double() * slope


def _ctrnn_loops(call: Call) -> Loops:
    p, graph = ctrnn.Params(*call.params), ctrnn.Graph(*call.graph)
    sensory = tuple(flat(t) for t in (graph.sensory_ptr, graph.sensory_source, p.sensory_w))
    recurrent = tuple(flat(t) for t in (graph.ptr, graph.source, p.w))
    inputs, units, substeps = call.x.shape[2], p.b.shape[0], int(call.settings["substeps"])
    return Loops(
        ctrnn_jit.forward_tile,
        ctrnn_jit.backward_tile,
        constants=(substeps, sensory, recurrent, flat(p.b), flat(p.tau)),
        units=units,
        rows=inputs + 1 + 3 * units,
        back_rows=2 * inputs + 2 + (5 + 2 * substeps) * units,
        sums=sum(t.numel() for t in p),
    )


def _ctrnn_gradients(call: Call, totals: Tensor) -> tuple[Tensor, ...]:
    return tuple(totals.split([t.numel() for t in call.params]))


CTRNN = CpuCell(_ctrnn_loops, _ctrnn_gradients)


def _ltc_loops(call: Call) -> Loops:
    p, graph = ltc.Params(*(t.detach() for t in call.params)), ltc.Graph(*call.graph)
    sensory = fold_synapses(
        graph.sensory_ptr, graph.sensory_source, p.sensory_w, p.sensory_mu, p.sensory_sigma, p.sensory_e_rev
    )
    recurrent = fold_synapses(graph.ptr, graph.source, p.w, p.mu, p.sigma, p.e_rev)
    leak = (flat(p.g_leak + float(call.settings["eps"])), flat(p.g_leak * p.v_leak), flat(p.c_m))
    inputs, units, substeps = call.x.shape[2], p.c_m.shape[0], int(call.settings["substeps"])
    n_sen, n_rec = len(sensory.source), len(recurrent.source)
    return Loops(
        ltc_jit.forward_tile,
        ltc_jit.backward_tile,
        constants=(substeps, tuple(sensory), tuple(recurrent), leak),
        units=units,
        rows=inputs + 1 + 4 * units,
        back_rows=2 * inputs + 2 + 8 * units + n_sen + substeps * (n_rec + 3 * units),
        sums=4 * (n_sen + n_rec) + 3 * units,
    )


def _ltc_gradients(call: Call, totals: Tensor) -> tuple[Tensor, ...]:
    p = ltc.Params(*call.params)
    sensory, recurrent, units = len(p.sensory_w), len(p.w), len(p.c_m)
    sen, rec, b_sum, a_sum, c_sum = totals.split([4 * sensory, 4 * recurrent, units, units, units])
    g, v = p.g_leak.double(), p.v_leak.double()
    gates: list[Tensor] = []
    for sums, w, mu, sigma, e_rev in ((sen, *p[:4]), (rec, *p[4:8])):
        by_w_e, by_w, *threshold_and_slope = _moments(sums.view(-1, 4), mu, sigma)
        gates += [e_rev.double() * by_w_e + by_w, *threshold_and_slope, w.double() * by_w_e]
    return *gates, b_sum + v * a_sum, g * a_sum, c_sum


LTC = CpuCell(_ltc_loops, _ltc_gradients)


def fold_lrc(p: lrc.Params, graph: lrc.Graph) -> tuple[Folded, Folded]:
    """Fold sensory and recurrent gates; parameters come detached."""
    sensory = fold_gates(
        graph.sensory_ptr, graph.sensory_source, p.sensory_mu, p.sensory_sigma, p.sensory_g_max, p.sensory_k_max
    )
    recurrent = fold_gates(graph.ptr, graph.source, p.mu, p.sigma, p.g_max, p.k_max)
    return sensory, recurrent


def _lrc_loops(call: Call) -> Loops:
    p, graph = lrc.Params(*(t.detach() for t in call.params)), lrc.Graph(*call.graph)
    sensory, recurrent = fold_lrc(p, graph)
    lines = [(*kind[:2], flat(o)) for kind, o in ((sensory, p.sensory_o), (recurrent, p.o))]
    leak = tuple(flat(t) for t in p[10:])
    settings = lrc.Settings(**call.settings)
    inputs, units, substeps = call.x.shape[2], p.g_leak.shape[0], settings.substeps
    n_sen, n_rec = len(sensory.source), len(recurrent.source)
    kind, hybrid = KINDS[settings.elastance], settings.solver == "hybrid"
    return Loops(
        lrc_jit.forward_tile,
        lrc_jit.backward_tile,
        constants=(substeps, kind, hybrid, tuple(sensory), lines[0], tuple(recurrent), lines[1], leak),
        units=units,
        rows=inputs + 1 + 5 * units,
        back_rows=2 * inputs + 2 + 11 * units + n_sen + substeps * (n_rec + 4 * units),
        sums=5 * (n_sen + n_rec) + 5 * units,
    )


def _lrc_gradients(call: Call, totals: Tensor) -> tuple[Tensor, ...]:
    p = lrc.Params(*call.params)
    n_sen, n_rec, units = len(p.sensory_mu), len(p.mu), len(p.g_leak)
    sizes = [4 * n_sen, 4 * n_rec, n_sen, n_rec, *[units] * 5]
    sen, rec, sensory_o, o, f, z, w, e_leak, k = totals.split(sizes)
    gradients: list[Tensor] = []
    for sums, mu, sigma, line in ((sen, *p[2:4], sensory_o), (rec, *p[7:9], o)):
        by_k, by_g, *threshold_and_slope = _moments(sums.view(-1, 4), mu, sigma)
        gradients += [by_g, by_k, *threshold_and_slope, line]
    gradients += [f + z, e_leak, w, k]
    # Parameters that an elastance does not use are empty, and so are their gradients.
    return tuple(g[: t.numel()] for g, t in zip(gradients, call.params, strict=True))


LRC = CpuCell(_lrc_loops, _lrc_gradients)


class WiredWalk(NamedTuple):
    """Parameters as the compiled loops read them, see `cfc_wired_jit`."""

    sensory: Kind
    recurrent: Kind
    neurons: Array
    ends: Array


def walk(params: cfc_wired.Params, graph: cfc_wired.Layered) -> WiredWalk:
    """Lay the weights out synapse by synapse; a source whose new value is read stands `units` further on."""
    units = params.bias.shape[1]
    read = graph.source + units * graph.current
    neurons = torch.stack((params.self_weight, params.bias)).permute(2, 0, 1)
    ends = params.bias.new_empty(0) if params.decay is None else torch.cat(tuple(params.decay))
    return WiredWalk(
        (flat(graph.sensory_ptr), flat(graph.sensory_source), flat(params.sensory_weight.t())),
        (flat(graph.ptr), flat(read), flat(params.weight.t())),
        flat(neurons),
        flat(ends),
    )


def _cfc_wired_loops(call: Call) -> Loops:
    _, params, graph = cfc_wired.unpack(call.state, call.params, call.graph)
    laid = walk(params, graph)
    inputs, units = call.x.shape[2], params.bias.shape[1]
    return Loops(
        cfc_wired_jit.forward_tile,
        cfc_wired_jit.backward_tile,
        constants=(MODES[call.settings["mode"]], *laid),
        units=units,
        rows=2 + inputs + 6 * units,
        back_rows=3 + 2 * inputs + 12 * units,
        sums=2 * units + laid.sensory[2].size + laid.recurrent[2].size + laid.neurons.size,
    )


def _cfc_wired_gradients(call: Call, totals: Tensor) -> tuple[Tensor, ...]:
    sensory, weight, self_weight, _, *ends = call.params
    heads, units = self_weight.shape
    sizes = [2 * units, sensory.numel(), weight.numel(), 2 * heads * units]
    by_end, by_sensory, by_weight, by_neuron = totals.split(sizes)
    synapses = (sums.view(-1, heads).t() for sums in (by_sensory, by_weight))
    return *synapses, *by_neuron.view(units, 2, heads).permute(1, 2, 0), *by_end.split(units)[: len(ends)]


CFC_WIRED = CpuCell(_cfc_wired_loops, _cfc_wired_gradients)
