"""The page of a decision in a browser: scrubber, neurons, and a synapse switched off, by mouse and by keyboard."""

import json
import re

import pytest

from caudal.report.decision import render, write


@pytest.fixture(scope="module")
def pages(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {lang: write(made, folder / f"{lang}.html", lang) for lang in ("en", "es")}


def store(found):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', render(found), re.S)[1])


def text(browser, query):
    return browser.run(f"document.querySelector({query!r}).textContent.trim()")


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)], ids=["phone-dark", "desk-light"])
@pytest.mark.parametrize("lang", ["en", "es"])
def test_no_complaint_no_request_and_no_page_wider_than_the_window(browser, pages, lang, width, dark):
    browser.open(pages[lang], width, 900, dark)
    assert browser.said == []
    assert [one for one in browser.asked if not one.startswith("data:")] == [pages[lang].as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.querySelectorAll('b').length") == 0


def test_the_scrubber_moves_states_cursors_and_words(browser, pages, made):
    browser.open(pages["en"])
    data = store(made)
    assert not browser.run("document.querySelector('.bar').hidden")
    shades, cursors = [], []
    for step in range(4):
        browser.run(
            f"(() => {{ const s = document.querySelector('#step'); s.value = {step};"
            " s.dispatchEvent(new Event('input')); })()"
        )
        assert text(browser, ".bar output").startswith(f"{step + 1} · ")
        shades.append(browser.run("[...document.querySelectorAll('.neuron .shade')].map(one => one.outerHTML).join()"))
        cursors.append(browser.run("document.querySelector('svg.lines .cursor').getAttribute('x1')"))
        assert browser.run("document.querySelectorAll('.heat rect.now').length") == len(data["labels"][:2]) + 1
    assert len(set(shades)) == 4 and len(set(cursors)) == 4
    most = max(abs(value) for row in data["activity"] for value in row)
    shown = float(
        browser.run("document.querySelectorAll('.neuron')[2].querySelector('.shade').getAttribute('fill-opacity')")
    )
    assert shown == pytest.approx(abs(data["activity"][0][3]) / most, abs=0.01)


def test_a_neuron_is_lit_while_hovered_and_told_when_chosen(browser, pages):
    browser.open(pages["en"])
    lit = "document.querySelectorAll('.neuron.lit').length"
    # Shapes that lie over it, as a click would meet them, do not matter to the handlers.
    browser.run("document.querySelectorAll('.neuron')[5].dispatchEvent(new PointerEvent('pointerenter'))")
    assert browser.run(lit) >= 2
    assert browser.run("document.querySelectorAll('.synapses path.lit').length") >= 1
    browser.run("document.querySelectorAll('.neuron')[5].dispatchEvent(new PointerEvent('pointerleave'))")
    assert browser.run(lit) == 0
    browser.run("document.querySelectorAll('.neuron')[5].dispatchEvent(new MouseEvent('click'))")
    told = text(browser, ".about")
    assert "state" in told and re.search(r"\d", told)
    assert browser.run("document.querySelector('.figures .chosen').getAttribute('points')") != ""
    browser.run("document.querySelectorAll('.neuron')[5].focus()")
    browser.press("ArrowRight", 39)
    moved = browser.run("[...document.querySelectorAll('.neuron')].indexOf(document.activeElement)")
    assert moved not in (5, -1)
    browser.press("Enter", 13)
    assert browser.run(f"document.querySelectorAll('.neuron')[{moved}].getAttribute('aria-pressed')") == "true"
    browser.press("Escape", 27)
    assert browser.run(lit) == 0


def test_a_synapse_switched_off_shows_what_follows(browser, pages, made):
    browser.open(pages["en"])
    without = store(made)["without"]
    names = browser.run("[...document.querySelectorAll('#off option')].map(one => one.value).filter(one => one)")
    assert set(names) == set(without) and names
    choose = (
        "(name => {{ const s = document.querySelector('#off'); s.value = name;"
        " s.dispatchEvent(new Event('change')); }})({})"
    )
    browser.run(choose.format(json.dumps(names[0])))
    assert text(browser, ".told") == without[names[0]]
    assert browser.run("document.querySelectorAll('.synapses path.off').length") == 1
    browser.run(choose.format("''"))
    assert text(browser, ".told") == ""
    browser.run("document.querySelector('.synapses path').dispatchEvent(new MouseEvent('click'))")
    assert text(browser, ".told") in without.values()
    assert browser.said == []


def test_play_reaches_the_last_step_and_stops(browser, pages):
    browser.open(pages["en"])
    browser.run("document.querySelector('#step').value = 2; document.querySelector('.play').click()")
    browser.run(
        "new Promise(done => { const look = () => document.querySelector('#step').value === '3'"
        " ? setTimeout(done, 100) : setTimeout(look, 50); look(); })"
    )
    assert text(browser, ".bar output").startswith("4 · ")
    name = text(browser, ".play")
    assert name != browser.run("document.querySelector('.play').dataset.pause")


def test_everything_stands_without_its_script(browser, pages):
    browser.open(pages["es"], script=False)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.run("document.querySelectorAll('.bar[hidden]').length") == 2
    assert browser.run("document.querySelectorAll('.neuron').length") == 9
