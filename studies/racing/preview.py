"""What a driver sees: the road ahead from where the car is, and the car's own motion."""

import math

import numpy as np
from numpy.typing import NDArray

from caudal.data.sequences import Feature
from studies.racing.track import HALF_WIDTH, TILE, Pose, Spot, Track

_BEARINGS = np.array([5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0])
_BENDS = np.array([10.0, 20.0, 30.0, 45.0, 60.0, 80.0])
INPUTS: tuple[Feature, ...] = (
    Feature("offset", "half widths"),
    Feature("heading error", "rad"),
    *(Feature(f"bearing at {d:.0f} m", "m/m") for d in _BEARINGS),
    *(Feature(f"bend to {d:.0f} m", "rad") for d in _BENDS),
    Feature("speed", "m/s"),
    Feature("sideways speed", "m/s"),
    Feature("turning rate", "rad/s"),
)
"""The 15 numbers of the road ahead and the 3 of the car, in order."""
OUTPUTS = ("steer", "throttle")
"""Steering, above 0 to the right, and gas above 0 or brake below 0; each from -1 to 1."""


class Preview:
    """The inputs of a driver on one track.

    Arguments:
        track: the road.

    Example:
        >>> turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
        >>> seen = Preview(Track.of(turn, 50 * np.cos(turn), 50 * np.sin(turn)))
        >>> pose = Pose(50.0, 0.0, 0.0, 10.0, 0.0, 0.0)
        >>> numbers = seen(pose, seen.track.locate(50.0, 0.0))
        >>> len(numbers), bool(abs(numbers[0]) < 1e-6), bool(numbers[8] < 0 < numbers[14])
        (18, True, True)
    """

    def __init__(self, track: Track) -> None:
        self.track = track
        n = len(track)
        # A bit more than one lap, so that looking ahead never wraps; each lap adds its own turn to the heading.
        more = np.arange(n + 40)
        heading = track.heading[more % n] + _whole_turns(track) * (more // n)
        self._road = np.stack([track.x[more % n], track.y[more % n], heading], axis=1)
        self._ahead = np.concatenate([_BEARINGS, _BENDS]) / TILE

    def __call__(self, pose: Pose, spot: Spot) -> NDArray[np.float64]:
        """The inputs `(18,)`, see `INPUTS`.

        Arguments:
            pose: of the car.
            spot: where that is on the track.
        """
        place = self._ahead + (spot.tile + min(max(spot.along / TILE, -1.0), 1.0))
        low = place.astype(np.int64)
        before, near = self._road[low], len(_BEARINGS)
        there = before + (self._road[low + 1] - before) * (place - low)[:, None]
        sin, cos = math.sin(pose.angle), math.cos(pose.angle)
        here = float(self.track.heading[spot.tile])
        seen = np.empty(len(INPUTS))
        seen[0] = spot.offset / HALF_WIDTH
        seen[1] = math.remainder(here - pose.angle, 2 * math.pi)
        seen[2 : 2 + near] = (there[:near, 0] - pose.x) * cos + (there[:near, 1] - pose.y) * sin
        seen[2 : 2 + near] /= _BEARINGS
        seen[2 + near : -3] = there[near:, 2] - here
        seen[-3:] = pose[3:]
        return seen


def _whole_turns(track: Track) -> float:
    step = track.heading[0] - track.heading[-1]
    return float(track.heading[-1] - track.heading[0] + math.remainder(step, 2 * math.pi))
