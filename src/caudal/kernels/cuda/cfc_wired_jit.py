"""Kernels of the wired CfC; `wired.py` prepares their arguments. One program takes one row at a time.

A neuron reads the new value of neurons in lower layers. The update is therefore repeated once per layer: after as many
rounds as there are layers every neuron has read final values, and the last round gives the same bits as any order.
Heads travel as tuples of four; `pure` uses the first and carries the others along unread.
"""

from caudal.kernels.cuda.cfc_jit import NO_GATE, PURE, new_state
from caudal.kernels.cuda.dense_jit import logistic, tanh
from caudal.kernels.cuda.language import constexpr, inlined, kernel, tl, total
from caudal.kernels.cuda.sums_jit import before, grouped, move, picked, read_inputs, step_time, vector, wide


@inlined
def four(values, step, count, SIZE: constexpr):
    """Four vectors of `count`, `step` apart."""
    return (
        vector(values, count, SIZE, 0.0),
        vector(values + step, count, SIZE, 0.0),
        vector(values + 2 * step, count, SIZE, 0.0),
        vector(values + 3 * step, count, SIZE, 0.0),
    )


@inlined
def read(base, values, w, up, LANES: constexpr, FAN: constexpr, PARTS: constexpr, U: constexpr, MODE: constexpr):
    """Pre-activations: `base` and what the lanes send to each head."""
    p0, p1, p2, p3 = base
    p0 += grouped(values * w[0], up, FAN, PARTS, LANES, U)
    if MODE != PURE:
        p1 += grouped(values * w[1], up, FAN, PARTS, LANES, U)
        p2 += grouped(values * w[2], up, FAN, PARTS, LANES, U)
        p3 += grouped(values * w[3], up, FAN, PARTS, LANES, U)
    return p0, p1, p2, p3


@inlined
def membrane(self_weight, bias, h):
    """Bias and self-connection of a neuron, by head."""
    return (
        bias[0] + self_weight[0] * h,
        bias[1] + self_weight[1] * h,
        bias[2] + self_weight[2] * h,
        bias[3] + self_weight[3] * h,
    )


@inlined
def times(g, slopes):
    """Gradient of each head."""
    return slopes[0] * g, slopes[1] * g, slopes[2] * g, slopes[3] * g


@inlined
def at_targets(heads, target, MODE: constexpr):
    """Gradients of the heads of each lane's target."""
    p0 = tl.gather(heads[0], target, 0)
    if MODE == PURE:
        return p0, p0, p0, p0
    else:  # noqa: RET505  see `activate`
        return p0, tl.gather(heads[1], target, 0), tl.gather(heads[2], target, 0), tl.gather(heads[3], target, 0)


@inlined
def pulled(at, w, MODE: constexpr):
    """Gradient of what each lane read."""
    gradient = at[0] * w[0]
    if MODE != PURE:
        gradient += at[1] * w[1] + at[2] * w[2] + at[3] * w[3]
    return gradient


@inlined
def plus(sums, values, scale):
    """`sums + values * scale`, head by head."""
    return (
        sums[0] + values[0] * scale,
        sums[1] + values[1] * scale,
        sums[2] + values[2] * scale,
        sums[3] + values[3] * scale,
    )


@inlined
def slopes_of(pre, d, a, w_tau, MODE: constexpr):
    """Slopes of the new state in the heads, in `d`, in A and in w_tau."""
    f, none = pre[0], pre[0] * 0.0
    if MODE == PURE:
        rate = tl.abs(w_tau) + tl.abs(f)
        left = tl.exp(-d * rate)
        scaled = a * left * f
        sign = tl.where(w_tau > 0.0, 1.0, tl.where(w_tau < 0.0, -1.0, 0.0))
        head_slope = -a * left * (1.0 - d * tl.abs(f))
        return (head_slope, none, none, none), scaled * rate, 1.0 - left * f, scaled * d * sign
    else:  # noqa: RET505  see `activate`
        f1, f2, t = tanh(f), tanh(pre[1]), logistic(pre[2] * d + pre[3])
        first, between = 1.0 - f1 * f1, f2
        if MODE != NO_GATE:
            first, between = first * (1.0 - t), f2 - f1
        gate = between * t * (1.0 - t)
        return (first, t * (1.0 - f2 * f2), gate * d, gate), gate * pre[2], none, none


@kernel
def forward_rows(
    x, dt, mask, h0, out, sen_source, sen_up, sen_par, rec_source, rec_up, rec_par, neuron_par,
    batch, time, inputs, units, layers,
    MASKED: constexpr, MODE: constexpr, HEADS: constexpr,
    U: constexpr, S: constexpr, S_FAN: constexpr, S_PARTS: constexpr, R: constexpr, R_FAN: constexpr, R_PARTS: constexpr,
):  # fmt: skip
    """States after every step, `out (batch, time, units)`.

    `rec_par` ends in 1 for lanes that carry new values; `neuron_par` holds self weights and biases by head, A and w_tau.
    """
    unit = tl.arange(0, U)
    step = units * (HEADS > 1)
    self_w, bias = four(neuron_par, step, units, U), four(neuron_par + HEADS * units, step, units, U)
    a, w_tau = (
        vector(neuron_par + 2 * HEADS * units, units, U, 0.0),
        vector(neuron_par + (2 * HEADS + 1) * units, units, U, 0.0),
    )
    s_source, s_w = vector(sen_source, S, S, -1), four(sen_par, S * (HEADS > 1), S, S)
    source, w = vector(rec_source, R, R, -1), four(rec_par, R * (HEADS > 1), R, R)
    current = vector(rec_par + HEADS * R, R, R, 0.0) > 0.0
    s_up, up = tl.load(sen_up + tl.arange(0, U * S_PARTS)), tl.load(rec_up + tl.arange(0, U * R_PARTS))
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        h = vector(h0 + wide(row) * units, units, U, 0.0)
        for t in range(time):
            at = wide(row) * time + t
            d, counts = step_time(dt, mask, at, 1, MASKED)
            values = read_inputs(x, at, inputs, s_source, counts)
            base = read(membrane(self_w, bias, h), values, s_w, s_up, S, S_FAN, S_PARTS, U, MODE)
            old, new = picked(h, source), h
            for _ in range(layers):
                pre = read(base, tl.where(current, picked(new, source), old), w, up, R, R_FAN, R_PARTS, U, MODE)
                new = new_state(pre[0], pre[1], pre[2], pre[3], d, a, w_tau, MODE)
            h = tl.where(counts, new, h)
            tl.store(out + at * units + unit, h, mask=unit < units)


@inlined
def back_step(
    passed, h, new, base, slopes_at, source, current, w, target, up, lane, back_up, self_w, layers,
    MODE: constexpr, U: constexpr, R: constexpr, FAN: constexpr, PARTS: constexpr,
    RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """One step backwards: gradients of new state, heads, old state, `d`, A and w_tau; what lanes read and got."""
    values = tl.where(current, picked(new, source), picked(h, source))
    pre = read(base, values, w, up, R, FAN, PARTS, U, MODE)
    slopes, d_slope, a_slope, w_slope = slopes_of(pre, slopes_at[0], slopes_at[1], slopes_at[2], MODE)
    g = passed
    for _ in range(1, layers):
        pull = tl.where(current, pulled(at_targets(times(g, slopes), target, MODE), w, MODE), 0.0)
        g = passed + grouped(picked(pull, lane), back_up, RB_FAN, RB_PARTS, RB, U)
    heads = times(g, slopes)
    got = at_targets(heads, target, MODE)
    pull = tl.where(current, 0.0, pulled(got, w, MODE))
    below = grouped(picked(pull, lane), back_up, RB_FAN, RB_PARTS, RB, U) + pulled(heads, self_w, MODE)
    return heads, below, g * d_slope, g * a_slope, g * w_slope, values, got


@inlined
def move_heads(totals, sums, SIZE: constexpr, HEADS: constexpr):
    """Add the sums of each head to their totals, one after another."""
    move(totals, sums[0], SIZE)
    if HEADS > 1:
        move(totals + SIZE, sums[1], SIZE)
        move(totals + 2 * SIZE, sums[2], SIZE)
        move(totals + 3 * SIZE, sums[3], SIZE)


@kernel
def backward_rows(
    x, dt, mask, h0, states, grads, grad_x, grad_dt, grad_h, path, totals,
    sen_source, sen_target, sen_up, sen_lane, sen_back_up, sen_par,
    rec_source, rec_target, rec_up, rec_lane, rec_back_up, rec_par, neuron_par,
    batch, time, inputs, units, layers, flush,
    MASKED: constexpr, MODE: constexpr, HEADS: constexpr, U: constexpr, X: constexpr,
    S: constexpr, S_FAN: constexpr, S_PARTS: constexpr, SB: constexpr, SB_FAN: constexpr, SB_PARTS: constexpr,
    R: constexpr, R_FAN: constexpr, R_PARTS: constexpr, RB: constexpr, RB_FAN: constexpr, RB_PARTS: constexpr,
):  # fmt: skip
    """Reverse-time gradients; `totals` are float64 sums of each program, `path` is not used.

    Columns of `totals`, by head: weights of sensory lanes, of recurrent lanes, self weights, biases; then A and w_tau.
    """
    unit, inp = tl.arange(0, U), tl.arange(0, X)
    totals += wide(tl.program_id(0)) * (HEADS * (S + R + 2 * U) + 2 * U)
    step = units * (HEADS > 1)
    self_w, bias = four(neuron_par, step, units, U), four(neuron_par + HEADS * units, step, units, U)
    a, w_tau = (
        vector(neuron_par + 2 * HEADS * units, units, U, 0.0),
        vector(neuron_par + (2 * HEADS + 1) * units, units, U, 0.0),
    )
    source, w, target = vector(rec_source, R, R, -1), four(rec_par, R * (HEADS > 1), R, R), vector(rec_target, R, R, 0)
    current, lane = vector(rec_par + HEADS * R, R, R, 0.0) > 0.0, vector(rec_lane, RB, RB, -1)
    up, back_up = tl.load(rec_up + tl.arange(0, U * R_PARTS)), tl.load(rec_back_up + tl.arange(0, U * RB_PARTS))
    zero, none_s, none_r = tl.full((U,), 0.0, a.dtype), tl.full((S,), 0.0, a.dtype), tl.full((R,), 0.0, a.dtype)
    for row in range(tl.program_id(0), batch, tl.num_programs(0)):
        flow = zero
        for chunk in range(0, time, flush):
            m, n = (none_r, none_r, none_r, none_r), (none_s, none_s, none_s, none_s)
            selfs, biases, a_all, w_all = (zero, zero, zero, zero), (zero, zero, zero, zero), zero, zero
            for back in range(chunk, tl.minimum(chunk + flush, time)):
                t = time - 1 - back
                at = wide(row) * time + t
                d, counts = step_time(dt, mask, at, 1, MASKED)
                s_w, s_source = four(sen_par, S * (HEADS > 1), S, S), vector(sen_source, S, S, -1)
                inside = read_inputs(x, at, inputs, s_source, counts)
                flow += tl.load(grads + at * units + unit, mask=unit < units, other=0.0)
                h, new = before(states, h0, at, row, t, units, U), vector(states + at * units, units, U, 0.0)
                s_up = tl.load(sen_up + tl.arange(0, U * S_PARTS))
                base = read(membrane(self_w, bias, h), inside, s_w, s_up, S, S_FAN, S_PARTS, U, MODE)
                passed = tl.where(counts, flow, 0.0)
                heads, below, d_sum, to_a, to_w, values, got = back_step(
                    passed, h, new, base, (d, a, w_tau), source, current, w, target, up, lane, back_up, self_w,
                    layers, MODE, U, R, R_FAN, R_PARTS, RB, RB_FAN, RB_PARTS,
                )  # fmt: skip
                flow = flow - passed + below
                m, selfs, biases = plus(m, got, values), plus(selfs, heads, h), plus(biases, heads, 1.0)
                a_all, w_all = a_all + to_a, w_all + to_w
                got_in = at_targets(heads, vector(sen_target, S, S, 0), MODE)
                n = plus(n, got_in, inside)
                pull = picked(pulled(got_in, s_w, MODE), vector(sen_lane, SB, SB, -1))
                pull = grouped(pull, tl.load(sen_back_up + tl.arange(0, X * SB_PARTS)), SB_FAN, SB_PARTS, SB, X)
                tl.store(grad_x + at * inputs + inp, pull, mask=inp < inputs)
                tl.store(grad_dt + at, tl.where(counts, total(d_sum, 0), 0.0))
            move_heads(totals, n, S, HEADS)
            move_heads(totals + HEADS * S, m, R, HEADS)
            move_heads(totals + HEADS * (S + R), selfs, U, HEADS)
            move_heads(totals + HEADS * (S + R + U), biases, U, HEADS)
            move(totals + HEADS * (S + R + 2 * U), a_all, U)
            move(totals + HEADS * (S + R + 2 * U) + U, w_all, U)
        tl.store(grad_h + wide(row) * units + unit, flow, mask=unit < units)
