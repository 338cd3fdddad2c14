"""Liquid-resistance liquid-capacitance cell (LRC): saturated conductances and a capacitance that moves with the state.

For neuron `i` with sources `y = [u, x]` (inputs and neurons that the wiring lets it read), elapsed time `dt` and `L`
sub-steps of `D = dt / L`:

    s_ji    = sigmoid(sigma_ji (y_j - mu_ji))                      gate of synapse j -> i
    f_i     = g_leak_i + sum_j g_max_ji s_ji                       conductance, g_leak and g_max >= 0
    z_i     = g_leak_i + sum_j k_max_ji s_ji                       drive (the same g_leak, as published)
    w_i     = p_i + sum_j o_ji y_j
    eps_i   = sigmoid(w_i)                                         elastance "asymmetric"
            | sigmoid(w_i + k_i) - sigmoid(w_i - k_i), k_i >= 0    elastance "symmetric"
            | 1                                                    elastance "none": the saturated LTC, STC
    dx_i/dt = eps_i (tanh(z_i) e_leak_i - sigmoid(f_i) x_i)

    hybrid:   x_i' = x_i + D eps_i (tanh(z_i) e_leak_i - sigmoid(f_i) x_i) / (1 + D eps_i sigmoid(f_i))
    explicit: x_i' = x_i + D eps_i (tanh(z_i) e_leak_i - sigmoid(f_i) x_i)          (with one sub-step: the LRCU)

Both leave the state untouched, to the bit, at `dt = 0`. Hybrid takes the linear `x_i` implicitly: the new state is a
convex combination of the old one and of `tanh(z_i) e_leak_i / sigmoid(f_i)`, and `f_i >= 0` gives
`|x_i| <= max(|x_i(0)|, 2 |e_leak_i|)` at any `dt`. Explicit needs `D eps_i sigmoid(f_i) < 2`. Sensory sums (in `f`,
`z` and `w`) are held over the sub-steps; recurrent sums are taken anew in each.

As a recurrence (`kernels/recurrence.py`): `x` are the inputs `u`; `state = [v (batch, units)]`; `params` in the order
of `Params`, `graph` in the order of `Graph`, `settings` the fields of `Settings`. Parameters that an elastance does not
use are empty, `(0,)`, and so are their gradients.

Source: Farsang, Neubauer and Grosu, "Liquid Resistance Liquid Capacitance Networks", 2024 (arXiv 2403.08791).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from caudal.dynamics.wired import Adjoint, Moments, gates, onto_sources, onto_targets, targets, unroll, unroll_backward
from caudal.dynamics.wired import Graph as Graph
from caudal.dynamics.wired import State as State

Elastance = Literal["asymmetric", "symmetric", "none"]
Solver = Literal["hybrid", "explicit"]


class Params(NamedTuple):
    """Effective parameters (already positive where they must be); synapse vectors follow `Graph`.

    Attributes:
        sensory_g_max, sensory_k_max, sensory_mu, sensory_sigma: `(sensory synapses,)`.
        sensory_o: `(sensory synapses,)`; `(0,)` with elastance "none".
        g_max, k_max, mu, sigma: `(recurrent synapses,)`.
        o: `(recurrent synapses,)`; `(0,)` with elastance "none".
        g_leak, e_leak: `(units,)`.
        p: `(units,)`; `(0,)` with elastance "none".
        k: `(units,)`; `(0,)` unless elastance is "symmetric".
    """

    sensory_g_max: Tensor
    sensory_k_max: Tensor
    sensory_mu: Tensor
    sensory_sigma: Tensor
    sensory_o: Tensor
    g_max: Tensor
    k_max: Tensor
    mu: Tensor
    sigma: Tensor
    o: Tensor
    g_leak: Tensor
    e_leak: Tensor
    p: Tensor
    k: Tensor


class Settings(NamedTuple):
    """Constants of the step.

    Attributes:
        substeps: number of steps per elapsed time.
        solver: "hybrid" or "explicit".
        elastance: "asymmetric", "symmetric" or "none".
    """

    substeps: int = 1
    solver: Solver = "hybrid"
    elastance: Elastance = "asymmetric"


class LrcSums(NamedTuple):
    """Synaptic sums of one (sub-)step, each `(batch, units)`; `w` is zero with elastance "none"."""

    f: Tensor
    z: Tensor
    w: Tensor


class LrcSynapses(NamedTuple):
    """One kind of synapses (sensory or recurrent): parameters, source and target of each, number of targets."""

    g_max: Tensor
    k_max: Tensor
    mu: Tensor
    sigma: Tensor
    o: Tensor
    source: Tensor
    to: Tensor
    units: int


def synapses(params: Params, graph: Graph) -> tuple[LrcSynapses, LrcSynapses]:
    """The sensory and the recurrent synapses."""
    units = graph.ptr.shape[0] - 1
    sensory = LrcSynapses(*params[:5], graph.sensory_source, targets(graph.sensory_ptr), units)
    return sensory, LrcSynapses(*params[5:10], graph.source, targets(graph.ptr), units)


def sums(values: Tensor, kind: LrcSynapses) -> LrcSums:
    """Sums at each target of what `values (batch, sources)` send through one kind of synapses."""
    gate = gates(values, kind.source, kind.mu, kind.sigma)
    f = onto_targets(gate * kind.g_max, kind.to, kind.units)
    z = onto_targets(gate * kind.k_max, kind.to, kind.units)
    if not kind.o.numel():
        return LrcSums(f, z, torch.zeros_like(f))
    return LrcSums(f, z, onto_targets(values[:, kind.source.long()] * kind.o, kind.to, kind.units))


def sensory_sums(x: Tensor, sensory: LrcSynapses, params: Params) -> LrcSums:
    """Sums of the sensory synapses for inputs `x (batch, input)`, with leak and bias."""
    total = sums(x, sensory)
    w = total.w + params.p if params.p.numel() else total.w
    return LrcSums(total.f + params.g_leak, total.z + params.g_leak, w)


def elastance(w: Tensor, k: Tensor, kind: Elastance) -> Tensor:
    """Elastance `eps (batch, units)` of its pre-activation `w`.

    Example:
        >>> elastance(torch.zeros(1, 1), torch.ones(1), "asymmetric").item()
        0.5
    """
    if kind == "symmetric":
        return torch.sigmoid(w + k) - torch.sigmoid(w - k)
    return torch.sigmoid(w) if kind == "asymmetric" else torch.ones_like(w)


def substep(v: Tensor, fixed: LrcSums, d: Tensor, params: Params, recurrent: LrcSynapses, settings: Settings) -> Tensor:
    """One step of `d (batch, 1)`; `fixed` are the sums that do not change between sub-steps."""
    inner = sums(v, recurrent)
    pull = torch.sigmoid(fixed.f + inner.f)
    rate = d * elastance(fixed.w + inner.w, params.k, settings.elastance)
    change = rate * (torch.tanh(fixed.z + inner.z) * params.e_leak - pull * v)
    return v + change / (1 + rate * pull) if settings.solver == "hybrid" else v + change


def step(x: Tensor, dt: Tensor, state: State, params: Params, graph: Graph, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: inputs `(batch, input)`.
        dt: elapsed time `(batch,)`.
        state: potentials before the step.
    """
    sensory, recurrent = synapses(params, graph)
    fixed = sensory_sums(x, sensory, params)
    d = (dt / settings.substeps)[:, None]
    v = state.v
    for _ in range(settings.substeps):
        v = substep(v, fixed, d, params, recurrent, settings)
    return State(v)


def scan(
    x: Tensor, dt: Tensor, mask: Tensor | None, state: State, params: Params, graph: Graph, settings: Settings
) -> State:
    """Potentials after every step, `(batch, time, units)`; a masked step leaves the state as it was."""

    def advance(t: int, v: Tensor) -> Tensor:
        return step(x[:, t], dt[:, t], State(v), params, graph, settings).v

    return State(unroll(advance, mask, state.v, x.shape[1]))


class _KindGradients:
    """Gradient sums of one kind of synapses."""

    def __init__(self, kind: LrcSynapses) -> None:
        self.kind, self.moments, self.o = kind, Moments(kind.mu), torch.zeros_like(kind.o)

    def add(self, values: Tensor, grad: LrcSums) -> Tensor:
        """Add one (sub-)step given the gradients of its sums; returns the gradient of `values (batch, sources)`."""
        kind = self.kind
        value = values[:, kind.source.long()]
        a, b = grad.f[:, kind.to], grad.z[:, kind.to]
        gate = torch.sigmoid(kind.sigma * (value - kind.mu))
        back = kind.sigma * self.moments.add(value, gate, a, b, kind.g_max * a + kind.k_max * b)
        if kind.o.numel():
            c = grad.w[:, kind.to]
            self.o += (value * c).sum(0)
            back = back + kind.o * c
        return onto_sources(back, kind.source, values.shape[1])

    def gradients(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Gradients of `(g_max, k_max, mu, sigma, o)`."""
        grad_mu, grad_sigma = self.moments.gate_gradients(self.kind.mu, self.kind.sigma)
        return self.moments.gate_a, self.moments.gate_b, grad_mu, grad_sigma, self.o


class _UnitGradients:
    """Gradient sums of the parameters of neurons, and the local gradients of one sub-step."""

    def __init__(self, params: Params, settings: Settings) -> None:
        self.params, self.settings = params, settings
        self.g_leak, self.e_leak, self.p, self.k = (torch.zeros_like(t) for t in params[10:])

    def local(self, v: Tensor, total: LrcSums, d: Tensor, flow: Tensor) -> tuple[LrcSums, Tensor, Tensor]:
        """Gradients of the sums, of `d (batch,)`, and of `v` along its own leak; `total` are the whole sums."""
        e_leak, kind = self.params.e_leak, self.settings.elastance
        pull, push = torch.sigmoid(total.f), torch.tanh(total.z)
        eps = elastance(total.w, self.params.k, kind)
        rate = d * eps
        hybrid = self.settings.solver == "hybrid"
        below = 1 + rate * pull if hybrid else torch.ones_like(rate)
        slope = (push * e_leak - pull * v) / below
        a = flow * rate / below
        self.e_leak += (a * push).sum(0)
        held_at = v + rate * slope if hybrid else v
        grad_rate = flow * slope / below
        grads = LrcSums(
            -a * held_at * pull * (1 - pull), a * e_leak * (1 - push * push), self._capacitance(total.w, d * grad_rate)
        )
        return grads, (grad_rate * eps).sum(1), flow - a * pull

    def _capacitance(self, w: Tensor, grad_eps: Tensor) -> Tensor:
        """Gradient of the pre-activation `w`."""
        k, kind = self.params.k, self.settings.elastance
        if kind == "none":
            return torch.zeros_like(w)
        if kind == "asymmetric":
            eps = torch.sigmoid(w)
            return grad_eps * eps * (1 - eps)
        high, low = torch.sigmoid(w + k), torch.sigmoid(w - k)
        rise, fall = high * (1 - high), low * (1 - low)
        self.k += (grad_eps * (rise + fall)).sum(0)
        return grad_eps * (rise - fall)

    def add_fixed(self, grad: LrcSums) -> None:
        """Add the gradients that reach leak and bias through the held sums."""
        self.g_leak += (grad.f + grad.z).sum(0)
        if self.p.numel():
            self.p += grad.w.sum(0)


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
    sensory, recurrent = synapses(params, graph)
    from_inputs, from_neurons = _KindGradients(sensory), _KindGradients(recurrent)
    unit_gradients = _UnitGradients(params, settings)
    grad_x, grad_dt = torch.zeros_like(x), torch.zeros_like(dt)

    def retreat(t: int, before: Tensor, flow: Tensor) -> Tensor:
        fixed = sensory_sums(x[:, t], sensory, params)
        d = (dt[:, t] / settings.substeps)[:, None]
        within = [before]
        for _ in range(settings.substeps - 1):
            within.append(substep(within[-1], fixed, d, params, recurrent, settings))
        fixed_grad = LrcSums(*(torch.zeros_like(flow) for _ in range(3)))
        for v in reversed(within):
            total = LrcSums(*(h + r for h, r in zip(fixed, sums(v, recurrent), strict=True)))
            grads, grad_d, flow = unit_gradients.local(v, total, d, flow)
            grad_dt[:, t] += grad_d / settings.substeps
            fixed_grad = LrcSums(*(h + g for h, g in zip(fixed_grad, grads, strict=True)))
            flow = flow + from_neurons.add(v, grads)
        unit_gradients.add_fixed(fixed_grad)
        grad_x[:, t] = from_inputs.add(x[:, t], fixed_grad)
        return flow

    first = unroll_backward(retreat, grad.v, states.v, mask, state.v)
    leaks = (unit_gradients.g_leak, unit_gradients.e_leak, unit_gradients.p, unit_gradients.k)
    return Adjoint(grad_x, grad_dt, State(first), Params(*from_inputs.gradients(), *from_neurons.gradients(), *leaks))


def unpack(state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]) -> tuple[State, Params, Graph]:
    """Name the flat tensor lists that a custom op carries."""
    return State(*state), Params(*params), Graph(*graph)
