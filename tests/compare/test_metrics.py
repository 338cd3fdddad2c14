"""Metrics give scikit-learn's numbers, and say why where there is none."""

import numpy as np
import pytest

from caudal.compare.metrics import metrics
from caudal.compare.metrics import metrics as metrics_module
from caudal.errors import InputError

sklearn = pytest.importorskip("sklearn.metrics")


def _case(count, seed=0, ties=False, n=200):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(count), n)
    if ties:
        scores = np.round(scores, 1)
        scores[:, -1] = np.maximum(1 - scores[:, :-1].sum(1), 0)
    return scores.astype(np.float32), rng.integers(0, count, n)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_two_classes(seed, ties):
    scores, truth = _case(2, seed, ties)
    found = metrics.score("classify", scores, truth)
    p = scores[:, 1].astype(np.float64)
    said = scores.argmax(1)
    assert found == {
        "auroc": pytest.approx(sklearn.roc_auc_score(truth, p)),
        "auprc": pytest.approx(sklearn.average_precision_score(truth, p)),
        "accuracy": pytest.approx(sklearn.accuracy_score(truth, said)),
        "balanced_accuracy": pytest.approx(sklearn.balanced_accuracy_score(truth, said)),
        "brier": pytest.approx(sklearn.brier_score_loss(truth, p)),
        "log_loss": pytest.approx(sklearn.log_loss(truth, scores), rel=1e-5),
        "ece": pytest.approx(found["ece"]),
    }
    assert list(found) == list(metrics.METRICS["two classes"].names)


@pytest.mark.parametrize("seed", range(3))
def test_more_classes(seed):
    scores, truth = _case(4, seed)
    found = metrics.score("classify_steps", scores, truth)
    said = scores.argmax(1)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, said))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(truth, said, average="macro"))
    assert found["log_loss"] == pytest.approx(sklearn.log_loss(truth, scores), rel=1e-5)
    assert found["brier"] == pytest.approx(sklearn.brier_score_loss(truth, scores, scale_by_half=False), rel=1e-5)


def test_numbers():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(50, 3))
    scores = truth + rng.normal(size=truth.shape)
    assert metrics.score("forecast", scores, truth) == {
        "mse": pytest.approx(sklearn.mean_squared_error(truth, scores)),
        "rmse": pytest.approx(sklearn.mean_squared_error(truth, scores) ** 0.5),
        "mae": pytest.approx(sklearn.mean_absolute_error(truth, scores)),
        "r2": pytest.approx(sklearn.r2_score(truth, scores)),
    }


def test_calibration_of_a_truthful_forecaster_is_near_0_and_of_a_boaster_is_not():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    truth = (rng.random(20_000) < p).astype(int)
    assert metrics_module.calibration_error(np.stack([1 - p, p], 1), truth) < 0.02
    boast = np.where(p > 0.5, 0.99, 0.01)
    assert metrics_module.calibration_error(np.stack([1 - boast, boast], 1), truth) > 0.2
    assert sum(number for *_, number in metrics_module.bins(np.stack([1 - p, p], 1), truth)) == 20_000


def test_what_is_not_defined_is_left_out_with_a_reason():
    one, same = np.array([[0.4, 0.6], [0.3, 0.7]]), np.array([0, 0])
    values, why = metrics.measure("classify", one, same)
    assert set(values) | set(why) == set(metrics.METRICS["two classes"].names)
    assert why == {
        "auroc": "one class only among the known targets",
        "auprc": "no positive among the known targets",
    }
    assert metrics.measure("regress", np.zeros((2, 1)), np.ones((2, 1)))[1] == {"r2": "the known targets do not vary"}
    assert all(np.isfinite(list(metrics.score("classify", np.eye(2), np.array([1, 0])).values())))


@pytest.mark.parametrize(
    ("scores", "truth"),
    [
        (np.zeros((3, 2)), np.zeros(2, int)),
        (np.zeros((0, 2)), np.zeros(0, int)),
        (np.full((2, 2), np.nan), np.zeros(2, int)),
    ],
)
def test_bad_scores_are_refused(scores, truth):
    with pytest.raises(InputError, match=r"metrics\.score: `scores`"):
        metrics.score("classify", scores, truth)


def test_the_margin_of_an_error_is_a_share_of_the_trivial_one():
    assert metrics.METRICS["numbers"].margin_of(10.0) == pytest.approx(0.2)
    assert metrics.METRICS["classes"].margin_of(0.3) == 0.01
    assert set(metrics.HIGHER_IS_BETTER) == set(metrics.WORDS)
    assert all(name in metrics.WORDS for plan in metrics.METRICS.values() for name in plan.names)
