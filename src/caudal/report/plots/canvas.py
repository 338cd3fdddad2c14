"""What the pictures share: a standing SVG with its text alternative, colours that follow the page, and round ticks."""

import math
from collections.abc import Sequence

from caudal.report.html import Html, tag
from caudal.wiring.drawing import FONT

# Blue and vermilion of the Okabe-Ito palette stay apart under every common colour blindness. A page may set the
# variables; a picture by itself falls back on the numbers.
FOR, AGAINST = "var(--exc, #0068a3)", "var(--inh, #c14a00)"
INK, QUIET, RULE = "var(--ink, #1b2126)", "var(--quiet, #5a646c)", "var(--rule, #dcdcd4)"
DISC, ACCENT = "var(--disc, #ffffff)", "var(--liquid, #0b6e69)"


def picture(width: float, height: float, title: str, desc: str, *inside: object, **attributes: object) -> Html:
    """A whole SVG document with a title and a description for those who do not see it."""
    box = f"0 0 {width:.0f} {height:.0f}"
    # Written first: attributes that hold a colon or an upper-case letter are no Python names.
    head = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": box, "width": f"{width:.0f}", "height": f"{height:.0f}"}
    style = {"role": "img", "aria_label": title, "font_family": FONT, "font_size": 12, "fill": QUIET, **attributes}
    return tag("svg", tag("title", title), tag("desc", desc), *inside, **head, **style)


def label(words: str, x: float, y: float, anchor: str = "start", **attributes: object) -> Html:
    """A line of text at a place."""
    return tag("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **attributes)


def rule(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> Html:
    """A thin line."""
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    return tag("line", **ends, **{"stroke": RULE, **attributes})


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between two ends.

    Example:
        >>> ticks(0.0, 1.0), ticks(-0.2, 9.0)
        ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 2.5, 5.0, 7.5])
    """
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * part for part in (1, 2, 2.5, 5, 10) if power * part >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Least and greatest of the finite values, apart even where they are one.

    Example:
        >>> spread([1.0, 1.0]), spread([])
        ((0.5, 1.5), (0.0, 1.0))
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    if high - low > 1e-12 * max(abs(low), abs(high), 1e-300):
        return low, high
    return low - 0.5, high + 0.5


def shortened(name: str, longest: int = 22) -> str:
    """A name that fits.

    Example:
        >>> shortened("a very long name indeed", 10)
        'a very lo…'
    """
    return name if len(name) <= longest else name[: longest - 1] + "…"
