"""What goes wrong between car and driver, drawn from the track's seed alone, so that every driver meets the same."""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError
from studies.racing import INPUTS


@dataclass(frozen=True)
class Disturbance:
    """A fault of sensors, line or clock. All of them together are one disturbance too.

    Attributes:
        name: in records.
        noise: added to every input anew at every frame: this share of the input's standard deviation in training.
        drop: share of the frames whose observation never arrives; they go missing in bursts.
        burst: frames of a burst, on average.
        skips: True: without an observation there is no decision, the last action stays, and the next `dt` is longer;
            False: the last observation is shown again as if it were new, and `dt` stays 1.
        delay: frames from a decision until it reaches the car; the one before it stays on.
        longest: 1 to so many frames pass between two decisions, drawn evenly; the true `dt` is told.
    """

    name: str
    noise: float = 0.0
    drop: float = 0.0
    burst: float = 5.0
    skips: bool = True
    delay: int = 0
    longest: int = 1

    def __post_init__(self) -> None:
        sound = self.noise >= 0 and 0 <= self.drop <= 0.8 and self.burst >= 5 and self.delay >= 0 and self.longest >= 1
        if not sound:
            remedy = "Pass noise, delay >= 0, 0 <= drop <= 0.8, burst >= 5 and longest >= 1."
            raise InputError("Disturbance", "name", f"is {self.name!r} with a number out of range", remedy)


CLEAN = Disturbance("clean")
DISTURBANCES: dict[str, Disturbance] = {
    one.name: one
    for one in (
        CLEAN,
        Disturbance("noise-0.2", noise=0.2),
        Disturbance("noise-0.5", noise=0.5),
        Disturbance("held-25", drop=0.25, skips=False),
        Disturbance("held-50", drop=0.5, skips=False),
        Disturbance("missing-25", drop=0.25),
        Disturbance("missing-50", drop=0.5),
        Disturbance("late-3", delay=3),
        Disturbance("late-5", delay=5),
        Disturbance("irregular-4", longest=4),
        Disturbance("irregular-8", longest=8),
    )
}
"""By name: one clean, and five kinds at two strengths each."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """A disturbance on one track, frame by frame.

    Attributes:
        decides: `(frames,)` bool, whether the driver is asked.
        arrives: `(frames,)` bool, whether it sees this frame; otherwise it is shown the last one that arrived.
        noise: `(frames, 18)` in standard deviations of the inputs.
        delay: frames until an action reaches the car.
    """

    decides: NDArray[np.bool_]
    arrives: NDArray[np.bool_]
    noise: NDArray[np.float64]
    delay: int


def schedule(disturbance: Disturbance, track: int, frames: int) -> Schedule:
    """The same for every driver on this track. The first frame always arrives and is decided on.

    Example:
        >>> plan = schedule(Disturbance("both", drop=0.5, longest=3), track=7, frames=1000)
        >>> bool(plan.decides[0]), bool((plan.arrives | ~plan.decides).all()), int(plan.decides.sum()) < 400
        (True, True, True)
    """
    rng = np.random.default_rng([track, zlib.crc32(disturbance.name.encode())])
    noise = disturbance.noise * rng.standard_normal((frames, len(INPUTS)))
    lost = _lost(rng, disturbance, frames)
    due = np.zeros(frames, np.bool_)
    ticks = np.cumsum(rng.integers(1, disturbance.longest + 1, frames))
    due[ticks[ticks < frames]] = True
    due[0], lost[0] = True, False
    decides = due & ~lost if disturbance.skips else due
    return Schedule(decides, ~lost, noise, disturbance.delay)


def _lost(rng: np.random.Generator, disturbance: Disturbance, frames: int) -> NDArray[np.bool_]:
    """A chain of two states whose bursts have the stated share and mean length."""
    draws, lost, now = rng.random(frames), np.zeros(frames, np.bool_), False
    leave, enter = 1 / disturbance.burst, disturbance.drop / (1 - disturbance.drop) / disturbance.burst
    for frame in range(frames):
        now = draws[frame] >= leave if now else draws[frame] < enter
        lost[frame] = now
    return lost
