"""An independent count: run any torch module and count every scalar operation that torch is asked for.

The counter stands below autograd, where composed functions have fallen apart into a few dozen plain ones (the packed
LSTM and GRU of torch included), and a recurrence of caudal is run as its equation in `dynamics/` writes it. It knows
no layer. What depends on parameters alone is folded; a product with a parameter that is exactly 0 (a synapse that is
not there, a pruned weight) is none; a sum of n terms is n - 1 additions; adding 0 or multiplying by 1 is nothing.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.utils._python_dispatch import TorchDispatchMode

from caudal.kernels import dispatch
from caudal.kernels.recurrence import Call
from caudal.nn.counter_rules import KINDS, Tracker, is_known
from caudal.nn.layer import Layer, State
from caudal.nn.work import Operations


@dataclass(frozen=True)
class Count:
    """Scalar operations of a run, by kind.

    Attributes:
        products, sums, divisions, comparisons: scalar operations.
        curved: evaluations of curved functions by kind: `"sigmoids"`, `"tanhs"`, ...
        unknown: calls that the counter cannot count, by name of the function; empty when the count is whole.
    """

    products: float = 0.0
    sums: float = 0.0
    divisions: float = 0.0
    comparisons: float = 0.0
    curved: dict[str, float] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Scalar operations of every kind; a multiply-add is two."""
        return self.products + self.sums + self.divisions + self.comparisons + sum(self.curved.values())

    @staticmethod
    def of(work: Operations) -> "Count":
        """The same view of counted formulas, to compare with.

        Example:
            >>> Count.of(Operations(macs=2, adds=1, tanhs=3)).sums
            3.0
        """
        curved = {kind: float(getattr(work, kind)) for kind in KINDS if getattr(work, kind)}
        return Count(float(work.products), float(work.sums), float(work.divisions), float(work.comparisons), curved)


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Hands each call to the tracker, and each recurrence to its equation."""

    def __init__(self, tracker: Tracker) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tracker = tracker

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> object:
        name = func._schema.name
        if name.startswith("caudal::"):
            with self:
                return _equation(name.removeprefix("caudal::"), args)
        if not is_known(name):
            # Inside a recurrence torch does not take composed functions apart by itself.
            with self:
                result = func.decompose(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
        out = func(*args, **(kwargs or {}))
        self.tracker.see(name, func, args, kwargs or {}, out)
        return out


def _equation(name: str, args: Any) -> object:
    if name == "affine":
        return linear(*args[:3])
    if name == "logistic":
        return torch.sigmoid(args[0])
    x, dt, mask, state, params, graph, settings = args[:7]
    call = Call(x, dt, mask, state, params, graph, json.loads(settings))
    return dispatch.pick(name, call, "reference").forward(call)


@contextmanager
def counting(*fixed: nn.Module) -> Iterator[Callable[[], Count]]:
    """Count inside the block, without gradients; the function that it gives tells the count so far.

    Arguments:
        fixed: modules whose parameters and buffers are known beforehand, so that what depends on them alone is folded.

    Example:
        >>> a, b = torch.ones(3), torch.ones(3)
        >>> with counting() as count:
        ...     y = torch.tanh(a * b + 1)
        >>> count().products, count().sums, count().curved
        (3.0, 3.0, {'tanhs': 3.0})
    """
    tracker = Tracker(tensor for net in fixed for tensor in (*net.parameters(), *net.buffers()))

    def so_far() -> Count:
        n = tracker.counts
        curved = {kind: float(n[kind]) for kind in KINDS if n[kind]}
        basic = [float(n[operation]) for operation in ("products", "sums", "divisions", "comparisons")]
        return Count(basic[0], basic[1], basic[2], basic[3], curved, dict(tracker.unknown))

    with torch.no_grad(), _plain_recurrences(), _Mode(tracker):
        yield so_far


@contextmanager
def _plain_recurrences() -> Iterator[None]:
    """Let torch's LSTM fall apart into its equations instead of one call into a library."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="TF32 acceleration")
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def count_module(net: nn.Module, *inputs: Tensor, **more: object) -> Count:
    """Scalar operations of one call of any torch module.

    Arguments:
        net: it is put in evaluation for the call.
        inputs, more: its arguments.

    Example:
        >>> count_module(nn.Linear(3, 2), torch.zeros(1, 3)).products
        6.0
    """
    was = net.training
    net.eval()
    try:
        with counting(net) as count:
            net(*inputs, **more)
        return count()
    finally:
        net.train(was)


def count_step(net: Layer, state: State | None = None) -> Count:
    """Scalar operations of one step of one series of a layer, from a state that is already there.

    Arguments:
        net: a layer of caudal.
        state: before the step; its initial one when left out.

    Example:
        >>> from caudal.nn import LTC
        >>> from caudal.nn.operations import operations
        >>> net = LTC(2, 3)
        >>> count_step(net) == Count.of(operations(net))
        True
    """
    parameter = next(net.parameters())
    x, dt = parameter.new_full((1, 1, net.inputs), 0.5), parameter.new_full((1, 1), 0.3)
    state = net.initial_state(1) if state is None else state
    was = net.training
    net.eval()
    try:
        with counting(net) as count:
            net._chunks(x, dt, None, state)
        return count()
    finally:
        net.train(was)
