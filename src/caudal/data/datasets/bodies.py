"""Bodies of MuJoCo that move by simple gaits: rollouts recorded where they are asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.datasets.files import cached
from caudal.extras import need
from caudal.typing import Array

Rollout = NDArray[np.float32]
Act = Callable[[NDArray[np.float64], float], NDArray[np.float64]]
# Part of the key of the cache: raise it when a gait changes.
_VERSION = 1


@dataclass(frozen=True)
class Body:
    """A simulated body and how it is moved.

    Attributes:
        name: of the recording.
        world: of gymnasium.
        steps: longest rollout; a fall ends one earlier.
        gait: draws a way to move, which gives actions from observation and time (s).
        noise: standard deviation added to each action, drawn at each step.
    """

    name: str
    world: str
    steps: int
    gait: Callable[[np.random.Generator], Act]
    noise: float


def _running(rng: np.random.Generator) -> Act:
    """An open loop: each joint swings by itself, all at one frequency."""
    size, phase = rng.uniform(0.2, 1.0, 6), rng.uniform(0, 2 * np.pi, 6)
    turn = 2 * np.pi * rng.uniform(1.0, 4.0)
    return lambda seen, time: np.asarray(size * np.sin(turn * time + phase))


def _walking(rng: np.random.Generator) -> Act:
    """A closed loop: legs in turn, joints held by springs, hips and ankles against lean and bounce; most fall."""
    size, start = rng.uniform(0, 0.4, 3), rng.uniform(0, 2 * np.pi)
    turn, rest = 2 * np.pi * rng.uniform(0.5, 2.0), np.array([-0.05, -0.1, 0.05])
    within = np.array([0.0, 1.2, 2.2])

    def act(seen: NDArray[np.float64], time: float) -> NDArray[np.float64]:
        at = turn * time + start + within
        lean, rise = seen[1], seen[9]
        upright = np.array([0.8 * lean + 0.1 * rise, 0.0, -1.5 * lean - 0.2 * rise])
        aim = np.concatenate([rest + size * np.sin(at), rest + size * np.sin(at + np.pi)]) + np.tile(upright, 2)
        return np.asarray(aim - seen[2:8] - 0.05 * seen[11:17])

    return act


HALFCHEETAH = Body("sim-halfcheetah", "HalfCheetah-v5", 500, _running, 0.1)
WALKER2D = Body("sim-walker2d", "Walker2d-v5", 500, _walking, 0.05)


def rollouts(body: Body, count: int, seed: int) -> list[Rollout]:
    """Observations `(steps + 1, 17)` of each rollout, from the cache where they were recorded before.

    Equal arguments give equal numbers on one machine and version of the simulator.

    Arguments:
        body: which one.
        count: rollouts.
        seed: of starts, gaits and noise.

    Raises:
        MissingExtraError: gymnasium, mujoco or imageio is not installed.
    """
    owner = f"datasets.load({body.name!r})"
    gymnasium, mujoco = need(owner, "gymnasium", "sim"), need(owner, "mujoco")
    need(owner, "imageio")
    key = {"body": body.name, "count": count, "seed": seed, "steps": body.steps, "version": _VERSION}
    key |= {"gymnasium": gymnasium.__version__, "mujoco": mujoco.__version__}
    arrays = cached(body.name, key, lambda: _recorded(gymnasium, mujoco, body, count, seed))
    return np.split(arrays["seen"], np.cumsum(arrays["lengths"])[:-1])


def _recorded(gymnasium: Any, mujoco: Any, body: Body, count: int, seed: int) -> dict[str, Array]:
    with _quiet(mujoco):
        world = gymnasium.make(body.world, max_episode_steps=body.steps)
        try:
            runs = [_rollout(world, body, seed, number) for number in range(count)]
        finally:
            world.close()
    return {"seen": np.concatenate(runs), "lengths": np.array([len(run) for run in runs])}


def _rollout(world: Any, body: Body, seed: int, number: int) -> Rollout:
    rng = np.random.default_rng([seed, number])
    act, pause = body.gait(rng), world.unwrapped.dt
    seen, _ = world.reset(seed=int(rng.integers(2**31)))
    rows, ended = [seen], False
    while not ended:
        action = act(seen, pause * (len(rows) - 1)) + rng.normal(0, body.noise, 6)
        seen, _, fell, over, _ = world.step(np.clip(action, -1, 1).astype(np.float32))
        rows.append(seen)
        ended = fell or over
    return np.stack(rows).astype(np.float32)


@contextmanager
def _quiet(mujoco: Any) -> Iterator[None]:
    """Without the simulator's notes on its own model files, which it prints on standard output."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda words: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)
