"""The page in a browser: no complaint, every plot drawn, and whatever can be moved moves."""

import unicodedata
from itertools import pairwise

import pytest

from caudal import report

TASKS = ("two", "many", "numbers")


@pytest.fixture(scope="module")
def pages(studies, odd, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    made = {(task, lang): studies.study(task) for task in TASKS for lang in ("en", "es")}
    made |= {("bare", "es"): odd.bare(studies.study()), ("hostile", "en"): odd.hostile(studies.study())}
    return {key: report.write(study, folder / f"{'-'.join(key)}.html", key[1]) for key, study in made.items()}


def count(browser, query):
    return browser.run(f"document.querySelectorAll({query!r}).length")


def texts(browser, query):
    return browser.run(f"[...document.querySelectorAll({query!r})].map(one => one.textContent.trim())")


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)], ids=["phone-dark", "desk-light"])
@pytest.mark.parametrize(
    "key",
    [("two", "en"), ("two", "es"), ("many", "es"), ("numbers", "en"), ("bare", "es"), ("hostile", "en")],
    ids="-".join,
)
def test_no_complaint_no_request_and_no_page_wider_than_the_window(browser, pages, key, width, dark):
    browser.open(pages[key], width, 900, dark)
    assert browser.said == []
    assert [one for one in browser.asked if not one.startswith("data:")] == [pages[key].as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_hostile_names_run_nothing(browser, pages):
    browser.open(pages["hostile", "en"])
    assert count(browser, "script") == 3
    assert count(browser, "img") == 0
    browser.run("document.querySelector('.neuron[data-n=\"9\"]').dispatchEvent(new MouseEvent('click'))")
    assert browser.said == []


def test_every_plot_is_drawn(browser, pages):
    browser.open(pages["two", "en"])
    assert count(browser, "#ranking .forest tbody .strip") == 12
    # In each row the sign beside the name, and the mark or the arrow.
    assert count(browser, "#ranking .forest .mark") == 12 + 12
    assert count(browser, "#ranking .forest .beyond") == 1
    for panel, points in ((2, 12), (3, 12), (4, 12), (5, 11)):
        assert count(browser, f"#cost .panel:nth-of-type({panel}) .plot > svg > svg > .mark") == points
    assert count(browser, "#timing .forest:first-of-type .time") >= 11 * 3
    assert count(browser, "#curves .plot") == 5
    assert count(browser, "#curves polyline") == 5 * 11
    assert count(browser, "#curves polygon") == 5 * 11
    assert count(browser, "#calibration .plot") == 12
    assert count(browser, "#calibration .dot") == 12 * 10
    assert count(browser, "#groups .forest") == 4
    assert count(browser, "#circuit .net") == 2
    assert count(browser, "#circuit .net:first-of-type .neuron") == 2 * (6 + 19)
    seen = browser.run(
        "[...document.querySelectorAll('.plot > svg')].filter(one => one.checkVisibility())"
        ".map(one => one.getBBox().height)"
    )
    assert len(seen) == 1 + 1 + 5 + 12 + 1 + 2 and min(seen) > 90


def test_every_plot_is_drawn_without_its_script(browser, pages):
    browser.open(pages["two", "es"], script=False)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert count(browser, "#cost .panel[hidden]") == 0
    assert count(browser, "#curves .curve.on polyline") == 5 * 2
    assert count(browser, "#circuit .trace polyline.motor") > 0
    assert count(browser, "button:not([hidden])") == count(browser, "[hidden] button, .bar button")
    assert not browser.said


@pytest.mark.parametrize("lang", ["en", "es"])
def test_tables_sort_by_number_and_by_name(browser, pages, lang):
    browser.open(pages["two", lang])
    numbers = "[...document.querySelectorAll('#ranking .metrics tbody tr')].map(row => Number(row.cells[5].dataset.v))"
    press = "document.querySelectorAll('#ranking .metrics thead button')[{}].click()"
    state = "document.querySelectorAll('#ranking .metrics thead th')[{}].getAttribute('aria-sort')"
    browser.run(press.format(5))
    found = browser.run(numbers)
    assert all(a >= b for a, b in pairwise(found)) and browser.run(state.format(5)) == "descending"
    browser.run(press.format(5))
    found = browser.run(numbers)
    assert all(a <= b for a, b in pairwise(found)) and browser.run(state.format(5)) == "ascending"
    browser.run(press.format(0))
    names = texts(browser, "#ranking .metrics tbody th")
    assert names == sorted(names, key=lambda name: unicodedata.normalize("NFKD", name).casefold())
    assert browser.run(state.format(5)) is None


def test_what_has_no_value_sorts_last_both_ways(browser, pages):
    browser.open(pages["two", "en"])
    for _ in range(2):
        browser.run("document.querySelectorAll('#cost table thead button')[8].click()")
        assert browser.run("[...document.querySelectorAll('#cost tbody tr')].at(-1).cells[8].textContent") == "–"


def test_tabs_follow_mouse_and_arrows(browser, pages):
    browser.open(pages["two", "en"])
    shown = "[...document.querySelectorAll('#cost .panel')].map(one => one.checkVisibility())"
    assert browser.run(shown) == [True, False, False, False]
    browser.run("document.querySelectorAll('#cost [role=tab]')[2].click()")
    assert browser.run(shown) == [False, False, True, False]
    browser.run("document.querySelectorAll('#cost [role=tab]')[2].focus()")
    browser.press("ArrowRight", 39)
    assert browser.run(shown) == [False, False, False, True]
    assert browser.run("document.activeElement.getAttribute('aria-selected')") == "true"


def test_models_of_the_curves_are_chosen(browser, pages):
    browser.open(pages["two", "en"])
    seen = (
        "[...document.querySelectorAll('#curves .name')].filter(one => one.checkVisibility())"
        ".map(one => one.textContent)"
    )
    assert set(browser.run(seen)) == {"LTC-NCP", "GRU"}
    browser.run("document.querySelectorAll('.chips input')[2].click()")
    assert set(browser.run(seen)) == {"LTC-NCP", "GRU", "CfC"}
    browser.run("document.querySelectorAll('.chips input')[0].click()")
    assert set(browser.run(seen)) == {"LTC-NCP", "CfC"}


def test_the_scrubber_moves_time(browser, pages):
    browser.open(pages["two", "es"])
    shade = "document.querySelector('#circuit-0 .neuron.motor').style.getPropertyValue('--a')"
    cursor = "document.querySelector('#circuit-0 .cursor').getAttribute('x1')"
    told = "document.querySelector('#circuit-0 output').textContent"
    before = [browser.run(one) for one in (shade, cursor, told)]
    assert before[1:] == ["100%", "27,5 años"]
    browser.run("document.querySelector('#circuit-0 input').focus()")
    browser.press("Home", 36)
    after = [browser.run(one) for one in (shade, cursor, told)]
    assert after[1:] == ["0%", "0 años"] and after[0] != before[0]


def test_play_runs_to_the_end_and_stops(browser, pages):
    browser.open(pages["two", "en"])
    step = "Number(document.querySelector('#circuit-0 input').value)"
    browser.run("document.querySelector('#circuit-0 .play').click()")
    assert browser.run("document.querySelector('#circuit-0 .play').textContent") == "Pause"
    browser.run("new Promise(done => setTimeout(done, 600))")
    assert 0 < browser.run(step) < 39
    browser.run("document.querySelector('#circuit-0 .play').click()")
    at = browser.run(step)
    browser.run("new Promise(done => setTimeout(done, 300))")
    assert browser.run(step) == at


def test_a_neuron_shows_its_connections_and_its_trace(browser, pages):
    browser.open(pages["two", "en"])
    browser.run("document.querySelector('#circuit-0 .neuron[tabindex=\"0\"]').focus()")
    browser.press("ArrowLeft", 37)
    browser.press("Enter", 13, "\r")
    chosen = "document.activeElement.dataset.n"
    number = int(browser.run(chosen))
    assert browser.run("document.activeElement.getAttribute('aria-pressed')") == "true"
    lit = browser.run(
        "[...document.querySelectorAll('#circuit-0 .synapses .lit')].map(p => [+p.dataset.s, +p.dataset.t])"
    )
    all_ends = browser.run(
        "[...document.querySelectorAll('#circuit-0 .synapses path')].map(p => [+p.dataset.s, +p.dataset.t])"
    )
    assert sorted(lit) == sorted(ends for ends in all_ends if number in ends) and lit
    told = texts(browser, "#circuit-0 .about p")
    assert told[0].startswith("command/") and told[1].startswith("Reads: ") and told[2].startswith("Acts on: ")
    assert (
        browser.run("document.querySelector('#circuit-0 .trace .chosen').getAttribute('points').split(' ').length")
        == 40
    )
    browser.press("Escape", 27)
    assert count(browser, "#circuit-0 .synapses .lit") == 0


def test_tips_show_the_numbers(browser, pages):
    browser.open(pages["two", "en"])
    browser.run(
        "document.querySelector('#ranking [data-tip]').dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))"
    )
    assert texts(browser, ".tip:not([hidden])")[0].startswith("GRU: 0.859 [")


CONTRAST = """
(() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (colour) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const linear = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const found = channels(getComputedStyle(one).backgroundColor);
      if (found[3] > 250) return found;
    }
    return [255, 255, 255, 255];
  };
  const poor = [], hidden = "script, .neuron, .curve:not(.on)";
  let seen = 0;
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.checkVisibility({ opacityProperty: true }) || one.closest(hidden)) continue;
    const style = getComputedStyle(one);
    const both = [light(channels(one.closest("svg") ? style.fill : style.color)), light(behind(one))];
    const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    seen += 1;
    if (ratio < 4.5) poor.push(`${one.tagName}.${one.getAttribute("class")} ${ratio.toFixed(2)}`);
  }
  return [seen, [...new Set(poor)]];
})()
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_letters_stand_out_from_their_ground(browser, pages, dark):
    browser.open(pages["two", "en"], dark=dark)
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    seen, poor = browser.run(CONTRAST)
    assert seen > 1000
    assert poor == []


def test_controls_have_names(browser, pages):
    browser.open(pages["two", "es"])
    browser.call("Accessibility.enable")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    wanted = {"button", "slider", "checkbox", "tab", "link", "image", "region", "navigation", "table"}
    found = [node for node in nodes if node.get("role", {}).get("value") in wanted and not node.get("ignored")]
    assert len(found) > 100
    assert not [node["role"]["value"] for node in found if not node.get("name", {}).get("value")]


def test_it_prints(browser, pages, tmp_path):
    browser.open(pages["two", "en"])
    browser.printed(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    browser.open(pages["two", "en"], 720, media="print", dark=True)
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("[...document.querySelectorAll('#cost .panel')].every(one => one.checkVisibility())")
    assert not browser.run("document.querySelector('nav').checkVisibility()")
