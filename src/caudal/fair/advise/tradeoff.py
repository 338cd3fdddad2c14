"""Accuracy against gap, as a set of points and a picture: never one number."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from caudal.errors import InputError
from caudal.wiring.drawing import FONT

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM, _ROW = 820, 420, 64, 44, 330, 56, 18
_CHANCE = 0.02
_INK, _SOFT, _FRONT, _REST = "#1f2937", "#6b7280", "#0f766e", "#b45309"
_TEXTS = {
    "en": (
        "Accuracy against gap",
        "gap between groups ({gap})",
        "accuracy",
        "no other is better in both",
        "another is better, or ×: one answer for all",
        "needs the attribute at each decision",
    ),
    "es": (
        "Exactitud frente a brecha",
        "brecha entre grupos ({gap})",
        "exactitud",
        "ninguna otra es mejor en ambas",
        "otra es mejor, o ×: una respuesta para todos",
        "necesita el atributo en cada decisión",
    ),
}
_BALANCED = {"en": "balanced accuracy", "es": "exactitud equilibrada"}
_NAMES_ES = {
    "equal_opportunity": "igualdad de oportunidades",
    "equalised_odds": "igualdad de probabilidades",
    "demographic_parity": "paridad demográfica",
}


@dataclass(frozen=True)
class Point:
    """One model, or one method, judged on the same series as the others.

    Attributes:
        name: what it is.
        accuracy: share told right.
        gap: between the groups, 0 to 1.
        asks: whether each decision needs the attribute.
        balanced: mean of the shares told right among true positives and among the rest; None where it is not known.

    Example:
        >>> Point("one answer", 0.95, 0.0, balanced=0.5).collapsed, Point("plain", 0.7, 0.1).collapsed
        (True, False)
    """

    name: str
    accuracy: float
    gap: float
    asks: bool = False
    balanced: float | None = None

    @property
    def collapsed(self) -> bool:
        """Whether it decides (nearly) one way for all, which closes any gap and helps nobody."""
        return self.balanced is not None and self.balanced < 0.5 + _CHANCE


@dataclass(frozen=True)
class Tradeoff:
    """Models as points of accuracy and gap, with the front of those that no other beats in both.

    Attributes:
        points: in the order given.
        gap: name of the gap.
        is_balanced: whether the accuracies given are balanced ones, as the picture then says.

    Raises:
        InputError: there is no point, or a figure is no share.

    Example:
        >>> tradeoff = Tradeoff((Point("plain", 0.80, 0.30), Point("fair", 0.79, 0.05), Point("odd", 0.78, 0.20)))
        >>> [point.name for point in tradeoff.front]
        ['fair', 'plain']
        >>> tradeoff.within(0.02).name
        'fair'
    """

    points: tuple[Point, ...]
    gap: str = "equal_opportunity"
    is_balanced: bool = False

    def __post_init__(self) -> None:
        if not self.points:
            raise InputError("Tradeoff", "points", "is empty", "Pass at least one.")
        for point in self.points:
            shares = (point.accuracy, point.gap, *(() if point.balanced is None else (point.balanced,)))
            if not all(0 <= share <= 1 for share in shares):
                fault = f"holds {point.name!r} with accuracy {point.accuracy} and gap {point.gap}"
                raise InputError("Tradeoff", "points", fault, "All are shares from 0 to 1; leave out what has none.")

    @property
    def front(self) -> tuple[Point, ...]:
        """Points than which no other is better in one and at least as good in the other, the narrowest gap first.

        What decides one way for all is no alternative to anything, and stands on no front.
        """
        useful = [point for point in self.points if not point.collapsed]
        front = [point for point in useful if not any(_beats(other, point) for other in useful)]
        return tuple(sorted(front, key=lambda point: (point.gap, -point.accuracy)))

    def within(self, tolerance: float, *, asks: bool = True) -> Point:
        """The narrowest gap among those that are at most `tolerance` less accurate than the best; none has collapsed.

        Arguments:
            tolerance: in accuracy, 0.01 for a point.
            asks: whether methods that need the attribute at each decision may be named.

        Raises:
            InputError: the tolerance is negative, or every point needs the attribute or decides one way for all.
        """
        allowed = [point for point in self.points if (asks or not point.asks) and not point.collapsed]
        if not allowed and all(point.collapsed for point in self.points):
            fault = "are models that decide one way for (nearly) all, so that their gaps say nothing"
            raise InputError("Tradeoff.within", "points", fault, "Weigh the classes, or move the threshold.")
        if tolerance < 0 or not allowed:
            raise InputError(
                "Tradeoff.within", "tolerance", f"is {tolerance}, or no point is allowed", "Pass 0.01, say."
            )
        best = max(point.accuracy for point in allowed)
        near = [point for point in allowed if point.accuracy >= best - tolerance - 1e-12]
        return min(near, key=lambda point: (point.gap, -point.accuracy))

    def svg(self, language: str = "en") -> str:
        """The picture, as SVG text: gap to the right, accuracy upwards, so that the best lies top left.

        Raises:
            InputError: the language is neither `"en"` nor `"es"`.
        """
        if language not in _TEXTS:
            raise InputError("Tradeoff.svg", "language", f"is {language!r}", 'Pass "en" or "es".')
        title, across, up, best, rest, asked = _TEXTS[language]
        name = (_NAMES_ES.get(self.gap) if language == "es" else None) or self.gap.replace("_", " ")
        up = _BALANCED[language] if self.is_balanced else up
        return _drawn(self, (title, across.format(gap=name), up, best, rest, asked))


def _beats(point: Point, other: Point) -> bool:
    as_good = point.accuracy >= other.accuracy and point.gap <= other.gap
    return as_good and (point.accuracy > other.accuracy or point.gap < other.gap)


def _drawn(tradeoff: Tradeoff, texts: Sequence[str]) -> str:
    title, across, up, best, rest, asked = map(escape, texts)
    low, high = _ends([point.accuracy for point in tradeoff.points])
    widest = _ends([0.0, *(point.gap for point in tradeoff.points)])[1]
    height = max(_HEIGHT, _TOP + _ROW * (len(tradeoff.points) + 4))
    right, floor = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    front = tradeoff.front

    def at(point: Point) -> tuple[float, float]:
        x = _LEFT + (right - _LEFT) * point.gap / widest
        return round(x, 1), round(floor - (floor - _TOP) * (point.accuracy - low) / (high - low), 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="{FONT}" font-size="12"><title>{title}</title>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="24" fill="{_INK}" font-size="15" font-weight="600">{title}</text>',
        f'<path d="M{_LEFT} {_TOP}V{floor}H{right}" fill="none" stroke="{_SOFT}"/>',
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 14}" fill="{_INK}" text-anchor="middle">{across}</text>',
        f'<text transform="translate(18 {(floor + _TOP) / 2}) rotate(-90)" fill="{_INK}" text-anchor="middle">'
        f"{up}</text>",
    ]
    for k in range(5):
        share = k / 4
        y, x = round(floor - (floor - _TOP) * share, 1), round(_LEFT + (right - _LEFT) * share, 1)
        lines.append(f'<path d="M{_LEFT} {y}H{right}" stroke="#e5e7eb"/>')
        lines.append(
            f'<text x="{_LEFT - 8}" y="{y + 4}" fill="{_SOFT}" text-anchor="end">'
            f"{low + (high - low) * share:.3f}</text>"
        )
        lines.append(f'<text x="{x}" y="{floor + 18}" fill="{_SOFT}" text-anchor="middle">{widest * share:.2f}</text>')
    steps = " ".join(f"{x},{y}" for x, y in map(at, front))
    lines.append(f'<polyline points="{steps}" fill="none" stroke="{_FRONT}" stroke-dasharray="4 3"/>')
    order = sorted(tradeoff.points, key=lambda point: (point.gap, -point.accuracy))
    for number, point in enumerate(order, 1):
        colour, (x, y) = _FRONT if point in front else _REST, at(point)
        side = (-10, "end") if number % 2 else (10, "start")
        lines.append(_dot(x, y, colour, point.asks))
        lines.append(f'<text x="{x + side[0]}" y="{y + 4}" fill="{_INK}" text-anchor="{side[1]}">{number}</text>')
        lines += _named(number, escape(_label(point)), colour, point.asks, right + 24, _TOP + _ROW * number)
    keys = ((_FRONT, best, False), (_REST, rest, False), (_SOFT, asked, True))
    for k, (colour, words, hollow) in enumerate(keys):
        y = _TOP + _ROW * (len(order) + 2 + k)
        lines.append(_dot(right + 30, y - 4, colour, hollow))
        lines.append(f'<text x="{right + 42}" y="{y}" fill="{_SOFT}" font-size="11">{words}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _named(number: int, name: str, colour: str, hollow: bool, x: float, y: float) -> list[str]:
    """A line of the list beside the picture."""
    count = f'<text x="{x + 28}" y="{y}" fill="{_INK}" text-anchor="end">{number}</text>'
    return [_dot(x + 6, y - 4, colour, hollow), count, f'<text x="{x + 36}" y="{y}" fill="{_INK}">{name}</text>']


def _label(point: Point) -> str:
    """Name, with the balanced accuracy where it is known."""
    if point.balanced is None:
        return point.name
    return f"{point.name} ({point.balanced:.3f}{' ×' if point.collapsed else ''})"


def _dot(x: float, y: float, colour: str, hollow: bool) -> str:
    fill = "#ffffff" if hollow else colour
    return f'<circle cx="{x}" cy="{y}" r="4.5" fill="{fill}" stroke="{colour}" stroke-width="2"/>'


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis that holds some values, with a little room on either side."""
    low, high = min(values), max(values)
    room = max(0.05 * (high - low), 0.005)
    return max(0.0, low - room), min(1.0, high + room)
