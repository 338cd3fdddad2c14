"""The sections of the page of one decision, in their order."""

from collections.abc import Callable

from caudal.explain.page.live import live
from caudal.explain.page.record import Decision
from caudal.explain.pictures import heat, lines
from caudal.explain.sentences import goal, tell
from caudal.explain.words import Words
from caudal.pages import Html, join, tag
from caudal.records import Score

_MOST_STEPS = 150
_PRINTED = 40_000
_STRONGEST = 15


def said_lines(sentences: list[str], **attributes: object) -> Html:
    """Sentences, one paragraph each."""
    return join(tag("p", one, **attributes) for one in sentences)


def decision_section(found: Decision, said: Words) -> Html:
    """What was decided, and how the decision came about step by step."""
    steps, last = len(found.scores), found.scores[-1]
    if found.classes:
        p = said.percent(float(last[found.code]), 1)
        lead = said("decision.class", id=found.id, decision=found.decision, p=p)
        key = "decision.turned" if found.since else "decision.always"
        held = said(key, n=found.since + 1, steps=steps)
        rows = {name: found.scores[:, k].tolist() for k, name in enumerate(found.classes)}
        between, quantity = (0.0, 1.0), said("plot.probability")
    else:
        lead, held = said("decision.number", id=found.id, value=said.short(float(last[0]), 4)), ""
        rows, between, quantity = {said("plot.output"): found.scores[:, 0].tolist()}, None, said("plot.output")
    title = f"{said('plot.decision')} ({quantity})"
    drawn = lines(
        found.time.tolist(),
        rows,
        title=title,
        unit=found.time_unit,
        quantity=quantity,
        between=between,
        lang=said.lang,
    )
    return join([tag("p", lead, class_="lead"), tag("p", held) if held else "", tag("div", drawn, class_="figure")])


def score_section(found: Decision, said: Words) -> Html:
    """The scorecard, failures first."""
    card = found.influence.scorecard
    if card is None:
        return tag("p", said("trust.none"), class_="aside warn")
    verdict = tag(
        "p", said("trust.failed" if card.failed else "trust.passed"), class_="aside warn" if card.failed else "aside"
    )
    ordered = sorted(card.scores, key=lambda one: one.passed)
    head = tag("tr", *(tag("th", said(f"table.{name}"), scope="col") for name in ("check", "value", "goal", "result")))
    rows = [_check(said, one) for one in ordered]
    caption = tag("caption", said("table.score.caption"))
    table = tag("table", caption, tag("thead", head), tag("tbody", *rows))
    first = tell(card, said.lang)[0]
    return join(
        [verdict, tag("p", first), tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=first)]
    )


def _check(said: Words, one: Score) -> Html:
    unknown = one.value != one.value
    result = said("table.unknown" if unknown else "table.passed" if one.passed else "table.failed")
    badge = tag("span", result, class_="badge" if one.passed else "badge warn")
    name = tag("th", said.known("score", one.name), tag("small", said.known("says", one.name)), scope="row")
    return tag("tr", name, tag("td", said.short(one.value)), tag("td", goal(said, one)), tag("td", badge))


def saliency_picture(found: Decision, said: Words) -> Html:
    """Influence of inputs and elapsed times as a map, an SVG document."""
    values, names = found.influence.values[0], [*found.inputs, said("dt.short")]
    first = max(0, len(values) - _MOST_STEPS)
    steps = [str(step + 1) for step in range(first, len(values))]
    decided = found.decision if found.classes else said("plot.output")
    return heat(values[first:], names, steps, title=said("plot.heat"), decision=decided, lang=said.lang)


def saliency_section(found: Decision, said: Words) -> Html:
    """Influence of inputs and elapsed times, as sentences and as a map."""
    drawn = saliency_picture(found, said)
    frame = tag("div", drawn, class_="scroll wide", tabindex="0", role="region", aria_label=said("plot.heat"))
    return join([said_lines(tell(found.influence, said.lang)), frame])


def circuit_section(found: Decision, said: Words) -> Html:
    """The circuit with its scrubber, and the synapses that matter most."""
    if found.wiring is None or found.synapses is None:
        return join([tag("p", said("circuit.none", cell=found.cell)), live(found, said)])
    rows = []
    for one in found.synapses.top(_STRONGEST):
        p, turns = found.without[one.name]
        shown = said.percent(p, 1) if found.classes else said.short(p)
        told = said("table.turns" if turns else "table.stays", p=shown)
        cells = (tag("td", said.short(-one.value, signed=True)), tag("td", told))
        rows.append(tag("tr", tag("th", one.name, scope="row"), *cells))
    unit = said.known("unit", found.synapses.unit)
    columns = (said("table.synapse"), f"{said('table.change')} [{unit}]", said("table.result"))
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    table = tag("table", tag("caption", said("table.caption")), tag("thead", head), tag("tbody", *rows))
    scroll = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=said("table.caption"))
    return join(
        [tag("p", said("circuit.how")), live(found, said), tag("p", said("circuit.caution"), class_="note"), scroll]
    )


def counter_section(found: Decision, said: Words) -> Html:
    """The least change that turns the decision."""
    one = found.counterfactual
    if one is None:
        return tag("p", said("missing.counter", why=found.missing.get("counter", "–")))
    told = tell(one, said.lang)
    if not one.found:
        return said_lines(told)
    changes = tag("ul", *(tag("li", line) for line in told[1 : 1 + len(one.changes)]), class_="changes")
    return join([tag("p", told[0], class_="say"), changes, said_lines(told[1 + len(one.changes) :])])


def proof_section(found: Decision, said: Words) -> Html:
    """What no small change of the inputs can do."""
    if found.certificate is None:
        return tag("p", said("missing.proof", why=found.missing.get("proof", "–")))
    return said_lines(tell(found.certificate, said.lang, radius=found.radius), class_="say")


def phase_section(found: Decision, said: Words) -> Html:
    """What drives each neuron over the course of the series."""
    return tag("ul", *(tag("li", line) for line in tell(found.drives, said.lang)), class_="names")


def equation_section(found: Decision, said: Words) -> Html:
    """The equations of the net, without dead synapses."""
    from caudal.explain.page.gather import DIGITS

    parts: list[object] = [] if found.dead is None else [said_lines(tell(found.dead, said.lang))]
    if found.equations is None:
        why = found.missing.get("equations", "–")
        told = said("equations.weights", cell=found.cell) if why == "large" else why
        return join([*parts, tag("p", told)])
    text = found.equations.text(DIGITS)
    if len(text) > _PRINTED:
        return join([*parts, tag("p", said("equations.large", n=said.fixed(len(text), 0)))])
    parts.append(tag("p", said("equations.how", digits=DIGITS)))
    parts.append(tag("p", said("equations.rounding", digits=DIGITS, error=said.short(found.rounding)), class_="note"))
    shown = tag("details", tag("summary", said("equations.show")), tag("pre", text, tabindex="0", lang="en"))
    return join([*parts, shown])


def limit_section(found: Decision, said: Words) -> Html:
    """What all of this does not say."""
    told = [said("limits.scope", id=found.id), said("limits.attribution"), said("limits.baseline")]
    if found.wiring is not None:
        told.append(said("limits.removal"))
    if found.counterfactual is not None and found.counterfactual.found:
        told.append(said("limits.counter"))
    told.append(said("limits.bounds", series=found.reference))
    for name, step, value in found.outside[:8]:
        told.append(said("limits.range", name=name, n=step + 1, value=said.short(value)))
    return tag("ul", *(tag("li", line) for line in told))


SECTIONS: tuple[tuple[str, Callable[[Decision, Words], Html]], ...] = (
    ("decision", decision_section),
    ("score", score_section),
    ("saliency", saliency_section),
    ("circuit", circuit_section),
    ("counter", counter_section),
    ("proof", proof_section),
    ("phases", phase_section),
    ("equations", equation_section),
    ("limits", limit_section),
)


def passed(found: Decision) -> str:
    """How many checks passed, for the head of the page."""
    card = found.influence.scorecard
    return "–" if card is None else f"{len(card.scores) - len(card.failed)} / {len(card.scores)}"
