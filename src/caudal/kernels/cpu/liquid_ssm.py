"""The liquid state-space recurrence on the CPU: product, gates and scan in one pass over blocks of steps.

Backward computes the gates anew block by block, so nothing but the states is kept between the passes.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import liquid_ssm
from caudal.kernels.cpu import tiles
from caudal.kernels.cpu.affine import folded
from caudal.kernels.cpu.liquid_ssm_jit import BLOCK, backward_parts, forward_rows
from caudal.kernels.recurrence import Call
from caudal.typing import Array

_MOST_PARTS = 32


class _Weights(NamedTuple):
    """A call's parameters as the loops read them: map of both gates, rates, whether targets are linear and dt acts."""

    map: Array
    rates: Array
    form: tuple[bool, bool]


def _weights(call: Call) -> _Weights:
    params, settings = liquid_ssm.Params(*call.params), liquid_ssm.Settings(**call.settings)
    form = (settings.target == "linear", settings.decay != "unclocked")
    return _Weights(folded(params.weight, params.bias, 2), padded_rates(params), form)


def padded_rates(params: liquid_ssm.Params) -> Array:
    """Rates padded to whole vectors, repeated for each step of a block; empty where the decay has none."""
    if params.rate is None:
        return np.empty(0, tiles.flat(params.bias).dtype)
    units = params.rate.shape[0]
    rates = np.zeros((BLOCK, units + -units % 16), tiles.flat(params.rate).dtype)
    rates[:, :units] = tiles.flat(params.rate)
    return rates.reshape(-1)


def scratch_size(wide: int) -> int:
    """Numbers that the loops keep beside their arguments, `wide` being the padded outputs of both gates."""
    return (2 * BLOCK + BLOCK // 2 + 1) * wide


def _shares(count: int) -> list[tiles.Tile]:
    """Some of `count` things for each thread of torch."""
    threads = max(1, min(torch.get_num_threads(), count))
    ends = [count * j // threads for j in range(threads + 1)]
    return [tiles.Tile(j, ends[j], ends[j + 1] - ends[j], tiles.NARROW) for j in range(threads)]


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    batch, time, inputs = call.x.shape
    units = call.state[0].shape[1]
    states = call.x.new_empty(batch, time, units)
    x, dt, v0, out = (tiles.flat(t) for t in (call.x, call.dt, call.state[0], states))
    mask, weights = tiles.mask_array(call), _weights(call)
    numbers = scratch_size(weights.map.size // (inputs + 1))

    def work(share: tiles.Tile) -> None:
        sizes = (share.start, share.start + share.rows, time, inputs, units)
        forward_rows(*sizes, x, dt, mask, v0, out, *weights, np.empty(numbers, out.dtype))

    tiles.run(_shares(batch), work, torch.get_num_threads())
    return [states]


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, v, *params]` of a call.

    The batch is cut into the same parts whatever the number of threads, and sums of parts are added in their order.
    """
    batch, time, inputs = call.x.shape
    units = call.state[0].shape[1]
    rows = [torch.empty_like(t) for t in (call.x if call.to_x else call.x[:0], call.dt, call.state[0])]
    outs = tuple(tiles.flat(t) for t in rows)
    flat = [tiles.flat(t) for t in (call.x, call.dt)]
    given = [tiles.flat(t) for t in (call.state[0], states[0], grads[0])]
    mask, weights = tiles.mask_array(call), _weights(call)
    wide, dtype = weights.map.size // (inputs + 1), outs[1].dtype
    each = max(1, -(-batch // _MOST_PARTS))
    totals = np.zeros((-(-batch // each), weights.map.size + wide // 2))

    def work(share: tiles.Tile) -> None:
        sizes = (batch, time, inputs, units)
        parts = (share.start, share.start + share.rows, each)
        sums, scratch = np.empty(totals.shape[1], dtype), np.empty(scratch_size(wide), dtype)
        backward_parts(parts, sizes, *flat, mask, *given, outs, *weights, scratch, sums, totals)

    tiles.run(_shares(len(totals)), work, torch.get_num_threads())
    return [*rows, *_gradients(call, totals.sum(0), wide)]


def _gradients(call: Call, sums: NDArray[np.float64], wide: int) -> list[Tensor]:
    """Gradients of the parameters from sums that are laid out as the loops read them."""
    units, inputs = call.state[0].shape[1], call.x.shape[2]
    cut = (inputs + 1) * wide
    maps = sums[:cut].reshape(inputs + 1, 2, wide // 2)[:, :, :units].reshape(inputs + 1, 2 * units)
    grads = [maps[:inputs].T, maps[inputs], sums[cut : cut + units]][: len(call.params)]
    return [torch.from_numpy(np.ascontiguousarray(part)).to(call.x.dtype, copy=True) for part in grads]
