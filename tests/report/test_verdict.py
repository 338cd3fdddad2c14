"""The sentences of the verdict follow from the figures, and losses are told like wins."""

from dataclasses import replace

import pytest

from caudal import report
from caudal.intervals import Interval
from caudal.report import query
from caudal.report.verdict import losses
from caudal.report.wording import words


@pytest.fixture(scope="module")
def study(studies):
    return studies.study()


def with_verdict(study, **changes):
    return replace(study, verdict=replace(study.verdict, **changes))


def test_five_sentences_in_the_order_of_the_questions(study):
    use, sure, cost, trivial, lost = report.verdict_lines(study)
    assert use == (
        "Use LTC-NCP (AUROC 0.851, 95% interval [0.842, 0.860]): of the models within the margin of 0.010 of the best, "
        "none of them shown to be worse, it is the smallest."
    )
    assert sure.startswith(
        "LTC-NCP, the best liquid model, is worse than GRU, the best traditional one: 0.008 AUROC behind (95% interval "
    )
    assert cost.startswith("LTC-NCP has 660 live parameters and GRU has 2,520: 3.8 times fewer. ")
    assert cost.endswith("Per step it does 1.2 times fewer operations.")
    assert trivial.startswith("The trivial model (Most frequent) reaches 0.500; LTC-NCP is better by 0.351 AUROC")
    assert lost.startswith("Going by the means, LTC-NCP is behind GRU on AUROC (0.851 against 0.859), AUPRC")


def test_spanish_says_the_same_with_decimal_commas(study):
    use, sure, cost, trivial, lost = report.verdict_lines(study, "es")
    assert use.startswith("Use LTC-NCP (AUROC 0,851, intervalo del 95 % [0,842; 0,860])")
    assert "0,008 de AUROC por detrás" in sure
    assert "3,8 veces menos" in cost
    assert trivial.startswith("El modelo trivial (Most frequent) alcanza 0,500")
    assert lost.startswith("Según las medias, LTC-NCP queda por detrás de GRU en AUROC (0,851 frente a 0,859)")


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("verdict", ["better", "worse", "alike", "undecided", "a word of tomorrow"])
def test_every_outcome_of_both_comparisons_has_words(study, verdict, lang):
    pair = replace(study.verdict.liquid_against_traditional, verdict=verdict)
    trivial = replace(study.verdict.liquid_against_trivial, verdict=verdict)
    lines = report.verdict_lines(
        with_verdict(study, liquid_against_traditional=pair, liquid_against_trivial=trivial), lang
    )
    assert len(lines) == 5
    assert not any("{" in line for line in lines)


@pytest.mark.parametrize(
    "reason", ["most accurate", "smallest of the alike", "best so far", "trivial is enough", "a word of tomorrow"]
)
def test_every_reason_has_words(study, reason):
    line = report.verdict_lines(with_verdict(study, reason=reason))[0]
    assert line.startswith("Use LTC-NCP (AUROC 0.851")
    assert ("a word of tomorrow" in line) == (reason == "a word of tomorrow")


@pytest.mark.parametrize(
    ("ratio", "told"),
    [(0.25, "4.0 times fewer"), (3.0, "3.0 times more"), (1.02, "about as many"), (0.0, "an unrecorded number of")],
)
def test_ratios_are_words(study, ratio, told):
    assert (
        f"Per step it does {told} operations." in report.verdict_lines(with_verdict(study, operations_ratio=ratio))[2]
    )


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
