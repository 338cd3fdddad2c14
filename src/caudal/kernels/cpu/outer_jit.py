"""Compiled weight gradients: what a step needs is kept for a block of steps, then multiplied in one go.

A block is 256 numbers per row: 256 / lanes steps. Kept are, per matrix, the gradients of its outputs (a row of lanes
and steps per output) and what it read (a row of inputs per lane and step), so that the product runs down the lanes and
steps with 8 outputs by a vector of inputs in registers. `dense.Book` tells the columns of `book`.
"""

from caudal.kernels.cpu.dense_jit import PART, ROWS, ROWS_DOUBLE, part_lanes
from caudal.kernels.cpu.jit import inlined
from caudal.kernels.cpu.simd import add, broadcast, bytes_of, fma, lanes8, load, store, total, width, zeros
from caudal.kernels.cpu.transpose_jit import rows_out

IN, OUT, GRADS, READS, STRIDE, WEIGHT, BIAS = range(7)
BLOCK = 256
# 16 numbers of slack keep the rows of a block off the same few lines of the nearest cache.
ROW = BLOCK + 16


@inlined
def keep(lanes, stored, book, m, slot, scratch, grad_at, read_at):
    """Keep matrix `m`'s output gradients at `grad_at` and inputs at `read_at` as step `slot` of the block."""
    size = width(lanes)
    to = book[m, GRADS] + slot * size
    for j in range(book[m, OUT]):
        store(stored, to + j * ROW, load(lanes, scratch, grad_at + j * size))
    stride = book[m, STRIDE]
    rows_out(stored, book[m, READS] + slot * size * stride, stride, scratch, read_at, lanes, size, book[m, IN])


@inlined
def eight_gradients(lanes, stored, grads, reads, stride, steps, rows, size, sums, at):
    """Add 8 outputs by one vector of inputs, summed over the steps of a block and the rows of a tile."""
    s0, s1, s2, s3 = zeros(lanes, stored), zeros(lanes, stored), zeros(lanes, stored), zeros(lanes, stored)
    s4, s5, s6, s7 = s0, s1, s2, s3
    for slot in range(steps):
        g, r = grads + slot * size, reads + slot * size * stride
        for lane in range(rows):
            read = load(lanes, stored, r + lane * stride)
            w = g + lane
            s0, s1 = fma(read, broadcast(lanes, stored, w), s0), fma(read, broadcast(lanes, stored, w + ROW), s1)
            w += 2 * ROW
            s2, s3 = fma(read, broadcast(lanes, stored, w), s2), fma(read, broadcast(lanes, stored, w + ROW), s3)
            w += 2 * ROW
            s4, s5 = fma(read, broadcast(lanes, stored, w), s4), fma(read, broadcast(lanes, stored, w + ROW), s5)
            w += 2 * ROW
            s6, s7 = fma(read, broadcast(lanes, stored, w), s6), fma(read, broadcast(lanes, stored, w + ROW), s7)
    store(sums, at, add(load(lanes, sums, at), s0))
    store(sums, at + stride, add(load(lanes, sums, at + stride), s1))
    store(sums, at + 2 * stride, add(load(lanes, sums, at + 2 * stride), s2))
    store(sums, at + 3 * stride, add(load(lanes, sums, at + 3 * stride), s3))
    store(sums, at + 4 * stride, add(load(lanes, sums, at + 4 * stride), s4))
    store(sums, at + 5 * stride, add(load(lanes, sums, at + 5 * stride), s5))
    store(sums, at + 6 * stride, add(load(lanes, sums, at + 6 * stride), s6))
    store(sums, at + 7 * stride, add(load(lanes, sums, at + 7 * stride), s7))


@inlined
def four_gradients(part, stored, grads, reads, stride, steps, rows, size, sums, at):
    """Add 4 outputs by a part of a vector of inputs, where registers hold no more."""
    s0, s1, s2, s3 = zeros(part, stored), zeros(part, stored), zeros(part, stored), zeros(part, stored)
    for slot in range(steps):
        g, r = grads + slot * size, reads + slot * size * stride
        for lane in range(rows):
            read = load(part, stored, r + lane * stride)
            w = g + lane
            s0, s1 = fma(read, broadcast(part, stored, w), s0), fma(read, broadcast(part, stored, w + ROW), s1)
            w += 2 * ROW
            s2, s3 = fma(read, broadcast(part, stored, w), s2), fma(read, broadcast(part, stored, w + ROW), s3)
    store(sums, at, add(load(part, sums, at), s0))
    store(sums, at + stride, add(load(part, sums, at + stride), s1))
    store(sums, at + 2 * stride, add(load(part, sums, at + 2 * stride), s2))
    store(sums, at + 3 * stride, add(load(part, sums, at + 3 * stride), s3))


@inlined
def block_product(lanes, stored, grads, reads, stride, steps, rows, sums, at):
    """Add 8 outputs by one vector of inputs in tiles that the registers hold; see `dense_jit.product`."""
    size = width(lanes)
    if (bytes_of(stored) == 4 and ROWS == 8) or (bytes_of(stored) == 8 and ROWS_DOUBLE == 8):
        eight_gradients(lanes, stored, grads, reads, stride, steps, rows, size, sums, at)
    elif bytes_of(stored) == 4:
        for i in range(0, size, PART):
            for half in range(0, 8, 4):
                place = at + half * stride + i
                four_gradients(
                    part_lanes(), stored, grads + half * ROW, reads + i, stride, steps, rows, size, sums, place
                )
    else:
        for i in range(0, size, 8):
            for half in range(0, 8, 4):
                place = at + half * stride + i
                four_gradients(lanes8(), stored, grads + half * ROW, reads + i, stride, steps, rows, size, sums, place)


@inlined
def settle(lanes, stored, book, sums, steps, rows):
    """Add a block's share to the gradients of every weight and bias."""
    size = width(lanes)
    for m in range(book.shape[0]):
        stride, grads = book[m, STRIDE], book[m, GRADS]
        for k in range(0, book[m, IN], size):
            reads, at = book[m, READS] + k, book[m, WEIGHT] + k
            for o in range(0, book[m, OUT], 8):
                block_product(lanes, stored, grads + o * ROW, reads, stride, steps, rows, sums, at + o * stride)
        for o in range(book[m, OUT]):
            row = zeros(lanes, stored)
            for slot in range(steps):
                row = add(row, load(lanes, stored, grads + o * ROW + slot * size))
            sums[book[m, BIAS] + o] += total(row)
