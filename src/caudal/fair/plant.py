"""Bias put into series on purpose, with the truth kept aside: to test a pipeline, a diagnosis or a remedy.

Each kind is one of the ways in which data come to treat a group worse (Suresh and Guttag, A Framework for Understanding
Sources of Harm throughout the Machine Learning Life Cycle, EAAMO 2021; the sampling rate is ours):

- labels: the outcome of some members of the group was written down wrongly;
- representation: some members of the group never came into the data;
- measurement: the group is measured with noise or an offset;
- sampling rate: the group is measured more rarely;
- proxy: an innocent-looking input tells who belongs to the group.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from caudal.data import Feature, Sequences
from caudal.errors import InputError
from caudal.fair.groups import Groups
from caudal.typing import Array

Bias = Literal["labels", "representation", "measurement", "sampling rate", "proxy"]
KINDS: tuple[Bias, ...] = get_args(Bias)
PROXY = "proxy"
# What `plant` takes where no strength is given.
_USUAL: dict[Bias, float] = {
    "labels": 0.45,
    "representation": 0.8,
    "measurement": 1.5,
    "sampling rate": 0.6,
    "proxy": 3.0,
}


@dataclass(frozen=True, eq=False)
class Planted:
    """Series with a bias in them, and the truth.

    Attributes:
        kind: of bias.
        group: whom it strikes.
        strength: how much, in the unit of the kind; see the function that planted it.
        seed: of the draw.
        data: the biased series.
        truth: the series before.
        kept: `(len(data),)` int64, position in `truth` of each biased series.
        changed: `(len(data),)` bool, which of them were changed.
    """

    kind: Bias
    group: str
    strength: float
    seed: int
    data: Sequences
    truth: Sequences
    kept: NDArray[np.int64]
    changed: NDArray[np.bool_]


def plant(kind: Bias, data: Sequences, groups: Groups, group: str, *, strength: float = 0.0, seed: int = 0) -> Planted:
    """A bias by name.

    Arguments:
        kind: one of `KINDS`.
        data: series.
        groups: of the series.
        group: whom it strikes.
        strength: as in the function of that kind; 0 takes a usual one.
        seed: of the draw.

    Raises:
        InputError: the kind or the group is unknown, the strength is out of range, or the data do not allow it.

    Example:
        >>> from caudal.fair.synthetic import synthetic
        >>> clean = synthetic(100)
        >>> planted = plant("labels", clean, Groups.of({"group": clean.sensitive["group"]}), "b")
        >>> bool(planted.changed.any()), planted.truth is clean
        (True, True)
    """
    doors: dict[Bias, Callable[..., Planted]] = {
        "labels": flip_labels,
        "representation": drop_series,
        "measurement": disturb,
        "sampling rate": thin,
        "proxy": add_proxy,
    }
    if kind not in doors:
        raise InputError("plant", "kind", f"is {kind!r}; expected {', '.join(KINDS)}", "Name one of them.")
    return doors[kind](data, groups, group, strength or _USUAL[kind], seed=seed)


def flip_labels(
    data: Sequences, groups: Groups, group: str, rate: float, *, positive: object = None, seed: int = 0
) -> Planted:
    """Positives of the group are written down as the other class.

    Arguments:
        data: series with a class each.
        groups: of the series.
        group: whom it strikes.
        rate: share of the group's positives that is flipped, 0 to 1.
        positive: the class; None takes the last. Of more than two classes the first other one is written down.
        seed: of the draw.

    Raises:
        InputError: the data have no classes, the class or group is unknown, or the rate is out of range.
    """
    rows = _rows("flip_labels", data, groups, group)
    _share("flip_labels", rate)
    code = class_code("flip_labels", data, positive)
    if data.target is None:
        raise InputError("flip_labels", "data", "have no target", "Pass series with a class each.")
    struck = np.asarray(rows & (data.target == code) & (_rng(seed).random(len(data)) < rate), np.bool_)
    other = 1 if code == 0 else 0
    target = np.where(struck, other, data.target)
    return _planted("labels", group, rate, seed, replace(data, target=target), data, struck)


def drop_series(
    data: Sequences, groups: Groups, group: str, rate: float, *, only: object = None, seed: int = 0
) -> Planted:
    """Members of the group are left out.

    Arguments:
        data: series.
        groups: of the series.
        group: whom it strikes.
        rate: share of them left out, 0 to below 1; at least two stay.
        only: leave out those of this class only; None for all.
        seed: of the draw.

    Raises:
        InputError: the group or class is unknown, or the rate is out of range.
    """
    rows = _rows("drop_series", data, groups, group)
    _share("drop_series", rate)
    at = np.flatnonzero(rows if only is None else rows & (data.target == class_code("drop_series", data, only)))
    spared = max(0, 2 - (int(rows.sum()) - len(at)))
    count = min(round(rate * len(at)), len(at) - spared)
    gone = _rng(seed).choice(at, max(0, count), replace=False)
    remaining = np.setdiff1d(np.arange(len(data)), gone)
    left = data.select(remaining)
    return Planted("representation", group, rate, seed, left, data, remaining, np.zeros(len(remaining), np.bool_))


def disturb(
    data: Sequences,
    groups: Groups,
    group: str,
    noise: float,
    *,
    offset: float = 0.0,
    features: tuple[str, ...] = (),
    seed: int = 0,
) -> Planted:
    """The group is measured worse: noise at each observed cell, and an offset.

    Arguments:
        data: series.
        groups: of the series.
        group: whom it strikes.
        noise: standard deviation, in standard deviations of the feature.
        offset: added to each cell, in the same unit.
        features: by name; () for every input that is a number.
        seed: of the draw.

    Raises:
        InputError: the group or a feature is unknown, or noise or offset is not finite or noise is below 0.
    """
    rows = _rows("disturb", data, groups, group)
    if not (np.isfinite(noise) and np.isfinite(offset)) or noise < 0:
        fault = f"is {noise} with offset {offset}; expected finite numbers, noise from 0"
        raise InputError("disturb", "noise", fault, "Pass 1.0, say.")
    unknown = set(features) - set(data.names)
    if unknown:
        remedy = f"There are {', '.join(data.names)}."
        raise InputError("disturb", "features", f"names {min(unknown)!r}, which is no input", remedy)
    values, rng = np.array(data.values, np.float64), _rng(seed)
    for k, feature in enumerate(data.features):
        if feature.kind == "category" or (features and feature.name not in features):
            continue
        seen = data.observed[:, :, k] & rows[:, None]
        unit = float(values[:, :, k][data.observed[:, :, k]].std()) if data.observed[:, :, k].any() else 0.0
        values[:, :, k] += np.where(seen, (rng.normal(0, noise, seen.shape) + offset) * unit, 0.0)
    changed = replace(data, values=values.astype(data.values.dtype))
    return _planted("measurement", group, noise, seed, changed, data, rows)


def thin(data: Sequences, groups: Groups, group: str, rate: float, *, seed: int = 0) -> Planted:
    """The group is measured more rarely: inner steps are dropped, and the gaps on either side joined.

    Arguments:
        data: series; the first and the last step of each stay, so that its span stays.
        groups: of the series.
        group: whom it strikes.
        rate: share of the inner steps dropped, 0 to 1.
        seed: of the draw.

    Raises:
        InputError: the group is unknown, the rate is out of range, or no series has three steps.
    """
    rows = _rows("thin", data, groups, group)
    _share("thin", rate)
    if int(data.lengths[rows].max()) < 3:
        fault = "have at most two steps in that group, and the first and last of a series stay"
        raise InputError("thin", "data", fault, "Use longer series.")
    place = np.arange(data.steps)
    inner = data.mask & (place > 0) & (place < data.lengths[:, None] - 1)
    dropped = inner & rows[:, None] & (_rng(seed).random(inner.shape) < rate)
    return _planted(
        "sampling rate", group, rate, seed, without_steps(data, dropped), data, np.asarray(dropped.any(axis=1))
    )


def add_proxy(data: Sequences, groups: Groups, group: str, strength: float, *, seed: int = 0) -> Planted:
    """One more input, the same at every step of a series, that is higher in the group.

    Arguments:
        data: series.
        groups: of the series.
        group: whom it tells from the others.
        strength: how much higher, in standard deviations: 1 reveals the group with AUROC 0.76, 3 with 0.98.
        seed: of the draw.

    Raises:
        InputError: the group is unknown, the strength is not finite, or an input is called `proxy` already.
    """
    rows = _rows("add_proxy", data, groups, group)
    if not np.isfinite(strength):
        raise InputError("add_proxy", "strength", f"is {strength}", "Pass 3.0, say.")
    if PROXY in data.names:
        raise InputError("add_proxy", "data", f"have an input called {PROXY!r} already", "Rename it.")
    level = strength * rows + _rng(seed).normal(size=len(data))
    more = np.where(data.mask, level[:, None], 0.0)[:, :, None]
    changed = replace(
        data,
        values=np.concatenate([data.values, more], 2).astype(data.values.dtype),
        observed=np.concatenate([data.observed, data.mask[:, :, None]], 2),
        features=(*data.features, Feature(PROXY)),
        recipe=None,
    )
    return _planted("proxy", group, strength, seed, changed, data, np.ones(len(data), np.bool_))


def without_steps(data: Sequences, dropped: NDArray[np.bool_]) -> Sequences:
    """The series without some steps; the gap before the next step grows by theirs.

    Arguments:
        data: series.
        dropped: `(batch, time)` bool; never the first step of a series.

    Raises:
        InputError: the first step of a series, or the last of a forecast, is dropped.
    """
    dropped = dropped & data.mask
    last = np.arange(data.steps) == data.lengths[:, None] - 1
    if dropped[:, 0].any() or (data.task == "forecast" and (dropped & last).any()):
        raise InputError("without_steps", "dropped", "takes the first step of a series, or the end", "Keep the ends.")
    remaining = data.mask & ~dropped
    order = np.argsort(~remaining, axis=1, kind="stable")
    lengths = remaining.sum(axis=1).astype(np.int64)
    steps = int(lengths.max())
    within = np.arange(steps) < lengths[:, None]
    total = np.take_along_axis(np.cumsum(data.dt, axis=1), order, 1)[:, :steps]
    gaps = np.diff(total, axis=1, prepend=0.0)

    def moved(block: Array) -> Array:
        shape = (*order.shape, *(1,) * (block.ndim - 2))
        taken = np.take_along_axis(block, order.reshape(shape), 1)[:, :steps]
        clear = within.reshape(*within.shape, *(1,) * (block.ndim - 2))
        return np.asarray(np.where(clear, taken, np.zeros((), block.dtype)))

    more: dict[str, Any] = {}
    if data.task.is_per_step and data.target is not None and data.target_mask is not None:
        more = {"target": moved(data.target), "target_mask": moved(data.target_mask)}
    return replace(
        data,
        values=moved(data.values),
        observed=moved(data.observed),
        lengths=lengths,
        dt=np.where(within, gaps, 0.0),
        **more,
    )


def class_code(owner: str, data: Sequences, positive: object = None) -> int:
    """Position of a class in `data.classes`; the last where none is named.

    Raises:
        InputError: the series have no class each, or the class is unknown.
    """
    if data.task != "classify" or not data.classes:
        raise InputError(owner, "data", f"are to {data.task}; one class per series is needed", "Use a classifier.")
    known = [str(label) for label in data.classes]
    if positive is None:
        return len(known) - 1
    if str(positive) not in known:
        raise InputError(owner, "positive", f"is {positive!r}; the classes are {', '.join(known)}", "Name one of them.")
    return known.index(str(positive))


def _rows(owner: str, data: Sequences, groups: Groups, group: str) -> NDArray[np.bool_]:
    if len(groups) != len(data):
        fault = f"name the group of {len(groups):,} series; there are {len(data):,}"
        raise InputError(owner, "groups", fault, "Make them from the sensitive columns of these series.")
    return groups.where(group)


def _share(owner: str, rate: float) -> None:
    if not 0 <= rate <= 1:
        raise InputError(owner, "rate", f"is {rate}; expected 0 to 1", "Pass 0.4, say.")


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 7])


def _planted(
    kind: Bias, group: str, strength: float, seed: int, data: Sequences, truth: Sequences, struck: NDArray[np.bool_]
) -> Planted:
    return Planted(kind, group, float(strength), seed, data, truth, np.arange(len(data)), struck)
