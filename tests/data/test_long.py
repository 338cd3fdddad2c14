"""Series written as a long table read back as they were; a file is there whole or not at all."""

from dataclasses import replace

import numpy as np
import pytest

from caudal.data import from_arrays, from_frame, read_like, to_columns, windows, write_table
from caudal.data.datasets import load
from caudal.errors import DataError, InputError

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

ASK = {"target": "y", "series": "id", "time": "t", "static": ["age"], "sensitive": ["sex", "age"], "group": "clinic"}


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(12), rng.integers(1, 6, 12))
    frame = pandas.DataFrame(
        {"id": ids, "x": rng.normal(size=len(ids)), "ward": rng.choice(["A", "B=2", None], len(ids))}
    )
    frame["t"] = pandas.Timestamp("2024-01-31") + pandas.to_timedelta(frame.groupby("id").cumcount() * 37, unit="min")
    frame.loc[2:4, "x"] = np.nan
    frame = frame.assign(age=30.0 + ids, sex=np.where(ids % 2, "f", "m"), clinic=ids // 2)
    return frame.assign(y=np.where(ids % 3, "no", "yes"))


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("task", ["classify", "classify_steps", "imitate"])
def test_a_table_reads_back_as_it_was(frame, tmp_path, ending, task):
    if task != "classify":
        frame["y"] = np.arange(len(frame)) % 3 if task == "classify_steps" else np.sin(np.arange(len(frame)))
        frame.loc[5, "y"] = np.nan
    data = from_frame(frame, **ASK, task=task)
    path = tmp_path / f"rows.{ending}"
    assert write_table(path, [to_columns(data)]) == len(frame)
    again = read_like(path, data.recipe, target=True)
    assert replace(again, findings=()).digest == data.digest
    assert list(to_columns(data)) == ["id", "clinic", "t", "x", "ward", "age", "sex", "y"]


def test_data_sets_are_tables_too(tmp_path):
    pytest.importorskip("sktime")
    data = load("japanese-vowels").sequences
    write_table(tmp_path / "vowels.parquet", [to_columns(data)])
    again = from_frame(tmp_path / "vowels.parquet", target="target", series="series", time="time")
    assert np.array_equal(again.values, data.values)
    assert again.classes == data.classes


def test_forecasts_and_bad_places_are_refused(tmp_path):
    wave = from_arrays(np.zeros((1, 1, 9)), np.zeros((1, 9, 1)), task="imitate")
    with pytest.raises(DataError, match="hold forecasts, which are windows of a table"):
        to_columns(windows(wave, 3, 1, horizon=1))
    for name, words in (("a.xlsx", "has an unknown ending"), ("none/a.csv", "names a folder that is not there")):
        with pytest.raises(InputError, match=words):
            write_table(tmp_path / name, [to_columns(wave)])


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path, name):
    def chunks():
        yield {"x": np.arange(3)}
        raise KeyboardInterrupt

    write_table(tmp_path / name, [{"x": np.arange(2)}])
    before = (tmp_path / name).read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / name, chunks())
    assert (tmp_path / name).read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [name]
