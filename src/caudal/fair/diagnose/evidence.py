"""The traces that kinds of bias leave in data; see `caudal.fair.diagnose` for what is made of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.extras import need
from caudal.fair.diagnose.density import ranks
from caudal.fair.diagnose.summaries import TIMES, SummaryColumn, summaries, table
from caudal.fair.groups import Groups
from caudal.fair.plant import Bias
from caudal.typing import Floats

Flags = NDArray[np.bool_]
_MODEL = 0.1
_FAR = 0.3  # standard deviations


@dataclass(frozen=True)
class BiasTrace:
    """A trace of one kind of bias in one group.

    Attributes:
        kind: of bias.
        group: whom it strikes.
        source: the input that shows it, or `""`.
        size: from 0 (none) to 1.
        p_value: of there being none.
        found, expected: what was compared: shares of series or positives; for ranks, the chance that a member of the
            group has more than another, against a half.
        direct: whether evidence from outside the data shows it: checked classes, or expected shares.
    """

    kind: Bias
    group: str
    source: str
    size: float
    p_value: float
    found: float
    expected: float
    direct: bool = False


def representation(
    groups: Groups, expected: Mapping[str, float], person: NDArray[np.generic] | None = None
) -> list[BiasTrace]:
    """How much of a group is lacking against the share it should have, counted in people where these are known.

    Arguments:
        groups: of the series.
        expected: share of each group, by name.
        person: `(batch,)` whose each series is; None takes each for its own.

    Example:
        >>> [trace] = representation(Groups.of({"g": ["a"] * 90 + ["b"] * 10}), {"a": 0.6, "b": 0.4})
        >>> trace.group, round(trace.size, 2), trace.p_value < 1e-6
        ('b', 0.83, True)
    """
    people = groups.people(np.arange(len(groups)) if person is None else person)
    traces, total = [], sum(people.values())
    for name, count in people.items():
        share, due = count / total, expected[name]
        if share < due:
            lacking = 1 - share / (1 - share) * (1 - due) / due
            z = (due - share) / np.sqrt(due * (1 - due) / total)
            p_value, size = _p(float(z)), float(lacking)
            traces.append(BiasTrace("representation", name, "", size, p_value, float(share), due, direct=True))
    return traces


def inputs(
    data: Sequences, inside: Flags, name: str, attribute_inputs: frozenset[str] = frozenset()
) -> list[BiasTrace]:
    """Traces of sampling, measurement and level in one group against the others.

    Several series of one person (`data.group`) count as one, their mean: they are no independent evidence.

    Arguments:
        data: series.
        inside: `(batch,)` who belongs to the group.
        name: of the group.
        attribute_inputs: inputs that are the attribute itself, which say nothing about it.
    """
    columns = [column for column in summaries(data) if column.source not in attribute_inputs]
    if data.group is not None:
        columns, inside = _of_people(columns, inside, np.asarray(data.group))
    traces = []
    kinds = {feature.name: feature.kind for feature in (*data.features, *data.statics)}
    for column in columns:
        if column.source == TIMES:
            # Rarer: fewer steps, or more time between them; it strikes those who have less.
            trace = _ranked("sampling rate", column, inside, name)
            less = trace.found < 0.5 if column.what == "steps" else trace.found > 0.5
        elif column.what == "rough" and kinds[column.source] == "number":
            trace = _ranked("measurement", column, inside, name)
            less = trace.found > 0.5
        elif column.what == "level":
            trace, less = _ranked("proxy", column, inside, name), True
        else:
            continue
        if less:
            traces.append(trace)
    return traces


def _of_people(
    columns: list[SummaryColumn], inside: Flags, person: NDArray[np.generic]
) -> tuple[list[SummaryColumn], Flags]:
    """The mean of each column over the series of a person on one side of the group, and that side."""
    code = np.unique(np.unique(person, return_inverse=True)[1] * 2 + inside, return_inverse=True)[1]
    first = np.unique(code, return_index=True)[1]
    means = []
    for column in columns:
        known = np.isfinite(column.values)
        count = np.bincount(code[known], minlength=len(first))
        total = np.bincount(code[known], column.values[known], len(first))
        means.append(column._replace(values=np.where(count > 0, total / np.maximum(count, 1), np.nan)))
    return means, inside[first]


def labels(data: Sequences, hit: Flags, groups: Groups, judged: list[str]) -> list[BiasTrace]:
    """Positives of each group against what a model of the other groups expects.

    Arguments:
        data: series.
        hit: `(batch,)` whether the positive class was written down.
        groups: of the series.
        judged: groups to look at.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    attribute_inputs = frozenset(
        feature.name for feature in (*data.features, *data.statics) if feature.name.split("=", 1)[0] in groups.columns
    )
    block = np.clip(table(summaries(data), without=attribute_inputs)[0], -5, 5)
    traces = []
    for name in judged:
        inside = groups.where(name)
        if len(np.unique(hit[~inside])) < 2 or not block.shape[1]:
            continue
        model = need("diagnose", "sklearn.linear_model", "fair").LogisticRegression(C=1.0, max_iter=2000)
        model.fit(block[~inside], hit[~inside])
        share, margin = model.predict_proba(block)[:, 1], model.decision_function(block)
        shift = _shift(margin[inside], margin[~inside])
        traces += _lacking(name, float(hit[inside].sum()), share[inside], share[~inside], shift)
    return traces


def own_inputs(data: Sequences, groups: Groups) -> frozenset[str]:
    """Inputs and static features that are the sensitive columns themselves.

    Arguments:
        data: series.
        groups: of the series.
    """
    names = [feature.name for feature in (*data.features, *data.statics)]
    return frozenset(name for name in names if name.split("=", 1)[0] in groups.columns)


def against_trusted(hit: Flags, real: Flags, known: Flags, groups: Groups, name: str) -> list[BiasTrace]:
    """Recorded against true classes of a group, and of the others.

    Arguments:
        hit, real: `(batch,)` whether the positive class was written down, and whether it is true.
        known: `(batch,)` where the truth is known.
        groups: of the series.
        name: of the group.

    Example:
        >>> real = np.tile([True, False], 100)
        >>> hit = real & (np.arange(200) >= 60)
        >>> groups = Groups.of({"g": ["a"] * 100 + ["b"] * 100})
        >>> [trace] = against_trusted(hit, real, np.ones(200, bool), groups, "a")
        >>> trace.kind, round(trace.size, 2)
        ('labels', 0.6)
    """
    inside = groups.where(name)
    positives = [rows & real & known for rows in (inside, ~inside)]
    counts = [int(rows.sum()) for rows in positives]
    if min(counts) < 2:
        return []
    written = [int(hit[rows].sum()) for rows in positives]
    shares = [share / count for share, count in zip(written, counts, strict=True)]
    if shares[0] >= shares[1]:
        return []
    p_value = _at_most(written[0], counts[0], sum(written), sum(counts))
    return [BiasTrace("labels", name, "", 1 - shares[0] / shares[1], p_value, shares[0], shares[1], True)]


def corrected(traces: list[BiasTrace], groups: int) -> list[BiasTrace]:
    """The traces with p values corrected (Bonferroni) for all that was asked at once.

    Direct proof answers one question for each group; it is not paid for by the many looks at the data's own traces,
    which are corrected for the traces of their kind and the number of kinds.

    Arguments:
        traces: as measured.
        groups: how many there are.
    """
    counts = Counter(trace.kind for trace in traces if not trace.direct)
    tests = [groups if trace.direct else counts[trace.kind] * len(counts) for trace in traces]
    return [replace(trace, p_value=min(1.0, trace.p_value * count)) for trace, count in zip(traces, tests, strict=True)]


def _at_most(hits: int, drawn: int, hits_of_all: int, total: int) -> float:
    """Chance of so few hits or fewer among `drawn` of `total` that hold `hits_of_all` (Fisher's exact test)."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])

    def choose(n: int, k: NDArray[np.int64]) -> Floats:
        return np.asarray(logs[n] - logs[k] - logs[n - k])

    k = np.arange(max(0, drawn - (total - hits_of_all)), hits + 1)
    terms = choose(hits_of_all, k) + choose(total - hits_of_all, drawn - k) - choose(total, np.array([drawn]))
    return min(1.0, float(np.exp(terms).sum()))


def _shift(members: Floats, others: Floats) -> float:
    """How far the groups differ in what the model makes of their inputs, beyond chance, from 0 to 1 (or more alike).

    A simple model carries over to people like those it was taught; to others it errs, and by how much nobody knows.
    """
    spread = np.sqrt((members.var() + others.var()) / 2)
    apart = abs(members.mean() - others.mean()) / max(float(spread), 1e-12)
    chance = 2 * np.sqrt(1 / len(members) + 1 / len(others))
    return float(np.clip((apart - chance) / _FAR, 0, 1))


def _lacking(name: str, observed: float, share: Floats, others: Floats, shift: float) -> list[BiasTrace]:
    """The model errs as well: by what its own groups leave open, and by up to a tenth where the inputs differ."""
    due = float(share.sum())
    if due <= observed or due <= 0:
        return []
    spread, taught = (float((shares * (1 - shares)).sum()) for shares in (share, others))
    error = np.sqrt(spread + due**2 * (taught / float(others.sum()) ** 2 + (_MODEL * shift) ** 2))
    count = len(share)
    return [
        BiasTrace("labels", name, "", 1 - observed / due, _p((due - observed) / error), observed / count, due / count)
    ]


def _ranked(kind: Bias, column: SummaryColumn, inside: Flags, name: str) -> BiasTrace:
    known = np.isfinite(column.values)
    members, others = int((known & inside).sum()), int((known & ~inside).sum())
    if min(members, others) < 2 or np.ptp(column.values[known]) == 0:
        return BiasTrace(kind, name, column.source, 0.0, 1.0, 0.5, 0.5)
    place = ranks(column.values[known])
    total = members + others
    more = (place[inside[known]].sum() - members * (members - 1) / 2) / (members * others)
    ties = np.unique(column.values[known], return_counts=True)[1].astype(np.float64)
    spread = (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1))) / (12 * members * others)
    z = abs(more - 0.5) / np.sqrt(max(spread, 1e-12))
    return BiasTrace(kind, name, column.source, float(abs(2 * more - 1)), _p(float(z)), float(more), 0.5)


def _p(z: float) -> float:
    return float(2 * (1 - NormalDist().cdf(abs(z)))) if abs(z) < 8 else 1e-15
