"""Estimators on files that are read in batches, within a bound of memory."""

import subprocess
import sys

import numpy as np
import pytest

from caudal import LiquidClassifier, LiquidForecaster, LiquidRegressor
from caudal.data import ParquetSequences, from_frame
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
ASK = {"series": "id", "time": "t"}


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(60), rng.integers(4, 9, 60))
    frame = pandas.DataFrame({"id": ids, "x": rng.normal(size=len(ids)) + 4.0 * (ids % 2), "ward": "a"})
    frame["t"] = frame.groupby("id").cumcount() * 2.0
    frame = frame.assign(ill=np.where(ids % 2, "yes", "no"), level=50 + 10.0 * (ids % 2))
    frame.to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def _open(path, **ask):
    return ParquetSequences.open(path, **ASK, features=["x"], series_per_chunk=16, **ask)


def test_a_stream_trains_scores_and_predicts_like_a_table(path, tmp_path):
    stream = _open(path, target="ill")
    train, val, _ = stream.split(val=0.2, test=0.0)
    for options in ({}, {"val": val}):
        source = train if options else stream
        model = LiquidClassifier(units=8, epochs=8, lr=0.03, class_weight="balanced").fit(source, **options)
        assert model.score(stream) > 0.85
        assert model.score(stream) == pytest.approx(model.score(path))
        np.testing.assert_allclose(model.predict_proba(stream), model.predict_proba(path), atol=1e-5)
    model.save(tmp_path / "model.caudal")
    again = LiquidClassifier.load(tmp_path / "model.caudal")
    np.testing.assert_array_equal(again.predict(stream), model.predict(stream))


def test_numbers_and_forecasts_flow_too(path):
    stream = _open(path, target="level", task="regress")
    model = LiquidRegressor("gru", 8, epochs=10, lr=0.03, validation=0.0, dtype="float64").fit(stream)
    assert model.predict(stream).shape == (60,)
    assert model.score(stream) == pytest.approx(model.score(path))
    ahead = _open(path, target="x", task="forecast", horizon=1, window=2)
    model = LiquidForecaster(units=4, epochs=1).fit(ahead)
    assert model.horizon_ == 1
    assert np.isfinite(model.score(ahead))


def test_what_a_stream_cannot_do_is_refused(path):
    stream = _open(path, target="ill")
    with pytest.raises(DataError, match="`sample_weight` is given, and the series are read in batches"):
        LiquidClassifier().fit(stream, sample_weight=np.ones(60))
    with pytest.raises(DataError, match="`val` is a Sequences; X is ParquetSequences"):
        LiquidClassifier().fit(stream, val=from_frame(path, target="ill", **ASK))
    with pytest.raises(DataError, match="asks to classify; expected regress or imitate"):
        LiquidRegressor().fit(stream)


CODE = """
import resource, sys
import caudal
from caudal.data import ParquetSequences

def trained(path):
    stream = ParquetSequences.open(path, target="ill", series="id", time="t", series_per_chunk=64, rows_per_batch=16384)
    model = caudal.LiquidClassifier("gru", 4, epochs=1, validation=0.15, patience=1).fit(stream)
    return len(model.predict(stream)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

# The small file loads the libraries; what the large one adds is data.
_, before = trained(sys.argv[1])
seen, after = trained(sys.argv[2])
print(seen, after - before)
"""
BOUND = 24


def _write(path, batches):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("narwhals")
    rng, series, steps, writer = np.random.default_rng(0), 250, 100, None
    for batch in range(batches):
        ids = np.repeat(np.arange(series) + batch * series, steps)
        columns = {"id": ids, "t": np.tile(np.arange(steps), series), "ill": ids % 2}
        columns |= {f"x{k}": rng.normal(size=len(ids)) for k in range(18)}
        table = pyarrow.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=10_000)
    writer.close()


@pytest.mark.slow
def test_training_on_a_table_larger_than_the_bound_stays_within_it(tmp_path):
    """The whole way, fit and predict: a file of 52 MB adds less than 24 MB to one of 4 MB."""
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    _write(small, 1)
    _write(large, 12)
    assert large.stat().st_size > 50e6
    done = subprocess.run([sys.executable, "-c", CODE, small, large], capture_output=True, text=True, check=True)
    seen, megabytes = done.stdout.split()
    assert int(seen) == 12 * 250
    assert float(megabytes) < BOUND


def test_a_long_forecast_of_a_table_is_trained_on_windows_cut_in_chunks(monkeypatch):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"t": np.arange(300.0), "y": np.sin(np.arange(300) / 5)})
    monkeypatch.setattr("caudal.data.window._AT_ONCE", 2**12)
    model = LiquidForecaster("gru", 4, horizon=3, epochs=1).fit(table, target="y", time="t")
    assert model.predict(table).shape == (1, 3, 1) and model.window_ == 12
    stopped = LiquidForecaster("gru", 4, horizon=3, epochs=1).fit(table, target="y", time="t", val=table.tail(80))
    assert stopped.predict(table).shape == (1, 3, 1)
