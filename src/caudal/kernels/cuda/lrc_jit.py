"""Kernels of the LRC; `wired.py` prepares their arguments. One program takes one row at a time through all steps.

Synapses travel as the tuple `(source, slope, offset, g_max, k_max, o, up)`, neurons as `(g_leak, e_leak, p, k)`; what
an elastance does not use is 0.
"""

from caudal.kernels.cuda.dense_jit import logistic, tanh
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

ASYMMETRIC, SYMMETRIC, NONE = (constexpr(k) for k in range(3))


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
        tl.load(par + 4 * SIZE + at),
        tl.load(up + tl.arange(0, PARTS)),
    )


@inlined
def neurons(neuron_par, units, U: constexpr):
    """Parameters of the neurons as a tuple of vectors."""
    return (
        vector(neuron_par, units, U, 0.0),
        vector(neuron_par + units, units, U, 0.0),
        vector(neuron_par + 2 * units, units, U, 0.0),
        vector(neuron_par + 3 * units, units, U, 0.0),
    )


@inlined
def flows(values, syn, f, z, w, SIZE: constexpr, FAN: constexpr, PARTS: constexpr, U: constexpr, KIND: constexpr):
    """Gates of synapses that read `values (SIZE,)`, and the three sums at their targets, added to `f, z, w`."""
    source, slope, offset, g_max, k_max, o, up = syn
    s = gates(values, slope, offset, source >= 0)
    if KIND != NONE:
        w += grouped(values * o, up, FAN, PARTS, SIZE, U)
    return s, f + grouped(s * g_max, up, FAN, PARTS, SIZE, U), z + grouped(s * k_max, up, FAN, PARTS, SIZE, U), w


@inlined
def elastance(w, k, KIND: constexpr):
    """Elastance of its pre-activation."""
    if KIND == SYMMETRIC:
        return logistic(w + k) - logistic(w - k)
    elif KIND == ASYMMETRIC:  # noqa: RET505  see `activate`
        return logistic(w)
    else:
        return w * 0.0 + 1.0


@inlined
def slope_of(v, f, z, rate, e_leak, HYBRID: constexpr):
    """Rate of change of `v`, conductance, drive and what the step is divided by."""
    pull, push = logistic(f), tanh(z)
    below = rate * 0.0 + 1.0
    if HYBRID:
        below = 1.0 + rate * pull
    return (push * e_leak - pull * v) / below, pull, push, below


@kernel
def forward_rows(
    x, dt, mask, v0, out, sen_source, sen_up, sen_par, rec_source, rec_up, rec_par, neuron_par,
    batch, time, inputs, units, substeps,
    MASKED: constexpr, KIND: constexpr, HYBRID: constexpr,
    U: constexpr, S: constexpr, S_FAN: constexpr, S_PARTS: constexpr, R: constexpr, R_FAN: constexpr, R_PARTS: constexpr,
):  # fmt: skip
    """Potentials after every step, `out (batch, time, units)`."""
    unit = tl.arange(0, U)
    g_leak, e_leak, p, k = neurons(neuron_par, units, U)
    sensory = synapses(sen_source, sen_par, sen_up, S, U * S_PARTS)
    recurrent = synapses(rec_source, rec_par, rec_up, R, U * R_PARTS)
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        v = vector(v0 + wide(row) * units, units, U, 0.0)
        for t in range(time):
            at = wide(row) * time + t
            d, counts = step_time(dt, mask, at, substeps, MASKED)
            values = read_inputs(x, at, inputs, sensory[0], counts)
            _, f_in, z_in, w_in = flows(values, sensory, g_leak, g_leak, p, S, S_FAN, S_PARTS, U, KIND)
            for _ in range(substeps):
                _, f, z, w = flows(picked(v, recurrent[0]), recurrent, f_in, z_in, w_in, R, R_FAN, R_PARTS, U, KIND)
                rate = d * elastance(w, k, KIND)
                rise, _, _, _ = slope_of(v, f, z, rate, e_leak, HYBRID)
                v += rate * rise
            tl.store(out + at * units + unit, v, mask=unit < units)


@inlined
def back_substep(v, flow, d, f, z, w, e_leak, k, KIND: constexpr, HYBRID: constexpr):
    """Gradients of one sub-step: of the sums, of `v` along its own leak, of `d`, of `e_leak` and of `k`."""
    eps = elastance(w, k, KIND)
    rate = d * eps
    rise, pull, push, below = slope_of(v, f, z, rate, e_leak, HYBRID)
    a = flow * rate / below
    to_rate = flow * rise / below
    held_at = v
    if HYBRID:
        held_at = v + rate * rise
    to_w, to_k = a * 0.0, a * 0.0
    if KIND == ASYMMETRIC:
        to_w = d * to_rate * eps * (1.0 - eps)
    if KIND == SYMMETRIC:
        high, low = logistic(w + k), logistic(w - k)
        climb, fall = high * (1.0 - high), low * (1.0 - low)
        to_w, to_k = d * to_rate * (climb - fall), d * to_rate * (climb + fall)
    to_f = -a * held_at * pull * (1.0 - pull)
    return to_f, a * e_leak * (1.0 - push * push), to_w, flow - a * pull, to_rate * eps, a * push, to_k


@inlined
def retrace(
    v, d, sensory_sums, recurrent, e_leak, k, path, substeps,
    KIND: constexpr, HYBRID: constexpr, U: constexpr, R: constexpr, FAN: constexpr, PARTS: constexpr,
):  # fmt: skip
    """Repeat the sub-steps of one step and keep the potentials before each in `path`."""
    for u in range(substeps):
        tl.store(path + u * U, v)
        values = picked(v, recurrent[0])
        _, f, z, w = flows(values, recurrent, sensory_sums[0], sensory_sums[1], sensory_sums[2], R, FAN, PARTS, U, KIND)
        rate = d * elastance(w, k, KIND)
        rise, _, _, _ = slope_of(v, f, z, rate, e_leak, HYBRID)
        v += rate * rise
    tl.debug_barrier()


@inlined
def through(values, syn, target, s, to_f, to_z, to_w):
    """Pass gradients of the sums back through synapses: moments, gradient of `o`, and of what each lane read."""
    a, b, c = tl.gather(to_f, target, 0), tl.gather(to_z, target, 0), tl.gather(to_w, target, 0)
    m0, m1, m2, m3 = moments(s, syn[4], syn[3], a, b, values)
    return (m0, m1, m2, m3, values * c), m2 * syn[1] * -0.6931471805599453 + syn[5] * c


@inlined
def plus(first, second):
    """Sum of two tuples of five."""
    return first[0] + second[0], first[1] + second[1], first[2] + second[2], first[3] + second[3], first[4] + second[4]


@inlined
def back_step(
    flow, d, sensory_sums, recurrent, target, lane, back_up, e_leak, k, path, m, n_all, substeps,
    KIND: constexpr, HYBRID: constexpr, U: constexpr, R: constexpr, FAN: constexpr, PARTS: constexpr,
    RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """Sub-steps of one step backwards: gradients of state, held sums and `d`; adds to moments and to `n_all`."""
    zero = tl.full((U,), 0.0, e_leak.dtype)
    sum_f, sum_z, sum_w, d_sum = zero, zero, zero, zero
    for reverse in range(substeps):
        v = tl.load(path + (substeps - 1 - reverse) * U)
        values = picked(v, recurrent[0])
        s, f, z, w = flows(values, recurrent, sensory_sums[0], sensory_sums[1], sensory_sums[2], R, FAN, PARTS, U, KIND)
        to_f, to_z, to_w, to_v, to_d, to_e, to_k = back_substep(v, flow, d, f, z, w, e_leak, k, KIND, HYBRID)
        sum_f, sum_z, sum_w, d_sum = sum_f + to_f, sum_z + to_z, sum_w + to_w, d_sum + to_d
        n_all = (n_all[0] + to_e, n_all[1] + to_k)
        moved, pulled = through(values, recurrent, target, s, to_f, to_z, to_w)
        m = plus(m, moved)
        flow = to_v + grouped(picked(pulled, lane), back_up, RB_FAN, RB_PARTS, RB, U)
    tl.debug_barrier()
    return flow, sum_f, sum_z, sum_w, d_sum, m, n_all


@kernel
def backward_rows(
    x, dt, mask, v0, states, grads, grad_x, grad_dt, grad_v, path, totals,
    sen_source, sen_target, sen_up, sen_lane, sen_back_up, sen_par,
    rec_source, rec_target, rec_up, rec_lane, rec_back_up, rec_par, neuron_par,
    batch, time, inputs, units, substeps, flush,
    MASKED: constexpr, KIND: constexpr, HYBRID: constexpr, U: constexpr, X: constexpr,
    S: constexpr, S_FAN: constexpr, S_PARTS: constexpr, SB: constexpr, SB_FAN: constexpr, SB_PARTS: constexpr,
    R: constexpr, R_FAN: constexpr, R_PARTS: constexpr, RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """Reverse-time gradients; `path (programs, substeps, U)` is scratch, `totals` float64 sums of each program.

    Columns of `totals`: four moments (see `sums.gate_gradients`) and `o` of sensory lanes, of recurrent lanes, then by
    neuron the gradients of the sums `f + z` and `w`, of e_leak and of k.
    """
    unit, inp = tl.arange(0, U), tl.arange(0, X)
    path += wide(tl.program_id(0)) * substeps * U + unit
    totals += wide(tl.program_id(0)) * (5 * S + 5 * R + 4 * U)
    g_leak, e_leak, p, k = neurons(neuron_par, units, U)
    recurrent = synapses(rec_source, rec_par, rec_up, R, U * R_PARTS)
    target, lane = vector(rec_target, R, R, 0), vector(rec_lane, RB, RB, -1)
    back_up = tl.load(rec_back_up + tl.arange(0, U * RB_PARTS))
    zero, none_s, none_r = tl.full((U,), 0.0, k.dtype), tl.full((S,), 0.0, k.dtype), tl.full((R,), 0.0, k.dtype)
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        flow = zero
        for chunk in range(0, time, flush):
            m, n = (none_r, none_r, none_r, none_r, none_r), (none_s, none_s, none_s, none_s, none_s)
            leak_all, w_all, rest = zero, zero, (zero, zero)
            for back in range(chunk, tl.minimum(chunk + flush, time)):
                t = time - 1 - back
                at = wide(row) * time + t
                d, counts = step_time(dt, mask, at, substeps, MASKED)
                sensory = synapses(sen_source, sen_par, sen_up, S, U * S_PARTS)
                values = read_inputs(x, at, inputs, sensory[0], counts)
                s, f_in, z_in, w_in = flows(values, sensory, g_leak, g_leak, p, S, S_FAN, S_PARTS, U, KIND)
                sensory_sums = (f_in, z_in, w_in)
                flow += tl.load(grads + at * units + unit, mask=unit < units, other=0.0)
                v = before(states, v0, at, row, t, units, U)
                retrace(v, d, sensory_sums, recurrent, e_leak, k, path, substeps, KIND, HYBRID, U, R, R_FAN, R_PARTS)
                flow, to_f, to_z, to_w, d_sum, m, rest = back_step(
                    flow, d, sensory_sums, recurrent, target, lane, back_up, e_leak, k, path, m, rest, substeps,
                    KIND, HYBRID, U, R, R_FAN, R_PARTS, RB, RB_FAN, RB_PARTS,
                )  # fmt: skip
                leak_all, w_all = leak_all + to_f + to_z, w_all + to_w
                moved, pull = through(values, sensory, vector(sen_target, S, S, 0), s, to_f, to_z, to_w)
                n = plus(n, moved)
                s_back_up = tl.load(sen_back_up + tl.arange(0, X * SB_PARTS))
                pull = grouped(picked(pull, vector(sen_lane, SB, SB, -1)), s_back_up, SB_FAN, SB_PARTS, SB, X)
                tl.store(grad_x + at * inputs + inp, pull, mask=inp < inputs)
                tl.store(grad_dt + at, tl.where(counts, total(d_sum, 0) / substeps, 0.0))
            move_moments(totals, n, S)
            move(totals + 4 * S, n[4], S)
            move_moments(totals + 5 * S, m, R)
            move(totals + 5 * S + 4 * R, m[4], R)
            for_units = totals + 5 * (S + R)
            move(for_units, leak_all, U)
            move(for_units + U, w_all, U)
            move(for_units + 2 * U, rest[0], U)
            move(for_units + 3 * U, rest[1], U)
        tl.store(grad_v + wide(row) * units + unit, flow, mask=unit < units)
