"""Ask everything that the report of a model's fairness shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from caudal._version import __version__
from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair.answers import Answers, numbers
from caudal.fair.curve import Moment, curve
from caudal.fair.data_audit import DataAudit, audit
from caudal.fair.diagnose.density import Density, density
from caudal.fair.diagnose.diagnose import diagnose
from caudal.fair.estimate import DRAWS, LEVEL, Estimate
from caudal.fair.groups import LEAST, Edges, Groups, is_quantity
from caudal.fair.intervals import GroupEstimates, GroupRate, by_group
from caudal.fair.predictions import positive_code
from caudal.fair.record import Bin, FairAttribute, FairReport, Versus
from caudal.fair.smooth import SmoothRate, smooth
from caudal.intervals import Interval

LEAST_SHOWN = 5
_BINS = 5


class _Asked(NamedTuple):
    """What the report is about, the same for every attribute."""

    data: Sequences
    answers: Answers
    at: Mapping[int, Answers]
    curve_of: str
    positive: object
    expected: Mapping[str, Mapping[str, float]]
    trusted: ArrayLike | None
    draws: int
    seed: int
    of_data: bool


def report(
    data: Sequences,
    answers: Answers,
    *,
    sensitive: tuple[str, ...] = (),
    edges: Edges | None = None,
    cross: bool | Sequence[Sequence[str]] = True,
    at: Mapping[int, Answers] | None = None,
    curve_of: str = "",
    positive: object = None,
    threshold: float | None = None,
    expected: Mapping[str, Mapping[str, float]] | None = None,
    trusted: ArrayLike | None = None,
    name: str = "",
    model: str = "",
    model_digest: str = "",
    scaled: bool = False,
    target: str = "",
    unit: str = "",
    of_data: bool = True,
    draws: int = DRAWS,
    seed: int = 0,
) -> FairReport:
    """Fairness of a model on some series: figures by group with intervals, over time, by density, and the data behind.

    Arguments:
        data: series with their sensitive columns and targets.
        answers: of the model: one of each series, or several with the row of the series; see `ask`.
        sensitive: columns to look at; all of `data.sensitive` where left out.
        edges: where to cut columns of numbers.
        cross: look at all columns crossed as well, unless that makes more than 30 groups; or which columns to cross,
            such as `[("sex", "age"), ("sex", "site")]`.
        at: steps read -> answers, for the curve over time.
        curve_of: the gap that the curve follows; equal opportunity, or the error of numbers, where left out.
        positive: the class decided for or against; None takes the last of two.
        threshold: of the score, as told to `decisions`.
        expected: column -> share of each group among all, from a census or register.
        trusted: as in `diagnose`.
        name: of the data.
        model: what answered, in words.
        model_digest: of it, as `audit.model_digest` gives it, so that a log can tell whether the record speaks of it.
        scaled: whether numbers are in standard deviations of their output, as `ask` says.
        target: name of what is predicted, so that the page can say of what.
        unit: of numbers.
        of_data: look at the data behind as well: density, facts, what reveals the group, kinds of bias.
        draws: of the bootstrap.
        seed: of the draws.

    Raises:
        InputError: a column is not there or names no groups, sizes disagree, or a class is unknown.
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> import pytest
        >>> sklearn = pytest.importorskip("sklearn")
        >>> from caudal.fair import decisions, synthetic
        >>> data = synthetic(200)
        >>> fairness = report(data, decisions(data.target, decided=data.values[:, 0, 0] > 0))
        >>> fairness.attributes[0].groups, FairReport.from_json(fairness.to_json()) == fairness
        ({'a': 120, 'b': 80}, True)
    """
    names = tuple(dict.fromkeys(sensitive)) or tuple(data.sensitive)
    _check(data, answers, names)
    code = positive_code("report", data, positive) if answers.kind == "decision" and data.classes else None
    chosen = curve_of or ("equal_opportunity" if answers.kind == "decision" else "mae")
    whose = data.classes[code] if code is not None and data.task == "classify" else None
    asked = _Asked(data, answers, at or {}, chosen, whose, expected or {}, trusted, draws, seed, of_data)
    attributes, missing = _attributes(asked, names, edges, cross)
    return FairReport(
        data=name,
        model=model,
        caudal=__version__,
        task=data.task,
        kind=answers.kind,
        positive="" if code is None else str(data.classes[code]),
        threshold=threshold,
        series=len(data),
        answers=len(answers),
        digest=replace(data, sensitive={}).digest,
        attributes=attributes,
        not_measured=missing,
        scaled=scaled,
        model_digest=model_digest,
        target=target,
        unit=unit,
        time_unit="" if data.time_unit == "step" else data.time_unit,
    )


def of_classes(reports: Mapping[str, FairReport]) -> FairReport:
    """Reports of the same answers, each about one class against the rest, as one report.

    Figures of a class stand under an attribute named after both, such as `"sex: sepsis"`. Whether the likeliest class
    is right does not depend on the class that is looked at, so accuracy stays with the first.

    Arguments:
        reports: class -> report; the data behind are those of the first.

    Raises:
        InputError: there is no report.
    """
    if not reports:
        raise InputError("of_classes", "reports", "holds none", "Pass a report of each class.")
    attributes = []
    for k, (outcome, each) in enumerate(reports.items()):
        for attribute in each.attributes:
            gaps = tuple(gap for gap in attribute.gaps if k == 0 or gap.name != "accuracy")
            rates = tuple(rate for rate in attribute.rates if k == 0 or rate.metric != "accuracy")
            smooth_rates = tuple(rate for rate in attribute.smooth if k == 0 or rate.metric != "accuracy")
            name = f"{attribute.name}: {outcome}"
            attributes.append(
                replace(attribute, name=name, outcome=outcome, gaps=gaps, rates=rates, smooth=smooth_rates)
            )
    first = next(iter(reports.values()))
    return replace(first, positive="", attributes=tuple(attributes), classes=tuple(reports))


def _attributes(
    asked: _Asked, names: tuple[str, ...], edges: Edges | None, cross: bool | Sequence[Sequence[str]]
) -> tuple[tuple[FairAttribute, ...], tuple[str, ...]]:
    """Each column, then the crossings; and codes of what was not measured."""
    columns = {column: asked.data.sensitive[column] for column in names}
    single = [_attribute(asked, _groups(name, column, edges), column) for name, column in columns.items()]
    crossed, too_fine = _crossed(columns, edges, cross)
    attributes = (*single, *(_attribute(asked, groups, None) for groups in crossed))
    return attributes, _missing(asked, bool(crossed) or too_fine, too_fine)


def _groups(name: str, column: ArrayLike, edges: Edges | None) -> Groups:
    """Groups of one column; persons who are alone in theirs are put together, and no figure of a few is shown."""
    groups = Groups.of({name: column}, edges=edges, alone="other")
    if len(groups.names) < 2:
        fault = f"holds groups of one person only: {len(groups)} series, each with a value of its own"
        raise InputError("report", name, fault, "Cut or join its values; an identifier is no attribute.")
    return groups


def _crossed(
    columns: Mapping[str, ArrayLike], edges: Edges | None, cross: bool | Sequence[Sequence[str]]
) -> tuple[list[Groups], bool]:
    """Groups by several columns, and whether those of all columns are too many to be compared."""
    if not isinstance(cross, bool):
        for name in (name for asked in cross for name in asked):
            if name not in columns:
                fault = f"names {name!r}, which is not among {', '.join(columns)}"
                raise InputError("report", "cross", fault, "Add it to `sensitive`.")
        parts = [{name: columns[name] for name in asked} for asked in cross if len(set(asked)) > 1]
        return [Groups.of(part, edges=edges, alone="other") for part in parts], False
    if not cross or len(columns) < 2:
        return [], False
    try:
        return [Groups.of(columns, edges=edges, alone="other")], False
    except InputError as error:
        # Each column by itself was accepted, so nothing but their number can be at fault.
        if "at most" not in error.fault:
            raise
        return [], True


def _check(data: Sequences, answers: Answers, names: tuple[str, ...]) -> None:
    if not names:
        remedy = "Read the data with `sensitive=[...]`, or name a column."
        raise InputError("report", "sensitive", "names no column, and the data have none", remedy)
    for column in names:
        if column not in data.sensitive:
            known = ", ".join(data.sensitive) or "none"
            fault = f"names {column!r}, which is no sensitive column of the data; there are {known}"
            raise InputError("report", "sensitive", fault, "Read the data with that column as sensitive.")
    if data.target is None:
        raise InputError("report", "data", "have no target, so nobody can tell what is right", "Pass known outcomes.")
    if answers.row is not None and int(answers.row.max()) >= len(data):
        fault = f"are about series {int(answers.row.max())}; there are {len(data):,}"
        raise InputError("report", "answers", fault, "Pass the position of the series of each answer.")
    if answers.row is None and len(answers) != len(data) and int(answers.owner.max()) + 1 != len(data):
        fault = f"are {len(answers):,} of {int(answers.owner.max()) + 1:,} owners; there are {len(data):,} series"
        raise InputError("report", "answers", fault, "Pass an answer of each series, in their order.")


def _missing(asked: _Asked, crossed: bool, too_fine: bool) -> tuple[str, ...]:
    missing = {
        "no curve": not asked.at,
        "no crossing": not crossed,
        "crossing too fine": too_fine,
        "no scores": asked.answers.kind == "decision" and asked.answers.score is None,
        "no expected shares": not asked.expected,
        "no trusted labels": asked.trusted is None and asked.answers.kind == "decision",
    }
    return (*(code for code, lacks in missing.items() if lacks), "one test set", "no mitigation")


def _attribute(asked: _Asked, groups: Groups, column: ArrayLike | None) -> FairAttribute:
    """Figures by group; of one column (None for crossed ones) the smooth curve and the data behind as well."""
    data, answers = asked.data, asked.answers
    each = groups if _one_each(answers, data) else groups.select(answers.rows)
    metrics = by_group(answers, each, draws=asked.draws, seed=asked.seed)
    counts = {name: int(count) for name, count in zip(groups.names, groups.counts, strict=True)}
    people = each.people(answers.owner)
    hidden = tuple(name for name, count in people.items() if count < LEAST_SHOWN)
    moments: tuple[Moment, ...] = ()
    if asked.at:
        moments = curve(asked.at, groups, asked.curve_of, lengths=data.lengths, draws=asked.draws, seed=asked.seed)
        moments = tuple(replace(moment, rates=_shown(moment.rates, hidden)) for moment in moments)
    attribute = FairAttribute(
        name=groups.attribute,
        groups=counts,
        edges={name: tuple(cuts) for name, cuts in groups.edges.items()},
        small=tuple(name for name, count in people.items() if count < LEAST),
        hidden=hidden,
        rates=_shown(metrics.rates(), hidden),
        gaps=metrics.gaps(),
        versus=_versus(metrics, people),
        calibration=_calibration(answers, each),
        curve_of=asked.curve_of if moments else "",
        curve=moments,
        density=None,
        audit=None,
        diagnosis=None,
        people={} if people == counts else people,
        smooth=() if column is None else _smooth(asked, groups.attribute, column),
    )
    return _with_data(asked, groups, attribute) if column is not None and asked.of_data else attribute


def _with_data(asked: _Asked, groups: Groups, attribute: FairAttribute) -> FairAttribute:
    data, expected = asked.data, asked.expected.get(groups.attribute)
    return replace(
        attribute,
        density=_density(asked, groups, attribute.hidden),
        audit=_audit(asked, groups, attribute.hidden),
        diagnosis=diagnose(data, groups, positive=asked.positive, expected=expected, trusted=asked.trusted),
    )


def _smooth(asked: _Asked, name: str, column: ArrayLike) -> tuple[SmoothRate, ...]:
    """Errors along a column of many numbers."""
    if not is_quantity(column):
        return ()
    answers = asked.answers
    values = np.asarray(column, np.float64)
    values = values if _one_each(answers, asked.data) else values[answers.rows]
    metrics = ("tpr", "fpr", "accuracy") if answers.kind == "decision" else ("mae", "bias")
    curves = (smooth(answers, values, metric, name=name, seed=asked.seed) for metric in metrics)
    return tuple(rate for rate in curves if rate is not None)


def _shown(rates: tuple[GroupRate, ...], hidden: tuple[str, ...]) -> tuple[GroupRate, ...]:
    """The rates without the values that stand on fewer than 5 answers, or people."""
    return tuple(
        replace(rate, value=None)
        if rate.group in hidden or min(rate.count, rate.people or rate.count) < LEAST_SHOWN
        else rate
        for rate in rates
    )


def _audit(asked: _Asked, groups: Groups, hidden: tuple[str, ...]) -> DataAudit:
    data_audit = audit(asked.data, groups, positive=asked.positive, draws=asked.draws, seed=asked.seed)
    facts = tuple(replace(fact, target=None) if fact.group in hidden else fact for fact in data_audit.facts)
    return replace(data_audit, facts=facts)


def _one_each(answers: Answers, data: Sequences) -> bool:
    """Whether the answers are of the series, one each, in their order."""
    row = np.arange(len(data)) if answers.row is None else answers.row
    return len(answers) == len(data) and bool((row == np.arange(len(data))).all())


def _density(asked: _Asked, groups: Groups, hidden: tuple[str, ...]) -> Density:
    """Of one answer a series; of several the mean error, over the series that have any."""
    data, answers = asked.data, asked.answers
    if not _one_each(answers, data):
        wrong = np.abs(answers.given - answers.truth) if answers.kind == "number" else 1.0 - answers.right
        there, first, place = np.unique(answers.rows, return_index=True, return_inverse=True)
        mean = np.bincount(place, wrong) / np.bincount(place)
        data, groups = data.select(there), groups.select(there)
        answers = numbers(np.zeros(len(there)), mean, owner=answers.owner[first])
    measured = density(data, answers, groups, draws=asked.draws, seed=asked.seed)
    return replace(measured, steps=_shown(measured.steps, hidden), elapsed=_shown(measured.elapsed, hidden))


def _versus(metrics: GroupEstimates, people: Mapping[str, int]) -> tuple[Versus, ...]:
    reference = max(people, key=lambda name: people[name])
    differences = []
    for metric, row in metrics.table.items():
        standing = dict(zip(metrics.groups, row, strict=True))
        for group in metrics.groups:
            enough = standing[group].enough and standing[reference].enough
            if group == reference or not enough or metric == "calibration_error":
                continue
            value = metrics.difference(metric, group, reference)
            if value is not None:
                differences.append(Versus(group, reference, metric, value))
    return tuple(differences)


def _calibration(answers: Answers, groups: Groups) -> tuple[Bin, ...]:
    """Five bins of like size over all answers, the same for each group; those of fewer than 30 are left out."""
    if answers.score is None:
        return ()
    edges = np.unique(np.quantile(answers.score, np.linspace(0, 1, _BINS + 1)[1:-1]))
    place = np.searchsorted(edges, answers.score, side="right")
    bins = []
    for k, name in enumerate(groups.names):
        for part in range(len(edges) + 1):
            rows = (groups.codes == k) & (place == part)
            count, owners = int(rows.sum()), len(np.unique(answers.owner[rows]))
            if owners < LEAST:
                continue
            share = float(answers.truth[rows].mean())
            low, high = Estimate(share, owners, owners, 0.0, "share", owners).ends()
            observed = Interval(share, float(low), float(high), LEVEL, "score interval")
            bins.append(Bin(name, float(answers.score[rows].mean()), observed, count))
    return tuple(bins)
