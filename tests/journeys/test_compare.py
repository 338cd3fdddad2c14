"""A user's hour with `caudal compare`: a table in, a verdict and a report out; and everything that goes wrong."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from caudal.cli import main
from caudal.compare.record import Study

pandas = pytest.importorskip("pandas")
SMALL = ["--models", "cfc,gru", "--seeds", "2", "--trials", "0", "--set", "epochs=1", "--set", "parameters=150",
         "--set", "resamples=100"]  # fmt: skip


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    rng = np.random.default_rng(0)
    rows = [
        {
            "patient": p,
            "hours": t + rng.uniform(),
            "pulse": 70 + 15 * (p % 2) + rng.normal(),
            "sex": "fm"[p % 3 == 0],
            "ill": "yes" if p % 2 else "no",
        }
        for p in range(60)
        for t in range(3 + p % 3)
    ]
    path = tmp_path_factory.mktemp("table") / "visits.csv"
    pandas.DataFrame(rows).to_csv(path, index=False)
    return path


def asked(visits, out, *more):
    columns = ["--target", "ill", "--series", "patient", "--time", "hours", "--time-unit", "h", "--sensitive", "sex"]
    return ["compare", str(visits), *columns, *SMALL, "--out", str(out), *more]


def test_a_table_becomes_a_verdict_and_two_reports(visits, tmp_path, capsys):
    words = asked(visits, tmp_path / "out", "--lang", "both", "--executor", "inline")
    assert main(words) == 0
    said = capsys.readouterr()
    *verdict, report, informe = said.out.strip().splitlines()
    assert len(verdict) == 6 and report.endswith("report.html") and informe.endswith("informe.html")
    assert "] trivial seed 0: auroc 0.5" in said.err, said.err.splitlines()
    study = Study.from_json((tmp_path / "out" / "study.json").read_text())
    assert study.data.name == "visits.csv" and study.data.sensitive == ("sex",) and study.data.time_unit == "h"
    assert study.provenance.command.startswith("caudal compare ") and "--lang" in study.provenance.command
    assert 'lang="es"' in (tmp_path / "out" / "informe.html").read_text()

    before = (tmp_path / "out" / "study.json").read_text()
    assert main([*words, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"]["use"] == study.verdict.use
    assert "9 of 9 runs are stored already" in said.err
    assert (tmp_path / "out" / "study.json").read_text() == before

    assert main([*words[: words.index("--set")], "--out", str(tmp_path / "out"), "--executor", "inline"]) == 2
    assert "holds another study, with epochs 1; this one has 25" in capsys.readouterr().err


def test_the_printed_command_types_the_same_study(visits, tmp_path):
    import argparse
    import shlex

    from caudal.cli.compare import add_arguments, typed

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = asked(visits, tmp_path / "a folder", "--features", "pulse", "--split", "series")[1:]
    for more in ([], ["--no-chips"]):
        args = parser.parse_args([*words, *more])
        assert vars(parser.parse_args(shlex.split(typed(args))[2:])) == vars(args)
        assert ("--no-chips" in typed(args)) == bool(more)


def test_ctrl_c_says_how_to_go_on(visits, tmp_path):
    code = "import sys; from caudal.cli import main; sys.exit(main(sys.argv[1:]))"
    words = asked(visits, tmp_path / "out", "--executor", "inline", "--seeds", "400")
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True)
    said = ""
    while "[2/" not in said:
        said += process.stderr.readline()
        assert process.poll() is None, said
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Stopped. Every finished run is kept in" in said and "--seeds 400" in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-set"], "`data` is 'no-such-set', neither a file nor a data set; there are nafld, "),
        (["missing.csv", "--target", "y", "--series", "id"], "names no file: missing.csv"),
        (["halfcheetah"], "`folder` is missing; these data do not ship with a package"),
        (["halfcheetah", "--folder", "nowhere"], "`folder` is no folder: nowhere"),
        (["nafld", "--protocol", "paper"], "`protocol` is 'paper'; this set has clean"),
        (["nafld", "--target", "dead"], "`target` is given, and a named data set has its columns. Leave it out."),
        (
            ["TABLE", "--series", "patient"],
            "`--target` is missing; a table needs it. Name the column to predict",
        ),
        (["TABLE", "--target", "ill", "--series", "person"], "`person` is not a column"),
        (["TABLE", "--target", "ill", "--series", "patient", "--folder", "."], "`folder` is given, and belongs to"),
        (["nafld", "--budget", "huge"], "`budget` is 'huge'"),
        (["nafld", "--models", "cfc"], "`models` hold no traditional one"),
        (["nafld", "--set", "epochs"], "'epochs' is not NAME=NUMBER, as in epochs=20"),
        (["nafld", "--seeds", "few"], "'few' is not a whole number of at least 0"),
        (["nafld", "--seeds", "0"], "`seeds` is 0; expected at least 1"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence(visits, tmp_path, capsys, words, said):
    typed = [str(visits) if word == "TABLE" else word for word in words]
    assert main(["compare", *typed, "--out", str(tmp_path / "out")]) == 2
    found = capsys.readouterr().err
    assert said in found and "Traceback" not in found
    assert not (tmp_path / "out").exists()


def test_a_table_too_small_to_divide_is_refused(tmp_path, capsys):
    path = tmp_path / "tiny.csv"
    pandas.DataFrame({"id": [1, 2], "t": [0, 0], "x": [1.0, 2.0], "y": ["a", "b"]}).to_csv(path, index=False)
    assert main(["compare", str(path), "--target", "y", "--series", "id", "--time", "t", "--out", str(tmp_path)]) == 2
    assert "leaves no series; there are 2 to divide by series" in capsys.readouterr().err


def test_help_names_every_option(capsys):
    assert main(["compare", "--help"]) == 0
    said = capsys.readouterr().out
    for option in ("--target", "--folder", "--budget", "--models", "--executor", "--lang", "--json", "--out"):
        assert option in said


def test_a_test_table_gives_figures_that_compare_with_those_of_others(visits, tmp_path, capsys):
    table = pandas.read_csv(visits)
    table["part"] = ["test" if p % 5 == 0 else "train" for p in table["patient"]]
    for name in ("train", "test"):
        table[table["part"] == name].drop(columns="part").to_csv(tmp_path / f"{name}.csv", index=False)
    table.to_csv(tmp_path / "whole.csv", index=False)
    by_table = [*asked(tmp_path / "train.csv", tmp_path / "a", "--test", str(tmp_path / "test.csv")), "--no-chips"]
    by_column = [*asked(tmp_path / "whole.csv", tmp_path / "b", "--split-column", "part"), "--no-chips"]
    scores = []
    for words, out in ((by_table, "a"), (by_column, "b")):
        assert main([*words, "--executor", "inline", "--lang", "en"]) == 0
        study = Study.from_json((tmp_path / out / "study.json").read_text())
        scores.append({run.model: run.metrics["accuracy"] for run in study.runs if run.seed == study.runs[0].seed})
        assert study.data.test == 12 and study.data.sensitive == ("sex",)
        page = (tmp_path / out / "report.html").read_text()
        tested = f"{tmp_path}/test.csv" if out == "a" else f"{tmp_path}/whole.csv --part test"
        assert f".caudal {tested}" in page and (out == "b" or "--part test" not in page)
    assert scores[0] == scores[1]
    capsys.readouterr()
    assert main(["predict", f"{tmp_path}/a/models/cfc.caudal", f"{tmp_path}/test.csv", "--json"]) == 0
    truth = table.groupby("patient")["ill"].first()
    right = [row["class"] == truth[row["patient"]] for row in json.loads(capsys.readouterr().out)]
    assert scores[0]["cfc"] == pytest.approx(np.mean(right))
    assert main([*by_table, "--split-column", "sex"]) == 2
    assert "each says which series test" in capsys.readouterr().err
    assert main([*by_column[:-3], "--split-column", "sex"]) == 2
    assert "`--split-column` names `sex`, which holds" in capsys.readouterr().err


def test_a_recipe_beside_each_network_trains_the_same_model(visits, tmp_path, capsys, monkeypatch):
    from caudal.compare.contenders.base import one_thread
    from caudal.estimators import load

    out, models = tmp_path / "out", ["--models", "cfc,gru,ssm,ltc-ncp", "--no-chips", "--folds", "1"]
    words = [*asked(visits, out, *models), "--seed", "3", "--executor", "inline", "--split", "series"]
    assert main(words) == 0
    said = capsys.readouterr().err
    study = Study.from_json((out / "study.json").read_text())
    assert set(study.provenance.recipes) == {"cfc", "gru", "ssm", "ltc-ncp"}
    use = study.verdict.use
    assert (f"The same model again: caudal fit {out}/models/{use}.toml" in said) == (use in study.provenance.recipes)
    monkeypatch.chdir(tmp_path)
    for name in study.provenance.recipes:
        with one_thread():
            assert main(["fit", f"out/models/{name}.toml", "-o", f"{name}.caudal", "--quiet"]) == 0
        first, again = load(out / "models" / f"{name}.caudal"), load(f"{name}.caudal")
        assert first.net_.state_dict().keys() == again.net_.state_dict().keys()
        for key, value in first.net_.state_dict().items():
            assert value.equal(again.net_.state_dict()[key]), (name, key)
        assert first.threshold_ == again.threshold_ and first.origin_["parts"] == again.origin_["parts"]
        before, scores = first.origin_["held_out"]["scores"], again.origin_["held_out"]["scores"]
        assert scores["accuracy"] == before["accuracy"] and scores["auroc"] == pytest.approx(before["auroc"])
