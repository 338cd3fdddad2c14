"""Networks are matched by what can change their output, and operations are counted from their equations."""

import numpy as np
import pytest
import torch

from caudal import nn
from caudal.compare.contenders.network import build, units_for
from caudal.compare.contenders.registry import CONTENDERS, Between, settings_of, suggest, usual
from caudal.errors import InputError
from caudal.nn.operations import live_parameters, operations

NETWORKS = [name for name, entry in CONTENDERS.items() if entry.kind == "network"]
MATCHED = [name for name in NETWORKS if CONTENDERS[name].matched]


@pytest.mark.parametrize("inputs", [3, 40])
@pytest.mark.parametrize("model", MATCHED)
def test_no_other_size_comes_nearer(model, inputs):
    inputs *= 2 if model == "gru-d" else 1
    units = units_for(model, inputs, 2, 2500)
    size = live_parameters(build(model, inputs, 2, units))
    step = 2 if model == "transformer" else 1
    for other in (units - step, units + step):
        assert abs(size - 2500) <= abs(live_parameters(build(model, inputs, 2, other)) - 2500)
    assert abs(size - 2500) < (0.2 if inputs < 10 or model != "transformer" else 0.25) * 2500


def test_the_circuit_of_the_papers_keeps_its_size():
    for outputs, motor in ((1, 1), (2, 1), (5, 5), (17, 8)):
        net = build("ltc-ncp-19", 6, outputs, units_for("ltc-ncp-19", 6, outputs, 9999))
        assert (net.layer.units, net.layer.wiring.motor) == (19, motor)


@pytest.mark.parametrize("model", NETWORKS)
def test_live_parameters_are_those_with_a_gradient(model):
    inputs = 6
    net = build(model, inputs, 2, units_for(model, inputs, 2, 600), {"pool": "mean"}).double()
    torch.manual_seed(0)
    steps = 60 if model == "phased-lstm" else 9  # each unit opens once in its period
    x, dt = torch.randn(30, steps, inputs, dtype=torch.float64), torch.rand(30, steps, dtype=torch.float64) + 0.1
    if model == "gru-d":
        x[:, :, 3:] = (x[:, :, 3:] > 0).double()
    found = 0
    y = net(x, dt=dt)[0]
    ((y[..., 0] * torch.randn_like(y[..., 0])).sum() + (y[..., 1] ** 2).sum()).backward()
    found = sum(int((p.grad.abs() > 1e-12).sum()) for p in net.parameters())
    assert found == live_parameters(net)


def test_a_network_says_what_a_step_of_it_costs():
    long, short = (operations(nn.Transformer(2, 4, heads=2, context=8), steps).macs for steps in (99, 3))
    assert long > short


@pytest.mark.parametrize("model", CONTENDERS)
def test_whatever_tuning_draws_can_be_built(model):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(3):
        chosen = suggest(model, study.ask())
        assert set(chosen) == set(CONTENDERS[model].space) == set(usual(model))
        assert set(settings_of(model, chosen)) == set(CONTENDERS[model].settings)
        if CONTENDERS[model].kind == "network":
            units = units_for(model, 8, 2, 500, chosen)
            net = build(model, 8, 2, units, chosen)
            assert np.isfinite(net.map.weight.detach().numpy()).all()


def test_usual_values_lie_in_the_space():
    for model, entry in CONTENDERS.items():
        ranges = entry.space
        assert len(set(ranges) - {"pairing"}) <= 6  # when an input acts is asked on irregular clocks alone
        for name, value in usual(model).items():
            one = ranges[name]
            assert one.low <= value <= one.high if isinstance(one, Between) else value in one.values


def test_what_is_no_network_is_not_built():
    with pytest.raises(InputError, match="which is no network"):
        build("trees", 3, 2, 8)
