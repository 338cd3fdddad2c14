"""Forecasts from a shell: months in words, one series without a column of names, zones, rows ahead."""

import json
from pathlib import Path

import numpy as np
import pytest

from caudal.cli import main

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

QUICK = ("--epochs", "1", "--units", "4", "--quiet")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_months_in_words_without_a_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    months = pandas.date_range("1949-01-01", periods=156, freq="MS").strftime("%b-%Y")
    sold = np.sin(np.arange(144) / 2)
    table, model = tmp_path / "air.csv", tmp_path / "air.caudal"
    pandas.DataFrame({"month": months[:144], "sold": sold}).to_csv(table, index=False)
    ask = ("--target", "sold", "--time", "month", "--horizon", 12)
    code, _, err = run(capsys, "fit", table, *ask, "-o", model, *QUICK)
    assert code == 2
    assert "MMM-YYYY" in err
    ask = (*ask, "--time-format", "MMM-YYYY")
    assert run(capsys, "doctor", table, *ask)[0] == 0
    code, _, err = run(capsys, "fit", table, *ask, "-o", model, *QUICK)
    assert code == 0
    assert "window is 24 steps" in err
    code, out, _ = run(capsys, "predict", model, table)
    assert code == 0
    rows = [line.split(",") for line in out.split()]
    assert rows[0] == ["step", "month", "sold"]
    assert [row[1] for row in rows[1:]] == months[144:].tolist()


def test_hours_of_a_zone_and_rows_ahead(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    when = pandas.date_range("2024-03-09", periods=124, freq="h", tz="America/New_York")
    frame = pandas.DataFrame({"when": when, "load": np.sin(np.arange(124.0)), "hot": 0.0})
    frame.loc[120:, "load"] = np.nan
    frame.to_parquet(tmp_path / "t.parquet")
    ask = ("--target", "load", "--time", "when", "--horizon", 4)
    assert run(capsys, "fit", tmp_path / "t.parquet", *ask, "-o", tmp_path / "m.caudal", *QUICK)[0] == 0
    code, out, _ = run(capsys, "predict", tmp_path / "m.caudal", tmp_path / "t.parquet", "--json")
    assert code == 0
    assert [row["when"] for row in json.loads(out)] == [str(moment) for moment in when[120:].to_pydatetime()]
    answers = tmp_path / "a.parquet"
    assert run(capsys, "predict", tmp_path / "m.caudal", tmp_path / "t.parquet", "-o", answers)[0] == 0
    assert pandas.read_parquet(answers)["when"].tolist() == when[120:].tolist()


def test_too_short_a_series_is_refused_with_the_rows_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    days = pandas.date_range("2024-01-01", periods=40, freq="D").strftime("%Y-%m-%d")
    pandas.DataFrame({"day": days, "load": np.arange(40.0)}).to_csv(tmp_path / "t.csv", index=False)
    ask = ("--target", "load", "--time", "day", "--horizon", 14, "--window", 20)
    code, out, _ = run(capsys, "doctor", tmp_path / "t.csv", *ask)
    assert code == 0
    assert "short_history" in out
    code, _, err = run(capsys, "fit", tmp_path / "t.csv", *ask, "-o", tmp_path / "m.caudal", *QUICK)
    assert code == 2
    assert "need" in err
    assert "the longest series has 40 rows" in err
