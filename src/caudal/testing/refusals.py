"""Clause on bad input: refused with a typed sentence, never computed."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from caudal import errors
from caudal.nn.layer import Layer
from caudal.testing.clause import clause
from caudal.testing.subject import Subject, capability

Call = tuple[str, type[Exception], Callable[[], Any]]


@clause("refusals", "bad input is refused with a typed sentence")
def refusals(subject: Subject) -> None:
    """`InputError` from caudal's layers; any `ValueError` or `TypeError` from others."""
    net = subject.net()
    x, dt = subject.series(net, 3, 4)
    for what, expected, call in (*_sequence_calls(net, x, dt), *_step_calls(net, x[:, 0], dt[:, 0])):
        wanted = expected if isinstance(net, Layer) else (ValueError, TypeError)
        names = expected.__name__ if isinstance(net, Layer) else "ValueError or TypeError"
        remedy = f"Raise {names} with what is wrong and what to do, before computing; `caudal.shapes` holds the checks."
        try:
            with torch.no_grad():
                call()
        except wanted as error:
            if not str(error).strip():
                subject.fail("refusals", f"{what} raised {type(error).__name__} without a word", remedy)
        except Exception as error:
            subject.fail("refusals", f"{what} raised {type(error).__name__}, expected {names}", remedy)
        else:
            subject.fail("refusals", f"{what} was accepted", remedy)


def _with(tensor: Tensor, value: float) -> Tensor:
    changed = tensor.clone()
    changed.view(-1)[-1] = value
    return changed


def _sequence_calls(net: nn.Module, x: Tensor, dt: Tensor) -> Iterator[Call]:
    shape, batch = errors.ShapeError, x.shape[0]
    yield "a negative dt", errors.TimeError, lambda: net(x, dt=_with(dt, -0.5))
    yield "a NaN in dt", errors.TimeError, lambda: net(x, dt=_with(dt, float("nan")))
    yield "an infinite dt", errors.TimeError, lambda: net(x, dt=_with(dt, float("inf")))
    yield "a NaN in x", errors.NonFiniteError, lambda: net(_with(x, float("nan")), dt=dt)
    yield "an infinity in x", errors.NonFiniteError, lambda: net(_with(x, float("-inf")), dt=dt)
    yield "an x without time axis", shape, lambda: net(x[:, 0], dt=dt)
    yield "an x with one input too many", shape, lambda: net(torch.cat([x, x[..., :1]], -1), dt=dt)
    yield "an empty batch", shape, lambda: net(x[:0], dt=dt[:0])
    yield "an empty sequence", shape, lambda: net(x[:, :0], dt=dt[:, :0])
    yield "a dt of shape (batch,)", shape, lambda: net(x, dt=dt[:, 0])
    yield "a dt of shape (time,)", shape, lambda: net(x, dt=dt[0])
    yield "a dt of another dtype", errors.DtypeError, lambda: net(x, dt=dt.float())
    yield "a mask of shape (batch,)", shape, lambda: net(x, dt=dt, mask=torch.ones(batch, dtype=torch.bool))
    yield "a mask of numbers", errors.DtypeError, lambda: net(x, dt=dt, mask=torch.ones_like(dt))
    yield "lengths beyond the sequence", shape, lambda: net(x, dt=dt, lengths=torch.tensor([1, 2, 5]))
    yield "a negative length", shape, lambda: net(x, dt=dt, lengths=torch.tensor([1, 2, -1]))
    yield "lengths of another batch", shape, lambda: net(x, dt=dt, lengths=torch.tensor([1, 2]))
    yield "fractional lengths", errors.DtypeError, lambda: net(x, dt=dt, lengths=torch.tensor([1.0, 2.0, 3.0]))


def _step_calls(net: nn.Module, x: Tensor, dt: Tensor) -> Iterator[Call]:
    if not (capability(net, "causal") and capability(net, "chunked")):
        return
    step: Callable[..., Any] = net.step  # type: ignore[assignment]
    yield "a step with negative dt", errors.TimeError, lambda: step(x, dt=_with(dt, -0.5))
    yield "a step with NaN in x", errors.NonFiniteError, lambda: step(_with(x, float("nan")), dt=dt)
    yield "a step with a time axis", errors.ShapeError, lambda: step(x[:, None], dt=dt)
    yield "a step with an empty batch", errors.ShapeError, lambda: step(x[:0], dt=dt[:0])
    yield "a step with a dt per unit", errors.ShapeError, lambda: step(x, dt=dt[:, None])
