"""Mixed memory on the CPU: the memory's gates and the CfC's levels in one pass per step, in both coupled forms."""

import numpy as np
import torch
from torch import Tensor

from caudal.dynamics import cfc
from caudal.kernels.cpu import tiles
from caudal.kernels.cpu.cfc import Liquid
from caudal.kernels.cpu.dense import close_book, open_book, pack
from caudal.kernels.cpu.mixed_jit import backward_tile, forward_tile
from caudal.kernels.recurrence import Call


def forward(call: Call) -> list[Tensor]:
    """Liquid states and memories `(batch, time, units)` of a call."""
    liquid, memory = Liquid(call, cfc.gather(call.params[1:])), tuple(pack([(call.params[0], None)]))
    batch, time, row = call.x.shape
    units = call.state[0].shape[1]
    states = [call.x.new_empty(batch, time, units) for _ in range(2)]
    inputs, outs = tuple(tiles.flat(t) for t in (call.x, call.dt, *call.state)), tuple(map(tiles.flat, states))
    mask, threads = tiles.mask_array(call), torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        numbers = 9 * units + 17 + (2 * liquid.levels + 1) * liquid.wide
        forward_tile(
            tile.lanes,
            (tile.start, tile.rows, time),
            (row - 4 * units, units),
            inputs,
            mask,
            outs,
            memory,
            liquid.matrices,
            liquid.ends,
            liquid.mode,
            liquid.kind,
            np.empty(numbers * tile.lanes.count, outs[0].dtype),
        )

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return states


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, h, c, w_r, *params of the CfC]` of a call."""
    liquid, memory = Liquid(call, cfc.gather(call.params[1:])), tuple(pack([(call.params[0], None)]))
    batch, time, row = call.x.shape
    units = call.state[0].shape[1]
    book = open_book(np.concatenate((liquid.matrices[0], memory[0])))
    rows = [torch.empty_like(t) for t in (call.x, call.dt, *call.state)]
    inputs = tuple(tiles.flat(t) for t in (call.x, call.dt, *call.state, *states, *grads))
    outs, mask, threads = tuple(map(tiles.flat, rows)), tiles.mask_array(call), torch.get_num_threads()
    cut, dtype = tiles.cut(batch, threads, call.x.dtype), outs[0].dtype
    sums = np.zeros((len(cut), book.sums), dtype)
    end_sums = np.zeros((len(cut), liquid.ends.size * tiles.NARROW.count), dtype)

    def work(tile: tiles.Tile) -> None:
        numbers = 14 * (units + 8) + 3 + (3 * liquid.levels + 3) * liquid.wide
        backward_tile(
            tile.lanes,
            tiles.NARROW,
            (tile.start, tile.rows, time),
            (row - 4 * units, units),
            inputs,
            mask,
            outs,
            memory,
            liquid.matrices,
            liquid.ends,
            liquid.mode,
            liquid.kind,
            np.zeros(book.stored, dtype),
            book.rows,
            np.empty(numbers * tile.lanes.count, dtype),
            sums[tile.place],
            end_sums[tile.place],
        )

    tiles.run(cut, work, threads)
    *pairs, (w_r, _) = close_book(book, sums)
    return [*rows, w_r, *liquid.gradients(pairs, end_sums)]
