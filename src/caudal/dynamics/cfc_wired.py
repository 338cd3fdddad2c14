"""Wired closed-form continuous-time cell: a CfC that reads along its synapses and nowhere else.

For head `k` of neuron `i`, inputs `u`, previous state `h` and new state `h'`:

    pre_ki = b_ki + self_ki h_i + sum_s ws_ki,s u_s + sum_j w_ki,j (h'_j if layer(j) < layer(i) else h_j)
    h'_i   = update(pre_i, dt)                                            see `cfc_heads`

One parameter per real synapse and head. A signal passes all layers within one step, as in the papers: a neuron reads
the *new* value of a neuron in a lower layer, and the previous value of one in its own or a higher layer. The self
weight is the neuron's own membrane, not a synapse: without it a neuron that no synapse leads back to would have no
memory at all. An autapse of the wiring stands beside it. There is no backbone, since that would mix what the wiring
keeps apart. Polarity does not enter: a weight may have any sign.

Layout of the op `cfc_wired_scan`, for everyone who writes a backend (heads in the order ff1, ff2, t_a, t_b, or ff1
alone in `pure`; row-major):

    x         (batch, time, inputs)
    dt, mask  (batch, time); mask bool or None, False: the state passes over the step
    state     [h (batch, units)]
    params    [sensory_weight (heads, sensory synapses), weight (heads, recurrent synapses),
               self_weight (heads, units), bias (heads, units),
               A (units), w_tau (units)]                       the last two only in `pure`
    graph     [sensory_ptr (units + 1), sensory_source (sensory synapses),
               ptr (units + 1), source (recurrent synapses),   synapses sorted by target, then source, int32
               current (recurrent synapses),                   int32, 1: the synapse carries the new value, 0: the old
               layer_ptr (layers + 1)]                         int32; layer l is neurons layer_ptr[l]:layer_ptr[l + 1]
    settings  {"mode": ...}
    states    [h (batch, time, units)]
    gradients [x, dt, h, *params]

A backend may walk the neurons in their order: every `current` synapse has its source before its target.

Source: the closed form of Hasani et al., Nature Machine Intelligence 2022 (arXiv 2106.13898), eq. 4, on the circuits of
Lechner et al., Nature Machine Intelligence 2020. The released programs mask only ff1 and ff2, connect every layer
densely to itself and leave the time heads unmasked; this file does not.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from caudal.dynamics.cfc import State, previous
from caudal.dynamics.cfc_heads import Decay, Mode, by_head, slopes, update
from caudal.dynamics.wired import Adjoint, targets, unroll, unroll_backward


class Params(NamedTuple):
    """Weights by head, along the synapses of `Layered`; see the module for shapes.

    `scan` also takes synapse weights with a leading batch axis, one circuit per series.
    """

    sensory_weight: Tensor
    weight: Tensor
    self_weight: Tensor
    bias: Tensor
    decay: Decay | None = None


class Layered(NamedTuple):
    """Synapses sorted by target, which of them carry new values, and the layers; see the module for shapes."""

    sensory_ptr: Tensor
    sensory_source: Tensor
    ptr: Tensor
    source: Tensor
    current: Tensor
    layer_ptr: Tensor


class Settings(NamedTuple):
    """Constants of the step.

    Attributes:
        mode: which closed form, see `cfc_heads`.
    """

    mode: Mode = "default"


def flatten(params: Params) -> list[Tensor]:
    """Tensors in the order that the op carries."""
    return [*params[:4], *(params.decay or ())]


def unpack(state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]) -> tuple[State, Params, Layered]:
    """Name the flat tensor lists that a custom op carries."""
    sensory_weight, weight, self_weight, bias, *ends = params
    decay = Decay(*ends) if ends else None
    return State(*state), Params(sensory_weight, weight, self_weight, bias, decay), Layered(*graph)


class Matrices(NamedTuple):
    """The synapses as dense matrices, exactly 0 where there is none: large products beat loops in plain torch.

    Attributes:
        sensory: `(heads * units, inputs)`.
        before: `(heads * units, units)`, onto previous values, membranes included.
        now: `(heads * units, units)`, onto new values.
    """

    sensory: Tensor
    before: Tensor
    now: Tensor


def matrices(params: Params, graph: Layered, inputs: int) -> Matrices:
    """Lay the weights out as matrices; differentiable."""
    heads, units = params.bias.shape
    to, source = targets(graph.ptr), graph.source.long()
    size = (*params.weight.shape[:-2], heads, units)
    zeros = params.weight.new_zeros
    sensory = zeros(*size, inputs)
    sensory[..., targets(graph.sensory_ptr), graph.sensory_source.long()] = params.sensory_weight
    before, now = zeros(*size, units), zeros(*size, units)
    before[..., to, source] = params.weight * (1 - graph.current)
    now[..., to, source] = params.weight * graph.current
    before = before + torch.diag_embed(params.self_weight)
    return Matrices(sensory.flatten(-3, -2), before.flatten(-3, -2), now.flatten(-3, -2))


def _reads(values: Tensor, matrix: Tensor) -> Tensor:
    """`values (batch, ..., in)` through one matrix `(out, in)`, or through one per series `(batch, out, in)`."""
    if matrix.dim() == 2:
        return linear(values, matrix)
    rows = values if values.dim() == 3 else values[:, None]
    return (rows @ matrix.transpose(1, 2)).view(*values.shape[:-1], matrix.shape[1])


def spans(graph: Layered) -> list[tuple[int, int]]:
    """First neuron and one past the last of each layer."""
    ends: list[int] = graph.layer_ptr.tolist()
    return list(pairwise(ends))


def _block(now: Tensor, first: int, end: int) -> Tensor:
    """Rows of layer `first:end` of all heads, columns of the layers below: `(..., heads * size, first)`."""
    units = now.shape[-1]
    by_row = now.view(*now.shape[:-2], -1, units, units)
    return by_row[..., first:end, :first].flatten(-3, -2)


def climb(base: Tensor, dt: Tensor, now: Tensor, params: Params, graph: Layered, settings: Settings) -> Tensor:
    """New state `(batch, units)`, layer by layer.

    Arguments:
        base: pre-activations without the synapses that carry new values, `(batch, heads, units)`.
        dt: elapsed time `(batch,)`.
        now: see `Matrices`.
    """
    h = base.new_zeros(base.shape[0], 0)
    for first, end in spans(graph):
        pre = base[..., first:end] + by_head(_reads(h, _block(now, first, end)), settings.mode)
        decay = params.decay and Decay(params.decay.a[first:end], params.decay.w_tau[first:end])
        h = torch.cat((h, update(pre, dt[:, None], settings.mode, decay)), 1)
    return h


def step(x: Tensor, dt: Tensor, state: State, params: Params, graph: Layered, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: inputs `(batch, inputs)`.
        dt: elapsed time `(batch,)`.
        state: state before the step.
    """
    return State(scan(x[:, None], dt[:, None], None, state, params, graph, settings).h[:, 0])


def scan(
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Layered,
    settings: Settings,
) -> State:
    """States after every step, `(batch, time, units)`; a masked step leaves the state as it was."""
    m = matrices(params, graph, x.shape[2])
    projected = _reads(x, m.sensory) + params.bias.flatten()

    def advance(t: int, h: Tensor) -> Tensor:
        base = by_head(projected[:, t] + _reads(h, m.before), settings.mode)
        return climb(base, dt[:, t], m.now, params, graph, settings)

    return State(unroll(advance, mask, state.h, x.shape[1]))


def scan_backward(
    grad: State,
    states: State,
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Layered,
    settings: Settings,
) -> Adjoint[State, list[Tensor]]:
    """Reverse-time gradient of `scan`; all pre-activations are recomputed from the stored states at once."""
    m = matrices(params, graph, x.shape[2])
    old = previous(states.h, state.h)
    # At a masked step `states` is not the new value that was read; its gradient is 0, so any finite value will do.
    pre = linear(x, m.sensory, params.bias.flatten()) + linear(old, m.before) + linear(states.h, m.now)
    slope = slopes(by_head(pre, settings.mode), dt[..., None], settings.mode, params.decay)
    grads, flows = torch.zeros_like(slope.pre), torch.zeros_like(states.h)
    blocks = [(first, end, _block(m.now, first, end)) for first, end in reversed(spans(graph))]

    def retreat(t: int, before: Tensor, flow: Tensor) -> Tensor:
        flows[:, t] = flow
        down = flows[:, t]
        for first, end, block in blocks:
            grads[:, t, :, first:end] = down[:, None, first:end] * slope.pre[:, t, :, first:end]
            down[:, :first] += grads[:, t, :, first:end].flatten(1) @ block
        return grads[:, t].flatten(1) @ m.before

    start = unroll_backward(retreat, grad.h, states.h, mask, state.h)
    flat = grads.flatten(2)
    gradients = [*_weight_gradients(flat, x, old, states.h, params, graph)]
    gradients += [(flows * part).sum((0, 1)) for part in slope.decay or ()]
    return Adjoint(flat @ m.sensory, (flows * slope.dt).sum(-1), State(start), gradients)


def _weight_gradients(
    grad: Tensor, x: Tensor, old: Tensor, new: Tensor, params: Params, graph: Layered
) -> tuple[Tensor, ...]:
    """Gradients of the four weight tensors from those of all pre-activations, `grad (batch, time, heads * units)`."""
    flat, heads = grad.flatten(0, 1).t(), params.bias.shape[0]
    sensory, before, now = ((flat @ read.flatten(0, 1)).view(heads, -1, read.shape[2]) for read in (x, old, new))
    to, source = targets(graph.ptr), graph.source.long()
    units = torch.arange(before.shape[1], device=before.device)
    return (
        sensory[:, targets(graph.sensory_ptr), graph.sensory_source.long()],
        torch.where(graph.current.bool(), now[:, to, source], before[:, to, source]),
        before[:, units, units],
        flat.sum(1).view(heads, -1),
    )
