"""The part of the page that moves: scrubber, circuit, traces, and what happens without a synapse."""

import json
import math

from caudal.explain.decision.record import Decision
from caudal.report.decision.words import DecisionWords
from caudal.report.html import Html, join, tag
from caudal.report.plots.lines import lines
from caudal.report.plots.live_circuit import circuit
from caudal.typing import Floats
from caudal.wiring import Wiring

_MOST_TRACED, _MOST_OFF = 4, 200


def live(decision: Decision, texts: DecisionWords) -> Html:
    """Scrubber, circuit and traces of one decision; without a script it shows the last step."""
    last = len(decision.time) - 1
    drawn = join([]) if decision.wiring is None else _circuit(decision, decision.wiring, texts, last)
    traces = [tag("div", states_picture(decision, texts), data_of="activity")]
    if decision.tau is not None:
        traces.append(tag("div", tau_picture(decision, decision.tau, texts), data_of="tau"))
    parts = [_bar(texts, last, decision), drawn, _off(decision, texts), tag("div", class_="about", aria_live="polite")]
    return tag("div", *parts, tag("div", *traces, class_="figures"), _data(decision, texts), class_="live")


def circuit_picture(decision: Decision, wiring: Wiring, texts: DecisionWords, step: int) -> Html:
    """The circuit at a step, as an SVG document."""
    values = (
        {}
        if decision.synapses is None
        else dict(zip(wiring.synapse_names, decision.synapses.values[0].tolist(), strict=True))
    )
    state = dict(zip(wiring.names, decision.activity[step].tolist(), strict=True))
    title = texts("plot.circuit", cell=decision.cell)
    return circuit(wiring, values, state, title=title, inputs=decision.inputs, step=step, lang=texts.lang)


def _circuit(decision: Decision, wiring: Wiring, texts: DecisionWords, last: int) -> Html:
    picture, title = circuit_picture(decision, wiring, texts, last), texts("plot.circuit", cell=decision.cell)
    key = [
        tag("li", tag("span", class_=f"stroke {sign}"), texts(f"circuit.{word}"))
        for sign, word in (("exc", "for"), ("inh", "against"))
    ]
    key += [
        tag("li", tag("span", class_=f"disc {sign}"), texts(f"circuit.{word}"))
        for sign, word in (("exc", "above"), ("inh", "below"))
    ]
    frame = tag("div", picture, class_="scroll wide", tabindex="0", role="region", aria_label=title)
    return join([tag("ul", *key, class_="legend"), frame])


def _bar(texts: DecisionWords, last: int, decision: Decision) -> Html:
    play = tag("button", texts("circuit.play"), type="button", class_="play", data_pause=texts("circuit.pause"))
    slider = tag("input", type="range", id="step", min=0, max=last, value=last, step=1, autocomplete="off")
    shown = tag("output", f"{last + 1} · {texts.short(float(decision.time[-1]))} {decision.time_unit}", for_="step")
    return tag("div", play, tag("label", texts("circuit.scrub"), for_="step"), slider, shown, class_="bar", hidden=True)


def _off(decision: Decision, texts: DecisionWords) -> Html:
    """A choice of the synapses to switch off, the strongest first."""
    if decision.synapses is None:
        return join([])
    options = [tag("option", texts("circuit.off.none"), value="")]
    options += [tag("option", synapse.name, value=synapse.name) for synapse in decision.synapses.top(_MOST_OFF)]
    choice = tag("select", *options, id="off", autocomplete="off")
    effect = tag("output", for_="off", class_="told")
    return tag("div", tag("label", texts("circuit.off"), for_="off"), choice, effect, class_="bar off", hidden=True)


def _shown(decision: Decision) -> list[int]:
    """Neurons whose traces stand from the start: the motor neurons, or the first units."""
    count = len(decision.neurons) if decision.wiring is None else decision.wiring.motor
    first = len(decision.neurons) - count
    return list(range(first, min(first + _MOST_TRACED, len(decision.neurons))))


def states_picture(decision: Decision, texts: DecisionWords) -> Html:
    """States of the first neurons shown over time, as an SVG document."""
    rows = {decision.neurons[k]: decision.activity[:, k].tolist() for k in _shown(decision)}
    ends = (float(decision.activity.min()), float(decision.activity.max()))
    between = ends if ends[1] > ends[0] else None
    quantity = texts("plot.state.unit")
    title, unit = texts("plot.states"), decision.time_unit
    return lines(
        decision.time.tolist(), rows, title=title, unit=unit, quantity=quantity, between=between, lang=texts.lang
    )


def tau_picture(decision: Decision, tau: Floats, texts: DecisionWords) -> Html:
    """Time constants of the neurons shown over time, as an SVG document."""
    rows = {decision.neurons[k]: tau[:, k].tolist() for k in _shown(decision)}
    ends = (float(tau.min()), float(tau.max()))
    log = ends[0] > 0 and ends[1] / ends[0] > 30
    title = f"{texts('plot.tau')} [{decision.time_unit}]"
    between = ends if ends[1] > ends[0] else None
    return lines(
        decision.time.tolist(), rows, title=title, unit=decision.time_unit, between=between, log=log, lang=texts.lang
    )


def _data(decision: Decision, texts: DecisionWords) -> Html:
    """The data of the interactive part, as a JSON script element."""
    labels = [*decision.inputs, *decision.neurons]
    without = {}
    for name, (p, turns) in decision.without.items():
        shown = texts.percent(p, 1) if decision.classes else texts.short(p)
        without[name] = texts("circuit.off.turns" if turns else "circuit.off.stays", name=name, p=shown)
    content = {
        "decimal": texts.fixed(0.5, 1)[1],
        "unit": decision.time_unit,
        "inputs": len(decision.inputs),
        "labels": labels,
        "time": [_rounded(t) for t in decision.time.tolist()],
        "activity": [[_rounded(v) for v in column] for column in decision.activity.T.tolist()],
        "tau": [] if decision.tau is None else [[_rounded(v) for v in column] for column in decision.tau.T.tolist()],
        "without": without,
        "words": {name: texts(f"circuit.{name}") for name in ("state", "tau", "reads", "acts", "nothing", "choose")},
    }
    # A name that closes the element must not: in JSON a bracket may be written by its number.
    spelled = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return tag("script", Html(spelled), type="application/json")


def _rounded(value: float) -> float:
    if value == 0 or not math.isfinite(value):
        return 0.0
    return round(value, 4 - math.floor(math.log10(abs(value))))
