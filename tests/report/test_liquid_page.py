"""The page "What is a liquid network?": its numbers are the library's, its words complete, it loads nothing."""

import json
import re
from pathlib import Path

import pytest
import torch

from caudal.nn import CTRNN, GRU, LSTM, LTC, LiquidSSM, Readout
from caudal.nn.init import softplus_inverse
from docs.liquid import page, road
from tests.report.cells_js import dumped, evaluated

HERE = Path(__file__).parents[2] / "docs/liquid"
CLASSES = {"LTC": LTC, "CTRNN": CTRNN, "GRU": GRU, "LSTM": LSTM, "LiquidSSM": LiquidSSM}
POSITIVE = {"raw_w": "w", "sensory_raw_w": "sensory_w", "raw_g_leak": "g_leak", "raw_c_m": "c_m", "raw_tau": "tau"}


@pytest.fixture(scope="module")
def data():
    return json.loads((HERE / "numbers.json").read_text())


def layer(spec, wiring=None):
    """The library's layer with the numbers of the page."""
    if spec["kind"] == "Readout":
        net = Readout(layer(spec["layer"]), spec["outputs"]).double()
        fill(net.map.weight, spec["weight"])
        fill(net.map.bias, spec["bias"])
        return net
    if spec["kind"] == "LiquidSSM":
        net = LiquidSSM(spec["inputs"], spec["units"]).double()
        (block,) = spec["blocks"]
        fill(net.blocks[0].weight, block["weight"])
        fill(net.blocks[0].bias, block["bias"])
        fill(net.blocks[0].log_rate, torch.tensor(block["rate"], dtype=torch.float64).log().tolist())
        return net
    settings = {"substeps": spec["substeps"]} if "substeps" in spec else {}
    sizes = (wiring,) if wiring else (spec["inputs"], spec["units"])
    net = CLASSES[spec["kind"]](*sizes, **settings).double()
    for name, parameter in net.named_parameters():
        values = torch.tensor(spec["params"][POSITIVE.get(name, name)], dtype=torch.float64)
        fill(parameter, softplus_inverse(values.clamp_min(1e-300)) if name in POSITIVE else values)
    return net


def fill(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(values, dtype=torch.float64).reshape(parameter.shape))


def answer(script, data, folder):
    return evaluated(script, data, folder, HERE / "page.js")


def close(first, second, within=1e-6):
    difference = (torch.tensor(first, dtype=torch.float64) - torch.as_tensor(second).double()).abs().max()
    assert difference < within, difference


@torch.no_grad()
@pytest.mark.parametrize("strength", [0.0, 0.37, 1.0])
def test_a_neuron_moves_as_in_the_library(data, strength, tmp_path):
    shown = answer(f"Object.values(data.neurons).map((spec) => Liquid.pulse(spec, {strength}))", data, tmp_path)
    times = torch.tensor(shown[0]["times"])
    x = torch.where((times > 8) & (times <= 24), strength, 0.0).double()[None, :, None]
    for spec, line in zip(data["neurons"].values(), shown, strict=True):
        y, _ = layer(spec)(x, dt=0.25)
        close(line["states"], y[0, :, 0])
    assert min(shown[0]["taus"]) < 0.2 * max(shown[0]["taus"]) or strength < 0.5
    assert min(shown[1]["taus"]) == max(shown[1]["taus"])


@torch.no_grad()
@pytest.mark.parametrize("gap", [0.25, 2.0])
def test_filters_answer_as_in_the_library(data, gap, tmp_path):
    script = f"Object.values(data.filters).map((nets) => Object.values(nets).map((n) => Liquid.sampled(n, 0.8, {gap})))"
    for nets, lines in zip(data["filters"].values(), answer(script, data, tmp_path), strict=True):
        for spec, line in zip(nets.values(), lines, strict=True):
            times = torch.tensor(line["times"]).double()
            x = torch.sin(0.4 * times) + 0.6 * torch.sin(1.04 * times + 1)
            close(line["outputs"], layer(spec)(x[None, :, None], dt=gap)[0][0, :, 0])


@torch.no_grad()
@pytest.mark.parametrize("pairing", ["hold", "previous", "event"])
def test_a_gap_is_bridged_as_in_the_library(data, pairing, tmp_path):
    shown = answer(f"Liquid.paired(data.gap, '{pairing}', 9)", data, tmp_path)
    net = layer(data["gap"])
    net.pair(pairing)
    x = torch.tensor([[[0.2], [0.9], [0.8], [0.9], [0.15], [0.2]]]).double()
    y, _ = net(x, dt=torch.tensor([[2.0, 2, 2, 2, 9, 2]]).double())
    close(shown["states"], y[0, :, 0])
    ends = {round(time, 9): value for time, value in shown["path"]}
    close([ends[time] for time in shown["times"]], y[0, :, 0])


@torch.no_grad()
@pytest.mark.parametrize("cut", [(), (3,), (10, 40)])
def test_a_lap_is_driven_as_by_the_library(data, cut, tmp_path):
    shown = answer(f"Liquid.lap(data.road, data.driver, {list(cut)})", data, tmp_path)
    net, way, car, state = layer(data["driver"], road.wiring()), road.road(), road.Car(0.0, 0.0, 0.0), None
    strength = torch.ones(net.synapse_count()).double()
    strength[list(cut)] = 0
    worst = 0.0
    for _ in range(shown["steps"]):
        y, state = net.step(torch.tensor([road.seen(way, car)]).double(), dt=0.25, state=state, synapses=strength)
        car = road.drive(way, car, float(y))
        worst = max(worst, abs(car.offset))
    close([shown["worst"], shown["offset"]], [worst, car.offset])
    assert shown["done"] == (car.along >= way.length)


def test_the_whole_circuit_completes_the_lap_and_some_synapse_matters(data, tmp_path):
    script = "[[], ...data.driver.params.w.map((_, k) => [data.driver.params.sensory_w.length + k])]"
    laps = answer(f"{script}.map((cuts) => Liquid.lap(data.road, data.driver, cuts).done)", data, tmp_path)
    assert laps[0] and not all(laps)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_page_loads_nothing_and_draws_itself(lang, tmp_path):
    text = page.render(lang)
    assert len(text.encode()) < 1_000_000
    assert not re.search(r"(src|href)=\"(https?:)?//", text)
    place = tmp_path / "page.html"
    place.write_text(text)
    drawn = dumped(place)
    assert "NaN" not in re.sub(r"<script.*?</script>", "", drawn, flags=re.S)
    assert drawn.count('class="line ') == 2 + 2 + 4 * 4 + 3
    assert len(re.findall(r"<output[^>]*></output>", drawn)) == 3  # of the questions, before an answer


def test_words_of_both_languages_have_the_same_places():
    texts = json.loads((HERE / "texts.json").read_text())
    for key, (english, spanish) in texts.items():
        assert sorted(set(re.findall(r"\{\w+\}", english))) == sorted(set(re.findall(r"\{\w+\}", spanish))), key


def test_figures_of_the_myths_come_from_the_records():
    figures = page.records()
    assert figures["better"] == {"ahead": 1, "n": 4, "decided": 0}
    assert figures["robust"]["n"] == 33 and figures["smaller"]["n"] == 5
