"""The LTC equation: explicit backward, time zero, the convex-combination bound, the published form."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caudal.dynamics import ltc

UNITS = 3


def parameters(draw):
    kinds = [f for n in (3, 5) for f in (draw(0, 2, n), draw(-1, 1, n), draw(-4, 4, n), draw(-2, 2, n))]
    return ltc.Params(*kinds, draw(0, 1, UNITS), draw(-1, 1, UNITS), draw(0.2, 1, UNITS))


@pytest.mark.parametrize("eps", [0.0, 1e-2])
@pytest.mark.parametrize("substeps", [1, 4])
def test_backward_equals_autograd(gradient_gap, draw, substeps, eps):
    assert gradient_gap(ltc, parameters(draw), ltc.Settings(substeps, eps)) < 1e-12


def test_no_elapsed_time_leaves_the_state_to_the_bit(graph, draw):
    v = draw(-1, 1, 4, UNITS)
    arguments = (ltc.State(v), parameters(draw), ltc.Graph(*graph), ltc.Settings())
    assert torch.equal(ltc.step(draw(-1, 1, 4, 2), torch.zeros(4, dtype=v.dtype), *arguments).v, v)


def test_the_step_is_the_published_quotient(graph, draw):
    """`x' = (c/D x + num) / (c/D + den + eps)`, as the released programs compute it."""
    p, v, x, dt = parameters(draw), draw(-1, 1, 2, UNITS), draw(-1, 1, 2, 2), draw(0.1, 2, 2)
    g = ltc.Graph(*graph)
    found = ltc.step(x, dt, ltc.State(v), p, g, ltc.Settings(3, 1e-3)).v
    held = ltc.sensory_sums(x, p, g)
    rate = p.c_m / (dt[:, None] / 3)
    for _ in range(3):
        gate = torch.sigmoid(p.sigma * (v[:, g.source.long()] - p.mu))
        own = ltc.sums(gate, g.ptr, p.w, p.e_rev)
        v = (rate * v + held.num + own.num) / (rate + held.den + own.den + 1e-3)
    torch.testing.assert_close(found, v, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 2**31), log_dt=st.floats(-6, 6), substeps=st.integers(1, 3))
def test_states_never_leave_the_range_of_the_potentials(graph, sampler, seed, log_dt, substeps):
    draw, graph = sampler(seed), ltc.Graph(*graph)
    params, v = parameters(draw), draw(-3, 3, 2, UNITS)
    dt = torch.full((2, 6), 10.0**log_dt, dtype=v.dtype)
    states = ltc.scan(draw(-9, 9, 2, 6, 2), dt, None, ltc.State(v), params, graph, ltc.Settings(substeps)).v
    for neuron in range(UNITS):
        onto = [
            params.sensory_e_rev[graph.sensory_ptr[neuron] : graph.sensory_ptr[neuron + 1]],
            params.e_rev[graph.ptr[neuron] : graph.ptr[neuron + 1]],
        ]
        potentials = torch.cat([*onto, params.v_leak[neuron, None], v[:, neuron]])
        assert states[..., neuron].min() >= potentials.min() - 1e-12
        assert states[..., neuron].max() <= potentials.max() + 1e-12
