import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from caudal.data import Encoder, ParquetSequences, from_frame
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("narwhals")

ASK = {"target": "ill", "series": "id", "time": "t"}


def _frame(series: int = 40):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, series)
    ids = np.repeat(np.arange(series), lengths)
    frame = pandas.DataFrame({"id": ids, "t": rng.exponential(size=len(ids)), "x": rng.normal(size=len(ids))})
    frame["t"] = frame.groupby("id")["t"].cumsum()
    frame["ward"] = rng.choice(["A", "B", "C"], len(ids))
    frame["clinic"] = ids // 3
    return frame.assign(ill=np.where(ids % 3 == 0, "yes", "no"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    _frame().to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("rows", [1, 7, 10_000])
@pytest.mark.parametrize("chunk", [1, 6, 1000])
def test_chunks_are_the_table_cut_between_series(path: Path, rows: int, chunk: int):
    stream = ParquetSequences.open(path, **ASK, rows_per_batch=max(rows, 30), series_per_chunk=chunk)
    assert set(stream.recipe.classes) == {"no", "yes"}
    whole = from_frame(path, **ASK)
    at = 0
    for part in ParquetSequences(path, whole.recipe, chunk, rows):
        expected = whole.select(range(at, at + len(part)))
        steps = part.steps
        assert part.ids.tolist() == expected.ids.tolist()
        assert (part.values == expected.values[:, :steps]).all()
        assert (part.dt == expected.dt[:, :steps]).all()
        assert part.target.tolist() == expected.target.tolist()
        at += len(part)
    assert at == len(whole)


def test_categories_and_classes_come_from_all_batches(tmp_path: Path):
    frame = pandas.DataFrame({"id": range(6), "t": 0, "ward": list("AABBCC"), "ill": list("nnnnyy")})
    frame.to_parquet(tmp_path / "rows.parquet")
    stream = ParquetSequences.open(tmp_path / "rows.parquet", **ASK, rows_per_batch=2)
    assert stream.recipe.inputs[0].values == ("A", "B", "C")
    assert stream.recipe.classes == ("n", "y")


def test_parts_share_no_group_and_miss_nothing(path: Path):
    stream = ParquetSequences.open(path, **ASK, group="clinic", features=["x"], rows_per_batch=16, series_per_chunk=3)
    parts = stream.split(val=0.2, test=0.3, seed=1)
    groups = [{g for chunk in part for g in chunk.group.tolist()} for part in parts]
    ids = [i for part in parts for chunk in part for i in chunk.ids.tolist()]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert sorted(ids) == list(range(40))
    assert all(groups)
    again = stream.split(val=0.2, test=0.3, seed=1)[0]
    assert [c.digest for c in again] == [c.digest for c in parts[0]]


def test_a_scale_is_learned_in_one_pass(path: Path):
    stream = ParquetSequences.open(path, **ASK, series_per_chunk=5)
    whole = from_frame(path, **ASK)
    one, other = Encoder.fit(stream), Encoder.fit(whole)
    assert one.channels == other.channels
    assert np.allclose(one.scaler.mean, other.scaler.mean)
    assert np.allclose(one.scaler.std, other.scaler.std)
    assert one.scaler.gap == other.scaler.gap


def test_rows_in_faults_are_rows_of_the_file(tmp_path: Path):
    frame = _frame()
    frame.loc[100, "x"] = np.inf
    frame.to_parquet(tmp_path / "rows.parquet")
    stream = ParquetSequences(tmp_path / "rows.parquet", from_frame(_frame(), **ASK).recipe, 4, 16)
    with pytest.raises(DataError, match=r"`x` holds infinity at row 100 of rows.parquet") as caught:
        list(stream)
    assert caught.value.row == 100
    found = []
    for part in stream.split(val=0.3, test=0.3):
        try:
            list(part)
        except DataError as error:
            found.append(error.row)
    assert found == [100]


def test_faults_are_named(tmp_path: Path):
    frame = _frame()
    scattered = pandas.concat([frame[frame.id > 0], frame[frame.id == 0], frame[frame.id == 5]])
    scattered.to_parquet(tmp_path / "scattered.parquet")
    with pytest.raises(DataError, match=r"`id` goes back to 5 at row \d+ of scattered.parquet.* Sort the file by `id`"):
        ParquetSequences.open(tmp_path / "scattered.parquet", **ASK, rows_per_batch=20)
    frame.assign(ill="no").to_parquet(tmp_path / "one.parquet")
    with pytest.raises(DataError, match="`ill` holds one class only, 'no'"):
        ParquetSequences.open(tmp_path / "one.parquet", **ASK)
    frame.head(0).to_parquet(tmp_path / "none.parquet")
    with pytest.raises(DataError, match=r"has no rows: none\.parquet"):
        ParquetSequences.open(tmp_path / "none.parquet", **ASK)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"is no Parquet file: torn\.parquet"):
        ParquetSequences.open(tmp_path / "torn.parquet", **ASK)
    with pytest.raises(DataError, match="names no file"):
        ParquetSequences.open(tmp_path / "gone.parquet", **ASK)


CODE = """
import resource, sys
from caudal.data import Encoder, ParquetSequences

def passes(path):
    stream = ParquetSequences.open(path, target="ill", series="id", time="t", series_per_chunk=64, rows_per_batch=16384)
    train, _, _ = stream.split()
    encoder = Encoder.fit(train)
    seen = sum(encoder(chunk).x.shape[0] for chunk in train)
    return seen, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

# The small file loads the libraries; what the large one adds is data.
_, before = passes(sys.argv[1])
seen, after = passes(sys.argv[2])
print(seen, after - before)
"""


def _write(path: Path, batches: int) -> None:
    rng = np.random.default_rng(0)
    series, steps = 250, 200
    writer = None
    for batch in range(batches):
        ids = np.repeat(np.arange(series) + batch * series, steps)
        columns = {"id": ids, "t": np.tile(np.arange(steps), series), "ill": ids % 2}
        columns |= {f"x{k}": rng.normal(size=len(ids)) for k in range(18)}
        table = pyarrow.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=10_000)
    writer.close()


def test_a_table_larger_than_the_bound_is_read_within_it(tmp_path: Path):
    """A file ten times as long takes less than 32 MB more, of the 100 MB that it holds."""
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    _write(small, 1)
    _write(large, 12)
    assert large.stat().st_size > 100e6
    done = subprocess.run([sys.executable, "-c", CODE, small, large], capture_output=True, text=True, check=True)
    seen, megabytes = done.stdout.split()
    assert int(seen) == pytest.approx(0.7 * 250 * 12, rel=0.05)
    assert float(megabytes) < 32
