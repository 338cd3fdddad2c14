"""An hour of a user with a table of a ward, by API and by command line: from the first look to answers on new data."""

import csv
import json

import numpy as np
import pytest

import caudal as cd
from caudal.cli import main

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
COLUMNS = {"target": "ill", "series": "patient", "time": "hours"}
WORDS = ["--target", "ill", "--series", "patient", "--time", "hours"]


@pytest.fixture
def ward():
    """80 patients; the ill have a fast pulse; a nurse wrote one row twice, and the ward has a column of nothing."""
    rng = np.random.default_rng(0)
    rows = [
        {"patient": f"p{k:02}", "hours": 6.0 * t + rng.uniform(), "pulse": 70 + 25 * (k % 2) + rng.normal(0, 4)}
        | {"temp": np.nan if rng.uniform() < 0.3 else 37 + rng.normal(), "empty": np.nan, "ill": "yn"[k % 2 == 0]}
        for k in range(80)
        for t in range(3 + k % 5)
    ]
    return pandas.DataFrame([*rows, rows[7]])


@pytest.fixture
def folder(tmp_path, ward, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ward[ward.patient < "p60"].to_csv("ward.csv", index=False)
    ward[ward.patient >= "p60"].drop(columns="ill").to_csv("new.csv", index=False)
    return tmp_path


def test_by_api(ward, tmp_path):
    old, new = ward[ward.patient < "p60"], ward[ward.patient >= "p60"]
    model = cd.LiquidClassifier(cell="cfc", units=8, epochs=15, lr=0.03, seed=0)
    model.fit(old, **COLUMNS)
    assert not [one for one in model.doctor(old) if one.severity == "serious"]
    assert "time" in [one.code for one in model.doctor(new.assign(hours=60 * new.hours))]
    model.save(tmp_path / "ward.caudal")
    again = cd.load(tmp_path / "ward.caudal")
    asked = new.drop(columns="ill")
    assert np.array_equal(again.predict(asked), model.predict(asked))
    assert again.score(new) > 0.85
    (table,) = cd.estimators.predictions(again, asked)
    assert list(table) == ["patient", "class", "p(n)", "p(y)"]
    assert table["patient"].tolist() == list(dict.fromkeys(asked.patient))


def test_by_command_line(folder, capsys):
    def run(*words, code=0):
        assert main(list(words)) == code, capsys.readouterr().err
        return capsys.readouterr()

    told = run("doctor", "ward.csv", *WORDS)
    assert told.out.endswith("0 serious, 3 mild\n")
    assert "`empty` is empty in every row" in told.out
    told = run("fit", "ward.csv", *WORDS, "--units", "8", "--epochs", "15", "--set", "lr=0.03", "-o", "ward.caudal")
    assert "held-out series (without a model: accuracy" in told.out
    assert "note: 1 rows repeat another row in full" in told.err
    assert run("doctor", "ward.caudal", "new.csv").out.endswith("0 serious, 2 mild\n")
    run("predict", "ward.caudal", "new.csv", "-o", "answers.csv")
    with (folder / "answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["patient"] for row in rows] == [f"p{k}" for k in range(60, 80)]
    right = [row["class"] == "yn"[int(row["patient"][1:]) % 2 == 0] for row in rows]
    assert np.mean(right) > 0.85
    assert all(abs(float(row["p(n)"]) + float(row["p(y)"]) - 1) < 1e-9 for row in rows)
    same = run("predict", "ward.caudal", "new.csv")
    assert same.out == (folder / "answers.csv").read_text()
    model = cd.load("ward.caudal")
    assert model.origin_["recipe"]["train"]["epochs"] == 15
    assert model.origin_["held_out"]["scores"]["accuracy"] > 0.8


def test_by_recipe(folder, capsys):
    (folder / "plans").mkdir()
    (folder / "plans" / "ward.toml").write_text(
        '[data]\ntable = "../ward.csv"\ntarget = "ill"\nseries = "patient"\ntime = "hours"\ntest = 0.25\n'
        '[model]\ncell = "gru"\nunits = 6\n[train]\nepochs = 3\n'
    )
    words = ["fit", "plans/ward.toml", "--set", "train.epochs=2", "--seed", "4", "-o", "ward.caudal", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recipe"]["train"] | {"epochs": 2, "seed": 4} == told["recipe"]["train"]
    assert told["recipe"]["model"]["cell"] == "gru"
    assert told["recipe"]["data"]["task"] == "classify"
    assert told["held_out"]["series"] == 15
    kept = cd.estimators.FitRecipe.from_dict(cd.load("ward.caudal").origin_["recipe"])
    again = cd.estimators.fit_recipe(kept, verbose=False)
    assert again.held_out.scores == told["held_out"]["scores"]


def test_a_wrong_turn_ends_in_words_and_leaves_no_file(folder, capsys):
    for words, sentence in [
        (["fit", "ward.csv", *WORDS[:4], "--time", "hour", "-o", "w.caudal"], "Did you mean 'hours'?"),
        (["fit", "ward.csv", *WORDS, "--cell", "cfg", "-o", "w.caudal"], "`cell` is 'cfg'; expected one of cfc"),
        (["fit", "ward.csv", *WORDS, "--set", "train.lr=-1", "-o", "w.caudal"], "`lr` is -1.0; expected a finite"),
        (
            ["fit", "ward.csv", "-o", "w.caudal"],
            "`--target` is missing; a table needs it. Name the column to predict",
        ),
        (["predict", "ward.csv", "new.csv", "-o", "a.csv"], "`model` names a table, and a model is needed: ward.csv"),
    ]:
        assert main(words) == 2
        assert sentence in capsys.readouterr().err
    assert sorted(one.name for one in folder.iterdir()) == ["new.csv", "ward.csv"]
