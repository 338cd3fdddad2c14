"""Moving rows of a batch into lanes and back."""

from caudal.kernels.cpu.jit import inlined
from caudal.kernels.cpu.simd import width


@inlined
def rows_in(to, offset, lanes, source, first, stride, rows, count):
    """Transpose `count` numbers of each of `rows` rows (row `l` at `first + l * stride`) into lanes from `offset` on."""
    size = width(lanes)
    for lane in range(rows):
        base = first + lane * stride
        for i in range(count):
            to[offset + i * size + lane] = source[base + i]


@inlined
def rows_out(to, first, stride, source, offset, lanes, rows, count):
    """Transpose lanes back into rows."""
    size = width(lanes)
    for lane in range(rows):
        base = first + lane * stride
        for i in range(count):
            to[base + i] = source[offset + i * size + lane]


@inlined
def times_in(to, offset, dt, mask, first, stride, rows, scale):
    """Elapsed times of one step into lanes, times `scale`; 0 where the step is masked."""
    for lane in range(rows):
        at = first + lane * stride
        counts = mask.size == 0 or mask[at] != 0
        to[offset + lane] = dt[at] * scale if counts else dt[at] * 0.0


@inlined
def rows_add(to, offset, lanes, source, first, stride, rows, count):
    """Add `count` numbers of each row to lanes from `offset` on."""
    size = width(lanes)
    for lane in range(rows):
        base = first + lane * stride
        for i in range(count):
            to[offset + i * size + lane] += source[base + i]


@inlined
def before_in(to, offset, lanes, v0, states, start, t, time, rows, units):
    """State before step `t` into lanes: the one before it, or the initial one."""
    if t == 0:
        rows_in(to, offset, lanes, v0, start * units, units, rows, units)
    else:
        rows_in(to, offset, lanes, states, (start * time + t - 1) * units, time * units, rows, units)


@inlined
def times_out(grad_dt, mask, first, stride, source, at, rows, substeps):
    """Gradient of the elapsed times of one step from that of its sub-steps; 0 where the step is masked."""
    for lane in range(rows):
        to = first + lane * stride
        counts = mask.size == 0 or mask[to] != 0
        grad_dt[to] = source[at + lane] / substeps if counts else 0.0
