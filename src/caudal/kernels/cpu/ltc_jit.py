"""Compiled loops of the LTC kernels; `kernels/cpu/wired.py` prepares their arguments.

Scratch is one flat array cut into rows of as many numbers as there are lanes; offsets into it are named at the top of
each kernel.
"""

from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.lanes_jit import before_in, rows_add, rows_in, rows_out, times_in, times_out
from caudal.kernels.cpu.simd import add, broadcast, div, fma, load, mul, store, sub, width, zeros
from caudal.kernels.cpu.synapses_jit import FLUSH, accumulate, flush, gated, hold_gated, pull, tally, tally_units


@inlined
def fused(lanes, v, d, den, num, c, h):
    """Potential of neuron `h` after a fused step of `d`."""
    return add(v, div(mul(d, sub(num, mul(den, v))), fma(d, den, broadcast(lanes, c, h))))


@kernel
def forward_tile(
    lanes, start, rows, time, inputs, units, x, dt, mask, v0, out, substeps, sensory, recurrent, leak, scratch
):
    """States of one tile of rows, written into `out (batch, time, units)`."""
    size = width(lanes)
    g, gv, c = leak
    x_at, d_at = 0, inputs * size
    old, new = d_at + size, d_at + size + units * size
    den_at, num_at = new + units * size, new + 2 * units * size
    scratch[:] = 0.0
    rows_in(scratch, old, lanes, v0, start * units, units, rows, units)
    for t in range(time):
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0 / substeps)
        d = load(lanes, scratch, d_at)
        hold_gated(lanes, units, x_at, den_at, num_at, g, gv, sensory, scratch, False, 0)
        for _u in range(substeps):
            for h in range(units):
                den, num = load(lanes, scratch, den_at + h * size), load(lanes, scratch, num_at + h * size)
                den, num = gated(lanes, h, old, den, num, recurrent, scratch, False, 0)
                v = load(lanes, scratch, old + h * size)
                store(scratch, new + h * size, fused(lanes, v, d, den, num, c, h))
            old, new = new, old
        rows_out(out, at * units, time * units, scratch, old, lanes, rows, units)


@inlined
def retrace(lanes, units, substeps, d, path, den_at, num_at, inflow, gates, syn, c, scratch):
    """Repeat the sub-steps of one step and keep potentials, sums and gates of each."""
    size = width(lanes)
    for u in range(substeps):
        here = u * units * size
        for h in range(units):
            den, num = load(lanes, scratch, inflow + h * size), load(lanes, scratch, inflow + (units + h) * size)
            den, num = gated(lanes, h, path + here, den, num, syn, scratch, True, gates + u * syn[1].size * size)
            v = load(lanes, scratch, path + here + h * size)
            store(scratch, den_at + here + h * size, den)
            store(scratch, num_at + here + h * size, num)
            store(scratch, path + here + (units + h) * size, fused(lanes, v, d, den, num, c, h))


@inlined
def back_substep(
    lanes, narrow, units, d, carry, a_at, b_at, a_sum, b_sum, dd, here, path, den_at, num_at, c, scratch, sums, c_sum
):
    """Gradient of one sub-step with respect to sums, own potential, capacitance and `d`, neuron by neuron."""
    size, part = width(lanes), width(narrow)
    for h in range(units):
        row = h * size
        flow, v = load(lanes, scratch, carry + row), load(lanes, scratch, path + here + row)
        den, num = load(lanes, scratch, den_at + here + row), load(lanes, scratch, num_at + here + row)
        below = fma(d, den, broadcast(lanes, c, h))
        slope = div(sub(num, mul(den, v)), below)
        share = div(flow, below)
        a = mul(share, d)
        b = sub(zeros(lanes, scratch), mul(a, load(lanes, scratch, path + here + units * size + row)))
        to_v = mul(share, broadcast(lanes, c, h))
        store(scratch, dd, fma(to_v, slope, load(lanes, scratch, dd)))
        tally(narrow, sums, c_sum + h * part, sub(zeros(lanes, scratch), mul(a, slope)))
        store(scratch, a_at + row, a)
        store(scratch, b_at + row, b)
        accumulate(lanes, scratch, a_sum + row, a)
        accumulate(lanes, scratch, b_sum + row, b)
        store(scratch, carry + row, to_v)


@kernel
def backward_tile(
    lanes, narrow, start, rows, time, inputs, units,
    x, dt, v0, states, grads, grad_x, grad_dt, grad_v, mask, substeps, sensory, recurrent, leak, scratch, sums, totals,
):  # fmt: skip
    """Reverse-time gradient of one tile; moments of parameters are added to `totals`."""
    size, part = width(lanes), width(narrow)
    g, gv, c = leak
    n_sen, n_rec = sensory[1].size, recurrent[1].size
    block = units * size
    x_at, gx_at = 0, inputs * size
    d_at, dd = 2 * inputs * size, (2 * inputs + 1) * size
    carry = (2 * inputs + 2) * size
    a_at, b_at, a_sum = carry + block, carry + 2 * block, carry + 3 * block
    b_sum, inflow = carry + 4 * block, carry + 5 * block
    sen_gates = inflow + 2 * block
    path = sen_gates + n_sen * size
    den_at = path + (substeps + 1) * block
    num_at = den_at + substeps * block
    gates = num_at + substeps * block
    b_tot = (4 * n_sen + 4 * n_rec) * part
    a_tot, c_tot = b_tot + units * part, b_tot + 2 * units * part
    scratch[:] = 0.0
    for back in range(time):
        t = time - 1 - back
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0 / substeps)
        before_in(scratch, path, lanes, v0, states, start, t, time, rows, units)
        rows_add(scratch, carry, lanes, grads, at * units, time * units, rows, units)
        d = load(lanes, scratch, d_at)
        hold_gated(lanes, units, x_at, inflow, inflow + block, g, gv, sensory, scratch, True, sen_gates)
        retrace(lanes, units, substeps, d, path, den_at, num_at, inflow, gates, recurrent, c, scratch)
        scratch[dd : dd + size] = 0.0
        scratch[gx_at : gx_at + inputs * size] = 0.0
        scratch[a_sum : a_sum + 2 * block] = 0.0
        for reverse in range(substeps):
            u = substeps - 1 - reverse
            here = u * block
            back_substep(
                lanes, narrow, units, d, carry, a_at, b_at, a_sum, b_sum, dd, here, path, den_at, num_at, c, scratch,
                sums, c_tot,
            )  # fmt: skip
            gates_at = gates + u * n_rec * size
            moments_at = 4 * n_sen * part
            pull(lanes, narrow, units, path + here, carry, a_at, b_at, gates_at, recurrent, scratch, sums, moments_at)
        pull(lanes, narrow, units, x_at, gx_at, a_sum, b_sum, sen_gates, sensory, scratch, sums, 0)
        tally_units(lanes, narrow, units, sums, b_tot, scratch, b_sum)
        tally_units(lanes, narrow, units, sums, a_tot, scratch, a_sum)
        rows_out(grad_x, at * inputs, time * inputs, scratch, gx_at, lanes, rows, inputs)
        times_out(grad_dt, mask, at, time, scratch, dd, rows, substeps)
        if t % FLUSH == 0:
            flush(narrow, sums, totals)
    rows_out(grad_v, start * units, units, scratch, carry, lanes, rows, units)
