"""The compiled loop behind the measured rate of sigmoid synapses; nothing in it waits for memory."""

from typing import Any

from caudal.kernels.cpu.jit import kernel
from caudal.kernels.cpu.simd import Lanes, broadcast, fma, gate, load, store, width

LANES = Lanes(16)


@kernel
def synapses(lanes: Any, slope: Any, offset: Any, w: Any, w_e: Any, rounds: int, place: Any) -> None:
    """Sum `rounds` times over synapses that all read one potential per lane; sums are stored so that none is idle."""
    size = width(lanes)
    # A potential that stays: one that grew with the sums would saturate the gate and meet denormal numbers.
    v = load(lanes, place, 2 * size)
    for _ in range(rounds):
        den, num = load(lanes, place, 0), load(lanes, place, size)
        for k in range(slope.size):
            s = gate(v, broadcast(lanes, slope, k), broadcast(lanes, offset, k))
            den, num = fma(s, broadcast(lanes, w, k), den), fma(s, broadcast(lanes, w_e, k), num)
        store(place, 0, den)
        store(place, size, num)
