"""The LRC recurrence in Triton, see `wired.py`."""

import math

import torch
from torch import Tensor

from caudal.dynamics import lrc
from caudal.kernels.cuda import launch, wired
from caudal.kernels.cuda.lrc_jit import backward_rows, forward_rows
from caudal.kernels.cuda.sums import Table, gate_gradients
from caudal.kernels.recurrence import Call

_LOG2E = 1.0 / math.log(2.0)
KINDS = ("asymmetric", "symmetric", "none")


def _fold(call: Call) -> wired.Wired:
    call = launch.widen(call)
    p = lrc.Params(*(t.detach() for t in call.params))
    sensory, recurrent = wired.tables(call)
    packed = _pack(sensory, *p[:5]), _pack(recurrent, *p[5:10])
    neuron_par = torch.cat([t if t.numel() else torch.zeros_like(p.g_leak) for t in p[10:]])
    variant = (KINDS.index(call.settings["elastance"]), int(call.settings["solver"] == "hybrid"))
    return wired.Wired(call, sensory, recurrent, *packed, neuron_par, int(call.settings["substeps"]), variant)


def _pack(synapses: Table, g_max: Tensor, k_max: Tensor, mu: Tensor, sigma: Tensor, o: Tensor) -> Tensor:
    slope = sigma * -_LOG2E
    return synapses.pack(slope, -slope * mu, g_max, k_max, o if o.numel() else torch.zeros_like(mu))


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return launch.narrow([wired.forward(forward_rows, _fold(call))], call.state)


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    w = _fold(call)
    s, r = w.lanes
    cuts = [5 * s, 5 * r, *[w.padded] * 4]
    gradients, totals = wired.backward(backward_rows, w, grads[0], states[0], sum(cuts))
    sen, rec, *neurons = torch.split_with_sizes(totals, cuts)
    p = lrc.Params(*w.call.params)
    gradients += _synapses(sen.view(5, s)[:, w.sensory.place], *p[:5])
    gradients += _synapses(rec.view(5, r)[:, w.recurrent.place], *p[5:10])
    leak, bias, e_leak, k = (t[: w.units] for t in neurons)
    gradients += [leak, e_leak, bias[: p.p.numel()], k[: p.k.numel()]]
    return launch.narrow(gradients, [call.x, call.dt, *call.state, *call.params])


def _synapses(sums: Tensor, g_max: Tensor, k_max: Tensor, mu: Tensor, sigma: Tensor, o: Tensor) -> tuple[Tensor, ...]:
    """Gradients of `(g_max, k_max, mu, sigma, o)` from the moments and the sums of `o`, `(5, synapses)`."""
    return sums[0], sums[1], *gate_gradients(sums, mu, sigma), sums[4][: o.numel()]
