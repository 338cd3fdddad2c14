"""UCI sets of the LTC paper, one class per step: gestures, occupancy of a room, ozone days."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, fail, find, read_csv
from caudal.data.split import Split, official, split
from caudal.data.window import windows
from caudal.typing import Array

_PAPER_SEED = 23489
_LTC = "Hasani R, Lechner M, Amini A, Rus D, Grosu R. AAAI 2021 (protocol)."

GESTURE = Card(
    name="gesture",
    title="Gesture phases: what a speaker's hands do, at irregular camera times",
    task="classify each step: 5 phases",
    source="Madeo, Wagner and Peres (2014), UCI repository 302",
    licence="CC BY 4.0",
    obtain="Download data set 302 (Gesture Phase Segmentation) from archive.ics.uci.edu and pass its unpacked folder.",
    counts={"videos": 7, "raw_steps": 9_901, "va3_steps": 9_873, "classes": 5, "paper_windows": 605},
    bias=("Three people.",),
    leaks=(
        "The paper's windows overlap by half and are split at random: test steps stand in training.",
        "It scales with all data.",
    ),
    protocols={
        "paper": "32 derived features without times, windows of 32, half overlapping, random 75/10/15, scaled on all.",
        "clean": "18 raw coordinates at their true times (s), windows of 32; videos a3 validate, b3 and c3 test.",
    },
    citation=_LTC,
)
OCCUPANCY = Card(
    name="occupancy",
    title="Is the room occupied, from temperature, humidity and carbon dioxide",
    task="classify each step: empty (0) or occupied (1)",
    source="Candanedo and Feldheim (2016), UCI repository 357",
    licence="CC BY 4.0",
    obtain="Download data set 357 (Occupancy Detection) from archive.ics.uci.edu and pass its unpacked folder.",
    counts={"train_steps": 8_143, "test1_steps": 2_665, "test2_steps": 9_752, "paper_train": 7_315, "paper_val": 812},
    bias=("One office room, three weeks of one February.",),
    leaks=(
        "With the light sensor the task is trivial (light on means occupied); `clean` leaves it out.",
        "The paper's validation windows overlap training windows by 15 of 16 steps.",
    ),
    protocols={
        "paper": "5 sensors scaled on training, windows of 16, stride 1 in training (random 10 % validate), 8 in test.",
        "clean": "4 sensors at their true times (min), windows of 32, stride 16; last 15 % of training time validates.",
    },
    citation=_LTC,
)
OZONE = Card(
    name="ozone",
    title="Ozone days of Houston from weather",
    task="classify each day: normal (0) or ozone day (1)",
    source="Zhang, Fan and Yuan (2008), UCI repository 172, eight-hour peak",
    licence="CC BY 4.0",
    obtain="Download data set 172 (Ozone Level Detection) from archive.ics.uci.edu; pass the folder of eighthr.data.",
    counts={"days": 2_534, "inputs": 72, "positive": 160, "paper_series": 32, "paper_steps": 626},
    bias=("One city, 1998-2004; 6 % of days are positive, so report F1 or AUPRC and not accuracy.",),
    leaks=(
        "The paper's code stacks windows along the wrong axis: it trains on 25 of 32 series of every fourth day, each "
        "shifted by one day, and tests on 4 of them. Every test day is in training.",
        "It writes 0 for missing values and scales with one mean and deviation of all data.",
    ),
    protocols={
        "paper": "As coded: 32 series of 626 steps, random 25/3/4.",
        "clean": "Missing values marked, true days between rows, windows of 32, stride 16, split by time 70/15/15.",
    },
    citation=_LTC,
)
_PHASES = {"D": "rest", "P": "preparation", "S": "stroke", "H": "hold", "R": "retraction"}
_RAW_PHASES = {"Rest": "rest", "Preparation": "preparation", "Stroke": "stroke", "Hold": "hold"}
# One row of video b1 was left in Portuguese.
_RAW_PHASES |= {"Retraction": "retraction", "Preparação": "preparation"}
_VIDEOS = ("a3", "b1", "b3", "c1", "c3", "a2", "a1")


def gesture(*, folder: Path, protocol: str = "clean") -> Dataset:
    """Seven videos, windows of 32 steps.

    Raises:
        DataError: a file is missing or not what it should be.
    """
    kind = "va3" if protocol == "paper" else "raw"
    target = "Phase" if protocol == "paper" else "phase"
    frames = [read_csv(GESTURE, find(GESTURE, folder, f"{video}_{kind}.csv"), (target,)) for video in _VIDEOS]
    phases = _PHASES if protocol == "paper" else _RAW_PHASES
    labels = [frame[target].map(phases) for frame in frames]
    for video, column, frame in zip(_VIDEOS, labels, frames, strict=True):
        if column.isna().any():
            odd = frame[target][column.isna()].iloc[0]
            raise fail(GESTURE, f"holds {video}_{kind}.csv with the phase {odd!r}, which is unknown")
    options: dict[str, Any] = {"axes": "time_first", "task": "classify_steps", "classes": tuple(_PHASES.values())}
    if protocol == "paper":
        return _gesture_paper(frames, labels, options)
    series = [frame.drop(columns=["timestamp", "phase"]).to_numpy(dtype=np.float32) for frame in frames]
    gaps = [np.diff(frame["timestamp"].to_numpy(dtype=np.float64) / 1000) for frame in frames]
    first = float(np.median(np.concatenate(gaps)))
    whole = from_arrays(
        series,
        [column.to_numpy(dtype=str) for column in labels],
        dt=[np.concatenate([[first], gap]) for gap in gaps],
        names=[str(name) for name in frames[0].columns if name not in ("timestamp", "phase")],
        ids=list(_VIDEOS),
        time_unit="s",
        **options,
    )
    data = windows(whole, 32, 16)
    owners = np.asarray(data.group)
    tests, vals = np.isin(owners, ("b3", "c3")), owners == "a3"
    laid = official(np.flatnonzero(~tests & ~vals), np.flatnonzero(vals), np.flatnonzero(tests))
    return Dataset(GESTURE, data, laid, protocol)


def _gesture_paper(frames: list[Any], labels: list[Any], options: dict[str, Any]) -> Dataset:
    whole_windows = [len(frame) // 32 * 32 for frame in frames]
    series = [
        frame.drop(columns=["Phase"]).to_numpy(dtype=np.float32)[:size]
        for frame, size in zip(frames, whole_windows, strict=True)
    ]
    codes = [column.to_numpy(dtype=str)[:size] for column, size in zip(labels, whole_windows, strict=True)]
    data = windows(from_arrays(series, codes, ids=list(_VIDEOS), **options), 32, 16)
    scaled = _scaled(data.values.reshape(-1, data.inputs)).reshape(data.values.shape)
    fresh = from_arrays(
        scaled, np.array(data.classes)[np.asarray(data.target)], ids=data.ids, group=data.group, **options
    )
    return Dataset(GESTURE, fresh, paper_shuffle(len(fresh), _PAPER_SEED), "paper")


def occupancy(*, folder: Path, protocol: str = "clean") -> Dataset:
    """One room, three files in the order train, test 1, test 2.

    Raises:
        DataError: a file is missing or not what it should be.
    """
    sensors = ["Temperature", "Humidity", "Light", "CO2", "HumidityRatio"]
    files = ("datatraining.txt", "datatest.txt", "datatest2.txt")
    needed = ("date", "Occupancy", *sensors)
    frames = [read_csv(OCCUPANCY, find(OCCUPANCY, folder, file), needed) for file in files]
    labels = [frame["Occupancy"].to_numpy(dtype=np.int64) for frame in frames]
    if protocol == "paper":
        raw = [frame[sensors].to_numpy(dtype=np.float64) for frame in frames]
        mean, std = raw[0].mean(axis=0), raw[0].std(axis=0)
        return _occupancy_paper([(table - mean) / std for table in raw], labels, sensors)
    sensors.remove("Light")
    minutes = [frame["date"].to_numpy().astype("datetime64[s]").astype(np.int64) / 60 for frame in frames]
    parts = []
    for table, clock, label, name in zip(frames, minutes, labels, files, strict=True):
        series = table[sensors].to_numpy(dtype=np.float32)
        gaps = np.diff(clock, prepend=clock[0] - 1)
        parts.append((series, label, gaps, name))
    whole = from_arrays(
        [part[0] for part in parts],
        [part[1] for part in parts],
        axes="time_first",
        task="classify_steps",
        dt=[part[2] for part in parts],
        names=sensors,
        ids=[part[3] for part in parts],
        time_unit="min",
    )
    data = windows(whole, 32, 16)
    train = np.flatnonzero(np.asarray(data.group) == files[0])
    inner = split(data.select(train), val=0.15, test=0.0, by="time")
    rest = np.flatnonzero(np.asarray(data.group) != files[0])
    laid = Split(train[inner.train], train[inner.val], rest, "official", None, train[inner.dropped])
    return Dataset(OCCUPANCY, data, laid, protocol)


def _occupancy_paper(series: list[Array], labels: list[NDArray[np.int64]], names: list[str]) -> Dataset:
    cut = [_as_coded(len(values), 16, stride) for values, stride in zip(series, (1, 8, 8), strict=True)]
    x = np.concatenate([values[rows] for values, rows in zip(series, cut, strict=True)])
    y = np.concatenate([values[rows] for values, rows in zip(labels, cut, strict=True)])
    data = from_arrays(x, y, axes="time_first", task="classify_steps", names=names)
    count = len(cut[0])
    order = np.random.RandomState(893429).permutation(count)
    val = int(0.1 * count)
    laid = official(np.sort(order[val:]), np.sort(order[:val]), np.arange(count, len(data)))
    return Dataset(OCCUPANCY, data, laid, "paper")


def ozone(*, folder: Path, protocol: str = "clean") -> Dataset:
    """2,534 days of 72 weather numbers.

    Raises:
        DataError: the file is missing or not what it should be.
    """
    frame = read_csv(OZONE, find(OZONE, folder, "eighthr.data"), (), header=None, na_values=["?"])
    if frame.shape[1] != 74:
        raise fail(OZONE, f"holds eighthr.data of {frame.shape[1]} columns; expected 74")
    x, y = frame.iloc[:, 1:73].to_numpy(dtype=np.float64), frame.iloc[:, 73].to_numpy(dtype=np.int64)
    if protocol == "paper":
        x = np.nan_to_num(x)
        x = (x - x.mean()) / x.std()
        rows = _as_coded(len(x), 32, 4).T
        data = from_arrays(x[rows], y[rows], axes="time_first", task="classify_steps")
        return Dataset(OZONE, data, paper_shuffle(len(data), _PAPER_SEED), protocol)
    days = np.array([_day(text) for text in frame.iloc[:, 0]], dtype=np.float64)
    whole = from_arrays(
        [x],
        [y],
        axes="time_first",
        task="classify_steps",
        dt=[np.diff(days, prepend=days[0] - 1)],
        names=[f"weather{k}" for k in range(72)],
        ids=["houston"],
        time_unit="d",
    )
    data = windows(whole, 32, 16)
    return Dataset(OZONE, data, split(data, by="time"), protocol)


def _day(text: str) -> int:
    month, day, year = (int(part) for part in str(text).split("/"))
    return int(np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "D").astype(np.int64))


def _scaled(rows: Array) -> Array:
    return np.asarray((rows - rows.mean(axis=0)) / rows.std(axis=0))


def _as_coded(steps: int, length: int, stride: int) -> NDArray[np.int64]:
    """Steps of each window `(windows, length)`; as published, the last window that would fit is left out."""
    return np.arange(0, steps - length, stride)[:, None] + np.arange(length)


def paper_shuffle(count: int, seed: int) -> Split:
    """The LTC paper's random 75/10/15 of windows."""
    order = np.random.RandomState(seed).permutation(count)
    val, test = int(0.1 * count), int(0.15 * count)
    return official(np.sort(order[val + test :]), np.sort(order[:val]), np.sort(order[val : val + test]))
