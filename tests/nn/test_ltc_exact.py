"""`solver="exact"`: inter neurons are the solution of their equation, the others converge to what fine steps give."""

import pytest
import torch

from caudal import nn
from caudal.errors import InputError
from caudal.wiring import fully_connected, ncp

CIRCUIT = ncp(3, 5, 4, 2, seed=2)


def like(net, **settings):
    other = nn.LTC(CIRCUIT, **settings).double()
    other.load_state_dict(net.state_dict())
    return other


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.LTC(CIRCUIT, substeps=2, solver="exact").double()


def series(time=12):
    return torch.randn(3, time, 3, dtype=torch.float64), torch.rand(3, time, dtype=torch.float64) * 4


def test_inter_neurons_are_solved_and_the_others_converge(net):
    x, dt = series()
    fine = like(net, solver="rk4", substeps=400).states(x, dt, None, net.initial_state(3))
    states = [like(net, solver="exact", substeps=n).states(x, dt, None, net.initial_state(3)) for n in (1, 8, 64)]
    for found in states:
        torch.testing.assert_close(found[..., :5], fine[..., :5], atol=1e-7, rtol=0)
    errors = [(found - fine).abs().max().item() for found in states]
    assert errors[2] < errors[1] < errors[0] and errors[2] < 0.01
    fused = like(net, solver="fused", substeps=8).states(x, dt, None, net.initial_state(3))
    assert errors[1] < (fused - fine).abs().max().item()


def test_a_gap_of_inter_neurons_is_the_sum_of_its_parts(net):
    x, dt = series(1)
    _, half = net(x, dt=dt / 2)
    _, twice = net(x, dt=dt / 2, state=half)
    _, whole = net(x, dt=dt)
    torch.testing.assert_close(twice.v[:, :5], whole.v[:, :5], atol=1e-12, rtol=0)


def test_states_stay_within_their_potentials_at_any_gap(net):
    x, _ = series()
    far = net.states(10 * x, torch.full((3, 12), 1e6, dtype=torch.float64), None, net.initial_state(3))
    reach = max(net.sensory_e_rev.abs().max(), net.e_rev.abs().max(), net.v_leak.abs().max())
    assert (far.abs() <= reach + 1e-9).all()


def test_strengths_of_synapses_cut_the_circuit_as_they_do_in_the_fused_one(net):
    x, dt = series()
    strength = torch.ones(3, net.synapse_count(), dtype=torch.float64)
    torch.testing.assert_close(net(x, dt=dt, synapses=strength)[0], net(x, dt=dt)[0])
    without = strength.clone()
    without[:, ::3] = 0
    fine = like(net, solver="exact", substeps=64), like(net, solver="fused", substeps=512)
    first, second = (other(x, dt=dt, synapses=without)[0] for other in fine)
    torch.testing.assert_close(first, second, atol=0.01, rtol=0)


def test_a_wiring_without_such_neurons_is_refused():
    with pytest.raises(InputError, match="solver"):
        nn.LTC(fully_connected(2, 3), solver="exact")
