"""Size and cost against quality."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from caudal.compare.record import Contender, Study
from caudal.intervals import Interval
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import logarithmic
from caudal.report.plots.marks import Frame, grid, mark, percent, plot, polyline, short, stretched, whisker
from caudal.report.study import query
from caudal.report.study.tables import Cell, legend, model, table
from caudal.report.study.words import StudyWords

Reading = Callable[[Contender], float | None]
# What may lie on the horizontal axis: key of its words -> reading.
READINGS: Mapping[str, Reading] = {
    "size.live": lambda contender: float(contender.live_parameters),
    "size.operations": query.operations,
    "size.fit_s": lambda contender: contender.fit_seconds,
    "size.series_us": lambda contender: contender.series_microseconds,
}


@dataclass(frozen=True)
class CostPoint:
    """A contender with its cost and its score."""

    contender: Contender
    cost: float
    score: Interval


def cost_section(study: Study, words: StudyWords) -> Html:
    """A plot for each reading of cost, and the table of sizes and times."""
    panels = [(key, panel) for key, reading in READINGS.items() if (panel := _panel(study, words, key, reading))]
    if not panels:
        return join([tag("p", words("cost.none")), _sizes(study, words)])
    tabs = [tag("div", tag("h4", words(key)), panel, class_="panel", data_title=words(key)) for key, panel in panels]
    return join(
        [
            tag("p", words(f"cost.corner.{'higher' if study.higher_is_better else 'lower'}"), " ", words("cost.how")),
            legend(words),
            tag("div", *tabs, class_="tabs", data_label=words("cost.tabs")),
            _sizes(study, words),
            tag("p", words("cost.notes"), class_="note"),
        ]
    )


def _panel(study: Study, words: StudyWords, key: str, reading: Reading) -> Html | None:
    points = [
        CostPoint(contender, cost, score)
        for contender in study.contenders
        if (cost := reading(contender)) is not None and (score := query.score(study, contender.name)) is not None
    ]
    if not points:
        return None
    # The trivial model may stand far off, and would press all others together: it is drawn at the edge then.
    trained = [point for point in points if point.contender.family != "trivial"] or points
    up = query.axis(study, [point.score for point in trained])
    frame = Frame(logarithmic(point.cost for point in trained), up, 340)
    metric = words.title(study.metric)
    front = frontier(points, study.higher_is_better)
    names = words.listed(point.contender.label for point in front)
    label = words("cost.label", metric=metric, reading=words(key), front=names)
    drawn = [_point(frame, words, point, query.metric_digits(study), key) for point in points]
    return plot(
        frame,
        label,
        grid(frame, words, f"{words(key)} ({words('log')})", metric),
        stretched(frame, polyline(frame, _steps(front), class_="front")),
        *drawn,
        *named(frame, points, words, query.metric_digits(study)),
        class_="pareto",
    )


def frontier(points: list[CostPoint], rises: bool) -> list[CostPoint]:
    """The points that no other beats in cost and quality at once, the cheapest first."""
    front: list[CostPoint] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.score.value if rises else p.score.value)):
        best = front[-1].score.value if front else None
        if best is None or (point.score.value > best if rises else point.score.value < best):
            front.append(point)
    return front


def _steps(front: list[CostPoint]) -> list[tuple[float, float]]:
    corners: list[tuple[float, float]] = []
    for point in front:
        if corners:
            corners.append((point.cost, corners[-1][1]))
        corners.append((point.cost, point.score.value))
    return corners


def _point(frame: Frame, words: StudyWords, point: CostPoint, digits: int, key: str) -> Html:
    x = frame.x(point.cost)
    number = f"{words.number(point.score.value, digits)} {words.span(point.score, digits)}"
    tip = f"{point.contender.label}: {number}; {words(key).lower()} {words.short(point.cost)}"
    family = point.contender.family
    drawn = mark(family, x, frame.y(point.score.value), data_tip=tip)
    return join([whisker(frame, x, point.score, family), drawn]) if _is_inside(frame, point) else drawn


def _is_inside(frame: Frame, point: CostPoint) -> bool:
    return frame.up.holds(point.score.value) and frame.across.at(point.cost * 1.001) > 0


def named(frame: Frame, points: list[CostPoint], words: StudyWords, digits: int) -> list[Html]:
    """A name beside each point, moved until it covers no other, counted for the width of a phone."""
    boxes = [(frame.across.at(p.cost), frame.y(p.score.value), 0.02, 7.0) for p in points]
    drawn = []
    for point in points:
        x, y = frame.across.at(point.cost), frame.y(point.score.value)
        name = short(point.contender.label)
        if not _is_inside(frame, point):
            name = f"{name} {words.number(point.score.value, digits)} ↙"
        half = 0.011 * len(name)
        side, shift = next((at for at in _places(x, half) if not _covers(x, y, half, at, boxes)), (1, 0.0))
        boxes.append((x + side * (0.03 + half), y + shift, half, 6.5))
        place = {"x": percent(x), "y": f"{y + shift:g}", "dx": 11 * side, "dy": "0.34em"}
        kind = f"name {'start' if side > 0 else 'end'} {point.contender.family}"
        if abs(shift) > 10:
            drawn.append(_leader(x, y, side, shift, point.contender.family))
        drawn.append(tag("text", name, class_=kind, **place))
    return drawn


def _leader(x: float, y: float, side: int, shift: float, family: str) -> Html:
    """A fine line from a point to its name."""
    line = tag("line", x1=0, y1=0, x2=9 * side, y2=f"{shift:g}", class_=f"leader {family}")
    return tag("svg", line, x=percent(x), y=f"{y:g}", overflow="visible")


def _places(x: float, half: float) -> list[tuple[int, float]]:
    """Sides and shifts to try, the nearest first; a name must not leave the plot."""
    sides = [
        side for side in (1, -1) if x + side * (0.03 + half) - half >= 0 and x + side * (0.03 + half) + half <= 1.02
    ]
    shifts = [0.0, *(sign * 6.5 * k for k in range(1, 24) for sign in (-1, 1))]
    return [(side, shift) for shift in shifts for side in sides or (1,)]


def _covers(
    x: float, y: float, half: float, at: tuple[int, float], others: list[tuple[float, float, float, float]]
) -> bool:
    side, shift = at
    middle = x + side * (0.03 + half)
    return any(abs(middle - u) < half + w and abs(y + shift - v) < 6.5 + h for u, v, w, h in others)


def _sizes(study: Study, words: StudyWords) -> Html:
    keys = (
        "size.units",
        "size.parameters",
        "size.live",
        "size.synapses",
        "size.operations",
        "size.fit",
        "size.step",
        "size.series",
    )
    rows: list[list[object]] = []
    for contender in study.contenders:
        counts = (
            contender.units,
            contender.parameters,
            contender.live_parameters,
            contender.synapses,
            query.operations(contender),
        )
        row: list[object] = [Cell(model(contender), None, "")]
        row += [Cell("–") if n is None else Cell(words.whole(n), float(n)) for n in counts]
        row.append(Cell(words.seconds(contender.fit_seconds), contender.fit_seconds))
        row += [
            Cell("–") if t is None else Cell(words.seconds(t / 1e6), t)
            for t in (contender.step_microseconds, contender.series_microseconds)
        ]
        rows.append(row)
    return table(words("cost.caption"), [words("model"), *(words(key) for key in keys)], rows, sortable=True)
