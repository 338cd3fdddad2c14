"""What the report says of networks on a microcontroller follows from the record."""

import json
import re
from dataclasses import replace

import pytest

from caudal.compare.record import Study
from caudal.report import render


def section(page):
    found = re.search(r'(?s)<section id="chips".*?</section>', page).group()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


def test_the_cheapest_within_the_margin_is_named_beside_the_other_family(studies):
    told = section(render(studies.study()))
    assert "LTC-NCP takes the fewest instructions a step: 4,882. GRU, the cheapest traditional network" in told
    assert "among them, takes 1.2 times as many." in told and "The export costs GRU the most: 0.001 of AUROC" in told
    assert "Without a form in C: Gradient boosting (its layer has none), GRU-D" in told
    assert "other answers than the reference" in told and "CfC could not be measured: the build fails" in told
    assert "does not fit" in told and "Shortest elapsed time that the integers resolve: LTC-NCP 0.5 years" in told


def test_where_no_other_family_comes_near_it_says_so(studies):
    full = studies.study()
    far = tuple(
        replace(one, export=one.export - (0.3 if one.model not in ("gru", "lstm") else 0)) if one.export else one
        for one in full.chips.each
    )
    told = section(render(replace(full, chips=replace(full.chips, each=far))))
    assert "No liquid network is among them." in told and "The export costs" in told


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", "qemu-system-arm is not installed where this study was made, so Cortex-M4F is missing here"),
        ("es", "qemu-system-arm no está instalado donde se hizo este estudio, así que falta Cortex-M4F"),
    ],
)
def test_without_tools_the_sizes_that_need_none_are_shown(studies, lang, words):
    full = studies.study()
    bare = tuple(replace(one, machines=()) for one in full.chips.each)
    missing = {"Cortex-M4F": "qemu-system-arm", "AVR": "avr-gcc"}
    page = render(replace(full, chips=replace(full.chips, each=bare, missing=missing)), lang)
    told = section(page)
    assert words in told and ("2,520" in told or "2520" in told)
    assert 'class="plot pareto"' not in re.search(r'(?s)<section id="chips".*?</section>', page).group()


def test_an_export_that_is_better_costs_nothing(studies):
    told = section(render(studies.study("numbers")))
    assert "The export costs no model as much as 0.0007" in told and "0.004 (GRU)" in told


def test_a_study_of_an_older_version_still_loads(studies):
    full = studies.study()
    old = json.loads(full.to_json())
    del old["chips"]
    found = Study.from_json(json.dumps(old))
    assert found == replace(full, chips=None)
    assert "This study holds no network as C" in section(render(found))
