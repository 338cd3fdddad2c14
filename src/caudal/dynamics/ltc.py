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

Source: Hasani et al., AAAI 2021 (arXiv 2006.04439), eq. 3 (fused step); synapse-level form of Lechner et al.,
Nature Machine Intelligence 2020, eq. 3. The released programs add `eps = 1e-8` to the denominator.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class State(NamedTuple):
    """State of an LTC: the membrane potentials.

    Attributes:
        v: `(batch, units)`.
    """

    v: Tensor


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


class Graph(NamedTuple):
    """Synapses sorted by target, then source (compressed rows by target), as int32 vectors.

    Attributes:
        sensory_ptr: `(units + 1,)`; synapses of target `i` are `sensory_ptr[i]:sensory_ptr[i + 1]`.
        sensory_source: `(sensory synapses,)` index of the input.
        ptr: `(units + 1,)`.
        source: `(recurrent synapses,)` index of the neuron.
    """

    sensory_ptr: Tensor
    sensory_source: Tensor
    ptr: Tensor
    source: Tensor


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


def targets(ptr: Tensor) -> Tensor:
    """Target neuron of each synapse, `(synapses,)` int64, from the row pointers."""
    counts = (ptr[1:] - ptr[:-1]).long()
    return torch.repeat_interleave(torch.arange(counts.shape[0], device=ptr.device), counts)


def gates(values: Tensor, source: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """Synapse gates `sigmoid(sigma (values[source] - mu))`, `(batch, synapses)`."""
    return torch.sigmoid(sigma * (values[:, source.long()] - mu))


def sums(gate: Tensor, ptr: Tensor, w: Tensor, e_rev: Tensor) -> Sums:
    """Add the conductance of each synapse onto its target; `gate (batch, synapses)`."""
    index = targets(ptr)
    zero = gate.new_zeros(gate.shape[0], ptr.shape[0] - 1)
    conductance = gate * w
    return Sums(zero.index_add(1, index, conductance), zero.index_add(1, index, conductance * e_rev))


def sensory_sums(x: Tensor, params: Params, graph: Graph) -> Sums:
    """Sums of the sensory synapses and the leak for inputs `x (batch, input)`."""
    gate = gates(x, graph.sensory_source, params.sensory_mu, params.sensory_sigma)
    held = sums(gate, graph.sensory_ptr, params.sensory_w, params.sensory_e_rev)
    return Sums(held.den + params.g_leak, held.num + params.g_leak * params.v_leak)


def substep(v: Tensor, held: Sums, d: Tensor, params: Params, graph: Graph, eps: float) -> Tensor:
    """One fused step of `d (batch, 1)`; `held` are the sums that do not change between sub-steps."""
    recurrent = sums(gates(v, graph.source, params.mu, params.sigma), graph.ptr, params.w, params.e_rev)
    den, num = held.den + recurrent.den, held.num + recurrent.num
    return v + d * (num - (den + eps) * v) / (params.c_m + d * (den + eps))


def step(x: Tensor, dt: Tensor, state: State, params: Params, graph: Graph, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: inputs `(batch, input)`.
        dt: elapsed time `(batch,)`.
        state: potentials before the step.
    """
    held = sensory_sums(x, params, graph)
    d = (dt / settings.substeps)[:, None]
    v = state.v
    for _ in range(settings.substeps):
        v = substep(v, held, d, params, graph, settings.eps)
    return State(v)


def scan(
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Graph,
    settings: Settings,
) -> State:
    """Potentials after every step, `(batch, time, units)`; a masked step leaves the state as it was."""
    states = []
    for t in range(x.shape[1]):
        new = step(x[:, t], dt[:, t], state, params, graph, settings)
        state = new if mask is None else State(torch.where(mask[:, t, None], new.v, state.v))
        states.append(state.v)
    return State(torch.stack(states, 1))


class Adjoint(NamedTuple):
    """Gradients that `scan_backward` returns: inputs, times, initial state, parameters."""

    x: Tensor
    dt: Tensor
    state: State
    params: Params


class _Accumulator:
    """Running sums over time of the four moments that give every synapse gradient.

    With `a = dL/dnum`, `b = dL/dden`, `z` the gate's argument: `gate_a = sum s a`, `gate_b = sum s b`,
    `slope = sum dL/dz`, `slope_v = sum dL/dz * source value`.
    """

    def __init__(self, like: Tensor) -> None:
        self.gate_a, self.gate_b, self.slope, self.slope_v = (torch.zeros_like(like) for _ in range(4))

    def add(self, value: Tensor, gate: Tensor, a: Tensor, b: Tensor, w: Tensor, e_rev: Tensor, sigma: Tensor) -> Tensor:
        """Add one (sub-)step; returns the gradient with respect to each synapse's source value."""
        slope = w * (e_rev * a + b) * gate * (1 - gate)
        self.gate_a += (gate * a).sum(0)
        self.gate_b += (gate * b).sum(0)
        self.slope += slope.sum(0)
        self.slope_v += (slope * value).sum(0)
        return slope * sigma

    def gradients(self, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> tuple[Tensor, ...]:
        """Gradients of `(w, mu, sigma, e_rev)`."""
        return (
            e_rev * self.gate_a + self.gate_b,
            -sigma * self.slope,
            self.slope_v - mu * self.slope,
            w * self.gate_a,
        )


def _scatter(batch: int, size: int, source: Tensor, values: Tensor) -> Tensor:
    return values.new_zeros(batch, size).index_add(1, source.long(), values)


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
) -> Adjoint:
    """Reverse-time gradient of `scan`; recomputes the sub-steps of a step from the stored states.

    Arguments:
        grad: gradient of the states `(batch, time, units)`.
        states: what `scan` returned.
    """
    p, batch = params, x.shape[0]
    to, sensory_to = targets(graph.ptr), targets(graph.sensory_ptr)
    rec, sen = _Accumulator(p.w), _Accumulator(p.sensory_w)
    grad_x, grad_dt = torch.zeros_like(x), torch.zeros_like(dt)
    grad_g, grad_gv, grad_c = (torch.zeros_like(p.c_m) for _ in range(3))
    carry = torch.zeros_like(state.v)
    for t in reversed(range(x.shape[1])):
        carry = carry + grad.v[:, t]
        start = states.v[:, t - 1] if t else state.v
        d = (dt[:, t] / settings.substeps)[:, None]
        keep = None if mask is None else mask[:, t, None]
        flow = carry if keep is None else carry * keep
        sensory = gates(x[:, t], graph.sensory_source, p.sensory_mu, p.sensory_sigma)
        held = sums(sensory, graph.sensory_ptr, p.sensory_w, p.sensory_e_rev)
        held = Sums(held.den + p.g_leak, held.num + p.g_leak * p.v_leak)
        path = [start]
        for _ in range(settings.substeps):
            path.append(substep(path[-1], held, d, params, graph, settings.eps))
        a_sum, b_sum = torch.zeros_like(flow), torch.zeros_like(flow)
        for v in reversed(path[:-1]):
            value = v[:, graph.source.long()]
            gate = torch.sigmoid(p.sigma * (value - p.mu))
            part = sums(gate, graph.ptr, p.w, p.e_rev)
            den, num = held.den + part.den + settings.eps, held.num + part.num
            below = p.c_m + d * den
            slope = (num - den * v) / below
            a = flow * d / below
            b = -a * (v + d * slope)
            grad_dt[:, t] += (flow * slope * (1 - d * den / below)).sum(1) / settings.substeps
            grad_c -= (a * slope).sum(0)
            a_sum, b_sum = a_sum + a, b_sum + b
            back = rec.add(value, gate, a[:, to], b[:, to], p.w, p.e_rev, p.sigma)
            flow = flow - a * den + _scatter(batch, v.shape[1], graph.source, back)
        grad_g += b_sum.sum(0)
        grad_gv += a_sum.sum(0)
        back = sen.add(
            x[:, t, graph.sensory_source.long()], sensory, a_sum[:, sensory_to], b_sum[:, sensory_to],
            p.sensory_w, p.sensory_e_rev, p.sensory_sigma,
        )  # fmt: skip
        grad_x[:, t] = _scatter(batch, x.shape[2], graph.sensory_source, back)
        carry = flow if keep is None else torch.where(keep, flow, carry)
    sensory_grads = sen.gradients(p.sensory_w, p.sensory_mu, p.sensory_sigma, p.sensory_e_rev)
    leak_grads = (grad_g + p.v_leak * grad_gv, p.g_leak * grad_gv, grad_c)
    grads = Params(*sensory_grads, *rec.gradients(p.w, p.mu, p.sigma, p.e_rev), *leak_grads)
    return Adjoint(grad_x, grad_dt, State(carry), grads)


def unpack(state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]) -> tuple[State, Params, Graph]:
    """Name the flat tensor lists that a custom op carries."""
    return State(*state), Params(*params), Graph(*graph)
