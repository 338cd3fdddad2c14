from dataclasses import replace

import numpy as np
import pytest
import torch

from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.estimators import LiquidClassifier
from caudal.fair.mitigate import cut_attribute, erasure, neuron_carriers, probe, synapse_carriers
from caudal.fair.mitigate.circuit.hidden_states import without
from caudal.nn import LTC, CfC, Readout, Stack, WiredCfC
from caudal.train import Examples, examples
from caudal.wiring import auto_ncp


def people(count, seed):
    """Series whose second channel tells the group and nothing else; classes alike in both groups."""
    rng = np.random.default_rng(seed)
    group, y = rng.integers(0, 2, count), rng.integers(0, 2, count)
    x = rng.normal(size=(count, 2, 6))
    x[:, 0] += 0.8 * (2 * y - 1)[:, None]
    x[:, 1] += (2 * group - 1)[:, None]
    return x, y, group


def seen(model, x, y, group):
    return replace(examples(model.encoder_, from_arrays(x, y)), groups=torch.tensor(group))


@pytest.fixture(scope="module")
def policy():
    x, y, group = people(800, 0)
    # Labels that lean on the group, so that the net learns to read it.
    leaning = np.where((group == 1) & (np.random.default_rng(5).random(800) < 0.4), 0, y)
    model = LiquidClassifier("ltc-ncp", 12, epochs=8, validation=0.0, batch_size=64, lr=0.02).fit(x, leaning)
    return model, seen(model, x, leaning, group), seen(model, *people(800, 1))


def test_a_probe_finds_what_is_there_and_nothing_else():
    torch.manual_seed(0)
    x, who = torch.randn(2000, 5), torch.arange(2000) % 2
    blind = probe(x[:1000], who[:1000], x[1000:], who[1000:])
    assert blind.told.low < 0.5 < blind.told.high
    ring = x.clone()
    ring[who == 1] *= 3  # alike in mean: no line tells them
    flat = probe(ring[:1000], who[:1000], ring[1000:], who[1000:])
    curved = probe(ring[:1000], who[:1000], ring[1000:], who[1000:], kind="curved")
    assert abs(flat.points) < 6 and curved.points > 20
    x[:, 2] += 2.0 * who
    found = probe(x[:1000], who[:1000], x[1000:], who[1000:])
    assert 0.80 < found.told.value < 0.88  # the best line tells 84 %


def test_a_probe_counts_a_small_group_like_a_large_one():
    x, who = torch.zeros(1000, 2), (torch.arange(1000) % 20 == 0).long()
    assert probe(x, who, x, who).told.value == 0.5


def test_erasure_leaves_no_line_and_moves_nothing_else():
    torch.manual_seed(0)
    who = torch.arange(900) % 3
    z = torch.randn(900, 6).double() @ torch.randn(6, 6).double()
    z[:, 0] += who
    plane, mean = erasure(z, who)
    new = mean + (z - mean) @ plane.T
    assert torch.allclose(plane @ plane, plane, atol=1e-9)
    assert torch.linalg.matrix_rank(plane) == 4  # two directions tell three groups
    assert abs(probe(new, who, new, who).points) < 1e-6
    # No linear map that erases as well changes z less: compare with dropping the same directions at right angles.
    cross = z.T @ torch.nn.functional.one_hot(who).double()
    q = torch.linalg.svd(cross - cross.mean(1, keepdim=True))[0][:, :2]
    at_right_angles = z - (z - mean) @ q @ q.T
    assert (new - z).norm() < (at_right_angles - z).norm() * 1.5


@pytest.mark.parametrize("layer", [LTC(auto_ncp(3, 10, 3)), WiredCfC(auto_ncp(3, 10, 3))], ids=["ltc", "cfc"])
def test_synapses_cut_for_good_are_those_of_strength_0(layer):
    net, x = Readout(layer, 2).eval(), torch.randn(5, 4, 3)
    strength = (torch.arange(net.synapse_count()) % 3 / 2.0).clamp_max(1)
    new = without(net, strength)
    assert torch.allclose(new.series(x)[0], net.series(x, synapses=strength)[0], atol=1e-5)
    assert not torch.allclose(net.series(x)[0], new.series(x)[0])
    assert all(torch.isfinite(one).all() for one in new.state_dict().values())


def test_carriers_name_what_reads_the_group(policy):
    model, train, _ = policy
    synapses = synapse_carriers(model.net_, train)
    best = max(synapses, key=lambda one: one.attribute)
    assert best.name.startswith("input/1 -> ")
    neurons = neuron_carriers(model.net_, train)
    assert len(neurons) == 12 and neurons[0].attribute > 0.5 > neurons[-1].attribute
    assert neurons == tuple(sorted(neurons, key=lambda one: -one.attribute))


def test_a_cut_takes_the_group_out_of_the_circuit(policy, tmp_path):
    model, train, other = policy
    before = {name: value.clone() for name, value in model.net_.state_dict().items()}
    found = cut_attribute(model.net_, train, other)
    assert found.before.points > 15 and abs(found.after.points) <= 2
    assert any(name.startswith("input/1 -> ") for name in found.synapses)
    assert found.inside.points < found.inside_before.points
    assert all(torch.equal(value, before[name]) for name, value in model.net_.state_dict().items())
    # An ordinary net: it saves, loads and decides without the attribute.
    x, y, group = people(800, 1)
    model.net_, old = found.model, model.net_
    decided = model.predict(x)
    model.save(tmp_path / "cut")
    assert (LiquidClassifier.load(tmp_path / "cut").predict(x) == decided).all()
    model.net_ = old
    rates = [decided[(group == k) & (y == 1)].mean() for k in (0, 1)]
    plain = model.predict(x)
    old_rates = [plain[(group == k) & (y == 1)].mean() for k in (0, 1)]
    assert abs(rates[0] - rates[1]) < 0.5 * abs(old_rates[0] - old_rates[1])


def test_a_cut_says_in_words_whether_it_failed(policy):
    model, train, other = policy
    found = cut_attribute(model.net_, train, other, synapses=False)
    assert not found.synapses
    assert found.words().startswith("The group was taken out" if found.succeeded else "This failed: ")
    assert "probe" in found.words() and "sonda" in found.words("es")
    dear = replace(found, accuracy=found.accuracy_before - 0.05)
    assert "This failed: it cost 5.0 points of accuracy, and 2 were allowed." in dear.words()
    assert not dear.succeeded
    with pytest.raises(InputError, match="`language` is 'fr'"):
        found.words("fr")


@pytest.mark.parametrize("cell", ["cfc", "lstm", "gru"])
def test_dense_nets_are_cut_at_the_readout(cell):
    x, y, group = people(300, 0)
    model = LiquidClassifier(cell, 6, epochs=2, validation=0.0).fit(x, y)
    found = cut_attribute(model.net_, seen(model, x, y, group), seen(model, *people(300, 1)))
    assert found.synapses == () and found.model.layer.outputs == 6


def test_what_cannot_be_cut_is_refused():
    x = torch.zeros(4, 2, 1)
    data = Examples(
        x, x[:, :, 0], torch.full((4,), 2), "classify", torch.ones(4), torch.ones(4).long(), torch.ones(4) > 0
    )
    net = Readout(CfC(1, 2, backbone_units=2), 2)
    with pytest.raises(InputError, match="lacks target or groups"):
        cut_attribute(net, data, data)
    with pytest.raises(InputError, match="without one set of states"):
        cut_attribute(Readout(Stack(CfC(1, 2, backbone_units=2), CfC(2, 2, backbone_units=2)), 2), data, data)
    with pytest.raises(InputError, match="fewer than two groups"):
        probe(x[:, 0], torch.zeros(4), x[:, 0], torch.zeros(4))
