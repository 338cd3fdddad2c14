"""Clauses on the module: saved, copied, called with other parameters, moved to other dtypes."""

import copy
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from caudal.nn import files
from caudal.nn.layer import Layer
from caudal.nn.registry import is_registered
from caudal.testing.clause import clause
from caudal.testing.states import leaves
from caudal.testing.subject import Subject, distance

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
