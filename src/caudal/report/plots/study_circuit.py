"""A trained circuit as SVG that the page can bring to life: each neuron and synapse knows its number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from caudal.compare.record import Circuit
from caudal.report.html import Html, join, tag
from caudal.report.plots.marks import short
from caudal.report.study.words import StudyWords
from caudal.wiring import Wiring
from caudal.wiring.layout import Spot, lay_out, stroke

# A drawing of more lines is a smear, and a heavy one: the strongest are drawn, and the page says how many.
MOST_SYNAPSES = 600
_LONGEST = 26


@dataclass(frozen=True)
class Synapse:
    """A synapse to draw: numbers of its ends (inputs first, then neurons), and its signed effective weight."""

    source: int
    target: int
    weight: float


@dataclass(frozen=True)
class CircuitPlan:
    """A circuit in the order of its drawing.

    Attributes:
        wiring: the wiring.
        names: of inputs and neurons.
        shown: labels: inputs by the names of the data, neurons by their own.
        synapses: the strongest first.
    """

    wiring: Wiring
    names: tuple[str, ...]
    shown: tuple[str, ...]
    synapses: tuple[Synapse, ...]


def plan(circuit: Circuit) -> CircuitPlan:
    """The wiring, names and synapses of a circuit in the order of their drawing.

    Raises:
        CaudalError: its wiring cannot be read.
    """
    wiring = Wiring.from_json(circuit.wiring)
    names = (*wiring.input_names, *wiring.names)
    shown = list(names)
    for at, label in zip(range(wiring.inputs), circuit.inputs, strict=False):
        shown[at] = label
    synapses = sorted(_synapses(wiring, circuit.strengths), key=lambda synapse: -abs(synapse.weight))
    return CircuitPlan(wiring, names, tuple(shown), tuple(synapses))


def _synapses(wiring: Wiring, strengths: Mapping[str, float]) -> list[Synapse]:
    sensory, recurrent = wiring.sensory_synapses, wiring.recurrent_synapses
    ends = chain(
        zip(sensory.source.tolist(), sensory.target.tolist(), sensory.polarity.tolist(), strict=True),
        zip(recurrent.source + wiring.inputs, recurrent.target, recurrent.polarity, strict=True),
    )
    # Without strengths every synapse is drawn alike, with the sign of the wiring.
    usual = 0.0 if strengths else 1.0
    return [
        Synapse(int(source), int(target) + wiring.inputs, float(strengths.get(name, usual * int(sign))))
        for name, (source, target, sign) in zip(wiring.synapse_names, ends, strict=True)
    ]


def drawing(diagram: CircuitPlan, words: StudyWords, label: str, values: Sequence[float]) -> Html:
    """The circuit with the state of each neuron at one step, -1 to 1, as a shade."""
    wiring = diagram.wiring
    layout = lay_out(wiring, _width(diagram.shown[: wiring.inputs]), 0.0)
    spots = (*layout.inputs, *layout.neurons)
    top = 74.0
    box = f"0 {top:.0f} {layout.width:.0f} {layout.height - top - 50:.0f}"
    size = f"--wide:{layout.width:.0f}px"
    drawn = [*_lines(diagram, spots), *_headers(diagram, layout.headers, words), *_discs(diagram, spots, values, words)]
    return tag("svg", *drawn, viewBox=box, role="group", aria_label=label, class_="net", style=size)


def _lines(diagram: CircuitPlan, spots: Sequence[Spot]) -> list[Html]:
    shown = diagram.synapses[:MOST_SYNAPSES]
    most = max((abs(synapse.weight) for synapse in shown), default=0.0) or 1.0
    crowd = min(max(18 / max(len(shown), 1) ** 0.5, 0.5), 1.5)
    paths = []
    for synapse in reversed(shown):
        share = abs(synapse.weight) / most
        path = stroke(
            spots[synapse.source],
            spots[synapse.target],
            synapse.weight >= 0,
            min(max(6.0 * crowd, 3.5), spots[0].r + 1),
        )
        width, opacity = 0.5 + 2.4 * crowd * share, 0.12 + 0.83 * share
        sign = "exc" if synapse.weight >= 0 else "inh"
        ends = {"data_s": synapse.source, "data_t": synapse.target, "data_w": f"{synapse.weight:.4g}"}
        paths.append(tag("path", d=path, class_=sign, stroke_width=f"{width:.2f}", opacity=f"{opacity:.2f}", **ends))
    return [tag("g", *paths, class_="synapses", aria_hidden="true")]


def _headers(diagram: CircuitPlan, headers: Sequence[tuple[float, str]], words: StudyWords) -> list[Html]:
    """What stands in each column: inputs, then the roles of each layer."""
    wiring = diagram.wiring
    columns = [words.many("role.input", wiring.inputs)]
    for layer in sorted(set(wiring.layers)):
        members = [role for role, at in zip(wiring.roles, wiring.layers, strict=True) if at == layer]
        columns.append(", ".join(words.many(f"role.{role}", members.count(role)) for role in dict.fromkeys(members)))
    places = zip((x for x, _ in headers), columns, strict=True)
    return [tag("text", name, class_="column middle", x=f"{x:.1f}", y=94, aria_hidden="true") for x, name in places]


def _discs(diagram: CircuitPlan, spots: Sequence[Spot], values: Sequence[float], words: StudyWords) -> list[Html]:
    wiring = diagram.wiring
    kinds = ("input",) * wiring.inputs + wiring.roles
    edge = wiring.inputs + wiring.units - wiring.motor
    degrees = _degrees(diagram)
    discs = []
    for at, (kind, spot, name) in enumerate(zip(kinds, spots, diagram.names, strict=True)):
        label = words("circuit.neuron", name=_told(diagram, at), reads=degrees[at][0], acts=degrees[at][1])
        parts = [tag("circle", cx=f"{spot.x:.1f}", cy=f"{spot.y:.1f}", r=f"{spot.r:.1f}"), _number(name, spot)]
        if at < wiring.inputs:
            parts.append(_caption(diagram.shown[at], spot))
        value = values[at - wiring.inputs] if wiring.inputs <= at < wiring.inputs + len(values) else None
        shade = None if value is None else f"--a:{min(abs(value), 1.0):.0%}"
        names = f"neuron {kind}{' below' if value is not None and value < 0 else ''}"
        # One stop of the tab key for the whole circuit: the arrows move within it.
        stop = "0" if at == edge else "-1"
        discs.append(
            tag("g", *parts, class_=names, style=shade, tabindex=stop, role="button", aria_label=label, data_n=at)
        )
    return discs


def _told(diagram: CircuitPlan, at: int) -> str:
    return diagram.names[at] if diagram.shown[at] == diagram.names[at] else f"{diagram.names[at]} ({diagram.shown[at]})"


def _degrees(diagram: CircuitPlan) -> list[list[int]]:
    """How many each neuron reads, and how many it acts on."""
    degrees = [[0, 0] for _ in diagram.names]
    for synapse in diagram.synapses:
        degrees[synapse.target][0] += 1
        degrees[synapse.source][1] += 1
    return degrees


def _number(name: str, spot: Spot) -> Html:
    if spot.r < 6:
        return Html("")
    number = name.partition("/")[2]
    size = spot.r * (1.0 if len(number) < 3 else 0.8)
    place = {"x": f"{spot.x:.1f}", "y": f"{spot.y + 0.35 * size:.1f}", "font_size": f"{size:.1f}"}
    return tag("text", number, class_="middle", **place)


def _caption(label: str, spot: Spot) -> Html:
    size = min(max(spot.r, 10.0), 13.0)
    place = {"x": f"{spot.x - spot.r - 8:.1f}", "y": f"{spot.y + 0.35 * size:.1f}", "font_size": f"{size:.1f}"}
    return tag("text", short(label, _LONGEST), class_="end", **place)


def _width(labels: Sequence[str]) -> float:
    return 8 + 7.2 * min(max(map(len, labels)), _LONGEST)


def key(words: StudyWords) -> Html:
    """The legend of a circuit drawing: lines by sign, shades by state."""
    parts = []
    for sign, positive in (("exc", True), ("inh", False)):
        line = tag("path", d=stroke(Spot(0, 6, 0), Spot(30, 6, 0), positive, 6), class_=sign, stroke_width="1.8")
        drawn = tag(
            "svg", tag("g", line, class_="synapses"), viewBox="-2 0 36 12", width=36, height=12, aria_hidden="true"
        )
        parts.append(tag("li", drawn, words(f"circuit.{sign}")))
    for shade in ("", "below"):
        disc = tag("g", tag("circle", r="6"), class_=f"neuron {shade}".strip(), style="--a:80%")
        drawn = tag("svg", disc, viewBox="-8 -8 16 16", width=16, height=16, aria_hidden="true")
        parts.append(tag("li", drawn, words("circuit.below" if shade else "circuit.above")))
    return tag("ul", join(parts), class_="legend", aria_label=words("legend"))
