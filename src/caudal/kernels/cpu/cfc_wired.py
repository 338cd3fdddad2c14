"""The wired CfC on the CPU: neurons walked in their order, synapse by synapse, over tiles of rows.

Backward keeps one state per step and recomputes the pre-activations of a step while it walks back.
"""

from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import cfc_wired
from caudal.kernels.cpu import sweep, tiles
from caudal.kernels.cpu.cfc import MODES
from caudal.kernels.cpu.cfc_wired_jit import backward_tile, forward_tile
from caudal.kernels.recurrence import Call

Kind = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


class Walk(NamedTuple):
    """Parameters as the compiled loops read them, see `cfc_wired_jit`."""

    sensory: Kind
    recurrent: Kind
    neurons: NDArray[Any]
    ends: NDArray[Any]


def walk(params: cfc_wired.Params, graph: cfc_wired.Graph) -> Walk:
    """Lay the weights out synapse by synapse; a source whose new value is read stands `units` further on."""
    units = params.bias.shape[1]
    read = graph.source + units * graph.current
    neurons = torch.stack((params.self_weight, params.bias)).permute(2, 0, 1)
    ends = params.bias.new_empty(0) if params.decay is None else torch.cat(tuple(params.decay))
    return Walk(
        (tiles.flat(graph.sensory_ptr), tiles.flat(graph.sensory_source), tiles.flat(params.sensory_weight.t())),
        (tiles.flat(graph.ptr), tiles.flat(read), tiles.flat(params.weight.t())),
        tiles.flat(neurons),
        tiles.flat(ends),
    )


def _loops(call: Call) -> sweep.Loops:
    _, params, graph = cfc_wired.unpack(call.state, call.params, call.graph)
    laid = walk(params, graph)
    inputs, units = call.x.shape[2], params.bias.shape[1]
    return sweep.Loops(
        forward_tile,
        backward_tile,
        constants=(MODES[call.settings["mode"]], *laid),
        units=units,
        rows=2 + inputs + 6 * units,
        back_rows=3 + 2 * inputs + 12 * units,
        sums=2 * units + laid.sensory[2].size + laid.recurrent[2].size + laid.neurons.size,
    )


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    return sweep.forward(call, _loops(call))


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, h, *params]` of a call."""
    swept = sweep.backward(call, grads, states, _loops(call))
    sensory, weight, self_weight, _, *ends = call.params
    heads, units = self_weight.shape
    sizes = [2 * units, sensory.numel(), weight.numel(), 2 * heads * units]
    by_end, by_sensory, by_weight, by_own = torch.from_numpy(swept.totals).split(sizes)
    synapses = (sums.view(-1, heads).t() for sums in (by_sensory, by_weight))
    params = (*synapses, *by_own.view(units, 2, heads).permute(1, 2, 0), *by_end.split(units)[: len(ends)])
    return [*swept[:3], *sweep.in_dtype(params, call.x.dtype)]
