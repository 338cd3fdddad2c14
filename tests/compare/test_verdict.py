"""The recommendation follows an order of the contenders by their own figures; certainty stands beside it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from caudal.compare.contenders.registry import CONTENDERS as ENTRIES
from caudal.compare.job import Job
from caudal.compare.metrics.record import Curve, Paired
from caudal.compare.metrics.summary import questions, word
from caudal.compare.runner import failed
from caudal.compare.verdict import PREFERENCES, Aim, between, check_preference, judge, recommend, turned, worth
from caudal.errors import CaudalError, InputError
from caudal.intervals import Interval

OPERATIONS = {"cfc": 4000, "ltc-ncp": 600, "gru": 5000, "trees": 1800, "trivial": 0}
AIM = Aim(0.01)


def contender(name, operations):
    blank = failed(Job(name, "final", 0, 0), "").contender
    synapses = 100 if ENTRIES[name].wired else None
    return replace(blank, live_parameters=operations // 2, macs_per_step=float(operations), synapses=synapses)


CONTENDERS = {name: contender(name, operations) for name, operations in OPERATIONS.items()}


def curve(name, kept):
    return Curve(name, "noise", (0.0, 1.0), "", (Interval(1, 1, 1),) * 2, kept, kept)


def pairs_of(scores, word_of=lambda gap: "undecided", contenders=CONTENDERS, higher_is_better=True):
    order = list(scores)
    made = []
    for question, names in questions(order, contenders).items():
        for first, second in names:
            gap = (scores[first] - scores[second]) * (1 if higher_is_better else -1)
            difference = Interval(gap, gap - 0.01, gap + 0.01)
            made.append(Paired(first, second, "auroc", difference, 0.5, "", word_of(gap), 0.01, question))
    return made


def judged(scores, aim=AIM, curves=(), seeds=5, word_of=lambda gap: "undecided"):
    order = dict(sorted(scores.items(), key=lambda item: -item[1]))
    return judge(order, CONTENDERS, pairs_of(order, word_of), aim, curves, seeds)


def test_a_lead_that_is_not_proven_is_still_a_lead():
    found = judged({"trees": 0.82, "cfc": 0.76, "gru": 0.77, "ltc-ncp": 0.59, "trivial": 0.63})
    assert (found.use, found.reason, found.worth.verdict) == ("trees", "best", "undecided")
    assert (found.worth.first, found.worth.second, found.best_simple) == ("trees", "trivial", "trees")
    assert (found.need.first, found.need.second) == ("gru", "trees")


def test_who_is_within_the_margin_goes_by_the_interval():
    words = {0.0: "alike", -0.001: "alike", -0.02: "undecided", -0.1: "worse"}
    scores = {"gru": 0.8, "cfc": 0.799, "trees": 0.78, "ltc-ncp": 0.7, "trivial": 0.7}
    found = judged(scores, word_of=lambda gap: words.get(round(gap, 3), "worse"))
    assert found.standing == {
        "gru": "best", "cfc": "within", "trees": "unknown", "ltc-ncp": "worse", "trivial": "worse",
    }  # fmt: skip


def test_scores_that_differ_by_rounding_are_ties_which_the_cheaper_wins():
    scores = {"gru": 0.8001, "ltc-ncp": 0.8, "cfc": 0.7, "trees": 0.7, "trivial": 0.5}
    assert judged(scores).use == "ltc-ncp" and judged(scores).reason == "preferred"
    assert judged({**scores, "gru": 0.803}).use == "gru"


def test_two_sizes_that_differ_by_rounding_leave_the_choice_to_the_score():
    contenders = {**CONTENDERS, "gru": contender("gru", 1458), "cfc": contender("cfc", 1478)}
    scores = {"cfc": 0.8169, "gru": 0.8167}
    assert recommend(scores, contenders, [], Aim(0.01, prefer="cheap")) == "cfc"


def test_a_margin_missed_by_a_hair_turns_nothing():
    scores = {"trees": 0.827, "gru": 0.827 - 0.0102, "cfc": 0.827 - 0.0093}
    assert recommend(scores, CONTENDERS, [], AIM) == "trees"


@pytest.mark.parametrize(
    ("prefer", "use"), [("score", "gru"), ("cheap", "ltc-ncp"), ("robust", "trees"), ("explainable", "ltc-ncp")]
)
def test_what_the_user_prefers_decides_among_those_within_the_margin(prefer, use):
    scores = {"gru": 0.8, "cfc": 0.799, "trees": 0.798, "ltc-ncp": 0.7975, "trivial": 0.5}
    curves = [curve("gru", 0.8), curve("cfc", 0.8), curve("trees", 0.99), curve("ltc-ncp", 0.75)]
    assert judged(scores, Aim(0.01, prefer=prefer), curves).use == use


def test_a_guess_is_enough_where_no_model_is_ahead_by_what_it_costs():
    found = judged({"gru": 0.5005, "trivial": 0.5, "cfc": 0.49, "trees": 0.48, "ltc-ncp": 0.48})
    assert (found.use, found.reason, found.worth.first) == ("trivial", "trivial is enough", "gru")


def test_errors_are_better_when_lower():
    aim = Aim(0.02, higher_is_better=False)
    assert recommend({"gru": 1.0, "cfc": 0.9, "trivial": 2.0}, CONTENDERS, [], aim) == "cfc"


def random_panel(rng):
    names = list(rng.permutation([name for name in ENTRIES if name != "trivial"]))[: rng.integers(2, 10)]
    names.append("trivial")
    contenders = {name: contender(name, int(10 ** rng.uniform(0, 5))) for name in names}
    scores = {name: float(rng.choice([rng.uniform(0.6, 0.62), rng.uniform(0.5, 0.9)])) for name in names}
    if rng.random() < 0.3:
        scores = {name: round(score, 2) for name, score in scores.items()}
    curves = [curve(name, rng.uniform(0.5, 1.0)) for name in names if rng.random() < 0.8]
    aim = Aim(float(rng.choice([0.0, 0.01, 0.1])), bool(rng.random() < 0.5), str(rng.choice(PREFERENCES)))
    return scores, contenders, curves, aim


def test_adding_or_removing_a_contender_moves_the_answer_to_or_from_that_one_only():
    rng = np.random.default_rng(0)
    for _ in range(500):
        scores, contenders, curves, aim = random_panel(rng)
        whole = recommend(scores, contenders, curves, aim)
        for name in scores:
            rest = {other: score for other, score in scores.items() if other != name}
            assert recommend(rest, contenders, curves, aim) == whole or name == whole


def test_the_recommended_one_is_never_further_behind_the_best_than_the_margin():
    rng = np.random.default_rng(1)
    for _ in range(500):
        scores, contenders, curves, aim = random_panel(rng)
        use = recommend(scores, contenders, curves, aim)
        best = max(scores.values()) if aim.higher_is_better else min(scores.values())
        assert abs(scores[use] - best) <= aim.margin + 1e-12


def test_more_operations_are_never_worth_more():
    worths = [worth(0.8, contender("gru", 10**power), [], Aim(0.01, prefer="cheap")) for power in range(8)]
    assert all(first >= second for first, second in pairwise(worths)) and worths[0] - worths[-1] <= 0.01


def test_an_unknown_preference_is_refused():
    with pytest.raises(InputError, match="score, cheap, robust, explainable"):
        check_preference("liquid")


def test_seeds_are_asked_for_only_where_they_are_few():
    scores = {"gru": 0.8, "cfc": 0.79, "trees": 0.7, "ltc-ncp": 0.7, "trivial": 0.5}
    assert "more seeds" in judged(scores).would_change
    assert "more seeds" not in judged(scores, seeds=20).would_change


def test_a_fragile_choice_is_told():
    scores = {"gru": 0.8, "cfc": 0.7, "trees": 0.7, "ltc-ncp": 0.7, "trivial": 0.5}
    curves = [curve("gru", 0.7), curve("cfc", 0.9)]
    assert "robustness" in judged(scores, curves=curves).would_change
    assert "robustness" not in judged(scores, curves=curves[:1]).would_change


def test_a_missing_family_has_no_verdict():
    with pytest.raises(CaudalError, match="no liquid contender has a result"):
        judge({"gru": 0.8, "trivial": 0.5}, CONTENDERS, [], AIM)


def test_a_comparison_from_the_other_side():
    there = Paired("a", "b", "auroc", Interval(0.3, 0.29, 0.31), 0.5, "", "better", 0.01, "need", 40)
    back = turned(there)
    assert (back.first, back.difference.low, back.difference.high, back.verdict) == ("b", -0.31, -0.29, "worse")
    assert (back.question, back.enough) == ("need", 40)
    assert between([there], "b", "a", "need") == back and between([there], "a", "b", "which") is None


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


def test_without_a_margin_or_an_interval_nothing_is_alike():
    assert word(Interval(0.0, 0.0, 0.0), 1.0, 0.0) == "undecided"
    assert word(Interval(0.0, 0.0, 0.0, level=0.0), 1.0, 0.01) == "undecided"
