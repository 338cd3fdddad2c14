"""Disturbances do what they say, in every task, and nothing at level 0."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from caudal.data import Scaler, from_arrays
from caudal.data.disturb import KINDS, LEVELS, UNITS, augmented, disturb, expected, keep_steps, retime
from caudal.errors import InputError

# pytest's importlib mode knows no sibling modules, so the planted series are loaded by path.
_spec = importlib.util.spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
planted = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(planted)
TASKS, series = planted.TASKS, planted.series


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", TASKS)
def test_every_level_gives_sound_series_and_level_0_the_same(task, kind):
    data = series(task)
    assert disturb(data, kind, LEVELS[kind][0], 1) is data
    assert sorted(LEVELS[kind]) == list(LEVELS[kind])
    assert UNITS[kind]
    for level in LEVELS[kind][1:]:
        one, again, other = (disturb(data, kind, level, seed) for seed in (1, 1, 2))
        assert one.digest == again.digest != data.digest
        assert kind == "subsampled" or one.digest != other.digest
        assert (one.ids == data.ids).all()


@pytest.mark.parametrize("kind", ["dropped", "subsampled"])
@pytest.mark.parametrize("task", TASKS)
def test_lost_steps_merge_their_gaps_and_take_their_targets_along(task, kind):
    data = series(task)
    level = 0.5 if kind == "dropped" else 2
    one = disturb(data, kind, level, 3)
    assert one.lengths.sum() < data.lengths.sum()
    for k in range(len(data)):
        n, old = one.lengths[k], data.lengths[k]
        time, was = one.times[k, :n], data.times[k, :old]
        at = [int(np.argmin(abs(was - t))) for t in time]
        np.testing.assert_allclose(was[at], time, atol=1e-9)
        assert at[-1] == old - 1
        np.testing.assert_array_equal(one.values[k, :n], data.values[k, at])
        np.testing.assert_array_equal(one.observed[k, :n], data.observed[k, at])
        if task in ("classify_steps", "imitate"):
            np.testing.assert_array_equal(one.target[k, :n], data.target[k, at])
            np.testing.assert_array_equal(one.target_mask[k, :n], data.target_mask[k, at])
            assert not one.target_mask[k, n:].any()
        else:
            np.testing.assert_array_equal(one.target[k], data.target[k])


def test_the_share_removed_is_the_level():
    data = from_arrays(np.ones((200, 3, 50)), np.arange(200) % 2)
    assert 1 - disturb(data, "missing", 0.4).observed.mean() == pytest.approx(0.4, abs=0.01)
    assert 1 - disturb(data, "dropped", 0.4).lengths.mean() / 50 == pytest.approx(0.4 * 49 / 50, abs=0.01)
    assert (disturb(data, "dropped", 1.0).lengths == 1).all()


def test_noise_is_in_standard_deviations_of_the_training_series_and_spares_categories():
    rng = np.random.default_rng(0)
    data = from_arrays(rng.normal(0, [[1.0], [10.0]], (100, 2, 40)), np.arange(100) % 2)
    moved = disturb(data, "noise", 0.5, 0, Scaler.fit(data)).values - data.values
    np.testing.assert_allclose(moved.std(axis=(0, 1)), [0.5, 5.0], rtol=0.05)
    mixed = replace(data, features=(data.features[0], replace(data.features[1], kind="category")))
    assert not (disturb(mixed, "noise", 0.5).values - data.values)[:, :, 1].any()


def test_jitter_keeps_order_ends_and_values():
    data = series("classify", 100)
    one = disturb(data, "jitter", 1.0, 5)
    assert (one.dt >= 0).all()
    assert (one.dt[one.mask] > 0).all()
    np.testing.assert_allclose(one.times[:, -1], data.times[:, -1])
    np.testing.assert_array_equal(one.values, data.values)
    inner = data.mask.copy()
    inner[:, 0] = False
    assert abs(one.times - data.times)[inner].max() > 0.1


def test_shuffled_gaps_are_the_same_gaps_in_another_order():
    data = series("classify", 50)
    one = retime(data, "shuffled", 1.0, 0)
    np.testing.assert_allclose(np.sort(one.dt[:, 1:], axis=1), np.sort(data.dt[:, 1:], axis=1))
    np.testing.assert_array_equal(one.dt[:, 0], data.dt[:, 0])
    assert not one.dt[~one.mask].any()
    assert (one.dt != data.dt).any()
    assert set(retime(data, "one", 2.5).dt[data.mask]) == {2.5}
    assert retime(data, "true", 1.0) is data


def test_a_series_may_shrink_to_its_last_step():
    data = series("imitate")
    last = np.arange(data.steps) == data.lengths[:, None] - 1
    one = keep_steps(data, last)
    assert one.steps == 1
    np.testing.assert_allclose(one.start, data.times[:, -1])


@pytest.mark.parametrize(
    ("kind", "level"), [("fog", 0.1), ("noise", -1), ("missing", 1.5), ("noise", np.nan), ("subsampled", 0.5)]
)
def test_bad_levels_are_refused(kind, level):
    with pytest.raises(InputError, match="disturb: "):
        disturb(series("classify"), kind, level)


@pytest.mark.parametrize("task", TASKS)
def test_half_of_the_series_are_disturbed_anew_in_each_pass(task):
    data = series(task)
    levels = expected("fit", "augment", {"noise": 1.0, "dropped": 0.5, "dead": 1})
    passes = [augmented(data, levels, seed=3, number=number) for number in (0, 0, 1)]
    assert passes[0].digest == passes[1].digest != passes[2].digest
    assert (passes[0].ids == data.ids).all() and (passes[0].steps == data.steps)
    same = [data.select([k]).digest == passes[0].select([k]).digest for k in range(len(data))]
    assert 0 < sum(same) < len(data)
    assert augmented(data, {}, seed=3) is data


def test_what_is_expected_is_read_in_one_order_and_refused_in_words():
    assert list(expected("fit", "augment", {"dead": 1, "noise": 0.5})) == ["noise", "dead"]
    for levels, fault in [
        ({"droped": 0.4}, "Did you mean 'dropped'"),
        ({"dropped": 1.5}, "is 1.5 for dropped; expected a number from 0 to 1"),
        ({"dead": 0.5}, "is 0.5 for dead; expected a whole number"),
        ({"noise": float("nan")}, "is nan for noise"),
        ({"noise": "much"}, "holds 'much' for noise"),
    ]:
        with pytest.raises(InputError, match=fault):
            expected("fit", "augment", levels)
