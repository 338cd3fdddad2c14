"""Kernels of the dense CfC; `cfc.py` prepares their arguments. One program takes a block of rows through all steps.

A product reads what other threads of the program wrote; hence a barrier after every layer.
"""

from caudal.kernels.cuda.dense_jit import activate, logistic, product, put, tanh, tile
from caudal.kernels.cuda.language import constexpr, inlined, kernel, tl
from caudal.kernels.cuda.sums_jit import wide

DEFAULT, NO_GATE, PURE = (constexpr(k) for k in range(3))


@inlined
def new_state(f1, f2, a, b, dt, asymptote, w_tau, MODE: constexpr):
    """New state from the heads, see `dynamics/cfc_heads.py`; `pure` reads `f1` and the last two alone."""
    if MODE == PURE:
        return asymptote - asymptote * tl.exp(-dt * (tl.abs(w_tau) + tl.abs(f1))) * f1
    elif MODE == NO_GATE:  # noqa: RET505  see `activate`
        return tanh(f1) + logistic(a * dt + b) * tanh(f2)
    else:
        t = logistic(a * dt + b)
        return tanh(f1) * (1.0 - t) + t * tanh(f2)


@inlined
def heads(acc, read, depth, row, there, weights, d, ends, col, units, MODE: constexpr, K: constexpr):
    """New state of the neurons `col`; `acc` are the parts of the four pre-activations that are known already."""
    f1, f2, a, b = acc
    stride = units * (1 if MODE == PURE else 4)
    f1 = product(f1, read, depth, row, there, depth, weights, stride, col, units, K)
    if MODE != PURE:
        f2 = product(f2, read, depth, row, there, depth, weights + units, stride, col, units, K)
        a = product(a, read, depth, row, there, depth, weights + 2 * units, stride, col, units, K)
        b = product(b, read, depth, row, there, depth, weights + 3 * units, stride, col, units, K)
    asymptote = tl.load(ends + col, mask=col < units, other=0.0)[None, :]
    w_tau = tl.load(ends + units + col, mask=col < units, other=0.0)[None, :]
    return new_state(f1, f2, a, b, d[:, None], asymptote, w_tau, MODE)


@inlined
def known(x, first, at, there, biases, head: constexpr, col, units, none, MODE: constexpr, LAYERS: constexpr):
    """What a head adds up before any product: its bias or, without a backbone, the projected input."""
    if MODE == PURE and head > 0:
        return none
    elif LAYERS > 0:  # noqa: RET505  see `activate`
        return tl.load(biases + head * units + col, mask=col < units, other=0.0)[None, :] + none
    else:
        return tile(x + head * units, first, at, there, col, units)


@inlined
def layer(
    known_x, at, biases, read, width, lane, there, depth, weights, to, size, none, KIND: constexpr, FROM_X: constexpr,
    N: constexpr, K: constexpr,
):  # fmt: skip
    """One backbone layer, `to[lane, :size]`; the first one starts from the projected input."""
    for start in range(0, size, N):
        col = start + tl.arange(0, N)
        if FROM_X:
            z = tile(known_x, size, at, there, col, size)
        else:
            z = tl.load(biases + col, mask=col < size, other=0.0)[None, :] + none
        z = product(z, read, width, lane, there, depth, weights, size, col, size, K)
        put(to, size, lane, there, col, size, activate(z, KIND))
    tl.debug_barrier()


@kernel
def forward_block(
    x, dt, mask, h0, out, w_h, hidden, hidden_bias, w_heads, heads_bias, ends, scratch,
    batch, time, first, units,
    MASKED: constexpr, MODE: constexpr, KIND: constexpr, LAYERS: constexpr,
    ROWS: constexpr, N: constexpr, K: constexpr,
):  # fmt: skip
    """States after every step, `out (batch, time, units)`; matrices come transposed, `(in, out)`.

    `scratch (programs, 2, ROWS, units + first)` holds the state of this step and the one before, then the activations
    of a layer and the one below.
    """
    lane = wide(tl.arange(0, ROWS))
    row = wide(tl.program_id(0)) * ROWS + lane
    there = row < batch
    states = scratch + wide(tl.program_id(0)) * 2 * ROWS * (units + first)
    acts = states + 2 * ROWS * units
    none = tl.full((ROWS, N), 0.0, h0.dtype.element_ty)
    for start in range(0, units, N):
        col = start + tl.arange(0, N)
        put(states, units, lane, there, col, units, tile(h0, units, row, there, col, units))
    tl.debug_barrier()
    for t in range(time):
        at = row * time + t
        d = tl.load(dt + at, mask=there, other=0.0)
        old, new = states + (t % 2) * ROWS * units, states + (1 - t % 2) * ROWS * units
        read, depth = old, units
        if LAYERS > 0:
            layer(x, at, x, old, units, lane, there, units, w_h, acts, first, none, KIND, True, N, K)
            for m in range(LAYERS - 1):
                here, over = acts + (m % 2) * ROWS * first, acts + (1 - m % 2) * ROWS * first
                bias, weights = hidden_bias + m * first, hidden + m * first * first
                layer(x, at, bias, here, first, lane, there, first, weights, over, first, none, KIND, False, N, K)
            read, depth = acts + ((LAYERS - 1) % 2) * ROWS * first, first
        for start in range(0, units, N):
            col = start + tl.arange(0, N)
            f1 = known(x, first, at, there, heads_bias, 0, col, units, none, MODE, LAYERS)
            f2 = known(x, first, at, there, heads_bias, 1, col, units, none, MODE, LAYERS)
            a = known(x, first, at, there, heads_bias, 2, col, units, none, MODE, LAYERS)
            b = known(x, first, at, there, heads_bias, 3, col, units, none, MODE, LAYERS)
            h = heads((f1, f2, a, b), read, depth, lane, there, w_heads, d, ends, col, units, MODE, K)
            if MASKED:
                counts = tl.load(mask + at, mask=there, other=0) != 0
                h = tl.where(counts[:, None], h, tile(old, units, lane, there, col, units))
            put(new, units, lane, there, col, units, h)
            put(out, units, at, there, col, units, h)
        tl.debug_barrier()


@inlined
def descend(grad, width, at, there, weights, bends, to, size, none, BENT: constexpr, N: constexpr, K: constexpr):
    """Gradient of what a matrix read, `to[at, :size]`, from that of what it gave, `grad[at, :width]`."""
    for start in range(0, size, N):
        col = start + tl.arange(0, N)
        below = product(none, grad, width, at, there, width, weights, size, col, size, K)
        if BENT:
            below *= tile(bends, size, at, there, col, size)
        put(to, size, at, there, col, size, below)
    tl.debug_barrier()


@kernel
def walk_block(
    grads, mask, pre, bend, carry, flow, levels, top, w_h, hidden, w_heads,
    batch, time, begin, chunk, first, units, width,
    MASKED: constexpr, HEADS: constexpr, LAYERS: constexpr, ROWS: constexpr, N: constexpr, K: constexpr,
):  # fmt: skip
    """Take steps `begin` to `begin + chunk` of a block of rows back through time; matrices are `(out, in)`.

    `pre (batch, chunk, width)` and `bend (LAYERS, batch, chunk, first)` are slopes of heads and activations. `flow`
    gets the gradient of each step's new state, `top (batch, chunk, width)` that of the heads, `levels` that of each
    layer below, shaped like `bend`; `carry (batch, units)` goes from the gradient after the chunk to that before it.
    """
    row = wide(tl.program_id(0)) * ROWS + tl.arange(0, ROWS)
    there = row < batch
    none = tl.full((ROWS, N), 0.0, carry.dtype.element_ty)
    size = wide(batch) * chunk * first
    for back in range(chunk):
        i = chunk - 1 - back
        at, over = row * chunk + i, row * time + begin + i
        counts = there
        if MASKED:
            counts = tl.load(mask + over, mask=there, other=0) != 0
        for start in range(0, units, N):
            col = start + tl.arange(0, N)
            given = tile(carry, units, row, there, col, units) + tile(grads, units, over, there, col, units)
            passed = tl.where(counts[:, None], given, 0.0)
            put(flow, units, at, there, col, units, passed)
            put(carry, units, row, there, col, units, given - passed)
            for head in range(HEADS):
                slope = tile(pre + head * units, width, at, there, col, units)
                put(top + head * units, width, at, there, col, units, passed * slope)
        tl.debug_barrier()
        low, depth = top, width
        if LAYERS > 0:
            last = (LAYERS - 1) * size
            descend(top, width, at, there, w_heads, bend + last, levels + last, first, none, True, N, K)
            for reverse in range(LAYERS - 1):
                m = LAYERS - 2 - reverse
                from_at, to_at = levels + (m + 1) * size, levels + m * size
                descend(
                    from_at,
                    first,
                    at,
                    there,
                    hidden + m * first * first,
                    bend + m * size,
                    to_at,
                    first,
                    none,
                    True,
                    N,
                    K,
                )
            low, depth = levels, first
        for start in range(0, units, N):
            col = start + tl.arange(0, N)
            acc = tile(carry, units, row, there, col, units)
            put(
                carry,
                units,
                row,
                there,
                col,
                units,
                product(acc, low, depth, at, there, depth, w_h, units, col, units, K),
            )
        tl.debug_barrier()
