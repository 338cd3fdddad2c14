"""The LRC recurrence on the CPU: forward and backward over tiles of rows, synapse by synapse.

As in `kernels/cpu/ltc.py`: folded gates, sensory sums once per step, a masked step is one of `dt = 0`, and backward
keeps one state per step and recomputes its sub-steps.
"""

import torch
from torch import Tensor

from caudal.dynamics import lrc
from caudal.kernels.cpu import sweep, tiles
from caudal.kernels.cpu.lrc_jit import ASYMMETRIC, NONE, SYMMETRIC, backward_tile, forward_tile
from caudal.kernels.cpu.synapses import Folded, fold_gates, moments
from caudal.kernels.recurrence import Call

KINDS = {"asymmetric": ASYMMETRIC, "symmetric": SYMMETRIC, "none": NONE}


def fold(p: lrc.Params, graph: lrc.Graph) -> tuple[Folded, Folded]:
    """Fold sensory and recurrent gates; parameters come detached."""
    sensory = fold_gates(
        graph.sensory_ptr, graph.sensory_source, p.sensory_mu, p.sensory_sigma, p.sensory_g_max, p.sensory_k_max
    )
    recurrent = fold_gates(graph.ptr, graph.source, p.mu, p.sigma, p.g_max, p.k_max)
    return sensory, recurrent


def _loops(call: Call) -> sweep.Loops:
    p, graph = lrc.Params(*(t.detach() for t in call.params)), lrc.Graph(*call.graph)
    sensory, recurrent = fold(p, graph)
    lines = [(*kind[:2], tiles.flat(o)) for kind, o in ((sensory, p.sensory_o), (recurrent, p.o))]
    leak = tuple(tiles.flat(t) for t in p[10:])
    settings = lrc.Settings(**call.settings)
    inputs, units, substeps = call.x.shape[2], p.g_leak.shape[0], settings.substeps
    n_sen, n_rec = len(sensory.source), len(recurrent.source)
    kind, hybrid = KINDS[settings.elastance], settings.solver == "hybrid"
    return sweep.Loops(
        forward_tile,
        backward_tile,
        constants=(substeps, kind, hybrid, tuple(sensory), lines[0], tuple(recurrent), lines[1], leak),
        units=units,
        rows=inputs + 1 + 5 * units,
        back_rows=2 * inputs + 2 + 11 * units + n_sen + substeps * (n_rec + 4 * units),
        sums=5 * (n_sen + n_rec) + 5 * units,
    )


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return sweep.forward(call, _loops(call))


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    swept = sweep.backward(call, grads, states, _loops(call))
    p = lrc.Params(*call.params)
    n_sen, n_rec, units = len(p.sensory_mu), len(p.mu), len(p.g_leak)
    sizes = [4 * n_sen, 4 * n_rec, n_sen, n_rec, *[units] * 5]
    sen, rec, sensory_o, o, f, z, w, e_leak, k = torch.from_numpy(swept.totals).split(sizes)
    gradients: list[Tensor] = []
    for sums, mu, sigma, line in ((sen, *p[2:4], sensory_o), (rec, *p[7:9], o)):
        by_k, by_g, *threshold_and_slope = moments(sums.view(-1, 4), mu, sigma)
        gradients += [by_g, by_k, *threshold_and_slope, line]
    gradients += [f + z, e_leak, w, k]
    # Parameters that an elastance does not use are empty, and so are their gradients.
    used = tuple(g[: t.numel()] for g, t in zip(gradients, call.params, strict=True))
    return [*swept[:3], *sweep.in_dtype(used, call.x.dtype)]
