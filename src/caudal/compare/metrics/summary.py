"""From raw runs to figures with their uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from caudal.compare.job import RunOutcome
from caudal.compare.metrics import metrics
from caudal.compare.metrics.bootstrap import LEVEL, Spread, draw, holm, least_p, over_seeds
from caudal.compare.metrics.metrics import BY_CLASS, OF_CLASSES, OF_DECISIONS, MetricPlan, bounds, higher_is_better
from caudal.compare.metrics.record import Calibration, Curve, Paired, World
from caudal.compare.metrics.scorers import known
from caudal.compare.metrics.weighted import weigh
from caudal.compare.record import Contender
from caudal.compare.verdict import is_network
from caudal.data.disturb import UNITS, WORLDS, expected
from caudal.intervals import Interval
from caudal.nn.decide import shifted
from caudal.typing import Array

TEST = "paired bootstrap over owners and seeds, Holm's correction within each question"
SURE = 1 - LEVEL
Outcomes = Mapping[str, Sequence[RunOutcome]]


@dataclass(frozen=True, eq=False)
class Panel:
    """Final outcomes of all contenders on one test set, and the draws that they share.

    Attributes:
        outcomes: contender -> outcomes that did not fail, in the order of seeds.
        lone: contenders without randomness: one run, which stands beside every seed of the others.
        plan: what is measured.
        owners: `(series,)` position of the owner of each test series: one for all runs, or one for each fold, whose
            number is that of the run.
        draws: `(draws, owners)` how often each owner is drawn.
        seeds: final runs of each contender.
        overlap: test series over training series of a fold; 0 where all runs share one test part.
    """

    outcomes: Outcomes
    lone: frozenset[str]
    plan: MetricPlan
    owners: tuple[NDArray[np.int64], ...]
    draws: NDArray[np.float64]
    seeds: int
    overlap: float = 0.0

    @property
    def is_small(self) -> bool:
        """Whether the test part has too few owners, of a class or in all, for any difference to be shown."""
        return self._few(next(iter(self.outcomes)), self.plan.primary)[2] > SURE

    def owner_of(self, outcome: RunOutcome) -> NDArray[np.int64]:
        """`(series,)` position of the owner of each series that a run was tested on."""
        return self.owners[outcome.job.number % len(self.owners)]

    def spread(self, model: str, metric: str, rows: NDArray[np.bool_] | None = None) -> Spread:
        """A metric of one contender: its estimate for each seed and its draws.

        Arguments:
            model: name of the contender.
            metric: as in `metrics.METRICS`.
            rows: `(series,)` the test series to judge on; None takes all. Of folds only the first is asked.
        """
        one_fold = rows is not None and len(self.owners) > 1
        asked = [outcome for outcome in self.outcomes[model] if not one_fold or outcome.job.number == 0]
        each = np.full(1 if one_fold else self.seeds, np.nan)
        drawn = np.full((len(self.draws), len(each)), np.nan)
        weights = np.vstack([np.ones(self.draws.shape[1]), self.draws])
        is_constant = metric == "auroc"
        for outcome in asked:
            chosen = slice(None) if rows is None else rows[outcome.series]
            scores, truth = outcome.scores[chosen], outcome.truth[chosen]
            other = known(metric)
            if metric in OF_DECISIONS or (other is not None and other.reads == "decisions"):
                scores = shifted(scores, outcome.run.threshold)
            values = weigh(metric, scores, truth, self.owner_of(outcome)[outcome.series[chosen]], weights)
            seeds = slice(None) if model in self.lone else slice(outcome.job.number, outcome.job.number + 1)
            each[seeds], drawn[:, seeds] = values[0], values[1:, None]
            is_constant &= bool((scores == scores[:1]).all())
        # One answer for all ranks nothing, whatever is drawn.
        limits = (0.5, 0.5) if is_constant else bounds(metric)
        return Spread(each, drawn, limits, *self._few(model, metric, rows), overlap=self.overlap)

    def _few(self, model: str, metric: str, rows: NDArray[np.bool_] | None = None) -> tuple[float, float, float]:
        """How many owners a metric stands on, the same by class, and the least p value that they allow."""
        tested = {o.job.number % len(self.owners): o for o in self.outcomes[model]}
        if rows is not None:
            tested = {fold: outcome for fold, outcome in tested.items() if fold == 0}
        parts = [(o, slice(None) if rows is None else rows[o.series]) for o in tested.values()]
        if not parts:
            return 0.0, 0.0, 1.0
        truth = np.concatenate([outcome.truth[chosen] for outcome, chosen in parts])
        owner = np.concatenate([self.owner_of(o)[o.series[chosen]] for o, chosen in parts])
        count = len(np.unique(owner))
        other = known(metric)
        if metric not in OF_CLASSES and (other is None or other.reads == "numbers"):
            return count, count, least_p(count)
        of_classes = [len(np.unique(owner[truth == code])) for code in np.unique(truth)]
        if metric not in BY_CLASS and other is None:
            return count, count, least_p(count, of_classes)
        harmonic = len(of_classes) / sum(1 / each for each in of_classes)
        return count, min(count, harmonic), least_p(count, of_classes)


def panel(
    outcomes: Outcomes,
    plan: MetricPlan,
    owners: NDArray[np.int64] | Sequence[NDArray[np.int64]],
    seeds: int,
    resamples: int,
    overlap: float = 0.0,
) -> Panel:
    """A panel of those contenders that have a run that did not fail.

    Arguments:
        outcomes: contender -> final outcomes.
        plan: what is measured.
        owners: `(series,)` position of the owner of each test series; or one of these for each fold.
        seeds: final runs of each contender.
        resamples: draws.
        overlap: test series over training series of a fold.
    """
    good = {
        model: tuple(outcome for outcome in runs if not outcome.run.failed and plan.primary in outcome.run.metrics)
        for model, runs in outcomes.items()
    }
    lone = frozenset(model for model, runs in outcomes.items() if len(runs) == 1)
    finished = {model: runs for model, runs in good.items() if runs}
    parts = (owners,) if isinstance(owners, np.ndarray) else tuple(owners)
    count = 1 + max((int(part.max()) for part in parts if len(part)), default=0)
    return Panel(finished, lone, plan, parts, draw(count, resamples), seeds, overlap)


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
    """The comparisons of each question, corrected within it; see `questions`.

    Where no model is shown to differ from the trivial one, nothing else is shown either: that question is the gate of
    the others, so that pure noise passes all of them together no more often than it.
    """
    asked = questions(list(ranked(found, primary)), contenders)
    gate, pairs = 0.0, []
    for question, names in asked.items():
        spreads = [primary[first].minus(primary[second]) for first, second in names]
        if not found.plan.higher_is_better:
            spreads = [spread.turned() for spread in spreads]
        raw = [spread.p_value() for spread in spreads]
        corrected = [max(gate, p) for p in holm(raw)]
        if question == "worth":
            gate = min(corrected, default=0.0)
        pairs += [
            _paired(first, second, spread, (p, p_raw), found.plan.primary, margin, question)
            for (first, second), spread, p, p_raw in zip(names, spreads, corrected, raw, strict=True)
        ]
    return tuple(pairs)


def questions(order: Sequence[str], contenders: Mapping[str, Contender]) -> dict[str, list[tuple[str, str]]]:
    """Question -> the pairs that answer it.

    - `"worth"`: each trained contender against the trivial one.
    - `"need"`: each network against the best contender that is none.
    - `"which"`: each contender against the best.
    - `"kinds"`: each liquid contender against each traditional one.

    Arguments:
        order: names, the best first.
        contenders: by name.
    """
    of = {family: [name for name in order if contenders[name].family == family] for family in FAMILIES}
    trained = [*of["liquid"], *of["traditional"]]
    networks = [name for name in trained if is_network(contenders[name])]
    simple = [name for name in order if name in trained and name not in networks]
    return {
        "worth": [(name, trivial) for trivial in of["trivial"] for name in trained],
        "need": [(name, simple[0]) for name in networks if simple],
        "which": [(name, order[0]) for name in order[1:]],
        "kinds": list(product(of["liquid"], of["traditional"])),
    }


def _paired(
    first: str,
    second: str,
    spread: Spread,
    p_values: tuple[float, float],
    metric: str,
    margin: float,
    question: str,
) -> Paired:
    """A comparison whose interval is at the level that its corrected p value is, so that both say the same.

    Arguments:
        first, second: names.
        spread: of the difference, above 0 where the first is better.
        p_values: corrected, and as it was.
        metric, margin, question: as in `Paired`.
    """
    p, raw = p_values
    difference = spread.interval(1 - SURE * min(1.0, raw / p))
    verdict = word(difference, p, margin)
    enough = spread.enough(SURE * min(1.0, raw / p)) if verdict == "undecided" and question != "kinds" else None
    return Paired(first, second, metric, difference, p, TEST, verdict, margin, question, enough)


FAMILIES = ("liquid", "traditional", "trivial")


def word(difference: Interval, p_value: float, margin: float) -> str:
    """What a paired comparison says: within the margin it is `"alike"`, even where it is sure of a difference."""
    if difference.is_known and -margin <= difference.low and difference.high <= margin and margin > 0:
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
    first = next((runs[0].job for runs in found.outcomes.values()), None)
    units: dict[str, str] = {
        **{str(kind): unit for kind, unit in UNITS.items()},
        **{each.name: each.unit for each in (first.disturbers if first else ())},
    }
    for model, kind in product(found.outcomes, units):
        tables = [run.robustness[kind] for o in found.outcomes[model] if kind in (run := o.run).robustness]
        levels = sorted(set.intersection(*(set(table) for table in tables)), key=float) if tables else []
        if len(levels) < 2 or float(levels[0]) != 0:
            continue
        values = [np.array([table[level] for table in tables]) for level in levels]
        made.append(_curve(model, kind, units[kind], [float(level) for level in levels], values, found.plan))
    return tuple(made)


def _curve(model: str, kind: str, unit: str, levels: list[float], values: list[Array], plan: MetricPlan) -> Curve:
    heights = [float(value.mean()) for value in values]
    area = float(np.trapezoid(heights, levels) / (levels[-1] - levels[0]))
    over, under = (area, heights[0]) if plan.higher_is_better else (heights[0], area)
    kept = over / under if under else 1.0
    return Curve(
        model, kind, tuple(levels), unit, tuple(within(over_seeds(v), plan.primary) for v in values), area, kept
    )


def worlds(found: Panel, use: str, margin: float, expect: Mapping[str, float] | None = None) -> tuple[World, ...]:
    """What becomes of a contender where the data get worse, and who is ahead of it then.

    Arguments:
        found: outcomes.
        use: the recommended contender.
        margin: lead that nobody would care about.
        expect: levels of the disturbances that the models were trained for, told first.
    """
    sign = 1.0 if found.plan.higher_is_better else -1.0
    worlds_met = []
    wanted = expected("compare", "expect", expect)
    for kind, level in {**wanted, **{kind: level for kind, level in WORLDS.items() if kind not in wanted}}.items():
        before, after = ({m: _at(found, m, kind, x) for m in found.outcomes} for x in (0.0, level))
        if not len(after[use]) or not len(before[use]):
            continue
        disturbed = {model: sign * values for model, values in after.items() if len(values)}
        leader = max(disturbed, key=lambda model: (float(disturbed[model].mean()), model == use))
        leads = _paired_seeds(sign * after[leader], sign * after[use])
        was = float(_paired_seeds(sign * before[leader], sign * before[use]).mean()) if len(before[leader]) else 0.0
        first, last = (within(over_seeds(values), found.plan.primary) for values in (before[use], after[use]))
        turns = leader != use and float(leads.mean()) > margin >= was
        worlds_met.append(World(kind, level, first, last, leader, over_seeds(leads), turns))
    return tuple(worlds_met)


def _at(found: Panel, model: str, kind: str, level: float) -> NDArray[np.float64]:
    """`(seeds,)` the primary metric of each run at one level of a disturbance; empty where one lacks it."""
    runs = [outcome.run.robustness.get(kind, {}) for outcome in found.outcomes[model]]
    name = f"{level:g}"
    return np.array([run[name] for run in runs] if all(name in run for run in runs) else [], dtype=np.float64)


def _paired_seeds(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences seed by seed; those of the means where the two have not the same seeds."""
    if len(first) == len(second) or 1 in (len(first), len(second)):
        return first - second
    return np.array([float(first.mean() - second.mean())])


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
        if any("ece" not in outcome.run.metrics for outcome in outcomes):
            continue  # it decides without probabilities
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
    if not interval.is_known:
        return interval
    return replace(interval, low=max(interval.low, least), high=min(interval.high, most))


def is_better(metric: str) -> bool:
    """Whether more of a metric is better."""
    return higher_is_better(metric)
