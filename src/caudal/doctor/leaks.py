"""Inputs that give the target away, and series that stand in two places."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences

Severity = Literal["serious", "mild"]


@dataclass(frozen=True)
class Symptom:
    """A fault of a model or its data: where, how severe, and what to do.

    Attributes:
        code: a stable word. Of a model: `"nan"`, `"gradient"`, `"dead"`, `"saturated"`,
            `"shortcut"`. Of data: `"time"`, `"overlap"`,
            `"leak"`, `"few"`, `"table"`, `"dead_input"`, `"unlike"`, `"few_groups"`,
            `"single_steps"`, and the codes of `Finding`.
        where: the parameter, feature, column, series or part at fault.
        message: what was found, as a sentence.
        remedy: what to do, as a sentence.
        count: how many.
        severity: `"serious"` when a result cannot be trusted before it is dealt with, else `"mild"`.
    """

    code: str
    where: str
    message: str
    remedy: str
    count: int = 1
    severity: Severity = "serious"

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.remedy}"


_SAME = 0.9999
_LEAST = 8
# Pairs of equal series that chance may be expected to make before one of them is no wonder.
_BY_CHANCE = 0.05


@dataclass(frozen=True)
class _Pairs:
    """What an input says beside the target, one entry per step or series that has both."""

    values: NDArray[np.generic]
    target: NDArray[np.generic]
    series: int


def giveaways(data: Sequences) -> list[Symptom]:
    """Inputs that tell the target apart without a model.

    Looked at are the values of each feature (of a target per series: the last observed one), the categories of each
    column, static features, and whether something was observed at all.
    """
    if data.target is None or data.target_mask is None or data.task == "forecast":
        return []
    symptoms = []
    for name, pairs in (*_features(data), *_statics(data)):
        if _alike(pairs.values, pairs.target, classes=bool(data.classes)):
            text = (
                f"The feature {name!r} tells the target apart without a model, in {pairs.series} of {len(data)} series."
            )
            remedy = "If it is the target or is known only after it, leave it out of `features`."
            symptoms.append(Symptom("leak", name, text, remedy))
    for name, pairs in _given(data):
        if _alike(pairs.values, pairs.target, classes=bool(data.classes)):
            text = f"Whether {name!r} was measured at all tells the target apart without a model."
            remedy = "If it is measured because of the outcome, leave it out of `features`."
            symptoms.append(Symptom("leak", name, text, remedy))
    return symptoms


def _features(data: Sequences) -> Iterator[tuple[str, _Pairs]]:
    """Each feature; the indicators of a categorical column as one, numbered by its values."""
    names, kinds = data.names, [feature.kind for feature in data.features]
    for name, columns in _columns(names, kinds):
        values = data.values[:, :, columns]
        seen = np.asarray(data.observed[:, :, columns].any(axis=2))
        codes = values[:, :, 0] if len(columns) == 1 else values.argmax(axis=2)
        yield name, _beside(data, codes, seen)


def _statics(data: Sequences) -> Iterator[tuple[str, _Pairs]]:
    if data.task.is_per_step:
        return
    target = _per_series(data)
    for name, columns in _columns([f.name for f in data.statics], [f.kind for f in data.statics]):
        codes = data.static[:, columns[0]] if len(columns) == 1 else data.static[:, columns].argmax(axis=1)
        seen = data.static_observed[:, columns].any(axis=1)
        yield name, _Pairs(codes[seen], target[seen], int(seen.sum()))


def _given(data: Sequences) -> Iterator[tuple[str, _Pairs]]:
    if data.task.is_per_step:
        return
    target = _per_series(data)
    for name, columns in _columns(data.names, [feature.kind for feature in data.features]):
        given = np.asarray(data.observed[:, :, columns].any(axis=(1, 2)))
        yield name, _Pairs(given, target, len(data))


def _columns(names: Sequence[str], kinds: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    """Columns of the table with the places of their inputs."""
    places: dict[str, list[int]] = {}
    for k, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        places.setdefault(name.split("=")[0] if kind == "category" else name, []).append(k)
    yield from places.items()


def _per_series(data: Sequences) -> NDArray[np.generic]:
    target = np.asarray(data.target)
    return target if target.ndim == 1 else np.asarray(target[:, 0])


def _beside(data: Sequences, values: NDArray[np.generic], seen: NDArray[np.bool_]) -> _Pairs:
    """Values with the targets beside them: at each step, or the last observed value of each series."""
    target, known = np.asarray(data.target), np.asarray(data.target_mask)
    if data.task.is_per_step:
        column = target if target.ndim == 2 else target[:, :, 0]
        both = seen & (known if known.ndim == 2 else known[:, :, 0])
        return _Pairs(values[both], column[both], int(both.any(axis=1).sum()))
    some = seen.any(axis=1)
    last = data.steps - 1 - np.argmax(seen[:, ::-1], axis=1)
    return _Pairs(values[np.arange(len(data)), last][some], _per_series(data)[some], int(some.sum()))


def _alike(values: NDArray[np.generic], target: NDArray[np.generic], *, classes: bool) -> bool:
    """Whether values explain the target nearly fully, or the classes explain the values."""
    if len(values) < _LEAST or len(np.unique(target)) < 2:
        return False
    x, y = values.astype(np.float64), target.astype(np.float64)
    spread = np.square(x - x.mean()).sum()
    if spread <= 1e-12 * max(np.square(x).sum(), 1e-30):
        return False
    if not classes:
        return float(np.corrcoef(x, y)[0, 1] ** 2) > _SAME
    # A class of one series is told apart by anything.
    if min(np.unique(y, return_counts=True)[1]) < 2:
        return False
    means = np.array([x[y == c].mean() for c in np.unique(y)])
    within = sum(np.square(x[y == c] - mean).sum() for c, mean in zip(np.unique(y), means, strict=True))
    return len(np.unique(np.round(means, 9))) > 1 and 1 - within / spread > _SAME


def overlaps(data: Sequences, other: Sequences) -> list[Symptom]:
    """Groups, series or contents that stand in both parts."""
    remedy = "Split again with `caudal.data.split`, which keeps series and groups whole."
    if data.group is not None and other.group is not None:
        shared = np.intersect1d(data.group, other.group)
        what, named = "groups", [str(name) for name in shared]
    else:
        what, named = "ids", [str(name) for name in np.intersect1d(data.ids, other.ids)]
    if data.recipe is None and what == "ids":
        named = []  # arrays are numbered from 0 in every part; their names say nothing
    if named:
        text = f"{len(named)} {what} are in both parts, first {named[0]!r}."
        return [Symptom("overlap", named[0], text, remedy, len(named))]
    twins = set(_contents(data)) & set(_contents(other))
    if not twins:
        return []
    text = f"{len(twins)} series are in both parts, value by value."
    return [Symptom("overlap", "values", text, "Drop the copies, or split again.", len(twins))]


def copies(data: Sequences) -> list[Symptom]:
    """Series that are another one under another name, which a split may tear apart.

    Serious where chance would hardly make one such pair among so many series of that length; short series of few
    different values are equal by chance.
    """
    first: dict[bytes, int] = {}
    pairs = []
    for row, content in _rows(data):
        at = first.setdefault(content, row)
        # Copies of one group stay together.
        if at != row and (data.group is None or data.group[at] != data.group[row]):
            pairs.append((at, row))
    if not pairs:
        return []
    expected = _chance_pairs(data, np.array(sorted(first.values())))
    real = [pair for pair in pairs if expected[pair[1]] < _BY_CHANCE]
    if not real and len(pairs) <= 3 * float((expected / np.bincount(data.lengths)[data.lengths]).sum()):
        return []
    (at, row), count = (real or pairs)[0], len(real or pairs)
    text = (
        f"{count} series repeat another one value by value, first {data.ids[row]!s}, which is {data.ids[at]!s} again."
    )
    if not real:
        remedy = "Among so many short series that is what chance makes; look at them if it should not be."
        return [Symptom("overlap", str(data.ids[row]), text, remedy, count, "mild")]
    remedy = (
        "A split may put one in training and the other in test: drop the copies, or name a `group` that holds both."
    )
    return [Symptom("overlap", str(data.ids[row]), text, remedy, count)]


def _chance_pairs(data: Sequences, distinct: NDArray[np.int64]) -> NDArray[np.float64]:
    """`(batch,)` how many pairs of series of that length would be equal if their steps were drawn apart.

    A pair agrees at its first step as often as two first steps of the distinct series do, and at each later one as
    often as two values or two changes do, whichever is more often.
    """
    count = int(data.inputs)
    weights = np.random.default_rng(0).normal(size=2 * count)
    # One number for each step stands for all that it holds.
    marks = data.values.astype(np.float64) @ weights[:count] + data.observed @ weights[count:]
    later = data.mask[distinct, 1:]
    marks = marks[distinct]
    changes = np.diff(marks, axis=1) + data.dt[distinct, 1:] * np.sqrt(2.0)
    first, value, change = (_agreement(part) for part in (marks[:, 0], marks[:, 1:][later], changes[later]))
    lengths = data.lengths
    alike = np.bincount(lengths)[lengths]
    return np.asarray(alike * (alike - 1) / 2 * first * max(value, change) ** (lengths - 1))


def _agreement(values: NDArray[np.float64]) -> float:
    """How often two of the values are the same."""
    if len(values) < 2:
        return 0.0
    # Rounded, since equal changes between different values differ in their last bits.
    counts = np.unique(np.round(values, 6), return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum() / (len(values) * (len(values) - 1)))


def _rows(data: Sequences) -> Iterator[tuple[int, bytes]]:
    """Digest of each series of at least two steps; shorter ones may well be equal by chance."""
    for row, n in enumerate(data.lengths.tolist()):
        if n > 1 and data.observed[row, :n].any():
            digest = hashlib.blake2b(digest_size=16)
            for part in (data.values[row, :n], data.observed[row, :n], data.dt[row, 1:n]):
                digest.update(part.tobytes())
            yield row, digest.digest()


def _contents(data: Sequences) -> Iterator[bytes]:
    return (content for _, content in _rows(data))
