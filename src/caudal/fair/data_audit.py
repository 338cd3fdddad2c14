"""What the data say about groups before there is any model: who is there, what is measured, what reveals them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.errors import InputError
from caudal.extras import need
from caudal.fair.answers import decisions, numbers
from caudal.fair.diagnose.density import mean_gap
from caudal.fair.diagnose.evidence import own_inputs
from caudal.fair.diagnose.summaries import SummaryColumn, summaries, table
from caudal.fair.estimate import DRAWS, LEVEL, Estimate
from caudal.fair.groups import LEAST, Groups
from caudal.fair.intervals import METHOD, Gap, by_group
from caudal.fair.plant import class_code
from caudal.intervals import Interval

Strength = Literal["none", "weak", "clear", "strong", "the attribute itself"]
_FOLDS = 5
_STRENGTHS: tuple[tuple[float, Strength], ...] = ((0.55, "none"), (0.65, "weak"), (0.8, "clear"), (0.95, "strong"))


@dataclass(frozen=True)
class GroupFacts:
    """Count, share, target, holes and sampling of one group, each with its interval.

    Attributes:
        group: by name.
        series: how many.
        few: whether there are fewer than 30.
        share: of all series.
        target: share of the positive class, or mean of the first output; None where there is no target.
        missing: share of cells not observed, mean over series.
        steps: mean steps of a series.
        elapsed: mean time between steps.
    """

    group: str
    series: int
    few: bool
    share: Interval
    target: Interval | None
    missing: Interval
    steps: Interval
    elapsed: Interval


@dataclass(frozen=True)
class Proxy:
    """How well something reveals the group.

    Attributes:
        source: an input, `"times of measurement"`, or `"all together"`.
        auroc: cross-validated, of a logistic model on summaries of it; 0.5 reveals nothing. Mean over groups, each
            against the rest; with its interval where there are two groups.
        strength: in words: none below 0.55, weak below 0.65, clear below 0.8, strong below 0.95.
    """

    source: str
    auroc: Interval
    strength: Strength


@dataclass(frozen=True)
class DataAudit:
    """Facts of each group, the largest differences between groups, and what reveals the group.

    Attributes:
        attribute: by name.
        facts: of each group.
        target, missing, steps, elapsed: largest differences; None where fewer than two groups have 30 series.
        proxies: the most revealing first; `"all together"` leads, the attribute's own columns left out.
        is_input: sensitive columns that are among the inputs.
    """

    attribute: str
    facts: tuple[GroupFacts, ...]
    target: Gap | None
    missing: Gap | None
    steps: Gap | None
    elapsed: Gap | None
    proxies: tuple[Proxy, ...]
    is_input: tuple[str, ...]


def audit(data: Sequences, groups: Groups, *, positive: object = None, draws: int = DRAWS, seed: int = 0) -> DataAudit:
    """Representation, targets, holes, sampling and proxies by group, with 95 % intervals clustered by `data.group`.

    Arguments:
        data: series.
        groups: of the series.
        positive: the class that counts as positive; None takes the last.
        draws: of the bootstrap.
        seed: of draws and folds.

    Raises:
        InputError: series and groups differ in number, or the class is unknown.
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> import pytest
        >>> sklearn = pytest.importorskip("sklearn")
        >>> from caudal.fair.synthetic import synthetic
        >>> data = synthetic(200)
        >>> data_audit = audit(data, Groups.of({"group": data.sensitive["group"]}))
        >>> [(fact.group, fact.series) for fact in data_audit.facts], data_audit.proxies[0].source
        ([('a', 120), ('b', 80)], 'all together')
    """
    if len(data) != len(groups):
        fault = f"name the group of {len(groups):,} series; there are {len(data):,}"
        raise InputError("audit", "groups", fault, "Make them from the sensitive columns of these series.")
    cells = data.lengths * data.inputs
    columns = {
        "missing": 1 - data.observed.sum(axis=(1, 2)) / np.maximum(1, cells),
        "steps": data.lengths.astype(np.float64),
        "elapsed": mean_gap(data),
    }
    owner = None if data.group is None else np.unique(data.group, return_inverse=True)[1]
    spans = {name: _means(column, groups, owner, draws, seed) for name, column in columns.items()}
    target = _target(data, groups, owner, positive, draws, seed)
    facts = []
    for k, (name, count) in enumerate(zip(groups.names, groups.counts, strict=True)):
        means = {key: rows[k] for key, (rows, _) in spans.items()}
        share = _share(int(count), len(data))
        outcome = target[0][k] if target else None
        facts.append(GroupFacts(name, int(count), bool(count < LEAST), share, outcome, **means))
    return DataAudit(
        groups.attribute,
        tuple(facts),
        target[1] if target else None,
        spans["missing"][1],
        spans["steps"][1],
        spans["elapsed"][1],
        proxies(data, groups, draws=draws, seed=seed),
        own_columns(data, groups),
    )


def proxies(data: Sequences, groups: Groups, *, draws: int = DRAWS, seed: int = 0) -> tuple[Proxy, ...]:
    """How well each input, the times, and all together reveal the group; the most revealing first.

    Arguments:
        data: series.
        groups: of the series; those of fewer than 30 are left out.
        draws: of the bootstrap.
        seed: of draws and folds.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    large = [k for k, count in enumerate(groups.counts) if count >= LEAST]
    rows = np.isin(groups.codes, large)
    if len(large) < 2:
        return ()
    attribute_inputs = own_inputs(data, groups)
    columns = tuple(SummaryColumn(column.source, column.what, column.values[rows]) for column in summaries(data))
    codes = groups.codes[rows]
    block, sources = table(columns)
    others = [k for k, source in enumerate(sources) if source not in attribute_inputs]
    ranked = [_proxy(source, block[:, _of(sources, source)], codes, draws, seed) for source in dict.fromkeys(sources)]
    ranked.sort(key=lambda proxy: -proxy.auroc.value)
    return (_proxy("all together", block[:, others], codes, draws, seed), *ranked)


def strength(auroc: float) -> Strength:
    """An AUROC in words.

    Example:
        >>> strength(0.5), strength(0.7), strength(1.0)
        ('none', 'clear', 'the attribute itself')
    """
    return next((word for below, word in _STRENGTHS if auroc < below), "the attribute itself")


def own_columns(data: Sequences, groups: Groups) -> tuple[str, ...]:
    """Sensitive columns of the groups that are among the inputs or static features.

    Arguments:
        data: series.
        groups: of the series.
    """
    names = {feature.name.split("=", 1)[0] for feature in (*data.features, *data.statics)}
    return tuple(name for name in groups.columns if name in names)


def _of(sources: tuple[str, ...], source: str) -> list[int]:
    return [k for k, name in enumerate(sources) if name == source]


def _proxy(source: str, block: NDArray[np.float64], codes: NDArray[np.int64], draws: int, seed: int) -> Proxy:
    if not block.shape[1]:
        chance = Interval(0.5, 0.5, 0.5, LEVEL, "nothing to tell by")
        return Proxy(source, chance, "none")
    share = held_out(block, codes, seed)
    kinds = np.unique(codes)
    whole = Groups("all", ("all",), np.zeros(len(codes), np.int64))
    aurocs = []
    for k, kind in enumerate(kinds[1:] if len(kinds) == 2 else kinds):
        score = share[:, 1] if len(kinds) == 2 else share[:, k]
        rates = by_group(decisions(codes == kind, score), whole, draws=min(draws, 300), seed=seed).rates()
        aurocs.append(next(rate.value for rate in rates if rate.metric == "auroc" and rate.value is not None))
    value = float(np.mean([auroc.value for auroc in aurocs]))
    if len(aurocs) == 1:
        return Proxy(source, aurocs[0], strength(value))
    ends = (float(np.mean([auroc.low for auroc in aurocs])), float(np.mean([auroc.high for auroc in aurocs])))
    return Proxy(source, Interval(value, *ends, LEVEL, f"{METHOD}, mean over groups"), strength(value))


def held_out(block: NDArray[np.float64], codes: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """`(n, kinds)` probability of each kind from a logistic model that did not see the row; five folds.

    Arguments:
        block: `(n, columns)`.
        codes: `(n,)` kind of each row.
        seed: of the folds.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    linear, choice = (need("audit", f"sklearn.{name}", "fair") for name in ("linear_model", "model_selection"))
    least = int(np.bincount(np.unique(codes, return_inverse=True)[1]).min())
    cut = choice.StratifiedKFold(max(2, min(_FOLDS, least)), shuffle=True, random_state=seed)
    model = linear.LogisticRegression(C=0.1, max_iter=2000)
    shares = choice.cross_val_predict(model, np.clip(block, -8, 8), codes, cv=cut, method="predict_proba")
    return np.asarray(np.clip(shares, 0.0, 1.0), np.float64)


def _means(
    column: NDArray[np.float64], groups: Groups, owner: NDArray[np.int64] | None, draws: int, seed: int
) -> tuple[list[Interval], Gap | None]:
    metrics = by_group(numbers(np.zeros(len(column)), column, owner=owner), groups, draws=draws, seed=seed)
    rows = [rate.value or Interval(0.0, 0.0, 0.0) for rate in metrics.rates() if rate.metric == "bias"]
    return rows, metrics.gap("bias")


def _target(
    data: Sequences, groups: Groups, owner: NDArray[np.int64] | None, positive: object, draws: int, seed: int
) -> tuple[list[Interval], Gap | None] | None:
    """Share of the positive class, or mean of the first output, with the largest difference."""
    if data.target is None:
        return None
    if data.task == "classify":
        hit = data.target == class_code("audit", data, positive)
        if hit.all() or not hit.any():
            fault = "is that of no series, or of all"
            raise InputError("audit", "positive", fault, "Pass series of both classes, or name another class.")
        metrics = by_group(decisions(hit, decided=hit, owner=owner), groups, draws=draws, seed=seed)
        rows = [rate.value for rate in metrics.rates() if rate.metric == "base_rate"]
        return [interval or Interval(0.0, 0.0, 0.0) for interval in rows], metrics.gap("demographic_parity")
    if data.task == "regress":
        return _means(data.target[:, 0].astype(np.float64), groups, owner, draws, seed)
    return None


def _share(count: int, total: int) -> Interval:
    low, high = Estimate(count / total, total, total, 0.0, "share", total).ends()
    return Interval(count / total, float(low), float(high), LEVEL, "score interval")
