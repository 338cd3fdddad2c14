"""Damped oscillators as a layer: the second-order state space D-LinOSS, solved exactly over real elapsed times."""

import math
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from caudal.errors import InputError
from caudal.nn.baselines.affine import Pair, complex_scan, relaxed
from caudal.nn.baselines.sequence import check_sizes, wide
from caudal.nn.init import fill_
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing

# Share of its frequency at which an oscillator is damped at the start.
_DAMPING = 0.1


class OscillatorState(NamedTuple):
    """Each `(batch, layers, states)`.

    Attributes:
        position: `p` of every oscillator.
        swing: `(dp/dt + alpha p) / omega`, so that a free oscillator turns both into each other.
    """

    position: Tensor
    swing: Tensor


class OscillatorBlock(nn.Module):
    """Norm, oscillators, gelu, gate and skip.

    Attributes:
        log_decay, log_frequency: logarithms of `alpha` and `omega`, `(states,)`.
        drive: where the inputs draw each oscillator, `(states, units)`.
        read, direct: from positions and inputs to outputs, `(units, states)` and `(units,)`.
    """

    def __init__(self, units: int, states: int) -> None:
        super().__init__()
        self.norm, self.gate = nn.LayerNorm(units), nn.Linear(units, units)
        self.log_decay, self.log_frequency = (nn.Parameter(torch.empty(states)) for _ in range(2))
        self.drive = nn.Parameter(torch.empty(states, units))
        self.read, self.direct = nn.Parameter(torch.empty(units, states)), nn.Parameter(torch.empty(units))

    def reset_parameters(self, period: tuple[float, float]) -> None:
        """Draw every parameter anew; periods are spread over a range on a logarithmic scale."""
        states, units = self.drive.shape
        first, last = (math.log(2 * math.pi / end) for end in period)
        frequencies = torch.linspace(first, last, states, device=self.drive.device)
        fill_(self.log_frequency, frequencies)
        fill_(self.log_decay, frequencies + math.log(_DAMPING))
        nn.init.normal_(self.drive, std=units**-0.5)
        nn.init.normal_(self.read, std=states**-0.5)
        nn.init.normal_(self.direct)
        self.norm.reset_parameters()
        self.gate.reset_parameters()

    def forward(self, h: Tensor, dt: Tensor, mask: Tensor | None, start: Pair) -> tuple[Tensor, Pair]:
        """Outputs `(batch, time, units)`, and position and swing after the last step that counts."""
        z, kind = self.norm(h), wide(h.dtype)
        decay, frequency = self.log_decay.to(kind).exp(), self.log_frequency.to(kind).exp()
        # p - i swing relaxes with lambda = -alpha + i omega; the force acts on the swing alone.
        factor, gain = relaxed(dt.to(kind)[..., None], decay, frequency)
        force = linear(z, self.drive).to(kind) * ((decay**2 + frequency**2) / frequency)
        driven = (gain[1] * force, -gain[0] * force)
        if mask is not None:
            keep = mask[..., None]
            factor = (torch.where(keep, factor[0], 1), torch.where(keep, factor[1], 0))
            driven = (torch.where(keep, driven[0], 0), torch.where(keep, driven[1], 0))
        position, turned = complex_scan(factor, driven, (start[0].to(kind), -start[1].to(kind)))
        y = gelu(linear(position.to(h.dtype), self.read) + self.direct * z)
        y = y * torch.sigmoid(self.gate(y))
        return h + y, (position[:, -1].to(h.dtype), -turned[:, -1].to(h.dtype))


@final
class DLinOSS(Layer):
    """Damped linear oscillators with a gated skip block (D-LinOSS), each solved exactly over its elapsed time.

    Block by block, for each oscillator with its position `p`:

        z = norm(h)
        p'' = -A (p - B z) - G p',      A = alpha^2 + omega^2,   G = 2 alpha
        h <- h + u sigmoid(W u + b),    u = gelu(C p + D z)

    `z` is held over the gap, so the flow is exact: two gaps one after the other under one input are their sum, and
    `dt = 0` changes nothing. `alpha` and `omega` are above 0 by construction, so every oscillator is damped and swings.
    The published model steps by a fixed, learnt `Delta`; here the time that passed takes its place, and `B` is in units
    of the resting place that it draws to.

    Arguments:
        inputs: size of the last axis of x.
        units: width of the network and of y.
        states: oscillators of each block, two numbers each; None takes as many as units.
        layers: number of blocks.
        period: shortest and longest period that training starts from, in the unit of `dt`.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `OscillatorState`.

    Raises:
        InputError: an argument is out of range.

    Source: Boyer, Rusch and Rus, "Learning to Dissipate Energy in Oscillatory State-Space Models" (arXiv 2505.12171);
    Rusch and Rus, "Oscillatory State-Space Models", ICLR 2025 (arXiv 2410.03943), without damping.

    Example:
        >>> net = DLinOSS(3, 8)
        >>> x, a, b = torch.randn(2, 1, 3), torch.rand(2, 1), torch.rand(2, 1)
        >>> _, state = net(x, dt=a)
        >>> torch.allclose(net(x, dt=b, state=state)[0], net(x, dt=a + b)[0], atol=1e-5)
        True
    """

    keeps_state_at_zero = True

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        states: int | None = None,
        layers: int = 1,
        period: tuple[float, float] = (2.0, 120.0),
        pairing: Pairing = "hold",
    ) -> None:
        super().__init__()
        states = units if states is None else states
        check_sizes("DLinOSS", inputs=inputs, units=units, states=states, layers=layers)
        shortest, longest = (float(end) for end in period)
        if not 0 < shortest <= longest < math.inf:
            fault = f"is {period!r}; expected 0 < shortest <= longest"
            raise InputError("DLinOSS", "period", fault, "Pass `period=(2.0, 120.0)`.")
        self.inputs, self.units, self.outputs = inputs, units, units
        self.states, self.layers, self.period = states, layers, (shortest, longest)
        self.embed = nn.Linear(inputs, units)
        self.blocks = nn.ModuleList(OscillatorBlock(units, states) for _ in range(layers))
        # Behind the first block a step's own input moves while it lasts.
        self.exact_in_time = layers == 1
        self.pair(pairing)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew; periods start spread over `period`."""
        self.embed.reset_parameters()
        for block in self.parts():
            block.reset_parameters(self.period)

    def parts(self) -> list[OscillatorBlock]:
        """The blocks, first to last."""
        return [block for block in self.blocks if isinstance(block, OscillatorBlock)]

    def initial_state(self, batch: int) -> State:
        """Zeros: at rest."""
        rest = (self.embed.weight.new_zeros(batch, self.layers, self.states) for _ in range(2))
        return self.begin(OscillatorState(*rest))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        h, ends = self.embed(x), []
        for k, block in enumerate(self.parts()):
            h, end = block(h, dt, mask, (state[0][:, k], state[1][:, k]))
            ends.append(end)
        return h, OscillatorState(*(torch.stack(parts, 1) for parts in zip(*ends, strict=True)))

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, object]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.inputs,
            "units": self.units,
            "states": self.states,
            "layers": self.layers,
            "period": list(self.period),
            **self.pairing_argument(),
        }

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.inputs} inputs, {self.units} units, {self.states} oscillators, {self.layers} layers"
