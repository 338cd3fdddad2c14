"""The liquid-resistance liquid-capacitance layer: parameters and wiring around `dynamics/lrc.py`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn

from caudal.dynamics import lrc
from caudal.kernels import lrc_scan
from caudal.nn.fast_step import Stepper, may_skip, quick_step, stepping
from caudal.nn.init import fill_, positive, positive_uniform_, softplus_inverse, uniform_
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
class LRC(Layer):
    """Liquid-resistance liquid-capacitance network over a wiring, by a semi-implicit step that is stable at any `dt`.

    Conductances `g_max`, `g_leak` are positive by construction. States lie within `2 |e_leak|` of 0, so the output
    scales and shifts the motor states, as in `LTC`. The inputs are read as they are: every synapse has its own
    threshold and slope.

    Arguments:
        inputs: a `Wiring`, or the number of inputs of a fully connected layer.
        units: number of neurons, only with an integer `inputs`; all of them are then motor.
        substeps: steps per elapsed time; 1 as published, discretisation error shrinks as 1/substeps.
        elastance: how the inverse capacitance moves with states and inputs: `"asymmetric"`, `"symmetric"`, or
            `"none"`, which leaves it at 1 (the saturated LTC, STC).
        solver: `"hybrid"` is stable at any `dt`; `"explicit"` is the published LRCU, an Euler step that needs
            `dt / substeps` below 2.
        signs: `"free"` draws `k_max` and `e_leak` around 0, as published, and lets the wiring say who reads whom;
            `"fixed"` keeps `e_leak` above 0 and the sign of each `k_max` at its synapse's polarity, so that the drawn
            circuit stays true.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, motor)`, `State(v (batch, units))`.

    Raises:
        InputError: an argument is out of range.

    Source: Farsang, Neubauer and Grosu, 2024 (arXiv 2403.08791).

    Example:
        >>> net = LRC(3, 8, elastance="symmetric")
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, state.v.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    wired: ClassVar[bool] = True
    keeps_state_at_zero = True

    sensory_raw_g_max: Tensor
    sensory_k_max: Tensor
    sensory_mu: Tensor
    sensory_sigma: Tensor
    sensory_o: Tensor
    raw_g_max: Tensor
    k_max: Tensor
    mu: Tensor
    sigma: Tensor
    o: Tensor
    sensory_polarity: Tensor
    recurrent_polarity: Tensor

    def __init__(
        self,
        inputs: Wiring | int,
        units: int | None = None,
        *,
        substeps: int = 1,
        elastance: lrc.Elastance = "asymmetric",
        solver: lrc.Solver = "hybrid",
        signs: Signs = "free",
        pairing: Pairing = "hold",
    ) -> None:
        super().__init__()
        check_substeps("LRC", substeps, usual=1)
        check_choice("LRC", "elastance", elastance, ("asymmetric", "symmetric", "none"))
        check_choice("LRC", "solver", solver, ("hybrid", "explicit"))
        check_choice("LRC", "signs", signs, ("free", "fixed"))
        self.wiring = resolve_wiring("LRC", inputs, units)
        self.substeps, self.elastance, self.solver, self.signs = substeps, elastance, solver, signs
        self.inputs, self.units, self.outputs = self.wiring.inputs, self.wiring.units, self.wiring.motor
        synapse_buffers(self, self.wiring)
        synapse_parameters(self, self.wiring, ("raw_g_max", "k_max", "mu", "sigma"))
        self.raw_g_leak, self.e_leak = (nn.Parameter(torch.empty(self.units)) for _ in range(2))
        if elastance != "none":
            synapse_parameters(self, self.wiring, ("o",))
            self.p = nn.Parameter(torch.empty(self.units))
        if elastance == "symmetric":
            self.raw_k = nn.Parameter(torch.empty(self.units))
        self.output_scale, self.output_shift = (nn.Parameter(torch.empty(self.outputs)) for _ in range(2))
        self._stepper: Stepper | None = None
        self._settings = json.dumps(lrc.Settings(substeps, solver, elastance)._asdict())
        self.pair(pairing)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew, from the published ranges; `k_max` and `o` uniform with variance 1 / fan-in."""
        for raw_g_max, mu, sigma in (
            (self.sensory_raw_g_max, self.sensory_mu, self.sensory_sigma),
            (self.raw_g_max, self.mu, self.sigma),
        ):
            positive_uniform_(raw_g_max, 0.001, 1.0)
            uniform_(mu, 0.3, 0.8)
            uniform_(sigma, 3.0, 8.0)
        fan_in_uniform_((self.sensory_k_max, self.k_max), self.wiring, self.signs)
        positive_uniform_(self.raw_g_leak, 0.001, 1.0)
        if self.signs == "free":
            uniform_(self.e_leak, -0.2, 0.2)
        else:
            positive_uniform_(self.e_leak, 0.0, 0.2)
        if self.elastance != "none":
            fan_in_uniform_((self.sensory_o, self.o), self.wiring, "free")
            fill_(self.p, 0.0)
        if self.elastance == "symmetric":
            fill_(self.raw_k, softplus_inverse(torch.ones_like(self.raw_k)))
        fill_(self.output_scale, 1.0)
        fill_(self.output_shift, 0.0)

    def params(self, synapses: Tensor | None = None) -> lrc.Params:
        """Effective parameters, positive and signed as the step uses them; differentiable.

        Arguments:
            synapses: strength of each synapse, a factor of its `g_max`, `k_max` and `o`.
        """
        sensory, recurrent = halves(synapses, self.sensory_mu.shape[0])
        moves, none = self.elastance != "none", self.e_leak.new_empty(0)
        return lrc.Params(
            sensory_g_max=times(positive(self.sensory_raw_g_max), sensory),
            sensory_k_max=times(signed(self.sensory_k_max, self.sensory_polarity, self.signs), sensory),
            sensory_mu=self.sensory_mu,
            sensory_sigma=self.sensory_sigma,
            sensory_o=times(self.sensory_o, sensory) if moves else none,
            g_max=times(positive(self.raw_g_max), recurrent),
            k_max=times(signed(self.k_max, self.recurrent_polarity, self.signs), recurrent),
            mu=self.mu,
            sigma=self.sigma,
            o=times(self.o, recurrent) if moves else none,
            g_leak=positive(self.raw_g_leak),
            e_leak=signed(self.e_leak, 1.0, self.signs),
            p=self.p if moves else none,
            k=positive(self.raw_k) if self.elastance == "symmetric" else none,
        )

    def initial_state(self, batch: int) -> State:
        """Zero potentials."""
        return self.begin(lrc.State(self.e_leak.new_zeros(batch, self.units)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        v = self.states(x, dt, mask, state, synapses)
        return readout(v, self.output_scale, self.output_shift), lrc.State(v[:, -1])

    def states(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
    ) -> Tensor:
        """States of all neurons after every step, `(batch, time, units)`, for checked arguments."""
        params, graph = self.params(synapses), graph_tensors(self)
        if is_per_series(synapses):
            start, settings = lrc.State(*state), lrc.Settings(self.substeps, self.solver, self.elastance)
            (v,) = lrc.scan(x, dt, mask, start, params, lrc.Graph(*graph), settings)
        else:
            (v,) = lrc_scan(x, dt, mask, list(state), list(params), graph, self._settings)
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
        if not may_skip(x, raw["e_leak"]):
            return None
        done = quick_step(x, dt, state, (self.inputs, self.units), raw.values(), self._stepper, self._fold)
        return None if done is None else (done[0], lrc.State(done[1]))

    def _fold(self) -> Stepper:
        raw = cast(Sequence[Tensor], tuple(self._parameters.values()))
        maps = (self.output_scale, self.output_shift)
        settings = lrc.Settings(self.substeps, self.solver, self.elastance)
        self._stepper = stepping("step_lrc")(raw, self.inputs, self.params(), graph_tensors(self), maps, settings)
        return self._stepper

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.wiring,
            "substeps": self.substeps,
            "elastance": self.elastance,
            "solver": self.solver,
            "signs": self.signs,
            **self.pairing_argument(),
        }

    def extra_repr(self) -> str:
        """Sizes, live synapses and settings."""
        settings = (f"substeps={self.substeps}", f"elastance={self.elastance}", f"solver={self.solver}")
        return describe(self.wiring, *settings)
