"""How often the intervals hold the truth, on made answers whose truth is known."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from caudal.fair.answers import Answers, decisions, numbers
from caudal.fair.groups import Groups
from caudal.fair.intervals import GroupEstimates, by_group
from caudal.fair.metrics import measure
from caudal.intervals import Interval
from caudal.typing import Floats

_NAMES = "abcdefgh"
# So many draws of the truth itself, where it has no formula.
_TRUTH = 400_000


class CoverageCase(NamedTuple):
    """Answers to draw, with the truth about them.

    Attributes:
        name: of the case.
        sizes: series of each group.
        draw: answers and groups from a generator and sizes.
        truth: `(metric,)`, by group: the true values.
    """

    name: str
    sizes: tuple[int, ...]
    draw: Callable[[np.random.Generator, tuple[int, ...]], tuple[Answers, Groups]]
    truth: dict[str, Floats]


@dataclass(frozen=True)
class Covered:
    """How often the intervals of one kind hold the truth in one case.

    Attributes:
        case: by name.
        of: the metric of a group, `"difference: metric"` of two named groups, or `"gap: name"`.
        share: of intervals that hold the truth.
        count: of intervals.
        low, high: share of intervals that lie wholly above, and below, the truth.
        width: mean width.
    """

    case: str
    of: str
    share: float
    count: int
    low: float
    high: float
    width: float


def cases() -> tuple[CoverageCase, ...]:
    """Two groups and intersections, alike and apart; single answers, answers of one series together, numbers."""
    two, four, six = (200, 100), (200, 100, 80, 80), (200, 100, 80, 80, 100, 90)
    return (
        _rates("two alike", two, [0.5, 0.5], [0.8, 0.8], [0.2, 0.2]),
        _rates("two apart", two, [0.5, 0.5], [0.9, 0.6], [0.1, 0.3]),
        _rates("two, rare errors", two, [0.4, 0.4], [0.97, 0.9], [0.02, 0.05]),
        _rates("four alike", four, [0.5] * 4, [0.8] * 4, [0.2] * 4),
        _rates("four apart", four, [0.5] * 4, [0.9, 0.5, 0.7, 0.7], [0.1, 0.1, 0.1, 0.4]),
        _rates("six on a slope", six, [0.5] * 6, [0.85, 0.8, 0.75, 0.7, 0.65, 0.6], [0.1] * 6),
        _rates("ten answers a series", two, [0.5, 0.5], [0.85, 0.7], [0.1, 0.2], each=10),
        _scores("scores", two, [0.0, 0.4]),
        _numbers("numbers", two, [0.0, 0.3]),
    )


def coverage(repeats: int = 500, *, draws: int = 300, seed: int = 0, only: str = "") -> Iterator[Covered]:
    """Draw answers again and again, and count the intervals that hold the truth.

    Arguments:
        repeats: of each case.
        draws: of each bootstrap.
        seed: of all draws.
        only: name of one case; all where left out.

    Example:
        >>> first = next(coverage(20, draws=100, only="two alike"))
        >>> first.case, first.count
        ('two alike', 40)
    """
    for case in cases():
        if only in ("", case.name):
            yield from _case(case, repeats, draws, seed)


def _case(case: CoverageCase, repeats: int, draws: int, seed: int) -> Iterator[Covered]:
    intervals: dict[str, list[tuple[Interval, float]]] = {}
    for repeat in range(repeats):
        answers, groups = case.draw(np.random.default_rng([seed, repeat]), case.sizes)
        metrics = by_group(answers, groups, draws=draws, seed=repeat)
        for name, interval, truth in _told(case, metrics):
            intervals.setdefault(name, []).append((interval, truth))
    for name, pairs in intervals.items():
        ends = np.array([[interval.low, interval.high, truth] for interval, truth in pairs])
        above, below = ends[:, 0] > ends[:, 2] + 1e-12, ends[:, 1] < ends[:, 2] - 1e-12
        width = float((ends[:, 1] - ends[:, 0]).mean())
        share = float(1 - (above | below).mean())
        yield Covered(case.name, name, share, len(pairs), float(above.mean()), float(below.mean()), width)


def _told(case: CoverageCase, metrics: GroupEstimates) -> Iterator[tuple[str, Interval, float]]:
    for rate in metrics.rates():
        if rate.metric in case.truth and rate.value is not None and not rate.few:
            yield rate.metric, rate.value, float(case.truth[rate.metric][metrics.groups.index(rate.group)])
    for metric, values in case.truth.items():
        between = metrics.difference(metric, *metrics.groups[:2])
        if between is not None:
            yield f"difference: {metric}", between, float(values[0] - values[1])
    spans = {metric: float(np.ptp(values)) for metric, values in case.truth.items()}
    if "tpr" in spans:
        spans |= {"equal_opportunity": spans["tpr"], "equalised_odds": max(spans["tpr"], spans["fpr"])}
        spans["demographic_parity"] = spans["selection_rate"]
    for gap in metrics.gaps():
        if gap.name in spans:
            yield f"gap: {gap.name}", gap.value, spans[gap.name]


def _groups(sizes: tuple[int, ...], each: int = 1) -> Groups:
    return Groups("made", tuple(_NAMES[: len(sizes)]), np.repeat(np.arange(len(sizes)), np.array(sizes) * each))


def _rates(
    name: str, sizes: tuple[int, ...], base: list[float], tpr: list[float], fpr: list[float], each: int = 1
) -> CoverageCase:
    base_, tpr_, fpr_ = np.array(base), np.array(tpr), np.array(fpr)
    truth = {
        "tpr": tpr_,
        "fpr": fpr_,
        "selection_rate": base_ * tpr_ + (1 - base_) * fpr_,
        "accuracy": base_ * tpr_ + (1 - base_) * (1 - fpr_),
    }
    return CoverageCase(name, sizes, partial(_draw_rates, rates=(base_, tpr_, fpr_), each=each), truth)


def _draw_rates(
    rng: np.random.Generator, sizes: tuple[int, ...], *, rates: tuple[Floats, Floats, Floats], each: int
) -> tuple[Answers, Groups]:
    """Errors of one series come together: half its answers repeat one that all of them share."""
    groups, (base, tpr, fpr) = _groups(sizes, each), rates
    owner = np.repeat(np.arange(sum(sizes)), each)
    common = rng.random((2, sum(sizes)))[:, owner]
    single = rng.random((2, len(owner)))
    luck = np.where(rng.random((2, len(owner))) < (0.5 if each > 1 else 0), common, single)
    truth = luck[0] < base[groups.codes]
    given = luck[1] < np.where(truth, tpr[groups.codes], fpr[groups.codes])
    return decisions(truth, decided=given, owner=owner), groups


def _scores(name: str, sizes: tuple[int, ...], worse: list[float]) -> CoverageCase:
    off = np.array(worse)
    rng = np.random.default_rng(0)
    many = [_draw_scores(rng, (_TRUTH,), worse=off[k : k + 1])[0] for k in range(len(off))]
    metrics = ("auroc", "calibration_gap")
    truth = {metric: np.array([measure(answers, metric)[0] for answers in many]) for metric in metrics}
    return CoverageCase(name, sizes, partial(_draw_scores, worse=off), truth)


def _draw_scores(rng: np.random.Generator, sizes: tuple[int, ...], *, worse: Floats) -> tuple[Answers, Groups]:
    """Probabilities that are right in the first group, and shifted and blurred in the others."""
    groups = _groups(sizes)
    logit = rng.normal(size=len(groups)) * 1.5
    truth = rng.random(len(groups)) < 1 / (1 + np.exp(-logit))
    blurred = logit + worse[groups.codes] * (1 + rng.normal(size=len(groups)))
    return decisions(truth, 1 / (1 + np.exp(-blurred))), groups


def _numbers(name: str, sizes: tuple[int, ...], off: list[float]) -> CoverageCase:
    shift = np.array(off)
    rng = np.random.default_rng(1)
    many = rng.gamma(2.0, 0.5, _TRUTH) - 1
    truth = {
        "bias": shift,
        "mae": np.array([np.abs(many + offset).mean() for offset in shift]),
        "rmse": np.array([np.sqrt(((many + offset) ** 2).mean()) for offset in shift]),
    }
    return CoverageCase(name, sizes, partial(_draw_numbers, shift=shift), truth)


def _draw_numbers(rng: np.random.Generator, sizes: tuple[int, ...], *, shift: Floats) -> tuple[Answers, Groups]:
    """Errors that lean to one side, as times and costs do."""
    groups = _groups(sizes)
    truth = rng.normal(size=len(groups))
    return numbers(truth, truth + rng.gamma(2.0, 0.5, len(groups)) - 1 + shift[groups.codes]), groups
