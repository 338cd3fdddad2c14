"""The liquid state-space layer: parameters around `dynamics/liquid_ssm.py`, in one block or several."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast, final

import torch
from torch import Tensor, nn

from caudal.dynamics import liquid_ssm
from caudal.dynamics.liquid_ssm import DECAYS, TARGETS, Decay, Target
from caudal.errors import InputError
from caudal.kernels import liquid_ssm_scan
from caudal.kernels.affine import affine, logistic
from caudal.nn.baselines.sequence import check_sizes
from caudal.nn.fast_step import Stepper, may_skip, quick_step, stepping
from caudal.nn.init import fill_, softplus_inverse
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing
from caudal.nn.wired import check_choice


class LiquidBlock(nn.Module):
    """Parameters of one block: the cell's, those of its output gate, and the product that mixes its outputs.

    Attributes:
        weight, bias: of both gates, `(2 * units, inputs)` and `(2 * units,)`, the rate's rows first.
        log_rate: `(units,)`, None for the `"softplus"` decay.
        gate: map of the output gate, or None.
        mix: map of the block's outputs onto the residual, None in the first block.
    """

    def __init__(self, inputs: int, units: int, decay: Decay, *, output_gate: bool, mixes: bool) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(2 * units, inputs)), nn.Parameter(torch.empty(2 * units))
        self.log_rate = nn.Parameter(torch.empty(units)) if decay == "sigmoid" else None
        self.gate = nn.Linear(inputs, units) if output_gate else None
        self.mix = nn.Linear(units, units) if mixes else None

    def reset_parameters(self, tau: tuple[float, float]) -> None:
        """Draw every parameter anew; the neurons' time constants are spread over `tau`."""
        units = self.bias.shape[0] // 2
        for part in (self.weight, self.bias):
            nn.init.uniform_(part, -(self.weight.shape[1] ** -0.5), self.weight.shape[1] ** -0.5)
        first, last = (-math.log(end) for end in tau)
        log_rate = torch.linspace(first, last, units, device=self.bias.device)
        if self.log_rate is None:
            fill_(self.bias[:units], softplus_inverse(log_rate.exp()))
        else:
            # A gate without input is half open.
            fill_(self.log_rate, log_rate + math.log(2.0))
            fill_(self.bias[:units], 0.0)
        for layer in (self.gate, self.mix):
            if layer is not None:
                layer.reset_parameters()

    def params(self) -> liquid_ssm.Params:
        """Parameters as the step uses them; differentiable."""
        return liquid_ssm.Params(self.weight, self.bias, None if self.log_rate is None else self.log_rate.exp())

    def read(self, x: Tensor, v: Tensor, residual: Tensor | None) -> Tensor:
        """Outputs of the block from its inputs and states, `(..., units)` each."""
        y = v if self.gate is None else logistic(affine(x, self.gate.weight, self.gate.bias)) * v
        return y if self.mix is None or residual is None else residual + affine(y, self.mix.weight, self.mix.bias)


@final
class LiquidSSM(Layer):
    """Liquid state space: each neuron is drawn to a target at a rate, both moved by the inputs, and solved exactly.

        dv/dt = k(x) (u(x) - v),    v(t + dt) = v + (1 - exp(-k dt)) (u - v)
        k = rate sigmoid(w x + b),  u = tanh(z x + c)

    The equation of the LTC with synapses from inputs only, so that the time constant `1 / k` still moves with the
    input. Given the inputs it is linear in the state: exact in time without sub-steps, bounded for any `dt`, and an
    answer is the sum of the shares of its steps. With `decay="softplus"` and `dt = 1` it is minGRU; what is added is
    the clock. It cannot keep a bit for ever, as layers with recurrent synapses can.

    From the second block on, a block reads the outputs `h` of the one before and answers `h + W y + b`.

    Arguments:
        inputs: size of the last axis of x.
        units: neurons of each block, and size of y.
        layers: number of blocks.
        decay: `"sigmoid"`: rates stay within a learnt bound; `"softplus"`: `exp(-k dt) = (1 - sigmoid(a))^dt`, one
            curved function fewer on a regular clock.
        target: `"tanh"`, or `"linear"` for compartments; states are then bounded by the largest target.
        output_gate: multiply the outputs by `sigmoid(w_o x + b_o)`.
        tau: shortest and longest time constant that training starts from, in the unit of `dt`; the neurons are spread
            between them on a logarithmic scale.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `State(v)` of
        `(batch, layers * units)`, block by block.

    Raises:
        InputError: an argument is out of range.

    Source: Hasani et al., AAAI 2021 (arXiv 2006.04439), without recurrent synapses; minGRU of Feng et al. (arXiv
    2410.01201).

    Example:
        >>> net = LiquidSSM(3, 8)
        >>> x, a, b = torch.randn(2, 1, 3), torch.rand(2, 1), torch.rand(2, 1)
        >>> _, state = net(x, dt=a)
        >>> torch.allclose(net(x, dt=b, state=state)[0], net(x, dt=a + b)[0], atol=1e-6)
        True
    """

    keeps_state_at_zero = True

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        layers: int = 1,
        decay: Decay = "sigmoid",
        target: Target = "tanh",
        output_gate: bool = False,
        tau: tuple[float, float] = (1.0, 60.0),
        pairing: Pairing = "hold",
    ) -> None:
        super().__init__()
        check_sizes("LiquidSSM", inputs=inputs, units=units, layers=layers)
        check_choice("LiquidSSM", "decay", decay, DECAYS)
        check_choice("LiquidSSM", "target", target, TARGETS)
        self.tau = _span(tau)
        self.inputs, self.units, self.outputs, self.layers = inputs, units, units, layers
        self.decay, self.target, self.output_gate = decay, target, bool(output_gate)
        self.blocks = nn.ModuleList(
            LiquidBlock(units if k else inputs, units, decay, output_gate=self.output_gate, mixes=k > 0)
            for k in range(layers)
        )
        # Behind the first block a step's own input moves while it lasts.
        self.exact_in_time = layers == 1
        self.bounded = layers == 1 and target == "tanh"
        self.pair(pairing)
        self._stepper: Stepper | None = None
        self._settings = json.dumps(self.settings()._asdict())
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, uniform with bound 1 / sqrt(inputs); time constants start spread over `tau`."""
        for block in self.parts():
            block.reset_parameters(self.tau)

    def parts(self) -> list[LiquidBlock]:
        """The blocks, first to last."""
        return [block for block in self.blocks if isinstance(block, LiquidBlock)]

    def settings(self) -> liquid_ssm.Settings:
        """Constants of the step."""
        return liquid_ssm.Settings(self.decay, self.target)

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        return self.begin(liquid_ssm.State(self.parts()[0].bias.new_zeros(batch, self.layers * self.units)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        v, y = self.states(x, dt, mask, state)
        return y, liquid_ssm.State(v[:, -1])

    def states(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, Tensor]:
        """States `(batch, time, layers * units)` and outputs `(batch, time, units)`, for checked arguments."""
        states, h = [], None
        for block, start in zip(self.parts(), state[0].split(self.units, -1), strict=True):
            params = [part for part in block.params() if part is not None]
            given = x if h is None else h
            (v,) = liquid_ssm_scan(given, dt, mask, [start], params, [], self._settings)
            h = block.read(given, v, h)
            states.append(v)
        return torch.cat(states, -1) if len(states) > 1 else states[0], x if h is None else h

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def quick(self, x: Tensor, dt: Tensor | None, state: State | None) -> tuple[Tensor, State] | None:
        """See `Layer.quick`, for a single block whose states are its outputs."""
        if self.layers > 1 or self.output_gate:
            return None
        # The way of attributes through a list of modules takes as long as the step.
        raw = cast(Mapping[str, Tensor | None], self.blocks._modules["0"]._parameters)
        parameters = [part for part in raw.values() if part is not None]
        if not may_skip(x, parameters[0]):
            return None
        done = quick_step(x, dt, state, (self.inputs, self.units), parameters, self._stepper, self._fold)
        return None if done is None else (done[0], liquid_ssm.State(done[1]))

    def _fold(self) -> Stepper:
        block = self.parts()[0]
        self._stepper = stepping("LiquidSsmStepper")([*block.parameters()], block.params(), self.settings())
        return self._stepper

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.inputs,
            "units": self.units,
            "layers": self.layers,
            "decay": self.decay,
            "target": self.target,
            "output_gate": self.output_gate,
            "tau": list(self.tau),
            **self.pairing_argument(),
        }

    def extra_repr(self) -> str:
        """Sizes and forms."""
        gate = ", output gate" if self.output_gate else ""
        return f"{self.inputs} inputs, {self.units} units, {self.layers} layers, {self.decay}, {self.target}{gate}"


def _span(tau: tuple[float, float]) -> tuple[float, float]:
    """Shortest and longest time constant, checked.

    Raises:
        InputError: they are no two finite times above 0, the shorter one first.
    """
    remedy = "Pass `tau=(1.0, 60.0)`."
    try:
        shortest, longest = (float(end) for end in tau)
    except (TypeError, ValueError) as error:
        raise InputError("LiquidSSM", "tau", f"is {tau!r}; expected shortest and longest time", remedy) from error
    if not 0 < shortest <= longest < math.inf:
        raise InputError("LiquidSSM", "tau", f"is {tau!r}; expected 0 < shortest <= longest", remedy)
    return shortest, longest
