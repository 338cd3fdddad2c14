"""Affine maps of rows on the CPU, the same bits for a row whatever its company; see `affine_jit`."""

import numpy as np
import torch
from torch import Tensor

from caudal.kernels.cpu import tiles
from caudal.kernels.cpu.affine_jit import affine_rows, logistic_numbers
from caudal.typing import Array


def folded(weight: Tensor, bias: Tensor, pieces: int = 1) -> Array:
    """A map `(out, in)` as `(in + 1, padded)`, the bias last; each of `pieces` equal parts padded to 16 outputs."""
    out, size = weight.shape
    part = out // pieces
    whole = np.zeros((size + 1, pieces, part + -part % 16), tiles.flat(bias).dtype)
    whole[:size, :, :part] = weight.detach().t().reshape(size, pieces, part).numpy()
    whole[size, :, :part] = bias.detach().view(pieces, part).numpy()
    return whole.reshape(-1)


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`weight x + bias` for every row of `x (..., in)`."""
    out = x.new_empty(*x.shape[:-1], weight.shape[0])
    n_out, n_in = weight.shape
    source, to, map_ = tiles.flat(x), tiles.flat(out), folded(weight, bias)
    rows, threads = source.size // n_in, torch.get_num_threads()
    cuts = [tiles.Tile(j, rows * j // threads, rows * (j + 1) // threads, tiles.NARROW) for j in range(threads)]

    def work(part: tiles.Tile) -> None:
        scratch = np.empty(n_out + -n_out % 16, to.dtype)
        affine_rows(source, part.start, part.rows, n_in, n_out, map_, to, scratch)

    tiles.run(cuts if rows >= 8 * threads else [tiles.Tile(0, 0, rows, tiles.NARROW)], work, threads)
    return out


def logistic(x: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))` of every number."""
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    source, to = tiles.flat(x), tiles.flat(out)
    logistic_numbers(source, to, np.zeros(16, to.dtype))
    return out
