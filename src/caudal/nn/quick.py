"""When one step may leave torch's dispatcher aside: no gradient, one or a few rows, plain CPU tensors."""

import torch
from torch import Tensor

from caudal.kernels.choice import asked

MOST_ROWS = 8
_KINDS = (torch.float32, torch.float64)


def is_plain(tensor: Tensor, rows: int, size: int, like: Tensor) -> bool:
    """Whether a tensor is `(rows, size)`, contiguous, on the CPU, of the dtype of `like`, and not a subclass."""
    return (
        type(tensor) is Tensor
        and tensor.dtype is like.dtype
        and tensor.shape == (rows, size)
        and tensor.is_cpu
        and tensor.is_contiguous()
    )


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
    )
