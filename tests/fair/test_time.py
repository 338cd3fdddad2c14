"""The gap over the decision's step, and by measurement density."""

import numpy as np
import pytest

from caudal.errors import InputError
from caudal.fair import Groups, decisions, plant, synthetic
from caudal.fair.curve import at_steps, curve, first_steps, usual_steps
from caudal.fair.diagnose.density import density


@pytest.fixture(scope="module")
def clean():
    return synthetic(800, seed=1, noise=2.0)


def _groups(data):
    return Groups.of({"group": data.sensitive["group"]})


def _scores(data):
    """A running mean of the informative input: surer with every step."""
    seen = np.cumsum(data.observed[..., 0], 1)
    return 1 / (1 + np.exp(-3 * np.cumsum(data.values[..., 0], 1) / np.maximum(1, seen)))


def test_a_gap_that_opens_late_is_seen_where_it_opens(clean):
    score = _scores(clean)
    late = np.arange(clean.steps) >= 6
    score = np.where(_groups(clean).where("b")[:, None] & late, 0.1, score)
    found = curve(at_steps(score, clean, [3, 12]), _groups(clean), "equal_opportunity", lengths=clean.lengths)
    assert found[0].gap.value.low == 0 and found[0].gap.value.value < 0.15
    assert found[1].gap.value.low > 0.5
    assert found[1].gap.low == "b"
    assert found[0].ended == 0 and 0.3 < found[1].ended < 0.8


def test_shorter_series_give_their_last_answer(clean):
    long = at_steps(_scores(clean), clean, [10_000])[10_000]
    assert long.score == pytest.approx(_scores(clean)[np.arange(800), clean.lengths - 1])
    assert np.array_equal(first_steps(clean, 4).lengths, np.minimum(4, clean.lengths))
    assert first_steps(clean, 10_000).digest == clean.digest


def test_series_measured_more_rarely_are_seen_and_the_error_follows(clean):
    data = plant("sampling rate", clean, _groups(clean), "b", strength=0.9).data
    last = _scores(data)[np.arange(800), data.lengths - 1]
    found = density(data, decisions(data.target, last), _groups(data))
    steps = {one.group: one.value for one in found.steps}
    assert steps["b"].high < steps["a"].low / 2
    assert found.steps_gap.low == "b" and found.steps_gap.value.low > 4
    assert found.follows.high < 0
    errors = [one.value.value for one in found.parts]
    assert errors[0] > errors[-1]
    assert found.raw > 0.05 and found.alike is None


def test_a_gap_that_comes_from_density_is_told_apart(clean):
    groups = _groups(clean)
    data = plant("sampling rate", clean, groups, "b", strength=0.25).data
    wrong = np.random.default_rng(0).random(800) < 3 / data.lengths
    found = density(data, decisions(data.target, decided=data.target ^ wrong), groups)
    assert found.alike < 0.7 * found.raw


def test_where_all_are_measured_alike_nothing_is_found(clean):
    last = _scores(clean)[np.arange(800), clean.lengths - 1]
    found = density(clean, decisions(clean.target, last), _groups(clean))
    assert found.steps_gap.value.low == 0


def test_one_length_for_all_has_one_part():
    data = first_steps(synthetic(100, seed=2), 3)
    found = density(data, decisions(data.target, decided=data.values[:, 0, 0] > 0), _groups(data))
    assert [one.group for one in found.parts] == ["3 to 3"]
    assert found.follows.method == "no variation"
    assert usual_steps(data.lengths) == (1, 2, 3)


def test_refusals(clean):
    with pytest.raises(InputError, match="holds no step"):
        curve({}, _groups(clean), "accuracy", lengths=clean.lengths)
    with pytest.raises(InputError, match=r"is 'odds'; these answers have"):
        curve(at_steps(_scores(clean), clean, [3]), _groups(clean), "odds", lengths=clean.lengths)
    with pytest.raises(InputError, match="steps count from 1"):
        at_steps(_scores(clean), clean, [0])
    with pytest.raises(InputError, match=r"has shape \(3,\)"):
        at_steps([1, 2, 3], clean, [1])
    with pytest.raises(InputError, match="are 800, with 2 answers"):
        density(clean, decisions([0, 1], decided=[0, 1]), _groups(clean))
