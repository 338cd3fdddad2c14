"""Influence adds up where it promises to, equals hand-made answers, and is the real effect where it says so."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from caudal.errors import FileFormatError, InputError, NonFiniteError, ShapeError
from caudal.explain import Baseline, ask, influence, neurons_of, references, spearman, synapses_of
from caudal.explain.influence.record import Influence, Score, Scorecard
from caudal.explain.influence.swap import swapped
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, Bidirectional, CfC, MixedMemory, Readout, Stack, WiredCfC
from caudal.wiring import fully_connected, ncp

WIRING = ncp(inputs=3, inter=5, command=4, motor=2, seed=3)
WIRED = {
    "ltc": lambda: LTC(WIRING, substeps=3),
    "cfc": lambda: WiredCfC(WIRING),
    "lrc": lambda: LRC(WIRING),
    "stack": lambda: Stack(LTC(WIRING), WiredCfC(2, 3)),
}
DENSE = {"dense": lambda: CfC(3, 4, backbone_units=5), "lstm": lambda: LSTM(3, 4), "gru": lambda: GRU(3, 4)}


def asked(layer, pool="last", **more):
    torch.manual_seed(1)
    net = Readout(layer(), 3, pool=pool).double()
    x, dt = torch.randn(5, 8, 3).double(), (0.2 + torch.rand(5, 8)).double()
    return ask(net, x, dt, lengths=torch.tensor([8, 5, 8, 1, 3]), **more)


@pytest.mark.parametrize("on", ["inputs", "dt", "everything", "steps"])
@pytest.mark.parametrize("cell", [*WIRED, *DENSE])
def test_path_integrals_over_the_series_add_up(cell, on):
    question = asked({**WIRED, **DENSE}[cell])
    found = influence(question, on, "path", tolerance=1e-6)
    assert found.delta < 1e-6
    assert not found.is_flagged
    np.testing.assert_allclose(found.values.reshape(5, -1).sum(1), found.output - found.reference, rtol=1e-6)
    assert (found.values[3, 1:] == 0).all()


@pytest.mark.parametrize("on", ["neurons", "synapses"])
@pytest.mark.parametrize("cell", WIRED)
def test_path_integrals_over_the_circuit_add_up(cell, on):
    found = influence(asked(WIRED[cell]), on, "path", tolerance=1e-6)
    assert found.delta < 1e-6


def test_path_integral_of_a_linear_function_is_weight_times_input():
    net = Readout(Stack(CfC(3, 2, backbone_layers=0)), 1).double()
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    question = ask(net, torch.randn(2, 4, 3).double())
    assert (influence(question, "inputs").values == 0).all()


@pytest.mark.parametrize("cell", WIRED)
def test_removal_is_the_real_effect(cell):
    question = asked(WIRED[cell])
    found = influence(question, "synapses")
    assert found.method == "removal"
    one = torch.ones(found.values.shape[1]).double()
    for k in (0, 7, -1):
        cut = one.clone()
        cut[k] = 0
        np.testing.assert_allclose(found.values[:, k], (question.value() - question.value(synapses=cut)).detach())
    assert found.labels[0] == synapses_of(question.model, question.inputs)


def test_gradient_is_the_slope_at_full_strength():
    question = asked(WIRED["ltc"])
    found = influence(question, "synapses", "gradient").values
    one, h = torch.ones(found.shape[1]).double(), 1e-6
    for k in (0, 9):
        step = torch.zeros_like(one)
        step[k] = h
        up, down = question.value(synapses=one + step), question.value(synapses=one - step)
        np.testing.assert_allclose(found[:, k], ((up - down) / (2 * h)).detach(), atol=1e-7)


def test_removing_a_neuron_cuts_every_synapse_of_it():
    question = asked(WIRED["ltc"])
    found = influence(question, "neurons")
    names = synapses_of(question.model)
    cut = torch.tensor([0.0 if "command/1" in name.split(" -> ") else 1.0 for name in names]).double()
    k = found.labels[0].index("command/1")
    np.testing.assert_allclose(found.values[:, k], (question.value() - question.value(synapses=cut)).detach())


@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("cell", [*DENSE, "ltc"])
def test_a_held_unit_stays_where_it_is_held(cell, pool):
    from caudal.explain.influence.masks import held_scores, mean_states

    question = asked({**WIRED, **DENSE}[cell], pool=pool)
    mean = mean_states(question)
    units = torch.tensor([3, 0, 1, 2, 3])
    layer = question.model.layer
    state, total = layer.initial_state(5), 0
    for t in range(8):
        y, new = layer.step(question.x[:, t], dt=question.dt[:, t], state=state)
        h = new[0].clone()
        h[torch.arange(5), units] = mean[units]
        new = type(new)(h, *new[1:])
        if cell != "ltc":
            y = h
        keep = question.mask[:, t, None]
        state = type(new)(*(torch.where(keep, a, b) for a, b in zip(new, state, strict=True)))
        total = total + torch.where(keep, y, 0)
        if t == 0:
            last = y
        last = torch.where(keep, y, last)
    expected = question.model.map(last if pool == "last" else total / question.mask.sum(1, keepdim=True))
    torch.testing.assert_close(held_scores(question, units, mean[units]), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", DENSE)
def test_neurons_of_dense_nets_are_held_at_their_mean(cell):
    found = influence(asked(DENSE[cell]), "neurons")
    assert found.values.shape == (5, 4)
    assert found.labels[0][0] == "unit/0"


def test_a_removed_step_is_a_step_that_is_not_there():
    question = asked(WIRED["ltc"])
    found = influence(question, "steps", "removal").values
    mask, dt = question.mask.clone(), question.dt.clone()
    mask[:, 2] = False
    dt[:, 3] += dt[:, 2]
    for row, last in ((0, 7), (1, 4)):
        y = question.model(question.x[row : row + 1], dt=dt[row : row + 1], mask=mask[row : row + 1])[0][0, last]
        own = int(question.target[row])
        other = y[own] - torch.cat([y[:own], y[own + 1 :]]).logsumexp(0)
        assert found[row, 2] == pytest.approx((question.value()[row] - other).item(), abs=1e-12)
    assert found[3, 0] == 0


@pytest.mark.parametrize("on", ["inputs", "dt", "everything", "steps"])
def test_occlusion_sets_one_thing_to_its_baseline(on):
    question = asked(WIRED["cfc"])
    found = influence(question, on, "occlusion", baseline=Baseline(0.5, 0.7)).values
    x, dt = question.x.clone(), question.dt.clone()
    if on != "dt":
        x[:, 1, slice(None) if on == "steps" else 2] = 0.5
    if on in ("dt", "steps"):
        dt[:, 1] = 0.7
    x, dt = torch.where(question.mask[..., None], x, 0), torch.where(question.mask, dt, 0)
    expected = (question.value() - question.value(x, dt)).detach()
    np.testing.assert_allclose(found[:, 1] if on in ("dt", "steps") else found[:, 1, 2], expected, atol=1e-12)


def test_an_integral_that_does_not_close_is_flagged():
    found = influence(asked(WIRED["cfc"]), "everything", tolerance=1e-12, most=8)
    assert found.is_flagged == (found.delta > 0.01)
    flagged = Influence(**{**found.__dict__, "deltas": np.full(5, 0.2)})
    assert "FLAGGED: the values miss the output by 20.0%" in repr(flagged)
    assert flagged.to_dict()["flagged"]
    assert flagged.failed == ("completeness",)


def test_rankings_and_json():
    question = asked(WIRED["ltc"], names=["age", "ph", "pulse"], series=list("abcde"), outputs=["x", "y", "z"])
    found = influence(question, "everything")
    assert {one.name for one in found.top(4, by="input")} == {"age", "ph", "pulse", "dt"}
    assert sum(one.share for one in found.top(1000)) == pytest.approx(1)
    assert len(found.select(-1)) == 1
    assert found.select(-1).series == ("e",)
    again = Influence.from_json(found.to_json())
    np.testing.assert_array_equal(again.values, found.values)
    assert again.labels == found.labels
    with pytest.raises(ValueError, match="`by` is 'neuron'"):
        found.top(3, by="neuron")


def test_steps_targets_and_regressions():
    question = asked(WIRED["ltc"], at=-1, target="output/2")
    assert question.at.tolist() == [7, 4, 7, 0, 2]
    assert question.targets == ("output/2",) * 5
    plain = asked(WIRED["ltc"], decides=False)
    assert plain.unit == "output"
    assert torch.equal(plain.value(), plain.scores()[:, 0])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ask(torch.nn.Linear(2, 2), torch.zeros(1, 2, 2)), InputError, "explain: `model` is a Linear"),
        (lambda: asked(WIRED["ltc"], at=8), InputError, "explain: `at` is 8; the series have 8 steps"),
        (lambda: asked(WIRED["ltc"], at=6), InputError, "`at` names a step that does not count in series 1"),
        (lambda: asked(WIRED["ltc"], target=3), InputError, "`target` holds 3; there are 3 outputs"),
        (lambda: asked(WIRED["ltc"], target="z"), InputError, "`target` is 'z'; the outputs are output/0"),
        (lambda: asked(WIRED["ltc"], names=["a"]), ShapeError, "`names` holds 1 names; expected 3"),
        (lambda: influence(asked(WIRED["ltc"]), "weights"), InputError, "influence: `on` is 'weights'"),
        (lambda: influence(asked(WIRED["ltc"]), "inputs", "removal"), InputError, "`method` is 'removal'. On inputs"),
        (lambda: influence(asked(DENSE["gru"]), "synapses"), InputError, "without a wiring"),
        (lambda: influence(asked(DENSE["gru"]), "neurons", "path"), InputError, "`method` is 'path', and the net has"),
        (
            lambda: influence(asked(lambda: Stack(GRU(3, 3), GRU(3, 3))), "neurons"),
            InputError,
            "in which no single neuron can be held",
        ),
        (lambda: ask(LTC(3, 2), torch.full((1, 2, 3), torch.nan)), NonFiniteError, "LTC: `x` holds NaN"),
        (lambda: ask(LTC(3, 2), torch.zeros(1, 2, 5)), ShapeError, "LTC: `x` has 5 inputs"),
        (
            lambda: ask(LTC(3, 2), torch.zeros(2, 2, 3), lengths=torch.tensor([1, 0])),
            InputError,
            "`lengths` leaves series 1 without any step",
        ),
    ],
)
def test_bad_input_gets_a_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_mixed_memory_is_explained_as_well():
    net = Readout(MixedMemory(3, LTC(4, 3), form="stacked"), 2).double()
    question = ask(net, torch.randn(2, 5, 3).double())
    assert influence(question, "synapses", "path").delta < 0.01


def test_halved_synapses_come_near_removal():
    torch.manual_seed(3)
    net = Readout(LTC(ncp(inputs=3, inter=6, command=4, motor=2, seed=0)), 2)
    question = ask(net, torch.randn(6, 8, 3))
    removed, halved, sloped = (
        torch.from_numpy(influence(question, "synapses", method).values) for method in ("removal", "halved", "gradient")
    )
    assert (halved - removed).abs().mean() < (sloped - removed).abs().mean()
    assert spearman(halved, removed).mean() > 0.95
    found = influence(question, "neurons", "halved")
    assert not found.adds_up and found.points == 16
    twice = influence(question.rows(torch.tensor([0, 0])), "synapses", "halved").values
    np.testing.assert_allclose(twice[0], twice[1], atol=1e-6)


INFLUENCE = Influence(
    "inputs", "path", np.array([[[1.0, -3.0]]]), ("step", "input"), (("0",), ("age", "ph")), "log odds", ("sick",),
    np.array([0.5]), np.array([2.5]), np.array([0.0]), True, ("a",), "LTC",
    scorecard=Scorecard((Score("sanity", float("nan"), "above 0", False, "It could not be run."),), 1),
)  # fmt: skip


def test_what_could_not_be_measured_comes_back_from_json():
    again = Influence.from_json(INFLUENCE.to_json())
    assert np.isnan(again.scorecard["sanity"].value)
    assert repr(again) == repr(INFLUENCE)


@pytest.mark.parametrize(
    "change",
    [
        {"values": [[["1.0", 2.0]]]}, {"values": [[1.0, 2.0], [2.0]]}, {"values": [[[10**30, 1.0]]]}, {"values": {}},
        {"values": [[[1.0]]]}, {"output": [1.0, 2.0]}, {"target": []}, {"series": []}, {"axes": ["step", "neuron"]},
        {"axes": ["step"]}, {"labels": [["0"], 3]}, {"labels": [["0"]]}, {"points": "3"}, {"adds_up": 1}, {"more": 1},
        {"method": 5}, {"scorecard": {"scores": [{}], "series": 1}}, {"scorecard": []},
    ],
)  # fmt: skip
def test_what_is_no_influence_is_refused_in_words(change):
    with pytest.raises(FileFormatError, match=r"Influence\.from_json: not such a record .* Write it again"):
        Influence.from_json(json.dumps({**INFLUENCE.to_dict(), **change}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "[" * 100_000, "9" * 9_999])
def test_a_text_that_is_no_influence_is_refused_in_words(text):
    with pytest.raises(FileFormatError, match=r"Influence\.from_json"):
        Influence.from_json(text)


@pytest.mark.parametrize("cell", [*WIRED, "ctrnn", "both ways"])
def test_a_circuit_that_carries_its_own_series_is_not_changed_and_one_that_carries_another_is_that_one(cell):
    more = {"ctrnn": lambda: CTRNN(WIRING), "both ways": lambda: Bidirectional(LTC(WIRING), WiredCfC(WIRING))}
    question = asked({**WIRED, **more}[cell])
    others = references(question, most=3)
    mine = replace(others, x=question.x[:, None].expand_as(others.x), dt=question.dt[:, None].expand_as(others.dt))
    for on in ("synapses", "neurons"):
        assert np.abs(influence(question, on, "swap", baseline=mine).values).max() < 1e-12
    everything = torch.ones(1, len(neurons_of(question.model)), dtype=torch.bool)
    swapped_all = swapped(question, others, "neurons", everything)[:, :, 0]
    rows = question.rows(torch.arange(5).repeat_interleave(3))
    taken = rows.answers(x=others.x.flatten(0, 1), dt=others.dt.flatten(0, 1))
    torch.testing.assert_close(swapped_all.flatten(0, 1), taken)


def test_a_synapse_that_decides_by_being_shut_is_found_by_swapping_only():
    net = Readout(CTRNN(fully_connected(2, 2), substeps=1), 1).double()
    with torch.no_grad():
        for name, value in {"sensory_w": [3.0, 0.1, 0.0, 0.0], "w": [0.0] * 4, "b": [0.0, 0.0]}.items():
            parameter = dict(net.layer.named_parameters())[name]
            parameter.copy_(torch.tensor(value))
        net.map.weight.fill_(1.0)
    x = torch.tensor([[0.0, 1.0]] + [[2.0, 1.0]] * 5).double()[:, None].expand(-1, 4, -1)
    question = ask(net, x, torch.ones(6, 4).double(), decides=False)
    first = question.rows(torch.tensor([0]))
    background = references(first, question.rows(torch.arange(1, 6)), most=4)
    removed = influence(first, "synapses", "removal").values[0]
    swap = influence(first, "synapses", baseline=background)
    assert swap.method == "swap"
    shut = swap.labels[0].index("input/0 -> motor/0")
    assert removed[shut] == 0
    assert np.abs(swap.values[0]).argmax() == shut and abs(swap.values[0, shut]) > 0.5


def test_references_are_real_series_decided_otherwise_and_always_the_same():
    question = asked(DENSE["lstm"])
    found = references(question, most=12)
    assert found.x.shape == (5, 12, 8, 3)
    assert all(name not in found.names[row] for row, name in enumerate(question.series))
    again = references(question, most=12)
    assert torch.equal(found.x, again.x) and found.names == again.names
    assert references(question.rows(torch.tensor([0]))) is None
    assert (found.x[3, :, 1:] == 0).all()  # cut to the steps of the series


def test_values_against_references_add_up_to_the_mean_difference_and_show_their_spread():
    question = asked(WIRED["ltc"])
    background = references(question, most=6)
    found = influence(question, "everything", baseline=background)
    np.testing.assert_allclose(found.values.sum((1, 2)), found.output - found.reference, rtol=0.01, atol=1e-3)
    assert found.spread.shape == found.values.shape and (found.spread >= 0).all()
    assert Influence.from_json(found.to_json()).references == found.references
    assert "spread" in found.to_dict() and found.select(2).spread.shape == (1, 8, 4)
    swap = influence(question, "everything", "swap", baseline=background)
    x = question.x[:1].expand(6, -1, -1).clone()
    x[:, 2, 1] = background.x[0, :, 2, 1]
    by_hand = question.values()[0] - question.rows(torch.zeros(6, dtype=torch.long)).values(x=x).mean()
    assert swap.values[0, 2, 1] == pytest.approx(float(by_hand))
    with pytest.raises(InputError, match="no other series to take from"):
        influence(question, "everything", "swap")
