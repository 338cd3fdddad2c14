"""Makes `st.from_type(Wiring)` draw circuits of every family, and arbitrary ones."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from caudal.wiring import Wiring, auto_ncp, from_matrices, fully_connected, layers, ncp, random

SEEDS = st.integers(0, 2**32)
SIZES = st.integers(1, 7)


@st.composite
def arbitrary(draw: st.DrawFn) -> Wiring:
    inputs, units = draw(SIZES), draw(SIZES)
    signs = st.sampled_from([-1, 0, 1])
    sensory = draw(hnp.arrays(np.int8, (inputs, units), elements=signs))
    recurrent = draw(hnp.arrays(np.int8, (units, units), elements=signs))
    silent = ~np.concatenate([sensory, recurrent]).any(0)
    sensory[0, silent] = 1
    order = ["inter", "command", "motor"]
    hidden = draw(st.lists(st.sampled_from(order), min_size=units - 1, max_size=units - 1))
    roles = [*sorted(hidden, key=order.index), "motor"]
    ranks = sorted(draw(st.lists(st.integers(0, 9), min_size=units, max_size=units)))
    return from_matrices(sensory, recurrent, roles=roles, layers=ranks)


@st.composite
def motor_of(draw: st.DrawFn, build) -> Wiring:
    units = draw(SIZES)
    return draw(st.builds(build, SIZES, st.just(units), st.none() | st.integers(1, units), seed=SEEDS))


DENSITIES = st.floats(0.01, 1.0)
st.register_type_strategy(
    Wiring,
    st.one_of(
        st.builds(ncp, SIZES, SIZES, SIZES, SIZES, seed=SEEDS),
        st.builds(auto_ncp, SIZES, st.integers(9, 30), SIZES, density=DENSITIES, seed=SEEDS),
        st.builds(layers, st.lists(SIZES, min_size=2, max_size=6), density=DENSITIES, seed=SEEDS),
        motor_of(fully_connected),
        motor_of(lambda *sizes, seed: random(*sizes, sparsity=0.9, seed=seed)),
        arbitrary(),
    ),
)
