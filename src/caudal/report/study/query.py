"""Questions to a study that several sections ask."""

import math
from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from caudal.compare.metrics.record import Paired
from caudal.compare.record import Contender, Run, Study
from caudal.intervals import Interval
from caudal.report.plots.axes import Axis, linear
from caudal.report.study.words import StudyWords

_OPPOSITE = {"better": "worse", "worse": "better"}
# Of metrics that every study may hold; the primary one says so itself, and all others rise as they get better.
_LOWER_IS_BETTER = frozenset(
    "brier ece calibration_error log_loss nll mse rmse mae mape smape nmse mase cross_entropy loss".split()  # noqa: SIM905
)

# Metrics that cannot leave 0 to 1, though an interval over few seeds may.
_SHARES = frozenset("auroc auprc accuracy balanced_accuracy f1 macro_f1 brier ece".split())  # noqa: SIM905


def contender(study: Study, name: str) -> Contender | None:
    """A contender by its name."""
    return next((model for model in study.contenders if model.name == name), None)


def spoken(study: Study, words: StudyWords) -> Study:
    """The study with its contenders called as the readers of a language call them."""
    called = tuple(replace(model, label=words.told.get(model.label, model.label)) for model in study.contenders)
    return replace(study, contenders=called)


def label(study: Study, name: str) -> str:
    """What people call a contender."""
    model = contender(study, name)
    return model.label if model else name


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
    return linear(
        min(max(end, low), high) for interval in intervals for end in (interval.low, interval.value, interval.high)
    )


def digits(intervals: Iterable[Interval | None]) -> int:
    """Decimals that intervals deserve.

    Two figures of their usual half width, but at least two of the largest value, and at most three decimals unless
    values are tiny.
    """
    known = [interval for interval in intervals if interval is not None]
    halves = [(interval.high - interval.low) / 2 for interval in known if interval.high > interval.low]
    if not halves:
        return 3
    largest = max(abs(interval.value) for interval in known) or 1.0
    least = max(1 - math.floor(math.log10(largest)), 0)
    wanted = 1 - math.floor(math.log10(median(halves)))
    return min(max(wanted, least), 3 if largest >= 0.01 else 6)


def metric_digits(study: Study, metric: str = "") -> int:
    """Decimals of a metric throughout the report."""
    return digits(score(study, model.name, metric) for model in study.contenders)


def gap_digits(study: Study, pairs: Iterable[Paired]) -> int:
    """Decimals of differences: those of the metric, and more while the end of a decided one would look like 0."""
    decimals = metric_digits(study)
    decided = [paired.difference for paired in pairs if paired.verdict in _OPPOSITE]
    nearest = min((min(abs(gap.low), abs(gap.high)) for gap in decided), default=1.0)
    while nearest and round(nearest, decimals) == 0 and decimals < 6:
        decimals += 1
    return decimals


def pair(study: Study, first: str, second: str, question: str = "") -> Paired | None:
    """The paired comparison of two contenders, turned so that the first is the first; of a question, or of any."""
    for paired in study.comparisons:
        if question and paired.question != question:
            continue
        if (paired.first, paired.second) == (first, second):
            return paired
        if (paired.first, paired.second) == (second, first):
            gap = paired.difference
            turned = replace(gap, value=-gap.value, low=-gap.high, high=-gap.low)
            verdict = _OPPOSITE.get(paired.verdict, paired.verdict)
            return replace(paired, first=first, second=second, difference=turned, verdict=verdict)
    return None


def margin(study: Study) -> float:
    """Difference of the primary metric below which nobody would care."""
    return study.verdict.liquid_against_traditional.margin


def mains(study: Study) -> tuple[Contender, ...]:
    """The contenders that the story is about: the one to use and the best of each family, in the order of the study."""
    trivial = next((model.name for model in study.contenders if model.family == "trivial"), "")
    names = {study.verdict.use, study.verdict.best_liquid, study.verdict.best_traditional, trivial}
    return tuple(model for model in study.contenders if model.name in names)


def runs_of(study: Study, name: str) -> tuple[Run, ...]:
    """Final runs of a contender that came to an end."""
    return tuple(run for run in study.runs if run.model == name and not run.failed)


def operations(model: Contender) -> float:
    """Multiply-adds and transcendentals of a step."""
    return model.macs_per_step + model.transcendentals_per_step


def units(study: Study, words: StudyWords, count: int) -> str:
    """So many of whoever the series belong to: series, or groups by the column that joins them."""
    owner, number = study.data.owner, words.whole(count)
    if not owner:
        return words.many("units.series", count)
    return words(f"units.groups.{'one' if count == 1 else 'many'}", n=number, name=owner)


def tested(study: Study, words: StudyWords) -> str:
    """What the models were tested on: series, and the groups that they belong to."""
    data = study.data
    series = words.many("units.series", data.series if data.folds else data.test)
    if not (data.owner and data.owners):
        return series
    count = sum(data.owners) if data.folds else data.owners[-1]
    return words("units.of", series=series, groups=units(study, words, count))
