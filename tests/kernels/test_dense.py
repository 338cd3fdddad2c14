"""Dense recurrences on the CPU against the reference: numbers, gradients, odd shapes, masks, memory, exact replay.

Weights are drawn so that no recurrence amplifies: a bound of 1e-6 is one on the kernels, not on chaos.
"""

import json
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from caudal import kernels
from caudal.dynamics.cfc_heads import HEADS
from caudal.errors import BackendError

CELLS: dict[str, dict[str, Any]] = {
    "cfc": {"mode": "default", "activation": "lecun_tanh", "layers": 1},
    "cfc-no_gate": {"mode": "no_gate", "activation": "silu", "layers": 2},
    "cfc-pure": {"mode": "pure", "activation": "tanh", "layers": 1},
    "cfc-bare": {"mode": "default", "activation": "relu", "layers": 0},
    "cfc-pure-bare": {"mode": "pure", "activation": "relu", "layers": 0},
    "mixed-shared": {"mode": "default", "activation": "lecun_tanh", "layers": 1, "form": "shared"},
    "mixed-cascade": {"mode": "default", "activation": "lecun_tanh", "layers": 1, "form": "cascade"},
    "mixed-shared-no_gate": {"mode": "no_gate", "activation": "tanh", "layers": 3, "form": "shared"},
    "mixed-cascade-pure": {"mode": "pure", "activation": "relu", "layers": 1, "form": "cascade"},
    "mixed-shared-bare": {"mode": "default", "activation": "silu", "layers": 0, "form": "shared"},
    "mixed-cascade-bare": {"mode": "pure", "activation": "silu", "layers": 0, "form": "cascade"},
    "lstm": {},
}
SHAPES = [(1, 1, 1, 1), (33, 5, 19, 13), (3, 63, 4, 1), (2, 130, 19, 37), (40, 7, 1, 13)]


class Sample(NamedTuple):
    """Arguments of one scan; leaves are x, dt, the state and the parameters."""

    cell: str
    leaves: list[Tensor]
    mask: Tensor | None

    def run(self, backend: str = "numba") -> list[Tensor]:
        name = self.cell.split("-")[0]
        states = 1 if name == "cfc" else 2
        x, dt, *rest = self.leaves
        door = getattr(kernels, f"{name}_scan")
        done: list[Tensor] = door(
            x, dt, self.mask, rest[:states], rest[states:], [], json.dumps(CELLS[self.cell]), backend
        )
        return done

    def all(self, backend: str = "numba") -> list[Tensor]:
        """States, then the gradient of a weighted sum of theirs for every leaf."""
        leaves = [leaf.detach().clone(memory_format=torch.preserve_format).requires_grad_() for leaf in self.leaves]
        states = self._replace(leaves=leaves).run(backend)
        loss = sum((s * torch.linspace(-1, 1, s.numel(), dtype=s.dtype).view_as(s).cos()).sum() for s in states)
        grads = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        return [*(s.detach() for s in states), *grads]

    def rows(self, part: slice) -> "Sample":
        states = 1 if self.cell.startswith("cfc") else 2
        cut = [leaf[part] if j < 2 + states else leaf for j, leaf in enumerate(self.leaves)]
        return self._replace(leaves=cut, mask=None if self.mask is None else self.mask[part])


def draw(cell: str, shape: tuple[int, int, int, int], dtype: torch.dtype, masked: bool = True) -> Sample:
    """A random call of `shape` (batch, time, units, backbone)."""
    batch, time, units, backbone = shape
    settings, random = CELLS[cell], torch.Generator().manual_seed(sum(shape))
    normal = lambda *size: torch.randn(*size, dtype=torch.float64, generator=random)  # noqa: E731
    matrix = lambda out, size: normal(out, size) * (0.5 / size**0.5)  # noqa: E731
    params, width, states = [], 0, 1
    if not cell.startswith("cfc"):
        params, width, states = [matrix(4 * units, units)], 4 * units, 2
    if settings:
        heads, layers = HEADS[settings["mode"]] * units, settings["layers"]
        first = backbone if layers else heads
        params.append(matrix(first, 2 * units if settings.get("form") == "cascade" else units))
        for out in [backbone] * (layers - 1) + [heads] * min(layers, 1):
            params += [matrix(out, backbone), normal(out)]
        params += [normal(units), normal(units)] if settings["mode"] == "pure" else []
        width += first
    dt = torch.rand(batch, time, dtype=torch.float64, generator=random)
    mask = torch.rand(batch, time, generator=random) > 0.3 if masked else None
    leaves = [normal(batch, time, width), dt, *(normal(batch, units) for _ in range(states)), *params]
    return Sample(cell, [leaf.to(dtype) for leaf in leaves], mask)


def distance(found: list[Tensor], true: list[Tensor]) -> float:
    """Largest difference of any tensor, as a part of its largest number, or of 1 where all are below."""
    return max(
        ((a.double() - b).abs().max() / b.abs().max().clamp(min=1.0)).item()
        for a, b in zip(found, true, strict=True)
        if b.numel()
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients_are_those_of_the_reference(cell, shape):
    exact = draw(cell, shape, torch.float64)
    true = exact.all("reference")
    assert distance(exact.all(), true) < 1e-12
    near = draw(cell, shape, torch.float32)
    known = [t.double() for t in near.leaves]
    assert distance(near.all(), near._replace(leaves=known).all("reference")) < 1e-6


@pytest.mark.parametrize("cell", ["cfc", "mixed-cascade", "lstm"])
def test_without_a_mask(cell):
    sample = draw(cell, (5, 6, 19, 13), torch.float64, masked=False)
    assert distance(sample.all(), sample.all("reference")) < 1e-12


@pytest.mark.parametrize("cell", ["cfc-pure", "mixed-shared", "lstm"])
def test_an_empty_batch(cell):
    sample = draw(cell, (0, 4, 3, 5), torch.float32)
    found, true = sample.all(), sample.all("reference")
    assert [t.shape for t in found] == [t.shape for t in true]
    assert all(not t.any() for t in found)


@pytest.mark.parametrize("cell", ["cfc", "mixed-cascade", "lstm"])
def test_inputs_need_not_be_contiguous(cell):
    sample = draw(cell, (33, 5, 19, 13), torch.float32)
    spread = [torch.stack((leaf, leaf), -1)[..., 0] for leaf in sample.leaves]
    for a, b in zip(sample._replace(leaves=spread).all(), sample.all(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("cell", ["cfc", "cfc-pure", "mixed-shared", "mixed-cascade", "lstm"])
def test_nothing_is_read_before_it_is_written(cell, monkeypatch):
    sample = draw(cell, (35, 11, 19, 13), torch.float32)
    clean = sample.all()
    numpy_empty, torch_empty, like, own = np.empty, torch.empty, torch.empty_like, Tensor.new_empty

    def poisoned(made):
        def make(*args, **kwargs):
            memory = made(*args, **kwargs)
            if not isinstance(memory, Tensor):
                memory.fill(np.nan if memory.dtype.kind == "f" else 0)
                return memory
            return memory.fill_(torch.nan) if memory.is_floating_point() else memory

        return make

    monkeypatch.setattr(np, "empty", poisoned(numpy_empty))
    monkeypatch.setattr(torch, "empty", poisoned(torch_empty))
    monkeypatch.setattr(torch, "empty_like", poisoned(like))
    monkeypatch.setattr(Tensor, "new_empty", poisoned(own))
    for a, b in zip(sample.all(), clean, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("cell", ["cfc", "cfc-pure", "mixed-shared", "mixed-cascade", "lstm"])
def test_the_bits_of_a_row_do_not_depend_on_its_company(cell, dtype):
    """Nor on how many rows there are, which tile and lane one is in, or what its neighbours hold."""
    sample = draw(cell, (41, 9, 19, 13), dtype)
    whole = sample.all()
    states = 1 if cell.startswith("cfc") else 2
    per_row = range(2 * states + 2)
    for part in (slice(0, 1), slice(7, 8), slice(16, 41), slice(33, 41)):
        alone = sample.rows(part)
        for a, b in zip(alone.run(), whole[:states], strict=True):
            assert torch.equal(a, b[part])
    strange = [leaf.clone() for leaf in sample.leaves]
    for leaf in strange[: 2 + states]:
        leaf[10] = leaf[10] * 5 + 1
    other = sample._replace(leaves=strange).all()
    for j in per_row:
        assert torch.equal(other[j][:10], whole[j][:10])
        assert torch.equal(other[j][11:], whole[j][11:])


@pytest.mark.parametrize("cell", ["cfc", "mixed-shared", "lstm"])
def test_threads_change_no_bit_of_a_row(cell):
    sample = draw(cell, (70, 9, 19, 13), torch.float32)
    states = 1 if cell.startswith("cfc") else 2
    before, runs = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 2):
            torch.set_num_threads(threads)
            runs.append(sample.all())
    finally:
        torch.set_num_threads(before)
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(run[: 2 * states + 2], runs[0][: 2 * states + 2], strict=True))
        assert distance(run, [t.double() for t in runs[0]]) < 1e-6
    assert all(torch.equal(a, b) for a, b in zip(runs[1], runs[3], strict=True))


def test_the_exact_gelu_is_refused_with_a_reason():
    sample = draw("cfc", (1, 2, 3, 4), torch.float32)
    settings = json.dumps({**CELLS["cfc"], "activation": "gelu"})
    x, dt, h, *params = sample.leaves
    with pytest.raises(BackendError, match="the exact gelu has no compiled form"):
        kernels.cfc_scan(x, dt, None, [h], params, [], settings, "numba")
    assert torch.isfinite(kernels.cfc_scan(x, dt, None, [h], params, [], settings)[0]).all()
