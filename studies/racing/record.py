"""Episodes of the expert, clean and disturbed, with what it would have done at every step."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caudal.errors import DataError
from studies.racing.expert import Expert
from studies.racing.preview import Preview
from studies.racing.simulator import FRAMES, Simulator

Style = Literal["clean", "noisy", "irregular"]
STYLES: tuple[Style, ...] = ("clean", "noisy", "irregular")
LONGEST = 4
"""Frames between two decisions of an irregular episode, at most."""
# The pushes: an Ornstein-Uhlenbeck walk on steering and throttle, with this size and this memory in frames.
_SIZE, _MEMORY = np.array([0.12, 0.1]), 12.0


@dataclass(frozen=True, eq=False)
class Lap:
    """One recorded episode.

    Attributes:
        seed: of the track.
        style: `"clean"`; `"noisy"`: the car gets the expert's action plus pushes, the label is the action itself;
            `"irregular"`: noisy, and 1 to `LONGEST` frames pass between two decisions.
        inputs: `(time, 18)`, see `INPUTS`.
        labels: `(time, 2)`, see `OUTPUTS`.
        dt: `(time,)` frames since the previous decision; 1 at the first.
        reward: sum over the episode.
        completion: share of the tiles visited.
    """

    seed: int
    style: Style
    inputs: NDArray[np.float64]
    labels: NDArray[np.float64]
    dt: NDArray[np.float64]
    reward: float
    completion: float


def record(simulator: Simulator, seed: int, style: Style, frames: int = FRAMES, expert: Expert | None = None) -> Lap:
    """Drive one episode; the same arguments give the same numbers.

    Arguments:
        simulator: to drive in.
        seed: of the track and of the pushes.
        style: see `Lap`.
        frames: at most, up to `FRAMES`.
        expert: who drives; None for the usual one.

    Raises:
        DataError: the style is unknown, or there are no frames.

    Source: pushing the demonstrator so that it shows how to recover is DART, Laskey et al., CoRL 2017
    (arXiv 1703.09327), here with a fixed size of noise instead of a fitted one.
    """
    if style not in STYLES or not 0 < frames <= FRAMES:
        fault = f"is {style!r} with {frames} frames; expected {', '.join(STYLES)} and 1 to {FRAMES} frames"
        raise DataError("racing.record", "style", fault, "Pass one of them.")
    driver, track = expert or Expert(), simulator.reset(seed)
    rng = np.random.default_rng([seed, STYLES.index(style)])
    push = _pushes(rng, frames) * (style != "clean")
    gaps = rng.integers(1, LONGEST + 1, frames) if style == "irregular" else np.ones(frames, np.int64)
    preview, spot = Preview(track), None
    inputs, labels = [], []
    dt: list[float] = []
    reward, frame, over = 0.0, 0, False
    while frame < frames and not over:
        pose = simulator.pose
        spot = track.locate(pose.x, pose.y, None if spot is None else spot.tile)
        action = driver.act(track, pose, spot)
        dt.append(float(gaps[len(dt) - 1]) if dt else 1.0)
        inputs.append(preview(pose, spot))
        labels.append(action)
        for _ in range(int(gaps[len(dt) - 1])):
            pushed = np.array(action) + push[min(frame, frames - 1)]
            tick = simulator.tick((float(pushed[0]), float(pushed[1])))
            reward, frame, over = reward + tick.reward, frame + 1, tick.is_over
            if over or frame == frames:
                break
    return Lap(seed, style, np.array(inputs), np.array(labels), np.array(dt), reward, simulator.completion)


def _pushes(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    keep = np.exp(-1 / _MEMORY)
    walk = np.zeros((frames, 2))
    draws = rng.standard_normal((frames, 2)) * np.sqrt(1 - keep**2)
    for k in range(1, frames):
        walk[k] = keep * walk[k - 1] + draws[k]
    walk *= _SIZE
    return walk
