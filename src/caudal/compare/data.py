"""What a study is made on: a named data set or a table, divided, with the facts that a reader must know."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.compare.job import Parts
from caudal.compare.parts import Given, overlaps, split_off, with_test
from caudal.compare.record import DataFacts
from caudal.data import Columns, Finding, Sequences, folds, from_frame, split
from caudal.data.account import read_as
from caudal.data.datasets import Card, Dataset, load, names
from caudal.data.plan import refuse_flips
from caudal.data.window import windows_of_one
from caudal.errors import DataError
from caudal.importing import offered

_OWNER = "compare"
_VAL, _TEST = 0.15, 0.2
# Fewer series of a class in the test part than this are told.
_FEW = 3
# A test part of fewer owners, such as patients, is too small for one: all series are tested instead, in so many folds.
FEW_OWNERS, FOLDS = 10, 5
_OWNERS = {"series": "series", "group": "groups", "time": "times"}


@dataclass(frozen=True, eq=False)
class Source:
    """Divided series and what is told about them.

    Attributes:
        parts: training, validation and test series.
        facts: for the report.
        read: what a table was read as and what is odd about it, as lines.
        folds: parts whose test series together are all series, each once; the first are `parts`. Empty where all runs
            share one test part.
        drawn: how a recipe of `fit` draws the same parts, by the fields of `DataPart`; empty where it cannot.
    """

    parts: Parts
    facts: DataFacts
    read: tuple[str, ...] = ()
    folds: tuple[Parts, ...] = ()
    drawn: Mapping[str, object] = field(default_factory=dict)

    def part_of(self, number: int) -> Parts:
        """The parts of the run of a number."""
        return self.folds[number % len(self.folds)] if self.folds else self.parts


def open_source(
    data: object,
    *,
    folder: str | Path | None = None,
    protocol: str | None = None,
    by: str = "auto",
    seed: int = 0,
    options: Mapping[str, object] | None = None,
    columns: Columns | Mapping[str, object] | None = None,
    folds: int | None = 1,
    test: object = None,
    split_column: str | None = None,
) -> Source:
    """Read and divide the data of a study.

    Arguments:
        data: name of a data set, a loaded `Dataset`, `Sequences`, a path of CSV or Parquet, or a data frame.
        folder: where the files of a named data set are, if it does not ship in a package.
        protocol: of a named data set; None is `"clean"`.
        by: how a table is divided, as in `split`; `"auto"` divides windows of a forecast by time (`"past"`), else by
            group where there is one, else by series. Named sets keep the split that their card tells.
        seed: of the split.
        options: of a named data set, as `load` takes them.
        columns: of a table.
        folds: of a table: test every series once, in so many folds that keep groups whole; 1 keeps one test part; None
            folds where that part would hold fewer than 10 groups (or series, where there are no groups).
        test: table to test on, of the columns of `data`; or `Sequences`, where `data` are.
        split_column: column of `data` that says train, validation or test of each series.

    Raises:
        DataError: the name is neither file nor data set, an argument does not fit the kind of data, or the data do
            not read.
        MissingExtraError: a package that reads or ships the data is not installed.
    """
    columns, options = Columns.of(columns, _OWNER), dict(options or {})
    given = Given(test, split_column)
    given.check(folds)
    if (isinstance(data, str) and _is_named(data)) or isinstance(data, Dataset):
        for name, value in (("test", test), ("split_column", split_column)):
            if value is not None:
                raise _misfit(name, "is given, and a named data set keeps the split of its card")
    if isinstance(data, str) and _is_named(data):
        for name in columns.given():
            raise _misfit(name, "is given, and a named data set has its columns")
        if folds not in (None, 1):
            raise _misfit("folds", f"is {folds}, and a named data set keeps the split of its card")
        found = load(data, folder=folder, protocol=protocol or "clean", **options)
        named = {"dataset": data, "protocol": protocol or "clean", "val": _VAL, "split_seed": seed}
        drawn = {} if options else {**named, **({} if folder is None else {"folder": str(Path(folder).resolve())})}
        return replace(_of_dataset(found, seed), drawn=drawn)
    for name, value in (("folder", folder), ("protocol", protocol), *options.items()):
        if value is not None:
            raise _misfit(name, "is given, and belongs to named data sets only")
    if isinstance(data, Dataset):
        return _of_dataset(data, seed)
    if isinstance(data, Sequences):
        return _of_sequences(data, "sequences", by, seed, folds, given)
    if isinstance(data, str | Path) and not Path(data).suffix and not Path(data).exists():
        fault = f"is {str(data)!r}, neither a file nor a data set; there are {', '.join(names())}"
        raise DataError(_OWNER, "data", fault, "Check the spelling.")
    return _of_table(data, columns, by, seed, folds, given)


def _is_named(data: str) -> bool:
    return data.lower().replace("_", "-") in names() or data in offered("datasets")


def _misfit(name: str, fault: str) -> DataError:
    return DataError(_OWNER, name, fault, "Leave it out.")


def _of_dataset(found: Dataset, seed: int) -> Source:
    train, words = found.train, found.card.protocols.get(found.protocol, "")
    if len(found.split.val):
        val = found.val
    else:
        inner = split(train, val=_VAL, test=0.0, seed=seed)
        train, val = train.select(inner.train), train.select(inner.val)
        words += f" {100 * _VAL:.0f} % of the training series validate."
    return Source(
        Parts(train, val, found.test), _facts(Parts(train, val, found.test), found.card, found.protocol, words)
    )


def _of_table(data: object, columns: Columns, by: str, seed: int, count: int | None, given: Given) -> Source:
    if not columns.target:
        raise DataError(_OWNER, "target", "is missing; a table needs it", "Name the column to predict.")
    if given.column is not None:
        columns = replace(columns, sensitive=(*columns.sensitive, given.column))
    whole = from_frame(data, columns)
    refuse_flips(_OWNER, whole.findings, whole.task)
    name = Path(data).name if isinstance(data, str | Path) else "table"
    source = _of_sequences(whole, name, by, seed, count, given)
    if not (isinstance(data, str | Path) and source.drawn):
        return replace(source, drawn={})
    typed = {key: list(value) if isinstance(value, tuple) else value for key, value in columns.given().items()}
    return replace(source, drawn={"table": str(Path(data).resolve()), **typed, **source.drawn})


def _of_sequences(whole: Sequences, name: str, by: str, seed: int, count: int | None, given: Given) -> Source:
    whole = _known(whole, "data")
    whole, cut = windows_of_one(whole) if by == "auto" and not given else (whole, ())
    how = "time" if cut else "past" if by == "auto" and whole.task == "forecast" else by
    read = (*read_as(whole.recipe, whole.findings, whole), *cut)
    card = Card(name=name, title=name, task=whole.task, source="a table of the user", licence="of the user", obtain="")
    if given:
        return _as_given(whole, given, card, how, seed, read)
    folded = _folded(whole, how, seed, count)
    if folded:
        words = f"{len(folded)} folds by {_how(whole, how)}, seed {seed}: each series is tested once."
        facts = replace(_facts(folded[0], card, "table", words), folds=len(folded), digest=digest_of(*folded))
        return Source(folded[0], facts, (*read, *_few_owners(facts, count)), folded)
    laid = split(whole, val=_VAL, test=_TEST, by=how, seed=seed)
    parts = Parts(whole.select(laid.train), whole.select(laid.val), whole.select(laid.test))
    findings = _check_classes(parts, laid.by)
    parts = Parts(*(part.with_findings(findings) for part in (parts.train, parts.val, parts.test)))
    shares = f"{100 * (1 - _VAL - _TEST):.0f}/{100 * _VAL:.0f}/{100 * _TEST:.0f} by {laid.by}"
    words = shares + (f", seed {seed}." if laid.seed is not None else ".")
    if len(laid.dropped):
        words += f" {len(laid.dropped):,} series that bridge two parts are left out."
    notes = tuple(f"note: {finding.message}" for finding in parts.train.findings)
    facts = _facts(parts, card, "table", words)
    drawn = {} if cut or whole.task == "forecast" else {"by": how, "val": _VAL, "test": _TEST, "split_seed": seed}
    return Source(parts, facts, (*read, *notes, *_few_owners(facts, count)), drawn=drawn)


def _known(whole: Sequences, argument: str) -> Sequences:
    """The series of which some target is known.

    Raises:
        DataError: there is no target.
    """
    if whole.target is None or whole.target_mask is None:
        raise DataError(_OWNER, argument, "have no target", "Name the column to predict.")
    axes = tuple(range(1, whole.target_mask.ndim))
    known = whole.target_mask.any(axis=axes) if axes else whole.target_mask
    return whole.select(np.flatnonzero(known))


def _as_given(whole: Sequences, given: Given, card: Card, by: str, seed: int, read: tuple[str, ...]) -> Source:
    """The parts that the user gave, checked, and what is odd about them."""
    if given.column is not None:
        if given.column not in whole.sensitive:
            known = ", ".join(whole.sensitive) or "none"
            fault = f"is {given.column!r}, which these series do not hold beside their inputs; there are {known}"
            raise DataError(_OWNER, "split_column", fault, "Name one that is the same in all steps of a series.")
        parts, words = split_off(whole, given.column, by, _VAL, seed)
    else:
        table = given.test
        name = Path(table).name if isinstance(table, str | Path) else "the test table"
        parts, words = with_test(whole, _known(given.read(whole), "test"), name, by, _VAL, seed)
    findings = [*_check_classes(parts, "the parts that were given"), *overlaps(parts)]
    parts = Parts(*(part.with_findings(findings) for part in (parts.train, parts.val, parts.test)))
    facts = _facts(parts, card, "table", words)
    notes = tuple(f"note: {finding.message}" for finding in findings)
    return Source(parts, facts, (*read, *notes, *_few_owners(facts, 1)))


def _how(whole: Sequences, by: str) -> str:
    return by if by != "auto" else "series" if whole.group is None else "group"


def _folded(whole: Sequences, by: str, seed: int, count: int | None) -> tuple[Parts, ...]:
    """The parts of each fold; empty where one test part is asked for, or large enough, or cannot be folded.

    Raises:
        DataError: folds were asked for, and the series cannot be divided so.
    """
    names = whole.ids if whole.group is None else whole.group
    owners = len(np.unique(names))
    can = _how(whole, by) in ("series", "group")
    if count is None and not (can and owners >= FOLDS and _TEST * owners < FEW_OWNERS):
        return ()
    if count == 1:
        return ()
    try:
        laid = folds(whole, count or FOLDS, by=by, seed=seed)
        each = []
        for number, fold in enumerate(laid):
            rest = whole.select(fold.train)
            inner = split(rest, val=_VAL, test=0.0, by=by, seed=seed + number)
            parts = Parts(rest.select(inner.train), rest.select(inner.val), whole.select(fold.test))
            _check_classes(parts, fold.by, ("training",))
            each.append(parts)
        return tuple(each)
    except DataError:
        if count is None:
            return ()
        raise


def _few_owners(facts: DataFacts, count: int | None) -> tuple[str, ...]:
    """What a small number of owners means, as lines, the number of folds that was asked for being known."""
    unit = f"groups by {facts.owner}" if facts.owner else "series"
    tested = sum(facts.owners) if facts.folds else facts.owners[-1]
    lines = []
    if facts.folds and count is None:
        small = f"one test part would hold fewer than {FEW_OWNERS} of {tested} {unit}, so each is tested once"
        spent = (
            f"{facts.folds} folds, one run of each model in each. For one test part: `--folds 1`, in Python `folds=1`"
        )
        lines.append(f"note: {small}: {spent}.")
    if not facts.folds and tested < FEW_OWNERS:
        lines.append(f"note: the test part holds {tested} {unit}: how sure any figure is can hardly be told.")
    return tuple(lines)


def _check_classes(parts: Parts, by: str, needed: tuple[str, ...] = ("training", "test")) -> list[Finding]:
    """Findings about classes that the test part hardly holds; a part that holds one class alone is refused.

    Raises:
        DataError: training or test would hold one class only, so no score could tell models apart.
    """
    classes = parts.train.classes
    if not classes:
        return []
    named = parts.train.recipe.target[0] if parts.train.recipe else parts.train.outputs[0]
    counts = {name: _class_counts(part) for name, part in (("training", parts.train), ("test", parts.test))}
    total = counts["training"] + counts["test"] + _class_counts(parts.val)
    rare = int(np.argmin(np.where(total > 0, total, total.max() + 1)))
    unit = "series" if parts.train.task == "classify" else "steps"
    holds = f"class {classes[rare]} has {int(total[rare])} of {int(total.sum())} {unit}"
    for name, count in counts.items():
        if name in needed and (count > 0).sum() < 2:
            fault = f"would have one class only in the {name} part, divided by {by}: {holds}"
            owners = _OWNERS.get(by, "series")
            remedy = f"Each class needs at least 2 {unit} of different {owners}, better 10; collect more or join it."
            raise DataError(_OWNER, named, fault, remedy)
    few = [k for k in np.flatnonzero(total > 0) if counts["test"][k] < _FEW]
    if not few:
        return []
    least = min(few, key=lambda k: counts["test"][k])
    shown = f"{int(counts['test'][least])} of class {classes[least]}" + (f", {len(few)} such classes" * (len(few) > 1))
    text = f"The test part holds few {unit} of a class of `{named}` ({shown}): its scores say little of them."
    return [Finding("few", named, text, len(few))]


def _class_counts(part: Sequences) -> NDArray[np.int64]:
    known = np.asarray(part.target)[np.asarray(part.target_mask)]
    return np.bincount(known, minlength=len(part.classes)).astype(np.int64)


def _facts(parts: Parts, card: Card, protocol: str, words: str) -> DataFacts:
    every = (parts.train, parts.val, parts.test)
    one = parts.train
    gaps = np.concatenate([part.dt[:, 1:][part.mask[:, 1:]] for part in every])
    low, median, high = np.quantile(gaps, [0.05, 0.5, 0.95]).tolist() if gaps.size else (0.0, 0.0, 0.0)
    lengths = np.concatenate([part.lengths for part in every])
    cells = int(lengths.sum()) * one.inputs
    observed = sum(int(part.observed.sum()) for part in every)
    return DataFacts(
        name=card.name,
        title=card.title,
        source=card.source,
        licence=card.licence,
        task=one.task,
        target=card.task if protocol != "table" else ", ".join(one.recipe.target if one.recipe else one.outputs),
        positive=str(one.classes[-1]) if len(one.classes) == 2 else "",
        series=len(lengths),
        steps=int(lengths.sum()),
        typical_steps=float(np.median(lengths)),
        inputs=(*one.names, *(feature.name for feature in one.statics)),
        classes=tuple(map(str, one.classes)),
        class_shares=_shares(every),
        missing_share=1.0 - observed / cells if cells else 0.0,
        time_unit=one.time_unit,
        gap_low=low,
        gap_median=median,
        gap_high=high,
        train=len(parts.train),
        val=len(parts.val),
        test=len(parts.test),
        split=words,
        digest=digest_of(parts),
        protocol=protocol,
        known_bias=card.bias,
        known_leaks=card.leaks,
        notes=tuple(dict.fromkeys(finding.message for finding in one.findings)),
        sensitive=tuple(one.sensitive),
        **_owners(parts),
        sensitive_inputs=bool(_plain(one.sensitive) & _plain((*one.names, *(f.name for f in one.statics)))),
    )


def _owners(parts: Parts) -> dict[str, Any]:
    """Who the series of each part belong to: name of the column, counts, and those of a small test part."""
    three = (parts.train, parts.val, parts.test)
    each = [np.unique(part.ids if part.group is None else part.group) for part in three]
    column = parts.train.recipe.group if parts.train.recipe else None
    named = parts.test.group is not None and len(each[2]) <= FEW_OWNERS
    return {
        "owner": "" if parts.train.group is None else column or "group",
        "owners": tuple(map(len, each)),
        "test_owners": tuple(map(str, each[2])) if named else (),
    }


def _plain(columns: Any) -> set[str]:
    """Names of columns without the value of a category."""
    return {name.partition("=")[0].casefold() for name in columns}


def _shares(every: tuple[Sequences, ...]) -> tuple[float, ...]:
    if not every[0].classes:
        return ()
    codes: list[NDArray[np.int64]] = [
        part.target[part.target_mask] for part in every if part.target is not None and part.target_mask is not None
    ]
    counts = np.bincount(np.concatenate(codes), minlength=len(every[0].classes))
    return tuple((counts / max(1, counts.sum())).tolist())


def digest_of(*folds: Parts) -> str:
    """SHA-256 (hex) of the three parts together, of each fold: of the series and of how they were divided."""
    ledger = hashlib.sha256()
    for parts in folds:
        for part in (parts.train, parts.val, parts.test):
            ledger.update(part.digest.encode())
    return ledger.hexdigest()
