"""Memory cells on the CPU: the LSTM, one small product and the gates in one pass per step, and mixed memory.

Mixed memory takes the memory's gates and the CfC's levels in one pass per step, in both coupled forms.
"""

import numpy as np
import torch
from torch import Tensor

from caudal.dynamics import cfc
from caudal.kernels.cpu import memory_jit, tiles
from caudal.kernels.cpu.cfc import Liquid
from caudal.kernels.cpu.dense import close_book, open_book, pack
from caudal.kernels.recurrence import Call, Passes


def _lstm_forward(call: Call) -> list[Tensor]:
    """Outputs and memories `(batch, time, units)` of a call."""
    batch, time, _ = call.x.shape
    units = call.state[0].shape[1]
    matrices = tuple(pack([(call.params[0], None)]))
    states = [call.x.new_empty(batch, time, units) for _ in range(2)]
    inputs, outs = tuple(tiles.flat(t) for t in (call.x, *call.state)), tuple(tiles.flat(t) for t in states)
    mask, threads = tiles.mask_array(call), torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        scratch = np.empty((9 * units + 9) * tile.lanes.count, outs[0].dtype)
        memory_jit.lstm_forward(tile.lanes, (tile.start, tile.rows, time), units, inputs, mask, outs, matrices, scratch)

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return states


def _lstm_backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
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
        memory_jit.lstm_backward(
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


LSTM = Passes(_lstm_forward, _lstm_backward)


def _mixed_forward(call: Call) -> list[Tensor]:
    """Liquid states and memories `(batch, time, units)` of a call."""
    liquid, memory = Liquid(call, cfc.gather(call.params[1:])), tuple(pack([(call.params[0], None)]))
    batch, time, row = call.x.shape
    units = call.state[0].shape[1]
    states = [call.x.new_empty(batch, time, units) for _ in range(2)]
    inputs, outs = tuple(tiles.flat(t) for t in (call.x, call.dt, *call.state)), tuple(map(tiles.flat, states))
    mask, threads = tiles.mask_array(call), torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        numbers = 9 * units + 17 + (2 * liquid.levels + 1) * liquid.wide
        memory_jit.mixed_forward(
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


def _mixed_backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
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
        memory_jit.mixed_backward(
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


MIXED = Passes(_mixed_forward, _mixed_backward)
