"""The cell under test: fresh copies, series to feed it, states as trees of tensors, the comparison clauses share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from caudal.errors import ContractError, InputError


def leaves(state: Any) -> list[Tensor]:
    """The tensors of a state, in a fixed order.

    Example:
        >>> import torch
        >>> len(leaves((torch.zeros(1), {"memory": torch.zeros(1)})))
        2
    """
    if isinstance(state, Tensor):
        return [state]
    parts = state.values() if isinstance(state, dict) else state
    return [] if state is None else [leaf for part in parts for leaf in leaves(part)]


def mapped(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A state of the same form with every tensor changed."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {name: mapped(part, change) for name, part in state.items()}
    parts = [mapped(part, change) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)


def floating(state: object) -> list[Tensor]:
    """The tensors of a state through which gradients can pass."""
    return [leaf for leaf in leaves(state) if leaf.is_floating_point()]


BOTH = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Subject:
    """A cell under test.

    Attributes:
        build: returns a fresh layer.
        seed: seed of its parameters and of the series.
        tolerance: largest difference allowed in float32, relative to the largest value where that exceeds 1.
    """

    build: Callable[[], nn.Module]
    seed: int = 0
    tolerance: float = 1e-5

    def net(self, dtype: torch.dtype = torch.float64, seed: int | None = None) -> nn.Module:
        """A fresh layer in evaluation mode; torch's global generator is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed if seed is None else seed)
            net = self.build()
        if not isinstance(net, nn.Module) or not isinstance(getattr(net, "inputs", None), int):
            raise InputError(
                "check_cell",
                "build",
                f"returned {type(net).__name__}; expected an nn.Module with an integer attribute `inputs`",
                "Set `self.inputs` to the size of the last axis of x.",
            )
        return net.to(dtype).eval()

    def series(self, net: nn.Module, batch: int, time: int, part: int = 0) -> tuple[Tensor, Tensor]:
        """`x (batch, time, input)` and `dt (batch, time)`, different in every row, like the layer's parameters."""
        generator = torch.Generator().manual_seed(7919 * (self.seed + 1) + part)
        dtype = floating_dtype(net)
        x = torch.randn(batch, time, inputs(net), generator=generator, dtype=torch.float64)
        dt = 0.1 + 1.9 * torch.rand(batch, time, generator=generator, dtype=torch.float64)
        return x.to(dtype), dt.to(dtype)

    def warm(self, net: nn.Module, batch: int) -> Any:
        """A state that some steps have reached, or None where a layer takes no state from one call to the next."""
        if not capability(net, "chunked"):
            return None
        x, dt = self.series(net, batch, 3, part=1)
        with torch.no_grad():
            return mapped(net(x, dt=dt)[1], torch.Tensor.detach)

    def same(self, clause: str, what: str, got: Tensor, expected: Tensor, remedy: str, scale: float = 1.0) -> None:
        """Require equal numbers within the tolerance of their dtype.

        Raises:
            ContractError: shapes, dtypes or numbers differ; the message holds the size of the difference.
        """
        if got.shape != expected.shape or got.dtype != expected.dtype:
            shapes = f"{tuple(got.shape)} {got.dtype}, expected {tuple(expected.shape)} {expected.dtype}"
            self.fail(clause, f"{what}: got {shapes}", remedy)
        difference = distance(got, expected)
        allowed = scale * self.tolerance * (1e-5 if got.dtype == torch.float64 else 1.0)
        if not difference <= allowed:
            self.fail(clause, f"{what} differ by {difference:.2g}, more than {allowed:.0e}", remedy)

    def same_state(
        self, clause: str, what: str, got: object, expected: object, remedy: str, scale: float = 1.0
    ) -> None:
        """Require equal states, leaf by leaf."""
        first, second = leaves(got), leaves(expected)
        if len(first) != len(second):
            self.fail(clause, f"{what} hold {len(first)} tensors, expected {len(second)}", remedy)
        for leaf, expected_leaf in zip(first, second, strict=True):
            self.same(clause, what, leaf, expected_leaf, remedy, scale)

    def fail(self, clause: str, fault: str, remedy: str) -> NoReturn:
        """Raise the sentence of a broken clause."""
        raise ContractError(f"clause `{clause}` is broken: {fault}. {remedy}")


def distance(got: Tensor, expected: Tensor) -> float:
    """Largest absolute difference, relative to the largest expected value where that exceeds 1; NaN is infinity.

    Example:
        >>> distance(torch.tensor([1.0, 40.0]), torch.tensor([1.0, 20.0]))
        1.0
    """
    if got.numel() == 0:
        return 0.0
    size = max(1.0, float(expected.detach().abs().max().double()))
    relative = float((got.detach().double() - expected.detach().double()).abs().max()) / size
    return float("inf") if relative != relative else relative


def capability(net: nn.Module, name: str) -> bool:
    """A declared capability; where it is not declared, `causal` and `chunked` are True and all others False."""
    return bool(getattr(net, name, name in ("causal", "chunked")))


def inputs(net: nn.Module) -> int:
    """Size of the last axis of `x`."""
    return int(net.inputs)  # type: ignore[arg-type]


def floating_dtype(net: nn.Module) -> torch.dtype:
    """The dtype of the parameters, float32 for a layer without any."""
    return next((p.dtype for p in net.parameters() if p.is_floating_point()), torch.float32)


def units(net: nn.Module, subject: Subject) -> int:
    """Width of the state, the batch size at which axes are easiest to confuse."""
    with torch.no_grad():
        x, dt = subject.series(net, 1, 2)
        state = leaves(net(x, dt=dt)[1])
    return int(state[0].shape[-1]) if state else 4


def sizes(net: nn.Module, subject: Subject) -> Sequence[int]:
    """Batch sizes worth trying: one apart from every width, and the width of the state itself."""
    return (5, units(net, subject))
