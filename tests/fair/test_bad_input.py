"""What a user may pass by mistake, read as the sentence that it gets; and what must never leave memory."""

from dataclasses import replace

import numpy as np
import pytest

from caudal.audit import Log, keys
from caudal.data import from_arrays
from caudal.errors import CaudalError, DataError, InputError
from caudal.estimators import LiquidClassifier
from caudal.fair import Groups, ask, by_group, decisions, diagnose, numbers, report, synthetic
from caudal.fair.mitigate import Lagrangian, Penalty, fairlearn_thresholds, resampling, reweighing
from caudal.report import fairness as fairness_module

COUNT = 40
CLASS = np.arange(COUNT) // 2 % 2
PLENTY = np.arange(20_000) % 10_000


def _fit(sensitive, y=CLASS, constraint="equal_opportunity"):
    x = np.random.default_rng(0).normal(size=(COUNT, 1, 4))
    fairness = Penalty(constraint, warm_up=0)
    return LiquidClassifier(units=2, epochs=1, fairness=fairness).fit(x, y, sensitive=sensitive)


@pytest.mark.parametrize(
    ("sensitive", "text"),
    [
        (np.zeros(COUNT), "is constant: all 40 series are of one group. Nothing can be compared by it; leave it out"),
        (np.full(COUNT, np.nan), "is constant: all 40 series are unknown"),
        (np.array([None] * COUNT, object), "is constant: all 40 series are unknown"),
        (np.where(np.arange(COUNT) % 2, 1.0, np.nan), "is known of one group only, and series of unknown group count"),
        (np.linspace(0, 1, COUNT), "holds 40 different numbers, which name no groups. Say where to cut; thirds"),
        (np.array([f"p{k}" for k in range(COUNT)]), "holds 40 different values; at most 30 groups can be compared"),
        (np.array(["a"] * 39 + ["b"]), "has 1 group of one person, the first at series 39, whom figures lay bare"),
        (np.zeros(0), "is empty. Pass one value per series"),
        (np.zeros((COUNT, 2)), "has shape .40, 2.; expected .40,."),
        (
            np.where(CLASS == 1, "a", "b"),
            "compares rows of the positive class, of which fewer than two groups have any",
        ),
        (None, "is not given, and `fairness` is. Pass the attribute of each series"),
    ],
)
def test_a_sensitive_column_that_no_price_can_use(sensitive, text):
    with pytest.raises(CaudalError, match=text):
        _fit(() if sensitive is None else sensitive)


def test_a_target_of_one_class():
    with pytest.raises(CaudalError, match="holds one class only"):
        _fit(np.arange(COUNT) % 2, np.zeros(COUNT, int))
    with pytest.raises(InputError, match="all 40 are negative"):
        decisions(np.zeros(COUNT), decided=np.zeros(COUNT))
    model = _fit(np.arange(COUNT) % 2)
    data = from_arrays(np.zeros((4, 1, 4)), [0, 0, 0, 1])
    with pytest.raises(InputError, match="`truth` holds one class only: all 3 are negative"):
        ask(model, data.select([0, 1, 2]))
    with pytest.raises(InputError, match="`labels` holds one value only, so there is nothing to balance"):
        reweighing(np.arange(COUNT) % 2, np.zeros(COUNT))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Groups.of({"id": PLENTY}), "holds 10000 different numbers, which name no groups"),
        (lambda: Groups.of({"id": PLENTY.astype(str)}), "holds 10000 different values; at most 30 groups"),
        (lambda: reweighing(PLENTY, PLENTY % 2), "holds 10000 different numbers, which name no groups. Say where"),
        (lambda: resampling(PLENTY.astype(str), PLENTY % 2), "at most 30 groups can be balanced. Join values"),
        (lambda: Groups.of({}), "names no column. Pass at least one"),
        (lambda: Groups.of({"sex": []}), "is empty"),
        (lambda: decisions([], []), "has shape .0,.; expected .n,."),
        (lambda: decisions([np.nan, 1.0], [0.1, 0.2]), "holds other values than 0 and 1"),
        (lambda: decisions([0, 1], [np.nan, 0.2]), "is no probability: below 0, above 1 or NaN"),
        (lambda: numbers([0.0, 1.0], [np.inf, 1.0]), "or the truth is not finite. Leave those series out"),
    ],
)
def test_empty_unknown_and_ten_thousand(make, text):
    with pytest.raises(InputError, match=text):
        make()


def test_unseen_values_at_the_decision():
    known = Groups.of({"sex": ["f", "m"] * 20})
    rule = fairlearn_thresholds(np.random.default_rng(0).random(COUNT), CLASS, known)
    with pytest.raises(InputError, match="holds a group that was not there before, first at series 1"):
        rule.decide([0.5, 0.5], known.read({"sex": ["f", "x"]}))
    with pytest.raises(InputError, match="expected 4 of f, m"):
        rule.decide([0.5] * 4, Groups.of({"sex": list("aabb")}))
    train = from_arrays(np.zeros((COUNT, 1, 3)), CLASS, sensitive={"sex": ["f", "m"] * 20})
    later = from_arrays(np.zeros((4, 1, 3)), [0, 1, 0, 1], sensitive={"sex": list("fmxx")})
    with pytest.raises(InputError, match="was not there before, first at series 2"):
        LiquidClassifier(units=2, epochs=1, fairness=Penalty(warm_up=0)).fit(train, val=later)


def test_a_sensitive_column_among_the_inputs_is_refused_in_training_and_told_in_the_report():
    data = from_arrays(np.zeros((COUNT, 1, 4)), CLASS, names=["sex"], sensitive={"sex": np.arange(COUNT) % 2})
    with pytest.raises(DataError, match="names 'sex', which is an input of the model as well"):
        LiquidClassifier(units=2, epochs=1, fairness=Penalty(warm_up=0)).fit(data)
    told = report(data, decisions(CLASS, decided=CLASS[::-1]), draws=100)
    assert told.attributes[0].audit.is_input == ("sex",)


def test_ten_thousand_series_of_thirty_groups_are_told_in_time():
    rng = np.random.default_rng(0)
    groups = Groups.of({"site": (np.arange(10_000) % 30).astype(str)})
    found = by_group(decisions(rng.integers(0, 2, 10_000), rng.random(10_000)), groups, draws=100)
    assert len(found.groups) == 30 and found.gap("accuracy").value.high < 1


def test_trusted_classes_that_do_not_fit():
    data = synthetic(60)
    groups = Groups.of({"group": data.sensitive["group"]})
    for trusted in (np.full(60, -1), np.zeros(59, int), np.full(60, np.nan)):
        with pytest.raises(InputError, match="is not 60 whole numbers of which some are known"):
            diagnose(data, groups, trusted=trusted)


SECRET = ("kwyjibo", "xyzzyq")


def test_no_group_is_in_the_model_its_checkpoint_or_the_audit_log(tmp_path):
    """Whom a series belongs to is read while training, and is nowhere afterwards."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(COUNT, 1, 4))
    data = from_arrays(x, CLASS, sensitive={"faith": np.array(SECRET)[np.arange(COUNT) % 2]})
    for fairness in (Penalty(warm_up=0), Lagrangian(warm_up=0)):
        folder = tmp_path / fairness.kind
        folder.mkdir()
        model = LiquidClassifier(units=2, epochs=2, fairness=fairness, checkpoint=str(folder / "run"))
        model.fit(data).set_params(checkpoint=None)
        model.save(folder / "model.caudal")
        with Log(folder / "log", keys.make(folder / "key.pem", "example.org/ward"), form="json") as log:
            model.predict(data, log=log)
        files = [one for one in folder.rglob("*") if one.is_file()]
        assert len(files) > 3
        for one in files:
            assert not [word for word in SECRET if word.encode() in one.read_bytes()], one.name


def test_messages_say_where_and_not_who():
    column = np.array([SECRET[0]] * 39 + [SECRET[1]])
    known = Groups.of({"faith": ["a", "b"] * 20})
    for make in (
        lambda: Groups.of({"faith": column}),
        lambda: Groups.of({"faith": column[:39]}),
        lambda: known.read({"faith": column}),
        lambda: _fit(column),
    ):
        with pytest.raises(InputError) as caught:
            make()
        assert not [word for word in SECRET if word in str(caught.value)]


def test_a_report_names_groups_and_nothing_of_a_person():
    """Names of groups are what a report is about, and writing one asks for them; ids are not in it."""
    data = synthetic(300)
    who = np.array(SECRET)[np.arange(300) % 2]
    who[:3] = "plugh"  # three persons: told to be few, their figures kept back
    data = replace(data, sensitive={"faith": who}, ids=np.array([f"person-{k}" for k in range(300)]))
    found = report(data, decisions(data.target, decided=data.values[:, 0, 0] > 0), draws=100)
    text = found.to_json() + fairness_module.render(found) + fairness_module.render(found, "es")
    assert SECRET[0] in text and "person-" not in text
    assert found.attributes[0].hidden == ("plugh",)
    assert all(one.value is None for one in found.attributes[0].rates if one.group == "plugh")
