"""What estimators are given in the forms of other libraries: read as it is meant, told, or refused in words."""

import numpy as np
import pytest

from caudal import LiquidClassifier, LiquidRegressor
from caudal.data import from_arrays
from caudal.errors import DataError

X = np.random.default_rng(0).normal(size=(24, 2, 6))
Y = np.array([0, 1] * 12)


def _fit(x=X, y=Y, **settings):
    return LiquidClassifier("gru", **{"units": 4, "epochs": 1, "validation": 0, **settings}).fit(x, y)


@pytest.mark.parametrize(("offset", "step"), [(1.7e9, 20.0), (1e8, 0.25), (9e15, 512.0)])
def test_differences_of_large_values_and_targets_are_kept(offset, step):
    k = np.arange(24.0)
    data = from_arrays(np.repeat(offset + step * k, 6).reshape(24, 1, 6), offset + step * k, task="regress")
    assert np.array_equal(np.diff(data.values[:, 0, 0]), np.full(23, step))
    assert np.array_equal(np.diff(data.target[:, 0]), np.full(23, step))
    model = LiquidRegressor("gru", 4, epochs=1, validation=0).fit(data)
    assert model.net_.state_dict()[next(iter(model.net_.state_dict()))].dtype.is_floating_point
    assert (np.abs(model.predict(data) - offset) < 100 * step).all()


def test_padding_at_the_end_is_no_time():
    rows = [X[k, :, : 2 + k % 5] for k in range(24)]
    block = np.full(X.shape, np.nan)
    for k, row in enumerate(rows):
        block[k, :, : row.shape[1]] = row
    data = from_arrays(block, Y)
    assert data.lengths.tolist() == [row.shape[1] for row in rows]
    assert data.findings[0].code == "padding"
    model = _fit(rows)
    assert np.array_equal(model.predict_proba(rows), model.predict_proba(block))


def test_padding_is_dropped_with_its_elapsed_times_and_stays_where_time_passed():
    block = np.array([[[1.0, 2.0, np.nan]], [[1.0, 2.0, 3.0]]])
    padded = from_arrays(block, [0.0, 1.0], dt=np.array([[1.0, 2.0, 0.0], [1.0, 1.0, 1.0]]), task="regress")
    assert padded.lengths.tolist() == [2, 3] and padded.dt.tolist() == [[1, 2, 0], [1, 1, 1]]
    missing = from_arrays(block, [0.0, 1.0], dt=np.array([[1.0, 2.0, 5.0], [1.0, 1.0, 1.0]]), task="regress")
    assert missing.lengths.tolist() == [3, 3] and missing.dt[0].tolist() == [1, 2, 5] and not missing.findings
    with pytest.raises(DataError, match=r"`dt` has shape \(\) for series 0"):
        from_arrays(block, [0.0, 1.0], dt=np.ones(2), task="regress")


def test_the_order_of_axes_is_an_argument():
    first, last = _fit(), _fit(X.transpose(0, 2, 1), axes="time_first")
    assert np.array_equal(first.predict_proba(X), last.predict_proba(X.transpose(0, 2, 1)))
    with pytest.warns(UserWarning, match="is read as"):
        assert _fit(np.zeros((24, 60, 2)) + Y[:, None, None]).n_features_in_ == 2


def test_settings_of_numpy_are_numbers_and_a_seed_may_be_drawn(tmp_path):
    model = _fit(units=np.int64(4), epochs=np.int32(1), lr=np.float32(0.01), batch_size=np.uint8(8), seed=None)
    model.save(tmp_path / "m.caudal")
    assert LiquidClassifier.load(tmp_path / "m.caudal").units == 4


def test_masks_are_holes_and_labels_are_never_none():
    masked = np.ma.masked_greater(np.where(X > 1.5, 9999, X), 5000)
    assert np.abs(_fit(masked).encoder_.scaler.mean).max() < 1
    with pytest.raises(DataError, match="`y` is missing for series 3"):
        _fit(y=np.where(np.arange(24) == 3, None, Y.astype(str)))
    with pytest.raises(DataError, match="`target` is missing, and `series` names a column"):
        LiquidClassifier().fit(X[:, 0], Y, series="patient")
