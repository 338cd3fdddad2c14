"""Why an estimator answers as it does, from a table to synapses."""

import numpy as np
import pandas as pd
import pytest

import caudal as cd
from caudal.errors import DataError, InputError
from caudal.explain import Checks

FEW = Checks(series=2, draws=2, cells=8)


@pytest.fixture(scope="module")
def model_and_frame():
    rng = np.random.default_rng(0)
    rows = []
    for patient in range(40):
        label = patient % 2
        for visit in range(int(rng.integers(4, 7))):
            hours = visit + rng.random() * 0.3
            rows.append((patient, hours, rng.normal(), rng.normal() + 3 * label, "sick" if label else "well"))
    frame = pd.DataFrame(rows, columns=["patient", "hours", "noise", "ph", "label"])
    model = cd.LiquidClassifier(cell="ltc-ncp", units=12, epochs=30, lr=0.05, patience=0, seed=0)
    model.fit(frame, target="label", series="patient", time="hours")
    return model, frame


def test_why_this_patient(model_and_frame):
    model, frame = model_and_frame
    why = model.explain(frame[frame.patient == 17], checks=FEW)
    assert why.influence.target == ("sick",)
    assert why.influence.series == ("17",)
    assert why.top(1, by="input")[0].name == "ph"
    assert why.delta <= 0.01
    circuit = model.explain(frame[frame.patient == 17], on="synapses", checks=FEW)
    strongest = circuit.top(1)[0]
    assert circuit.ablate(strongest.name).change.value == pytest.approx(-strongest.value, abs=1e-5)
    assert any(name.startswith("ph -> ") for name in circuit.influence.labels[0])


def test_another_class_and_a_regression(model_and_frame):
    model, frame = model_and_frame
    well = model.explain(frame[frame.patient == 17], target="well", checks=Checks(series=0))
    sick = model.explain(frame[frame.patient == 17], checks=Checks(series=0))
    np.testing.assert_allclose(well.influence.values, -sick.influence.values, atol=1e-4)
    x = np.random.default_rng(0).normal(size=(30, 2, 6))
    found = cd.LiquidRegressor(cell="cfc", units=6, epochs=2).fit(x, x.mean((1, 2))).explain(x[:3], checks=FEW)
    assert found.influence.unit == "output"


@pytest.mark.parametrize("cell", ["gru-d", "lstm", "mixed", "lrc"])
def test_other_cells(cell):
    x = np.random.default_rng(0).normal(size=(24, 2, 5))
    x[0, 1, 2] = np.nan
    model = cd.LiquidClassifier(cell=cell, units=6, epochs=2).fit(x, x[:, 0].mean(1) > 0)
    found = model.explain(x[:4], on="everything", checks=FEW)
    assert found.influence.labels[1][-1] == "dt"
    assert found.influence.values.shape[2] == len(found.influence.labels[1])


def test_bad_input_gets_a_sentence(model_and_frame):
    model, frame = model_and_frame
    one = frame[frame.patient == 17]
    with pytest.raises(DataError, match="LiquidClassifier: `target` is 'dead'; the classes are sick, well"):
        model.explain(one, target="dead")
    with pytest.raises(InputError, match="explain: `at` is 30; the series have"):
        model.explain(one, at=30)
    with pytest.raises(DataError):
        model.explain(frame[frame.patient == 99])
    with pytest.raises(DataError):
        model.explain(one.drop(columns="ph"))
    with pytest.raises(InputError, match="influence: `on` is 'weights'"):
        model.explain(one, on="weights")
