"""What trees read follows from the series up to a step, and from nothing else."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from caudal.compare.job import Job, Parts
from caudal.compare.run import train
from caudal.data import from_arrays
from caudal.estimators import features
from caudal.estimators.features import at_ends, at_steps, names_of
from caudal.estimators.trees import some_rows

# pytest's importlib mode knows no sibling modules, so the planted series are loaded by path.
_spec = importlib.util.spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
planted = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(planted)


def _named(data, lags=2):
    return dict(zip(names_of(data, lags), at_ends(data, lags).T, strict=True))


def test_summaries_of_one_series():
    x, dt = np.array([[1.0, np.nan, 4.0, 2.0, np.nan]]), np.array([[9.0, 1.0, 2.0, 3.0, 0.5]])
    found = {name: float(column[0]) for name, column in _named(from_arrays(x[:, None], [0.5], dt=dt)).items()}
    seen, time = np.array([1.0, 4.0, 2.0]), np.array([0.0, 3.0, 6.0])
    assert found == pytest.approx(
        {
            "last(x0)": 2.0, "mean(x0)": 7 / 3, "min(x0)": 1.0, "max(x0)": 4.0, "std(x0)": seen.std(),
            "slope(x0)": np.polyfit(time, seen, 1)[0], "count(x0)": 3.0, "missing(x0)": 0.4, "since(x0)": 0.5,
            "change(x0)": -2.0, "x0 1 back": 2.0, "x0 2 back": 4.0, "steps": 5.0, "duration": 6.5, "gap": 0.5,
            "mean gap": 6.5 / 4, "std gap": np.std([1, 2, 3, 0.5]), "longest gap": 3.0,
        },
        abs=1e-6,
    )  # fmt: skip


def test_one_step_and_nothing_observed_are_told_apart():
    found = _named(from_arrays([np.array([[3.0]]), np.array([[np.nan, np.nan]])], [0.0, 1.0], task="regress"))
    assert np.isnan(found["last(x0)"]).tolist() == [False, True]
    assert (found["slope(x0)"][0], found["std(x0)"][0], found["steps"].tolist()) == (0.0, 0.0, [1.0, 2.0])
    assert np.isnan(found["change(x0)"]).all()
    assert found["missing(x0)"].tolist() == [0.0, 1.0]


def test_slope_and_spread_keep_their_digits_beside_a_huge_mean():
    x = 1e6 + np.arange(50.0) / 100
    found = _named(from_arrays(x[None, None], [0.0], task="regress", dtype="float64"))
    assert found["slope(x0)"][0] == pytest.approx(0.01, rel=1e-4)
    assert found["std(x0)"][0] == pytest.approx(x.std(), rel=1e-4)


def test_a_step_knows_nothing_of_later_ones():
    data = planted.series("imitate")
    whole = at_steps(data, data.mask, 3)
    cut = planted.data.Sequences(
        **{
            **data.__dict__,
            "lengths": np.minimum(data.lengths, 4),
            **{name: getattr(data, name)[:, :4] for name in ("values", "observed", "dt", "target", "target_mask")},
        }
    )
    rows = np.flatnonzero((np.arange(data.steps) < 4)[None].repeat(len(data), 0)[data.mask])
    np.testing.assert_allclose(at_steps(cut, cut.mask, 3), whole[rows], rtol=1e-4, atol=1e-5)


def test_chunks_change_nothing(monkeypatch):
    data = planted.series("classify", 60)
    ends, steps = at_ends(data, 2), at_steps(data, data.mask, 2)
    monkeypatch.setattr(features, "_CELLS", 500)
    np.testing.assert_array_equal(at_ends(data, 2), ends)
    np.testing.assert_array_equal(at_steps(data, data.mask, 2), steps)
    assert len(ends) == 60


def test_trees_find_what_is_planted_and_are_cut_by_validation():
    parts = planted.parts("classify", 200)
    trained = train(Job("trees", "final", 0, 0, {"least": 5}), parts)
    right = (trained.answer(parts.test).argmax(1) == parts.test.target).mean()
    assert right > 0.9
    assert trained.contender.units < 150
    assert trained.contender.parameters > 2 * trained.contender.units


def test_a_forecast_survives_shorter_windows_and_unseen_classes_get_probability_0():
    parts = planted.parts("forecast")
    trained = train(Job("trees", "final", 0, 0, {"rounds": 5, "least": 3}), parts)
    short = parts.test.select(slice(0, 3))
    assert trained.answer(short).shape == (3, 2, 1)
    three = planted.parts("classify", classes=3)
    few = three.train.select(three.train.target < 2)
    trained = train(Job("trees", "final", 0, 0, {"rounds": 5, "least": 3}), Parts(few, three.val, three.test))
    answer = trained.answer(three.test)
    assert answer.shape == (30, 3)
    assert not answer[:, 2].any()


def test_rows_beyond_what_trees_can_take_are_left_out_by_chance():
    x, y = np.arange(4000.0)[:, None], np.arange(4000)
    kept, same = some_rows(np.random.default_rng(0), x, y, 1500)
    assert len(kept) == 1500
    np.testing.assert_array_equal(kept[:, 0], same)
    assert len(some_rows(np.random.default_rng(0), x, y, 9999)[0]) == 4000
