"""Where the neurons of a drawn circuit stand: one column for the inputs, one per layer, left to right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from caudal.wiring.counts import plural

if TYPE_CHECKING:
    from caudal.wiring.wiring import Wiring


TOP, BOTTOM, MARGIN = 112.0, 84.0, 28.0


@dataclass(frozen=True)
class Spot:
    """A neuron's place, in user units of the SVG (x to the right, y down), and the radius of its disc."""

    x: float
    y: float
    r: float


@dataclass(frozen=True)
class Layout:
    """A laid out circuit.

    Attributes:
        width: of the whole drawing.
        height: of the whole drawing.
        inputs: a spot per input.
        neurons: a spot per neuron.
        headers: `(x, text)` above each column.
        right: where labels to the right of the last column begin.
    """

    width: float
    height: float
    inputs: tuple[Spot, ...]
    neurons: tuple[Spot, ...]
    headers: tuple[tuple[float, str], ...]
    right: float


def lay_out(wiring: Wiring, left: float, right: float) -> Layout:
    """Place every neuron, with `left` and `right` units kept for labels outside the first and last column.

    Neurons keep their order from top to bottom, so a number in the state is found in the picture.
    """
    columns = _columns(wiring)
    rows = max(len(members) for _, members in columns)
    pitch = min(max(700 / rows, 15.0), 40.0)
    body, radius = max(rows * pitch, 240.0), min(max(0.36 * pitch, 5.0), 13.0)
    spots: dict[tuple[bool, int], Spot] = {}
    headers, x = [], MARGIN + left + radius
    for is_input, members in columns:
        step = min(body / len(members), 2.2 * pitch)
        first = TOP + body / 2 - step * (len(members) - 1) / 2
        for row, member in enumerate(members):
            spots[is_input, member] = Spot(x, first + row * step, radius)
        headers.append((x, _header(wiring, is_input, members)))
        arcs = _arcs(wiring, is_input, members, step, radius)
        end = x + arcs
        x += 0.6 * arcs + min(max(0.34 * body, 150.0), 270.0)
    return Layout(
        max(end + radius + 8 + right + MARGIN, 560.0),
        TOP + body + BOTTOM,
        tuple(spots[True, index] for index in range(wiring.inputs)),
        tuple(spots[False, index] for index in range(wiring.units)),
        tuple(headers),
        end + radius + 8,
    )


def bulge(distance: float, radius: float) -> float:
    """How far the control points of an arc within a column stand out from it; a curve bulges three quarters of that."""
    return 1.6 * radius + 190.0 * math.tanh(0.42 * distance / 190.0)


def _columns(wiring: Wiring) -> list[tuple[bool, list[int]]]:
    layers = np.array(wiring.layers)
    columns = [(True, list(range(wiring.inputs)))]
    return columns + [(False, np.flatnonzero(layers == layer).tolist()) for layer in sorted(set(wiring.layers))]


def _arcs(wiring: Wiring, is_input: bool, members: list[int], step: float, radius: float) -> float:
    inside = np.ix_(members, members)
    if is_input or not wiring.recurrent[inside].any():
        return 0.0
    source, target = np.nonzero(wiring.recurrent[inside])
    return 0.75 * bulge(float(np.abs(source - target).max()) * step, radius) + radius


def _header(wiring: Wiring, is_input: bool, members: list[int]) -> str:
    if is_input:
        return plural(len(members), "input")
    roles = dict.fromkeys(wiring.roles[member] for member in members)
    return ", ".join(f"{sum(wiring.roles[member] == role for member in members)} {role}" for role in roles)


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
