"""Compiled comparison of parameters in memory with the snapshot of what was folded."""

from numba import carray  # type: ignore[attr-defined]  # numba lists it, but not for type checkers

from caudal.kernels.cpu.jit import inlined
from caudal.kernels.cpu.simd import absolute, add, at_address, lanes16, load, sub, total, zeros


@inlined
def same_memory(addresses, sizes, snapshot):
    """Whether the tensors at some addresses hold the snapshot, number by number; NaN and infinity never do."""
    lanes, at = lanes16(), 0
    away0, away1 = zeros(lanes, snapshot), zeros(lanes, snapshot)
    rest = 0
    for j in range(addresses.size):
        now = carray(at_address(addresses[j], snapshot), (sizes[j],))
        whole = sizes[j] - sizes[j] % 32
        for i in range(0, whole, 32):
            away0 = add(away0, absolute(sub(load(lanes, now, i), load(lanes, snapshot, at + i))))
            away1 = add(away1, absolute(sub(load(lanes, now, i + 16), load(lanes, snapshot, at + i + 16))))
        for i in range(whole, sizes[j]):
            rest += now[i] - snapshot[at + i] != 0
        at += sizes[j]
    return rest == 0 and total(add(away0, away1)) == 0
