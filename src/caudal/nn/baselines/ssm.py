"""A diagonal state-space model in the style of S5, discretised with the true elapsed time of every step."""

import math
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu, linear

from caudal.errors import InputError
from caudal.nn.baselines.affine import Pair, complex_scan, relaxed
from caudal.nn.baselines.sequence import check_dropout, check_sizes, wide
from caudal.nn.init import fill_, uniform_
from caudal.nn.layer import Layer, State


class SSMState(NamedTuple):
    """Complex states of all blocks as real pairs, each `(batch, layers, states)`."""

    real: Tensor
    imaginary: Tensor


class _Block(nn.Module):
    """Norm, diagonal state space, gelu, gate and skip."""

    def __init__(self, units: int, states: int, fastest: float, slowest: float, rate: float) -> None:
        super().__init__()
        self.units, self.states, self.rate = units, states, rate
        self.range = (math.log(fastest), math.log(slowest))
        self.norm = nn.LayerNorm(units)
        self.log_decay, self.frequency, self.log_step = (nn.Parameter(torch.empty(states)) for _ in range(3))
        self.drive = nn.Parameter(torch.empty(2 * states, units))
        self.read = nn.Parameter(torch.empty(units, 2 * states))
        self.direct = nn.Parameter(torch.empty(units))
        self.gate = nn.Linear(units, units)

    def reset_parameters(self) -> None:
        fill_(self.log_decay, math.log(0.5))
        fill_(self.frequency, math.pi * torch.arange(self.states, device=self.frequency.device))
        uniform_(self.log_step, *self.range)
        nn.init.normal_(self.drive, std=(2 * self.units) ** -0.5)
        nn.init.normal_(self.read, std=(2 * self.states) ** -0.5)
        nn.init.normal_(self.direct)
        self.norm.reset_parameters()
        self.gate.reset_parameters()

    def transition(self, dt: Tensor) -> tuple[Pair, Pair]:
        """Factor exp(z) and gain (exp(z) - 1) / lambda with z = lambda step dt, each a pair `(batch, time, states)`."""
        kind = wide(dt.dtype)
        lapse = dt.to(kind)[..., None] * self.log_step.to(kind).exp()
        return relaxed(lapse, self.log_decay.to(kind).exp(), self.frequency.to(kind))

    def forward(self, h: Tensor, dt: Tensor, mask: Tensor | None, start: Pair) -> tuple[Tensor, Pair]:
        z = self.norm(h)
        factor, gain = self.transition(dt)
        drive = linear(z, self.drive).to(gain[0].dtype).chunk(2, -1)
        driven = (gain[0] * drive[0] - gain[1] * drive[1], gain[0] * drive[1] + gain[1] * drive[0])
        if mask is not None:
            keep = mask[..., None]
            factor = (torch.where(keep, factor[0], 1), torch.where(keep, factor[1], 0))
            driven = (torch.where(keep, driven[0], 0), torch.where(keep, driven[1], 0))
        states = complex_scan(factor, driven, (start[0].to(gain[0].dtype), start[1].to(gain[0].dtype)))
        # Twice the real part: each state stands for a conjugate pair, and the sign of Im C is free.
        y = 2 * linear(torch.cat(states, -1).to(h.dtype), self.read) + self.direct * z
        y = gelu(y)
        y = y * torch.sigmoid(self.gate(y))
        if self.rate:
            y = dropout(y, self.rate, self.training)
        return h + y, (states[0][:, -1].to(h.dtype), states[1][:, -1].to(h.dtype))


@final
class SSM(Layer):
    """Diagonal linear state space with a gated skip block, many inputs to many outputs.

    Block by block, with complex lambda and states s, one step size delta per state:

        z = norm(h)
        s_k = exp(lambda delta dt_k) s_{k-1} + (exp(lambda delta dt_k) - 1) / lambda  B z_k
        h <- h + u sigma(W u + b),    u = gelu(2 Re(C s) + D z)

    This is the zero-order hold over the real time that each step spans, so irregular times are native and dt = 0 leaves
    s as it is. Re lambda = -exp(log_decay) < 0 by construction. Initial lambda = -1/2 + i pi n (S4D-Lin) and delta
    log-uniform. Complex numbers are stored as real pairs, so bfloat16 works: within a call the recurrence
    runs in float32 or wider, between calls the state is rounded to the parameters' dtype. The recurrence is linear and
    is evaluated in about 3 sqrt(time) passes.

    Arguments:
        inputs: size of the last axis of x.
        units: width of the network and of y.
        states: complex states per block, each standing for a conjugate pair.
        layers: number of blocks.
        step: range of the initial delta, per unit of dt; 1 / delta is about the memory, in the unit of dt.
        dropout: rate on each block's branch, in training only.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `SSMState`.

    Raises:
        InputError: a size is not a positive integer, or `step` or `dropout` is out of range.

    Source: Smith, Warrington and Linderman, ICLR 2023 (arXiv 2208.04933), section 3 and eq. 6; S4D-Lin of Gu et al.,
    NeurIPS 2022 (arXiv 2206.11893). S5 itself starts lambda from the HiPPO-N spectrum.

    Example:
        >>> net = SSM(3, 8, states=4)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, state.real.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 2, 4]))
    """

    keeps_state_at_zero = True

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        states: int = 32,
        layers: int = 2,
        step: tuple[float, float] = (0.001, 0.1),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes("SSM", inputs=inputs, units=units, states=states, layers=layers)
        check_dropout("SSM", dropout)
        low, high = step
        if not 0 < low <= high < math.inf:
            raise InputError(
                "SSM", "step", f"is {step!r}; expected 0 < smallest <= largest", "Pass `step=(0.001, 0.1)`."
            )
        self.inputs, self.units, self.outputs = inputs, units, units
        self.states, self.layers, self.step_range, self.dropout = states, layers, (float(low), float(high)), dropout
        self.embed = nn.Linear(inputs, units)
        self.blocks = nn.ModuleList(_Block(units, states, low, high, dropout) for _ in range(layers))
        # Behind the first block a step's own input moves while it lasts.
        self.exact_in_time = layers == 1
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew; see the class for the spectrum."""
        for part in (self.embed, *self.blocks):
            part.reset_parameters()

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        weight = self.embed.weight
        return SSMState(*(weight.new_zeros(batch, self.layers, self.states) for _ in range(2)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        h = self.embed(x)
        ends = []
        for k, block in enumerate(self.blocks):
            h, end = block(h, dt, mask, (state[0][:, k], state[1][:, k]))
            ends.append(end)
        return h, SSMState(*(torch.stack(parts, 1) for parts in zip(*ends, strict=True)))

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.inputs,
            "units": self.units,
            "states": self.states,
            "layers": self.layers,
            "step": list(self.step_range),
            "dropout": self.dropout,
        }

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.inputs} inputs, {self.units} units, {self.states} states, {self.layers} layers"
