"""Dense weights packed for the compiled products of `dense_jit`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from caudal.kernels.cpu.tiles import flat


class Packed(NamedTuple):
    """Matrices of one recurrence in the layout of the compiled loops.

    Attributes:
        plan: `(matrices, 6)` int64: in, out, padded out, offset of the weights, of their transpose, of the bias.
        weights: all packed weights, then all packed transposes.
        biases: all biases, each padded to a multiple of 8.
    """

    plan: NDArray[np.int64]
    weights: NDArray[Any]
    biases: NDArray[Any]


def _blocks(matrix: Tensor) -> NDArray[Any]:
    out, size = matrix.shape
    padded = pad(matrix.detach(), (0, 0, 0, -out % 8))
    return flat(padded.view(-1, 8, size).transpose(1, 2))


def pack(matrices: Sequence[tuple[Tensor, Tensor | None]]) -> Packed:
    """Pack `(weight (out, in), bias (out,) or None)` pairs, each with its transpose for the way back."""
    plan, parts, biases = [], [], []
    at, bias_at = 0, 0
    for weight, bias in matrices:
        forth, back = _blocks(weight), _blocks(weight.t())
        out, size = weight.shape
        plan.append((size, out, out + -out % 8, at, at + forth.size, bias_at))
        parts += [forth, back]
        at += forth.size + back.size
        values = pad(weight.new_zeros(out) if bias is None else bias.detach(), (0, -out % 8))
        biases.append(flat(values))
        bias_at += biases[-1].size
    return Packed(np.asarray(plan, np.int64), np.concatenate(parts), np.concatenate(biases))
