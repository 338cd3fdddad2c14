"""Real data: networks and trees, plain and mitigated, and curves of accuracy against gap beside those of others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fair.fits import Fits, Parts, net_fits, tree_fits
from benchmarks.fair.front import Option, People, judge, narrowest
from benchmarks.fair.options import by_group, fairlearn_options, for_all, oxonfair_options, reduced_options
from benchmarks.fair.resume import Kept, keep
from caudal.data import Sequences, datasets
from caudal.data.task import Task
from caudal.errors import InputError
from caudal.fair import Groups, decisions
from caudal.fair import by_group as judged_by_group

SCHEMA = "caudal bench fair studies 2"
CELLS = ("ltc-ncp", "cfc", "lstm", "gru-d")
TREES = "trees"
OURS, ASKING = "ours", "ours, by group"
PEERS = ("fairlearn reductions", "fairlearn thresholds", "oxonfair thresholds")
# Who reads the attribute is set against who does, and who does not against everyone.
PAIRS = (*((OURS, peer) for peer in PEERS), *((ASKING, peer) for peer in PEERS[1:]))
ASKS = {OURS: False, ASKING: True, PEERS[0]: False, PEERS[1]: True, PEERS[2]: True}
COST, LEAST = 0.05, 30
_TEST = 12_000


@dataclass(frozen=True)
class Study:
    """A data set of the benchmark, its sensitive columns, and how its series are split and trained on.

    Attributes:
        attributes: sensitive columns: edges of those that are numbers, or new names of values, the others being
            "other"; empty for the values as they are.
        dropped: static inputs that tell an attribute and are left out.
        folder: whether its files come from a folder.
        most: training series at most, drawn from seed 0.
        lent: share of the training series that go to those that thresholds are chosen by.
        epochs: passes over the training series.
    """

    attributes: Mapping[str, Sequence[float] | Mapping[str, str]]
    dropped: tuple[str, ...] = ()
    folder: bool = False
    most: int = 12_000
    lent: float = 0.25
    epochs: int = 8


_TENS = {
    f"[{k}-{k + 10})": "below 60" if k < 60 else "60 to 79" if k < 80 else "80 and above" for k in range(0, 100, 10)
}
STUDIES: dict[str, Study] = {
    "nafld": Study({"sex": (), "age": (65.0,)}, ("age", "sex")),
    "nlswork": Study({"race": ()}),
    "diabetes130": Study(
        {"race": {"Caucasian": "Caucasian", "AfricanAmerican": "AfricanAmerican"}, "gender": (), "age": _TENS},
        ("race", "gender", "age"),
        folder=True,
        most=10_000,
        lent=0.0,
    ),
    "physionet2012": Study(
        {"gender": (), "age": (65.0,), "icu": {"medical": "medical"}},
        ("Age", "Gender", "ICUType"),
        folder=True,
        most=2_600,
        epochs=5,
    ),
}


@dataclass(frozen=True)
class StudyRow:
    """One model, plain and mitigated, judged for one attribute on the test series of a data set.

    Attributes:
        data, model, seed, attribute: which.
        groups: by group the test series and the positives among them; groups of fewer than 30 positives, where one
            chooses or judges, are left out.
        plain, mitigated: name, accuracy, balanced accuracy (mean of the shares told right among positives and
            negatives), equal opportunity gap with its 95 % interval (`gap`, `low`, `high`), and `chance`, the gap if
            groups were alike. Mitigated is the narrowest gap, where one chooses, at no more than 5 points of balanced
            accuracy, without the attribute at the decision.
        curves: by family its points on the test series and the height of its curve; see `fair_front.area`.
        against: by pair of families the difference of heights with its 95 % interval, in points.
        operations: multiply-adds, lone products, sums and comparisons of one decision.
        energy: of one decision in microjoules, least and most, estimated by table (Horowitz 2014, weights in SRAM).
    """

    data: str
    model: str
    seed: int
    attribute: str
    groups: Mapping[str, Sequence[int]]
    plain: Mapping[str, Any]
    mitigated: Mapping[str, Any]
    curves: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Sequence[float]] = field(default_factory=dict)
    operations: float = 0.0
    energy: Sequence[float] = (0.0, 0.0)


def studies(
    path: str | Path | None = None,
    *,
    names: Sequence[str] = ("nafld",),
    folder: str | None = None,
    seeds: int = 3,
    quick: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Kept:
    """Train every model on every data set and judge it for every attribute; rows that the file holds stay.

    Arguments:
        path: file to go on from and to keep each row in; None keeps nothing.
        names: of the data sets; see `STUDIES`.
        folder: of the files of a set that needs one.
        seeds: how many.
        quick: 600 series and one pass; its figures mean nothing.
        say: called with a line of progress.

    Raises:
        FileFormatError: the file is no such report.
        InputError: there is no such study.
    """
    for name in names:
        if name not in STUDIES:
            raise InputError("studies", "names", f"holds {name!r}", f"There are {', '.join(STUDIES)}.")
    # Trees draw nothing: one seed says all.
    jobs = [(n, m, seed) for n in names for seed in range(seeds) for m in (TREES, *CELLS) if m != TREES or seed == 0]
    loaded: dict[str, Parts] = {}

    def make(job: tuple[str, str, int]) -> list[StudyRow]:
        name, model, seed = job
        if name not in loaded:
            loaded[name] = parts_of(name, folder, quick)
        return _judged(name, model, seed, loaded[name], 1 if quick else STUDIES[name].epochs)

    return keep(SCHEMA, StudyRow, ("data", "model", "seed"), path, jobs, make, say)


def parts_of(name: str, folder: str | None = None, quick: bool = False) -> Parts:
    """The series of a study: to train on, to choose by, to judge by.

    Raises:
        DataError: files are missing or not what they should be.
        MissingExtraError: a package is not installed.
    """
    study = STUDIES[name]
    dataset = datasets.load(name, folder=folder if study.folder else None)
    whole = _without(ends(dataset.sequences), study)
    parts = [np.flatnonzero(np.isin(whole.ids, part.ids)) for part in (dataset.train, dataset.val, dataset.test)]
    rng = np.random.default_rng(0)
    train, choose, test = (rng.permutation(rows) for rows in parts)
    lent = int(study.lent * len(train))
    choose, train = np.concatenate([choose, train[:lent]]), train[lent:][: study.most]
    limit = 600 if quick else _TEST
    return Parts(
        *(whole.select(np.sort(rows[:limit] if rows is not train or quick else rows)) for rows in (train, choose, test))
    )


def ends(data: Sequences) -> Sequences:
    """One decision for each series: where every step is classified, that of the last step, if its class is known."""
    if data.task != "classify_steps" or data.target is None or data.target_mask is None:
        return data
    last = data.lengths - 1
    rows = np.flatnonzero(data.target_mask[np.arange(len(data)), last])
    target = data.target[rows, last[rows]]
    known = data.without_target().select(rows)
    return replace(
        known,
        task=Task.CLASSIFY,
        classes=data.classes,
        target=target,
        target_mask=np.ones(len(rows), np.bool_),
        recipe=None,
    )


def _without(data: Sequences, study: Study) -> Sequences:
    """The series without inputs that say the attribute."""
    stays = [k for k, feature in enumerate(data.statics) if feature.name.split("=")[0] not in study.dropped]
    return replace(
        data,
        statics=tuple(data.statics[k] for k in stays),
        static=data.static[:, stays],
        static_observed=data.static_observed[:, stays],
        recipe=None,
    )


def _groups(parts: Parts, name: str, attribute: str) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Names, and codes of the three parts; -1 for a group of fewer than 30 positives where one chooses or judges."""
    cuts = STUDIES[name].attributes[attribute]
    whole = [part.sensitive[attribute] for part in (parts.train, parts.choose, parts.test)]
    if isinstance(cuts, Mapping):
        whole = [np.array([cuts.get(str(value), "other") for value in part]) for part in whole]
    edges = None if isinstance(cuts, Mapping) or not len(cuts) else {attribute: cuts}
    groups = Groups.of({attribute: np.concatenate(whole)}, edges=edges, alone="other")
    codes = np.split(groups.codes, np.cumsum([len(part) for part in whole])[:-1])
    enough = [
        k
        for k in range(len(groups.names))
        if all(
            (truth & (part_codes == k)).sum() >= LEAST
            for truth, part_codes in zip(parts.truth[1:], codes[1:], strict=True)
        )
    ]
    place = np.full(len(groups.names), -1)
    place[enough] = np.arange(len(enough))
    return tuple(groups.names[k] for k in enough), [place[part_codes] for part_codes in codes]


def _judged(name: str, model: str, seed: int, parts: Parts, epochs: int) -> list[StudyRow]:
    fits = tree_fits(parts, seed) if model == TREES else net_fits(model, parts, seed, epochs)
    rows = []
    for attribute in STUDIES[name].attributes:
        names, codes = _groups(parts, name, attribute)
        if len(names) > 1:
            rows.append(_row((name, model, seed, attribute), fits, parts, names, codes))
    return rows


def _row(
    which: tuple[str, str, int, str],
    fits: Fits,
    parts: Parts,
    names: tuple[str, ...],
    codes: list[NDArray[np.int64]],
) -> StudyRow:
    seed = which[2]
    here = [part_codes >= 0 for part_codes in codes]
    train, choose, test = (People(t[h], c[h]) for t, c, h in zip(parts.truth, codes, here, strict=True))
    scores = {"plain": fits.plain, **fits.mitigated(codes[0])}
    variants = {key: score.select(here[1], here[2]) for key, score in scores.items()}
    plain = variants["plain"]
    families: dict[str, list[Option]] = {
        OURS: for_all(variants, choose),
        ASKING: by_group(variants, choose, test),
        PEERS[1]: fairlearn_options(plain, choose, test, seed),
        PEERS[2]: oxonfair_options(plain, choose, test),
    }
    rows = tuple(part[counted] for part, counted in zip(fits.rows, here, strict=True))
    reduced = reduced_options(fits.make, rows, train, plain, choose, seed, few=which[1] == TREES)
    families[PEERS[0]] = list(reduced)
    curves, against = judge(families, choose, test, PAIRS)
    left = families[OURS][narrowest(families[OURS], choose, COST)]
    groups = Groups(which[3], names, test.codes)
    counts = {
        key: [int((test.codes == k).sum()), int(test.truth[test.codes == k].sum())] for k, key in enumerate(names)
    }
    return StudyRow(
        *which,
        counts,
        _figure("plain, threshold 0.5", plain.test >= 0.5, test.truth, groups),
        _figure(left.name, left.judged, test.truth, groups),
        curves,
        against,
        round(fits.work.arithmetic + fits.work.comparisons),
        [round(energy, 5) for energy in fits.energy],
    )


def _figure(name: str, decided: NDArray[np.bool_], truth: NDArray[np.bool_], groups: Groups) -> dict[str, Any]:
    right = decided == truth
    gap = judged_by_group(decisions(truth, decided=decided), groups).gap("equal_opportunity")
    span = (None,) * 4 if gap is None else (gap.value.value, gap.value.low, gap.value.high, gap.chance)
    figures = {"accuracy": right.mean(), "balanced": (right[truth].mean() + right[~truth].mean()) / 2}
    figures.update(zip(("gap", "low", "high", "chance"), span, strict=True))
    return {"name": name, **{key: None if value is None else round(float(value), 4) for key, value in figures.items()}}
