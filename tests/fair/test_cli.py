"""`caudal fair` on a model that `caudal fit` wrote, with good and bad input."""

import json

import numpy as np
import pytest

from caudal.cli import main

pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from caudal.data import to_columns, to_table
    from caudal.fair import synthetic, with_coin

    folder = tmp_path_factory.mktemp("fair")
    for name, seed in (("train", 0), ("test", 1)):
        columns = to_columns(with_coin(synthetic(240, seed=seed)))
        ages = np.random.default_rng(seed).integers(20, 90, 240)
        place = np.unique(columns["series"], return_inverse=True)[1]
        columns["age"] = ages[place]
        # Someone checked a third of the classes; the others are empty.
        columns["checked"] = np.where(place % 3 == 0, np.asarray(columns["target"], np.float64), np.nan)
        columns["stay"] = np.random.default_rng(seed).gamma(2.0, 1.0, 240)[place]
        to_table.write_table(folder / f"{name}.csv", [columns])
    words = f"fit {folder / 'train.csv'} --target target --series series --time time --features level,wave,noise"
    assert main([*words.split(), "--epochs", "2", "--units", "6", "--quiet", "-o", str(folder / "m.caudal")]) == 0
    words = words.replace("--target target", "--target stay") + " --set task=regress"
    assert main([*words.split(), "--epochs", "2", "--units", "6", "--quiet", "-o", str(folder / "n.caudal")]) == 0
    return folder


def test_expected_shares_and_trusted_classes_reach_the_diagnosis(place, capsys):
    more = ("--expected", "group=a:0.3,b:0.7", "--trusted", "checked", "--intersections", "none", "--step", "4")
    assert _run(place, "--sensitive", "group,age", "--limit", "1", "--json", *more) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["attributes"]] == ["group", "age"]
    assert found["attributes"][0]["diagnosis"]["kind"] == "representation"
    assert "labels by assumption" not in found["attributes"][0]["diagnosis"]["notes"]
    assert "no crossing" in found["not_measured"] and "no trusted labels" not in found["not_measured"]
    assert [one["step"] for one in found["attributes"][0]["curve"]] == [4]


def test_numbers_have_gaps_of_errors_and_a_limit_in_their_unit(place, capsys):
    ask = ["fair", str(place / "n.caudal"), str(place / "test.csv"), "--sensitive", "coin", "--draws", "100"]
    assert main([*ask, "--gap", "rmse", "--steps", "2"]) == 0
    assert "Gap in error, large ones foremost" in capsys.readouterr().out
    assert main([*ask, "--limit", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["good"] and {one["name"] for one in found["attributes"][0]["gaps"]} >= {"mae", "rmse", "bias"}
    assert main([*ask, "--trusted", "checked"]) == 2
    assert "the data are to regress" in capsys.readouterr().err


def _run(place, *more):
    return main(["fair", str(place / "m.caudal"), str(place / "test.csv"), "--draws", "100", "--steps", "2", *more])


def test_lines_and_page(place, capsys):
    assert _run(place, "--sensitive", "group,age", "--limit", "1", "-o", str(place / "f.html"), "--lang", "both") == 0
    out, err = capsys.readouterr()
    assert "group (a 144, b 96)" in out and "group & age" in out
    assert "note: age is cut at" in err
    assert (place / "f.html").exists() and (place / "f.es.html").exists()


def test_json_and_exit_code(place, capsys):
    code = _run(place, "--sensitive", "coin,coin", "--limit", "0", "--json")
    found = json.loads(capsys.readouterr().out)
    assert code == (0 if found["good"] else 1)
    assert [one["name"] for one in found["attributes"]] == ["coin"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--sensitive", "race"], "race"),
        (["--sensitive", ""], "names no column"),
        (["--sensitive", "level"], "level"),
        (["--sensitive", "group", "--edges", "age=3"], "not among --sensitive"),
        (["--sensitive", "age", "--edges", "age=old"], "expected NAME=A,B"),
        (["--sensitive", "age", "--edges", "age=500"], "is constant"),
        (["--sensitive", "group", "--positive", "9"], "the classes are 0, 1"),
        (["--sensitive", "group", "--threshold", "7"], "expected 0 to 1"),
        (["--sensitive", "group", "--limit", "nan"], "expected at least 0"),
        (["--sensitive", "group", "--limit", "3"], "gaps of decisions are shares"),
        (["--sensitive", "group", "--steps", "-1"], "`--steps` is -1"),
        (["--sensitive", "group", "--step", "99"], "the steps are 1 to"),
        (["--sensitive", "group", "--gap", "mae"], "which these answers do not have"),
        (["--sensitive", "group", "--intersections", "group"], "expected two columns"),
        (["--sensitive", "group", "--intersections", "group,age"], "names 'age', which is not among group"),
        (["--sensitive", "group", "--expected", "group=a"], "expected NAME=GROUP:SHARE"),
        (["--sensitive", "group", "--expected", "group=a:0.5,c:0.5"], "does not fit the groups: 'b'"),
        (["--sensitive", "group", "--expected", "age=a:1"], "names 'age', which is not among --sensitive"),
        (["--sensitive", "group", "--trusted", "nowhere"], "nowhere"),
        (["--sensitive", "group", "--trusted", "coin"], "the classes are 0, 1"),
        (["--sensitive", "group", "--out", "fair.doc"], "expected a file .html or .json"),
        (["--sensitive", "group", "--out", "no/such/f.html"], "names a folder that is not there"),
    ],
)
def test_misuse_is_a_sentence(place, capsys, more, words):
    assert _run(place, *more) == 2
    err = capsys.readouterr().err
    assert words in err and "Traceback" not in err


def test_of_several_classes_the_page_says_how_it_was_decided(place, capsys, tmp_path):
    import pandas

    for name in ("train", "test"):
        frame = pandas.read_csv(place / f"{name}.csv", dtype={"series": str})
        ward = np.unique(frame["series"], return_inverse=True)[1] % 3
        frame.assign(ward=np.array(["a", "b", "c"])[ward]).to_csv(tmp_path / f"{name}.csv", index=False)
    words = f"fit {tmp_path / 'train.csv'} --target ward --series series --time time --features level,wave,noise"
    model = str(tmp_path / "m.caudal")
    assert main([*words.split(), "--epochs", "1", "--units", "4", "--quiet", "-o", model]) == 0
    ask = ["fair", model, str(tmp_path / "test.csv"), "--sensitive", "coin", "--positive", "a", "--draws", "100"]
    page = tmp_path / "f.html"
    for more, sentence in (([], "the likeliest class is decided for"), (["--threshold", "0.4"], "0.4")):
        assert main([*ask, *more, "--lang", "en", "-o", str(page)]) in (0, 1), capsys.readouterr().err
        assert sentence in page.read_text() and (more or "0.5 and above" not in page.read_text())
    capsys.readouterr()
    # Without a class each is told from the rest, in one run.
    ask = ["fair", model, str(tmp_path / "test.csv"), "--sensitive", "coin", "--draws", "100", "--steps", "2"]
    assert main([*ask, "--json"]) in (0, 1)
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["a", "b", "c"]
    assert [one["name"] for one in found["attributes"]] == ["coin: a", "coin: b", "coin: c"]
    assert sum(gap["name"] == "accuracy" for one in found["attributes"] for gap in one["gaps"]) == 1
    assert main([*ask, "-o", str(page)]) in (0, 1)
    assert "Each class of ward is told from the rest in turn" in capsys.readouterr().out
    assert "coin: b" in page.read_text()
    assert main([*ask, "--threshold", "0.4"]) == 2
    assert "Name the class that it is for with --positive" in capsys.readouterr().err


def test_decisions_of_yes_are_held_to_the_limit_only_where_asked(place, capsys, monkeypatch):
    from caudal.fair import FairReport

    asked = []
    monkeypatch.setattr(FairReport, "above", lambda self, limit, also=None: asked.append((limit, also)) or [])
    assert _run(place, "--sensitive", "coin") == 0
    assert _run(place, "--sensitive", "coin", "--gap", "demographic_parity", "--limit", "0.2") == 0
    assert asked == [(0.1, None), (0.2, "demographic_parity")]
    assert "Yes means target = 1" in capsys.readouterr().out


def test_numbers_are_told_in_their_unit(place, capsys):
    ask = ["fair", str(place / "n.caudal"), str(place / "test.csv"), "--sensitive", "coin", "--draws", "100"]
    assert main([*ask, "--steps", "0", "--unit", "days"]) == 0
    out = capsys.readouterr().out
    assert "Predicted: stay, in days." in out and " days" in out.split("Gap in error")[1]
