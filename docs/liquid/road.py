"""A closed road in the plane, and a car on it in coordinates of the road; `page.js` holds the same equations."""

import math
from typing import NamedTuple

import numpy as np

from caudal.wiring import ncp

POINTS, SPEED, STEP, WIDTH = 400, 1.0, 0.25, 1.0
PREVIEW = (0.0, 1.5, 3.5)
SCALES = (4.0, 4.0, 4.0, 1.0, 2.0)
HARMONICS = ((2, 1.9, 0.4), (3, 1.4, 2.1), (5, 0.55, 0.7))


class Road(NamedTuple):
    """A closed centre line at even distances: places, directions and curvatures."""

    x: np.ndarray
    y: np.ndarray
    heading: np.ndarray
    curvature: np.ndarray
    length: float


class Car(NamedTuple):
    """Distance along the road, offset to its left, and heading against it."""

    along: float
    offset: float
    heading: float


def road(turn=0.0, size=1.0):
    """The road of the page; `turn` and `size` give others to train on."""
    angle = np.linspace(0, 2 * np.pi, 40 * POINTS + 1)
    radius = 8.5 + size * sum(a * np.cos(k * angle + phase * (1 + turn) + turn) for k, a, phase in HARMONICS)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    way = np.concatenate([[0], np.hypot(np.diff(x), np.diff(y)).cumsum()])
    even = np.linspace(0, way[-1], POINTS, endpoint=False)
    x, y = np.interp(even, way, x), np.interp(even, way, y)
    dx, dy = np.roll(x, -1) - np.roll(x, 1), np.roll(y, -1) - np.roll(y, 1)
    heading = np.unwrap(np.arctan2(dy, dx))
    spacing = way[-1] / POINTS
    around = np.concatenate([heading, [heading[0] + 2 * np.pi, heading[1] + 2 * np.pi]])
    curvature = np.roll((around[2:] - around[:-2]) / (2 * spacing), 1)
    return Road(x, y, heading, curvature, float(way[-1]))


def wiring():
    """The circuit that drives."""
    fans = {"sensory_fanout": 4, "inter_fanout": 3, "recurrent_command": 5, "motor_fanin": 4}
    return ncp(len(SCALES), 7, 6, 1, seed=4, **fans)


def at(road, values, along):
    """Values along the road between its points."""
    place = (along / road.length * POINTS) % POINTS
    first = math.floor(place)
    share = place - first
    return values[first % POINTS] * (1 - share) + values[(first + 1) % POINTS] * share


def seen(road, car):
    """What the network reads: curvature here and ahead, offset, heading."""
    ahead = [at(road, road.curvature, car.along + distance) for distance in PREVIEW]
    return [value * scale for value, scale in zip((*ahead, car.offset, car.heading), SCALES, strict=True)]


def drive(road, car, steering):
    """The car one step later, by the curvature that it steers."""
    curvature = at(road, road.curvature, car.along)
    forward = SPEED * math.cos(car.heading) / max(1 - car.offset * curvature, 0.2)
    return Car(
        car.along + STEP * forward,
        car.offset + STEP * SPEED * math.sin(car.heading),
        car.heading + STEP * (SPEED * steering - curvature * forward),
    )


def expert(road, car):
    """What a driver with the whole map steers."""
    return at(road, road.curvature, car.along + 0.4) - 0.35 * car.offset - 1.1 * car.heading
