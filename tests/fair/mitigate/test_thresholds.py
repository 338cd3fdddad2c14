import numpy as np
import pytest

from caudal.errors import InputError
from caudal.estimators import LiquidClassifier
from caudal.fair import Groups
from caudal.fair.mitigate import fairlearn_thresholds, one_threshold, oxonfair_thresholds, reweighing

fairlearn = pytest.importorskip("fairlearn")


def scored(count=3000, seed=0):
    rng = np.random.default_rng(seed)
    who, truth = rng.integers(0, 2, count), rng.integers(0, 2, count)
    margin = 1.2 * (2 * truth - 1) - 0.8 * who + rng.normal(size=count)
    return 1 / (1 + np.exp(-margin)), truth, Groups.of({"sex": np.where(who, "m", "f")})


def spread(decided, truth, groups, event):
    rates = [decided[(groups.codes == k) & (truth == event)].mean() for k in (0, 1)]
    return abs(rates[0] - rates[1])


@pytest.mark.parametrize("find", [fairlearn_thresholds, oxonfair_thresholds])
def test_thresholds_by_group_close_the_gap_on_other_people(find):
    rule = find(*scored())
    score, truth, groups = scored(seed=1)
    decided = rule.decide(score, groups)
    assert rule.needs_attribute
    assert spread(score >= 0.5, truth, groups, 1) > 0.15 > 0.05 > spread(decided, truth, groups, 1)
    assert (decided == rule.decide(score, groups)).all()
    odds = find(*scored(), "equalised_odds").decide(score, groups)
    assert spread(odds, truth, groups, 1) < 0.06 and spread(odds, truth, groups, 0) < 0.06


def test_rules_by_group_ask_for_the_group():
    score, truth, groups = scored(200)
    rule = fairlearn_thresholds(score, truth, groups)
    with pytest.raises(InputError, match="the thresholds by fairlearn differ between groups"):
        rule.decide(score)
    with pytest.raises(InputError, match="Read them with"):
        rule.decide(score, Groups.of({"sex": np.tile(["a", "b"], 100)}))


def test_one_threshold_needs_no_group_and_keeps_its_cost():
    score, truth, groups = scored()
    rule = one_threshold(score, truth, groups, cost=0.1)
    decided = rule.decide(score)
    assert not rule.needs_attribute
    assert spread(decided, truth, groups, 1) < spread(score >= 0.5, truth, groups, 1)
    assert (decided == truth).mean() > ((score >= 0.5) == truth).mean() - 0.1 - 1e-9


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s, t, g: (s + 1, t, g), "something else than probabilities"),
        (lambda s, t, g: (s, t[:-1], g), "has shape"),
        (lambda s, t, g: (s, t * 2, g), "has shape"),
        (lambda s, t, g: (s, np.where(g.where("f"), 1, t), g), "one class only in group 'f'"),
    ],
)
def test_what_has_no_thresholds_is_refused(change, text):
    with pytest.raises(InputError, match=text):
        one_threshold(*change(*scored(50)))


def ragged(count, seed):
    rng = np.random.default_rng(seed)
    who, y = rng.integers(0, 2, count), rng.integers(0, 2, count)
    return [rng.normal(size=(2, n)) + y[k] for k, n in enumerate(rng.integers(3, 7, count))], y, who


@pytest.mark.parametrize("form", ["3d", "ragged"])
def test_reductions_and_thresholds_of_fairlearn_run_unchanged(form):
    """They see our estimator alone: 3D or ragged X, float64 probabilities, sample weights."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from fairlearn.reductions import ExponentiatedGradient, TruePositiveRateParity

    if form == "3d":
        rng = np.random.default_rng(0)
        y, who = rng.integers(0, 2, 80), rng.integers(0, 2, 80)
        x = rng.normal(size=(80, 2, 5)) + y[:, None, None]
    else:
        x, y, who = ragged(80, 0)
    model = LiquidClassifier(units=4, epochs=3, dtype="float32")
    assert model.fit(x, y, sample_weight=reweighing(who, y)).predict_proba(x).dtype == np.float64
    if form == "3d":  # fairlearn makes one array of X, which a ragged list is not
        reduced = ExponentiatedGradient(model, TruePositiveRateParity(), max_iter=2)
        reduced.fit(x, y, sensitive_features=who)
        assert set(reduced.predict(x, random_state=0)) <= {0, 1}
        cut = ThresholdOptimizer(
            estimator=model, constraints="true_positive_rate_parity", prefit=True, predict_method="predict_proba"
        )
        cut.fit(x, y, sensitive_features=who)
        assert cut.predict(x, sensitive_features=who, random_state=0).shape == (80,)
    else:
        rule = fairlearn_thresholds(model.predict_proba(x)[:, 1], y, Groups.of({"sex": who}))
        assert rule.decide(model.predict_proba(x)[:, 1], Groups.of({"sex": who})).shape == (80,)
