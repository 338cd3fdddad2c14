"""The LTC recurrence in Triton, see `wired.py`."""

import math

import torch
from torch import Tensor

from caudal.dynamics import ltc
from caudal.kernels.cuda import launch, wired
from caudal.kernels.cuda.ltc_jit import backward_rows, forward_rows
from caudal.kernels.cuda.sums import Table, gate_gradients
from caudal.kernels.recurrence import Call

_LOG2E = 1.0 / math.log(2.0)


def _fold(call: Call) -> wired.Wired:
    call = launch.widen(call)
    p = ltc.Params(*(t.detach() for t in call.params))
    sensory, recurrent = wired.tables(call)
    neuron_par = torch.cat((p.g_leak + float(call.settings["eps"]), p.g_leak * p.v_leak, p.c_m))
    packed = _pack(sensory, *p[:4]), _pack(recurrent, *p[4:8])
    return wired.Wired(call, sensory, recurrent, *packed, neuron_par, int(call.settings["substeps"]))


def _pack(synapses: Table, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> Tensor:
    slope = sigma * -_LOG2E
    return synapses.pack(slope, -slope * mu, w, w * e_rev)


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return launch.narrow([wired.forward(forward_rows, _fold(call))], call.state)


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    w = _fold(call)
    s, r = w.lanes
    cuts = [4 * s, 4 * r, w.padded, w.padded, w.padded]
    gradients, totals = wired.backward(backward_rows, w, grads[0], states[0], sum(cuts))
    sen, rec, *leak = torch.split_with_sizes(totals, cuts)
    b_sum, a_sum, c_sum = (t[: w.units] for t in leak)
    p = ltc.Params(*w.call.params)
    gradients += _conductances(sen.view(4, s)[:, w.sensory.place], *p[:4])
    gradients += _conductances(rec.view(4, r)[:, w.recurrent.place], *p[4:8])
    gradients += [b_sum + p.v_leak.double() * a_sum, p.g_leak.double() * a_sum, c_sum]
    return launch.narrow(gradients, [call.x, call.dt, *call.state, *call.params])


def _conductances(sums: Tensor, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> tuple[Tensor, ...]:
    """Gradients of `(w, mu, sigma, e_rev)` from the moments `(4, synapses)`."""
    gate_a, gate_b, *_ = sums
    return e_rev * gate_a + gate_b, *gate_gradients(sums, mu, sigma), w * gate_a
