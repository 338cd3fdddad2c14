"""Intervals hold the truth as often as they say; gaps are honest at zero; small cells are flagged."""

import numpy as np
import pytest

from benchmarks.fair.coverage import cases, coverage
from caudal.errors import InputError
from caudal.fair import Groups, by_group, decisions, gaps, numbers
from caudal.fair.estimate import student


def _answers(sizes, right, seed=0, each=1):
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(len(sizes)), np.array(sizes) * each)
    truth = rng.random(len(code)) < 0.5
    given = truth ^ (rng.random(len(code)) >= np.array(right)[code])
    owner = np.repeat(np.arange(sum(sizes)), each)
    return decisions(truth, decided=given, owner=owner), Groups("g", tuple("abcdef"[: len(sizes)]), code)


def test_quantiles_of_student_are_those_of_scipy():
    from scipy.stats import t

    for degrees in (1, 2, 3, 5, 9, 30, 400):
        for level in (0.8, 0.95, 0.99):
            assert student(level, degrees) == pytest.approx(t.ppf((1 + level) / 2, degrees), rel=0.02)


def test_a_group_without_errors_has_an_interval():
    found = by_group(*_answers((50, 50), (1.0, 0.8)))
    one = next(rate for rate in found.rates() if rate.metric == "accuracy" and rate.group == "a")
    assert one.value.value == one.value.high == 1.0
    assert one.value.low == pytest.approx(0.929, abs=0.001)


def test_cells_under_thirty_are_flagged_and_count_in_no_gap():
    found = by_group(*_answers((100, 100, 29), (0.8, 0.8, 0.2)))
    flagged = {(rate.group, rate.metric) for rate in found.rates() if rate.few}
    assert ("c", "accuracy") in flagged and ("a", "tpr") not in flagged
    gap = found.gap("accuracy")
    assert gap.left_out == ("c",)
    assert gap.value.value < 0.2
    assert by_group(*_answers((100, 20), (0.8, 0.8))).gap("accuracy") is None


def test_a_gap_of_groups_alike_reaches_zero_and_is_told_with_chance():
    found = by_group(*_answers((100, 100, 100, 100), (0.8,) * 4, seed=1)).gap("accuracy")
    assert found.value.low == 0
    assert 0.5 * found.chance < found.value.value < 2 * found.chance


def test_a_gap_names_its_groups():
    found = by_group(*_answers((300, 300, 300), (0.6, 0.9, 0.75))).gap("accuracy")
    assert (found.high, found.low) == ("b", "a")
    assert found.value.low > 0.2 and found.value.high < 0.4


def test_answers_of_one_series_are_drawn_together():
    rng = np.random.default_rng(0)
    truth, wrong = rng.random(200) < 0.5, rng.random(200) < 0.3
    groups = Groups.of({"g": np.repeat(["a", "b"], 100)})
    single = by_group(decisions(truth, decided=truth ^ wrong), groups).difference("accuracy", "a", "b")
    code = np.repeat(np.arange(200), 10)
    repeated = decisions(truth[code], decided=(truth ^ wrong)[code], owner=code)
    tenfold = by_group(repeated, groups.select(code)).difference("accuracy", "a", "b")
    assert tenfold.high - tenfold.low == pytest.approx(single.high - single.low, rel=0.08)


def test_the_same_seed_gives_the_same_intervals():
    answers, groups = _answers((60, 60), (0.7, 0.8), each=4)
    assert by_group(answers, groups, draws=200, seed=3).rates() == by_group(answers, groups, draws=200, seed=3).rates()


def test_refusals():
    answers, groups = _answers((60, 60), (0.7, 0.8))
    found = by_group(answers, groups)
    with pytest.raises(InputError, match=r"`second` is 'x'; there are a, b"):
        found.difference("accuracy", "a", "x")
    with pytest.raises(InputError, match=r"is 'odds'; there are demographic_parity"):
        found.gap("odds")
    with pytest.raises(InputError, match=r"`draws` is 5; expected at least 100"):
        by_group(answers, groups, draws=5)


@pytest.mark.parametrize("case", ["two apart", "scores"])
def test_intervals_cover_a_little(case):
    for one in coverage(80, draws=200, only=case):
        assert one.share > 0.88, one


@pytest.mark.slow
@pytest.mark.parametrize("case", [case.name for case in cases()])
def test_intervals_cover(case):
    for one in coverage(1000, draws=300, only=case):
        error = 3 * (0.05 * 0.95 / one.count) ** 0.5
        assert one.share >= 0.93 - error, one
        assert one.of.startswith("gap") or one.share <= 0.97 + error, one


def _permuted(answers, groups, name, draws=400):
    """The gap where the groups are dealt out anew: its mean, and what it exceeds once in 20 times."""
    rng = np.random.default_rng(5)
    shuffled = [gaps(answers, groups.select(rng.permutation(len(groups))))[name] for _ in range(draws)]
    return np.mean(shuffled), np.quantile(shuffled, 0.95)


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [
        ((600, 400), (0.9, 0.9)),
        ((600, 400), (0.95, 0.8)),
        ((500, 450, 90), (0.98, 0.9, 1.0)),  # a group without a mistake has an error of its own all the same
        ((400, 300, 200, 150, 80, 60), (1.0, 0.97, 0.9, 1.0, 0.95, 1.0)),
    ],
)
@pytest.mark.parametrize("name", ["accuracy", "demographic_parity", "equalised_odds"])
def test_chance_is_that_of_groups_dealt_out_anew(sizes, rates, name):
    answers, groups = _answers(sizes, rates, seed=2)
    gap = by_group(answers, groups, draws=100).gap(name)
    mean, most = _permuted(answers, groups, name)
    assert gap.chance == pytest.approx(mean, rel=0.15, abs=0.003)
    assert gap.chance_95 == pytest.approx(most, rel=0.15, abs=0.006)


def test_chance_of_numbers_and_of_clustered_answers_is_that_of_groups_dealt_out_anew():
    rng = np.random.default_rng(0)
    code = np.repeat([0, 1, 2], [150, 100, 60])
    truth = rng.normal(size=310)
    answers = numbers(truth, truth + (1 + code) * rng.normal(size=310))
    gap = by_group(answers, Groups("g", ("a", "b", "c"), code), draws=100).gap("bias")
    mean, most = _permuted(answers, Groups("g", ("a", "b", "c"), code), "bias")
    assert gap.chance == pytest.approx(mean, rel=0.2) and gap.chance_95 == pytest.approx(most, rel=0.2)
    right, owner = rng.random(310) < 0.7, np.repeat(np.arange(310), 8)
    wrong = ~right[owner] ^ (rng.random(2480) < 0.05)
    many = decisions(np.arange(2480) % 2, decided=(np.arange(2480) % 2).astype(bool) ^ wrong, owner=owner)
    gap = by_group(many, Groups("g", ("a", "b", "c"), code[owner]), draws=100).gap("accuracy")
    dealt = [Groups("g", ("a", "b", "c"), rng.permutation(code)[owner]) for _ in range(300)]
    largest = [gaps(many, groups)["accuracy"] for groups in dealt]
    assert gap.chance == pytest.approx(np.mean(largest), rel=0.2)
    assert gap.chance_95 == pytest.approx(np.quantile(largest, 0.95), rel=0.2)


def test_answers_of_fewer_than_ten_people_count_in_no_gap_however_many():
    owner = np.repeat(np.arange(49), 20)
    group = np.where(owner < 40, "a", "b")  # nine people of b
    answers = decisions(owner % 2, decided=(owner + np.arange(980)) % 2, owner=owner)
    metrics = by_group(answers, Groups.of({"g": group}), draws=100)
    assert metrics.gap("accuracy") is None
    assert {rate.people for rate in metrics.rates() if rate.group == "b" and rate.metric == "accuracy"} == {9}
    assert all(rate.few for rate in metrics.rates() if rate.group == "b")
