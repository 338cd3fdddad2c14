"""The section of energy: estimates always, joules where they are known, and else the reason and the remedy."""

from dataclasses import replace

from caudal import report
from caudal.energy import Spent, columns
from caudal.intervals import Reading
from caudal.nn.work import Operations

WORK = Operations(macs=1000, weights=1000)


def page(studies, spent, lang="en"):
    study = studies.study()
    told = columns(WORK, 10, correct=0.5, seen=100, spent=spent)
    return report.render(replace(study, contenders=tuple(replace(one, energy=told) for one in study.contenders)), lang)


def test_no_joules_has_a_reason_and_a_remedy(studies):
    text = page(studies, Spent(*[Reading("unknown", "no readable RAPL counter")] * 2))
    assert "Joules are unknown: no readable RAPL counter." in text and "--watts LOW HIGH" in text
    assert "Decision, joules" not in text


def test_joules_stand_beside_the_estimates(studies):
    spent = Spent(Reading("measured", "RAPL", 0.5, 0.6), Reading("measured", "RAPL", 90.0, 90.0))
    text = page(studies, spent, "es")
    assert "Decisión, julios" in text and "90" in text and "medida" in text and "RAPL" in text
    assert "se desconocen" not in text
