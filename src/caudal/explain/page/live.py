"""The part of the page that moves: scrubber, circuit, traces, and what happens without a synapse."""

import json
import math

from caudal.explain.page.record import Array, Decision
from caudal.explain.pictures import circuit, lines
from caudal.explain.words import Words
from caudal.pages import Html, join, tag
from caudal.wiring import Wiring

_MOST_TRACED, _MOST_OFF = 4, 200


def live(found: Decision, said: Words) -> Html:
    """Scrubber, circuit and traces of one decision; without a script it shows the last step."""
    last = len(found.time) - 1
    drawn = join([]) if found.wiring is None else _circuit(found, found.wiring, said, last)
    traces = [tag("div", states_picture(found, said), data_of="activity")]
    if found.tau is not None:
        traces.append(tag("div", tau_picture(found, found.tau, said), data_of="tau"))
    parts = [_bar(said, last, found), drawn, _off(found, said), tag("div", class_="about", aria_live="polite")]
    return tag("div", *parts, tag("div", *traces, class_="figures"), _data(found, said), class_="live")


def circuit_picture(found: Decision, wiring: Wiring, said: Words, step: int) -> Html:
    """The circuit at a step, as an SVG document."""
    values = (
        {}
        if found.synapses is None
        else dict(zip(wiring.synapse_names, found.synapses.values[0].tolist(), strict=True))
    )
    state = dict(zip(wiring.names, found.activity[step].tolist(), strict=True))
    title = said("plot.circuit", cell=found.cell)
    return circuit(wiring, values, state, title=title, inputs=found.inputs, step=step, lang=said.lang)


def _circuit(found: Decision, wiring: Wiring, said: Words, last: int) -> Html:
    picture, title = circuit_picture(found, wiring, said, last), said("plot.circuit", cell=found.cell)
    key = [
        tag("li", tag("span", class_=f"stroke {sign}"), said(f"circuit.{word}"))
        for sign, word in (("exc", "for"), ("inh", "against"))
    ]
    key += [
        tag("li", tag("span", class_=f"disc {sign}"), said(f"circuit.{word}"))
        for sign, word in (("exc", "above"), ("inh", "below"))
    ]
    frame = tag("div", picture, class_="scroll wide", tabindex="0", role="region", aria_label=title)
    return join([tag("ul", *key, class_="legend"), frame])


def _bar(said: Words, last: int, found: Decision) -> Html:
    play = tag("button", said("circuit.play"), type="button", class_="play", data_pause=said("circuit.pause"))
    slider = tag("input", type="range", id="step", min=0, max=last, value=last, step=1, autocomplete="off")
    shown = tag("output", f"{last + 1} · {said.short(float(found.time[-1]))} {found.time_unit}", for_="step")
    return tag("div", play, tag("label", said("circuit.scrub"), for_="step"), slider, shown, class_="bar", hidden=True)


def _off(found: Decision, said: Words) -> Html:
    """A choice of the synapses to switch off, the strongest first."""
    if found.synapses is None:
        return join([])
    options = [tag("option", said("circuit.off.none"), value="")]
    options += [tag("option", one.name, value=one.name) for one in found.synapses.top(_MOST_OFF)]
    choice = tag("select", *options, id="off", autocomplete="off")
    told = tag("output", for_="off", class_="told")
    return tag("div", tag("label", said("circuit.off"), for_="off"), choice, told, class_="bar off", hidden=True)


def _shown(found: Decision) -> list[int]:
    """Neurons whose traces stand from the start: the motor neurons, or the first units."""
    count = len(found.neurons) if found.wiring is None else found.wiring.motor
    first = len(found.neurons) - count
    return list(range(first, min(first + _MOST_TRACED, len(found.neurons))))


def states_picture(found: Decision, said: Words) -> Html:
    """States of the first neurons shown over time, as an SVG document."""
    rows = {found.neurons[k]: found.activity[:, k].tolist() for k in _shown(found)}
    ends = (float(found.activity.min()), float(found.activity.max()))
    between = ends if ends[1] > ends[0] else None
    quantity = said("plot.state.unit")
    title, unit = said("plot.states"), found.time_unit
    return lines(found.time.tolist(), rows, title=title, unit=unit, quantity=quantity, between=between, lang=said.lang)


def tau_picture(found: Decision, tau: Array, said: Words) -> Html:
    """Time constants of the neurons shown over time, as an SVG document."""
    rows = {found.neurons[k]: tau[:, k].tolist() for k in _shown(found)}
    ends = (float(tau.min()), float(tau.max()))
    log = ends[0] > 0 and ends[1] / ends[0] > 30
    title = f"{said('plot.tau')} [{found.time_unit}]"
    between = ends if ends[1] > ends[0] else None
    return lines(found.time.tolist(), rows, title=title, unit=found.time_unit, between=between, log=log, lang=said.lang)


def _data(found: Decision, said: Words) -> Html:
    """What the script needs, as JSON."""
    labels = [*found.inputs, *found.neurons]
    without = {}
    for name, (p, turns) in found.without.items():
        shown = said.percent(p, 1) if found.classes else said.short(p)
        without[name] = said("circuit.off.turns" if turns else "circuit.off.stays", name=name, p=shown)
    content = {
        "decimal": said.fixed(0.5, 1)[1],
        "unit": found.time_unit,
        "inputs": len(found.inputs),
        "labels": labels,
        "time": [_rounded(t) for t in found.time.tolist()],
        "activity": [[_rounded(v) for v in column] for column in found.activity.T.tolist()],
        "tau": [] if found.tau is None else [[_rounded(v) for v in column] for column in found.tau.T.tolist()],
        "without": without,
        "words": {name: said(f"circuit.{name}") for name in ("state", "tau", "reads", "acts", "nothing", "choose")},
    }
    # A name that closes the element must not: in JSON a bracket may be written by its number.
    spelled = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return tag("script", Html(spelled), type="application/json")


def _rounded(value: float) -> float:
    if value == 0 or not math.isfinite(value):
        return 0.0
    return round(value, 4 - math.floor(math.log10(abs(value))))
