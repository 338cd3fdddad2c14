"""The kind of a planted bias is named; what cannot be told is said."""

import numpy as np
import pytest

from caudal.errors import InputError
from caudal.fair import Groups, diagnose, made, plant
from caudal.fair.plant import KINDS, disturb
from caudal.fair.trial import trial

EXPECTED = {"a": 0.6, "b": 0.4}


@pytest.fixture(scope="module")
def clean():
    return made(1000, seed=7)


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
    data = made(60, share=0.3)
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
