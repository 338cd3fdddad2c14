"""Remedies where a group is measured more rarely: what each leaves of the gap in opportunity, and what it costs.

Two groups alike in everything but their measurement: nine in ten inner steps of b are lost, in training and
later. A CfC learns from such series plainly, with each remedy, and from the others thinned as much as b; and, as the
bound of what data could mend, from b measured in full. Each is judged on 6,000 other people.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.fair.worlds import World, draw_world
from caudal.data import Sequences
from caudal.errors import InputError
from caudal.estimators import LiquidClassifier
from caudal.fair import Groups, decisions, gaps
from caudal.fair.mitigate import Fairness, Lagrangian, Penalty, reweighing
from caudal.fair.plant import thin

_LOST = 0.9
_FULL, _THINNED = World("full"), World("thinned", thinned=_LOST)


@dataclass(frozen=True)
class SamplingRow:
    """One remedy from one seed.

    Attributes:
        remedy: by name.
        seed: of data and weights.
        gap: in the share found of those for whom yes is true, on other people.
        accuracy: on other people.
        found_b: share found in the group that is measured more rarely.
    """

    remedy: str
    seed: int
    gap: float
    accuracy: float
    found_b: float


@dataclass(frozen=True)
class _Remedy:
    """How a remedy learns: a price, weights, another table to learn from, or a group measured as often."""

    price: Fairness | None = None
    weighed: bool = False
    prepared: Callable[[Sequences, int], Sequences] = lambda data, seed: data
    world: World = _THINNED


def thin_others(data: Sequences, seed: int) -> Sequences:
    """The series with as large a share of the inner steps of the others lost as b lost."""
    groups = Groups.of({"group": data.sensitive["group"]})
    return thin(data, groups, "a", _LOST, seed=seed + 1).data


REMEDIES: dict[str, _Remedy] = {
    "plain": _Remedy(),
    "reweighing": _Remedy(weighed=True),
    "penalty 10": _Remedy(Penalty(weight=10.0, warm_up=2)),
    "Lagrangian": _Remedy(Lagrangian(warm_up=2)),
    "thinning": _Remedy(prepared=thin_others),
    "measured in full": _Remedy(world=_FULL),
}


def sampling(seeds: int = 5, *, series: int = 1200, judged: int = 6000, epochs: int = 12) -> Iterator[SamplingRow]:
    """Train with every remedy from every seed, and judge on other people, measured as in the world.

    Arguments:
        seeds: of data and weights.
        series: to learn from.
        judged: other people to judge on.
        epochs: of each fit.

    Raises:
        InputError: there is no seed.
    """
    if seeds < 1:
        raise InputError("sampling", "seeds", f"is {seeds}; expected at least 1", "Pass 5.")
    for seed in range(seeds):
        for name, remedy in REMEDIES.items():
            train, _ = draw_world(remedy.world, series=series, seed=2 * seed)
            other, _ = draw_world(remedy.world, series=judged, seed=2 * seed + 1)
            yield _judged(name, _fitted(remedy, train, epochs, seed), other, seed)


def _fitted(remedy: _Remedy, train: Sequences, epochs: int, seed: int) -> LiquidClassifier:
    model = LiquidClassifier(units=12, epochs=epochs, lr=0.01, batch_size=64, seed=seed, fairness=remedy.price)
    who = np.asarray(train.sensitive["group"])
    weights = reweighing(who, np.asarray(train.target)) if remedy.weighed else None
    return model.fit(remedy.prepared(train, seed), sample_weight=weights)


def _judged(name: str, model: LiquidClassifier, other: Sequences, seed: int) -> SamplingRow:
    answers = decisions(np.asarray(other.target), model.predict_proba(other)[:, 1])
    groups = Groups.of({"group": other.sensitive["group"]})
    ill = groups.where("b") & (answers.truth == 1)
    gap = gaps(answers, groups)["equal_opportunity"]
    return SamplingRow(name, seed, gap, float(answers.right.mean()), float(answers.given[ill].mean()))
