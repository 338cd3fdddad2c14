"""Mixed memory: a memory cell beside, or before, a liquid layer."""

import json
from typing import Any, Literal, NamedTuple, final

import torch
from torch import Tensor, nn

from caudal.dynamics import mixed
from caudal.dynamics.lstm import Params as MemoryParams
from caudal.dynamics.lstm import State as MixedState
from caudal.errors import InputError
from caudal.kernels import lstm_scan, mixed_scan
from caudal.kernels.affine import affine
from caudal.nn.cfc import CfC
from caudal.nn.init import uniform_
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing

Form = Literal["shared", "cascade", "stacked"]


class StackedState(NamedTuple):
    """State of the `"stacked"` form.

    Attributes:
        memory: output and memory of the memory cell.
        liquid: state of the liquid layer.
    """

    memory: MixedState
    liquid: State


@final
class MixedMemory(Layer):
    """A liquid layer with a long short-term memory, whose content no elapsed time can wash out.

    Three architectures go by this name; say which one you mean:

        shared    m, c = LSTM(u, (h, c));  h = CfC(u, m)       `mixed_memory=True` of the PyTorch programs
        cascade   m, c = LSTM(u, (h, c));  h = CfC(m, h)       `MixedMemoryRNN` of the TensorFlow and Keras programs
        stacked   m, c = LSTM(u, (m, c));  h = liquid(m, h)    each keeps its own state; in no published program

    `shared` and `cascade` feed the liquid state back into the gates of the memory and are written for the dense CfC.
    `stacked` is a plain composition, so it takes any layer: LTC, WiredCfC, ... In `shared` the memory's output
    overwrites the liquid state at every step: all that the CfC keeps, it keeps through the memory.

    Arguments:
        inputs: number of inputs.
        liquid: the liquid layer; it is held, not copied. A `CfC(inputs, units)` for `"shared"`, a
            `CfC(units, units)` for `"cascade"`; any layer for `"stacked"`, whose memory has `liquid.inputs` units.
        form: which architecture.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, liquid.outputs)`; state `MixedState(h, c)`,
        `(batch, units)` each, or `StackedState(memory, liquid)`.

    Weights:
        `input_map` by Glorot's uniform rule, biases in U(-0.1, 0.1); `recurrent_map` orthogonal; forget bias +1.

    Raises:
        InputError: the liquid layer does not fit the form.

    Source: Hasani et al., NMI 2022 (arXiv 2106.13898); Lechner and Hasani 2020 (arXiv 2006.04418).

    Example:
        >>> net = MixedMemory(3, CfC(3, 8, backbone_units=16))
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, state.c.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    def __init__(self, inputs: int, liquid: Layer, *, form: Form = "shared", pairing: Pairing = "hold") -> None:
        super().__init__()
        _check(inputs, liquid, form)
        self.inputs, self.outputs, self.form = inputs, liquid.outputs, form
        self.size = liquid.inputs if form == "stacked" else liquid.outputs
        self.input_map = nn.Linear(inputs, 4 * self.size)
        self.recurrent_map = nn.Linear(self.size, 4 * self.size, bias=False)
        self.liquid = liquid
        self.pair(pairing)
        self._settings = "{}"
        if isinstance(liquid, CfC) and form != "stacked":
            settings = mixed.Settings(liquid.mode, liquid.activation, liquid.backbone_layers, form)
            self._settings = json.dumps(settings._asdict())
        self._reset_memory()

    def reset_parameters(self) -> None:
        """Draw every parameter anew, those of the liquid layer included."""
        self._reset_memory()
        self.liquid.reset_parameters()

    def _reset_memory(self) -> None:
        nn.init.xavier_uniform_(self.input_map.weight)
        uniform_(self.input_map.bias, -0.1, 0.1)
        nn.init.orthogonal_(self.recurrent_map.weight)

    def initial_state(self, batch: int) -> State:
        """Zeros, and the initial state of the liquid layer where it keeps its own."""
        memory = MixedState(*(self.input_map.weight.new_zeros(batch, self.size) for _ in range(2)))
        return self.begin(StackedState(memory, self.liquid.initial_state(batch)) if self.form == "stacked" else memory)

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        p = affine(x, self.input_map.weight, self.input_map.bias)
        if self.form == "stacked":
            memory, inner = state
            m, c = lstm_scan(p, dt, mask, list(memory), [self.recurrent_map.weight], [], self._settings)
            y, liquid = self.liquid.through(m, dt, mask, inner, synapses)
            return y, StackedState(MixedState(m[:, -1], c[:, -1]), liquid)
        q, params = self._liquid(x)
        flat = mixed.flatten(params)
        h, c = mixed_scan(torch.cat((p, q), -1), dt, mask, list(state), flat, [], self._settings)
        return h, MixedState(h[:, -1], c[:, -1])

    def _liquid(self, x: Tensor) -> tuple[Tensor, mixed.Params]:
        """What the CfC's first layer adds to the memory's output, and its weights as the form reads them."""
        liquid = self.liquid
        if not isinstance(liquid, CfC):
            raise InputError("MixedMemory", "liquid", "was replaced by another layer", "Build a new `MixedMemory`.")
        memory, params = MemoryParams(self.recurrent_map.weight), liquid.params()
        if self.form == "shared":
            return liquid.project(x), mixed.Params(memory, params)
        bias = liquid.entry.bias.expand(x.shape[0], x.shape[1], -1)
        return bias, mixed.Params(memory, params._replace(w_h=liquid.entry.weight))

    def synapse_count(self) -> int:
        """See `Layer.synapse_count`."""
        return self.liquid.synapse_count()

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"inputs": self.inputs, "liquid": self.liquid, "form": self.form, **self.pairing_argument()}

    def extra_repr(self) -> str:
        """Sizes and form."""
        return f"{self.inputs} inputs, memory of {self.size}, form={self.form!r}"


def _check(inputs: int, liquid: Layer, form: str) -> None:
    if form not in ("shared", "cascade", "stacked"):
        raise InputError("MixedMemory", "form", f"is {form!r}", 'Pass "shared", "cascade" or "stacked".')
    if not isinstance(inputs, int) or inputs < 1:
        raise InputError(
            "MixedMemory", "inputs", f"is {inputs!r}; expected an integer of at least 1", "Pass `inputs=8`."
        )
    if isinstance(liquid, Layer) and liquid.pairing != "hold":
        fault = f"has pairing={liquid.pairing!r}, and the memory beside it would not"
        raise InputError("MixedMemory", "liquid", fault, f"Pass `MixedMemory(..., pairing={liquid.pairing!r})`.")
    if form == "stacked" and isinstance(liquid, Layer):
        return
    if not isinstance(liquid, CfC):
        raise InputError(
            "MixedMemory",
            "liquid",
            f"is a {type(liquid).__name__}; form={form!r} is written for the dense CfC",
            'Pass a `CfC`, or `form="stacked"`, which takes any layer.',
        )
    expected = inputs if form == "shared" else liquid.units
    if liquid.inputs != expected:
        raise InputError(
            "MixedMemory",
            "liquid",
            f"has {liquid.inputs} inputs; form={form!r} needs {expected}",
            f"Pass `CfC({expected}, {liquid.units})`.",
        )
