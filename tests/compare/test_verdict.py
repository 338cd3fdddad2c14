"""The rules of the verdict, one by one, on figures laid down by hand."""

from dataclasses import replace

import pytest

from caudal.compare.job import Job
from caudal.compare.metrics.record import Curve, Paired
from caudal.compare.metrics.summary import word
from caudal.compare.runner import failed
from caudal.compare.verdict import judge, turned
from caudal.errors import CaudalError
from caudal.intervals import Interval

NAMES = {"cfc": 2000, "ltc-ncp": 300, "gru": 2500, "trees": 900, "trivial": 1}
CONTENDERS = {
    name: replace(failed(Job(name, "final", 0, 0), "").contender, live_parameters=size, macs_per_step=2.0 * size)
    for name, size in NAMES.items()
}


def pair(first, second, gap, verdict, margin=0.01):
    return Paired(first, second, "auroc", Interval(gap, gap - 0.01, gap + 0.01), 0.5, "", verdict, margin)


def against_best(best, **said):
    """Comparisons with the best; what is not named is worse by 0.1."""
    names = [name for name in NAMES if name != best]
    gaps = {name: said.get(name.replace("-", "_"), (-0.1, "worse")) for name in names}
    pairs = [pair(name, best, *gaps[name]) for name in names]
    pairs += [
        pair(a, b, 0.0, "undecided")
        for a in ("cfc", "ltc-ncp")
        for b in ("gru", "trees", "trivial")
        if best not in (a, b)
    ]
    return pairs


def ranked(best):
    return [best, *(name for name in NAMES if name != best)]


def test_better_than_every_other_family_is_most_accurate():
    found = judge(ranked("cfc"), CONTENDERS, against_best("cfc", ltc_ncp=(-0.005, "undecided")))
    assert (found.use, found.reason, found.best_traditional) == ("cfc", "most accurate", "gru")
    assert found.liquid_against_traditional.verdict == "better"
    assert (found.parameters_ratio, found.operations_ratio) == (0.8, 0.8)


def test_alike_means_the_smaller():
    found = judge(ranked("gru"), CONTENDERS, against_best("gru", cfc=(-0.002, "alike"), ltc_ncp=(-0.006, "undecided")))
    assert (found.use, found.reason, found.best) == ("ltc-ncp", "smallest of the alike", "gru")
    assert found.best_liquid == "cfc" and {"more seeds", "more data", "margin", "size"} <= set(found.would_change)


def test_undecided_beyond_the_margin_is_not_alike():
    found = judge(ranked("gru"), CONTENDERS, against_best("gru", cfc=(-0.02, "undecided"), ltc_ncp=(-0.03, "worse")))
    assert (found.use, found.reason) == ("gru", "best so far")
    assert "more data" in found.would_change and "size" not in found.would_change


@pytest.mark.parametrize("said", ["undecided", "alike"])
def test_what_does_not_beat_a_guess_is_not_recommended(said):
    found = judge(ranked("gru"), CONTENDERS, against_best("gru", trivial=(-0.005, said)))
    assert (found.use, found.reason) == ("trivial", "trivial is enough")


def test_seeds_are_asked_for_only_where_they_are_few():
    pairs = against_best("gru", cfc=(-0.02, "undecided"))
    assert "more seeds" not in judge(ranked("gru"), CONTENDERS, pairs, seeds=20).would_change


def test_a_fragile_choice_is_told():
    curves = [
        Curve(name, "noise", (0.0, 1.0), "", (Interval(1, 1, 1),) * 2, kept, kept)
        for name, kept in (("gru", 0.7), ("cfc", 0.9))
    ]
    pairs = against_best("gru")
    assert "robustness" in judge(ranked("gru"), CONTENDERS, pairs, curves).would_change
    assert "robustness" not in judge(ranked("gru"), CONTENDERS, pairs, curves[:1]).would_change


def test_a_missing_family_has_no_verdict():
    with pytest.raises(CaudalError, match="no liquid contender has a result"):
        judge(["gru", "trivial"], CONTENDERS, [])


def test_a_comparison_from_the_other_side():
    found = turned(pair("a", "b", 0.3, "better"))
    assert (found.first, found.difference.low, found.difference.high, found.verdict) == (
        "b", pytest.approx(-0.31), pytest.approx(-0.29), "worse",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "reach", "p", "said"),
    [
        (0.005, 0.004, 0.001, "alike"),
        (0.005, 0.02, 0.3, "undecided"),
        (0.05, 0.02, 0.001, "better"),
        (-0.05, 0.02, 0.001, "worse"),
        (-0.05, 0.02, 0.2, "undecided"),
        (0.0, 0.0, 1.0, "alike"),
    ],
)
def test_words_of_a_comparison(value, reach, p, said):
    assert word(Interval(value, value - reach, value + reach), p, 0.01) == said


def test_without_a_margin_nothing_is_alike():
    assert word(Interval(0.0, 0.0, 0.0), 1.0, 0.0) == "undecided"
