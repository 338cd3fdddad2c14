"""`caudal fair` on a model that `caudal fit` wrote, with good and bad input."""

import json

import numpy as np
import pytest

from caudal.cli import main

pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from caudal.data import to_columns, write
    from caudal.fair import made, with_coin

    folder = tmp_path_factory.mktemp("fair")
    for name, seed in (("train", 0), ("test", 1)):
        columns = to_columns(with_coin(made(240, seed=seed)))
        ages = np.random.default_rng(seed).integers(20, 90, 240)
        columns["age"] = ages[np.unique(columns["series"], return_inverse=True)[1]]
        write.write_table(folder / f"{name}.csv", [columns])
    words = f"fit {folder / 'train.csv'} --target target --series series --time time --features level,wave,noise"
    assert main([*words.split(), "--epochs", "2", "--units", "6", "--quiet", "-o", str(folder / "m.caudal")]) == 0
    return folder


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
        (["--sensitive", "group", "--limit", "nan"], "expected 0 to 1"),
        (["--sensitive", "group", "--out", "fair.doc"], "expected a file .html or .json"),
        (["--sensitive", "group", "--out", "no/such/f.html"], "names a folder that is not there"),
    ],
)
def test_misuse_is_a_sentence(place, capsys, more, words):
    assert _run(place, *more) == 2
    err = capsys.readouterr().err
    assert words in err and "Traceback" not in err
