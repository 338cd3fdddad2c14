"""The kept table of the chips: goals met, and nothing grown by more than 3 % with the same compiler."""

import json
from pathlib import Path

import pytest

from benchmarks.edge import chips
from caudal.export import TARGETS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def edge():
    return chips


@pytest.fixture(scope="module")
def kept():
    return json.loads((ROOT / "benchmarks" / "results" / "edge.json").read_text())


def test_every_kept_row_answered_as_the_reference(kept):
    assert all(row["same_answers"] for row in kept["rows"])


@pytest.mark.parametrize(("model", "instructions", "state"), [("LTC, 6 sub-steps", 19_000, 40), ("CfC", 9_000, 40)])
def test_goals_of_the_circuit_of_19_neurons(kept, model, instructions, state):
    rows = {row["target"]: row for row in kept["rows"] if (row["model"], row["format"]) == (model, "int16")}
    assert rows["Cortex-M4F"]["counted"] <= instructions
    assert rows["Cortex-M4F"]["flash"] <= 4608
    assert rows["Cortex-M4F"]["state"] <= state
    assert rows["Cortex-M4F"]["stack"] <= 384


@pytest.mark.parametrize("model", ["LTC, 6 sub-steps", "CfC"])
def test_nothing_has_grown(edge, kept, model):
    one = TARGETS["Cortex-M4F"]
    if one.missing():
        pytest.skip(f"the gate is NOT checked: `{one.missing()}` is not installed")
    if edge.version(one.compiler) != kept["compilers"]["Cortex-M4F"]:
        pytest.skip("the gate is NOT checked: another compiler than that of the kept table")
    assert edge.growth(kept["rows"], edge.measured(model, "int16", ["Cortex-M4F"])) == []


@pytest.mark.slow
@pytest.mark.parametrize("target", ["Cortex-M4F", "RV32IMAC"])
def test_nothing_has_grown_anywhere(edge, kept, target):
    one = TARGETS[target]
    if one.missing():
        pytest.skip(f"the gate is NOT checked: `{one.missing()}` is not installed")
    if edge.version(one.compiler) != kept["compilers"][target]:
        pytest.skip("the gate is NOT checked: another compiler than that of the kept table")
    for form in edge.FORMATS:
        for model in edge.models():
            assert edge.growth(kept["rows"], edge.measured(model, form, [target])) == []


def test_the_table_is_whole(edge, kept):
    """Every network in every format on every chip, but floats on AVR, which are not IEEE's."""
    held = {(row["model"], row["format"], row["target"]) for row in kept["rows"]}
    every = {(model, form, target) for model in edge.models() for form in edge.FORMATS for target in TARGETS}
    assert {key for key in every - held if key[1:] != ("float32", "AVR")} == set()


def test_constant_time_is_constant(kept):
    """RISC-V counts every instruction; Cortex-M reads them in forties."""
    rows = [row for row in kept["rows"] if row["format"].endswith("constant time") and row["target"] == "RV32IMAC"]
    assert len(rows) == 8
    assert all(row["least"] == row["most"] for row in rows)


def test_kept_comparison_with_a_general_compiler(kept):
    found = json.loads((ROOT / "benchmarks" / "results" / "edge_emx.json").read_text())
    ours = {(row["model"], row["format"]): row["counted"] for row in kept["rows"] if row["target"] == found["target"]}
    for row in found["rows"]:
        assert all(ours[row["model"], form] == count for form, count in row["ours"].items())
    met = {(row["model"], row["onnx"]): row["met"] for row in found["rows"] if "met" in row}
    assert met["CfC", "ours"]
    assert met["CfC", "ncps, traced"]
    assert met["LTC, 6 sub-steps", "ncps, traced"]


def test_growth_is_named(edge):
    row = {"model": "m", "format": "f", "target": "t", "same_answers": True}
    old = {**row, "counted": 100.0, "flash": 10, "state": 2, "stack": 5}
    assert edge.growth([old], [{**old, "counted": 103.0}]) == []
    assert "counted grew from 100 to 104" in edge.growth([old], [{**old, "counted": 104.0}])[0]
    assert "other answers" in edge.growth([old], [{**old, "same_answers": False}])[0]


def test_a_state_too_large_for_a_machine_is_named():
    from caudal.export.c.targets import Measured

    sizes = {"counted": None, "least": None, "most": None, "counts": "", "flash": 9000, "state": 1900}
    assert Measured("AVR", 1, **sizes, stack=400).overrun == 252
    assert Measured("AVR", 1, **sizes, stack=100).overrun == Measured("Cortex-M4F", 1, **sizes, stack=400).overrun == 0
