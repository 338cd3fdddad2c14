"""When one step may leave torch's dispatcher aside: no gradient, one or a few rows, plain CPU tensors."""

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

from caudal.kernels.backends import can_compile
from caudal.kernels.dispatch import asked

MOST_ROWS = 8
_KINDS = (torch.float32, torch.float64)
# Two of the answers of every compiled step, see `kernels/cpu/steps_jit.py`.
_DONE, _CHANGED = 0, 3


class Stepper(Protocol):
    """Folded parameters of one layer, ready to step."""

    def holds(self, raw: Iterable[Tensor]) -> bool:
        """Whether these tensors stand at the addresses that were folded."""
        ...

    def step(self, x: Tensor, dt: Tensor, v: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs and states."""
        ...


def stepping(name: str) -> Callable[..., Stepper]:
    """What makes the stepper of a cell, `name` in `caudal.kernels.cpu.steps`, loaded when it is first wanted."""
    factory: Callable[..., Stepper] = getattr(importlib.import_module("caudal.kernels.cpu.steps"), name)
    return factory


@cache
def _ones(rows: int, dtype: torch.dtype) -> Tensor:
    """Elapsed times of 1, which are read and never handed out."""
    with torch.inference_mode(False):
        return torch.ones(rows, dtype=dtype)


def is_usual(tensor: Tensor, rows: int, size: int, like: Tensor) -> bool:
    """Whether a tensor is `(rows, size)`, on the CPU, of the dtype of `like`, and not a subclass."""
    return type(tensor) is Tensor and tensor.dtype is like.dtype and tensor.shape == (rows, size) and tensor.is_cpu


def is_plain(tensor: Tensor, rows: int, size: int, like: Tensor) -> bool:
    """Whether it `is_usual` and contiguous, as compiled code reads it by its address."""
    return is_usual(tensor, rows, size, like) and tensor.is_contiguous()


def joined_step(
    x: Tensor, dt: Tensor | None, state: Sequence[Tensor] | None, sizes: tuple[int, int], like: Tensor
) -> Tensor | None:
    """`[x, dt]` of one step without a gradient, checked in one pass, for a cell of torch; None for the long way.

    Arguments:
        x, dt, state: as given to `Layer.step`; the state holds tensors of `(batch, units)`, None for zeros.
        sizes: inputs and units.
        like: a parameter of the cell.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or x.dim() != 2 or x.dtype not in _KINDS:
        return None
    rows = x.shape[0]
    dt = _ones(rows, x.dtype) if dt is None else dt
    if not 0 < rows <= MOST_ROWS or dt.shape != (rows,) or dt.dtype is not x.dtype or not dt.is_cpu:
        return None
    states = () if state is None else state
    if not is_usual(x, rows, sizes[0], like) or not all(is_usual(part, rows, sizes[1], like) for part in states):
        return None
    given = torch.cat([x, dt[:, None]], 1)
    # A sum that is finite has finite terms; what is not is refused in words on the long way.
    is_sound = all(row[-1] >= 0 and math.isfinite(sum(row)) for row in given.tolist())
    return given if is_sound else None


def may_skip(x: Tensor, like: Tensor) -> bool:
    """Whether a step on `x` with parameters like `like` may run on the compiled step path.

    Nothing is decided about shapes here; what does not fit goes the long way, where it is refused in words.
    """
    return (
        not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and x.dim() == 2
        and 0 < x.shape[0] <= MOST_ROWS
        and x.dtype in _KINDS
        and like.dtype is x.dtype
        and like.is_cpu
        and asked() in ("auto", "numba")
        and can_compile()
    )


def quick_step(
    x: Tensor,
    dt: Tensor | None,
    state: tuple[Any, ...] | None,
    sizes: tuple[int, int],
    raw: Iterable[Tensor],
    folded: Stepper | None,
    fold: Callable[[], Stepper],
) -> tuple[Tensor, Tensor] | None:
    """Outputs and states of one step that `may_skip`, or None where something does not fit.

    Arguments:
        x, dt, state: as given to `Layer.step`; the state is one tensor.
        sizes: inputs and units.
        raw: the layer's parameters.
        folded: what `fold` last made.
        fold: folds the parameters anew.
    """
    rows = x.shape[0]
    dt = _ones(rows, x.dtype) if dt is None else dt
    v = torch.zeros(rows, sizes[1], dtype=x.dtype) if state is None else state[0]
    fits = is_plain(x, rows, sizes[0], x) and is_plain(v, rows, sizes[1], x)
    if not fits or dt.shape != (rows,) or dt.dtype is not x.dtype or not dt.is_contiguous() or not dt.is_cpu:
        return None
    stepper = fold() if folded is None or not folded.holds(raw) else folded
    status, y, new = stepper.step(x, dt, v)
    if status == _CHANGED:
        status, y, new = fold().step(x, dt, v)
    return (y, new) if status == _DONE else None
