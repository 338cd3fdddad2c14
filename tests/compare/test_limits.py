"""Studies that end by the clock, by a score that is enough, or are looked at on the way; and their recipes."""

import inspect
import time

import pandas as pd
import pytest

from caudal.cli.app import main
from caudal.compare import compare
from caudal.compare.executors import OUT_OF_TIME
from caudal.compare.executors.base import Inline
from caudal.compare.executors.local import Local
from caudal.compare.progress import Silent
from caudal.compare.recipe import SETTINGS as SETTINGS_OF_STUDIES
from caudal.compare.recipe import StudyRecipe
from caudal.compare.rounds import Limits
from caudal.compare.study import interim
from caudal.errors import CaudalError, InputError
from caudal.report import render, verdict_lines

MODELS = ("cfc", "gru", "ltc-ncp", "lstm")
SETTINGS = {"budget": "demo", "changes": {"resamples": 100, "trials": 0}, "chips": False, "models": MODELS}


def study(fakes, out, data=None, **more):
    more = {"executor": "inline", "runner": fakes.run, "watcher": Silent(), **SETTINGS, **more}
    return compare(fakes.table() if data is None else data, out, **more)


def test_without_limits_nothing_is_left_out(fakes, tmp_path):
    assert study(fakes, tmp_path).unfinished is None


def test_enough_time_leaves_nothing_out(fakes, tmp_path):
    assert study(fakes, tmp_path, minutes=5).unfinished is None


def test_the_clock_ends_it_with_whole_seeds(fakes, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_PAUSE", "0.5")
    # As if most of the time had gone: about 6 seconds are left for runs, and 7 models of 0.5 s each make a seed.
    begun = time.monotonic() - 60 * 0.8 * 5 + 6
    result = study(fakes, tmp_path, minutes=5, begun=begun)
    ended = result.unfinished
    assert ended is not None and ended.reason == "time" and 1 <= ended.seeds < ended.of == 5
    runs = {name: [run for run in result.runs if run.model == name] for name in MODELS}
    assert {len(every) for every in runs.values()} == {ended.seeds}
    assert result.budget.seeds == ended.seeds
    sure = verdict_lines(result)[3]
    assert f"It stands on {ended.seeds} of 5 seeds" in sure
    assert "the study was given 5.0 minutes" in render(result) and "tenía 5,0 minutos" in render(result, "es")
    again = study(fakes, tmp_path, minutes=5)
    assert again.unfinished is None


@pytest.mark.parametrize("machine", [Inline(), Local(1)])
def test_what_is_under_way_when_the_time_is_over_is_given_up(fakes, machine):
    with machine:
        machine.until = time.monotonic() + 0.3
        ended = list(machine.map(fakes.wait, None, ["a"]))
    assert [(done.job, done.error, done.lost) for done in ended] == [("a", OUT_OF_TIME, True)]


def test_models_without_a_run_are_named(fakes, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_PAUSE", "0.7")
    result = study(fakes, tmp_path, minutes=1, begun=time.monotonic() - 48 + 3.2)
    ended = result.unfinished
    assert ended.seeds == 1 and ended.absent
    assert {*ended.absent} & {run.model for run in result.runs} == set()


def test_too_little_time_is_a_sentence(fakes, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_PAUSE", "0.5")
    with pytest.raises(CaudalError, match=r"1 minutes are too short.*Give more minutes"):
        study(fakes, tmp_path, minutes=1, begun=time.monotonic() - 48 + 0.7)


@pytest.mark.parametrize("minutes", [0, -1, 0.1, float("nan"), float("inf")])
def test_minutes_that_are_none(minutes):
    with pytest.raises(InputError, match="`minutes` is"):
        Limits(minutes)


def test_good_enough_ends_it_after_a_seed(fakes, tmp_path):
    result = study(fakes, tmp_path / "a", good_enough=0.6)
    assert result.unfinished.reason == "good enough" and result.unfinished.seeds == 1
    assert study(fakes, tmp_path / "b", good_enough=1.1).unfinished is None


def test_a_report_on_the_way(fakes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [(k, t, (k % 2) + 0.1 * t, k % 2) for k in range(60) for t in range(3)]
    pd.DataFrame(rows, columns=["patient", "day", "x", "ill"]).to_csv("visits.csv", index=False)
    told = {"columns": {"target": "ill", "series": "patient", "time": "day"}, "folds": 1}

    class Stop(Silent):
        ended_runs = 0

        def ended(self, job, outcome, error, metric):
            self.ended_runs += 1
            if self.ended_runs == stop_at:
                raise KeyboardInterrupt

    stop_at = 1
    with pytest.raises(KeyboardInterrupt):
        study(fakes, "out", "visits.csv", watcher=Stop(), **told)
    assert main(["report", "out"]) == 2
    assert "there is no verdict yet; 1 of" in capsys.readouterr().err
    stop_at = 17
    with pytest.raises(KeyboardInterrupt):
        study(fakes, "out", "visits.csv", watcher=Stop(), **told)
    result = interim("out")
    assert result.unfinished.reason == "asked" and 1 <= result.unfinished.seeds < 5
    assert main(["report", "out", "-o", "so-far.html"]) == 0
    assert "asked for on the way" in (tmp_path / "so-far.html").read_text()


def test_a_study_runs_again_from_its_recipe(fakes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(k, t, (k % 2) + 0.1 * t, k % 2, "f" if k % 3 else "m") for k in range(60) for t in range(3)]
    pd.DataFrame(rows, columns=["patient", "day", "x", "ill", 'a "b"']).to_csv("visits.csv", index=False)
    columns = {"target": "ill", "series": "patient", "time": "day", "sensitive": ['a "b"']}
    first = study(fakes, "out", "visits.csv", columns=columns, seed=3, folds=1, margin=0.02)
    recipe = StudyRecipe.from_toml("out/study.toml")
    assert recipe.to_toml().count("\n") and StudyRecipe.from_toml("out/study.toml") == recipe
    again = compare(
        recipe.data[0], "again", columns=recipe.columns, executor="inline", runner=fakes.run, watcher=Silent(),
        **recipe.settings,
    )  # fmt: skip
    assert (again.summary, again.comparisons, again.verdict) == (first.summary, first.comparisons, first.verdict)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "`data` is missing in s.toml"),
        ("data = 3", "`data` is missing in s.toml, or no list of texts"),
        ("data = 'a.csv'\nbudjet = 'demo'", "`budjet` is no argument of a study. Did you mean `budget`?"),
        ("data = 'a.csv'\nbudget = 3", "`budget` is 3; expected a text"),
        ("data = 'a.csv'\nseed = 'x'", "`seed` is 'x'; expected a whole number"),
        ("data = 'a.csv'\nchanges = 3", "`changes` is 3; expected a table of names and values"),
        (
            "data = 'a.csv'\n[columns]\ntarte = 'x'",
            "`tarte` is no argument that says how a table is read. Did you mean",
        ),
        ("data = ", "is no TOML: s.toml"),
    ],
)
def test_a_recipe_that_is_none(tmp_path, text, sentence):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        StudyRecipe.from_toml(tmp_path / "s.toml")
    assert sentence in str(caught.value)


def test_the_command_takes_a_recipe_and_options_go_before_it(fakes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [(k, t, (k % 2) + 0.1 * t, k % 2) for k in range(60) for t in range(3)]
    pd.DataFrame(rows, columns=["patient", "day", "x", "ill"]).to_csv("visits.csv", index=False)
    asked = {}

    def fake(data, out, **more):
        asked.update(more, data=data)
        return study(fakes, out, data, folds=1, columns=more["columns"])

    monkeypatch.setattr("caudal.compare.compare", fake)
    text = 'data = "visits.csv"\nseed = 4\nmetric = "auroc"\n[columns]\ntarget = "ill"\nseries = "patient"\n'
    (tmp_path / "s.toml").write_text(text + "[changes]\nseeds = 2\nepochs = 3\n")
    assert main(["compare", "s.toml", "-o", "out", "--seed", "5"]) == 0
    assert (asked["seed"], asked["metric"], asked["changes"]) == (5, "auroc", {"seeds": 2, "epochs": 3})
    assert asked["columns"]["target"] == ("ill",) or asked["columns"]["target"] == "ill"


def test_a_recipe_holds_what_the_function_takes():
    taken = inspect.signature(compare).parameters
    of_calls = "data out watcher command keep runner only_stored begun executor workers columns target series time"
    assert {name: taken[name].default for name in taken if name not in of_calls.split()} == SETTINGS_OF_STUDIES


def test_a_notebook_shows_the_ranking(fakes, tmp_path):
    result = study(fakes, tmp_path)
    html = result._repr_html_()
    assert html.startswith("<table>") and html.count("<tr>") == 1 + len(result.contenders)
    assert "CfC" in html and "auroc" in html


def test_a_recipe_of_several_sets_is_refused(tmp_path, capsys):
    (tmp_path / "study.toml").write_text('data = ["a.csv", "b.csv"]\n')
    assert main(["compare", str(tmp_path / "study.toml")]) == 2
    assert "`data` names 2 sets of data, and a study is of one." in capsys.readouterr().err
