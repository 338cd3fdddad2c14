"""The LTC recurrence on the CPU: forward and backward over tiles of rows, synapse by synapse.

Sums cost what the synapses cost: the loop runs over real synapses only. The gate's scale is folded into two numbers
per synapse, sensory sums are taken once per step, and a masked step is one of `dt = 0`, which leaves the state as it
was to the bit. Backward keeps one state per step and recomputes the sub-steps of that step.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import ltc
from caudal.kernels.cpu import tiles
from caudal.kernels.cpu.ltc_jit import backward_tile, forward_tile
from caudal.kernels.cpu.synapses import Folded, fold_synapses, moments
from caudal.kernels.recurrence import Call

Array = NDArray[Any]


class _Folded:
    """Parameters of one call as flat arrays, folded once."""

    def __init__(self, call: Call) -> None:
        p, graph = ltc.Params(*call.params), ltc.Graph(*call.graph)
        self.params, self.graph = p, graph
        self.sensory: Folded = fold_synapses(
            graph.sensory_ptr, graph.sensory_source, p.sensory_w, p.sensory_mu, p.sensory_sigma, p.sensory_e_rev
        )
        self.recurrent: Folded = fold_synapses(graph.ptr, graph.source, p.w, p.mu, p.sigma, p.e_rev)
        g, v = p.g_leak.detach(), p.v_leak.detach()
        self.leak = (tiles.flat(g + float(call.settings["eps"])), tiles.flat(g * v), tiles.flat(p.c_m))
        self.units = p.c_m.shape[0]
        self.substeps = int(call.settings["substeps"])


def _scratch(call: Call, count: int) -> Array:
    return np.empty(count, tiles.numpy_dtype(call))


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    f = _Folded(call)
    batch, time, inputs = call.x.shape
    states = torch.empty(batch, time, f.units, dtype=call.x.dtype)
    if states.numel() == 0:
        return [states]
    x, dt, v0, out = (tiles.flat(t) for t in (call.x, call.dt, call.state[0], states))
    mask = tiles.mask_array(call)
    threads = torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        size = tile.lanes.count
        scratch = _scratch(call, (inputs + 1 + 4 * f.units) * size)
        forward_tile(
            tile.lanes, tile.start, tile.rows, time, inputs, f.units, f.substeps,
            x, dt, mask, v0, out, tuple(f.sensory), tuple(f.recurrent), f.leak, scratch,
        )  # fmt: skip

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return [states]


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    f = _Folded(call)
    batch, time, inputs = call.x.shape
    grad_x, grad_dt, grad_v = torch.empty_like(call.x), torch.empty_like(call.dt), torch.empty_like(call.state[0])
    sensory, recurrent = len(f.sensory.source), len(f.recurrent.source)
    sums = 4 * (sensory + recurrent) + 3 * f.units
    flat = [tiles.flat(t) for t in (call.x, call.dt, call.state[0], states[0], grads[0], grad_x, grad_dt, grad_v)]
    mask = tiles.mask_array(call)
    threads = torch.get_num_threads()
    cut = tiles.cut(batch, threads, call.x.dtype)
    totals = np.zeros((len(cut), sums))

    def work(tile: tiles.Tile) -> None:
        size = tile.lanes.count
        per_step = f.substeps * (recurrent + 3 * f.units) + f.units + sensory
        scratch = _scratch(call, (2 * inputs + 2 + 7 * f.units + per_step) * size)
        backward_tile(
            tile.lanes, tiles.NARROW, tile.start, tile.rows, time, inputs, f.units, f.substeps,
            *flat, mask, tuple(f.sensory), tuple(f.recurrent), f.leak, scratch,
            np.zeros(sums * tiles.NARROW.count, tiles.numpy_dtype(call)), totals[tile.place],
        )  # fmt: skip

    tiles.run(cut, work, threads)
    return [grad_x, grad_dt, grad_v, *_parameters(f, totals.sum(0), call.x.dtype)]


def _parameters(f: _Folded, totals: Array, dtype: torch.dtype) -> list[Tensor]:
    p = f.params
    sensory, recurrent = len(f.sensory.source), len(f.recurrent.source)
    cuts = np.cumsum([4 * sensory, 4 * recurrent, f.units, f.units])
    sen, rec, b_sum, a_sum, c_sum = (torch.from_numpy(part) for part in np.split(totals, cuts))
    g, v = p.g_leak.double(), p.v_leak.double()
    grads = (
        *moments(sen.view(sensory, 4), p.sensory_w, p.sensory_mu, p.sensory_sigma, p.sensory_e_rev),
        *moments(rec.view(recurrent, 4), p.w, p.mu, p.sigma, p.e_rev),
        b_sum + v * a_sum, g * a_sum, c_sum,
    )  # fmt: skip
    return [grad.to(dtype) for grad in grads]
