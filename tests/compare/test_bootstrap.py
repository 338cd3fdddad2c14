"""Intervals hold what they say, on data whose truth is known."""

import numpy as np
import pytest

from caudal.compare.metrics.bootstrap import Spread, draw, holm, over_seeds


def spread_of(values, draws):
    """`values (seeds, owners)`: the estimate is their mean."""
    drawn = (draws @ values.T) / draws.sum(axis=1, keepdims=True)
    return Spread(values.mean(axis=1), drawn, count=values.shape[1], owners=values.shape[1])


def share_covered(seeds, owners, of_seeds, of_owners, noise, repeats, draws=400):
    rng = np.random.default_rng(1)
    hits = 0
    for repeat in range(repeats):
        values = (
            of_seeds * rng.normal(size=(seeds, 1))
            + of_owners * rng.normal(size=(1, owners))
            + noise * rng.normal(size=(seeds, owners))
        )
        found = spread_of(values, draw(owners, draws, repeat)).interval()
        hits += found.low <= 0 <= found.high
    return hits / repeats


def test_one_seed_spreads_over_series_alone():
    rng = np.random.default_rng(0)
    found = spread_of(rng.normal(size=(1, 400)), draw(400, 1000)).interval()
    assert (found.high - found.low) / 2 == pytest.approx(1.96 / 20, rel=0.15)


def test_the_same_draws_make_differences_pair():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(5, 200))
    draws = draw(200, 500)
    gap = spread_of(common + 0.1, draws).minus(spread_of(common, draws))
    assert gap.interval().low == pytest.approx(0.1) and gap.p_value() < 1e-6
    none = spread_of(common, draws).minus(spread_of(common, draws))
    assert none.p_value() == 1.0 and none.interval().value == 0


def test_draws_that_leave_the_metric_undefined_are_passed_over():
    drawn = np.array([[np.nan, np.nan], [0.5, 0.6], [0.6, 0.7], [0.55, np.nan]])
    found = Spread(np.array([0.5, 0.6]), drawn).interval()
    assert np.isfinite([found.low, found.high]).all() and found.low < 0.55 < found.high
    assert Spread(np.array([np.nan]), np.array([[np.nan]])).p_value() == 1.0


def test_more_seeds_narrow_the_interval():
    assert over_seeds(np.arange(10.0)).high < over_seeds(np.arange(0.0, 10.0, 3)).high + 1
    assert not over_seeds(np.array([0.7])).is_known and not over_seeds(np.array([0.7, 0.9])).is_known


def test_holm_keeps_order_and_never_exceeds_one():
    assert holm([]) == [] and holm([0.6, 0.7]) == [1.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "owners", "of_seeds", "of_owners", "noise"),
    [(5, 100, 0.0, 1.0, 0.5), (5, 100, 0.3, 1.0, 0.5), (5, 100, 1.0, 0.1, 0.5), (2, 100, 0.1, 1.0, 0.5),
     (10, 30, 0.1, 1.0, 1.0)],
)  # fmt: skip
def test_intervals_cover_the_truth(seeds, owners, of_seeds, of_owners, noise):
    covered = share_covered(seeds, owners, of_seeds, of_owners, noise, 1500)
    assert 0.935 <= covered <= 0.995


@pytest.mark.slow
@pytest.mark.parametrize(("of_seeds", "of_owners"), [(0.0, 1.0), (0.3, 1.0), (1.0, 0.1)])
def test_p_values_are_no_smaller_than_chance(of_seeds, of_owners):
    rng = np.random.default_rng(2)
    found = []
    for repeat in range(1000):
        values = of_seeds * rng.normal(size=(5, 1)) + of_owners * rng.normal(size=(1, 100))
        found.append(spread_of(values, draw(100, 400, repeat)).p_value())
    assert np.mean(np.array(found) < 0.05) <= 0.07 and np.mean(np.array(found) < 0.005) <= 0.012
