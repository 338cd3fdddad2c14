"""Both languages say the same things: same keys, same placeholders, all of them used."""

import json
import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

import caudal.report
from caudal.compare.contenders.registry import CONTENDERS
from caudal.data.datasets import card, names
from caudal.intervals import Interval
from caudal.report import render
from caudal.report.numbers import LANGUAGES
from caudal.report.study.words import words

ROOM = Path(caudal.report.__file__).parent
TEXTS = ROOM / "study" / "texts"
TABLES = {lang: json.loads((TEXTS / f"{lang}.json").read_text(encoding="utf-8")) for lang in LANGUAGES}


def placeholders(sentence):
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_both_tables_have_the_same_keys_and_placeholders():
    assert set(TABLES) == {"en", "es"}
    assert list(TABLES["en"]) == list(TABLES["es"])
    odd = [key for key, sentence in TABLES["en"].items() if placeholders(sentence) != placeholders(TABLES["es"][key])]
    assert not odd


def test_no_sentence_is_empty_or_untranslated():
    assert all(sentence.strip() for table in TABLES.values() for sentence in table.values())
    long = [key for key, sentence in TABLES["en"].items() if sentence.count(" ") > 3 and sentence == TABLES["es"][key]]
    assert not long


def test_every_key_that_the_code_names_is_there_and_none_is_idle():
    plots = [ROOM / "plots" / f"{name}.py" for name in ("axes", "marks", "study_circuit")]
    source = "\n".join(path.read_text() for path in (*sorted((ROOM / "study").glob("*.py")), *plots))
    exact = set(re.findall(r'(?:words|said)(?:\.html)?\(\s*"([a-z_0-9.]+)"', source)) | set(
        re.findall(r'"((?:size|pairs|loss)\.[a-z_]+)"', source)
    )
    exact -= set(LANGUAGES)  # in examples
    assert exact <= set(TABLES["en"])
    patterns = re.findall(r'f"([a-z_.]*\{[^"]+)"', source) + [
        f"{name}.{{}}" for name in re.findall(r'(?:known|knows|many)\(\s*f?"([^"]+)"', source)
    ]
    patterns += [f"{name}.{{}}" for name in ("metric", "verdict.sure", "verdict.trivial", "verdict.losses.more")]
    shapes = [re.compile(re.sub(r"\\\{.*?\\\}", ".+", re.escape(one)) + "$") for one in patterns]
    idle = [key for key in TABLES["en"] if f'"{key}"' not in source and not any(shape.match(key) for shape in shapes)]
    assert not idle


@pytest.mark.parametrize(
    ("lang", "method", "value", "expected"),
    [
        ("en", "whole", 1234567, "1,234,567"),
        ("es", "whole", 1234567, "1\u202f234\u202f567"),
        ("es", "whole", 4700, "4700"),
        ("en", "number", -0.0001, "0.000"),
        ("es", "number", -0.25, "−0,250"),
        ("es", "percent", 0.086, "9 %"),
        ("en", "seconds", 3.2e-5, "32 µs"),
        ("es", "seconds", 0.0123, "12 ms"),
        ("en", "seconds", 59.96, "60 s"),
        ("en", "seconds", 4312, "1 h 11 min"),
        ("es", "seconds", 7200, "2 h"),
        ("en", "p_value", 0.00001, "< 0.001"),
        ("es", "p_value", 0.0321, "0,032"),
        ("es", "moment", "2026-11-22T23:59:10+00:00", "22 de noviembre de 2026, 23:59 UTC"),
        ("en", "moment", "2026-11-23T01:59:10+02:00", "22 November 2026, 23:59 UTC"),
        ("en", "moment", "yesterday", "yesterday"),
        ("es", "span", Interval(0.5, -0.25, 0.75), "[−0,250; 0,750]"),
        ("en", "listed", ["a", "b", "c"], "a, b and c"),
        ("es", "listed", ["a", "interés"], "a e interés"),
        ("en", "listed", [], ""),
    ],
)
def test_numbers_and_dates_are_written_as_readers_do(lang, method, value, expected):
    found = getattr(words(lang), method)(value)
    assert found.replace("\u00a0", " ") == expected


def test_values_of_a_sentence_are_escaped_and_never_read_as_a_pattern():
    assert words("en").html("failed.run", model="<b>", seed="{seed}", why="&") == "&lt;b&gt;, seed {seed}: &amp;"


def test_what_is_retold_still_stands_in_a_record():
    told = json.loads((TEXTS / "told.es.json").read_text(encoding="utf-8"))
    entries = [text for one in CONTENDERS.values() for text in (one.label, one.summary)]
    cards = [card(name) for name in names()]
    said = {text for one in cards for text in (one.title, one.task, one.source, one.licence, *one.bias, *one.leaks)}
    said |= {text for one in cards for text in one.protocols.values()}
    assert not [text for text in told if text not in said | set(entries)]
    missing = [text for text in entries if text not in told and " " in text]
    assert not missing


def test_a_report_in_spanish_tells_the_card_of_nafld_in_spanish(studies):
    one = card("nafld")
    compared = studies.study()
    facts = replace(compared.data, title=one.title, known_bias=one.bias, known_leaks=one.leaks)
    page = render(replace(compared, data=facts), "es")
    assert "Cohorte de hígado graso" in page and one.title not in page
    assert not [text for text in (*one.bias, *one.leaks) if text in page]
