"""The liquid state-space equation: explicit backward, exact flow, time zero, bounds, minGRU and the LTC beside it."""

import pytest
import torch

from caudal.dynamics import liquid_ssm, ltc

INPUTS, UNITS = 2, 3
SETTINGS = [liquid_ssm.Settings(decay, target) for decay in liquid_ssm.DECAYS for target in liquid_ssm.TARGETS]
UNCLOCKED = liquid_ssm.Settings("unclocked", "linear")


def parameters(draw, settings):
    rates = [draw(0.1, 2, UNITS)] if settings.decay == "sigmoid" else []
    return liquid_ssm.Params(draw(-1, 1, 2 * UNITS, INPUTS), draw(-1, 1, 2 * UNITS), *rates)


@pytest.fixture(params=SETTINGS, ids=lambda s: f"{s.decay}-{s.target}")
def settings(request):
    return request.param


@pytest.mark.parametrize("settings", [*SETTINGS, UNCLOCKED], ids=lambda s: f"{s.decay}-{s.target}")
def test_backward_equals_autograd(gradient_gap, draw, settings):
    params = [p for p in parameters(draw, settings) if p is not None]
    assert gradient_gap(liquid_ssm, params, settings) < 1e-12


def test_elapsed_times_under_one_input_add_up(draw, settings):
    params, v, x = parameters(draw, settings), draw(-1, 1, 5, UNITS), draw(-3, 3, 5, INPUTS)
    a, b = draw(0, 3, 5), draw(0, 3, 5)
    half = liquid_ssm.step(x, a, liquid_ssm.State(v), params, settings)
    whole = liquid_ssm.step(x, a + b, liquid_ssm.State(v), params, settings).v
    torch.testing.assert_close(liquid_ssm.step(x, b, half, params, settings).v, whole, rtol=1e-14, atol=1e-14)


def test_no_time_stays_and_endless_time_arrives(draw, settings):
    params, v, x = parameters(draw, settings), draw(-1, 1, 5, UNITS), draw(-3, 3, 5, INPUTS)
    state = liquid_ssm.State(v)
    assert torch.equal(liquid_ssm.step(x, torch.zeros(5, dtype=v.dtype), state, params, settings).v, v)
    end = liquid_ssm.step(x, torch.full((5,), 1e9, dtype=v.dtype), state, params, settings).v
    torch.testing.assert_close(end, liquid_ssm.gates(x, params, settings).target)


def test_states_stay_between_the_old_ones_and_the_targets(draw, settings):
    params, v, x, dt = parameters(draw, settings), draw(-1, 1, 4, UNITS), draw(-99, 99, 4, 9, INPUTS), draw(0, 50, 4, 9)
    (states,) = liquid_ssm.scan(x, dt, None, liquid_ssm.State(v), params, (), settings)
    target = liquid_ssm.gates(x, params, settings).target
    before = torch.cat((v[:, None], states[:, :-1]), 1)
    assert (states <= torch.maximum(before, target) + 1e-12).all()
    assert (states >= torch.minimum(before, target) - 1e-12).all()


def test_softplus_at_unit_time_is_min_gru(draw):
    settings = liquid_ssm.Settings("softplus", "linear")
    params, v, x = parameters(draw, settings), draw(-1, 1, 4, UNITS), draw(-2, 2, 4, INPUTS)
    z, candidate = (x @ params.weight.T + params.bias).chunk(2, -1)
    z = torch.sigmoid(z)
    after = liquid_ssm.step(x, torch.ones(4, dtype=x.dtype), liquid_ssm.State(v), params, settings).v
    torch.testing.assert_close(after, (1 - z) * v + z * candidate)
    any_time = draw(0, 9, 4)
    torch.testing.assert_close(liquid_ssm.step(x, any_time, liquid_ssm.State(v), params, UNCLOCKED).v, after)


def test_it_is_the_limit_of_the_equation_solved_by_small_steps(draw):
    settings = liquid_ssm.Settings()
    params, v, x = parameters(draw, settings), draw(-1, 1, 4, UNITS), draw(-2, 2, 4, INPUTS)
    now, slow = liquid_ssm.gates(x, params, settings), v
    for _ in range(20_000):
        slow = slow + 0.7 / 20_000 * now.rate * (now.target - slow)
    exact = liquid_ssm.step(x, torch.full((4,), 0.7, dtype=x.dtype), liquid_ssm.State(v), params, settings).v
    torch.testing.assert_close(exact, slow, rtol=1e-4, atol=1e-4)


def test_an_ltc_whose_synapses_come_from_inputs_only_tends_to_the_same_kind_of_step(draw):
    """One sensory synapse on a neuron without leak: conductance `w s(x)` pulls to `e_rev`, as this cell's step does."""
    ends = torch.tensor([0, 1], dtype=torch.int32), torch.tensor([0], dtype=torch.int32)
    graph = ltc.Graph(*ends, torch.tensor([0, 0], dtype=torch.int32), torch.tensor([], dtype=torch.int32))
    value = lambda number: torch.tensor([number], dtype=torch.float64)  # noqa: E731
    none, params = draw(0, 1, 0), (value(0.9), value(0.2), value(1.5), value(0.6))
    leak = (value(1e-12), value(0.0), value(1.0))
    x, v = torch.tensor([[0.7]], dtype=torch.float64), torch.tensor([[-0.4]], dtype=torch.float64)
    wired = ltc.Params(*params, none, none, none, none, *leak)
    (slow,) = ltc.step(x, value(0.8), ltc.State(v), wired, graph, ltc.Settings(20_000, 0.0))
    rate = 0.9 * torch.sigmoid(1.5 * (x - 0.2))
    exact = v + (1 - torch.exp(-rate * 0.8)) * (0.6 - v)
    torch.testing.assert_close(slow, exact, rtol=1e-4, atol=1e-4)
