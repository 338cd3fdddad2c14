"""Compiled loops of the LRC; `kernels/cpu/wired.py` prepares their arguments. Scratch as in `ltc_jit`.

The three sums of a neuron stand one block of rows after the other: conductance `f`, drive `z`, and the elastance's
pre-activation `w`. Linear synapses (`sensory_o`, `o`) are read only where the elastance moves.
"""

from caudal.kernels.cpu.jit import always_inlined, inlined, kernel
from caudal.kernels.cpu.lanes_jit import before_in, rows_add, rows_in, rows_out, times_in, times_out
from caudal.kernels.cpu.simd import add, broadcast, div, fill, fma, load, logistic, mul, store, sub, tanh, width
from caudal.kernels.cpu.synapses_jit import (
    FLUSH,
    accumulate,
    flush,
    gated,
    hold_gated,
    hold_linear,
    linear,
    pull,
    pull_linear,
    tally,
    tally_units,
)

ASYMMETRIC, SYMMETRIC, NONE = range(3)


@inlined
def elastance(lanes, w, k, h, kind):
    """Inverse capacitance of neuron `h`."""
    if kind == NONE:
        return fill(w, 1.0)
    if kind == SYMMETRIC:
        shift = broadcast(lanes, k, h)
        return sub(logistic(add(w, shift)), logistic(sub(w, shift)))
    return logistic(w)


@always_inlined
def total_sums(lanes, units, h, from_at, inflow, gates_at, keep, recurrent, lin, kind, scratch):
    """The three sums of neuron `h` over held and recurrent synapses."""
    row, block = h * width(lanes), units * width(lanes)
    f, z = load(lanes, scratch, inflow + row), load(lanes, scratch, inflow + block + row)
    f, z = gated(lanes, h, from_at, f, z, recurrent, scratch, keep, gates_at)
    w = load(lanes, scratch, inflow + 2 * block + row)
    if kind != NONE:
        w = linear(lanes, h, from_at, w, lin, scratch)
    return f, z, w


@inlined
def advance(lanes, v, d, f, z, w, h, e_leak, k, kind, hybrid):
    """Potential of neuron `h` after a step of `d`."""
    conductance = logistic(f)
    rate = mul(d, elastance(lanes, w, k, h, kind))
    change = mul(rate, sub(mul(tanh(z), broadcast(lanes, e_leak, h)), mul(conductance, v)))
    if hybrid:
        change = div(change, fma(rate, conductance, fill(v, 1.0)))
    return add(v, change)


@kernel
def forward_tile(
    lanes, start, rows, time, inputs, units, x, dt, mask, v0, out,
    substeps, kind, hybrid, sensory, sensory_lin, recurrent, lin, leak, scratch,
):  # fmt: skip
    """States of one tile of rows, written into `out (batch, time, units)`."""
    size = width(lanes)
    g, e_leak, p, k = leak
    x_at, d_at = 0, inputs * size
    block = units * size
    old, new, inflow = d_at + size, d_at + size + block, d_at + size + 2 * block
    scratch[:] = 0.0
    rows_in(scratch, old, lanes, v0, start * units, units, rows, units)
    for t in range(time):
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0 / substeps)
        d = load(lanes, scratch, d_at)
        hold_gated(lanes, units, x_at, inflow, inflow + block, g, g, sensory, scratch, False, 0)
        if kind != NONE:
            hold_linear(lanes, units, x_at, inflow + 2 * block, p, sensory_lin, scratch)
        for _u in range(substeps):
            for h in range(units):
                f, z, w = total_sums(lanes, units, h, old, inflow, 0, False, recurrent, lin, kind, scratch)
                v = load(lanes, scratch, old + h * size)
                store(scratch, new + h * size, advance(lanes, v, d, f, z, w, h, e_leak, k, kind, hybrid))
            old, new = new, old
        rows_out(out, at * units, time * units, scratch, old, lanes, rows, units)


@inlined
def retrace(lanes, units, substeps, d, path, inflow, sums, gates, recurrent, lin, leak, kind, hybrid, scratch):
    """Repeat the sub-steps of one step and keep potentials, sums and gates of each."""
    size = width(lanes)
    block = units * size
    for u in range(substeps):
        here, sums_at, gates_at = path + u * block, sums + 3 * u * block, gates + u * recurrent[1].size * size
        for h in range(units):
            f, z, w = total_sums(lanes, units, h, here, inflow, gates_at, True, recurrent, lin, kind, scratch)
            store(scratch, sums_at + h * size, f)
            store(scratch, sums_at + block + h * size, z)
            store(scratch, sums_at + 2 * block + h * size, w)
            v = load(lanes, scratch, here + h * size)
            store(scratch, here + block + h * size, advance(lanes, v, d, f, z, w, h, leak[1], leak[3], kind, hybrid))


@inlined
def elastance_slope(lanes, narrow, w, grad, k, h, kind, sums, k_tot):
    """Gradient of the pre-activation `w` from that of the elastance; adds to that of `k`."""
    ones = fill(w, 1.0)
    if kind == SYMMETRIC:
        shift = broadcast(lanes, k, h)
        high, low = logistic(add(w, shift)), logistic(sub(w, shift))
        rise, fall = mul(high, sub(ones, high)), mul(low, sub(ones, low))
        tally(narrow, sums, k_tot + h * width(narrow), mul(grad, add(rise, fall)))
        return mul(grad, sub(rise, fall))
    eps = logistic(w)
    return mul(grad, mul(eps, sub(ones, eps)))


@inlined
def back_substep(
    lanes, narrow, units, d, carry, out, held_grad, dd, v_at, sums_at, leak, kind, hybrid, scratch, sums, e_tot
):
    """Gradient of one sub-step with respect to its three sums, own potential, `e_leak`, `k` and `d`."""
    size, part = width(lanes), width(narrow)
    block = units * size
    _, e_leak, _, k = leak
    for h in range(units):
        row = h * size
        flow, v = load(lanes, scratch, carry + row), load(lanes, scratch, v_at + row)
        conductance, push = (
            logistic(load(lanes, scratch, sums_at + row)),
            tanh(load(lanes, scratch, sums_at + block + row)),
        )
        w = load(lanes, scratch, sums_at + 2 * block + row)
        ones, e = fill(v, 1.0), broadcast(lanes, e_leak, h)
        eps = elastance(lanes, w, k, h, kind)
        rate = mul(d, eps)
        slope, held_at = sub(mul(push, e), mul(conductance, v)), v
        if hybrid:
            below = fma(rate, conductance, ones)
            slope = div(slope, below)
            held_at = fma(rate, slope, v)
            a, grad_rate = div(mul(flow, rate), below), div(mul(flow, slope), below)
        else:
            a, grad_rate = mul(flow, rate), mul(flow, slope)
        tally(narrow, sums, e_tot + h * part, mul(a, push))
        accumulate(lanes, scratch, dd, mul(grad_rate, eps))
        f = mul(mul(mul(a, held_at), conductance), sub(conductance, ones))
        z = mul(mul(a, e), sub(ones, mul(push, push)))
        store(scratch, out + row, f)
        store(scratch, out + block + row, z)
        accumulate(lanes, scratch, held_grad + row, f)
        accumulate(lanes, scratch, held_grad + block + row, z)
        if kind != NONE:
            change = elastance_slope(lanes, narrow, w, mul(d, grad_rate), k, h, kind, sums, e_tot + units * part)
            store(scratch, out + 2 * block + row, change)
            accumulate(lanes, scratch, held_grad + 2 * block + row, change)
        store(scratch, carry + row, sub(flow, mul(a, conductance)))


@kernel
def backward_tile(
    lanes, narrow, start, rows, time, inputs, units,
    x, dt, v0, states, grads, grad_x, grad_dt, grad_v, mask,
    substeps, kind, hybrid, sensory, sensory_lin, recurrent, lin, leak, scratch, sums, totals,
):  # fmt: skip
    """Reverse-time gradient of one tile.

    To `totals` are added: moments of sensory and of recurrent synapses, gradients of `sensory_o` and `o`, sums over
    the gradients of `f`, `z` and `w`, and the gradients of `e_leak` and `k`.
    """
    size, part = width(lanes), width(narrow)
    g, _, p, _ = leak
    n_sen, n_rec = sensory[1].size, recurrent[1].size
    block = units * size
    x_at, gx_at, d_at, dd = 0, inputs * size, 2 * inputs * size, (2 * inputs + 1) * size
    carry = (2 * inputs + 2) * size
    out, held_grad, inflow = carry + block, carry + 4 * block, carry + 7 * block
    sen_gates = inflow + 3 * block
    path = sen_gates + n_sen * size
    path_sums = path + (substeps + 1) * block
    gates = path_sums + 3 * substeps * block
    o_tot = 4 * (n_sen + n_rec) * part
    held_tot = o_tot + (n_sen + n_rec) * part
    e_tot = held_tot + 3 * units * part
    scratch[:] = 0.0
    for back in range(time):
        t = time - 1 - back
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0 / substeps)
        before_in(scratch, path, lanes, v0, states, start, t, time, rows, units)
        rows_add(scratch, carry, lanes, grads, at * units, time * units, rows, units)
        d = load(lanes, scratch, d_at)
        hold_gated(lanes, units, x_at, inflow, inflow + block, g, g, sensory, scratch, True, sen_gates)
        if kind != NONE:
            hold_linear(lanes, units, x_at, inflow + 2 * block, p, sensory_lin, scratch)
        retrace(lanes, units, substeps, d, path, inflow, path_sums, gates, recurrent, lin, leak, kind, hybrid, scratch)
        scratch[dd : dd + size] = 0.0
        scratch[gx_at : gx_at + inputs * size] = 0.0
        scratch[held_grad : held_grad + 3 * block] = 0.0
        for reverse in range(substeps):
            u = substeps - 1 - reverse
            here, gates_at = path + u * block, gates + u * n_rec * size
            back_substep(
                lanes, narrow, units, d, carry, out, held_grad, dd, here, path_sums + 3 * u * block, leak, kind, hybrid,
                scratch, sums, e_tot,
            )  # fmt: skip
            moments_at = 4 * n_sen * part
            pull(lanes, narrow, units, here, carry, out + block, out, gates_at, recurrent, scratch, sums, moments_at)
            if kind != NONE:
                at_w = out + 2 * block
                pull_linear(lanes, narrow, units, here, carry, at_w, lin, scratch, sums, o_tot + n_sen * part)
        pull(lanes, narrow, units, x_at, gx_at, held_grad + block, held_grad, sen_gates, sensory, scratch, sums, 0)
        if kind != NONE:
            at_w = held_grad + 2 * block
            pull_linear(lanes, narrow, units, x_at, gx_at, at_w, sensory_lin, scratch, sums, o_tot)
        tally_units(lanes, narrow, 3 * units, sums, held_tot, scratch, held_grad)
        rows_out(grad_x, at * inputs, time * inputs, scratch, gx_at, lanes, rows, inputs)
        times_out(grad_dt, mask, at, time, scratch, dd, rows, substeps)
        if t % FLUSH == 0:
            flush(narrow, sums, totals)
    rows_out(grad_v, start * units, units, scratch, carry, lanes, rows, units)
