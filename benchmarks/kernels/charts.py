"""Line charts as SVG that is part of the page: no plotting library, and colours that follow light and dark themes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

# After the Okabe-Ito palette, in mid tones legible on white and near black; dashes tell them apart without colour.
STROKES = (("#2B8FD0", ""), ("#D55E00", "7 3"), ("#009E73", "2 3"), ("#CC79A7", "9 3 2 3"), ("#8A7A00", "1 4"))
WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 66, 120, 36, 46


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis from `low` to `high`, drawn between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Place of a value."""
        part = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return self.start + part * (self.end - self.start)


def lines(
    title: str,
    x_label: str,
    y_label: str,
    curves: Mapping[str, Sequence[tuple[float, float]]],
    unit: float = 1.0,
    styles: Sequence[str] = (),
) -> str:
    """One chart with logarithmic axes, a curve or single point per name; one line of text, as Markdown needs it.

    Arguments:
        title: what it shows; also for screen readers.
        x_label: name of the horizontal axis.
        y_label: name of the vertical axis, with its unit.
        curves: `(x, y)` pairs by name, both above 0, ordered by x.
        unit: y values are divided by it.
        styles: names in the order of colours, so that a name looks the same on every chart; that of `curves` if empty.

    Example:
        >>> lines("Cost", "steps", "s", {"LTC": [(10, 1.0), (100, 9.0)]}).startswith("<svg ")
        True
    """
    drawn = {name: [(x, y / unit) for x, y in points] for name, points in curves.items() if points}
    xs = [x for points in drawn.values() for x, _ in points]
    ys = [y for points in drawn.values() for _, y in points]
    across = Scale(*_ends(xs, tight=True), LEFT, WIDTH - RIGHT)
    up = Scale(*_ends(ys), HEIGHT - BOTTOM, TOP)
    parts = [_head(title), *_grid(across, up, sorted(set(xs))), *_labels(x_label, y_label)]
    ends = _spread_out({name: up.at(points[-1][1]) for name, points in drawn.items()})
    order = [*styles, *(name for name in drawn if name not in styles)]
    for name, points in drawn.items():
        colour, dash = STROKES[order.index(name) % len(STROKES)]
        parts.append(_curve([(across.at(x), up.at(y)) for x, y in points], colour, dash, name))
        parts.append(
            f'<text x="{WIDTH - RIGHT + 12}" y="{ends[name] + 4:.1f}" fill="{colour}" font-weight="600">'
            f"{escape(name)}</text>"
        )
    return "".join([*parts, "</svg>"])


def _ends(values: Sequence[float], tight: bool = False) -> tuple[float, float]:
    low, high = min(values), max(values)
    if not tight:
        low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
    return (low / 2, high * 2) if low == high else (low, high)


def _head(title: str) -> str:
    text = escape(title, {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text}" '
        'style="max-width:100%;height:auto" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">'
        f'<title>{text}</title><text x="{LEFT}" y="20" font-size="14" font-weight="600">{escape(title)}</text>'
    )


def _grid(across: Scale, up: Scale, xs: Sequence[float]) -> list[str]:
    parts = []
    decade = round(math.log10(up.low))
    while 10**decade <= up.high * 1.001:
        y = up.at(10.0**decade)
        parts.append(_rule(across.start, y, across.end, y) + _tick(LEFT - 8, y + 4, 10.0**decade, "end"))
        decade += 1
    shown: float | None = None
    for value in xs:
        x = across.at(value)
        if shown is None or x - shown > 34:
            parts.append(_rule(x, up.start, x, up.end) + _tick(x, HEIGHT - BOTTOM + 18, value, "middle"))
            shown = x
    return parts


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" stroke-opacity="0.18"/>'
    )


def _tick(x: float, y: float, value: float, anchor: str) -> str:
    text = f"{value:,.0f}" if value >= 1 else f"{value:g}"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _labels(x_label: str, y_label: str) -> list[str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="16" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 16 {middle:.0f})">'
        f"{escape(y_label)}</text>",
    ]


def _curve(points: Sequence[tuple[float, float]], colour: str, dash: str, name: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    style = f'fill="none" stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")
    return f'<g><title>{escape(name)}</title><polyline points="{path}" {style}/>{dots}</g>'


def _spread_out(places: Mapping[str, float], apart: float = 15.0) -> dict[str, float]:
    """Heights of the names beside the curves, moved so that none covers another."""
    moved: dict[str, float] = {}
    lowest = -math.inf
    for name, y in sorted(places.items(), key=lambda item: item[1]):
        lowest = max(y, lowest + apart)
        moved[name] = lowest
    return moved
