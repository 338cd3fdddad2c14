"""The kept table of the chips: goals met, and nothing grown by more than 3 % with the same compiler."""

import importlib.util
import json
from pathlib import Path

import pytest

from caudal.export import TARGETS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def edge():
    spec = importlib.util.spec_from_file_location("edge", ROOT / "benchmarks" / "edge.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def test_growth_is_named(edge):
    row = {"model": "m", "format": "f", "target": "t", "same_answers": True}
    old = {**row, "counted": 100.0, "flash": 10, "state": 2, "stack": 5}
    assert edge.growth([old], [{**old, "counted": 103.0}]) == []
    assert "counted grew from 100 to 104" in edge.growth([old], [{**old, "counted": 104.0}])[0]
    assert "other answers" in edge.growth([old], [{**old, "same_answers": False}])[0]
