"""What CONTRIBUTING says of adding a thing holds: it is done here once, from outside, and reaches the user."""

import numpy as np
import pytest

from caudal import data
from caudal.compare import CONTENDERS, Entry, OneOf, compare, register
from caudal.data import from_arrays
from caudal.data.datasets import registry as data_sets
from caudal.data.datasets.files import Dataset
from caudal.errors import InputError
from caudal.estimators import LiquidClassifier
from caudal.report import render


@pytest.fixture
def series():
    dice = np.random.default_rng(0)
    label = np.arange(60) % 2
    return from_arrays(dice.normal(size=(60, 2, 5)) + label[:, None, None], label)


@pytest.fixture
def contender():
    entry = Entry(
        name="tiny-gru",
        label="Tiny GRU",
        family="traditional",
        summary="A GRU of four units.",
        kind="network",
        build=lambda plan, settings: LiquidClassifier("gru", 4, epochs=plan.epochs, lr=settings["lr"], seed=plan.seed),
        matched=False,
        settings={"lr": 0.01},
        space={"lr": OneOf((0.01, 0.1))},
    )
    yield register(entry)
    del CONTENDERS[entry.name]


def test_a_contender_registered_from_outside_is_trained_judged_and_shown(series, contender, tmp_path):
    models = ["cfc", contender.name]
    study = compare(
        series, tmp_path / "study", models=models, budget="demo", changes={"seeds": 1, "epochs": 1}, executor="inline"
    )
    row = next(row for row in study.contenders if row.name == contender.name)
    assert row.label == "Tiny GRU" and row.parameters > 0
    assert not [run for run in study.runs if run.failed]
    assert "Tiny GRU" in render(study, "en")


def test_a_name_is_given_once(contender):
    with pytest.raises(InputError, match="is 'tiny-gru', which is taken"):
        register(contender)


def test_a_data_set_is_one_line_of_the_registry(series, monkeypatch):
    card = data_sets.card("nafld")
    rows = data.Split(np.arange(40), np.arange(40, 50), np.arange(50, 60), "series", 0)
    monkeypatch.setitem(data_sets._ALL, "mine", (card, lambda **options: Dataset(card, series, rows)))
    assert len(data_sets.load("mine").train) == 40
