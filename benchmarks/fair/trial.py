"""Plant each kind of bias on made and real series, and see whether it is named rightly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from caudal.data import Sequences, datasets
from caudal.errors import InputError
from caudal.fair.diagnose.diagnose import Kind, diagnose
from caudal.fair.groups import Groups
from caudal.fair.plant import KINDS, plant
from caudal.fair.synthetic import synthetic, with_coin

COIN, SHARE = "coin", 0.4
KNOWN: tuple[Kind, ...] = (*KINDS, "none")
# A weak bias is half as strong as the usual one.
_STRENGTHS = {"labels": 0.45, "representation": 0.8, "measurement": 1.5, "sampling rate": 0.6, "proxy": 3.0}


@dataclass(frozen=True)
class Named:
    """One planted bias and what it was called.

    Attributes:
        source: of the series.
        planted, named: the kind put in, and the kind named.
        strength: as planted; 0 where nothing was.
        group_right: whether the group was named as well; True where nothing was planted or named.
        confidence: as told.
        seed: of the draw.
    """

    source: str
    planted: Kind
    named: Kind
    strength: float
    group_right: bool
    confidence: str
    seed: int


def series_of(source: str) -> Sequences:
    """The series of a trial: `"made"`, or a data set by name.

    Raises:
        DataError: there is no such set.
        MissingExtraError: the package that ships it is not installed.
    """
    return synthetic(1000) if source == "made" else datasets.load(source).sequences


def trial(
    sources: Sequence[str] = ("made", "nafld", "japanese-vowels"),
    seeds: int = 5,
    *,
    weak: bool = False,
    trusted: float = 0.0,
    first: int = 100,
) -> Iterator[Named]:
    """Plant every kind, and none, by the fall of a coin that has nothing to do with the series.

    Arguments:
        sources: `"made"`, or names of data sets that classify.
        seeds: of coin and draw, for each kind.
        weak: plant each kind at half its usual strength.
        trusted: share of the series, drawn at random, whose true class someone checked.
        first: seed; the procedure was made while looking at those below 100.

    Raises:
        InputError: there is no seed, or the share is none.
    """
    if not 0 <= trusted <= 1:
        raise InputError("trial", "trusted", f"is {trusted}; expected a share from 0 to 1", "Pass 0.3.")
    if seeds < 1:
        raise InputError("trial", "seeds", f"is {seeds}; expected at least 1", "Pass 5.")
    for source in sources:
        whole = series_of(source)
        for seed in range(first, first + seeds):
            data = with_coin(whole, name=COIN, share=SHARE, seed=seed)
            for kind in KNOWN:
                yield _one(source, data, kind, seed, 0.5 if weak else 1.0, trusted)


def _one(source: str, data: Sequences, kind: Kind, seed: int, part: float, trusted: float) -> Named:
    groups = Groups.of({COIN: data.sensitive[COIN]})
    strength, truth = 0.0, np.asarray(data.target)
    if kind != "none":
        strength = _STRENGTHS[kind] * part
        planted = plant(kind, data, groups, "b", strength=strength, seed=seed)
        data, truth = planted.data, truth[planted.kept]
        groups = Groups.of({COIN: data.sensitive[COIN]})
    checked = np.where(np.random.default_rng(seed).random(len(data)) < trusted, truth, -1) if trusted else None
    diagnosis = diagnose(data, groups, expected={"a": 1 - SHARE, "b": SHARE}, trusted=checked)
    # A level that differs strikes neither group more than the other.
    right = kind in ("none", "proxy") or diagnosis.kind == "none" or diagnosis.group == "b"
    return Named(source, kind, diagnosis.kind, strength, right, diagnosis.confidence, seed)
