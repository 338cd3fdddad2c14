"""How each contender treats the groups of the sensitive columns: gaps with clustered intervals, and over the steps.

The answers are those of the first seed, the network that a study hands over, so that `caudal fair` on its file tells
the same. Yes is decided from the threshold on that each run chose by its validation series and its file keeps. Of more
than two classes nobody said which is good or bad to get, so the gap in right decisions is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal import fair
from caudal._version import __version__
from caudal.compare.contenders.base import unpacked
from caudal.compare.contenders.registry import entry_of
from caudal.compare.job import Parts, RunOutcome
from caudal.compare.metrics.record import GroupScore
from caudal.compare.metrics.summary import Panel, within
from caudal.compare.record import DataFacts
from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair import Groups, thirds
from caudal.fair.curve import first_steps, usual_steps
from caudal.fair.groups import LEAST, LEAST_PEOPLE, UNKNOWN, is_quantity
from caudal.fair.intervals import Gap, GroupRate
from caudal.fair.metrics import GAPS
from caudal.fair.record import FairAttribute, FairReport
from caudal.intervals import Interval


def group_scores(panel: Panel, parts: Parts, owner: NDArray[np.int64]) -> tuple[GroupScore, ...]:
    """The primary metric by sensitive attribute.

    Numbers of many values are cut into thirds of all series. A sensitive group of fewer than 30 series, or of fewer
    than 10 people, or of one class only where the metric needs two, has a count and no score.

    Arguments:
        panel: outcomes and draws.
        parts: the series, divided.
        owner: `(series,)` whose each test series is.
    """
    scores = []
    positive = _positive(parts.test)
    for attribute, groups in protected(parts)[0].items():
        people = groups.people(owner)
        for group in groups.names:
            rows = groups.where(group)
            count = int(rows.sum())
            hits = None if positive is None else int(positive[rows].sum())
            enough = group != UNKNOWN and count >= LEAST and people[group] >= LEAST_PEOPLE
            for model in panel.outcomes:
                score = _score(panel, model, rows) if enough else None
                scores.append(GroupScore(model, attribute, group, count, hits, score))
    return tuple(scores)


def _score(panel: Panel, model: str, rows: NDArray[np.bool_]) -> Interval | None:
    spread = panel.spread(model, panel.plan.primary, rows)
    if not np.isfinite(spread.value) or np.isfinite(spread.drawn).mean() < 0.9:
        return None
    return within(spread.interval(), panel.plan.primary)


def protected(parts: Parts) -> tuple[dict[str, Groups], dict[str, str]]:
    """Sensitive groups of the test series by each sensitive column.

    Numbers of many values are cut into thirds of all series, so that they are the same whatever falls into the test
    part. Groups of one person are put together into `"other"`.

    Returns:
        column -> groups; and column -> why it makes none, as a clause.
    """
    by_column, left = {}, {}
    for name, column in parts.test.sensitive.items():
        try:
            groups = Groups.of({name: column}, edges=_edges(parts, [name]), alone="other")
        except InputError as error:
            left[name] = error.fault
            continue
        if len(groups.names) > 1:
            by_column[name] = groups
        else:
            left[name] = "holds groups of one only"
    return by_column, left


def crossed(parts: Parts, single: Sequence[Groups]) -> tuple[Groups, ...]:
    """Groups by all of some columns at once; none where there is one column, or too many groups."""
    columns = {name: parts.test.sensitive[name] for groups in single for name in groups.columns}
    if len(columns) < 2:
        return ()
    try:
        groups = Groups.of(columns, edges=_edges(parts, list(columns)), alone="other")
    except InputError:
        return ()
    return (groups,) if len(groups.names) > 1 else ()


def _edges(parts: Parts, names: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Thirds of the series of all parts, of columns of many numbers."""
    edges = {}
    for name in names:
        columns = [part.sensitive[name] for part in (parts.train, parts.val, parts.test) if name in part.sensitive]
        whole = np.concatenate(columns)
        cuts = thirds(whole) if is_quantity(whole) else ()
        if cuts:
            edges[name] = cuts
    return edges


def _positive(test: Sequences) -> NDArray[np.bool_] | None:
    if test.task != "classify" or len(test.classes) != 2 or test.target is None:
        return None
    positive: NDArray[np.bool_] = test.target == 1
    return positive


CURVE_OF, OF_CLASSES = "equal_opportunity", "accuracy"
_LEAST_SHOWN = 5
# Steps that are answered anew for the curves, at most: of each network about six times the test series.
_STEPS = 500_000
_OPEN = ("one test set", "no trusted labels", "no mitigation")


class _Asked(NamedTuple):
    """What the records of all contenders have in common."""

    parts: Parts
    owner: NDArray[np.int64]
    groups: tuple[Groups, ...]
    is_of_two: bool
    blank: FairReport

    def threshold_of(self, outcome: RunOutcome) -> float | None:
        """The probability from which a run decides yes; None where the likeliest of several classes is decided for."""
        stated = outcome.run.threshold
        return (0.5 if stated is None else stated) if self.is_of_two else None


def fairness(
    finals: Mapping[str, Sequence[RunOutcome]],
    parts: Parts,
    owner: NDArray[np.int64],
    facts: DataFacts,
    curves_of: Sequence[str] = (),
) -> tuple[FairReport, ...]:
    """Gaps of every contender but the trivial one, whose answers are all alike.

    Arguments:
        finals: contender -> final outcomes, in the order of seeds.
        parts: the series, divided.
        owner: `(series,)` position of the owner of each test series.
        facts: of the data.
        curves_of: contenders whose gap is followed over the steps.

    Returns:
        a record each; none where the task has no classes, or no sensitive column makes groups.
    """
    by_column, left_out = protected(parts)
    single = tuple(by_column.values())
    if not single or not parts.test.task.is_classification or len(parts.test.classes) < 2:
        return ()
    blank = FairReport(
        data=facts.name,
        model="",
        caudal=__version__,
        kind="decision",
        positive=facts.positive,
        threshold=None,
        series=len(parts.test),
        answers=0,
        digest=replace(parts.test, sensitive={}).digest,
        attributes=(),
        left_out=left_out,
    )
    asked = _Asked(parts, owner, (*single, *crossed(parts, single)), len(parts.test.classes) == 2, blank)
    records = []
    for name, outcomes in finals.items():
        good = [attribute for attribute in outcomes if not attribute.run.failed and len(attribute.scores)]
        if good and entry_of(name).kind != "trivial":
            record = _of_model(asked, name, good, name in curves_of)
            records += [] if record is None else [record]
    return tuple(records)


def _of_model(asked: _Asked, name: str, good: Sequence[RunOutcome], follow: bool) -> FairReport | None:
    try:
        given = [_decided(item.scores, item.truth, asked.owner[item.series], asked.threshold_of(item)) for item in good]
    except InputError:
        return None  # all truths are of one class
    at = _at_steps(asked, good[0]) if follow else {}
    attributes = tuple(_attribute(asked, groups, good, given, at) for groups in asked.groups)
    missing = {"no curve": not at, "no crossing": not any(len(item.columns) > 1 for item in asked.groups)}
    codes = (*(code for code, lacks in missing.items() if lacks), *_OPEN)
    threshold = asked.threshold_of(good[0])
    record = replace(asked.blank, model=name, threshold=threshold, answers=len(given[0]))
    return replace(record, attributes=attributes, not_measured=codes)


def _decided(
    scores: NDArray[np.float32], truth: NDArray[np.int64], owner: NDArray[np.int64], threshold: float | None
) -> fair.Answers:
    if threshold is None:
        best, usual = scores.argmax(axis=1), int(np.bincount(truth).argmax())
        return fair.decisions(truth == usual, decided=best == usual, right=best == truth, owner=owner)
    # Without the probabilities: what is told of them by group stands in other sections, and takes seconds of draws.
    return fair.decisions(truth == 1, decided=scores[:, 1] >= threshold, owner=owner)


def _at_steps(asked: _Asked, first: RunOutcome) -> dict[int, fair.Answers]:
    """The same series read up to some steps only, answered by the model of the first seed."""
    test = asked.parts.test
    steps = usual_steps(test.lengths)
    if test.task != "classify" or test.target is None or first.model is None or len(steps) < 2:
        return {}
    if int(np.minimum(test.lengths[:, None], np.array(steps)).sum()) > _STEPS:
        return {}
    model = unpacked(first.model)
    by_step = {}
    for step in steps:
        outcome = model.answer(first_steps(test, step))
        # In the order of the first seed's answers, those without a known target left out.
        by_step[step] = _decided(
            outcome[first.series], first.truth, asked.owner[first.series], asked.threshold_of(first)
        )
    return by_step


def _attribute(
    asked: _Asked,
    groups: Groups,
    good: Sequence[RunOutcome],
    given: Sequence[fair.Answers],
    at: Mapping[int, fair.Answers],
) -> FairAttribute:
    each = [groups.select(item.series) for item in good]
    by_group = fair.by_group(given[0], each[0])
    counts = {group: int(count) for group, count in zip(groups.names, groups.counts, strict=True)}
    people = each[0].people(given[0].owner)
    hidden = tuple(group for group, count in people.items() if count < _LEAST_SHOWN)
    rates = by_group.rates()
    counted = frozenset((item.metric, item.group) for item in rates if not item.few)
    gaps = tuple(
        replace(gap, seeds=tuple(_plain(gap, counted, *pair) for pair in zip(given, each, strict=True)))
        for gap in by_group.gaps()
        if asked.is_of_two or gap.name == OF_CLASSES
    )
    lengths = asked.parts.test.lengths[good[0].series]
    name = CURVE_OF if asked.is_of_two else OF_CLASSES
    curve = fair.curve(at, each[0], name, lengths=lengths) if at else ()
    return FairAttribute(
        name=groups.attribute,
        groups=counts,
        hidden=hidden,
        small=tuple(group for group, count in people.items() if count < LEAST),
        people={} if people == counts else people,
        rates=tuple(_shown(rate, hidden) for rate in rates if asked.is_of_two or rate.metric == OF_CLASSES),
        gaps=gaps,
        curve_of=name if curve else "",
        curve=tuple(replace(moment, rates=()) for moment in curve),
    )


def _shown(rate: GroupRate, hidden: tuple[str, ...]) -> GroupRate:
    return replace(rate, value=None) if rate.group in hidden or min(rate.count, rate.people) < _LEAST_SHOWN else rate


def _plain(gap: Gap, counted: frozenset[tuple[str, str]], given: fair.Answers, groups: Groups) -> float:
    """The same gap, over the same groups, of another seed; 0 where they have no value there."""
    table = fair.rates(given, groups)
    rows = [[value for group, value in table[m].items() if (m, group) in counted] for m in GAPS[gap.name]]
    spreads = [float(np.ptp(known)) for row in rows if (known := [share for share in row if share == share])]
    return max(spreads, default=0.0)
