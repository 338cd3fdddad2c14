"""Compiled loops of the CT-RNN; `kernels/cpu/wired.py` prepares their arguments. Scratch as in `ltc_jit`."""

from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.lanes_jit import before_in, rows_add, rows_in, rows_out, times_in, times_out
from caudal.kernels.cpu.simd import add, broadcast, div, fill, load, mul, store, sub, tanh, width
from caudal.kernels.cpu.synapses_jit import (
    FLUSH,
    accumulate,
    flush,
    hold_linear,
    linear,
    pull_linear,
    tally,
    tally_units,
)


@inlined
def fused(lanes, v, d, push, tau, h):
    """State of neuron `h` after a fused step of `d`, driven by `push = tanh(a)`."""
    rate = broadcast(lanes, tau, h)
    return add(v, div(mul(d, sub(mul(rate, push), v)), add(rate, d)))


@kernel
def forward_tile(
    lanes, start, rows, time, inputs, units, x, dt, mask, v0, out, substeps, sensory, recurrent, bias, tau, scratch
):
    """States of one tile of rows, written into `out (batch, time, units)`."""
    size = width(lanes)
    x_at, d_at = 0, inputs * size
    old, new, inflow = d_at + size, d_at + (1 + units) * size, d_at + (1 + 2 * units) * size
    scratch[:] = 0.0
    rows_in(scratch, old, lanes, v0, start * units, units, rows, units)
    for t in range(time):
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0 / substeps)
        d = load(lanes, scratch, d_at)
        hold_linear(lanes, units, x_at, inflow, bias, sensory, scratch)
        for _u in range(substeps):
            for h in range(units):
                row = h * size
                push = tanh(linear(lanes, h, old, load(lanes, scratch, inflow + row), recurrent, scratch))
                store(scratch, new + row, fused(lanes, load(lanes, scratch, old + row), d, push, tau, h))
            old, new = new, old
        rows_out(out, at * units, time * units, scratch, old, lanes, rows, units)


@inlined
def retrace(lanes, units, substeps, d, path, inflow, pushes, recurrent, tau, scratch):
    """Repeat the sub-steps of one step and keep states and drives of each."""
    size = width(lanes)
    for u in range(substeps):
        here = u * units * size
        for h in range(units):
            row = h * size
            push = tanh(linear(lanes, h, path + here, load(lanes, scratch, inflow + row), recurrent, scratch))
            store(scratch, pushes + here + row, push)
            v = load(lanes, scratch, path + here + row)
            store(scratch, path + here + units * size + row, fused(lanes, v, d, push, tau, h))


@inlined
def back_substep(lanes, narrow, units, d, carry, drive, held_grad, dd, v_at, push_at, tau, scratch, sums, tau_tot):
    """Gradient of one sub-step with respect to sums, own state, time constant and `d`, neuron by neuron."""
    size, part = width(lanes), width(narrow)
    for h in range(units):
        row = h * size
        flow, v, push = (
            load(lanes, scratch, carry + row),
            load(lanes, scratch, v_at + row),
            load(lanes, scratch, push_at + row),
        )
        rate = broadcast(lanes, tau, h)
        below = add(rate, d)
        slope = div(sub(mul(rate, push), v), below)
        share = div(flow, below)
        to_v, moved = mul(share, rate), mul(share, d)
        accumulate(lanes, scratch, dd, mul(to_v, slope))
        tally(narrow, sums, tau_tot + h * part, mul(moved, sub(push, slope)))
        inner = mul(mul(moved, rate), sub(fill(push, 1.0), mul(push, push)))
        store(scratch, drive + row, inner)
        accumulate(lanes, scratch, held_grad + row, inner)
        store(scratch, carry + row, to_v)


@kernel
def backward_tile(
    lanes, narrow, start, rows, time, inputs, units,
    x, dt, v0, states, grads, grad_x, grad_dt, grad_v, mask, substeps, sensory, recurrent, bias, tau, scratch, sums,
    totals,
):  # fmt: skip
    """Reverse-time gradient of one tile; sums for the parameters, in their order, are added to `totals`."""
    size, part = width(lanes), width(narrow)
    n_sen, n_rec = sensory[1].size, recurrent[1].size
    block = units * size
    x_at, gx_at, d_at, dd = 0, inputs * size, 2 * inputs * size, (2 * inputs + 1) * size
    carry = (2 * inputs + 2) * size
    drive, held_grad, inflow, pushes = carry + block, carry + 2 * block, carry + 3 * block, carry + 4 * block
    path = pushes + substeps * block
    w_tot = n_sen * part
    b_tot = w_tot + n_rec * part
    tau_tot = b_tot + units * part
    scratch[:] = 0.0
    for back in range(time):
        t = time - 1 - back
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0 / substeps)
        before_in(scratch, path, lanes, v0, states, start, t, time, rows, units)
        rows_add(scratch, carry, lanes, grads, at * units, time * units, rows, units)
        d = load(lanes, scratch, d_at)
        hold_linear(lanes, units, x_at, inflow, bias, sensory, scratch)
        retrace(lanes, units, substeps, d, path, inflow, pushes, recurrent, tau, scratch)
        scratch[dd : dd + size] = 0.0
        scratch[gx_at : gx_at + inputs * size] = 0.0
        scratch[held_grad : held_grad + block] = 0.0
        for reverse in range(substeps):
            here = (substeps - 1 - reverse) * block
            back_substep(
                lanes, narrow, units, d, carry, drive, held_grad, dd, path + here, pushes + here, tau, scratch, sums,
                tau_tot,
            )  # fmt: skip
            pull_linear(lanes, narrow, units, path + here, carry, drive, recurrent, scratch, sums, w_tot)
        pull_linear(lanes, narrow, units, x_at, gx_at, held_grad, sensory, scratch, sums, 0)
        tally_units(lanes, narrow, units, sums, b_tot, scratch, held_grad)
        rows_out(grad_x, at * inputs, time * inputs, scratch, gx_at, lanes, rows, inputs)
        times_out(grad_dt, mask, at, time, scratch, dd, rows, substeps)
        if t % FLUSH == 0:
            flush(narrow, sums, totals)
    rows_out(grad_v, start * units, units, scratch, carry, lanes, rows, units)
