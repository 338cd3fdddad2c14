"""Simulated bodies as the papers recorded them: half-cheetah (LTC paper) and walker2d (ODE-LSTM and CfC papers)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, traces
from caudal.data.sequences import Sequences
from caudal.data.split import Split, official
from caudal.data.window import windows

_WIDTH = 17

HALFCHEETAH = Card(
    name="halfcheetah",
    title="Half-cheetah: the next observation of a simulated runner",
    task="17 numbers at each step: the next observation",
    source="Hasani, Lechner, Amini, Rus and Grosu (2021), Liquid time-constant networks; code and data of the paper",
    licence="Apache-2.0",
    licence_checked=True,
    obtain=(
        "Clone github.com/raminmh/liquid_time_constant_networks and pass its folder experiments_with_ltcs/data/cheetah "
        "(31 files trace_0000.npy to trace_0030.npy)."
    ),
    counts={"traces": 31, "steps": 31_000, "inputs": 17, "train": 970, "val": 485, "test": 970},
    bias=("One simulated body under policies of several stages of training.",),
    leaks=("None known: windows of one trace stay in one part.",),
    protocols={
        "paper": "Windows of 32, stride 10, unscaled; files 15-24 train, 0-4 validation, 5-14 test; 25-30 unused.",
        "clean": "The same windows, validation and test; files 25-30 train as well.",
    },
    citation="Hasani R, Lechner M, Amini A, Rus D, Grosu R. AAAI 2021.",
)
WALKER2D = Card(
    name="walker2d",
    title="Walker2d with dropped steps: the next observation at irregular times",
    task="17 numbers at each step: the observation one simulator step later",
    source="Lechner and Hasani (2020), Learning long-term dependencies in irregularly-sampled time series; CfC paper",
    licence="Apache-2.0",
    licence_checked=True,
    obtain="Get walker.zip as github.com/raminmh/CfC says, unpack it and pass the folder of 400 rollout_*.npy files.",
    counts={"traces": 400, "steps": 254_963, "inputs": 17, "train": 9_684, "val": 1_272, "test": 1_937},
    bias=("Rollouts of a policy before and after training, so lengths differ (131 to 1,000).",),
    leaks=("None known: rollouts stay in one part. The elapsed time tells what was dropped before a step, not after.",),
    protocols={
        "paper": (
            "Windows of 64, stride 16, 10 % of steps dropped by the published seeds; 300/40/60 rollouts. The target "
            "is the next simulator step even where that step was dropped."
        ),
        "clean": "As paper: nothing leaks.",
    },
    citation="Lechner M, Hasani R. arXiv 2006.04418.",
)


def halfcheetah(*, folder: Path, protocol: str = "clean") -> Dataset:
    """Windows of 32 steps, stride 10; elapsed time 1.

    Raises:
        DataError: the folder does not hold the 31 traces.
    """
    recorded = traces(HALFCHEETAH, folder, "trace_*.npy", 31, _WIDTH)
    whole = next_step(recorded, [np.ones(len(trace) - 1) for trace in recorded])
    data = windows(whole, 32, 10)
    file = file_of(data, whole)
    unused = file >= 25 if protocol == "paper" else np.zeros(len(data), np.bool_)
    parts = [(file >= 15) & ~unused, file < 5, (file >= 5) & (file < 15)]
    rows = [np.flatnonzero(part) for part in parts]
    laid = Split(rows[0], rows[1], rows[2], "official", None, np.flatnonzero(unused))
    return Dataset(HALFCHEETAH, data, laid, protocol)


def walker2d(*, folder: Path, protocol: str = "clean") -> Dataset:
    """Windows of 64 kept steps, stride 16; elapsed time in simulator steps, first ones included.

    Raises:
        DataError: the folder does not hold the 400 rollouts.
    """
    recorded = traces(WALKER2D, folder, "rollout_*.npy", 400, _WIDTH)
    # The published seeds: one shuffles the files, the other drops steps of train, validation and test, in that order.
    files = list(range(len(recorded)))
    np.random.RandomState(125487).shuffle(files)
    test, val, train = files[:60], files[60:100], files[100:]
    drops = np.random.RandomState(891374)
    observed: dict[int, NDArray[np.int64]] = {}
    for file in (*train, *val, *test):
        observed[file] = np.flatnonzero(drops.rand(len(recorded[file]) - 1) < 0.9)
    order = [*train, *val, *test]
    # The published cut stops one step short of the last window that would fit.
    whole = next_step(
        [recorded[file] for file in order],
        [np.diff(observed[file], prepend=-1)[:-1].astype(np.float64) for file in order],
        [observed[file][:-1] for file in order],
        order,
    )
    data = windows(whole, 64, 16)
    place = file_of(data, whole)
    rows = [np.flatnonzero(part) for part in (place < 300, (place >= 300) & (place < 340), place >= 340)]
    return Dataset(WALKER2D, data, official(rows[0], rows[1], rows[2]), protocol)


def next_step(
    recorded: list[NDArray[np.float32]],
    dt: list[NDArray[np.float64]],
    observed: list[NDArray[np.int64]] | None = None,
    names: list[int] | None = None,
) -> Sequences:
    """Each step with the observation one simulator step later as its target."""
    observed = observed or [np.arange(len(trace) - 1) for trace in recorded]
    names = names or list(range(len(recorded)))
    return from_arrays(
        [trace[rows] for trace, rows in zip(recorded, observed, strict=True)],
        [trace[rows + 1] for trace, rows in zip(recorded, observed, strict=True)],
        axes="time_first",
        task="imitate",
        dt=dt,
        names=[f"obs{k}" for k in range(_WIDTH)],
        outputs=[f"next_obs{k}" for k in range(_WIDTH)],
        ids=[f"trace-{name:04d}" for name in names],
    )


def file_of(data: Sequences, whole: Sequences) -> NDArray[np.int64]:
    """Which of the whole series each window was cut from."""
    place = {name: k for k, name in enumerate(whole.ids.tolist())}
    owners = [] if data.group is None else data.group.tolist()
    return np.array([place[owner] for owner in owners], dtype=np.int64)
