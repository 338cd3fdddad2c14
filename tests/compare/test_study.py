"""The main job from end to end with runs that take no time: resumed, killed, shared, interrupted."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from caudal.compare import study as studies
from caudal.compare.progress import Silent
from caudal.compare.record import Study
from caudal.compare.store import FILE
from caudal.errors import InputError

MODELS = ["cfc", "ltc-ncp", "gru", "trees"]
SCRIPT = """
import sys
sys.path.insert(0, {here!r})
import fakes
from caudal.compare import study
study.timing.measure = lambda outcomes, parts: {{}}
study.energy.why_not = lambda watts: "nobody looked"
study.compare(fakes.table(), sys.argv[1], budget="small", models={models!r}, changes={{"seeds": 3, "trials": 2,
    "resamples": 100}}, executor=sys.argv[2], workers=2, runner=fakes.run)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(studies.timing, "measure", lambda outcomes, parts: {})
    monkeypatch.setattr(studies.energy, "why_not", lambda watts: "nobody looked")


def compare(fakes, out, **more):
    asked = {"models": MODELS, "changes": {"seeds": 3, "trials": 2, "resamples": 100}, "executor": "inline"}
    data = more.pop("data", None) or fakes.table()
    return studies.compare(data, out, watcher=Silent(), runner=fakes.run, **{**asked, **more})


def runs_in(out):
    with sqlite3.connect(out / FILE) as file:
        return file.execute("SELECT COUNT(*) FROM runs").fetchone()[0]


def start(out, log, pause, executor="inline"):
    code = SCRIPT.format(here=str(Path(__file__).parent), models=MODELS)
    env = {**os.environ, "FAKE_LOG": str(log), "FAKE_PAUSE": str(pause), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", code, out, executor], env=env, stderr=subprocess.PIPE, text=True)


def wait_for_end_of(pids):
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.1)


def test_a_study_holds_all_that_the_report_draws(fakes, tmp_path):
    found = compare(fakes, tmp_path)
    assert Study.from_json((tmp_path / "study.json").read_text()) == found
    assert [one.name for one in found.contenders] == ["cfc", "gru", "ltc-ncp", "summary", "trees", "trivial"]
    assert len(found.runs) == 5 * 3 + 1 and set(found.summary["cfc"]) == set(found.metric_names)
    assert found.verdict.best_liquid == "cfc" and found.verdict.liquid_against_trivial.verdict == "better"
    every = {(pair.first, pair.second) for pair in found.comparisons}
    assert {(name, "cfc") for name in ("ltc-ncp", "gru", "trees", "summary", "trivial")} <= every
    assert {("ltc-ncp", name) for name in ("gru", "trees", "trivial")} <= every
    asked = [pair.question for pair in found.comparisons]
    assert {name: asked.count(name) for name in asked} == {"worth": 5, "need": 3, "which": 5, "kinds": 6}
    # An interval and the p value beside it say the same.
    assert all((pair.p_value < 0.05) == (not pair.difference.low <= 0 <= pair.difference.high)
               for pair in found.comparisons if pair.difference.value)  # fmt: skip
    curve = next(curve for curve in found.curves if curve.model == "cfc")
    assert curve.levels == (0.0, 1.0) and curve.kept < 1
    assert {one.attribute for one in found.groups} == {"sex", "age"}
    assert all(one.score is None for one in found.groups if one.count < 30)
    assert found.contenders[0].settings and found.provenance.seconds == pytest.approx(0.1 * (16 + 8))
    assert "few seeds" in found.not_measured and found.timing["cfc"]["one"].value > 0.5


def test_a_second_call_runs_nothing_and_finds_the_same(fakes, tmp_path, monkeypatch):
    first = compare(fakes, tmp_path)
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    assert compare(fakes, tmp_path).to_json() == first.to_json()
    assert not (tmp_path / "log").exists()


def test_more_seeds_and_models_go_on_in_the_same_folder(fakes, tmp_path, monkeypatch):
    compare(fakes, tmp_path)
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    found = compare(fakes, tmp_path, models=[*MODELS, "lstm"], changes={"seeds": 4, "trials": 2, "resamples": 100})
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 5 + 2 + 4 and len(found.runs) == 6 * 4 + 1


def test_another_budget_or_other_data_are_refused(fakes, tmp_path):
    compare(fakes, tmp_path)
    with pytest.raises(InputError, match=r"holds another study, with trials 2; this one has 0"):
        compare(fakes, tmp_path, changes={"seeds": 3, "trials": 0})
    with pytest.raises(InputError, match="holds another study, with data"):
        studies.compare(fakes.table(60), tmp_path, runner=fakes.run, watcher=Silent(), models=MODELS)


def test_failed_runs_are_told_and_do_not_stop_the_study(fakes, tmp_path, monkeypatch):
    good = fakes.run

    def run(job, parts, progress):
        if job.model == "trees" or (job.model == "gru" and job.number == 1):
            raise FloatingPointError("the loss is NaN")
        return good(job, parts, progress)

    monkeypatch.setattr(fakes, "run", run)
    found = compare(fakes, tmp_path, changes={"seeds": 3, "trials": 0, "resamples": 100})
    assert {one.model for one in found.runs if one.failed == "FloatingPointError: the loss is NaN"} == {"trees", "gru"}
    assert found.contenders[-1].name == "trees" and "trees" not in found.summary and "gru" in found.summary


@pytest.mark.parametrize("executor", ["inline", pytest.param("local", marks=pytest.mark.slow)])
def test_kill_at_any_moment_loses_the_run_under_way_at_most(fakes, tmp_path, executor):
    out, log = tmp_path / "out", tmp_path / "log"
    process = start(out, log, 0.15, executor)
    while not log.exists() or len(log.read_text().splitlines()) < 9:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for_end_of({int(line.split()[-1]) for line in log.read_text().splitlines()})
    before, begun = runs_in(out), len(log.read_text().splitlines())
    workers = 1 if executor == "inline" else 2
    assert before >= begun - workers
    found = compare(fakes, out)
    assert runs_in(out) == 8 + 16 and found.verdict.use
    whole = compare(fakes, tmp_path / "whole")
    assert {k: v for k, v in vars(found).items() if k != "provenance"} == {
        k: v for k, v in vars(whole).items() if k != "provenance"
    }


def test_two_processes_share_one_folder_and_do_no_run_twice(tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    both = [start(out, log, 0.1) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    lines = [line.rsplit(" ", 1) for line in log.read_text().splitlines()]
    assert len(lines) == len({job for job, _ in lines}) == 8 + 16
    assert len({pid for _, pid in lines}) == 2
    assert runs_in(out) == 24


def test_a_folded_study_tests_everybody_once_and_is_one_study(fakes, tmp_path):
    data = fakes.table(30)
    found = compare(fakes, tmp_path, data=data)
    assert found.data.folds == 5 and found.budget.seeds == 5 and sum(found.data.owners) == 30
    assert sorted(run.seed for run in found.runs if run.model == "trivial") == [0, 1, 2, 3, 4]
    assert "one split" not in found.not_measured
    assert compare(fakes, tmp_path, data=data).to_json() == found.to_json()
    with pytest.raises(InputError, match="holds another study"):
        compare(fakes, tmp_path, data=data, folds=1)


def test_another_seed_draws_another_split_and_other_weights(fakes, tmp_path):
    first, second = (compare(fakes, tmp_path / str(seed), seed=seed) for seed in (0, 1))
    assert first.data.digest != second.data.digest
    assert not {run.seed for run in first.runs} & {run.seed for run in second.runs}


def test_a_folder_keeps_all_its_models_and_its_verdict_when_others_are_asked_for(fakes, tmp_path):
    whole = compare(fakes, tmp_path)
    fewer = compare(fakes, tmp_path, models=["ltc-ncp", "trees"])
    assert [model.name for model in fewer.contenders] == [model.name for model in whole.contenders]
    assert fewer.verdict == whole.verdict
    # What is stored in part, or under another metric, does not join.
    other = compare(fakes, tmp_path, models=["ltc-ncp", "trees"], metric="accuracy")
    assert not {"cfc", "gru"} & {model.name for model in other.contenders}


def test_another_metric_decides_where_it_is_asked_for(fakes, tmp_path):
    found = compare(fakes, tmp_path, metric="log_loss", margin=0.05, prefer="cheap")
    assert (found.metric, found.higher_is_better, found.verdict.prefer) == ("log_loss", False, "cheap")
    scores = {model.name: found.summary[model.name]["log_loss"].value for model in found.contenders}
    assert list(scores.values()) == sorted(scores.values())
    assert scores[found.verdict.use] <= min(scores.values()) + 0.05
    assert {pair.margin for pair in found.comparisons} == {0.05}
    with pytest.raises(InputError, match="auroc, auprc"):
        compare(fakes, tmp_path / "other", metric="f0.5")


def test_asking_for_one_more_bad_model_leaves_the_answer(fakes, tmp_path):
    few = compare(fakes, tmp_path / "few", models=["cfc", "gru"])
    more = compare(fakes, tmp_path / "more", models=["cfc", "gru", "lstm", "ltc-ncp"])
    assert few.verdict.use == more.verdict.use and few.verdict.reason == more.verdict.reason
