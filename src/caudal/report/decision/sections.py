"""The sections of the page of one decision, in their order."""

from collections.abc import Callable
from functools import partial

from caudal.explain.decision.record import Decision
from caudal.explain.influence.record import Score
from caudal.explain.influence.target import LOG_ODDS
from caudal.report.decision.live import live
from caudal.report.decision.sentences import at_step, goal, tell
from caudal.report.decision.summary import answers, cell_name, probability, reason_holds, tolerances
from caudal.report.decision.words import DecisionWords
from caudal.report.html import Html, join, tag
from caudal.report.plots.heat import heat
from caudal.report.plots.lines import lines

_MOST_STEPS = 150
_PRINTED = 40_000
_STRONGEST = 15


def said_lines(sentences: list[str], **attributes: object) -> Html:
    """Sentences, one paragraph each."""
    return join(tag("p", sentence, **attributes) for sentence in sentences)


def decision_section(decision: Decision, texts: DecisionWords) -> Html:
    """The five answers, and how the decision came about step by step."""
    items = []
    for question, sentences in answers(decision, texts).items():
        said = [tag("dd", sentence) for sentence in sentences]
        items.append(tag("div", tag("dt", texts(f"ask.{question}")), *said, class_=question))
    if decision.classes:
        rows = {name: decision.scores[:, k].tolist() for k, name in enumerate(decision.classes)}
        between, quantity = (0.0, 1.0), texts("plot.probability")
    else:
        rows = {texts("plot.output"): decision.scores[:, 0].tolist()}
        between, quantity = None, texts("plot.output")
    drawn = lines(
        decision.time.tolist(),
        rows,
        title=f"{texts('plot.decision')} ({quantity})",
        unit=decision.time_unit,
        quantity=quantity,
        between=between,
        lang=texts.lang,
    )
    return join([tag("dl", *items, class_="answers"), tag("div", drawn, class_="figure")])


def score_section(decision: Decision, texts: DecisionWords) -> Html | None:
    """The verdict on the reasons, and every check behind it."""
    card = decision.influence.scorecard
    verdict, holds = reason_holds(decision, texts)
    aside = tag("p", verdict, class_="aside" if holds else "aside warn")
    if card is None:
        return aside
    ordered = sorted(card.scores, key=lambda score: score.passed)
    head = tag("tr", *(tag("th", texts(f"table.{name}"), scope="col") for name in ("check", "value", "goal", "result")))
    rows = [_check(texts, score) for score in ordered]
    caption = tag("caption", texts("table.score.caption"))
    table = tag("table", caption, tag("thead", head), tag("tbody", *rows))
    first = tell(card, texts.lang)[0]
    scroll = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=first)
    return join([aside, tag("details", tag("summary", first), scroll)])


def _check(texts: DecisionWords, score: Score) -> Html:
    unknown = score.value != score.value
    result = texts("table.unknown" if unknown else "table.passed" if score.passed else "table.failed")
    badge = tag("span", result, class_="badge" if score.passed else "badge warn")
    name = tag("th", texts.known("score", score.name), tag("small", texts.known("says", score.name)), scope="row")
    return tag("tr", name, tag("td", texts.short(score.value)), tag("td", goal(texts, score)), tag("td", badge))


def saliency_picture(decision: Decision, texts: DecisionWords) -> Html:
    """Influence of inputs and elapsed times as a map, an SVG document."""
    values, names = decision.influence.values[0], [*decision.inputs, texts("dt.short")]
    first = max(0, len(values) - _MOST_STEPS)
    steps = [str(step + 1) for step in range(first, len(values))]
    decided = decision.decision if decision.classes else texts("plot.output")
    return heat(values[first:], names, steps, title=texts("plot.heat"), decision=decided, lang=texts.lang)


def saliency_section(decision: Decision, texts: DecisionWords) -> Html:
    """Influence of inputs and elapsed times, as sentences and as a map."""
    drawn = saliency_picture(decision, texts)
    frame = tag("div", drawn, class_="scroll wide", tabindex="0", role="region", aria_label=texts("plot.heat"))
    sentences = said_lines(tell(decision.influence, texts.lang, cell=partial(cell_name, decision, texts)))
    parts = [sentences, frame]
    if decision.influence.unit == LOG_ODDS:
        parts.append(tag("p", texts("unit.meaning"), class_="note"))
    return join(parts)


def circuit_section(decision: Decision, texts: DecisionWords) -> Html | None:
    """The circuit with its scrubber, and the synapses that matter most; None without a wiring."""
    if decision.wiring is None or decision.synapses is None:
        return None
    rows = []
    for synapse in decision.synapses.top(_STRONGEST):
        p, turns = decision.without[synapse.name]
        shown = probability(texts, p) if decision.classes else texts.short(p)
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


def counter_section(decision: Decision, texts: DecisionWords) -> Html | None:
    """The counterfactual, as sentences and a list of changes."""
    counterfactual = decision.counterfactual
    if counterfactual is None:
        return None
    sentences = tell(counterfactual, texts.lang, when=at_step(decision.time.tolist(), decision.time_unit))
    if not counterfactual.found:
        return said_lines(sentences)
    changes = tag("ul", *(tag("li", line) for line in sentences[1 : 1 + len(counterfactual.changes)]), class_="changes")
    return join(
        [tag("p", sentences[0], class_="say"), changes, said_lines(sentences[1 + len(counterfactual.changes) :])]
    )


def proof_section(decision: Decision, texts: DecisionWords) -> Html | None:
    """What errors of measurement are proven to leave the decision as it is, in units, beside what the data resolve."""
    if decision.certificate is None:
        return None
    sentences = []
    if decision.proven > 0:
        sentences.append(texts("proof.largest", tolerances=tolerances(decision, texts)))
        sentences += _beside_the_instrument(decision, texts)
    sentences += tell(decision.certificate, texts.lang, radius=decision.radius, times=True)
    return said_lines(sentences, class_="say")


def _beside_the_instrument(decision: Decision, texts: DecisionWords) -> list[str]:
    """Of which inputs the rounding of the data alone stays within what is proven, and of which it does not."""
    if decision.bounds.step is None:
        return []
    sides: dict[str, list[str]] = {"within": [], "beyond": []}
    entries = zip(decision.features, decision.bounds.step.tolist(), decision.bounds.spread.tolist(), strict=True)
    for feature, step, spread in entries:
        if step > 0 and feature.kind == "number":
            side = "within" if step / 2 <= decision.proven * spread else "beyond"
            unit = f" {feature.unit}" if feature.unit else ""
            sides[side].append(f"{feature.name} (± {texts.short(step / 2)}{unit})")
    return [texts(f"proof.{side}", names=texts.listed(names)) for side, names in sides.items() if names]


def phase_section(decision: Decision, texts: DecisionWords) -> Html | None:
    """What drives each neuron over the course of the series; None where neurons have no names of their own."""
    if decision.wiring is None:
        return None
    return join(
        [
            tag("ul", *(tag("li", line) for line in tell(decision.drives, texts.lang)), class_="names"),
            tag("p", texts("phase.share"), class_="note"),
        ]
    )


def equation_section(decision: Decision, texts: DecisionWords) -> Html | None:
    """The equations of the net, without dead synapses; None where there are none to print."""
    from caudal.explain.decision.gather import DIGITS

    if decision.equations is None and decision.dead is None:
        return None
    parts: list[object] = [] if decision.dead is None else [said_lines(tell(decision.dead, texts.lang))]
    if decision.equations is None:
        why = decision.missing.get("equations", "–")
        reason = texts("equations.weights", cell=decision.cell) if why == "large" else why
        return join([*parts, tag("p", reason)])
    text = decision.equations.text(DIGITS)
    if len(text) > _PRINTED:
        return join([*parts, tag("p", texts("equations.large", n=texts.fixed(len(text), 0)))])
    parts.append(tag("p", texts("equations.how", digits=DIGITS)))
    if decision.rounding == decision.rounding:
        error = texts.short(decision.rounding)
        parts.append(tag("p", texts("equations.rounding", digits=DIGITS, error=error), class_="note"))
    return join([*parts, tag("pre", text, tabindex="0", lang="en")])


def limit_section(decision: Decision, texts: DecisionWords) -> Html:
    """The limits of the explanation, as a list of sentences."""
    sentences = [texts("limits.scope", id=decision.id), texts("limits.attribution"), texts("limits.baseline")]
    if decision.wiring is not None:
        sentences.append(texts("limits.removal"))
    if decision.counterfactual is not None and decision.counterfactual.found:
        sentences.append(texts("limits.counter"))
    sentences.append(texts("limits.bounds", series=decision.reference))
    for name, step, value in decision.outside[:8]:
        sentences.append(texts("limits.range", name=name, n=step + 1, value=texts.short(value)))
    return tag("ul", *(tag("li", line) for line in [*sentences, *_missing(decision, texts)]))


def _missing(decision: Decision, texts: DecisionWords) -> list[str]:
    """What this page does not hold, and why."""
    lines = [texts("circuit.none", cell=decision.cell)] if decision.wiring is None else []
    parts = (part for part in ("counter", "proof") if part in decision.missing)
    lines += [texts(f"missing.{part}", why=decision.missing[part]) for part in parts]
    if decision.influence.scorecard is None:
        lines.append(texts("trust.none"))
    if decision.equations is None and decision.dead is None:
        why = decision.missing.get("equations", "–")
        lines.append(texts("equations.weights", cell=decision.cell) if why == "large" else why)
    return lines


SECTIONS: tuple[tuple[str, Callable[[Decision, DecisionWords], Html | None]], ...] = (
    ("decision", decision_section),
    ("saliency", saliency_section),
    ("score", score_section),
    ("counter", counter_section),
    ("proof", proof_section),
    ("circuit", circuit_section),
    ("phases", phase_section),
    ("equations", equation_section),
    ("limits", limit_section),
)
# What only a reader of nets asks for opens at a touch.
FOLDED = frozenset({"circuit", "phases", "equations"})
