"""Metrics by group against scikit-learn and fairlearn's definitions; gaps; refusals."""

import numpy as np
import pytest

from caudal.errors import InputError
from caudal.fair import Groups, decisions, gaps, numbers, rates
from caudal.fair.metrics import measure


def _some(count=400, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, count)
    score = np.clip(np.round(rng.random(count) * 0.6 + 0.4 * truth, 2), 0, 1)
    return decisions(truth, score), Groups.of({"g": rng.choice(list("abc"), count)})


def test_metrics_are_those_of_scikit_learn():
    from sklearn import metrics

    answers, groups = _some()
    found = rates(answers, groups)
    for name in groups.names:
        rows = groups.where(name)
        truth, given, score = answers.truth[rows], answers.given[rows], answers.score[rows]
        assert found["accuracy"][name] == pytest.approx(metrics.accuracy_score(truth, given))
        assert found["tpr"][name] == pytest.approx(metrics.recall_score(truth, given))
        assert found["fpr"][name] == pytest.approx(1 - metrics.recall_score(1 - truth, 1 - given))
        assert found["auroc"][name] == pytest.approx(metrics.roc_auc_score(truth, score))
        assert found["calibration_gap"][name] == pytest.approx(score.mean() - truth.mean())


def test_weights_count_answers_several_times():
    answers, _ = _some(50)
    weights = np.random.default_rng(1).integers(0, 4, (3, 50)).astype(float)
    for metric in ("base_rate", "tpr", "auroc", "calibration_error"):
        again = [measure(answers.select(np.repeat(np.arange(50), row.astype(int))), metric)[0] for row in weights]
        assert measure(answers, metric, weights) == pytest.approx(again)


def test_gaps_leave_small_groups_out():
    truth = np.tile([0, 1], 43)
    answers = decisions(truth, decided=np.where(np.arange(86) < 80, truth, 0))
    groups = Groups.of({"g": ["a"] * 40 + ["b"] * 40 + ["c"] * 6})
    assert gaps(answers, groups)["equal_opportunity"] == 0
    assert gaps(answers, groups, small=True)["equal_opportunity"] == 1
    assert gaps(answers, groups, small=True)["equalised_odds"] == 1


def test_numbers_have_errors_and_bias():
    groups = Groups.of({"g": list("aabb")})
    found = rates(numbers([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 2.0, 6.0]), groups)
    assert found == {
        "mae": {"a": 1.0, "b": 1.5},
        "rmse": {"a": 1.0, "b": np.sqrt(2.5)},
        "bias": {"a": 1.0, "b": 0.5},
        "mean_prediction": {"a": 2.5, "b": 4.0},
    }


def test_a_group_of_one_class_has_no_share_found():
    found = rates(decisions([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.9]), Groups.of({"g": list("aabb")}))
    assert np.isnan(found["tpr"]["a"])
    assert found["tpr"]["b"] == 0.5


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"truth": [1, 1], "score": [0.1, 0.2]}, "holds one class only: all 2 are positive"),
        ({"truth": [0, 1]}, "is not given, nor what was decided"),
        ({"truth": [0, 1], "score": [0.1, 1.2]}, "is no probability"),
        ({"truth": [0, 1], "score": [0.1, np.nan]}, "is no probability"),
        ({"truth": ["y", "n"], "score": [0.1, 0.2]}, "holds other values than 0 and 1"),
        ({"truth": [0, 1], "score": [0.1]}, r"has shape \(1,\); expected \(2,\)"),
        ({"truth": [0, 1], "score": [0.1, 0.2], "threshold": 2}, "is 2; expected 0 to 1"),
        ({"truth": [0, 1], "score": [0.1, 0.2], "owner": [1]}, "`owner` has shape"),
    ],
)
def test_refusals(given, words):
    with pytest.raises(InputError, match=words):
        decisions(**given)


def test_groups_of_other_answers_are_refused():
    with pytest.raises(InputError, match=r"name the group of 2 answers; there are 3"):
        rates(decisions([0, 1, 1], [0.1, 0.2, 0.3]), Groups.of({"g": [1, 2, 1, 2]}).select([0, 1]))
