"""Dense weights packed for the compiled products of `dense_jit`."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.kernels.cpu.dense_jit import pack_matrix
from caudal.kernels.cpu.outer_jit import BLOCK, ROW
from caudal.kernels.cpu.tiles import WIDE, flat
from caudal.typing import Array


class Packed(NamedTuple):
    """Matrices of one recurrence in the layout of the compiled loops.

    Attributes:
        plan: `(matrices, 6)` int64: in, out, padded out, offset of the weights, of their transpose, of the bias.
        weights: all packed weights, then all packed transposes.
        biases: all biases, each padded to a multiple of 8.
    """

    plan: NDArray[np.int64]
    weights: Array
    biases: Array


def pack(matrices: Sequence[tuple[Tensor, Tensor | None]]) -> Packed:
    """Pack `(weight (out, in), bias (out,) or None)` pairs, each with its transpose for the way back."""
    plan, at, bias_at = [], 0, 0
    for weight, _ in matrices:
        out, size = weight.shape
        padded, back = out + -out % 8, at + (out + -out % 8) * size
        plan.append((size, out, padded, at, back, bias_at))
        at, bias_at = back + (size + -size % 8) * out, bias_at + padded
    dtype = flat(matrices[0][0]).dtype
    weights, biases = np.zeros(at, dtype), np.zeros(bias_at, dtype)
    for (weight, bias), (size, out, _, forth, back, first) in zip(matrices, plan, strict=True):
        pack_matrix(flat(weight), out, size, weights, forth, back)
        if bias is not None:
            biases[first : first + out] = flat(bias)
    return Packed(np.asarray(plan, np.int64), weights, biases)


class Book(NamedTuple):
    """Where the gradients of some matrices are kept and summed; the same for every width of lanes.

    Attributes:
        rows: `(matrices, 7)` int64: in, out, offsets of kept output gradients and of kept inputs, padded in, offsets
            of the sums of the weight and of the bias.
        stored: numbers to store for a block of steps.
        sums: numbers of the sums.
    """

    rows: NDArray[np.int64]
    stored: int
    sums: int


def open_book(plan: NDArray[np.int64]) -> Book:
    """The book of the matrices of one or more plans (see `Packed`)."""
    rows, stored, sums = [], 0, 0
    for size, out, padded in plan[:, :3].tolist():
        stride = size + -size % WIDE.count
        weight = padded * stride
        rows.append((size, out, stored, stored + padded * ROW, stride, sums, sums + weight))
        stored, sums = stored + padded * ROW + BLOCK * stride, sums + weight + padded
    return Book(np.asarray(rows, np.int64), stored, sums)


def close_book(book: Book, sums: Array) -> list[tuple[Tensor, Tensor]]:
    """Gradients of each weight and bias from the sums of all tiles `(tiles, sums)`, in memory of their own."""
    totals, pairs = sums.sum(0), []
    for size, out, _, _, stride, weight, bias in book.rows.tolist():
        whole = totals[weight:bias].reshape(-1, stride)[:out, :size]
        pairs.append((torch.from_numpy(whole.copy()), torch.from_numpy(totals[bias : bias + out].copy())))
    return pairs
