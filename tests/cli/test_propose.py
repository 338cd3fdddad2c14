"""Columns that were not typed: the answer, the command to type, the question on a terminal."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from caudal.cli.app import main


@pytest.fixture
def visits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people = np.repeat(np.arange(30), 4)
    columns = {"patient": people, "day": np.tile(np.arange(4), 30), "pulse": np.sin(people), "ill": people % 2}
    pd.DataFrame(columns).to_csv("visits.csv", index=False)
    return "visits.csv"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("words", [("compare",), ("doctor",), ("fit", "-o", "m.caudal")])
def test_the_answer_holds_the_command(visits, capsys, words):
    assert main([words[0], visits, *words[1:]]) == 2
    said = capsys.readouterr().err
    assert "series: patient (it is named like whoever rows belong to" in said
    assert "`--target` is missing; a table needs it. Name the column to predict: patient, day, pulse, ill." in said
    assert "--target ill --series patient --time day" in said.splitlines()[-1]


def test_the_command_that_is_told_does_it(visits, capsys):
    main(["doctor", visits])
    line = capsys.readouterr().err.splitlines()[-1].partition("caudal doctor ")[2]
    assert main(["doctor", *line.split()]) in (0, 1)
    typed = capsys.readouterr().out
    assert main(["doctor", visits, "--yes"]) in (0, 1)
    assert capsys.readouterr().out == typed


def test_yes_does_not_guess(visits, capsys):
    frame = pd.read_csv(visits).rename(columns={"ill": "mood"})
    frame.to_csv(visits, index=False)
    assert main(["doctor", visits, "--yes"]) == 2
    said = capsys.readouterr().err
    assert "target: not sure: mood or pulse?" in said and "--target COLUMN" in said


def test_json_holds_the_proposal(visits, capsys):
    assert main(["doctor", visits, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["unsure"] == [] and told["command"].startswith("caudal doctor visits.csv --target ill")
    assert {guess["part"] for guess in told["guesses"]} == {"time", "series", "target"}


@pytest.mark.parametrize(
    ("answers", "code"), [("ill\n\n", (0, 1)), ("ill\nn\n", (2,)), ("\n", (2,)), ("none\n\n", (2,))]
)
def test_on_a_terminal_it_asks(visits, monkeypatch, answers, code, capsys):
    pd.read_csv(visits).assign(label=lambda f: f.ill).to_csv(visits, index=False)
    pd.read_csv(visits).rename(columns={"ill": "outcome"}).rename(columns={"label": "ill", "outcome": "label"}).assign(
        outcome=1 - pd.read_csv(visits).ill
    ).to_csv(visits, index=False)
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    monkeypatch.setattr("sys.stderr", Terminal())
    assert main(["doctor", visits]) in code


def test_one_series_needs_no_invented_column(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"t": np.arange(300), "x": rng.normal(size=300), "phase": np.repeat(list("abcabc"), 50)})
    frame.to_csv("act.csv", index=False)
    words = ["fit", "act.csv", "--yes", "-o", "act.caudal", "--epochs", "1", "--units", "3", "--quiet"]
    assert main(words) == 0
    assert "cut into 37 windows of 8 steps, which are divided by time" in capsys.readouterr().err
    assert main(["predict", "act.caudal", "act.csv"]) == 0


def test_a_slip_of_the_hand_is_told(capsys):
    assert main(["comapre", "x.csv"]) == 2
    assert main(["comapre"]) == 2
    assert "Did you mean `caudal compare`?" in capsys.readouterr().err
    assert main(["doctor", "x.csv", "--targte", "y"]) == 2
    assert "unrecognized arguments: --targte y. Did you mean --target?" in capsys.readouterr().err
