"""ODE-RNN: a gated unit at the observations, a neural ODE between them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from caudal.nn.baselines.sequence import check_sizes, loop
from caudal.nn.init import fill_, uniform_
from caudal.nn.layer import Layer, State


class ODERNNState(NamedTuple):
    """Hidden state after the last observation, `(batch, units)`."""

    h: Tensor


@final
class ODERNN(Layer):
    """A hidden state that flows between observations and jumps at each of them.

        dh/dt = W_2 tanh(W_1 h + b_1) + b_2     over the dt before the observation
        h <- GRU(x, h)                           at the observation

    The flow is autonomous, as in the paper: nothing but `h` drives it, and `dt = 0` leaves h as it is. It is solved by
    `substeps` classic Runge-Kutta steps of dt / substeps: fixed work, deterministic, differentiable; choose more for
    long gaps. The gated unit is `torch.gru_cell`.

    Arguments:
        inputs: size of the last axis of x.
        units: size of h.
        hidden: width of the flow's hidden layer; `units` when left out.
        substeps: Runge-Kutta steps per observation.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `ODERNNState(h)`.

    Raises:
        InputError: a size is not a positive integer.

    Source: Rubanova, Chen and Duvenaud, NeurIPS 2019 (arXiv 1907.03907), algorithm 1.

    Example:
        >>> net = ODERNN(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, torch.equal(y[:, -1], state.h)
        (torch.Size([2, 5, 8]), True)
    """

    def __init__(self, inputs: int, units: int, *, hidden: int | None = None, substeps: int = 4) -> None:
        super().__init__()
        hidden = units if hidden is None else hidden
        check_sizes("ODERNN", inputs=inputs, units=units, hidden=hidden, substeps=substeps)
        self.inputs, self.units, self.outputs = inputs, units, units
        self.hidden, self.substeps = hidden, substeps
        self.flow_in = nn.Parameter(torch.empty(hidden, units))
        self.flow_in_bias = nn.Parameter(torch.empty(hidden))
        self.flow_out = nn.Parameter(torch.empty(units, hidden))
        self.flow_out_bias = nn.Parameter(torch.empty(units))
        self.weight_ih = nn.Parameter(torch.empty(3 * units, inputs))
        self.weight_hh = nn.Parameter(torch.empty(3 * units, units))
        self.bias_ih, self.bias_hh = (nn.Parameter(torch.empty(3 * units)) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the gated unit as torch does and the flow from N(0, 0.1) with zero biases."""
        bound = self.units**-0.5
        for parameter in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh):
            uniform_(parameter, -bound, bound)
        for weight in (self.flow_in, self.flow_out):
            nn.init.normal_(weight, std=0.1)
        for bias in (self.flow_in_bias, self.flow_out_bias):
            fill_(bias, 0.0)

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        return ODERNNState(self.bias_ih.new_zeros(batch, self.units))

    def derivative(self, h: Tensor) -> Tensor:
        """dh/dt of the flow at `h (batch, units)`."""
        inner = torch.tanh(linear(h, self.flow_in, self.flow_in_bias))
        return linear(inner, self.flow_out, self.flow_out_bias)

    def flow(self, h: Tensor, dt: Tensor) -> Tensor:
        """`h (batch, units)` after a time `dt (batch,)` without observations."""
        step = dt[:, None] / self.substeps
        for _ in range(self.substeps):
            k1 = self.derivative(h)
            k2 = self.derivative(h + step / 2 * k1)
            k3 = self.derivative(h + step / 2 * k2)
            k4 = self.derivative(h + step * k3)
            h = h + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return h

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        y, ends = loop(self._update, [x, dt], mask, tuple(state))
        return y, ODERNNState(*ends)

    def _update(self, step: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x, dt = step
        h = self.flow(state[0], dt)
        return (torch.gru_cell(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh),)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        (h,) = self._update((x, dt), tuple(state))
        return h, ODERNNState(h)

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"inputs": self.inputs, "units": self.units, "hidden": self.hidden, "substeps": self.substeps}

    def extra_repr(self) -> str:
        """Sizes and sub-steps."""
        return f"{self.inputs} inputs, {self.units} units, flow of {self.hidden}, substeps={self.substeps}"
