"""The wired closed-form continuous-time layer: parameters and wiring around `dynamics/cfc_wired.py`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn

from caudal.dynamics import cfc_wired
from caudal.dynamics.cfc import State as CfCState
from caudal.dynamics.cfc_heads import HEADS, Decay, Mode
from caudal.dynamics.wired import targets
from caudal.kernels import cfc_wired_scan
from caudal.nn.cfc import check_mode
from caudal.nn.fast_step import Stepper, may_skip, quick_step, stepping
from caudal.nn.init import fill_, uniform_
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing
from caudal.nn.synapse_scale import halves, is_per_series, times
from caudal.nn.wired import count_synapses, graph_tensors, polarity, resolve_wiring, synapse_buffers
from caudal.wiring import Wiring


@final
class WiredCfC(Layer):
    """Closed-form continuous-time network over a wiring, which it obeys: what has no synapse has no influence.

    Within one step a signal passes all layers of the wiring: a neuron reads the new value of neurons in lower layers,
    the previous value of its own and higher layers, and always its own previous value. As in `CfC`, only `"pure"`
    keeps the closed form; the other modes are gates conditioned on time.

    `ncps` masks only two of the four heads of its wired CfC, connects each layer densely to itself and drops the
    recurrent synapses of the wiring; weights of the two do not map onto each other.

    Arguments:
        inputs: a `Wiring`, or the number of inputs of a fully connected layer.
        units: number of neurons, only with an integer `inputs`; all of them are then motor.
        mode: `"default"`, `"no_gate"` or `"pure"`, see `caudal.dynamics.cfc_heads`.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, motor)`, `State(h (batch, units))`; `y` holds
        the last `motor` neurons.

    Weights:
        one per head and synapse, one membrane weight and bias per head and neuron. They start in
        U(-sqrt(3 / n), sqrt(3 / n)) with `n` what the neuron really reads, so that sparse neurons start as lively as
        dense ones. Polarity sets the *initial* sign in heads ff1 and ff2 and nothing more: training may flip it, and
        the time heads have no sign to speak of. In `pure`, `a = 1` and `w_tau` starts in U(0.01, 0.1).

    Raises:
        InputError: an argument is out of range.

    Source: Hasani et al., NMI 2022 (arXiv 2106.13898), eq. 4, on the circuits of Lechner et al., NMI 2020.

    Example:
        >>> net = WiredCfC(3, 8)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, state.h.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    wired: ClassVar[bool] = True
    passes_layers: ClassVar[bool] = True

    recurrent_ptr: Tensor
    sensory_ptr: Tensor
    current: Tensor
    layer_ptr: Tensor
    sensory_polarity: Tensor
    recurrent_polarity: Tensor

    def __init__(
        self, inputs: Wiring | int, units: int | None = None, *, mode: Mode = "default", pairing: Pairing = "hold"
    ) -> None:
        super().__init__()
        check_mode("WiredCfC", mode)
        self.wiring = resolve_wiring("WiredCfC", inputs, units)
        self.mode, self.bounded = mode, mode == "default"
        self.inputs, self.units, self.outputs = self.wiring.inputs, self.wiring.units, self.wiring.motor
        synapse_buffers(self, self.wiring)
        sensory, recurrent = self.wiring.sensory_synapses, self.wiring.recurrent_synapses
        self.register_buffer("sensory_polarity", polarity(sensory), persistent=False)
        self.register_buffer("recurrent_polarity", polarity(recurrent), persistent=False)
        current, layer_ptr = _layers(self.wiring.layers, self.recurrent_ptr, torch.tensor(recurrent.source))
        self.register_buffer("current", current, persistent=False)
        self.register_buffer("layer_ptr", layer_ptr, persistent=False)
        heads = HEADS[mode]
        self.sensory_weight = nn.Parameter(torch.empty(heads, len(sensory.source)))
        self.weight = nn.Parameter(torch.empty(heads, len(recurrent.source)))
        self.self_weight = nn.Parameter(torch.empty(heads, self.units))
        self.bias = nn.Parameter(torch.empty(heads, self.units))
        self.a = nn.Parameter(torch.empty(self.units)) if mode == "pure" else None
        self.w_tau = nn.Parameter(torch.empty(self.units)) if mode == "pure" else None
        self._stepper: Stepper | None = None
        self.pair(pairing)
        self._settings = json.dumps(cfc_wired.Settings(mode)._asdict())
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew; see the class for the distributions."""
        reads = 1 + self.sensory_ptr.diff() + self.recurrent_ptr.diff()
        bound = (3 / reads.to(self.bias.dtype)).sqrt()
        for weight, ptr, signs in (
            (self.sensory_weight, self.sensory_ptr, self.sensory_polarity),
            (self.weight, self.recurrent_ptr, self.recurrent_polarity),
        ):
            uniform_(weight, -1.0, 1.0)
            drawn = weight.detach() * bound[targets(ptr)]
            drawn[:2] = drawn[:2].abs() * signs
            fill_(weight, drawn)
        for per_neuron, scale in ((self.self_weight, 1.0), (self.bias, 3**-0.5)):
            uniform_(per_neuron, -scale, scale)
            fill_(per_neuron, per_neuron.detach() * bound)
        if self.a is not None and self.w_tau is not None:
            fill_(self.a, 1.0)
            uniform_(self.w_tau, 0.01, 0.1)

    def params(self, synapses: Tensor | None = None) -> cfc_wired.Params:
        """Parameters as the step uses them; differentiable.

        Arguments:
            synapses: strength of each synapse, a factor of its weights in all heads.
        """
        decay = None if self.a is None or self.w_tau is None else Decay(self.a, self.w_tau)
        per_head = synapses[:, None] if synapses is not None and is_per_series(synapses) else synapses
        sensory, recurrent = halves(per_head, self.sensory_weight.shape[1])
        weights = (times(self.sensory_weight, sensory), times(self.weight, recurrent))
        return cfc_wired.Params(*weights, self.self_weight, self.bias, decay)

    def graph(self) -> list[Tensor]:
        """Index vectors in the order of `caudal.dynamics.cfc_wired.Layered`."""
        return [*graph_tensors(self), self.current, self.layer_ptr]

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        return self.begin(CfCState(self.bias.new_zeros(batch, self.units)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        h = self.states(x, dt, mask, state, synapses)
        return h[..., -self.outputs :], CfCState(h[:, -1])

    def states(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
    ) -> Tensor:
        """States of all neurons after every step, `(batch, time, units)`, for checked arguments."""
        params, graph = self.params(synapses), self.graph()
        if is_per_series(synapses):
            start, settings = CfCState(*state), cfc_wired.Settings(self.mode)
            (h,) = cfc_wired.scan(x, dt, mask, start, params, cfc_wired.Layered(*graph), settings)
        else:
            (h,) = cfc_wired_scan(x, dt, mask, list(state), cfc_wired.flatten(params), graph, self._settings)
        return h

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
        if not may_skip(x, raw["bias"]):
            return None
        done = quick_step(x, dt, state, (self.inputs, self.units), raw.values(), self._stepper, self._fold)
        return None if done is None else (done[0], CfCState(done[1]))

    def _fold(self) -> Stepper:
        raw = cast(Sequence[Tensor], tuple(self._parameters.values()))
        settings = cfc_wired.Settings(self.mode)
        self._stepper = stepping("step_cfc_wired")(
            raw, self.inputs, self.params(), self.graph(), self.outputs, settings
        )
        return self._stepper

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"inputs": self.wiring, "mode": self.mode, **self.pairing_argument()}

    def extra_repr(self) -> str:
        """Sizes, live synapses and mode."""
        synapses = self.weight.shape[1] + self.sensory_weight.shape[1]
        return (
            f"{self.wiring.family}: {self.inputs} inputs, {self.units} units, {synapses} synapses, mode={self.mode!r}"
        )


def _layers(layers: tuple[int, ...], ptr: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """`(current, layer_ptr)`: which synapses rise from a lower layer, and where each layer starts; int32."""
    rank = torch.tensor(layers)
    sizes = torch.unique_consecutive(rank, return_counts=True)[1]
    layer_ptr = torch.cat((sizes.new_zeros(1), sizes.cumsum(0)))
    return (rank[source.long()] < rank[targets(ptr)]).int(), layer_ptr.int()
