"""Cut a batch into tiles of vector lanes and spread them over threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.kernels.cpu.simd import Lanes
from caudal.kernels.recurrence import Call
from caudal.typing import Array

NARROW = Lanes(16)
WIDE = Lanes(32)
_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


class Tile(NamedTuple):
    """Rows `start` to `start + rows` of a batch, on `lanes.count` lanes; `place` counts tiles from 0."""

    place: int
    start: int
    rows: int
    lanes: Lanes


def cut(batch: int, threads: int, dtype: torch.dtype = torch.float32) -> list[Tile]:
    """Tiles of a batch: wide ones where every thread gets at least one, narrow ones otherwise and for float64.

    Example:
        >>> [(tile.start, tile.rows, tile.lanes.count) for tile in cut(33, 1)]
        [(0, 32, 32), (32, 1, 16)]
    """
    tiles: list[Tile] = []
    start = 0
    roomy = dtype == torch.float32 and batch >= WIDE.count * threads
    while start < batch:
        left = batch - start
        lanes = WIDE if roomy and left > NARROW.count else NARROW
        rows = min(lanes.count, left)
        tiles.append(Tile(len(tiles), start, rows, lanes))
        start += rows
    return tiles


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="caudal")


def run(tiles: list[Tile], work: Callable[[Tile], Any], threads: int) -> list[Any]:
    """Do `work` on every tile, in as many threads as torch uses; results in tile order."""
    workers = min(threads, len(tiles))
    if workers <= 1:
        return [work(tile) for tile in tiles]
    return list(_pool(workers).map(work, tiles))


def flat(tensor: Tensor) -> Array:
    """A tensor's memory as a flat array (no copy for contiguous tensors; bool is read as uint8)."""
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bool:
        tensor = tensor.view(torch.uint8)
    array: Array = tensor.numpy().reshape(-1)
    return array


def numpy_dtype(call: Call) -> Any:
    """The NumPy type of the numbers of a call."""
    return _NUMPY[call.x.dtype]


def mask_array(call: Call) -> NDArray[np.uint8]:
    """The mask as flat uint8, empty when there is none."""
    return np.empty(0, np.uint8) if call.mask is None else flat(call.mask)
