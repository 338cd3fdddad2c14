"""The networks of a study as C: judged as the study judges, run where the tools are, refused in words."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from caudal import export
from caudal.compare import compare
from caudal.compare.data import open_source
from caudal.compare.job import Job
from caudal.compare.measure import chips as room
from caudal.compare.progress import Silent
from caudal.compare.record import Chips, Study
from caudal.compare.run import run_job
from caudal.export.c.targets import Target
from caudal.serial import from_json, to_json

# pytest's importlib mode knows no sibling modules.
_SPEC = importlib.util.spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
planted = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(planted)

TOOLS = not room.missing()


def judged(task, *models):
    parts = planted.parts(task)
    jobs = {name: Job(name, "final", 0, 3, epochs=2, parameters=200, disturb=False) for name in models}
    return {name: [run_job(job, parts)] for name, job in jobs.items()}, parts


@pytest.fixture
def no_tools(monkeypatch):
    monkeypatch.setattr(Target, "missing", lambda one: one.compiler)


@pytest.mark.parametrize("task", planted.TASKS)
def test_an_export_is_judged_as_its_network_was(task, no_tools):
    finals, parts = judged(task, "cfc", "gru", "trivial")
    found = room.chips(finals, parts)
    assert [one.model for one in found.each] == ["cfc", "gru"]
    assert found.series == len(parts.test) and found.missing == {
        "Cortex-M4F": "arm-none-eabi-gcc",
        "AVR": "avr-gcc",
    }
    for one in found.each:
        assert not one.refused and not one.machines and one.state_bytes > 0
        own = finals[one.model][0].run.metrics
        assert one.network == pytest.approx(own[one.metric], rel=1e-5)
        assert one.export == pytest.approx(one.network, rel=0.02) and 0 < one.widest < 0.1
    # The gated network reads the logarithm of the gap, which no chip has to compute here.
    assert [one.is_bent for one in found.each] == [False, True]
    assert from_json(Chips, to_json(found)) == found


def test_regular_times_ask_for_nothing_shorter():
    facts = open_source(planted.series("classify", 60)).facts
    assert room.regular_gap(facts) is None
    assert room.regular_gap(replace(facts, gap_low=2.0, gap_median=2.0, gap_high=2.0)) == 2.0


def test_what_has_no_form_in_c_says_why(no_tools):
    finals, parts = judged("classify", "gru-d", "trees", "cfc")
    finals["cfc"] = [replace(one, run=replace(one.run, failed="out of memory"), model=None) for one in finals["cfc"]]
    found = room.chips(finals, parts)
    assert [(one.model, one.refused) for one in found.each] == [
        ("gru-d", "layer"),
        ("trees", "no network"),
        ("cfc", "failed"),
    ]
    assert "GRUD" in found.each[0].why and found.each[2].why == "out of memory"
    assert room.chips({"trees": finals["trees"]}, parts) is None


def test_what_fails_on_one_network_does_not_cost_the_study(no_tools, monkeypatch):
    finals, parts = judged("classify", "cfc")

    def broken(*_, **__):
        raise ZeroDivisionError("a fault of the export")

    monkeypatch.setattr(export, "c", broken)
    (one,) = room.chips(finals, parts).each
    assert (one.refused, one.why) == ("other", "ZeroDivisionError: a fault of the export")


def test_few_of_many_series_are_judged(monkeypatch):
    test = planted.series("classify", 200)
    assert len(room.judged_rows(test)) == 200
    monkeypatch.setattr(room, "_STEPS", 100)
    drawn = room.judged_rows(test)
    assert 5 < len(drawn) < 30 and test.lengths[drawn].sum() <= 100 and list(drawn) == sorted(set(drawn))


@pytest.mark.skipif(not TOOLS, reason=f"NOT RUN ON CHIPS: {room.missing()} is not installed")
def test_a_study_holds_what_a_step_takes_and_keeps_it(tmp_path, monkeypatch):
    asked = {
        "models": ("cfc", "lstm"),
        "executor": "inline",
        "watcher": Silent(),
        "changes": {"seeds": 1, "trials": 0, "epochs": 1, "parameters": 200, "resamples": 100},
    }
    data = planted.series("classify", 60)
    plain = compare(data, tmp_path, chips=False, **asked)
    assert plain.chips is None and "no chips" in plain.not_measured
    study = compare(data, tmp_path, **asked)
    assert "no chips" not in study.not_measured and Study.from_json(study.to_json()) == study
    refused = {row.model for row in study.chips.each if row.refused == "no network"}
    assert refused == {"trees", "summary", "trivial"} & {row.model for row in study.chips.each}
    for one in (row for row in study.chips.each if not row.refused):
        ran, built = one.on("Cortex-M4F"), one.on("AVR")
        assert ran.same and ran.per_step > 500 and ran.flash > 500 and not one.fault
        assert built.fits() and built.per_step is None and built.same is None
    monkeypatch.setattr(export, "measure", None)
    assert compare(data, tmp_path, **asked).chips == study.chips


@pytest.mark.skipif(not TOOLS, reason=f"NOT BUILT FOR CHIPS: {room.missing()} is not installed")
def test_sizes_without_running_are_those_of_a_run(tmp_path):
    from caudal.nn import GRU

    made = export.c(GRU(2, 3), tmp_path / "policy")
    ran = export.measure(made.folder, "Cortex-M4F")
    assert export.footprint(made.folder, "Cortex-M4F") == (ran.flash, ran.stack)
    with pytest.raises(ValueError, match="footprint: `target` is 'Z80'"):
        export.footprint(made.folder, "Z80")
