"""The sentences of the verdict follow from the figures, and losses are told like wins."""

from dataclasses import replace

import pytest

from caudal import report
from caudal.intervals import Interval
from caudal.report.study import query
from caudal.report.study.verdict import losses
from caudal.report.study.words import words


@pytest.fixture(scope="module")
def study(studies):
    return studies.study()


def with_verdict(study, **changes):
    return replace(study, verdict=replace(study.verdict, **changes))


def test_six_answers_in_the_order_of_the_questions(study):
    need, which, cost, sure, world, then = report.verdict_lines(study)
    assert need == (
        "A network is needed: GRU is better than Gradient boosting, the best model that is none, by 0.020 AUROC."
    )
    assert which.startswith("Use LTC-NCP (AUROC 0.851): of the models within the margin of 0.010 of the best")
    assert "LTC-NCP is better than the trivial model (Most frequent), which reaches 0.500." in which
    assert which.endswith("These data cannot tell the best from CfC.")
    assert cost.startswith("LTC-NCP trains in 41 s, and takes 2,100 operations a step and ")
    assert "GRU, the best of the other kind, trains in 9.0 s" in cost
    assert "the score of LTC-NCP lies in [0.842, 0.860] (95% interval)." in sure
    assert "LTC-NCP, the best liquid model, is worse than GRU, the best traditional one: 0.008 AUROC behind" in sure
    assert world.startswith("The order changes when the data get worse: ahead of LTC-NCP comes GRU under noise.")
    assert "caudal explain results/nafld/models/ltc-ncp.caudal" in then


def test_spanish_says_the_same_with_decimal_commas(study):
    _, which, cost, sure, world, then = report.verdict_lines(study, "es")
    assert which.startswith("Use LTC-NCP (AUROC 0,851)") and "alcanza 0,500" in which
    assert cost.startswith("LTC-NCP se entrena en 41 s") and "0,008 de AUROC por detrás" in sure
    assert world.startswith("El orden cambia cuando empeoran los datos") and then.startswith("Para ver por qué")


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("verdict", ["better", "worse", "alike", "undecided", "a word of tomorrow"])
def test_every_outcome_of_each_comparison_has_words(study, verdict, sign, lang):
    def said(pair):
        gap = replace(pair.difference, value=sign * abs(pair.difference.value))
        return replace(pair, verdict=verdict, difference=gap, enough=132)

    told = study.verdict
    pairs = {name: said(getattr(told, name)) for name in ("liquid_against_traditional", "worth", "need")}
    lines = report.verdict_lines(with_verdict(study, **pairs), lang)
    assert len(lines) == 6 and not any("{" in line for line in lines)
    if verdict == "undecided":
        assert "140" in lines[0] and "140" in lines[1] and "140" in lines[5]


@pytest.mark.parametrize(
    "reason",
    ["best", "preferred", "trivial is enough", "most accurate", "smallest of the alike", "best so far", "tomorrow's"],
)
def test_every_reason_has_words(study, reason):
    line = report.verdict_lines(with_verdict(study, reason=reason))[1]
    assert line.startswith("Use LTC-NCP (AUROC 0.851")
    assert ("tomorrow's" in line) == (reason == "tomorrow's")


def test_people_are_named_where_series_belong_to_them(study):
    data = replace(study.data, owner="patient", owners=(40, 9, 9), test=90)
    pair = replace(study.verdict.worth, verdict="undecided", enough=17)
    line = report.verdict_lines(replace(with_verdict(study, worth=pair), data=data))[1]
    assert "90 series of 9 groups (by “patient”) cannot prove it; about 20 groups (by “patient”) could." in line


def test_where_there_is_no_interval_none_is_written(study):
    nothing = Interval(0.9, 0.0, 1.0, 0.0, "none: 1 owners of test series")
    summary = {name: dict.fromkeys(row, nothing) for name, row in study.summary.items()}
    bare = replace(study, summary=summary)
    assert "fewer than five show no spread" in report.verdict_lines(bare)[3]
    assert "no interval" in report.render(bare) and "[0.000, 1.000]" not in report.render(bare)


def test_no_loss_is_invented_and_none_is_hidden(study):
    told = words("en")
    liquid, rival = query.contender(study, "ltc-ncp"), query.contender(study, "gru")
    names = [one.partition(" (")[0] for one in losses(study, told, liquid, rival)]
    assert names[:5] == ["AUROC", "AUPRC", "balanced accuracy", "log loss", "Brier score"]
    assert "training time" in names and "live parameters" not in names
    turned = [one.partition(" (")[0] for one in losses(study, told, rival, liquid)]
    assert set(names) & set(turned) == set()
    assert "live parameters" in turned and "operations per step" in turned
    assert list(losses(study, told, liquid, liquid)) == []


def test_lower_is_better_where_it_is(studies):
    study = studies.study("numbers")
    found = losses(study, words("en"), query.contender(study, "ltc-ncp"), query.contender(study, "gru"))
    assert next(found) == "RMSE (1.568 against 1.538)"
    assert query.is_better(study, "rmse", 1.0, 2.0) and query.is_better(study, "r2", 0.5, 0.2)


def test_a_pair_kept_the_other_way_is_turned(study):
    there, back = query.pair(study, "ltc-ncp", "gru"), query.pair(study, "gru", "ltc-ncp")
    assert (there.verdict, back.verdict) == ("worse", "better")
    assert back.difference == Interval(-there.difference.value, -there.difference.high, -there.difference.low)
    assert query.pair(study, "gru-d", "lstm") is None


def test_an_end_of_a_decided_difference_never_looks_like_nought(study):
    pair = study.verdict.liquid_against_traditional
    near = replace(pair, difference=Interval(-0.008, -0.0158, -0.00012))
    assert query.gap_digits(study, [near]) == 4
    assert query.gap_digits(study, [replace(near, verdict="undecided")]) == 3


def test_an_interval_over_few_seeds_does_not_stretch_the_axis_of_a_share(study):
    axis = query.axis(study, [Interval(0.8, -0.5, 1.6), Interval(0.9, 0.85, 0.95)])
    assert -0.1 < axis.low < 0.0 and 1.0 < axis.high < 1.1
    mse = query.axis(replace(study, metric="mse"), [Interval(3.0, 1.0, 9.0)])
    assert mse.low < 1.0 and mse.high > 9.0


@pytest.mark.parametrize(
    ("value", "half", "digits"),
    [(0.85, 0.0086, 3), (0.9, 1.2, 2), (0.0004, 0.00002, 6), (52.3, 3.1, 1), (1240.0, 80.0, 0)],
)
def test_decimals_follow_the_interval(value, half, digits):
    assert query.digits([Interval(value, value - half, value + half)]) == digits
