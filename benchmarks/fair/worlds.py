"""Worlds whose truth is known: groups that differ by nature, with and without a bias, and what `diagnose` says of them.

A natural difference is no bias: a group may truly be healthier, be ill more rarely at like inputs, vary more, or be
seen more often because it is ill more often. Into such worlds wrong labels and rarer measurement are planted, alone and
together. Of a diagnosis it is asked that no world without bias is called biased with high confidence; that wrong labels
are found where someone checked some classes, whatever else differs; and that nobody is accused of them elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences, from_arrays
from caudal.errors import InputError
from caudal.fair.diagnose.diagnose import Diagnosis, diagnose
from caudal.fair.groups import Groups
from caudal.fair.plant import Bias, plant

SHARE_OF_B = 0.4


class World(NamedTuple):
    """How group b differs from a by nature, and what is done to it.

    Attributes:
        name: of the world.
        level: how much healthier b is, in standard deviations of the hidden level.
        rarer: how much rarer illness is in b at a like level, in log odds.
        rougher: factor on how much the inputs of b vary from step to step by nature.
        visits: whether those in worse state are seen more often.
        flips: share of the ill of b who are written down as healthy.
        thinned: share of the inner steps of b that are lost.
    """

    name: str
    level: float = 0.0
    rarer: float = 0.0
    rougher: float = 1.0
    visits: bool = False
    flips: float = 0.0
    thinned: float = 0.0

    @property
    def planted(self) -> dict[Bias, float]:
        """Kinds of bias that are in it, with their strength."""
        strengths: dict[Bias, float] = {"labels": self.flips, "sampling rate": self.thinned}
        return {kind: strength for kind, strength in strengths.items() if strength}


_FLIPS, _THINNED = 0.35, 0.5
WORLDS = (
    World("alike"),
    World("healthier", level=0.6),
    World("rarer illness", rarer=0.8),
    World("more variable", rougher=1.5),
    World("visits follow illness", level=0.6, visits=True),
    World("labels", flips=_FLIPS),
    World("labels, healthier", level=0.6, flips=_FLIPS),
    World("labels, rarer illness", rarer=0.8, flips=_FLIPS),
    World("labels, visits", level=0.6, visits=True, flips=_FLIPS),
    World("sampling", thinned=_THINNED),
    World("sampling, healthier", level=0.6, thinned=_THINNED),
    World("labels, sampling", flips=_FLIPS, thinned=_THINNED),
    World("labels, sampling, healthier", level=0.6, flips=_FLIPS, thinned=_THINNED),
)


@dataclass(frozen=True)
class WorldRow:
    """What was said of one world from one seed.

    Attributes:
        world: by name.
        biases: kinds that are in it, sorted.
        seed: of the draw.
        suspected: kinds of which a trace was found in the data alone, as `"kind: confidence"`.
        suspected_checked: the same where some classes were checked.
    """

    world: str
    biases: tuple[str, ...]
    seed: int
    suspected: tuple[str, ...]
    suspected_checked: tuple[str, ...]

    @property
    def accused(self) -> bool:
        """Whether a world without bias was called biased with high confidence, by either diagnosis."""
        return not self.biases and any(text.endswith(": high") for text in (*self.suspected, *self.suspected_checked))

    @property
    def labels_proven(self) -> bool:
        """Whether checked classes led to labels being suspected with more than low confidence."""
        return any(text in ("labels: fair", "labels: high") for text in self.suspected_checked)

    @property
    def all_named(self) -> bool:
        """Whether every kind that is in the world was suspected, with checked classes."""
        return {text.split(": ")[0] for text in self.suspected_checked} >= set(self.biases)


def draw_world(world: World, *, series: int = 1200, seed: int = 0) -> tuple[Sequences, NDArray[np.int64]]:
    """Series of a world as they are recorded, with the sensitive column `group`, and the true class of each.

    Arguments:
        world: how the groups differ, and what is done to b.
        series: how many.
        seed: of the draw.

    Returns:
        series with recorded classes, and `(batch,)` true ones.

    Raises:
        InputError: there are fewer than 60 series.

    Example:
        >>> recorded, truth = draw_world(World("labels", flips=0.5), series=100)
        >>> bool((recorded.target < truth).any()), bool((recorded.target > truth).any())
        (True, False)
    """
    if series < 60:
        raise InputError("draw_world", "series", f"is {series}; expected at least 60", "Ask for 1200, say.")
    rng = np.random.default_rng([seed, 17])
    in_b = rng.permutation(series) < round(SHARE_OF_B * series)
    level = rng.normal(size=series) - world.level * in_b
    ill = rng.random(series) < 1 / (1 + np.exp(-(3 * level - world.rarer * in_b)))
    mean = 12 * np.exp(0.4 * level) if world.visits else np.full(series, 12.0)
    lengths = np.clip(rng.poisson(mean), 4, 40)
    x, dt = [], []
    for k, length in enumerate(lengths):
        gaps = rng.exponential(12.0 / mean[k], length) + 0.05
        noise = (world.rougher if in_b[k] else 1.0) * rng.normal(size=(2, length))
        x.append(
            np.stack([level[k] + noise[0], level[k] * np.sin(np.cumsum(gaps)) + noise[1], rng.normal(size=length)])
        )
        dt.append(gaps)
    truth = ill.astype(np.int64)
    who = {"group": np.where(in_b, "b", "a")}
    data = from_arrays(x, truth, dt=dt, names=("level", "wave", "noise"), sensitive=who, time_unit="h")
    groups = Groups.of(who)
    for kind, strength in world.planted.items():
        data = plant(kind, data, groups, "b", strength=strength, seed=seed).data
    return data, truth


def judge_worlds(seeds: int = 10, *, checked: float = 0.2, series: int = 1200, first: int = 100) -> Iterator[WorldRow]:
    """Draw every world from some seeds and diagnose it twice: by the data alone, and with some classes checked.

    Arguments:
        seeds: of each world.
        checked: share of the series, drawn at random, whose true class someone checked.
        series: of each world.
        first: seed; the procedure was made while looking at those below 100.

    Raises:
        InputError: there is no seed, or the share is not above 0 and at most 1.
    """
    if seeds < 1:
        raise InputError("judge_worlds", "seeds", f"is {seeds}; expected at least 1", "Pass 10.")
    if not 0 < checked <= 1:
        raise InputError("judge_worlds", "checked", f"is {checked}; expected a share above 0, at most 1", "Pass 0.2.")
    for world in WORLDS:
        for seed in range(first, first + seeds):
            data, truth = draw_world(world, series=series, seed=seed)
            groups = Groups.of({"group": data.sensitive["group"]})
            known = np.random.default_rng([seed, 19]).random(series) < checked
            alone = diagnose(data, groups)
            with_checks = diagnose(data, groups, trusted=np.where(known, truth, -1))
            yield WorldRow(world.name, tuple(sorted(world.planted)), seed, _suspected(alone), _suspected(with_checks))


def _suspected(diagnosis: Diagnosis) -> tuple[str, ...]:
    return tuple(f"{suspicion.trace.kind}: {suspicion.confidence}" for suspicion in diagnosis.suspicions)
