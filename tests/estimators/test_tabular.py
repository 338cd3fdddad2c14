"""Trees, the summary model and the trivial one: files that commands take, or refuse in a sentence."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

import caudal as cd
from caudal.cli import main
from caudal.data import from_arrays, from_frame
from caudal.errors import FileFormatError
from caudal.estimators import BoostedTrees, SummaryModel, TrivialModel
from caudal.estimators.summary import _names, _summaries

KINDS = {"trees": BoostedTrees(rounds=10, least=3), "summary": SummaryModel(), "trivial": TrivialModel()}


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        {"who": f"p{k}", "t": step, "a": rng.normal(k % 2), "label": "yes" if k % 2 else "no", "sex": "fm"[k // 2 % 2]}
        for k in range(60)
        for step in range(5)
    ]
    path = tmp_path / "ward.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_commands_take_its_file_or_refuse_in_a_sentence(table, tmp_path, kind, capsys):
    series = from_frame(table, target="label", series="who", time="t", sensitive=["sex"])
    path = str(tmp_path / f"{kind}.caudal")
    model = KINDS[kind].fit(series)
    model.save(path)
    again = cd.load(path)
    assert again.get_params() == model.get_params()
    assert np.array_equal(again.predict_proba(series), model.predict_proba(series))
    assert again.digest == model.digest
    assert main(["predict", path, str(table)]) == 0
    assert capsys.readouterr().out.startswith("who,class,p(no),p(yes)")
    assert main(["fair", path, str(table), "--sensitive", "sex", "--steps", "0"]) in (0, 1)
    out = str(tmp_path / "out")
    commands = (
        ["explain", path, str(table)], ["export", path, "-o", out], ["energy", path],
        ["trim", path, str(table), "-o", f"{out}.caudal"], ["doctor", path, str(table)],
    )  # fmt: skip
    for command in commands:
        capsys.readouterr()
        assert main(command) == 2
        error = capsys.readouterr().err
        assert "which is no network" in error and "caudal predict" in error
    assert main(["predict", path, str(table), "--log", str(tmp_path / "log")]) == 2
    assert "a log replays what a network computed" in capsys.readouterr().err


def test_trees_that_lead_nowhere_are_refused(table, tmp_path):
    series = from_frame(table, target="label", series="who", time="t")
    path = tmp_path / "trees.caudal"
    KINDS["trees"].fit(series).save(path)
    arrays = load_file(path)
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
    for name, value in (("0.left", 0), ("0.right", 10**6), ("0.feature", -1), ("0.feature", 10**6), ("0.first", 7)):
        broken = {key: array.copy() for key, array in arrays.items()}
        broken[name][:] = value
        save_file(broken, path, metadata)
        with pytest.raises(FileFormatError, match="does not rebuild a BoostedTrees"):
            cd.load(path)


def test_summaries_are_those_of_the_definition():
    x = np.array([[np.nan, 1.0, 3.0, 8.0]])
    data = from_arrays(x[:, None], [0.0], task="regress")
    named = dict(zip(_names(data), _summaries(data, np.ones(1, bool))[0], strict=True))
    seen = x[0, 1:]
    assert named["mean(x0)"] == seen.mean() and named["std(x0)"] == pytest.approx(seen.std(), rel=1e-6)
    assert (named["first(x0)"], named["last(x0)"], named["last - first(x0)"]) == (1.0, 8.0, 7.0)
    assert named["missing(x0)"] == 0.25 and named["steps"] == 4


def test_one_class_or_nothing_observed_is_answered():
    x = np.full((6, 1, 3), np.nan)
    model = SummaryModel(validation=0).fit(from_arrays(x, ["a", "b"] * 3))
    assert np.allclose(model.predict_proba(from_arrays(x, task="classify")), 0.5, atol=0.01)


def test_parts_of_a_training_are_told_apart_by_the_names_in_its_file(table, tmp_path, capsys):
    path, rows = str(tmp_path / "ward.caudal"), str(tmp_path / "answers.csv")
    series = ["--target", "label", "--series", "who", "--time", "t"]
    assert main(["fit", str(table), *series, "--set", "epochs=2", "--set", "model.units=4", "-o", path]) == 0
    parts = cd.load(path).origin_["parts"]
    assert len(parts["test"]) == 12 and not set(parts["test"]) & set(parts["train"])
    assert main(["predict", path, str(table), "--part", "test", "-o", rows]) == 0
    assert set(pd.read_csv(rows)["who"]) == set(parts["test"])
    capsys.readouterr()
    fair = ["fair", path, str(table), "--sensitive", "sex", "--steps", "0"]
    assert main(fair) in (0, 1)
    assert "warning: 48 of 60 series have names of the training" in capsys.readouterr().err
    assert main([*fair, "--part", "test"]) in (0, 1)
    captured = capsys.readouterr()
    assert "names of the training" not in captured.err and "sex (f 5, m 7)" in captured.out
    pd.read_csv(table).assign(who=lambda rows: "new " + rows["who"]).to_csv(table, index=False)
    assert main([*fair, "--part", "test"]) == 2
    assert "none of the 60 series has a name of that part" in capsys.readouterr().err


def test_trees_answer_the_same_bits_without_numba(table, monkeypatch):
    holes = pd.read_csv(table)
    holes.loc[::7, "a"] = np.nan
    series = from_frame(holes, target="label", series="who", time="t")
    model = BoostedTrees(rounds=10, least=3).fit(series)
    before = model.predict_proba(series)
    monkeypatch.setattr("caudal.estimators.trees.can_compile", lambda: False)
    assert np.array_equal(before, model.predict_proba(series))
