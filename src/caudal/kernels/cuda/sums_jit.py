"""Sums along synapses inside kernels, over the tables of `sums.py`; every number is a lane of one flat vector."""

from caudal.kernels.cuda.language import constexpr, inlined, tl, total


@inlined
def wide(index):
    """An index as int64, since offsets into long sequences leave int32."""
    return tl.cast(index, tl.int64)


@inlined
def vector(values, count, SIZE: constexpr, other):
    """The first `count` of `values`, padded to `SIZE` with `other`."""
    at = tl.arange(0, SIZE)
    return tl.load(values + at, mask=at < count, other=other)


@inlined
def step_time(dt, mask, at, substeps, MASKED: constexpr):
    """Elapsed time of one sub-step, 0 at a masked step, and whether the step counts."""
    counts = at >= 0
    if MASKED:
        counts = tl.load(mask + at) != 0
    return tl.load(dt + at, mask=counts, other=0.0) / substeps, counts


@inlined
def before(states, first, at, row, t, units, U: constexpr):
    """The state that step `t` of a row read, `(U,)`: the initial one, or that of the step before."""
    unit = tl.arange(0, U)
    earlier = tl.load(states + (at - 1) * units + unit, mask=unit < tl.where(t > 0, units, 0), other=0.0)
    return earlier + tl.load(first + wide(row) * units + unit, mask=unit < tl.where(t > 0, 0, units), other=0.0)


@inlined
def read_inputs(x, at, inputs, source, counts):
    """What each lane reads of the inputs, 0 where there is no synapse and at a step that does not count."""
    # Compared with a limit: the interpreter makes integers of a vector of truths joined to a single one.
    there = source >= tl.where(counts, 0, 2147483647)
    return tl.load(x + at * inputs + source, mask=there, other=0.0)


@inlined
def grouped(values, up, FAN: constexpr, PARTS: constexpr, LANES: constexpr, GROUPS: constexpr):
    """Sum `values (LANES,)` by group, `(GROUPS,)`."""
    rows = total(tl.reshape(values, (LANES // FAN, FAN)), 1)
    parts = tl.where(up >= 0, tl.gather(rows, tl.maximum(up, 0), 0), 0.0)
    return total(tl.reshape(parts, (GROUPS, PARTS)), 1)


@inlined
def picked(values, index):
    """`values[index]`, 0 where the index is negative."""
    return tl.where(index >= 0, tl.gather(values, tl.maximum(index, 0), 0), 0.0)


@inlined
def gates(values, slope, offset, live):
    """Gates `1 / (1 + 2 ** (slope value + offset))`, 0 where there is no synapse."""
    return tl.where(live, 1.0 / (1.0 + tl.exp2(slope * values + offset)), 0.0)


@inlined
def moments(s, first, second, a, b, values):
    """Terms of the four moments of gates `s`: `a` and `b` are the gradients of the sums they enter.

    `first` is the weight in the sum of `b`, `second` that in the sum of `a`.
    """
    q = (second * a + first * b) * (s * (1.0 - s))
    return s * a, s * b, q, q * values


@inlined
def move(totals, sums, SIZE: constexpr):
    """Add running sums to float64 totals."""
    at = totals + tl.arange(0, SIZE)
    tl.store(at, tl.load(at) + sums.to(tl.float64))


@inlined
def move_moments(totals, sums, SIZE: constexpr):
    """Add four moments to their totals, one after another."""
    move(totals, sums[0], SIZE)
    move(totals + SIZE, sums[1], SIZE)
    move(totals + 2 * SIZE, sums[2], SIZE)
    move(totals + 3 * SIZE, sums[3], SIZE)
