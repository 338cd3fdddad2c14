"""Over many decisions the planted input, step and gap come first, with intervals, on a page and from the shell."""

import json

import numpy as np
import pytest

from caudal.cli.app import main
from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.estimators import LiquidClassifier, LiquidRegressor
from caudal.estimators.explain import question
from caudal.explain import overall
from caudal.report.decision import tell_overall, write_overall


def planted(kind, count=160, seed=0):
    draw = np.random.default_rng(seed)
    x, dt, label = draw.normal(size=(count, 3, 6)), draw.uniform(0.5, 1.5, (count, 6)), draw.integers(0, 2, count)
    if kind == "input":
        x[:, 2] += np.where(label, 1.5, -1.5)[:, None]
    elif kind == "step":
        x[:, 1, 4] = np.where(label, 2.0, -2.0) + 0.3 * x[:, 1, 4]
    else:
        dt[:, 3] = np.where(label, 6.0, 0.2)
    return from_arrays(x, np.where(label, "ill", "well"), dt=dt, names=["lactate", "pulse", "temp"], time_unit="h")


@pytest.fixture(scope="module", params=["input", "step", "gap"])
def found(request):
    data = planted(request.param)
    model = LiquidClassifier(cell="gru", units=8, epochs=20, lr=0.02, patience=0, seed=0).fit(data)
    return request.param, overall(question(model, data))


def test_what_was_planted_comes_first_with_its_interval(found):
    kind, result = found
    first = {name: result.of(name)[0] for name in ("input", "step", "gap")}
    expected = {"input": ("input", "temp"), "step": ("step", "4"), "gap": ("gap", "3")}[kind]
    assert first[expected[0]].name == expected[1]
    assert first["input"].name == {"input": "temp", "step": "pulse", "gap": "dt"}[kind]
    part = first["input"]
    assert part.influence.low <= part.influence.value <= part.influence.high
    assert part.swap.value > 5 * result.of("input")[-1].swap.value and part.turns > 0.4
    assert sum(entry.share for entry in result.of("input")) == pytest.approx(1)
    assert len(result.of("neuron")) == 8
    assert result.shortcut is not None and result.shortcut.name == part.name


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_page_and_the_sentences_name_it(found, lang, tmp_path):
    kind, result = found
    spoken = {
        "input": "temp",
        "step": "pulse",
        "gap": {"en": "the elapsed times", "es": "los tiempos transcurridos"}[lang],
    }
    lines = tell_overall(result, lang)
    assert spoken[kind] in lines[1] and "%" in lines[1]
    text = write_overall(result, tmp_path / "deep" / "page.html", "<b>ward</b>", lang).read_text()
    assert "<b>" not in text and "<script" not in text
    for section in ("input", "step", "gap", "neuron"):
        assert (f'<section id="{section}"' in text) == (result.of(section)[0].influence.value > 0)
    assert lines[-1] in text.replace("&#x27;", "'")


def test_a_number_and_a_single_series():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 2, 5))
    data = from_arrays(x, 3 * x[:, 0].mean(1), task="regress")
    model = LiquidRegressor(cell="lstm", units=6, epochs=10, lr=0.02).fit(data)
    result = overall(question(model, data))
    assert result.of("input")[0].name == "x0" and result.of("input")[0].turns is None
    assert tell_overall(result)
    with pytest.raises(InputError, match="holds a single series"):
        overall(question(model, data.select([0])))


def test_the_shell_explains_a_whole_model_and_the_doctor_asks_about_a_shortcut(tmp_path, capsys):
    data = planted("input", 60)
    rows = ["patient,hours,lactate,pulse,temp,state"]
    for patient in range(60):
        hours = data.dt[patient].cumsum()
        label = data.classes[int(data.target[patient])]
        for hour, values in zip(hours, data.values[patient], strict=True):
            rows.append(",".join([f"p{patient}", f"{hour:.3f}", *(f"{value:.4f}" for value in values), str(label)]))
    table, model = tmp_path / "ward.csv", tmp_path / "ward.caudal"
    table.write_text("\n".join(rows) + "\n")
    columns = ["--target", "state", "--series", "patient", "--time", "hours", "--time-unit", "h"]
    assert main(["fit", str(table), *columns, "--cell", "gru", "--units", "8", "--epochs", "15", "-o", str(model)]) == 0
    capsys.readouterr()
    page = tmp_path / "all.html"
    assert main(["explain", str(model), str(table), "--all", "-o", str(page), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["parts"][0]["name"] == "temp" and page.exists()
    assert main(["doctor", str(model), str(table)]) in (0, 1)
    assert "shortcut: Nearly every decision rests on temp" in capsys.readouterr().out
