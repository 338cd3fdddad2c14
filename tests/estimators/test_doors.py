"""Arrays, lists, tables and sequences go in by one door; what comes out fits them, and survives a file."""

import json
from hashlib import sha256

import numpy as np
import pandas
import pytest
from safetensors import safe_open
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import caudal
from caudal import LiquidClassifier, LiquidForecaster, LiquidRegressor, data
from caudal.errors import DataError, FileFormatError, InputError, MissingFileError
from caudal.nn import CELLS

SMALL = {"units": 8, "epochs": 8, "lr": 0.03}


@pytest.fixture
def panel():
    rng = np.random.default_rng(0)
    label = np.arange(40) % 2
    return rng.normal(size=(40, 2, 6)) + 2.0 * label[:, None, None], np.array(["calm", "busy"])[label]


@pytest.fixture
def visits(panel):
    x, y = panel
    rows = [
        {"who": f"p{k:02}", "day": 2.0 * t, "pulse": x[k, 0, t], "ward": "ab"[t % 2], "ill": y[k], "age": float(k)}
        for k in range(40)
        for t in range(3 + k % 4)
    ]
    return pandas.DataFrame(rows)


COLUMNS = {"target": "ill", "series": "who", "time": "day", "static": ["age"], "time_unit": "d"}


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_goes_through_the_door(panel, cell):
    x, y = panel
    x = x.copy()
    x[3, 0, 2:4] = np.nan
    model = LiquidClassifier(cell, 12, epochs=1).fit(x, y)
    found = model.predict_proba(x)
    assert found.shape == (40, 2)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_lists_of_unequal_series_and_classes_by_step(panel):
    x, y = panel
    ragged = [one[:, : 3 + k % 4] for k, one in enumerate(x)]
    model = LiquidClassifier(**SMALL, class_weight="balanced").fit(ragged, y)
    assert model.score(ragged, y) > 0.8
    steps = [np.full(one.shape[1], y[k]) for k, one in enumerate(ragged)]
    model.fit(ragged, steps)
    assert [len(one) for one in model.predict(ragged)] == [len(one) for one in steps]
    assert model.score(ragged, steps) > 0.8


def test_a_table_is_read_again_as_it_was(visits):
    model = LiquidClassifier(**SMALL).fit(visits, **COLUMNS)
    assert model.classes_.tolist() == ["busy", "calm"]
    assert model.score(visits) > 0.8
    one = visits[visits.who == "p07"].drop(columns="ill")
    np.testing.assert_allclose(model.predict_proba(one)[0], model.predict_proba(visits)[7], atol=1e-5)
    same = LiquidClassifier(**SMALL).fit(data.from_frame(visits, **COLUMNS))
    np.testing.assert_array_equal(same.predict_proba(visits), model.predict_proba(visits))


def test_numbers_come_back_in_their_own_units(panel):
    x, _ = panel
    y = np.stack([1000 + 50 * x.mean(axis=(1, 2)), x[:, 0].mean(axis=1)], axis=1)
    model = LiquidRegressor("gru", 12, epochs=25).fit(x, y)
    assert model.predict(x).shape == (40, 2)
    assert model.score(x, y) > 0.7
    running = x.cumsum(axis=2).transpose(0, 2, 1)
    model.fit(x, running)
    assert model.predict(x)[0].shape == (6, 2)
    assert model.score(x, running) > 0.5


def test_forecasts_of_arrays_and_tables(visits):
    wave = np.sin(np.arange(120) / 4)[None, None] * np.array([1.0, 5.0])[None, :, None]
    model = LiquidForecaster("lstm", 12, horizon=3, epochs=40, lr=0.03, validation=0.0).fit(wave[:, :, :100])
    ahead = wave[:, :, 100:103].transpose(0, 2, 1)
    assert model.predict(wave[:, :, :100]).shape == (1, 3, 2)
    still = np.repeat(wave[:, :, 99:100].transpose(0, 2, 1), 3, axis=1)
    assert np.abs(model.predict(wave[:, :, :100]) - ahead).mean() < 0.5 * np.abs(still - ahead).mean()
    columns = {"target": "pulse", "series": "who", "time": "day", "features": ["pulse"]}
    table = LiquidForecaster(units=8, epochs=2, horizon=1, window=2).fit(visits, **columns)
    assert table.predict(visits).shape == (40, 1, 1)
    assert np.isfinite(table.score(visits))


def test_pipelines_grids_and_clones(panel):
    x, y = panel
    flat = x[:, 0]
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), LiquidClassifier(**SMALL)), {"liquidclassifier__units": [4, 8]}, cv=2
    )
    assert grid.fit(flat, y).best_score_ > 0.7
    model = clone(LiquidRegressor("ltc", 5, cell_options={"substeps": 2}))
    assert model.set_params(units=6).get_params()["units"] == 6
    with pytest.raises(NotFittedError):
        model.predict(flat)


@pytest.mark.parametrize("kind", [LiquidClassifier, LiquidRegressor, LiquidForecaster])
def test_one_file_brings_everything_back(kind, visits, panel, tmp_path):
    path, (x, y) = tmp_path / "model.caudal", panel
    model = kind(units=6, epochs=1)
    number = np.arange(40.0)
    model.fit(x, *({LiquidClassifier: [y], LiquidRegressor: [number]}.get(kind, [])))
    model.save(path)
    again = kind.load(path)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.get_params() == model.get_params()
    assert again.fitted_ == model.fitted_
    found = caudal.load(path)
    assert type(found) is kind
    np.testing.assert_array_equal(found.predict(x), model.predict(x))
    assert isinstance(caudal.nn.load(path), type(model.net_))


def test_the_recipe_of_a_table_is_in_the_file(visits, tmp_path):
    path = tmp_path / "model.caudal"
    model = LiquidClassifier("cfc-ncp", 12, epochs=1).fit(visits, **COLUMNS)
    model.save(path)
    np.testing.assert_array_equal(LiquidClassifier.load(path).predict_proba(visits), model.predict_proba(visits))
    with safe_open(str(path), framework="pt") as file:
        assert json.loads(json.loads(file.metadata()["caudal.estimator"])["facts"])["kind"] == "LiquidClassifier"


def test_files_that_are_none_are_refused(panel, tmp_path):
    path = tmp_path / "model.caudal"
    model = LiquidClassifier(units=4, epochs=1).fit(*panel)
    model.save(path)
    with pytest.raises(FileFormatError, match=r"holds a LiquidClassifier. Call `LiquidClassifier.load`"):
        LiquidRegressor.load(path)
    caudal.save(model.net_, path)
    assert isinstance(caudal.load(path), type(model.net_))
    with pytest.raises(FileFormatError, match="holds no estimator"):
        LiquidClassifier.load(path)
    with pytest.raises(MissingFileError):
        caudal.load(tmp_path)
    path.write_bytes(b"PK\x03\x04 zip")
    with pytest.raises(FileFormatError, match="is a pickle or zip archive"):
        caudal.load(path)
    with pytest.raises(MissingFileError, match="there is no file"):
        LiquidClassifier.load(tmp_path / "none")
    with pytest.raises(NotFittedError):
        LiquidClassifier().save(path)


def resealed(path, change):
    """The file with other facts of the estimator, and the digest over them made anew."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8 : 8 + size])
    facts = json.loads(json.loads(head["__metadata__"]["caudal.estimator"])["facts"])
    change(facts)
    text = json.dumps(facts)
    head["__metadata__"]["caudal.estimator"] = json.dumps({"facts": text, "digest": sha256(text.encode()).hexdigest()})
    changed = json.dumps(head).encode()
    changed += b" " * (-len(changed) % 8)
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + raw[8 + size :])


@pytest.mark.parametrize("name", ["window_", "horizon_"])
def test_a_forecaster_that_lacks_its_steps_is_refused(tmp_path, name):
    path = tmp_path / "model.caudal"
    series = np.random.default_rng(0).normal(size=(3, 1, 30))
    LiquidForecaster("gru", 3, epochs=1, horizon=2, window=5).fit(series).save(path)
    resealed(path, lambda facts: facts["plain"].pop(name))
    for read in (caudal.load, LiquidForecaster.load):
        with pytest.raises(FileFormatError, match="it lacks the steps of a forecast"):
            read(path)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda facts: facts.update(plain={}), "its task is None"),
        (lambda facts: facts["lists"].pop("classes_"), "it lacks the labels of its classes"),
        (lambda facts: facts["plain"].update(task_="decide"), "its task is 'decide'"),
        (lambda facts: facts["settings"].update(dtype=10**9), "its dtype is 1000000000"),
        (lambda facts: facts["settings"].update(dtype=[]), "its dtype is a list of 0"),
        (lambda facts: facts.update(data_recipe=facts["data_recipe"].replace("float32", "")), "`dtype` is ''"),
        (lambda facts: facts.update(kind=10**9), "no kind that this version"),
        (lambda facts: facts.update(kind="Oracle"), "no kind that this version"),
    ],
)
def test_facts_that_no_estimator_has_are_refused(tmp_path, visits, change, fault):
    path = tmp_path / "model.caudal"
    LiquidClassifier(units=4, epochs=1).fit(visits, **COLUMNS).save(path)
    resealed(path, change)
    with pytest.raises(FileFormatError, match=fault):
        caudal.load(path)


def test_what_does_not_fit_is_refused_in_words(panel, visits):
    x, y = panel
    with pytest.raises(InputError, match="`cell` is 'lstn'; expected one of cfc, ltc"):
        LiquidClassifier("lstn").fit(x, y)
    with pytest.raises(InputError, match="`cell_options` does not fit"):
        LiquidClassifier(cell_options={"speed": 1}).fit(x, y)
    with pytest.raises(DataError, match="a table needs `target` and `series`"):
        LiquidClassifier().fit(visits, target="ill")
    with pytest.raises(DataError, match="asks to regress; expected classify"):
        LiquidClassifier().fit(data.from_arrays(x, np.linspace(0, 1, 40)))
    with pytest.raises(DataError, match="holds one class only"):
        LiquidClassifier().fit(x, y, sample_weight=(y == "calm").astype(float))
    with pytest.raises(InputError, match="holds a negative weight"):
        LiquidClassifier().fit(x, y, sample_weight=-np.ones(40))


def test_the_doctor_of_a_model_reads_data_as_its_training_did(visits):
    # The last ward of a series goes with its length, and that with the class.
    leaky = LiquidClassifier(**SMALL).fit(visits, **COLUMNS)
    assert [(one.code, one.where) for one in leaky.doctor(visits)] == [("leak", "ward")]
    model = LiquidClassifier(**SMALL).fit(visits, **COLUMNS, features=["pulse"])
    assert model.doctor(visits) == ()
    unlabelled = visits.drop(columns="ill")
    minutes = unlabelled.assign(day=1440 * unlabelled.day)
    (found,) = model.doctor(minutes)
    assert (found.code, found.message) == (
        "time",
        "The typical gap is 1.44e+03 times that of the training data (here in d).",
    )
    with pytest.raises(DataError, match="`pulse` is not a column"):
        model.doctor(visits.drop(columns="pulse"))
    half = [visits[visits.who < "p20"], visits[visits.who >= "p10"]]
    assert [one.code for one in model.doctor(half[0], other=half[1])] == ["overlap"]


def test_a_table_is_read_as_the_estimator_needs_it(visits):
    counts = visits.assign(ill=visits.who.str[1:].astype(int) % 3)
    assert LiquidRegressor(units=4, epochs=1).fit(counts, **COLUMNS).task_ == "regress"
    many = visits.assign(ill=visits.who.str[1:].astype(int))
    assert LiquidClassifier(units=4, epochs=1, validation=0.0).fit(many, **COLUMNS).task_ == "classify"
    private = LiquidClassifier(units=4, epochs=1).fit(visits, **(COLUMNS | {"static": ()}), sensitive="age")
    assert private.encoder_.names == ("pulse", "ward=a", "ward=b")


def test_series_to_stop_by_may_be_given(visits):
    held = visits.who >= "p30"
    model = LiquidClassifier(**SMALL).fit(visits[~held], **COLUMNS, val=visits[held])
    kept = data.read_like(visits[held], model.data_recipe_, target=True)
    same = LiquidClassifier(**SMALL).fit(visits[~held], **COLUMNS, val=kept)
    assert [one.val for one in same.fitted_.history] == [one.val for one in model.fitted_.history]
    other = data.from_frame(visits[held].assign(ill=visits.who), **COLUMNS)
    with pytest.raises(DataError, match=r"has the classes \['p30'"):
        LiquidClassifier(**SMALL).fit(visits[~held], **COLUMNS, val=other)
