"""The studio: the page answers as the model does, follows a change, is quick, and refuses what it cannot show."""

import copy
import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from caudal import nn, save
from caudal.cli import main
from caudal.data import Encoder, from_arrays
from caudal.errors import InputError
from caudal.estimators import LiquidClassifier, LiquidRegressor
from caudal.nn import GRU, LTC, CfC, LiquidSSM, MixedMemory, Readout
from caudal.report import studio
from caudal.wiring import ncp
from tests.report.cells_js import CELLS, dumped, evaluated

MORE = (CELLS.with_name("intervals.js"), CELLS.with_name("studio.js"))


def table(rng, count=12, steps=14):
    """Rows of series with holes and irregular times, and a class."""
    lines = ["person,hours,pulse,temp,place,ill"]
    for person in range(count):
        time = 0.0
        for _ in range(steps):
            time += 0.1 + rng.exponential(1)
            temp = "" if rng.random() < 0.3 else f"{37 + rng.normal():.2f}"
            lines.append(
                f"p{person},{time:.2f},{60 + 10 * rng.normal():.1f},{temp},{'ab'[person % 2]},{'yn'[person // 2 % 2]}"
            )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    (folder / "visits.csv").write_text(table(np.random.default_rng(0)))
    return folder


@pytest.fixture(scope="module")
def model(home):
    made = LiquidClassifier(cell="ltc-ncp", epochs=1, seed=0)
    made.fit(home / "visits.csv", target="ill", series="person", time="hours")
    made.save(home / "model.caudal")
    return made


@pytest.fixture(scope="module")
def data(model, home):
    return model.read(home / "visits.csv")


def content(text):
    """The data of a page."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def test_answers_at_the_end_are_those_of_the_model(model, data, tmp_path):
    page = content(studio.render([studio.StudioModel.of("model", model)], data))
    script = (
        "data.series.map((series, k) => { const run = Studio.runner(data.models[0]); "
        "run.load(series, k, series.values, series.dt); while (run.advance(1e6)); return run.answer(run.steps - 1); })"
    )
    found = evaluated(script, page, tmp_path, *MORE)
    seen, net = model.encoder_(data), copy.deepcopy(model.net_).double()
    with torch.no_grad():
        y, _ = net.series(
            torch.tensor(seen.x).double(), dt=torch.tensor(seen.dt).double(), lengths=torch.tensor(seen.lengths)
        )
    assert np.abs(np.array(found) - torch.softmax(y, -1).numpy()).max() < 1e-6


def test_a_changed_value_and_gap_are_answered_as_by_the_model(model, data, tmp_path):
    page = content(studio.render([studio.StudioModel.of("model", model)], data))
    script = """(() => {
        const run = Studio.runner(data.models[0]), series = data.series[2];
        const values = series.values.map((row) => [...row]), gaps = [...series.dt];
        run.load(series, 2, values, gaps);
        while (run.advance(1e6));
        values[5][0] = 99;
        values[6][1] = 40;
        values[7][1] = null;
        gaps[8] = 12.5;
        run.change(series, values, gaps, 5);
        while (run.advance(1e6));
        return run.answer(run.steps - 1);
    })()"""
    found = evaluated(script, page, tmp_path, *MORE)
    row = data.select([2])
    values, observed, gaps = row.values.copy(), row.observed.copy(), row.dt.copy()
    values[0, 5, 0], values[0, 6, 1], gaps[0, 8] = 99, 40, 12.5
    observed[0, 6, 1], observed[0, 7, 1] = True, False
    values[0, 7, 1] = 0
    changed = replace(row, values=values, observed=observed, dt=gaps)
    assert np.abs(np.array(found) - model.predict_proba(changed)[0]).max() < 1e-5


def test_two_models_and_numbers_stand_side_by_side(home, tmp_path):
    text = (home / "visits.csv").read_text()
    path = tmp_path / "numbers.csv"
    path.write_text(text.replace(",y\n", ",1.5\n").replace(",n\n", ",2.5\n"))
    fitted = [
        LiquidRegressor(cell=cell, epochs=1, seed=0).fit(path, target="ill", series="person", time="hours")
        for cell in ("gru", "liquid-ssm")
    ]
    shown = [studio.StudioModel.of(name, fit) for name, fit in zip("ab", fitted, strict=True)]
    page = content(studio.render(shown, fitted[0].read(path), "es"))
    script = (
        "data.models.map((model) => { const run = Studio.runner(model), series = data.series[3]; run.load(series, 3, "
        "series.values, series.dt); while (run.advance(1e6)); return run.answer(run.steps - 1)[0]; })"
    )
    found = evaluated(script, page, tmp_path, *MORE)
    expected = [fit.predict(path)[3] for fit in fitted]
    assert np.abs(np.array(found) - np.array(expected).ravel()).max() < 1e-4


def test_in_a_browser_it_says_the_answer_and_keeps_a_view(model, data, tmp_path):
    page = tmp_path / "studio.html"
    studio.write([studio.StudioModel.of("model", model)], data, page)
    text = page.read_text()
    assert not re.search(r"(src|href)=\"(https?:)?//", text)
    code = (
        "const s = globalThis.caudalStudio; s.runs[0].advance(1e6); s.edit('value', 3, 0, 80); s.choose(2); "
        "s.runs[0].net.strength[2] = 0.5; const kept = JSON.parse(JSON.stringify(s.view())); s.apply(kept); "
        "while (s.runs[0].advance(1e6)); s.at.dirty = true; s.draw(); s.settle(); "
        "document.title = JSON.stringify([s.runs[0].answer(s.runs[0].steps - 1), s.view(), kept]);"
    )
    page.write_text(text.replace("Content-Security-Policy", "x").replace("</body>", f"<script>{code}</script></body>"))
    drawn = dumped(page)
    answer, view, kept = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", drawn, re.S)[1]))
    assert view == kept and view["edits"] == [["value", 3, 0, 80]] and view["models"][0]["strength"][2] == 0.5
    spoken = re.search(r'<output class="tell told"[^>]*>(.*?)</output>', drawn)[1]
    assert f"{100 * max(answer):.1f} %" in spoken
    assert re.search(r'class="tell proof"[^>]*>Within 0.02', drawn)
    assert len(re.findall(r"<tr>", drawn)) > 6


@pytest.mark.slow
def test_sixty_four_neurons_and_five_thousand_steps_stay_above_thirty_frames_a_second(tmp_path):
    torch.manual_seed(0)
    net = Readout(LTC(ncp(8, 36, 24, 4, seed=0)), 2)
    long = from_arrays(np.random.default_rng(0).normal(size=(2, 8, 5000)), ["a", "b"])
    series = studio.render([studio.StudioModel("net", net, Encoder.fit(long), ("a", "b"))], long)
    page = tmp_path / "long.html"
    code = "document.title = String(globalThis.caudalStudio.frames(200));"
    page.write_text(
        series.replace("Content-Security-Policy", "x").replace("</body>", f"<script>{code}</script></body>")
    )
    milliseconds = float(re.search(r"<title>([\d.]+)</title>", dumped(page))[1])
    assert milliseconds < 1000 / 30


@pytest.mark.parametrize("net", [LTC(ncp(3, 4, 3, 2, seed=0)), Readout(CfC(3, 5), 1), LiquidSSM(3, 6, layers=2)])
def test_a_bare_network_has_a_series_made_up_for_it(net):
    text = studio.render([studio.StudioModel.of("net", net)], None)
    page = content(text)
    assert len(page["series"][0]["values"]) == 96 and "made up" not in page["words"].values()
    assert text.count('class="neuron"') >= net.inputs * isinstance(net, LTC)


def test_a_cell_without_equations_in_the_page_shows_what_was_recorded(data, model):
    torch.manual_seed(0)
    net = Readout(MixedMemory(len(model.encoder_.channels), CfC(4, 4), form="stacked"), 2)
    shown = studio.StudioModel("mixed", net, model.encoder_, ("n", "y"))
    text = studio.render([shown], data)
    (page,) = content(text)["models"]
    assert page["net"] is None and len(page["recorded"][0]["states"]) == 14
    assert "do not follow a change" in text
    with pytest.raises(InputError, match="Pass a table too"):
        studio.render([shown], None)


def test_what_cannot_be_shown_is_refused_in_a_sentence(home, model, tmp_path, capsys):
    shown = studio.StudioModel.of("model", model)
    with pytest.raises(InputError, match="the page computes every step"):
        studio.render([replace(shown, encoder=replace(shown.encoder, thresholds=(0.1, 0.1, 0.1)))], None)
    with pytest.raises(InputError, match="129 neurons; a page draws at most 128"):
        studio.StudioModel.of("big", GRU(2, 129))
    save(nn.LTC(2, 3), tmp_path / "bare.caudal")
    out = ["-o", str(tmp_path / "s.html")]
    kept = str(home / "model.caudal")
    other = tmp_path / "other.csv"
    other.write_text("person,hours,height\na,1,2\na,2,3\n")
    for words, sentence in (
        ([str(home / "visits.csv"), kept], "swap the two"),
        ([str(tmp_path / "none.caudal")], "does not exist"),
        ([str(tmp_path / "bare.caudal"), str(home / "visits.csv")], "bare network"),
        ([kept, str(other)], "pulse"),
        ([kept, "--beside", str(tmp_path / "bare.caudal")], "same columns"),
    ):
        assert main(["studio", *words, *out]) == 2
        said = capsys.readouterr().err
        assert sentence in said.lower() or sentence in said, said
        assert "Traceback" not in said
    assert main(["studio", kept, str(home / "visits.csv"), "--lang", "es", *out]) == 0
    assert "Taller: model.caudal" in (tmp_path / "s.html").read_text()


def test_words_of_both_languages_are_the_same_and_all_are_used():
    tables = [studio.words(lang).table for lang in ("en", "es")]
    assert tables[0].keys() == tables[1].keys()
    places = [{key: sorted(set(re.findall(r"\{\w+\}", text))) for key, text in table.items()} for table in tables]
    assert places[0] == places[1]
    source = "".join(path.read_text() for path in (*MORE, CELLS.parent.parent / "studio.py"))
    idle = [key for key in tables[0] if f'"{key}"' not in source and f"words.{key}" not in source and key != "and"]
    assert not idle
