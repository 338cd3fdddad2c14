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
from caudal.kernels.cpu import sweep, tiles
from caudal.kernels.cpu.ltc_jit import backward_tile, forward_tile
from caudal.kernels.cpu.synapses import fold_synapses, moments
from caudal.kernels.recurrence import Call


def _loops(call: Call) -> sweep.Loops:
    p, graph = ltc.Params(*(t.detach() for t in call.params)), ltc.Graph(*call.graph)
    sensory = fold_synapses(
        graph.sensory_ptr, graph.sensory_source, p.sensory_w, p.sensory_mu, p.sensory_sigma, p.sensory_e_rev
    )
    recurrent = fold_synapses(graph.ptr, graph.source, p.w, p.mu, p.sigma, p.e_rev)
    leak = (tiles.flat(p.g_leak + float(call.settings["eps"])), tiles.flat(p.g_leak * p.v_leak), tiles.flat(p.c_m))
    inputs, units, substeps = call.x.shape[2], p.c_m.shape[0], int(call.settings["substeps"])
    n_sen, n_rec = len(sensory.source), len(recurrent.source)
    return sweep.Loops(
        forward_tile,
        backward_tile,
        constants=(substeps, tuple(sensory), tuple(recurrent), leak),
        units=units,
        rows=inputs + 1 + 4 * units,
        back_rows=2 * inputs + 2 + 8 * units + n_sen + substeps * (n_rec + 3 * units),
        sums=4 * (n_sen + n_rec) + 3 * units,
    )


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return sweep.forward(call, _loops(call))


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    swept = sweep.backward(call, grads, states, _loops(call))
    return [*swept[:3], *_parameters(ltc.Params(*call.params), swept.totals, call.x.dtype)]


def _parameters(p: ltc.Params, totals: NDArray[Any], dtype: torch.dtype) -> list[Tensor]:
    sensory, recurrent, units = len(p.sensory_w), len(p.w), len(p.c_m)
    cuts = np.cumsum([4 * sensory, 4 * recurrent, units, units])
    sen, rec, b_sum, a_sum, c_sum = (torch.from_numpy(part) for part in np.split(totals, cuts))
    g, v = p.g_leak.double(), p.v_leak.double()
    gates = []
    for sums, w, mu, sigma, e_rev in ((sen, *p[:4]), (rec, *p[4:8])):
        by_w_e, by_w, *threshold_and_slope = moments(sums.view(-1, 4), mu, sigma)
        gates += [e_rev.double() * by_w_e + by_w, *threshold_and_slope, w.double() * by_w_e]
    return sweep.in_dtype((*gates, b_sum + v * a_sum, g * a_sum, c_sum), dtype)
