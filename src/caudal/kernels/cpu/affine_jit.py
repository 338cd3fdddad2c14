"""Compiled affine maps of rows: vectors run over the outputs, sums over the inputs in order, from the bias on.

Every output is the same chain of multiply-adds whatever the number of rows, which a library's product does not promise.
"""

from caudal.kernels.cpu.dense_jit import ROWS
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.simd import broadcast, fma, lanes16, load, logistic, store


@inlined
def affine_row(lanes, source, in_at, n_in, to, to_at, folded, weight, bias, padded):
    """One row: `bias + weight x`, with the weight as `(n_in, padded)` and `padded` a multiple of 16."""
    whole = padded - padded % 64
    for o in range(0, whole, 64):
        s0, s1 = load(lanes, folded, bias + o), load(lanes, folded, bias + o + 16)
        s2, s3 = load(lanes, folded, bias + o + 32), load(lanes, folded, bias + o + 48)
        for k in range(n_in):
            z = broadcast(lanes, source, in_at + k)
            w = weight + k * padded + o
            s0, s1 = fma(z, load(lanes, folded, w), s0), fma(z, load(lanes, folded, w + 16), s1)
            s2, s3 = fma(z, load(lanes, folded, w + 32), s2), fma(z, load(lanes, folded, w + 48), s3)
        store(to, to_at + o, s0)
        store(to, to_at + o + 16, s1)
        store(to, to_at + o + 32, s2)
        store(to, to_at + o + 48, s3)
    for o in range(whole, padded, 16):
        s = load(lanes, folded, bias + o)
        for k in range(n_in):
            s = fma(broadcast(lanes, source, in_at + k), load(lanes, folded, weight + k * padded + o), s)
        store(to, to_at + o, s)


@inlined
def affine_four(lanes, x, z, n_in, out, to, n_out, folded, padded, o):
    """16 outputs of 4 rows at once."""
    s = load(lanes, folded, n_in * padded + o)
    s0, s1, s2, s3 = s, s, s, s
    for k in range(n_in):
        w, row = load(lanes, folded, k * padded + o), z + k
        s0, s1 = fma(broadcast(lanes, x, row), w, s0), fma(broadcast(lanes, x, row + n_in), w, s1)
        row += 2 * n_in
        s2, s3 = fma(broadcast(lanes, x, row), w, s2), fma(broadcast(lanes, x, row + n_in), w, s3)
    store(out, to, s0)
    store(out, to + n_out, s1)
    store(out, to + 2 * n_out, s2)
    store(out, to + 3 * n_out, s3)


@inlined
def affine_eight(lanes, x, at, n_in, out, to, n_out, folded, padded, o):
    """16 outputs of 8 rows at once."""
    s = load(lanes, folded, n_in * padded + o)
    s0, s1, s2, s3, s4, s5, s6, s7 = s, s, s, s, s, s, s, s
    for k in range(n_in):
        w, z = load(lanes, folded, k * padded + o), at + k
        s0, s1 = fma(broadcast(lanes, x, z), w, s0), fma(broadcast(lanes, x, z + n_in), w, s1)
        z += 2 * n_in
        s2, s3 = fma(broadcast(lanes, x, z), w, s2), fma(broadcast(lanes, x, z + n_in), w, s3)
        z += 2 * n_in
        s4, s5 = fma(broadcast(lanes, x, z), w, s4), fma(broadcast(lanes, x, z + n_in), w, s5)
        z += 2 * n_in
        s6, s7 = fma(broadcast(lanes, x, z), w, s6), fma(broadcast(lanes, x, z + n_in), w, s7)
    store(out, to, s0)
    store(out, to + n_out, s1)
    store(out, to + 2 * n_out, s2)
    store(out, to + 3 * n_out, s3)
    store(out, to + 4 * n_out, s4)
    store(out, to + 5 * n_out, s5)
    store(out, to + 6 * n_out, s6)
    store(out, to + 7 * n_out, s7)


@inlined
def affine_block(lanes, x, at, n_in, out, to, n_out, folded, padded, o):
    """16 outputs of 8 rows, in tiles that the registers hold."""
    if ROWS == 8:
        affine_eight(lanes, x, at, n_in, out, to, n_out, folded, padded, o)
    else:
        affine_four(lanes, x, at, n_in, out, to, n_out, folded, padded, o)
        affine_four(lanes, x, at + 4 * n_in, n_in, out, to + 4 * n_out, n_out, folded, padded, o)


@kernel
def affine_rows(x, first, last, n_in, n_out, folded, out, scratch):
    """Rows `first` to `last` of `out (rows, n_out)` from `x (rows, n_in)`.

    `folded` holds the weight as `(n_in, padded)` and then the bias; `scratch` has room for a padded row.
    """
    lanes = lanes16()
    padded = folded.size // (n_in + 1)
    # A vector may not run over the end of a row: the last outputs go the narrow way when they do not fill one.
    eights = last - (last - first) % 8 if n_out == padded else first
    for row in range(first, eights, 8):
        for o in range(0, padded, 16):
            affine_block(lanes, x, row * n_in, n_in, out, row * n_out + o, n_out, folded, padded, o)
    for row in range(eights, last):
        affine_row(lanes, x, row * n_in, n_in, scratch, 0, folded, 0, n_in * padded, padded)
        for o in range(n_out):
            out[row * n_out + o] = scratch[o]


@kernel
def logistic_numbers(x, out, scratch):
    """The logistic function of every number; the last few go through `scratch`, 16 numbers."""
    lanes = lanes16()
    whole = x.size - x.size % 16
    for i in range(0, whole, 16):
        store(out, i, logistic(load(lanes, x, i)))
    for i in range(whole, x.size):
        scratch[i - whole] = x[i]
    store(scratch, 0, logistic(load(lanes, scratch, 0)))
    for i in range(whole, x.size):
        out[i] = scratch[i - whole]
