"""The loop learns, stops, repeats to the bit, goes on where it was killed, and says what is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from caudal import LiquidClassifier, data, nn, train
from caudal.data import from_arrays
from caudal.errors import DataError, FileFormatError, InputError, NonFiniteError
from caudal.estimators import outputs as model_outputs
from caudal.train import Examples, TrainRecipe, trainer
from caudal.train.batches import deal


def _series(task="classify", n=40, seed=0):
    """Unequal series whose mean tells the class, and is the number to find."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    rows = [rng.normal(2.0 * label[k] - 1, 1, (2, rng.integers(3, 9))) for k in range(n)]
    target = {
        "classify": label,
        "regress": np.array([row.mean() for row in rows]),
        "classify_steps": [np.full(row.shape[1], label[k]) for k, row in enumerate(rows)],
        "imitate": [row.cumsum(1).T for row in rows],
    }[task]
    return data.from_arrays(rows, target, task=task)


def _examples(task="classify", n=40, seed=0, encoder=None):
    one = _series(task, n, seed)
    return train.examples(encoder or data.Encoder.fit(one), one)


def _model(seed=0, outputs=2, dropout=0.0, inputs=2):
    torch.manual_seed(seed)
    return nn.Readout(nn.CfC(inputs, 6, backbone_units=8), outputs, dropout=dropout)


def _same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(value, other[name]) for name, value in one.items())


def _plain(history):
    return [replace(epoch, seconds=0.0) for epoch in history]


@pytest.mark.parametrize("task", ["classify", "classify_steps", "regress", "imitate"])
def test_the_loss_falls_for_every_task(task):
    outputs = {"regress": 1}.get(task, 2)
    fitted = train.fit(_model(outputs=outputs), _examples(task), recipe=TrainRecipe(epochs=8))
    assert fitted.history[-1].train < 0.8 * fitted.history[0].train


def test_a_forecast_sees_how_far_ahead_it_is_asked():
    line = np.cumsum(np.ones((3, 1, 30)), 2)
    whole = data.from_arrays(line, line.transpose(0, 2, 1), task="imitate", axes="channels_first")
    cut = data.windows(whole, 5, 2, horizon=3)
    seen = train.examples(data.Encoder.fit(cut), cut)
    assert seen.x.shape[2] == 1 + 3
    fitted = train.fit(_model(outputs=3, inputs=4), seen, recipe=TrainRecipe(epochs=10))
    assert fitted.history[-1].train < 0.5 * fitted.history[0].train


def test_padding_and_unknown_targets_cost_nothing():
    seen = _examples("imitate")
    model = _model()
    total, weight = train.loss(train.answer(model, seen), seen)
    known = seen.target_mask
    spoilt = replace(seen, target=torch.where(known, seen.target, 1e30))
    again, same = train.loss(train.answer(model, spoilt), spoilt)
    assert (again, same) == (total, weight)
    assert weight == known.sum()


def test_weights_of_series_count_as_repetition():
    seen = _examples()
    twice = torch.tensor([0, 0, 1, 2, 2, 2])
    weighted = replace(seen.rows(torch.tensor([0, 1, 2])), weight=torch.tensor([2.0, 1.0, 3.0]))
    model = _model().eval()
    one = train.loss(train.answer(model, weighted), weighted)
    two = train.loss(train.answer(model, part := seen.rows(twice)), part)
    torch.testing.assert_close(one[0], two[0])
    assert one[1] == two[1] == 6


def test_class_weights_move_the_answer():
    seen = _examples()
    # Labels that the series do not tell apart.
    seen = replace(seen, target=torch.arange(40) // 2 % 2)
    found = []
    for weights in ((1.0, 1.0), (1.0, 20.0)):
        model = _model()
        train.fit(model, seen, recipe=TrainRecipe(epochs=8, lr=0.05, class_weights=weights))
        found.append(train.answer(model, seen).softmax(1)[:, 1].mean().item())
    assert found[1] > found[0] + 0.1


def test_equal_seeds_give_equal_bits_and_the_callers_randomness_is_his():
    before = torch.get_rng_state()
    models = [_model(dropout=0.3) for _ in range(2)]
    torch.set_rng_state(before)
    for model in models:
        train.fit(model, _examples(), recipe=TrainRecipe(epochs=3, seed=4))
    assert torch.equal(torch.get_rng_state(), before)
    assert _same(models[0].state_dict(), models[1].state_dict())


def test_training_stops_and_keeps_the_best_weights():
    seen, model = _examples(), _model()
    # Labels of the validation series are wrong on purpose: what is learnt makes it worse.
    wrong = _examples(seed=1)
    wrong = replace(wrong, target=1 - wrong.target)
    fitted = train.fit(model, seen, wrong, TrainRecipe(epochs=30, patience=3, schedule="constant"))
    losses = [epoch.val for epoch in fitted.history]
    assert fitted.stopped == "patience"
    assert len(losses) == fitted.best_epoch + 3
    assert losses[fitted.best_epoch - 1] == min(losses)
    with torch.no_grad():
        total, weight = train.loss(train.answer(model, wrong), wrong)
    assert (total / weight).item() == pytest.approx(min(losses), rel=1e-5)


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.mark.parametrize("after", [1, 4, 7, 11])
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, monkeypatch, after):
    seen, val = _examples(), _examples(seed=1)
    recipe = TrainRecipe(epochs=4, batch_size=12, patience=2, lr=0.03)
    whole = _model(dropout=0.3)
    told = train.fit(whole, seen, val, recipe)

    updates = iter(range(after))
    step = torch.optim.AdamW.step

    def dying(self, closure=None):
        if next(updates, None) is None:
            raise Killed
        return step(self, closure)

    path, model = tmp_path / "run.ckpt", _model(dropout=0.3)
    monkeypatch.setattr(torch.optim.AdamW, "step", dying)
    with pytest.raises(Killed):
        train.fit(model, seen, val, recipe, checkpoint=path, every=2)
    monkeypatch.undo()
    again = _model(seed=9, dropout=0.3)
    resumed = train.fit(again, seen, val, recipe, checkpoint=path, every=2)
    assert _same(whole.state_dict(), again.state_dict())
    assert _plain(resumed.history) == _plain(told.history)
    assert (resumed.best_epoch, resumed.stopped) == (told.best_epoch, told.stopped)
    finished = train.fit(_model(dropout=0.3), seen, val, recipe, checkpoint=path)
    assert finished.history == resumed.history


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path):
    path, seen = tmp_path / "run.ckpt", _examples()
    train.fit(_model(), seen, recipe=TrainRecipe(epochs=1), checkpoint=path)
    with pytest.raises(InputError, match="another recipe, model, data or number of processes"):
        train.fit(_model(), seen, recipe=TrainRecipe(epochs=2), checkpoint=path)
    with pytest.raises(InputError, match="another recipe, model, data or number of processes"):
        train.fit(_model(), _examples(seed=3), recipe=TrainRecipe(epochs=1), checkpoint=path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FileFormatError, match="Delete it to train from the start"):
        train.fit(_model(), seen, recipe=TrainRecipe(epochs=1), checkpoint=path)


DAMAGE = {
    "no random state": lambda tensors, progress: tensors.pop("random"),
    "no step of the optimiser": lambda tensors, progress: tensors.pop("optimizer.0.step"),
    "a slot of another optimiser": lambda tensors, progress: tensors.update({"optimizer.0.more": torch.ones(1)}),
    "no weight": lambda tensors, progress: tensors.pop(next(name for name in tensors if name.startswith("model."))),
    "passes that never end": lambda tensors, progress: progress.update(epoch=10**9),
    "passes below zero": lambda tensors, progress: progress.update(epoch=-(10**9), history=[]),
    "a text for a loss": lambda tensors, progress: progress.update(total="9"),
    "another field": lambda tensors, progress: progress.update(more=1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_checkpoint_with_other_content_is_refused(tmp_path, damage):
    path, seen, recipe = tmp_path / "run.ckpt", _examples(), TrainRecipe(epochs=1)
    train.fit(_model(), seen, recipe=recipe, checkpoint=path)
    with safe_open(path, framework="pt") as file:
        stated = json.loads(file.metadata()["caudal.train"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    DAMAGE[damage](tensors, stated["progress"])
    save_file(tensors, path, metadata={"caudal.train": json.dumps(stated)})
    with pytest.raises(FileFormatError, match="Delete it to train from the start"):
        train.fit(_model(), seen, recipe=recipe, checkpoint=path)


def test_a_loss_that_is_not_finite_says_where_and_what_to_try():
    seen = _examples("regress")
    huge = replace(seen, target=torch.full_like(seen.target, 1e30))
    with pytest.raises(NonFiniteError) as error:
        train.fit(_model(outputs=1), huge, recipe=TrainRecipe(lr=0.5))
    assert str(error.value) == (
        "fit: `loss` is inf at epoch 1, update 1. Lower `lr` (now 0.5), keep `clip` above 0 (now 1.0), use "
        'precision="full", and look for huge inputs or gaps with `caudal.doctor.examine`.'
    )


def test_the_gradient_is_clipped_and_the_schedule_falls(monkeypatch):
    seen = _examples("regress")
    loud = replace(seen, target=1000 * seen.target)
    sizes = []
    step = torch.optim.AdamW.step

    def noting(self, closure=None):
        slopes = [p.grad for group in self.param_groups for p in group["params"]]
        sizes.append(torch.cat([g.flatten() for g in slopes]).norm().item())
        return step(self, closure)

    monkeypatch.setattr(torch.optim.AdamW, "step", noting)
    fitted = train.fit(_model(outputs=1), loud, recipe=TrainRecipe(epochs=4, clip=0.5))
    assert max(sizes) <= 0.5 * 1.001
    assert max(epoch.gradient for epoch in fitted.history) > 10
    rates = [epoch.lr for epoch in fitted.history]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.1 * rates[0]


def test_mixed_precision_trains():
    fitted = train.fit(_model(), _examples(), recipe=TrainRecipe(epochs=6, precision="bfloat16"))
    assert fitted.history[-1].train < fitted.history[0].train


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "`epochs` is 0; expected a whole number of at least 1. Pass for example `epochs=50`."),
        ({"lr": float("nan")}, "`lr` is nan; expected a finite number above 0"),
        ({"clip": -1.0}, "`clip` is -1.0; expected a finite number of at least 0"),
        ({"schedule": "step"}, "`schedule` is 'step'; expected 'constant' or 'cosine'"),
        ({"class_weights": (0.0, 0.0)}, "`class_weights` is"),
        ({"warmup": 1.0}, "`warmup` is 1.0; expected a share from 0 to below 1"),
    ],
)  # fmt: skip
def test_recipes_are_checked(settings, words):
    with pytest.raises(InputError) as error:
        TrainRecipe(**settings)
    assert words in str(error.value)


def test_a_recipe_that_is_none_is_refused():
    for text in ("[]", "{", '{"speed": 1}'):
        with pytest.raises(FileFormatError, match="not a recipe"):
            TrainRecipe.from_json(text)


def test_misfits_are_refused_in_words():
    seen = _examples()
    with pytest.raises(InputError, match="expected a Readout"):
        train.fit(nn.CfC(2, 3), seen)
    with pytest.raises(InputError, match="has no target"):
        train.fit(_model(), replace(seen, target=None, target_mask=None))
    with pytest.raises(InputError, match="3 class weights"):
        train.fit(_model(), seen, recipe=TrainRecipe(class_weights=(1.0, 1.0, 1.0)))
    with pytest.raises(InputError, match="as many outputs as the task has"):
        train.fit(_model(outputs=3), _examples("regress"))
    with pytest.raises(DataError, match="one weight of at least 0 per series"):
        train.examples(data.Encoder.fit(_series()), _series(), weight=[1.0])
    assert isinstance(seen, Examples)


def test_the_bar_goes_to_standard_error(capsys, monkeypatch):
    now = iter(range(0, 10_000, 2))
    monkeypatch.setattr("caudal.train.bar.perf_counter", lambda: float(next(now)))
    train.fit(_model(), _examples(), recipe=TrainRecipe(epochs=3))
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("fit [")
    assert "at most" in err
    train.fit(_model(), _examples(), recipe=TrainRecipe(epochs=1), progress=False)
    assert not capsys.readouterr().err


def test_the_bar_estimates_by_the_steps_after_the_first(capsys, monkeypatch):
    from caudal.train import bar

    now = [0.0]
    monkeypatch.setattr(bar, "perf_counter", lambda: now[0])
    with bar.Bar("fit", 100) as drawn:
        for step, seconds in ((1, 90.0), (2, 102.0), (7, 150.0)):
            now[0] = seconds
            drawn.at(step, "loss 1")
    told = capsys.readouterr().err.splitlines()
    assert [line.partition("loss 1")[2] for line in told] == ["", "", ", at most 15 min 30 s left"]


def padded_over_real(batches, lengths):
    return sum(len(rows) * int(lengths[rows].max()) for rows in batches) / int(lengths.sum())


@pytest.mark.parametrize("longest", [30, 1000, 10_000])
def test_unequal_series_are_dealt_by_length_and_compute_few_steps_of_padding(longest, monkeypatch):
    lengths = torch.exp(torch.rand(1000, generator=torch.Generator().manual_seed(0)) * np.log(longest)).ceil().long()
    assert padded_over_real(deal(lengths, 32, True, 0), lengths) < 1.3
    short = (lengths.clamp(max=40)[:60] // 2 + 1).tolist()
    uneven = from_arrays([np.ones((1, n)) for n in short], [0, 1] * 30)
    seen = []
    monkeypatch.setattr(trainer, "deal", lambda *given: seen.append(given[2]) or deal(*given))
    LiquidClassifier("gru", 4, epochs=1, validation=0.0).fit(uneven)
    even = from_arrays(np.ones((60, 1, 4)), [0, 1] * 30)
    LiquidClassifier("gru", 4, epochs=1, validation=0.0).fit(even)
    LiquidClassifier("gru", 4, epochs=1, validation=0.0, by_length=False).fit(uneven)
    assert seen == [True, False, False]


def test_predictions_of_unequal_series_compute_few_steps_of_padding(monkeypatch):
    rng = np.random.default_rng(0)
    lengths = np.ceil(np.exp(rng.uniform(0, np.log(1000), 400))).astype(int).tolist()
    series = from_arrays([rng.normal(size=(1, n)) for n in lengths], [0, 1] * 200)
    model = LiquidClassifier("gru", 4, epochs=1, validation=0.0).fit(series.select(slice(0, 8)))
    steps = []
    answer = model_outputs.answer_and_state
    monkeypatch.setattr(
        model_outputs, "answer_and_state", lambda net, part: steps.append(part.x[..., 0].numel()) or answer(net, part)
    )
    shares = model.predict_proba(series)
    assert sum(steps) < 1.3 * sum(lengths)
    apart = np.concatenate([model.predict_proba(series.select([row])) for row in (3, 77, 399)])
    assert np.allclose(shares[[3, 77, 399]], apart, atol=1e-6)
