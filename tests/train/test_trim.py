"""Trimming keeps what the loss needs: the synapses that carry the answer stay, the idle ones go."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from caudal import data, nn, train
from caudal.errors import InputError
from caudal.train import TrainRecipe, importance, trim

RECIPE = TrainRecipe(epochs=12, lr=0.03, batch_size=16, patience=0)


def _examples(n=96, seed=0):
    """Four channels, of which the second alone tells the class."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    rows = [rng.normal(0, 1, (4, 8)) for _ in range(n)]
    for k, row in enumerate(rows):
        row[1] += 1.5 * (2 * label[k] - 1)
    one = data.from_arrays(rows, label)
    return train.examples(data.Encoder.fit(one), one)


def _model(layer=nn.WiredCfC, units=6):
    torch.manual_seed(0)
    return nn.Readout(layer(4, units), 2, pool="mean")


def _accuracy(model, seen):
    with torch.no_grad():
        return float((train.answer(model, seen).argmax(-1) == seen.target).float().mean())


@pytest.fixture(scope="module")
def trained():
    model, seen = _model(), _examples()
    train.fit(model, seen, recipe=RECIPE, progress=False)
    return model, seen


def test_a_tenth_of_the_synapses_keeps_the_accuracy(trained):
    model, seen = trained
    before = model.synapse_count()
    done = trim(model, seen, recipe=RECIPE, keep=0.1, progress=False)
    assert done.before == before == model.synapse_count()
    assert [cut.synapses for cut in done.rounds] == [cut.model.synapse_count() for cut in done.rounds]
    assert done.model is done.rounds[-1].model and done.model.synapse_count() <= 6
    assert _accuracy(done.model, _examples(seed=1)) >= _accuracy(model, _examples(seed=1)) - 0.02
    left = done.model.layer.wiring.sensory
    assert left[1].any() and np.abs(left[1]).sum() >= np.abs(left[[0, 2, 3]]).sum()


def test_what_tells_the_class_is_the_most_important(trained):
    model, seen = trained
    found = importance(model, seen)
    wiring = model.layer.wiring
    source = wiring.sensory_synapses.source
    by_input = [float(found[: len(source)][torch.tensor(source == k)].sum()) for k in range(4)]
    assert int(np.argmax(by_input)) == 1
    assert by_input[1] > 3 * max(by_input[0], *by_input[2:])


@pytest.mark.parametrize("layer", [nn.LTC, nn.LRC, nn.CTRNN, nn.WiredCfC])
def test_importance_is_the_squared_derivative_by_the_strength(layer):
    """One batch, against a difference quotient in float64."""
    model, seen = _model(layer, 3).double(), _examples(n=8)
    seen = replace(seen, x=seen.x.double(), dt=seen.dt.double(), weight=seen.weight.double())
    found = importance(model, seen, batch_size=8)
    for k in (0, 5, len(found) - 1):
        ends = []
        for step in (1e-5, -1e-5):
            strength = torch.ones_like(found)
            strength[k] += step
            total, weight = train.loss(train.answer(model, seen, strength), seen)
            ends.append(total / weight)
        slope = (ends[0] - ends[1]) / 2e-5
        torch.testing.assert_close(found[k], slope.detach().square(), rtol=1e-4, atol=1e-12)


def test_trimming_repeats_and_leaves_model_and_random_state_alone(trained):
    model, seen = trained
    before, random = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    short, watched = replace(RECIPE, epochs=2), []
    one, two = (trim(model, seen, seen, short, keep=0.3, rounds=2, progress=False, watch=watched.append) for _ in "ab")
    assert len(watched) == 4 and watched[0] is one.rounds[0]
    assert one.model.layer.wiring == two.model.layer.wiring
    again = two.model.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in one.model.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("keep", [0, 1, -0.5, float("nan")])
def test_a_share_out_of_range_is_refused(trained, keep):
    with pytest.raises(InputError, match=r"trim: `keep` is .*; expected a share above 0 and below 1"):
        trim(*trained, keep=keep)


@pytest.mark.parametrize("rounds", [0, 1.5, True])
def test_rounds_out_of_range_are_refused(trained, rounds):
    with pytest.raises(InputError, match=r"trim: `rounds` is .*; expected at least 1"):
        trim(*trained, rounds=rounds)


def test_other_models_and_unknown_targets_are_refused(trained):
    model, seen = trained
    with pytest.raises(InputError, match="trim: `model` is a Readout of a LSTM; expected a Readout of an LTC"):
        trim(nn.Readout(nn.LSTM(4, 3), 2), seen)
    with pytest.raises(InputError, match="importance: `data` has no target"):
        importance(model, replace(seen, target=None))
