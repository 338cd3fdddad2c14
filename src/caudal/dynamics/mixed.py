"""Mixed memory: a dense CfC that shares its state with a memory cell, in the two forms that were published.

For inputs `u`, liquid state `h`, memory `c` (`LSTM` as in `lstm`, `CfC` as in `cfc`):

    shared     m, c' = LSTM(u, (h, c));   h' = CfC(u, m)         the memory's output replaces the liquid state
    cascade    m, c' = LSTM(u, (h, c));   h' = CfC(m, h)         the memory's output is the liquid input

They bear one name in the literature and are two architectures: `shared` is what the PyTorch programs do, `cascade`
what the TensorFlow and Keras ones do. In both, the gates of the memory read the liquid state.

Layout of the op `mixed_scan` (`first` as in `cfc`):

    x         (batch, time, 4 units + first)   projected inputs of the memory, then of the CfC; in `cascade` the latter
                                               is the bias of its first layer, the same at every step
    dt, mask  (batch, time)
    state     [h (batch, units), c (batch, units)]
    params    [W_r (4 units, units), *params of `cfc`], where W_h, the CfC's first matrix, reads
              m in `shared`: (first, units), and [m | h] in `cascade`: (first, 2 units)
    graph     []
    settings  {"mode": ..., "activation": ..., "layers": ..., "form": ...}
    states    [h (batch, time, units), c (batch, time, units)]

Source: Hasani et al., Nature Machine Intelligence 2022 (arXiv 2106.13898), section on mixed memory; after Lechner and
Hasani 2020 (arXiv 2006.04418).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from caudal.dynamics import cfc, lstm
from caudal.dynamics.cfc import previous
from caudal.dynamics.cfc_heads import Activation, Mode
from caudal.dynamics.lstm import State, split
from caudal.dynamics.wired import Adjoint, unroll, unroll_backward

Form = Literal["shared", "cascade"]


class Params(NamedTuple):
    """Weights beyond the input projections: of the memory, and of the CfC."""

    memory: lstm.Params
    liquid: cfc.Params


class Settings(NamedTuple):
    """Constants of the step: those of `cfc.Settings`, and which published form.

    Attributes:
        mode, activation, layers: see `cfc.Settings`.
        form: `"shared"` or `"cascade"`.
    """

    mode: Mode = "default"
    activation: Activation = "lecun_tanh"
    layers: int = 1
    form: Form = "shared"

    def liquid(self) -> cfc.Settings:
        """Those of the CfC alone."""
        return cfc.Settings(self.mode, self.activation, self.layers)


def flatten(params: Params) -> list[Tensor]:
    """Tensors in the order that the op carries."""
    return [*params.memory, *cfc.flatten(params.liquid)]


def unpack(
    state: Sequence[Tensor], params: Sequence[Tensor], graph: Sequence[Tensor]
) -> tuple[State, Params, tuple[()]]:
    """Name the flat tensor lists that a custom op carries; there is no graph."""
    return State(*state), Params(lstm.Params(params[0]), cfc.gather(params[1:])), ()


def _parts(x: Tensor, params: Params) -> tuple[Tensor, Tensor]:
    """Projected inputs of the memory and of the CfC."""
    cut = params.memory.w_r.shape[0]
    return x[..., :cut], x[..., cut:]


def _read(m: Tensor, h: Tensor, form: Form) -> Tensor:
    """What the first matrix of the CfC reads."""
    return m if form == "shared" else torch.cat((m, h), -1)


def step(x: Tensor, dt: Tensor, state: State, params: Params, settings: Settings) -> State:
    """Advance one step.

    Arguments:
        x: projected inputs `(batch, 4 units + first)`.
        dt: elapsed time `(batch,)`.
        state: liquid state and memory before the step.
    """
    p, q = _parts(x, params)
    m, c = lstm.step(p, state, params.memory)
    read = cfc.State(_read(m, state.h, settings.form))
    return State(cfc.step(q, dt, read, params.liquid, settings.liquid()).h, c)


def scan(
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Sequence[Tensor],
    settings: Settings,
) -> State:
    """Liquid state and memory after every step, each `(batch, time, units)`."""

    def advance(t: int, v: Tensor) -> Tensor:
        return torch.cat(step(x[:, t], dt[:, t], State(*v.chunk(2, 1)), params, settings), 1)

    return split(unroll(advance, mask, torch.cat(state, 1), x.shape[1]))


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
    p, q = _parts(x, params)
    units = state.h.shape[1]
    old = State(previous(states.h, state.h), previous(states.c, state.c))
    memory = lstm.trace(p, old, states.c, params.memory)
    read = _read(memory.output, old.h, settings.form)
    walk = cfc.Walk(q, cfc.trace(q, dt, read, params.liquid, settings.liquid()), params.liquid)
    grad_z = torch.zeros_like(p)

    def retreat(t: int, before: Tensor, flow: Tensor) -> Tensor:
        grad_h, grad_c = flow.chunk(2, 1)
        grad_read = walk.back(t, before, grad_h)
        grad_z[:, t], grad_c = lstm.back(memory, t, grad_read[:, :units], grad_c)
        down = grad_z[:, t] @ params.memory.w_r
        if settings.form == "cascade":
            down = down + grad_read[:, units:]
        return torch.cat((down, grad_c), 1)

    first = unroll_backward(retreat, torch.cat(grad, 2), torch.cat(states, 2), mask, torch.cat(state, 1))
    grad_w = grad_z.flatten(0, 1).t() @ old.h.flatten(0, 1)
    grad_x = torch.cat((grad_z, walk.levels[0]), -1)
    return Adjoint(grad_x, walk.dt(), split(first), [grad_w, *walk.gradients()])
