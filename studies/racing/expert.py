"""A scripted driver: pure pursuit of the middle of the road, at the speed that the bends ahead allow."""

import math
from dataclasses import dataclass

import numpy as np

from studies.racing.track import TILE, Pose, Spot, Track

_TILES = np.arange(1, 25)


@dataclass(frozen=True)
class Expert:
    """Pure pursuit with a speed cap; it sees the track itself, not the preview, and learns nothing.

    It aims at the middle of the road `look + look_per_speed * v` metres ahead, steers by the bicycle model, and drives
    no faster than lets it brake in time: `min over d of sqrt(grip / curvature(d) + brakes * d)`. When the aim is far to
    one side, as after a spin, it creeps and steers fully; when the rear slips, it lets go of the throttle.

    Attributes:
        look: m.
        look_per_speed: s.
        gain: of the steering.
        wheelbase: m, between the axles.
        grip: m/s^2, sideways acceleration that a bend may ask for.
        brakes: m/s^2, twice the deceleration counted on.
        slowest, fastest: m/s, limits of the cap.
        gas, brake: throttle per m/s below and above the cap.
        corner, corner_gas: beyond this steering no more than this gas, or the rear wheels slip.
        lost, creep: rad and m/s; beyond this bearing of the aim no faster than that.
        slip: m/s sideways, from which on there is no gas.

    Source: Coulter, Implementation of the pure pursuit path tracking algorithm, CMU-RI-TR-92-01, 1992.

    Example:
        >>> turn = np.linspace(0, 2 * np.pi, 90, endpoint=False)
        >>> track = Track.of(turn, 50 * np.cos(turn), 50 * np.sin(turn))
        >>> steer, throttle = Expert().act(track, Pose(50.0, 0.0, 0.0, 10.0, 0.0, 0.0), track.locate(50.0, 0.0))
        >>> steer < 0 < throttle
        True
    """

    look: float = 5.0
    look_per_speed: float = 0.16
    gain: float = 1.3
    wheelbase: float = 3.24
    grip: float = 140.0
    brakes: float = 80.0
    slowest: float = 30.0
    fastest: float = 70.0
    gas: float = 0.1
    brake: float = 0.02
    corner: float = 0.25
    corner_gas: float = 0.35
    lost: float = 0.8
    creep: float = 12.0
    slip: float = 5.0

    def act(self, track: Track, pose: Pose, spot: Spot) -> tuple[float, float]:
        """Steering and throttle, each from -1 to 1, see `OUTPUTS`."""
        speed = math.hypot(pose.forward, pose.sideways)
        reach = self.look + self.look_per_speed * speed
        aim = (spot.tile + round((spot.along + reach) / TILE)) % len(track)
        dx, dy = float(track.x[aim]) - pose.x, float(track.y[aim]) - pose.y
        right = dx * math.cos(pose.angle) + dy * math.sin(pose.angle)
        ahead = -dx * math.sin(pose.angle) + dy * math.cos(pose.angle)
        error = math.atan2(right, ahead)
        is_lost = abs(error) > self.lost
        pull = math.copysign(1.0, error) if is_lost else math.sin(error)
        steer = self.gain * math.atan2(2 * self.wheelbase * pull, self.look if is_lost else reach)
        steer = min(max(steer, -1.0), 1.0)
        throttle = self._throttle(track, spot, speed, is_lost)
        most = self.corner_gas if abs(steer) > self.corner else 1.0
        if abs(pose.sideways) > self.slip:
            most = 0.0
        return steer, min(max(throttle, -1.0), most)

    def _throttle(self, track: Track, spot: Spot, speed: float, is_lost: bool) -> float:
        bend = track.curvature[(spot.tile + _TILES) % len(track)]
        cap = float(np.sqrt(self.grip / np.maximum(bend, 1e-6) + self.brakes * TILE * _TILES).min())
        cap = self.creep if is_lost else min(max(cap, self.slowest), self.fastest)
        return (self.gas if speed < cap else self.brake) * (cap - speed)
