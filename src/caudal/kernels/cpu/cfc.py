"""The dense CfC recurrence on the CPU: small products over lanes, activations and heads in one pass per step.

Backward recomputes each step from the stored states while it walks back, in chunks of time: the gradients of every
pre-activation of a chunk are handed over and turned into weight gradients by a few large products.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import cfc
from caudal.kernels.cpu import tiles
from caudal.kernels.cpu.cfc_jit import DEFAULT, NO_GATE, PURE, backward_tile, forward_tile
from caudal.kernels.cpu.dense import Packed, pack
from caudal.kernels.cpu.dense_jit import LECUN, RELU, SILU, TANH
from caudal.kernels.recurrence import Call

MODES = {"default": DEFAULT, "no_gate": NO_GATE, "pure": PURE}
ACTIVATIONS = {"lecun_tanh": LECUN, "tanh": TANH, "relu": RELU, "silu": SILU}
_CHUNK = 64


class _Folded:
    """Weights of one call, packed once."""

    def __init__(self, call: Call) -> None:
        p = cfc.gather(call.params)
        self.params = p
        self.packed: Packed = pack([(p.w_h, None), *p.dense])
        ends = () if p.decay is None else tuple(p.decay)
        empty = np.empty(0, tiles.numpy_dtype(call))
        self.ends: NDArray[Any] = np.concatenate([tiles.flat(e) for e in ends]) if ends else empty
        self.mode, self.kind = MODES[call.settings["mode"]], ACTIVATIONS[call.settings["activation"]]
        self.units, self.first = call.state[0].shape[1], call.x.shape[2]
        wide = [max(int(row[2]), int(row[0]) + 7) for row in self.packed.plan]
        self.wide, self.levels = max(wide) + 8, len(wide)

    def constants(self) -> tuple[Any, ...]:
        return (*self.packed, self.ends, self.mode, self.kind)


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    f = _Folded(call)
    batch, time, _ = call.x.shape
    states = call.x.new_empty(batch, time, f.units)
    x, dt, h0, out = (tiles.flat(t) for t in (call.x, call.dt, call.state[0], states))
    mask, threads = tiles.mask_array(call), torch.get_num_threads()

    def work(tile: tiles.Tile) -> None:
        size = tile.lanes.count
        scratch = np.empty((2 + f.units + 8 + (2 * f.levels + 1) * f.wide) * size, tiles.numpy_dtype(call))
        forward_tile(
            tile.lanes, tile.start, tile.rows, time, f.first, f.units, x, dt, mask, h0, out, *f.constants(), scratch
        )

    tiles.run(tiles.cut(batch, threads, call.x.dtype), work, threads)
    return [states]


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, h, *params]` of a call."""
    f = _Folded(call)
    batch, time, _ = call.x.shape
    grad_x, grad_dt, carry = torch.empty_like(call.x), torch.empty_like(call.dt), torch.zeros_like(call.state[0])
    before = torch.cat((call.state[0][:, None], states[0][:, :-1]), 1)
    weights = [torch.zeros_like(p) for p in call.params]
    threads = torch.get_num_threads()
    cut = tiles.cut(batch, threads, call.x.dtype)
    sums = np.zeros((len(cut), f.ends.size * tiles.NARROW.count), tiles.numpy_dtype(call))
    flat = [tiles.flat(t) for t in (call.x, call.dt, call.state[0], states[0], grads[0])]
    outs = [tiles.flat(t) for t in (grad_x, grad_dt, carry)]
    mask = tiles.mask_array(call)
    for end in range(time, 0, -_CHUNK):
        begin = max(0, end - _CHUNK)
        chunk = end - begin
        levels = [call.x.new_empty(batch, chunk, b.shape[0]) for _, b in f.params.dense]
        joined = call.x.new_empty(sum(t.numel() for t in levels))
        reads = call.x.new_empty(sum(batch * chunk * w.shape[1] for w, _ in f.params.dense))

        def work(
            tile: tiles.Tile, begin: int = begin, chunk: int = chunk, joined: Tensor = joined, reads: Tensor = reads
        ) -> None:
            size = tile.lanes.count
            scratch = np.empty((3 + 2 * f.units + 16 + (3 * f.levels + 3) * f.wide) * size, tiles.numpy_dtype(call))
            backward_tile(
                tile.lanes, tiles.NARROW, tile.start, tile.rows, time, begin, chunk, f.first, f.units,
                *flat, mask, *outs, tiles.flat(joined), tiles.flat(reads), *f.constants(), scratch, sums[tile.place],
            )  # fmt: skip

        tiles.run(cut, work, threads)
        _add_weights(weights, f, grad_x[:, begin:end], before[:, begin:end], joined, reads)
    if f.ends.size:
        # Copied into tensors of their own: outputs of an op may not share memory.
        for weight, total in zip(weights[-2:], sums.reshape(len(cut), 2, f.units, -1).sum((0, 3)), strict=True):
            weight.copy_(torch.from_numpy(total))
    return [grad_x, grad_dt, carry, *weights]


def _add_weights(
    weights: list[Tensor], f: _Folded, entry: Tensor, before: Tensor, joined: Tensor, reads: Tensor
) -> None:
    """Add the weight gradients of one chunk: gradient of each matrix's output against what it read."""
    weights[0] += entry.flatten(0, 1).t() @ before.flatten(0, 1)
    at, read_at, rows = 0, 0, entry.shape[0] * entry.shape[1]
    for k, (weight, _) in enumerate(f.params.dense):
        out, size = weight.shape
        level = joined[at : at + rows * out].view(rows, out)
        weights[1 + 2 * k] += level.t() @ reads[read_at : read_at + rows * size].view(rows, size)
        weights[2 + 2 * k] += level.sum(0)
        at, read_at = at + rows * out, read_at + rows * size
