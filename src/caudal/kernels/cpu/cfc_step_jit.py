"""Compiled single step of a dense CfC for loops of one: vectors run over neurons, sums in the order of the scan."""

from numba import carray  # type: ignore[attr-defined]  # numba lists it, but not for type checkers

from caudal.kernels.cpu.affine_jit import affine_row
from caudal.kernels.cpu.cfc_jit import PURE, gated_state, pure_state
from caudal.kernels.cpu.dense_jit import activate
from caudal.kernels.cpu.jit import kernel
from caudal.kernels.cpu.simd import at_address, broadcast, lanes16, load, store
from caudal.kernels.cpu.snapshot_jit import same_memory


@kernel
def step_rows(plan, sizes, folded, addresses, lengths, snapshot, scratch, batch, x, dt, h_old, h_new):
    """One step of each row; 0 when done, 1 or 2 when `x` or `dt` cannot be, 3 when parameters have changed.

    `plan` holds per matrix (in, padded out, offset in `folded`); `sizes` is (inputs, units, padded units, mode,
    activation, longest vector); the two ends of `pure` stand last in `folded`, padded like the heads.
    """
    if not same_memory(addresses, lengths, snapshot):
        return 3
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
            return 2
        scratch[d_at] = elapsed
        for i in range(inputs):
            value = xs[row * inputs + i]
            if value - value != 0:
                return 1
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
    return 0
