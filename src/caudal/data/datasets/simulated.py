"""Recorded simulators: half-cheetah and walker with dropped steps, made on the user's machine."""

import numpy as np
from numpy.typing import NDArray

from caudal.data.datasets.bodies import HALFCHEETAH, WALKER2D, Body, rollouts
from caudal.data.datasets.files import Card, Dataset
from caudal.data.datasets.motion import file_of, next_step
from caudal.data.split import official
from caudal.data.window import windows
from caudal.errors import DataError

_LEAST = 20
_OBTAIN = 'pip install "caudal[sim]" (gymnasium, mujoco and imageio); recorded once, then kept in the cache folder'
_LEAKS = (
    "None known: rollouts stay in one part, and each has its own start and gait. The elapsed time tells what was "
    "dropped before a step, not after.",
)
_PROTOCOLS = {
    "clean": (
        "Windows of whole rollouts 75/10/15, in order of recording; 10 % of steps dropped at random (`drop`). The "
        "target is the next simulator step even where that step was dropped."
    )
}

SIM_HALFCHEETAH = Card(
    name="sim-halfcheetah",
    title="Recorded simulator: half-cheetah with dropped steps, the next observation at irregular times",
    task="17 numbers at each step: the observation one simulator step (0.05 s) later",
    source="HalfCheetah-v5 of gymnasium on MuJoCo, recorded by caudal.data.datasets.bodies",
    licence="MIT (gymnasium), Apache-2.0 (MuJoCo); the recording is made on your machine",
    licence_checked=True,
    obtain=_OBTAIN,
    package=("mujoco",),
    counts={"rollouts": 60, "steps": 30_000, "inputs": 17},
    bias=(
        "Synthetic: open-loop gaits with noise, not the trained policies of the LTC paper; figures cannot be compared "
        "with published ones (for those see `halfcheetah`).",
        "The last bits differ between processors and versions of the simulator; the digest of the data tells.",
    ),
    leaks=_LEAKS,
    protocols=_PROTOCOLS,
    citation="Todorov E, Erez T, Tassa Y. MuJoCo: a physics engine for model-based control. IROS 2012.",
    is_recorded=True,
)
SIM_WALKER2D = Card(
    name="sim-walker2d",
    title="Recorded simulator: walker with dropped steps, the next observation at irregular times",
    task="17 numbers at each step: the observation one simulator step (0.008 s) later",
    source="Walker2d-v5 of gymnasium on MuJoCo, recorded by caudal.data.datasets.bodies",
    licence="MIT (gymnasium), Apache-2.0 (MuJoCo); the recording is made on your machine",
    licence_checked=True,
    obtain=_OBTAIN,
    package=("mujoco",),
    counts={"rollouts": 100, "inputs": 17},
    bias=(
        "Synthetic: a walker held by springs that steps on the spot and often falls, not the policies of the CfC "
        "paper; figures cannot be compared with published ones (for those see `walker2d`).",
        "The last bits differ between processors and versions of the simulator, and with them the moment of a fall; "
        "the digest of the data tells.",
    ),
    leaks=_LEAKS,
    protocols=_PROTOCOLS,
    citation="Todorov E, Erez T, Tassa Y. MuJoCo: a physics engine for model-based control. IROS 2012.",
    is_recorded=True,
)


def sim_halfcheetah(*, rollouts: int = 60, drop: float = 0.1, seed: int = 0) -> Dataset:
    """Windows of 32 kept steps, stride 10; elapsed time in simulator steps.

    Arguments:
        rollouts: of 500 steps, at least 20.
        drop: share of steps left out at random.
        seed: of the recording and of the dropped steps.

    Raises:
        MissingExtraError: the simulator is not installed.
        DataError: an argument is out of range.
    """
    return _dataset(SIM_HALFCHEETAH, HALFCHEETAH, rollouts, drop, seed, (32, 10))


def sim_walker2d(*, rollouts: int = 100, drop: float = 0.1, seed: int = 0) -> Dataset:
    """Windows of 64 kept steps, stride 16, of rollouts of up to 500 steps; otherwise as `sim_halfcheetah`.

    Raises:
        MissingExtraError, DataError: as `sim_halfcheetah`.
    """
    return _dataset(SIM_WALKER2D, WALKER2D, rollouts, drop, seed, (64, 16))


def _dataset(card: Card, body: Body, count: int, drop: float, seed: int, cut: tuple[int, int]) -> Dataset:
    owner = f"datasets.load({card.name!r})"
    if count < _LEAST:
        raise DataError(owner, "rollouts", f"is {count}; expected at least {_LEAST}", "Three parts share them.")
    if not 0 <= drop < 1:
        raise DataError(owner, "drop", f"is {drop}; expected 0 to below 1", "Pass 0.1, say.")
    if seed < 0:
        raise DataError(owner, "seed", f"is {seed}; expected at least 0", "Pass 0, say.")
    runs = rollouts(body, count, seed)
    rng = np.random.default_rng([seed, count, 1])
    steps = [_kept(rng, len(run) - 1, drop) for run in runs]
    dt = [np.diff(rows, prepend=-1).astype(np.float64) for rows in steps]
    whole = next_step(runs, dt, steps)
    data = windows(whole, *cut)
    place = file_of(data, whole)
    edges = (0.75 * count, 0.85 * count)
    parts = (place < edges[0], (place >= edges[0]) & (place < edges[1]), place >= edges[1])
    return Dataset(card, data, official(*(np.flatnonzero(part) for part in parts)))


def _kept(rng: np.random.Generator, steps: int, drop: float) -> NDArray[np.int64]:
    """Steps that are not dropped; the first one stays."""
    stays = rng.random(steps) >= drop
    stays[0] = True
    return np.flatnonzero(stays)
