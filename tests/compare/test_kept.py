"""The models of a study, given out: they answer as they were judged, and are fitted to themselves again."""

import numpy as np
import pytest
from sklearn.base import clone

import caudal as cd
from caudal.compare import CONTENDERS, compare
from caudal.compare.contenders.base import unpacked
from caudal.compare.data import open_source
from caudal.compare.job import Job
from caudal.compare.progress import Silent
from caudal.compare.run import run_job
from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.estimators import wrap


def series(task, count=60, steps=12):
    rng = np.random.default_rng(5)
    x, dt = rng.normal(size=(count, 2, steps)), rng.uniform(0.5, 2.0, size=(count, steps))
    if task == "classify":
        return from_arrays(x, np.where(x[:, 0].mean(1) > 0, "up", "down"), dt=dt)
    return from_arrays(x, x[:, 0].sum(1), dt=dt, task="regress")


def judged(task, name):
    parts = open_source(series(task)).parts
    job = Job(name, "final", 0, 3, epochs=2, parameters=300, disturb=False)
    return parts, run_job(job, parts)


@pytest.mark.parametrize("task", ["classify", "regress"])
@pytest.mark.parametrize("name", CONTENDERS)
def test_a_file_of_a_study_answers_as_it_was_judged(tmp_path, task, name):
    parts, outcome = judged(task, name)
    unpacked(outcome.model).save(tmp_path / "model.caudal")
    model = cd.load(tmp_path / "model.caudal")
    answered = model.predict_proba(parts.test) if task == "classify" else model.predict(parts.test)[:, None]
    assert np.array_equal(answered.astype(np.float32), outcome.scores)


@pytest.mark.parametrize("task", ["classify", "regress"])
@pytest.mark.parametrize("name", CONTENDERS)
def test_what_a_study_hands_over_is_fitted_to_itself_again(name, task):
    parts, outcome = judged(task, name)
    model = unpacked(outcome.model)
    again = clone(model).fit(parts.train, val=parts.val)
    assert again.encoder_ == model.encoder_
    assert again.get_params() == model.get_params()
    assert np.array_equal(again.answer(parts.test), model.answer(parts.test))
    if CONTENDERS[name].kind == "network":
        assert repr(again.net_) == repr(model.net_)
        assert getattr(again.net_.layer, "wiring", None) == getattr(model.net_.layer, "wiring", None)
        assert model.explain(parts.test.select(slice(0, 1))) is not None
    else:
        with pytest.raises(InputError, match="follows a signal through a network"):
            model.explain(parts.test)


def test_a_network_of_other_outputs_is_refused():
    outcome = judged("regress", "cfc")[1]
    model = unpacked(outcome.model)
    with pytest.raises(InputError, match="gives 1 outputs where the task asks for 2"):
        wrap(model.net_, model.encoder_, series("classify"), model.fitted_)


def test_a_study_hands_them_over(tmp_path):
    handed = []
    changes = {"seeds": 1, "trials": 0, "epochs": 1, "parameters": 300, "resamples": 100}
    compare(series("classify"), tmp_path, models=("cfc", "lstm"), executor="inline", watcher=Silent(),
            keep=handed.append, changes=changes)  # fmt: skip
    assert [trained.name for trained in handed] == ["cfc", "lstm", "trees", "summary", "trivial"]
