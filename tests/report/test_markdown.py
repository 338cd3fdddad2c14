"""A study in short, for a page of the docs."""

from dataclasses import replace

import pytest

from caudal.report import markdown
from caudal.report.study import query
from caudal.report.study.words import words


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_table_is_whole_in_both_languages(studies, lang):
    study = studies.study()
    text = markdown(study, lang)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(study.contenders)
    assert len({row.count(" | ") for row in rows}) == 1
    assert all(one.label in text for one in query.spoken(study, words(lang)).contenders)
    assert study.provenance.command in text


def test_what_is_missing_is_a_dash(studies):
    study = replace(studies.study(), curves=(), timing={}, retrained={})
    assert " – |" in markdown(study)


def test_hostile_names_do_not_break_the_table(studies):
    study = studies.study()
    first = replace(study.contenders[0], label="a|b<script>*")
    text = markdown(replace(study, contenders=(first, *study.contenders[1:])))
    assert "a\\|b&lt;script>\\*" in text
