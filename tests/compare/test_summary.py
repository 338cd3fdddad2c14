"""Figures with their uncertainty, where the truth is known: seeds keep their number, few series claim little."""

from dataclasses import replace
from math import erf

import numpy as np
import pytest

from caudal.compare.job import Job
from caudal.compare.metrics.bootstrap import least_p
from caudal.compare.metrics.metrics import METRICS
from caudal.compare.metrics.summary import panel
from caudal.compare.record import Run
from caudal.compare.runner import failed


def outcome(model, number, scores, truth, series=None):
    blank = failed(Job(model, "final", number, number), "")
    run = Run(model, number, dict.fromkeys(METRICS["two classes"].names + METRICS["numbers"].names, 0.0), {}, 1, 0.0)
    places = np.arange(len(truth)) if series is None else series
    return replace(blank, run=run, scores=np.asarray(scores, np.float32), truth=truth, series=places)


def lost(model, number):
    return failed(Job(model, "final", number, number), "diverged")


def chances(positive):
    return np.stack([1 - np.asarray(positive), positive], axis=1)


def spreads(metric, kind, runs, truth, seeds, owner=None, resamples=300):
    owner = np.arange(len(truth)) if owner is None else owner
    outcomes = {
        model: tuple(
            lost(model, k) if scores is None else outcome(model, k, scores, truth)
            for k, scores in enumerate(all_scores)
        )
        for model, all_scores in runs.items()
    }
    made = panel(outcomes, METRICS[kind], owner, seeds, resamples)
    return {model: made.spread(model, metric) for model in runs}


def test_a_seed_that_failed_leaves_a_gap_and_the_others_keep_their_number():
    truth = np.zeros((40, 1))
    offsets = [1.0, 2.0, 3.0, 4.0, 5.0]
    runs = {
        "cfc": [np.full((40, 1), off) for off in offsets],
        "gru": [None if k == 1 else np.full((40, 1), off) for k, off in enumerate(offsets)],
        "trees": [np.full((40, 1), 3.0)],
    }
    found = spreads("mse", "numbers", runs, truth, 5)
    assert found["gru"].value == pytest.approx(12.75)
    assert found["gru"].seeds == 4
    assert np.isnan(found["gru"].each[1]) and found["gru"].each[2] == 9
    gap = found["cfc"].minus(found["gru"])
    assert gap.each[[0, 2, 3, 4]].tolist() == [0, 0, 0, 0]
    assert gap.value == 0 and gap.p_value() == 1
    assert "4 seeds" in gap.interval().method
    assert found["trees"].each.tolist() == [9.0] * 5


@pytest.mark.parametrize("missing", [(0,), (4,), (0, 1, 2), (1, 3)])
def test_pairs_stand_on_common_seeds_whichever_fail(missing):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(30, 1))
    made = [truth + rng.normal(size=(30, 1)) for _ in range(5)]
    runs = {"cfc": made, "gru": [None if k in missing else one for k, one in enumerate(made)]}
    found = spreads("mse", "numbers", runs, truth, 5)
    gap = found["cfc"].minus(found["gru"])
    assert gap.seeds == 5 - len(missing) and gap.value == 0 and gap.p_value() == 1


@pytest.mark.parametrize("positives", [1, 2, 4])
@pytest.mark.parametrize("seeds", [1, 5])
def test_perfect_scores_on_few_series_claim_nothing_certain(positives, seeds):
    truth = np.repeat([0, 1], positives)
    runs = {"cfc": [chances(0.1 + 0.8 * truth)] * seeds, "trivial": [chances(np.full(len(truth), 0.5))]}
    found = spreads("auroc", "two classes", runs, truth, seeds)
    inside = found["cfc"].interval()
    assert inside.value == inside.high == 1 and inside.low < 0.7
    gap = found["cfc"].minus(found["trivial"])
    assert gap.p_value() >= least_p(2 * positives, [positives, positives])
    assert gap.p_value() > 0.028 and -0.5 <= gap.interval().low <= gap.interval().high <= 0.5
    assert found["trivial"].interval().low == found["trivial"].interval().high == 0.5


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_noise_is_not_called_a_difference_and_no_interval_leaves_the_possible(seeds):
    rng = np.random.default_rng(seeds)
    claims = 0
    for repeat in range(60):
        positives = int(rng.integers(1, 5))
        truth = np.repeat([0, 1], [int(rng.integers(1, 8)), positives])
        runs = {name: [chances(rng.random(len(truth))) for _ in range(seeds)] for name in ("cfc", "gru")}
        for metric in ("auroc", "accuracy", "balanced_accuracy", "macro_f1"):
            kind = "classes" if metric == "macro_f1" else "two classes"
            found = spreads(metric, kind, runs, truth, seeds, resamples=150)
            gap = found["cfc"].minus(found["gru"])
            ends = gap.interval()
            assert -1 <= ends.low <= ends.value <= ends.high <= 1, (repeat, metric)
            claims += gap.p_value() < 0.01
    assert claims <= 5


def test_one_owner_of_many_series_tells_nothing_of_others():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    right = rng.random(200) < 0.9
    runs = {"cfc": [chances(np.where(right, truth, 1 - truth) * 0.8 + 0.1)], "gru": [chances(np.full(200, 0.5))]}
    found = spreads("accuracy", "two classes", runs, truth, 1, owner=np.zeros(200, np.int64))
    ends = found["cfc"].interval()
    assert ends.low < 0.4 and found["cfc"].minus(found["gru"]).p_value() == 1
    numbers = {"cfc": [rng.normal(size=(50, 1))]}
    wide = spreads("mse", "numbers", numbers, np.zeros((50, 1)), 1, owner=np.zeros(50, np.int64))["cfc"].interval()
    assert wide.low < wide.value < wide.high


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 5, 8, 20, 60])
@pytest.mark.parametrize("share", [0.5, 0.7, 0.9, 0.97])
def test_intervals_of_shares_cover_the_truth_however_few(count, share):
    rng = np.random.default_rng(count)
    hits = 0
    for _ in range(300):
        truth = rng.integers(0, 2, count)
        right = rng.random(count) < share
        scores = chances(np.where(right, truth, 1 - truth) * 0.8 + 0.1)
        ends = spreads("accuracy", "two classes", {"cfc": [scores]}, truth, 1)["cfc"].interval()
        hits += ends.low <= share <= ends.high
    assert hits / 300 >= 0.915  # of shares so few that the exact 95 % lies between two counts


@pytest.mark.slow
@pytest.mark.parametrize("each", [2, 4, 8, 20])
@pytest.mark.parametrize("apart", [0.0, 1.0, 2.5])
def test_intervals_of_areas_cover_the_truth_however_few(each, apart):
    rng = np.random.default_rng(each)
    area, hits = 0.5 * (1 + erf(apart / 2)), 0
    for _ in range(200):
        truth = np.repeat([0, 1], each)
        scores = chances(1 / (1 + np.exp(-rng.normal(size=2 * each) - apart * truth)))
        ends = spreads("auroc", "two classes", {"cfc": [scores]}, truth, 1)["cfc"].interval()
        hits += ends.low <= area <= ends.high
    assert hits / 200 >= 0.92
