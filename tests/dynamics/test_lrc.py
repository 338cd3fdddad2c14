"""The LRC equation: explicit backward, time zero, boundedness, order, the published step."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from caudal.dynamics import lrc

SENSORY, RECURRENT, UNITS = 3, 5, 3
ELASTANCES = ("asymmetric", "symmetric", "none")
SOLVERS = ("hybrid", "explicit")


def parameters(draw, elastance="asymmetric", e_leak=1.0):
    moves = int(elastance != "none")
    kinds = []
    for count in (SENSORY, RECURRENT):
        kinds += [draw(0, 2, count), draw(-2, 2, count), draw(-1, 1, count), draw(-4, 4, count)]
        kinds.append(draw(-1, 1, count * moves))
    units = [draw(0, 1, UNITS), draw(-e_leak, e_leak, UNITS), draw(-1, 1, UNITS * moves)]
    return lrc.Params(*kinds, *units, draw(0, 2, UNITS * (elastance == "symmetric")))


@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("elastance", ELASTANCES)
def test_backward_equals_autograd(gradient_gap, draw, elastance, solver, substeps):
    params = parameters(draw, elastance)
    assert gradient_gap(lrc, params, lrc.Settings(substeps, solver, elastance)) < 1e-12


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("elastance", ELASTANCES)
def test_no_elapsed_time_leaves_the_state_to_the_bit(graph, draw, elastance, solver):
    v = draw(-1, 1, 4, UNITS)
    settings = lrc.Settings(3, solver, elastance)
    arguments = (lrc.State(v), parameters(draw, elastance), lrc.Graph(*graph), settings)
    new = lrc.step(draw(-1, 1, 4, 2), torch.zeros(4, dtype=v.dtype), *arguments)
    assert torch.equal(new.v, v)


@given(seed=st.integers(0, 2**31), log_dt=st.floats(-4, 4), elastance=st.sampled_from(ELASTANCES))
def test_hybrid_states_stay_bounded_at_any_dt(graph, sampler, seed, log_dt, elastance):
    draw = sampler(seed)
    params, v = parameters(draw, elastance, e_leak=3.0), draw(-5, 5, 2, UNITS)
    dt = torch.full((2, 6), 10.0**log_dt, dtype=v.dtype)
    states = lrc.scan(
        draw(-9, 9, 2, 6, 2), dt, None, lrc.State(v), params, lrc.Graph(*graph), lrc.Settings(1, "hybrid", elastance)
    ).v
    bound = torch.maximum(v.abs(), 2 * params.e_leak.abs())
    assert (states.abs() <= bound[:, None] + 1e-12).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_both_solvers_are_of_first_order(graph, draw, solver):
    params, v, x = parameters(draw), draw(-1, 1, 2, UNITS), draw(-1, 1, 2, 2)

    def end(substeps, solver):
        arguments = (lrc.State(v), params, lrc.Graph(*graph), lrc.Settings(substeps, solver))
        return lrc.step(x, torch.ones(2, dtype=x.dtype), *arguments).v

    fine = end(4096, "hybrid")
    errors = [(end(substeps, solver) - fine).abs().max().item() for substeps in (8, 16, 32)]
    assert 1.7 < errors[0] / errors[1] < 2.3
    assert 1.7 < errors[1] / errors[2] < 2.3


def test_explicit_step_is_the_published_equation_written_out_by_hand(graph, draw):
    """Neuron 0 reads both inputs and neuron 2; the sums are spelled out from the paper."""
    p, v, x = parameters(draw), draw(-1, 1, 1, UNITS), draw(-1, 1, 1, 2)
    new = lrc.step(x, torch.ones(1).double(), lrc.State(v), p, lrc.Graph(*graph), lrc.Settings(1, "explicit"))
    s = [torch.sigmoid(p.sensory_sigma[j] * (x[0, j] - p.sensory_mu[j])) for j in (0, 1)]
    r = torch.sigmoid(p.sigma[0] * (v[0, 2] - p.mu[0]))
    f = p.g_leak[0] + p.sensory_g_max[0] * s[0] + p.sensory_g_max[1] * s[1] + p.g_max[0] * r
    z = p.g_leak[0] + p.sensory_k_max[0] * s[0] + p.sensory_k_max[1] * s[1] + p.k_max[0] * r
    w = p.p[0] + p.sensory_o[0] * x[0, 0] + p.sensory_o[1] * x[0, 1] + p.o[0] * v[0, 2]
    expected = v[0, 0] + torch.sigmoid(w) * (torch.tanh(z) * p.e_leak[0] - torch.sigmoid(f) * v[0, 0])
    torch.testing.assert_close(new.v[0, 0], expected)


def test_no_elastance_is_the_limit_of_a_saturated_one(graph, draw):
    v, x, dt = draw(-1, 1, 2, UNITS), draw(-1, 1, 2, 2), draw(0, 1, 2)
    params = parameters(draw)
    saturated = params._replace(p=torch.full_like(params.p, 60.0))
    empty = params.p.new_empty(0)
    plain = params._replace(sensory_o=empty, o=empty, p=empty)
    steps = [
        lrc.step(x, dt, lrc.State(v), given, lrc.Graph(*graph), lrc.Settings(2, "hybrid", elastance)).v
        for given, elastance in ((saturated, "asymmetric"), (plain, "none"))
    ]
    torch.testing.assert_close(*steps, rtol=1e-12, atol=1e-12)
