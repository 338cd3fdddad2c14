"""Run the compiled loops of one synapse-by-synapse recurrence over the tiles of a call."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.kernels.cpu import tiles
from caudal.kernels.recurrence import Call


class Loops(NamedTuple):
    """The compiled loops of a call and what they need beside it.

    Attributes:
        forward, backward: kernels of one tile.
        constants: what both receive after the call's own arrays.
        units: width of the state.
        rows, back_rows: rows of scratch, each as wide as there are lanes, forward and backward.
        sums: running sums of backward.
    """

    forward: Callable[..., None]
    backward: Callable[..., None]
    constants: tuple[Any, ...]
    units: int
    rows: int
    back_rows: int
    sums: int


class Swept(NamedTuple):
    """What backward leaves: gradients of inputs, times and state, and the float64 sums for those of parameters."""

    x: Tensor
    dt: Tensor
    state: Tensor
    totals: NDArray[np.float64]


def forward(call: Call, loops: Loops) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    batch, time, inputs = call.x.shape
    states = call.x.new_empty(batch, time, loops.units)
    x, dt, v0, out = (tiles.flat(t) for t in (call.x, call.dt, call.state[0], states))
    mask, dtype = tiles.mask_array(call), tiles.numpy_dtype(call)
    threads = torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        loops.forward(
            tile.lanes,
            tile.start,
            tile.rows,
            time,
            inputs,
            loops.units,
            x,
            dt,
            mask,
            v0,
            out,
            *loops.constants,
            np.empty(loops.rows * tile.lanes.count, dtype),
        )

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return [states]


def backward(call: Call, grads: list[Tensor], states: list[Tensor], loops: Loops) -> Swept:
    """Gradients of a call; sums of tiles are added in the order of the tiles, whatever thread made them."""
    batch, time, inputs = call.x.shape
    x, dt, state = (torch.empty_like(t) for t in (call.x, call.dt, call.state[0]))
    flat = [tiles.flat(t) for t in (call.x, call.dt, call.state[0], states[0], grads[0], x, dt, state)]
    mask, dtype = tiles.mask_array(call), tiles.numpy_dtype(call)
    threads = torch.get_num_threads()
    cut = tiles.cut(batch, threads, call.x.dtype)
    totals = np.zeros((len(cut), loops.sums))

    def work(tile: tiles.Tile) -> None:
        loops.backward(
            tile.lanes,
            tiles.NARROW,
            tile.start,
            tile.rows,
            time,
            inputs,
            loops.units,
            *flat,
            mask,
            *loops.constants,
            np.empty(loops.back_rows * tile.lanes.count, dtype),
            np.zeros(loops.sums * tiles.NARROW.count, dtype),
            totals[tile.place],
        )

    tiles.run(cut, work, threads)
    return Swept(x, dt, state, totals.sum(0))


def in_dtype(gradients: tuple[Tensor, ...], dtype: torch.dtype) -> list[Tensor]:
    """Gradients in memory of their own, as the outputs of an op must be."""
    return [g.to(dtype, copy=True, memory_format=torch.contiguous_format) for g in gradients]
