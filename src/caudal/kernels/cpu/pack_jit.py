"""Packing a row-major matrix for the compiled products, both ways at once."""

from caudal.kernels.cpu.jit import kernel
from caudal.kernels.cpu.transpose_jit import transpose8


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
