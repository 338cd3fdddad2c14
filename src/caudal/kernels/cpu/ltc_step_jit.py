"""Compiled single step of an LTC for loops of one: vectors run over synapses, the sums in the order of the scan.

Every operation on a number is the one that `ltc_jit.forward_tile` does on a lane, in the same order, so a loop of
steps gives the bits of the scan.
"""

from numba import carray  # type: ignore[attr-defined]  # numba lists it, but not for type checkers

from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.simd import at_address, fma1, gate, lanes16, load, store
from caudal.kernels.cpu.snapshot_jit import same_memory


@inlined
def all_gates(scratch, values, z_at, s_at, ints, source_at, folded, slope_at, synapses, padded):
    """Gates of every synapse of one kind, 16 at a time."""
    lanes = lanes16()
    for k in range(synapses):
        scratch[z_at + k] = scratch[values + ints[source_at + k]]
    for k in range(0, padded, 16):
        v = load(lanes, scratch, z_at + k)
        s = gate(v, load(lanes, folded, slope_at + k), load(lanes, folded, slope_at + padded + k))
        store(scratch, s_at + k, s)


@kernel
def step_rows(plan, numbers, batch, x, dt, v_old, y, v_new):
    """One step of each row; 0 when done, 1 or 2 when `x` or `dt` cannot be, 3 when parameters have changed.

    Two arrays, since each one handed over costs as much as a dozen synapses. `plan` begins with (inputs, units, motor,
    substeps, sensory synapses, padded, recurrent synapses, padded) and the sizes of what follows: the four index
    vectors, the addresses and the sizes of the parameters. `numbers` holds what was folded (synapse parameters, leak,
    affine maps), the snapshot of the parameters, and scratch.
    """
    inputs, units, motor, substeps = plan[0], plan[1], plan[2], plan[3]
    n_sen, p_sen, n_rec, p_rec = plan[4], plan[5], plan[6], plan[7]
    n_ints, n_raw, n_folded, n_snapshot = plan[8], plan[9], plan[10], plan[11]
    ints = plan[12 : 12 + n_ints]
    addresses = plan[12 + n_ints : 12 + n_ints + n_raw]
    sizes = plan[12 + n_ints + n_raw : 12 + n_ints + 2 * n_raw]
    folded = numbers[:n_folded]
    snapshot = numbers[n_folded : n_folded + n_snapshot]
    scratch = numbers[n_folded + n_snapshot :]
    if not same_memory(addresses, sizes, snapshot):
        return 3
    sen_src = units + 1
    rec_ptr = sen_src + n_sen
    rec_src = rec_ptr + units + 1
    sen_w, rec = 2 * p_sen, 4 * p_sen
    rec_w = rec + 2 * p_rec
    g = rec + 4 * p_rec
    gv, c, scale = g + units, g + 2 * units, g + 3 * units
    out = scale + 2 * inputs
    u_at, old, new = 0, inputs, inputs + units
    den_at, num_at, z_at = inputs + 2 * units, inputs + 3 * units, inputs + 4 * units
    s_at = z_at + max(p_sen, p_rec)
    xs, vs = carray(at_address(x, folded), (batch * inputs,)), carray(at_address(v_old, folded), (batch * units,))
    ys, ws = carray(at_address(y, folded), (batch * motor,)), carray(at_address(v_new, folded), (batch * units,))
    dts = carray(at_address(dt, folded), (batch,))
    d_at = s_at + max(p_sen, p_rec)
    for row in range(batch):
        elapsed = dts[row]
        if not (elapsed >= 0 and elapsed - elapsed == 0):
            return 2
        scratch[d_at] = elapsed * (1.0 / substeps)
        d = scratch[d_at]
        for i in range(inputs):
            value = xs[row * inputs + i]
            if value - value != 0:
                return 1
            scratch[u_at + i] = value * folded[scale + i] + folded[scale + inputs + i]
        for h in range(units):
            scratch[old + h] = vs[row * units + h]
        all_gates(scratch, u_at, z_at, s_at, ints, sen_src, folded, 0, n_sen, p_sen)
        for h in range(units):
            den, num = folded[g + h], folded[gv + h]
            for k in range(ints[h], ints[h + 1]):
                s = scratch[s_at + k]
                den, num = fma1(s, folded[sen_w + k], den), fma1(s, folded[sen_w + p_sen + k], num)
            scratch[den_at + h], scratch[num_at + h] = den, num
        for _u in range(substeps):
            all_gates(scratch, old, z_at, s_at, ints, rec_src, folded, rec, n_rec, p_rec)
            for h in range(units):
                den, num = scratch[den_at + h], scratch[num_at + h]
                for k in range(ints[rec_ptr + h], ints[rec_ptr + h + 1]):
                    s = scratch[s_at + k]
                    den, num = fma1(s, folded[rec_w + k], den), fma1(s, folded[rec_w + p_rec + k], num)
                v = scratch[old + h]
                scratch[new + h] = v + (d * (num - den * v)) / fma1(d, den, folded[c + h])
            old, new = new, old
        for h in range(units):
            ws[row * units + h] = scratch[old + h]
        for m in range(motor):
            ys[row * motor + m] = scratch[old + units - motor + m] * folded[out + m] + folded[out + motor + m]
    return 0
