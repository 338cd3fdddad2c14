"""Sets of the UEA and UCR archives that ship inside wheels: JapaneseVowels and PLAID."""

from typing import Any

import numpy as np

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, read_ts, shipped
from caudal.data.sequences import Sequences
from caudal.data.split import official, split

_OFFICIAL = {
    "clean": "The official test set; validation is a stratified 20 % of the official training set.",
    "paper": "The official training and test sets, no validation set, as in tables of the archive.",
}

JAPANESE_VOWELS = Card(
    name="japanese-vowels",
    title="Japanese vowels: which of nine speakers said /ae/",
    task="classify a recording: 9 speakers",
    source="Kudo, Toyama and Shimbo (1999), UCI repository; UEA archive file",
    licence="CC BY 4.0 (UCI)",
    obtain='pip install "caudal[datasets]" (package sktime 1.2.0, or aeon 1.6.0)',
    package=("sktime", "aeon"),
    counts={"train": 270, "test": 370, "inputs": 12, "classes": 9, "shortest": 7, "longest": 29},
    bias=("Nine men of one language.",),
    leaks=("All speakers stand in both parts, as the task demands; it says nothing about new speakers.",),
    protocols=_OFFICIAL,
    citation="Kudo M, Toyama J, Shimbo M. Pattern Recognition Letters 1999;20:1103-1111.",
)
PLAID = Card(
    name="plaid",
    title="PLAID: which household appliance draws this current",
    task="classify a window of current: 11 kinds of appliance",
    source="Gao et al. (2014), Plug Load Appliance Identification Dataset; UCR archive file",
    licence="CC BY 4.0",
    obtain='pip install "caudal[datasets]" (package sktime 1.2.0)',
    package=("sktime",),
    counts={"train": 537, "test": 537, "inputs": 1, "classes": 11, "shortest": 100, "longest": 1344},
    bias=("56 households of one city (Pittsburgh); classes are unequal.",),
    leaks=("Windows of one appliance and household may stand in both parts; the archive does not tell which.",),
    protocols=_OFFICIAL,
    citation="Gao J, Giri S, Kara EC, Berges M. BuildSys 2014.",
)
_PLAID_CLASSES = (
    *("air conditioner", "compact fluorescent lamp", "fan", "fridge", "hairdryer", "heater"),
    *("incandescent light bulb", "laptop", "microwave", "vacuum", "washing machine"),
)


def japanese_vowels(*, protocol: str = "clean", seed: int = 0) -> Dataset:
    """270 and 370 recordings of 12 coefficients, 7 to 29 steps; the official split."""
    return _load(JAPANESE_VOWELS, "JapaneseVowels", protocol, seed)


def plaid(*, protocol: str = "clean", seed: int = 0) -> Dataset:
    """537 and 537 windows of current, 100 to 1,344 steps; the official split."""
    return _load(PLAID, "PLAID", protocol, seed)


def _load(card: Card, name: str, protocol: str, seed: int) -> Dataset:
    folder = ("datasets", "data", name)
    series, labels = [], []
    sizes = []
    for part in ("TRAIN", "TEST"):
        more, names = read_ts(shipped(card, *folder, f"{name}_{part}.ts"))
        series += more
        labels += names
        sizes.append(len(more))
    options: dict[str, Any] = {"ids": [f"train-{k}" for k in range(sizes[0])] + [f"test-{k}" for k in range(sizes[1])]}
    if name == "PLAID":
        labels = [_PLAID_CLASSES[int(float(label))] for label in labels]
        options |= {"classes": _PLAID_CLASSES, "names": ("current",)}
    data = from_arrays(series, np.array(labels), **options)
    return Dataset(card, data, with_validation(data, sizes[0], protocol, seed), protocol)


def with_validation(data: Sequences, train: int, protocol: str, seed: int) -> Any:
    """The official split: the first `train` rows train; `"clean"` takes a fifth of them for validation."""
    rows, test = np.arange(train), np.arange(train, len(data))
    if protocol == "paper":
        return official(rows, np.zeros(0, np.int64), test)
    inner = split(data.select(rows), val=0.2, test=0.0, seed=seed)
    return official(inner.train, inner.val, test)
