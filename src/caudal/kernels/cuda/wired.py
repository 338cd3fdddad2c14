"""The wired recurrences in Triton: one number per neuron, synapses summed row by row.

One program takes one row at a time, a row's synapses side by side, through all steps in one launch. Forward keeps the
state in registers. Backward keeps one state per step and recomputes the sub-steps of that step; each program sums its
rows into float64 totals of its own, which are added in a fixed order afterwards: no atomics, the same bits every run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from caudal.dynamics import cfc_wired, ctrnn, lrc, ltc
from caudal.kernels.cuda import cfc_wired_jit, ctrnn_jit, launch, lrc_jit, ltc_jit
from caudal.kernels.cuda.sums import LaneTable, gate_gradients, table
from caudal.kernels.recurrence import Call

_LOG2E = 1.0 / math.log(2.0)
_MODES = ("default", "no_gate", "pure")
_ELASTANCES = ("asymmetric", "symmetric", "none")


class Wired(NamedTuple):
    """Arguments of the kernels of one wired cell.

    Attributes:
        call: in one precision, see `launch.widen`.
        sensory, recurrent: tables of the synapses.
        sensory_par, recurrent_par: parameters by lane, see `Table.pack`.
        neuron_par: parameters of the neurons, one vector after another.
        substeps: per step.
        variant: constants of the kernels beyond sizes.
    """

    call: Call
    sensory: LaneTable
    recurrent: LaneTable
    sensory_par: Tensor
    recurrent_par: Tensor
    neuron_par: Tensor
    substeps: int
    variant: tuple[int, ...] = ()

    @property
    def units(self) -> int:
        """Neurons."""
        return self.call.state[0].shape[1]

    @property
    def padded(self) -> int:
        """Neurons, padded to a power of two."""
        return launch.power(self.units)

    @property
    def lanes(self) -> tuple[int, int]:
        """Lanes of the sensory and of the recurrent synapses."""
        return self.sensory.onto.lanes, self.recurrent.onto.lanes


def _tables(call: Call) -> tuple[LaneTable, LaneTable]:
    """Tables of the sensory and the recurrent synapses of a call."""
    sensory_ptr, sensory_source, ptr, source = call.graph[:4]
    return table(sensory_ptr, sensory_source, call.x.shape[2]), table(ptr, source, call.state[0].shape[1])


def _forward(kernel: Any, w: Wired) -> Tensor:
    """States `(batch, time, units)`."""
    call, s, r = w.call, w.sensory, w.recurrent
    batch, time, inputs = call.x.shape
    states = torch.empty(batch, time, w.units, dtype=call.x.dtype, device=call.x.device)
    if states.numel():
        mask, masked = launch.mask_of(call)
        with launch.on(call.x.device):
            kernel[(launch.programs(batch),)](
                call.x,
                call.dt,
                mask,
                call.state[0],
                states,
                s.source,
                s.onto.up,
                w.sensory_par,
                r.source,
                r.onto.up,
                w.recurrent_par,
                w.neuron_par,
                batch,
                time,
                inputs,
                w.units,
                w.substeps,
                masked,
                *w.variant,
                w.padded,
                *s.onto[:3],
                *r.onto[:3],
                **launch.options(max(w.lanes), 4),
            )
    return states


def _backward(kernel: Any, w: Wired, grad: Tensor, states: Tensor, columns: int) -> tuple[list[Tensor], Tensor]:
    """Gradients `[x, dt, v]` and the float64 sums `(columns,)` of the parameters."""
    call, s, r = w.call, w.sensory, w.recurrent
    batch, time, inputs = call.x.shape
    gradients = [torch.zeros_like(t) for t in (call.x, call.dt, call.state[0])]
    programs = launch.programs(batch, columns)
    totals = torch.zeros(programs, columns, dtype=torch.float64, device=call.x.device)
    if states.numel():
        mask, masked = launch.mask_of(call)
        path = call.x.new_empty(programs, w.substeps, w.padded)
        with launch.on(call.x.device):
            kernel[(programs,)](
                call.x,
                call.dt,
                mask,
                call.state[0],
                states.to(call.x.dtype),
                grad.to(call.x.dtype),
                *gradients,
                path,
                totals,
                s.source,
                s.target,
                s.onto.up,
                s.lane,
                s.back.up,
                w.sensory_par,
                r.source,
                r.target,
                r.onto.up,
                r.lane,
                r.back.up,
                w.recurrent_par,
                w.neuron_par,
                batch,
                time,
                inputs,
                w.units,
                w.substeps,
                launch.FLUSH,
                masked,
                *w.variant,
                w.padded,
                launch.power(inputs),
                *s.onto[:3],
                *s.back[:3],
                *r.onto[:3],
                *r.back[:3],
                **launch.options(max(w.lanes), 2),
            )
    return gradients, totals.sum(0)


@dataclass(frozen=True)
class GpuCell:
    """One recurrence over its kernels.

    Attributes:
        kernels: file of `forward_rows` and `backward_rows`.
        fold: arguments of the kernels for a call.
        columns: sizes of the parts of the sums that backward leaves.
        gradients: `(arguments, parts) -> gradients` of the parameters.
    """

    kernels: Any
    fold: Callable[[Call], Wired]
    columns: Callable[[Wired], list[int]]
    gradients: Callable[[Wired, tuple[Tensor, ...]], list[Tensor]]

    def forward(self, call: Call) -> list[Tensor]:
        """States `(batch, time, units)` of a call."""
        return launch.narrow([_forward(self.kernels.forward_rows, self.fold(call))], call.state)

    def backward(self, call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
        """Gradients `[x, dt, state, *params]` of a call."""
        w = self.fold(call)
        columns = self.columns(w)
        gradients, totals = _backward(self.kernels.backward_rows, w, grads[0], states[0], sum(columns))
        gradients += self.gradients(w, torch.split_with_sizes(totals, columns))
        return launch.narrow(gradients, [call.x, call.dt, *call.state, *call.params])


def _fold_ctrnn(call: Call) -> Wired:
    call = launch.widen(call)
    p = ctrnn.Params(*(t.detach() for t in call.params))
    sensory, recurrent = _tables(call)
    packed = sensory.pack(p.sensory_w), recurrent.pack(p.w)
    return Wired(call, sensory, recurrent, *packed, torch.cat((p.b, p.tau)), int(call.settings["substeps"]))


def _ctrnn_gradients(w: Wired, parts: tuple[Tensor, ...]) -> list[Tensor]:
    sen, rec, bias, tau = parts
    return [sen[w.sensory.place], rec[w.recurrent.place], bias[: w.units], tau[: w.units]]


CTRNN = GpuCell(ctrnn_jit, _fold_ctrnn, lambda w: [*w.lanes, w.padded, w.padded], _ctrnn_gradients)


def _fold_ltc(call: Call) -> Wired:
    call = launch.widen(call)
    p = ltc.Params(*(t.detach() for t in call.params))
    sensory, recurrent = _tables(call)
    neuron_par = torch.cat((p.g_leak + float(call.settings["eps"]), p.g_leak * p.v_leak, p.c_m))
    packed = _pack_conductances(sensory, *p[:4]), _pack_conductances(recurrent, *p[4:8])
    return Wired(call, sensory, recurrent, *packed, neuron_par, int(call.settings["substeps"]))


def _pack_conductances(synapses: LaneTable, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> Tensor:
    slope = sigma * -_LOG2E
    return synapses.pack(slope, -slope * mu, w, w * e_rev)


def _ltc_columns(w: Wired) -> list[int]:
    s, r = w.lanes
    return [4 * s, 4 * r, w.padded, w.padded, w.padded]


def _ltc_gradients(w: Wired, parts: tuple[Tensor, ...]) -> list[Tensor]:
    sen, rec, *leak = parts
    (s, r), p = w.lanes, ltc.Params(*w.call.params)
    b_sum, a_sum, c_sum = (t[: w.units] for t in leak)
    return [
        *_conductance_gradients(sen.view(4, s)[:, w.sensory.place], *p[:4]),
        *_conductance_gradients(rec.view(4, r)[:, w.recurrent.place], *p[4:8]),
        b_sum + p.v_leak.double() * a_sum,
        p.g_leak.double() * a_sum,
        c_sum,
    ]


def _conductance_gradients(sums: Tensor, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> tuple[Tensor, ...]:
    """Gradients of `(w, mu, sigma, e_rev)` from the moments `(4, synapses)`."""
    gate_a, gate_b, *_ = sums
    return e_rev * gate_a + gate_b, *gate_gradients(sums, mu, sigma), w * gate_a


LTC = GpuCell(ltc_jit, _fold_ltc, _ltc_columns, _ltc_gradients)


def _fold_lrc(call: Call) -> Wired:
    call = launch.widen(call)
    p = lrc.Params(*(t.detach() for t in call.params))
    sensory, recurrent = _tables(call)
    packed = _pack_elastances(sensory, *p[:5]), _pack_elastances(recurrent, *p[5:10])
    neuron_par = torch.cat([t if t.numel() else torch.zeros_like(p.g_leak) for t in p[10:]])
    variant = (_ELASTANCES.index(call.settings["elastance"]), int(call.settings["solver"] == "hybrid"))
    return Wired(call, sensory, recurrent, *packed, neuron_par, int(call.settings["substeps"]), variant)


def _pack_elastances(synapses: LaneTable, g_max: Tensor, k_max: Tensor, mu: Tensor, sigma: Tensor, o: Tensor) -> Tensor:
    slope = sigma * -_LOG2E
    return synapses.pack(slope, -slope * mu, g_max, k_max, o if o.numel() else torch.zeros_like(mu))


def _lrc_columns(w: Wired) -> list[int]:
    s, r = w.lanes
    return [5 * s, 5 * r, *[w.padded] * 4]


def _lrc_gradients(w: Wired, parts: tuple[Tensor, ...]) -> list[Tensor]:
    sen, rec, *neurons = parts
    (s, r), p = w.lanes, lrc.Params(*w.call.params)
    leak, bias, e_leak, k = (t[: w.units] for t in neurons)
    return [
        *_elastance_gradients(sen.view(5, s)[:, w.sensory.place], *p[:5]),
        *_elastance_gradients(rec.view(5, r)[:, w.recurrent.place], *p[5:10]),
        leak,
        e_leak,
        bias[: p.p.numel()],
        k[: p.k.numel()],
    ]


def _elastance_gradients(
    sums: Tensor, g_max: Tensor, k_max: Tensor, mu: Tensor, sigma: Tensor, o: Tensor
) -> tuple[Tensor, ...]:
    """Gradients of `(g_max, k_max, mu, sigma, o)` from the moments and the sums of `o`, `(5, synapses)`."""
    return sums[0], sums[1], *gate_gradients(sums, mu, sigma), sums[4][: o.numel()]


LRC = GpuCell(lrc_jit, _fold_lrc, _lrc_columns, _lrc_gradients)


def _fold_cfc_wired(call: Call) -> Wired:
    call = launch.widen(call)
    _, p, graph = cfc_wired.unpack(call.state, [t.detach() for t in call.params], call.graph)
    sensory, recurrent = _tables(call)
    ends = p.decay or (torch.zeros_like(p.bias[0]),) * 2
    packed = sensory.pack(*p.sensory_weight), recurrent.pack(*p.weight, graph.current.to(p.weight.dtype))
    neuron_par = torch.cat((p.self_weight.flatten(), p.bias.flatten(), *ends))
    variant = (_MODES.index(call.settings["mode"]), p.bias.shape[0])
    return Wired(call, sensory, recurrent, *packed, neuron_par, graph.layer_ptr.numel() - 1, variant)


def _cfc_wired_columns(w: Wired) -> list[int]:
    (s, r), heads = w.lanes, w.variant[1]
    return [heads * s, heads * r, heads * w.padded, heads * w.padded, w.padded, w.padded]


def _cfc_wired_gradients(w: Wired, parts: tuple[Tensor, ...]) -> list[Tensor]:
    sen, rec, self_weight, bias, *ends = parts
    (s, r), heads = w.lanes, w.variant[1]
    return [
        sen.view(heads, s)[:, w.sensory.place],
        rec.view(heads, r)[:, w.recurrent.place],
        *(t.view(heads, w.padded)[:, : w.units] for t in (self_weight, bias)),
        *[t[: w.units] for t in ends][: len(w.call.params) - 4],
    ]


CFC_WIRED = GpuCell(cfc_wired_jit, _fold_cfc_wired, _cfc_wired_columns, _cfc_wired_gradients)
