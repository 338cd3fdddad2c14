"""Long short-term memory on torch's own kernel, with the elapsed time as an input."""

from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from caudal.nn.baselines.sequence import check_sizes, front, last, loop, separate_weights, take, with_dt
from caudal.nn.fast_step import joined_step
from caudal.nn.init import uniform_
from caudal.nn.layer import Layer, State

# Added to a gate before its sigmoid, this makes it exactly 0 or 1 in every dtype, float16 included.
_SHUT = 1e4


class LSTMState(NamedTuple):
    """Output and memory of an LSTM, each `(batch, units)`."""

    h: Tensor
    c: Tensor


@final
class LSTM(Layer):
    """Long short-term memory; `dt` is appended to `x` as its last feature.

        i, f, g, o = sigma, sigma, tanh, sigma of  W_ih [x, dt] + b_ih + W_hh h + b_hh
        c <- f c + i g,    h <- o tanh(c)

    It runs on the kernel of `torch.nn.LSTM` (oneDNN, cuDNN), with its parameter layout and initial values, so that a
    comparison in time or accuracy is a fair one. Masked steps may stand anywhere: the steps that count are closed up
    to the front, and behind them a constant opens the forget gate and shuts the input gate exactly, so that c arrives
    unchanged at the end. While torch compiles or exports, the same weights run in
    torch's scan operator, for any batch and length.

    Arguments:
        inputs: size of the last axis of x.
        units: size of h and c.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `LSTMState(h, c)` of
        `(batch, units)`.

    Raises:
        InputError: a size is not a positive integer.

    Source: Hochreiter and Schmidhuber, Neural Computation 9(8), 1997; forget gate of Gers et al., 2000.

    Example:
        >>> net = LSTM(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5), lengths=torch.tensor([5, 2]))
        >>> y.shape, torch.equal(y[1, 1], state.h[1])
        (torch.Size([2, 5, 8]), True)
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        check_sizes("LSTM", inputs=inputs, units=units)
        self.inputs, self.units, self.outputs = inputs, units, units
        self.weight_ih = nn.Parameter(torch.empty(4 * units, inputs + 1))
        self.weight_hh = nn.Parameter(torch.empty(4 * units, units))
        self.bias_ih, self.bias_hh = (nn.Parameter(torch.empty(4 * units)) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(units), 1/sqrt(units)), as torch does."""
        bound = self.units**-0.5
        for parameter in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh):
            uniform_(parameter, -bound, bound)

    def initial_state(self, batch: int) -> State:
        """Zero output and memory."""
        return LSTMState(*(self.bias_ih.new_zeros(batch, self.units) for _ in range(2)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        x = with_dt(x, dt)
        if torch.compiler.is_compiling():
            y, ends = loop(lambda step, now: self._cell(step[0], now), [x], mask, tuple(state))
            return y, LSTMState(*ends)
        if mask is None:
            y, h, c = self._kernel(x, self.weight_ih, state)
            return y, LSTMState(h, c)
        order, rank, total = front(mask)
        behind = torch.arange(x.shape[1], device=x.device) >= total[:, None]
        x = torch.cat([take(x, order), behind[..., None].to(x.dtype)], -1)
        y, _, c = self._kernel(x, torch.cat([self.weight_ih, self._hold()], 1), state)
        return take(y, rank), LSTMState(last(y, total, state[0]), c)

    def _hold(self) -> Tensor:
        gates = self.weight_ih.new_zeros(4, self.units, 1)
        gates[0], gates[1] = -_SHUT, _SHUT
        return gates.reshape(-1, 1)

    def _kernel(self, x: Tensor, weight_ih: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor]:
        weights: list[Tensor] = [weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        start = [state[0][None].contiguous(), state[1][None].contiguous()]
        with separate_weights(x):
            y, h, c = torch.lstm(x, start, weights, True, 1, 0.0, self.training, False, True)
        return y, h[0], c[0]

    def _cell(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return torch.lstm_cell(x, list(state), self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        h, c = self._cell(with_dt(x, dt), tuple(state))
        return h, LSTMState(h, c)

    def quick(self, x: Tensor, dt: Tensor | None, state: State | None) -> tuple[Tensor, State] | None:
        """See `Layer.quick`: torch's cell behind one check."""
        given = joined_step(x, dt, state, (self.inputs, self.units), self.weight_ih)
        if given is None:
            return None
        h, c = self._cell(given, tuple(self.initial_state(x.shape[0]) if state is None else state))
        return h, LSTMState(h, c)

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"inputs": self.inputs, "units": self.units}

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.inputs} inputs and dt, {self.units} units"
