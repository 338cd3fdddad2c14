"""Weighted metrics equal the plain ones: on all rows, and on rows repeated as often as their weight."""

import numpy as np
import pytest

from caudal.compare.metrics import metrics
from caudal.compare.metrics.weighted import weigh

RNG = np.random.default_rng(3)
OWNERS = 40
OWNER = RNG.integers(0, OWNERS, 150)


def of_classes(count):
    scores = RNG.dirichlet(np.ones(count), 150).astype(np.float32)
    scores[:40] = scores[40:80]  # ties
    return scores, RNG.integers(0, count, 150)


CASES = {
    "two classes": ("classify", *of_classes(2)),
    "classes": ("classify_steps", *of_classes(4)),
    "numbers": ("imitate", RNG.normal(5000, 2, (150, 3)).astype(np.float32), RNG.normal(5000, 2, (150, 3))),
}


@pytest.mark.parametrize(("kind", "metric"), [(k, m) for k, plan in metrics.METRICS.items() for m in plan.names])
def test_a_weight_is_a_number_of_repeats(kind, metric):
    task, scores, truth = CASES[kind]
    weights = np.vstack([np.ones(OWNERS), RNG.multinomial(OWNERS, np.full(OWNERS, 1 / OWNERS), size=3)])
    found = weigh(metric, scores, truth, OWNER, weights.astype(float))
    for value, weight in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(150), weight[OWNER].astype(int))
        assert value == pytest.approx(metrics.score(task, scores[rows], truth[rows])[metric], rel=1e-6)


def test_blocks_do_not_change_the_result(monkeypatch):
    _, scores, truth = CASES["two classes"]
    weights = RNG.multinomial(OWNERS, np.full(OWNERS, 1 / OWNERS), size=20).astype(float)
    whole = weigh("auroc", scores, truth, OWNER, weights)
    monkeypatch.setattr("caudal.compare.metrics.weighted._BLOCK", 300)
    assert np.array_equal(whole, weigh("auroc", scores, truth, OWNER, weights))


def test_a_draw_without_a_class_has_no_area():
    scores, truth = np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([0, 1])
    assert np.isnan(weigh("auroc", scores, truth, np.arange(2), np.array([[2.0, 0.0]]))).all()
