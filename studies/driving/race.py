"""One race: a driver, a track and a disturbance in closed loop."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.driving.disturb import Disturbance, schedule
from studies.driving.policy import Driver
from studies.driving.records import Episode
from studies.racing import HALF_WIDTH, Action, Pose, Preview, Simulator, Spot, Track

# A car that swings about the edge of the road leaves it once, not at every frame.
_BACK = HALF_WIDTH - 0.5


@dataclass(frozen=True, eq=False)
class Moment:
    """What a camera beside the track sees after each decision.

    Attributes:
        frame: of the simulator.
        pose: of the car.
        inputs: what the driver was shown.
        action: what it decided.
    """

    frame: int
    pose: Pose
    inputs: NDArray[np.float64]
    action: Action


def race(
    simulator: Simulator,
    driver: Driver,
    name: tuple[str, int],
    disturbance: Disturbance,
    track: int,
    spread: NDArray[np.float64],
    frames: int = 1000,
    watch: Callable[[Moment], None] | None = None,
) -> Episode:
    """Drive one episode; equal arguments give equal episodes.

    Arguments:
        simulator: to drive in.
        driver: who drives.
        name: model and seed for the record.
        disturbance: what goes wrong.
        track: seed of the track and of what goes wrong.
        spread: `(18,)` standard deviation of each input in training, the unit of the noise.
        frames: after which the episode ends.
        watch: called after each decision.
    """
    road = simulator.reset(track)
    driver.start(road)
    loop = _Loop(simulator, driver, road, frames, spread, watch)
    plan = schedule(disturbance, track, frames)
    waiting: list[Action] = [(0.0, 0.0)] * plan.delay
    action, over = (0.0, 0.0), False
    while loop.frame < frames and not over:
        if plan.decides[loop.frame]:
            action = loop.decide(bool(plan.arrives[loop.frame]), plan.noise[loop.frame])
        waiting.append(action)
        over = loop.advance(waiting.pop(0))
    return loop.episode(name, disturbance, track, over)


class _Loop:
    """A race between two frames."""

    def __init__(
        self,
        simulator: Simulator,
        driver: Driver,
        road: Track,
        frames: int,
        spread: NDArray[np.float64],
        watch: Callable[[Moment], None] | None,
    ) -> None:
        self.simulator, self.driver, self.road, self.spread, self.watch = simulator, driver, road, spread, watch
        self.preview = Preview(road)
        self.pose = simulator.pose
        self.spot = road.locate(self.pose.x, self.pose.y)
        self.shown: tuple[NDArray[np.float64], Pose, Spot] | None = None
        self.frame, self.decided_at, self.decisions = 0, -1, 0
        self.reward, self.metres, self.offs, self.off_frames, self.is_off = 0.0, 0.0, 0, 0, False

    def decide(self, arrives: bool, noise: NDArray[np.float64]) -> Action:
        if arrives or self.shown is None:
            self.shown = self.preview(self.pose, self.spot) + noise * self.spread, self.pose, self.spot
        inputs, pose, spot = self.shown
        action = self.driver.act(inputs, float(self.frame - self.decided_at), pose, spot)
        self.decided_at, self.decisions = self.frame, self.decisions + 1
        if self.watch is not None:
            self.watch(Moment(self.frame, self.pose, inputs, action))
        return action

    def advance(self, action: Action) -> bool:
        tick = self.simulator.tick(action)
        before, self.pose = self.pose, self.simulator.pose
        self.spot = self.road.locate(self.pose.x, self.pose.y, self.spot.tile)
        self.metres += math.hypot(self.pose.x - before.x, self.pose.y - before.y)
        aside = abs(self.spot.offset)
        if aside > HALF_WIDTH and not self.is_off:
            self.offs, self.is_off = self.offs + 1, True
        elif aside < _BACK:
            self.is_off = False
        self.reward, self.frame, self.off_frames = (
            self.reward + tick.reward,
            self.frame + 1,
            self.off_frames + self.is_off,
        )
        return tick.is_over

    def episode(self, name: tuple[str, int], disturbance: Disturbance, track: int, over: bool) -> Episode:
        done = self.simulator.completion
        return Episode(
            model=name[0],
            seed=name[1],
            disturbance=disturbance.name,
            track=track,
            reward=round(self.reward, 3),
            offs=self.offs,
            off=round(self.off_frames / self.frame, 5),
            metres=round(self.metres, 2),
            completion=round(done, 5),
            is_lap=over and done > 0.95,
            frames=self.frame,
            decisions=self.decisions,
        )
