"""The collections of sktime and aeon are all read as the same series."""

import numpy as np
import pytest

from caudal import LiquidClassifier, LiquidForecaster, LiquidRegressor
from caudal.errors import DataError
from caudal.estimators.inputs import series_of

pandas = pytest.importorskip("pandas")
SMALL = {"units": 5, "epochs": 2}


@pytest.fixture
def collection():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(2, n)) + k % 2 for k, n in enumerate([3, 5, 4, 3, 5, 6, 3, 4, 5, 3])]


def _frames(collection):
    return [pandas.DataFrame(one.T, columns=["a", "b"]) for one in collection]


def _shapes(collection):
    frames = _frames(collection)
    nested = pandas.DataFrame({name: [frame[name] for frame in frames] for name in "ab"}, index=range(10))
    return {
        "np-list": collection,
        "df-list": frames,
        "pd-multiindex": pandas.concat(frames, keys=[f"s{k}" for k in range(10)]),
        "nested_univ": nested,
    }


def test_every_shape_gives_the_same_series_and_answers(collection):
    whole = _shapes(collection)
    first = series_of(collection, "float32")
    y = np.arange(10) % 2
    model = LiquidClassifier(**SMALL).fit(collection, y)
    for name, x in whole.items():
        found = series_of(x, "float32")
        assert np.array_equal(found.values, first.values), name
        assert np.array_equal(found.dt, first.dt), name
        np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(collection))
    again = LiquidRegressor(**SMALL).fit(whole["pd-multiindex"], y.astype(float))
    assert again.predict(whole["nested_univ"]).shape == (10,)


def test_the_shapes_of_sktime_are_those_that_it_makes(collection):
    pytest.importorskip("sktime")
    from sktime.datatypes import convert_to

    cube = np.stack([one[:, :3] for one in collection])
    expected = series_of(cube, "float32")
    for kind in ("nested_univ", "pd-multiindex", "df-list", "numpy3D"):
        found = series_of(convert_to(cube, kind), "float32")
        assert np.array_equal(found.values, expected.values), kind


def test_times_of_an_index_become_elapsed_times(collection):
    frame = pandas.concat(_frames(collection), keys=range(10))
    stamps = pandas.Timestamp("2024-01-01") + pandas.to_timedelta(frame.index.get_level_values(1) ** 2, unit="min")
    frame.index = pandas.MultiIndex.from_arrays([frame.index.get_level_values(0), stamps])
    found = series_of(frame, "float32")
    assert found.dt[1].tolist()[1:5] == [60.0, 180.0, 300.0, 420.0]
    with pytest.raises(DataError, match="goes back in time in series 0"):
        series_of(frame.iloc[::-1].sort_index(level=0, sort_remaining=False), "float32")
    forecaster = LiquidForecaster(**SMALL, horizon=1, window=2).fit(frame)
    assert forecaster.predict(frame).shape == (10, 1, 2)


def test_channels_that_do_not_fit_are_refused(collection):
    frames = _frames(collection)
    frames[4] = frames[4].rename(columns={"b": "c"})
    with pytest.raises(DataError, match=r"has the channels \['a', 'c'\] in series 4"):
        LiquidClassifier().fit(frames, np.arange(10) % 2)
    nested = _shapes(collection)["nested_univ"]
    nested.at[3, "b"] = nested.at[3, "b"].iloc[:2]
    with pytest.raises(DataError, match="channels of unequal length in series 3"):
        LiquidClassifier().fit(nested, np.arange(10) % 2)
