"""The report: one frozen record, and its page in two languages."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from caudal.data import from_arrays
from caudal.errors import FileFormatError, InputError
from caudal.fair import FairReport, decisions, made, numbers, page, plant, report
from caudal.fair.curve import first_steps
from caudal.fair.groups import Groups
from caudal.fair.page.words import words


def _decided(data):
    mean = data.values[..., 0].sum(1) / np.maximum(1, data.observed[..., 0].sum(1))
    return decisions(data.target, 1 / (1 + np.exp(-3 * mean)))


@pytest.fixture(scope="module")
def data():
    clean = made(600, seed=2)
    noisy = plant("measurement", clean, Groups.of({"group": clean.sensitive["group"]}), "b", strength=4.0).data
    ages = np.random.default_rng(0).integers(20, 90, 600)
    return replace(noisy, sensitive={**noisy.sensitive, "age": ages})


@pytest.fixture(scope="module")
def found(data):
    at = {step: _decided(first_steps(data, step)) for step in (1, 6, 15)}
    return report(data, _decided(data), edges={"age": [40, 65]}, at=at, name="made", model="mean", draws=200)


def test_the_record_goes_to_json_and_back(found):
    assert FairReport.from_json(found.to_json()) == found
    assert [one.name for one in found.attributes] == ["group", "age", "group & age"]
    with pytest.raises(FileFormatError):
        FairReport.from_json("{}")


def test_what_was_planted_is_told(found):
    group = found.attributes[0]
    assert group.diagnosis.kind == "measurement" and group.diagnosis.group == "b"
    accuracy = next(gap for gap in group.gaps if gap.name == "accuracy")
    assert accuracy.low == "b" and accuracy.value.low > 0
    assert [moment.step for moment in group.curve] == [1, 6, 15]
    assert {one.reference for one in group.versus} == {"a"}
    assert group.calibration and not found.attributes[2].audit
    assert found.not_measured[-1] == "no mitigation"


def test_no_value_of_a_person_is_in_record_or_page(data, found):
    text = found.to_json() + page.render(found)
    secret = replace(data, ids=np.array([f"person-{k}" for k in range(600)]))
    again = report(secret, _decided(data), edges={"age": [40, 65]}, draws=200)
    assert "person-" not in again.to_json() + page.render(again)
    numbers_told = set(re.findall(r"\d{6,}", text))
    assert not numbers_told & {str(one) for one in data.sensitive["age"]}
    assert "sensitive" not in json.loads(found.to_json())


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_page_stands_alone_in_both_languages(found, lang):
    html = page.render(found, lang)
    assert html == page.render(found, lang)
    assert f'lang="{lang}"' in html
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert html.count("<svg") == html.count("<desc>") > 15
    assert html.index('id="words"') < html.index('id="found"') < html.index('id="figures"')
    assert len(html) < 2_000_000
    for place in re.findall(r'href="#([\w-]+)"', html):
        assert f'id="{place}"' in html


def test_both_languages_say_the_same_things():
    english, spanish = words("en").table, words("es").table
    assert english.keys() == spanish.keys()
    slots = re.compile(r"\{(\w+)\}")
    for key, sentence in english.items():
        assert sorted(slots.findall(sentence)) == sorted(slots.findall(spanish[key])), key


def test_names_cannot_break_the_page(data):
    wild = np.where(data.sensitive["group"] == "b", "</svg><script>alert(1)</script>", "a & b")
    odd = replace(data, sensitive={"<i>": wild})
    html = page.render(report(odd, _decided(data), name="<b>", draws=100))
    assert "<script" not in html and "<i>" not in html and "&lt;script&gt;" in html


def test_small_cells_are_flagged_and_tiny_ones_kept_back(data):
    column = np.array(["a"] * 400 + ["b"] * 180 + ["c"] * 17 + ["d"] * 3)
    one = report(replace(data, sensitive={"g": column}), _decided(data), draws=100).attributes[0]
    assert (one.small, one.hidden) == (("c", "d"), ("d",))
    assert all(rate.value is None for rate in one.rates if rate.group == "d" or rate.count < 5)
    assert all(rate.few for rate in one.rates if rate.group == "c")
    told = "\n".join(page.told(report(replace(data, sensitive={"g": column}), _decided(data), draws=100)))
    assert "kept back since they would lay bare persons: d." in told


def test_numbers_have_a_report_too():
    rng = np.random.default_rng(0)
    data = from_arrays(
        rng.normal(size=(300, 2, 6)), rng.normal(size=300), sensitive={"g": ["a", "b", "b"] * 100}, task="regress"
    )  # fmt: skip
    off = data.target[:, 0] + np.where(data.sensitive["g"] == "b", 1.0, 0.0) + 0.1 * rng.normal(size=300)
    found = report(data, numbers(data.target[:, 0], off), draws=200)
    assert {one.name: one.value.low for one in found.attributes[0].gaps}["bias"] > 0.9
    assert "labels not judged" in found.attributes[0].diagnosis.notes
    assert "Gap in bias" in page.render(found) and "Brecha de sesgo" in page.render(found, "es")


def test_answers_per_step_belong_to_their_series(data):
    owner = np.repeat(np.arange(600), 3)
    whole = _decided(data)
    many = decisions(whole.truth[owner], whole.score[owner], owner=owner)
    found = report(data, many, edges={"age": [40, 65]}, draws=200)
    assert found.answers == 1800 and found.series == 600


def test_writing_is_whole_and_in_both_languages(found, tmp_path):
    paths = page.write(found, tmp_path / "fair.html", "both")
    assert [path.name for path in paths] == ["fair.html", "fair.es.html"]
    assert FairReport.from_json(page.write(found, tmp_path / "fair.json")[0].read_text()) == found
    assert len(list(tmp_path.iterdir())) == 3


def test_refusals(data):
    with pytest.raises(InputError, match=r"names 'race', which is no sensitive column of the data; there are group"):
        report(data, _decided(data), sensitive=("race",))
    with pytest.raises(InputError, match="holds 70 different numbers, which name no groups"):
        report(data, _decided(data))
    with pytest.raises(InputError, match="names no column, and the data have none"):
        report(replace(data, sensitive={}), _decided(data))
    with pytest.raises(InputError, match="there are 600 series"):
        report(data, decisions([0, 1], decided=[1, 1]), sensitive=("group",))
    with pytest.raises(InputError, match="a language without words"):
        words("fr")
