"""The memory cell on the CPU: one small product over lanes and the gates in one pass per step."""

import numpy as np
import torch
from torch import Tensor

from caudal.kernels.cpu import tiles
from caudal.kernels.cpu.dense import close_book, open_book, pack
from caudal.kernels.cpu.lstm_jit import backward_tile, forward_tile
from caudal.kernels.recurrence import Call


def forward(call: Call) -> list[Tensor]:
    """Outputs and memories `(batch, time, units)` of a call."""
    batch, time, _ = call.x.shape
    units = call.state[0].shape[1]
    matrices = tuple(pack([(call.params[0], None)]))
    states = [call.x.new_empty(batch, time, units) for _ in range(2)]
    inputs, outs = tuple(tiles.flat(t) for t in (call.x, *call.state)), tuple(tiles.flat(t) for t in states)
    mask, threads = tiles.mask_array(call), torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        scratch = np.empty((9 * units + 9) * tile.lanes.count, outs[0].dtype)
        forward_tile(tile.lanes, (tile.start, tile.rows, time), units, inputs, mask, outs, matrices, scratch)

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return states


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, h, c, w_r]` of a call; elapsed time does not enter, so that of `dt` is 0."""
    batch, time, _ = call.x.shape
    units = call.state[0].shape[1]
    matrices = tuple(pack([(call.params[0], None)]))
    book = open_book(matrices[0])
    rows = [torch.empty_like(t) for t in (call.x, *call.state)]
    inputs, outs = tuple(tiles.flat(t) for t in (call.x, *call.state, *states, *grads)), tuple(map(tiles.flat, rows))
    mask, threads, dtype = tiles.mask_array(call), torch.get_num_threads(), outs[0].dtype
    cut = tiles.cut(batch, threads, call.x.dtype)
    sums = np.zeros((len(cut), book.sums), dtype)

    def work(tile: tiles.Tile) -> None:
        backward_tile(
            tile.lanes,
            (tile.start, tile.rows, time),
            units,
            inputs,
            mask,
            outs,
            matrices,
            np.zeros(book.stored, dtype),
            book.rows,
            np.empty((12 * units + 73) * tile.lanes.count, dtype),
            sums[tile.place],
        )

    tiles.run(cut, work, threads)
    return [rows[0], torch.zeros_like(call.dt), *rows[1:], close_book(book, sums)[0][0]]
