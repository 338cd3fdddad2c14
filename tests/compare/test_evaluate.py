"""A run gives a whole outcome for every contender and task, and a sick one says so in words."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from caudal.audit import model_digest
from caudal.compare.contenders.base import unpacked
from caudal.compare.contenders.registry import CONTENDERS
from caudal.compare.job import Job, Parts
from caudal.compare.measure.timing import compiling
from caudal.compare.metrics import metrics
from caudal.compare.record import Run
from caudal.compare.run import disturbed_rows, run_job, train
from caudal.data.disturb import LEVELS
from caudal.estimators.trivial import _input_of

# pytest's importlib mode knows no sibling modules, so the planted series are loaded by path.
_spec = importlib.util.spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
planted = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(planted)

pytest.importorskip("sklearn")
PARTS = {task: planted.parts(task) for task in planted.TASKS}
FEW = {"trees": {"rounds": 5, "least": 3}}


def _job(model, phase="final", **more):
    return Job(model, phase, 0, 3, **{"settings": FEW.get(model, {}), "epochs": 2, "parameters": 300, **more})


@pytest.mark.parametrize("model", CONTENDERS)
@pytest.mark.parametrize("task", planted.TASKS)
def test_every_contender_does_every_task(task, model):
    parts = PARTS[task]
    out = run_job(_job(model, disturb=model in ("cfc", "trees")), parts)
    run, plan = out.run, metrics.plan_of(parts.test)
    assert run.failed == ""
    assert set(run.metrics) | set(run.left_out) == set(plan.names)
    assert all(np.isfinite([*run.metrics.values(), *run.val_metrics.values(), *run.timing.values()]))
    assert set(run.timing) == {"true", "one", "shuffled"}
    assert run.timing["true"] == pytest.approx(run.metrics[plan.primary])
    known = parts.test.target_mask if parts.test.classes else parts.test.target_mask.all(-1)
    assert len(out.scores) == len(out.series) == len(out.truth) == known.sum()
    assert out.scores.dtype == np.float32
    if parts.test.classes:
        np.testing.assert_allclose(out.scores.sum(1), 1, atol=1e-5)
    entry = CONTENDERS[model]
    assert (out.circuit is not None) == entry.wired
    assert out.model is not None
    assert len(run.history) == run.epochs == (2 if entry.kind == "network" else 0)


def test_more_than_two_classes():
    for task in ("classify", "classify_steps"):
        parts = planted.parts(task, classes=3)
        for model in ("cfc", "trees", "trivial", "ltc-ncp-19"):
            out = run_job(_job(model, disturb=False), parts)
            assert out.run.failed == ""
            assert out.scores.shape[1] == 3
            assert next(iter(out.run.metrics)) == "accuracy"


@pytest.mark.parametrize("model", ["gru", "ltc-ncp", "gru-d", "transformer", "ssm", "mixed", "cfc-ncp", "trees"])
def test_an_answer_does_not_depend_on_the_series_beside_it(model):
    parts = PARTS["classify"]
    trained = train(_job(model), parts)
    whole = trained.answer(parts.test)
    for row in (0, 7, 19):
        np.testing.assert_allclose(trained.answer(parts.test.select([row]))[0], whole[row], atol=2e-6)
    some = [11, 3, 28, 4]
    np.testing.assert_allclose(trained.answer(parts.test.select(some)), whole[some], atol=2e-6)


@pytest.mark.parametrize("model", ["cfc", "trees", "ltc-ncp"])
def test_the_same_job_gives_the_same_outcome(model):
    one, again = (run_job(_job(model, disturb=False), planted.parts("classify")) for _ in range(2))
    np.testing.assert_array_equal(one.scores, again.scores)
    assert model_digest(unpacked(one.model)) == model_digest(unpacked(again.model))
    other = run_job(replace(_job(model, disturb=False), seed=4), PARTS["classify"])
    assert model == "trees" or (other.scores != one.scores).any()


def test_a_trial_never_sees_the_test_series():
    parts = PARTS["classify"]
    blind = Parts(parts.train, parts.val, parts.test.without_target())
    out = run_job(_job("cfc", "trial"), blind)
    assert out.run.failed == ""
    assert out.run.val_metrics["auroc"] > 0
    assert not out.run.metrics
    assert not len(out.scores)


def test_robustness_is_measured_at_every_level_and_begins_undisturbed():
    parts = PARTS["classify"]
    parts = Parts(parts.train, parts.val, parts.test.select(slice(0, 12)))
    out = run_job(_job("cfc", epochs=5), parts)
    assert {kind: len(levels) for kind, levels in out.run.robustness.items()} == {
        kind: len(levels) for kind, levels in LEVELS.items()
    }
    assert {levels["0"] for levels in out.run.robustness.values()} == {out.run.metrics["auroc"]}
    assert out.run.robustness_series == 12


def test_robustness_costs_no_more_than_a_short_training():
    parts = PARTS["classify"]
    few = Parts(parts.train.select(slice(0, 4)), parts.val, parts.test)
    rows = disturbed_rows(_job("cfc"), few)
    variants = sum(map(len, LEVELS.values()))
    assert 1 <= len(rows) < len(parts.test)
    assert variants * parts.test.lengths[rows].sum() <= 6 * few.train.lengths.sum() or len(rows) == 1
    np.testing.assert_array_equal(rows, disturbed_rows(_job("lstm"), few))


def test_a_clock_that_tells_the_class_is_used_and_its_loss_is_seen():
    parts = Parts(*(planted.clock(n, seed) for seed, n in enumerate((400, 100, 200))))
    job = Job("cfc", "final", 0, 0, {"lr": 0.02}, epochs=10, parameters=1500, disturb=False)
    timing = run_job(job, parts).run.timing
    assert timing["true"] > 0.9
    assert timing["shuffled"] < 0.75
    assert timing["one"] < 0.6


def test_models_trained_anew_on_changed_clocks():
    out = run_job(_job("cfc", retrain_timing=True, disturb=False), PARTS["classify"])
    assert set(out.run.retrained) == {"true", "one", "shuffled"}
    assert out.run.retrained["true"] == out.run.metrics["auroc"]


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (_job("perceptron"), "compare: `model` is 'perceptron'"),
        (_job("cfc", settings={"speed": 1}), "compare: `settings` name 'speed'"),
        (_job("cfc", settings={"lr": -1.0}), "TrainRecipe: `lr` is -1.0"),
        (_job("transformer", settings={"lr": 1e30}, epochs=20), "NonFiniteError: "),
    ],
)
def test_a_sick_run_is_told_in_words(job, words):
    out = run_job(job, PARTS["classify"])
    assert words in out.run.failed
    assert isinstance(out.run, Run)
    assert not out.run.metrics
    assert out.contender.name == job.model
    assert out.scores.shape == (0, 0)


def test_a_run_leaves_the_threads_of_torch_as_they_were():
    before = torch.get_num_threads()
    seen = []
    run_job(_job("lstm"), PARTS["classify"], lambda share, words: seen.append(torch.get_num_threads()))
    assert set(seen) == {1}
    assert torch.get_num_threads() == before


def test_ctrl_c_passes_and_progress_rises():
    shares = []
    run_job(_job("cfc"), PARTS["classify"], lambda share, words: shares.append(share))
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0

    def stop(share, words):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(_job("cfc"), PARTS["classify"], stop)


def test_the_trivial_contender_takes_the_stronger_guess():
    out = run_job(_job("trivial"), PARTS["forecast"])
    assert out.contender.summary == "No model: the last observed value."
    test = PARTS["forecast"].test
    last = test.values[np.arange(len(test)), test.lengths - 1, 0]
    np.testing.assert_allclose(out.scores[:, 0], np.repeat(last, 2), rtol=1e-6)
    wave = np.tile([0.0, 3.0, 1.0, -2.0], 20)[None, None]
    whole = planted.data.from_arrays(wave, wave.transpose(0, 2, 1), task="imitate", names=["a"], outputs=["a"])
    season = planted.data.windows(whole, 8, 3, horizon=2)
    out = run_job(_job("trivial", disturb=False), Parts(season, season, season))
    assert out.contender.summary == "No model: the value 4 steps before."
    assert out.run.metrics["mse"] == 0.0
    assert "mean of the target" in run_job(_job("trivial"), PARTS["regress"]).contender.summary
    shares = run_job(_job("trivial"), PARTS["classify"])
    np.testing.assert_allclose(shares.scores, 0.5)
    assert shares.run.metrics["auroc"] == 0.5
    assert _input_of("next_obs3", ("obs2", "obs3")) == 1


def test_the_loss_of_several_outputs_is_in_proportion_to_the_error():
    trained = train(_job("gru"), PARTS["regress"])
    std = trained.model.encoder_.scaler.target_std
    assert len(set(std)) == 1
    assert trained.answer(PARTS["regress"].test).shape == (30, 2)


def test_compiling_is_no_part_of_the_cost_of_training():
    numba = pytest.importorskip("numba")
    import time

    @numba.njit
    def fresh(x):
        return sum([x * k for k in range(3)]) + x**2

    start = time.perf_counter()
    with compiling() as seconds:
        fresh(1.0)
        time.sleep(0.05)
    assert 0 < seconds[0] < time.perf_counter() - start - 0.04
    with compiling() as seconds:
        fresh(2.0)
    assert seconds == [0.0]
