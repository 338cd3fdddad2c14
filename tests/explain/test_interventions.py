"""Cut, hold, patch and prune do what they say; the scorecard tells a true explanation from a false one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from caudal.errors import InputError
from caudal.explain import (
    Baseline,
    Checks,
    ablate,
    ask,
    coverage,
    decision_circuits,
    explain,
    fidelity,
    hold,
    influence,
    likeness,
    neurons_of,
    patch,
    prune,
    references,
    scorecard,
    spearman,
    synapses_of,
)
from caudal.explain.interventions.ablate import bootstrap
from caudal.nn import GRU, LTC, CfC, Layer, Readout, Stack, WiredCfC
from caudal.train import Examples, TrainRecipe, fit
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=5, command=4, motor=2, seed=3)
NAMES = ["age", "ph", "pulse"]


@pytest.fixture(scope="module")
def trained():
    """A WiredCfC that learnt the sign of the mean of `ph`; the other inputs are noise."""
    torch.manual_seed(0)
    x = torch.randn(256, 6, 3)
    y = (x[:, :, 1].mean(1) > 0).long()
    net = Readout(WiredCfC(WIRING), 2)
    known = torch.ones(256, dtype=torch.bool)
    data = Examples(x, torch.ones(256, 6), torch.full((256,), 6), "classify", torch.ones(256), y, known)
    fit(net, data, recipe=TrainRecipe(epochs=30, lr=0.02), progress=False)
    return ask(net, x[:40], names=NAMES, outputs=["low", "high"])


def fresh(layer=None):
    torch.manual_seed(1)
    net = Readout(LTC(WIRING) if layer is None else layer, 2).double()
    return ask(net, torch.randn(6, 5, 3).double(), names=NAMES)


def test_ablate_takes_synapses_neurons_and_factors():
    question = fresh()
    one = next(name for name in synapses_of(question.model) if name.startswith("input/1"))
    by_number, by_name = ablate(question, one), ablate(question, one.replace("input/1", "ph"))
    np.testing.assert_array_equal(by_number.changes, by_name.changes)
    np.testing.assert_allclose(
        -by_number.changes, influence(question, "synapses").values[:, synapses_of(question.model).index(one)]
    )
    np.testing.assert_allclose(-ablate(question, "inter/0").changes, influence(question, "neurons").values[:, 0])
    assert ablate(question, {one: 1.0}).change.value == 0
    assert ablate(question, {one: 0.5, "command/1": 2.0}).what == f"{one} x 0.5, command/1 x 2"
    found = ablate(question, [one, "inter/0"])
    assert found.change.low <= found.change.value <= found.change.high
    assert "of the decisions turn" in repr(found)
    assert found.to_dict()["changes"] == found.changes.tolist()


def test_the_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = [(one := bootstrap(rng.normal(1, 1, 50), k)).low <= 1 <= one.high for k in range(200)]
    assert 0.89 <= np.mean(hits) <= 0.99


def test_hold_in_wired_and_dense_layers():
    assert np.isfinite(hold(fresh(), "motor/1", 0.0).changes).all()
    dense = fresh(CfC(3, 4, backbone_units=5))
    assert neurons_of(dense.model) == ("unit/0", "unit/1", "unit/2", "unit/3")
    held = hold(dense, "unit/2", 0.3)
    with torch.no_grad():
        h, state = dense.model.layer.initial_state(6)[0], None
        for t in range(5):
            h = dense.model.layer.step(dense.x[:, t], state=state)[0].clone()
            h[:, 2] = 0.3
            state = (h,)
        np.testing.assert_allclose(held.changes, dense.of(dense.model.map(h)) - dense.value().detach(), atol=1e-12)


def test_patch_replaces_a_stretch():
    question = fresh()
    x = question.x.clone()
    x[:, 1:3, 1] = 0.5
    expected = (question.value(x) - question.value()).detach()
    np.testing.assert_allclose(patch(question, slice(1, 3), ["ph"], value=0.5).changes, expected)
    x = question.x.clone()
    x[:, 2:] = x[4, 2:]
    expected = (question.value(x) - question.value()).detach()
    found = patch(question, slice(2, None), source=4)
    np.testing.assert_allclose(found.changes, expected)
    assert found.changes[4] == 0
    dt = question.dt.clone()
    dt[:, 0] = 3
    expected = (question.value(dt=dt) - question.value()).detach()
    np.testing.assert_allclose(patch(question, [0], ["dt"], dt=3.0).changes, expected)


def test_prune_keeps_the_decisions_and_cannot_go_further(trained):
    found = prune(trained, 0.95)
    strength = torch.tensor(found.strength)
    assert fidelity(trained, strength).double().mean() >= 0.95
    assert len(found.kept) == int(strength.sum()) < found.synapses / 2
    for k in strength.nonzero()[:, 0]:
        assert fidelity(trained, strength.index_fill(0, k, 0)).double().mean() < 0.95
    assert found.fidelity.low <= found.fidelity.value <= found.fidelity.high
    assert [count for count, _ in found.path] == sorted((count for count, _ in found.path), reverse=True)


@pytest.mark.parametrize("by", ["value", "decision"])
def test_each_decision_has_a_circuit(trained, by):
    strength = decision_circuits(trained, 1 / 3, rounds=4, by=by)
    count = strength.shape[1]
    assert strength.sum(1).tolist() == [float(-(-count // 3))] * 40
    assert fidelity(trained, strength).double().mean() >= 0.95


def test_a_trained_net_passes_and_an_invented_explanation_fails(trained):
    found = influence(trained, "inputs")
    card = scorecard(trained, found, Checks(draws=4))
    assert card["completeness"].passed
    assert card["deletion"].passed
    assert card["insertion"].passed
    assert card["stability"].passed
    assert found.top(1, by="input")[0].name == "ph"
    invented = replace(found, values=np.random.default_rng(0).normal(size=found.values.shape))
    failed = {score.name for score in scorecard(trained, invented, Checks(draws=2)).failed}
    assert {"stability", "ablation"} <= failed
    told = replace(invented, scorecard=scorecard(trained, invented, Checks(draws=2)))
    assert "FAILED ablation" in repr(told)
    assert "ablation" in told.to_dict()["failed"]
    again = type(told).from_json(told.to_json())
    assert again.scorecard["ablation"].value == pytest.approx(told.scorecard["ablation"].value)


def test_the_check_fails_what_names_another_cell_than_the_one_that_decides():
    torch.manual_seed(0)
    net = Readout(GRU(3, 6), 2)
    x = torch.randn(80, 5, 3)
    x[:, 3, 1] = torch.where(torch.arange(80) % 2 == 0, 2.0, -2.0)
    label = (torch.arange(80) % 2 == 0).long()
    optimiser = torch.optim.Adam(net.parameters(), 0.03)
    for _ in range(60):
        loss = nn.functional.cross_entropy(net.series(x)[0], label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    everyone = ask(net, x)
    failed = {"right": 0, "wrong": 0}
    for row in range(10):
        asked = everyone.rows(torch.tensor([row]))
        against = references(asked, everyone)
        right = influence(asked, baseline=against)
        assert right.top(1)[0].name == "input/1 at step 3"
        wrong = replace(right, values=np.roll(right.values, 1 + row % 4, axis=1))
        for name, found in {"right": right, "wrong": wrong}.items():
            card = scorecard(asked, found, Checks(series=1), against)
            assert "randomisation" not in {score.name for score in card.scores}
            failed[name] += not card["ablation"].passed
    assert failed["right"] == 0 and failed["wrong"] >= 7


def test_an_explanation_that_ignores_the_parameters_fails_randomisation(trained):
    net = Readout(CfC(3, 4), 2)
    card = scorecard(ask(net, trained.x), influence(ask(net, trained.x), "inputs"), Checks(draws=2))
    assert card["randomisation"].value < 0.9

    class Fixed(Layer):
        def __init__(self):
            super().__init__()
            self.inputs = self.outputs = 3
            self.weight = nn.Parameter(torch.ones(3))

        def reset_parameters(self):
            nn.init.uniform_(self.weight, 1.0, 1.001)

        def initial_state(self, batch):
            return (torch.zeros(batch, 1),)

        def scan(self, x, dt, mask, state):
            return x * self.weight, state

        def tick(self, x, dt, state):
            return x * self.weight, state

        def arguments(self):
            return {}

    question = ask(Fixed(), trained.x)
    card = scorecard(question, influence(question, "inputs"), Checks(draws=2))
    assert card["randomisation"].value > 0.99
    assert not card["randomisation"].passed


def test_likeness_tells_chance_from_what_is_shared():
    torch.manual_seed(0)
    question = ask(Readout(CfC(3, 4), 2), torch.randn(12, 6, 3))
    chance = likeness(question, torch.randn(12, 40), lambda asked: torch.randn(12, 40), 20, 0)
    assert chance.shared < 0.1 and chance.over_series < 0.1 < chance.each < 0.2
    # The sign of every series alike, at random: each resembles, none is shared.
    values = torch.rand(12, 40) + 0.1
    values[:, 20:] *= -1
    turned = likeness(question, values, lambda asked: values * torch.randn(()).sign(), 30, 0)
    assert turned.each > 0.99 and turned.over_series > 0.99 and turned.sizes > 0.99
    assert turned.shared < 0.6
    there = torch.arange(40).expand(12, 40) < 20  # what is not there is no likeness
    other = torch.where(there, torch.rand(12, 40), values)
    assert likeness(question, values, lambda asked: other, 2, 0, there).over_series < 0.2


def test_every_parameter_is_drawn_anew_or_the_check_is_refused(trained):
    assert coverage(trained.model) == 1
    net = Readout(Stack(GRU(3, 4), LTC(4, 3)), 2)
    assert coverage(net) == 1
    net.layer.layers[0].stray = nn.Parameter(torch.zeros(100))
    assert coverage(net) < 1
    question = ask(net, torch.randn(3, 4, 3))
    with pytest.raises(InputError, match="has parameters that `reset_parameters` does not reach"):
        explain(question)


@pytest.mark.parametrize("on", ["dt", "everything", "steps", "neurons", "synapses"])
def test_everything_carries_a_scorecard(trained, on):
    why = explain(trained, on, checks=Checks(series=3, draws=2, cells=8), baseline=Baseline(0.0, 0.5))
    assert {"randomisation", "stability"} <= {score.name for score in why.scorecard.scores}
    assert why.on("synapses", checks=Checks(series=0)).scorecard is None
    assert "No checks were run" in repr(why.on("inputs", checks=Checks(series=0)))


def test_an_explanation_answers_what_if(trained):
    why = explain(trained, "synapses", checks=Checks(series=2, draws=2))
    strongest = why.top(1)[0].name
    assert why.ablate(strongest).change.value == pytest.approx(-why.top(1)[0].value, abs=1e-5)
    assert why.trace()["gate"].shape[:2] == (40, 6)
    assert why.patch([0], ["ph"], value=1.0).unit == "log odds"
    assert why.hold("command/0", 0.0).flips >= 0
    assert "Scorecard on 2 series" in repr(why)


def test_rank_correlation_with_ties():
    a, b = torch.tensor([[1.0, 1.0, 2.0, 3.0]]), torch.tensor([[2.0, 1.0, 4.0, 4.0]])
    assert spearman(a, b).item() == pytest.approx(8 / 9)
    assert spearman(torch.ones(1, 3), b[:, :3]).isnan()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda q: ablate(q, "command/9"), "ablate: `what` names 'command/9', which is not there. Did you mean"),
        (lambda q: ablate(q, []), "ablate: `what` is empty"),
        (lambda q: ablate(q, {"command/1": float("nan")}), "ablate: `what` gives 'command/1' the factor nan"),
        (lambda q: ablate(ask(GRU(3, 2), q.x.float()), "a"), "ablate: `model` is a GRU without a wiring"),
        (lambda q: hold(q, "unit/1", 0.0), "hold: `neuron` is 'unit/1', which is not there"),
        (lambda q: hold(q, "command/1", float("inf")), "hold: `value` is inf"),
        (lambda q: patch(q, [7], value=0.0), r"patch: `steps` holds \[7\]; the series have 5 steps"),
        (lambda q: patch(q, slice(3, 3), value=0.0), "patch: `steps` is slice.*which selects nothing"),
        (lambda q: patch(q, inputs=["speed"], value=0.0), "patch: `inputs` names 'speed'; the inputs are age"),
        (lambda q: patch(q, inputs=[], value=0.0), "patch: `inputs` is empty"),
        (lambda q: patch(q), "patch: `value` is missing"),
        (lambda q: patch(q, value=0.0, source=1), "patch: `value` and `source` are both given"),
        (lambda q: patch(q, value=float("nan")), "patch: `value` holds NaN"),
        (lambda q: patch(q, dt=-1.0), "patch: `dt` is below 0"),
        (lambda q: patch(q, source=9), "patch: `source` is 9; there are 6 series"),
        (lambda q: prune(q, 0.0), "prune: `keep` is 0.0"),
        (lambda q: decision_circuits(q, 2.0), "decision_circuits: `share` is 2.0"),
    ],
)
def test_bad_input_gets_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call(fresh())
