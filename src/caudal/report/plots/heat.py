"""A heat map of what speaks for a decision and against it: inputs down, steps across."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError
from caudal.report.decision.words import words
from caudal.report.html import Html, tag
from caudal.report.plots.canvas import AGAINST, FOR, INK, label, picture, shortened

_MOST_CELLS = 6000


def heat(
    values: NDArray[np.float64],
    names: Sequence[str],
    steps: Sequence[str],
    *,
    title: str,
    decision: str = "",
    lang: str = "en",
    least: float = 0.0,
) -> Html:
    """One cell per input and step, as a standing SVG; each tells its number when pointed at.

    Arguments:
        values: `(steps, inputs)` signed influences.
        names: of the inputs.
        steps: names of the steps.
        title: heading and name for screen readers.
        decision: what blue speaks for.
        lang: of the written words and numbers.
        least: a width to reach at least, in user units.

    Raises:
        InputError: sizes disagree, there are more than 6,000 cells, or a number is not finite.

    Example:
        >>> drawn = heat(np.array([[1.0, -2.0]]), ["ast", "dt"], ["1"], title="Influence", decision="sick")
        >>> drawn.count("<rect")
        4
    """
    if values.shape != (len(steps), len(names)) or not values.size:
        fault = f"has shape {values.shape}; expected ({len(steps)}, {len(names)}), not empty"
        raise InputError("heat", "values", fault, "Pass one number per step and name.")
    if values.size > _MOST_CELLS:
        fault = f"holds {values.size} cells; a picture of more than {_MOST_CELLS} shows nothing"
        raise InputError("heat", "values", fault, "Pass a stretch of the series, or sum over inputs.")
    if not np.isfinite(values).all():
        raise InputError("heat", "values", "holds NaN or infinity", "Pass finite numbers.")
    texts = words(lang)
    most = float(np.abs(values).max())
    shown = [shortened(name) for name in names]
    left = 12 + 6.6 * max(map(len, shown))
    wide = max(min(44.0, 560.0 / len(steps)), 9.0)
    wide = max(wide, (least - left - 12) / len(steps)) if least else wide
    tall = max(min(24.0, 420.0 / len(names)), 15.0)
    width, height = left + wide * len(steps) + 12, 30 + tall * len(names) + 62
    width = max(width, 320.0)
    drawn = [label(title, 0, 13, fill=INK, font_weight=600, font_size=13)]
    for k, name in enumerate(shown):
        drawn.append(label(name, left - 6, 30 + tall * (k + 0.5) + 4, "end"))
        drawn += _row(values[:, k], names[k], steps, (left, 30 + tall * k, wide, tall), most, lang)
    stride = max(1, int(np.ceil(26 / wide)), len(steps) // 24)
    for t in range(0, len(steps), stride):
        drawn.append(label(steps[t], left + wide * (t + 0.5), 30 + tall * len(names) + 15, "middle"))
    drawn += _key(left, height - 18, texts("plot.heat.for", decision=decision), texts("plot.heat.against"))
    order = np.argsort(-np.abs(values), axis=None, kind="stable")[:3]
    top = texts.listed([_cell_label(values, names, steps, int(flat), lang) for flat in order])
    desc = texts("plot.heat.desc", decision=decision, most=texts.short(most), top=top)
    return picture(width, height, title, desc, *drawn, class_="heat")


def _row(
    row: NDArray[np.float64],
    name: str,
    steps: Sequence[str],
    box: tuple[float, float, float, float],
    most: float,
    lang: str,
) -> list[Html]:
    texts, (left, top, wide, tall) = words(lang), box
    cells = []
    for t, value in enumerate(row.tolist()):
        # The square root keeps what is small in sight; the number is in the tip.
        shade = (abs(value) / most) ** 0.5 if most else 0.0
        tip = f"{name}, {texts('step', n=steps[t])}: {texts.short(value, signed=True)}"
        place = {
            "x": f"{left + wide * t:.1f}",
            "y": f"{top:.1f}",
            "width": f"{wide - 1:.1f}",
            "height": f"{tall - 1:.1f}",
        }
        colour = {"fill": FOR if value > 0 else AGAINST, "fill_opacity": f"{shade:.2f}", "data_t": t, "data_tip": tip}
        cells.append(tag("rect", tag("title", tip), **place, **colour))
    return cells


def _key(left: float, y: float, first: str, second: str) -> list[Html]:
    drawn, x = [], left
    for colour, name in ((FOR, first), (AGAINST, second)):
        drawn.append(tag("rect", x=f"{x:.1f}", y=f"{y - 10:.1f}", width="12", height="12", fill=colour))
        drawn.append(label(shortened(name, 34), x + 17, y))
        x += 32 + 6.4 * len(shortened(name, 34))
    return drawn


def _cell_label(values: NDArray[np.float64], names: Sequence[str], steps: Sequence[str], flat: int, lang: str) -> str:
    texts, (t, k) = words(lang), np.unravel_index(flat, values.shape)
    return f"{names[int(k)]}, {texts('step', n=steps[int(t)])} ({texts.short(float(values[t, k]), signed=True)})"
