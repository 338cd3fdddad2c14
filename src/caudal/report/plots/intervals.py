"""Interval plots and curves as standing SVG, each with a title and a description for those who do not see it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from caudal.intervals import Interval
from caudal.report.fairness.words import SHARES, FairWords
from caudal.report.html import Html, tag
from caudal.wiring.drawing import FONT

# Blue and vermilion of the Okabe-Ito palette stay apart under every common colour blindness.
MAIN, FAINT = "var(--exc, #0068a3)", "var(--quiet, #5a646c)"
INK, QUIET, RULE = "var(--ink, #1b2126)", "var(--quiet, #5a646c)", "var(--rule, #dcdcd4)"
WIDE, LEFT, RIGHT, ROW, TOP = 480.0, 190.0, 24.0, 28.0, 34.0


class IntervalRow(NamedTuple):
    """A line of an interval plot.

    Attributes:
        label: of the group.
        value: None where it is not defined, or not shown.
        faint: whether it stands on too few to say much.
        note: said where there is no value.
        under: said below the label, or `""`.
    """

    label: str
    value: Interval | None
    faint: bool = False
    note: str = ""
    under: str = ""


def intervals(rows: Sequence[IntervalRow], words: FairWords, *, title: str, metric: str, zero: bool = False) -> Html:
    """Values of groups with their intervals, one line each; hollow where they stand on few.

    Arguments:
        rows: in order.
        words: words.
        title: heading and name for screen readers.
        metric: by name; shares run in percent.
        zero: whether 0 is drawn, as where differences are shown.
    """
    ends = [end for row in rows if row.value for end in (row.value.low, row.value.high, row.value.value)]
    low, high = _ends([*ends, 0.0] if zero else ends, metric)
    bottom = TOP + ROW * len(rows)

    def x(value: float) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * (min(max(value, low), high) - low) / (high - low)

    drawn: list[object] = [_text(title, 0, 14, INK, weight=600, size=13)]
    for tick in ticks(low, high):
        drawn.append(_line(x(tick), TOP - 6, x(tick), bottom, RULE))
        drawn.append(_text(_tick(words, metric, tick), x(tick), bottom + 15, QUIET, "middle"))
    if zero and low < 0 < high:
        drawn.append(_line(x(0), TOP - 6, x(0), bottom, INK))
    described = []
    for k, row in enumerate(rows):
        y = TOP + ROW * k + ROW / 2
        drawn.append(_text(_cut(row.label), LEFT - 12, y + (-1 if row.under else 4), INK, "end"))
        if row.under:
            drawn.append(_text(row.under, LEFT - 12, y + 10, QUIET, "end", size=10))
        if row.value is None:
            drawn.append(_text(row.note or "–", LEFT + 4, y + 4, QUIET))
            described.append(f"{row.label}: {row.note or '–'}")
            continue
        interval, colour = row.value, FAINT if row.faint else MAIN
        if interval.high > interval.low:
            drawn.append(_line(x(interval.low), y, x(interval.high), y, colour, 2.2, "3 3" if row.faint else None))
        fill = "var(--paper, #fdfdfb)" if row.faint else colour
        drawn.append(tag("circle", cx=f"{x(interval.value):.1f}", cy=f"{y:.1f}", r="4.6", fill=fill, stroke=colour))
        described.append(f"{row.label}: {words.value(metric, interval.value)} {words.span(metric, interval)}")
    return _picture(WIDE, bottom + 24, title, "; ".join(described), *drawn)


def curve(
    steps: Sequence[int],
    values: Sequence[Interval | None],
    words: FairWords,
    *,
    title: str,
    metric: str,
    axis: str = "",
) -> Html:
    """A gap over steps, with its interval at each.

    Arguments:
        steps: rising.
        values: of the gap; None where it is not defined.
        words: words.
        title: heading and name for screen readers.
        metric: by name.
        axis: what the steps are; steps read where left out.
    """
    known = [interval for interval in values if interval is not None]
    low, high = _ends([0.0, *(interval.high for interval in known)], metric)
    low = 0.0
    left, bottom, tall = 64.0, 196.0, 196.0 - TOP
    first, last = steps[0], max(steps[-1], steps[0] + 1)

    def x(step: float) -> float:
        return left + 10 + (WIDE - left - RIGHT - 10) * (step - first) / (last - first)

    def y(value: float) -> float:
        return bottom - tall * (min(value, high) - low) / (high - low)

    drawn: list[object] = [_text(title, 0, 14, INK, weight=600, size=13)]
    for tick in ticks(low, high):
        drawn.append(_line(left, y(tick), WIDE - RIGHT, y(tick), RULE))
        drawn.append(_text(_tick(words, metric, tick), left - 8, y(tick) + 4, QUIET, "end"))
    points, described = [], []
    for step, interval in zip(steps, values, strict=True):
        drawn.append(_text(words.fixed(step), x(step), bottom + 17, QUIET, "middle"))
        if interval is None:
            described.append(f"{step}: –")
            continue
        points.append(f"{x(step):.1f},{y(interval.value):.1f}")
        drawn.append(_line(x(step), y(interval.low), x(step), y(interval.high), MAIN, 2))
        drawn.append(tag("circle", cx=f"{x(step):.1f}", cy=f"{y(interval.value):.1f}", r="4.6", fill=MAIN))
        described.append(f"{step}: {words.apart(metric, interval.value)} {words.span(metric, interval, apart=True)}")
    drawn.append(tag("polyline", points=" ".join(points), fill="none", stroke=MAIN, stroke_width=1.4))
    drawn.append(_text(axis or words("plot.axis"), WIDE - RIGHT, bottom + 36, QUIET, "end"))
    return _picture(WIDE, bottom + 44, title, "; ".join(described), *drawn)


def band(
    at: Sequence[float], values: Sequence[Interval], words: FairWords, *, title: str, metric: str, axis: str
) -> Html:
    """A smooth curve within its band.

    Arguments:
        at: rising places.
        values: of the curve, with the band.
        words: words.
        title: heading and name for screen readers.
        metric: by name; shares run in percent.
        axis: what the places are.
    """
    low, high = _ends([end for value in values for end in (value.low, value.high)], metric)
    left, bottom, tall = 64.0, 196.0, 196.0 - TOP

    def x(place: float) -> float:
        return left + 10 + (WIDE - left - RIGHT - 10) * (place - at[0]) / ((at[-1] - at[0]) or 1.0)

    def y(value: float) -> float:
        return bottom - tall * (min(max(value, low), high) - low) / ((high - low) or 1.0)

    def path(ends: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in ends)

    drawn: list[object] = [_text(title, 0, 14, INK, weight=600, size=13)]
    for tick in ticks(low, high):
        drawn.append(_line(left, y(tick), WIDE - RIGHT, y(tick), RULE))
        drawn.append(_text(_tick(words, metric, tick), left - 8, y(tick) + 4, QUIET, "end"))
    drawn += [_text(words.short(tick), x(tick), bottom + 17, QUIET, "middle") for tick in ticks(at[0], at[-1])]
    upper = [(place, value.high) for place, value in zip(at, values, strict=True)]
    lower = [(place, value.low) for place, value in zip(at, values, strict=True)]
    drawn.append(tag("polygon", points=path([*upper, *reversed(lower)]), fill=MAIN, fill_opacity="0.18"))
    middle = [(place, value.value) for place, value in zip(at, values, strict=True)]
    drawn.append(tag("polyline", points=path(middle), fill="none", stroke=MAIN, stroke_width=1.8))
    drawn.append(_text(axis, WIDE - RIGHT, bottom + 36, QUIET, "end"))
    described = (f"{words.short(place)}: {words.value(metric, value)}" for place, value in middle)
    return _picture(WIDE, bottom + 44, title, "; ".join(described), *drawn)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between two ends.

    Example:
        >>> ticks(0.0, 1.0)
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * part for part in (1, 2, 2.5, 5, 10) if power * part >= raw * 0.999)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _ends(values: Sequence[float], metric: str) -> tuple[float, float]:
    """Ends of an axis a little beyond the values; shares of 0 to 1 do not pass these."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = (low - room if low else low), high + room
    if metric in SHARES and min(values, default=0.0) >= 0:
        return max(0.0, low), min(1.0, high)
    return low, high


def _tick(words: FairWords, metric: str, value: float) -> str:
    if metric in SHARES:
        return words("percent", n=words.fixed(100 * value, 0 if abs(100 * value - round(100 * value)) < 1e-6 else 1))
    return words.short(value)


def _cut(name: str, longest: int = 26) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _picture(width: float, height: float, title: str, desc: str, *inside: object) -> Html:
    # Written first: attributes that hold a colon or an upper-case letter are no Python names.
    head = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width:.0f} {height:.0f}"}
    plain = {"role": "img", "aria_label": title, "font_family": FONT, "font_size": 12}
    return tag("svg", tag("title", title), tag("desc", desc), *inside, **head, **plain)


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1.0, dash: str | None = None) -> Html:
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    return tag("line", **ends, stroke=stroke, stroke_width=width, stroke_dasharray=dash)


def _text(
    words: str, x: float, y: float, fill: str, anchor: str = "start", weight: int | None = None, size: int | None = None
) -> Html:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text_anchor": anchor}
    return tag("text", words, **place, fill=fill, font_weight=weight, font_size=size)
