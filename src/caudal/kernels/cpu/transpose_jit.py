"""Rows of a batch into lanes and back, 8 x 8 numbers at a time in registers; same results as `lanes_jit`."""

from llvmlite import ir
from numba import types

from caudal.kernels.cpu.jit import inlined
from caudal.kernels.cpu.simd import _address, add, intrinsic, load, store, width

_INT = ir.IntType(32)


def _swap(builder, rows, distance):
    """Exchange the off-diagonal blocks of `distance` numbers between rows that far apart."""
    index = ir.VectorType(_INT, 8)
    low = [e if not e & distance else 8 + e - distance for e in range(8)]
    high = [e + distance if not e & distance else 8 + e for e in range(8)]
    for i in range(8):
        if not i & distance:
            a, b = rows[i], rows[i + distance]
            rows[i] = builder.shuffle_vector(a, b, ir.Constant(index, low))
            rows[i + distance] = builder.shuffle_vector(a, b, ir.Constant(index, high))


@intrinsic
def transpose8(_typing, to, to_at, to_stride, source, at, stride):
    """Write the transpose of 8 x 8 numbers of one flat array, a row every `stride`, into another."""

    def build(context, builder, signature, args):
        to_type, source_type = signature.args[0], signature.args[3]
        place, rows = args[4], []
        for _ in range(8):
            pointer = _address(context, builder, source_type, args[3], place, 8)
            rows.append(builder.load(pointer, align=source_type.dtype.bitwidth // 8))
            place = builder.add(place, args[5])
        for distance in (4, 2, 1):
            _swap(builder, rows, distance)
        place = args[1]
        for row in rows:
            pointer = _address(context, builder, to_type, args[0], place, 8)
            builder.store(row, pointer, align=to_type.dtype.bitwidth // 8)
            place = builder.add(place, args[2])
        return context.get_dummy_value()

    return types.void(to, types.intp, types.intp, source, types.intp, types.intp), build


@inlined
def rows_in(to, offset, lanes, source, first, stride, rows, count):
    """Transpose `count` numbers of each of `rows` rows (row `l` at `first + l * stride`) into lanes from `offset` on."""
    size = width(lanes)
    whole, full = rows - rows % 8, count - count % 8
    for lane in range(0, whole, 8):
        base = first + lane * stride
        for i in range(0, full, 8):
            transpose8(to, offset + i * size + lane, size, source, base + i, stride)
    for lane in range(rows):
        base = first + lane * stride
        for i in range(full if lane < whole else 0, count):
            to[offset + i * size + lane] = source[base + i]


@inlined
def rows_out(to, first, stride, source, offset, lanes, rows, count):
    """Transpose lanes back into rows."""
    size = width(lanes)
    whole, full = rows - rows % 8, count - count % 8
    for lane in range(0, whole, 8):
        base = first + lane * stride
        for i in range(0, full, 8):
            transpose8(to, base + i, stride, source, offset + i * size + lane, size)
    for lane in range(rows):
        base = first + lane * stride
        for i in range(full if lane < whole else 0, count):
            to[base + i] = source[offset + i * size + lane]


@inlined
def add_rows(lanes, scratch, to, source, count):
    """Add `count` rows of lanes onto others."""
    size = width(lanes)
    for j in range(0, count * size, size):
        store(scratch, to + j, add(load(lanes, scratch, to + j), load(lanes, scratch, source + j)))
