"""Pieces of plots as inline SVG.

Across, places are percentages, so that a plot takes any width while its letters keep their size; down, they are pixels.
Lines and bands lie in a nested SVG that is stretched, with strokes that are not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caudal.intervals import Interval
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import Axis
from caudal.report.study.words import StudyWords

# Families differ in colour and in shape, so that either is enough.
SHAPES = {
    "liquid": tag("circle", r="5.5"),
    "traditional": tag("rect", x="-5", y="-5", width="10", height="10"),
    "trivial": tag("path", d="M0-6.8L6.8 0L0 6.8L-6.8 0Z"),
}


@dataclass(frozen=True)
class Frame:
    """Axes and height (pixels) of a plot, and where a value lies in it."""

    across: Axis
    up: Axis
    height: int = 280

    def x(self, value: float) -> str:
        """Place across, in percent."""
        return percent(self.across.at(value))

    def y(self, value: float) -> float:
        """Place down, in pixels."""
        return round(self.height * (1 - self.up.at(value)), 1)

    def points(self, values: Iterable[tuple[float, float]]) -> str:
        """Points of the stretched layer, 100 units wide."""
        return " ".join(f"{100 * self.across.at(x):.2f},{self.y(y):g}" for x, y in values)


def short(label: str, most: int = 20) -> str:
    """A label for a drawing, cut where it is too long."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def percent(part: float) -> str:
    """A share of the width."""
    return f"{100 * part:.2f}%"


def mark(family: str, x: str, y: float, *inside: object, **attributes: object) -> Html:
    """The sign of a family at a place."""
    shape = tag("g", SHAPES.get(family, SHAPES["trivial"]), *inside, class_=f"mark {family}")
    return tag("svg", shape, x=x, y=f"{y:g}", overflow="visible", **attributes)


def sign(family: str) -> Html:
    """The sign of a family beside a name."""
    shape = tag("g", SHAPES.get(family, SHAPES["trivial"]), class_=f"mark {family}")
    return tag("svg", shape, class_="sign", viewBox="-8 -8 16 16", width=14, height=14, aria_hidden="true")


def whisker(frame: Frame, x: str, interval: Interval, family: str) -> Html:
    """An upright line from end to end of an interval."""
    low, high = frame.y(interval.low), frame.y(interval.high)
    return tag("line", class_=f"whisker {family}", x1=x, x2=x, y1=f"{low:g}", y2=f"{high:g}")


def stretched(frame: Frame, *inside: object) -> Html:
    """The layer of lines and bands."""
    box = f"0 0 100 {frame.height}"
    return tag("svg", *inside, viewBox=box, preserveAspectRatio="none", width="100%", height=frame.height, class_="ink")


def polyline(frame: Frame, values: Sequence[tuple[float, float]], **attributes: object) -> Html:
    """A line through points, for the stretched layer."""
    return tag("polyline", points=frame.points(values), **attributes)


def band(frame: Frame, xs: Sequence[float], intervals: Sequence[Interval], **attributes: object) -> Html:
    """The area between the ends of intervals, for the stretched layer."""
    there = [(x, interval.low) for x, interval in zip(xs, intervals, strict=True)]
    back = [(x, interval.high) for x, interval in zip(xs, intervals, strict=True)]
    return tag("polygon", points=frame.points([*there, *reversed(back)]), **attributes)


def grid(frame: Frame, words: StudyWords, x_name: str, y_name: str, ticks: tuple[int, int] = (5, 5)) -> Html:
    """Grid lines, written values, and the names of both axes."""
    low = frame.height
    parts = []
    for value, shown in _written(frame.up, words, ticks[1]):
        y = f"{frame.y(value):g}"
        parts.append(tag("line", class_="rule", x1="0", x2="100%", y1=y, y2=y))
        parts.append(tag("text", shown, class_="tick end", x=-9, y=y, dy="0.34em"))
    for value, shown in _written(frame.across, words, ticks[0]):
        x = frame.x(value)
        parts.append(tag("line", class_="rule faint", x1=x, x2=x, y1=0, y2=low))
        parts.append(tag("text", shown, class_="tick middle", x=x, y=low + 19))
    parts.append(tag("line", class_="base", x1="0", x2="100%", y1=low, y2=low))
    parts.append(tag("text", x_name, class_="axis middle", x="50%", y=low + 40))
    parts.append(tag("text", y_name, class_="axis", x=-44, y=-14))
    return tag("g", *parts, aria_hidden="true")


def _written(axis: Axis, words: StudyWords, count: int) -> list[tuple[float, str]]:
    """Values beside an axis, with their texts."""
    values = axis.ticks(count)
    return list(zip(values, words.scale(values), strict=True))


def plot(frame: Frame, label: str, *inside: object, class_: str = "", left: int = 52, right: int = 14) -> Html:
    """A whole plot with a text alternative."""
    drawn = tag("svg", *inside, width="100%", height=frame.height, role="img", aria_label=label, overflow="visible")
    return tag("div", drawn, class_=f"plot {class_}".strip(), style=f"--left:{left}px;--right:{right}px")


def strip(label: str | None, height: int, *inside: object) -> Html:
    """A plot one row high, in a cell of a table whose other cells say the same in numbers."""
    hidden = {"aria_hidden": "true"} if label is None else {"role": "img", "aria_label": label}
    return tag("svg", *inside, class_="strip", width="100%", height=height, overflow="visible", **hidden)


def strip_grid(axis: Axis, height: int) -> Html:
    """Grid lines of a row."""
    places = [percent(axis.at(value)) for value in axis.ticks(4)]
    return join(tag("line", class_="rule faint", x1=x, x2=x, y1=-8, y2=height + 8) for x in places)


def strip_axis(axis: Axis, words: StudyWords) -> Html:
    """The written values under rows that share an axis."""
    written = _written(axis, words, 4)
    texts = (tag("text", shown, class_="tick middle", x=percent(axis.at(value)), y=14) for value, shown in written)
    return strip(None, 20, *texts)


def strip_interval(axis: Axis, interval: Interval, family: str, y: float, **attributes: object) -> Html:
    """An interval with its estimate, lying; an arrow at the edge where the estimate lies beyond it."""
    if not axis.holds(interval.value):
        is_left = interval.value < axis.low
        arrow = tag("path", d="M0 0L9-5.5V5.5Z" if is_left else "M0 0L-9-5.5V5.5Z", class_=f"mark {family}")
        return tag("svg", arrow, x="0%" if is_left else "100%", y=y, overflow="visible", class_="beyond", **attributes)
    ends = {"x1": percent(axis.at(interval.low)), "x2": percent(axis.at(interval.high))}
    line = tag("line", class_=f"whisker {family}", y1=y, y2=y, **ends)
    return join([line, mark(family, percent(axis.at(interval.value)), y, **attributes)])
