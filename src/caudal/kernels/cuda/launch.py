"""How kernels are launched: the device, the precision, the number of programs and of warps."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from caudal.kernels.recurrence import Call

FLUSH = 64
"""Steps between two moves of running sums into float64 totals, so that a long sequence loses nothing to rounding."""

_PROGRAMS = 1024
_TOTALS = 32 * 2**20
_HALF = (torch.bfloat16, torch.float16)


def power(count: int) -> int:
    """The smallest power of two that is not below `count`, at least 1.

    Example:
        >>> power(0), power(5)
        (1, 8)
    """
    return 1 << max(0, count - 1).bit_length()


def on(device: torch.device) -> AbstractContextManager[object]:
    """Make `device` the current one: Triton launches on the current device, not on that of its arguments."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def programs(batch: int, sums: int = 0) -> int:
    """Programs for a batch; a function of sizes alone, so that sums are taken in the same order on every device.

    Arguments:
        batch: rows.
        sums: float64 totals that each program keeps.
    """
    return max(1, min(batch, _PROGRAMS, _TOTALS // max(1, sums)))


def options(lanes: int, each: int) -> dict[str, Any]:
    """Launch options of a program of so many lanes, `each` per thread: 1 to 16 warps, multiply and add as one."""
    return {"num_warps": max(1, min(16, power(lanes // (32 * each)))), "enable_fp_fusion": True}


def mask_of(call: Call) -> tuple[Tensor, bool]:
    """The mask as bytes and whether there is one; without one, `dt` stands in for the pointer."""
    return (call.dt, False) if call.mask is None else (call.mask.view(torch.uint8), True)


def widen(call: Call) -> Call:
    """The call in one precision: half precision is computed in float32."""
    up = [_up(t) for t in (call.x, call.dt)]
    return call._replace(x=up[0], dt=up[1], state=_all_up(call.state), params=_all_up(call.params))


def narrow(grads: Sequence[Tensor], like: Sequence[Tensor]) -> list[Tensor]:
    """Results in the dtypes of what they belong to, each in memory of its own, as outputs of an op must be."""
    return [_own(grad, tensor.dtype) for grad, tensor in zip(grads, like, strict=True)]


def _own(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype, copy=tensor.untyped_storage().nbytes() != tensor.nbytes)


def _up(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in _HALF else tensor


def _all_up(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [_up(t) for t in tensors]
