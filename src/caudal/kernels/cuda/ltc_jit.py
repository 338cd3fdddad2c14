"""Kernels of the LTC; `wired.py` prepares their arguments. One program takes one row at a time through all steps.

A row's synapses are the lanes of one vector, so that a sub-step is a handful of vector operations: gather, gate, sum.
`*_par` hold slope, offset, w and w * e_rev by lane, see `sums.Table.pack`; `leak` holds g + eps, g * v_leak and c_m by
neuron. Synapses travel as the tuple `(source, slope, offset, w, w_e, up)`.
"""

from caudal.kernels.cuda.language import constexpr, inlined, kernel, tl, total
from caudal.kernels.cuda.sums_jit import (
    before,
    gates,
    grouped,
    moments,
    move,
    move_moments,
    picked,
    read_inputs,
    step_time,
    vector,
    wide,
)


@inlined
def synapses(source, par, up, SIZE: constexpr, PARTS: constexpr):
    """One kind of synapses as a tuple of vectors."""
    at = tl.arange(0, SIZE)
    return (
        tl.load(source + at),
        tl.load(par + at),
        tl.load(par + SIZE + at),
        tl.load(par + 2 * SIZE + at),
        tl.load(par + 3 * SIZE + at),
        tl.load(up + tl.arange(0, PARTS)),
    )


@inlined
def flows(values, syn, den, num, SIZE: constexpr, FAN: constexpr, PARTS: constexpr, U: constexpr):
    """Gates of synapses that read `values (SIZE,)`, and what they add to the sums at their targets."""
    source, slope, offset, w, we, up = syn
    s = gates(values, slope, offset, source >= 0)
    return s, den + grouped(s * w, up, FAN, PARTS, SIZE, U), num + grouped(s * we, up, FAN, PARTS, SIZE, U)


@kernel
def forward_rows(
    x, dt, mask, v0, out, sen_source, sen_up, sen_par, rec_source, rec_up, rec_par, leak,
    batch, time, inputs, units, substeps,
    MASKED: constexpr, U: constexpr, S: constexpr, S_FAN: constexpr, S_PARTS: constexpr,
    R: constexpr, R_FAN: constexpr, R_PARTS: constexpr,
):  # fmt: skip
    """Potentials after every step, `out (batch, time, units)`."""
    unit = tl.arange(0, U)
    here = unit < units
    g, gv, c = vector(leak, units, U, 0.0), vector(leak + units, units, U, 0.0), vector(leak + 2 * units, units, U, 1.0)
    sensory = synapses(sen_source, sen_par, sen_up, S, U * S_PARTS)
    recurrent = synapses(rec_source, rec_par, rec_up, R, U * R_PARTS)
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        v = vector(v0 + wide(row) * units, units, U, 0.0)
        for t in range(time):
            at = wide(row) * time + t
            d, counts = step_time(dt, mask, at, substeps, MASKED)
            values = read_inputs(x, at, inputs, sensory[0], counts)
            _, den_in, num_in = flows(values, sensory, g, gv, S, S_FAN, S_PARTS, U)
            for _ in range(substeps):
                _, den, num = flows(picked(v, recurrent[0]), recurrent, den_in, num_in, R, R_FAN, R_PARTS, U)
                v += d * (num - den * v) / (c + d * den)
            tl.store(out + at * units + unit, v, mask=here)


@inlined
def retrace(
    v, d, c, den_in, num_in, recurrent, path, substeps,
    U: constexpr, R: constexpr, FAN: constexpr, PARTS: constexpr,
):  # fmt: skip
    """Repeat the sub-steps of one step and keep the potentials before each in `path`."""
    for u in range(substeps):
        tl.store(path + u * U, v)
        _, den, num = flows(picked(v, recurrent[0]), recurrent, den_in, num_in, R, FAN, PARTS, U)
        v += d * (num - den * v) / (c + d * den)
    tl.debug_barrier()


@inlined
def back_substep(v, flow, d, c, den, num):
    """Gradients of one sub-step: of `num`, of `den`, of `v` along its own leak, and the slope of `v` in `d`."""
    below = c + d * den
    slope = (num - den * v) / below
    share = flow / below
    a = share * d
    return a, -a * (v + d * slope), share * c, slope


@inlined
def back_step(
    flow, d, c, den_in, num_in, recurrent, target, lane, back_up, path, m, substeps,
    U: constexpr, R: constexpr, FAN: constexpr, PARTS: constexpr, RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """Sub-steps of one step backwards: gradients of state, held sums, capacitance and `d`, and moments `m`."""
    source, slope, _, w, we, _ = recurrent
    m0, m1, m2, m3 = m
    a_sum, b_sum, c_sum = tl.full((U,), 0.0, c.dtype), tl.full((U,), 0.0, c.dtype), tl.full((U,), 0.0, c.dtype)
    d_sum = tl.full((U,), 0.0, c.dtype)
    for reverse in range(substeps):
        v = tl.load(path + (substeps - 1 - reverse) * U)
        values = picked(v, source)
        s, den, num = flows(values, recurrent, den_in, num_in, R, FAN, PARTS, U)
        a, b, to_v, rise = back_substep(v, flow, d, c, den, num)
        d_sum += to_v * rise
        c_sum -= a * rise
        a_sum += a
        b_sum += b
        p0, p1, p2, p3 = moments(s, w, we, tl.gather(a, target, 0), tl.gather(b, target, 0), values)
        m0 += p0
        m1 += p1
        m2 += p2
        m3 += p3
        flow = to_v + grouped(picked(p2 * slope * -0.6931471805599453, lane), back_up, RB_FAN, RB_PARTS, RB, U)
    return flow, a_sum, b_sum, c_sum, d_sum, (m0, m1, m2, m3)


@kernel
def backward_rows(
    x, dt, mask, v0, states, grads, grad_x, grad_dt, grad_v, path, totals,
    sen_source, sen_target, sen_up, sen_lane, sen_back_up, sen_par,
    rec_source, rec_target, rec_up, rec_lane, rec_back_up, rec_par, leak,
    batch, time, inputs, units, substeps, flush,
    MASKED: constexpr, U: constexpr, X: constexpr,
    S: constexpr, S_FAN: constexpr, S_PARTS: constexpr, SB: constexpr, SB_FAN: constexpr, SB_PARTS: constexpr,
    R: constexpr, R_FAN: constexpr, R_PARTS: constexpr, RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """Reverse-time gradients; `path (programs, substeps, U)` is scratch, `totals` float64 sums of each program.

    Columns of `totals`: four moments of sensory lanes, four of recurrent lanes (as in `sums.gate_gradients`), then by neuron
    the gradients of den, of num and of c_m.
    """
    unit, inp = tl.arange(0, U), tl.arange(0, X)
    here = unit < units
    path += wide(tl.program_id(0)) * substeps * U + unit
    totals += wide(tl.program_id(0)) * (4 * S + 4 * R + 3 * U)
    g, gv, c = vector(leak, units, U, 0.0), vector(leak + units, units, U, 0.0), vector(leak + 2 * units, units, U, 1.0)
    recurrent = synapses(rec_source, rec_par, rec_up, R, U * R_PARTS)
    target, lane = tl.load(rec_target + tl.arange(0, R)), tl.load(rec_lane + tl.arange(0, RB))
    back_up = tl.load(rec_back_up + tl.arange(0, U * RB_PARTS))
    zero, none_s, none_r = tl.full((U,), 0.0, c.dtype), tl.full((S,), 0.0, c.dtype), tl.full((R,), 0.0, c.dtype)
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        flow = zero
        for chunk in range(0, time, flush):
            m, n = (none_r, none_r, none_r, none_r), (none_s, none_s, none_s, none_s)
            a_all, b_all, c_all = zero, zero, zero
            for back in range(chunk, tl.minimum(chunk + flush, time)):
                t = time - 1 - back
                at = wide(row) * time + t
                d, counts = step_time(dt, mask, at, substeps, MASKED)
                # Sensory tables are read anew at every step: held, they would crowd the registers of the sub-steps.
                sensory = synapses(sen_source, sen_par, sen_up, S, U * S_PARTS)
                values = read_inputs(x, at, inputs, sensory[0], counts)
                s, den_in, num_in = flows(values, sensory, g, gv, S, S_FAN, S_PARTS, U)
                flow += tl.load(grads + at * units + unit, mask=here, other=0.0)
                v = before(states, v0, at, row, t, units, U)
                retrace(v, d, c, den_in, num_in, recurrent, path, substeps, U, R, R_FAN, R_PARTS)
                flow, a, b, c_sum, d_sum, m = back_step(
                    flow, d, c, den_in, num_in, recurrent, target, lane, back_up, path, m, substeps,
                    U, R, R_FAN, R_PARTS, RB, RB_FAN, RB_PARTS,
                )  # fmt: skip
                tl.debug_barrier()
                a_all, b_all, c_all = a_all + a, b_all + b, c_all + c_sum
                s_target = tl.load(sen_target + tl.arange(0, S))
                p = moments(s, sensory[3], sensory[4], tl.gather(a, s_target, 0), tl.gather(b, s_target, 0), values)
                n = (n[0] + p[0], n[1] + p[1], n[2] + p[2], n[3] + p[3])
                pull = picked(p[2] * sensory[1] * -0.6931471805599453, tl.load(sen_lane + tl.arange(0, SB)))
                s_back_up = tl.load(sen_back_up + tl.arange(0, X * SB_PARTS))
                pull = grouped(pull, s_back_up, SB_FAN, SB_PARTS, SB, X)
                tl.store(grad_x + at * inputs + inp, pull, mask=inp < inputs)
                tl.store(grad_dt + at, tl.where(counts, total(d_sum, 0) / substeps, 0.0))
            move_moments(totals, n, S)
            move_moments(totals + 4 * S, m, R)
            move(totals + 4 * S + 4 * R, b_all, U)
            move(totals + 4 * S + 4 * R + U, a_all, U)
            move(totals + 4 * S + 4 * R + 2 * U, c_all, U)
        tl.store(grad_v + wide(row) * units + unit, flow, mask=here)
