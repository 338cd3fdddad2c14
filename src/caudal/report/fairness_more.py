"""More about gaps between groups: over the decision's step, of all models, and what each group gets."""

from collections.abc import Sequence

from caudal.compare.record import Contender, Study
from caudal.fair.intervals import Gap, GroupRate
from caudal.fair.page.words import FairWords
from caudal.fair.page.words import words as fair_words
from caudal.fair.record import FairAttribute, FairReport
from caudal.intervals import Interval
from caudal.pages import Html, join, tag
from caudal.report import query
from caudal.report.axes import Axis, linear
from caudal.report.drawing import Frame, band, grid, mark, plot, polyline, short, stretched
from caudal.report.next import chosen
from caudal.report.tables import Cell, table
from caudal.report.wording import Words

_RATES = ("base_rate", "selection_rate", "tpr", "fpr", "accuracy")
_HEIGHT = 220
_DASHES, _APART, _LONGEST = ("", "7 4", "2 4"), 14.0, 14


def points(interval: Interval) -> Interval:
    """An interval of shares in points."""
    return Interval(100 * interval.value, 100 * interval.low, 100 * interval.high, interval.level, interval.method)


def curve(study: Study, words: Words, attribute: str, mains: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
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
    named = _names(frame, [(contender, spots[-1][1].value) for contender, spots in lines])
    picture = plot(frame, label, ticks, stretched(frame, *drawn), *signs, *named, class_="lines", right=right)
    note = tag("p", words("fairness.curve.how"), class_="note")
    return tag("figure", tag("figcaption", tag("h4", title), note), picture)


def _names(frame: Frame, ends: Sequence[tuple[Contender, float]]) -> list[Html]:
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


def every_gap(study: Study, words: Words, attribute: str, pairs: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
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


def _over_seeds(gap: Gap, words: Words) -> str:
    if len(gap.seeds) < 2:
        return "–"
    low, high = (words.number(100 * end, 1) for end in (min(gap.seeds), max(gap.seeds)))
    return words("energy.span", low=low, high=high)


def every_rate(study: Study, words: Words, attribute: str, pairs: Sequence[tuple[FairReport, FairAttribute]]) -> Html:
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


def _rate(rate: GroupRate | None, words: Words, people: FairWords) -> Cell:
    if rate is None or rate.value is None:
        return Cell("–")
    flag = tag("b", words("fairness.few"), class_="badge warn") if rate.few else ""
    span = people.span(rate.metric, rate.value)
    return Cell(join([people.value(rate.metric, rate.value.value), tag("small", " ", span), flag]), rate.value.value)
