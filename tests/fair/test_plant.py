"""Planted bias does what it says, to whom it says, and keeps the truth aside."""

import numpy as np
import pytest

from caudal.errors import InputError
from caudal.fair import Groups, plant, synthetic, with_coin
from caudal.fair.plant import KINDS, add_proxy, disturb, drop_series, flip_labels, thin


@pytest.fixture(scope="module")
def clean():
    return synthetic(400, seed=3)


@pytest.fixture(scope="module")
def groups(clean):
    return Groups.of({"group": clean.sensitive["group"]})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_seeded_and_strikes_its_group_alone(kind, clean, groups):
    first, again = (plant(kind, clean, groups, "b", seed=5) for _ in range(2))
    assert first.data.digest == again.data.digest
    assert first.data.digest != plant(kind, clean, groups, "b", seed=6).data.digest
    assert first.truth is clean
    assert np.array_equal(first.data.ids, clean.ids[first.kept])
    if kind != "proxy":
        others = first.data.select(first.data.sensitive["group"] == "a")
        whole = clean.select(clean.sensitive["group"] == "a")
        assert np.array_equal(others.values.sum(axis=1), whole.values.sum(axis=1))
        assert np.array_equal(others.target, whole.target)


def test_labels_are_flipped_one_way(clean, groups):
    found = flip_labels(clean, groups, "b", 0.5)
    assert (found.data.target <= clean.target).all()
    share = found.changed[groups.where("b") & (clean.target == 1)].mean()
    assert 0.35 < share < 0.65


def test_series_are_dropped(clean, groups):
    found = drop_series(clean, groups, "b", 0.75)
    assert (found.data.sensitive["group"] == "b").sum() == 40
    assert len(drop_series(clean, groups, "b", 1.0).data) == 242
    sick = drop_series(clean, groups, "b", 1.0, only=1).data
    assert sick.target[sick.sensitive["group"] == "b"].max() == 0


def test_noise_leaves_holes_and_other_features_alone(clean, groups):
    found = disturb(clean, groups, "b", 2.0, offset=1.0, features=("level",)).data
    assert np.array_equal(found.observed, clean.observed)
    assert np.array_equal(found.values[..., 1:], clean.values[..., 1:])
    rows, seen = groups.where("b"), clean.observed[..., 0]
    moved = (found.values - clean.values)[rows][..., 0][seen[rows]]
    unit = clean.values[..., 0][seen].std()
    assert moved.std() / unit == pytest.approx(2, rel=0.1)
    assert moved.mean() / unit == pytest.approx(1, abs=0.2)


def test_thinned_series_keep_their_span(clean, groups):
    found = thin(clean, groups, "b", 0.6).data
    assert found.times[:, -1] == pytest.approx(clean.times[:, -1])
    rows = groups.where("b")
    assert (found.lengths[rows] - 2).sum() / (clean.lengths[rows] - 2).sum() == pytest.approx(0.4, abs=0.05)
    assert found.values[:, 0] == pytest.approx(clean.values[:, 0])
    assert thin(clean, groups, "b", 1.0).data.lengths[rows].max() == 2


def test_a_proxy_reveals_the_group(clean, groups):
    from sklearn.metrics import roc_auc_score

    found = add_proxy(clean, groups, "b", 3.0).data
    assert roc_auc_score(groups.where("b"), found.values[:, 0, -1]) > 0.95
    with pytest.raises(InputError, match=r"have an input called 'proxy' already"):
        add_proxy(found, groups, "b", 3.0)


def test_a_coin_has_nothing_to_do_with_the_series(clean):
    found = with_coin(clean, share=0.25)
    assert (found.sensitive["coin"] == "b").sum() == 100
    assert found.digest == clean.digest or "coin" not in clean.sensitive


def test_refusals(clean, groups):
    with pytest.raises(InputError, match=r"is 'soot'; expected labels"):
        plant("soot", clean, groups, "b")
    with pytest.raises(InputError, match=r"`group` is 'x'; group has a, b"):
        plant("labels", clean, groups, "x")
    with pytest.raises(InputError, match=r"`rate` is 1.5; expected 0 to 1"):
        flip_labels(clean, groups, "b", 1.5)
    with pytest.raises(InputError, match=r"names 'pulse', which is no input. There are level"):
        disturb(clean, groups, "b", 1.0, features=("pulse",))
    with pytest.raises(InputError, match=r"name the group of 400 series; there are 10"):
        thin(clean.select(np.arange(10)), groups, "b", 0.5)
