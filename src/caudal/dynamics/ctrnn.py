"""Continuous-time recurrent network (CT-RNN): leaky neurons driven through tanh, fused semi-implicit step.

For neuron `i` with inputs `u`, neurons `x`, elapsed time `dt` and `L` sub-steps of `D = dt / L`:

    a_i     = sum_j w_ji x_j + sum_k w_ki u_k + b_i
    dx_i/dt = -x_i / tau_i + tanh(a_i)
    x_i'    = (x_i + D tanh(a_i)) / (1 + D / tau_i)

written here as `x_i' = x_i + D (tau_i tanh(a_i) - x_i) / (tau_i + D)`, which is the same number but leaves the state
untouched, to the bit, at `dt = 0`. The leak is implicit, the drive explicit: stable for any `dt` with `tau > 0`, and
the new state lies between the old one and `tau_i tanh(a_i)`, so that `|x_i| <= max(|x_i(0)|, tau_i)`. The sensory sum
is held over the sub-steps (zero-order hold); the recurrent sum is taken anew in each.

As a recurrence (`kernels/recurrence.py`): `x` are the inputs `u`; `state = [v (batch, units)]`; `params` in the order
of `Params`, `graph` in the order of `Graph`, `settings` the fields of `Settings`.

Source: Funahashi and Nakamura, Neural Networks 6 (1993), "Approximation of dynamical systems by continuous time
recurrent neural networks"; the step is the fused one of Hasani et al., AAAI 2021 (arXiv 2006.04439), eq. 3.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from caudal.dynamics.wired import Adjoint, onto_sources, onto_targets, targets, unroll, unroll_backward
from caudal.dynamics.wired import Graph as Graph
from caudal.dynamics.wired import State as State


class Params(NamedTuple):
    """Effective parameters; synapse vectors follow `Graph`.

    Attributes:
        sensory_w: `(sensory synapses,)`.
        w: `(recurrent synapses,)`.
        b: `(units,)`.
        tau: `(units,)`, above 0.
    """

    sensory_w: Tensor
    w: Tensor
    b: Tensor
    tau: Tensor


class Settings(NamedTuple):
    """Constants of the step.

    Attributes:
        substeps: number of fused steps per elapsed time.
    """

    substeps: int = 6


def drive(values: Tensor, w: Tensor, source: Tensor, ptr: Tensor) -> Tensor:
    """Weighted sum of `values (batch, sources)` at each target, `(batch, units)`."""
    return onto_targets(values[:, source.long()] * w, targets(ptr), ptr.shape[0] - 1)


def substep(v: Tensor, sensory: Tensor, d: Tensor, params: Params, graph: Graph) -> Tensor:
    """One fused step of `d (batch, 1)`; `sensory (batch, units)` is the sensory sum with the bias."""
    pull = torch.tanh(sensory + drive(v, params.w, graph.source, graph.ptr))
    return v + d * (params.tau * pull - v) / (params.tau + d)


def path(
    x: Tensor, dt: Tensor, v: Tensor, params: Params, graph: Graph, settings: Settings
) -> tuple[Tensor, list[Tensor]]:
    """Sensory sum of one step with the bias, and the states before, between and after its sub-steps."""
    sensory = drive(x, params.sensory_w, graph.sensory_source, graph.sensory_ptr) + params.b
    d = (dt / settings.substeps)[:, None]
    states = [v]
    for _ in range(settings.substeps):
        states.append(substep(states[-1], sensory, d, params, graph))
    return sensory, states


def step(x: Tensor, dt: Tensor, state: State, params: Params, graph: Graph, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: inputs `(batch, input)`.
        dt: elapsed time `(batch,)`.
        state: state before the step.
    """
    return State(path(x, dt, state.v, params, graph, settings)[1][-1])


def scan(
    x: Tensor, dt: Tensor, mask: Tensor | None, state: State, params: Params, graph: Graph, settings: Settings
) -> State:
    """States after every step, `(batch, time, units)`; a masked step leaves the state as it was."""

    def advance(t: int, v: Tensor) -> Tensor:
        return step(x[:, t], dt[:, t], State(v), params, graph, settings).v

    return State(unroll(advance, mask, state.v, x.shape[1]))


def scan_backward(
    grad: State,
    states: State,
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Graph,
    settings: Settings,
) -> Adjoint[State, Params]:
    """Reverse-time gradient of `scan`; recomputes the sub-steps of a step from the stored states.

    Arguments:
        grad: gradient of the states `(batch, time, units)`.
        states: what `scan` returned.
    """
    to, sensory_to = targets(graph.ptr), targets(graph.sensory_ptr)
    grad_x, grad_dt = torch.zeros_like(x), torch.zeros_like(dt)
    sums = Params(*(torch.zeros_like(p) for p in params))

    def retreat(t: int, before: Tensor, flow: Tensor) -> Tensor:
        sensory, states_within = path(x[:, t], dt[:, t], before, params, graph, settings)
        d = (dt[:, t] / settings.substeps)[:, None]
        below = params.tau + d
        sensory_grad = torch.zeros_like(flow)
        for v in reversed(states_within[:-1]):
            pull = torch.tanh(sensory + drive(v, params.w, graph.source, graph.ptr))
            slope = (params.tau * pull - v) / below
            grad_dt[:, t] += (flow * slope * params.tau / below).sum(1) / settings.substeps
            sums.tau.add_((flow * d * (pull - slope) / below).sum(0))
            inner = flow * d * params.tau / below * (1 - pull * pull)
            sensory_grad += inner
            at = inner[:, to]
            sums.w.add_((at * v[:, graph.source.long()]).sum(0))
            flow = flow * params.tau / below + onto_sources(at * params.w, graph.source, v.shape[1])
        at = sensory_grad[:, sensory_to]
        sums.b.add_(sensory_grad.sum(0))
        sums.sensory_w.add_((at * x[:, t, graph.sensory_source.long()]).sum(0))
        grad_x[:, t] = onto_sources(at * params.sensory_w, graph.sensory_source, x.shape[2])
        return flow

    first = unroll_backward(retreat, grad.v, states.v, mask, state.v)
    return Adjoint(grad_x, grad_dt, State(first), sums)


def unpack(state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]) -> tuple[State, Params, Graph]:
    """Name the flat tensor lists that a custom op carries."""
    return State(*state), Params(*params), Graph(*graph)
