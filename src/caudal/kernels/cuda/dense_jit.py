"""Products of a block of rows with dense weights, and the functions between them, inside kernels."""

from caudal.kernels.cuda.language import constexpr, inlined, tl

LECUN, TANH, RELU, SILU, GELU = (constexpr(k) for k in range(5))


@inlined
def tanh(x):
    """Hyperbolic tangent to the last bits at any size: `expm1(y) / (expm1(y) + 2)`, `expm1` without cancellation."""
    size = tl.abs(x)
    y = 2.0 * tl.where(size > 20.0, 20.0, size)
    u = tl.exp(y)
    flat = u == 1.0
    grown = tl.where(flat, y, (u - 1.0) * y / tl.log(tl.where(flat, 2.0, u)))
    t = grown / (grown + 2.0)
    return tl.where(x < 0.0, -t, t)


@inlined
def logistic(x):
    """`1 / (1 + exp(-x))`."""
    return 1.0 / (1.0 + tl.exp(-x))


@inlined
def activate(z, KIND: constexpr):
    """Backbone activation, see `dynamics/cfc_heads.py`."""
    if KIND == LECUN:
        return 1.7159 * tanh(0.666 * z)
    elif KIND == TANH:  # noqa: RET505  Triton compiles the branches of one chain of constants only
        return tanh(z)
    elif KIND == RELU:
        return tl.where(z <= 0.0, 0.0, z)
    elif KIND == SILU:
        return z * logistic(z)
    else:
        return 0.5 * z * (1.0 + tl.erf(z * 0.7071067811865476))


@inlined
def tile(values, width, row, there, col, limit):
    """`values[row, col]` of rows `width` apart, `(rows, columns)`; 0 where there is no such row or column."""
    mask = there[:, None] & (col < limit)[None, :]
    return tl.load(values + row[:, None] * width + col[None, :], mask=mask, other=0.0)


@inlined
def put(values, width, row, there, col, limit, block):
    """Store a block as `tile` reads it."""
    mask = there[:, None] & (col < limit)[None, :]
    tl.store(values + row[:, None] * width + col[None, :], block, mask=mask)


@inlined
def product(acc, read, width, row, there, depth, weights, stride, col, limit, K: constexpr):
    """Add `read[row, :depth] @ weights[:depth, col]` to `acc (rows, columns)`, in full precision.

    Arguments:
        read, width, row, there: as in `tile`.
        weights: rows `stride` apart.
    """
    for first in range(0, depth, K):
        k = first + tl.arange(0, K)
        left = tile(read, width, row, there, k, depth)
        right = tile(weights, stride, k, k < depth, col, limit)
        acc = tl.dot(left, right, acc, input_precision="ieee", out_dtype=acc.dtype)
    return acc
