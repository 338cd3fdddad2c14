"""LrcSSM: liquid-resistance liquid-capacitance neurons that read the inputs and their own state, and no other neuron.

For neuron `i` with inputs `u` held over the elapsed time `dt`:

    s_j    = sigmoid(sigma_j (u_j - mu_j))                        gate of input j, shared by the neurons
    r_i    = sigmoid(c_i (x_i - m_i))                             gate of the neuron's own state
    f_i    = g_leak_i + sum_j g_ij s_j + g_i r_i                  conductance, all weights >= 0
    z_i    = g_leak_i + sum_j h_ij s_j + h_i r_i                  drive
    eps_i  = sigmoid(o_i . u + k_i x_i + b_i)                     elastance
    rate_i = max(eps_i sigmoid(f_i), -log rho)
    dx_i/dt = eps_i tanh(z_i) e_i - rate_i x_i

    x_i' = exp(-rate_i dt) x_i + eps_i tanh(z_i) e_i (1 - exp(-rate_i dt)) / rate_i

with the gates taken at the state before the step (exponential Euler), so it is stable at any `dt` and leaves the state
as it was at `dt = 0`. The factor of `x_i` is at most `rho^dt`: the clamp that the theorem of the paper needs and its
program lacks. `f >= 0` gives `|x_i| <= max(|x_i(0)|, 2 |e_i|)` where the clamp does not act.

The step depends on its own state alone, so its Jacobian is diagonal, and all steps of a series solve together by
Newton's method: each pass is one scan of a linear recurrence (DEER). Where passes do not settle, steps are made one
after the other. Gradients are those of one further pass about the solution, which is exact.

Source: Farsang, Hasani, Rus and Grosu, "Scaling Up Liquid-Resistance Liquid-Capacitance Networks for Efficient Sequence
Modeling", NeurIPS 2025 (arXiv 2505.21717); its program takes the elastance from the state alone, and steps by dt = 1.
Lim et al., "Parallelizing non-linear sequential models over the sequence length", ICLR 2024 (arXiv 2309.12252).
"""

from typing import NamedTuple

import torch
from torch import Tensor

# A series settles when no state of a pass moves by more than this many times the spacing of its numbers.
_SETTLED = 64.0


class OwnState(NamedTuple):
    """What a neuron reads of itself, each `(units,)`: gate, its weights, elastance, and where it is drawn to.

    Attributes:
        slope, middle: `c` and `m` of the gate.
        conductance, drive, elastance: `g`, `h` and `k`.
        potential: `e`.
    """

    slope: Tensor
    middle: Tensor
    conductance: Tensor
    drive: Tensor
    elastance: Tensor
    potential: Tensor


class FromInputs(NamedTuple):
    """What the inputs give, each `(batch, time, units)`: `f`, `z` and the argument of the elastance, less the state."""

    conductance: Tensor
    drive: Tensor
    elastance: Tensor


class Flow(NamedTuple):
    """What a step is made of, each of the shape of the state.

    Attributes:
        gate, pull, swing, eps: `r`, `sigmoid(f)`, `tanh(z)` and the elastance.
        bare, rate: before and after the clamp.
        left, reach: `exp(-rate dt)` and `(1 - exp(-rate dt)) / rate`.
    """

    gate: Tensor
    pull: Tensor
    swing: Tensor
    eps: Tensor
    bare: Tensor
    rate: Tensor
    left: Tensor
    reach: Tensor


def flow(x: Tensor, dt: Tensor, given: FromInputs, membrane: OwnState, least: Tensor) -> Flow:
    """Gates and rates of one step.

    Arguments:
        x: states before the step, `(..., units)`.
        dt: elapsed time, `(..., 1)`.
        given: from the inputs.
        membrane: parameters of the state.
        least: rate, `-log rho`, of no axis.
    """
    gate = torch.sigmoid(membrane.slope * (x - membrane.middle))
    pull = torch.sigmoid(given.conductance + membrane.conductance * gate)
    swing = torch.tanh(given.drive + membrane.drive * gate)
    eps = torch.sigmoid(given.elastance + membrane.elastance * x)
    bare = eps * pull
    rate = torch.maximum(bare, least)
    lost = -torch.expm1(-rate * dt)
    return Flow(gate, pull, swing, eps, bare, rate, 1 - lost, lost / rate)


def step(x: Tensor, membrane: OwnState, now: Flow) -> Tensor:
    """States after a step from states `x` before it."""
    return now.left * x + now.eps * now.swing * membrane.potential * now.reach


def slope(x: Tensor, dt: Tensor, membrane: OwnState, least: Tensor, now: Flow) -> Tensor:
    """Diagonal of the Jacobian of a step, by the states before it; arguments as in `flow`."""
    rise = membrane.slope * now.gate * (1 - now.gate)
    eps_rise = membrane.elastance * now.eps * (1 - now.eps)
    pull_rise = now.pull * (1 - now.pull) * membrane.conductance * rise
    rate_rise = torch.where(now.bare > least, eps_rise * now.pull + now.eps * pull_rise, 0)
    push = now.eps * now.swing * membrane.potential
    push_rise = membrane.potential * (eps_rise * now.swing + now.eps * (1 - now.swing**2) * membrane.drive * rise)
    reach_rise = rate_rise * (dt * now.left - now.reach) / now.rate
    return now.left - dt * now.left * rate_rise * x + push_rise * now.reach + push * reach_rise


def has_settled(change: Tensor, states: Tensor) -> bool:
    """Whether a pass of Newton's method moved nothing by more than rounding does."""
    spacing = torch.finfo(states.dtype).eps * states.abs().clamp_min(1.0)
    return bool((change.abs() <= _SETTLED * spacing).all())
