"""LrcSSM as a layer: parameters around `dynamics/lrc_ssm.py`, all steps of a series solved together."""

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from caudal.dynamics import lrc_ssm
from caudal.dynamics.wired import State as Membrane
from caudal.errors import InputError
from caudal.nn.baselines.affine import real_scan
from caudal.nn.baselines.sequence import check_sizes, loop, wide
from caudal.nn.init import positive, positive_uniform_, uniform_
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing

# Passes of Newton's method before steps are made one after the other, and steps that are not worth a pass.
_PASSES, _FEW = 12, 8


@final
class LrcSSM(Layer):
    """Liquid-resistance liquid-capacitance neurons with synapses from the inputs and from themselves alone.

        dx/dt = eps(x, u) tanh(z(x, u)) e - max(eps(x, u) sigmoid(f(x, u)), -log rho) x

    Unlike `LiquidSSM` rate and target move with the state as well, so no scan solves it outright; the Jacobian of a
    step is diagonal, so Newton's method does, in a few scans. `caudal.dynamics.lrc_ssm` has the whole equation.

    Arguments:
        inputs: size of the last axis of x.
        units: neurons, and size of y.
        rho: share of a state that at most is left after one unit of time, below 1.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `State(v (batch, units))`.

    Raises:
        InputError: an argument is out of range.

    Source: Farsang, Hasani, Rus and Grosu, NeurIPS 2025 (arXiv 2505.21717).

    Example:
        >>> net = LrcSSM(3, 8)
        >>> y, state = net(torch.randn(2, 500, 3), dt=torch.rand(2, 500))
        >>> y.shape, state.v.shape
        (torch.Size([2, 500, 8]), torch.Size([2, 8]))
    """

    keeps_state_at_zero = True

    least: Tensor

    def __init__(self, inputs: int, units: int, *, rho: float = 0.9999, pairing: Pairing = "hold") -> None:
        super().__init__()
        check_sizes("LrcSSM", inputs=inputs, units=units)
        if not 0 < rho < 1:
            raise InputError("LrcSSM", "rho", f"is {rho!r}; expected 0 < rho < 1", "Pass `rho=0.9999`.")
        self.inputs, self.units, self.outputs, self.rho = inputs, units, units, float(rho)
        self.mu, self.sigma = (nn.Parameter(torch.empty(inputs)) for _ in range(2))
        self.raw_g, self.h, self.o = (nn.Parameter(torch.empty(units, inputs)) for _ in range(3))
        self.raw_g_leak, self.b = (nn.Parameter(torch.empty(units)) for _ in range(2))
        self.own_slope, self.own_middle, self.own_raw_g = (nn.Parameter(torch.empty(units)) for _ in range(3))
        self.own_h, self.own_o, self.e = (nn.Parameter(torch.empty(units)) for _ in range(3))
        # A tensor, since a compiler takes a number of an attribute for one that may change.
        self.register_buffer("least", torch.tensor(-math.log(self.rho)), persistent=False)
        self.pair(pairing)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew: gates as those of `LRC`, weights uniform with variance 1 / inputs."""
        for middle, slope in ((self.mu, self.sigma), (self.own_middle, self.own_slope)):
            uniform_(middle, 0.3, 0.8)
            uniform_(slope, 3.0, 8.0)
        for conductance in (self.raw_g, self.raw_g_leak, self.own_raw_g):
            positive_uniform_(conductance, 0.001, 1.0)
        bound = math.sqrt(3 / self.inputs)
        for weight in (self.h, self.o):
            uniform_(weight, -bound, bound)
        for weight in (self.own_h, self.own_o, self.e, self.b):
            uniform_(weight, -1.0, 1.0)

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        return self.begin(Membrane(self.e.new_zeros(batch, self.units)))

    def state_params(self, kind: torch.dtype) -> lrc_ssm.OwnState:
        """Effective parameters of the state, differentiable."""
        parts = (self.own_slope, self.own_middle, positive(self.own_raw_g), self.own_h, self.own_o, self.e)
        return lrc_ssm.OwnState(*(part.to(kind) for part in parts))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        kind = wide(x.dtype)
        gate, leak = torch.sigmoid(self.sigma * (x - self.mu)), positive(self.raw_g_leak)
        conductance, drive = linear(gate, positive(self.raw_g), leak), linear(gate, self.h, leak)
        given = lrc_ssm.FromInputs(conductance.to(kind), drive.to(kind), linear(x, self.o, self.b).to(kind))
        lapse, start, membrane = dt.to(kind)[..., None], state[0].to(kind), self.state_params(kind)
        if torch.compiler.is_compiling() or x.shape[1] <= _FEW:
            v = self._one_by_one(given, lapse, mask, start, membrane)
        else:
            v = self._together(given, lapse, mask, start, membrane)
        v = v.to(x.dtype)
        return v, Membrane(v[:, -1])

    def _one_by_one(
        self, given: lrc_ssm.FromInputs, lapse: Tensor, mask: Tensor | None, start: Tensor, membrane: lrc_ssm.OwnState
    ) -> Tensor:
        def update(now: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            flow = lrc_ssm.flow(state[0], now[3], lrc_ssm.FromInputs(*now[:3]), membrane, self.least.to(start.dtype))
            return (lrc_ssm.step(state[0], membrane, flow),)

        return loop(update, [*given, lapse], mask, (start,))[0]

    def _together(
        self, given: lrc_ssm.FromInputs, lapse: Tensor, mask: Tensor | None, start: Tensor, membrane: lrc_ssm.OwnState
    ) -> Tensor:
        """States of all steps by Newton's method, and their gradients by one pass about the solution."""

        def moved(states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            before = torch.cat((start.detach()[:, None], states[:, :-1]), 1)
            flow = lrc_ssm.flow(before, lapse, given, membrane, self.least.to(start.dtype))
            after, slope = (
                lrc_ssm.step(before, membrane, flow),
                lrc_ssm.slope(before, lapse, membrane, self.least, flow).detach(),
            )
            if mask is None:
                return before, after, slope
            keep = mask[..., None]
            return before, torch.where(keep, after, before), torch.where(keep, slope, 1)

        with torch.no_grad():
            states, settled = start[:, None].expand_as(given.drive), False
            for _ in range(_PASSES):
                before, after, slope = moved(states)
                # A slope of more than 1 is not followed: the pass stays bounded, and its fixed point is the same.
                slope = slope.clamp(-1, 1)
                last, states = states, real_scan(slope, after - slope * before, start)
                settled = lrc_ssm.has_settled(states - last, states)
                if settled:
                    break
            if not settled:
                states = self._one_by_one(given, lapse, mask, start, membrane)
        before, after, slope = moved(states)
        return real_scan(slope, after - slope * before, start)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, object]:
        """See `Layer.arguments`."""
        return {"inputs": self.inputs, "units": self.units, "rho": self.rho, **self.pairing_argument()}

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.inputs} inputs, {self.units} units, rho {self.rho}"
