"""Do the elapsed times matter: true gaps against equal ones against shuffled ones."""

from collections.abc import Mapping
from statistics import fmean

from caudal.compare.record import Contender, Study
from caudal.intervals import Interval
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import Axis
from caudal.report.plots.marks import percent, strip, strip_axis, strip_grid, strip_interval
from caudal.report.study import query
from caudal.report.study.tables import Cell, model, table
from caudal.report.study.verdict import matters_lines
from caudal.report.study.words import StudyWords

KINDS = ("true", "one", "shuffled")
_ROW, _LANES = 48, {"true": 11.0, "one": 24.0, "shuffled": 37.0}
_SHAPES = {
    "true": tag("circle", r="5"),
    "one": tag("circle", r="4.2"),
    "shuffled": tag("path", d="M-4-4L4 4M-4 4L4-4"),
}
Found = Mapping[str, Mapping[str, Interval]]


def timing_section(study: Study, words: StudyWords) -> Html:
    """Weights kept, then models trained anew where the budget held it."""
    quick = join(tag("p", line, class_="say") for line in matters_lines(study, words))
    if not study.timing:
        return join([quick, tag("p", words("timing.none"))])
    parts: list[object] = [
        quick,
        tag("p", words("timing.how")),
        _legend(words),
        _regular(study, words),
        _conclusion(study, words),
    ]
    parts.append(_forest(study, words, study.timing, "timing.caption"))
    if study.retrained:
        parts += [tag("h3", words("timing.retrained")), tag("p", words("timing.retrained.how"))]
        parts.append(_forest(study, words, study.retrained, "timing.retrained.caption"))
    else:
        parts.append(tag("p", words("timing.retrained.none"), class_="note"))
    return join(parts)


def _legend(words: StudyWords) -> Html:
    items = []
    for kind in KINDS:
        drawn = tag(
            "svg",
            tag("g", _SHAPES[kind], class_=f"time {kind}"),
            class_="sign",
            viewBox="-8 -8 16 16",
            width=14,
            height=14,
            aria_hidden="true",
        )
        items.append(tag("li", drawn, words(f"timing.{kind}")))
    return tag("ul", *items, class_="legend", aria_label=words("legend"))


def _regular(study: Study, words: StudyWords) -> Html:
    is_regular = study.data.gap_high <= 1.01 * study.data.gap_low
    return tag("p", words("timing.regular")) if is_regular else Html("")


def _conclusion(study: Study, words: StudyWords) -> Html:
    """What happened to the best liquid model and the best traditional one, seed by seed."""
    lines = []
    for name in dict.fromkeys((study.verdict.best_liquid, study.verdict.best_traditional)):
        for kind in ("one", "shuffled"):
            gains = _gains(study, name, kind)
            if not gains:
                continue
            if not any(gains):
                lines.append(tag("li", words(f"timing.still.{kind}", model=query.label(study, name))))
                continue
            digits = query.metric_digits(study)
            count = words("timing.wins", wins=words.whole(sum(gain > 0 for gain in gains)), n=words.whole(len(gains)))
            mean = words.number(fmean(gains), max(digits, 3), signed=True)
            key = f"timing.gain.{kind}"
            lines.append(tag("li", words(key, model=query.label(study, name), wins=count, mean=mean)))
    return tag("ul", *lines) if lines else Html("")


def _gains(study: Study, name: str, kind: str) -> list[float]:
    """For each seed, by how much true gaps did better than changed ones."""
    sign = 1.0 if study.higher_is_better else -1.0
    runs = (run.timing for run in query.runs_of(study, name))
    return [sign * (timing["true"] - timing[kind]) for timing in runs if "true" in timing and kind in timing]


def _forest(study: Study, words: StudyWords, timings: Found, caption: str) -> Html:
    shown = [contender for contender in study.contenders if timings.get(contender.name)]
    # As in the ranking, the trivial model does not stretch the axis.
    trained = [contender for contender in shown if contender.family != "trivial"] or shown
    axis = query.axis(study, [score for contender in trained for score in timings[contender.name].values()])
    digits = query.digits(score for contender in shown for score in timings[contender.name].values())
    rows: list[list[object]] = []
    for contender in shown:
        scores = timings[contender.name]
        tips = [
            f"{words(f'timing.{kind}')}: {words.number(scores[kind].value, digits)} {words.span(scores[kind], digits)}"
            for kind in KINDS
            if kind in scores
        ]
        marks = [
            _mark(axis, scores[kind], kind, contender.family, tip)
            for kind, tip in zip([k for k in KINDS if k in scores], tips, strict=True)
        ]
        drawn = strip(f"{contender.label}. {'; '.join(tips)}", _ROW, strip_grid(axis, _ROW), *marks)
        numbers = [_number(scores.get(kind), words, digits) for kind in KINDS]
        rows.append([Cell(_named(contender, words), None, ""), Cell(drawn, None, "draw"), *numbers])
    head = [words("model"), "", *(words(f"timing.{kind}.short") for kind in KINDS)]
    foot = ["", Cell(strip_axis(axis, words), None, "draw"), "", "", ""]
    return table(words(caption, metric=words.title(study.metric)), head, rows, foot=foot, class_="forest")


def _named(contender: Contender, words: StudyWords) -> Html:
    return join([model(contender), tag("small", words("timing.uses" if contender.uses_dt else "timing.blind"))])


def _mark(axis: Axis, score: Interval, kind: str, family: str, tip: str) -> Html:
    y = _LANES[kind]
    if not axis.holds(score.value):
        return strip_interval(axis, score, family, y, data_tip=tip)
    ends = {"x1": percent(axis.at(score.low)), "x2": percent(axis.at(score.high))}
    line = tag("line", class_=f"whisker thin {family}", y1=y, y2=y, **ends)
    shape = tag("g", _SHAPES[kind], class_=f"time {kind} {family}")
    return join([line, tag("svg", shape, x=percent(axis.at(score.value)), y=y, overflow="visible", data_tip=tip)])


def _number(score: Interval | None, words: StudyWords, digits: int) -> Cell:
    if score is None:
        return Cell("–")
    return Cell(join([words.number(score.value, digits), tag("small", words.span(score, digits))]), score.value)
