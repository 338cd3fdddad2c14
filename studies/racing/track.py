"""A track as arrays, and where on it a car is."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal.errors import DataError

# Constants of CarRacing-v3: half the width of the road, and the distance between the middles of two tiles.
HALF_WIDTH, TILE = 40 / 6, 21 / 6
# How many tiles behind and ahead of the last one a car is looked for, and how far from them it counts as lost.
_BEHIND, _AHEAD, _LOST = 8, 24, 30.0


class Pose(NamedTuple):
    """Where a car is and how it moves; units m, rad, m/s, rad/s.

    Attributes:
        x, y: middle of the hull.
        angle: of the hull; its nose points to `(-sin(angle), cos(angle))`.
        forward: speed along the nose.
        sideways: speed to the right of it.
        yaw: turning rate, above 0 to the left.
    """

    x: float
    y: float
    angle: float
    forward: float
    sideways: float
    yaw: float


class Spot(NamedTuple):
    """A place along a track.

    Attributes:
        tile: the nearest one.
        along: metres past its middle, below 0 before it.
        offset: metres to the right of the middle of the road.
    """

    tile: int
    along: float
    offset: float


@dataclass(frozen=True, eq=False)
class Track:
    """A closed road.

    Attributes:
        x, y: `(tiles,)` middle of the road, in driving order.
        heading: `(tiles,)` rad, direction of the road as an angle of `Pose`, without jumps of a full turn.
        curvature: `(tiles,)` 1/m, at least 0, smoothed over three tiles.

    Example:
        >>> turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
        >>> track = Track.of(turn, 50 * np.cos(turn), 50 * np.sin(turn))
        >>> round(1 / track.curvature.max()), track.length
        (50, 315.0)
        >>> track.locate(49.0, 0.0).offset.__round__(3)
        -1.0
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    heading: NDArray[np.float64]
    curvature: NDArray[np.float64]

    @staticmethod
    def of(heading: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> "Track":
        """A track from its tiles.

        Raises:
            DataError: fewer than 3 tiles, or the arrays differ in length.
        """
        if len(heading) < 3 or not len(heading) == len(x) == len(y):
            fault = f"has {len(heading)} tiles; expected at least 3, with x and y of each"
            raise DataError("Track.of", "heading", fault, "Pass the tiles of a whole track.")
        smooth = np.unwrap(heading)
        turn = np.diff(smooth, append=smooth[0] + 2 * np.pi * round((smooth[-1] - smooth[0]) / (2 * np.pi)))
        turn = (turn + np.pi) % (2 * np.pi) - np.pi
        bend = np.abs(turn + np.roll(turn, 1) + np.roll(turn, 2)) / (3 * TILE)
        return Track(x.astype(np.float64), y.astype(np.float64), smooth, bend)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def length(self) -> float:
        """Metres of one lap."""
        return len(self) * TILE

    def locate(self, x: float, y: float, near: int | None = None) -> Spot:
        """The nearest place, looked for around the tile `near` first, so that a road close by is no shortcut.

        Arguments:
            x, y: m.
            near: the tile of a moment ago, or None at the start.
        """
        if near is None:
            every = (self.x - x) ** 2 + (self.y - y) ** 2
            return self._spot(int(every.argmin()), x, y)
        at = np.arange(near - _BEHIND, near + _AHEAD) % len(self)
        apart = (self.x[at] - x) ** 2 + (self.y[at] - y) ** 2
        best = int(apart.argmin())
        if apart[best] > _LOST**2:
            return self.locate(x, y)
        return self._spot(int(at[best]), x, y)

    def _spot(self, tile: int, x: float, y: float) -> Spot:
        angle = float(self.heading[tile])
        dx, dy = x - float(self.x[tile]), y - float(self.y[tile])
        along = -dx * math.sin(angle) + dy * math.cos(angle)
        return Spot(tile, along, dx * math.cos(angle) + dy * math.sin(angle))
