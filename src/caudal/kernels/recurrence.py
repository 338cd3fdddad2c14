"""One recurrence, one door: every scan is a pair of custom ops, forward and explicit reverse-time backward.

All recurrences share one calling shape, so that one function defines them all:

    caudal::<name>_scan(x, dt, mask, state[], params[], graph[], settings, backend) -> states[]
    caudal::<name>_scan_backward(grads[], states[], x, dt, mask, state[], params[], graph[], settings, backend, to_x)
        -> [grad x, grad dt, *grad state, *grad params]

`x (batch, time, input)`, `dt (batch, time)`, `mask (batch, time)` bool or None, each state `(batch, units)`, each of
the returned states `(batch, time, units)`. Where `to_x` is False the gradient of `x` is an empty tensor, and a backend
need not compute it. `graph` holds integer index vectors, `settings` the constants as JSON text
(a graph can carry text, not objects). The backend is chosen inside the op, on real tensors: an exported graph stays
free to run elsewhere.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from caudal.kernels import dispatch


class Call(NamedTuple):
    """The arguments of one scan, as every backend receives them; see the module for shapes.

    Attributes:
        to_x: whether backward is asked for the gradient of `x`; a backend that is not may return any tensor for it.
    """

    x: Tensor
    dt: Tensor
    mask: Tensor | None
    state: Sequence[Tensor]
    params: Sequence[Tensor]
    graph: Sequence[Tensor]
    settings: dict[str, Any]
    to_x: bool = True


class Passes(NamedTuple):
    """Forward, call -> states, and backward, (call, gradients of the states, states) -> gradients."""

    forward: Callable[[Call], list[Tensor]]
    backward: Callable[[Call, list[Tensor], list[Tensor]], list[Tensor]]


@dataclass(frozen=True)
class Backend:
    """One way to run a recurrence.

    Attributes:
        name: what a user asks for.
        can: reason why it cannot run this call, or None.
        forward: call -> states.
        backward: (call, gradients of the states, states) -> [x, dt, *state, *params] gradients.
        auto: reason why it runs such a call only when asked for by name, or None.
    """

    name: str
    can: Callable[[Call], str | None]
    forward: Callable[[Call], list[Tensor]]
    backward: Callable[[Call, list[Tensor], list[Tensor]], list[Tensor]]
    auto: Callable[[Call], str | None] = lambda call: None


@lru_cache(maxsize=256)
def _decode(settings: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(settings)
    return decoded


_SHARED = (
    "Tensor x, Tensor dt, Tensor? mask, Tensor[] state, Tensor[] params, Tensor[] graph, str settings, str backend"
)


def _contiguous(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [t.contiguous() for t in tensors]


def _call(arguments: Sequence[Any]) -> Call:
    """What a backend receives, from the arguments of the forward op without the backend's name."""
    x, dt, mask, state, params, graph, settings = arguments
    counts = None if mask is None else mask.contiguous()
    state, params, graph = (_contiguous(tensors) for tensors in (state, params, graph))
    return Call(x.contiguous(), dt.contiguous(), counts, state, params, graph, _decode(settings))


def _fake_states(x: Tensor, dt: Tensor, mask: Tensor | None, state: Sequence[Tensor], *rest: Any) -> list[Tensor]:
    return [s.new_empty(x.shape[0], x.shape[1], s.shape[1]) for s in state]


def _fake_gradients(grads: Sequence[Tensor], states: Sequence[Tensor], *arguments: Any) -> list[Tensor]:
    x, dt, _, state, params, *_, to_x = arguments
    return [x.new_empty(x.shape if to_x else 0), *(t.new_empty(t.shape) for t in (dt, *state, *params))]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Save for backward: the arguments and one state per step, nothing of the sub-steps."""
    x, dt, mask, state, params, graph, settings, backend = inputs
    masks = [] if mask is None else [mask]
    ctx.save_for_backward(x, dt, *masks, *state, *params, *graph, *output)
    ctx.sizes = (len(masks), len(state), len(params), len(graph), len(output))
    ctx.settings, ctx.backend = settings, backend


def _gradient(back: Callable[..., list[Tensor]]) -> Callable[..., tuple[Any, ...]]:
    """The autograd formula of a forward op whose backward op is `back`."""

    def gradient(ctx: Any, grads: list[Tensor | None]) -> tuple[Any, ...]:
        x, dt, *rest = ctx.saved_tensors
        groups = []
        for size in ctx.sizes:
            groups.append(rest[:size])
            rest = rest[size:]
        masks, state, params, graph, states = groups
        given = [torch.zeros_like(s) if g is None else g for g, s in zip(grads, states, strict=True)]
        mask = masks[0] if masks else None
        to_x = ctx.needs_input_grad[0]
        flat = back(given, states, x, dt, mask, state, params, graph, ctx.settings, ctx.backend, to_x)
        cut = 2 + len(state)
        return flat[0] if to_x else None, flat[1], None, flat[2:cut], flat[cut:], [None] * len(graph), None, None

    return gradient


def _register(name: str) -> Any:
    """The op pair of one recurrence, with fakes and the formula that joins them; returns the forward op."""

    def forward(*arguments: Any) -> list[Tensor]:
        call = _call(arguments[:-1])
        states: list[Tensor] = dispatch.pick(name, call, arguments[-1]).forward(call)
        return states

    def backward(grads: Sequence[Tensor], states: Sequence[Tensor], *arguments: Any) -> list[Tensor]:
        *given, asked, to_x = arguments
        call = _call(given)._replace(to_x=to_x)
        chosen: Backend = dispatch.pick(name, call, asked)
        flat = chosen.backward(call, _contiguous(grads), _contiguous(states))
        return flat if to_x else [call.x.new_empty(0), *flat[1:]]

    custom_op = torch.library.custom_op
    op = custom_op(f"caudal::{name}", forward, mutates_args=(), schema=f"({_SHARED}) -> Tensor[]")
    schema = f"(Tensor[] grads, Tensor[] states, {_SHARED}, bool to_x) -> Tensor[]"
    back = custom_op(f"caudal::{name}_backward", backward, mutates_args=(), schema=schema)
    op.register_fake(_fake_states)
    back.register_fake(_fake_gradients)
    op.register_autograd(_gradient(back), setup_context=_keep)
    return op


def define(name: str, backends: Sequence[Backend]) -> Callable[..., list[Tensor]]:
    """Register the op pair `caudal::<name>` and `caudal::<name>_backward` and return the differentiable door.

    Arguments:
        name: for example `"ltc_scan"`.
        backends: in order of preference; the first that can run a call is taken.

    Returns:
        function `(x, dt, mask, state, params, graph, settings, backend) -> states`, `settings` as JSON text.
    """
    dispatch.TABLE[name] = tuple(backends)
    op = _register(name)

    def door(
        x: Tensor,
        dt: Tensor,
        mask: Tensor | None,
        state: Sequence[Tensor],
        params: Sequence[Tensor],
        graph: Sequence[Tensor],
        settings: str,
        backend: str | None = None,
    ) -> list[Tensor]:
        asked = backend or ("auto" if torch.compiler.is_compiling() else dispatch.asked())
        result: list[Tensor] = op(x, dt, mask, list(state), list(params), list(graph), settings, asked)
        return result

    return door


def why(recurrence: str, x: Tensor, **settings: object) -> dispatch.Choice:
    """Print and return the choice for calls with inputs like `x`, with the reason of each backend refused before it.

    The rest of the call is taken to fit `x`: same dtype and device, few synapses, usual settings where none are given.

    Arguments:
        recurrence: for example `"cfc_scan"`.
        x: inputs `(batch, time, input)`, of the dtype and on the device in question.
        settings: constants of the recurrence that a backend may refuse, for example `activation="gelu"`.

    Raises:
        BackendError: there is no such recurrence.

    Example:
        >>> _ = why("ltc_scan", torch.zeros(1, 2, 3))
        ltc_scan: numba
    """
    dispatch.names(recurrence)
    batch, time = x.shape[:2]
    no_synapses = [x.new_empty(0, dtype=torch.int32)] * 6
    call = Call(x, x.new_ones(batch, time), None, [x.new_zeros(batch, 1)], [], no_synapses, _Usual(settings))
    choice = dispatch.explain(recurrence, call)
    print(choice)
    return choice


class _Usual(dict[str, object]):
    """Settings of which those not given are None, so that no backend refuses them."""

    def __missing__(self, name: str) -> None:
        return None
