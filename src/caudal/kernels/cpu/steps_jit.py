"""Compiled single steps for loops of one, with the bits of the scan.

Every kernel answers 0 when done, 1 or 2 when `x` or `dt` cannot be, 3 when parameters have changed since they were
folded. The dense CfC and the liquid state space take vectors over neurons, the LTC over synapses, in the order of their scans. The other wired
cells run the loops of the scan over a sequence of one step: their folded arrays come joined, integers and numbers
apart, with the cuts between them, since each argument of its own would cost as much as a small step; `sizes` begins with
(inputs, units, motor).
"""

from numba import carray  # type: ignore[attr-defined]  # numba lists it, but not for type checkers

from caudal.kernels.cpu import cfc_wired_jit, ctrnn_jit, lrc_jit
from caudal.kernels.cpu.affine_jit import affine_row
from caudal.kernels.cpu.cfc_jit import PURE, gated_state, pure_state
from caudal.kernels.cpu.dense_jit import activate
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.liquid_ssm_jit import curves
from caudal.kernels.cpu.simd import (
    absolute,
    add,
    at_address,
    broadcast,
    fall,
    fill,
    fma,
    fma1,
    gate,
    lanes16,
    load,
    mul,
    softplus,
    store,
    sub,
    total,
    zeros,
)

DONE, BAD_X, BAD_DT, CHANGED = range(4)


@inlined
def same_memory(addresses, sizes, snapshot):
    """Whether the tensors at some addresses hold the snapshot, number by number; NaN and infinity never do."""
    lanes, at = lanes16(), 0
    away0, away1 = zeros(lanes, snapshot), zeros(lanes, snapshot)
    rest = 0
    for j in range(addresses.size):
        now = carray(at_address(addresses[j], snapshot), (sizes[j],))
        whole = sizes[j] - sizes[j] % 32
        for i in range(0, whole, 32):
            away0 = add(away0, absolute(sub(load(lanes, now, i), load(lanes, snapshot, at + i))))
            away1 = add(away1, absolute(sub(load(lanes, now, i + 16), load(lanes, snapshot, at + i + 16))))
        for i in range(whole, sizes[j]):
            rest += now[i] - snapshot[at + i] != 0
        at += sizes[j]
    return rest == 0 and total(add(away0, away1)) == 0


@kernel
def cfc_step(plan, sizes, folded, addresses, lengths, snapshot, scratch, batch, x, dt, h_old, h_new):
    """One step of each row of a dense CfC.

    `plan` holds per matrix (in, padded out, offset in `folded`); `sizes` is (inputs, units, padded units, mode,
    activation, longest vector); the two ends of `pure` stand last in `folded`, padded like the heads.
    """
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    lanes = lanes16()
    inputs, units, padded, mode, kind, wide = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
    levels = plan.shape[0]
    u_at, d_at, z_at = 0, wide, wide + 16
    act_at = z_at + wide
    ends = folded.size - 2 * padded
    xs, hs = carray(at_address(x, folded), (batch * inputs,)), carray(at_address(h_old, folded), (batch * units,))
    new, dts = carray(at_address(h_new, folded), (batch * units,)), carray(at_address(dt, folded), (batch,))
    for row in range(batch):
        elapsed = dts[row]
        if not (elapsed >= 0 and elapsed - elapsed == 0):
            return BAD_DT
        scratch[d_at] = elapsed
        for i in range(inputs):
            value = xs[row * inputs + i]
            if value - value != 0:
                return BAD_X
            scratch[u_at + i] = value
        for i in range(units):
            scratch[u_at + inputs + i] = hs[row * units + i]
        read = u_at
        for m in range(levels):
            n_in, out, at = plan[m, 0], plan[m, 1], plan[m, 2]
            affine_row(lanes, scratch, read, n_in, scratch, z_at, folded, at, at + n_in * out, out)
            if m < levels - 1:
                activate(lanes, scratch, z_at, act_at, act_at, out // 16, kind, False)
                read = act_at
        d = broadcast(lanes, scratch, d_at)
        for i in range(0, padded, 16):
            f1 = load(lanes, scratch, z_at + i)
            if mode == PURE:
                state = pure_state(f1, load(lanes, folded, ends + i), load(lanes, folded, ends + padded + i), d)
            else:
                f2, a = load(lanes, scratch, z_at + padded + i), load(lanes, scratch, z_at + 2 * padded + i)
                state = gated_state(f1, f2, a, load(lanes, scratch, z_at + 3 * padded + i), d, mode)
            store(scratch, act_at + i, state)
        for i in range(units):
            new[row * units + i] = scratch[act_at + i]
    return DONE


@kernel
def liquid_ssm_step(sizes, folded, addresses, lengths, snapshot, scratch, batch, x, dt, v_old, v_new):
    """One step of each row, its gates in vectors over neurons.

    `sizes` is (inputs, units, whether there are rates, whether targets are linear); `folded` holds the map of both
    gates as the scan's does, and then the padded rates.
    """
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    lanes = lanes16()
    inputs, units, has_rates, linear = sizes[0], sizes[1], sizes[2] > 0, sizes[3] > 0
    padded = units + -units % 16
    wide, rates = 2 * padded, 2 * padded * (inputs + 1)
    u_at, v_at = wide, wide + inputs
    xs, vs = carray(at_address(x, folded), (batch * inputs,)), carray(at_address(v_old, folded), (batch * units,))
    new, dts = carray(at_address(v_new, folded), (batch * units,)), carray(at_address(dt, folded), (batch,))
    for row in range(batch):
        elapsed = dts[row]
        if not (elapsed >= 0 and elapsed - elapsed == 0):
            return BAD_DT
        for i in range(inputs):
            value = xs[row * inputs + i]
            if value - value != 0:
                return BAD_X
            scratch[u_at + i] = value
        for i in range(units):
            scratch[v_at + i] = vs[row * units + i]
        affine_row(lanes, scratch, u_at, inputs, scratch, 0, folded, 0, inputs * wide, wide)
        lapse = fill(zeros(lanes, scratch), elapsed)
        for o in range(0, padded, 16):
            a, v = load(lanes, scratch, o), load(lanes, scratch, v_at + o)
            openness, target = curves(a, load(lanes, scratch, padded + o), linear)
            rate = mul(load(lanes, folded, rates + o), openness) if has_rates else softplus(a)
            store(scratch, v_at + o, fma(fall(mul(rate, lapse)), sub(target, v), v))
        for i in range(units):
            new[row * units + i] = scratch[v_at + i]
    return DONE


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
def ltc_step(plan, numbers, batch, x, dt, v_old, y, v_new):
    """One step of each row of an LTC.

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
        return CHANGED
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
            return BAD_DT
        scratch[d_at] = elapsed * (1.0 / substeps)
        d = scratch[d_at]
        for i in range(inputs):
            value = xs[row * inputs + i]
            if value - value != 0:
                return BAD_X
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
    return DONE


@inlined
def part(joined, cuts, j):
    """Array `j` of those that were joined."""
    return joined[cuts[j] : cuts[j + 1]]


@inlined
def fault(x, dt):
    """1 when an input is not finite, 2 when an elapsed time is negative or not finite, else 0."""
    for i in range(dt.size):
        if not (dt[i] >= 0 and dt[i] - dt[i] == 0):
            return BAD_DT
    for i in range(x.size):
        if x[i] - x[i] != 0:
            return BAD_X
    return DONE


@inlined
def arrays(sizes, folded, batch, x, dt, old, new):
    """Inputs, times, old and new states at their addresses."""
    inputs, states = (batch * sizes[0],), (batch * sizes[1],)
    xs, dts = carray(at_address(x, folded), inputs), carray(at_address(dt, folded), (batch,))
    return xs, dts, carray(at_address(old, folded), states), carray(at_address(new, folded), states)


@inlined
def read_out(sizes, folded, batch, new, y, scale, shift):
    """Outputs: the last neurons, scaled and shifted."""
    units, motor = sizes[1], sizes[2]
    to = carray(at_address(y, folded), (batch * motor,))
    for row in range(batch):
        for m in range(motor):
            to[row * motor + m] = new[(row + 1) * units - motor + m] * scale[m] + shift[m]


@kernel
def ctrnn_step(
    sizes, int_cuts, ints, cuts, folded, addresses, lengths, snapshot, scratch, batch, x, dt, v_old, y, v_new
):
    """CT-RNN: `sizes[3:]` is (substeps,); parts are ptr and source of both kinds; both weights, b, tau, scale, shift."""
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    xs, dts, old, new = arrays(sizes, folded, batch, x, dt, v_old, v_new)
    status = fault(xs, dts)
    if status == DONE:
        sensory = (part(ints, int_cuts, 0), part(ints, int_cuts, 1), part(folded, cuts, 0))
        recurrent = (part(ints, int_cuts, 2), part(ints, int_cuts, 3), part(folded, cuts, 1))
        ctrnn_jit.forward_tile(
            lanes16(), 0, batch, 1, sizes[0], sizes[1], xs, dts, ints[:0], old, new,
            sizes[3], sensory, recurrent, part(folded, cuts, 2), part(folded, cuts, 3), scratch,
        )  # fmt: skip
        read_out(sizes, folded, batch, new, y, part(folded, cuts, 4), part(folded, cuts, 5))
    return status


@inlined
def gates(ints, int_cuts, i, folded, cuts, j):
    """Folded gates from integers at `i` and numbers at `j` on."""
    return (
        part(ints, int_cuts, i), part(ints, int_cuts, i + 1), part(folded, cuts, j), part(folded, cuts, j + 1),
        part(folded, cuts, j + 2), part(folded, cuts, j + 3), part(folded, cuts, j + 4),
    )  # fmt: skip


@kernel
def lrc_step(sizes, int_cuts, ints, cuts, folded, addresses, lengths, snapshot, scratch, batch, x, dt, v_old, y, v_new):
    """LRC: `sizes[3:]` is (substeps, kind, hybrid); numbers are both kinds of gates, both `o`, leak, scale, shift."""
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    xs, dts, old, new = arrays(sizes, folded, batch, x, dt, v_old, v_new)
    status = fault(xs, dts)
    if status == DONE:
        sensory, recurrent = gates(ints, int_cuts, 0, folded, cuts, 0), gates(ints, int_cuts, 2, folded, cuts, 5)
        leak = (part(folded, cuts, 12), part(folded, cuts, 13), part(folded, cuts, 14), part(folded, cuts, 15))
        lrc_jit.forward_tile(
            lanes16(), 0, batch, 1, sizes[0], sizes[1], xs, dts, ints[:0], old, new, sizes[3], sizes[4], sizes[5] != 0,
            sensory, (sensory[0], sensory[1], part(folded, cuts, 10)),
            recurrent, (recurrent[0], recurrent[1], part(folded, cuts, 11)), leak, scratch,
        )  # fmt: skip
        read_out(sizes, folded, batch, new, y, part(folded, cuts, 16), part(folded, cuts, 17))
    return status


@kernel
def cfc_wired_step(
    sizes, int_cuts, ints, cuts, folded, addresses, lengths, snapshot, scratch, batch, x, dt, h_old, y, h_new
):
    """Wired CfC: `sizes[3:]` is (mode,); parts as in `wired.WiredWalk`, then a scale of 1 and a shift of 0."""
    if not same_memory(addresses, lengths, snapshot):
        return CHANGED
    xs, dts, old, new = arrays(sizes, folded, batch, x, dt, h_old, h_new)
    status = fault(xs, dts)
    if status == DONE:
        sensory = (part(ints, int_cuts, 0), part(ints, int_cuts, 1), part(folded, cuts, 0))
        recurrent = (part(ints, int_cuts, 2), part(ints, int_cuts, 3), part(folded, cuts, 1))
        cfc_wired_jit.forward_tile(
            lanes16(), 0, batch, 1, sizes[0], sizes[1], xs, dts, ints[:0], old, new,
            sizes[3], sensory, recurrent, part(folded, cuts, 2), part(folded, cuts, 3), scratch,
        )  # fmt: skip
        read_out(sizes, folded, batch, new, y, part(folded, cuts, 4), part(folded, cuts, 5))
    return status
