"""Long short-term memory: the memory cell that mixed-memory liquid networks carry beside their liquid state.

For projected inputs `p = W_x u + b`, output `h` and memory `c`:

    g, i, f, o = p + W_r h              in this order: candidate, input gate, forget gate, output gate
    c' = sigmoid(f + 1) c + sigmoid(i) tanh(g)
    h' = sigmoid(o) tanh(c')

The forget gate starts open by the constant 1. Elapsed time does not enter: memory neither decays nor ages between
observations, which is its purpose.

Layout of the op `lstm_scan`:

    x         (batch, time, 4 units)  projected input of the whole sequence, one GEMM outside the op
    dt, mask  (batch, time)           dt is not read; a step with mask False passes the state on
    state     [h (batch, units), c (batch, units)]
    params    [W_r (4 units, units)]
    graph     []
    settings  {}
    states    [h (batch, time, units), c (batch, time, units)]

Source: Hochreiter and Schmidhuber 1997; with forget bias 1 as in Lechner and Hasani 2020 (arXiv 2006.04418).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from caudal.dynamics.cfc import previous
from caudal.dynamics.wired import Adjoint, unroll, unroll_backward

FORGET_BIAS = 1.0


class State(NamedTuple):
    """State of a memory cell.

    Attributes:
        h: output `(batch, units)`.
        c: memory `(batch, units)`.
    """

    h: Tensor
    c: Tensor


class Params(NamedTuple):
    """Weights beyond the input projection.

    Attributes:
        w_r: `(4 units, units)`, from the previous output.
    """

    w_r: Tensor


class Settings(NamedTuple):
    """There are none."""


def unpack(
    state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]
) -> tuple[State, Params, tuple[()]]:
    """Name the flat tensor lists that a custom op carries; there is no graph."""
    return State(*state), Params(*params), ()


def gates(z: Tensor) -> tuple[Tensor, ...]:
    """Candidate, input, forget and output gate from `z (..., 4 units)`, each `(..., units)`."""
    g, i, f, o = z.chunk(4, -1)
    return torch.tanh(g), torch.sigmoid(i), torch.sigmoid(f + FORGET_BIAS), torch.sigmoid(o)


def step(x: Tensor, state: State, params: Params) -> State:
    """Advance one step; `x (batch, 4 units)` is the projected input."""
    g, i, f, o = gates(x + linear(state.h, params.w_r))
    c = state.c * f + g * i
    return State(torch.tanh(c) * o, c)


def split(both: Tensor) -> State:
    """Output and memory from one tensor; copies, since an op may not return two views of one memory."""
    h, c = (part.clone(memory_format=torch.contiguous_format) for part in both.chunk(2, -1))
    return State(h, c)


def scan(
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Sequence[Tensor],
    settings: Settings,
) -> State:
    """Output and memory after every step, each `(batch, time, units)`."""
    advance = lambda t, v: torch.cat(step(x[:, t], State(*v.chunk(2, 1)), params), 1)  # noqa: E731
    return split(unroll(advance, mask, torch.cat(state, 1), x.shape[1]))


class MemoryTrace(NamedTuple):
    """Every step recomputed from the stored states, and its derivatives; all `(batch, time, ...)`.

    Attributes:
        output: `h'`.
        into: derivative of `c'` by the pre-activations `g, i, f`, `(batch, time, 3, units)`.
        gate: derivative of `h'` by the pre-activation `o`.
        through: derivative of `h'` by `c'`.
        keep: derivative of `c'` by `c`.
    """

    output: Tensor
    into: Tensor
    gate: Tensor
    through: Tensor
    keep: Tensor


def trace(x: Tensor, old: State, c: Tensor, params: Params) -> MemoryTrace:
    """Recompute all steps at once.

    Arguments:
        x: projected inputs `(batch, time, 4 units)`.
        old: state that each step read, `(batch, time, units)` each.
        c: memory after each step.
    """
    g, i, f, o = gates(x + linear(old.h, params.w_r))
    seen = torch.tanh(c)
    into = torch.stack((i * (1 - g.square()), g * i * (1 - i), old.c * f * (1 - f)), -2)
    return MemoryTrace(seen * o, into, seen * o * (1 - o), o * (1 - seen.square()), f)


def back(past: MemoryTrace, t: int, grad_h: Tensor, grad_c: Tensor) -> tuple[Tensor, Tensor]:
    """Take step `t` back: gradients of `h'` and `c'` in, those of all pre-activations and of `c` out."""
    whole = grad_c + grad_h * past.through[:, t]
    grad_z = torch.cat(((whole[:, None] * past.into[:, t]).flatten(1), grad_h * past.gate[:, t]), 1)
    return grad_z, whole * past.keep[:, t]


def scan_backward(
    grad: State,
    states: State,
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Sequence[Tensor],
    settings: Settings,
) -> Adjoint[State, Params]:
    """Reverse-time gradient of `scan`; `grad` is that of the states, `states` what `scan` returned."""
    old = State(previous(states.h, state.h), previous(states.c, state.c))
    past = trace(x, old, states.c, params)
    grad_z = torch.zeros_like(x)

    def retreat(t: int, before: Tensor, flow: Tensor) -> Tensor:
        grad_z[:, t], grad_c = back(past, t, *flow.chunk(2, 1))
        return torch.cat((grad_z[:, t] @ params.w_r, grad_c), 1)

    first = unroll_backward(retreat, torch.cat(grad, 2), torch.cat(states, 2), mask, torch.cat(state, 1))
    grad_w = grad_z.flatten(0, 1).t() @ old.h.flatten(0, 1)
    return Adjoint(grad_z, torch.zeros_like(dt), split(first), Params(grad_w))
