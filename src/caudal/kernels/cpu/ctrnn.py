"""The CT-RNN recurrence on the CPU: forward and backward over tiles of rows, synapse by synapse.

As in `kernels/cpu/ltc.py`: sensory sums once per step, a masked step is one of `dt = 0`, and backward keeps one state
per step and recomputes its sub-steps.
"""

import torch
from torch import Tensor

from caudal.dynamics import ctrnn
from caudal.kernels.cpu import sweep, tiles
from caudal.kernels.cpu.ctrnn_jit import backward_tile, forward_tile
from caudal.kernels.recurrence import Call


def _loops(call: Call) -> sweep.Loops:
    p, graph = ctrnn.Params(*call.params), ctrnn.Graph(*call.graph)
    sensory = tuple(tiles.flat(t) for t in (graph.sensory_ptr, graph.sensory_source, p.sensory_w))
    recurrent = tuple(tiles.flat(t) for t in (graph.ptr, graph.source, p.w))
    inputs, units, substeps = call.x.shape[2], p.b.shape[0], int(call.settings["substeps"])
    return sweep.Loops(
        forward_tile,
        backward_tile,
        constants=(substeps, sensory, recurrent, tiles.flat(p.b), tiles.flat(p.tau)),
        units=units,
        rows=inputs + 1 + 3 * units,
        back_rows=2 * inputs + 2 + (5 + 2 * substeps) * units,
        sums=sum(t.numel() for t in p),
    )


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return sweep.forward(call, _loops(call))


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    swept = sweep.backward(call, grads, states, _loops(call))
    params = torch.from_numpy(swept.totals).split([t.numel() for t in call.params])
    return [*swept[:3], *sweep.in_dtype(params, call.x.dtype)]
