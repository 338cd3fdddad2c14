"""Dense closed-form continuous-time cell (CfC): a shared backbone and the heads of `cfc_heads`.

For inputs `u`, previous state `h` and elapsed time `dt`:

    z_1  = W_x u + b + W_h h,    z_{l+1} = W_l act(z_l) + b_l       backbone of `layers` layers
    pre  = W_heads act(z_layers) + b_heads                          heads ff1, ff2, t_a, t_b (or ff1 alone in `pure`)
    h'   = update(pre, dt)                                          see `cfc_heads`

With `layers = 0` there is no backbone: `pre = W_x u + b + W_h h`.

Layout of the op `cfc_scan`, for everyone who writes a backend (`first` is the size of `z_1`, or `heads * units` when
`layers = 0`; `last` is the size of `z_layers`; every matrix is `(out, in)`, row-major):

    x         (batch, time, first)   the *projected* input W_x u + b of the whole sequence, one GEMM outside the op
    dt        (batch, time)          elapsed times
    mask      (batch, time) bool     False: the state passes over the step; or None
    state     [h (batch, units)]
    params    [W_h (first, units),
               W_2 (size, size), b_2 (size), ...             one pair per backbone layer after the first
               W_heads (heads * units, last), b_heads (heads * units),     left out when layers = 0
               A (units), w_tau (units)]                      only in `pure`
              heads are stacked: rows k * units + i hold head k of neuron i, in the order ff1, ff2, t_a, t_b
    graph     []
    settings  {"mode": ..., "activation": ..., "layers": ...}
    states    [h (batch, time, units)]
    gradients [x, dt, h, *params], each shaped like what it belongs to; the gradient of `x` is that of `z_1`

All pre-activations follow from the stored states, so the backward pass recomputes them for the whole sequence in a
few GEMMs, walks back through time with one small product per matrix, and forms the weight gradients in a few GEMMs.

Source: Hasani et al., Nature Machine Intelligence 2022 (arXiv 2106.13898), eq. 4 and fig. 3.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from caudal.dynamics.cfc_heads import (
    Activation,
    Decay,
    Mode,
    Slopes,
    activate,
    activation_slope,
    by_head,
    slopes,
    update,
)
from caudal.dynamics.wired import Adjoint, unroll, unroll_backward


class State(NamedTuple):
    """State of a CfC.

    Attributes:
        h: `(batch, units)`.
    """

    h: Tensor


class Params(NamedTuple):
    """Weights beyond the input projection.

    Attributes:
        w_h: `(first, units)`, from the previous state.
        dense: `(weight, bias)` of each further backbone layer and, last, of the heads; empty without a backbone.
        decay: given in `pure`, and only there.
    """

    w_h: Tensor
    dense: tuple[tuple[Tensor, Tensor], ...]
    decay: Decay | None = None


class Settings(NamedTuple):
    """Constants of the step.

    Attributes:
        mode: which closed form, see `cfc_heads`.
        activation: of the backbone.
        layers: backbone layers; 0 lets the heads read input and state directly.
    """

    mode: Mode = "default"
    activation: Activation = "lecun_tanh"
    layers: int = 1


def flatten(params: Params) -> list[Tensor]:
    """Tensors in the order that the op carries."""
    return [params.w_h, *(tensor for pair in params.dense for tensor in pair), *(params.decay or ())]


def gather(params: Sequence[Tensor]) -> Params:
    """Name the flat list of the op; only `pure` ends in two vectors in a row, which tells the layouts apart."""
    pairs = sum(tensor.dim() == 2 for tensor in params) - 1
    dense = tuple((params[1 + 2 * k], params[2 + 2 * k]) for k in range(pairs))
    ends = params[1 + 2 * pairs :]
    return Params(params[0], dense, Decay(*ends) if ends else None)


def unpack(
    state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]
) -> tuple[State, Params, tuple[()]]:
    """Name the flat tensor lists that a custom op carries; there is no graph."""
    return State(*state), gather(params), ()


def step(x: Tensor, dt: Tensor, state: State, params: Params, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: projected input `(batch, first)`.
        dt: elapsed time `(batch,)`.
        state: state before the step.
    """
    z = x + linear(state.h, params.w_h)
    for weight, bias in params.dense:
        z = linear(activate(z, settings.activation), weight, bias)
    return State(update(by_head(z, settings.mode), dt[:, None], settings.mode, params.decay))


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
    advance = lambda t, h: step(x[:, t], dt[:, t], State(h), params, settings).h  # noqa: E731
    return State(unroll(advance, mask, state.h, x.shape[1]))


class DenseTrace(NamedTuple):
    """What the reverse walk needs of every step, recomputed from the states in a few GEMMs.

    Attributes:
        read: what each matrix read, `(batch, time, in)`: the previous state, then the activations.
        bend: slope of each activation, `(batch, time, size)`.
        heads: slopes of the closed form.
    """

    read: list[Tensor]
    bend: list[Tensor]
    heads: Slopes


def trace(x: Tensor, dt: Tensor, before: Tensor, params: Params, settings: Settings) -> DenseTrace:
    """Recompute all steps at once; `before (batch, time, units)` is the state that each step read."""
    read, bend = [before], []
    z = x + linear(before, params.w_h)
    for weight, bias in params.dense:
        read.append(activate(z, settings.activation))
        bend.append(activation_slope(z, settings.activation))
        z = linear(read[-1], weight, bias)
    return DenseTrace(read, bend, slopes(by_head(z, settings.mode), dt[..., None], settings.mode, params.decay))


class Walk:
    """Gradients gathered while walking back: of each matrix's output and of the new states, for every step.

    Attributes:
        levels: `(batch, time, out)` per matrix, from `z_1` to the heads; the first is the gradient of `x`.
        flow: `(batch, time, units)`, gradient of each step's new state.
    """

    def __init__(self, x: Tensor, past: DenseTrace, params: Params) -> None:
        self.past, self.params = past, params
        self.levels = [torch.zeros_like(x)]
        self.levels += [x.new_zeros(*x.shape[:2], bias.shape[0]) for _, bias in params.dense]
        self.flow = torch.zeros_like(past.heads.dt)

    def back(self, t: int, before: Tensor, flow: Tensor) -> Tensor:
        """Take step `t` back: gradient of its new state in, gradient of the state it read (`before`) out."""
        self.flow[:, t] = flow
        grad = (flow[:, None] * self.past.heads.pre[:, t]).flatten(1)
        for k in reversed(range(len(self.params.dense))):
            self.levels[k + 1][:, t] = grad
            grad = (grad @ self.params.dense[k][0]) * self.past.bend[k][:, t]
        self.levels[0][:, t] = grad
        return grad @ self.params.w_h

    def dt(self) -> Tensor:
        """Gradient of the elapsed times `(batch, time)`."""
        return (self.flow * self.past.heads.dt).sum(-1)

    def gradients(self) -> list[Tensor]:
        """Gradients of the parameters, in the order of the op."""
        flat = [level.flatten(0, 1) for level in self.levels]
        weights = [level.t() @ read.flatten(0, 1) for level, read in zip(flat, self.past.read, strict=True)]
        grads = weights[:1]
        for weight, level in zip(weights[1:], flat[1:], strict=True):
            grads += [weight, level.sum(0)]
        return grads + [(self.flow * slope).sum((0, 1)) for slope in self.past.heads.decay or ()]


def previous(states: Tensor, first: Tensor) -> Tensor:
    """The state that each step read, `(batch, time, units)`: the initial one, then all but the last."""
    return torch.cat((first[:, None], states[:, :-1]), 1)


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
    """Reverse-time gradient of `scan`; `grad` is that of the states, `states` what `scan` returned."""
    past = trace(x, dt, previous(states.h, state.h), params, settings)
    walk = Walk(x, past, params)
    first = unroll_backward(walk.back, grad.h, states.h, mask, state.h)
    return Adjoint(walk.levels[0], walk.dt(), State(first), walk.gradients())
