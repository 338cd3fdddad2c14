"""The kind of a planted bias is named; what cannot be told is said."""

import numpy as np
import pytest

from benchmarks.fair.trial import trial
from benchmarks.fair.worlds import WORLDS, World, draw_world, judge_worlds
from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.fair import Groups, diagnose, plant, synthetic
from caudal.fair.plant import KINDS, disturb

EXPECTED = {"a": 0.6, "b": 0.4}


@pytest.fixture(scope="module")
def clean():
    return synthetic(1000, seed=7)


def _groups(data):
    return Groups.of({"group": data.sensitive["group"]})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named(kind, clean):
    data = plant(kind, clean, _groups(clean), "b", seed=1).data
    found = diagnose(data, _groups(data), expected=EXPECTED)
    assert found.kind == kind
    assert kind == "proxy" or found.group == "b"
    assert found.traces[0].p_value < 0.01


def test_nothing_planted_is_none(clean):
    found = diagnose(clean, _groups(clean), expected=EXPECTED)
    assert (found.kind, found.group) == ("none", "")
    assert found.notes == ("labels by assumption",)


def test_without_shares_representation_is_not_judged(clean):
    data = plant("representation", clean, _groups(clean), "b").data
    found = diagnose(data, _groups(data))
    assert found.kind == "none" and "representation not judged" in found.notes


def test_trusted_classes_find_a_weak_label_bias_that_the_model_cannot(clean):
    few = clean.select(np.arange(260))
    groups = _groups(few)
    data = plant("labels", few, groups, "b", strength=0.3, seed=1).data
    assert diagnose(data, groups).kind == "none"
    known = np.where(np.arange(260) < 240, few.target, -1)
    found = diagnose(data, groups, trusted=known)
    assert (found.kind, found.group) == ("labels", "b")
    assert found.traces[0].found == pytest.approx(0.7, abs=0.1)
    assert "labels by assumption" not in found.notes


def test_an_offset_is_called_a_proxy_and_the_doubt_is_told(clean):
    groups = _groups(clean)
    data = disturb(clean, groups, "b", 0.0, offset=1.5, features=("noise",)).data
    found = diagnose(data, groups)
    assert found.kind == "proxy" and "proxy or offset" in found.notes
    assert found.traces[0].source == "noise"


def test_small_groups_are_not_judged():
    data = synthetic(60, share=0.3)
    assert diagnose(data, _groups(data)).traces == ()


def test_a_trial_names_most(clean):
    rows = list(trial(["made"], 2, first=200))
    assert len(rows) == 12
    assert sum(one.planted == one.named for one in rows) >= 10


def test_refusals(clean):
    groups = _groups(clean)
    with pytest.raises(InputError, match=r"`expected` does not fit the groups: 'b'. Give a share for each of a, b"):
        diagnose(clean, groups, expected={"a": 1.0})
    with pytest.raises(InputError, match=r"adds up to 1.5"):
        diagnose(clean, groups, expected={"a": 1.0, "b": 0.5})
    with pytest.raises(InputError, match="is not 1,000 whole numbers"):
        diagnose(clean, groups, trusted=[1, 0])
    with pytest.raises(InputError, match="name the group of 1,000 series; there are 4"):
        diagnose(clean.select([0, 1, 2, 3]), groups)


def _diagnosed(world, seed, checked=0.0, series=1200):
    data, truth = draw_world(world, series=series, seed=seed)
    known = np.random.default_rng([seed, 1]).random(series) < checked
    return diagnose(data, _groups(data), trusted=np.where(known, truth, -1) if checked else None)


@pytest.mark.parametrize("world", [world for world in WORLDS if not world.planted], ids=lambda world: world.name)
@pytest.mark.parametrize("seed", range(5))
def test_a_natural_difference_is_never_called_a_bias_with_confidence(world, seed):
    for checked in (0.0, 0.2):
        found = _diagnosed(world, seed, checked)
        assert found.confidence == "low" or found.kind == "none"
        assert all(suspicion.confidence == "low" for suspicion in found.suspicions)
        assert not checked or found.kind != "labels"


def test_checked_labels_outrank_look_alikes_and_every_kind_is_told():
    worlds = [World("h", level=0.8, flips=0.35), World("v", level=0.6, visits=True, flips=0.35)]
    found = [_diagnosed(world, seed, 0.2) for world in worlds for seed in range(5)]
    assert sum(one.kind == "labels" and one.group == "b" and one.confidence != "low" for one in found) >= 9
    assert all({"labels", "proxy"} <= {s.trace.kind for s in one.suspicions} for one in found if one.kind == "labels")
    both = _diagnosed(World("both", flips=0.4, thinned=0.5), 3, 0.2)
    assert [suspicion.trace.kind for suspicion in both.suspicions] == ["labels", "sampling rate"]
    assert [suspicion.confidence for suspicion in both.suspicions][1] == "low" and "several" in both.notes


def test_few_checked_labels_are_said_to_be_few():
    found = _diagnosed(World("few", flips=0.2), 1, 0.05)
    assert "few checked labels" in found.notes


def test_several_series_of_one_person_are_no_independent_evidence():
    """Twelve people a group, each seen fifty times: their natural spread is no trace of a bias."""
    person = np.repeat(np.arange(24), 50)
    who = {"group": np.where(person < 12, "a", "b")}
    groups = Groups.of(who)
    single, of_people = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=24)[person][:, None, None] + rng.normal(size=(1200, 1, 6))
        target = (rng.random(1200) < 0.4).astype(int)
        single.append(diagnose(from_arrays(x, target, sensitive=who), groups).kind)
        of_people.append(diagnose(from_arrays(x, target, sensitive=who, group=person), groups).kind)
    assert single.count("proxy") >= 5
    assert of_people.count("none") >= 9


def test_who_never_came_is_counted_in_people():
    """Ten people of one group come a hundred times each: they are half of the people, not nine in ten."""
    person = np.concatenate([np.repeat(np.arange(10), 90), np.repeat(np.arange(10, 20), 10)])
    who = {"group": np.where(person < 10, "a", "b")}
    x, target = np.random.default_rng(0).normal(size=(1000, 1, 4)), np.arange(1000) % 2
    shares = {"a": 0.5, "b": 0.5}
    alone = diagnose(from_arrays(x, target, sensitive=who), Groups.of(who), expected=shares)
    assert (alone.kind, alone.group) == ("representation", "b")
    people = diagnose(from_arrays(x, target, sensitive=who, group=person), Groups.of(who), expected=shares)
    assert people.kind != "representation"


def test_the_worlds_are_judged():
    rows = list(judge_worlds(1, series=600))
    assert [row.world for row in rows] == [world.name for world in WORLDS]
    assert not any(row.accused for row in rows)
    with pytest.raises(InputError, match="`checked` is 0"):
        next(judge_worlds(1, checked=0))
