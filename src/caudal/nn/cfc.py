"""The dense closed-form continuous-time layer: parameters around `dynamics/cfc.py`."""

import json
from typing import Any, final

import torch
from torch import Tensor, nn

from caudal.dynamics import cfc
from caudal.dynamics.cfc_heads import ACTIVATIONS, HEADS, Activation, Decay, Mode
from caudal.errors import InputError
from caudal.kernels import cfc_scan
from caudal.kernels.affine import affine
from caudal.nn.fast_step import Stepper, may_skip, quick_step, stepping
from caudal.nn.init import fill_, uniform_
from caudal.nn.layer import Layer, State
from caudal.nn.pairing import Pairing
from caudal.wiring import Wiring


def check_mode(owner: str, mode: str) -> None:
    """Refuse an unknown mode.

    Raises:
        InputError: `mode` is not one of the three closed forms.
    """
    if mode not in HEADS:
        raise InputError(owner, "mode", f"is {mode!r}", 'Pass "default", "no_gate" or "pure".')


@final
class CfC(Layer):
    """Closed-form continuous-time network, every unit reading every input and every unit through one backbone.

    In `"default"` and `"no_gate"` mode this is a *gate conditioned on time*, inspired by the closed-form solution but
    not a solution of the LTC: `dt = 0` does not return the previous state, and two half steps are not one whole step.
    Only `"pure"` keeps the closed form (that of a scalar equation with a symmetrised drive, not of the LTC network).
    Keep `dt` near 1 in your unit: the gate sees `t_a * dt + t_b`. For a wiring use `WiredCfC`.

    Arguments:
        inputs: number of inputs.
        units: number of neurons; all of them are outputs.
        mode: `"default"`, `"no_gate"` or `"pure"`, see `caudal.dynamics.cfc_heads`.
        backbone_units: width of each backbone layer.
        backbone_layers: number of backbone layers; 0 lets the heads read input and state directly.
        activation: of the backbone: `"lecun_tanh"`, `"tanh"`, `"relu"`, `"silu"` or `"gelu"`.
        pairing: when an input acts: `"hold"`, `"previous"` or `"event"`, see `caudal.nn.pairing`.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `State(h (batch, units))`, `y = h`.

    Weights:
        `entry`: from `[input | state]` to the first backbone layer (to the heads without one); `backbone`: the further
        layers; `heads`: ff1, ff2, t_a, t_b stacked. Weights are drawn by Glorot's uniform rule head by head and
        biases as in `nn.Linear`, like `ncps.torch.CfC`; but `a = 1` (there drawn at random) and `w_tau` in
        U(0.01, 0.1) (at 0 its gradient vanishes, since it acts through its absolute value).

    Raises:
        InputError: an argument is out of range, or `inputs` is a wiring.

    Source: Hasani et al., Nature Machine Intelligence 2022 (arXiv 2106.13898), eq. 4.

    Example:
        >>> net = CfC(3, 8, backbone_units=16)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, state.h.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 8]))
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        mode: Mode = "default",
        backbone_units: int = 128,
        backbone_layers: int = 1,
        activation: Activation = "lecun_tanh",
        pairing: Pairing = "hold",
    ) -> None:
        super().__init__()
        _check(inputs, units, mode, backbone_units, backbone_layers, activation)
        self.inputs, self.units, self.outputs = inputs, units, units
        self.mode, self.activation, self.bounded = mode, activation, mode == "default"
        self.backbone_units, self.backbone_layers = backbone_units, backbone_layers
        heads = HEADS[mode] * units
        self.entry = nn.Linear(inputs + units, backbone_units if backbone_layers else heads)
        further = range(backbone_layers - 1)
        self.backbone = nn.ModuleList(nn.Linear(backbone_units, backbone_units) for _ in further)
        self.heads = nn.Linear(backbone_units, heads) if backbone_layers else None
        self.a = nn.Parameter(torch.empty(units)) if mode == "pure" else None
        self.w_tau = nn.Parameter(torch.empty(units)) if mode == "pure" else None
        self._settings = json.dumps(cfc.Settings(mode, activation, backbone_layers)._asdict())
        self._stepper: Stepper | None = None
        self.pair(pairing)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter anew; see the class for the distributions."""
        for layer in (self.entry, *self.backbone, self.heads):
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
                parts = HEADS[self.mode] if layer is self.heads or self.heads is None else 1
                for part in layer.weight.detach().chunk(parts):
                    nn.init.xavier_uniform_(part)
        if self.a is not None and self.w_tau is not None:
            fill_(self.a, 1.0)
            uniform_(self.w_tau, 0.01, 0.1)

    def params(self) -> cfc.Params:
        """Parameters as the step uses them, without the input projection; differentiable."""
        layers = [*self.backbone] if self.heads is None else [*self.backbone, self.heads]
        dense = tuple((layer.weight, layer.bias) for layer in layers)
        decay = None if self.a is None or self.w_tau is None else Decay(self.a, self.w_tau)
        return cfc.Params(self.entry.weight[:, self.inputs :], dense, decay)

    def project(self, x: Tensor) -> Tensor:
        """What the first layer adds for the inputs alone: `(..., inputs)` -> `(..., first)`."""
        return affine(x, self.entry.weight[:, : self.inputs], self.entry.bias)

    def initial_state(self, batch: int) -> State:
        """Zeros."""
        return self.begin(cfc.State(self.entry.weight.new_zeros(batch, self.units)))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        (h,) = cfc_scan(self.project(x), dt, mask, list(state), cfc.flatten(self.params()), [], self._settings)
        return h, cfc.State(h[:, -1])

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def quick(self, x: Tensor, dt: Tensor | None, state: State | None) -> tuple[Tensor, State] | None:
        """See `Layer.quick`: weights stay folded until their memory changes."""
        raw = self._raw()
        if self.activation == "gelu" or not may_skip(x, raw[0]):
            return None
        done = quick_step(x, dt, state, (self.inputs, self.units), raw, self._stepper, self._fold)
        return None if done is None else (done[0], cfc.State(done[1]))

    def _raw(self) -> list[Tensor]:
        layers = [self.entry, *self.backbone, *(() if self.heads is None else (self.heads,))]
        pairs = [tensor for layer in layers for tensor in (layer.weight, layer.bias)]
        return pairs if self.a is None or self.w_tau is None else [*pairs, self.a, self.w_tau]

    def _fold(self) -> Stepper:
        raw = self._raw()
        settings = cfc.Settings(self.mode, self.activation, self.backbone_layers)
        self._stepper = stepping("CfcStepper")(raw, (raw[0], raw[1]), self.params(), settings)
        return self._stepper

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.inputs,
            "units": self.units,
            "mode": self.mode,
            "backbone_units": self.backbone_units,
            "backbone_layers": self.backbone_layers,
            "activation": self.activation,
            **self.pairing_argument(),
        }

    def extra_repr(self) -> str:
        """Sizes and mode."""
        return f"{self.inputs} inputs, {self.units} units, mode={self.mode!r}, activation={self.activation!r}"


def _check(inputs: object, units: object, mode: str, width: int, layers: int, activation: str) -> None:
    if isinstance(inputs, Wiring):
        remedy = "Pass `WiredCfC(wiring)` to obey a wiring, or `CfC(inputs, units)` for a dense layer."
        raise InputError("CfC", "inputs", "is a wiring, and a backbone would read past it", remedy)
    for name, value in (("inputs", inputs), ("units", units), ("backbone_units", width)):
        if not isinstance(value, int) or value < 1:
            raise InputError("CfC", name, f"is {value!r}; expected an integer of at least 1", f"Pass `{name}=32`.")
    if not isinstance(layers, int) or layers < 0:
        raise InputError("CfC", "backbone_layers", f"is {layers!r}; expected at least 0", "Pass `backbone_layers=1`.")
    check_mode("CfC", mode)
    if activation not in ACTIVATIONS:
        raise InputError("CfC", "activation", f"is {activation!r}", f"Pass one of {', '.join(ACTIVATIONS)}.")
