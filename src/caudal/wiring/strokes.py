"""The line of a drawn synapse: a curve and, at its end, the mark of its sign, in one SVG path.

Excitatory ends in an arrow head, inhibitory in a bar across the line, so that the sign survives without colour.
"""

import math

from caudal.wiring.layout import Spot, bulge

Point = tuple[float, float]


def stroke(source: Spot, target: Spot, is_excitatory: bool, mark: float) -> str:
    """Path data of the synapse from one spot to another (or the same one), its mark `mark` units long."""
    if source == target:
        start, first, second, tip = _loop(source)
    elif source.x == target.x:
        start, first, second, tip = _arc(source, target)
    else:
        start, first, second, tip = _across(source, target)
    heading = math.atan2(tip[1] - second[1], tip[0] - second[0])
    return f"M{_at(start)}C{_at(first)} {_at(second)} {_at(tip)}{_mark(tip, heading, is_excitatory, mark)}"


def _across(source: Spot, target: Spot) -> tuple[Point, Point, Point, Point]:
    run, rise = target.x - source.x, target.y - source.y
    # Ends spread over the half of the disc that faces the other column, so that marks do not pile up in one point.
    leaving, arriving = math.atan2(0.45 * rise, run), math.atan2(-0.75 * rise, -run)
    start, tip = _rim(source, leaving), _rim(target, arriving, 1.5)
    reach = 0.36 * math.hypot(run, 0.6 * rise)
    first = (start[0] + reach * math.cos(leaving), start[1] + reach * math.sin(leaving))
    second = (tip[0] + reach * math.cos(arriving), tip[1] + reach * math.sin(arriving))
    return start, first, second, tip


def _arc(source: Spot, target: Spot) -> tuple[Point, Point, Point, Point]:
    rise = target.y - source.y
    down = math.copysign(1.0, rise)
    # A pair that reads onto each other gets two arcs, not one on top of the other.
    out = bulge(abs(rise), source.r) * (1.0 if down > 0 else 0.82)
    # Short arcs meet the disc steeply and long ones flatly, so that they nest and their marks stand apart.
    steep = 0.15 + 0.95 * math.exp(-abs(rise) / (9 * source.r))
    start, tip = _rim(source, down * steep), _rim(target, -down * steep, 1.5)
    lean = min(0.18 * abs(rise), out)
    return start, (source.x + out, start[1] + down * lean), (target.x + out, tip[1] - down * lean), tip


def _loop(spot: Spot) -> tuple[Point, Point, Point, Point]:
    start, tip = _rim(spot, -1.9), _rim(spot, -0.75, 1.5)
    out = 2.3 * spot.r
    return start, (spot.x - 0.5 * spot.r, spot.y - out), (spot.x + 1.7 * spot.r, spot.y - out), tip


def _rim(spot: Spot, angle: float, gap: float = 0.0) -> Point:
    return spot.x + (spot.r + gap) * math.cos(angle), spot.y + (spot.r + gap) * math.sin(angle)


def _mark(tip: Point, heading: float, is_excitatory: bool, size: float) -> str:
    if is_excitatory:
        barbs = [_from(tip, heading + math.pi + spread, size) for spread in (-0.45, 0.45)]
        return f"M{_at(barbs[0])}L{_at(tip)} {_at(barbs[1])}"
    ends = [_from(tip, heading + spread, 0.55 * size) for spread in (-math.pi / 2, math.pi / 2)]
    return f"M{_at(ends[0])}L{_at(ends[1])}"


def _from(point: Point, angle: float, length: float) -> Point:
    return point[0] + length * math.cos(angle), point[1] + length * math.sin(angle)


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
