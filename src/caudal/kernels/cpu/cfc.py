"""The dense CfC recurrence on the CPU: small products over lanes, activations and heads in one pass per step.

Backward recomputes each step from the stored states while it walks back. What the weight gradients need is kept for a
block of steps and multiplied in registers, so the memory of a tile does not grow with time.
"""

import numpy as np
import torch
from torch import Tensor

from caudal.dynamics import cfc
from caudal.kernels.cpu import tiles
from caudal.kernels.cpu.cfc_jit import DEFAULT, NO_GATE, PURE, backward_tile, forward_tile
from caudal.kernels.cpu.dense import close_book, open_book, pack
from caudal.kernels.cpu.dense_jit import LECUN, RELU, SILU, TANH
from caudal.kernels.recurrence import Call
from caudal.typing import Array

MODES = {"default": DEFAULT, "no_gate": NO_GATE, "pure": PURE}
ACTIVATIONS = {"lecun_tanh": LECUN, "tanh": TANH, "relu": RELU, "silu": SILU}


class Liquid:
    """Weights of a CfC, packed once per call.

    Attributes:
        matrices: plan, weights and biases, see `dense.Packed`.
        ends: `A` and `w_tau` of `pure`, else empty.
        mode, kind: codes of the closed form and of the activation.
        wide: numbers per lane that a kernel needs for each level's longest vector.
        levels: matrices.
    """

    def __init__(self, call: Call, params: cfc.Params) -> None:
        self.matrices = tuple(pack([(params.w_h, None), *params.dense]))
        ends = [tiles.flat(end) for end in params.decay or ()]
        self.ends: Array = np.concatenate(ends) if ends else np.empty(0, tiles.numpy_dtype(call))
        self.mode, self.kind = MODES[call.settings["mode"]], ACTIVATIONS[call.settings["activation"]]
        plan = self.matrices[0]
        self.levels, self.wide = len(plan), int(plan[:, [0, 2]].max()) + 8

    def gradients(self, pairs: list[tuple[Tensor, Tensor]], end_sums: Array) -> list[Tensor]:
        """Gradients in the order of the op, from those of each matrix and the lane sums of the ends."""
        flat = [pairs[0][0], *(tensor for pair in pairs[1:] for tensor in pair)]
        if self.ends.size:
            whole = end_sums.reshape(len(end_sums), 2, self.ends.size // 2, tiles.NARROW.count).sum((0, 3))
            flat += [torch.from_numpy(part.copy()) for part in whole]
        return flat


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    liquid = Liquid(call, cfc.gather(call.params))
    batch, time, first = call.x.shape
    units = call.state[0].shape[1]
    states = call.x.new_empty(batch, time, units)
    flat = [tiles.flat(t) for t in (call.x, call.dt)]
    h0, out, mask = tiles.flat(call.state[0]), tiles.flat(states), tiles.mask_array(call)
    threads = torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        numbers = 2 + units + 8 + (2 * liquid.levels + 1) * liquid.wide
        forward_tile(
            tile.lanes,
            tile.start,
            tile.rows,
            time,
            first,
            units,
            *flat,
            mask,
            h0,
            out,
            *liquid.matrices,
            liquid.ends,
            liquid.mode,
            liquid.kind,
            np.empty(numbers * tile.lanes.count, out.dtype),
        )

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return [states]


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, h, *params]` of a call."""
    liquid = Liquid(call, cfc.gather(call.params))
    batch, time, first = call.x.shape
    units = call.state[0].shape[1]
    book = open_book(liquid.matrices[0])
    rows = [torch.empty_like(t) for t in (call.x, call.dt, call.state[0])]
    inputs = tuple(tiles.flat(t) for t in (call.x, call.dt, call.state[0], states[0], grads[0]))
    outs, mask = tuple(tiles.flat(t) for t in rows), tiles.mask_array(call)
    threads, dtype = torch.get_num_threads(), inputs[0].dtype
    cut = tiles.cut(batch, threads, call.x.dtype)
    sums = np.zeros((len(cut), book.sums), dtype)
    end_sums = np.zeros((len(cut), liquid.ends.size * tiles.NARROW.count), dtype)

    def work(tile: tiles.Tile) -> None:
        numbers = 3 + 2 * units + 16 + (3 * liquid.levels + 3) * liquid.wide
        backward_tile(
            tile.lanes,
            tiles.NARROW,
            (tile.start, tile.rows, time),
            (first, units),
            inputs,
            mask,
            outs,
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
    return [*rows, *liquid.gradients(close_book(book, sums), end_sums)]
