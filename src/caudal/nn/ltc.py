"""The liquid time-constant layer: parameters and wiring around `dynamics/ltc.py`."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, cast, final

import torch
from torch import Tensor, nn

from caudal.dynamics import ltc, ltc_solvers
from caudal.errors import InputError
from caudal.kernels import ltc_scan
from caudal.nn import ltc_exact
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
    graph_tensors,
    readout,
    resolve_wiring,
    signed,
    synapse_buffers,
    synapse_parameters,
)
from caudal.wiring import Wiring

Init = Literal["paper", "ncps"]
Solver = Literal["fused", "exact", "euler", "rk4"]


@final
class LTC(Layer):
    """Liquid time-constant network over a wiring.

    Conductances and capacitances are positive by construction (softplus of a raw parameter), one parameter per real
    synapse: the parameter count is the count of what acts.

    Arguments:
        inputs: a `Wiring`, or the number of inputs of a fully connected layer.
        units: number of neurons, only with an integer `inputs`; all of them are then motor.
        substeps: fused steps per elapsed time; cost grows with it, discretisation error shrinks as 1/substeps.
        init: `"paper"` draws the *effective* conductances as the papers do (w in U(0.001, 1), c_m in U(0.4, 0.6));
            `"ncps"` draws the raw numbers so, as `ncps.torch.LTC` does, whose effective w starts in (0.69, 1.31).
        signs: `"free"` lets training move a reversal potential across 0, as in all published programs; `"fixed"`
            keeps each synapse's polarity by construction, so that the drawn circuit stays true.
        eps: added to the denominator of the fused step; 1e-8 in the released programs, 0 keeps the
            convex-combination proof exact.
        solver: `"fused"` is the semi-implicit step, stable at any `dt`, with its own kernels. `"exact"` solves the
            neurons that read inputs alone (the inter neurons of a neural circuit policy) over the whole gap in one
            scan, and takes fused steps for the others; stable at any `dt` as well. `"euler"` and `"rk4"`
            solve the same equation by plain torch, for study: slow, and unstable once `dt / substeps` times the
            conductance over the capacitance nears 2.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, motor)`, `State(v (batch, units))`.

    Raises:
        InputError: an argument is out of range.

    Source: Hasani et al., AAAI 2021 (arXiv 2006.04439), eq. 3; Lechner et al., NMI 2020, eq. 3 (synapse level).

    Example:
        >>> net = LTC(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, state.v.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    wired: ClassVar[bool] = True
    keeps_state_at_zero = True

    sensory_raw_w: Tensor
    sensory_mu: Tensor
    sensory_sigma: Tensor
    sensory_e_rev: Tensor
    raw_w: Tensor
    mu: Tensor
    sigma: Tensor
    e_rev: Tensor
    sensory_polarity: Tensor
    recurrent_polarity: Tensor

    def __init__(
        self,
        inputs: Wiring | int,
        units: int | None = None,
        *,
        substeps: int = 6,
        init: Init = "paper",
        signs: Signs = "free",
        eps: float = 0.0,
        solver: Solver = "fused",
        pairing: Pairing = "hold",
    ) -> None:
        super().__init__()
        check_substeps("LTC", substeps, usual=6)
        check_choice("LTC", "init", init, ("paper", "ncps"))
        check_choice("LTC", "signs", signs, ("free", "fixed"))
        check_choice("LTC", "solver", solver, ("fused", "exact", "euler", "rk4"))
        self.wiring = resolve_wiring("LTC", inputs, units)
        if solver == "exact" and not ltc_exact.first_neurons(self.wiring):
            fault = 'is "exact", and every neuron in front of this wiring reads another neuron'
            raise InputError("LTC", "solver", fault, 'Pass a neural circuit policy, or `solver="fused"`.')
        self.substeps, self.init, self.signs, self.eps, self.solver = substeps, init, signs, eps, solver
        self.inputs, self.units, self.outputs = self.wiring.inputs, self.wiring.units, self.wiring.motor
        synapse_buffers(self, self.wiring)
        if solver == "exact":
            ltc_exact.split_buffers(self, self.wiring)
        synapse_parameters(self, self.wiring, ("raw_w", "mu", "sigma", "e_rev"))
        self.raw_g_leak, self.v_leak, self.raw_c_m = (nn.Parameter(torch.empty(self.units)) for _ in range(3))
        self.input_scale, self.input_shift = (nn.Parameter(torch.empty(self.inputs)) for _ in range(2))
        self.output_scale, self.output_shift = (nn.Parameter(torch.empty(self.outputs)) for _ in range(2))
        self._stepper: Stepper | None = None
        self._settings = json.dumps(ltc.Settings(1 if solver == "exact" else substeps, eps)._asdict())
        self.pair(pairing)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew; the polarities of the wiring become the signs of the reversal potentials."""
        positive_ = positive_uniform_ if self.init == "paper" else uniform_
        for raw_w, mu, sigma in (
            (self.sensory_raw_w, self.sensory_mu, self.sensory_sigma),
            (self.raw_w, self.mu, self.sigma),
        ):
            positive_(raw_w, 0.001, 1.0)
            uniform_(mu, 0.3, 0.8)
            uniform_(sigma, 3.0, 8.0)
        for e_rev, signs in (
            (self.sensory_e_rev, self.sensory_polarity),
            (self.e_rev, self.recurrent_polarity),
        ):
            fill_(e_rev, signs if self.signs == "free" else softplus_inverse(signs.abs()))
        positive_(self.raw_g_leak, 0.001, 1.0)
        uniform_(self.v_leak, -0.2, 0.2)
        positive_(self.raw_c_m, 0.4, 0.6)
        fill_(self.input_scale, 1.0)
        fill_(self.input_shift, 0.0)
        fill_(self.output_scale, 1.0)
        fill_(self.output_shift, 0.0)

    def params(self, synapses: Tensor | None = None) -> ltc.Params:
        """Effective parameters, positive and signed as the step uses them; differentiable.

        Arguments:
            synapses: strength of each synapse, a factor of its conductance `w`.
        """
        sensory, recurrent = halves(synapses, self.sensory_mu.shape[0])
        return ltc.Params(
            sensory_w=times(positive(self.sensory_raw_w), sensory),
            sensory_mu=self.sensory_mu,
            sensory_sigma=self.sensory_sigma,
            sensory_e_rev=signed(self.sensory_e_rev, self.sensory_polarity, self.signs),
            w=times(positive(self.raw_w), recurrent),
            mu=self.mu,
            sigma=self.sigma,
            e_rev=signed(self.e_rev, self.recurrent_polarity, self.signs),
            g_leak=positive(self.raw_g_leak),
            v_leak=self.v_leak,
            c_m=positive(self.raw_c_m),
        )

    def initial_state(self, batch: int) -> State:
        """Zero potentials."""
        return self.begin(ltc.State(self.v_leak.new_zeros(batch, self.units)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        v = self.states(x, dt, mask, state, synapses)
        return readout(v, self.output_scale, self.output_shift), ltc.State(v[:, -1])

    def states(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
    ) -> Tensor:
        """States of all neurons after every step, `(batch, time, units)`, for checked arguments."""
        u = x * self.input_scale + self.input_shift
        params, graph, start = self.params(synapses), graph_tensors(self), ltc.State(*state)
        if self.solver == "exact":
            split = ltc_exact.split_of(self)
            settings = (self.substeps, self.eps, self._settings)
            v = ltc_exact.scan(u, dt, mask, start.v, params, ltc.Graph(*graph), split, *settings)
        elif self.solver != "fused":
            (v,) = ltc_solvers.scan(u, dt, mask, start, params, ltc.Graph(*graph), self.solver, self.substeps)
        elif is_per_series(synapses):
            (v,) = ltc.scan(u, dt, mask, start, params, ltc.Graph(*graph), ltc.Settings(self.substeps, self.eps))
        else:
            (v,) = ltc_scan(u, dt, mask, list(state), list(params), graph, self._settings)
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
        raw = self._parameters
        if self.solver != "fused" or not may_skip(x, cast(Tensor, raw["v_leak"])):
            return None
        values = cast(Iterable[Tensor], raw.values())
        done = quick_step(x, dt, state, (self.inputs, self.units), values, self._stepper, self._fold)
        return None if done is None else (done[0], ltc.State(done[1]))

    def _fold(self) -> Stepper:
        maps = (self.input_scale, self.input_shift, self.output_scale, self.output_shift)
        raw = cast(Sequence[Tensor], tuple(self._parameters.values()))
        settings = ltc.Settings(self.substeps, self.eps)
        self._stepper = stepping("LtcStepper")(raw, self.params(), ltc.Graph(*graph_tensors(self)), maps, settings)
        return self._stepper

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.wiring,
            "substeps": self.substeps,
            "init": self.init,
            "signs": self.signs,
            "eps": self.eps,
            "solver": self.solver,
            **self.pairing_argument(),
        }

    def extra_repr(self) -> str:
        """Sizes, live synapses and sub-steps."""
        return describe(self.wiring, f"substeps={self.substeps}", f"solver={self.solver}")
