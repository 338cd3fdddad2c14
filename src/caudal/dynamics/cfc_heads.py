"""The closed-form heads that every CfC ends in: from pre-activations and elapsed time to the new state.

With pre-activations `f1, f2, a, b` of one neuron and elapsed time `dt`:

    default   t = sigmoid(a dt + b);  h' = tanh(f1) (1 - t) + t tanh(f2)        |h'| <= 1
    no_gate   t = sigmoid(a dt + b);  h' = tanh(f1) + t tanh(f2)                |h'| <= 2
    pure      h' = A - A exp(-dt (|w_tau| + |f1|)) f1

`default` and `no_gate` are gates conditioned on time: at `dt = 0` they do *not* return the previous state, and two half
steps are not one step. Only `pure` keeps the shape of the closed-form solution; its previous state enters through `f1`
alone, it tends to `A` as `dt` grows, and at `dt = 0` it is `A (1 - f1)`. No exponent is ever positive.

Source: Hasani et al., Nature Machine Intelligence 2022 (arXiv 2106.13898), eq. 4 and the Cf-S variant; the second
time head `b` and plain `tanh` as in the authors' PyTorch program.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Mode = Literal["default", "no_gate", "pure"]
Activation = Literal["lecun_tanh", "tanh", "relu", "silu", "gelu"]

HEADS: dict[str, int] = {"default": 4, "no_gate": 4, "pure": 1}
ACTIVATIONS = ("lecun_tanh", "tanh", "relu", "silu", "gelu")
_LECUN_SCALE, _LECUN_SLOPE = 1.7159, 0.666


class Decay(NamedTuple):
    """What `pure` has besides its head; the fields carry parameters, or slopes in the shape of the states.

    Attributes:
        a: asymptote `(units,)`.
        w_tau: decay rate `(units,)`, acting through its absolute value.
    """

    a: Tensor
    w_tau: Tensor


def activate(z: Tensor, activation: Activation) -> Tensor:
    """Backbone activation; `lecun_tanh` is `1.7159 tanh(0.666 z)`, `gelu` the exact one."""
    if activation == "lecun_tanh":
        return _LECUN_SCALE * torch.tanh(_LECUN_SLOPE * z)
    if activation == "tanh":
        return torch.tanh(z)
    if activation == "relu":
        return torch.relu(z)
    if activation == "silu":
        return functional.silu(z)
    return functional.gelu(z)


def activation_slope(z: Tensor, activation: Activation) -> Tensor:
    """Derivative of `activate` at `z`; `relu` has slope 0 at 0."""
    if activation == "lecun_tanh":
        return _LECUN_SCALE * _LECUN_SLOPE * (1 - torch.tanh(_LECUN_SLOPE * z).square())
    if activation == "tanh":
        return 1 - torch.tanh(z).square()
    if activation == "relu":
        return (z > 0).to(z.dtype)
    if activation == "silu":
        s = torch.sigmoid(z)
        return s * (1 + z * (1 - s))
    below = 0.5 * (1 + torch.erf(z * math.sqrt(0.5)))
    return below + z * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def by_head(z: Tensor, mode: Mode) -> Tensor:
    """Split `(..., heads * units)` into `(..., heads, units)`."""
    return z.reshape(*z.shape[:-1], HEADS[mode], z.shape[-1] // HEADS[mode])


def update(pre: Tensor, dt: Tensor, mode: Mode, decay: Decay | None) -> Tensor:
    """New state `(..., units)`.

    Arguments:
        pre: pre-activations `(..., heads, units)`, heads `ff1, ff2, t_a, t_b` (only `ff1` in `pure`).
        dt: elapsed time, broadcast against `(..., units)`.
        mode: which closed form.
        decay: given in `pure`, and only there.
    """
    if decay is not None:
        f = pre[..., 0, :]
        return decay.a - decay.a * torch.exp(-dt * (decay.w_tau.abs() + f.abs())) * f
    f1, f2, t_a, t_b = pre.unbind(-2)
    f1, f2, t = torch.tanh(f1), torch.tanh(f2), torch.sigmoid(t_a * dt + t_b)
    return f1 + t * f2 if mode == "no_gate" else f1 * (1 - t) + t * f2


class Slopes(NamedTuple):
    """Derivatives of `update` at known pre-activations.

    Attributes:
        pre: `(..., heads, units)`.
        dt: `(..., units)`.
        decay: each `(..., units)`, in `pure`.
    """

    pre: Tensor
    dt: Tensor
    decay: Decay | None


def slopes(pre: Tensor, dt: Tensor, mode: Mode, decay: Decay | None) -> Slopes:
    """Every derivative of `update`, for all steps at once; arguments as there."""
    if decay is not None:
        f = pre[..., 0, :]
        rate = decay.w_tau.abs() + f.abs()
        left = torch.exp(-dt * rate)
        scaled = decay.a * left * f
        head_slope = -decay.a * left * (1 - dt * f.abs())
        return Slopes(head_slope.unsqueeze(-2), scaled * rate, Decay(1 - left * f, scaled * dt * decay.w_tau.sign()))
    f1, f2, t_a, t_b = pre.unbind(-2)
    f1, f2, t = torch.tanh(f1), torch.tanh(f2), torch.sigmoid(t_a * dt + t_b)
    first = 1 - f1.square()
    gate = f2 * t * (1 - t)
    if mode == "default":
        first = first * (1 - t)
        gate = (f2 - f1) * t * (1 - t)
    heads = torch.stack((first, t * (1 - f2.square()), gate * dt, gate), -2)
    return Slopes(heads, gate * t_a, None)
