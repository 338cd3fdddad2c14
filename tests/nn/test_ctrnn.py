"""The CT-RNN layer: the contract, a time constant that is really learned, signs, refusals."""

import pytest
import torch

from caudal import nn, wiring
from caudal.errors import InputError
from caudal.testing import check_cell

POLICY = wiring.ncp(3, 4, 3, 2, seed=1)


@pytest.mark.parametrize("inputs", [(POLICY,), (3, 4)], ids=["policy", "full"])
def test_keeps_the_contract(inputs):
    check_cell(lambda: nn.CTRNN(*inputs, substeps=2))


@pytest.mark.parametrize("setting", [{"signs": "fixed"}, {"substeps": 1}, {"tau": 12.5}], ids=str)
def test_keeps_the_contract_under_every_setting(setting):
    check_cell(lambda: nn.CTRNN(POLICY, **setting), clauses=["steps", "padding", "gradcheck", "wiring", "functional"])


def test_the_time_constant_is_learned_from_data():
    """A relaxation of time constant 3, seen at irregular times, moves tau from 1 to 3."""
    torch.manual_seed(0)
    net = nn.CTRNN(1, 1, substeps=16)
    with torch.no_grad():
        net.w.zero_(), net.sensory_w.zero_()
    dt = torch.rand(16, 6) * 2
    target = torch.exp(-dt.cumsum(1) / 3.0)
    state = type(net.initial_state(1))(torch.ones(16, 1))
    optimiser = torch.optim.Adam([net.raw_tau], lr=0.1)
    for _ in range(120):
        optimiser.zero_grad()
        loss = (net(torch.zeros(16, 6, 1), dt, state=state)[0][..., 0] - target).square().mean()
        loss.backward()
        optimiser.step()
    assert net.params().tau.item() == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("tau", [1e-3, 1.0, 250.0])
def test_starts_from_the_time_constant_asked_for(tau):
    torch.testing.assert_close(nn.CTRNN(3, 4, tau=tau).params().tau, torch.full((4,), tau), rtol=1e-4, atol=0)


def test_weights_start_with_unit_variance_of_their_sum_however_sparse():
    torch.manual_seed(0)
    for inputs in ((wiring.ncp(16, 40, 30, 10, seed=0),), (16, 64)):
        net = nn.CTRNN(*inputs)
        onto = torch.zeros(net.units)
        for ptr, w in ((net.sensory_ptr, net.sensory_w), (net.recurrent_ptr, net.w)):
            to = torch.repeat_interleave(torch.arange(net.units), ptr.diff().long())
            onto.index_add_(0, to, w.detach().square())
        assert onto.mean().item() == pytest.approx(1.0, abs=0.2)


def test_fixed_signs_follow_the_wiring():
    net = nn.CTRNN(POLICY, signs="fixed")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 5)
    assert torch.equal(net.params().w.sign(), net.recurrent_polarity)
    assert torch.equal(net.params().sensory_w.sign(), net.sensory_polarity)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"substeps": 0}, "CTRNN: `substeps` is 0; expected at least 1. Pass `substeps=6`."),
        ({"tau": 0.0}, "CTRNN: `tau` is 0.0; expected a finite time above 0. Pass `tau=1.0`."),
        ({"signs": "loose"}, 'CTRNN: `signs` is \'loose\'. Pass "free" or "fixed".'),
    ],
)
def test_refuses_what_it_cannot_do(arguments, text):
    with pytest.raises(InputError) as caught:
        nn.CTRNN(3, 4, **arguments)
    assert str(caught.value) == text
