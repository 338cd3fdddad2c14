"""Clauses on the module: saved, copied, called with other parameters, moved to other dtypes; bad input is refused."""

import copy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from caudal import errors
from caudal.nn import files
from caudal.nn.layer import Layer
from caudal.nn.registry import is_registered
from caudal.testing.clause import clause
from caudal.testing.subject import Subject, capability, distance, leaves

OTHER = 12345


@clause("save", "saved and loaded, the numbers are the same to the bit")
def save(subject: Subject) -> None:
    """Through `state_dict` into a layer that was drawn otherwise, and through `caudal.save` where it is registered."""
    remedy = "Keep whatever the numbers depend on in parameters, persistent buffers or constructor arguments."
    net, other = subject.net(), subject.net(seed=OTHER)
    x, dt = subject.series(net, 3, 4)
    other.load_state_dict(net.state_dict())
    _bitwise(subject, "save", "outputs before and after `load_state_dict`", net, other, x, dt, remedy)
    if isinstance(net, Layer) and is_registered(type(net)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.caudal"
            files.save(net, path)
            loaded = files.load(path)
        loaded.eval()
        _bitwise(subject, "save", "outputs before and after `caudal.save`", net, loaded, x, dt, remedy)


@clause("functional", "deepcopy, functional_call and assign=True are obeyed")
def functional(subject: Subject) -> None:
    """A copy stands alone, and parameters given from outside are the ones that act."""
    remedy = "Read parameters as attributes at every call; keep no second reference to them and no cached product."
    net, other = subject.net(), subject.net(seed=OTHER)
    x, dt = subject.series(net, 3, 4)
    with torch.no_grad():
        before, target = net(x, dt=dt)[0], other(x, dt=dt)[0]
        twin = copy.deepcopy(net)
        _assigned(twin, other)
        subject.same("functional", "outputs of a deep copy given other parameters", twin(x, dt=dt)[0], target, remedy)
        what = "outputs before and after its deep copy was changed"
        subject.same("functional", what, net(x, dt=dt)[0], before, remedy)
        values = {**dict(other.named_parameters()), **dict(other.named_buffers())}
        called = torch.func.functional_call(net, values, (x,), {"dt": dt})[0]
        subject.same("functional", "outputs of `functional_call` with other parameters", called, target, remedy)
        net.load_state_dict(other.state_dict(), assign=True)
        what = "outputs after `load_state_dict(..., assign=True)`"
        subject.same("functional", what, net(x, dt=dt)[0], target, remedy)


def _assigned(net: nn.Module, other: nn.Module) -> None:
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    for name, value in {**dict(other.named_parameters()), **dict(other.named_buffers())}.items():
        tensors[name].copy_(value)


@clause("dtype", "bfloat16, float32 and float64 work, and the results follow the parameters")
def dtype(subject: Subject) -> None:
    """Narrow dtypes agree with float64 as far as they can."""
    remedy = "Create tensors like the parameters (`x.new_zeros`), never in torch's default dtype."
    exact = subject.net(torch.float32).double()
    x, dt = (t.to(torch.bfloat16).double() for t in subject.series(exact, 3, 4))
    with torch.no_grad():
        expected = exact(x, dt=dt)[0]
        for kind, allowed in ((torch.float64, 1e-10), (torch.float32, 1e-4), (torch.bfloat16, 0.1)):
            net = subject.net(torch.float32).to(kind)
            y, state = net(x.to(kind), dt=dt.to(kind))
            wrong = [t.dtype for t in (y, *leaves(state)) if t.is_floating_point() and t.dtype != kind]
            if wrong:
                subject.fail("dtype", f"a layer in {kind} returned {wrong[0]}", remedy)
            difference = distance(y, expected)
            if not difference <= allowed:
                fault = f"outputs in {kind} differ from float64 by {difference:.2g}, more than {allowed:g}"
                subject.fail("dtype", fault, remedy)


def _bitwise(
    subject: Subject, clause_: str, what: str, net: nn.Module, other: nn.Module, x: Tensor, dt: Tensor, remedy: str
) -> None:
    with torch.no_grad():
        first, second = net(x, dt=dt)[0], other(x, dt=dt)[0]
    if not torch.equal(first, second):
        subject.fail(clause_, f"{what} differ by {distance(second, first):.2g}, more than 0", remedy)


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
