"""Dot plots with intervals as inline SVG: tall and narrow, so that a phone shows them at full size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from caudal.intervals import Interval
from studies.driving.records import EXPERT

# After the Okabe-Ito palette, in mid tones that stay legible on white and near black; shapes tell them apart as well.
COLOURS = {
    "ltc-ncp": "#0E8F74", "cfc-ncp": "#2B8FD0", "lstm": "#D55E00", "gru": "#B9659A", "mlp": "#8A7A00",
    EXPERT: "#7A7A7A",
}  # fmt: skip
_WIDTH, _LEFT, _RIGHT, _ROW, _GAP = 420, 66, 20, 13, 26


@dataclass(frozen=True)
class Dot:
    """One figure of one driver.

    Attributes:
        model: of `COLOURS`.
        label: its name in words.
        value: the estimate with its interval.
        told: the figure in words, for the tip.
    """

    model: str
    label: str
    value: Interval
    told: str


def dots(title: str, groups: Mapping[str, Sequence[Dot]], ticks: Sequence[tuple[float, str]]) -> str:
    """A row per driver, grouped by condition; the axis runs over the ticks.

    Arguments:
        title: what it shows; also for screen readers.
        groups: dots by the heading of their group.
        ticks: at least two values of the axis with their labels, rising; values beyond are drawn at the edge.

    Example:
        >>> one = Dot("mlp", "MLP", Interval(3.0, 2.0, 4.0), "3 (2 to 4)")
        >>> dots("Return", {"clean": [one]}, [(0.0, "0"), (5.0, "5")]).startswith("<svg ")
        True
    """
    low, high = ticks[0][0], ticks[-1][0]
    height = 22 + sum(_GAP + _ROW * len(rows) for rows in groups.values()) + 24

    def at(value: float) -> float:
        part = (min(max(value, low), high) - low) / (high - low)
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label={quoteattr(title)} font-size="11" fill="currentColor"><title>{escape(title)}</title>'
    ]
    for value, label in ticks:
        x = at(value)
        parts.append(f'<path d="M{x:.1f},16V{height - 20}" stroke="currentColor" stroke-opacity="0.16"/>')
        text = f'text-anchor="middle">{escape(label)}</text>'
        parts.append(f'<text x="{x:.1f}" y="10" {text}<text x="{x:.1f}" y="{height - 6}" {text}')
    y = 22.0
    for heading, rows in groups.items():
        parts.append(f'<text x="4" y="{y + 15:.1f}" font-weight="600">{escape(heading)}</text>')
        y += _GAP
        for row in rows:
            parts.append(_row(row, y, at))
            y += _ROW
    return "".join([*parts, "</svg>"])


def _row(row: Dot, y: float, at: Callable[[float], float]) -> str:
    colour, x, middle = COLOURS[row.model], at(row.value.value), y
    start, end = at(row.value.low), at(row.value.high)
    return (
        f"<g><title>{escape(row.label)}: {escape(row.told)}</title>"
        f'<text x="{_LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end" fill="{colour}">{escape(row.label)}</text>'
        f'<path d="M{start:.1f},{middle:.1f}H{end:.1f}" stroke="{colour}" stroke-width="2"/>'
        f"{_mark(row.model, x, middle, colour)}</g>"
    )


def _mark(model: str, x: float, y: float, colour: str) -> str:
    if model in ("ltc-ncp", "cfc-ncp"):
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" fill="{colour}"/>'
    if model == EXPERT:
        return f'<path d="M{x:.1f},{y - 5:.1f}V{y + 5:.1f}" stroke="{colour}" stroke-width="2.5"/>'
    return f'<rect x="{x - 3.4:.1f}" y="{y - 3.4:.1f}" width="6.8" height="6.8" fill="{colour}"/>'
