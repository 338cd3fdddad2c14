"""Writes the page "What is a liquid network?" in a language: `python -m docs.liquid.page en liquid.html`."""

import json
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path

from caudal._version import __version__
from caudal.report.decision.live import circuit
from caudal.report.frame import PageSection, columns, document, skip_link
from caudal.report.html import Html, join, tag
from caudal.report.numbers import LANGUAGES
from caudal.report.words import PageWords
from docs.liquid.road import wiring

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

RATES = (0.25, 0.5, 1, 2)
# Files of the page by language, from the root of the site, and what the page links to from there.
PAGES = {"en": "liquid.html", "es": "es/liquida.html"}
LINKS = {
    "en": {
        "other": PAGES["es"],
        "study": "driving.html",
        "when": "when-not.html",
        "start": "start.html",
        "studio": "studio.html",
    },
    "es": {
        "other": "../liquid.html",
        "study": "conduccion.html",
        "when": "cuando-no.html",
        "start": "inicio.html",
        "studio": "taller.html",
    },
}
IN_SCRIPT = (
    "seconds",
    "state",
    "tau",
    "answer",
    "neuron_now",
    "apart",
    "ideal",
    "gap_now",
    "play",
    "pause",
    "lap_whole",
    "lap_done",
    "lap_left",
    "right",
    "wrong",
)


def words(lang):
    place = LANGUAGES.index(lang)
    texts = json.loads((HERE / "texts.json").read_text())
    return PageWords(lang, {key: both[place] for key, both in texts.items()})


def numbers():
    """The networks of the page, with the names of the circuit's synapses."""
    data = json.loads((HERE / "numbers.json").read_text())
    data["driver"]["names"] = {"synapses": list(wiring().synapse_names)}
    return data


@cache
def records():
    """Figures of the myths, from the kept records."""
    from benchmarks.energy import verdict as energy
    from caudal.report import read
    from studies import driving

    verdicts = [read(path).verdict for path in sorted((ROOT / "benchmarks/results/studies").glob("*.json"))]
    pairs = [verdict.liquid_against_traditional for verdict in verdicts]
    ahead, decided = (
        sum(pair.difference.value > 0 for pair in pairs),
        sum(pair.verdict in ("better", "worse") for pair in pairs),
    )
    rows = json.loads((ROOT / "benchmarks/results/energy.json").read_text())["rows"]
    tasks = [energy.verdict(rows, task) for task in energy.TASKS]
    nearest = [(energy.best_of(energy.LIQUID, task, task["least"], task["chosen"]), task["chosen"]) for task in tasks]
    met = sum(net is not None and max(energy.times(net, base)) <= energy.GOAL for net, base in nearest)
    duels = [
        duel.word
        for duel in driving.duels(driving.read(ROOT / "benchmarks/results/drive.json"))
        if duel.model == "ltc-ncp"
    ]
    size = sum(map(len, numbers()["driver"]["params"].values()))
    return {
        "llm": {"n": size},
        "learn": {"n": size},
        "better": {"ahead": ahead, "n": len(pairs), "decided": decided},
        "smaller": {"met": met, "n": len(tasks)},
        "robust": {"better": duels.count("better"), "worse": duels.count("worse"), "n": len(duels)},
    }


def slider(name, label, low, high, step, value):
    knob = tag("input", type="range", id=name, min=low, max=high, step=step, value=value)
    return tag("div", tag("label", label, for_=name), knob, tag("output", for_=name, id=f"{name}-now"), class_="bar")


def choice(name, label, options):
    inside = (tag("option", text, value=value) for value, text in options)
    return join([tag("label", label, for_=name), tag("select", *inside, id=name)])


def key(pairs):
    return tag("ul", *(tag("li", tag("span", class_=style), text) for style, text in pairs), class_="key")


def tell(name):
    return tag("output", id=name, class_="tell", aria_live="polite")


def neuron(say, links):
    rule = tag("pre", "dv/dt = (g (v0 − v) + w s(x) (E − v)) / c          τ = c / (g + w s(x))")
    pictures = (tag("div", id=name, class_="plot") for name in ("pulse", "taus"))
    return join(
        [
            tag("p", say("neuron.text")),
            slider("strength", say("neuron.slider"), 0, 1, 0.01, 1),
            key([("liquid", say("liquid")), ("fixed", say("fixed"))]),
            *pictures,
            tell("neuron-now"),
            tag("p", say("neuron.equation")),
            rule,
        ]
    )


def rates(say, links):
    units = [("answer", say("rates.answer")), *((k, say("rates.unit", n=k + 1)) for k in range(6))]
    picks = tag(
        "div",
        choice("trained", say("rates.trained"), [("one", say("rates.one")), ("many", say("rates.many"))]),
        choice("shown", say("rates.shown"), units),
        class_="bar",
    )
    boxes = (
        tag("div", tag("h3", say(f"filter.{name}")), tag("div", class_="plot"), tag("output"), id=f"filter-{name}")
        for name in numbers()["filters"]["one"]
    )
    legend = key((f"rate{k}", say("rate", s=say.fixed(gap, 2))) for k, gap in enumerate(RATES))
    return join(
        [
            tag("p", say("rates.text")),
            picks,
            slider("speed", say("rates.slider"), 0.3, 2, 0.1, 1),
            legend,
            tell("ideal"),
            tag("div", *boxes, class_="four"),
            tag("p", say("rates.note"), class_="aside"),
        ]
    )


def gap(say, links):
    return join(
        [
            tag("p", say("gap.text")),
            slider("silence", say("gap.slider"), 1, 30, 1, 12),
            key((name, say(f"gap.{name}")) for name in ("hold", "previous", "event")),
            tag("div", id="pairing", class_="plot"),
            tell("gap-say"),
        ]
    )


def driving_circuit(say, links):
    wires = wiring()
    synapses = [("", "–"), *((name, name) for name in wires.synapse_names)]
    options = (tag("option", text, value=value, data_name=text) for value, text in synapses)
    choose = tag("select", *options, id="synapse")
    buttons = [tag("button", say(f"circuit.{name}"), type="button", id=name) for name in ("cut", "mend")]
    picture = circuit(
        wires,
        title=say("circuit.title"),
        inputs=say("circuit.inputs").split("|"),
        outputs=[say("circuit.output")],
        lang=say.lang,
    )
    bar = tag(
        "div",
        tag("button", say("play"), type="button", id="play", aria_pressed="false"),
        tag("label", say("circuit.choose"), for_="synapse"),
        choose,
        *buttons,
        class_="bar",
    )
    lane = tag("svg", id="road", role="img", aria_label=say("circuit.road"))
    study = tag("a", say("circuit.study"), href=links["study"])
    return join(
        [
            tag("p", say("circuit.text", n=len(wires.synapse_names))),
            bar,
            tell("lap"),
            tag(
                "div",
                lane,
                tag("div", picture, class_="scroll", tabindex="0", role="region", aria_label=say("circuit.title")),
                class_="lane",
            ),
            tag("p", say.html("circuit.note", study=study), class_="note"),
        ]
    )


def myths(say, links):
    items = (
        tag(
            "li",
            tag("strong", say(f"myth.{name}")),
            tag("b", say(f"myth.{name}.figure", **figures)),
            tag("p", say(f"myth.{name}.text", **figures)),
        )
        for name, figures in records().items()
    )
    when = tag("a", say("not.when"), href=links["when"])
    return join(
        [tag("p", say("not.text")), tag("ul", *items, class_="myths"), tag("p", say.html("not.more", when=when))]
    )


def check(say, links):
    fields = []
    for k, order in ((1, "right a b"), (2, "a right b"), (3, "a b right")):
        radios = (
            tag("label", tag("input", type="radio", name=f"check{k}", value=answer), " ", say(f"check{k}.{answer}"))
            for answer in order.split()
        )
        told = tag("output", aria_live="polite")
        fields.append(
            tag(
                "fieldset",
                tag("legend", say(f"check{k}")),
                *radios,
                told,
                class_="check",
                data_why=say(f"check{k}.why"),
            )
        )
    onward = {name: tag("a", say(f"next.{name}"), href=links[name]) for name in ("start", "studio")}
    return join([*fields, tag("p", say.html("next", **onward))])


SECTIONS = {"neuron": neuron, "rates": rates, "gap": gap, "circuit": driving_circuit, "not": myths, "check": check}


def data(name, value):
    """JSON that the script reads; a name that closes the element must not."""
    spelled = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return tag("script", Html(spelled), type="application/json", id=name)


def script():
    cells = (files("caudal.report") / "static" / "cells.js").read_text(encoding="utf-8")
    return cells + (HERE / "page.js").read_text()


def render(lang):
    say, links = words(lang), LINKS[lang]
    other = tag("a", say("other"), href=links["other"], hreflang="es" if lang == "en" else "en", class_="other")
    head = tag(
        "header",
        other,
        tag("p", say("kind"), class_="kind"),
        tag("h1", say("title")),
        tag("p", say("lead"), class_="lead"),
        tag("noscript", tag("p", say("noscript"), class_="aside warn")),
    )
    sections = (
        PageSection(name, say(f"nav.{name}"), say(f"section.{name}"), inside(say, links))
        for name, inside in SECTIONS.items()
    )
    common = (files("caudal.report") / "static" / "sheet.css").read_text(encoding="utf-8")
    return document(
        skip_link(say("skip"), "neuron"),
        head,
        columns(sections, say("contents")),
        tag("footer", tag("p", say("footer", version=__version__), class_="note")),
        data("numbers", numbers()),
        data("words", {name: say.table[name] for name in IN_SCRIPT}),
        lang=lang,
        title=f"{say('title')} · caudal",
        version=__version__,
        style=common + (HERE / "page.css").read_text(),
        script=script(),
    )


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(render(sys.argv[1]))
