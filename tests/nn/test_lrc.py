"""The LRC layer: the contract under every setting, parameters that are there, signs, refusals."""

import itertools

import pytest
import torch

from caudal import nn, wiring
from caudal.errors import InputError
from caudal.testing import check_cell

POLICY = wiring.ncp(3, 4, 3, 2, seed=1)


@pytest.mark.parametrize("inputs", [(POLICY,), (3, 4)], ids=["policy", "full"])
def test_keeps_the_contract(inputs):
    check_cell(lambda: nn.LRC(*inputs))


SETTINGS = [
    {"elastance": elastance, "solver": solver, "substeps": substeps, "signs": signs}
    for (elastance, signs), (solver, substeps) in itertools.product(
        (("asymmetric", "fixed"), ("symmetric", "free"), ("none", "free")), (("hybrid", 2), ("explicit", 8))
    )
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(map(str, s.values())))
def test_keeps_the_contract_under_every_setting(setting):
    clauses = ["steps", "chunks", "padding", "gradcheck", "wiring", "save", "functional", "compile"]
    check_cell(lambda: nn.LRC(POLICY, **setting), clauses=clauses)


@pytest.mark.parametrize(
    ("elastance", "per_synapse", "per_unit"), [("none", 4, 2), ("asymmetric", 5, 3), ("symmetric", 5, 4)]
)
def test_holds_the_parameters_that_act_and_no_others(elastance, per_synapse, per_unit):
    synapses = POLICY.sensory_synapses.source.size + POLICY.recurrent_synapses.source.size
    count = sum(p.numel() for p in nn.LRC(POLICY, elastance=elastance).parameters())
    assert count == per_synapse * synapses + per_unit * POLICY.units + 2 * POLICY.motor


def test_conductances_are_positive_whatever_training_does():
    net = nn.LRC(POLICY, elastance="symmetric")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 5)
    params = net.params()
    assert all((p >= 0).all() for p in (params.g_max, params.sensory_g_max, params.g_leak, params.k))


def test_fixed_signs_follow_the_wiring():
    net = nn.LRC(POLICY, signs="fixed")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 5)
    params = net.params()
    assert torch.equal(params.k_max.sign(), net.recurrent_polarity)
    assert (params.e_leak > 0).all()


def test_long_gaps_do_not_diverge():
    y, state = nn.LRC(3, 8)(torch.randn(2, 6, 3), dt=torch.full((2, 6), 1e4))
    assert torch.isfinite(y).all()
    assert state.v.abs().max() <= 2 * 0.2


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"substeps": 0}, "LRC: `substeps` is 0; expected at least 1. Pass `substeps=1`."),
        ({"elastance": "interp"}, 'LRC: `elastance` is \'interp\'. Pass "asymmetric", "symmetric" or "none".'),
        ({"solver": "rk4"}, 'LRC: `solver` is \'rk4\'. Pass "hybrid" or "explicit".'),
        ({"signs": "loose"}, 'LRC: `signs` is \'loose\'. Pass "free" or "fixed".'),
    ],
)
def test_refuses_what_it_cannot_do(arguments, text):
    with pytest.raises(InputError) as caught:
        nn.LRC(3, 4, **arguments)
    assert str(caught.value) == text
