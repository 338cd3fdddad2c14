"""Launches of the cells whose neurons have one number each and whose synapses are summed row by row.

One program takes one row at a time, a row's synapses side by side, through all steps in one launch. Forward keeps the
state in registers. Backward keeps one state per step and recomputes the sub-steps of that step; each program sums its
rows into float64 totals of its own, which are added in a fixed order afterwards: no atomics, the same bits every run.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from caudal.kernels.cuda import launch
from caudal.kernels.cuda.sums import Table, table
from caudal.kernels.recurrence import Call


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
    sensory: Table
    recurrent: Table
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


def tables(call: Call) -> tuple[Table, Table]:
    """Tables of the sensory and the recurrent synapses of a call."""
    sensory_ptr, sensory_source, ptr, source = call.graph[:4]
    return table(sensory_ptr, sensory_source, call.x.shape[2]), table(ptr, source, call.state[0].shape[1])


def forward(kernel: Any, w: Wired) -> Tensor:
    """States `(batch, time, units)`."""
    call, s, r = w.call, w.sensory, w.recurrent
    batch, time, inputs = call.x.shape
    states = torch.empty(batch, time, w.units, dtype=call.x.dtype, device=call.x.device)
    if states.numel():
        mask, masked = launch.mask_of(call)
        with launch.on(call.x.device):
            kernel[(launch.programs(batch),)](
                call.x, call.dt, mask, call.state[0], states,
                s.source, s.onto.up, w.sensory_par, r.source, r.onto.up, w.recurrent_par, w.neuron_par,
                batch, time, inputs, w.units, w.substeps, masked, *w.variant, w.padded, *s.onto[:3], *r.onto[:3],
                **launch.options(max(w.lanes), 4),
            )  # fmt: skip
    return states


def backward(kernel: Any, w: Wired, grad: Tensor, states: Tensor, columns: int) -> tuple[list[Tensor], Tensor]:
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
                call.x, call.dt, mask, call.state[0], states.to(call.x.dtype), grad.to(call.x.dtype),
                *gradients, path, totals,
                s.source, s.target, s.onto.up, s.lane, s.back.up, w.sensory_par,
                r.source, r.target, r.onto.up, r.lane, r.back.up, w.recurrent_par, w.neuron_par,
                batch, time, inputs, w.units, w.substeps, launch.FLUSH, masked, *w.variant,
                w.padded, launch.power(inputs), *s.onto[:3], *s.back[:3], *r.onto[:3], *r.back[:3],
                **launch.options(max(w.lanes), 2),
            )  # fmt: skip
    return gradients, totals.sum(0)
