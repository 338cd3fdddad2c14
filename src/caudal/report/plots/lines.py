"""Lines over time: the decision so far, states, time constants."""

import math
from collections.abc import Mapping, Sequence

from caudal.report.decision.words import DecisionWords, words
from caudal.report.html import Html, tag
from caudal.report.plots.canvas import ACCENT, INK, QUIET, label, picture, rule, shortened, spread, ticks

WIDTH, HEIGHT = 420.0, 210.0
LEFT, RIGHT, TOP, LOW = 48.0, 16.0, 30.0, 168.0
_COLOURS = (ACCENT, "var(--traditional, #a8480a)", "var(--exc, #0068a3)", "#a0457c", "#7a6a00", QUIET)


def lines(
    time: Sequence[float],
    rows: Mapping[str, Sequence[float]],
    *,
    title: str,
    unit: str = "step",
    quantity: str = "",
    between: tuple[float, float] | None = None,
    log: bool = False,
    lang: str = "en",
) -> Html:
    """One line per name over time, as a standing SVG; the element of class `cursor` is for a page to move.

    Arguments:
        time: of every step, rising.
        rows: values of each line, one per step.
        title: heading and name for screen readers.
        unit: of the time.
        quantity: of the values.
        between: ends of the upright axis; those of the values when left out.
        log: draw the upright axis in powers; only where all values are above 0.
        lang: of the written words and numbers.

    Example:
        >>> "polyline" in lines([0.0, 1.0], {"motor/0": [0.1, 0.4]}, title="State")
        True
    """
    texts = words(lang)
    values = [float(value) for row in rows.values() for value in row]
    low, high = between or spread(values)
    log = log and min(values, default=0.0) > 0
    at = _Place(time, low, high, log)
    drawn: list[object] = [label(title, 0, 13, fill=INK, font_weight=600, font_size=13)]
    drawn += _grid(at, texts, unit)
    drawn.append(rule(at.x(time[-1]), TOP, at.x(time[-1]), LOW, class_="cursor", stroke=INK, stroke_dasharray="3 3"))
    for k, (name, row) in enumerate(rows.items()):
        points = " ".join(f"{at.x(t):.1f},{at.y(float(v)):.1f}" for t, v in zip(time, row, strict=True))
        line = tag("title", name)
        style = {"fill": "none", "stroke": _COLOURS[k % len(_COLOURS)], "stroke_width": 2, "stroke_linejoin": "round"}
        drawn.append(tag("polyline", line, points=points, data_name=name, **style))
    chosen = {"fill": "none", "stroke": INK, "stroke_width": 2.6, "stroke_linejoin": "round"}
    drawn.append(tag("polyline", points="", class_="chosen", **chosen))
    drawn += _key(list(rows))
    ends = (texts.short(min(values, default=0.0)), texts.short(max(values, default=0.0)))
    desc = texts("plot.lines.desc", name=texts.listed(list(rows)[:6]), steps=len(time), low=ends[0], high=ends[1])
    frame = {"data_low": low, "data_high": high, "data_log": "1" if log else None, "data_quantity": quantity}
    frame |= {"data_first": time[0], "data_last": time[-1], "class_": "lines"}
    return picture(WIDTH, HEIGHT + 4, title, desc, *drawn, **frame)


class _Place:
    """Maps times and values to coordinates of the plot."""

    def __init__(self, time: Sequence[float], low: float, high: float, log: bool) -> None:
        self.first, self.last = time[0], time[-1]
        self.low, self.high, self.log = low, high, log

    def x(self, value: float) -> float:
        span = self.last - self.first
        return LEFT + (WIDTH - LEFT - RIGHT) * ((value - self.first) / span if span > 0 else 1.0)

    def y(self, value: float) -> float:
        if not math.isfinite(value):
            return LOW
        if self.log:
            share = math.log(max(value, 1e-300) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return LOW - (LOW - TOP) * min(max(share, -0.05), 1.05)


def _grid(at: _Place, texts: DecisionWords, unit: str) -> list[Html]:
    drawn = []
    up = _powers(at.low, at.high) if at.log else ticks(at.low, at.high, 3)
    for value in up:
        y = at.y(value)
        drawn.append(rule(LEFT, y, WIDTH - RIGHT, y))
        drawn.append(label(texts.short(value), LEFT - 6, y + 4, "end"))
    across = [label(texts.short(value), at.x(value), LOW + 17, "middle") for value in ticks(at.first, at.last, 4)]
    return [*drawn, *across, label(texts("plot.time", unit=unit), WIDTH - RIGHT, LOW + 33, "end")]


def _powers(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    powers = [10.0**k for k in range(first, last + 1)]
    return powers[:: max(1, len(powers) // 4)] if len(powers) > 1 else [low, high]


def _key(names: list[str]) -> list[Html]:
    """The legend: the colour of each line, for as many as fit."""
    drawn, x = [], LEFT
    for k, name in enumerate(names[: len(_COLOURS)]):
        short = shortened(name, 14)
        wide = 24 + 6.6 * len(short)
        if x + wide > WIDTH - 90:
            break
        y = LOW + 33
        drawn.append(rule(x, y - 4, x + 14, y - 4, stroke=_COLOURS[k], stroke_width=2.5))
        drawn.append(label(short, x + 18, y))
        x += wide
    return drawn
