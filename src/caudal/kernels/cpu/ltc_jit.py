"""Compiled loops of the LTC kernels; `kernels/cpu/ltc.py` prepares their arguments.

Scratch is one flat array cut into rows of as many numbers as there are lanes; offsets into it are named at the top of
each kernel. Synapse arrays come as `(ptr, source, slope, offset, w, w_e, sigma)`, see `synapses.Folded`.
"""

from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.lanes_jit import rows_in, rows_out, times_in
from caudal.kernels.cpu.simd import add, broadcast, div, fma, fold, gate, load, mul, store, sub, total, width, zeros

FLUSH = 64


@inlined
def hold_sensory(lanes, units, x_at, den_at, num_at, gates_at, keep, syn, g, gv, scratch):
    """Sums of leak and sensory synapses for the step whose inputs stand at `x_at`; gates are kept when asked."""
    size = width(lanes)
    ptr, source, slope, offset, w, w_e, _ = syn
    for h in range(units):
        den, num = broadcast(lanes, g, h), broadcast(lanes, gv, h)
        for k in range(ptr[h], ptr[h + 1]):
            s = gate(
                load(lanes, scratch, x_at + source[k] * size), broadcast(lanes, slope, k), broadcast(lanes, offset, k)
            )
            den, num = fma(s, broadcast(lanes, w, k), den), fma(s, broadcast(lanes, w_e, k), num)
            if keep:
                store(scratch, gates_at + k * size, s)
        store(scratch, den_at + h * size, den)
        store(scratch, num_at + h * size, num)


@kernel
def forward_tile(
    lanes, start, rows, time, inputs, units, substeps, x, dt, mask, v0, out, sensory, recurrent, leak, scratch
):
    """States of one tile of rows, written into `out (batch, time, units)`."""
    size = width(lanes)
    g, gv, c = leak
    ptr, source, slope, offset, w, w_e, _ = recurrent
    x_at, d_at = 0, inputs * size
    old, new = d_at + size, d_at + size + units * size
    den_at, num_at = new + units * size, new + 2 * units * size
    scratch[:] = 0.0
    rows_in(scratch, old, lanes, v0, start * units, units, rows, units)
    for t in range(time):
        rows_in(scratch, x_at, lanes, x, (start * time + t) * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, start * time + t, time, rows, 1.0 / substeps)
        d = load(lanes, scratch, d_at)
        hold_sensory(lanes, units, x_at, den_at, num_at, 0, False, sensory, g, gv, scratch)
        for _u in range(substeps):
            for h in range(units):
                den, num = load(lanes, scratch, den_at + h * size), load(lanes, scratch, num_at + h * size)
                for k in range(ptr[h], ptr[h + 1]):
                    v = load(lanes, scratch, old + source[k] * size)
                    s = gate(v, broadcast(lanes, slope, k), broadcast(lanes, offset, k))
                    den, num = fma(s, broadcast(lanes, w, k), den), fma(s, broadcast(lanes, w_e, k), num)
                v = load(lanes, scratch, old + h * size)
                change = div(mul(d, sub(num, mul(den, v))), fma(d, den, broadcast(lanes, c, h)))
                store(scratch, new + h * size, add(v, change))
            old, new = new, old
        rows_out(out, (start * time + t) * units, time * units, scratch, old, lanes, rows, units)


@inlined
def retrace(lanes, units, substeps, d, path, den_at, num_at, held, gates, syn, c, scratch):
    """Repeat the sub-steps of one step and keep potentials, sums and gates of each."""
    size = width(lanes)
    ptr, source, slope, offset, w, w_e, _ = syn
    synapses = source.size
    for u in range(substeps):
        here = u * units * size
        for h in range(units):
            den, num = load(lanes, scratch, held + h * size), load(lanes, scratch, held + (units + h) * size)
            for k in range(ptr[h], ptr[h + 1]):
                v = load(lanes, scratch, path + here + source[k] * size)
                s = gate(v, broadcast(lanes, slope, k), broadcast(lanes, offset, k))
                den, num = fma(s, broadcast(lanes, w, k), den), fma(s, broadcast(lanes, w_e, k), num)
                store(scratch, gates + (u * synapses + k) * size, s)
            v = load(lanes, scratch, path + here + h * size)
            change = div(mul(d, sub(num, mul(den, v))), fma(d, den, broadcast(lanes, c, h)))
            store(scratch, den_at + here + h * size, den)
            store(scratch, num_at + here + h * size, num)
            store(scratch, path + here + (units + h) * size, add(v, change))


@inlined
def pull(lanes, narrow, units, from_at, to_at, a_at, b_at, gates, syn, scratch, sums, sums_at):
    """Pass `a = dL/dnum` and `b = dL/dden` of every target back through its synapses.

    Adds to the sources' gradients at `to_at` and to the four moments of each synapse in `sums`.
    """
    size, part = width(lanes), width(narrow)
    ptr, source, _, _, w, w_e, sigma = syn
    for h in range(units):
        a, b = load(lanes, scratch, a_at + h * size), load(lanes, scratch, b_at + h * size)
        for k in range(ptr[h], ptr[h + 1]):
            s = load(lanes, scratch, gates + k * size)
            row = source[k] * size
            q = mul(fma(broadcast(lanes, w_e, k), a, mul(broadcast(lanes, w, k), b)), sub(s, mul(s, s)))
            at = sums_at + 4 * k * part
            store(sums, at, add(load(narrow, sums, at), fold(narrow, mul(s, a))))
            store(sums, at + part, add(load(narrow, sums, at + part), fold(narrow, mul(s, b))))
            store(sums, at + 2 * part, add(load(narrow, sums, at + 2 * part), fold(narrow, q)))
            qv = mul(q, load(lanes, scratch, from_at + row))
            store(sums, at + 3 * part, add(load(narrow, sums, at + 3 * part), fold(narrow, qv)))
            store(scratch, to_at + row, fma(q, broadcast(lanes, sigma, k), load(lanes, scratch, to_at + row)))


@inlined
def flush(narrow, sums, totals):
    """Move running sums into float64 totals, so that a long sequence loses nothing to rounding."""
    part = width(narrow)
    for j in range(totals.size):
        totals[j] += total(load(narrow, sums, j * part))
    sums[:] = 0.0


@inlined
def back_substep(
    lanes, narrow, units, d, carry, a_at, b_at, a_sum, b_sum, dd, here, path, den_at, num_at, c, scratch, sums, c_sum
):
    """Gradient of one sub-step with respect to sums, own potential, capacitance and `d`, neuron by neuron."""
    size, part = width(lanes), width(narrow)
    for h in range(units):
        row = h * size
        flow, v = load(lanes, scratch, carry + row), load(lanes, scratch, path + here + row)
        den, num = load(lanes, scratch, den_at + here + row), load(lanes, scratch, num_at + here + row)
        below = fma(d, den, broadcast(lanes, c, h))
        slope = div(sub(num, mul(den, v)), below)
        share = div(flow, below)
        a = mul(share, d)
        b = sub(zeros(lanes, scratch), mul(a, load(lanes, scratch, path + here + units * size + row)))
        own = mul(share, broadcast(lanes, c, h))
        store(scratch, dd, fma(own, slope, load(lanes, scratch, dd)))
        at = c_sum + h * part
        store(sums, at, sub(load(narrow, sums, at), fold(narrow, mul(a, slope))))
        store(scratch, a_at + row, a)
        store(scratch, b_at + row, b)
        store(scratch, a_sum + row, add(a, load(lanes, scratch, a_sum + row)))
        store(scratch, b_sum + row, add(b, load(lanes, scratch, b_sum + row)))
        store(scratch, carry + row, own)


@kernel
def backward_tile(
    lanes, narrow, start, rows, time, inputs, units, substeps,
    x, dt, v0, states, grads, grad_x, grad_dt, grad_v, mask, sensory, recurrent, leak, scratch, sums, totals,
):  # fmt: skip
    """Reverse-time gradient of one tile; moments of parameters are added to `totals`."""
    size, part = width(lanes), width(narrow)
    g, gv, c = leak
    n_sen, n_rec = sensory[1].size, recurrent[1].size
    block = units * size
    x_at, gx_at = 0, inputs * size
    d_at, dd = 2 * inputs * size, (2 * inputs + 1) * size
    carry = (2 * inputs + 2) * size
    a_at, b_at, a_sum, b_sum, held = (
        carry + block,
        carry + 2 * block,
        carry + 3 * block,
        carry + 4 * block,
        carry + 5 * block,
    )
    sen_gates = held + 2 * block
    path = sen_gates + n_sen * size
    den_at = path + (substeps + 1) * block
    num_at = den_at + substeps * block
    gates = num_at + substeps * block
    b_tot = (4 * n_sen + 4 * n_rec) * part
    a_tot, c_tot = b_tot + units * part, b_tot + 2 * units * part
    scratch[:] = 0.0
    for back in range(time):
        t = time - 1 - back
        rows_in(scratch, x_at, lanes, x, (start * time + t) * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, start * time + t, time, rows, 1.0 / substeps)
        if t == 0:
            rows_in(scratch, path, lanes, v0, start * units, units, rows, units)
        else:
            rows_in(scratch, path, lanes, states, (start * time + t - 1) * units, time * units, rows, units)
        for lane in range(rows):
            base = ((start + lane) * time + t) * units
            for h in range(units):
                scratch[carry + h * size + lane] += grads[base + h]
        d = load(lanes, scratch, d_at)
        hold_sensory(lanes, units, x_at, held, held + block, sen_gates, True, sensory, g, gv, scratch)
        retrace(lanes, units, substeps, d, path, den_at, num_at, held, gates, recurrent, c, scratch)
        scratch[dd : dd + size] = 0.0
        scratch[gx_at : gx_at + inputs * size] = 0.0
        scratch[a_sum : a_sum + 2 * block] = 0.0
        for reverse in range(substeps):
            u = substeps - 1 - reverse
            here = u * block
            back_substep(
                lanes,
                narrow,
                units,
                d,
                carry,
                a_at,
                b_at,
                a_sum,
                b_sum,
                dd,
                here,
                path,
                den_at,
                num_at,
                c,
                scratch,
                sums,
                c_tot,
            )
            pull(
                lanes,
                narrow,
                units,
                path + here,
                carry,
                a_at,
                b_at,
                gates + u * n_rec * size,
                recurrent,
                scratch,
                sums,
                4 * n_sen * part,
            )
        pull(lanes, narrow, units, x_at, gx_at, a_sum, b_sum, sen_gates, sensory, scratch, sums, 0)
        for h in range(units):
            for at, source in ((b_tot + h * part, b_sum), (a_tot + h * part, a_sum)):
                store(sums, at, add(load(narrow, sums, at), fold(narrow, load(lanes, scratch, source + h * size))))
        rows_out(grad_x, (start * time + t) * inputs, time * inputs, scratch, gx_at, lanes, rows, inputs)
        for lane in range(rows):
            at = (start + lane) * time + t
            counts = mask.size == 0 or mask[at] != 0
            grad_dt[at] = scratch[dd + lane] / substeps if counts else 0.0
        if t % FLUSH == 0:
            flush(narrow, sums, totals)
    rows_out(grad_v, start * units, units, scratch, carry, lanes, rows, units)
