"""The networks of a study, given out: what they answer is what the study judged."""

import math

import numpy as np
import pytest
from sklearn.base import clone

import caudal as cd
from caudal.compare import compare
from caudal.compare.contenders.network import kept
from caudal.compare.contenders.registry import CONTENDERS
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


def judged(task, *models):
    parts = open_source(series(task)).parts
    jobs = {name: Job(name, "final", 0, 3, epochs=2, parameters=300, disturb=False) for name in models}
    return parts, {name: [run_job(job, parts)] for name, job in jobs.items()}


def estimator(one):
    return wrap(one.net, one.encoder, one.train, one.fitted, one.settings)


@pytest.mark.parametrize("task", ["classify", "regress"])
def test_a_network_of_a_study_answers_as_it_was_judged(tmp_path, task):
    parts, finals = judged(task, "ltc-ncp", "cfc", "lstm", "trees", "trivial")
    found, left = kept(finals, parts)
    assert [one.name for one in found] == ["ltc-ncp", "cfc", "lstm"]
    assert "no network" in left["trees"] and "trivial" not in left
    assert found[2].encoder.clock == "log"
    for one in found:
        estimator(one).save(tmp_path / "model.caudal")
        model = cd.load(tmp_path / "model.caudal")
        told = model.predict_proba(parts.test) if task == "classify" else model.predict(parts.test)[:, None]
        assert np.allclose(told, finals[one.name][0].scores, atol=1e-5)
        assert model.cell == one.name and math.isnan(model.fitted_.history[0].seconds)
        assert model.explain(parts.test.select(slice(0, 2))) is not None


def test_it_can_be_fitted_again():
    parts, finals = judged("regress", "cfc-ncp", "ltc-ncp-19")
    for one in kept(finals, parts)[0]:
        again = estimator(one).set_params(epochs=1).fit(parts.train)
        assert again.net_.layer.wiring.units == one.net.layer.wiring.units


NETWORKS = [name for name, entry in CONTENDERS.items() if entry.kind == "network"]


@pytest.mark.parametrize("task", ["classify", "regress"])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_study_hands_over_is_fitted_to_itself_again(name, task):
    parts, finals = judged(task, name)
    (one,), _ = kept(finals, parts)
    model = estimator(one)
    again = clone(model).set_params(epochs=1, validation=0).fit(parts.train)
    assert again.encoder_ == model.encoder_
    shapes = [{key: value.shape for key, value in each.net_.state_dict().items()} for each in (model, again)]
    assert shapes[0] == shapes[1]
    assert getattr(again.net_.layer, "wiring", None) == getattr(model.net_.layer, "wiring", None)
    assert repr(again.net_) == repr(model.net_)
    assert (again.net_.pool, again.net_.outputs) == (model.net_.pool, model.net_.outputs)


def test_a_network_of_other_outputs_is_refused():
    parts, finals = judged("regress", "cfc")
    one = kept(finals, parts)[0][0]
    with pytest.raises(InputError, match="gives 1 outputs where the task asks for 2"):
        wrap(one.net, one.encoder, series("classify"), one.fitted)


def test_a_study_hands_them_over(tmp_path):
    found = []
    changes = {"seeds": 1, "trials": 0, "epochs": 1, "parameters": 300, "resamples": 100}
    compare(series("classify"), tmp_path, models=("cfc", "lstm"), executor="inline", watcher=Silent(),
            keep=found.append, changes=changes)  # fmt: skip
    assert [one.name for one in found] == ["cfc", "lstm"]
