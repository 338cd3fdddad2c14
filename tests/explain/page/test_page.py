"""Sentences carry their figures in both languages, pictures tell themselves in words, and the page holds everything."""

import json
import re
import sys
import xml.dom.minidom
from dataclasses import replace
from importlib.resources import files
from string import Formatter

import numpy as np
import pytest

from caudal.data import Encoder, from_arrays
from caudal.errors import InputError, MissingExtraError
from caudal.explain.counterfactual import Change
from caudal.explain.decision import decision
from caudal.explain.equations import Dead
from caudal.explain.proof import Certificate
from caudal.explain.scorecard.scorecard import Checks
from caudal.kernels import use
from caudal.nn import LTC, CfC, Readout
from caudal.report.decision import drawn, render, write, write_drawn
from caudal.report.decision.sentences import tell
from caudal.report.decision.summary import QUESTIONS, answers, cell_name
from caudal.report.decision.words import words
from caudal.report.plots.heat import heat
from caudal.report.plots.lines import lines
from caudal.report.plots.live_circuit import circuit
from caudal.report.plots.raster import png
from caudal.wiring import ncp

HOSTILE = "</script><b>&\"'"


def make_data(count=12, steps=4):
    rng = np.random.default_rng(0)
    return from_arrays(
        rng.normal(size=(count, 2, steps)),
        np.array(["calm", HOSTILE])[np.arange(count) % 2],
        dt=rng.uniform(1, 3, (count, steps)),
        names=["wind", HOSTILE],
        time_unit="d",
    )


@pytest.fixture(scope="module")
def found(made):
    return made


def test_both_languages_have_the_same_keys_and_places():
    folder = files("caudal.report.decision") / "texts"
    tables = [json.loads((folder / f"{lang}.json").read_text()) for lang in ("en", "es")]
    assert tables[0].keys() == tables[1].keys()
    for key, text in tables[0].items():
        places = [sorted(name for _, name, _, _ in Formatter().parse(one) if name) for one in (text, tables[1][key])]
        assert places[0] == places[1], key


def test_numbers_are_written_as_their_readers_do():
    assert words("es").short(1234.5, 5) == "1234,5"
    assert words("en").short(0.0000123) == "1.2e−05"
    assert words("en").percent(0.125, 1) == "12.5 %"
    with pytest.raises(InputError, match="'fr'"):
        words("fr")


@pytest.mark.parametrize("status", ["holds", "fails", "open"])
def test_certificates_are_told_with_their_figures(status):
    ends = np.zeros(2)
    one = Certificate(status, 0, ends, ends, ends, ends, 0.25, -0.5, None, 3)
    for lang in ("en", "es"):
        (told,) = tell(one, lang, radius=0.05)
        assert words(lang).short(0.05) in told
        assert words(lang).short(-0.5 if status == "fails" else 0.25) in told
    with pytest.raises(InputError, match="radius"):
        tell(one)


def test_sentences_of_every_part(found):
    for lang in ("en", "es"):
        for part in (found.influence, found.synapses, found.influence.scorecard, found.drives, found.dead):
            assert all(re.search(r"\d", line) for line in tell(part, lang)[:1])
    assert "left out" in tell(Dead(("a",), (0.0, 1.0), 0.1, 0.2, 3))[0]
    with pytest.raises(InputError, match="no sentences"):
        tell(3)


def test_a_flagged_influence_says_so(found):
    flagged = replace(found.influence, deltas=np.array([0.2]))
    assert "Do not rely" in tell(flagged)[-1]
    assert "No se fíe" in tell(flagged, "es")[-1]


def test_pictures_are_documents_with_a_text_alternative():
    wiring = ncp(2, 3, 2, 2, seed=1)
    drawn = [
        circuit(wiring, {wiring.synapse_names[0]: -0.4}, {"motor/0": 0.3}, title=HOSTILE, inputs=["a", HOSTILE]),
        lines([0.0, 1.0, 3.0], {HOSTILE: [0.1, 10.0, 1000.0]}, title="tau", log=True),
        heat(np.array([[1.0, -2.0], [0.0, 0.5]]), ["a", HOSTILE], ["1", "2"], title="map", decision=HOSTILE),
    ]
    for one in drawn:
        document = xml.dom.minidom.parseString(one)
        assert document.documentElement.firstChild.tagName == "title"
        assert document.getElementsByTagName("desc")[0].firstChild.data
        assert "</script>" not in one


def test_pictures_refuse_in_sentences():
    with pytest.raises(InputError, match="finite"):
        heat(np.array([[np.nan]]), ["a"], ["1"], title="x")
    with pytest.raises(InputError, match="not empty"):
        heat(np.zeros((0, 1)), ["a"], [], title="x")
    with pytest.raises(InputError, match="more than 6000"):
        heat(np.zeros((7000, 1)), ["a"], ["1"] * 7000, title="x")
    with pytest.raises(InputError, match="which the circuit lacks"):
        circuit(ncp(2, 3, 2, 2), {"a -> b": 1.0})
    with pytest.raises(InputError, match="expected 2"):
        circuit(ncp(2, 3, 2, 2), inputs=["a"])


@pytest.mark.parametrize("lang", ["en", "es"])
def test_page_holds_everything_and_loads_nothing(found, lang):
    text = render(found, lang)
    for name in ("decision", "score", "saliency", "circuit", "counter", "proof", "phases", "equations", "limits"):
        assert f'<section id="{name}"' in text
    assert text.count("<script") == 2
    assert not re.search(r'(?:src|href)="(?!#|data:)', text)
    assert "<b>" not in text.split("<script")[0]
    assert "sigmoid(" in text
    assert render(found, lang) == text
    store = re.search(r'<script type="application/json">(.*?)</script>', text, re.S)[1]
    assert len(json.loads(store)["time"]) == 4


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_five_questions_are_answered_before_anything_else(found, lang):
    text = render(found, lang)
    first = text[text.index('<section id="decision"') : text.index('<section id="saliency"')]
    for question in QUESTIONS:
        assert words(lang)(f"ask.{question}") in first
    told = answers(found, words(lang))
    assert all(sentences and all(sentences) for sentences in told.values())
    assert words(lang).percent(float(found.scores[-1, found.code]), 1) in " ".join(told["what"])
    for name in ("circuit", "phases", "equations"):
        section = text[text.index(f'<section id="{name}"') :]
        assert section.index("<details") < section.index("</section>")


def test_a_reason_is_told_with_its_value_and_its_time(found):
    texts = words("en")
    assert cell_name(found, texts, 1, "wind").startswith(f"wind {texts.short(float(found.values[1, 0]))} at step 2 (")
    assert cell_name(found, texts, 1, "dt").startswith(f"the {texts.short(float(found.gaps[1]))} d before step 2 (")
    assert cell_name(found, texts, 1, "observed(wind)").startswith("observed(wind) at step 2 (")
    named = replace(found, outcome="weather")
    assert "Series 1, decided: weather = calm</h1>" in render(named)
    assert "<title>Series 1, decided: weather = calm" in render(named)


def test_a_probability_is_never_certain(found):
    scores = found.scores.copy()
    scores[-1] = [0.0003, 0.9997]
    sure = replace(found, scores=scores)
    assert "&gt; 99.9 %" in render(sure) and "100.0 %" not in render(sure)
    assert "&gt; 99,9 %" in render(sure, "es")


def test_where_nothing_is_decided_differently_the_page_says_so_and_asks_the_next_question(found):
    level = replace(found.influence, output=np.array([6.46]), reference=np.array([6.46]))
    level = replace(level, values=1e-5 * np.ones_like(level.values))
    assert level.says_little
    told = answers(replace(found, influence=level), words("en"))
    assert "cannot say why" in told["why"][0] and "%" not in told["why"][0]
    assert "what would turn it" in told["why"][0]
    assert not any("speaks for" in line for line in tell(level))


def test_what_is_proven_is_told_in_the_units_of_the_data(found):
    assert found.proven > 0
    text = render(replace(found, features=(replace(found.features[0], unit="m/s"), *found.features[1:])))
    amount = words("en").short(found.proven * float(found.bounds.spread[0]), 2)
    assert f"wind ± {amount} m/s" in text
    assert "times between steps ±" in text
    assert "elapsed times were held" in tell(found.certificate, radius=0.02)[0]
    assert "elapsed time but the first moved" in tell(found.certificate, radius=0.02, times=True)[0]


def test_page_says_what_is_missing():
    data = make_data()
    model = Readout(CfC(2, 3, backbone_units=4, mode="pure"), 2, pool="mean")
    with use("reference"):
        one = decision(model, Encoder.fit(data), data, 0, checks=Checks(series=0), search=(1, 3))
    text = render(one)
    assert "No proof: " in text
    assert "No checks were run" in text
    assert "has no wiring" in text
    for name in ("circuit", "phases", "counter", "proof"):
        assert (f'<section id="{name}"' in text) == (name == "counter" and one.counterfactual is not None)
        assert (f'href="#{name}"' in text) == (f'<section id="{name}"' in text)


def test_page_is_written_whole(found, tmp_path):
    path = write(found, tmp_path / "deep" / "page.html")
    assert path.read_text().endswith("</html>\n")
    assert len(list(path.parent.iterdir())) == 1
    with pytest.raises(InputError, match="language"):
        write(found, path, "fr")
    assert path.read_text().endswith("</html>\n")


def test_wrong_questions_get_a_sentence():
    data = make_data()
    encoder = Encoder.fit(data)
    with pytest.raises(InputError, match="is 12; there are 12 series"):
        decision(Readout(LTC(2, 3), 2), encoder, data, 12)
    with pytest.raises(InputError, match="expected a Readout"):
        decision(LTC(2, 3), encoder, data, 0)
    with pytest.raises(InputError, match="makes 2 channels; the model reads 3"):
        decision(Readout(LTC(3, 3), 2), encoder, data, 0)


def test_changes_in_spanish():
    from caudal.report.decision.sentences import change

    assert change(words("es"), Change("value", 2, "fib4", 1.9, 2.6, "")) == "fib4 en el paso 3: 1,9 → 2,6"
    assert (
        change(words("es"), Change("gap", 1, "", 30.0, 71.5, "d")) == "tiempo entre el paso 1 y el paso 2: 30 → 71,5 d"
    )


@pytest.mark.parametrize("lang", ["en", "es"])
def test_pictures_by_themselves(found, lang, tmp_path):
    pytest.importorskip("resvg_py")
    made = write_drawn(found, tmp_path / "deep", lang)
    assert {path.name for path in made} == {
        f"{name}.{kind}" for name in ("saliency", "states", "circuit", "tau") for kind in ("svg", "png")
    }
    for path in made:
        content = path.read_bytes()
        if path.suffix == ".svg":
            assert xml.dom.minidom.parseString(content).documentElement.tagName == "svg"
        else:
            assert content.startswith(b"\x89PNG") and len(content) > 2000
    assert {one.name for one in tmp_path.iterdir()} == {"deep"}
    assert len(list((tmp_path / "deep").iterdir())) == 8


def test_png_is_scaled_coloured_or_refused_in_words(found, tmp_path, monkeypatch):
    pytest.importorskip("resvg_py")
    image = pytest.importorskip("PIL.Image")
    svg = drawn(found)["saliency"]
    sizes = []
    for scale in (1.0, 2.5):
        with image.open(png(svg, tmp_path / "one.png", scale=scale)) as picture:
            sizes.append(picture.size)
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 20
    assert sizes[1][0] == pytest.approx(2.5 * sizes[0][0], abs=2)
    with pytest.raises(InputError, match="png: `scale` is 0"):
        png(svg, tmp_path / "two.png", scale=0)
    with pytest.raises(InputError, match="png: `svg` cannot be drawn"):
        png("<p>no</p>", tmp_path / "two.png")
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtraError, match=r"png: needs `resvg-py`.*caudal\[explain\]"):
        png(svg, tmp_path / "two.png")
    assert not (tmp_path / "two.png").exists()
