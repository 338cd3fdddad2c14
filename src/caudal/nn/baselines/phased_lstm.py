"""Phased LSTM: units that open only in their own phase of an oscillation in real time."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from caudal.errors import InputError
from caudal.nn.baselines.sequence import check_sizes, clock, loop, wide, wound
from caudal.nn.init import fill_, uniform_
from caudal.nn.layer import Layer, State


class PhasedLSTMState(NamedTuple):
    """What a Phased LSTM carries.

    Attributes:
        h: output `(batch, units)`.
        c: memory `(batch, units)`.
        time: sum of all dt so far `(batch, 1)`; in a narrow dtype `(batch, 3)`, whose sum is the time.
    """

    h: Tensor
    c: Tensor
    time: Tensor


@final
class PhasedLSTM(Layer):
    """Long short-term memory whose units update only while their time gate is open.

    Unit by unit, with period tau, shift s, open share r and the absolute time t, the sum of all `dt` so far:

        phi = ((t - s) mod tau) / tau
        k = 2 phi / r             while phi < r / 2          opening
            2 - 2 phi / r         while r / 2 <= phi < r     closing
            leak * phi            otherwise                  closed
        c~ = f c + i tanh(..),    h~ = o tanh(c~)
        c <- k c~ + (1 - k) c,    h <- k h~ + (1 - k) h

    with peepholes from c to i and f and from c~ to o. tau = exp(log_period), s and r = sigma(raw_open) are learnt, one
    of each per unit. `leak` lets gradients through closed gates; it acts in training and in evaluation alike, as in
    the authors' program.

    Arguments:
        inputs: size of the last axis of x.
        units: size of h and c.
        period: range of the initial periods, log-uniform, in the unit of dt. Cover the rhythms of your data.
        open_share: initial share of a period in which a unit is open.
        leak: slope of a closed gate.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `PhasedLSTMState`.

    Raises:
        InputError: a size is not a positive integer, or `period`, `open_share` or `leak` is out of range.

    Source: Neil, Pfeiffer and Liu, NeurIPS 2016 (arXiv 1610.09513), eqs. 2-11.

    Example:
        >>> net = PhasedLSTM(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.full((2, 5), 0.5))
        >>> y.shape, state.time.flatten().tolist()
        (torch.Size([2, 5, 8]), [2.5, 2.5])
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        period: tuple[float, float] = (1.0, 20.0),
        open_share: float = 0.05,
        leak: float = 0.001,
    ) -> None:
        super().__init__()
        check_sizes("PhasedLSTM", inputs=inputs, units=units)
        low, high = period
        if not 0 < low <= high < math.inf:
            raise InputError(
                "PhasedLSTM", "period", f"is {period!r}; expected 0 < shortest <= longest", "Pass `period=(1.0, 20.0)`."
            )
        if not 0 < open_share < 1:
            raise InputError(
                "PhasedLSTM", "open_share", f"is {open_share!r}; expected 0 < share < 1", "Pass `open_share=0.05`."
            )
        if not 0 <= leak <= 1:
            raise InputError("PhasedLSTM", "leak", f"is {leak!r}; expected 0 <= leak <= 1", "Pass `leak=0.001`.")
        self.inputs, self.units, self.outputs = inputs, units, units
        self.period, self.open_share, self.leak = (float(low), float(high)), open_share, leak
        self.weight_ih = nn.Parameter(torch.empty(4 * units, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * units, units))
        self.bias = nn.Parameter(torch.empty(4 * units))
        self.peephole = nn.Parameter(torch.empty(3, units))
        self.log_period, self.shift, self.raw_open = (nn.Parameter(torch.empty(units)) for _ in range(3))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the gates as torch's LSTM, the periods log-uniformly and the shifts from one whole period."""
        bound = self.units**-0.5
        for parameter in (self.weight_ih, self.weight_hh, self.bias, self.peephole):
            uniform_(parameter, -bound, bound)
        uniform_(self.log_period, math.log(self.period[0]), math.log(self.period[1]))
        uniform_(self.shift, 0.0, 1.0)
        fill_(self.shift, self.shift * self.log_period.exp())
        fill_(self.raw_open, math.log(self.open_share / (1 - self.open_share)))

    def initial_state(self, batch: int) -> State:
        """Zero output, memory and time."""
        h, c = (self.bias.new_zeros(batch, self.units) for _ in range(2))
        start = self.bias.new_zeros(batch, 1, dtype=wide(self.bias.dtype))
        return PhasedLSTMState(h, c, wound(start, self.bias.dtype))

    def gate(self, time: Tensor) -> Tensor:
        """Openness k of every unit at absolute times `time (...)`, of shape `(..., units)`."""
        cycles = (time[..., None] - self.shift) / self.log_period.exp()
        phase = cycles - cycles.floor()
        share = torch.sigmoid(self.raw_open)
        rising = 2 * phase / share
        closing = torch.where(phase < share, 2 - rising, self.leak * phase)
        return torch.where(phase < share / 2, rising, closing)

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        before = clock(state[2])
        time = before + dt.to(before.dtype).cumsum(1)
        gates = linear(x, self.weight_ih, self.bias)
        y, (h, c) = loop(self._update, [gates, self.gate(time).to(x.dtype)], mask, (state[0], state[1]))
        return y, PhasedLSTMState(h, c, wound(time[:, -1:], x.dtype))

    def _update(self, step: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        gates, openness = step
        h, c = state
        enter, forget, new, leave = (gates + linear(h, self.weight_hh)).chunk(4, 1)
        enter = torch.sigmoid(enter + self.peephole[0] * c)
        forget = torch.sigmoid(forget + self.peephole[1] * c)
        proposed = forget * c + enter * torch.tanh(new)
        leave = torch.sigmoid(leave + self.peephole[2] * proposed)
        shown = leave * torch.tanh(proposed)
        return h + openness * (shown - h), c + openness * (proposed - c)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.inputs,
            "units": self.units,
            "period": list(self.period),
            "open_share": self.open_share,
            "leak": self.leak,
        }

    def extra_repr(self) -> str:
        """Sizes and range of the initial periods."""
        return f"{self.inputs} inputs, {self.units} units, period={self.period}"
