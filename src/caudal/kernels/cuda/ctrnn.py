"""The CT-RNN recurrence in Triton, see `wired.py`."""

import torch
from torch import Tensor

from caudal.dynamics import ctrnn
from caudal.kernels.cuda import launch, wired
from caudal.kernels.cuda.ctrnn_jit import backward_rows, forward_rows
from caudal.kernels.recurrence import Call


def _fold(call: Call) -> wired.Wired:
    call = launch.widen(call)
    p = ctrnn.Params(*(t.detach() for t in call.params))
    sensory, recurrent = wired.tables(call)
    packed = sensory.pack(p.sensory_w), recurrent.pack(p.w)
    return wired.Wired(call, sensory, recurrent, *packed, torch.cat((p.b, p.tau)), int(call.settings["substeps"]))


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return launch.narrow([wired.forward(forward_rows, _fold(call))], call.state)


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call."""
    w = _fold(call)
    cuts = [*w.lanes, w.padded, w.padded]
    gradients, totals = wired.backward(backward_rows, w, grads[0], states[0], sum(cuts))
    sen, rec, bias, tau = torch.split_with_sizes(totals, cuts)
    gradients += [sen[w.sensory.place], rec[w.recurrent.place], bias[: w.units], tau[: w.units]]
    return launch.narrow(gradients, [call.x, call.dt, *call.state, *call.params])
