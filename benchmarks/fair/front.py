"""Curves of accuracy against gap: points chosen on some series, judged on others, with an interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.typing import Floats

Bools = NDArray[np.bool_]
LEVELS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
WIDEST = 0.3
_STEPS = np.linspace(0, WIDEST, 61)


@dataclass(frozen=True, eq=False)
class People:
    """True classes and group codes of the people who are judged.

    Attributes:
        truth: `(n,)` bool.
        codes: `(n,)` group of each, from 0.
    """

    truth: Bools
    codes: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Option:
    """The decisions of one model at one threshold, for those one chooses by and those who are judged.

    Attributes:
        name: what it is.
        chosen, judged: `(n,)` bool decisions about the series to choose by, and about those to judge by.
    """

    name: str
    chosen: Bools
    judged: Bools


def figures(decided: Bools, who: People, weight: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """Balanced accuracy, accuracy and equal opportunity gap, `(options, draws)` each.

    Arguments:
        decided: `(options, n)`.
        who: the people.
        weight: `(draws, n)` how often each is drawn; None for once each, as the one draw.

    Example:
        >>> who = People(np.array([True, True, False, False]), np.array([0, 1, 0, 1]))
        >>> [float(figure[0, 0]) for figure in figures(np.array([[True, False, False, False]]), who)]
        [0.75, 0.75, 1.0]
    """
    drawn = np.ones((1, len(who.truth))) if weight is None else weight
    yes, n = decided.astype(np.float64), drawn.sum(1)
    hits, cleared = (yes * who.truth) @ drawn.T, ((1 - yes) * ~who.truth) @ drawn.T
    positives = drawn @ who.truth
    balanced = (hits / np.maximum(positives, 1) + cleared / np.maximum(n - positives, 1)) / 2
    rates = []
    for code in np.unique(who.codes):
        members = who.truth & (who.codes == code)
        rates.append(((yes * members) @ drawn.T) / np.maximum(drawn @ members, 1))
    return balanced, (hits + cleared) / n, np.ptp(np.stack(rates), axis=0)


def area(balanced: Floats, gap: Floats) -> Floats:
    """Height of a curve: mean over all gaps allowed, from 0 to 0.3, of the best balanced accuracy that keeps to it.

    One answer for all has no gap and a balanced accuracy of 0.5, and is open to everyone.

    Arguments:
        balanced, gap: `(options, draws)`.

    Returns:
        `(draws,)`.

    Example:
        >>> round(float(area(np.array([[0.8]]), np.array([[0.15]]))[0]), 2)
        0.65
    """
    best = np.full((len(_STEPS), balanced.shape[1]), 0.5)
    for accuracy, width in zip(balanced, gap, strict=True):
        best = np.maximum(best, np.where(width <= _STEPS[:, None], accuracy, 0.5))
    height: Floats = best.mean(0)
    return height


def pick(options: Sequence[Option], who: People) -> list[tuple[float, int]]:
    """For each gap allowed, the most accurate option that keeps to it where one chooses; the narrowest if none does."""
    balanced, _, gap = (figure[:, 0] for figure in figures(np.stack([option.chosen for option in options]), who))
    picked: list[tuple[float, int]] = []
    for level in LEVELS:
        allowed = gap <= max(level, float(gap.min())) + 1e-12
        best = int(np.argmax(np.where(allowed, balanced, -1)))
        if best not in {index for _, index in picked}:
            picked.append((level, best))
    return picked


def narrowest(options: Sequence[Option], who: People, cost: float) -> int:
    """The option of the narrowest gap, of those at most `cost` less accurate than the best, where one chooses."""
    balanced, _, gap = (figure[:, 0] for figure in figures(np.stack([option.chosen for option in options]), who))
    allowed = balanced >= balanced.max() - cost
    return int(np.lexsort((-balanced, np.where(allowed, gap, np.inf)))[0])


def judge(
    families: Mapping[str, Sequence[Option]],
    choose: People,
    test: People,
    pairs: Sequence[tuple[str, str]],
    *,
    draws: int = 400,
    seed: int = 0,
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Curves of families of options, and how much higher one lies than another.

    Arguments:
        families: options of each.
        choose: people that points are chosen by.
        test: people that they are judged by.
        pairs: of families to compare.
        draws: of the bootstrap; a person is drawn with everything about them.
        seed: of the draws.

    Returns:
        by family its points and the height of its curve; by pair the difference of heights and its 95 % interval, in
        points of balanced accuracy.
    """
    count = len(test.truth)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
    curves: dict[str, Any] = {}
    heights: dict[str, Floats] = {}
    for name, options in families.items():
        picked = pick(options, choose)
        decided = np.stack([options[index].judged for _, index in picked])
        balanced, accuracy, gap = figures(decided, test)
        points = [
            {
                "level": level,
                "name": options[index].name,
                "balanced": round(float(balanced[k, 0]), 4),
                "accuracy": round(float(accuracy[k, 0]), 4),
                "gap": round(float(gap[k, 0]), 4),
            }
            for k, (level, index) in enumerate(picked)
        ]
        curves[name] = {"height": round(float(area(balanced, gap)[0]), 4), "points": points}
        balanced_drawn, _, gaps = figures(decided, test, drawn)
        heights[name] = np.concatenate([area(balanced, gap), area(balanced_drawn, gaps)])
    against = {}
    for ours, other in pairs:
        apart = 100 * (heights[ours] - heights[other])
        low, high = np.quantile(apart[1:], [0.025, 0.975])
        against[f"{ours} - {other}"] = [round(float(x), 3) for x in (apart[0], low, high)]
    return curves, against
