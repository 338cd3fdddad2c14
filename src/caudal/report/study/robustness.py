"""What is left of each model when the test series are disturbed more and more."""

from collections.abc import Sequence

from caudal.compare.metrics.record import Curve
from caudal.compare.record import Contender, Study
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import Axis, linear
from caudal.report.plots.marks import Frame, band, grid, mark, plot, polyline, short, sign, stretched
from caudal.report.study import query
from caudal.report.study.tables import Cell, details, model, table
from caudal.report.study.words import StudyWords

# Models of one family share a colour; dashes tell them apart.
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 2", "12 4", "1 4", "6 2 1 2")
_HEIGHT, _APART, _LONGEST = 250, 13.0, 14


def robustness_section(study: Study, words: StudyWords) -> Html:
    """A plot for each disturbance with selectable models, and what was kept of the undisturbed score."""
    if not study.curves:
        return tag("p", words("robustness.none"))
    kinds = list(dict.fromkeys(curve.disturbance for curve in study.curves))
    up = _scale(study)
    plots = [_figure(study, words, kind, up) for kind in kinds]
    numbers = [_numbers(study, words, kind) for kind in kinds]
    digits = query.metric_digits(study)
    far = [contender.label for contender in _measured(study) if contender not in _drawn(study, up)]
    values = [curve.values[0].value for curve in study.curves if query.label(study, curve.model) in far]
    outside = words("robustness.outside", models=words.listed(far), n=words.number(values[0], digits)) if far else ""
    return join(
        [
            tag("p", words("robustness.how"), " ", outside),
            _chips(study, words, up),
            tag("div", *plots, class_="figures", id="curves"),
            _kept(study, words, kinds),
            details(words("robustness.numbers"), *numbers),
        ]
    )


def _scale(study: Study) -> Axis:
    """The axis of all plots; as in the ranking, the trivial model does not stretch it."""
    trivial = {contender.name for contender in study.contenders if contender.family == "trivial"}
    curves = [curve for curve in study.curves if curve.model not in trivial] or study.curves
    return query.axis(study, [interval for curve in curves for interval in curve.values])


def _measured(study: Study) -> list[Contender]:
    with_curves = {curve.model for curve in study.curves}
    return [contender for contender in study.contenders if contender.name in with_curves]


def _drawn(study: Study, up: Axis) -> list[Contender]:
    """The contenders whose curves lie within the plots."""
    outside = {curve.model for curve in study.curves if not all(up.holds(interval.value) for interval in curve.values)}
    return [contender for contender in _measured(study) if contender.name not in outside]


def _style(study: Study, contender: Contender) -> dict[str, object]:
    """Number of a model, its dashes, and whether it is shown strongly before anybody chooses."""
    kin = [other.name for other in _measured(study) if other.family == contender.family]
    number = [other.name for other in study.contenders].index(contender.name)
    is_on = contender in query.mains(study)
    dash = _DASHES[kin.index(contender.name) % len(_DASHES)]
    return {
        "data_model": number,
        "class_": f"curve {contender.family}{' on' if is_on else ''}",
        "stroke_dasharray": dash or None,
    }


def _chips(study: Study, words: StudyWords, up: Axis) -> Html:
    chips = []
    for contender in _drawn(study, up):
        style = _style(study, contender)
        line = tag("line", x1=0, x2=24, y1=5, y2=5, class_=contender.family, stroke_dasharray=style["stroke_dasharray"])
        drawn = tag("svg", line, width=24, height=10, class_="dash", aria_hidden="true")
        is_on = "on" in str(style["class_"]).split()
        box = tag("input", type="checkbox", checked=is_on, data_model=style["data_model"], autocomplete="off")
        chips.append(tag("label", box, sign(contender.family), contender.label, drawn))
    return tag("fieldset", tag("legend", words("robustness.choose")), *chips, class_="chips")


def _figure(study: Study, words: StudyWords, kind: str, up: Axis) -> Html:
    curves = [curve for curve in study.curves if curve.disturbance == kind]
    frame = Frame(linear((level for curve in curves for level in curve.levels), 0.0), up, _HEIGHT)
    title = words.known("disturbance", kind)
    metric = words.title(study.metric)
    drawn_models = _drawn(study, up)
    pairs = [(contender, curve) for curve in curves for contender in drawn_models if contender.name == curve.model]
    lines = [_line(study, frame, contender, curve) for contender, curve in pairs]
    marks = [_marks(study, words, frame, contender, curve) for contender, curve in pairs]
    unit = words.known("unit", curves[0].unit)
    drawn = plot(
        frame,
        words("robustness.label", title=title, metric=metric, unit=unit),
        grid(frame, words, unit, metric, (4, 4)),
        stretched(frame, *lines),
        *marks,
        *_ends(study, frame, pairs),
        class_="lines",
        right=14 + round(6.8 * max((len(short(contender.label, _LONGEST)) for contender, _ in pairs), default=0)),
    )
    note = (
        tag("p", words(f"disturbance.{kind}.how"), class_="note") if words.knows("disturbance", f"{kind}.how") else ""
    )
    return tag("figure", tag("figcaption", tag("h3", title), note), drawn)


def _line(study: Study, frame: Frame, contender: Contender, curve: Curve) -> Html:
    points = [(level, value.value) for level, value in zip(curve.levels, curve.values, strict=True)]
    style = _style(study, contender)
    dash = style.pop("stroke_dasharray")
    area = band(frame, curve.levels, curve.values, class_="band")
    return tag("g", area, polyline(frame, points, stroke_dasharray=dash), **style)


def _marks(study: Study, words: StudyWords, frame: Frame, contender: Contender, curve: Curve) -> Html:
    style = _style(study, contender) | {"stroke_dasharray": None}
    digits = query.metric_digits(study)
    places = []
    for level, value in zip(curve.levels, curve.values, strict=True):
        figures = f"{words.number(value.value, digits)} {words.span(value, digits)}"
        tip = f"{contender.label}, {words.trimmed(level)}: {figures}"
        places.append(mark(contender.family, frame.x(level), frame.y(value.value), data_tip=tip))
    return tag("g", *places, **style)


def _ends(study: Study, frame: Frame, pairs: list[tuple[Contender, Curve]]) -> list[Html]:
    """Names at the ends of the curves, pushed apart: those shown at first stand nearest to their curves."""
    placed: list[float] = []
    named = []
    mains = query.mains(study)
    for contender, curve in sorted(pairs, key=lambda pair: pair[0] not in mains):
        wanted = frame.y(curve.values[-1].value)
        shifts = (sign * _APART / 2 * k for k in range(60) for sign in (1, -1))
        y = next((wanted + d for d in shifts if all(abs(wanted + d - other) >= _APART for other in placed)), wanted)
        placed.append(y)
        style = _style(study, contender) | {"stroke_dasharray": None}
        named.append(
            tag(
                "g",
                tag("text", short(contender.label, _LONGEST), class_="name", x="100%", dx=9, y=f"{y:g}", dy="0.34em"),
                **style,
            )
        )
    return named


def _kept(study: Study, words: StudyWords, kinds: Sequence[str]) -> Html:
    curves = {(curve.model, curve.disturbance): curve for curve in study.curves}
    digits = query.metric_digits(study)
    rows: list[list[object]] = []
    for contender in _measured(study):
        row: list[object] = [Cell(model(contender), None, "")]
        for kind in kinds:
            curve = curves.get((contender.name, kind))
            if curve is None:
                row.append(Cell("–"))
                continue
            shown = join(
                [
                    words.percent(curve.kept, 1),
                    tag("small", words("robustness.area", n=words.number(curve.area, digits))),
                ]
            )
            row.append(Cell(shown, curve.kept))
        rows.append(row)
    head = [words("model"), *(words.known("disturbance", kind) for kind in kinds)]
    return table(words("robustness.caption"), head, rows, sortable=True)


def _numbers(study: Study, words: StudyWords, kind: str) -> Html:
    curves = [curve for curve in study.curves if curve.disturbance == kind]
    levels = sorted({level for curve in curves for level in curve.levels})
    digits = query.metric_digits(study)
    rows: list[list[object]] = []
    for curve in curves:
        by_level = dict(zip(curve.levels, curve.values, strict=True))
        row: list[object] = [query.label(study, curve.model)]
        for level in levels:
            value = by_level.get(level)
            row.append(
                Cell("–")
                if value is None
                else Cell(
                    join([words.number(value.value, digits), tag("small", words.span(value, digits))]), value.value
                )
            )
        rows.append(row)
    unit = words.known("unit", curves[0].unit)
    caption = f"{words.known('disturbance', kind)} ({unit})"
    return table(caption, [words("model"), *(words.trimmed(level) for level in levels)], rows)
