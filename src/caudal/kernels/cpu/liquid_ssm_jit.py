"""Compiled loops of the liquid state-space cell; `kernels/cpu/liquid_ssm.py` prepares their arguments.

Vectors run over the units of one series: the gates of a step depend on its inputs alone, so `BLOCK` steps go through
the gates' product at once. `folded` is the map of both gates as `(inputs + 1, 2 * padded)`, the bias last, each gate
padded to whole vectors; `rates` is padded too, and empty where the decay has none.
"""

from caudal.kernels.cpu.affine_jit import affine_block, affine_row
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.simd import (
    add,
    broadcast,
    div,
    exp2_times,
    fall,
    fill,
    fma,
    lanes16,
    lanes32,
    load,
    mul,
    softplus,
    store,
    sub,
    total,
    zeros,
)

LOG2E = 1.4426950408889634
BLOCK = 8
# Blocks after which running sums go over into float64.
FLUSH = 32


@inlined
def copy(lanes, to, at, source, first, count):
    """Copy numbers of one flat array into another."""
    whole = count - count % 16
    for o in range(0, whole, 16):
        store(to, at + o, load(lanes, source, first + o))
    for i in range(whole, count):
        to[at + i] = source[first + i]


@inlined
def add_row(lanes, to, at, source, first, count):
    """Add numbers of one flat array to those of another."""
    whole = count - count % 16
    for o in range(0, whole, 16):
        store(to, at + o, add(load(lanes, to, at + o), load(lanes, source, first + o)))
    for i in range(whole, count):
        to[at + i] += source[first + i]


@inlined
def products(lanes, x, first, steps, inputs, folded, wide, scratch):
    """Arguments of both gates for up to `BLOCK` steps whose inputs stand from `first` on, gate by gate into scratch."""
    padded = wide // 2
    if steps == BLOCK:
        for o in range(0, padded, 16):
            affine_block(lanes, x, first, inputs, scratch, o, padded, folded, wide, o)
        for o in range(padded, wide, 16):
            affine_block(lanes, x, first, inputs, scratch, (BLOCK - 1) * padded + o, padded, folded, wide, o)
    else:
        spare = 2 * BLOCK * wide
        for j in range(steps):
            affine_row(lanes, x, first + j * inputs, inputs, scratch, spare, folded, 0, inputs * wide, wide)
            copy(lanes, scratch, j * padded, scratch, spare, padded)
            copy(lanes, scratch, (BLOCK + j) * padded, scratch, spare + padded, padded)


@inlined
def curves(a, z, linear):
    """`sigmoid(a)` and the target of the argument `z`: both curves by one division."""
    closed = add(fill(a, 1.0), exp2_times(a, -LOG2E))
    if linear:
        return div(fill(a, 1.0), closed), z
    far = add(fill(a, 1.0), exp2_times(z, 2 * LOG2E))
    both = div(fill(a, 1.0), mul(closed, far))
    return mul(far, both), sub(fill(a, 1.0), mul(fill(a, 2.0), mul(closed, both)))


@inlined
def elapsed(dt, mask, at, clocked):
    """Elapsed time of a step, 1 without a clock, and 0 where the step does not count."""
    d = dt[at] if clocked else dt[at] * 0 + 1
    return d if mask.size == 0 or mask[at] != 0 else d * 0


@inlined
def gates(dt, mask, at, steps, padded, rates, form, scratch):
    """Openness, target, rate and share of every neuron in up to `BLOCK` steps, from the arguments of their gates.

    The four stand one after the other, each `(BLOCK, padded)`; the first two take the arguments' place. `form` says
    whether targets are linear and whether there is a clock.
    """
    lanes, wide = lanes32(), BLOCK * padded
    linear, clocked = form
    for j in range(steps):
        lapse = fill(zeros(lanes16(), scratch), elapsed(dt, mask, at + j, clocked))
        for o in range(j * padded, (j + 1) * padded, 16):
            store(scratch, 3 * wide + o, lapse)
    for o in range(0, steps * padded, 32):
        a, lapse = load(lanes, scratch, o), load(lanes, scratch, 3 * wide + o)
        openness, target = curves(a, load(lanes, scratch, wide + o), linear)
        store(scratch, o, openness)
        store(scratch, wide + o, target)
        if clocked:
            rate = softplus(a) if rates.size == 0 else mul(load(lanes, rates, o), openness)
            store(scratch, 2 * wide + o, rate)
            store(scratch, 3 * wide + o, fall(mul(rate, lapse)))
        else:
            store(scratch, 2 * wide + o, zeros(lanes, scratch))
            store(scratch, 3 * wide + o, mul(openness, lapse))


@kernel
def forward_rows(first, last, time, inputs, units, x, dt, mask, v0, out, folded, rates, form, scratch):
    """States of the series `first` to `last`, written into `out (batch, time, units)`."""
    lanes = lanes16()
    wide = folded.size // (inputs + 1)
    padded = wide // 2
    target, share, v_at = BLOCK * padded, 3 * BLOCK * padded, 5 * BLOCK * padded
    scratch[:] = 0
    for row in range(first, last):
        scratch[v_at : v_at + padded] = 0
        copy(lanes, scratch, v_at, v0, row * units, units)
        for start in range(0, time, BLOCK):
            steps = min(BLOCK, time - start)
            at = row * time + start
            products(lanes, x, at * inputs, steps, inputs, folded, wide, scratch)
            gates(dt, mask, at, steps, padded, rates, form, scratch)
            for j in range(steps):
                for o in range(0, padded, 16):
                    here = j * padded + o
                    v = load(lanes, scratch, v_at + o)
                    new = fma(load(lanes, scratch, share + here), sub(load(lanes, scratch, target + here), v), v)
                    store(scratch, v_at + o, new)
                copy(lanes, out, (at + j) * units, scratch, v_at, units)


@inlined
def back_units(lanes, scratch, j, flow_at, padded, d, linear, softly, sums, rate_sums):
    """Turn a step's gates into the gradients of their arguments and the flow into that of the state before.

    The states before the step stand behind the flow; `softly` is whether the decay has no rates. Returns the
    gradient of the elapsed time `d`.
    """
    wide = BLOCK * padded
    ones, to_time = fill(zeros(lanes, scratch), 1.0), zeros(lanes, scratch)
    lapse = fill(ones, d)
    for o in range(0, padded, 16):
        here = j * padded + o
        openness, u = load(lanes, scratch, here), load(lanes, scratch, wide + here)
        rate, share = load(lanes, scratch, 2 * wide + here), load(lanes, scratch, 3 * wide + here)
        flow, v = load(lanes, scratch, flow_at + o), load(lanes, scratch, flow_at + padded + o)
        left = sub(ones, share)
        passed = mul(mul(flow, sub(u, v)), left)
        to_time = fma(passed, rate, to_time)
        to_rate = mul(passed, lapse)
        slope = openness if softly else mul(rate, sub(ones, openness))
        to_target = mul(flow, share)
        store(scratch, here, mul(to_rate, slope))
        store(scratch, wide + here, to_target if linear else mul(to_target, sub(ones, mul(u, u))))
        store(sums, rate_sums + o, fma(to_rate, openness, load(lanes, sums, rate_sums + o)))
        store(scratch, flow_at + o, mul(flow, left))
    return total(to_time)


@inlined
def add_weights(lanes, x, first, inputs, padded, gate, scratch, sums, wide):
    """Add the products of a whole block's inputs and of the gradients at one gate to the sums of weights and biases."""
    for o in range(0, padded, 16):
        at, to = gate * BLOCK * padded + o, gate * padded + o
        p0, p1 = load(lanes, scratch, at), load(lanes, scratch, at + padded)
        p2, p3 = load(lanes, scratch, at + 2 * padded), load(lanes, scratch, at + 3 * padded)
        p4, p5 = load(lanes, scratch, at + 4 * padded), load(lanes, scratch, at + 5 * padded)
        p6, p7 = load(lanes, scratch, at + 6 * padded), load(lanes, scratch, at + 7 * padded)
        bias = add(add(add(p0, p1), add(p2, p3)), add(add(p4, p5), add(p6, p7)))
        store(sums, inputs * wide + to, add(bias, load(lanes, sums, inputs * wide + to)))
        for k in range(inputs):
            z = first + k
            even = fma(broadcast(lanes, x, z), p0, load(lanes, sums, k * wide + to))
            odd = mul(broadcast(lanes, x, z + inputs), p1)
            z += 2 * inputs
            even = fma(broadcast(lanes, x, z), p2, even)
            odd = fma(broadcast(lanes, x, z + inputs), p3, odd)
            z += 2 * inputs
            even = fma(broadcast(lanes, x, z), p4, even)
            odd = fma(broadcast(lanes, x, z + inputs), p5, odd)
            z += 2 * inputs
            even = fma(broadcast(lanes, x, z), p6, even)
            odd = fma(broadcast(lanes, x, z + inputs), p7, odd)
            store(sums, k * wide + to, add(even, odd))


@inlined
def add_few(lanes, x, first, steps, inputs, padded, gate, scratch, sums, wide):
    """As `add_weights`, for the steps of a block that is not whole."""
    for j in range(steps):
        for o in range(0, padded, 16):
            p, to = load(lanes, scratch, (gate * BLOCK + j) * padded + o), gate * padded + o
            store(sums, inputs * wide + to, add(p, load(lanes, sums, inputs * wide + to)))
            for k in range(inputs):
                z = broadcast(lanes, x, first + j * inputs + k)
                store(sums, k * wide + to, fma(z, p, load(lanes, sums, k * wide + to)))


@inlined
def inputs_out(lanes, grad_x, first, steps, inputs, folded, wide, scratch):
    """Gradients of a block's inputs from those of its gates."""
    padded = wide // 2
    for j in range(steps):
        a, z = j * padded, (BLOCK + j) * padded
        for k in range(inputs):
            s, t = zeros(lanes, scratch), zeros(lanes, scratch)
            for o in range(0, padded, 16):
                s = fma(load(lanes, folded, k * wide + o), load(lanes, scratch, a + o), s)
                t = fma(load(lanes, folded, k * wide + padded + o), load(lanes, scratch, z + o), t)
            grad_x[first + j * inputs + k] = total(add(s, t))


@inlined
def flush(sums, totals):
    """Hand the running sums over."""
    for i in range(sums.size):
        totals[i] += sums[i]
        sums[i] = 0


@inlined
def backward_rows(first, last, sizes, x, dt, mask, v0, states, grads, outs, folded, rates, form, scratch, sums, totals):
    """Reverse-time gradient of the series `first` to `last`; see `backward_parts`."""
    time, inputs, units = sizes
    lanes = lanes16()
    grad_x, grad_dt, grad_v = outs
    wide = folded.size // (inputs + 1)
    padded = wide // 2
    flow_at, rate_sums, softly = 5 * BLOCK * padded, (inputs + 1) * wide, rates.size == 0
    before = flow_at + padded
    scratch[:] = 0
    sums[:] = 0
    blocks = 0
    for row in range(first, last):
        scratch[flow_at : before + padded] = 0
        for back in range((time + BLOCK - 1) // BLOCK):
            start = ((time - 1) // BLOCK - back) * BLOCK
            steps = min(BLOCK, time - start)
            at = row * time + start
            products(lanes, x, at * inputs, steps, inputs, folded, wide, scratch)
            gates(dt, mask, at, steps, padded, rates, form, scratch)
            for reverse in range(steps):
                j = steps - 1 - reverse
                if start + j > 0:
                    copy(lanes, scratch, before, states, (at + j - 1) * units, units)
                else:
                    copy(lanes, scratch, before, v0, row * units, units)
                add_row(lanes, scratch, flow_at, grads, (at + j) * units, units)
                d = elapsed(dt, mask, at + j, form[1])
                to_time = back_units(lanes, scratch, j, flow_at, padded, d, form[0], softly, sums, rate_sums)
                grad_dt[at + j] = to_time if mask.size == 0 or mask[at + j] != 0 else to_time * 0
            for gate in range(2):
                if steps == BLOCK:
                    add_weights(lanes, x, at * inputs, inputs, padded, gate, scratch, sums, wide)
                else:
                    add_few(lanes, x, at * inputs, steps, inputs, padded, gate, scratch, sums, wide)
            if grad_x.size:
                inputs_out(lanes, grad_x, at * inputs, steps, inputs, folded, wide, scratch)
            blocks += 1
            if blocks % FLUSH == 0:
                flush(sums, totals)
        copy(lanes, grad_v, row * units, scratch, flow_at, units)
    flush(sums, totals)


@kernel
def backward_parts(parts, sizes, x, dt, mask, v0, states, grads, outs, folded, rates, form, scratch, sums, totals):
    """Reverse-time gradient of some parts of a batch.

    Arguments:
        parts: the first part, the one behind the last, and the series of each.
        sizes: batch, time, inputs, units.
        outs: gradients of x, dt and the first state.
        sums, totals: running sums, and those of each part; weights and biases as in `folded`, then the rates.
    """
    start, stop, each = parts
    batch, time, inputs, units = sizes
    for part in range(start, stop):
        first, last = part * each, min(batch, (part + 1) * each)
        backward_rows(
            first,
            last,
            (time, inputs, units),
            x,
            dt,
            mask,
            v0,
            states,
            grads,
            outs,
            folded,
            rates,
            form,
            scratch,
            sums,
            totals[part],
        )
