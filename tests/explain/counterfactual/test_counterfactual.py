"""A counterfactual turns the real model, stays within the data, touches only what may change, and has no idle part."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from caudal.data import Encoder, Feature, from_arrays
from caudal.errors import DataError, InputError
from caudal.estimators import LiquidClassifier
from caudal.explain.counterfactual import Bounds, Change, counterfactual, counterfactuals
from caudal.explain.counterfactual.encoding import Encoding
from caudal.nn import CTRNN, LTC, Readout

QUICK = {"restarts": 4, "steps": 25}


def make_data(task="classify", count=30, steps=5, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal([[[10.0], [0.0], [100.0]]], [[[3.0], [1.0], [20.0]]], (count, 3, steps))
    values[rng.random(values.shape) < 0.2] = np.nan
    target = np.array(["calm", "storm"])[np.arange(count) % 2] if task == "classify" else rng.normal(40, 9, count)
    return from_arrays(
        values, target, dt=rng.uniform(1, 6, (count, steps)), names=["wind", "salt", "rain"], task=task, time_unit="h"
    )


def make_model(data, encoder, outputs=2, layer=CTRNN):
    """A net whose random decisions are about balanced on the data."""
    torch.manual_seed(0)
    model = Readout(layer(len(encoder.channels), 6), outputs)
    with torch.no_grad():
        model.map.weight.mul_(4)
        seen = encoder(data)
        scores = model.series(torch.tensor(seen.x), dt=torch.tensor(seen.dt), lengths=torch.tensor(seen.lengths))[0]
        model.map.bias.sub_(scores.median(0).values)
    return model.eval()


def decide(model, encoder, data):
    seen = encoder(data)
    with torch.no_grad():
        return model.series(torch.tensor(seen.x), dt=torch.tensor(seen.dt), lengths=torch.tensor(seen.lengths))[0]


@pytest.fixture(scope="module")
def case():
    data = make_data()
    encoder = Encoder.fit(data, elapsed="log")
    return make_model(data, encoder), encoder, data


@pytest.mark.parametrize("row", [0, 3, 7])
def test_it_turns_the_real_model_within_the_data(case, row):
    model, encoder, data = case
    found = counterfactual(model, encoder, data, row, **QUICK)
    assert found.found
    assert found.minimal
    assert found.changes
    old, new = decide(model, encoder, data.select([row])), decide(model, encoder, found.series)
    assert old.argmax() != new.argmax()
    assert found.score_after < 0.5 < found.score_before
    limits, one = Bounds.of(data), data.select([row])
    moved = found.series.values[0] != one.values[0, : found.series.steps]
    assert not (moved & ~one.observed[0]).any()
    inside = (found.series.values[0] >= limits.low - 1e-4) & (found.series.values[0] <= limits.high + 1e-4)
    assert inside[moved].all()
    assert found.series.dt[0, 0] == one.dt[0, 0]
    assert (found.series.dt >= 0).all()
    assert found.distance == pytest.approx(_distance(found, limits, data), rel=1e-4)


def _distance(found, limits, data):
    spread = dict(zip(data.names, limits.spread, strict=True)) | {"": limits.gap_spread}
    return sum(abs(one.after - one.before) / spread[one.name] for one in found.changes)


@pytest.mark.parametrize("row", [0, 4])
def test_no_change_can_be_left_out(case, row):
    model, encoder, data = case
    found = counterfactual(model, encoder, data, row, change="gaps" if row else "both", **QUICK)
    for one in found.changes:
        values, gaps = found.series.values.copy(), found.series.dt.copy()
        if one.kind == "gap":
            gaps[0, one.step] = one.before
        else:
            values[0, one.step, data.names.index(one.name)] = one.before
        without = replace(found.series, values=values, dt=gaps)
        assert decide(model, encoder, without).argmax() == decide(model, encoder, data.select([row])).argmax()


def test_encoding_is_the_encoder(case):
    _, encoder, data = case
    for row in range(4):
        encoding = Encoding.of(encoder, data, row, torch.float64)
        x, dt = encoding(encoding.values[None], encoding.gaps[None])
        real = encoding.real(encoding.data)
        assert np.abs(x[0].numpy() - real.x[0]).max() < 1e-5
        assert np.abs(dt[0].numpy() - real.dt[0]).max() < 1e-6


def test_only_what_may_change_changes(case):
    model, encoder, data = case
    for options in ({"inputs": ["wind"], "change": "values"}, {"hold": ["salt", "rain"], "change": "values"}):
        found = counterfactual(model, encoder, data, 3, **options, **QUICK)
        assert {one.name for one in found.changes} <= {"wind"}
    found = counterfactual(model, encoder, data, 3, change="gaps", **QUICK)
    assert all(one.kind == "gap" and one.step > 0 and one.unit == "h" for one in found.changes)


def test_categories_are_held(case):
    model, encoder, data = case
    kinds = replace(data, features=(Feature("wind", kind="category"), *data.features[1:]))
    found = counterfactual(model, encoder, kinds, 0, **QUICK)
    assert "wind" not in {one.name for one in found.changes}


def test_none_found_is_said(case):
    _, encoder, data = case
    deaf = Readout(LTC(len(encoder.channels), 4), 2)
    with torch.no_grad():
        deaf.map.bias.copy_(torch.tensor([50.0, -50.0]))
    found = counterfactual(deaf, encoder, data, 0, **QUICK)
    assert not found.found
    assert not found.changes
    assert not found.minimal
    assert found.reached < 0
    assert "No change within the range of the data was found that turns calm of" in str(found)


def test_regression_crosses_a_threshold():
    data = make_data("regress")
    encoder = Encoder.fit(data)
    model = make_model(data, encoder, outputs=1)
    was = encoder.scaler.restore(decide(model, encoder, data.select([2])).numpy())[0, 0]
    found = counterfactual(model, encoder, data, 2, threshold=float(was) + 3, **QUICK)
    now = encoder.scaler.restore(decide(model, encoder, found.series).numpy())[0, 0]
    assert found.found
    assert found.score_before == pytest.approx(was, abs=1e-3)
    assert now == pytest.approx(was + 3, abs=0.1)
    with pytest.raises(InputError, match="threshold"):
        counterfactual(model, encoder, data, 2)


def test_several_rows(case):
    model, encoder, data = case
    found = counterfactuals(model, encoder, data, [0, 1], restarts=1, steps=2)
    assert [one.id for one in found] == [str(name) for name in data.ids[:2]]


@pytest.fixture(scope="module", params=["cfc", "lstm"])
def ward(request):
    """A trained net whose inputs are a score of 0 to 10, a yes or no, and a temperature with one decimal."""
    rng = np.random.default_rng(1)
    shape = (120, 6)
    pain = np.clip(np.round(rng.normal(5, 2, shape)), 0, 10)
    oxygen, temp = rng.integers(0, 2, shape), np.round(rng.normal(37, 0.7, shape), 1)
    score = pain.mean(1) - 5 + 3 * (oxygen.mean(1) - 0.5) + 2 * (temp.mean(1) - 37)
    data = from_arrays(
        np.stack([pain, oxygen, temp], 1),
        np.where(score > 0, "ill", "well"),
        dt=rng.integers(1, 9, shape),
        names=["pain", "oxygen", "temp"],
        time_unit="h",
    )
    model = LiquidClassifier(cell=request.param, units=8, epochs=12, lr=0.02, seed=0).fit(data)
    return model, data


@pytest.mark.parametrize("change", ["auto", "both", "gaps"])
def test_the_numbers_as_printed_turn_the_model_on_the_grid_of_the_data(ward, change):
    model, data = ward
    found = 0
    for row in range(0, 24, 3):
        result = counterfactual(model.net_, model.encoder_, data, row, change=change, **QUICK)
        found += result.found
        assert result.found or change == "gaps"
        values, gaps = data.values[row].copy(), data.dt[row].copy()
        for entry in result.changes:
            after = float(str(entry).split(" -> ")[1].removesuffix(" h"))
            assert after == entry.after
            if entry.kind == "gap":
                gaps[entry.step] = after
                assert after == round(after) and entry.unit == "h"
                continue
            values[entry.step, data.names.index(entry.name)] = after
            assert round(after, 1 if entry.name == "temp" else 0) == after
        printed = replace(data.select([row]), values=values[None], dt=gaps[None])
        before, after = model.predict_proba(data.select([row]))[0], model.predict_proba(printed)[0]
        assert (before.argmax() != after.argmax()) == result.found
        if result.found:
            assert after.max() >= 0.5 if result.narrow else after.max() >= 0.549
    assert found or change == "gaps"


def test_values_alone_are_tried_first(ward):
    model, data = ward
    result = counterfactual(model.net_, model.encoder_, data, 0, **QUICK)
    assert {entry.kind for entry in result.changes} == {"value"} and not result.needs_gaps
    result = counterfactual(model.net_, model.encoder_, data, 0, inputs=[], **QUICK)
    assert {entry.kind for entry in result.changes} <= {"gap"}
    if result.found:
        assert result.gap_change == sum(abs(entry.after - entry.before) for entry in result.changes)


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_grids_are_learnt_from_the_data(offset):
    rng = np.random.default_rng(0)
    values = np.stack(
        [rng.integers(0, 2, (20, 5)) * 3, rng.integers(0, 9, (20, 5)) * 0.25, rng.normal(size=(20, 5))], 1
    )
    bounds = Bounds.of(from_arrays(values + offset, [0, 1] * 10, dt=rng.integers(1, 4, (20, 5)) * 0.5))
    assert bounds.step.tolist() == [3.0, 0.25, 0.0]
    assert bounds.gap_step == 0.5


def test_words():
    assert Change("value", 2, "fib4", 1.9, 2.6).told("visit") == "visit 3: fib4 1.9 -> 2.6"
    assert str(Change("value", 0, "ast", 31.0, 31.004, "U/L")) == "step 1: ast 31 -> 31.004 U/L"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"row": 99}, "is 99; there are 30 series"),
        ({"target": "fog"}, "the classes are 'calm', 'storm'"),
        ({"target": "same"}, "is what the model decides already"),
        ({"hold": ["tide"]}, "names 'tide'"),
        ({"inputs": [], "change": "values"}, "leaves nothing that may change"),
        ({"change": "all"}, 'Pass "both", "values" or "gaps"'),
        ({"threshold": 1.0}, "expected a probability between 0 and 1"),
    ],
)
def test_bad_questions_get_a_sentence(case, options, words):
    model, encoder, data = case
    if options.get("target") == "same":
        options = {"target": data.classes[int(decide(model, encoder, data.select([0])).argmax())]}
    with pytest.raises(InputError, match=words):
        counterfactual(model, encoder, data, **options)


def test_wrong_model_or_data_gets_a_sentence(case):
    model, encoder, data = case
    with pytest.raises(InputError, match="expected a Readout"):
        counterfactual(model.layer, encoder, data)
    with pytest.raises(InputError, match="channels; the model reads"):
        counterfactual(Readout(LTC(2, 3), 2), encoder, data)
    with pytest.raises(InputError, match="3 outputs; the data name 2 classes"):
        counterfactual(Readout(LTC(len(encoder.channels), 3), 3), encoder, data)
    other = from_arrays(np.zeros((2, 3, 4)), [0, 1], names=["a", "b", "c"])
    with pytest.raises(DataError, match="has the inputs"):
        counterfactual(model, encoder, other)
    with pytest.raises(InputError, match="rising order"):
        Bounds.of(data, (0.9, 0.1))
