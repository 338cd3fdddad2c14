"""Compiled loops of the dense CfC; `kernels/cpu/cfc.py` prepares their arguments.

`plan` holds, per matrix, (in, out, padded out, offset of its packed weights, offset of its transpose, offset of its
bias). The first matrix reads the state and adds to the projected input, the last one ends in the heads.
"""

from caudal.kernels.cpu.dense_jit import activate, constant_rows, product, zero_rows
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.lanes_jit import times_in
from caudal.kernels.cpu.outer_jit import BLOCK, keep, settle
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
from caudal.kernels.cpu.transpose_jit import add_rows, rows_in, rows_out

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
def pure_state(f1, a, w, dt):
    """New state of `pure` from its head and its two ends."""
    return sub(a, mul(mul(a, exp_minus(mul(dt, add(absolute(w), absolute(f1))))), f1))


@inlined
def gated_state(f1, f2, a, b, dt, mode):
    """New state of `default` or `no_gate` from its four heads."""
    f1, f2, t = tanh(f1), tanh(f2), logistic(fma(a, dt, b))
    if mode == NO_GATE:
        return fma(t, f2, f1)
    return fma(t, sub(f2, f1), f1)


@inlined
def new_state(lanes, scratch, pre, i, units, dt, mode, ends):
    """New state of neuron `i` from its heads."""
    size = width(lanes)
    f1 = load(lanes, scratch, pre + i * size)
    if mode == PURE:
        return pure_state(f1, broadcast(lanes, ends, i), broadcast(lanes, ends, units + i), dt)
    f2 = load(lanes, scratch, pre + (units + i) * size)
    a, b = load(lanes, scratch, pre + (2 * units + i) * size), load(lanes, scratch, pre + (3 * units + i) * size)
    return gated_state(f1, f2, a, b, dt, mode)


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
            new = new_state(lanes, scratch, pre, i, units, d, mode, ends)
            store(scratch, h_at + i * size, where_positive(counts, new, h))
        rows_out(out, at * units, time * units, scratch, h_at, lanes, rows, units)


@inlined
def head_slopes(lanes, narrow, scratch, pre, grad_at, dd, i, units, flow, dt, mode, ends, sums):
    """Gradient of neuron `i`'s heads from that of its new state; adds to the gradient of `dt` and of the two ends."""
    size, part = width(lanes), width(narrow)
    ones = fill(flow, 1.0)
    f1 = load(lanes, scratch, pre + i * size)
    if mode == PURE:
        a, w = broadcast(lanes, ends, i), broadcast(lanes, ends, units + i)
        rate = add(absolute(w), absolute(f1))
        left = exp_minus(mul(dt, rate))
        scaled = mul(mul(a, left), f1)
        outer = mul(mul(a, left), sub(mul(dt, absolute(f1)), ones))
        store(scratch, grad_at + i * size, mul(flow, outer))
        store(scratch, dd, fma(flow, mul(scaled, rate), load(lanes, scratch, dd)))
        at = i * part
        store(sums, at, add(load(narrow, sums, at), fold(narrow, mul(flow, sub(ones, mul(left, f1))))))
        at += units * part
        zero = fill(flow, 0.0)
        sign = where_positive(w, ones, where_positive(sub(zero, w), sub(zero, ones), zero))
        store(sums, at, add(load(narrow, sums, at), fold(narrow, mul(flow, mul(mul(scaled, dt), sign)))))
    else:
        f1, f2 = tanh(f1), tanh(load(lanes, scratch, pre + (units + i) * size))
        a, b = load(lanes, scratch, pre + (2 * units + i) * size), load(lanes, scratch, pre + (3 * units + i) * size)
        t = logistic(fma(a, dt, b))
        slope = sub(ones, mul(f1, f1))
        between = f2
        if mode == DEFAULT:
            slope, between = mul(slope, sub(ones, t)), sub(f2, f1)
        gate = mul(mul(flow, between), mul(t, sub(ones, t)))
        store(scratch, grad_at + i * size, mul(flow, slope))
        store(scratch, grad_at + (units + i) * size, mul(mul(flow, t), sub(ones, mul(f2, f2))))
        store(scratch, grad_at + (2 * units + i) * size, mul(gate, dt))
        store(scratch, grad_at + (3 * units + i) * size, gate)
        store(scratch, dd, fma(gate, a, load(lanes, scratch, dd)))


@inlined
def all_heads(lanes, narrow, scratch, pre, grad_at, dd, flow_at, units, dt, counts, mode, ends, sums):
    """Gradients of all heads of one step; what is left of the flow is that of the rows whose step does not count."""
    size = width(lanes)
    zero = fill(dt, 0.0)
    store(scratch, dd, zero)
    for i in range(units):
        flow = load(lanes, scratch, flow_at + i * size)
        store(scratch, flow_at + i * size, where_positive(counts, zero, flow))
        flow = where_positive(counts, flow, zero)
        head_slopes(lanes, narrow, scratch, pre, grad_at, dd, i, units, flow, dt, mode, ends, sums)


@inlined
def descend(lanes, scratch, grad_at, below_at, read_at, act_at, bend_at, wide, plan, packed, stored, book, slot):
    """From the gradients of the heads down to that of the first matrix's output, kept level by level on the way.

    Arguments as in `climb`; `grad_at` holds the gradient of the heads and, on return, that of the projected input.
    `read_at` is where the first matrix reads.
    """
    size = width(lanes)
    for reverse in range(plan.shape[0] - 1):
        m = plan.shape[0] - 1 - reverse
        n_in, bend = plan[m, 0], bend_at + (m - 1) * wide
        keep(lanes, stored, book, m, slot, scratch, grad_at, act_at + (m - 1) * wide)
        zero_rows(scratch, below_at, (n_in + 7) // 8 * 8 * size)
        product(lanes, scratch, grad_at, plan[m, 1], below_at, n_in, packed, plan[m, 4])
        for j in range(0, n_in * size, size):
            store(scratch, grad_at + j, mul(load(lanes, scratch, below_at + j), load(lanes, scratch, bend + j)))
    keep(lanes, stored, book, 0, slot, scratch, grad_at, read_at)


@inlined
def widest(lanes, plan):
    """Numbers that the longest vector of any level takes, in or out."""
    wide = 0
    for m in range(plan.shape[0]):
        wide = max(wide, max(plan[m, 2], (plan[m, 0] + 7) // 8 * 8))
    return wide * width(lanes)


@inlined
def state_in(lanes, scratch, to, first, states, row, t, time, rows, units):
    """The state that step `t` read, into lanes: the initial one or what the step before left."""
    if t == 0:
        rows_in(scratch, to, lanes, first, row * units, units, rows, units)
    else:
        rows_in(scratch, to, lanes, states, (row * time + t - 1) * units, time * units, rows, units)


@kernel
def backward_tile(
    lanes, narrow, place, sizes, inputs, mask, outs, matrices, ends, mode, kind, stored, book, scratch, sums, end_sums
):
    """Take one tile back through time, writing the gradients of its rows and adding those of the weights to `sums`.

    Arguments:
        place: first row, rows, time.
        sizes: projected inputs, units.
        inputs: x, dt, initial state, states, gradients of the states.
        outs: gradients of x, dt, initial state.
    """
    start, rows, time = place
    first, units = sizes
    x, dt, h0, states, grads = inputs
    grad_x, grad_dt, grad_h = outs
    plan, packed, biases = matrices
    size, levels, wide = width(lanes), plan.shape[0], widest(lanes, plan)
    tall = (units + 7) // 8 * 8 * size
    d_at, c_at, dd, h_at = 0, size, 2 * size, 3 * size
    flow_at, x_at = h_at + tall, h_at + 2 * tall
    act_at = x_at + wide
    bend_at = act_at + wide * levels
    z_at = bend_at + wide * levels
    grad_at, below_at = z_at + wide * levels, z_at + wide * (levels + 1)
    scratch[:] = 0.0
    slot = 0
    for back in range(time):
        t = time - 1 - back
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * first, time * first, rows, first)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0)
        counts_in(scratch, c_at, mask, at, time, rows)
        state_in(lanes, scratch, h_at, h0, states, start, t, time, rows, units)
        rows_in(scratch, below_at, lanes, grads, at * units, time * units, rows, units)
        add_rows(lanes, scratch, flow_at, below_at, units)
        pre = climb(lanes, scratch, h_at, x_at, z_at, act_at, bend_at, wide, plan, packed, biases, kind, True)
        d, counts = load(lanes, scratch, d_at), load(lanes, scratch, c_at)
        all_heads(lanes, narrow, scratch, pre, grad_at, dd, flow_at, units, d, counts, mode, ends, end_sums)
        descend(lanes, scratch, grad_at, below_at, h_at, act_at, bend_at, wide, plan, packed, stored, book, slot)
        rows_out(grad_x, at * first, time * first, scratch, grad_at, lanes, rows, first)
        product(lanes, scratch, grad_at, first, flow_at, units, packed, plan[0, 4])
        for lane in range(rows):
            grad_dt[at + lane * time] = scratch[dd + lane]
        slot += 1
        if slot == BLOCK // size or t == 0:
            settle(lanes, stored, book, sums, slot, rows)
            slot = 0
    rows_out(grad_h, start * units, units, scratch, flow_at, lanes, rows, units)
