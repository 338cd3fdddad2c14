"""Kernels of the CT-RNN; `wired.py` prepares their arguments. One program takes one row at a time through all steps."""

from caudal.kernels.cuda.dense_jit import tanh
from caudal.kernels.cuda.language import constexpr, inlined, kernel, tl, total
from caudal.kernels.cuda.sums_jit import before, grouped, move, picked, read_inputs, step_time, vector, wide


@kernel
def forward_rows(
    x, dt, mask, v0, out, sen_source, sen_up, sen_w, rec_source, rec_up, rec_w, neuron_par,
    batch, time, inputs, units, substeps,
    MASKED: constexpr, U: constexpr, S: constexpr, S_FAN: constexpr, S_PARTS: constexpr,
    R: constexpr, R_FAN: constexpr, R_PARTS: constexpr,
):  # fmt: skip
    """Potentials after every step, `out (batch, time, units)`; `neuron_par` holds bias and tau by neuron."""
    unit = tl.arange(0, U)
    bias, tau = vector(neuron_par, units, U, 0.0), vector(neuron_par + units, units, U, 1.0)
    s_source, s_w, s_up = vector(sen_source, S, S, -1), vector(sen_w, S, S, 0.0), tl.arange(0, U * S_PARTS)
    source, w, up = vector(rec_source, R, R, -1), vector(rec_w, R, R, 0.0), tl.arange(0, U * R_PARTS)
    s_up, up = tl.load(sen_up + s_up), tl.load(rec_up + up)
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        v = vector(v0 + wide(row) * units, units, U, 0.0)
        for t in range(time):
            at = wide(row) * time + t
            d, counts = step_time(dt, mask, at, substeps, MASKED)
            values = read_inputs(x, at, inputs, s_source, counts)
            sensory_sum = bias + grouped(values * s_w, s_up, S_FAN, S_PARTS, S, U)
            for _ in range(substeps):
                pull = tanh(sensory_sum + grouped(picked(v, source) * w, up, R_FAN, R_PARTS, R, U))
                v += d * (tau * pull - v) / (tau + d)
            tl.store(out + at * units + unit, v, mask=unit < units)


@inlined
def back_step(
    v, flow, d, tau, sensory_sum, source, w, up, target, lane, back_up, path, moment, substeps,
    U: constexpr, R: constexpr, FAN: constexpr, PARTS: constexpr, RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """Repeat the sub-steps of one step and take them back: gradients of state, held sum, tau, `d`, and moments."""
    for u in range(substeps):
        tl.store(path + u * U, v)
        pull = tanh(sensory_sum + grouped(picked(v, source) * w, up, FAN, PARTS, R, U))
        v += d * (tau * pull - v) / (tau + d)
    tl.debug_barrier()
    zero = tl.full((U,), 0.0, tau.dtype)
    sensory_grad, tau_sum, d_sum = zero, zero, zero
    for reverse in range(substeps):
        v = tl.load(path + (substeps - 1 - reverse) * U)
        values = picked(v, source)
        pull = tanh(sensory_sum + grouped(values * w, up, FAN, PARTS, R, U))
        slope = (tau * pull - v) / (tau + d)
        share = flow / (tau + d)
        d_sum += share * tau * slope
        tau_sum += share * d * (pull - slope)
        inner = share * d * tau * (1.0 - pull * pull)
        sensory_grad += inner
        at = tl.gather(inner, target, 0)
        moment += at * values
        flow = share * tau + grouped(picked(at * w, lane), back_up, RB_FAN, RB_PARTS, RB, U)
    tl.debug_barrier()
    return flow, sensory_grad, tau_sum, d_sum, moment


@kernel
def backward_rows(
    x, dt, mask, v0, states, grads, grad_x, grad_dt, grad_v, path, totals,
    sen_source, sen_target, sen_up, sen_lane, sen_back_up, sen_w,
    rec_source, rec_target, rec_up, rec_lane, rec_back_up, rec_w, neuron_par,
    batch, time, inputs, units, substeps, flush,
    MASKED: constexpr, U: constexpr, X: constexpr,
    S: constexpr, S_FAN: constexpr, S_PARTS: constexpr, SB: constexpr, SB_FAN: constexpr, SB_PARTS: constexpr,
    R: constexpr, R_FAN: constexpr, R_PARTS: constexpr, RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """Reverse-time gradients; `path (programs, substeps, U)` is scratch, `totals` float64 sums of each program.

    Columns of `totals`: weights by sensory lane, by recurrent lane, then bias and tau by neuron.
    """
    unit, inp = tl.arange(0, U), tl.arange(0, X)
    path += wide(tl.program_id(0)) * substeps * U + unit
    totals += wide(tl.program_id(0)) * (S + R + 2 * U)
    bias, tau = vector(neuron_par, units, U, 0.0), vector(neuron_par + units, units, U, 1.0)
    source, w, target = vector(rec_source, R, R, -1), vector(rec_w, R, R, 0.0), vector(rec_target, R, R, 0)
    up, lane = tl.load(rec_up + tl.arange(0, U * R_PARTS)), vector(rec_lane, RB, RB, -1)
    back_up = tl.load(rec_back_up + tl.arange(0, U * RB_PARTS))
    zero = tl.full((U,), 0.0, tau.dtype)
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        flow = zero
        for chunk in range(0, time, flush):
            m, n = tl.full((R,), 0.0, tau.dtype), tl.full((S,), 0.0, tau.dtype)
            held_all, tau_all = zero, zero
            for back in range(chunk, tl.minimum(chunk + flush, time)):
                t = time - 1 - back
                at = wide(row) * time + t
                d, counts = step_time(dt, mask, at, substeps, MASKED)
                s_source, s_w = vector(sen_source, S, S, -1), vector(sen_w, S, S, 0.0)
                values = read_inputs(x, at, inputs, s_source, counts)
                s_up = tl.load(sen_up + tl.arange(0, U * S_PARTS))
                sensory_sum = bias + grouped(values * s_w, s_up, S_FAN, S_PARTS, S, U)
                flow += tl.load(grads + at * units + unit, mask=unit < units, other=0.0)
                v = before(states, v0, at, row, t, units, U)
                flow, held_sum, tau_sum, d_sum, m = back_step(
                    v, flow, d, tau, sensory_sum, source, w, up, target, lane, back_up, path, m, substeps,
                    U, R, R_FAN, R_PARTS, RB, RB_FAN, RB_PARTS,
                )  # fmt: skip
                held_all, tau_all = held_all + held_sum, tau_all + tau_sum
                pull = tl.gather(held_sum, vector(sen_target, S, S, 0), 0)
                n += pull * values
                pull = picked(pull * s_w, vector(sen_lane, SB, SB, -1))
                pull = grouped(pull, tl.load(sen_back_up + tl.arange(0, X * SB_PARTS)), SB_FAN, SB_PARTS, SB, X)
                tl.store(grad_x + at * inputs + inp, pull, mask=inp < inputs)
                tl.store(grad_dt + at, tl.where(counts, total(d_sum, 0) / substeps, 0.0))
            move(totals, n, S)
            move(totals + S, m, R)
            move(totals + S + R, held_all, U)
            move(totals + S + R + U, tau_all, U)
        tl.store(grad_v + wide(row) * units + unit, flow, mask=unit < units)
