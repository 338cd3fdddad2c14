"""Compiled loops of mixed memory; `kernels/cpu/mixed.py` prepares their arguments.

The memory's output stands in front of the liquid state in the same stretch of rows, so that the CfC's first matrix
reads `[m | h]` in the cascade and `m` alone in the shared form: the number of its columns tells which.
"""

from caudal.kernels.cpu.cfc_jit import all_heads, climb, counts_in, descend, new_state, state_in, widest
from caudal.kernels.cpu.dense_jit import product, zero_rows
from caudal.kernels.cpu.jit import kernel
from caudal.kernels.cpu.lanes_jit import times_in
from caudal.kernels.cpu.lstm_jit import forget, remember, take
from caudal.kernels.cpu.outer_jit import BLOCK, keep, settle
from caudal.kernels.cpu.simd import load, store, where_positive, width
from caudal.kernels.cpu.transpose_jit import add_rows, rows_in, rows_out


@kernel
def forward_tile(lanes, place, sizes, inputs, mask, outs, memory, matrices, ends, mode, kind, scratch):
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
def backward_tile(
    lanes, narrow, place, sizes, inputs, mask, outs, memory, matrices, ends, mode, kind, kept, book, scratch, sums,
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
        descend(lanes, scratch, grad_at, below_at, m_at, act_at, bend_at, wide, plan, packed, kept, book, slot)
        rows_out(grad_x, at * row + 4 * units, time * row, scratch, grad_at, lanes, rows, first)
        zero_rows(scratch, r_flow, 2 * tall)
        product(lanes, scratch, grad_at, first, r_flow, reads, packed, plan[0, 4])
        add_rows(lanes, scratch, h_flow, r_flow + units * size, reads - units)
        forget(lanes, scratch, p_at, c_at, seen_at, r_flow, c_flow, counts, units)
        rows_out(grad_x, at * row, time * row, scratch, p_at, lanes, rows, 4 * units)
        keep(lanes, kept, book, levels, slot, scratch, p_at, h_at)
        product(lanes, scratch, p_at, 4 * units, h_flow, units, memory[1], memory[0][0, 4])
        for lane in range(rows):
            grad_dt[at + lane * time] = scratch[dd + lane]
        slot += 1
        if slot == BLOCK // size or t == 0:
            settle(lanes, kept, book, sums, slot, rows)
            slot = 0
    rows_out(grad_h, start * units, units, scratch, h_flow, lanes, rows, units)
    rows_out(grad_c, start * units, units, scratch, c_flow, lanes, rows, units)
