"""Prices on numbers and in streams: what they close, what they cost nothing of, and what is refused."""

import numpy as np
import pytest
import torch

from caudal.data import ParquetSequences, from_arrays
from caudal.errors import DataError, InputError
from caudal.estimators import LiquidClassifier, LiquidForecaster, LiquidRegressor
from caudal.fair.mitigate import Fairret, Lagrangian, Penalty
from caudal.train import Judged

OPTIONS = {"units": 8, "epochs": 24, "validation": 0.0, "batch_size": 50, "lr": 0.02}
TERMS = [Penalty("mean_residual", weight=10.0), Lagrangian("mean_residual", tolerance=0.02)]


def _pay(count=400, steps=6):
    """Numbers that were written down lower for one group than its inputs deserve; a channel tells the group."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, count)
    x = rng.normal(size=(count, 2, steps))
    due = x[:, 0].mean(1) * 2
    x[:, 1] += 0.3 * (2 * group - 1)[:, None]
    return x, due, group


def _gap(values, group):
    return abs(values[group == 1].mean() - values[group == 0].mean())


def test_sums_of_numbers_are_means_of_what_is_known():
    scores = torch.tensor([[1.0, 5.0], [3.0, 7.0], [0.0, 1.0]])
    target, known = (
        torch.tensor([[0.0, 9.0], [1.0, 5.0], [0.0, 0.0]]),
        torch.tensor([[True, False], [True, True], [True, True]]),
    )
    seen = Judged(scores, target, torch.tensor([0, 0, 1]), torch.ones(3), known)
    price = Penalty("mean_residual", weight=1.0)
    # First output: 1 and 2 in group 0, 0 in group 1, 1 in all; second: 2 in group 0 (one known), 1 in group 1.
    assert price.held(seen).item() == pytest.approx(0.5**2 + 1.0**2 + 0.5**2 + 0.5**2)
    assert len(price.start(2, 2)) == 9 and len(Lagrangian("mean_residual").start(2, 2)) == 17


def test_a_price_on_predictions_closes_their_gap():
    x, due, group = _pay()
    low = due - 1.0 * group  # what was written down
    plain = LiquidRegressor(**OPTIONS).fit(x, low)
    assert _gap(plain.predict(x), group) > 0.4
    for fairness in (Penalty("mean_prediction", weight=10.0), Lagrangian("mean_prediction", tolerance=0.02, step=0.2)):
        fair = LiquidRegressor(**OPTIONS, fairness=fairness).fit(x, low, sensitive=group)
        assert _gap(fair.predict(x), group) < 0.5 * _gap(plain.predict(x), group)
        assert np.abs(fair.predict(x) - due).mean() < np.abs(plain.predict(x) - due).mean()


@pytest.mark.parametrize("fairness", TERMS, ids=lambda one: one.kind)
def test_a_price_on_residuals_closes_their_gap(fairness):
    """A net that may not see the group leans to a side in each; a price takes that out where some channel tells it."""
    x, due, group = _pay()
    low = due - 1.0 * group
    few = {**OPTIONS, "epochs": 8, "lr": 0.005}
    plain = LiquidRegressor(**few).fit(x, low)
    fair = LiquidRegressor(**few, fairness=fairness).fit(x, low, sensitive=group)
    assert _gap(fair.predict(x) - low, group) < 0.75 * _gap(plain.predict(x) - low, group)


def test_steps_and_forecasts_take_a_price(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 1, 12)).cumsum(2)
    group = np.arange(40) % 2
    steps = LiquidRegressor(units=4, epochs=2, fairness=Penalty("mean_residual", warm_up=0))
    steps.fit(list(x), [one.T for one in x], sensitive=group)
    assert len(steps.predict(list(x))) == 40
    ahead = LiquidForecaster(units=4, epochs=2, horizon=2, window=6, fairness=Lagrangian("mean_residual", warm_up=0))
    whole = from_arrays(list(x), [one.T for one in x], task="imitate", sensitive={"ward": group})
    ahead.fit(whole)
    ahead.save(tmp_path / "model.caudal")
    assert LiquidForecaster.load(tmp_path / "model.caudal").fairness == ahead.fairness


@pytest.fixture
def path(tmp_path):
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(90), 5)
    frame = pandas.DataFrame({"id": ids, "x": rng.normal(size=450), "sex": np.where(ids % 3 == 0, "f", "m")})
    frame = frame.assign(t=np.tile(np.arange(5.0), 90), ill=np.where(ids % 2, "yes", "no"))
    frame.to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


ASK = {"series": "id", "time": "t", "features": ["x"]}


def test_a_stream_takes_a_price_and_trains_as_memory_does(path):
    options = {"units": 4, "epochs": 3, "validation": 0.0, "batch_size": 90, "dtype": "float64"}
    fairness = Penalty("demographic_parity", weight=3.0, warm_up=0)
    stream = ParquetSequences.open(path, **ASK, target="ill", sensitive=["sex"], series_per_chunk=90)
    flowing = LiquidClassifier(**options, fairness=fairness).fit(stream)
    held = LiquidClassifier(**options, fairness=fairness).fit(path, target="ill", sensitive="sex", **ASK)
    plain = LiquidClassifier(**options).fit(stream)
    np.testing.assert_allclose(flowing.predict_proba(stream), held.predict_proba(path), atol=1e-9)
    assert (flowing.predict_proba(stream) != plain.predict_proba(stream)).any()
    chunks = ParquetSequences.open(path, **ASK, target="ill", sensitive=["sex"], series_per_chunk=16)
    train, val, _ = chunks.split(val=0.2, test=0.0)
    assert (
        LiquidClassifier(units=4, epochs=2, fairness=fairness).fit(train, val=val).fitted_.history[-1].val is not None
    )


def test_what_a_stream_cannot_say_is_refused(path):
    bare = ParquetSequences.open(path, **ASK, target="ill", series_per_chunk=16)
    model = LiquidClassifier(units=2, epochs=1, fairness=Penalty(warm_up=0))
    with pytest.raises(DataError, match="`sensitive` is not given, and `fairness` is"):
        model.fit(bare)
    with pytest.raises(DataError, match="in batches, whose order it does not know"):
        model.fit(bare, sensitive=np.arange(90) % 2)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (LiquidRegressor(fairness=Penalty()), "'equal_opportunity', and the model predicts numbers. Pass one of 'mean"),
        (LiquidRegressor(fairness=Fairret()), "fairret has terms of classes only"),
        (LiquidClassifier(fairness=Penalty("mean_residual")), "and the model predicts classes. Pass one of 'equal_opp"),
    ],
)
def test_a_constraint_fits_what_is_predicted(model, text):
    x, y = np.zeros((20, 1, 3)), np.arange(20) % 2
    with pytest.raises(InputError, match=text):
        model.fit(x, y, sensitive=np.arange(20) // 2 % 2)
