"""A trimmed estimator is the same estimator on a smaller circuit."""

import numpy as np
import pytest

import caudal as cd
from caudal.data import from_arrays
from caudal.errors import DataError, InputError
from caudal.estimators import LiquidClassifier, LiquidForecaster, LiquidRegressor, trim
from caudal.fair.mitigate import Penalty

X = np.random.default_rng(0).normal(size=(40, 2, 6)) + np.array([0.0, 2.0] * 20)[:, None, None]
DATA = from_arrays(X, ["calm", "busy"] * 20)


@pytest.fixture(scope="module")
def model():
    return LiquidClassifier("ltc", 8, epochs=6, lr=0.03, class_weight="balanced").fit(DATA)


def test_it_decides_saves_and_repeats(model, tmp_path):
    before = model.predict_proba(DATA)
    smaller, again = (trim(model, DATA, keep=0.2) for _ in "ab")
    assert smaller.net_.synapse_count() <= 16 and smaller.get_params() == model.get_params()
    assert smaller.score(DATA) > 0.9
    assert np.array_equal(smaller.predict_proba(DATA), again.predict_proba(DATA))
    assert np.array_equal(model.predict_proba(DATA), before) and model.net_.synapse_count() == 80
    assert smaller.fitted_.recipe.class_weights == model.fitted_.recipe.class_weights
    smaller.save(tmp_path / "small.caudal")
    loaded = cd.load(tmp_path / "small.caudal")
    assert np.array_equal(loaded.predict_proba(DATA), smaller.predict_proba(DATA))


def test_other_tasks(tmp_path):
    numbers = from_arrays(X, X.mean((1, 2)))
    model = LiquidRegressor("ctrnn", 6, epochs=2, validation=0.0).fit(numbers)
    smaller = trim(model, numbers, val=numbers, keep=0.5, rounds=1)
    assert smaller.predict(numbers).shape == model.predict(numbers).shape
    assert smaller.fitted_.history[0].val is not None
    rows = [{"id": k, "t": t, "x": np.sin(t + k)} for k in range(6) for t in range(30)]
    waves = pytest.importorskip("pandas").DataFrame(rows)
    ahead = LiquidForecaster("lrc", 6, epochs=2, horizon=2, window=4).fit(waves, target="x", series="id", time="t")
    assert trim(ahead, waves, keep=0.5, rounds=1).net_.layer.wiring.units <= 6


def test_what_does_not_fit_is_refused(model):
    with pytest.raises(InputError, match="trim: `model` is a Readout of a GRU"):
        trim(LiquidClassifier("gru", 4, epochs=1).fit(DATA), DATA)
    with pytest.raises(DataError):
        trim(model, from_arrays(X, [0, 1] * 20))
    asked = LiquidClassifier("ltc", 4, epochs=1, fairness=Penalty("demographic_parity", 1.0, warm_up=1))
    groups = np.array(["a", "b"] * 20)
    with pytest.warns(UserWarning, match="term"):
        asked.fit(DATA, sensitive=groups)
    with pytest.raises(InputError, match="was fitted with `fairness`, which trimming would not keep"):
        trim(asked, DATA)
