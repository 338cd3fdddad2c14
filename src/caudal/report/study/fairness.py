"""Gaps between groups of people: harms and concepts first, then each gap with its interval, and what was left open."""

import shlex
from collections.abc import Sequence

from caudal.compare.record import Contender, Study
from caudal.fair.intervals import Gap, GroupRate
from caudal.fair.record import FairAttribute, FairReport
from caudal.intervals import Interval
from caudal.report.fairness.words import FairWords
from caudal.report.fairness.words import words as fair_words
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import Axis, linear
from caudal.report.plots.marks import (
    Frame,
    band,
    grid,
    mark,
    percent,
    plot,
    polyline,
    short,
    stretched,
    strip,
    strip_axis,
    strip_grid,
    strip_interval,
)
from caudal.report.study import query
from caudal.report.study.next_steps import chosen, fair_command
from caudal.report.study.tables import Cell, details, facts, model, table
from caudal.report.study.words import StudyWords

_RATES = ("base_rate", "selection_rate", "tpr", "fpr", "accuracy")
_HEIGHT = 220
_DASHES, _APART, _LONGEST = ("", "7 4", "2 4"), 14.0, 14


def points(interval: Interval) -> Interval:
    """An interval of shares in points."""
    return Interval(100 * interval.value, 100 * interval.low, 100 * interval.high, interval.level, interval.method)


def curve(study: Study, words: StudyWords, attribute: str, mains: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
    """The gap by the step that the decision is made at."""
    people = fair_words(words.lang)
    lines = [
        (contender, [(moment.step, points(moment.gap.value)) for moment in figures.curve if moment.gap is not None])
        for whose, figures in mains
        if (contender := query.contender(study, whose.model)) is not None
    ]
    lines = [(contender, spots) for contender, spots in lines if len(spots) > 1]
    if not lines:
        return Html("")
    name = next(figures.curve_of for _, figures in mains if figures.curve_of)
    top = max(value.high for _, spots in lines for _, value in spots)
    frame = Frame(linear((step for _, spots in lines for step, _ in spots), 0.02), Axis(0.0, 1.05 * top), _HEIGHT)
    use = chosen(study)
    drawn, signs = [], []
    for at, (contender, spots) in enumerate(lines):
        xs, values = [float(step) for step, _ in spots], [value for _, value in spots]
        # One band: three of them hide each other.
        is_chosen = use is not None and contender.name == use.name
        spread = [band(frame, xs, values, class_="band")] if is_chosen or (at == 0 and use is None) else []
        kin = [other for other, _ in lines if other.family == contender.family]
        dash = _DASHES[kin.index(contender) % len(_DASHES)]
        path = polyline(frame, [(x, v.value) for x, v in zip(xs, values, strict=True)], stroke_dasharray=dash or None)
        drawn.append(tag("g", *spread, path, class_=f"curve on {contender.family}"))
        signs += [
            mark(
                contender.family,
                frame.x(x),
                frame.y(v.value),
                data_tip=f"{contender.label}, {x:g}: {words.number(v.value, 1)}",
            )
            for x, v in zip(xs, values, strict=True)
        ]
    title = words("fairness.curve", gap=people(f"gap.{name}"), attribute=attribute)
    ticks = grid(frame, words, words("fairness.steps"), words("fairness.points"), (6, 4))
    label = f"{title}: {words.listed(contender.label for contender, _ in lines)}"
    right = 22 + round(7 * max(len(short(contender.label, _LONGEST)) for contender, _ in lines))
    named = _names_more(frame, [(contender, spots[-1][1].value) for contender, spots in lines])
    picture = plot(frame, label, ticks, stretched(frame, *drawn), *signs, *named, class_="lines", right=right)
    note = tag("p", words("fairness.curve.how"), class_="note")
    return tag("figure", tag("figcaption", tag("h4", title), note), picture)


def _names_more(frame: Frame, ends: Sequence[tuple[Contender, float]]) -> list[Html]:
    """Names at the ends of the curves, pushed apart."""
    placed: list[float] = []
    drawn = []
    for contender, value in ends:
        wanted = frame.y(value)
        shifts = (side * _APART / 2 * k for k in range(40) for side in (-1, 1))
        y = next((wanted + d for d in shifts if all(abs(wanted + d - other) >= _APART for other in placed)), wanted)
        placed.append(y)
        name = tag("text", short(contender.label, _LONGEST), class_="name", x="100%", dx=9, y=f"{y:g}", dy="0.34em")
        drawn.append(tag("g", name, class_=f"curve on {contender.family}"))
    return drawn


def every_gap(
    study: Study, words: StudyWords, attribute: str, pairs: Sequence[tuple[FairReport, FairAttribute]]
) -> Html:
    """A table of the gaps of some models."""
    people = fair_words(words.lang)
    rows: list[list[object]] = []
    for whose, figures in pairs:
        for gap in figures.gaps:
            shown = points(gap.value)
            pair = words("fairness.pair", **_sides(figures, gap, people))
            rows.append(
                [
                    query.label(study, whose.model),
                    people.known("gap", gap.name),
                    Cell(words.number(shown.value, 1), shown.value),
                    Cell(words.span(shown, 1)),
                    Cell(words.number(100 * gap.chance, 1), gap.chance),
                    Cell(_over_seeds(gap, words)),
                    f"{people.known('metric', gap.metric)}: {pair}",
                    words("fairness.beyond" if gap.value.low > 0 else "fairness.may"),
                ]
            )
    keys = ("gap", "found", "chance", "seeds", "between", "verdict")
    named = {key: words(f"fairness.{key}") for key in keys}
    head = [words("model"), named["gap"], named["found"], words("interval.word"), *list(named.values())[2:]]
    return table(words("fairness.caption", attribute=attribute), head, rows, sortable=True)


def _sides(figures: FairAttribute, gap: Gap, people: FairWords) -> dict[str, str]:
    at = {rate.group: rate.value for rate in figures.rates if rate.metric == gap.metric}
    sides = {"high": people.group(gap.high), "low": people.group(gap.low)}
    for key, group in (("most", gap.high), ("least", gap.low)):
        value = at.get(group)
        sides[key] = "–" if value is None else people.value(gap.metric, value.value)
    return sides


def _over_seeds(gap: Gap, words: StudyWords) -> str:
    if len(gap.seeds) < 2:
        return "–"
    low, high = (words.number(100 * end, 1) for end in (min(gap.seeds), max(gap.seeds)))
    return words("energy.span", low=low, high=high)


def every_rate(
    study: Study, words: StudyWords, attribute: str, pairs: Sequence[tuple[FairReport, FairAttribute]]
) -> Html:
    """A table of what each group gets from some models."""
    people = fair_words(words.lang)
    metrics = [
        metric for metric in _RATES if any(rate.metric == metric for _, figures in pairs for rate in figures.rates)
    ]
    rows: list[list[object]] = []
    for whose, figures in pairs:
        for group in figures.order:
            count = figures.groups.get(group, 0)
            by_metric = {rate.metric: rate for rate in figures.rates if rate.group == group}
            cells = [_rate(by_metric.get(metric), words, people) for metric in metrics]
            who = (people.group(group), query.label(study, whose.model))
            rows.append([*who, Cell(words.whole(count), float(count)), *cells])
    head = [attribute, words("model"), words("series"), *(people(f"metric.{metric}") for metric in metrics)]
    return table(words("fairness.rates", attribute=attribute), head, rows, sortable=True)


def _rate(rate: GroupRate | None, words: StudyWords, people: FairWords) -> Cell:
    if rate is None or rate.value is None:
        return Cell("–")
    flag = tag("b", words("fairness.few"), class_="badge warn") if rate.few else ""
    span = people.span(rate.metric, rate.value)
    return Cell(join([people.value(rate.metric, rate.value.value), tag("small", " ", span), flag]), rate.value.value)


OF_CLASSES = ("accuracy",)
GAPS = ("equal_opportunity", "equalised_odds", "demographic_parity")
_ROW = 26


def concepts(study: Study, words: StudyWords) -> Html:
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


def how(study: Study, words: StudyWords) -> Html:
    """Whose gaps these are, and how to read them."""
    if not study.fairness:
        return Html("")
    record = study.fairness[0]
    answers = words.whole(record.answers)
    if record.threshold is None:
        return tag("p", words("fairness.classes", answers=answers, n=words.whole(len(study.data.classes))))
    names = {contender.name for contender in query.mains(study)}
    of_mains = [each for each in study.fairness if each.model in names] or [record]
    each = (f"{query.label(study, each.model)} {words.brief(each.threshold or 0.5)}" for each in of_mains)
    thresholds = fair_words(words.lang).listed(each)
    return tag("p", words("fairness.how", answers=answers, positive=record.positive, thresholds=thresholds))


def _names(study: Study) -> tuple[str, ...]:
    """The gaps that are drawn: of more than two classes, only that in right decisions."""
    return OF_CLASSES if study.fairness[0].threshold is None else GAPS


def gaps_by(study: Study, words: StudyWords, attribute: str) -> Html:
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


def _forest(study: Study, words: StudyWords, attribute: str, mains: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
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


def _drawn(words: StudyWords, people: FairWords, contender: Contender, gap: Gap | None, axis: Axis) -> list[object]:
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


def _told(study: Study, words: StudyWords, attribute: str, mains: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
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


def left_open(study: Study, words: StudyWords) -> Html:
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
