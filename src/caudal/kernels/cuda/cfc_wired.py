"""The wired CfC recurrence in Triton, see `wired.py`."""

import torch
from torch import Tensor

from caudal.dynamics import cfc_wired
from caudal.kernels.cuda import launch, wired
from caudal.kernels.cuda.cfc_wired_jit import backward_rows, forward_rows
from caudal.kernels.recurrence import Call

MODES = ("default", "no_gate", "pure")


def _fold(call: Call) -> wired.Wired:
    call = launch.widen(call)
    _, p, graph = cfc_wired.unpack(call.state, [t.detach() for t in call.params], call.graph)
    sensory, recurrent = wired.tables(call)
    ends = p.decay or (torch.zeros_like(p.bias[0]),) * 2
    packed = sensory.pack(*p.sensory_weight), recurrent.pack(*p.weight, graph.current.to(p.weight.dtype))
    neuron_par = torch.cat((p.self_weight.flatten(), p.bias.flatten(), *ends))
    variant = (MODES.index(call.settings["mode"]), p.bias.shape[0])
    return wired.Wired(call, sensory, recurrent, *packed, neuron_par, graph.layer_ptr.numel() - 1, variant)


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return launch.narrow([wired.forward(forward_rows, _fold(call))], call.state)


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, h, *params]` of a call."""
    w = _fold(call)
    (s, r), heads = w.lanes, w.variant[1]
    cuts = [heads * s, heads * r, heads * w.padded, heads * w.padded, w.padded, w.padded]
    gradients, totals = wired.backward(backward_rows, w, grads[0], states[0], sum(cuts))
    sen, rec, self_weight, bias, *ends = torch.split_with_sizes(totals, cuts)
    gradients += [sen.view(heads, s)[:, w.sensory.place], rec.view(heads, r)[:, w.recurrent.place]]
    gradients += [t.view(heads, w.padded)[:, : w.units] for t in (self_weight, bias)]
    gradients += [t[: w.units] for t in ends][: len(call.params) - 4]
    return launch.narrow(gradients, [call.x, call.dt, *call.state, *call.params])
