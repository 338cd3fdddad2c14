"""Liquid-S4 in its exact recurrence: a diagonal state space whose rates are moved by the same drive that feeds it."""

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from caudal.dynamics.wired import State as Membrane
from caudal.errors import InputError
from caudal.nn.baselines.affine import real_scan
from caudal.nn.baselines.sequence import check_sizes, wide
from caudal.nn.init import fill_
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing


@final
class LiquidS4(Layer):
    """Diagonal liquid state space, its bilinear equation solved exactly over each elapsed time.

        dv/dt = (-a + z) v + z,          z = B x,  held over the gap
        v(t + dt) = exp(-k dt) v + z (1 - exp(-k dt)) / k,      k = max(a - z, floor a)
        y = C v + D x

    The drive `z` feeds the state and moves its rate at once, as published. Nothing in the paper keeps `a - z` above 0,
    and below it the state grows without end; here the rate is kept above a share `floor` of `a`. Given the inputs the
    equation is linear in `v`: two gaps under one input are their sum, `dt = 0` changes nothing, and a series is one
    scan. The released program computes another thing: terms of higher order that read tokens to come, and by default
    none of them, which is plain S4. With gates of their own for rate and target this is `LiquidSSM`.

    Arguments:
        inputs: size of the last axis of x.
        units: states, and size of y.
        tau: shortest and longest time constant `1 / a` that training starts from, in the unit of `dt`.
        floor: least rate, as a share of `a`.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `State(v (batch, units))`.

    Raises:
        InputError: an argument is out of range.

    Source: Hasani et al., "Liquid Structural State-Space Models", ICLR 2023 (arXiv 2209.12951), eq. 5, with a real
    diagonal A.

    Example:
        >>> net = LiquidS4(3, 8)
        >>> x, a, b = torch.randn(2, 1, 3), torch.rand(2, 1), torch.rand(2, 1)
        >>> _, state = net(x, dt=a)
        >>> torch.allclose(net(x, dt=b, state=state)[0], net(x, dt=a + b)[0], atol=1e-5)
        True
    """

    keeps_state_at_zero = True
    exact_in_time = True

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        tau: tuple[float, float] = (1.0, 60.0),
        floor: float = 0.1,
        pairing: Pairing = "hold",
    ) -> None:
        super().__init__()
        check_sizes("LiquidS4", inputs=inputs, units=units)
        shortest, longest = (float(end) for end in tau)
        if not 0 < shortest <= longest < math.inf:
            fault = f"is {tau!r}; expected 0 < shortest <= longest"
            raise InputError("LiquidS4", "tau", fault, "Pass `tau=(1.0, 60.0)`.")
        if not 0 < floor <= 1:
            raise InputError("LiquidS4", "floor", f"is {floor!r}; expected 0 < floor <= 1", "Pass `floor=0.1`.")
        self.inputs, self.units, self.outputs = inputs, units, units
        self.tau, self.floor = (shortest, longest), float(floor)
        self.log_decay = nn.Parameter(torch.empty(units))
        self.drive = nn.Parameter(torch.empty(units, inputs))
        self.read = nn.Parameter(torch.empty(units, units))
        self.direct = nn.Parameter(torch.empty(units, inputs))
        self.pair(pairing)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the maps anew; time constants start spread over `tau`, drives in proportion to the rate."""
        first, last = (-math.log(end) for end in self.tau)
        fill_(self.log_decay, torch.linspace(first, last, self.units, device=self.drive.device))
        for part in (self.drive, self.read, self.direct):
            nn.init.normal_(part, std=part.shape[1] ** -0.5)
        # A drive as large as the rate rests at 1.
        fill_(self.drive, self.drive.detach() * 0.5 * self.log_decay.detach().exp()[:, None])

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        return self.begin(Membrane(self.drive.new_zeros(batch, self.units)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        kind = wide(x.dtype)
        z, decay = linear(x, self.drive).to(kind), self.log_decay.to(kind).exp()
        rate = torch.maximum(decay - z, self.floor * decay)
        shrink = torch.expm1(-rate * dt.to(kind)[..., None])
        if mask is not None:
            shrink = torch.where(mask[..., None], shrink, 0)
        v = real_scan(1 + shrink, -z * shrink / rate, state[0].to(kind)).to(x.dtype)
        return linear(v, self.read) + linear(x, self.direct), Membrane(v[:, -1])

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, object]:
        """See `Layer.arguments`."""
        sizes = {"inputs": self.inputs, "units": self.units}
        return {**sizes, "tau": list(self.tau), "floor": self.floor, **self.pairing_argument()}

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.inputs} inputs, {self.units} units"
