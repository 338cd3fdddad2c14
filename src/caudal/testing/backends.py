"""Every backend of every liquid layer held against the reference: outputs, final states and gradients."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from caudal import kernels, nn, wiring
from caudal.errors import BackendError
from caudal.nn.layer import leaves

INPUTS = 3
REFERENCE = "reference"
SHAPES = ((1, 1), (5, 9), (33, 17))
# Rounding of float32 over some dozen steps, and sums of some thousand rounded terms in a gradient.
OUTPUTS, GRADIENTS = 2e-6, 2e-5


@dataclass(frozen=True)
class Check:
    """One line of the correctness gate.

    Attributes:
        subject: layer and shape.
        recurrence: its recurrence.
        backend: the backend held against the reference.
        status: `"equal"`, `"red"` (differs, or failed) or `"refused"` (cannot run here).
        detail: largest differences, or the reason.
    """

    subject: str
    recurrence: str
    backend: str
    status: Literal["equal", "red", "refused"]
    detail: str


@dataclass(frozen=True, eq=False)
class Guarded:
    """A layer that the gate holds against the reference.

    Attributes:
        name: what the gate prints.
        recurrence: whose backends are tried.
        build: makes the layer; the same numbers every time.
    """

    name: str
    recurrence: str
    build: Callable[[], nn.Layer]


def _circuit() -> wiring.Wiring:
    return wiring.ncp(INPUTS, 7, 5, 2, seed=1)


def _mixed(form: Any) -> nn.Layer:
    liquid: nn.Layer = nn.CfC(INPUTS if form == "shared" else 6, 6, backbone_units=9)
    return nn.MixedMemory(INPUTS, liquid, form=form)


GUARDED: tuple[Guarded, ...] = (
    Guarded("LTC over a policy", "ltc_scan", lambda: nn.LTC(_circuit())),
    Guarded("LTC fully connected", "ltc_scan", lambda: nn.LTC(INPUTS, 19, init="ncps", eps=1e-8)),
    Guarded("CfC", "cfc_scan", lambda: nn.CfC(INPUTS, 19, backbone_units=33)),
    Guarded("CfC no_gate", "cfc_scan", lambda: nn.CfC(INPUTS, 7, mode="no_gate", backbone_layers=0)),
    Guarded("CfC pure", "cfc_scan", lambda: nn.CfC(INPUTS, 7, mode="pure", backbone_units=9, backbone_layers=2)),
    Guarded("WiredCfC", "cfc_wired_scan", lambda: nn.WiredCfC(_circuit())),
    Guarded("WiredCfC no_gate", "cfc_wired_scan", lambda: nn.WiredCfC(_circuit(), mode="no_gate")),
    Guarded("WiredCfC pure", "cfc_wired_scan", lambda: nn.WiredCfC(_circuit(), mode="pure")),
    Guarded("LRC", "lrc_scan", lambda: nn.LRC(_circuit())),
    Guarded("CTRNN", "ctrnn_scan", lambda: nn.CTRNN(_circuit())),
    Guarded("LiquidSSM", "liquid_ssm_scan", lambda: nn.LiquidSSM(INPUTS, 19, output_gate=True)),
    Guarded("LiquidSSM softplus", "liquid_ssm_scan", lambda: nn.LiquidSSM(INPUTS, 7, layers=2, decay="softplus")),
    Guarded("MixedMemory shared", "mixed_scan", lambda: _mixed("shared")),
    Guarded("MixedMemory cascade", "mixed_scan", lambda: _mixed("cascade")),
    Guarded("MixedMemory stacked", "lstm_scan", lambda: _mixed("stacked")),
)


def check_backends() -> tuple[Check, ...]:
    """Hold every backend of every liquid layer against the reference.

    Outputs, final states and the gradients of parameters, `x`, `dt` and initial state are compared, in float32, on
    odd shapes, with elapsed times and a mask.
    """
    return tuple(_backends())


def _backends() -> Iterator[Check]:
    for guarded in GUARDED:
        for backend in kernels.names(guarded.recurrence):
            if backend != REFERENCE:
                yield checked(guarded.name, guarded.recurrence, backend, _compare, guarded, backend)


def checked(subject: str, recurrence: str, backend: str, compare: Callable[..., str | None], *args: object) -> Check:
    """Run a comparison; whatever it raises turns the gate red, but for a backend that refuses with its reason."""
    try:
        fault = compare(*args)
    except BackendError as refusal:
        return Check(subject, recurrence, backend, "refused", _reason(refusal))
    except Exception as error:
        return Check(subject, recurrence, backend, "red", f"failed: {type(error).__name__}: {error}")
    return Check(subject, recurrence, backend, "red" if fault else "equal", fault or "outputs and gradients")


def _reason(refusal: BackendError) -> str:
    """The backend's own words out of the sentence that a user would read."""
    return str(refusal).partition("cannot run this call: ")[2].partition(". Ask for")[0] or str(refusal)


def _compare(guarded: Guarded, backend: str) -> str | None:
    """The first difference over all shapes, in words, or None."""
    for batch, time in SHAPES:
        torch.manual_seed(batch)
        net = guarded.build()
        call = _call(net, batch, time)
        with kernels.use(REFERENCE):
            expected = _results(net, *call)
            expected |= _steps(net, *call[:2], by_step=False)
        with kernels.use(backend):
            results = _results(net, *call)
            results |= _steps(net, *call[:2], by_step=True)
        fault = difference(results, expected)
        if fault:
            return f"batch {batch}, {time} steps: {fault}"
    return None


def _call(net: nn.Layer, batch: int, time: int) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    x, dt = torch.randn(batch, time, net.inputs), 2 * torch.rand(batch, time)
    mask = torch.rand(batch, time) > 0.2
    return x, dt, mask, [0.3 * torch.randn_like(part) for part in leaves(net.initial_state(batch))]


def _results(net: nn.Layer, x: Tensor, dt: Tensor, mask: Tensor, start: list[Tensor]) -> dict[str, Tensor]:
    """Outputs, final state and gradients by name."""
    read = [x.clone().requires_grad_(), dt.clone().requires_grad_(), *(part.clone().requires_grad_() for part in start)]
    state = _filled(net.initial_state(x.shape[0]), iter(read[2:]))
    y, end = net(read[0], dt=read[1], mask=mask, state=state)
    values = {"y": y, **{f"final state {k}": part for k, part in enumerate(leaves(end))}}
    # Weights that differ from place to place: a plain sum would hide outputs that changed places.
    score = sum((value * torch.linspace(0.5, 1.5, value.numel()).view_as(value)).sum() for value in values.values())
    parameters = dict(net.named_parameters())
    names = ["x", "dt", *(f"initial state {k}" for k in range(len(start))), *parameters]
    grads = torch.autograd.grad(torch.as_tensor(score), [*read, *parameters.values()], allow_unused=True)
    named = {f"gradient of {name}": grad for name, grad in zip(names, grads, strict=True) if grad is not None}
    return {name: value.detach() for name, value in {**values, **named}.items()}


def _steps(net: nn.Layer, x: Tensor, dt: Tensor, by_step: bool) -> dict[str, Tensor]:
    """Outputs without gradients, by one scan or step by step: steps may have a compiled path of their own."""
    with torch.no_grad():
        if not by_step:
            return {"outputs of step": net(x, dt=dt)[0]}
        outputs, state = [], None
        for t in range(x.shape[1]):
            y, state = net.step(x[:, t], dt=dt[:, t], state=state)
            outputs.append(y)
        return {"outputs of step": torch.stack(outputs, 1)}


def _filled(state: Any, parts: Iterator[Tensor]) -> object:
    filled = [next(parts) if isinstance(part, Tensor) else _filled(part, parts) for part in state]
    return type(state)(*filled) if hasattr(state, "_fields") else tuple(filled)


def difference(results: dict[str, Tensor], expected: dict[str, Tensor]) -> str | None:
    """The first result that differs by more than rounding, in words, or None."""
    if results.keys() != expected.keys():
        return f"has other results: {', '.join(sorted(results.keys() ^ expected.keys()))}"
    for name, value in expected.items():
        limit = GRADIENTS if name.startswith("gradient") else OUTPUTS
        scale = max(1.0, value.abs().max().item())
        differs = (results[name] - value).abs().max().item()
        # Written so that NaN fails too.
        if not differs <= limit * scale:
            return f"{name} differs by {differs:.1e} at a scale of {scale:.1e}; allowed is {limit:.0e} of the scale"
    return None
