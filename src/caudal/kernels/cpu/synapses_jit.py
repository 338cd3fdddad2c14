"""Compiled loops over synapses that the wired kernels share.

Gated synapses come as `(ptr, source, slope, offset, w, w_e, sigma)`, see `synapses.Folded`: each gate `s` adds `s w` to
one sum of its target and `s w_e` to another. Linear ones come as `(ptr, source, w)` and add `w v`. Scratch is one flat
array cut into rows of as many numbers as there are lanes.
"""

from caudal.kernels.cpu.jit import inlined
from caudal.kernels.cpu.simd import add, broadcast, fma, fold, gate, load, mul, store, sub, total, width

FLUSH = 64


@inlined
def gated(lanes, h, from_at, a, b, syn, scratch, keep, gates_at):
    """Add what reaches neuron `h` from the values at `from_at` to its two sums; gates are kept when asked."""
    size = width(lanes)
    ptr, source, slope, offset, w, w_e, _ = syn
    for k in range(ptr[h], ptr[h + 1]):
        v = load(lanes, scratch, from_at + source[k] * size)
        s = gate(v, broadcast(lanes, slope, k), broadcast(lanes, offset, k))
        a, b = fma(s, broadcast(lanes, w, k), a), fma(s, broadcast(lanes, w_e, k), b)
        if keep:
            store(scratch, gates_at + k * size, s)
    return a, b


@inlined
def hold_gated(lanes, units, from_at, a_at, b_at, a_leak, b_leak, syn, scratch, keep, gates_at):
    """Two sums of every neuron, begun from its leaks."""
    size = width(lanes)
    for h in range(units):
        a, b = broadcast(lanes, a_leak, h), broadcast(lanes, b_leak, h)
        a, b = gated(lanes, h, from_at, a, b, syn, scratch, keep, gates_at)
        store(scratch, a_at + h * size, a)
        store(scratch, b_at + h * size, b)


@inlined
def linear(lanes, h, from_at, a, lin, scratch):
    """Add what reaches neuron `h` through linear synapses to its sum."""
    size = width(lanes)
    ptr, source, w = lin
    for k in range(ptr[h], ptr[h + 1]):
        a = fma(load(lanes, scratch, from_at + source[k] * size), broadcast(lanes, w, k), a)
    return a


@inlined
def hold_linear(lanes, units, from_at, to_at, bias, lin, scratch):
    """One sum of every neuron, begun from its bias."""
    size = width(lanes)
    for h in range(units):
        store(scratch, to_at + h * size, linear(lanes, h, from_at, broadcast(lanes, bias, h), lin, scratch))


@inlined
def tally(narrow, sums, at, values):
    """Add a vector, folded to the width of the sums, to a running sum."""
    store(sums, at, add(load(narrow, sums, at), fold(narrow, values)))


@inlined
def tally_units(lanes, narrow, units, sums, at, scratch, from_at):
    """Add one row of every neuron to its running sum."""
    size, part = width(lanes), width(narrow)
    for h in range(units):
        tally(narrow, sums, at + h * part, load(lanes, scratch, from_at + h * size))


@inlined
def accumulate(lanes, scratch, at, values):
    """Add a vector to a row."""
    store(scratch, at, add(values, load(lanes, scratch, at)))


@inlined
def pull(lanes, narrow, units, from_at, to_at, b_at, a_at, gates, syn, scratch, sums, sums_at):
    """Pass `a`, `b`, the gradients of both sums of every target, back through its gated synapses.

    Adds to the sources' gradients at `to_at` and to the four moments of each synapse in `sums`.
    """
    size, part = width(lanes), width(narrow)
    ptr, source, _, _, w, w_e, sigma = syn
    for h in range(units):
        b, a = load(lanes, scratch, b_at + h * size), load(lanes, scratch, a_at + h * size)
        for k in range(ptr[h], ptr[h + 1]):
            s = load(lanes, scratch, gates + k * size)
            row = source[k] * size
            q = mul(fma(broadcast(lanes, w_e, k), b, mul(broadcast(lanes, w, k), a)), sub(s, mul(s, s)))
            at = sums_at + 4 * k * part
            tally(narrow, sums, at, mul(s, b))
            tally(narrow, sums, at + part, mul(s, a))
            tally(narrow, sums, at + 2 * part, q)
            tally(narrow, sums, at + 3 * part, mul(q, load(lanes, scratch, from_at + row)))
            store(scratch, to_at + row, fma(q, broadcast(lanes, sigma, k), load(lanes, scratch, to_at + row)))


@inlined
def pull_linear(lanes, narrow, units, from_at, to_at, a_at, lin, scratch, sums, sums_at):
    """Pass `a`, the gradient of the sum of every target, back through its linear synapses."""
    size, part = width(lanes), width(narrow)
    ptr, source, w = lin
    for h in range(units):
        a = load(lanes, scratch, a_at + h * size)
        for k in range(ptr[h], ptr[h + 1]):
            row = source[k] * size
            tally(narrow, sums, sums_at + k * part, mul(a, load(lanes, scratch, from_at + row)))
            store(scratch, to_at + row, fma(a, broadcast(lanes, w, k), load(lanes, scratch, to_at + row)))


@inlined
def flush(narrow, sums, totals):
    """Move running sums into float64 totals, so that a long sequence loses nothing to rounding."""
    part = width(narrow)
    for j in range(totals.size):
        totals[j] += total(load(narrow, sums, j * part))
    sums[:] = 0.0
