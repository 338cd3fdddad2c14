"""One file, whole and sound, in two languages, whatever stands in the study."""

import json
import re
from dataclasses import replace

import pytest

from caudal import report
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.report.study.page import SECTIONS

TASKS = ("two", "many", "numbers")
LANGUAGES = ("en", "es")
MISSING = {
    "en": (
        "No pair was compared",
        "Robustness was not measured",
        "5 runs gave no result",
        "No trivial model took part",
        "No circuit was kept",
        "This study holds no network as C",
    ),
    "es": (
        "no se comparó ningún par",
        "no se midió la robustez",
        "5 ejecuciones no dieron resultado",
        "No participó ningún modelo trivial",
        "no se guardó ningún circuito",
        "Este estudio no contiene ninguna red en C",
    ),
}


@pytest.fixture(scope="session")
def structure(load):
    return load("structure").Structure


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("task", TASKS)
def test_a_study_becomes_one_sound_file(studies, structure, tmp_path, task, lang):
    path = report.write(studies.study(task), tmp_path / "new" / "report.html", lang)
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < 1_500_000
    page = structure(text)
    assert not page.faults
    assert page.named("html") == [{"lang": lang}]
    assert [found["id"] for found in page.named("section")] == [name for name, _ in SECTIONS]
    assert not re.search(
        r"\{\w*\}", "".join(text for text, around in page.texts if "script" not in around and "style" not in around)
    )


def test_the_same_study_gives_the_same_text(studies):
    assert report.render(studies.study()) == report.render(studies.study())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_is_loaded_from_elsewhere(studies, structure, lang):
    text = report.render(studies.study(), lang)
    page = structure(text)
    loads = [
        found[key]
        for _, found, _ in page.elements
        for key in ("src", "srcset", "href", "data", "action")
        if key in found
    ]
    assert all(one.startswith(("#", "data:")) for one in loads)
    assert not re.search(r"@import|url\(|https?://|//[a-z]+\.", re.sub(r"(?m)^\s*//.*$", "", text))
    policy = next(found["content"] for found in page.named("meta") if "http-equiv" in found)
    assert policy.startswith("default-src 'none'") and "script-src 'sha256-" in policy


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_missing_is_said_in_words(studies, odd, structure, lang):
    text = report.render(odd.bare(studies.study()), lang)
    page = structure(text)
    assert not page.faults
    assert all(words in text for words in MISSING[lang])
    assert "loss is NaN after epoch 3 &lt;b&gt;" in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_names_stay_names(studies, odd, structure, lang):
    text = report.render(odd.hostile(studies.study()), lang)
    page = structure(text)
    assert not page.faults
    kinds = [found.get("type") for found in page.named("script")]
    assert kinds == ["application/json"] * 2 + [None]
    assert not page.named("img")
    stores = [text for text, around in page.texts if around and around[-1] == "script"][:2]
    assert all(json.loads(store)["labels"][0] == odd.HOSTILE for store in stores)
    assert not re.search("[\x00\x1b\u202e]", re.sub(r"(?s)<script type.*?</script>", "", text))


def test_a_circuit_that_cannot_be_read_is_no_reason_to_fail(studies):
    full = studies.study()
    broken = replace(full, circuits=(replace(full.circuits[0], wiring="{}"), *full.circuits[1:]))
    assert "This circuit cannot be drawn: " in report.render(broken)


def test_a_circuit_without_activity_or_strengths_is_drawn(studies):
    full = studies.study()
    still = replace(full.circuits[0], activity=(), time=(), tau=(), strengths={}, inputs=(), outputs=())
    text = report.render(replace(full, circuits=(still,)))
    assert "No activity was kept for this circuit." in text
    assert 'class="net"' in text


def test_a_study_without_any_result_says_so(studies):
    full = studies.study()
    runs = tuple(replace(run, metrics={}, timing={}, failed="out of memory") for run in full.runs)
    text = report.render(
        replace(full, summary={}, runs=runs, curves=(), timing={}, retrained={}, calibration=(), groups=())
    )
    assert "No model came to a result, so there is nothing to rank." in text


def test_twelve_models_with_long_circuits_stay_small(studies):
    maker = studies.Maker("two")
    full = maker.study()
    long = tuple(maker.circuit(one.name, seed, steps=5000) for seed, one in enumerate(full.contenders) if one.synapses)
    assert len(report.render(replace(full, circuits=long)).encode()) < 1_500_000


def test_a_file_is_written_whole_or_not_at_all(studies, tmp_path, monkeypatch):
    path = report.write(studies.study(), tmp_path / "report.html")
    before = path.read_text(encoding="utf-8")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        report.write(studies.study("many"), path)
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_language_without_words_is_refused(studies, tmp_path):
    with pytest.raises(InputError, match=r"report: `lang` is 'fr', a language without words. Pass 'en' or 'es'."):
        report.write(studies.study(), tmp_path / "report.html", "fr")
    assert not list(tmp_path.iterdir())


def test_reading_gives_the_study_back_or_a_sentence(studies, tmp_path):
    path = tmp_path / "study.json"
    path.write_text(studies.study().to_json(), encoding="utf-8")
    assert report.read(path) == report.read(tmp_path) == studies.study()
    with pytest.raises(MissingFileError, match=r"report: .*nowhere.json is no file. Pass the study.json"):
        report.read(tmp_path / "nowhere.json")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="is no text"):
        report.read(path)
    path.write_text("{}")
    with pytest.raises(FileFormatError, match="not such a record"):
        report.read(path)


def test_regular_times_are_named_as_such(studies):
    full = studies.study()
    same = tuple(replace(run, timing=dict.fromkeys(run.timing, 0.8)) for run in full.runs)
    text = report.render(replace(full, runs=same, data=replace(full.data, gap_low=1.0, gap_median=1.0, gap_high=1.0)))
    assert "All gaps of these data are about the same" in text
    assert "LTC-NCP: dt = 1 changes nothing." in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_parts_are_told_by_people_and_a_small_test_part_by_name(studies, lang):
    study = studies.study()
    few = replace(study.data, owner="speaker", owners=(4, 1, 1), test_owners=("theo",))
    text = report.render(replace(study, data=few), lang)
    assert "theo" in text and "speaker" in text
    folded = replace(study.data, owner="speaker", owners=(4, 1, 1), folds=5)
    assert ("each tested once in 5 folds" if lang == "en" else "5 pliegues") in report.render(
        replace(study, data=folded), lang
    )
