"""The report: what it says is in the log, what is bad is red, and nothing in a log can break the page."""

import json
import re

import numpy as np
import pytest

from caudal.audit import Key, Log, keys, package
from caudal.audit import read_report as read
from caudal.cli import main
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.nn import LTC
from caudal.report.log import write as report
from caudal.report.log.words import words

NASTY = "<script>alert(1)</script>\u202e\x00 & 'x' \"y\""


@pytest.fixture
def told(tmp_path, key):
    """A log with one of everything, and the package of the model that decided."""
    from caudal.audit import model_digest

    net = LTC(2, 3)
    folder = package(net, tmp_path / "model", key, metrics={"by sex": {"female": {"accuracy": 0.5}}}, limits=(NASTY,))
    with Log(tmp_path / "log", key, sync=False) as log:
        for k in range(600):
            flags = 32 if k % 100 == 7 else 0
            log.decide(
                f"bed {k % 9}", np.float32([0.1, k]), model=model_digest(net), uncertainty=k / 600, monitors=flags
            )
        log.event("alarm", monitor="drift", stream=NASTY)
        log.override("bed 4", 3, NASTY, "seen at the bedside", [1.0])
    return tmp_path / "log", folder


@pytest.mark.parametrize("lang", ["en", "es"])
def test_page_and_twin_say_the_same(told, tmp_path, key, lang):
    log, folder = told
    made = report(log, folder, out=tmp_path / f"{lang}.html", key=key, lang=lang, trusted=key.verifier)
    assert made.holds
    facts, page = read(made.twin, key.verifier), made.page.read_text()
    assert facts == json.loads(json.dumps(made.facts))
    assert facts["counts"]["decisions"] == {"value": 600, "first": 1, "last": 602}
    assert facts["counts"]["flags"]["abstained"]["value"] == 6
    assert facts["counts"]["sessions"]["value"] == 9
    said = words(lang)
    for name in ("verdict", "untested", "articles"):
        assert f'<section id="{name}"' in page
        assert said(f"section.{name}") in page
    assert said("untested.held") in page
    assert said("untested.law") in page
    assert all(one["evidence"] in page for one in said.articles)
    assert made.page.stat().st_size < 2_000_000


def test_every_index_leads_to_a_proven_record(told, tmp_path, key):
    made = report(*told, out=tmp_path / "a.html", key=key, trusted=key.verifier)
    page = made.page.read_text()
    linked = set(re.findall(r'href="#r(\d+)"', page))
    assert linked
    assert linked == set(re.findall(r'id="r(\d+)"', page))
    assert all(one["proven"] for one in made.facts["quoted"])


def test_names_in_a_log_cannot_break_the_page(told, tmp_path, key):
    page = report(*told, out=tmp_path / "a.html", key=key).page.read_text()
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\0" not in page
    assert "default-src 'none'" in page
    assert "http-equiv" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:,)', page)


def test_a_bad_log_gives_a_red_report(told, tmp_path, key, capsys):
    log, folder = told
    place = log / "edge" / "entries"
    data = bytearray(place.read_bytes())
    data[200] ^= 1
    place.write_bytes(data)
    made = report(log, folder, out=tmp_path / "a.html", key=key, trusted=key.verifier)
    assert not made.holds
    assert "is not the one that was written" in made.page.read_text()
    pem = tmp_path / "k.pem"
    keys.make(pem, "example.org/auditor")
    words_ = ["audit", "report", str(log), str(folder), "--key", str(pem), "--out", str(tmp_path / "b.html")]
    assert main([*words_, "--lang", "es"]) == 1
    assert "BAD   log" in capsys.readouterr().out
    assert main(["audit", "verify", str(tmp_path / "b.json"), "--key", f"{pem}.pub"]) == 0
    (tmp_path / "b.html").write_text("changed")
    assert main(["audit", "verify", str(tmp_path / "b.json"), "--key", f"{pem}.pub"]) == 1
    assert "is not the page that was signed" in capsys.readouterr().out


def test_a_line_of_the_verdict_that_nobody_vouches_for_is_not_good(told, tmp_path, key, capsys):
    log, folder = told
    pem = tmp_path / "auditor.pem"
    keys.make(pem, "example.org/auditor")
    words_ = ["audit", "report", str(log), str(folder), "--key", str(pem), "--out", str(tmp_path / "a.html")]
    assert main(words_) == 0
    out = capsys.readouterr().out
    assert "good" not in out and "UNPROVEN  log: example.org/ward-4, 605 records" in out
    assert main([*words_, "--trust", str(key.verifier)]) == 0
    out = capsys.readouterr().out
    assert "good  log: example.org/ward-4" in out and "good  model: 600 decisions of the log are of" in out
    facts = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps({**facts, "model": "ab" * 32}))
    assert main(words_) == 2
    assert "is not of one model (its environment.json says abababababab..." in capsys.readouterr().err


def test_a_model_that_did_not_decide_or_was_changed_is_red(told, tmp_path, key):
    log, folder = told
    other = report(log, package(LTC(2, 3), tmp_path / "other"), out=tmp_path / "a.html", key=key)
    assert [one["holds"] for one in other.facts["bars"]] == [True, False]
    assert {"trusted", "signature", "other_models", "figures", "groups"} <= set(other.facts["untested"])
    (folder / "metrics.json").write_text('{"metrics": {"accuracy": 1.0}, "limits": []}')
    changed = report(log, folder, out=tmp_path / "b.html", key=key, trusted=key.verifier)
    assert [one["name"] for one in changed.facts["bars"] if not one["holds"]] == ["signature"]


def test_an_empty_log_has_a_report(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False):
        pass
    made = report(tmp_path / "log", out=tmp_path / "a.html", key=key)
    assert made.holds
    assert made.facts["counts"]["decisions"] == {"value": 0, "first": None, "last": None}


def test_twins_that_are_none(told, tmp_path, key):
    made = report(*told, out=tmp_path / "a.html", key=key)
    other: Key = keys.make(tmp_path / "o.pem", "example.org/other")
    with pytest.raises(FileFormatError, match="is not signed by example"):
        read(made.twin, other.verifier)
    with pytest.raises(FileFormatError, match="is no report"):
        read(told[1] / "statement.json", key.verifier)
    made.twin.write_text("{}")
    with pytest.raises(FileFormatError, match="is no signed statement"):
        read(made.twin, key.verifier)
    with pytest.raises(MissingFileError, match="there is no"):
        read(tmp_path / "none.json", key.verifier)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"lang": "fr"}, InputError, "`lang` is 'fr'"),
        ({"out": "a.pdf"}, InputError, "ends in .html"),
        ({"out": "log/a.html"}, InputError, "lies inside of the log"),
        ({"log": "none"}, MissingFileError, "is no log"),
        ({"model": "none"}, MissingFileError, "is no model package"),
    ],
)
def test_misuse_is_told_in_a_sentence(told, tmp_path, key, monkeypatch, change, error, sentence):
    monkeypatch.chdir(tmp_path)
    usual = {"log": "log", "model": "model", "out": "a.html", **change}
    with pytest.raises(error, match=sentence):
        report(usual.pop("log"), usual.pop("model"), key=key, **usual)
    assert not (tmp_path / "a.html").exists()


def test_languages_have_the_same_words():
    assert words("en").table.keys() == words("es").table.keys()
    pairs = zip(words("en").articles, words("es").articles, strict=True)
    assert all(a["section"] == b["section"] for a, b in pairs)
