"""Networks are matched by what can change their output, and operations are counted from their equations."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from caudal import nn
from caudal.compare.contenders import CONTENDERS, settings_of
from caudal.compare.size import build, units_for
from caudal.compare.space import SPACE, Between, suggest, usual
from caudal.errors import InputError
from caudal.nn.counts import Operations, live_parameters, operations

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
    x, dt = torch.randn(30, 9, inputs, dtype=torch.float64), torch.rand(30, 9, dtype=torch.float64) + 0.1
    if model == "gru-d":
        x[:, :, 3:] = (x[:, :, 3:] > 0).double()
    found = 0
    y = net(x, dt=dt)[0]
    ((y[..., 0] * torch.randn_like(y[..., 0])).sum() + (y[..., 1] ** 2).sum()).backward()
    found = sum(int((p.grad.abs() > 1e-12).sum()) for p in net.parameters())
    assert found == live_parameters(net)


# The counter does not look into a custom op, so cells that run as one are counted by hand below.
@pytest.mark.parametrize("model", ["lstm", "gru", "gru-d", "transformer", "ssm"])
def test_products_of_one_step_are_all_counted(model):
    net = build(model, 6, 3, 12, steps=8)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if model in ("lstm", "gru"):
            net.layer._cell(torch.zeros(1, 7), (torch.zeros(1, 12),) * 2 if model == "lstm" else torch.zeros(1, 12))
            extra = 3 * 12
        else:
            net.tick(torch.zeros(1, 6), torch.ones(1), net.initial_state(1))
            extra = 0
    products = counter.get_total_flops() // 2 + extra
    counted = operations(net, 1).macs
    assert products <= counted
    assert counted - products < 0.35 * counted


def test_operations_by_hand():
    ltc = nn.LTC(2, 3, substeps=4)
    sensory, recurrent = 6, 9
    runs = sensory + 4 * recurrent
    assert operations(ltc) == Operations(3 * runs + 3 * 3 * 4 + 2 + 3, runs, 13)
    cfc = nn.CfC(2, 3, backbone_units=5)
    assert operations(cfc) == Operations(5 * 5 + 5 * 12 + 6, 5 + 9)
    wired = nn.WiredCfC(2, 3)
    assert operations(wired) == Operations(4 * (6 + 9 + 3) + 6, 9)
    mixed = nn.MixedMemory(2, nn.CfC(2, 3, backbone_units=5))
    assert operations(mixed) == Operations(12 * 5 + 9 + operations(cfc).macs, 15 + 14)
    long, short = (operations(nn.Transformer(2, 4, heads=2, context=8), steps).macs for steps in (99, 3))
    assert long > short
    assert operations(nn.Readout(ltc, 2, pool="mean")).macs == operations(ltc).macs + 6 + 3
    with pytest.raises(InputError, match="which is not counted"):
        operations(nn.MLP(2, 3))


@pytest.mark.parametrize("model", CONTENDERS)
def test_whatever_tuning_draws_can_be_built(model):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(3):
        chosen = suggest(model, study.ask())
        assert set(chosen) == set(SPACE[model]) == set(usual(model))
        assert set(settings_of(model, chosen)) == set(CONTENDERS[model].settings)
        if CONTENDERS[model].kind == "network":
            units = units_for(model, 8, 2, 500, chosen)
            net = build(model, 8, 2, units, chosen)
            assert np.isfinite(net.map.weight.detach().numpy()).all()


def test_usual_values_lie_in_the_space():
    for model, ranges in SPACE.items():
        assert len(ranges) <= 6
        for name, value in usual(model).items():
            one = ranges[name]
            assert one.low <= value <= one.high if isinstance(one, Between) else value in one.values


def test_what_is_no_network_is_not_built():
    with pytest.raises(InputError, match="which is no network"):
        build("trees", 3, 2, 8)
