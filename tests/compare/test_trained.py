"""Networks of a study are trained before they are judged, all families alike."""

import numpy as np
import pytest

from caudal.compare import CONTENDERS
from caudal.compare.budget import Tuner, schedule
from caudal.compare.contenders.network import batch_for
from caudal.compare.job import Job
from caudal.compare.record import Run
from caudal.compare.run import train
from caudal.data import from_arrays
from caudal.nn import Readout
from caudal.nn.baselines import GRU
from caudal.train import Examples, TrainRecipe, fit

NETWORKS = [name for name, entry in CONTENDERS.items() if entry.kind == "network"]


def test_every_network_is_tuned_over_the_same_training_and_read_out():
    shared = {"lr", "batch_size", "dropout", "pool"}
    spaces = {name: CONTENDERS[name].space for name in NETWORKS}
    assert all(shared <= set(space) for space in spaces.values())
    for setting in shared:
        assert len({repr(space[setting]) for space in spaces.values()}) == 1


@pytest.mark.parametrize("budget", ["demo", "small", "full"])
@pytest.mark.parametrize("model", ["cfc", "gru", "liquid-ssm"])
def test_both_read_outs_are_tried_in_every_budget(budget, model):
    tuner = Tuner(model, schedule(budget, ["cfc", "gru", "liquid-ssm"]), "accuracy", True)
    first, second = tuner.ask()[:2]
    assert {first.settings["pool"], second.settings["pool"]} == {"last", "mean"}
    assert {name: value for name, value in first.settings.items() if name != "pool"} == {
        name: value for name, value in second.settings.items() if name != "pool"
    }


def examples(count):
    import torch

    x = torch.randn(count, 4, 1, generator=torch.Generator().manual_seed(0))
    target = (x.mean(1)[:, 0] > 0).long()
    known = torch.ones(count, dtype=torch.bool)
    return Examples(x, torch.ones(count, 4), torch.full((count,), 4), "classify", torch.ones(count), target, known)


def test_no_pass_is_kept_before_so_many_updates_nor_ends_the_training():
    # Validation is worst of all at the end: labels are turned.
    train_part, val = examples(64), examples(32)
    val = Examples(**{**val.__dict__, "target": 1 - val.target})
    early = fit(
        Readout(GRU(1, 4), 2), train_part, val, TrainRecipe(epochs=12, batch_size=16, patience=2), progress=False
    )
    late_recipe = TrainRecipe(epochs=12, batch_size=16, patience=2, least_updates=20)
    late = fit(Readout(GRU(1, 4), 2), train_part, val, late_recipe, progress=False)
    assert early.best_epoch == 1 and len(early.history) == 3
    assert late.best_epoch == 5 and len(late.history) == 7
    few = TrainRecipe(epochs=12, batch_size=16, patience=2, least_updates=10**6)
    assert fit(Readout(GRU(1, 4), 2), train_part, val, few, progress=False).best_epoch == 6


def test_a_batch_follows_the_number_of_series():
    assert [batch_for(series) for series in (10, 256, 1024, 2000, 2048, 6400)] == [8, 8, 32, 32, 32, 100]


def test_the_pass_kept_is_recorded_and_told_where_nothing_was_learnt():
    rng = np.random.default_rng(0)
    series = from_arrays(rng.normal(size=(60, 1, 5)), rng.integers(0, 2, 60))
    from caudal.compare.data import open_source
    from caudal.compare.run import run_job

    parts = open_source(series).parts
    run = run_job(Job("gru", "final", 0, 0, epochs=4, parameters=100, disturb=False), parts).run
    assert 1 <= run.best_epoch <= run.epochs == len(run.history)
    model = train(Job("gru", "final", 0, 0, epochs=4, parameters=100), parts).model
    assert model.fitted_.best_epoch == run.best_epoch
    losses = ((1.0, 1.0), (0.6, 1.1), (0.5, 1.2))
    assert Run("gru", 0, {}, {}, 3, 1.0, history=losses, best_epoch=1).is_hardly_trained
    assert not Run("gru", 0, {}, {}, 3, 1.0, history=losses, best_epoch=2).is_hardly_trained
    assert Run("gru", 0, {}, {}, 2, 1.0, history=((1.0, 1.0), (1.0, 0.9)), best_epoch=2).is_hardly_trained
    assert not Run("trees", 0, {}, {}, 0, 1.0).is_hardly_trained
