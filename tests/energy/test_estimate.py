"""Estimates are intervals with their table; readings survive as text."""

import pytest

from caudal import energy, nn
from caudal.errors import FileFormatError, InputError
from caudal.intervals import Reading, read_energy
from caudal.nn.operations import Operations, operations


def test_by_hand():
    work = Operations(macs=10, multiplies=2, adds=3, divisions=1, sigmoids=4, comparisons=5, weights=7, state=6, ends=2)
    found = energy.estimate(work)
    step = 3.7 + 0.9
    low = 12 * 3.7 + 13 * 0.9 + 3 * step + 4 * (5 + step) + 15 * 5
    high = 12 * 3.7 + 13 * 0.9 + 10 * step + 4 * (30 * step) + 5 * 0.9 + 15 * 50
    assert (found.low, found.high) == pytest.approx((low * 1e-12, high * 1e-12))
    assert found.label == "estimated"
    assert "Horowitz" in found.source


def test_memory_outside_the_chip_costs_more():
    work = operations(nn.LSTM(3, 19))
    for table in energy.TABLES:
        near, far = (energy.estimate(work, table=table, memory=where) for where in ("sram", "dram"))
        assert near.low < near.high
        assert near.high < far.low or table != "horowitz-2014"
        assert near.low < far.low


def test_the_order_of_the_design_trials():
    sparse = nn.LTC(nn.registry._policy(3, 19, {}), substeps=1)
    lstm, dense = nn.LSTM(3, 19), nn.LTC(3, 19, substeps=6)
    cost = {name: energy.estimate(operations(net)).joules for name, net in
            (("sparse", sparse), ("lstm", lstm), ("dense", dense))}  # fmt: skip
    assert cost["sparse"] < cost["lstm"] < cost["dense"]


@pytest.mark.parametrize(
    "one",
    [
        Reading("measured", "RAPL, idle subtracted", 812.0, 812.0),
        Reading("estimated", "Horowitz, ISSCC 2014, 45 nm; weights in SRAM", 1.5e-7, 4.9e-7),
        Reading("estimated", "a (b) c", 2e-12, 3e-3),
        Reading("unknown", "no device"),
    ],
)
def test_text_there_and_back(one):
    again = read_energy(str(one))
    assert (again.label, again.source) == (one.label, one.source)
    assert str(again) == str(one)


@pytest.mark.parametrize("text", ["", "12", "12 J", "12 J guessed (me)", "unknown", "0 J measured"])
def test_a_bare_number_is_no_reading(text):
    with pytest.raises(FileFormatError, match="tells no energy"):
        read_energy(text)


def test_columns():
    work = operations(nn.GRU(3, 8))
    found = energy.columns(work, 20, correct=0.5, seen=1000)
    one = energy.estimate(work)
    assert found["decision.sram"].low == pytest.approx(20 * one.low, rel=0.01)
    assert found["correct.sram"].high == pytest.approx(40 * one.high, rel=0.01)
    assert found["training.sram"].high == pytest.approx(3000 * one.high, rel=0.01)
    assert found["training.measured"].label == found["correct.measured"].label == "unknown"
    spent = energy.Spent(Reading("measured", "RAPL", 2.0, 2.0), Reading("measured", "RAPL", 9.0, 9.0))
    found = energy.columns(None, 20, correct=0.5, spent=spent)
    assert [found[f"{of}.measured"].low for of in ("decision", "correct", "training")] == [2.0, 4.0, 9.0]
    assert energy.columns(None, 20, why="trees")["decision.dram"].source == "trees"


def test_profile():
    found = energy.profile(nn.Readout(nn.LSTM(3, 4), 2), 10)
    assert found.decision == found.step.times(10)
    assert found.kind == "LSTM"
    assert found.bytes_per_step == 4 * (found.parameters + 16 + 3 + 1 + 2)
    assert {one.label for one in found.energy.values()} == {"estimated"}


def test_refusals():
    with pytest.raises(InputError, match="horowitz-2014"):
        energy.estimate(Operations(), table="mine")
    with pytest.raises(InputError, match="sram"):
        energy.estimate(Operations(), memory="disk")
    with pytest.raises(InputError, match="at least 1"):
        energy.profile(nn.LSTM(3, 4), 0)
