"""A circuit as one self-contained SVG text: no display, no plotting library, no script, no outside resource."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from caudal.errors import WiringError
from caudal.wiring.counts import count, plural, summary
from caudal.wiring.layout import BOTTOM, MARGIN, Layout, Spot, lay_out, stroke

if TYPE_CHECKING:
    from caudal.wiring.wiring import Wiring

# Blue and vermilion of the Okabe-Ito palette stay apart under every common colour blindness.
EXCITATORY, INHIBITORY = "#0072B2", "#D55E00"
FILLS = {"input": "#ECEFF1", "inter": "#CDEBDF", "command": "#FBE7A1", "motor": "#F0D3E4"}
RIMS = {"input": "#607D8B", "inter": "#00795A", "command": "#9A7500", "motor": "#A0457C"}
INK, PALE, PAPER = "#1F2933", "#5F6B76", "#FFFFFF"
# Named one by one: some renderers take sans-serif for Arial, and draw no text where that is not installed.
FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif"
LONGEST = 28


@dataclass(frozen=True)
class Pen:
    """Line width, opacity and mark size, thinner and paler in a crowd so that a dense circuit stays legible."""

    width: float
    opacity: float
    mark: float


def svg(
    wiring: Wiring,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    values: Mapping[str, float] | None = None,
    title: str | None = None,
) -> str:
    """A whole SVG document: inputs on the left, then each layer, motor neurons on the right.

    Excitatory synapses are blue and end in an arrow head, inhibitory ones are vermilion and end in a bar; synapses
    within a layer are arcs on its right. Names stand in tooltips. Text that is passed in is escaped.

    Arguments:
        wiring: the circuit. Its polarities are the ones drawn.
        inputs: a label per input, for example the names of the features; `"input/0"` and so on if None.
        outputs: a label per motor neuron; `"motor/0"` and so on if None.
        weights: strength of synapses by name (`wiring.synapse_names`), 0 or more; it sets width and opacity, relative
            to the largest, and a synapse left out counts as 0.
        values: value of inputs and neurons by name (`wiring.input_names`, `wiring.names`); it shades their discs, blue
            above 0 and vermilion below, relative to the largest magnitude.
        title: heading, and name for screen readers; the family of the circuit if None.

    Raises:
        WiringError: labels are not one per input or motor neuron, a name in `weights` or `values` is not one of the
            circuit's, or a number is not finite, or is a negative weight.

    Example:
        >>> from caudal.wiring import ncp
        >>> text = svg(ncp(3, 4, 2, 1), inputs=["speed", "lane", "yaw"], outputs=["steer"])
        >>> text.startswith("<svg "), "speed" in text
        (True, True)
    """
    names = (*wiring.input_names, *wiring.names)
    left = _labels("inputs", inputs, wiring.input_names)
    right = _labels("outputs", outputs, wiring.names[-wiring.motor :])
    strengths = None if weights is None else _scaled("weights", weights, wiring.synapse_names)
    shades = None if values is None else _scaled("values", values, names)
    layout = lay_out(wiring, _width(left), _width(right))
    pen = _pen(len(wiring.synapse_names), layout)
    parts = (
        *_head(wiring, layout, title or f"Circuit {wiring.family}"),
        *_synapses(wiring, layout, pen, strengths),
        *_neurons(wiring, layout, shades, values or {}),
        *_captions(layout, wiring, left, right),
        *_legend(wiring, layout, pen, weights, values),
        "</svg>\n",
    )
    return "\n".join(parts)


def _head(wiring: Wiring, layout: Layout, title: str) -> list[str]:
    size = f'width="{layout.width:.0f}" height="{layout.height:.0f}"'
    box = f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"'
    heading = _text(_short(title, int(layout.width / 12)))
    pairs = "; ".join(f"{pair}: {number}" for pair, number in count(wiring).by_pair.items())
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" aria-label={quoteattr(_plain(title))} '
        f'font-family="{FONT}" fill="{INK}">',
        f"<title>{_text(title)}</title>",
        f"<desc>{_text(summary(wiring))}. Synapses: {_text(pairs)}.</desc>",
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        f'<text x="{MARGIN:.0f}" y="40" font-size="20" font-weight="600">{heading}</text>',
        f'<text x="{MARGIN:.0f}" y="62" font-size="13" fill="{PALE}">{_text(summary(wiring))}</text>',
    ]


def _synapses(wiring: Wiring, layout: Layout, pen: Pen, strengths: Mapping[str, float] | None) -> Iterable[str]:
    lines: dict[int, list[str]] = {1: [], -1: []}
    sensory, recurrent = wiring.sensory_synapses, wiring.recurrent_synapses
    names = iter(wiring.synapse_names)
    for spots, synapses in ((layout.inputs, sensory), (layout.neurons, recurrent)):
        ends = zip(synapses.source.tolist(), synapses.target.tolist(), synapses.polarity.tolist(), strict=True)
        for source, target, sign in ends:
            name = next(names)
            path = stroke(spots[source], layout.neurons[target], sign > 0, pen.mark)
            weight = "" if strengths is None else _weight(strengths.get(name, 0.0), pen)
            lines[sign].append(f'<path d="{path}"{weight}><title>{name}</title></path>')
    for sign, colour, word in ((1, EXCITATORY, "excitatory"), (-1, INHIBITORY, "inhibitory")):
        style = f'stroke="{colour}" stroke-width="{pen.width:.2f}" stroke-opacity="{pen.opacity:.2f}"'
        yield f'<g class="{word}" fill="none" stroke-linecap="round" stroke-linejoin="round" {style}>'
        yield from lines[sign]
        yield "</g>"


def _weight(strength: float, pen: Pen) -> str:
    width, opacity = 0.5 + 3.5 * strength, 0.08 + 0.87 * strength
    # The mark is part of the path: in a crowd of thin lines even the strongest must not drown its neighbours' marks.
    return f' stroke-width="{min(width, 2.2 * pen.width + 1.4):.2f}" stroke-opacity="{opacity:.2f}"'


def _neurons(
    wiring: Wiring, layout: Layout, shades: Mapping[str, float] | None, values: Mapping[str, float]
) -> Iterable[str]:
    kinds = ("input",) * wiring.inputs + wiring.roles
    names = (*wiring.input_names, *wiring.names)
    yield '<g class="neurons" text-anchor="middle">'
    for kind, name, spot in zip(kinds, names, (*layout.inputs, *layout.neurons), strict=True):
        fill = FILLS[kind] if shades is None else _shade(shades.get(name, 0.0))
        tip = f"{name}: {values[name]:.4g}" if name in values else name
        yield (
            f'<circle cx="{spot.x:.1f}" cy="{spot.y:.1f}" r="{spot.r:.1f}" fill="{fill}" stroke="{RIMS[kind]}" '
            f'stroke-width="1.4"><title>{tip}</title></circle>'
        )
        if spot.r >= 6:
            ink = PAPER if shades is not None and abs(shades.get(name, 0.0)) > 0.8 else INK
            yield _number(spot, name.partition("/")[2], ink)
    yield "</g>"


def _number(spot: Spot, number: str, ink: str) -> str:
    size = spot.r * (1.0 if len(number) < 3 else 0.8)
    place = f'x="{spot.x:.1f}" y="{spot.y + 0.35 * size:.1f}" font-size="{size:.1f}"'
    return f'<text {place} fill="{ink}" pointer-events="none">{number}</text>'


def _captions(layout: Layout, wiring: Wiring, left: Sequence[str], right: Sequence[str]) -> Iterable[str]:
    for x, header in layout.headers:
        yield f'<text x="{x:.1f}" y="94" font-size="13" font-weight="600" text-anchor="middle">{_text(header)}</text>'
    size = min(max(1.0 * layout.inputs[0].r, 9.0), 13.0)
    edge = max(spot.x for spot in layout.neurons)
    motors = layout.neurons[-wiring.motor :]
    for spots, labels, anchor in ((layout.inputs, left, "end"), (motors, right, "start")):
        yield f'<g class="labels" font-size="{size:.1f}" text-anchor="{anchor}">'
        for spot, label in zip(spots, labels, strict=True):
            x = spot.x - spot.r - 8 if anchor == "end" else layout.right if spot.x == edge else spot.x + spot.r + 8
            short = _text(_short(label, LONGEST))
            yield f'<text x="{x:.1f}" y="{spot.y + 0.35 * size:.1f}">{short}<title>{_text(label)}</title></text>'
        yield "</g>"


def _legend(
    wiring: Wiring,
    layout: Layout,
    pen: Pen,
    weights: Mapping[str, float] | None,
    values: Mapping[str, float] | None,
) -> Iterable[str]:
    counts = count(wiring)
    y, x = layout.height - BOTTOM + 52, MARGIN
    yield f'<g class="legend" font-size="12" fill="{PALE}">'
    for sign, colour, text in (
        (True, EXCITATORY, f"{counts.excitatory} excitatory"),
        (False, INHIBITORY, f"{counts.inhibitory} inhibitory"),
    ):
        line = stroke(Spot(x, y, 0), Spot(x + 36, y, 0), sign, 8)
        style = f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-linecap="round"'
        yield f'<path d="{line}" {style}/><text x="{x + 46:.1f}" y="{y + 4:.1f}">{text}</text>'
        x += 62 + _width([text])
    notes = []
    if weights is not None:
        notes.append(f"line width: weight, up to {max(weights.values(), default=0.0):.3g}")
    if values is not None:
        notes.append(f"disc: value, blue above 0, up to ±{max(map(abs, values.values()), default=0.0):.3g}")
    if notes:
        yield f'<text x="{MARGIN:.1f}" y="{y + 24:.1f}">{_text("; ".join(notes))}</text>'
    yield "</g>"


def _pen(synapses: int, layout: Layout) -> Pen:
    crowd = math.sqrt(synapses)
    width = min(max(18 / crowd, 0.45), 1.5)
    return Pen(width, min(max(11 / crowd, 0.16), 0.85), min(max(6.5 * width, 3.0), 0.75 * layout.neurons[0].r + 1))


def _labels(argument: str, given: Sequence[str] | None, names: Sequence[str]) -> list[str]:
    if given is None:
        return list(names)
    if isinstance(given, str) or len(given) != len(names):
        size = "one string" if isinstance(given, str) else plural(len(given), "label")
        raise WiringError("svg", argument, f"holds {size}; expected {len(names)}", "Pass a list, one label for each.")
    return [str(label) for label in given]


def _scaled(argument: str, given: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    known = set(names)
    for name, value in given.items():
        if name not in known:
            kind = "synapse" if argument == "weights" else "neuron"
            raise WiringError(
                "svg", argument, f"names {name!r}, no {kind} of this circuit", f"Use names as in {names[0]!r}."
            )
        if not math.isfinite(value):
            raise WiringError("svg", argument, f"is {value} for {name!r}", "Pass finite numbers.")
        if argument == "weights" and value < 0:
            remedy = "Pass magnitudes; the sign of a synapse is the wiring's."
            raise WiringError("svg", argument, f"is {value} for {name!r}", remedy)
    largest = max((abs(value) for value in given.values()), default=0.0) or 1.0
    return {name: float(value) / largest for name, value in given.items()}


def _shade(value: float) -> str:
    full = EXCITATORY if value > 0 else INHIBITORY
    mixed = (round(255 + (int(full[at : at + 2], 16) - 255) * abs(value)) for at in (1, 3, 5))
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def _width(labels: Sequence[str]) -> float:
    return 8 + 7.6 * min(max(map(len, labels)), LONGEST)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _text(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    # XML 1.0 has no spelling for these code points, not even escaped.
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)
