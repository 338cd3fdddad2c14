"""The report: one frozen record, and its page in two languages."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from caudal.data import datasets, from_arrays
from caudal.errors import FileFormatError, InputError
from caudal.fair import FairReport, decisions, numbers, plant, report, smooth, synthetic
from caudal.fair.curve import first_steps
from caudal.fair.groups import Groups
from caudal.report import fairness
from caudal.report.fairness.words import words


def _decided(data):
    mean = data.values[..., 0].sum(1) / np.maximum(1, data.observed[..., 0].sum(1))
    return decisions(data.target, 1 / (1 + np.exp(-3 * mean)))


@pytest.fixture(scope="module")
def data():
    clean = synthetic(600, seed=2)
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
    text = found.to_json() + fairness.render(found)
    secret = replace(data, ids=np.array([f"person-{k}" for k in range(600)]))
    again = report(secret, _decided(data), edges={"age": [40, 65]}, draws=200)
    assert "person-" not in again.to_json() + fairness.render(again)
    numbers_told = set(re.findall(r"\d{6,}", text))
    assert not numbers_told & {str(one) for one in data.sensitive["age"]}
    assert "sensitive" not in json.loads(found.to_json())


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_page_stands_alone_in_both_languages(found, lang):
    html = fairness.render(found, lang)
    assert html == fairness.render(found, lang)
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
    html = fairness.render(report(odd, _decided(data), name="<b>", draws=100))
    assert "<script" not in html and "<i>" not in html and "&lt;script&gt;" in html


def test_small_cells_are_flagged_and_tiny_ones_kept_back(data):
    column = np.array(["a"] * 400 + ["b"] * 180 + ["c"] * 17 + ["d"] * 3)
    one = report(replace(data, sensitive={"g": column}), _decided(data), draws=100).attributes[0]
    assert (one.small, one.hidden) == (("c", "d"), ("d",))
    assert all(rate.value is None for rate in one.rates if rate.group == "d" or rate.count < 5)
    assert all(rate.few for rate in one.rates if rate.group == "c")
    told = "\n".join(fairness.told(report(replace(data, sensitive={"g": column}), _decided(data), draws=100)))
    assert "hidden to protect their privacy: d." in told


def test_numbers_have_a_report_too():
    rng = np.random.default_rng(0)
    data = from_arrays(
        rng.normal(size=(300, 2, 6)), rng.normal(size=300), sensitive={"g": ["a", "b", "b"] * 100}, task="regress"
    )  # fmt: skip
    off = data.target[:, 0] + np.where(data.sensitive["g"] == "b", 1.0, 0.0) + 0.1 * rng.normal(size=300)
    found = report(data, numbers(data.target[:, 0], off), draws=200)
    assert {one.name: one.value.low for one in found.attributes[0].gaps}["bias"] > 0.9
    assert "labels not judged" in found.attributes[0].diagnosis.notes
    assert "Gap in bias" in fairness.render(found) and "Brecha de sesgo" in fairness.render(found, "es")


def test_answers_per_step_belong_to_their_series(data):
    owner = np.repeat(np.arange(600), 3)
    whole = _decided(data)
    many = decisions(whole.truth[owner], whole.score[owner], owner=owner)
    found = report(data, many, edges={"age": [40, 65]}, draws=200)
    assert found.answers == 1800 and found.series == 600


def test_writing_is_whole_and_in_both_languages(found, tmp_path):
    paths = fairness.write(found, tmp_path / "fair.html", "both")
    assert [path.name for path in paths] == ["fair.html", "fair.es.html"]
    assert FairReport.from_json(fairness.write(found, tmp_path / "fair.json")[0].read_text()) == found
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


def test_a_perfect_model_of_nafld_has_no_error_gap_and_raises_no_alarm():
    nafld = datasets.load("nafld").test
    perfect = decisions(nafld.target, np.asarray(nafld.target, np.float64))
    found = report(nafld, perfect, edges={"age": [51, 63]}, sensitive=("sex", "age"), of_data=False, draws=100)
    assert found.worst() is None and found.above(0.0) == []
    told = fairness.told(found)
    assert told[0].startswith("No difference in errors between groups was found")
    # The old die more often, so that decisions of yes differ, and the truth stands beside: the same figures.
    assert "decisions of yes differ" in told[1]
    high, low = re.search(r"differ: ([\d.]+ %) in group .*?, ([\d.]+ %)", told[1]).groups()
    assert f"In truth: {high} in group" in told[1] and told[1].count(low) == 2
    assert found.above(0.1, also="demographic_parity")  # only where it is asked for


def test_what_is_predicted_and_its_unit_are_named():
    rng = np.random.default_rng(0)
    who = {"g": ["a", "b", "b"] * 100}
    data = from_arrays(rng.normal(size=(300, 2, 6)), rng.normal(size=300), sensitive=who, task="regress")
    off = data.target[:, 0] + np.where(data.sensitive["g"] == "b", 1.0, 0.0)
    found = report(data, numbers(data.target[:, 0], off), target="stay", unit="days", draws=100)
    for lang, line in (("en", "Predicted: stay, in days."), ("es", "Se predice: stay, en days.")):
        told = "\n".join(fairness.told(found, lang))
        assert line in told and re.search(r"1 days", told)
    classes = report(synthetic(200), _decided(synthetic(200)), target="sepsis", threshold=0.5, draws=100)
    assert "Yes means sepsis = 1, decided from probability 0.5." in fairness.told(classes)


def test_people_are_counted_and_not_their_answers(data):
    owner = np.arange(600) // 20  # 30 people of 20 series each
    who = np.where(owner < 4, "few", np.where(owner < 17, "some", "more"))
    crowd = replace(data, sensitive={"g": who}, group=owner)
    answers = _decided(data)
    found = report(crowd, replace(answers, owner=owner), draws=100).attributes[0]
    assert found.people == {"few": 4, "some": 13, "more": 13} and found.groups["few"] == 80
    assert found.hidden == ("few",) and found.small == ("few", "more", "some")
    assert all(rate.value is None for rate in found.rates if rate.group == "few")
    assert all(rate.value is None for rate in found.density.steps if rate.group == "few")
    assert {gap.high for gap in found.gaps} | {gap.low for gap in found.gaps} <= {"some", "more"}
    told = "\n".join(fairness.told(report(crowd, replace(answers, owner=owner), draws=100)))
    assert "few 80 of 4 people" in told and "Fewer than 5 people" in told


def test_many_small_groups_are_listed_once(data):
    rng = np.random.default_rng(1)
    columns = {name: rng.integers(0, k, 600).astype(str) for name, k in (("site", 6), ("ward", 4))}
    told = fairness.told(report(replace(data, sensitive=columns), _decided(data), of_data=False, draws=100))
    crossed = told[[line.startswith("site & ward") for line in told].index(True) :]
    assert any(re.search(r"of 24 groups are too small", line) for line in crossed)
    assert max(len(line) for line in crossed if "Gap" in line) < 400


def test_a_dip_within_a_third_is_found_along_the_column():
    rng = np.random.default_rng(3)
    clean = synthetic(1200, seed=4)
    age = rng.integers(20, 90, 1200)
    wrong = rng.random(1200) < np.where((age >= 50) & (age < 60), 0.55, 0.1)
    answers = decisions(clean.target, decided=np.asarray(clean.target, bool) ^ wrong)
    found = report(replace(clean, sensitive={"age": age}), answers, edges={"age": [43, 66]}, of_data=False, draws=100)
    accuracy = next(rate for rate in found.attributes[0].smooth if rate.metric == "accuracy")
    thirds = next(gap for gap in found.attributes[0].gaps if gap.name == "accuracy")
    assert 50 <= accuracy.low_at <= 60 and accuracy.sure
    assert accuracy.difference.value > 0.35 > thirds.value.value
    assert accuracy.difference.low <= 0.45 <= accuracy.difference.high
    assert "Along age, smoothly" in "\n".join(fairness.told(found))
    assert "<polygon" in fairness.render(found) and FairReport.from_json(found.to_json()) == found
    assert any("along age" in what for _, what in found.above(0.05))


def test_nothing_along_a_column_is_not_taken_for_something():
    rng = np.random.default_rng(0)
    sure = 0
    for _ in range(20):
        truth = rng.random(800) < 0.5
        answers = decisions(truth, decided=truth ^ (rng.random(800) < 0.2))
        sure += smooth(answers, rng.normal(50, 15, 800), "accuracy", draws=100).sure
    assert sure <= 2
    assert smooth(answers.select(np.arange(80)), np.arange(80), "accuracy") is None
    with pytest.raises(InputError, match="is 'auroc'"):
        smooth(answers, np.zeros(800), "auroc")


def test_measured_more_rarely_is_said_or_denied_but_not_both(data):
    for kind in ("sampling rate", "proxy"):
        planted = plant(kind, data, Groups.of({"group": data.sensitive["group"]}), "b").data
        told = "\n".join(fairness.told(report(planted, _decided(data), sensitive=("group",), draws=100)))
        assert ("No group is measured more rarely" in told) != ("Trace found: sampling rate" in told)
        assert "Kind of bias" not in told and ("level differs" in told) == (kind == "proxy")


def test_a_sure_kind_of_error_is_not_said_to_lie_below_chance():
    rng = np.random.default_rng(0)
    who = np.repeat(["a", "b"], [700, 500])
    truth = rng.random(1200) < 0.06  # few positives: chance reaches far in the share found
    alarm = rng.random(1200) < np.where(who == "b", 0.27, 0.12)
    data = replace(synthetic(1200), sensitive={"g": who}, target=truth.astype(int))
    found = report(data, decisions(truth, decided=truth | alarm), of_data=False, draws=100)
    odds = next(gap for gap in found.attributes[0].gaps if gap.name == "equalised_odds")
    wide = replace(odds, chance_95=odds.value.value + 0.01)
    assert odds.value.low > 0
    for gap, words_of_chance in ((odds, "Chance would exceed"), (wide, "but less in this kind")):
        attribute = replace(found.attributes[0], gaps=(gap,))
        assert words_of_chance in "\n".join(fairness.told(replace(found, attributes=(attribute,))))
