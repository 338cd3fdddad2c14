"""The LTC recurrence in Triton: one program per row, a row's synapses side by side, all steps in one launch.

Forward keeps the state in registers. Backward keeps one state per step and recomputes the sub-steps of that step; each
program sums its rows into float64 totals of its own, which are added in a fixed order afterwards: no atomics, the same
bits from run to run.
"""

import math

import torch
from torch import Tensor

from caudal.dynamics import ltc
from caudal.kernels.cuda import launch
from caudal.kernels.cuda.ltc_jit import backward_rows, forward_rows
from caudal.kernels.cuda.sums import Table, gate_gradients, table
from caudal.kernels.recurrence import Call

_LOG2E = 1.0 / math.log(2.0)


class _Folded:
    """Tables and parameters of one call, folded once."""

    def __init__(self, call: Call) -> None:
        p, graph = ltc.Params(*call.params), ltc.Graph(*call.graph)
        self.params = p
        self.units, self.inputs = p.c_m.shape[0], call.x.shape[2]
        self.sensory = table(graph.sensory_ptr, graph.sensory_source, self.inputs)
        self.recurrent = table(graph.ptr, graph.source, self.units)
        self.sensory_par = _pack(self.sensory, *p[:4])
        self.recurrent_par = _pack(self.recurrent, *p[4:8])
        g, v = p.g_leak.detach(), p.v_leak.detach()
        self.leak = torch.cat((g + float(call.settings["eps"]), g * v, p.c_m.detach()))
        self.substeps = int(call.settings["substeps"])
        self.padded = launch.power(self.units)

    def sizes(self) -> tuple[int, ...]:
        s, r = self.sensory.onto, self.recurrent.onto
        return s.lanes, s.fan, s.parts, r.lanes, r.fan, r.parts


def _pack(synapses: Table, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> Tensor:
    slope = sigma * -_LOG2E
    return synapses.pack(slope, -slope * mu, w, w * e_rev)


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    given, call = call, launch.widen(call)
    f = _Folded(call)
    batch, time, inputs = call.x.shape
    states = torch.empty(batch, time, f.units, dtype=call.x.dtype, device=call.x.device)
    if states.numel():
        mask, masked = launch.mask_of(call)
        s, r = f.sensory, f.recurrent
        with launch.on(call.x.device):
            forward_rows[(launch.programs(batch),)](
                call.x, call.dt, mask, call.state[0], states,
                s.source, s.onto.up, f.sensory_par, r.source, r.onto.up, f.recurrent_par, f.leak,
                batch, time, inputs, f.units, f.substeps, masked, f.padded, *f.sizes(),
                **launch.options(max(s.onto.lanes, r.onto.lanes), 4),
            )  # fmt: skip
    return launch.narrow([states], given.state)


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    given, call = call, launch.widen(call)
    f = _Folded(call)
    batch, time, inputs = call.x.shape
    grad_x, grad_dt, grad_v = (torch.zeros_like(t) for t in (call.x, call.dt, call.state[0]))
    s, r = f.sensory, f.recurrent
    columns = 4 * (s.onto.lanes + r.onto.lanes) + 3 * f.padded
    programs = launch.programs(batch, columns)
    totals = torch.zeros(programs, columns, dtype=torch.float64, device=call.x.device)
    if states[0].numel():
        mask, masked = launch.mask_of(call)
        path = call.x.new_empty(programs, f.substeps, f.padded)
        with launch.on(call.x.device):
            backward_rows[(programs,)](
                call.x, call.dt, mask, call.state[0], states[0].to(call.x.dtype), grads[0].to(call.x.dtype),
                grad_x, grad_dt, grad_v, path, totals,
                s.source, s.target, s.onto.up, s.lane, s.back.up, f.sensory_par,
                r.source, r.target, r.onto.up, r.lane, r.back.up, f.recurrent_par, f.leak,
                batch, time, inputs, f.units, f.substeps, launch.FLUSH, masked, f.padded, launch.power(inputs),
                s.onto.lanes, s.onto.fan, s.onto.parts, s.back.lanes, s.back.fan, s.back.parts,
                r.onto.lanes, r.onto.fan, r.onto.parts, r.back.lanes, r.back.fan, r.back.parts,
                **launch.options(max(s.onto.lanes, r.onto.lanes), 2),
            )  # fmt: skip
    found = [grad_x, grad_dt, grad_v, *_parameters(f, totals.sum(0))]
    return launch.narrow(found, [given.x, given.dt, *given.state, *given.params])


def _parameters(f: _Folded, totals: Tensor) -> list[Tensor]:
    p, s, r = f.params, f.sensory.onto.lanes, f.recurrent.onto.lanes
    sen, rec, b_sum, a_sum, c_sum = totals.split([4 * s, 4 * r, f.padded, f.padded, f.padded])
    b_sum, a_sum, c_sum = (t[: f.units] for t in (b_sum, a_sum, c_sum))
    g, v = p.g_leak.double(), p.v_leak.double()
    return [
        *_conductances(sen.view(4, s)[:, f.sensory.place], *p[:4]),
        *_conductances(rec.view(4, r)[:, f.recurrent.place], *p[4:8]),
        b_sum + v * a_sum, g * a_sum, c_sum,
    ]  # fmt: skip


def _conductances(sums: Tensor, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> tuple[Tensor, ...]:
    """Gradients of `(w, mu, sigma, e_rev)` from the moments `(4, synapses)`."""
    gate_a, gate_b, *_ = sums
    return e_rev * gate_a + gate_b, *gate_gradients(sums, mu, sigma), w * gate_a
