"""Gated recurrent unit on torch's own kernel, with the elapsed time as an input."""

from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from caudal.nn.baselines.sequence import check_sizes, front, last, loop, separate_weights, take, with_dt
from caudal.nn.fast_step import joined_step
from caudal.nn.init import uniform_
from caudal.nn.layer import Layer, State


class GRUState(NamedTuple):
    """Output of a GRU, `(batch, units)`."""

    h: Tensor


@final
class GRU(Layer):
    """Gated recurrent unit; `dt` is appended to `x` as its last feature.

        r, z = sigma(W_ih [x, dt] + b_ih + W_hh h + b_hh)
        n = tanh(W_in [x, dt] + b_in + r (W_hn h + b_hn)),    h <- (1 - z) n + z h

    It runs on the kernel of `torch.nn.GRU`, with its parameter layout and initial values. Masked steps may stand
    anywhere: the steps that count are closed up to the front. While torch compiles or exports, the same weights run in
    torch's scan operator, for any batch and length.

    Arguments:
        inputs: size of the last axis of x.
        units: size of h.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `GRUState(h)` of `(batch, units)`.

    Raises:
        InputError: a size is not a positive integer.

    Source: Cho et al., EMNLP 2014 (arXiv 1406.1078), with the reset gate after the product, as in cuDNN.

    Example:
        >>> net = GRU(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, torch.equal(y[:, -1], state.h)
        (torch.Size([2, 5, 8]), True)
    """

    bounded = True

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        check_sizes("GRU", inputs=inputs, units=units)
        self.inputs, self.units, self.outputs = inputs, units, units
        self.weight_ih = nn.Parameter(torch.empty(3 * units, inputs + 1))
        self.weight_hh = nn.Parameter(torch.empty(3 * units, units))
        self.bias_ih, self.bias_hh = (nn.Parameter(torch.empty(3 * units)) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(units), 1/sqrt(units)), as torch does."""
        bound = self.units**-0.5
        for parameter in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh):
            uniform_(parameter, -bound, bound)

    def initial_state(self, batch: int) -> State:
        """Zero output."""
        return GRUState(self.bias_ih.new_zeros(batch, self.units))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        x = with_dt(x, dt)
        if torch.compiler.is_compiling():
            y, ends = loop(lambda step, now: (self._cell(step[0], now[0]),), [x], mask, tuple(state))
            return y, GRUState(*ends)
        if mask is None:
            y, h = self._kernel(x, state)
            return y, GRUState(h)
        order, rank, total = front(mask)
        y, _ = self._kernel(take(x, order), state)
        return take(y, rank), GRUState(last(y, total, state[0]))

    def _kernel(self, x: Tensor, state: State) -> tuple[Tensor, Tensor]:
        weights: list[Tensor] = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        with separate_weights(x):
            y, h = torch.gru(x, state[0][None].contiguous(), weights, True, 1, 0.0, self.training, False, True)
        return y, h[0]

    def _cell(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.gru_cell(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        h = self._cell(with_dt(x, dt), state[0])
        return h, GRUState(h)

    def quick(self, x: Tensor, dt: Tensor | None, state: State | None) -> tuple[Tensor, State] | None:
        """See `Layer.quick`: torch's cell behind one check."""
        given = joined_step(x, dt, state, (self.inputs, self.units), self.weight_ih)
        if given is None:
            return None
        h = self._cell(given, self.initial_state(x.shape[0])[0] if state is None else state[0])
        return h, GRUState(h)

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"inputs": self.inputs, "units": self.units}

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.inputs} inputs and dt, {self.units} units"
