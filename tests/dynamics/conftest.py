"""A small graph with a neuron that no input reaches, and the check that an explicit backward equals autograd."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

BATCH, TIME, INPUTS, UNITS = 3, 4, 2, 3


def vector(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.int32)


@pytest.fixture(scope="session")
def graph() -> tuple[Tensor, ...]:
    return vector(0, 2, 3, 3), vector(0, 1, 1), vector(0, 1, 3, 5), vector(2, 0, 1, 0, 2)


@pytest.fixture(scope="session")
def sampler() -> Callable[[int], Callable[..., Tensor]]:
    """Seed -> function `(low, high, *shape)` that draws uniform float64 numbers."""

    def seeded(seed: int) -> Callable[..., Tensor]:
        generator = torch.Generator().manual_seed(seed)

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(*shape, dtype=torch.float64, generator=generator)

        return uniform

    return seeded


@pytest.fixture
def draw(sampler) -> Callable[..., Tensor]:
    return sampler(0)


MASKS = {
    "whole": None,
    "masked": torch.tensor([[True, False, True, True], [True, True, False, False], [False] * 4]),
}


@pytest.fixture(params=list(MASKS))
def mask(request: pytest.FixtureRequest) -> Tensor | None:
    return MASKS[request.param]


@pytest.fixture
def gradient_gap(graph, draw, mask) -> Callable[[ModuleType, Sequence[Tensor], Any], float]:
    """Largest difference between `scan_backward` and autograd through `scan`, over every argument."""

    def gap(cell: ModuleType, params: Sequence[Tensor], settings: Any) -> float:
        x, dt, v = draw(-1, 1, BATCH, TIME, INPUTS), draw(0, 2, BATCH, TIME), draw(-1, 1, BATCH, UNITS)
        dt[0, 2] = 0.0
        leaves = [tensor.clone().requires_grad_() for tensor in (x, dt, v, *params)]
        x, dt, v, *params = leaves
        arguments = (x, dt, mask, *cell.unpack([v], params, graph), settings)
        states = cell.scan(*arguments)
        weight = draw(-1, 1, *states.v.shape)
        expected = torch.autograd.grad(states.v, leaves, weight, materialize_grads=True)
        with torch.no_grad():
            found = cell.scan_backward(cell.State(weight), states, *arguments)
        pairs = zip(expected, [found.x, found.dt, *found.state, *found.params], strict=True)
        return max((a - b).abs().max().item() for a, b in pairs if a.numel())

    return gap
