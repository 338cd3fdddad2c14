"""The commands of the estimators: sources, misuse, outputs of every task, models of the wrong kind."""

import json

import numpy as np
import pytest

import caudal as cd
from caudal.cli import main

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
WORDS = ["--series", "id", "--time", "t"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(24), 5)
    frame = pandas.DataFrame({"id": ids, "x": rng.normal(size=120).cumsum(), "y": np.where(ids % 2, "on", "off")})
    frame["t"] = pandas.Timestamp("2024-03-01") + pandas.to_timedelta(np.tile(np.arange(5) * 90, 24), unit="min")
    frame.assign(step=rng.choice(["a", "b"], 120)).to_parquet("rows.parquet")
    return tmp_path


def run(capsys, *words, code=0):
    assert main([str(word) for word in words]) == code, capsys.readouterr().err
    return capsys.readouterr()


def _fit(capsys, *words):
    quick = ["--cell", "gru", "--units", 4, "--epochs", 1, "--quiet", "-o", "m.caudal"]
    return run(capsys, "fit", "rows.parquet", *WORDS, "--features", "x", *words, *quick)


def _answers(capsys, *words):
    run(capsys, "predict", "m.caudal", "rows.parquet", *words, "-o", "a.csv")
    return pandas.read_csv("a.csv")


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_answers_of_every_task(folder, capsys, stream):
    _fit(capsys, "--target", "y", *stream)
    found = _answers(capsys, *stream)
    assert list(found) == ["id", "class", "p(off)", "p(on)"]
    assert len(found) == 24
    _fit(capsys, "--target", "step", *stream)
    found = _answers(capsys, *stream)
    assert list(found) == ["id", "t", "class", "p(a)", "p(b)"]
    assert found.t[1] == "2024-03-01 01:30:00"
    _fit(capsys, "--target", "x", "--horizon", 2, "--window", 3, *stream)
    found = _answers(capsys, *stream)
    assert list(found) == ["id", "step", "t", "x"]
    assert found.t[:2].tolist() == ["2024-03-01 07:30:00", "2024-03-01 09:00:00"]


def test_numbers_of_series_and_steps(folder, capsys):
    pandas.read_parquet("rows.parquet").assign(y=lambda one: 1.5 * one.id).to_parquet("rows.parquet")
    _fit(capsys, "--target", "y")
    assert list(_answers(capsys)) == ["id", "y"]
    pandas.read_parquet("rows.parquet").assign(y=lambda one: one.x + 0.5).to_parquet("rows.parquet")
    _fit(capsys, "--target", "y")
    assert list(_answers(capsys)) == ["id", "t", "y"]
    (chunk,) = [json.loads(run(capsys, "predict", "m.caudal", "rows.parquet", "--json").out)]
    assert chunk[0].keys() == {"id", "t", "y"}
    assert len(chunk) == 120


def test_models_of_the_wrong_kind(folder, capsys):
    cd.save(cd.nn.Readout(cd.nn.CfC(1, 3), 2), "net.caudal")
    told = run(capsys, "predict", "net.caudal", "rows.parquet", code=2)
    assert "net.caudal holds a Readout alone, which does not know how to read a table." in told.err
    cd.LiquidClassifier(units=3, epochs=1).fit(np.zeros((8, 1, 3)), [0, 1] * 4).save("arrays.caudal")
    for command in ("predict", "doctor"):
        assert "was trained on arrays" in run(capsys, command, "arrays.caudal", "rows.parquet", code=2).err
    assert "`table` is missing" in run(capsys, "doctor", "arrays.caudal", code=2).err


def test_the_doctor_says_no_to_a_leak(folder, capsys):
    frame = pandas.read_parquet("rows.parquet")
    frame.assign(code=(frame.id % 2) * 3.0).to_csv("leaky.csv", index=False)
    told = run(capsys, "doctor", "leaky.csv", *WORDS, "--target", "y", "--features", "x,code", code=1)
    assert told.out.startswith("serious  leak: The feature 'code' tells the target apart")
    found = json.loads(run(capsys, "doctor", "leaky.csv", *WORDS, "--target", "y", "--json", code=1).out)
    assert found["serious"] == 1
    assert found["symptoms"][0]["where"] == "code"


def test_sources_and_settings_that_will_not_do(folder, capsys):
    (folder / "bad.toml").write_text("[data\n")
    (folder / "odd.toml").write_text("[dat]\n")
    end = ["-o", "m.caudal"]
    for words, sentence in [
        (["rows.ods", *end], "'rows.ods' is no table, recipe or data set."),
        (["rows.xlsx", *WORDS, "--target", "y", *end], "rows.xlsx"),
        (["rows.parquet", *end], "Name the column to predict: id, x, y, t, step."),
        (["rows.parquet", "--target", "y", *end], "Name it: id, x, y, t, step."),
        (["rows.parquet", *WORDS, "--target", "y", "--set", "device=meta", *end], "Pass `--set device=cpu`."),
        (["rows.parquet", *WORDS, "--target", "y", "--set", "device=moon", *end], "is no device of torch"),
        (["nafl", *end], "Did you mean 'nafld'?"),
        (["bad.toml", *end], "is no TOML: bad.toml"),
        (["odd.toml", *end], "`dat` is no part of a recipe"),
        (["none.toml", *end], "none.toml is no file"),
        (["rows.parquet", *WORDS, "--target", "y", "--set", "units=3", *end], "could be data.units and model.units"),
        (["rows.parquet", *WORDS, "--target", "y", "--set", "epochs", *end], "expected name=value"),
        (["rows.parquet", *WORDS, "--target", "y", "--set", "test=1", *end], "expected a share from 0 to below 1"),
        (["rows.parquet", *WORDS, "--target", "y", "-o", "none/m.caudal"], "names a folder that is not there"),
        (["rows.parquet", *WORDS, "--target", "y", "-o", "."], "names a folder"),
    ]:
        assert sentence in run(capsys, "fit", *words, code=2).err
    assert not (folder / "m.caudal").exists()


def test_data_sets_are_listed_shown_and_written(folder, capsys):
    listed = json.loads(run(capsys, "datasets", "--json").out)
    assert {card["name"] for card in listed} == set(cd.data.datasets.names())
    assert "japanese-vowels" in run(capsys, "datasets").out
    shown = run(capsys, "datasets", "physionet2012").out
    assert "protocol" in shown
    assert all(len(line) <= 120 for line in shown.splitlines())
    assert "`folder` is missing" in run(capsys, "datasets", "walker2d", "--load", code=2).err
    pytest.importorskip("sktime")
    told = run(capsys, "datasets", "export", "japanese-vowels", "--part", "test", "-o", "v.csv")
    assert told.err == "5,687 rows of 370 series in v.csv\n"
    assert "Sequences(640 series" in run(capsys, "datasets", "japanese_vowels", "--protocol", "paper").out


def test_a_fitted_circuit_is_trimmed(folder, capsys):
    words = ["--features", "x", "--target", "y", "--cell", "cfc-ncp", "--units", 12, "--epochs", 2, "--quiet"]
    run(capsys, "fit", "rows.parquet", *WORDS, *words, "-o", "whole.caudal")
    found = json.loads(run(capsys, "trim", "whole.caudal", "rows.parquet", "-o", "s.caudal", "--quiet", "--json").out)
    assert found["after"]["synapses"] <= 0.25 * found["before"]["synapses"] + 1
    assert found["after"]["operations"] < found["before"]["operations"]
    whole, small = cd.load("whole.caudal"), cd.load("s.caudal")
    assert small.net_.synapse_count() == found["after"]["synapses"] < whole.net_.synapse_count()
    assert list(small.predict("rows.parquet")) and small.encoder_ == whole.encoder_
    told = run(capsys, "trim", "whole.caudal", "rows.parquet", "-o", "s.caudal", "--keep", 0.5, "--rounds", 1)
    assert told.out.startswith("before:") and "synapses" in told.out and "written to s.caudal" in told.err


def test_what_cannot_be_trimmed_is_refused(folder, capsys):
    _fit(capsys, "--target", "y")
    told = run(capsys, "trim", "m.caudal", "rows.parquet", "-o", "s.caudal", code=2).err
    assert "trim: `model` is a Readout of a GRU; expected a Readout of an LTC" in told
    assert not (folder / "s.caudal").exists()
    told = run(capsys, "trim", "m.caudal", "rows.parquet", "-o", "nowhere/s.caudal", code=2).err
    assert "trim: `--out` names a folder that is not there" in told
    cd.save(cd.load("m.caudal").net_, "net.caudal")
    told = run(capsys, "trim", "net.caudal", "rows.parquet", "-o", "s.caudal", code=2).err
    assert "holds a network alone" in told
