"""A record of fairness in the audit report: quoted with its digest, in both languages, and never believed blindly."""

import json
from hashlib import sha256

import numpy as np
import pytest

from caudal import fair
from caudal.audit import Log, keys
from caudal.audit import read_report as read
from caudal.cli import main
from caudal.errors import FileFormatError, MissingFileError
from caudal.fair.record import FairReport
from caudal.fair.synthetic import synthetic as series
from caudal.report.log import write as report
from caudal.report.log.words import words

NASTY = "<script>alert(1)</script>\u202e & 'x'"


@pytest.fixture(scope="module")
def text():
    """What `caudal fair` writes of decisions that are worse for one group."""
    pytest.importorskip("sklearn")
    data = series(300, seed=1)
    rng = np.random.default_rng(0)
    is_b = data.sensitive["group"] == "b"
    truth = data.target == 1
    wrong = rng.random(len(data)) < np.where(is_b, 0.45, 0.05)
    found = fair.report(data, fair.decisions(truth, decided=truth ^ wrong), name="ward", model="cfc", draws=200)
    return found.to_json()


@pytest.fixture
def log(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log:
        log.decide("bed 4", np.float32([0.1]), model="ab" * 32)
    return tmp_path / "log"


def with_gap(text, **changes):
    record = json.loads(text)
    record["attributes"][0]["gaps"][0].update(changes)
    return json.dumps(record)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_gaps_are_quoted_with_the_digest_of_their_file(log, tmp_path, key, text, lang):
    file = tmp_path / "fair.json"
    file.write_text(text)
    made = report(log, out=tmp_path / "a.html", key=key, lang=lang, trusted=key.verifier, fairness=file)
    page, twin, said = made.page.read_text(), read(made.twin, key.verifier), words(lang)
    digest = sha256(file.read_bytes()).hexdigest()
    assert digest in page and twin["fairness"]["sha256"] == digest and twin["fairness"]["file"] == "fair.json"
    assert "fairness" not in twin["untested"] and made.holds
    section = page.split('<section id="fairness"')[1].split("</section>")[0]
    for key_ in ("fairness.harm", "fairness.conflict", "fairness.says.equal_opportunity", "fairness.quoted"):
        assert said(key_) in section
    assert section.find(said("fairness.harm")) < section.find(said("fairness.sure"))
    gap = FairReport.from_json(text).attributes[0].gap("accuracy")
    value = f"{100 * gap.value.value:.1f}"
    assert (value if lang == "en" else value.replace(".", ",")) in section and "<svg" in section
    assert said("fairness.missing.no mitigation") in section


@pytest.mark.parametrize(("whose", "holds"), [("", True), ("ab" * 32, True), ("cd" * 32, False)])
def test_the_record_of_another_model_is_no_evidence(log, tmp_path, key, text, whose, holds):
    file = tmp_path / "fair.json"
    file.write_text(json.dumps(json.loads(text) | {"model_digest": whose}))
    made = report(log, out=tmp_path / "a.html", key=key, fairness=file)
    bars = {one["name"]: one["holds"] for one in made.facts["bars"]}
    assert made.holds is holds and bars.get("fairness", True) is holds and ("fairness" in bars) is bool(whose)
    kind = {"": "unknown", "ab" * 32: "log", "cd" * 32: "other"}[whose]
    assert words("en")(f"fairness.whose.{kind}") in made.page.read_text()


def test_without_a_record_it_says_not_measured(log, tmp_path, key):
    made = report(log, out=tmp_path / "a.html", key=key)
    assert "Not measured: no record of fairness was given." in made.page.read_text()
    assert "fairness" in made.facts["untested"] and made.facts["fairness"] is None


def test_a_record_as_a_value_and_one_of_numbers(log, tmp_path, key, text):
    record = FairReport.from_json(text)
    made = report(log, out=tmp_path / "a.html", key=key, fairness=record)
    assert made.facts["fairness"]["file"] is None and "given as a value" in made.page.read_text()
    data = series(300, seed=1)
    told = fair.report(data, fair.numbers(data.values[:, 0, 0], data.values[:, 1, 0]), draws=200)
    (tmp_path / "n.json").write_text(told.to_json())
    page = report(log, out=tmp_path / "b.html", key=key, fairness=tmp_path / "n.json").page.read_text()
    assert "Gap in mean absolute error" in page and "They cannot all be closed" not in page


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-9],
        lambda text: "[1, 2]",
        lambda text: "{}",
        lambda text: "[" * 100_000,
        lambda text: with_gap(text, chance="much"),
        lambda text: with_gap(text, low=3),
        lambda text: with_gap(text, value=None),
        lambda text: json.dumps({**json.loads(text), "threshold": float("inf")}),
    ],
)
def test_what_is_no_record_is_refused_and_nothing_is_written(log, tmp_path, key, text, spoil):
    file = tmp_path / "fair.json"
    file.write_text(spoil(text))
    with pytest.raises(FileFormatError, match=r"audit report: fair.json is no record of fairness \(.*Write it with"):
        report(log, out=tmp_path / "a.html", key=key, fairness=file)
    with pytest.raises(MissingFileError, match=r"nowhere.json is no file. Pass what `caudal fair"):
        report(log, out=tmp_path / "a.html", key=key, fairness=tmp_path / "nowhere.json")
    assert not (tmp_path / "a.html").exists()


def test_names_cannot_break_the_page(log, tmp_path, key, text):
    file = tmp_path / "fair.json"
    file.write_text(json.dumps(json.loads(text) | {"model": NASTY, "not_measured": [NASTY]}))
    page = report(log, out=tmp_path / "a.html", key=key, fairness=file).page.read_text()
    assert "<script" not in page and "\u202e" not in page and "&lt;script&gt;" in page


def test_the_command_takes_the_file(log, tmp_path, text, capsys):
    keys.make(tmp_path / "k.pem", "example.org/auditor")
    (tmp_path / "fair.json").write_text(text)
    asked = ["audit", "report", str(log), "--key", str(tmp_path / "k.pem"), "--out", str(tmp_path / "a.html")]
    assert main([*asked, "--fairness", str(tmp_path / "fair.json")]) == 0
    assert "beyond chance" in (tmp_path / "a.html").read_text()
    assert main([*asked, "--fairness", str(tmp_path / "no.json")]) == 2
    assert "no.json is no file" in capsys.readouterr().err
