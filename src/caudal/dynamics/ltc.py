"""Liquid time-constant cell (LTC): conductance-based synapses, fused semi-implicit step.

For neuron `i` with inputs `u`, neurons `x`, elapsed time `dt` and `L` sub-steps of `D = dt / L`:

    s_ji  = sigmoid(sigma_ji (x_j - mu_ji))                        gate of synapse j -> i
    den_i = g_leak_i + sum_j w_ji s_ji        (sensory and recurrent synapses alike)
    num_i = g_leak_i v_leak_i + sum_j w_ji s_ji e_rev_ji
    x_i'  = (c_m_i x_i + D num_i) / (c_m_i + D den_i)

written here as `x_i' = x_i + D (num_i - den_i x_i) / (c_m_i + D (den_i + eps))`, which is the same number but leaves
the state untouched, to the bit, at `dt = 0`. Sensory sums are held over the sub-steps (zero-order hold). With
`w, g_leak >= 0`, `c_m > 0` and `eps = 0` the new state is a convex combination of the old state, `v_leak` and the
`e_rev`, whatever `dt` is: states never leave the range of those potentials. The effective time constant is
`tau_sys_i = c_m_i / den_i`.

As a recurrence (`kernels/recurrence.py`): `x` are the inputs `u`; `state = [v (batch, units)]`; `params` in the order
of `Params`, `graph` in the order of `Graph`, `settings` the fields of `Settings`.

Source: Hasani et al., AAAI 2021 (arXiv 2006.04439), eq. 3 (fused step); synapse-level form of Lechner et al.,
Nature Machine Intelligence 2020, eq. 3. The released programs add `eps = 1e-8` to the denominator.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from caudal.dynamics.wired import Adjoint, Moments, gates, onto_sources, onto_targets, targets, unroll, unroll_backward
from caudal.dynamics.wired import Graph as Graph
from caudal.dynamics.wired import State as State


class Params(NamedTuple):
    """Effective parameters (already positive where they must be); synapse vectors follow `Graph`.

    Attributes:
        sensory_w, sensory_mu, sensory_sigma, sensory_e_rev: `(sensory synapses,)`.
        w, mu, sigma, e_rev: `(recurrent synapses,)`.
        g_leak, v_leak, c_m: `(units,)`.
    """

    sensory_w: Tensor
    sensory_mu: Tensor
    sensory_sigma: Tensor
    sensory_e_rev: Tensor
    w: Tensor
    mu: Tensor
    sigma: Tensor
    e_rev: Tensor
    g_leak: Tensor
    v_leak: Tensor
    c_m: Tensor


class Settings(NamedTuple):
    """Constants of the step.

    Attributes:
        substeps: number of fused steps per elapsed time.
        eps: added to the denominator (0, or 1e-8 as in the released programs).
    """

    substeps: int = 6
    eps: float = 0.0


class Sums(NamedTuple):
    """Synaptic sums of one step, each `(batch, units)`: `den` conductance, `num` conductance times potential."""

    den: Tensor
    num: Tensor


def sums(gate: Tensor, ptr: Tensor, w: Tensor, e_rev: Tensor) -> Sums:
    """Add the conductance of each synapse onto its target; `gate (batch, synapses)`."""
    to, units = targets(ptr), ptr.shape[0] - 1
    conductance = gate * w
    return Sums(onto_targets(conductance, to, units), onto_targets(conductance * e_rev, to, units))


def sensory_sums(x: Tensor, params: Params, graph: Graph) -> Sums:
    """Sums of the sensory synapses and the leak for inputs `x (batch, input)`."""
    gate = gates(x, graph.sensory_source, params.sensory_mu, params.sensory_sigma)
    total = sums(gate, graph.sensory_ptr, params.sensory_w, params.sensory_e_rev)
    return Sums(total.den + params.g_leak, total.num + params.g_leak * params.v_leak)


def substep(v: Tensor, sensory: Sums, d: Tensor, params: Params, graph: Graph, eps: float) -> Tensor:
    """One fused step of `d (batch, 1)`; `sensory` are the sums that do not change between sub-steps."""
    recurrent = sums(gates(v, graph.source, params.mu, params.sigma), graph.ptr, params.w, params.e_rev)
    den, num = sensory.den + recurrent.den, sensory.num + recurrent.num
    return v + d * (num - (den + eps) * v) / (params.c_m + d * (den + eps))


def step(x: Tensor, dt: Tensor, state: State, params: Params, graph: Graph, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: inputs `(batch, input)`.
        dt: elapsed time `(batch,)`.
        state: potentials before the step.
    """
    sensory = sensory_sums(x, params, graph)
    d = (dt / settings.substeps)[:, None]
    v = state.v
    for _ in range(settings.substeps):
        v = substep(v, sensory, d, params, graph, settings.eps)
    return State(v)


def scan(
    x: Tensor, dt: Tensor, mask: Tensor | None, state: State, params: Params, graph: Graph, settings: Settings
) -> State:
    """Potentials after every step, `(batch, time, units)`; a masked step leaves the state as it was."""

    def advance(t: int, v: Tensor) -> Tensor:
        return step(x[:, t], dt[:, t], State(v), params, graph, settings).v

    return State(unroll(advance, mask, state.v, x.shape[1]))


class _KindGradients:
    """Gradient sums of one kind of synapses, sensory or recurrent."""

    def __init__(self, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor, source: Tensor, ptr: Tensor) -> None:
        self.w, self.mu, self.sigma, self.e_rev, self.source = w, mu, sigma, e_rev, source
        self.to, self.moments = targets(ptr), Moments(w)

    def gates(self, values: Tensor) -> Tensor:
        """Gates of these synapses, `(batch, synapses)`."""
        return gates(values, self.source, self.mu, self.sigma)

    def add(self, values: Tensor, gate: Tensor, num: Tensor, den: Tensor) -> Tensor:
        """Add one (sub-)step given the gradients `(batch, units)` of its sums; returns the gradient of `values`."""
        a, b = num[:, self.to], den[:, self.to]
        pull = self.w * (self.e_rev * a + b)
        back = self.sigma * self.moments.add(values[:, self.source.long()], gate, a, b, pull)
        return onto_sources(back, self.source, values.shape[1])

    def gradients(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gradients of `(w, mu, sigma, e_rev)`."""
        moments = self.moments
        return (
            self.e_rev * moments.gate_a + moments.gate_b,
            *moments.gate_gradients(self.mu, self.sigma),
            self.w * moments.gate_a,
        )


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
    p = params
    from_inputs = _KindGradients(*p[:4], graph.sensory_source, graph.sensory_ptr)
    from_neurons = _KindGradients(*p[4:8], graph.source, graph.ptr)
    grad_x, grad_dt = torch.zeros_like(x), torch.zeros_like(dt)
    grad_g, grad_gv, grad_c = (torch.zeros_like(p.c_m) for _ in range(3))

    def retreat(t: int, before: Tensor, flow: Tensor) -> Tensor:
        sensory = sensory_sums(x[:, t], p, graph)
        d = (dt[:, t] / settings.substeps)[:, None]
        within = [before]
        for _ in range(settings.substeps - 1):
            within.append(substep(within[-1], sensory, d, p, graph, settings.eps))
        a_sum, b_sum = torch.zeros_like(flow), torch.zeros_like(flow)
        for v in reversed(within):
            gate = from_neurons.gates(v)
            inner = sums(gate, graph.ptr, p.w, p.e_rev)
            den, num = sensory.den + inner.den + settings.eps, sensory.num + inner.num
            below = p.c_m + d * den
            slope = (num - den * v) / below
            a = flow * d / below
            b = -a * (v + d * slope)
            grad_dt[:, t] += (flow * slope * (1 - d * den / below)).sum(1) / settings.substeps
            grad_c.sub_((a * slope).sum(0))
            a_sum, b_sum = a_sum + a, b_sum + b
            flow = flow - a * den + from_neurons.add(v, gate, a, b)
        grad_g.add_(b_sum.sum(0))
        grad_gv.add_(a_sum.sum(0))
        grad_x[:, t] = from_inputs.add(x[:, t], from_inputs.gates(x[:, t]), a_sum, b_sum)
        return flow

    first = unroll_backward(retreat, grad.v, states.v, mask, state.v)
    leaks = (grad_g + p.v_leak * grad_gv, p.g_leak * grad_gv, grad_c)
    return Adjoint(grad_x, grad_dt, State(first), Params(*from_inputs.gradients(), *from_neurons.gradients(), *leaks))


def unpack(state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]) -> tuple[State, Params, Graph]:
    """Name the flat tensor lists that a custom op carries."""
    return State(*state), Params(*params), Graph(*graph)
