"""Compiled matrix products over lanes and the backbone's activations, for cells with dense weights.

A matrix `(out, in)` is packed as blocks of 8 output rows, `[block][in][8]`, padded with zeros, so that the inner loop
keeps 8 sums per lane group in registers and reads its weights in order.
"""

from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.machine import product_tile, vectors
from caudal.kernels.cpu.simd import (
    add,
    broadcast,
    bytes_of,
    fill,
    fma,
    lanes8,
    lanes16,
    load,
    logistic,
    mul,
    store,
    sub,
    tanh,
    where_positive,
    width,
)
from caudal.kernels.cpu.transpose_jit import transpose8

LECUN, TANH, RELU, SILU = range(4)
# Rows of a tile of float32 and of float64; where the registers hold fewer than 8, a tile takes a part of the lanes.
ROWS, ROWS_DOUBLE = product_tile(vectors(), 4).rows, product_tile(vectors(), 8).rows
PART = product_tile(vectors(), 4).lanes or 16
part_lanes = lanes8 if PART == 8 else lanes16


@inlined
def eight_rows(lanes, scratch, in_at, n_in, row, packed, weight):
    """8 rows of sums in whole lanes."""
    size = width(lanes)
    s0, s1 = load(lanes, scratch, row), load(lanes, scratch, row + size)
    s2, s3 = load(lanes, scratch, row + 2 * size), load(lanes, scratch, row + 3 * size)
    s4, s5 = load(lanes, scratch, row + 4 * size), load(lanes, scratch, row + 5 * size)
    s6, s7 = load(lanes, scratch, row + 6 * size), load(lanes, scratch, row + 7 * size)
    for k in range(n_in):
        z = load(lanes, scratch, in_at + k * size)
        w = weight + 8 * k
        s0, s1 = fma(z, broadcast(lanes, packed, w), s0), fma(z, broadcast(lanes, packed, w + 1), s1)
        s2, s3 = fma(z, broadcast(lanes, packed, w + 2), s2), fma(z, broadcast(lanes, packed, w + 3), s3)
        s4, s5 = fma(z, broadcast(lanes, packed, w + 4), s4), fma(z, broadcast(lanes, packed, w + 5), s5)
        s6, s7 = fma(z, broadcast(lanes, packed, w + 6), s6), fma(z, broadcast(lanes, packed, w + 7), s7)
    store(scratch, row, s0)
    store(scratch, row + size, s1)
    store(scratch, row + 2 * size, s2)
    store(scratch, row + 3 * size, s3)
    store(scratch, row + 4 * size, s4)
    store(scratch, row + 5 * size, s5)
    store(scratch, row + 6 * size, s6)
    store(scratch, row + 7 * size, s7)


@inlined
def four_rows(part, size, scratch, in_at, n_in, row, packed, weight):
    """4 rows of sums in a part of `size` lanes, where registers hold no more."""
    s0, s1 = load(part, scratch, row), load(part, scratch, row + size)
    s2, s3 = load(part, scratch, row + 2 * size), load(part, scratch, row + 3 * size)
    for k in range(n_in):
        z = load(part, scratch, in_at + k * size)
        w = weight + 8 * k
        s0, s1 = fma(z, broadcast(part, packed, w), s0), fma(z, broadcast(part, packed, w + 1), s1)
        s2, s3 = fma(z, broadcast(part, packed, w + 2), s2), fma(z, broadcast(part, packed, w + 3), s3)
    store(scratch, row, s0)
    store(scratch, row + size, s1)
    store(scratch, row + 2 * size, s2)
    store(scratch, row + 3 * size, s3)


@inlined
def product(lanes, scratch, in_at, n_in, out_at, n_out, packed, at):
    """Add a packed matrix times the `n_in` rows at `in_at` onto the rows at `out_at` (padded to a multiple of 8).

    Every sum is one chain in the order of `n_in`, whatever the tile.
    """
    size = width(lanes)
    for block in range(0, n_out, 8):
        row, weight = out_at + block * size, at + block * n_in
        if (bytes_of(packed) == 4 and ROWS == 8) or (bytes_of(packed) == 8 and ROWS_DOUBLE == 8):
            eight_rows(lanes, scratch, in_at, n_in, row, packed, weight)
        elif bytes_of(packed) == 4:
            for lane in range(0, size, PART):
                for half in range(0, 8, 4):
                    place = row + lane + half * size
                    four_rows(part_lanes(), size, scratch, in_at + lane, n_in, place, packed, weight + half)
        else:
            for lane in range(0, size, 8):
                for half in range(0, 8, 4):
                    place = row + lane + half * size
                    four_rows(lanes8(), size, scratch, in_at + lane, n_in, place, packed, weight + half)


@inlined
def constant_rows(lanes, scratch, at, values, first, count):
    """One number per row, in every lane."""
    size = width(lanes)
    for j in range(count):
        store(scratch, at + j * size, broadcast(lanes, values, first + j))


@inlined
def zero_rows(scratch, at, count):
    """Set `count` numbers to 0."""
    scratch[at : at + count] = 0.0


@inlined
def activate(lanes, scratch, z_at, to, bend_at, count, kind, bend):
    """Backbone activation of `count` rows into `to`; its slopes into `bend_at` when `bend`."""
    size = width(lanes)
    for j in range(count):
        row = j * size
        z = load(lanes, scratch, z_at + row)
        ones, zero = fill(z, 1.0), fill(z, 0.0)
        if kind == LECUN:
            t = tanh(mul(z, fill(z, 0.666)))
            store(scratch, to + row, mul(fill(z, 1.7159), t))
            if bend:
                store(scratch, bend_at + row, mul(fill(z, 1.7159 * 0.666), sub(ones, mul(t, t))))
        elif kind == TANH:
            t = tanh(z)
            store(scratch, to + row, t)
            if bend:
                store(scratch, bend_at + row, sub(ones, mul(t, t)))
        elif kind == RELU:
            store(scratch, to + row, where_positive(z, z, zero))
            if bend:
                store(scratch, bend_at + row, where_positive(z, ones, zero))
        else:
            s = logistic(z)
            store(scratch, to + row, mul(z, s))
            if bend:
                store(scratch, bend_at + row, mul(s, add(ones, mul(z, sub(ones, s)))))


@kernel
def pack_matrix(weight, out, size, to, forth, back):
    """Blocks of 8 rows of a matrix `(out, size)` from `forth` on, blocks of 8 rows of its transpose from `back` on.

    `to` comes in as zeros, which pad the last block of each.
    """
    for o in range(0, out, 8):
        block = forth + o * size
        full = size - size % 8 if o + 8 <= out else 0
        for k in range(0, full, 8):
            transpose8(to, block + 8 * k, 8, weight, o * size + k, size)
        for row in range(min(8, out - o)):
            for k in range(full, size):
                to[block + 8 * k + row] = weight[(o + row) * size + k]
    for k in range(0, size, 8):
        block = back + k * out
        for o in range(out):
            for column in range(min(8, size - k)):
                to[block + 8 * o + column] = weight[o * size + k + column]
