"""Gaps between groups of people: harms and concepts first, then each gap with its interval, and what was left open."""

import shlex
from collections.abc import Sequence

from caudal.compare.record import Contender, Study
from caudal.fair.intervals import Gap
from caudal.fair.page.words import FairWords
from caudal.fair.page.words import words as fair_words
from caudal.fair.record import FairAttribute, FairReport
from caudal.pages import Html, join, tag
from caudal.report import query
from caudal.report.axes import Axis
from caudal.report.drawing import (
    percent,
    strip,
    strip_axis,
    strip_grid,
    strip_interval,
)
from caudal.report.fairness_more import curve, every_gap, every_rate, points
from caudal.report.next import chosen, fair_command
from caudal.report.tables import Cell, details, facts, model, table
from caudal.report.wording import Words

OF_CLASSES = ("accuracy",)
GAPS = ("equal_opportunity", "equalised_odds", "demographic_parity")
_ROW = 26


def concepts(study: Study, words: Words) -> Html:
    """What a model can do to people, and what each gap means; nothing where no gap was measured."""
    if not study.fairness:
        return Html("")
    people = fair_words(words.lang)
    meanings = facts([(people(f"gap.{name}"), people(f"says.{name}")) for name in _names(study)])
    return join(
        [
            tag("h3", words("fairness.words")),
            tag("p", people("words.harm")),
            tag("p", people("words.groups")),
            meanings,
            tag("p", people("words.conflict")) if len(_names(study)) > 1 else "",
        ]
    )


def how(study: Study, words: Words) -> Html:
    """Whose gaps these are, and how to read them."""
    if not study.fairness:
        return Html("")
    record = study.fairness[0]
    answers = words.whole(record.answers)
    if record.threshold is None:
        return tag("p", words("fairness.classes", answers=answers, n=words.whole(len(study.data.classes))))
    threshold = words.brief(record.threshold)
    return tag("p", words("fairness.how", answers=answers, positive=record.positive, threshold=threshold))


def _names(study: Study) -> tuple[str, ...]:
    """The gaps that are drawn: of more than two classes, only that in right decisions."""
    return OF_CLASSES if study.fairness[0].threshold is None else GAPS


def gaps_by(study: Study, words: Words, attribute: str) -> Html:
    """The gaps of the models of the verdict by one attribute, and tables of all."""
    pairs = [
        (record, figures) for record in study.fairness for figures in record.attributes if figures.name == attribute
    ]
    if not pairs:
        return Html("")
    names = [contender.name for contender in query.mains(study)]
    mains = sorted((pair for pair in pairs if pair[0].model in names), key=lambda pair: names.index(pair[0].model))
    parts: list[object] = [tag("h4", words("fairness.gaps", attribute=attribute))]
    if any(figures.gap(name) for _, figures in mains for name in _names(study)):
        parts.append(_forest(study, words, attribute, mains))
    if mains:
        parts += [_told(study, words, attribute, mains), curve(study, words, attribute, mains)]
    if any(figures.gaps for _, figures in pairs):
        parts.append(details(words("fairness.all", attribute=attribute), every_gap(study, words, attribute, pairs)))
    title = words("fairness.rates", attribute=attribute)
    return join([*parts, details(title, every_rate(study, words, attribute, mains or pairs[:1]))])


def _forest(study: Study, words: Words, attribute: str, mains: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
    people = fair_words(words.lang)
    known = [gap for _, figures in mains for name in _names(study) if (gap := figures.gap(name)) is not None]
    axis = Axis(0.0, 1.05 * max((100 * max(gap.value.high, gap.chance) for gap in known), default=1.0))
    rows: list[list[object]] = []
    for name in _names(study):
        for place, (whose, figures) in enumerate(mains):
            contender = query.contender(study, whose.model)
            if contender is None:
                continue
            row = [Cell(model(contender), None, "who"), *_drawn(words, people, contender, figures.gap(name), axis)]
            if place == 0:
                row.insert(0, Cell(tag("span", people(f"gap.{name}"), class_="group"), None, "first", rows=len(mains)))
            rows.append(row)
    head = [words("fairness.gap"), words("model"), "", words("fairness.points")]
    foot = ["", "", Cell(strip_axis(axis, words), None, "draw"), ""]
    return table(words("fairness.caption", attribute=attribute), head, rows, foot=foot, class_="forest groups gaps")


def _drawn(words: Words, people: FairWords, contender: Contender, gap: Gap | None, axis: Axis) -> list[object]:
    if gap is None:
        quiet = tag("span", words("fairness.none"), class_="quiet")
        return [Cell(strip(None, _ROW, strip_grid(axis, _ROW)), None, "draw"), Cell(quiet)]
    shown = points(gap.value)
    tip = (
        f"{contender.label}: {people.apart(gap.name, gap.value.value)} ({people.span(gap.name, gap.value, apart=True)})"
    )
    x = percent(axis.at(100 * gap.chance))
    tick = tag("line", class_="chance", x1=x, x2=x, y1=3, y2=_ROW - 3)
    line = strip_interval(axis, shown, contender.family, _ROW / 2, data_tip=tip)
    span = words.span(shown, 1)
    value = join([words.number(shown.value, 1), tag("small", " ", span)])
    return [Cell(strip(tip, _ROW, strip_grid(axis, _ROW), tick, line), None, "draw"), Cell(value)]


def _told(study: Study, words: Words, attribute: str, mains: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
    """Of the model that one would use, the gaps that chance does not explain; groups too small to count."""
    people = fair_words(words.lang)
    use = chosen(study)
    whose, figures = next((pair for pair in mains if use is not None and pair[0].model == use.name), mains[0])
    named = {"model": query.label(study, whose.model), "attribute": attribute}
    sure = [gap for name in _names(study) if (gap := figures.gap(name)) is not None and gap.value.low > 0]
    if sure:
        lines = [tag("li", sentence(figures, gap, people)) for gap in sure]
        parts = [tag("p", words("fairness.sure", **named)), tag("ul", *lines)]
    elif any(figures.gap(name) for name in _names(study)):
        widest = max((gap for name in _names(study) if (gap := figures.gap(name))), key=lambda gap: gap.value.high)
        parts = [tag("p", words("fairness.open", **named, high=people.apart(widest.name, widest.value.high)))]
    else:
        parts = [tag("p", words("fairness.nothing", **named))]
    without = [gap for name in _names(study) if (gap := figures.gap(name)) is not None and gap.left_out]
    small, hidden = ("few.people", "few.hidden") if figures.people else ("small", "hidden")
    notes = [people(small, groups=people.listed(map(people.group, figures.small)))] if figures.small else []
    notes += [people(hidden, groups=people.listed(map(people.group, figures.hidden)))] if figures.hidden else []
    if without:
        each = (
            words(
                "fairness.left_out.one",
                groups=people.listed(map(people.group, gap.left_out)),
                gap=people(f"gap.{gap.name}"),
            )
            for gap in without
        )
        notes.append(words("fairness.left_out", each="; ".join(each)))
    return join([*parts, *(tag("p", note, class_="note") for note in notes)])


def sentence(figures: FairAttribute, gap: Gap, people: FairWords) -> str:
    """A gap that chance does not explain, in words."""
    at = {rate.group: rate.value for rate in figures.rates if rate.metric == gap.metric}
    high, low = (at.get(group) for group in (gap.high, gap.low))
    beyond = people("gap.chance", chance=people.apart(gap.name, gap.chance_95)) if gap.chance_95 else ""
    text = people(
        "gap.sure",
        name=people.known("gap", gap.name),
        value=people.apart(gap.name, gap.value.value),
        span=people.span(gap.name, gap.value, apart=True),
        metric=people.known("metric", gap.metric),
        high="–" if high is None else people.value(gap.metric, high.value),
        low="–" if low is None else people.value(gap.metric, low.value),
        most=people.group(gap.high),
        least=people.group(gap.low),
        chance=people.apart(gap.name, gap.chance),
    )
    return text + beyond


def left_open(study: Study, words: Words) -> Html:
    """What was not measured here, and the command that measures more."""
    people = fair_words(words.lang)
    parts: list[object] = []
    if study.fairness:
        codes = _codes(study)
        items: list[object] = [people.known("missing", code) for code in codes]
        items += [
            words.html("fairness.column", name=name, why=tag("span", why, lang="en"))
            for name, why in study.fairness[0].left_out.items()
        ]
        parts += [tag("p", words("fairness.open.head")), tag("ul", *(tag("li", item) for item in items))]
    command = fair_command(study)
    if command is not None:
        parts.append(tag("p", words("fairness.more"), " ", tag("code", shlex.join(command))))
    return join(parts)


def _codes(study: Study) -> list[str]:
    """What no model of the verdict measured, beside what the command adds."""
    names = {contender.name for contender in query.mains(study)}
    each = [record.not_measured for record in study.fairness if record.model in names] or [
        study.fairness[0].not_measured
    ]
    return [code for code in each[0] if all(code in other for other in each)]
