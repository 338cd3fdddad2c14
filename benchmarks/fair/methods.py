"""Ways to fairness on planted label bias, each told what the others are told: observed labels and groups, no truth."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import Sequences, from_arrays
from caudal.fair.groups import Groups
from caudal.fair.mitigate import (
    Fairret,
    Lagrangian,
    Penalty,
    cut_attribute,
    fair_readout,
    fairlearn_thresholds,
    one_threshold,
    oxonfair_thresholds,
    reweighing,
)
from caudal.fair.plant import flip_labels
from caudal.train import Examples, examples

if TYPE_CHECKING:
    from caudal.estimators import LiquidClassifier

TRAIN, HELD, TEST, STEPS = 4000, 1000, 3000, 8
SHARE, FLIPPED, SIGNAL, PROXY = 0.4, 0.45, 0.38, 1.0
EPOCHS = 15
SETTINGS: dict[str, Any] = {"units": 12, "lr": 0.005, "batch_size": 128, "validation": 0.0}


@dataclass(frozen=True, eq=False)
class Part:
    """Series, what was written down about them, and what is true.

    Attributes:
        data: with the observed classes.
        truth: `(batch,)` true classes.
        groups: of the series.
    """

    data: Sequences
    truth: NDArray[np.int64]
    groups: Groups

    @property
    def seen(self) -> NDArray[np.int64]:
        """Observed classes."""
        return np.asarray(self.data.target)


@dataclass(frozen=True, eq=False)
class Task:
    """Training series, series to choose thresholds by, and test series."""

    train: Part
    held: Part
    test: Part
    seed: int
    epochs: int


@dataclass(frozen=True, eq=False)
class Done:
    """Decisions about the test series and what they took.

    Attributes:
        decided: `(batch,)`.
        updates: steps of the optimiser in all fits that the method makes.
        seconds: of this process, in training.
        asks: whether a decision needs the attribute.
        note: what the method says of itself.
    """

    decided: NDArray[np.int64]
    updates: int
    seconds: float
    asks: bool = False
    note: str = ""


def task(seed: int, *, shrink: int = 1, epochs: int = EPOCHS) -> Task:
    """Classes seen through noise, groups alike in truth, a channel that tells the group, and labels flipped.

    45 % of the true positives of group b are written down as negative, in all parts alike; methods see that alone.

    Arguments:
        seed: of the draw.
        shrink: divides the number of series.
        epochs: of each fit.

    Example:
        >>> given = task(0, shrink=20)
        >>> b = given.train.groups.where("b")
        >>> bool((given.train.truth[b].mean() - given.train.seen[b].mean()) > 0.15)
        True
    """
    train, choose, test = (_part(n // shrink, [seed, k]) for k, n in enumerate((TRAIN, HELD, TEST)))
    return Task(train, choose, test, seed, epochs)


def _part(count: int, seed: list[int]) -> Part:
    rng = np.random.default_rng(seed)
    who = np.where(rng.random(count) < SHARE, "b", "a")
    truth = (rng.random(count) < 0.5).astype(np.int64)
    x = rng.normal(size=(count, 2, STEPS))
    x[:, 0] += SIGNAL * (2 * truth - 1)[:, None]
    x[:, 1] += PROXY * np.where(who == "b", 1, -1)[:, None]
    clean = from_arrays(x, truth, names=("level", "proxy"), sensitive={"group": who})
    groups = Groups.of({"group": who})
    return Part(flip_labels(clean, groups, "b", FLIPPED, seed=int(rng.integers(1 << 30))).data, truth, groups)


def _fitted(
    given: Task, cell: str, weight: NDArray[np.float64] | None = None, **settings: Any
) -> tuple["LiquidClassifier", int, float]:
    from caudal.estimators import LiquidClassifier

    model = LiquidClassifier(cell=cell, seed=given.seed, epochs=given.epochs, **SETTINGS, **settings)
    begun = process_time()
    model.fit(given.train.data, sample_weight=weight, sensitive="group")
    return model, _updates(given), process_time() - begun


def _updates(given: Task) -> int:
    return given.epochs * -(-len(given.train.data) // int(SETTINGS["batch_size"]))


def _plain(given: Task, cell: str) -> Done:
    model, updates, seconds = _fitted(given, cell)
    return Done(model.predict(given.test.data), updates, seconds)


def _reweighed(given: Task, cell: str) -> Done:
    begun = process_time()
    weight = reweighing(given.train.groups, given.train.seen)
    extra = process_time() - begun
    model, updates, seconds = _fitted(given, cell, weight)
    return Done(model.predict(given.test.data), updates, seconds + extra)


def _term(kind: Callable[..., Any], *asked: object, **options: object) -> Callable[[Task, str], Done]:
    def run(given: Task, cell: str) -> Done:
        model, updates, seconds = _fitted(given, cell, fairness=kind(*asked, **options))
        return Done(model.predict(given.test.data), updates, seconds)

    return run


def _readout(**options: Any) -> Callable[[Task, str], Done]:
    def run(given: Task, cell: str) -> Done:
        model, updates, seconds = _fitted(given, cell)
        begun = process_time()
        model.net_ = fair_readout(model.net_, _seen(model, given.train), Penalty(positive=1, **options))
        seconds += process_time() - begun
        return Done(model.predict(given.test.data), updates, seconds)

    return run


def _circuit(given: Task, cell: str) -> Done:
    model, updates, seconds = _fitted(given, cell)
    begun = process_time()
    cut = cut_attribute(model.net_, _seen(model, given.train), _seen(model, given.held))
    seconds += process_time() - begun
    model.net_ = cut.model
    return Done(model.predict(given.test.data), updates, seconds, note=cut.words())


def _seen(model: "LiquidClassifier", part: Part) -> Examples:
    return replace(examples(model.encoder_, part.data), groups=torch.tensor(part.groups.codes))


def _ruled(find: Callable[..., Any], **options: object) -> Callable[[Task, str], Done]:
    def run(given: Task, cell: str) -> Done:
        model, updates, seconds = _fitted(given, cell)
        begun = process_time()
        choose, test = given.held, given.test
        rule = find(model.predict_proba(choose.data)[:, 1], choose.seen, choose.groups, **options)
        seconds += process_time() - begun
        score = model.predict_proba(test.data)[:, 1]
        decided = rule.decide(score, test.groups if rule.needs_attribute else None)
        return Done(decided.astype(np.int64), updates, seconds, rule.needs_attribute)

    return run


def _reduced(constraint: str) -> Callable[[Task, str], Done]:
    def run(given: Task, cell: str) -> Done:
        from fairlearn import reductions

        from caudal.estimators import LiquidClassifier

        model = LiquidClassifier(cell=cell, seed=given.seed, epochs=given.epochs, **SETTINGS)
        x, test = (part.data.values.transpose(0, 2, 1) for part in (given.train, given.test))
        reduction = reductions.ExponentiatedGradient(model, getattr(reductions, constraint)(), max_iter=12)
        begun = process_time()
        reduction.fit(x, given.train.seen, sensitive_features=given.train.groups.codes)
        seconds = process_time() - begun
        calls = int(reduction.n_oracle_calls_)
        decided = np.asarray(reduction.predict(test, random_state=given.seed), np.int64)
        return Done(decided, calls * _updates(given), seconds, note=f"{calls} fits")

    return run


# The dense CfC takes them all; a policy of LTC neurons shows the way through the circuit.
CELLS = {"cfc": None, "ltc-ncp": ("none", "reweighing", "circuit")}
METHODS: dict[str, Callable[[Task, str], Done]] = {
    "none": _plain,
    "reweighing": _reweighed,
    "penalty, equal opportunity": _term(Penalty, "equal_opportunity"),
    "Lagrangian, equal opportunity": _term(Lagrangian, "equal_opportunity"),
    "Lagrangian, equalised odds": _term(Lagrangian, "equalised_odds"),
    "penalty, equalised odds": _term(Penalty, "equalised_odds"),
    "high price, equalised odds": _term(Lagrangian, "equalised_odds", step=0.2, limit=40.0, damping=20.0),
    "fairret, equal opportunity": _term(Fairret, "equal_opportunity", weight=1.0),
    "fairret, equalised odds": _term(Fairret, "equalised_odds"),
    **{
        f"readout, equalised odds, price {price:g}": _readout(constraint="equalised_odds", weight=price, sharpness=4.0)
        for price in (12.0, 14.0, 16.0, 20.0)
    },
    "circuit": _circuit,
    "one threshold": _ruled(one_threshold),
    "fairlearn thresholds, equal opportunity": _ruled(fairlearn_thresholds),
    "fairlearn thresholds, equalised odds": _ruled(fairlearn_thresholds, constraint="equalised_odds"),
    "oxonfair, equal opportunity": _ruled(oxonfair_thresholds),
    "oxonfair, equalised odds": _ruled(oxonfair_thresholds, constraint="equalised_odds"),
    "fairlearn reductions, equal opportunity": _reduced("TruePositiveRateParity"),
    "fairlearn reductions, equalised odds": _reduced("EqualizedOdds"),
}
