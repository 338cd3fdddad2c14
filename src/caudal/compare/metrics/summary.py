"""From raw runs to figures with their uncertainty."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.compare.job import Outcome
from caudal.compare.metrics import metrics
from caudal.compare.metrics.bootstrap import Draws, Spread, draw, holm, least_p, over_owners, over_seeds
from caudal.compare.metrics.metrics import BY_CLASS, HIGHER_IS_BETTER, OF_CLASSES, Plan, bounds
from caudal.compare.metrics.record import Calibration, Curve, Disturbance, Paired
from caudal.compare.metrics.weighted import weigh
from caudal.compare.perturb import KINDS, UNITS
from caudal.compare.record import Contender
from caudal.intervals import Interval

TEST = "paired hierarchical bootstrap, Holm's correction"
SURE = 0.05
Outcomes = Mapping[str, Sequence[Outcome]]


@dataclass(frozen=True, eq=False)
class Panel:
    """Final outcomes of all contenders on one test set, and the draws that they share.

    Attributes:
        outcomes: contender -> outcomes that did not fail, in the order of seeds.
        lone: contenders without randomness: one run, which stands beside every seed of the others.
        plan: what is measured.
        owner: `(series,)` position of the owner of each test series.
        draws: of owners and seeds.
    """

    outcomes: Outcomes
    lone: frozenset[str]
    plan: Plan
    owner: NDArray[np.int64]
    draws: Draws

    @property
    def is_small(self) -> bool:
        """Whether the test part has too few owners, of a class or in all, for any difference to be shown."""
        outcome = next(iter(self.outcomes.values()))[0]
        return _few(self.plan.primary, outcome.truth, self.owner[outcome.series])[1] > SURE

    def spread(self, model: str, metric: str, rows: NDArray[np.bool_] | None = None) -> Spread:
        """A metric of one contender: its estimate for each seed and its draws.

        Arguments:
            model: name of the contender.
            metric: as in `metrics.METRICS`.
            rows: `(series,)` the test series to judge on; None takes all.
        """
        count = self.draws.seeds.shape[1]
        each = np.full(count, np.nan)
        drawn = np.full((len(self.draws.owners), count), np.nan)
        weights = np.vstack([np.ones(self.draws.owners.shape[1]), self.draws.owners])
        is_constant, few = True, (math.inf, 0.0)
        for outcome in self.outcomes[model]:
            chosen = slice(None) if rows is None else rows[outcome.series]
            scores, truth = outcome.scores[chosen], outcome.truth[chosen]
            owner = self.owner[outcome.series[chosen]]
            values = weigh(metric, scores, truth, owner, weights)
            seeds = slice(None) if model in self.lone else slice(outcome.job.number, outcome.job.number + 1)
            each[seeds], drawn[:, seeds] = values[0], values[1:, None]
            is_constant &= metric == "auroc" and bool((scores == scores[:1]).all())
            few = _few(metric, truth, owner)
        # One answer for all ranks nothing, whatever is drawn.
        limits = (0.5, 0.5) if is_constant and metric == "auroc" else bounds(metric)
        return over_owners(each, drawn, self.draws.seeds, limits, *few)


def _few(metric: str, truth: NDArray[Any], owner: NDArray[np.int64]) -> tuple[float, float]:
    """How many owners a metric stands on, and the least p value that they allow."""
    count = len(np.unique(owner))
    if metric not in OF_CLASSES:
        return float(count), least_p(count)
    of_classes = [len(np.unique(owner[truth == code])) for code in np.unique(truth)]
    if metric not in BY_CLASS:
        return float(count), least_p(count, of_classes)
    return min(count, len(of_classes) / sum(1 / each for each in of_classes)), least_p(count, of_classes)


def panel(outcomes: Outcomes, plan: Plan, owner: NDArray[np.int64], seeds: int, resamples: int) -> Panel:
    """A panel of those contenders that have a run that did not fail.

    Arguments:
        outcomes: contender -> final outcomes.
        plan: what is measured.
        owner: `(series,)` position of the owner of each test series.
        seeds: final runs of each contender.
        resamples: draws.
    """
    good = {
        model: tuple(outcome for outcome in runs if not outcome.run.failed and plan.primary in outcome.run.metrics)
        for model, runs in outcomes.items()
    }
    lone = frozenset(model for model, runs in outcomes.items() if len(runs) == 1)
    finished = {model: runs for model, runs in good.items() if runs}
    return Panel(finished, lone, plan, owner, draw(int(owner.max()) + 1, seeds, resamples))


def summarise(found: Panel, primary: Mapping[str, Spread]) -> dict[str, dict[str, Interval]]:
    """Contender -> metric -> interval; a metric that some draw leaves undefined throughout is left out."""
    table: dict[str, dict[str, Interval]] = {}
    for model in found.outcomes:
        table[model] = {}
        for metric in found.plan.names:
            if any(metric not in outcome.run.metrics for outcome in found.outcomes[model]):
                continue
            spread = primary[model] if metric == found.plan.primary else found.spread(model, metric)
            table[model][metric] = within(spread.interval(), metric)
    return table


def compare_all(
    found: Panel, primary: Mapping[str, Spread], contenders: Mapping[str, Contender], margin: float
) -> tuple[Paired, ...]:
    """Every contender against the best, every liquid one against every traditional and trivial one, corrected."""
    best = ranked(found, primary)[0]
    of = {family: [n for n in found.outcomes if contenders[n].family == family] for family in FAMILIES}
    pairs = [(name, best) for name in found.outcomes if name != best]
    others = product(of["liquid"], (*of["traditional"], *of["trivial"]))
    pairs += [(a, b) for a, b in others if (a, b) not in pairs and (b, a) not in pairs]
    spreads = [primary[a].minus(primary[b]) for a, b in pairs]
    if not found.plan.higher_is_better:
        spreads = [spread.turned() for spread in spreads]
    corrected = holm([spread.p_value() for spread in spreads])
    return tuple(
        Paired(a, b, found.plan.primary, spread.interval(), p, TEST, word(spread.interval(), p, margin), margin)
        for (a, b), spread, p in zip(pairs, spreads, corrected, strict=True)
    )


FAMILIES = ("liquid", "traditional", "trivial")


def word(difference: Interval, p_value: float, margin: float) -> str:
    """What a paired comparison says: within the margin it is `"alike"`, even where it is sure of a difference."""
    if -margin <= difference.low and difference.high <= margin and margin > 0:
        return "alike"
    if p_value < SURE and difference.value != 0:
        return "better" if difference.value > 0 else "worse"
    return "undecided"


def ranked(found: Panel, primary: Mapping[str, Spread]) -> list[str]:
    """Contenders, the best mean of the primary metric first."""
    sign = -1 if found.plan.higher_is_better else 1
    return sorted(found.outcomes, key=lambda name: sign * primary[name].value)


def curves(found: Panel) -> tuple[Curve, ...]:
    """Robustness of each contender to each disturbance, over seeds."""
    made = []
    for model, kind in product(found.outcomes, KINDS):
        tables = [run.robustness[kind] for o in found.outcomes[model] if kind in (run := o.run).robustness]
        levels = sorted(set.intersection(*(set(table) for table in tables)), key=float) if tables else []
        if len(levels) < 2 or float(levels[0]) != 0:
            continue
        values = [np.array([table[level] for table in tables]) for level in levels]
        made.append(_curve(model, kind, [float(level) for level in levels], values, found.plan))
    return tuple(made)


def _curve(model: str, kind: Disturbance, levels: list[float], values: list[NDArray[Any]], plan: Plan) -> Curve:
    heights = [float(value.mean()) for value in values]
    area = float(np.trapezoid(heights, levels) / (levels[-1] - levels[0]))
    over, under = (area, heights[0]) if plan.higher_is_better else (heights[0], area)
    kept = over / under if under else 1.0
    return Curve(
        model, kind, tuple(levels), UNITS[kind], tuple(within(over_seeds(v), plan.primary) for v in values), area, kept
    )


def clocks(found: Panel, which: str) -> dict[str, dict[str, Interval]]:
    """Contender -> `"true"`, `"one"`, `"shuffled"` -> interval over seeds, of `Run.timing` or `Run.retrained`."""
    table: dict[str, dict[str, Interval]] = {}
    for model, outcomes in found.outcomes.items():
        tables: list[Mapping[str, float]] = [getattr(outcome.run, which) for outcome in outcomes]
        names = [name for name in ("true", "one", "shuffled") if all(name in one for one in tables)]
        if names:
            table[model] = {
                name: within(over_seeds(np.array([one[name] for one in tables])), found.plan.primary) for name in names
            }
    return table


def calibrations(found: Panel) -> tuple[Calibration, ...]:
    """Error and bins of the probabilities of each classifier, seeds pooled in the bins."""
    if "ece" not in found.plan.names:
        return ()
    made = []
    for model, outcomes in found.outcomes.items():
        scores = np.concatenate([outcome.scores for outcome in outcomes]).astype(np.float64)
        truth = np.concatenate([outcome.truth for outcome in outcomes])
        made.append(
            Calibration(model, within(found.spread(model, "ece").interval(), "ece"), metrics.bins(scores, truth))
        )
    return tuple(made)


def within(interval: Interval, metric: str) -> Interval:
    """The interval cut to what the metric can be; few seeds give ends beyond, and cutting there loses no coverage.

    Example:
        >>> within(Interval(0.97, 0.93, 1.02, 0.95, "t"), "auroc").high
        1.0
    """
    least, most = bounds(metric)
    return replace(interval, low=max(interval.low, least), high=min(interval.high, most))


def is_better(metric: str) -> bool:
    """Whether more of a metric is better."""
    return HIGHER_IS_BETTER[metric]
