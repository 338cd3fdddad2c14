"""Answers of estimators of every task, and our table beside that of fairlearn."""

from dataclasses import replace

import numpy as np
import pytest

from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.estimators import LiquidClassifier, LiquidForecaster, LiquidRegressor
from caudal.fair import Groups, ask, by_group, decisions, numbers, rates, report, synthetic
from caudal.report import fairness

SMALL = {"units": 4, "epochs": 1, "validation": 0.0}


def _wards(count=60, steps=8, outputs=1):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, 2, steps))
    truth = [np.cumsum(one[:1].repeat(outputs, 0), axis=1).T for one in values]
    who = {"ward": np.array(["a", "b"] * (count // 2))}
    return values, truth, who


def test_regression_of_several_outputs_is_told_in_their_standard_deviations():
    x, _, who = _wards()
    y = np.stack([x[:, 0].mean(1), 1000 * x[:, 1].mean(1)], 1)
    data = from_arrays(x, y, sensitive=who, task="regress")
    model = LiquidRegressor(**SMALL).fit(data)
    found = ask(model, data)
    assert found.scaled and len(found.answers) == 120
    assert found.answers.row.tolist() == np.repeat(np.arange(60), 2).tolist()
    wrong = (model.predict(data) - y) / y.std(0)
    np.testing.assert_allclose(
        np.abs(found.answers.given - found.answers.truth).mean(), np.abs(wrong).mean(), rtol=1e-5
    )
    told = report(data, found.answers, scaled=found.scaled, draws=100)
    assert "standard deviation" in fairness.render(told) and "desviación típica" in fairness.render(told, "es")


def test_steps_of_numbers_are_asked_and_followed():
    x, truth, who = _wards()
    data = from_arrays(list(x), truth, sensitive=who, task="imitate")
    model = LiquidRegressor(**SMALL).fit(data)
    found = ask(model, data, steps=[1, 8])
    assert len(found.answers) == 480 and sorted(found.at) == [1, 8]
    np.testing.assert_allclose(found.at[8].truth, [one[-1, 0] for one in truth], rtol=1e-5)
    told = report(data, found.answers, at=found.at, draws=100)
    assert [one.name for one in told.attributes[0].gaps] == ["mae", "rmse", "bias", "mean_prediction"]
    assert [one.step for one in told.attributes[0].curve] == [1, 8]
    assert "last answer of each series up to each step" in fairness.render(told)


def test_forecasts_are_followed_over_the_steps_ahead_and_clustered_by_series():
    x, _, who = _wards(steps=40)
    model = LiquidForecaster(**SMALL, horizon=3, window=8).fit(from_arrays(x, task="imitate", y=[o[:1].T for o in x]))
    data = model.prepared(from_arrays(x, [o[:1].T for o in x], task="imitate", sensitive=who))
    found = ask(model, data, steps=3)
    assert sorted(found.at) == [1, 2, 3]
    assert len(np.unique(found.answers.owner)) == 60 < len(data)
    told = report(data, found.answers, at=found.at, draws=100)
    assert "steps ahead" in fairness.render(told) and "pasos por delante" in fairness.render(told, "es")


def test_classes_of_steps_are_followed_where_they_are_known():
    x, truth, who = _wards()
    data = from_arrays(list(x), [(one[:, 0] > 0).astype(int) for one in truth], sensitive=who, task="classify_steps")
    known = np.array(data.target_mask)
    known[:5] = False  # nobody knows them
    data = replace(data, target_mask=known)
    model = LiquidClassifier(**SMALL).fit(data)
    found = ask(model, data, steps=2)
    assert len(found.answers) == known.sum() and found.at[8].row.min() == 5
    told = report(data, found.answers, at=found.at, draws=100)
    assert told.answers == 440 and told.attributes[0].density is not None


def test_persons_of_several_series_are_drawn_together():
    data = synthetic(200)
    data = replace(data, group=np.repeat(np.arange(100), 2))

    class Level:
        def predict_proba(self, data):
            yes = 1 / (1 + np.exp(-data.values[..., 0].sum(1)))
            return np.stack([1 - yes, yes], 1)

    assert len(np.unique(ask(Level(), data).answers.owner)) == 100


def test_what_cannot_be_asked_is_a_sentence():
    data = synthetic(60)
    with pytest.raises(InputError, match="the classes are 0, 1"):
        ask(None, data, positive="ill")
    with pytest.raises(InputError, match="have no target"):
        ask(None, data.without_target())


def test_a_crossing_of_too_many_groups_is_left_out_and_said():
    rng = np.random.default_rng(0)
    sensitive = {name: rng.integers(0, 8, 2000).astype(str) for name in "ab"}
    data = replace(synthetic(2000), sensitive=sensitive)
    answers = decisions(data.target, decided=data.values[:, 0, 0] > 0)
    found = report(data, answers, draws=100)
    assert len(found.attributes) == 2 and "crossing too fine" in found.not_measured
    with pytest.raises(InputError, match="at most 30 can be compared"):
        report(data, answers, cross=[("a", "b")], draws=100)
    with pytest.raises(InputError, match="names 'c', which is not among"):
        report(data, answers, cross=[("a", "c")], draws=100)


def _answered(count=2000):
    rng = np.random.default_rng(0)
    truth, score = rng.integers(0, 2, count), rng.random(count)
    columns = {"sex": rng.choice(["f", "m"], count), "site": rng.choice(["n", "s", "w"], count)}
    return truth, score, columns


def test_our_table_is_that_of_metric_frame():
    frame = pytest.importorskip("fairlearn.metrics")
    from sklearn.metrics import accuracy_score

    truth, score, columns = _answered()
    told = frame.MetricFrame(
        metrics={
            "accuracy": accuracy_score,
            "selection_rate": frame.selection_rate,
            "tpr": frame.true_positive_rate,
            "fpr": frame.false_positive_rate,
        },
        y_true=truth,
        y_pred=score >= 0.5,
        sensitive_features=columns,
    )
    ours = rates(decisions(truth, score), Groups.of(columns))
    for metric in told.by_group:
        theirs = {" & ".join(key): value for key, value in told.by_group[metric].items()}
        assert ours[metric] == pytest.approx(theirs)
    gaps = by_group(decisions(truth, score), Groups.of(columns), draws=100)
    assert gaps.gap("demographic_parity").value.value == pytest.approx(told.difference()["selection_rate"])
    assert gaps.gap("equal_opportunity").value.value == pytest.approx(told.difference()["tpr"])


def test_our_errors_are_those_of_metric_frame():
    frame = pytest.importorskip("fairlearn.metrics")
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    truth, score, columns = _answered()
    metrics = {"mae": mean_absolute_error, "rmse": root_mean_squared_error, "mean_prediction": frame.mean_prediction}
    told = frame.MetricFrame(metrics=metrics, y_true=truth, y_pred=score, sensitive_features=columns["sex"])
    ours = rates(numbers(truth, score), Groups.of({"sex": columns["sex"]}))
    for metric in metrics:
        assert ours[metric] == pytest.approx(told.by_group[metric].to_dict())
    assert told.difference()["rmse"] == pytest.approx(
        by_group(numbers(truth, score), Groups.of({"sex": columns["sex"]}), draws=100).gap("rmse").value.value
    )
