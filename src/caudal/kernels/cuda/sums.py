"""Sums along synapses as padded tables, so that a program handles all synapses of a row at once.

Items that belong to one group (the synapses of one target, or those of one source) fill rows of `fan` lanes; a group
takes as many rows as it needs. A sum onto groups adds each row, then the at most `parts` rows of each group. Lanes
follow the real synapses up to the padding of rows and the power of two of their number, and the order of every sum is
fixed by the tables.
"""

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.kernels.cuda.launch import power

Ints = NDArray[np.int64]
_GATE_COST = 6
_KEPT = 32


class Rows(NamedTuple):
    """How items are laid out to be summed by group.

    Attributes:
        lanes: their number, padding included, a power of two.
        fan: lanes per row.
        parts: rows per group at most, a power of two.
        up: `(groups padded to a power of two * parts,)` row of each part of each group, -1 for none.
    """

    lanes: int
    fan: int
    parts: int
    up: Tensor


class LaneTable(NamedTuple):
    """One kind of synapses.

    Attributes:
        onto: rows by target.
        source, target: `(onto.lanes,)` of the synapse in each lane; source -1 and target 0 where there is none.
        place: `(synapses,)` lane of each synapse.
        back: rows by source, for the way back.
        lane: `(back.lanes,)` which lane of `onto` each lane of `back` reads, -1 for none.
    """

    onto: Rows
    source: Tensor
    target: Tensor
    place: Tensor
    back: Rows
    lane: Tensor

    def pack(self, *vectors: Tensor) -> Tensor:
        """Parameters `(synapses,)` laid out by lane, `(vectors, lanes)`, 0 where there is no synapse."""
        packed = vectors[0].new_zeros(len(vectors), self.onto.lanes)
        packed[:, self.place] = torch.stack([v.detach() for v in vectors])
        return packed


def gate_gradients(sums: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of `(mu, sigma)` from the float64 moments `(4, synapses)`.

    With `a`, `b` the gradients of the two sums a gate `s` enters and `z` its argument, the rows are `sum s a`,
    `sum s b`, `sum dL/dz` and `sum dL/dz v`.
    """
    slope, slope_v = sums[2], sums[3]
    return -sigma * slope, slope_v - mu * slope


def layout(group: Ints, groups: int) -> tuple[int, int, int, Ints, Ints]:
    """Rows for items sorted by group: `(lanes, fan, parts, up, place)`, see `Rows` and `LaneTable`.

    Arguments:
        group: of each item, ascending.
        groups: how many there are.

    Example:
        >>> lanes, fan, parts, up, place = layout(np.array([0, 0, 0, 1]), 2)
        >>> lanes, fan, parts, up.tolist(), place.tolist()
        (4, 1, 4, [0, 1, 2, -1, 3, -1, -1, -1], [0, 1, 2, 3])
    """
    counts = np.bincount(group, minlength=groups) if group.size else np.zeros(groups, np.int64)
    fan = _best_fan(counts, power(groups))
    rows = -(-counts // fan)
    first = np.cumsum(rows) - rows
    parts = power(int(rows.max(initial=1)))
    part = np.arange(parts)
    up = np.full((power(groups), parts), -1)
    up[:groups] = np.where(part < rows[:, None], first[:, None] + part, -1)
    rank = np.arange(group.size) - (np.cumsum(counts) - counts)[group]
    return power(int(rows.sum())) * fan, fan, parts, up.reshape(-1), first[group] * fan + rank


def _best_fan(counts: Ints, groups: int) -> int:
    """Lanes per row at which gates and sums together cost least; the wider one of equals."""

    def cost(fan: int) -> int:
        rows = -(-counts // fan)
        return _GATE_COST * power(int(rows.sum())) * fan + groups * power(int(rows.max(initial=1)))

    fans = [1 << k for k in range(power(int(counts.max(initial=1))).bit_length())]
    return min(reversed(fans), key=cost)


def build(ptr: Ints, source: Ints, sources: int, device: torch.device) -> LaneTable:
    """Table of one kind of synapses from its compressed rows by target."""
    targets = ptr.size - 1
    target = np.repeat(np.arange(targets), np.diff(ptr))
    lanes, fan, parts, up, place = layout(target, targets)
    from_lane, to_lane = np.full(lanes, -1), np.zeros(lanes, np.int64)
    from_lane[place], to_lane[place] = source, target
    order = np.argsort(source, kind="stable")
    back_lanes, back_fan, back_parts, back_up, back_place = layout(source[order], sources)
    lane = np.full(back_lanes, -1)
    lane[back_place] = place[order]

    def ints(array: Ints) -> Tensor:
        return torch.from_numpy(array.astype(np.int32)).to(device)

    return LaneTable(
        Rows(lanes, fan, parts, ints(up)),
        ints(from_lane),
        ints(to_lane),
        torch.from_numpy(place).to(device),
        Rows(back_lanes, back_fan, back_parts, ints(back_up)),
        ints(lane),
    )


_tables: OrderedDict[Any, tuple[LaneTable, Tensor, Tensor]] = OrderedDict()


def table(ptr: Tensor, source: Tensor, sources: int) -> LaneTable:
    """Table of one kind of synapses, kept while its graph is the same memory at the same version.

    Building reads the graph back from the device, which waits for everything queued before; hence the memory. The
    graph is kept with its table, so that no other tensor can come to stand at its address.
    """
    if ptr.is_inference() or source.is_inference():
        return build(_ints(ptr), _ints(source), sources, ptr.device)
    key = (*((t.device, t.data_ptr(), t.numel(), t._version) for t in (ptr, source)), sources)
    entry = _tables.pop(key, None) or (build(_ints(ptr), _ints(source), sources, ptr.device), ptr, source)
    _tables[key] = entry
    while len(_tables) > _KEPT:
        _tables.popitem(last=False)
    return entry[0]


def _ints(tensor: Tensor) -> Ints:
    array: Ints = tensor.detach().cpu().numpy().astype(np.int64)
    return array
