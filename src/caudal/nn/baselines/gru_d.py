"""GRU-D: a gated unit that knows which values were observed and how long ago."""

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from caudal.nn.baselines.sequence import check_sizes, loop
from caudal.nn.init import fill_, uniform_
from caudal.nn.layer import Layer, State


class GRUDState(NamedTuple):
    """What GRU-D carries; zeros mean that nothing was observed yet.

    Attributes:
        h: output `(batch, units)`.
        value: last observed value of each feature, less its mean, `(batch, features)`.
        delta: time since each feature was last observed `(batch, features)`.
    """

    h: Tensor
    value: Tensor
    delta: Tensor


@final
class GRUD(Layer):
    """Gated recurrent unit with decay, for series whose features are observed at different steps.

    Each step of x holds the values and then their indicators: `x = cat([values, observed], -1)`, where `observed` is 1
    for a value that was measured and 0 for one that is missing (write 0, not NaN, in its place). An indicator between
    0 and 1 mixes both cases; beyond them it is clamped.

        delta <- dt + (1 - m_before) delta                     time since each feature was last observed
        gamma_x = exp(-max(0, w_x delta + b_x)),   gamma_h = exp(-max(0, W_h delta + b_h))
        x^ = m x + (1 - m) (gamma_x x_last + (1 - gamma_x) x_mean)
        h^ = gamma_h h
        r, z = sigma(W x^ + V m + U h^ + b),   n = tanh(W_n x^ + V_n m + U_n (r h^) + b_n)
        h <- (1 - z) h^ + z n

    `dt` is used exactly so: it ages every feature and thereby decays inputs towards their mean and h towards 0. At the
    first step delta is dt; the paper's convention is a dt of 0 there. `x_mean` is a buffer, 0 at first as fits
    standardised data; set it from training data by `net.x_mean.copy_(mean)`. It is saved with the parameters.

    The decay weights start positive (U(0, 1/sqrt(units)), biases 0): a negative one would sit on the flat side of the
    max and never learn. The paper does not state its initial values.

    Arguments:
        features: number of values of a step; x has twice as many channels.
        units: size of h.

    Shapes:
        x `(batch, time, 2 features)`, dt `(batch, time)` -> y `(batch, time, units)`, `GRUDState`.

    Raises:
        InputError: a size is not a positive integer.

    Source: Che et al., Scientific Reports 8, 2018 (arXiv 1606.01865), section 2.3, all decays and masking.

    Example:
        >>> values, observed = torch.randn(2, 5, 3), torch.ones(2, 5, 3)
        >>> net = GRUD(3, 8)
        >>> y, state = net(torch.cat([values, observed], -1), dt=torch.rand(2, 5))
        >>> y.shape, torch.equal(state.value, values[:, -1])
        (torch.Size([2, 5, 8]), True)
    """

    x_mean: Tensor

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        check_sizes("GRUD", features=features, units=units)
        self.features, self.units = features, units
        self.inputs, self.outputs = 2 * features, units
        self.register_buffer("x_mean", torch.zeros(features))
        self.input_decay, self.input_decay_bias = (nn.Parameter(torch.empty(features)) for _ in range(2))
        self.decay = nn.Parameter(torch.empty(units, features))
        self.decay_bias = nn.Parameter(torch.empty(units))
        self.weight_x, self.weight_m = (nn.Parameter(torch.empty(3 * units, features)) for _ in range(2))
        self.weight_gates = nn.Parameter(torch.empty(2 * units, units))
        self.weight_new = nn.Parameter(torch.empty(units, units))
        self.bias = nn.Parameter(torch.empty(3 * units))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew; `x_mean` is data, not a parameter, and stays."""
        bound = self.units**-0.5
        for weight in (self.weight_x, self.weight_m, self.weight_gates, self.weight_new, self.bias):
            uniform_(weight, -bound, bound)
        for decay in (self.input_decay, self.decay):
            uniform_(decay, 0.0, bound)
        for bias in (self.input_decay_bias, self.decay_bias):
            fill_(bias, 0.0)

    def initial_state(self, batch: int) -> State:
        """Zero output, nothing observed."""
        sizes = (self.units, self.features, self.features)
        return GRUDState(*(self.bias.new_zeros(batch, size) for size in sizes))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        values, seen = x.chunk(2, -1)
        seen = seen.clamp(0, 1)
        given, missing = seen * (values - self.x_mean), 1 - seen
        met = torch.cat([state[1], state[2]], 1)
        arrivals, (_, value, age) = loop(_observe, [missing, given, dt], mask, (met, state[1], state[2]))
        known, delta = arrivals.chunk(2, -1)
        decayed = torch.exp(-torch.relu(self.input_decay * delta + self.input_decay_bias)) * known
        filled = self.x_mean + given + missing * decayed
        gates = linear(filled, self.weight_x, self.bias) + linear(seen, self.weight_m)
        decay = torch.exp(-torch.relu(linear(delta, self.decay, self.decay_bias)))
        y, (h,) = loop(self._update, [gates, decay], mask, (state[0],))
        return y, GRUDState(h, value, age)

    def _update(self, step: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        gates, decay = step
        units = self.units
        h = decay * state[0]
        both = torch.sigmoid(gates[:, : 2 * units] + linear(h, self.weight_gates))
        reset, update = both.chunk(2, 1)
        new = torch.tanh(gates[:, 2 * units :] + linear(reset * h, self.weight_new))
        return (h + update * (new - h),)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"features": self.features, "units": self.units}

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.features} features and their indicators, {self.units} units"


def _observe(step: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What a step meets (last values and their ages), then last values and ages after its observations."""
    missing, given, dt = step
    _, value, age = state
    age = age + dt[:, None]
    return torch.cat([value, age], 1), given + missing * value, missing * age
