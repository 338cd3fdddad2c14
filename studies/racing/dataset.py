"""Driving, recorded from a simulator when it is asked for: the scripted expert on the tracks of CarRacing-v3."""

import numpy as np

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset
from caudal.data.sequences import Sequences
from caudal.data.split import split
from caudal.errors import DataError
from studies.racing import INPUTS, OUTPUTS, Simulator, record
from studies.racing.record import STYLES

TRACKS = 1_000
"""Track seeds that belong to one `seed`: recordings of different seeds never share a track."""

CARRACING = Card(
    name="carracing",
    title="Driving a racing car from a preview of the road: imitate a scripted expert",
    task="2 numbers at each step: steering and throttle, from -1 to 1",
    source="CarRacing-v3 of gymnasium (Klimov), without pixels; expert and preview of studies.racing",
    licence="MIT (gymnasium); the recording is made on your machine",
    licence_checked=True,
    obtain='pip install "caudal[drive]" (package gymnasium with Box2D)',
    package=("gymnasium",),
    counts={"episodes": 36, "inputs": 18, "outputs": 2, "styles": 3},
    bias=(
        "Synthetic: one simulated car, one scripted driver that sees the track itself; no pixels, no other traffic.",
        "A third of the episodes is clean, a third pushed off the line (DART), a third also irregular in time.",
    ),
    leaks=("None known: every episode has its own track, and episodes stay in one part.",),
    protocols={"clean": "Whole episodes 70/15/15, each part with all three styles; elapsed time in frames of 1/50 s."},
    citation="Towers M et al. Gymnasium, arXiv 2407.17032.",
    is_recorded=True,
)


def carracing(*, episodes: int = 36, seed: int = 0) -> Dataset:
    """Record the expert; the same arguments give the same data.

    Arguments:
        episodes: laps of up to 1,000 frames, at least 9.
        seed: of tracks and pushes, below 1,000.

    Raises:
        MissingExtraError: gymnasium or Box2D is not installed.
        DataError: an argument is out of range.
    """
    data = recorded("carracing", episodes, seed)
    return Dataset(CARRACING, data, split(data, val=0.15, test=0.15, by="group", seed=seed))


def recorded(owner: str, episodes: int, seed: int, frames: int = 1_000) -> Sequences:
    """Episodes as series, styles in turn, each on a track of its own; the group is the track.

    Raises:
        MissingExtraError, DataError: as `carracing`.
    """
    if not 9 <= episodes <= TRACKS or not 0 <= seed < TRACKS:
        fault = f"is {episodes} with seed {seed}; expected 9 to {TRACKS} episodes and a seed from 0 to {TRACKS - 1}"
        raise DataError(owner, "episodes", fault, "Pass for example `episodes=36, seed=0`.")
    simulator = Simulator(owner)
    tracks = seed * TRACKS + np.arange(episodes)
    laps = [record(simulator, int(track), STYLES[k % 3], frames) for k, track in enumerate(tracks)]
    simulator.close()
    return from_arrays(
        [lap.inputs for lap in laps],
        [lap.labels for lap in laps],
        axes="time_first",
        task="imitate",
        dt=[lap.dt for lap in laps],
        names=[feature.name for feature in INPUTS],
        units=[feature.unit for feature in INPUTS],
        outputs=OUTPUTS,
        ids=[f"{lap.style}-{lap.seed}" for lap in laps],
        group=tracks,
        time_unit="frame",
    )
