"""The circuit in the papers' layered form: states at one step, and synapses by what removing each does."""

from collections.abc import Mapping, Sequence

from caudal.errors import InputError
from caudal.report.decision.words import DecisionWords, words
from caudal.report.html import Html, tag
from caudal.report.plots.canvas import AGAINST, DISC, FOR, INK, QUIET, label, picture, shortened
from caudal.wiring import Wiring
from caudal.wiring.layout import Layout, Spot, lay_out, stroke

# A drawing of more lines is a smear: the strongest are drawn.
MOST_SYNAPSES = 600
_TOP = 40.0


def circuit(
    wiring: Wiring,
    influence: Mapping[str, float] | None = None,
    activity: Mapping[str, float] | None = None,
    *,
    title: str = "",
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    step: int = 0,
    lang: str = "en",
) -> Html:
    """The circuit as a standing SVG; a page finds neurons by `data-n` and synapses by `data-s`, `data-t`, `data-w`.

    Arguments:
        wiring: the circuit.
        influence: signed influence by synapse (`wiring.synapse_names`): colour by sign and width by size. Without it
            the polarity of the wiring is drawn.
        activity: state by neuron (`wiring.names`), shaded by sign and size.
        title: heading.
        inputs, outputs: labels of inputs and motor neurons.
        step: which step the activity is of, from 0; it is only written.
        lang: of the written words.

    Raises:
        InputError: a name is none of the circuit's, or labels do not fit.

    Example:
        >>> from caudal.wiring import ncp
        >>> drawn = circuit(ncp(3, 4, 2, 1), activity={"motor/0": 0.4}, title="Circuit")
        >>> drawn.count("data-n="), drawn.count("<title>") > 8
        (10, True)
    """
    texts = words(lang)
    left = _labels("inputs", inputs, wiring.input_names)
    right = _labels("outputs", outputs, wiring.names[-wiring.motor :])
    strength = _known("influence", influence, wiring.synapse_names)
    state = _known("activity", activity, wiring.names)
    layout = lay_out(wiring, _width(left), _width(right))
    shown = [*left, *wiring.names[: wiring.units - wiring.motor], *right]
    ranked = sorted(_synapses(wiring, strength), key=lambda synapse: -abs(synapse[3]))
    drawn: list[object] = [_lines(ranked[:MOST_SYNAPSES], layout, shown, texts)]
    (first, _), *columns = layout.headers
    drawn.append(label(texts("plot.inputs", n=wiring.inputs), first, 94 - _TOP, "middle"))
    drawn += [label(head, x, 94 - _TOP, "middle") for x, head in columns]
    drawn += _discs(wiring, layout, shown, state, texts)
    top = texts.listed([f"{name} ({texts.short(value, signed=True)})" for name, _, _, value in ranked[:3]])
    counts = {"neurons": wiring.units, "synapses": len(ranked), "n": step + 1, "top": top}
    heading = title or texts("plot.circuit", cell=wiring.family)
    drawn.append(label(heading, 0, 14, fill=INK, font_weight=600, font_size=13))
    desc = texts("plot.circuit.desc", **counts)
    return picture(layout.width, layout.height - _TOP - 40, heading, desc, *drawn, class_="net", role="group")


def _labels(argument: str, given: Sequence[str] | None, names: Sequence[str]) -> list[str]:
    if given is not None and len(given) != len(names):
        fault = f"holds {len(given)} labels; expected {len(names)}"
        raise InputError("circuit", argument, fault, "Pass one label for each.")
    return list(names if given is None else given)


def _known(argument: str, given: Mapping[str, float] | None, names: Sequence[str]) -> dict[str, float]:
    unknown = sorted(set(given or {}) - set(names))
    if unknown:
        raise InputError("circuit", argument, f"names {unknown[0]!r}, which the circuit lacks", f"Use {names[0]!r}.")
    return dict(given or {})


def _synapses(wiring: Wiring, strength: Mapping[str, float]) -> list[tuple[str, int, int, float]]:
    """Name, source and target (inputs first, then neurons), and influence or polarity."""
    names, edges = iter(wiring.synapse_names), []
    for synapses, shift in ((wiring.sensory_synapses, 0), (wiring.recurrent_synapses, wiring.inputs)):
        ends = zip(synapses.source.tolist(), synapses.target.tolist(), synapses.polarity.tolist(), strict=True)
        for source, target, sign in ends:
            name = next(names)
            value = strength.get(name, 0.0) if strength else float(sign)
            edges.append((name, source + shift, target + wiring.inputs, value))
    return edges


def _lines(ranked: list[tuple[str, int, int, float]], layout: Layout, shown: list[str], texts: DecisionWords) -> Html:
    spots = (*layout.inputs, *layout.neurons)
    most = max((abs(synapse[3]) for synapse in ranked), default=0.0) or 1.0
    crowd = min(max(18 / max(len(ranked), 1) ** 0.5, 0.5), 1.5)
    paths = []
    for name, source, target, value in reversed(ranked):
        share = abs(value) / most
        path = stroke(spots[source], spots[target], value >= 0, min(max(6.0 * crowd, 3.5), spots[0].r + 1))
        style = {"stroke": FOR if value >= 0 else AGAINST, "stroke_width": f"{0.5 + 2.6 * crowd * share:.2f}"}
        style |= {"opacity": f"{0.13 + 0.82 * share:.2f}", "data_w": f"{value:.4g}"}
        style |= {"data_s": str(source), "data_t": str(target)}
        tip = f"{shown[source]} → {shown[target]}: {texts.short(value, signed=True)}"
        paths.append(tag("path", tag("title", tip), d=path, data_name=name, **style))
    group = {"fill": "none", "stroke_linecap": "round", "stroke_linejoin": "round", "class_": "synapses"}
    return tag("g", *paths, **group)


def _discs(
    wiring: Wiring, layout: Layout, shown: list[str], state: Mapping[str, float], texts: DecisionWords
) -> list[Html]:
    most = max(map(abs, state.values()), default=0.0) or 1.0
    names = (*wiring.input_names, *wiring.names)
    edge, drawn = wiring.inputs + wiring.units - wiring.motor, []
    for at, (name, spot) in enumerate(zip(names, (*layout.inputs, *layout.neurons), strict=True)):
        value = state.get(name)
        place = {"cx": f"{spot.x:.1f}", "cy": f"{spot.y:.1f}", "r": f"{spot.r:.1f}"}
        tip = name if shown[at] == name else f"{name} ({shown[at]})"
        tip = tip if value is None else f"{tip}: {texts.short(value)}"
        parts = [tag("title", tip), tag("circle", fill=DISC, stroke=QUIET, stroke_width=1.3, **place)]
        shade = {"fill": FOR if (value or 0) >= 0 else AGAINST, "fill_opacity": f"{abs(value or 0) / most:.2f}"}
        parts.append(tag("circle", class_="shade", **place, **shade))
        if spot.r >= 7:
            number = name.partition("/")[2]
            size = spot.r * (0.95 if len(number) < 3 else 0.75)
            font = {"font_size": f"{size:.1f}", "fill": INK, "pointer_events": "none"}
            parts.append(label(number, spot.x, spot.y + 0.35 * size, "middle", **font))
        if at < wiring.inputs or at >= edge:
            parts.append(_caption(shown[at], spot, at < wiring.inputs))
        stop = "0" if at == edge else "-1"
        drawn.append(tag("g", *parts, class_="neuron", data_n=at, tabindex=stop, role="button", aria_label=tip))
    return drawn


def _caption(name: str, spot: Spot, is_input: bool) -> Html:
    x = spot.x + (-1 if is_input else 1) * (spot.r + 8)
    size = min(max(spot.r, 10.0), 13.0)
    return label(
        shortened(name, 26), x, spot.y + 0.35 * size, "end" if is_input else "start", font_size=f"{size:.1f}", fill=INK
    )


def _width(labels: Sequence[str]) -> float:
    return 8 + 7.2 * min(max(map(len, labels)), 26)
