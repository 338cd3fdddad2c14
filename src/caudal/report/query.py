"""Questions to a study that several sections ask."""

import math
from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from caudal.records import Contender, Interval, Paired, Run, Study
from caudal.report.axes import Axis, linear
from caudal.report.wording import Words

_OPPOSITE = {"better": "worse", "worse": "better"}
# Of metrics that every study may hold; the primary one says so itself, and all others rise as they get better.
_LOWER_IS_BETTER = frozenset(
    "brier ece calibration_error log_loss nll mse rmse mae mape smape nmse mase cross_entropy loss".split()  # noqa: SIM905
)

# Metrics that cannot leave 0 to 1, though an interval over few seeds may.
_SHARES = frozenset("auroc auprc accuracy balanced_accuracy f1 macro_f1 brier ece".split())  # noqa: SIM905


def contender(study: Study, name: str) -> Contender | None:
    """A contender by its name."""
    return next((one for one in study.contenders if one.name == name), None)


def spoken(study: Study, words: Words) -> Study:
    """The study with its contenders called as the readers of a language call them."""
    called = tuple(replace(one, label=words.told.get(one.label, one.label)) for one in study.contenders)
    return replace(study, contenders=called)


def label(study: Study, name: str) -> str:
    """What people call a contender."""
    found = contender(study, name)
    return found.label if found else name


def score(study: Study, name: str, metric: str = "") -> Interval | None:
    """A metric of a contender, the primary one when left out."""
    return study.summary.get(name, {}).get(metric or study.metric)


def rises(study: Study, metric: str) -> bool:
    """Whether more of a metric is better."""
    return study.higher_is_better if metric == study.metric else metric not in _LOWER_IS_BETTER


def is_better(study: Study, metric: str, first: float, second: float) -> bool:
    """Whether the first value of a metric is better than the second."""
    return first > second if rises(study, metric) else first < second


def axis(study: Study, intervals: Iterable[Interval]) -> Axis:
    """An axis of the primary metric that holds some intervals, as far as the metric reaches."""
    low, high = (0.0, 1.0) if study.metric in _SHARES else (-math.inf, math.inf)
    return linear(min(max(end, low), high) for one in intervals for end in (one.low, one.value, one.high))


def digits(intervals: Iterable[Interval | None]) -> int:
    """Decimals that intervals deserve.

    Two figures of their usual half width, but at least two of the largest value, and at most three decimals unless
    values are tiny.
    """
    known = [one for one in intervals if one is not None]
    halves = [(one.high - one.low) / 2 for one in known if one.high > one.low]
    if not halves:
        return 3
    largest = max(abs(one.value) for one in known) or 1.0
    least = max(1 - math.floor(math.log10(largest)), 0)
    wanted = 1 - math.floor(math.log10(median(halves)))
    return min(max(wanted, least), 3 if largest >= 0.01 else 6)


def metric_digits(study: Study, metric: str = "") -> int:
    """Decimals of a metric throughout the report."""
    return digits(score(study, one.name, metric) for one in study.contenders)


def gap_digits(study: Study, pairs: Iterable[Paired]) -> int:
    """Decimals of differences: those of the metric, and more while the end of a decided one would look like 0."""
    found = metric_digits(study)
    decided = [one.difference for one in pairs if one.verdict in _OPPOSITE]
    nearest = min((min(abs(gap.low), abs(gap.high)) for gap in decided), default=1.0)
    while nearest and round(nearest, found) == 0 and found < 6:
        found += 1
    return found


def pair(study: Study, first: str, second: str) -> Paired | None:
    """The paired comparison of two contenders, turned so that the first is the first."""
    for one in study.comparisons:
        if (one.first, one.second) == (first, second):
            return one
        if (one.first, one.second) == (second, first):
            gap = one.difference
            turned = replace(gap, value=-gap.value, low=-gap.high, high=-gap.low)
            verdict = _OPPOSITE.get(one.verdict, one.verdict)
            return replace(one, first=first, second=second, difference=turned, verdict=verdict)
    return None


def margin(study: Study) -> float:
    """Difference of the primary metric below which nobody would care."""
    return study.verdict.liquid_against_traditional.margin


def mains(study: Study) -> tuple[Contender, ...]:
    """The contenders that the story is about: the one to use and the best of each family, in the order of the study."""
    trivial = next((one.name for one in study.contenders if one.family == "trivial"), "")
    names = {study.verdict.use, study.verdict.best_liquid, study.verdict.best_traditional, trivial}
    return tuple(one for one in study.contenders if one.name in names)


def runs_of(study: Study, name: str) -> tuple[Run, ...]:
    """Final runs of a contender that came to an end."""
    return tuple(run for run in study.runs if run.model == name and not run.failed)


def operations(one: Contender) -> float:
    """Multiply-adds and transcendentals of a step."""
    return one.macs_per_step + one.transcendentals_per_step
