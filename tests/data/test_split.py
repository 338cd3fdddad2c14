import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.data import Sequences, Split, folds, from_arrays, split, windows
from caudal.errors import DataError


def _people(groups: list[int], classes: int, seed: int) -> Sequences:
    labels = np.random.default_rng(seed).integers(0, classes, len(groups))
    labels[:2] = [0, 1]
    return from_arrays(np.zeros((len(groups), 1, 2)), labels, task="classify", group=groups)


def _parts(found: Split) -> list[np.ndarray]:
    return [found.train, found.val, found.test]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=12, max_size=80),
    st.integers(2, 4),
    st.integers(0, 5),
    st.floats(0, 0.3),
    st.floats(0.1, 0.3),
)
def test_no_group_stands_in_two_parts(groups: list[int], classes: int, seed: int, val: float, test: float):
    groups = [*groups, *range(20, 26)]
    data = _people(groups, classes, seed)
    try:
        found = split(data, val=val, test=test, seed=seed)
    except DataError as error:
        assert "leaves no series" in str(error)
        return
    owners = [set(data.group[rows].tolist()) for rows in _parts(found)]
    assert not owners[0] & owners[1]
    assert not owners[0] & owners[2]
    assert not owners[1] & owners[2]
    assert sorted(np.concatenate(_parts(found)).tolist()) == list(range(len(data)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=12, max_size=60), st.integers(2, 6), st.integers(0, 5))
def test_folds_test_every_series_once_and_keep_groups_whole(groups: list[int], k: int, seed: int):
    groups = [*groups, *range(20, 26)]
    data = _people(groups, 3, seed)
    found = folds(data, k, seed=seed)
    assert sorted(row for fold in found for row in fold.test.tolist()) == list(range(len(data)))
    for fold in found:
        assert not set(data.group[fold.train].tolist()) & set(data.group[fold.test].tolist())
        assert len(fold.train) + len(fold.test) == len(data)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 50), st.integers(2, 40), st.integers(1, 20), st.integers(0, 3))
def test_training_ends_before_validation_and_that_before_test(seed: int, length: int, stride: int, horizon: int):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, 1))
    whole = from_arrays([x], [x], axes="time_first", task="imitate", dt=[rng.exponential(size=400) + 1e-3])
    data = windows(whole, length, stride, horizon)
    try:
        found = split(data, by="time")
    except DataError as error:
        assert "reach into the next" in str(error)
        return
    assert data.end[found.train].max() < data.start[found.val].min()
    assert data.end[found.val].max() < data.start[found.test].min()
    everyone = np.concatenate([*_parts(found), found.dropped])
    assert sorted(everyone.tolist()) == list(range(len(data)))


def test_classes_keep_their_shares():
    labels = np.array([0] * 900 + [1] * 90 + [2] * 10)
    data = from_arrays(np.zeros((1000, 1, 2)), labels)
    found = split(data, val=0.1, test=0.2, seed=4)
    assert np.bincount(labels[found.train]).tolist() == [630, 63, 7]
    assert np.bincount(labels[found.val]).tolist() == [90, 9, 1]
    assert np.bincount(labels[found.test]).tolist() == [180, 18, 2]
    for fold in folds(data, 5):
        assert np.bincount(labels[fold.test]).tolist() == [180, 18, 2]


def test_a_class_of_one_series_trains():
    data = from_arrays(np.zeros((21, 1, 2)), [0] * 20 + [1])
    for seed in range(5):
        assert 20 in split(data, val=0.2, test=0.2, seed=seed).train


def test_groups_keep_shares_as_well_as_they_can():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 120, 2000)
    labels = (rng.random(2000) < 0.05 + 0.2 * (groups % 5 == 0)).astype(int)
    data = from_arrays(np.zeros((2000, 1, 2)), labels, group=groups)
    found = split(data, val=0.15, test=0.15)
    for rows, share in zip(_parts(found), (0.7, 0.15, 0.15), strict=True):
        assert len(rows) / 2000 == pytest.approx(share, abs=0.02)
        assert labels[rows].mean() == pytest.approx(labels.mean(), abs=0.01)


def test_the_seed_decides():
    data = from_arrays(np.zeros((60, 1, 2)), [0, 1] * 30)
    assert split(data, seed=1).test.tolist() == split(data, seed=1).test.tolist()
    assert split(data, seed=1).test.tolist() != split(data, seed=2).test.tolist()


def test_windows_of_one_parent_stay_together():
    data = windows(from_arrays(np.zeros((10, 1, 30)), [0, 1] * 5), 10, 5)
    found = split(data, val=0.2, test=0.2)
    assert found.by == "group"
    assert not set(data.group[found.train].tolist()) & set(data.group[found.test].tolist())


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        ({"val": 0.6, "test": 0.5}, "`val` and `test` take 1.1 of the series"),
        ({"val": -0.1}, "`val` is -0.1"),
        ({"by": "colour"}, "`by` is 'colour'; expected one of auto, series, group, time"),
        ({"by": "group"}, "`by` is 'group', and the data have none"),
    ],
)
def test_faults_are_named(ask: dict[str, object], text: str):
    with pytest.raises(DataError, match=text):
        split(from_arrays(np.zeros((9, 1, 2)), [0, 1, 0] * 3), **ask)  # type: ignore[arg-type]


def test_a_split_that_would_leak_or_leave_nothing():
    grouped = from_arrays(np.zeros((4, 1, 2)), [0, 1, 0, 1], group=[1, 1, 2, 2])
    with pytest.raises(DataError, match="several series share a group: they would leak"):
        split(grouped, by="series")
    with pytest.raises(DataError, match="leaves no series; there are 2 to divide by group"):
        split(grouped)
    with pytest.raises(DataError, match="folds would train on the future"):
        folds(grouped, 2, by="time")
    with pytest.raises(DataError, match="`k` is 3; expected 2 to 2"):
        folds(grouped, 3)
    together = from_arrays(np.zeros((9, 1, 5)), [0, 1, 0] * 3)
    with pytest.raises(DataError, match="reach into the next"):
        split(together, by="time")
