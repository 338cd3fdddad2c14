"""Real data: networks and trees, plain and mitigated; gap with its interval, accuracy and work, losses as well."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.bench.fair_keep import Kept, keep
from caudal.data import Sequences, datasets
from caudal.errors import InputError
from caudal.fair import Groups, by_group, decisions
from caudal.fair.mitigate import Penalty, reweighing
from caudal.fair.summaries import summaries
from caudal.nn.counts import operations

SCHEMA = "caudal bench fair studies 1"
CELLS = ("cfc", "lstm", "gru-d", "ltc-ncp")
TREES = "trees"


@dataclass(frozen=True)
class Study:
    """A data set and whom it is about.

    Attributes:
        attributes: sensitive columns, with the edges of those that are numbers.
        dropped: static inputs that tell an attribute and are left out.
        folder: whether its files come from a folder.
        most: training series at most, drawn from seed 0.
    """

    attributes: Mapping[str, Sequence[float]]
    dropped: tuple[str, ...]
    folder: bool = False
    most: int = 12_000


STUDIES: dict[str, Study] = {
    "nafld": Study({"sex": (), "age": (65.0,)}, ("age", "sex")),
    "physionet2012": Study({"gender": (), "age": (65.0,), "icu": ()}, ("Age", "Gender", "ICUType"), True),
    "diabetes130": Study({"race": (), "gender": (), "age": ()}, ("race", "gender", "age"), True),
}


@dataclass(frozen=True)
class StudyRow:
    """One model, plain or mitigated, judged for one attribute on the test series of a data set.

    Attributes:
        data, model, remedy, attribute, seed: which; the remedy names the attribute that it was given.
        accuracy: share told right.
        balanced: mean of the shares told right among positives and negatives.
        gap, low, high: equal opportunity gap over groups of 30 positives or more, with its 95 % interval; None where
            fewer than two groups have as many.
        odds: the same of equalised odds.
        chance: what the gap would be if the groups were alike.
        groups: series of each group in the test part.
        operations: multiply-adds, lone products and sums of one decision; comparisons of trees.
    """

    data: str
    model: str
    remedy: str
    attribute: str
    seed: int
    accuracy: float
    balanced: float
    gap: float | None
    low: float | None
    high: float | None
    odds: float | None
    chance: float | None
    groups: Mapping[str, int] = field(default_factory=dict)
    operations: float = 0.0


def studies(
    path: str | Path | None = None,
    *,
    names: Sequence[str] = ("nafld",),
    folder: str | None = None,
    seeds: int = 1,
    epochs: int = 6,
    quick: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Kept:
    """Train every model on every data set and judge it for every attribute; rows that the file holds stay.

    Arguments:
        path: file to go on from and to keep each row in; None keeps nothing.
        names: of the data sets; see `STUDIES`.
        folder: of the files of a set that needs one.
        seeds: how many.
        epochs: at most; training stops by the validation series before, after 3 without gain.
        quick: 300 series and one pass; its figures mean nothing.
        say: called with a line of progress.

    Raises:
        FileFormatError: the file is no such report.
        InputError: there is no such study.
    """
    for name in names:
        if name not in STUDIES:
            raise InputError("studies", "names", f"holds {name!r}", f"There are {', '.join(STUDIES)}.")
    jobs = [(name, model, remedy, seed) for name in names for seed in range(seeds) for model, remedy in _plan(name)]
    loaded: dict[str, tuple[Sequences, ...]] = {}

    def make(job: tuple[str, str, str, int]) -> list[StudyRow]:
        name, model, remedy, seed = job
        if name not in loaded:
            loaded[name] = _parts(name, folder, quick)
        return list(_judged(name, model, remedy, seed, loaded[name], 1 if quick else epochs))

    return keep(SCHEMA, StudyRow, ("data", "model", "remedy", "seed"), path, jobs, make, say)


def _plan(name: str) -> list[tuple[str, str]]:
    asked = list(STUDIES[name].attributes)
    nets = [(cell, remedy) for cell in CELLS for remedy in ("none", *(f"penalty, {one}" for one in asked))]
    return [*nets, *((TREES, remedy) for remedy in ("none", *(f"reweighing, {one}" for one in asked)))]


def _parts(name: str, folder: str | None, quick: bool) -> tuple[Sequences, ...]:
    study = STUDIES[name]
    found = datasets.load(name, folder=folder if study.folder else None)
    train, val, test = (ends(part) for part in (found.train, found.val, found.test))
    if len(train) > study.most:
        train = train.select(np.sort(np.random.default_rng(0).choice(len(train), study.most, replace=False)))
    parts = (train, val, test)
    return tuple(_without(part.select(np.arange(min(300, len(part)))) if quick else part, study) for part in parts)


def ends(data: Sequences) -> Sequences:
    """One decision for each series: where every step is classified, that of the last step, if its class is known."""
    if data.task != "classify_steps" or data.target is None or data.target_mask is None:
        return data
    last = data.lengths - 1
    rows = np.flatnonzero(data.target_mask[np.arange(len(data)), last])
    target = data.target[rows, last[rows]]
    kept = data.without_target().select(rows)
    return replace(
        kept,
        task="classify",
        classes=data.classes,
        target=target,
        target_mask=np.ones(len(rows), np.bool_),
        recipe=None,
    )


def _without(data: Sequences, study: Study) -> Sequences:
    """The series without inputs that say the attribute."""
    stays = [k for k, one in enumerate(data.statics) if one.name.split("=")[0] not in study.dropped]
    return replace(
        data, statics=tuple(data.statics[k] for k in stays), static=data.static[:, stays],
        static_observed=data.static_observed[:, stays], recipe=None,
    )  # fmt: skip


def _groups(data: Sequences, attribute: str, study: Study) -> Groups:
    edges = study.attributes[attribute]
    given = {attribute: edges} if len(edges) else None
    return Groups.of({attribute: data.sensitive[attribute]}, edges=given, alone="other")


def _judged(
    name: str, model: str, remedy: str, seed: int, parts: tuple[Sequences, ...], epochs: int
) -> Iterator[StudyRow]:
    study, (train, val, test) = STUDIES[name], parts
    asked = remedy.split(", ")[1] if ", " in remedy else None
    groups = None if asked is None else _groups(train, asked, study)
    fit = _trees if model == TREES else _net
    score, work = fit(model, train, val, test, groups, seed, epochs)
    truth = np.asarray(test.target) == 1
    decided = score >= 0.5
    shares = [float((decided == truth)[truth == kind].mean()) for kind in (True, False)]
    for attribute in study.attributes:
        who = _groups(test, attribute, study)
        found = by_group(decisions(truth, score), who)
        gap, odds = found.gap("equal_opportunity"), found.gap("equalised_odds")
        yield StudyRow(
            name, model, remedy, attribute, seed, float((decided == truth).mean()), float(np.mean(shares)),
            None if gap is None else gap.value.value, None if gap is None else gap.value.low,
            None if gap is None else gap.value.high, None if odds is None else odds.value.value,
            None if gap is None else gap.chance, dict(zip(who.names, who.counts.tolist(), strict=True)), work,
        )  # fmt: skip


def _net(
    cell: str, train: Sequences, val: Sequences, test: Sequences, groups: Groups | None, seed: int, epochs: int
) -> tuple[NDArray[np.float64], float]:
    from caudal.estimators import LiquidClassifier

    term: Any = None if groups is None else Penalty("equal_opportunity", weight=20.0, warm_up=1)
    model = LiquidClassifier(
        cell, 24, epochs=epochs, lr=0.005, batch_size=128, patience=3, class_weight="balanced", seed=seed, fairness=term
    )
    model.fit(train, val=val, sensitive=() if groups is None else groups)
    score = np.asarray(model.predict_proba(test)[:, 1])
    typical = float(test.lengths.mean())
    return score, operations(model.net_, typical).arithmetic * typical


def _trees(
    name: str, train: Sequences, val: Sequences, test: Sequences, groups: Groups | None, seed: int, epochs: int
) -> tuple[NDArray[np.float64], float]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    y = np.asarray(train.target)
    share = np.bincount(y, minlength=2)
    weight = (len(y) / (2 * share))[y]
    if groups is not None:
        weight = weight * reweighing(groups, y)
    rows = [np.stack([one.values for one in summaries(part)], 1) for part in (train, test)]
    live = [len(np.unique(column[np.isfinite(column)])) > 1 for column in rows[0].T]
    found = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_depth=3, random_state=seed)
    found.fit(rows[0][:, live], y, sample_weight=weight)
    return np.asarray(found.predict_proba(rows[1][:, live])[:, 1]), float(3 * found.n_iter_)


def table(kept: Kept) -> str:
    """The rows of each study as a table of Markdown; a mitigated model only for the attribute that it was given."""
    head = ("data", "attribute", "model", "remedy", "seeds", "accuracy", "balanced", "gap", "95 %", "if alike", "odds",
            "operations")  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    groups: dict[tuple[str, ...], list[StudyRow]] = {}
    for row in kept.rows:
        asked = row.remedy.split(", ")[1:]
        if not asked or asked == [row.attribute]:
            groups.setdefault((row.data, row.attribute, row.model, row.remedy.split(", ")[0]), []).append(row)
    for key, rows in sorted(groups.items(), key=lambda one: one[0][:2]):
        lines.append("| " + " | ".join((*key, *_cells(rows))) + " |")
    return "\n".join(lines)


def _cells(rows: list[StudyRow]) -> tuple[str, ...]:
    def mean(name: str) -> float:
        return float(np.mean([getattr(row, name) for row in rows if getattr(row, name) is not None] or [np.nan]))

    first = rows[0]
    span = f"{first.low:.3f} to {first.high:.3f}" if first.low is not None and len(rows) == 1 else ""
    if len(rows) > 1:
        span = "seeds " + ", ".join("none" if row.gap is None else f"{row.gap:.3f}" for row in rows)
    return (
        str(len(rows)), f"{mean('accuracy'):.3f}", f"{mean('balanced'):.3f}", f"{mean('gap'):.3f}", span,
        f"{mean('chance'):.3f}", f"{mean('odds'):.3f}", f"{mean('operations'):,.0f}",
    )  # fmt: skip
