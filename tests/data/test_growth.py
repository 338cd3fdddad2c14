"""Costs that grow with the table and no faster, each by a count or a peak of memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from caudal.data import ParquetSequences, from_arrays, from_frame, spelling, split, windows
from caudal.data import separated as text_tables
from caudal.data.frame import read_whole
from caudal.data.table import Table
from caudal.data.to_table import write_table
from caudal.data.window import WindowSource
from caudal.errors import DataError

LONG = {"target": "y", "series": "id", "time": "t"}


@pytest.fixture
def calls(monkeypatch):
    """Counts of what was called, by name."""
    counts = {}

    def count(owner, name, size=lambda *args: 1):
        plain = getattr(owner, name)

        def counted(*args, **more):
            counts[name] = counts.get(name, 0) + size(*args)
            return plain(*args, **more)

        monkeypatch.setattr(owner, name, counted)

    counts["count"] = count
    return counts


def table(series, steps, seed=0):
    rng = np.random.default_rng(seed)
    size = series * steps
    columns = {"id": np.repeat(np.arange(series), steps), "t": np.tile(np.arange(float(steps)), series)}
    return pd.DataFrame(columns | {"x": rng.normal(size=size), "y": np.repeat(np.arange(series) % 2, steps)})


def test_a_stream_takes_slices_by_chunk_and_not_by_series(tmp_path, calls):
    frame = table(3000, 3)
    frame.to_parquet(tmp_path / "rows.parquet")
    stream = ParquetSequences.open(tmp_path / "rows.parquet", **LONG, rows_per_batch=1000, series_per_chunk=200)
    calls["count"](Table, "part")
    calls["count"](Table, "take")
    chunks = list(stream)
    assert [len(chunk) for chunk in chunks] == [200] * 15
    assert calls["part"] + calls.get("take", 0) <= 15 + 2 * 10
    whole = from_frame(frame, **LONG)
    for k, chunk in enumerate(chunks):
        assert chunk.digest == whole.select(slice(200 * k, 200 * (k + 1))).digest
    parts = stream.split(val=0.3, test=0.2)
    assert sorted(name for part in parts for chunk in part for name in chunk.ids.tolist()) == list(range(3000))


def test_only_rows_that_share_a_time_are_compared(calls):
    frame = table(50, 40)
    doubled = pd.concat([frame, frame.tail(2)])
    calls["count"](spelling, "_missing", len)
    plain = from_frame(frame, **LONG)
    before = calls["_missing"]
    repeated = from_frame(doubled, **LONG)
    assert calls["_missing"] - before <= before + 4 * len(frame.columns)
    assert repeated.digest == plain.digest
    assert [finding.count for finding in repeated.findings if finding.code == "duplicates"] == [2]


def test_a_table_is_written_as_text_in_pieces(tmp_path):
    columns = {name: np.random.default_rng(0).normal(size=60_000) for name in "abcd"}
    tracemalloc.start()
    try:
        assert write_table(tmp_path / "rows.csv", [columns]) == 60_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6
    read = pd.read_csv(tmp_path / "rows.csv", float_precision="round_trip")
    assert all((read[name] == columns[name]).all() for name in columns)


def test_selected_series_are_padded_to_the_longest_of_them():
    data = from_arrays([np.ones((1, 3)), np.ones((1, 90)), np.ones((1, 5))], [0, 1, 0])
    assert data.select([0, 2]).values.shape == (2, 5, 1)
    assert data.select([1, 0]).digest == from_arrays([np.ones((1, 90)), np.ones((1, 3))], [1, 0], ids=[1, 0]).digest
    steps = from_arrays([np.ones((1, 3)), np.ones((1, 9))], [np.ones((3, 1)), np.ones((9, 1))], task="imitate")
    assert steps.select([0]).target.shape == (1, 3, 1)


CELLS = {
    "holes": "1.5,2\n" * 300 + ",NA\nnull,3\n",
    "quotes": "1.5,2\n" * 300 + '"2.5","3"\n',
    "whole": "1.5,2\n" * 300 + "3,9007199254740993\n",
    "far": "1.5,2\n" * 300 + "1e400,-0\n4e-320,3\n",
    "blank": "1.5,2\n" * 300 + "\n4,3\n",
    "hexadecimal": "1,2\n" * 300 + "0x10,3\n",
    "plus": "1,2\n" * 300 + "+5,3\n",
    "beyond": "1,2\n" * 300 + "99999999999999999999,3\n",
    "words": "1.5,2\n" * 300 + "2.5,True\n",
    "spaces": "1.5,2\n" * 300 + " 2.5 ,3\n",
}


@pytest.mark.parametrize("case", CELLS)
def test_both_readers_of_text_tables_give_the_same(tmp_path, case, monkeypatch):
    path = tmp_path / "rows.csv"
    path.write_text(f"a,b\n{CELLS[case]}")
    fast = text_tables.read_separated(path, "o", path.name, text_tables.ANY, spelling.USUAL)
    monkeypatch.setattr(text_tables, "_plain_numbers", lambda *args: None)
    other = text_tables.read_separated(path, "o", path.name, text_tables.ANY, spelling.USUAL)
    pd.testing.assert_frame_equal(fast.frame, other.frame, check_exact=True)
    assert (fast.rows is None) == (other.rows is None)


def test_plain_numbers_take_the_fast_reader(tmp_path, calls):
    path = tmp_path / "rows.csv"
    frame = table(40, 30)
    frame["t"] = pd.date_range("2020", periods=len(frame), freq="h").astype(str)
    frame.to_csv(path, index=False)
    calls["count"](text_tables, "_any_cells")
    assert from_frame(path, **LONG).digest == from_frame(pd.read_csv(path, float_precision="round_trip"), **LONG).digest
    assert "_any_cells" not in calls


def test_usual_times_are_read_without_looking_at_each(calls):
    frame = table(1, 5000)
    frame["t"] = pd.date_range("2020", periods=len(frame), freq="min").astype(str)
    calls["count"](spelling, "is_number")
    read = from_frame(frame.assign(y=frame.x), target="y", time="t", task="imitate")
    assert read.steps == 5000 and read.time_unit == "min"
    assert calls.get("is_number", 0) < 100


def forecast(rows):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"t": np.arange(float(rows)), "x": rng.normal(size=rows), "y": rng.normal(size=rows)})


ASKED = {"target": "y", "time": "t", "task": "forecast", "horizon": 12}


def test_windows_are_cut_when_they_are_needed(monkeypatch):
    frame = forecast(60_000)
    whole = read_whole(frame, **ASKED)
    monkeypatch.setattr("caudal.data.window._AT_ONCE", 2**20)
    tracemalloc.start()
    try:
        source = WindowSource.of(whole)
        train, val, _ = source.split()
        counted = sum(len(chunk) for chunk in train)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counted == len(train) and len(train) > 10 * len(val) / 3
    # A chunk with its checks, and beside it 3 x the table.
    assert peak < 3 * frame.memory_usage().sum() + 8 * 2**20


def test_windows_in_chunks_are_those_of_the_whole(monkeypatch):
    whole = read_whole(forecast(400), **ASKED)
    cut = windows(whole, whole.recipe.window, whole.recipe.stride, whole.recipe.horizon)
    monkeypatch.setattr("caudal.data.window._AT_ONCE", 0)
    source = WindowSource.of(whole)
    parts, rows = source.split(val=0.2, test=0.2), split(cut, val=0.2, test=0.2, by="past")
    for part, expected in zip(parts, (rows.train, rows.val, rows.test), strict=True):
        seen = {name: k for chunk in part for k, name in enumerate(chunk.ids.tolist())}
        assert sorted(seen) == sorted(cut.ids[expected].tolist())
    (chunk,) = source
    order = [cut.ids.tolist().index(name) for name in chunk.ids.tolist()]
    assert chunk.select(np.argsort(order)).digest == cut.digest


def test_too_many_windows_are_refused_with_the_stride_that_would_do(monkeypatch):
    whole = read_whole(forecast(400), **ASKED)
    monkeypatch.setattr("caudal.data.window.LARGEST_BYTES", 2**16)
    with pytest.raises(DataError, match=r"cuts 341 windows of 48 steps, which fill .* `stride` of at least \d+\."):
        windows(whole, 48, 1, 12)
