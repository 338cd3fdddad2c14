"""Liquid state-space cell: neurons drawn to a target at a rate, both moved by the inputs only, solved exactly.

For neuron `i` with inputs `x` held over the elapsed time `dt`:

    a_i, z_i = W x + b                                   two gates for each neuron
    k_i      = rate_i sigmoid(a_i)                       "sigmoid": its rate, 1 over its time constant
               softplus(a_i)                             "softplus"
    u_i      = tanh(z_i), or z_i with a linear target    where it is drawn to
    dv_i/dt  = k_i (u_i - v_i)
    v_i'     = v_i + (1 - exp(-k_i dt)) (u_i - v_i)

This is the LTC equation with synapses from inputs only. Given the inputs it is linear in `v`, so the last line is its
exact solution: two elapsed times one after the other under one input are their sum, `dt = 0` leaves the state to the
bit, and `|v'| <= max(|v|, |u|)` for any `dt`. With `"softplus"`, `exp(-k dt) = (1 - sigmoid(a))^dt`: at `dt = 1` the
cell is minGRU.

As a recurrence (`kernels/recurrence.py`): `x` are the inputs; `state = [v (batch, units)]`; `params` in the order of
`Params`, without `rate` for `"softplus"`; no `graph`; `settings` the fields of `Settings`. Half precision is computed
in float32 and rounded at the end.

Source: Hasani et al., AAAI 2021 (arXiv 2006.04439), eq. 1, without recurrent synapses; Feng et al., "Were RNNs all we
needed?" (arXiv 2410.01201) for the same gates without a clock.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from caudal.dynamics.wired import Adjoint
from caudal.dynamics.wired import State as State

Decay = Literal["sigmoid", "softplus", "unclocked"]
Target = Literal["tanh", "linear"]

DECAYS: tuple[Decay, ...] = ("sigmoid", "softplus")
TARGETS: tuple[Target, ...] = ("tanh", "linear")


class Params(NamedTuple):
    """Effective parameters.

    Attributes:
        weight: `(2 * units, input)`; the first `units` rows give `a`, the others `z`.
        bias: `(2 * units,)`.
        rate: `(units,)`, above 0, for the `"sigmoid"` decay; else None.
    """

    weight: Tensor
    bias: Tensor
    rate: Tensor | None = None


class Settings(NamedTuple):
    """Constants of the step.

    Attributes:
        decay: how the first gate gives the rate.
        target: how the second gate gives the target.
    """

    decay: Decay = "sigmoid"
    target: Target = "tanh"


class InputGates(NamedTuple):
    """What the inputs decide at each step, each `(..., units)`.

    Attributes:
        argument: `a`, of the first gate.
        rate: `k`, 1 over the time constant; without a clock, the share of the way to the target.
        target: `u`.
    """

    argument: Tensor
    rate: Tensor
    target: Tensor


def gates(x: Tensor, params: Params, settings: Settings) -> InputGates:
    """Rates and targets under inputs `(..., input)`."""
    a, z = linear(x, params.weight, params.bias).chunk(2, -1)
    rate = softplus(a) if settings.decay == "softplus" else torch.sigmoid(a)
    rate = rate if params.rate is None else params.rate * rate
    return InputGates(a, rate, torch.tanh(z) if settings.target == "tanh" else z)


def gain(now: InputGates, dt: Tensor, mask: Tensor | None, settings: Settings) -> Tensor:
    """Share of the way to the target, `1 - exp(-k dt)`; 0 at a masked step. `dt` and `mask` lack the last axis."""
    share = now.rate if settings.decay == "unclocked" else -torch.expm1(-now.rate * dt[..., None])
    return share if mask is None else torch.where(mask[..., None], share, 0)


def step(x: Tensor, dt: Tensor, state: State, params: Params, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: inputs `(batch, input)`.
        dt: elapsed time `(batch,)`.
        state: state before the step.
    """
    now = gates(x, params, settings)
    return State(state.v + gain(now, dt, None, settings) * (now.target - state.v))


def scan(
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Sequence[Tensor],
    settings: Settings,
) -> State:
    """States after every step, `(batch, time, units)`; a masked step leaves the state as it was."""
    wide, given = _widened(x, dt, state, params), state.v.dtype
    now = gates(wide.x, wide.params, settings)
    share, v, states = gain(now, wide.dt, mask, settings), wide.state.v, []
    for t in range(x.shape[1]):
        v = v + share[:, t] * (now.target[:, t] - v)
        states.append(v)
    return State(torch.stack(states, 1).to(given))


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
) -> Adjoint[State, list[Tensor]]:
    """Reverse-time gradient of `scan`; the gates of all steps are computed anew from the inputs.

    Arguments:
        grad: gradient of the states `(batch, time, units)`.
        states: what `scan` returned.
    """
    wide = _widened(x, dt, state, params)
    now = gates(wide.x, wide.params, settings)
    share, flows, carry = gain(now, wide.dt, mask, settings), [], torch.zeros_like(wide.state.v)
    for t in reversed(range(x.shape[1])):
        carry = carry + grad.v[:, t]
        flows.append(carry)
        carry = carry * (1 - share[:, t])
    flow = torch.stack(flows[::-1], 1)
    before = torch.cat((wide.state.v[:, None], states.v[:, :-1].to(flow.dtype)), 1)
    to_target = flow * share
    passed = flow * (now.target - before) * (1 - share)
    if mask is not None:
        passed = torch.where(mask[..., None], passed, 0)
    openness = torch.sigmoid(now.argument)
    to_rate = passed if settings.decay == "unclocked" else passed * wide.dt[..., None]
    slope = openness if wide.params.rate is None else now.rate * (1 - openness)
    to_dt = torch.zeros_like(passed) if settings.decay == "unclocked" else passed * now.rate
    if settings.target == "tanh":
        to_target = to_target * (1 - now.target.square())
    pre = torch.cat((to_rate * slope, to_target), -1)
    sums = [pre.flatten(0, 1).t() @ wide.x.flatten(0, 1), pre.sum((0, 1))]
    if params.rate is not None:
        sums.append((to_rate * openness).sum((0, 1)))
    grads = [pre @ wide.params.weight, to_dt.sum(-1), carry, *sums]
    inputs, times, first, *rest = (part.to(x.dtype) for part in grads)
    return Adjoint(inputs, times, State(first), rest)


class _Wide(NamedTuple):
    """Arguments in float32 or wider."""

    x: Tensor
    dt: Tensor
    state: State
    params: Params


def _widened(x: Tensor, dt: Tensor, state: State, params: Params) -> _Wide:
    kind = torch.promote_types(x.dtype, torch.float32)
    rate = None if params.rate is None else params.rate.to(kind)
    numbers = Params(params.weight.to(kind), params.bias.to(kind), rate)
    return _Wide(x.to(kind), dt.to(kind), State(state.v.to(kind)), numbers)


def unpack(
    state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]
) -> tuple[State, Params, tuple[()]]:
    """Name the flat tensor lists that a custom op carries; there is no graph."""
    return State(*state), Params(*params), ()
