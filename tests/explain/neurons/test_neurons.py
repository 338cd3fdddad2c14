"""Trees, figures and phases tell what was planted, and say how well."""

import numpy as np
import pytest
import torch

from caudal.data import Encoder, from_arrays
from caudal.errors import DataError, InputError
from caudal.explain import trace
from caudal.explain.neurons import Drives, NeuronPath, drives, grow, interpretability, responses
from caudal.explain.neurons.metrics import _inferred, figures
from caudal.explain.neurons.responses import Responses, states
from caudal.explain.neurons.trees import halves
from caudal.nn import GRU, LTC, CfC, Readout, Stack, WiredCfC
from caudal.wiring import Wiring

pytest.importorskip("sklearn")


def planted(functions, rows=1200, seed=0):
    rng = np.random.default_rng(seed)
    known = rng.uniform(size=(rows, 3))
    values = np.stack([f(known) for f in functions], 1).astype(float)
    names = tuple(f"n/{k}" for k in range(len(functions)))
    return Responses(names, values, ("wind", "salt", "dt"), known, np.repeat(np.arange(rows // 20), 20))


def figures_of(found):
    trees = grow(found, depth=1, resamples=20)
    train, test = halves(found, 0)
    return trees, figures(trees, test, _inferred(trees, train, test), np.ones(len(test)))


def make_case(count=16, steps=6):
    rng = np.random.default_rng(0)
    values = rng.normal([[[10.0], [0.0]]], [[[3.0], [1.0]]], (count, 2, steps))
    values[0, 0, 2] = np.nan
    data = from_arrays(values, np.arange(count) % 2, dt=rng.uniform(1, 6, (count, steps)), names=["wind", "salt"])
    return data, Encoder.fit(data)


def test_a_tree_finds_the_planted_question():
    (tree,) = grow(planted([lambda known: known[:, 1] > 0.3]), depth=1, resamples=50)
    assert tree.features == ("salt",)
    assert {round(path.value) for path in tree.paths} == {0, 1}
    assert tree.paths[0].limits["salt"][0] == pytest.approx(0.3, abs=0.02)
    assert tree.fidelity.low > 0.9
    assert "salt > 0.3" in str(tree)
    assert np.allclose(tree.predict(np.array([[0, 0.9, 0], [0, 0.1, 0]])), [1, 0], atol=0.05)


def test_fidelity_of_noise_is_none():
    noise = np.random.default_rng(5).normal(size=1200)
    (tree,) = grow(planted([lambda _: noise]), depth=3)
    assert tree.fidelity.value < 0.1


def test_neurons_that_stand_for_one_thing_each_score_high():
    _, apart = figures_of(planted([lambda k: k[:, 0] > 0.5, lambda k: k[:, 1] > 0.5]))
    assert apart.variance < 0.05
    assert apart.gap > 0.9
    assert apart.modularity > 0.6
    assert apart.conflict == 0.0
    assert apart.accuracy > 0.97
    _, same = figures_of(planted([lambda k: k[:, 0] > 0.5, lambda k: k[:, 0] > 0.5]))
    assert same.gap < 0.01


def test_paths_contradict_each_other_where_no_state_lies_on_both():
    low, high = NeuronPath({"wind": (-np.inf, 1.0)}, 0.0, 0.5), NeuronPath({"wind": (2.0, np.inf)}, 1.0, 0.5)
    assert not low.meets(high)
    assert low.meets(NeuronPath({"salt": (0.0, 1.0)}, 0.0, 1.0))
    assert str(NeuronPath({}, 0.5, 1.0)) == "always: 0.5 (100 % of steps)"


def test_interpretability_beside_redrawn_networks():
    data, encoder = make_case(24)
    model = Readout(WiredCfC(len(encoder.channels), 3), 2)
    before = [one.clone() for one in model.parameters()]
    found = interpretability(model, encoder, data, depth=2, draws=2, resamples=5)
    assert set(found.trained) == {"variance", "gap", "modularity", "conflict", "accuracy"} == set(found.null)
    assert all(one.low <= one.value + 1e-9 for one in found.null.values())
    assert "2 re-drawn networks" in str(found)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_responses_are_states_beside_what_was_known():
    data, encoder = make_case()
    model = Readout(LTC(len(encoder.channels), 4), 2)
    found = responses(model, encoder, data)
    assert len(found) == 16 * 6
    assert found.features[-2:] == ("dt", "P(1) before")
    wind = found.known[:, found.features.index("wind")].reshape(16, 6)
    assert np.allclose(wind[1:], data.values[1:, :, 0], atol=1e-4)
    assert wind[0, 2] == pytest.approx(wind[0, 1])
    assert np.allclose(found.known[:, found.features.index("dt")], data.dt.ravel())
    most = found.known[:, found.features.index("wind, greatest so far")].reshape(16, 6)
    assert np.allclose(most, np.maximum.accumulate(wind, 1))
    assert len(responses(model, encoder, data, most=10)) == 10


@pytest.mark.parametrize("make", [lambda: LTC(3, 4), lambda: CfC(3, 4, backbone_units=5), lambda: GRU(3, 4)])
def test_states_are_those_of_the_trace(make):
    net, x, dt, lengths = make(), torch.randn(3, 5, 3), torch.rand(3, 5), torch.tensor([5, 2, 4])
    mask = torch.arange(5) < lengths[:, None]
    found, told = states(net, x, dt, lengths), trace(net, x, dt, lengths=lengths)["states"]
    assert torch.allclose(found[mask], told[mask], atol=1e-6)


def test_a_neuron_is_driven_by_what_it_reads_only():
    data, encoder = make_case()
    sensory = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]], np.int8)
    recurrent = np.array([[0, 0, 1], [0, 0, 1], [0, 0, 0]], np.int8)
    net = LTC(Wiring(sensory, recurrent, ("inter", "inter", "motor"), (0, 0, 1)))
    found = drives(net, encoder, data)
    assert found.features == ("wind", "salt", "dt")
    assert (found.values[:, 0, 1] == 0).all()
    assert (found.values[:, 1, 0] == 0).all()
    assert found.values[:, 2, 0].max() > 0
    names = {one.neuron: one.feature for one in found.phases(3)}
    assert names["inter/0"] in ("wind", "dt")
    assert np.allclose(found.shares.sum(2), 1)


def test_phases_follow_the_drivers():
    values = np.zeros((4, 1, 2))
    values[:2, 0, 0], values[2:, 0, 1], values[2:, 0, 0] = 2, 3, 1
    first, second = Drives(("wind", "salt"), ("n/0",), values, 1).phases()
    assert (first.feature, first.start, first.end, first.share) == ("wind", 0, 1, 1.0)
    assert (second.feature, second.start, second.end) == ("salt", 2, 3)
    assert second.share == pytest.approx(0.9)
    (silent,) = Drives(("wind",), ("n/0",), np.zeros((2, 1, 1)), 1).phases()
    assert silent.feature == ""


def test_refusals_are_sentences():
    data, encoder = make_case()
    net = LTC(len(encoder.channels), 3)
    with pytest.raises(InputError, match="channels; the model reads"):
        drives(LTC(2, 3), encoder, data)
    with pytest.raises(InputError, match="at least 4 series"):
        grow(responses(net, encoder, data.select([0, 1])))
    with pytest.raises(InputError, match="depth"):
        grow(responses(net, encoder, data), depth=0)
    with pytest.raises(InputError, match="draws"):
        interpretability(net, encoder, data, draws=0)
    with pytest.raises(InputError, match="which"):
        responses(Stack(LTC(len(encoder.channels), 3), LTC(3, 3)), encoder, data)
    other = from_arrays(np.zeros((2, 2, 4)), [0, 1], names=["a", "b"])
    with pytest.raises(DataError, match="has the inputs"):
        drives(net, encoder, other)


def test_a_stretch_is_named_by_what_moves_most_of_it():
    values = np.zeros((5, 1, 2))
    values[:, 0, 0] = [1.0, 1.0, 0.1, 0.1, 1.0]
    values[:, 0, 1] = [0.9, 0.9, 3.0, 0.0, 0.0]
    (phase,) = Drives(("a", "b"), ("n",), values, 1).phases(2)
    assert (phase.start, phase.end, phase.feature) == (0, 4, "b")
    assert phase.share == pytest.approx(10.62 / 13.64)
