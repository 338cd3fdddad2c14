"""Each planted fault is found and named with its remedy; sound models and data give no symptom."""

import numpy as np
import pytest
import torch

from caudal import data, nn, train


@pytest.fixture
def series():
    rng = np.random.default_rng(0)
    return data.from_arrays(rng.normal(size=(30, 3, 8)), np.arange(30) % 2, dt=rng.uniform(0.5, 1.5, (30, 8)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Readout(nn.GRU(3, 5), 2)


def _codes(*arguments, **options):
    return [one.code for one in train.doctor(*arguments, **options)]


def test_the_healthy_are_left_alone(series, model):
    encoder = data.Encoder.fit(series)
    assert _codes(model, series, encoder, other=None) == []
    half = series.select(slice(0, 15)), series.select(slice(15, 30))
    assert _codes(model, half[0], encoder, other=half[1]) == []


def test_nan_is_named(series, model):
    with torch.no_grad():
        model.map.weight[0, 0] = torch.nan
    (found,) = train.doctor(model, series)
    assert str(found) == (
        "nan: 1 parameters hold NaN or infinity, first 'map.weight'. "
        "Train again with a lower `lr` and with `clip` above 0."
    )


def test_gradients_that_overflow_are_named(series, model):
    with torch.no_grad():
        model.map.weight.fill_(3e38)
        model.map.weight[0].fill_(-3e38)
    assert "gradient" in _codes(model, series)


def test_dead_and_saturated_units_are_told_apart(series, model):
    with torch.no_grad():
        for weight in (model.layer.weight_ih, model.layer.weight_hh):
            weight[[2, 7, 12]] = 0
        model.layer.bias_ih[[2, 7, 12]] = 0
        model.layer.bias_hh[[2, 7, 12]] = 0
        # Unit 4 jumps to whichever bound a strong input names.
        model.layer.bias_ih[9] = -30
        model.layer.weight_ih[14, :3] = torch.tensor([500.0, 0, 0])
    found = {one.code: one for one in train.doctor(model, series)}
    assert found["dead"].where == "unit 2"
    assert found["saturated"].where == "unit 4"
    assert found["dead"].count == found["saturated"].count == 1


def test_time_in_another_unit_is_found(series):
    minutes = data.from_arrays(series.values, series.target, axes="time_first", dt=60 * series.dt, time_unit="min")
    (found,) = train.doctor(None, minutes, data.Encoder.fit(series))
    assert found.code == "time"
    assert found.message == "The typical gap is 60 times that of the training data (here in min)."


@pytest.mark.parametrize("task", ["classify", "regress", "classify_steps", "imitate"])
def test_a_feature_that_is_the_target_is_found(task):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(24, 2, 6))
    if task == "classify":
        y = np.arange(24) % 3
        x[:, 1] = np.array([5.0, 1.0, 3.0])[y][:, None]
    elif task == "regress":
        y = rng.normal(size=24)
        x[:, 1] = 3 * y[:, None] + 2
    elif task == "classify_steps":
        y = rng.integers(0, 2, (24, 6))
        x[:, 1] = y
    else:
        y = rng.normal(size=(24, 6, 1))
        x[:, 1] = -y[:, :, 0]
    found = train.doctor(None, data.from_arrays(x, y, task=task))
    assert [(one.code, one.where) for one in found] == [("leak", "x1")]


def test_series_in_two_parts_are_found(series):
    first = data.from_arrays(series.values, series.target, axes="time_first", group=np.arange(30) // 3)
    a, b = first.select(slice(0, 16)), first.select(slice(16, 30))
    (found,) = train.doctor(None, a, other=b)
    assert (found.code, found.count, found.where) == ("overlap", 1, "5")
    (twins,) = train.doctor(None, series, other=series.select([3, 4]))
    assert (twins.code, twins.count) == ("overlap", 2)
