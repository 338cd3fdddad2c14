"""What caudal can do on this machine, read from the code itself so that no table can promise what it lacks."""

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from caudal import kernels, nn, wiring
from caudal.errors import CaudalError
from caudal.kernels import dispatch
from caudal.kernels.recurrence import Call
from caudal.nn.registry import kinds
from caudal.testing.backends import GUARDED

INPUTS, UNITS = 8, 32
EXAMPLE = f"of a layer of {INPUTS} inputs and {UNITS} units; a wired one over auto_ncp({INPUTS}, {UNITS}, 4)"


@dataclass(frozen=True)
class CellFacts:
    """One layer and what it can do.

    Attributes:
        name: class name in `caudal.nn`.
        wired: whether a wiring limits who reads whom.
        causal: whether outputs depend on the present and the past only.
        chunked: whether a sequence may be passed in pieces.
        parameters: trainable numbers of the example; None where it cannot be built so.
        recurrences: ops it runs; none where it is plain torch.
        backends: of those ops, in order of preference.
    """

    name: str
    wired: bool
    causal: bool
    chunked: bool
    parameters: int | None
    recurrences: tuple[str, ...]
    backends: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """One backend of one recurrence on one device of this machine.

    Attributes:
        recurrence: name of the op.
        backend: name of the backend.
        device: `"cpu"` or `"cuda"`.
        status: `"chosen"`, `"runs"` (when asked for by name) or `"refused"`.
        reason: why it cannot run; empty when it can.
    """

    recurrence: str
    backend: str
    device: str
    status: Literal["chosen", "runs", "refused"]
    reason: str


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the recurrences that are called, with their arguments."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: dict[str, Call] = {}

    def __torch_dispatch__(self, func: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> object:
        space, _, name = str(func.name()).partition("::")
        if space == "caudal" and name.endswith("_scan"):
            x, dt, mask, state, params, graph, settings = args[:7]
            self.seen[name] = Call(x, dt, mask, state, params, graph, json.loads(settings))
        return func(*args, **(kwargs or {}))


@contextmanager
def _watched(net: nn.Layer) -> Iterator[dict[str, Call]]:
    """Run a layer over one step on the reference, where nothing has to be compiled."""
    with torch.random.fork_rng(devices=[]), torch.no_grad(), kernels.use("reference"), _Watch() as watch:
        net(torch.zeros(1, 2, net.inputs))
    yield watch.seen


def cells() -> tuple[CellFacts, ...]:
    """Every layer that caudal has, own registered ones included.

    Example:
        >>> [cell.wired for cell in cells() if cell.name in ("CfC", "LTC")]
        [False, True]
    """
    return tuple(_cell(name, kind) for name, kind in sorted(kinds().items()))


def _cell(name: str, kind: type[nn.Layer]) -> CellFacts:
    net = _example(kind)
    seen: tuple[str, ...] = ()
    if net is not None:
        with _watched(net) as calls:
            seen = tuple(calls)
    backends = tuple(dict.fromkeys(backend for kernel in seen for backend in kernels.names(kernel)))
    parameters = None if net is None else sum(p.numel() for p in net.parameters() if p.requires_grad)
    return CellFacts(name, kind.wired, kind.causal, kind.chunked, parameters, seen, backends)


def _example(kind: type[nn.Layer]) -> nn.Layer | None:
    build: Any = kind
    try:
        if kind.wired:
            return _layer(build(wiring.auto_ncp(INPUTS, UNITS, 4)))
        if "liquid" in inspect.signature(kind).parameters:
            return _layer(build(INPUTS, nn.CfC(INPUTS, UNITS)))
        return _layer(build(INPUTS, UNITS))
    except (CaudalError, TypeError):
        return None


def _layer(net: object) -> nn.Layer | None:
    return net if isinstance(net, nn.Layer) else None


def backends() -> tuple[Standing, ...]:
    """Every backend of every recurrence, on each device of this machine, in float32.

    Example:
        >>> {standing.backend for standing in backends() if standing.recurrence == "ltc_scan"} >= {"reference"}
        True
    """
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    calls: dict[str, Call] = {}
    for guarded in GUARDED:
        with _watched(guarded.build()) as seen:
            calls = {**seen, **calls}
    return tuple(
        standing
        for name in sorted(calls)
        for device in devices
        for standing in _standings(name, _moved(calls[name], device), device)
    )


def _standings(name: str, call: Call, device: str) -> Iterator[Standing]:
    chosen = dispatch.explain(name, call).backend
    for backend in dispatch.TABLE[name]:
        reason = backend.can(call)
        status: Literal["chosen", "runs", "refused"] = "refused" if reason is not None else "runs"
        yield Standing(name, backend.name, device, "chosen" if backend.name == chosen else status, reason or "")


def _moved(call: Call, device: str) -> Call:
    if device == "cpu":
        return call
    state, params, graph = ([t.to(device) for t in group] for group in (call.state, call.params, call.graph))
    return Call(call.x.to(device), call.dt.to(device), None, state, params, graph, call.settings)
