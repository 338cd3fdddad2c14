"""Compiled loops of the wired CfC; `kernels/cpu/wired.py` prepares their arguments.

Neurons are walked in their order: every synapse that carries a new value has its source before its target. Old and new
state stand one block of rows after the other, so that a synapse names its source as one row number, new values beyond
the units. Synapses come as `(ptr, read, weight)`, their weights `[synapse][head]`; `own` is `[neuron][self, bias][head]`.
"""

from caudal.kernels.cpu.cfc_jit import PURE, counts_in, head_slopes, new_state
from caudal.kernels.cpu.jit import inlined, kernel
from caudal.kernels.cpu.lanes_jit import before_in, rows_add, rows_in, rows_out, times_in, times_out
from caudal.kernels.cpu.simd import broadcast, fill, fma, load, mul, store, where_positive, width
from caudal.kernels.cpu.synapses_jit import FLUSH, accumulate, flush, tally


@inlined
def four(lanes, i, values_at, p, kind, scratch):
    """Add what neuron `i` reads from the rows at `values_at` to its four pre-activations."""
    size = width(lanes)
    ptr, read, w = kind
    p1, p2, p3, p4 = p
    for k in range(ptr[i], ptr[i + 1]):
        v = load(lanes, scratch, values_at + read[k] * size)
        p1, p2 = fma(v, broadcast(lanes, w, 4 * k), p1), fma(v, broadcast(lanes, w, 4 * k + 1), p2)
        p3, p4 = fma(v, broadcast(lanes, w, 4 * k + 2), p3), fma(v, broadcast(lanes, w, 4 * k + 3), p4)
    return p1, p2, p3, p4


@inlined
def one(lanes, i, values_at, p, kind, scratch):
    """The same with a single head."""
    size = width(lanes)
    ptr, read, w = kind
    for k in range(ptr[i], ptr[i + 1]):
        p = fma(load(lanes, scratch, values_at + read[k] * size), broadcast(lanes, w, k), p)
    return p


@inlined
def climb(lanes, scratch, units, x_at, h_at, pre_at, d, mode, sensory, recurrent, neurons, ends):
    """New values of all neurons, one after the other, after the old ones at `h_at`; pre-activations at `pre_at`."""
    size = width(lanes)
    for i in range(units):
        h = load(lanes, scratch, h_at + i * size)
        at = pre_at + i * size
        if mode == PURE:
            p = fma(h, broadcast(lanes, neurons, 2 * i), broadcast(lanes, neurons, 2 * i + 1))
            p = one(lanes, i, x_at, p, sensory, scratch)
            store(scratch, at, one(lanes, i, h_at, p, recurrent, scratch))
        else:
            w = 8 * i
            p1 = fma(h, broadcast(lanes, neurons, w), broadcast(lanes, neurons, w + 4))
            p2 = fma(h, broadcast(lanes, neurons, w + 1), broadcast(lanes, neurons, w + 5))
            p3 = fma(h, broadcast(lanes, neurons, w + 2), broadcast(lanes, neurons, w + 6))
            p4 = fma(h, broadcast(lanes, neurons, w + 3), broadcast(lanes, neurons, w + 7))
            p = four(lanes, i, x_at, (p1, p2, p3, p4), sensory, scratch)
            p1, p2, p3, p4 = four(lanes, i, h_at, p, recurrent, scratch)
            store(scratch, at, p1)
            store(scratch, at + units * size, p2)
            store(scratch, at + 2 * units * size, p3)
            store(scratch, at + 3 * units * size, p4)
        store(scratch, h_at + (units + i) * size, new_state(lanes, scratch, pre_at, i, units, d, mode, ends))


@kernel
def forward_tile(
    lanes, start, rows, time, inputs, units, x, dt, mask, h0, out, mode, sensory, recurrent, neurons, ends, scratch
):
    """States of one tile of rows, written into `out (batch, time, units)`."""
    size = width(lanes)
    block = units * size
    d_at, c_at, x_at = 0, size, 2 * size
    h_at = x_at + inputs * size
    pre_at = h_at + 2 * block
    scratch[:] = 0.0
    rows_in(scratch, h_at, lanes, h0, start * units, units, rows, units)
    for t in range(time):
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0)
        counts_in(scratch, c_at, mask, at, time, rows)
        d, counts = load(lanes, scratch, d_at), load(lanes, scratch, c_at)
        climb(lanes, scratch, units, x_at, h_at, pre_at, d, mode, sensory, recurrent, neurons, ends)
        for row in range(h_at, h_at + block, size):
            new = load(lanes, scratch, row + block)
            store(scratch, row, where_positive(counts, new, load(lanes, scratch, row)))
        rows_out(out, at * units, time * units, scratch, h_at, lanes, rows, units)


@inlined
def pull_four(lanes, narrow, i, g, values_at, to_at, kind, scratch, sums, sums_at):
    """Pass the gradients `g` of four pre-activations of neuron `i` back through one kind of its synapses."""
    size, part = width(lanes), width(narrow)
    ptr, read, w = kind
    g1, g2, g3, g4 = g
    for k in range(ptr[i], ptr[i + 1]):
        row, at = read[k] * size, sums_at + 4 * k * part
        v = load(lanes, scratch, values_at + row)
        tally(narrow, sums, at, mul(g1, v))
        tally(narrow, sums, at + part, mul(g2, v))
        tally(narrow, sums, at + 2 * part, mul(g3, v))
        tally(narrow, sums, at + 3 * part, mul(g4, v))
        back = fma(g1, broadcast(lanes, w, 4 * k), mul(g2, broadcast(lanes, w, 4 * k + 1)))
        back = fma(g3, broadcast(lanes, w, 4 * k + 2), fma(g4, broadcast(lanes, w, 4 * k + 3), back))
        accumulate(lanes, scratch, to_at + row, back)


@inlined
def pull_one(lanes, narrow, i, g, values_at, to_at, kind, scratch, sums, sums_at):
    """The same with a single head."""
    size, part = width(lanes), width(narrow)
    ptr, read, w = kind
    for k in range(ptr[i], ptr[i + 1]):
        row = read[k] * size
        tally(narrow, sums, sums_at + k * part, mul(g, load(lanes, scratch, values_at + row)))
        accumulate(lanes, scratch, to_at + row, mul(g, broadcast(lanes, w, k)))


@inlined
def pull_own(lanes, narrow, i, head, heads, g, h_at, to_at, neurons, scratch, sums, sums_at):
    """Pass the gradient of one pre-activation back to the neuron's own old value, self weight and bias."""
    size, part = width(lanes), width(narrow)
    at = sums_at + (2 * heads * i + head) * part
    tally(narrow, sums, at, mul(g, load(lanes, scratch, h_at + i * size)))
    tally(narrow, sums, at + heads * part, g)
    accumulate(lanes, scratch, to_at + i * size, mul(g, broadcast(lanes, neurons, 2 * heads * i + head)))


@inlined
def descend(
    lanes, narrow, scratch, units, x_at, gx_at, h_at, flow_at, pre_at, grad_at, dd, d, mode,
    sensory, recurrent, neurons, ends, sums,
):  # fmt: skip
    """Gradients of one step, neurons from last to first; `flow_at` holds those of old values, then of new ones.

    `sums` are those of the two ends, of sensory and recurrent weights, then of self weights and biases.
    """
    size, part = width(lanes), width(narrow)
    heads = 1 if mode == PURE else 4
    sen_tot = 2 * units * part
    rec_tot = sen_tot + heads * sensory[1].size * part
    own_tot = rec_tot + heads * recurrent[1].size * part
    for back in range(units):
        i = units - 1 - back
        flow = load(lanes, scratch, flow_at + (units + i) * size)
        head_slopes(lanes, narrow, scratch, pre_at, grad_at, dd, i, units, flow, d, mode, ends, sums)
        for head in range(heads):
            g = load(lanes, scratch, grad_at + (head * units + i) * size)
            pull_own(lanes, narrow, i, head, heads, g, h_at, flow_at, neurons, scratch, sums, own_tot)
        g1 = load(lanes, scratch, grad_at + i * size)
        if mode == PURE:
            pull_one(lanes, narrow, i, g1, x_at, gx_at, sensory, scratch, sums, sen_tot)
            pull_one(lanes, narrow, i, g1, h_at, flow_at, recurrent, scratch, sums, rec_tot)
        else:
            g2 = load(lanes, scratch, grad_at + (units + i) * size)
            g3 = load(lanes, scratch, grad_at + (2 * units + i) * size)
            g = (g1, g2, g3, load(lanes, scratch, grad_at + (3 * units + i) * size))
            pull_four(lanes, narrow, i, g, x_at, gx_at, sensory, scratch, sums, sen_tot)
            pull_four(lanes, narrow, i, g, h_at, flow_at, recurrent, scratch, sums, rec_tot)


@kernel
def backward_tile(
    lanes, narrow, start, rows, time, inputs, units,
    x, dt, h0, states, grads, grad_x, grad_dt, grad_h, mask, mode, sensory, recurrent, neurons, ends, scratch, sums, totals,
):  # fmt: skip
    """Reverse-time gradient of one tile; sums for the parameters, see `descend`, are added to `totals`."""
    size = width(lanes)
    block = units * size
    d_at, c_at, dd, x_at = 0, size, 2 * size, 3 * size
    gx_at = x_at + inputs * size
    h_at = gx_at + inputs * size
    flow_at, pre_at, grad_at = h_at + 2 * block, h_at + 4 * block, h_at + 8 * block
    scratch[:] = 0.0
    for back in range(time):
        t = time - 1 - back
        at = start * time + t
        rows_in(scratch, x_at, lanes, x, at * inputs, time * inputs, rows, inputs)
        times_in(scratch, d_at, dt, mask, at, time, rows, 1.0)
        counts_in(scratch, c_at, mask, at, time, rows)
        before_in(scratch, h_at, lanes, h0, states, start, t, time, rows, units)
        rows_add(scratch, flow_at, lanes, grads, at * units, time * units, rows, units)
        d, counts = load(lanes, scratch, d_at), load(lanes, scratch, c_at)
        climb(lanes, scratch, units, x_at, h_at, pre_at, d, mode, sensory, recurrent, neurons, ends)
        # A masked step hands its whole gradient to the old state, any other one to the new values.
        for row in range(flow_at, flow_at + block, size):
            flow = load(lanes, scratch, row)
            none = fill(flow, 0.0)
            store(scratch, row + block, where_positive(counts, flow, none))
            store(scratch, row, where_positive(counts, none, flow))
        scratch[dd : dd + size] = 0.0
        scratch[gx_at : gx_at + inputs * size] = 0.0
        descend(
            lanes, narrow, scratch, units, x_at, gx_at, h_at, flow_at, pre_at, grad_at, dd, d, mode,
            sensory, recurrent, neurons, ends, sums,
        )  # fmt: skip
        rows_out(grad_x, at * inputs, time * inputs, scratch, gx_at, lanes, rows, inputs)
        times_out(grad_dt, mask, at, time, scratch, dd, rows, 1)
        if t % FLUSH == 0:
            flush(narrow, sums, totals)
    rows_out(grad_h, start * units, units, scratch, flow_at, lanes, rows, units)
