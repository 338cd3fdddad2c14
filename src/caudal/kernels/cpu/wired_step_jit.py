"""Compiled single steps of the wired cells, for loops of one: the loops of the scan over a sequence of one step.

Folded arrays come joined, integers and numbers apart, with the cuts between them: each argument of its own would cost
as much as a small step. `sizes` begins with (inputs, units, motor); every kernel answers 0 when done, 1 or 2 when `x`
or `dt` cannot be, 3 when parameters have changed.
"""

from numba import carray  # type: ignore[attr-defined]  # numba lists it, but not for type checkers

from caudal.kernels.cpu import cfc_wired_jit, ctrnn_jit, lrc_jit
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.simd import at_address, lanes16
from caudal.kernels.cpu.snapshot_jit import same_memory

DONE, BAD_X, BAD_DT, CHANGED = range(4)


@inlined
def part(joined, cuts, j):
    """Array `j` of those that were joined."""
    return joined[cuts[j] : cuts[j + 1]]


@inlined
def fault(x, dt):
    """1 when an input is not finite, 2 when an elapsed time is negative or not finite, else 0."""
    for i in range(dt.size):
        if not (dt[i] >= 0 and dt[i] - dt[i] == 0):
            return BAD_DT
    for i in range(x.size):
        if x[i] - x[i] != 0:
            return BAD_X
    return DONE


@inlined
def arrays(sizes, folded, batch, x, dt, old, new):
    """Inputs, times, old and new states at their addresses."""
    inputs, states = (batch * sizes[0],), (batch * sizes[1],)
    xs, dts = carray(at_address(x, folded), inputs), carray(at_address(dt, folded), (batch,))
    return xs, dts, carray(at_address(old, folded), states), carray(at_address(new, folded), states)


@inlined
def read_out(sizes, folded, batch, new, y, scale, shift):
    """Outputs: the last neurons, scaled and shifted."""
    units, motor = sizes[1], sizes[2]
    to = carray(at_address(y, folded), (batch * motor,))
    for row in range(batch):
        for m in range(motor):
            to[row * motor + m] = new[(row + 1) * units - motor + m] * scale[m] + shift[m]


@kernel
def ctrnn_step(
    sizes, int_cuts, ints, cuts, folded, addresses, lengths, snapshot, scratch, batch, x, dt, v_old, y, v_new
):
    """CT-RNN: `sizes[3:]` is (substeps,); parts are ptr and source of both kinds; both weights, b, tau, scale, shift."""
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    xs, dts, old, new = arrays(sizes, folded, batch, x, dt, v_old, v_new)
    status = fault(xs, dts)
    if status == DONE:
        sensory = (part(ints, int_cuts, 0), part(ints, int_cuts, 1), part(folded, cuts, 0))
        recurrent = (part(ints, int_cuts, 2), part(ints, int_cuts, 3), part(folded, cuts, 1))
        ctrnn_jit.forward_tile(
            lanes16(), 0, batch, 1, sizes[0], sizes[1], xs, dts, ints[:0], old, new,
            sizes[3], sensory, recurrent, part(folded, cuts, 2), part(folded, cuts, 3), scratch,
        )  # fmt: skip
        read_out(sizes, folded, batch, new, y, part(folded, cuts, 4), part(folded, cuts, 5))
    return status


@inlined
def gates(ints, int_cuts, i, folded, cuts, j):
    """Folded gates from integers at `i` and numbers at `j` on."""
    return (
        part(ints, int_cuts, i), part(ints, int_cuts, i + 1), part(folded, cuts, j), part(folded, cuts, j + 1),
        part(folded, cuts, j + 2), part(folded, cuts, j + 3), part(folded, cuts, j + 4),
    )  # fmt: skip


@kernel
def lrc_step(sizes, int_cuts, ints, cuts, folded, addresses, lengths, snapshot, scratch, batch, x, dt, v_old, y, v_new):
    """LRC: `sizes[3:]` is (substeps, kind, hybrid); numbers are both kinds of gates, both `o`, leak, scale, shift."""
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    xs, dts, old, new = arrays(sizes, folded, batch, x, dt, v_old, v_new)
    status = fault(xs, dts)
    if status == DONE:
        sensory, recurrent = gates(ints, int_cuts, 0, folded, cuts, 0), gates(ints, int_cuts, 2, folded, cuts, 5)
        leak = (part(folded, cuts, 12), part(folded, cuts, 13), part(folded, cuts, 14), part(folded, cuts, 15))
        lrc_jit.forward_tile(
            lanes16(), 0, batch, 1, sizes[0], sizes[1], xs, dts, ints[:0], old, new, sizes[3], sizes[4], sizes[5] != 0,
            sensory, (sensory[0], sensory[1], part(folded, cuts, 10)),
            recurrent, (recurrent[0], recurrent[1], part(folded, cuts, 11)), leak, scratch,
        )  # fmt: skip
        read_out(sizes, folded, batch, new, y, part(folded, cuts, 16), part(folded, cuts, 17))
    return status


@kernel
def cfc_wired_step(
    sizes, int_cuts, ints, cuts, folded, addresses, lengths, snapshot, scratch, batch, x, dt, h_old, y, h_new
):
    """Wired CfC: `sizes[3:]` is (mode,); parts as in `cfc_wired.Walk`, then a scale of 1 and a shift of 0."""
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    xs, dts, old, new = arrays(sizes, folded, batch, x, dt, h_old, h_new)
    status = fault(xs, dts)
    if status == DONE:
        sensory = (part(ints, int_cuts, 0), part(ints, int_cuts, 1), part(folded, cuts, 0))
        recurrent = (part(ints, int_cuts, 2), part(ints, int_cuts, 3), part(folded, cuts, 1))
        cfc_wired_jit.forward_tile(
            lanes16(), 0, batch, 1, sizes[0], sizes[1], xs, dts, ints[:0], old, new,
            sizes[3], sensory, recurrent, part(folded, cuts, 2), part(folded, cuts, 3), scratch,
        )  # fmt: skip
        read_out(sizes, folded, batch, new, y, part(folded, cuts, 4), part(folded, cuts, 5))
    return status
