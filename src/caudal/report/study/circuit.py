"""The circuit of each wired model: its drawing, a scrubber through time, traces, and the same in numbers."""

import json
import math
from collections.abc import Sequence

from caudal.compare.record import Circuit, Study
from caudal.errors import CaudalError
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import Axis, linear, logarithmic
from caudal.report.plots.marks import Frame, grid, plot, polyline, stretched
from caudal.report.plots.study_circuit import MOST_SYNAPSES, CircuitPlan, drawing, key, plan
from caudal.report.study import query
from caudal.report.study.tables import Cell, details, table
from caudal.report.study.words import StudyWords

# Values of activity and time constants that a page carries for one circuit; longer series are thinned.
_MOST_VALUES = 24_000
_STRONGEST, _OUTPUTS_SHOWN = 20, 12
Rows = Sequence[Sequence[float]]


def circuit_section(study: Study, words: StudyWords) -> Html:
    """Every trained circuit of the study."""
    if not study.circuits:
        wired = any(contender.synapses for contender in study.contenders)
        return tag("p", words("circuit.none.wired" if wired else "circuit.none"))
    panels = []
    for number, circuit in enumerate(study.circuits):
        name = query.label(study, circuit.model)
        try:
            inside = _circuit(study, words, plan(circuit), circuit, number, name)
        except CaudalError as error:
            inside = tag("p", words("circuit.broken", why=str(error)))
        panels.append(tag("div", tag("h4", name), inside, class_="panel", data_title=name))
    tabs = tag("div", *panels, class_="tabs", data_label=words("circuit.tabs"))
    return join([tag("p", words("circuit.how")), tabs, tag("p", words("circuit.caution"), class_="note")])


def _circuit(study: Study, words: StudyWords, diagram: CircuitPlan, circuit: Circuit, number: int, name: str) -> Html:
    counts = diagram.wiring.counts()
    total = len(diagram.synapses)
    label = words(
        "circuit.label", model=name, neurons=diagram.wiring.units, synapses=total, excitatory=counts.excitatory
    )
    steps = _thinned(len(circuit.activity), 2 * diagram.wiring.units)
    activity = [circuit.activity[at] for at in steps]
    tau = [circuit.tau[at] for at in steps] if len(circuit.tau) == len(circuit.activity) else []
    time = [circuit.time[at] for at in steps]
    most = max((abs(value) for row in activity for value in row), default=0.0) or 1.0
    last = [value / most for value in activity[-1]] if activity else []
    parts: list[object] = [
        tag("p", words("circuit.example", text=circuit.example)) if circuit.example else "",
        key(words),
    ]
    if circuit.outputs:
        names = words.listed(circuit.outputs[:_OUTPUTS_SHOWN]) + ("…" if len(circuit.outputs) > _OUTPUTS_SHOWN else "")
        parts.append(tag("p", words("circuit.outputs", names=names), class_="note"))
    if total > MOST_SYNAPSES:
        parts.append(
            tag("p", words("circuit.many", shown=words.whole(MOST_SYNAPSES), n=words.whole(total)), class_="note")
        )
    net = drawing(diagram, words, label, last)
    parts.append(tag("div", net, class_="scroll", data_label=name))
    if len(activity) > 1:
        parts.append(_live(study, words, diagram, number, time, activity, tau))
    else:
        parts.append(tag("p", words("circuit.no_activity"), class_="note"))
    parts.append(
        details(words("circuit.numbers"), _synapse_table(diagram, words), _neuron_table(diagram, words, activity, tau))
    )
    return tag("div", *parts, class_="circuit", id=f"circuit-{number}")


def _thinned(steps: int, units: int) -> list[int]:
    """Which steps are carried: all of them, or evenly some with the first and the last."""
    most = max(_MOST_VALUES // max(units, 1), 2)
    if steps <= most:
        return list(range(steps))
    return sorted({round(k * (steps - 1) / (most - 1)) for k in range(most)})


def _live(
    study: Study, words: StudyWords, diagram: CircuitPlan, number: int, time: list[float], activity: Rows, tau: Rows
) -> Html:
    unit = words.known("time", study.data.time_unit)
    across = Axis(time[0], time[-1])
    up = linear(value for row in activity for value in row)
    frames = [("activity", Frame(across, up, 120), activity)]
    if tau:
        frames.append(("tau", Frame(across, _tau_axis(tau), 100), tau))
    first = diagram.wiring.units - diagram.wiring.motor
    x_name = words("circuit.time", unit=unit)
    traces = [_trace(words, frame, kind, rows, time, first, x_name) for kind, frame, rows in frames]
    at_end = len(time) - 1
    slider_id = f"time-{number}"
    play = tag("button", words("circuit.play"), type="button", class_="play", data_pause=words("circuit.pause"))
    slider = tag("input", type="range", id=slider_id, min=0, max=at_end, value=at_end, step=1, autocomplete="off")
    shown = tag("output", f"{words.brief(time[-1])} {unit}", for_=slider_id)
    bar = tag(
        "div", play, tag("label", words("circuit.scrub"), for_=slider_id), slider, shown, class_="bar", hidden=True
    )
    about = tag("div", class_="about", aria_live="polite")
    store = _data(words, diagram, time, activity, tau, [frame for _, frame, _ in frames], unit)
    return join([bar, about, tag("div", *traces, class_="traces"), store])


def _tau_axis(tau: Rows) -> Axis:
    values = [value for row in tau for value in row]
    spread = min(values) > 0 and max(values) / min(values) > 30
    return logarithmic(values) if spread else linear(values)


def _trace(words: StudyWords, frame: Frame, kind: str, rows: Rows, time: list[float], first: int, x_name: str) -> Html:
    """Traces of the motor neurons; the page adds that of the chosen neuron."""
    lines = [
        polyline(frame, [(t, row[unit]) for t, row in zip(time, rows, strict=True)], class_="motor")
        for unit in range(first, len(rows[0]))
    ]
    chosen = tag("polyline", points="", class_="chosen")
    cursor = tag("line", class_="cursor", x1="100%", x2="100%", y1=0, y2=frame.height)
    name = words(f"circuit.{kind}")
    return plot(
        frame,
        words("circuit.trace", name=name),
        grid(frame, words, x_name, name, (4, 3)),
        stretched(frame, *lines, chosen),
        cursor,
        class_=f"trace {kind}",
    )


def _data(
    words: StudyWords,
    diagram: CircuitPlan,
    time: list[float],
    activity: Rows,
    tau: Rows,
    frames: list[Frame],
    unit: str,
) -> Html:
    """What the page needs to move; the names of neurons stand in the drawing."""
    content = {
        "unit": unit,
        "inputs": diagram.wiring.inputs,
        "labels": diagram.shown,
        "time": [_rounded(t) for t in time],
        "activity": [[_rounded(value) for value in column] for column in zip(*activity, strict=True)],
        "tau": [[_rounded(value) for value in column] for column in zip(*tau, strict=True)],
        "frames": [[frame.up.low, frame.up.high, frame.up.log, frame.height] for frame in frames],
        "words": {name: words(f"circuit.{name}") for name in ("reads", "acts", "state", "tau", "nothing", "choose")},
    }
    # A name that closes the element must not: in JSON a bracket may be written by its number.
    spelled = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return tag("script", Html(spelled), type="application/json")


def _rounded(value: float) -> float:
    if value == 0 or not math.isfinite(value):
        return 0.0
    return round(value, 3 - math.floor(math.log10(abs(value))))


def _synapse_table(diagram: CircuitPlan, words: StudyWords) -> Html:
    rows = []
    for synapse in diagram.synapses[:_STRONGEST]:
        sign = words("circuit.exc" if synapse.weight >= 0 else "circuit.inh")
        rows.append(
            [
                diagram.shown[synapse.source],
                diagram.shown[synapse.target],
                Cell(words.short(synapse.weight), synapse.weight),
                sign,
            ]
        )
    head = [words(f"circuit.{name}") for name in ("from", "to", "weight", "sign")]
    return table(words("circuit.synapses", n=len(rows)), head, rows, sortable=True)


def _neuron_table(diagram: CircuitPlan, words: StudyWords, activity: Rows, tau: Rows) -> Html:
    rows: list[list[object]] = []
    for unit, name in enumerate(diagram.names[diagram.wiring.inputs :]):
        row: list[object] = [name]
        for columns in (activity, tau):
            values = [line[unit] for line in columns]
            if columns is tau and not tau:
                continue
            span = (min(values), max(values), values[-1]) if values else ()
            row += [Cell(words.short(value), value) for value in span]
        rows.append(row)
    quantities = [name for name, series in (("state", activity), ("tau", tau)) if series]
    ends = [
        words("circuit.end", name=words(f"circuit.{name}"), which=words(f"circuit.{end}"))
        for name in quantities
        for end in ("least", "most", "last")
    ]
    return table(words("circuit.neurons"), [words("circuit.neuron.word"), *ends], rows, sortable=True)
