"""The sections of the page of one decision, in their order."""

from collections.abc import Callable

from caudal.explain.influence.record import Score
from caudal.explain.page.live import live
from caudal.explain.page.record import Decision
from caudal.explain.pictures import heat, lines
from caudal.explain.sentences import goal, tell
from caudal.explain.words import Words
from caudal.pages import Html, join, tag

_MOST_STEPS = 150
_PRINTED = 40_000
_STRONGEST = 15


def said_lines(sentences: list[str], **attributes: object) -> Html:
    """Sentences, one paragraph each."""
    return join(tag("p", sentence, **attributes) for sentence in sentences)


def decision_section(decision: Decision, texts: Words) -> Html:
    """What was decided, and how the decision came about step by step."""
    steps, last = len(decision.scores), decision.scores[-1]
    if decision.classes:
        p = texts.percent(float(last[decision.code]), 1)
        lead = texts("decision.class", id=decision.id, decision=decision.decision, p=p)
        key = "decision.turned" if decision.since else "decision.always"
        since = texts(key, n=decision.since + 1, steps=steps)
        rows = {name: decision.scores[:, k].tolist() for k, name in enumerate(decision.classes)}
        between, quantity = (0.0, 1.0), texts("plot.probability")
    else:
        lead, since = texts("decision.number", id=decision.id, value=texts.short(float(last[0]), 4)), ""
        rows, between, quantity = {texts("plot.output"): decision.scores[:, 0].tolist()}, None, texts("plot.output")
    title = f"{texts('plot.decision')} ({quantity})"
    drawn = lines(
        decision.time.tolist(),
        rows,
        title=title,
        unit=decision.time_unit,
        quantity=quantity,
        between=between,
        lang=texts.lang,
    )
    return join([tag("p", lead, class_="lead"), tag("p", since) if since else "", tag("div", drawn, class_="figure")])


def score_section(decision: Decision, texts: Words) -> Html:
    """The scorecard, failures first."""
    card = decision.influence.scorecard
    if card is None:
        return tag("p", texts("trust.none"), class_="aside warn")
    verdict = tag(
        "p", texts("trust.failed" if card.failed else "trust.passed"), class_="aside warn" if card.failed else "aside"
    )
    ordered = sorted(card.scores, key=lambda score: score.passed)
    head = tag("tr", *(tag("th", texts(f"table.{name}"), scope="col") for name in ("check", "value", "goal", "result")))
    rows = [_check(texts, score) for score in ordered]
    caption = tag("caption", texts("table.score.caption"))
    table = tag("table", caption, tag("thead", head), tag("tbody", *rows))
    first = tell(card, texts.lang)[0]
    return join(
        [verdict, tag("p", first), tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=first)]
    )


def _check(texts: Words, score: Score) -> Html:
    unknown = score.value != score.value
    result = texts("table.unknown" if unknown else "table.passed" if score.passed else "table.failed")
    badge = tag("span", result, class_="badge" if score.passed else "badge warn")
    name = tag("th", texts.known("score", score.name), tag("small", texts.known("says", score.name)), scope="row")
    return tag("tr", name, tag("td", texts.short(score.value)), tag("td", goal(texts, score)), tag("td", badge))


def saliency_picture(decision: Decision, texts: Words) -> Html:
    """Influence of inputs and elapsed times as a map, an SVG document."""
    values, names = decision.influence.values[0], [*decision.inputs, texts("dt.short")]
    first = max(0, len(values) - _MOST_STEPS)
    steps = [str(step + 1) for step in range(first, len(values))]
    decided = decision.decision if decision.classes else texts("plot.output")
    return heat(values[first:], names, steps, title=texts("plot.heat"), decision=decided, lang=texts.lang)


def saliency_section(decision: Decision, texts: Words) -> Html:
    """Influence of inputs and elapsed times, as sentences and as a map."""
    drawn = saliency_picture(decision, texts)
    frame = tag("div", drawn, class_="scroll wide", tabindex="0", role="region", aria_label=texts("plot.heat"))
    return join([said_lines(tell(decision.influence, texts.lang)), frame])


def circuit_section(decision: Decision, texts: Words) -> Html:
    """The circuit with its scrubber, and the synapses that matter most."""
    if decision.wiring is None or decision.synapses is None:
        return join([tag("p", texts("circuit.none", cell=decision.cell)), live(decision, texts)])
    rows = []
    for synapse in decision.synapses.top(_STRONGEST):
        p, turns = decision.without[synapse.name]
        shown = texts.percent(p, 1) if decision.classes else texts.short(p)
        effect = texts("table.turns" if turns else "table.stays", p=shown)
        cells = (tag("td", texts.short(synapse.value, signed=True)), tag("td", effect))
        rows.append(tag("tr", tag("th", synapse.name, scope="row"), *cells))
    unit = texts.known("unit", decision.synapses.unit)
    columns = (texts("table.synapse"), f"{texts('table.change')} [{unit}]", texts("table.result"))
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    table = tag("table", tag("caption", texts("table.caption")), tag("thead", head), tag("tbody", *rows))
    scroll = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=texts("table.caption"))
    return join(
        [
            tag("p", texts("circuit.how")),
            live(decision, texts),
            tag("p", texts("circuit.caution"), class_="note"),
            scroll,
        ]
    )


def counter_section(decision: Decision, texts: Words) -> Html:
    """The counterfactual, as sentences and a list of changes."""
    counterfactual = decision.counterfactual
    if counterfactual is None:
        return tag("p", texts("missing.counter", why=decision.missing.get("counter", "–")))
    sentences = tell(counterfactual, texts.lang)
    if not counterfactual.found:
        return said_lines(sentences)
    changes = tag("ul", *(tag("li", line) for line in sentences[1 : 1 + len(counterfactual.changes)]), class_="changes")
    return join(
        [tag("p", sentences[0], class_="say"), changes, said_lines(sentences[1 + len(counterfactual.changes) :])]
    )


def proof_section(decision: Decision, texts: Words) -> Html:
    """The proven range of the decision under small changes of the inputs, as sentences."""
    if decision.certificate is None:
        return tag("p", texts("missing.proof", why=decision.missing.get("proof", "–")))
    return said_lines(tell(decision.certificate, texts.lang, radius=decision.radius), class_="say")


def phase_section(decision: Decision, texts: Words) -> Html:
    """What drives each neuron over the course of the series."""
    return tag("ul", *(tag("li", line) for line in tell(decision.drives, texts.lang)), class_="names")


def equation_section(decision: Decision, texts: Words) -> Html:
    """The equations of the net, without dead synapses."""
    from caudal.explain.page.gather import DIGITS

    parts: list[object] = [] if decision.dead is None else [said_lines(tell(decision.dead, texts.lang))]
    if decision.equations is None:
        why = decision.missing.get("equations", "–")
        reason = texts("equations.weights", cell=decision.cell) if why == "large" else why
        return join([*parts, tag("p", reason)])
    text = decision.equations.text(DIGITS)
    if len(text) > _PRINTED:
        return join([*parts, tag("p", texts("equations.large", n=texts.fixed(len(text), 0)))])
    parts.append(tag("p", texts("equations.how", digits=DIGITS)))
    parts.append(
        tag("p", texts("equations.rounding", digits=DIGITS, error=texts.short(decision.rounding)), class_="note")
    )
    shown = tag("details", tag("summary", texts("equations.show")), tag("pre", text, tabindex="0", lang="en"))
    return join([*parts, shown])


def limit_section(decision: Decision, texts: Words) -> Html:
    """The limits of the explanation, as a list of sentences."""
    sentences = [texts("limits.scope", id=decision.id), texts("limits.attribution"), texts("limits.baseline")]
    if decision.wiring is not None:
        sentences.append(texts("limits.removal"))
    if decision.counterfactual is not None and decision.counterfactual.found:
        sentences.append(texts("limits.counter"))
    sentences.append(texts("limits.bounds", series=decision.reference))
    for name, step, value in decision.outside[:8]:
        sentences.append(texts("limits.range", name=name, n=step + 1, value=texts.short(value)))
    return tag("ul", *(tag("li", line) for line in sentences))


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


def passed(decision: Decision) -> str:
    """How many checks passed, for the head of the page."""
    card = decision.influence.scorecard
    return "–" if card is None else f"{len(card.scores) - len(card.failed)} / {len(card.scores)}"
