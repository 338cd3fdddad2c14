"""Compiled loops of the dense CfC; `kernels/cpu/cfc.py` prepares their arguments.

`plan` holds, per matrix, (in, out, padded out, offset of its packed weights, offset of its transpose, offset of its
bias). The first matrix reads the state and adds to the projected input, the last one ends in the heads.
"""

from caudal.kernels.cpu.dense_jit import activate, constant_rows, product, zero_rows
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.lanes_jit import rows_in, rows_out, times_in
from caudal.kernels.cpu.simd import (
    absolute,
    add,
    broadcast,
    exp_minus,
    fill,
    fma,
    fold,
    load,
    logistic,
    mul,
    store,
    sub,
    tanh,
    where_positive,
    width,
)  # fmt: skip

DEFAULT, NO_GATE, PURE = range(3)


@inlined
def counts_in(to, at, mask, first, stride, rows):
    """1 in the lanes whose step counts, 0 elsewhere."""
    for lane in range(rows):
        to[at + lane] = 1.0 if mask.size == 0 or mask[first + lane * stride] != 0 else 0.0


@inlined
def climb(lanes, scratch, h_at, x_at, z_at, act_at, bend_at, wide, plan, packed, biases, kind, bend):
    """From state and projected input to the pre-activations of the heads; returns where they stand.

    Level `m` has its pre-activation at `z_at + m * wide` (level 0 at `x_at`, where the projected input was put) and
    its activation at `act_at + m * wide`.
    """
    product(lanes, scratch, h_at, plan[0, 0], x_at, plan[0, 1], packed, plan[0, 3])
    z = x_at
    for m in range(1, plan.shape[0]):
        act = act_at + (m - 1) * wide
        activate(lanes, scratch, z, act, bend_at + (m - 1) * wide, plan[m, 0], kind, bend)
        z = z_at + m * wide
        constant_rows(lanes, scratch, z, biases, plan[m, 5], plan[m, 2])
        product(lanes, scratch, act, plan[m, 0], z, plan[m, 1], packed, plan[m, 3])
    return z


@inlined
def new_state(lanes, scratch, pre, h, i, units, dt, mode, ends):
    """New state of neuron `i` from its heads."""
    size = width(lanes)
    f1 = load(lanes, scratch, pre + i * size)
    if mode == PURE:
        a = broadcast(lanes, ends, i)
        rate = add(absolute(broadcast(lanes, ends, units + i)), absolute(f1))
        return sub(a, mul(mul(a, exp_minus(mul(dt, rate))), f1))
    f1 = tanh(f1)
    f2 = tanh(load(lanes, scratch, pre + (units + i) * size))
    a, b = load(lanes, scratch, pre + (2 * units + i) * size), load(lanes, scratch, pre + (3 * units + i) * size)
    t = logistic(fma(a, dt, b))
    if mode == NO_GATE:
        return fma(t, f2, f1)
    return fma(t, sub(f2, f1), f1)


@kernel
def forward_tile(
    lanes, start, rows, time, first, units, x, dt, mask, h0, out, plan, packed, biases, ends, mode, kind, scratch
):
    """States of one tile of rows, written into `out (batch, time, units)`."""
    size = width(lanes)
    levels = plan.shape[0]
    wide = 0
    for m in range(levels):
        wide = max(wide, plan[m, 2] * size)
    d_at, c_at, h_at = 0, size, 2 * size
    x_at = h_at + units * size
    act_at = x_at + wide
    z_at = act_at + wide * levels
    scratch[:] = 0.0
    rows_in(scratch, h_at, lanes, h0, start * units, units, rows, units)
    for t in range(time):
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * first, time * first, rows, first)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0)
        counts_in(scratch, c_at, mask, at, time, rows)
        pre = climb(lanes, scratch, h_at, x_at, z_at, act_at, act_at, wide, plan, packed, biases, kind, False)
        d, counts = load(lanes, scratch, d_at), load(lanes, scratch, c_at)
        for i in range(units):
            h = load(lanes, scratch, h_at + i * size)
            new = new_state(lanes, scratch, pre, h, i, units, d, mode, ends)
            store(scratch, h_at + i * size, where_positive(counts, new, h))
        rows_out(out, at * units, time * units, scratch, h_at, lanes, rows, units)


@inlined
def head_slopes(lanes, narrow, scratch, pre, grad_at, dd, i, units, flow, dt, mode, ends, sums):
    """Gradient of neuron `i`'s heads from that of its new state; adds to the gradient of `dt` and of the two ends."""
    size, part = width(lanes), width(narrow)
    one = fill(flow, 1.0)
    f1 = load(lanes, scratch, pre + i * size)
    if mode == PURE:
        a, w = broadcast(lanes, ends, i), broadcast(lanes, ends, units + i)
        rate = add(absolute(w), absolute(f1))
        left = exp_minus(mul(dt, rate))
        scaled = mul(mul(a, left), f1)
        own = mul(mul(a, left), sub(mul(dt, absolute(f1)), one))
        store(scratch, grad_at + i * size, mul(flow, own))
        store(scratch, dd, fma(flow, mul(scaled, rate), load(lanes, scratch, dd)))
        at = i * part
        store(sums, at, add(load(narrow, sums, at), fold(narrow, mul(flow, sub(one, mul(left, f1))))))
        at += units * part
        zero = fill(flow, 0.0)
        sign = where_positive(w, one, where_positive(sub(zero, w), sub(zero, one), zero))
        store(sums, at, add(load(narrow, sums, at), fold(narrow, mul(flow, mul(mul(scaled, dt), sign)))))
    else:
        f1, f2 = tanh(f1), tanh(load(lanes, scratch, pre + (units + i) * size))
        a, b = load(lanes, scratch, pre + (2 * units + i) * size), load(lanes, scratch, pre + (3 * units + i) * size)
        t = logistic(fma(a, dt, b))
        slope = sub(one, mul(f1, f1))
        between = f2
        if mode == DEFAULT:
            slope, between = mul(slope, sub(one, t)), sub(f2, f1)
        gate = mul(mul(flow, between), mul(t, sub(one, t)))
        store(scratch, grad_at + i * size, mul(flow, slope))
        store(scratch, grad_at + (units + i) * size, mul(mul(flow, t), sub(one, mul(f2, f2))))
        store(scratch, grad_at + (2 * units + i) * size, mul(gate, dt))
        store(scratch, grad_at + (3 * units + i) * size, gate)
        store(scratch, dd, fma(gate, a, load(lanes, scratch, dd)))


@kernel
def backward_tile(
    lanes, narrow, start, rows, time, begin, chunk, first, units,
    x, dt, h0, states, grads, mask, grad_x, grad_dt, carry, levels_out, reads_out,
    plan, packed, biases, ends, mode, kind, scratch, sums,
):  # fmt: skip
    """Take steps `begin` to `begin + chunk` of one tile back through time.

    `carry (batch, units)` comes in as the gradient after the chunk and leaves as the gradient before it. Gradients of
    every matrix's output beyond the first and what it read go to `levels_out` and `reads_out`, row-major per matrix,
    for the weight gradients that the caller forms in a few large products.
    """
    size = width(lanes)
    levels = plan.shape[0]
    wide = 0
    for m in range(levels):
        wide = max(wide, max(plan[m, 2], (plan[m, 0] + 7) // 8 * 8) * size)
    d_at, c_at, dd, h_at = 0, size, 2 * size, 3 * size
    flow_at = h_at + (units + 7) // 8 * 8 * size
    x_at = flow_at + (units + 7) // 8 * 8 * size
    act_at = x_at + wide
    bend_at = act_at + wide * levels
    z_at = bend_at + wide * levels
    grad_at, below_at = z_at + wide * levels, z_at + wide * (levels + 1)
    batch = h0.size // units
    scratch[:] = 0.0
    rows_in(scratch, flow_at, lanes, carry, start * units, units, rows, units)
    for back in range(chunk):
        t = begin + chunk - 1 - back
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * first, time * first, rows, first)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0)
        counts_in(scratch, c_at, mask, at, time, rows)
        if t == 0:
            rows_in(scratch, h_at, lanes, h0, start * units, units, rows, units)
        else:
            rows_in(scratch, h_at, lanes, states, (at - 1) * units, time * units, rows, units)
        for lane in range(rows):
            base = ((start + lane) * time + t) * units
            for i in range(units):
                scratch[flow_at + i * size + lane] += grads[base + i]
        pre = climb(lanes, scratch, h_at, x_at, z_at, act_at, bend_at, wide, plan, packed, biases, kind, True)
        d, counts = load(lanes, scratch, d_at), load(lanes, scratch, c_at)
        zero_rows(scratch, dd, size)
        zero_rows(scratch, grad_at, wide)
        for i in range(units):
            flow = load(lanes, scratch, flow_at + i * size)
            kept = fill(flow, 0.0)
            store(scratch, flow_at + i * size, where_positive(counts, kept, flow))
            flow = where_positive(counts, flow, kept)
            head_slopes(lanes, narrow, scratch, pre, grad_at, dd, i, units, flow, d, mode, ends, sums)
        out_base, read_base = 0, 0
        for m in range(1, levels):
            out_base += batch * chunk * plan[m, 1]
            read_base += batch * chunk * plan[m, 0]
        here = start * chunk + t - begin
        for reverse in range(levels - 1):
            m = levels - 1 - reverse
            n_in, n_out = plan[m, 0], plan[m, 1]
            out_base -= batch * chunk * n_out
            read_base -= batch * chunk * n_in
            rows_out(levels_out, out_base + here * n_out, chunk * n_out, scratch, grad_at, lanes, rows, n_out)
            act = act_at + (m - 1) * wide
            rows_out(reads_out, read_base + here * n_in, chunk * n_in, scratch, act, lanes, rows, n_in)
            zero_rows(scratch, below_at, wide)
            product(lanes, scratch, grad_at, n_out, below_at, n_in, packed, plan[m, 4])
            for j in range(n_in):
                row = j * size
                bend = load(lanes, scratch, bend_at + (m - 1) * wide + row)
                store(scratch, grad_at + row, mul(load(lanes, scratch, below_at + row), bend))
        rows_out(grad_x, at * first, time * first, scratch, grad_at, lanes, rows, first)
        product(lanes, scratch, grad_at, first, flow_at, units, packed, plan[0, 4])
        for lane in range(rows):
            base = (start + lane) * time + t
            grad_dt[base] = scratch[dd + lane]
    rows_out(carry, start * units, units, scratch, flow_at, lanes, rows, units)
