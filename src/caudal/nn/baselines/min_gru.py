"""minGRU: a gated unit whose gates read the inputs only, so that a series is one product and one scan."""

import json
from typing import Any, final

import torch
from torch import Tensor, nn

from caudal.dynamics import liquid_ssm
from caudal.kernels import liquid_ssm_scan
from caudal.nn.baselines.sequence import check_sizes, with_dt
from caudal.nn.init import uniform_
from caudal.nn.layer import Layer, State

_FORM = liquid_ssm.Settings("unclocked", "linear")
_SETTINGS = json.dumps(_FORM._asdict())


@final
class MinGRU(Layer):
    """Minimal gated recurrent unit; `dt` is appended to `x` as its last feature.

        z = sigma(W_z [x, dt] + b_z),    h <- (1 - z) h + z (W_h [x, dt] + b_h)

    No gate reads the state: it is `LiquidSSM` without the clock, which is what tells how much of that layer's result is
    the clock's.

    Arguments:
        inputs: size of the last axis of x.
        units: size of h.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `State(v)` of `(batch, units)`.

    Raises:
        InputError: a size is not a positive integer.

    Source: Feng et al., "Were RNNs all we needed?" (arXiv 2410.01201), section 3.1.

    Example:
        >>> net = MinGRU(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5), lengths=torch.tensor([5, 2]))
        >>> y.shape, torch.equal(y[1, 1], state.v[1])
        (torch.Size([2, 5, 8]), True)
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        check_sizes("MinGRU", inputs=inputs, units=units)
        self.inputs, self.units, self.outputs = inputs, units, units
        self.weight = nn.Parameter(torch.empty(2 * units, inputs + 1))
        self.bias = nn.Parameter(torch.empty(2 * units))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(inputs + 1), 1/sqrt(inputs + 1)), as torch's linear maps do."""
        bound = (self.inputs + 1) ** -0.5
        for parameter in (self.weight, self.bias):
            uniform_(parameter, -bound, bound)

    def settings(self) -> liquid_ssm.Settings:
        """Constants of the step."""
        return _FORM

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        return liquid_ssm.State(self.bias.new_zeros(batch, self.units))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        (h,) = liquid_ssm_scan(with_dt(x, dt), dt, mask, list(state), [self.weight, self.bias], [], _SETTINGS)
        return h, liquid_ssm.State(h[:, -1])

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"inputs": self.inputs, "units": self.units}

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.inputs} inputs and dt, {self.units} units"
