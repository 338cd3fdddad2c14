import numpy as np
import pytest

from caudal.errors import InputError
from caudal.fair import Groups
from caudal.fair.mitigate import resampling, reweighing


def _cells(groups, labels, weight):
    table = np.zeros((2, 2))
    np.add.at(table, (groups, labels), weight)
    return table


def _drawn(seed=0):
    rng = np.random.default_rng(seed)
    groups = (rng.random(500) < 0.3).astype(int)
    labels = (rng.random(500) < np.where(groups, 0.2, 0.6)).astype(int)
    return groups, labels


def test_reweighing_makes_group_and_class_independent():
    groups, labels = _drawn()
    weight = reweighing(groups, labels)
    table = _cells(groups, labels, weight)
    assert np.allclose(table[:, 1] / table.sum(1), labels.mean())
    assert np.isclose(weight.mean(), 1)
    assert np.allclose(table.sum(1), np.bincount(groups))


def test_reweighing_goes_on_from_given_weights_and_reads_groups():
    groups, labels = _drawn()
    given = np.random.default_rng(1).random(500)
    table = _cells(groups, labels, reweighing(Groups.of({"sex": groups}), labels, given))
    rates = table[:, 1] / table.sum(1)
    assert np.isclose(rates[0], rates[1])


def test_reweighing_of_steps_is_the_mean_of_their_weights():
    labels = np.array([[0, 0], [1, -1], [1, 1], [0, -1]])
    found = reweighing(["a", "a", "b", "b"], labels)
    flat = reweighing(["a", "a", "a", "b", "b", "b"], [0, 0, 1, 1, 1, 0])
    assert np.allclose(found, [flat[:2].mean(), flat[2], flat[3:5].mean(), flat[5]])


def test_resampling_has_the_cells_of_reweighing():
    groups, labels = _drawn()
    counts = resampling(groups, labels, seed=3)
    table = _cells(groups, labels, counts)
    assert np.allclose(table, _cells(groups, labels, reweighing(groups, labels)), atol=0.51)
    assert (counts == resampling(groups, labels, seed=3)).all()
    assert (counts != resampling(groups, labels, seed=4)).any()


@pytest.mark.parametrize(
    ("groups", "labels", "weight", "text"),
    [
        (["a", "a"], [0, 1], None, "`groups` holds one value only"),
        (["a", "b"], [1, 1], None, "`labels` holds one value only"),
        (["a", "b"], [0, 1, 1], None, r"`labels` has shape \(3,\)"),
        (["a", "b"], [0, 1], [-1, 1], "`weight` does not hold"),
        (["a", "b"], [[0.5], [1.0]], None, "holds no codes for its steps"),
        ([], [], None, "`labels` has shape"),
    ],
)
def test_what_cannot_be_balanced_is_refused(groups, labels, weight, text):
    with pytest.raises(InputError, match=text):
        reweighing(groups, labels, weight)


def test_steps_are_not_resampled():
    with pytest.raises(InputError, match="one class per step"):
        resampling(["a", "b"], np.array([[0, 1], [1, 0]]))
