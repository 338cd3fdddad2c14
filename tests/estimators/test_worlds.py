"""Training for an expected world and computing on change: the same for every family, by seed, kept in the file."""

import numpy as np
import pytest

from caudal.data import from_arrays
from caudal.data.changes import held_answers, sent_steps, thresholds_of
from caudal.errors import InputError
from caudal.estimators import BoostedTrees, LiquidClassifier, LiquidForecaster, LiquidRegressor, SummaryModel, load

FAMILIES = {
    "network": lambda **more: LiquidClassifier("liquid-ssm", 6, epochs=6, **more),
    "gru-d": lambda **more: LiquidClassifier("gru-d", 6, epochs=2, **more),
    "trees": lambda **more: BoostedTrees(rounds=8, least=5, **more),
    "summary": lambda **more: SummaryModel(**more),
}


def planted(seed=0, count=90, steps=12):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(count, 2, steps)), 1)
    x[:, :, 3:6] = x[:, :, 2:3]  # a sensor that stands still
    return x, np.where(x[:, 0].mean(1) > 0, "up", "down")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "settings",
    [
        {"augment": {"dead": 1, "dropped": 0.4}},
        {"send_on_change": 0.3},
        {"augment": {"noise": 1.0}, "send_on_change": 0.0},
    ],
    ids=["expected", "on change", "both"],
)
def test_every_family_takes_it_by_seed_and_into_its_file(family, settings, tmp_path):
    x, y = planted()
    data = from_arrays(x, y)
    first, second = (FAMILIES[family](**settings).fit(data) for _ in range(2))
    assert (first.answer(data) == second.answer(data)).all()
    assert not (first.answer(data) == FAMILIES[family]().fit(data).answer(data)).all()
    first.save(tmp_path / "model.caudal")
    kept = load(tmp_path / "model.caudal")
    assert {name: kept.get_params()[name] for name in settings} == settings
    assert (kept.answer(data) == first.answer(data)).all()
    refitted = kept.fit(data)
    assert (refitted.answer(data) == first.answer(data)).all()


def test_a_model_trained_with_dropped_steps_answers_better_where_steps_are_dropped():
    from caudal.data.disturb import disturb

    rng = np.random.default_rng(1)
    where = rng.integers(0, 12, 300)
    x = rng.normal(scale=0.3, size=(300, 1, 12))
    y = rng.integers(0, 2, 300)
    x[np.arange(300), 0, where] += np.where(y, 3.0, -3.0)
    data = from_arrays(x, y)
    worse = disturb(data, "subsampled", 1, 5)
    plain = LiquidClassifier("gru", 8, epochs=12, seed=1).fit(data)
    ready = LiquidClassifier("gru", 8, epochs=12, seed=1, augment={"dropped": 0.5, "subsampled": 1}).fit(data)
    assert ready.fitted_.history != plain.fitted_.history
    assert (ready.answer(worse).argmax(1) == y).mean() >= (plain.answer(worse).argmax(1) == y).mean() - 0.02


def test_holes_that_are_expected_get_indicators_and_scales_stay():
    data = from_arrays(*planted())
    plain = LiquidClassifier("gru", 4, epochs=1).fit(data).encoder_
    ready = LiquidClassifier("gru", 4, epochs=1, augment={"dead": 1}).fit(data).encoder_
    assert plain.channels == ("x0", "x1") and ready.channels == ("x0", "x1", "observed(x0)", "observed(x1)")
    assert plain.scaler == ready.scaler


def test_a_killed_training_goes_on_with_the_same_draws(tmp_path):
    data = from_arrays(*planted())
    whole = LiquidClassifier("gru", 4, epochs=4, augment={"dropped": 0.5}).fit(data)
    stopped = LiquidClassifier("gru", 4, epochs=4, augment={"dropped": 0.5}, checkpoint=str(tmp_path / "run"))

    def kill(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.fit(data, watch=kill)
    assert (stopped.fit(data).answer(data) == whole.answer(data)).all()


def test_unsent_steps_leave_answers_and_gaps_as_the_rule_says():
    values = np.array([[[0.0, 5.0], [0.2, 5.0], [0.4, 5.1], [0.4, 9.0], [0.4, 9.0]]])
    seen = np.ones(values.shape, bool)
    assert sent_steps(values, seen, np.array([5]), np.array([0.3, 1.0]))[0].tolist() == [True, False, True, True, False]
    assert sent_steps(values, seen, np.array([5]), np.array([0.3, 1.0]), last=True)[0, -1]
    seen[0, 2:, 1] = False  # what is not observed does not move
    assert sent_steps(values, seen, np.array([4]), np.array([0.3, 1.0]))[0].tolist() == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert held_answers(np.array([[True, False, False, True]]), np.array([[1.0, 2.0]])).tolist() == [[1, 1, 1, 2]]


def test_gaps_of_unsent_steps_join_the_next_one_and_per_step_answers_hold():
    x = np.repeat(np.random.default_rng(0).normal(size=(20, 1, 4)), 3, axis=2)
    per_step = from_arrays(x, np.cumsum(x[:, 0], 1)[:, :, None], dt=np.full((20, 12), 2.0), task="imitate")
    for model in (
        LiquidRegressor("liquid-ssm", 4, epochs=2, send_on_change=0.0),
        BoostedTrees(rounds=3, send_on_change=0.0),
    ):
        model.fit(per_step)
        sent = model.encoder_.sent(per_step)
        assert sent.lengths.tolist() == [4] * 20 and sent.dt[0].tolist() == [2.0, 6.0, 6.0, 6.0]
        answers = model.answer(per_step)
        assert answers.shape[:2] == (20, 12)
        assert (answers.reshape(20, 4, 3, -1) == answers.reshape(20, 4, 3, -1)[:, :, :1]).all()


def test_a_forecast_is_asked_from_the_last_step():
    wave = np.round(np.sin(np.arange(90) / 9), 1)[None, None]
    model = LiquidForecaster("gru", 4, epochs=1, horizon=2, send_on_change=0.5).fit(wave)
    assert model.predict(wave).shape == (1, 2, 1)


@pytest.mark.parametrize(
    ("asked", "fault"), [({"x9": 1.0}, "names 'x9'"), (-0.1, "is -0.1"), (float("inf"), "is inf"), ("0.1", "is '0.1'")]
)
def test_thresholds_that_make_no_sense_are_refused(asked, fault):
    with pytest.raises(InputError, match=fault):
        thresholds_of(asked, ("x0",), (1.0,))


def test_a_model_that_computes_on_change_is_explained_on_its_computed_steps():
    from caudal.explain.counterfactual import counterfactual

    x, y = planted()
    data = from_arrays(x, y)
    model = LiquidClassifier("liquid-ssm", 4, epochs=4, send_on_change=0.5).fit(data)
    why = model.explain(data.select([0]))
    lengths = model.encoder_.sent(data).lengths
    assert lengths[0] < data.lengths[0] and why is not None
    other = counterfactual(model.net_, model.encoder_, data, 0, restarts=1, steps=5)
    assert other is not None
