"""The CT-RNN equation: explicit backward, time zero, boundedness, order, the exact leak."""

import pytest
import torch

from caudal.dynamics import ctrnn

UNITS = 3


def parameters(draw):
    return ctrnn.Params(draw(-2, 2, 3), draw(-2, 2, 5), draw(-1, 1, UNITS), draw(0.2, 2, UNITS))


@pytest.mark.parametrize("substeps", [1, 4])
def test_backward_equals_autograd(gradient_gap, draw, substeps):
    assert gradient_gap(ctrnn, parameters(draw), ctrnn.Settings(substeps)) < 1e-12


def test_no_elapsed_time_leaves_the_state_to_the_bit(graph, draw):
    v = draw(-1, 1, 4, UNITS)
    arguments = (ctrnn.State(v), parameters(draw), ctrnn.Graph(*graph), ctrnn.Settings())
    assert torch.equal(ctrnn.step(draw(-1, 1, 4, 2), torch.zeros(4, dtype=v.dtype), *arguments).v, v)


@pytest.mark.parametrize("dt", [1e-3, 1.0, 1e4])
def test_states_stay_within_their_time_constant(graph, draw, dt):
    params, v, x = parameters(draw), draw(-1, 1, 2, UNITS), draw(-9, 9, 2, 8, 2)
    dt = torch.full((2, 8), dt, dtype=x.dtype)
    states = ctrnn.scan(x, dt, None, ctrnn.State(v), params, ctrnn.Graph(*graph), ctrnn.Settings(1)).v
    assert (states.abs() <= torch.maximum(v.abs(), params.tau)[:, None] + 1e-12).all()


def test_the_fused_step_is_of_first_order(graph, draw):
    params, v, x = parameters(draw), draw(-1, 1, 2, UNITS), draw(-1, 1, 2, 2)

    def end(substeps):
        arguments = (ctrnn.State(v), params, ctrnn.Graph(*graph), ctrnn.Settings(substeps))
        return ctrnn.step(x, torch.ones(2, dtype=x.dtype), *arguments).v

    fine = end(4096)
    errors = [(end(substeps) - fine).abs().max().item() for substeps in (16, 32, 64)]
    assert 1.7 < errors[0] / errors[1] < 2.3
    assert 1.7 < errors[1] / errors[2] < 2.3


def test_without_synapses_the_state_decays_at_its_learned_time_constant(graph, draw):
    params = parameters(draw)
    params = ctrnn.Params(*(torch.zeros_like(p) for p in params[:3]), params.tau)
    v, dt = draw(-1, 1, 2, UNITS), draw(0.5, 1, 2)
    arguments = (ctrnn.State(v), params, ctrnn.Graph(*graph), ctrnn.Settings(20000))
    found = ctrnn.step(draw(-1, 1, 2, 2), dt, *arguments).v
    torch.testing.assert_close(found, v * torch.exp(-dt[:, None] / params.tau), rtol=1e-3, atol=1e-6)
