"""CarRacing-v3 with its renderer taken out, so that a frame of physics is all that a frame costs."""

import os
import warnings
from typing import Any, NamedTuple

import numpy as np

from caudal.errors import DataError, MissingExtraError
from studies.racing.track import Pose, Track

FRAMES = 1000
"""Frames after which an episode ends, 20 s: the limit of CarRacing-v3."""
Action = tuple[float, float]


class Tick(NamedTuple):
    """What one frame gave.

    Attributes:
        reward: 1000 / tiles for each new tile, less 0.1; -100 for leaving the field.
        is_over: lap finished or field left; the limit of `FRAMES` is the caller's.
    """

    reward: float
    is_over: bool


class Simulator:
    """One CarRacing-v3 environment; rewards, physics and ends are gymnasium's own.

    Arguments:
        owner: function to name in errors.

    Raises:
        MissingExtraError: gymnasium, Box2D or pygame is not installed.
    """

    def __init__(self, owner: str = "Simulator") -> None:
        # pygame greets on standard output, which belongs to data.
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                from gymnasium.envs.box2d.car_racing import CarRacing
        except ImportError as error:
            raise MissingExtraError(owner, "gymnasium[box2d]", "drive") from error
        made: Any = CarRacing()
        blank = np.zeros((1, 1, 3), np.uint8)
        made._render = lambda mode: blank
        self._env = made

    def reset(self, seed: int) -> Track:
        """Start on the track of a seed, the car at rest.

        Raises:
            DataError: the seed is negative.
        """
        if seed < 0:
            raise DataError("Simulator.reset", "seed", f"is {seed}; expected at least 0", "Pass a whole number.")
        self._env.reset(seed=seed)
        tiles = np.array([tile[1:4] for tile in self._env.track])
        return Track.of(tiles[:, 0], tiles[:, 1], tiles[:, 2])

    def tick(self, action: Action) -> Tick:
        """One frame of 1/50 s under an action, see `OUTPUTS`; numbers beyond -1 and 1 count as those."""
        steer, throttle = (min(max(number, -1.0), 1.0) for number in action)
        given = np.array([steer, max(throttle, 0.0), max(-throttle, 0.0)])
        _, reward, is_over, _, _ = self._env.step(given)
        return Tick(float(reward), bool(is_over))

    @property
    def pose(self) -> Pose:
        """Of the car now."""
        hull = self._env.car.hull
        (x, y), (vx, vy), angle = hull.position, hull.linearVelocity, hull.angle
        sin, cos = np.sin(angle), np.cos(angle)
        return Pose(x, y, angle, float(vy * cos - vx * sin), float(vx * cos + vy * sin), hull.angularVelocity)

    @property
    def completion(self) -> float:
        """Share of the tiles visited so far."""
        return float(self._env.tile_visited_count / len(self._env.track))

    def close(self) -> None:
        """Let the simulator go."""
        self._env.close()
