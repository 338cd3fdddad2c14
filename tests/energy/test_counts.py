"""Work of a step: each cell against its formula written out, and every layer against what torch was asked for."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from caudal import nn
from caudal.energy import Count, count_module, count_step, counting
from caudal.errors import InputError
from caudal.nn.baselines import PhasedLSTM
from caudal.nn.operations import Operations, operations
from caudal.wiring import auto_ncp

WIRING = auto_ncp(5, 13, 3, density=0.4, seed=1)
S, R = len(WIRING.sensory_synapses.source), len(WIRING.recurrent_synapses.source)
INPUTS, U, M = WIRING.inputs, WIRING.units, WIRING.motor


def of(net):
    work = operations(net)
    basic = {"products": work.products, "sums": work.sums, "divisions": work.divisions, "compared": work.comparisons}
    curved = Count.of(work).curved
    return {name: n for name, n in {**basic, **curved}.items() if n}


@pytest.mark.parametrize("runs", [1, 2, 6])
def test_ltc_by_hand(runs):
    # sigma (y - mu), w s onto den, w s e onto num; then num - den v, D (..), c + D den, / , v + ..
    sums = 3 * S + runs * 3 * R + runs * 3 * U + INPUTS + M
    products = 3 * S + runs * 3 * R + runs * 3 * U + INPUTS + M
    expected = {"products": products, "sums": sums, "divisions": runs * U + (runs > 1), "sigmoids": S + runs * R}
    assert of(nn.LTC(WIRING, substeps=runs)) == expected


@pytest.mark.parametrize("runs", [1, 3])
def test_lrc_by_hand(runs):
    # f, z, w and the gate's argument per synapse; tanh e - sigmoid v, D eps, D eps (..), 1 + D eps sigmoid, v + ..
    found = of(nn.LRC(WIRING, substeps=runs))
    assert found == {
        "products": 4 * S + runs * (4 * R + 5 * U) + M, "sums": 4 * S + runs * (4 * R + 3 * U) + M,
        "divisions": runs * U + (runs > 1), "sigmoids": S + runs * (R + 2 * U), "tanhs": runs * U,
    }  # fmt: skip


def test_ctrnn_by_hand():
    found = of(nn.CTRNN(WIRING, substeps=4))
    assert found == {
        "products": S + 4 * (R + 2 * U) + M, "sums": S + 4 * (R + 3 * U) + M, "divisions": 4 * U + 1, "tanhs": 4 * U,
    }  # fmt: skip


def test_cfc_by_hand():
    inputs, units, wide = 3, 4, 6
    maps = wide * (inputs + units) + 4 * units * wide
    found = of(nn.CfC(inputs, units, backbone_units=wide))
    # lecun_tanh scales twice; t_a dt + t_b, 1 - t, f1 (1 - t) + t f2.
    assert found == {
        "products": maps + 2 * wide + 3 * units, "sums": maps + 3 * units, "tanhs": wide + 2 * units, "sigmoids": units,
    }  # fmt: skip


def test_wired_cfc_by_hand():
    reads = S + R + U
    assert of(nn.WiredCfC(WIRING)) == {
        "products": 4 * reads + 3 * U, "sums": 4 * reads + 3 * U, "tanhs": 2 * U, "sigmoids": U,
    }  # fmt: skip
    assert of(nn.WiredCfC(WIRING, mode="pure")) == {
        "products": reads + 3 * U, "sums": reads + 2 * U, "exponentials": U, "compared": U,
    }  # fmt: skip


def test_lstm_and_gru_by_hand():
    inputs, units = 3, 4
    reads = units * (inputs + 1 + units)
    assert of(nn.LSTM(inputs, units)) == {
        "products": 4 * reads + 3 * units, "sums": 4 * reads + 4 * units + units, "sigmoids": 3 * units,
        "tanhs": 2 * units,
    }  # fmt: skip
    assert of(nn.GRU(inputs, units)) == {
        "products": 3 * reads + 2 * units, "sums": 3 * reads + 5 * units, "sigmoids": 2 * units, "tanhs": units,
    }  # fmt: skip


LAYERS = {
    "ltc": lambda: nn.LTC(3, 5),
    "ltc eps": lambda: nn.LTC(WIRING, eps=1e-8, substeps=2),
    "ltc euler": lambda: nn.LTC(WIRING, solver="euler", substeps=3),
    "ltc rk4": lambda: nn.LTC(WIRING, solver="rk4", substeps=2),
    "ltc exact": lambda: nn.LTC(WIRING, solver="exact", substeps=3),
    "ltc exact once": lambda: nn.LTC(WIRING, solver="exact", substeps=1),
    "ltc ncp": lambda: nn.LTC(WIRING, substeps=1),
    "lrc": lambda: nn.LRC(WIRING),
    "lrc symmetric": lambda: nn.LRC(WIRING, elastance="symmetric", substeps=2),
    "lrc none": lambda: nn.LRC(WIRING, elastance="none"),
    "lrc explicit": lambda: nn.LRC(3, 4, solver="explicit", substeps=2),
    "ctrnn": lambda: nn.CTRNN(WIRING),
    "cfc": lambda: nn.CfC(3, 4, backbone_units=6),
    "cfc no_gate silu": lambda: nn.CfC(3, 4, backbone_units=6, backbone_layers=2, mode="no_gate", activation="silu"),
    "cfc pure": lambda: nn.CfC(3, 4, backbone_layers=0, mode="pure"),
    "cfc gelu": lambda: nn.CfC(3, 4, backbone_units=6, activation="gelu"),
    "cfc relu": lambda: nn.CfC(3, 4, backbone_units=6, activation="relu"),
    "wired cfc": lambda: nn.WiredCfC(WIRING),
    "wired cfc full": lambda: nn.WiredCfC(3, 4, mode="no_gate"),
    "liquid ssm": lambda: nn.LiquidSSM(3, 5),
    "liquid ssm linear": lambda: nn.LiquidSSM(3, 5, target="linear", output_gate=True),
    "liquid ssm softplus": lambda: nn.LiquidSSM(3, 5, decay="softplus"),
    "liquid ssm deep": lambda: nn.LiquidSSM(3, 5, layers=3),
    "liquid ssm deep gated": lambda: nn.LiquidSSM(3, 5, layers=2, output_gate=True),
    "liquid s4": lambda: nn.LiquidS4(3, 5),
    "lrc ssm": lambda: nn.LrcSSM(3, 5),
    "d-linoss": lambda: nn.DLinOSS(3, 4, states=5),
    "d-linoss deep": lambda: nn.DLinOSS(3, 4, layers=2),
    "shared": lambda: nn.MixedMemory(3, nn.CfC(3, 4, backbone_units=6)),
    "cascade": lambda: nn.MixedMemory(3, nn.CfC(4, 4, backbone_units=6), form="cascade"),
    "stacked": lambda: nn.MixedMemory(3, nn.LTC(WIRING), form="stacked"),
    "lstm": lambda: nn.LSTM(3, 4),
    "gru": lambda: nn.GRU(3, 4),
    "min-gru": lambda: nn.MinGRU(3, 4),
    "gru-d": lambda: nn.GRUD(3, 4),
    "mlp": lambda: nn.MLP(3, 4, layers=3),
    "ode-rnn": lambda: nn.ODERNN(3, 4, hidden=5),
    "phased": lambda: PhasedLSTM(3, 4),
    "transformer": lambda: nn.Transformer(3, 8, heads=2, context=4),
    "ssm": lambda: nn.SSM(3, 4, states=5),
    "conv": lambda: nn.ConvHead((1, 8, 8), filters=((2, 3, 2), (3, 3, 1))),
    "readout": lambda: nn.Readout(nn.LTC(WIRING), 2),
    "readout of means": lambda: nn.Readout(nn.LSTM(3, 4), 2, pool="mean"),
    "stack": lambda: nn.Stack(nn.LSTM(3, 5), nn.LTC(WIRING)),
    "bidirectional": lambda: nn.Bidirectional(nn.GRU(3, 4), nn.LSTM(3, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_formula_and_run_agree_to_the_last_operation(name):
    net = LAYERS[name]()
    assert count_step(net) == Count.of(operations(net))


def test_every_public_layer_is_counted():
    known = {type(make()).__name__ for make in LAYERS.values()}
    public = {n for n, kind in vars(nn).items() if isinstance(kind, type) and issubclass(kind, nn.Layer)} - {"Layer"}
    assert public - known == set()


def test_torch_agrees_where_it_counts():
    net, x = nn.MLP(7, 16, layers=2), torch.zeros(1, 7)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.tick(x, torch.ones(1), ())
    assert counter.get_total_flops() == 2 * (8 * 16 + 16 * 16)
    assert operations(net).products == counter.get_total_flops() / 2 + 3 * 32


def test_torch_does_not_see_an_ltc():
    net = nn.LTC(19, 19)
    x, dt, state = torch.zeros(1, 1, 19), torch.ones(1, 1), net.initial_state(1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.scan(x, dt, None, state)
    assert counter.get_total_flops() == 0 < operations(net).total


def test_the_packed_lstm_of_torch_is_taken_apart():
    found = count_module(torch.nn.LSTM(3, 4, batch_first=True), torch.zeros(2, 7, 3))
    one = 4 * 4 * (3 + 4) + 3 * 4
    assert found.products == 2 * 7 * one
    assert found.curved == {"sigmoids": 2 * 7 * 12.0, "tanhs": 2 * 7 * 8.0}
    assert found.unknown == {}


def test_a_pruned_weight_costs_nothing():
    net = torch.nn.Linear(4, 3)
    with torch.no_grad():
        net.weight[0] = 0
    found = count_module(net, torch.ones(5, 4))
    assert (found.products, found.sums) == (5 * 8, 5 * 8)


def test_what_cannot_be_counted_is_named():
    with counting() as told:
        torch.linalg.svdvals(torch.eye(3))
    assert told().unknown
    assert "svd" in " ".join(told().unknown)


def test_work_adds_up():
    work = Operations(macs=1, sigmoids=2, weights=3)
    assert work.plus(work) == work.times(2)
    assert (work.total, work.moved, work.transcendentals) == (3, 3, 2)


def test_weights_are_read_in_every_substep():
    one, six = (operations(nn.LTC(WIRING, substeps=runs)).weights for runs in (1, 6))
    assert six - one == 5 * (4 * R + U)
    assert operations(nn.LSTM(3, 4)).weights == sum(p.numel() for p in nn.LSTM(3, 4).parameters())


def test_foreign_layers_are_refused():
    with pytest.raises(InputError, match="which is not counted"):
        operations(torch.nn.Linear(2, 3))
