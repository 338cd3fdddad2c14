"""The benchmark of explanations: planted truth is where it is said to be, rows are kept, goals are told as they are."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.explain.circuits import CircuitRow, top_third
from benchmarks.explain.goals import goals, table
from benchmarks.explain.monitors import MonitorRow, broken, flipped_weights, monitors
from benchmarks.explain.planted import MORE, PlantedRow, Work, planted
from benchmarks.explain.proofs import ProofRow, proofs
from benchmarks.explain.reasons import WORLDS, ReasonRow
from benchmarks.explain.report import ExplainReport, measure
from benchmarks.explain.tasks import TASKS
from caudal.errors import FileFormatError
from caudal.nn import LTC

ROW = CircuitRow(
    "nafld", "cfc-ncp", 0, 0.7, 9, 4, 0.02, 0.25, 0.001, 0.0,
    {"currents": 0.1, "gradient": 0.8, "halved": 0.85, "path": 0.5, "removal": 1.0},
    {"currents": 0.5, "gradient": 0.6, "path": 0.7, "removal": 0.8, "cut in rounds": 1.0},
    {"inputs and dt, path": 0.1, "synapses, removal": 0.3},
    {"inputs and dt, path": {"over_series": 0.1, "each": 0.3, "shared": 0.0, "sizes": 0.9}}, 1.0,
)  # fmt: skip
PLANTED = PlantedRow("rare time", "cfc-ncp", 0, 1.0, 0.8, 0.7, 0.014, 0.001, 0.0, 600)


@pytest.mark.parametrize("name", TASKS)
def test_planted_cells_decide_and_the_others_do_not(name):
    data = TASKS[name](400, 3)
    again = TASKS[name](400, 3)
    assert torch.equal(data.x, again.x)
    assert data.truth.any(1).any(1).all()
    assert data.chance < 0.12
    assert 0.35 < data.label.float().mean() < 0.65
    # Without the planted cells the classes look alike: no other cell differs between them in the mean.
    cells = torch.cat([data.x, data.dt[..., None]], 2).masked_fill(data.truth, 0)
    gap = (cells[data.label == 1].mean(0) - cells[data.label == 0].mean(0)).abs()
    spread = cells.std(0).clamp_min(0.1) * 2 / 400**0.5
    assert (gap / spread).max() < 5


def test_goals_are_told_as_they_are():
    peer = replace(PLANTED, cell="lstm", share=0.4)
    found = {goal.name: goal for goal in goals(ExplainReport((ROW,), (PLANTED, peer)))}
    assert found["planted: rare time"].reached
    assert not found["rank correlation with cutting each synapse, in 16 gradients"].reached
    assert found["decision kept by a third of the synapses"].reached
    assert not found["parameter randomisation, worst rank correlation, signed over series"].reached
    assert "75.0% of series within 1 %, the others flagged" in found["completeness of path integrals"].found
    assert "**missed**" in table(ExplainReport((ROW,), (PLANTED, peer)))


def test_rows_are_kept_and_not_measured_again(tmp_path):
    path = tmp_path / "kept.json"
    path.write_text(ExplainReport((), tuple(replace(PLANTED, task=task) for task in TASKS)).dumps())
    said = []
    report = measure(path, seeds=1, only="planted", quick=True, say=said.append)
    assert said == [f"{task} {cell} 0" for task in TASKS for cell in ("lstm", *MORE.get(task, ()))]
    assert len(report.planted) == 2 * len(TASKS) + 1
    assert ExplainReport.loads(path.read_text()) == report
    said.clear()
    assert measure(path, seeds=1, only="planted", quick=True, say=said.append) == report
    assert not said


def test_the_command_says_no_when_a_goal_is_missed(tmp_path, capsys):
    path = tmp_path / "kept.json"
    path.write_text(
        ExplainReport(
            (), tuple(replace(PLANTED, task=t, cell=c, share=0.2) for t in TASKS for c in ("cfc-ncp", "lstm", "mixed"))
        ).dumps()
    )
    assert main(["explain", "--only", "planted", "--quick", "--out", str(path), "--json"]) == 1
    assert not any(goal["reached"] for goal in json.loads(capsys.readouterr().out)["goals"])
    path.write_text("{}")
    assert main(["explain", "--out", str(path)]) == 2
    assert "kept.json: is no report of explanations" in capsys.readouterr().err
    with pytest.raises(FileFormatError):
        ExplainReport.loads("no")


def test_a_third_is_rounded_up():
    assert top_third(torch.rand(2, 7)).sum(1).tolist() == [3, 3]


def test_one_short_training_is_marked():
    row = planted("irregular dt", "cfc-ncp", 0, units=6, work=Work(100, 1, 64))
    assert 0 <= row.share <= 1
    assert row.parameters > 0


def test_a_task_that_is_not_solved_is_not_marked():
    own, peer = replace(PLANTED, task="interaction", accuracy=0.6), replace(PLANTED, task="interaction", cell="lstm")
    (goal,) = goals(ExplainReport((), (own, peer)))
    assert not goal.reached and "not solved (below 0.90)" in goal.found


PROVEN = ProofRow(
    "japanese-vowels", "cfc", 0, 0.9, 20, {"0.01": 1.1, "0.03": 1.5, "0.1": 9.0},
    {"0.01": 1.0, "0.03": 0.5, "0.1": 0.0}, {"0.01": 0.0, "0.03": 0.0, "0.1": 0.4}, 12_000, 0,
)  # fmt: skip
WATCHED = MonitorRow(
    "japanese-vowels", "cfc", 0, 10**7, 0, {"nan": 9}, {"nan": 9}, {"nan": 0}, 0.05,
    {"1 series, 1 together": 0.3, "1 series, 64 together": 0.03}, 1.0,
)  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_planted_worlds_differ_where_they_say_and_nowhere_else(name):
    world, again = WORLDS[name](600, 5), WORLDS[name](600, 5)
    assert (world.x == again.x).all() and (world.dt == again.dt).all() and world.cells.any()
    assert 0.35 < world.label.mean() < 0.65
    cells = np.concatenate([world.x, world.dt[:, None]], 1).transpose(0, 2, 1)
    gap = np.abs(cells[world.label == 1].mean(0) - cells[world.label == 0].mean(0)) / cells.std(0)
    assert gap[world.cells].min() > 0.4
    others = ~world.cells
    if name == "leak":
        others[:, 1] = False  # the honest weak sign beside the leak
    assert gap[others].max() < 5 * 2 / 600**0.5


def test_reasons_have_their_goals_over_the_nets_that_learnt():
    row = ReasonRow("step", "ltc-ncp", 0, 0.97, 20, 1.0, 0.3, True, (1.0,) * 20, (0.1,) * 9 + (0.9,), 0.01)
    report = ExplainReport(reasons=(row, replace(row, seed=1, accuracy=0.6, named=0.0, synapse=False)))
    assert len(goals(report)) == 3 and all(goal.reached for goal in goals(report))
    assert "1.00 of 20 right decisions of 1 nets (against the training mean 0.30)" in table(report)
    assert ExplainReport.loads(report.dumps()) == report
    for worse in (replace(row, named=0.9), replace(row, synapse=False), replace(row, right=(0.1,) * 20)):
        assert not all(goal.reached for goal in goals(ExplainReport(reasons=(worse,))))


def test_proofs_and_monitors_have_their_goals():
    report = ExplainReport(proofs=(PROVEN,), monitors=(WATCHED,))
    assert all(goal.reached for goal in goals(report))
    assert ExplainReport.loads(report.dumps()) == report
    assert "| cfc | 0.90 | 1.10 | 1.50 | 9.00 | 100% | 50% | 0% | 0% | 0% | 40% |" in table(report)
    assert "9 of 9, 0" in table(report)
    bad = (replace(WATCHED, violations=1), replace(WATCHED, found={"nan": 8}), replace(WATCHED, updates=5))
    assert all(not all(goal.reached for goal in goals(ExplainReport(monitors=(one,)))) for one in bad)
    assert not goals(ExplainReport(proofs=(replace(PROVEN, outside=1),)))[0].reached


def test_one_net_is_proven_and_watched():
    row = proofs("lstm", epochs=1, series=1, boxes=1, samples=10)
    assert row.outside == 0 and row.sampled == 30 and min(row.looseness.values()) > 1
    watched = monitors("ltc-ncp", epochs=1, updates=2048, flips=3, repetitions=1)
    assert watched.violations == 0 and watched.updates == 2048
    assert watched.leaving == watched.found
    assert watched.leaving["nan"] == watched.leaving["infinity"] == 1024


def test_an_exponent_bit_is_one_bit():
    values = torch.tensor([1.0, 0.37, -2.5]).repeat(50)
    flipped = broken(values, "exponent", torch.Generator())
    assert (flipped != values).all()
    changed = values.view(torch.int32) ^ flipped.view(torch.int32)
    assert all(int(one) & 0xFFFFFFFF in {1 << bit for bit in range(23, 31)} for one in changed)


def test_weights_are_put_back():
    layer = LTC(2, 3)
    before = [parameter.clone() for parameter in layer.parameters()]
    with torch.no_grad():
        assert 0 <= flipped_weights(layer, 5, torch.Generator(), steps=2) <= 1
    assert all(torch.equal(a, b) for a, b in zip(before, layer.parameters(), strict=True))
