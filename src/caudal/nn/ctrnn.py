"""The continuous-time recurrent layer: parameters and wiring around `dynamics/ctrnn.py`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn

from caudal.dynamics import ctrnn
from caudal.errors import InputError
from caudal.kernels import ctrnn_scan
from caudal.nn.fast_step import Stepper, may_skip, quick_step, stepping
from caudal.nn.init import fill_, positive, softplus_inverse
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing
from caudal.nn.synapse_scale import halves, is_per_series, times
from caudal.nn.wired import (
    Signs,
    check_choice,
    check_substeps,
    count_synapses,
    describe,
    fan_in_uniform_,
    graph_tensors,
    readout,
    resolve_wiring,
    signed,
    synapse_buffers,
    synapse_parameters,
)
from caudal.wiring import Wiring


@final
class CTRNN(Layer):
    """Continuous-time recurrent network over a wiring: the classical peer of the liquid cells.

    `dx/dt = -x / tau + tanh(W x + U u + b)`, with `tau` learned and positive by construction. States lie within
    `tau` of 0, so the output scales and shifts the motor states, as in `LTC`. The inputs are read as they are: an
    affine map of them would only repeat `U` and `b`.

    Arguments:
        inputs: a `Wiring`, or the number of inputs of a fully connected layer.
        units: number of neurons, only with an integer `inputs`; all of them are then motor.
        substeps: fused steps per elapsed time; discretisation error shrinks as 1/substeps.
        tau: time constant that training starts from, in the unit of `dt`.
        signs: `"free"` draws weights around 0 and lets the wiring say who reads whom; `"fixed"` keeps each synapse's
            polarity by construction.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, motor)`, `State(v (batch, units))`.

    Raises:
        InputError: an argument is out of range.

    Source: Funahashi and Nakamura, Neural Networks 6 (1993).

    Example:
        >>> net = CTRNN(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, state.v.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    wired: ClassVar[bool] = True
    keeps_state_at_zero = True

    sensory_w: Tensor
    w: Tensor
    sensory_polarity: Tensor
    recurrent_polarity: Tensor

    def __init__(
        self,
        inputs: Wiring | int,
        units: int | None = None,
        *,
        substeps: int = 6,
        tau: float = 1.0,
        signs: Signs = "free",
        pairing: Pairing = "hold",
    ) -> None:
        super().__init__()
        check_substeps("CTRNN", substeps, usual=6)
        check_choice("CTRNN", "signs", signs, ("free", "fixed"))
        if not 0 < tau < float("inf"):
            raise InputError("CTRNN", "tau", f"is {tau}; expected a finite time above 0", "Pass `tau=1.0`.")
        self.wiring = resolve_wiring("CTRNN", inputs, units)
        self.substeps, self.tau, self.signs = substeps, tau, signs
        self.inputs, self.units, self.outputs = self.wiring.inputs, self.wiring.units, self.wiring.motor
        synapse_buffers(self, self.wiring)
        synapse_parameters(self, self.wiring, ("w",))
        self.b, self.raw_tau = (nn.Parameter(torch.empty(self.units)) for _ in range(2))
        self.output_scale, self.output_shift = (nn.Parameter(torch.empty(self.outputs)) for _ in range(2))
        self._stepper: Stepper | None = None
        self._settings = json.dumps(ctrnn.Settings(substeps)._asdict())
        self.pair(pairing)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, uniform with variance 1 / fan-in; biases start at 0, time constants at `tau`."""
        fan_in_uniform_((self.sensory_w, self.w), self.wiring, self.signs)
        fill_(self.b, 0.0)
        fill_(self.raw_tau, softplus_inverse(torch.full_like(self.raw_tau, self.tau)))
        fill_(self.output_scale, 1.0)
        fill_(self.output_shift, 0.0)

    def params(self, synapses: Tensor | None = None) -> ctrnn.Params:
        """Effective parameters, positive and signed as the step uses them; differentiable.

        Arguments:
            synapses: strength of each synapse, a factor of its weight.
        """
        sensory, recurrent = halves(synapses, self.sensory_w.shape[0])
        return ctrnn.Params(
            sensory_w=times(signed(self.sensory_w, self.sensory_polarity, self.signs), sensory),
            w=times(signed(self.w, self.recurrent_polarity, self.signs), recurrent),
            b=self.b,
            tau=positive(self.raw_tau),
        )

    def initial_state(self, batch: int) -> State:
        """Zero states."""
        return self.begin(ctrnn.State(self.b.new_zeros(batch, self.units)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        v = self.states(x, dt, mask, state, synapses)
        return readout(v, self.output_scale, self.output_shift), ctrnn.State(v[:, -1])

    def states(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
    ) -> Tensor:
        """States of all neurons after every step, `(batch, time, units)`, for checked arguments."""
        params, graph = self.params(synapses), graph_tensors(self)
        if is_per_series(synapses):
            start, settings = ctrnn.State(*state), ctrnn.Settings(self.substeps)
            (v,) = ctrnn.scan(x, dt, mask, start, params, ctrnn.Graph(*graph), settings)
        else:
            (v,) = ctrnn_scan(x, dt, mask, list(state), list(params), graph, self._settings)
        return v

    def synapse_count(self) -> int:
        """See `Layer.synapse_count`."""
        return count_synapses(self)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def quick(self, x: Tensor, dt: Tensor | None, state: State | None) -> tuple[Tensor, State] | None:
        """See `Layer.quick`: parameters stay folded until their memory changes."""
        raw = cast(Mapping[str, Tensor], self._parameters)
        if not may_skip(x, raw["b"]):
            return None
        done = quick_step(x, dt, state, (self.inputs, self.units), raw.values(), self._stepper, self._fold)
        return None if done is None else (done[0], ctrnn.State(done[1]))

    def _fold(self) -> Stepper:
        raw = cast(Sequence[Tensor], tuple(self._parameters.values()))
        maps = (self.output_scale, self.output_shift)
        settings = ctrnn.Settings(self.substeps)
        self._stepper = stepping("step_ctrnn")(raw, self.inputs, self.params(), graph_tensors(self), maps, settings)
        return self._stepper

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.wiring,
            "substeps": self.substeps,
            "tau": self.tau,
            "signs": self.signs,
            **self.pairing_argument(),
        }

    def extra_repr(self) -> str:
        """Sizes, live synapses and sub-steps."""
        return describe(self.wiring, f"substeps={self.substeps}")
