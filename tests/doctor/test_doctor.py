"""Each planted fault is found and named with its remedy; sound models and data give no symptom."""

import numpy as np
import pytest
import torch

from caudal import data, doctor, nn
from caudal.errors import DataError


@pytest.fixture
def series():
    rng = np.random.default_rng(0)
    return data.from_arrays(rng.normal(size=(30, 3, 8)), np.arange(30) % 2, dt=rng.uniform(0.5, 1.5, (30, 8)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Readout(nn.GRU(3, 5), 2)


def _codes(*arguments, **options):
    return [one.code for one in doctor.examine(*arguments, **options)]


def test_the_healthy_are_left_alone(series, model):
    encoder = data.Encoder.fit(series)
    assert _codes(model, series, encoder, other=None) == []
    half = series.select(slice(0, 15)), series.select(slice(15, 30))
    assert _codes(model, half[0], encoder, other=half[1]) == []


def test_nan_is_named(series, model):
    with torch.no_grad():
        model.map.weight[0, 0] = torch.nan
    (found,) = doctor.examine(model, series)
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
    found = {one.code: one for one in doctor.examine(model, series)}
    assert found["dead"].where == "unit 2"
    assert found["saturated"].where == "unit 4"
    assert found["dead"].count == found["saturated"].count == 1


def test_time_in_another_unit_is_found(series):
    minutes = data.from_arrays(series.values, series.target, axes="time_first", dt=60 * series.dt, time_unit="min")
    (found,) = doctor.examine(None, minutes, data.Encoder.fit(series))
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
    found = doctor.examine(None, data.from_arrays(x, y, task=task))
    assert [(one.code, one.where) for one in found] == [("leak", "x1")]


def test_series_in_two_parts_are_found(series):
    first = data.from_arrays(series.values, series.target, axes="time_first", group=np.arange(30) // 3)
    a, b = first.select(slice(0, 16)), first.select(slice(16, 30))
    (found,) = doctor.examine(None, a, other=b)
    assert (found.code, found.count, found.where) == ("overlap", 1, "5")
    (twins,) = doctor.examine(None, series, other=series.select([3, 4]))
    assert (twins.code, twins.count) == ("overlap", 2)


def test_the_copies_of_a_series_are_found_unless_a_group_holds_them(series):
    rows = [0, 1, 2, 0, 1]
    again = {"axes": "time_first", "dt": series.dt[rows], "ids": ["a", "b", "c", "d", "e"]}
    y = [0.1, 0.2, 0.3, 0.1, 0.2]
    (found,) = doctor.examine(None, data.from_arrays(series.values[rows], y, **again))
    assert (found.code, found.count, found.where) == ("overlap", 2, "d")
    assert "first d, which is a again" in found.message
    grouped = data.from_arrays(series.values[rows], y, **again, group=[1, 2, 3, 1, 2])
    assert _codes(None, grouped) == []


def test_two_units_of_time_in_one_column_are_found(series):
    dt = series.dt * np.where(np.arange(30) < 4, 60.0, 1.0)[:, None]
    mixed = data.from_arrays(series.values, series.target, axes="time_first", dt=dt)
    found = doctor.examine(None, data.from_arrays(series.values, series.target, axes="time_first", dt=np.ones((30, 8))))
    assert found == ()
    even = data.from_arrays(series.values, series.target, axes="time_first", dt=np.round(dt / series.dt))
    (found,) = doctor.examine(None, even)
    assert (found.code, found.count, found.severity) == ("time", 4, "serious")
    assert found.message == "The gaps of 4 of 30 series are 60 times those of the others, first series 0."
    assert all(one.code == "time" for one in doctor.examine(None, mixed))
    wide = data.from_arrays(
        series.values, series.target, axes="time_first", dt=np.geomspace(1, 3600, 240).reshape(30, 8)
    )
    assert _codes(None, wide) == []


def test_categories_statics_and_what_was_measured_are_examined():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(30), 3)
    frame = pandas.DataFrame(
        {"id": ids, "t": list(range(3)) * 30, "x": rng.normal(size=90), "y": np.array(list("abc"))[ids % 3]}
    )
    ward = frame.assign(ward=np.array(["north", "south", "east"])[ids % 3], x=rng.normal(size=90))
    ask = {"target": "y", "series": "id", "time": "t"}
    assert [(one.code, one.where) for one in doctor.examine(None, data.from_frame(ward, **ask))] == [("leak", "ward")]
    aged = frame.assign(age=20.0 + 10 * (ids % 3))
    assert _codes(None, data.from_frame(aged, static=["age"], **ask)) == ["leak"]
    two = frame.assign(y=np.where(ids % 2, "ill", "well"), test=np.where(ids % 2, rng.normal(size=90), np.nan))
    (found,) = doctor.examine(None, data.from_frame(two, **ask))
    assert found.message == "Whether 'test' was measured at all tells the target apart without a model."


def test_a_table_is_examined_whole_and_every_fault_is_named():
    pandas = pytest.importorskip("pandas")
    ids = np.repeat(np.arange(20), 4)
    frame = pandas.DataFrame({"id": ids, "t": 1.7e9 + 3600 * np.tile(np.arange(4.0), 20), "y": ids % 2, "flat": 3})
    frame["x"], frame["z"] = np.sin(np.arange(80)), np.cos(np.arange(80)).astype(object)
    frame.loc[7, "x"], frame.loc[9, "z"] = np.inf, "high"
    frame["w"] = np.sin(1.3 * np.arange(80))
    found = doctor.examine_table(frame, target="y", series="id", time="t", time_unit="h")
    assert [(one.code, one.where, one.severity) for one in found] == [
        ("table", "x", "serious"), ("table", "z", "serious"), ("time", "t", "serious"), ("constant", "flat", "mild"),
    ]  # fmt: skip
    assert str(found[0]) == "table: `x` holds infinity at row 7. Write a number, or leave the cell empty."
    assert found[2].remedy == "Pass `time_unit='s'`, or a column of datetimes."
    (one,) = doctor.examine_table(frame.assign(y=1), target="y", series="id", time="t", features=["w"])
    assert one.message == "`y` holds one class only, 1."
    with pytest.raises(DataError, match="`when` is not a column"):
        doctor.examine_table(frame, target="y", series="id", time="when")


def test_few_series_of_a_class_are_told(series):
    rare = data.from_arrays(series.values, np.arange(30) < 3, axes="time_first", dt=series.dt)
    (found,) = doctor.examine(None, rare)
    assert (found.code, found.severity) == ("few", "mild")
    assert found.message == "Class True has 3 series only."
