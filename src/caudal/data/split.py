"""Training, validation and test that share no series, no cluster and no time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.data.recipe import Recipe
from caudal.data.sequences import Sequences
from caudal.errors import DataError
from caudal.typing import Array

_HOW = ("auto", "series", "group", "time", "targets", "past")
# Shares of validation and test in a comparison, which divides by time twice: a default window must leave room for them.
_VAL, _TEST = 0.15, 0.2
_ENOUGH = 5
# Clusters below which a forecast is divided by time.
FEW = 10


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of each part; no row is in two.

    Attributes:
        train: `(n,)` int64 positions, rising.
        val: `(n,)`; empty when none was asked for.
        test: `(n,)`; empty when none was asked for.
        by: `"series"`, `"group"`, `"time"`, `"targets"`, or `"official"` when the source of the data laid it down.
        seed: of the draw, or None.
        dropped: `(n,)` rows in no part: they would bridge two times.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]
    by: str
    seed: int | None = None
    dropped: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __repr__(self) -> str:
        sizes = f"{len(self.train):,} train, {len(self.val):,} val, {len(self.test):,} test"
        return f"Split({sizes}, by {self.by}" + (f", {len(self.dropped):,} dropped)" if len(self.dropped) else ")")


def split(
    data: Sequences, *, val: float = 0.15, test: float = 0.15, by: str = "auto", seed: int = 0, stratify: bool = True
) -> Split:
    """Draw training, validation and test series.

    Arguments:
        data: the series.
        val: share of the series for validation, 0 for none.
        test: share for test, 0 for none.
        by: `"series"`; `"group"`: clusters stay whole (the patient of several stays); `"time"`: training ends before
            validation begins, and that before test; series that bridge a boundary are dropped; `"targets"`: windows of
            forecasts so that the steps ahead of a later part come after all that an earlier part saw, while its
            history may reach back;
            `"past"`: by time where that drops at most half of the windows, else by targets; `"auto"`: by cluster where
            there is one, else by series.
        seed: of the draw; a split by time has none.
        stratify: keep the shares of classes alike (task classify).

    Returns:
        The rows of each part.

    Raises:
        DataError: shares do not add up, windows of one parent would be torn apart, or a part would be empty.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.zeros((10, 1, 3)), [0, 1] * 5, group=[0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
        >>> split(data, val=0.2, test=0.2)
        Split(6 train, 2 val, 2 test, by group)
    """
    _check_shares(val, test)
    how = _how("split", data, by)
    shares = np.array([1 - val - test, val, test])
    if how in ("time", "targets", "past"):
        return _by_time(data, shares, how)
    owners = data.group if how == "group" and data.group is not None else data.ids
    rng, classes = np.random.default_rng(seed), _classes(data, stratify)
    part = _topped_up(owners, classes, shares, _deal(owners, classes, shares, rng), rng)
    rows = [np.flatnonzero(part == k) for k in range(3)]
    for name, drawn, share in zip(("train", "val", "test"), rows, shares, strict=True):
        if share > 0 and not len(drawn):
            raise _too_few(name, how, len(np.unique(owners)), int((shares > 0).sum()), classes)
    return Split(rows[0], rows[1], rows[2], how, seed)


def folds(data: Sequences, k: int = 5, *, by: str = "auto", seed: int = 0, stratify: bool = True) -> tuple[Split, ...]:
    """`k` splits whose test parts cover every series once; groups stay whole.

    Arguments:
        data: the series.
        k: number of folds; as many as there are clusters leaves one out at a time.
        by: `"series"`, `"group"` or `"auto"`.
        seed: of the draw.
        stratify: keep the shares of classes alike (task classify).

    Raises:
        DataError: `k` is below 2 or above the number of groups, or `by` is `"time"`.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.zeros((6, 1, 3)), [0, 1] * 3)
        >>> sorted(row for fold in folds(data, 3) for row in fold.test.tolist())
        [0, 1, 2, 3, 4, 5]
    """
    how = _how("folds", data, by)
    if how not in ("series", "group"):
        raise DataError("folds", "by", f"is {how!r}; folds would train on the future", "Use `split(by='time')`.")
    owners = data.group if how == "group" and data.group is not None else data.ids
    count = len(np.unique(owners))
    if not 2 <= k <= count:
        raise DataError("folds", "k", f"is {k}; expected 2 to {count}, the number to divide by {how}", "Change k.")
    part = _deal(owners, _classes(data, stratify), np.full(k, 1 / k), np.random.default_rng(seed))
    none = np.zeros(0, np.int64)
    return tuple(Split(np.flatnonzero(part != f), none, np.flatnonzero(part == f), how, seed) for f in range(k))


def official(train: ArrayLike, val: ArrayLike, test: ArrayLike) -> Split:
    """A split that the source of the data laid down."""
    rows = [np.asarray(part, dtype=np.int64) for part in (train, val, test)]
    return Split(rows[0], rows[1], rows[2], "official")


def _check_shares(val: float, test: float) -> None:
    for name, share in (("val", val), ("test", test)):
        if not 0 <= share < 1:
            raise DataError("split", name, f"is {share}; expected a share from 0 to below 1", "Pass 0.15, say.")
    if val + test >= 1:
        raise DataError("split", "val", f"and `test` take {val + test:g} of the series", "Leave some for training.")


def _how(owner: str, data: Sequences, by: str) -> str:
    if by not in _HOW:
        raise DataError(owner, "by", f"is {by!r}; expected one of {', '.join(_HOW)}", "Name one of them.")
    if by == "series" and data.group is not None and len(np.unique(data.group)) < len(data):
        fault = "is 'series', and several series share a group: they would leak from one part to another"
        raise DataError(owner, "by", fault, "Pass `by='group'`.")
    if by in ("targets", "past") and data.task != "forecast":
        fault = f"is {by!r}, and the task is {data.task}; only forecasts have steps ahead"
        raise DataError(owner, "by", fault, "Pass `by='time'`.")
    if by == "group" and data.group is None:
        raise DataError(owner, "by", "is 'group', and the data have none", "Name a `group` column when reading.")
    return ("series" if data.group is None else "group") if by == "auto" else by


def _classes(data: Sequences, stratify: bool) -> NDArray[np.int64]:
    if stratify and data.task == "classify" and data.target is not None:
        return data.target.astype(np.int64)
    return np.zeros(len(data), np.int64)


def _deal(
    owners: Array, classes: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Part of each row. Owners stay whole; large ones are placed first, each where its classes are most wanting."""
    _, owner = np.unique(owners, return_inverse=True)
    counts = np.zeros((int(owner.max()) + 1, int(classes.max()) + 1))
    np.add.at(counts, (owner, classes), 1)
    wanted = shares[:, None] * counts.sum(axis=0)[None, :]
    shuffled = rng.permutation(len(counts))
    rare_first = np.lexsort((-counts.sum(axis=1)[shuffled], _rarity(counts)[shuffled]))
    if (counts.sum(axis=1) > 1).any():
        rare_first = np.argsort(-counts.sum(axis=1)[shuffled], kind="stable")
    part = np.zeros(len(counts), np.int64)
    room = wanted.copy()
    total = np.maximum(counts.sum(axis=0), 1)
    usable = np.flatnonzero(shares > 0)
    for next_owner in shuffled[rare_first]:
        # Want of its classes first; want of series over all breaks ties, and the order of parts what is left.
        want = (room[usable] * counts[next_owner] / total).sum(axis=1) + 1e-9 * room[usable].sum(axis=1) / len(owners)
        best = usable[int(np.argmax(np.round(want, 15)))]
        part[next_owner] = best
        room[best] -= counts[next_owner]
    return part[owner]


def _topped_up(
    owners: Array,
    classes: NDArray[np.int64],
    shares: NDArray[np.float64],
    part: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The parts with owners moved from the others into parts that got less than half of their share.

    Many classes of few series leave none for validation and test, one class at a time. An owner moves out of training
    only if its classes stay there.
    """
    _, owner = np.unique(owners, return_inverse=True)
    rows_of = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner))[:-1])
    sizes, wanted = np.bincount(part, minlength=3), shares * len(part)
    part = part.copy()
    left = np.bincount(classes[part == 0], minlength=int(classes.max()) + 1)
    for k in np.flatnonzero((shares > 0) & (2 * sizes < wanted) & (np.arange(3) > 0)):
        for candidate in rng.permutation(len(rows_of)):
            rows = rows_of[candidate]
            source, lost = part[rows[0]], np.bincount(classes[rows], minlength=len(left))
            trains = (left - lost >= np.minimum(left, 1)).all()
            floor = max(1.0, wanted[source] / 2) if source else 1.0
            if source == k or sizes[source] - len(rows) < floor or not (source or trains):
                continue
            if sizes[k] and sizes[k] + len(rows) > wanted[k]:
                break
            part[rows] = k
            left = left - lost if source == 0 else left
            sizes[k], sizes[source] = sizes[k] + len(rows), sizes[source] - len(rows)
    return part


def _too_few(name: str, how: str, owners: int, parts: int, classes: NDArray[np.int64]) -> DataError:
    fault = f"leaves no series; there are {owners} to divide by {how}"
    counts = np.bincount(classes)
    kinds, alone = int((counts > 0).sum()), int((counts == 1).sum())
    if owners < parts:
        fault += f", and {parts} parts need at least {parts}"
        more = "clusters (`group`)" if how == "group" else "series"
        remedy = f"Pass more {more}; parts of long series under names of their own count."
    elif kinds > 1:
        fault += f"; {alone} of {kinds} classes have one series only, and each class must be in training"
        remedy = "Join classes of few series, or collect more."
    else:
        remedy = "Pass more series, or other shares."
    if name != "train":
        remedy += f" Or do without that part: `{name}=0`."
    return DataError("split", name, fault, remedy)


def _rarity(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Number of series in the rarest class of each owner."""
    rarity: NDArray[np.float64] = np.where(counts > 0, counts.sum(axis=0), np.inf).min(axis=1)
    return rarity


class TimeSpans(NamedTuple):
    """When each series or window begins, reaches its first target, and ends: `(batch,)` each."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    target: NDArray[np.float64]


def _spans(data: Sequences) -> TimeSpans:
    end = data.end
    return TimeSpans(data.start, end, end if data.ahead is None else end - data.ahead[:, 1:].sum(axis=1))


def past(
    spans: TimeSpans, shares: NDArray[np.float64], recipe: Recipe, whole: Sequences, how: str
) -> list[NDArray[np.int64]]:
    """Windows of each part as `split` divides them by time, of windows that are not cut yet.

    Arguments:
        spans: of the windows.
        shares: of training, validation and test.
        recipe: how windows are cut.
        whole: the series that they are cut from.
        how: `"past"`, `"time"` or `"targets"`.

    Raises:
        DataError: a part would be empty.
    """
    longest = int(whole.lengths.max())
    words = partial(_needed, longest, recipe.window, recipe.horizon, recipe.stride, shares)
    return _divided(spans, shares, how, words)[0]


Words = Callable[[], tuple[str, str]]


def _divided(
    spans: TimeSpans, shares: NDArray[np.float64], how: str, words: Words | None
) -> tuple[list[NDArray[np.int64]], str]:
    """Windows of each part, and how they were divided: of the past by time where that drops at most half of them."""
    if how != "targets":
        try:
            strict = _in_time(spans.start, spans.end, shares, words)
            if how == "time" or 2 * sum(map(len, strict)) >= len(spans.start):
                return strict, "time"
        except DataError:
            if how == "time":
                raise
    return _in_time(spans.target, spans.end, shares, words), "targets"


def _by_time(data: Sequences, shares: NDArray[np.float64], how: str) -> Split:
    spans = _spans(data)
    words = partial(_too_short, data, shares) if data.task == "forecast" else None
    rows, how = _divided(spans, shares, how, words)
    used = np.concatenate(rows)
    return Split(rows[0], rows[1], rows[2], how, None, np.setdiff1d(np.arange(len(data)), used))


def _in_time(
    start: NDArray[np.float64], end: NDArray[np.float64], shares: NDArray[np.float64], words: Words | None
) -> list[NDArray[np.int64]]:
    """Rows of each part, none of which reaches into the time of the next; `words` tell why a forecast has none."""
    marks = np.sort(start)
    edge = np.cumsum(shares)[:2]
    at = np.minimum((edge * len(marks)).round().astype(int), len(marks) - 1)
    first = marks[at[0]] if shares[1:].any() else np.inf
    second = marks[at[1]] if shares[2] > 0 else np.inf
    rows = [
        np.flatnonzero(end < first),
        np.flatnonzero((start >= first) & (end < second)) if shares[1] > 0 else np.zeros(0, np.int64),
        np.flatnonzero(start >= second),
    ]
    for name, drawn, share in zip(("train", "val", "test"), rows, shares, strict=True):
        if share > 0 and not len(drawn):
            fault = "holds no series: all that begin in its time reach into the next"
            remedy = 'Cut shorter windows. Or divide whole series: `by="series"`.'
            if words is not None:
                why, remedy = words()
                fault = f"{fault}; {why}"
            raise DataError("split", name, fault, remedy)
    return rows


def _too_short(data: Sequences, shares: NDArray[np.float64]) -> tuple[str, str]:
    """How many rows the windows need and how many there are, and the window that would do."""
    horizon = 0 if data.ahead is None else int(data.ahead.shape[1])
    stride = 1 if data.recipe is None else data.recipe.stride
    owners = data.ids if data.group is None else data.group
    count = int(np.unique(owners, return_counts=True)[1].max())
    return _needed((count - 1) * stride + data.steps + horizon, data.steps, horizon, stride, shares)


def _needed(rows: int, window: int, horizon: int, stride: int, shares: NDArray[np.float64]) -> tuple[str, str]:
    """How many rows a window and a horizon need where there are `rows`, and what would do instead."""
    need = next((n for n in range(rows, 100 * rows) if _fewest(n, window, horizon, stride, shares) > 0), None)
    words = f"the longest series has {rows:,} rows"
    if need is not None:
        words = f"a window of {window} and a horizon of {horizon} need {need:,} rows, and {words}"
    fits = next((w for w in range(window - 1, 0, -1) if _fewest(rows, w, horizon, stride, shares) > 0), None)
    if fits is not None:
        return words, f"Pass `window={fits}` or less, or a smaller `horizon`."
    return words, 'Pass a smaller `horizon`, or more rows. Or divide whole series: `by="series"`.'


def too_short(lengths: NDArray[np.int64], window: int, horizon: int, stride: int = 1) -> tuple[str, str] | None:
    """Why series cannot be divided by time into three parts, and what would do; None when they can.

    Arguments:
        lengths: `(batch,)` rows of each series.
        window: steps of history.
        horizon: steps ahead.
        stride: between windows.

    Example:
        >>> print(too_short(np.array([100]), 60, 8)[0])
        a window of 60 and a horizon of 8 need 117 rows, and the longest series has 100 rows
    """
    rows, shares = int(np.max(lengths)), np.array([1 - _VAL - _TEST, _VAL, _TEST])
    if _fewest(rows, window, horizon, stride, shares) > 0:
        return None
    return _needed(rows, window, horizon, stride, shares)


def _fewest(rows: int, window: int, horizon: int, stride: int, shares: NDArray[np.float64]) -> int:
    """Windows in the smallest part when one series is divided by its targets."""
    count = (rows - window - horizon) // stride + 1
    if count < 1:
        return 0
    at = np.minimum((np.cumsum(shares)[:2] * count).round().astype(int), count - 1)
    lost = -(-(horizon - 1) // stride)
    middle = int(at[1] - at[0]) - lost if shares[2] > 0 else count - int(at[0])
    sizes = [int(at[0]) - lost, middle, count - int(at[1])]
    return max(0, min(size for size, share in zip(sizes, shares, strict=True) if share > 0))


def default_window(lengths: NDArray[np.int64], horizon: int, stride: int = 1) -> int:
    """Steps of history for a forecast: four horizons, or fewer where the series are too short to be divided by time.

    Arguments:
        lengths: `(batch,)` rows of each series.
        horizon: steps ahead.
        stride: between windows.

    Example:
        >>> default_window(np.array([1000]), 12), default_window(np.array([144]), 12)
        (48, 24)
    """
    usual, longest = 4 * horizon, int(np.max(lengths))
    shares = np.array([1 - _VAL - _TEST, _VAL, _TEST])
    shorter: list[int] = [*range(usual, 0, -horizon), *range(horizon - 1, 0, -1)]
    # Every series gives windows of its own to each part.
    for least in (_ENOUGH, 1):
        for window in shorter:
            if len(lengths) * _fewest(longest, window, horizon, stride, shares) >= least:
                return window
    return next((window for window in shorter if window + horizon <= longest), usual)
