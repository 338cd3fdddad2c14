"""Compiled loops of the memory cells; `kernels/cpu/memory.py` prepares their arguments.

In mixed memory the memory's output stands in front of the liquid state in the same stretch of rows, so that the CfC's
first matrix reads `[m | h]` in the cascade and `m` alone in the shared form: the number of its columns tells which.
"""

from caudal.kernels.cpu.cfc_jit import all_heads, climb, counts_in, descend, new_state, state_in, widest
from caudal.kernels.cpu.dense_jit import product, zero_rows
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.lanes_jit import times_in
from caudal.kernels.cpu.outer_jit import BLOCK, keep, settle
from caudal.kernels.cpu.simd import add, fill, fma, load, logistic, mul, store, sub, tanh, where_positive, width
from caudal.kernels.cpu.transpose_jit import add_rows, rows_in, rows_out


@inlined
def remember(lanes, scratch, z_at, c_at, new_at, m_at, seen_at, units):
    """Output and memory of one step from its pre-activations, which turn into the gates `g, i, f, o` in place.

    The memory at `c_at` is read, the new one written at `new_at`, its tanh at `seen_at` and the output at `m_at`.
    """
    size = width(lanes)
    tall = units * size
    for at in range(0, tall, size):
        z = z_at + at
        g, i = tanh(load(lanes, scratch, z)), logistic(load(lanes, scratch, z + tall))
        f, o = load(lanes, scratch, z + 2 * tall), logistic(load(lanes, scratch, z + 3 * tall))
        f = logistic(add(f, fill(f, 1.0)))
        c = fma(g, i, mul(load(lanes, scratch, c_at + at), f))
        seen = tanh(c)
        store(scratch, z, g)
        store(scratch, z + tall, i)
        store(scratch, z + 2 * tall, f)
        store(scratch, z + 3 * tall, o)
        store(scratch, new_at + at, c)
        store(scratch, seen_at + at, seen)
        store(scratch, m_at + at, mul(seen, o))


@inlined
def forget(lanes, scratch, z_at, c_at, seen_at, m_flow, c_flow, counts, units):
    """Gradients of the pre-activations, in place of the gates, and of the memory that the step read.

    `m_flow` holds the gradient of the output, zero in the lanes whose step does not count; `c_flow` that of the new
    memory on entry and of the old one on return.
    """
    size = width(lanes)
    tall = units * size
    for at in range(0, tall, size):
        z = z_at + at
        g, i = load(lanes, scratch, z), load(lanes, scratch, z + tall)
        f, o = load(lanes, scratch, z + 2 * tall), load(lanes, scratch, z + 3 * tall)
        c, seen, flow = (
            load(lanes, scratch, c_at + at),
            load(lanes, scratch, seen_at + at),
            load(lanes, scratch, m_flow + at),
        )
        ones, zero = fill(g, 1.0), fill(g, 0.0)
        after = load(lanes, scratch, c_flow + at)
        whole = fma(flow, mul(o, sub(ones, mul(seen, seen))), where_positive(counts, after, zero))
        store(scratch, z, mul(mul(whole, i), sub(ones, mul(g, g))))
        store(scratch, z + tall, mul(mul(whole, g), mul(i, sub(ones, i))))
        store(scratch, z + 2 * tall, mul(mul(whole, c), mul(f, sub(ones, f))))
        store(scratch, z + 3 * tall, mul(mul(flow, seen), mul(o, sub(ones, o))))
        store(scratch, c_flow + at, where_positive(counts, mul(whole, f), after))


@inlined
def take(lanes, scratch, to, source, counts, units):
    """Replace rows by others in the lanes whose step counts."""
    size = width(lanes)
    for at in range(0, units * size, size):
        old, new = load(lanes, scratch, to + at), load(lanes, scratch, source + at)
        store(scratch, to + at, where_positive(counts, new, old))


@inlined
def split_flow(lanes, scratch, flow_at, counted, counts, units):
    """Move the gradient of the lanes whose step counts to `counted`; zero in the others, which keep theirs."""
    size = width(lanes)
    for at in range(0, units * size, size):
        flow = load(lanes, scratch, flow_at + at)
        zero = fill(flow, 0.0)
        store(scratch, counted + at, where_positive(counts, flow, zero))
        store(scratch, flow_at + at, where_positive(counts, zero, flow))


@kernel
def lstm_forward(lanes, place, units, inputs, mask, outs, matrices, scratch):
    """Outputs and memories of one tile of rows.

    Arguments:
        place: first row, rows, time.
        inputs: x, initial output, initial memory.
        outs: outputs, memories.
    """
    start, rows, time = place
    x, h0, c0 = inputs
    h_out, c_out = outs
    plan, packed, _biases = matrices
    size = width(lanes)
    tall = units * size
    h_at, c_at, m_at, new_at, seen_at, z_at = (
        size,
        size + tall,
        size + 2 * tall,
        size + 3 * tall,
        size + 4 * tall,
        size + 5 * tall,
    )
    scratch[:] = 0.0
    rows_in(scratch, h_at, lanes, h0, start * units, units, rows, units)
    rows_in(scratch, c_at, lanes, c0, start * units, units, rows, units)
    for t in range(time):
        at = start * time + t
        rows_in(scratch, z_at, lanes, x, at * 4 * units, time * 4 * units, rows, 4 * units)
        counts_in(scratch, 0, mask, at, time, rows)
        counts = load(lanes, scratch, 0)
        product(lanes, scratch, h_at, units, z_at, 4 * units, packed, plan[0, 3])
        remember(lanes, scratch, z_at, c_at, new_at, m_at, seen_at, units)
        take(lanes, scratch, h_at, m_at, counts, units)
        take(lanes, scratch, c_at, new_at, counts, units)
        rows_out(h_out, at * units, time * units, scratch, h_at, lanes, rows, units)
        rows_out(c_out, at * units, time * units, scratch, c_at, lanes, rows, units)


@kernel
def lstm_backward(lanes, place, units, inputs, mask, outs, matrices, stored, book, scratch, sums):
    """Take one tile back through time; gradients of its rows into `outs`, those of the weights onto `sums`.

    Arguments:
        inputs: x, initial output and memory, outputs, memories, gradients of the outputs and of the memories.
        outs: gradients of x, of the initial output and memory.
    """
    start, rows, time = place
    x, h0, c0, h_states, c_states, h_grads, c_grads = inputs
    grad_x, grad_h, grad_c = outs
    plan, packed, _biases = matrices
    size = width(lanes)
    tall = (units + 7) // 8 * 8 * size
    h_at, c_at, h_flow, c_flow = size, size + tall, size + 2 * tall, size + 3 * tall
    new_at, seen_at, m_at, spare, z_at = (
        size + 4 * tall,
        size + 5 * tall,
        size + 6 * tall,
        size + 7 * tall,
        size + 8 * tall,
    )
    scratch[:] = 0.0
    slot = 0
    for back in range(time):
        t = time - 1 - back
        at = start * time + t
        rows_in(scratch, z_at, lanes, x, at * 4 * units, time * 4 * units, rows, 4 * units)
        counts_in(scratch, 0, mask, at, time, rows)
        counts = load(lanes, scratch, 0)
        state_in(lanes, scratch, h_at, h0, h_states, start, t, time, rows, units)
        state_in(lanes, scratch, c_at, c0, c_states, start, t, time, rows, units)
        rows_in(scratch, spare, lanes, h_grads, at * units, time * units, rows, units)
        add_rows(lanes, scratch, h_flow, spare, units)
        rows_in(scratch, spare, lanes, c_grads, at * units, time * units, rows, units)
        add_rows(lanes, scratch, c_flow, spare, units)
        product(lanes, scratch, h_at, units, z_at, 4 * units, packed, plan[0, 3])
        remember(lanes, scratch, z_at, c_at, new_at, m_at, seen_at, units)
        split_flow(lanes, scratch, h_flow, spare, counts, units)
        forget(lanes, scratch, z_at, c_at, seen_at, spare, c_flow, counts, units)
        rows_out(grad_x, at * 4 * units, time * 4 * units, scratch, z_at, lanes, rows, 4 * units)
        keep(lanes, stored, book, 0, slot, scratch, z_at, h_at)
        product(lanes, scratch, z_at, 4 * units, h_flow, units, packed, plan[0, 4])
        slot += 1
        if slot == BLOCK // size or t == 0:
            settle(lanes, stored, book, sums, slot, rows)
            slot = 0
    rows_out(grad_h, start * units, units, scratch, h_flow, lanes, rows, units)
    rows_out(grad_c, start * units, units, scratch, c_flow, lanes, rows, units)


@kernel
def mixed_forward(lanes, place, sizes, inputs, mask, outs, memory, matrices, ends, mode, kind, scratch):
    """Liquid states and memories of one tile of rows.

    Arguments:
        place: first row, rows, time.
        sizes: projected inputs of the CfC, units.
        inputs: x, dt, initial liquid state, initial memory.
        outs: liquid states, memories.
        memory, matrices: packed weights of the memory and of the CfC.
    """
    start, rows, time = place
    first, units = sizes
    x, dt, h0, c0 = inputs
    h_out, c_out = outs
    plan, packed, biases = matrices
    size, levels, wide = width(lanes), plan.shape[0], widest(lanes, plan)
    tall, row = units * size, 4 * units + first
    d_at, n_at, m_at = 0, size, 2 * size
    h_at, c_at, new_at, seen_at, p_at = m_at + tall, m_at + 2 * tall, m_at + 3 * tall, m_at + 4 * tall, m_at + 5 * tall
    x_at = p_at + (4 * units + 7) * size
    act_at = x_at + wide
    z_at = act_at + wide * levels
    scratch[:] = 0.0
    rows_in(scratch, h_at, lanes, h0, start * units, units, rows, units)
    rows_in(scratch, c_at, lanes, c0, start * units, units, rows, units)
    for t in range(time):
        at = start * time + t
        rows_in(scratch, p_at, lanes, x, at * row, time * row, rows, 4 * units)
        rows_in(scratch, x_at, lanes, x, at * row + 4 * units, time * row, rows, first)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0)
        counts_in(scratch, n_at, mask, at, time, rows)
        d, counts = load(lanes, scratch, d_at), load(lanes, scratch, n_at)
        product(lanes, scratch, h_at, units, p_at, 4 * units, memory[1], memory[0][0, 3])
        remember(lanes, scratch, p_at, c_at, new_at, m_at, seen_at, units)
        pre = climb(lanes, scratch, m_at, x_at, z_at, act_at, act_at, wide, plan, packed, biases, kind, False)
        for i in range(units):
            h = load(lanes, scratch, h_at + i * size)
            new = new_state(lanes, scratch, pre, i, units, d, mode, ends)
            store(scratch, h_at + i * size, where_positive(counts, new, h))
        take(lanes, scratch, c_at, new_at, counts, units)
        rows_out(h_out, at * units, time * units, scratch, h_at, lanes, rows, units)
        rows_out(c_out, at * units, time * units, scratch, c_at, lanes, rows, units)


@kernel
def mixed_backward(
    lanes, narrow, place, sizes, inputs, mask, outs, memory, matrices, ends, mode, kind, stored, book, scratch, sums,
    end_sums,
):  # fmt: skip
    """Take one tile back through time; gradients of its rows into `outs`, those of the weights onto the sums.

    Arguments:
        inputs: x, dt, initial liquid state and memory, liquid states, memories, gradients of both.
        outs: gradients of x, dt, initial liquid state and memory.
        book: of the CfC's matrices, then of the memory's.
    """
    start, rows, time = place
    first, units = sizes
    x, dt, h0, c0, h_states, c_states, h_grads, c_grads = inputs
    grad_x, grad_dt, grad_h, grad_c = outs
    plan, packed, biases = matrices
    size, levels, wide = width(lanes), plan.shape[0], widest(lanes, plan)
    row, tall, reads = 4 * units + first, (units + 7) // 8 * 8 * size, plan[0, 0]
    d_at, n_at, dd, m_at = 0, size, 2 * size, 3 * size
    h_at = m_at + units * size
    c_at, new_at, seen_at, h_flow, c_flow = (
        h_at + tall,
        h_at + 2 * tall,
        h_at + 3 * tall,
        h_at + 4 * tall,
        h_at + 5 * tall,
    )
    r_flow = c_flow + tall
    p_at = r_flow + 2 * tall
    x_at = p_at + 4 * tall
    act_at = x_at + wide
    bend_at, z_at = act_at + wide * levels, act_at + 2 * wide * levels
    grad_at, below_at = z_at + wide * levels, z_at + wide * (levels + 1)
    scratch[:] = 0.0
    slot = 0
    for back in range(time):
        t = time - 1 - back
        at = start * time + t
        rows_in(scratch, p_at, lanes, x, at * row, time * row, rows, 4 * units)
        rows_in(scratch, x_at, lanes, x, at * row + 4 * units, time * row, rows, first)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0)
        counts_in(scratch, n_at, mask, at, time, rows)
        d, counts = load(lanes, scratch, d_at), load(lanes, scratch, n_at)
        state_in(lanes, scratch, h_at, h0, h_states, start, t, time, rows, units)
        state_in(lanes, scratch, c_at, c0, c_states, start, t, time, rows, units)
        rows_in(scratch, below_at, lanes, h_grads, at * units, time * units, rows, units)
        add_rows(lanes, scratch, h_flow, below_at, units)
        rows_in(scratch, below_at, lanes, c_grads, at * units, time * units, rows, units)
        add_rows(lanes, scratch, c_flow, below_at, units)
        product(lanes, scratch, h_at, units, p_at, 4 * units, memory[1], memory[0][0, 3])
        remember(lanes, scratch, p_at, c_at, new_at, m_at, seen_at, units)
        pre = climb(lanes, scratch, m_at, x_at, z_at, act_at, bend_at, wide, plan, packed, biases, kind, True)
        all_heads(lanes, narrow, scratch, pre, grad_at, dd, h_flow, units, d, counts, mode, ends, end_sums)
        descend(lanes, scratch, grad_at, below_at, m_at, act_at, bend_at, wide, plan, packed, stored, book, slot)
        rows_out(grad_x, at * row + 4 * units, time * row, scratch, grad_at, lanes, rows, first)
        zero_rows(scratch, r_flow, 2 * tall)
        product(lanes, scratch, grad_at, first, r_flow, reads, packed, plan[0, 4])
        add_rows(lanes, scratch, h_flow, r_flow + units * size, reads - units)
        forget(lanes, scratch, p_at, c_at, seen_at, r_flow, c_flow, counts, units)
        rows_out(grad_x, at * row, time * row, scratch, p_at, lanes, rows, 4 * units)
        keep(lanes, stored, book, levels, slot, scratch, p_at, h_at)
        product(lanes, scratch, p_at, 4 * units, h_flow, units, memory[1], memory[0][0, 4])
        for lane in range(rows):
            grad_dt[at + lane * time] = scratch[dd + lane]
        slot += 1
        if slot == BLOCK // size or t == 0:
            settle(lanes, stored, book, sums, slot, rows)
            slot = 0
    rows_out(grad_h, start * units, units, scratch, h_flow, lanes, rows, units)
    rows_out(grad_c, start * units, units, scratch, c_flow, lanes, rows, units)
