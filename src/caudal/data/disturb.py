"""Series made worse on purpose: by noise, holes, lost steps, unsure clocks and slower sampling.

A disturbance depends on the series, its level and the seed alone, so all contenders of a seed meet the same ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from caudal.data.scaler import Scaler
from caudal.data.sequences import ARRAYS, Sequences
from caudal.errors import InputError
from caudal.typing import Array

Disturbance = Literal["noise", "missing", "dropped", "jitter", "subsampled", "gaps", "shift", "dead"]
# Fields of `Sequences` by name.
_Fields = dict[str, Any]
# How far each disturbance goes, by kind.
Levels = Mapping[Disturbance, float]
KINDS: tuple[Disturbance, ...] = get_args(Disturbance)

LEVELS: Mapping[Disturbance, tuple[float, ...]] = {
    "noise": (0.0, 0.25, 0.5, 1.0, 2.0),
    "missing": (0.0, 0.2, 0.4, 0.6, 0.8),
    "dropped": (0.0, 0.2, 0.4, 0.6, 0.8),
    "jitter": (0.0, 0.25, 0.5, 0.75, 1.0),
    "subsampled": (0.0, 1.0, 2.0, 4.0),
    "gaps": (0.0, 0.2, 0.4, 0.6),
    "shift": (0.0, 0.5, 1.0),
    "dead": (0.0, 1.0, 2.0),
}
# The level of each that the verdict tells; lone values missing and unsure clocks stand in their own section.
WORLDS: Mapping[Disturbance, float] = {
    "dropped": 0.4,
    "gaps": 0.4,
    "subsampled": 1.0,
    "noise": 0.5,
    "shift": 0.5,
    "dead": 1.0,
}

UNITS: Mapping[Disturbance, str] = {
    "noise": "standard deviations of each input",
    "missing": "share of observed values removed",
    "dropped": "share of steps removed",
    "jitter": "share of the gap that a time may be off",
    "subsampled": "steps left out after each one kept",
    "gaps": "share of steps lost in one stretch",
    "shift": "standard deviations that each input is off",
    "dead": "inputs that fall silent",
}
# Draws of permuted times, and of who is disturbed, have a stream of their own, whatever disturbances there are.
_TIMES, _WHO = 5, 11
# Passes of a training draw apart from each other and from those of other seeds.
_APART = 1_000_003

# Levels that are shares, and those that are whole numbers.
_SHARES, _COUNTS = ("missing", "dropped", "jitter", "gaps"), ("subsampled", "dead")
_PER_STEP = ("classify_steps", "imitate")


def disturb(data: Sequences, kind: Disturbance, level: float, seed: int = 0, scaler: Scaler | None = None) -> Sequences:
    """Series disturbed; level 0 gives them back as they are.

    - noise: normal, `level` standard deviations of each number among the inputs, where it was observed; categories and
      static features keep their values.
    - missing: a share of the observed cells is removed.
    - dropped: a share of the steps is removed with their targets; their gaps join the next one that is kept. The last
      step always stays, since the decision is made there.
    - jitter: the reported time of each step but the first and the last is off by up to half of `level` times the
      smaller gap beside it, so order is kept; the values stay.
    - gaps: a share of the steps of each series is lost in one stretch at random, so that one gap is long.
    - shift: each number among the inputs is off by `level` standard deviations throughout a series, up or down.
    - dead: `level` inputs of each series, drawn at random, fall silent from some step on.
    - subsampled: `level` steps are left out before each one that is kept, counted back from the last step.

    Arguments:
        data: series.
        kind: of the disturbance.
        level: see `UNITS`.
        seed: of the draw.
        scaler: standard deviations for noise; None measures them on `data`.

    Raises:
        InputError: the kind is unknown, or the level does not fit it.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.arange(6.0).reshape(1, 1, 6), None)
        >>> kept = disturb(data, "subsampled", 1)
        >>> kept.values[0, :, 0].tolist(), kept.dt[0].tolist()
        ([1.0, 3.0, 5.0], [1.0, 2.0, 2.0])
    """
    _check(kind, level)
    if level == 0:
        return data
    rng = np.random.default_rng([seed, KINDS.index(kind), round(1000 * level)])
    if kind == "noise":
        return _noise(data, level, rng, scaler or Scaler.fit(data))
    if kind == "missing":
        kept = data.observed & (rng.random(data.observed.shape) >= level)
        return replace(data, observed=kept, values=np.where(kept, data.values, 0))
    if kind == "jitter":
        return replace(data, dt=_jitter(data, level, rng))
    if kind == "shift":
        return _shift(data, level, rng, scaler or Scaler.fit(data))
    if kind == "dead":
        return _dead(data, int(level), rng)
    steps = np.arange(data.steps)
    if kind == "dropped":
        stay = rng.random((len(data), data.steps)) >= level
    elif kind == "gaps":
        lost = np.round(level * data.lengths)
        start = np.floor(rng.random(len(data)) * (data.lengths - lost))
        stay = (steps < start[:, None]) | (steps >= (start + lost)[:, None])
    else:
        stay = (data.lengths[:, None] - 1 - steps) % (int(level) + 1) == 0
    return keep_steps(data, (stay | (steps == data.lengths[:, None] - 1)) & data.mask)


def keep_steps(data: Sequences, stay: NDArray[np.bool_]) -> Sequences:
    """The marked steps of each series, closed up; gaps of the others join the next one, targets of steps go along.

    The first step kept has the gap that the first one had, as when the series had begun there.

    Arguments:
        data: series.
        stay: `(batch, time)`, at least one step of each series and none of the padding.
    """
    lengths = stay.sum(axis=1)
    longest = int(lengths.max())
    order = np.argsort(~stay, axis=1, kind="stable")[:, :longest]
    valid = np.arange(longest) < lengths[:, None]
    row = np.arange(len(data))[:, None]
    # Time from the first step, so that a start far from the origin costs no digits.
    time = np.cumsum(np.where(np.arange(data.steps) > 0, data.dt, 0.0), axis=1)[row, order]
    dt = np.diff(time, axis=1, prepend=0.0)
    dt[:, 0] = data.dt[:, 0]
    parts: _Fields = {
        "values": np.where(valid[:, :, None], data.values[row, order], 0).astype(data.values.dtype),
        "observed": data.observed[row, order] & valid[:, :, None],
        "dt": np.where(valid, np.maximum(dt, 0.0), 0.0),
        "lengths": lengths.astype(np.int64),
        "start": data.start + time[:, 0],
    }
    if data.task in _PER_STEP and data.target is not None and data.target_mask is not None:
        known = valid if data.target_mask.ndim == 2 else valid[:, :, None]
        mask = data.target_mask[row, order] & known
        parts |= {"target": np.where(mask, data.target[row, order], 0).astype(data.target.dtype), "target_mask": mask}
    return replace(data, **parts)


def expected(owner: str, argument: str, levels: Mapping[str, float] | None) -> dict[Disturbance, float]:
    """Disturbances that are expected, with their levels, checked; those of level 0 are left out.

    Arguments:
        owner, argument: to name in errors.
        levels: by kind; None for none.

    Raises:
        InputError: a kind is unknown, or a level does not fit it.

    Example:
        >>> expected("fit", "augment", {"dropped": 0.4, "noise": 0})
        {'dropped': 0.4}
    """
    checked: dict[Disturbance, float] = {}
    for kind, level in (levels or {}).items():
        if kind not in KINDS:
            close = get_close_matches(str(kind), KINDS, 1)
            remedy = f"Did you mean {close[0]!r}?" if close else "Name one of them."
            raise InputError(owner, argument, f"names {kind!r}; there are {', '.join(KINDS)}", remedy)
        if isinstance(level, bool) or not isinstance(level, int | float):
            raise InputError(owner, argument, f"holds {level!r} for {kind}", f"Pass {_span_of(kind)}.")
        _check_level(owner, argument, kind, level)
        if level:
            checked[kind] = float(level)
    # In the order of the kinds, so that equal levels give equal draws however they were written down.
    return {kind: checked[kind] for kind in KINDS if kind in checked}


def augmented(data: Sequences, levels: Levels, seed: int, number: int = 0, scaler: Scaler | None = None) -> Sequences:
    """The same series in the same order, half of them disturbed: each of those by one of some kinds, drawn evenly.

    A training meets other draws in each pass, so that a model learns from what it was given as well as from what it
    must expect. The draw depends on the series, the levels, the seed and the number alone.

    Arguments:
        data: series.
        levels: how far each disturbance goes, see `disturb`; none gives the series back as they are.
        seed: of the draws.
        number: of the draw, such as that of the pass.
        scaler: standard deviations for noise; None measures them on `data`.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.ones((40, 1, 10)), None)
        >>> lengths = augmented(data, {"subsampled": 1}, seed=0).lengths
        >>> sorted(set(lengths.tolist())), 10 < int((lengths == 5).sum()) < 30
        ([5, 10], True)
    """
    if not levels:
        return data
    scaler = scaler or Scaler.fit(data)
    draw = seed * _APART + number
    kind_of = np.random.default_rng([draw, _WHO]).integers(0, 2 * len(levels), len(data))
    for k, (kind, level) in enumerate(levels.items()):
        rows = np.flatnonzero(kind_of == k)
        if len(rows):
            data = _with_rows(data, rows, disturb(data.select(rows), kind, level, draw, scaler))
    return data


def stacked(parts: Sequence[Sequences]) -> Sequences:
    """Several draws of the same series as series of their own, each with a name of its own and the group it had.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.ones((2, 1, 3)), None)
        >>> stacked([data, data]).ids.tolist(), stacked([data, data]).group.tolist()
        (['0', '1', '0, draw 1', '1, draw 1'], [0, 1, 0, 1])
    """
    first = parts[0]
    joined: _Fields = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ARRAYS
        if name != "ids" and getattr(first, name) is not None
    }
    if first.group is None:
        joined["group"] = np.tile(first.ids, len(parts))
    names = [f"{name}, draw {k}" if k else f"{name}" for k in range(len(parts)) for name in first.ids.tolist()]
    sensitive = {name: np.tile(column, len(parts)) for name, column in first.sensitive.items()}
    return replace(first, **joined, ids=np.array(names), sensitive=sensitive)


def _with_rows(data: Sequences, rows: NDArray[np.int64], part: Sequences) -> Sequences:
    """Series of which some are replaced by others that are no longer."""

    def put(whole: Array, given: Array) -> Array:
        changed = whole.copy()
        if whole.ndim == 1:
            changed[rows] = given
        else:
            changed[rows] = 0
            changed[rows, : given.shape[1]] = given
        return changed

    changed = replace(
        data,
        values=put(data.values, part.values),
        observed=put(data.observed, part.observed),
        dt=put(data.dt, part.dt),
        lengths=put(data.lengths, part.lengths),
        start=put(data.start, part.start),
        target=None,
        target_mask=None,
    )
    target, known, of_part, known_of_part = data.target, data.target_mask, part.target, part.target_mask
    if data.task in _PER_STEP and not (target is None or known is None or of_part is None or known_of_part is None):
        target, known = put(target, of_part), put(known, known_of_part)
    return replace(changed, target=target, target_mask=known)


def retime(data: Sequences, how: str, gap: float, seed: int = 0) -> Sequences:
    """Series with other elapsed times and the same values.

    Arguments:
        data: series.
        how: `"true"` changes nothing; `"one"` makes every gap the typical one; `"shuffled"` permutes the gaps within
            each series, all but that before its first step.
        gap: the typical one, of the training series.
        seed: of the permutations.

    Raises:
        InputError: `how` is unknown.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.zeros((1, 1, 3)), None, dt=[[1.0, 2.0, 5.0]])
        >>> retime(data, "one", 2.0).dt.tolist()
        [[2.0, 2.0, 2.0]]
    """
    if how == "true":
        return data
    if how == "one":
        return replace(data, dt=np.where(data.mask, gap, 0.0))
    if how != "shuffled":
        raise InputError("retime", "how", f"is {how!r}", 'Pass "true", "one" or "shuffled".')
    key = np.random.default_rng([seed, _TIMES]).random(data.dt.shape)
    # The first step keeps its place in front, the padding its place behind.
    key[:, 0] = -1.0
    order = np.argsort(np.where(data.mask, key, 2.0), axis=1, kind="stable")
    return replace(data, dt=np.take_along_axis(data.dt, order, axis=1))


def _noise(data: Sequences, level: float, rng: np.random.Generator, scaler: Scaler) -> Sequences:
    draw = rng.standard_normal(data.values.shape) * (level * _deviations(data, scaler))
    return replace(data, values=np.where(data.observed, data.values + draw, 0).astype(data.values.dtype))


def _shift(data: Sequences, level: float, rng: np.random.Generator, scaler: Scaler) -> Sequences:
    side = rng.choice([-1.0, 1.0], size=(len(data), 1, data.values.shape[2]))
    moved = data.values + side * (level * _deviations(data, scaler))
    return replace(data, values=np.where(data.observed, moved, 0).astype(data.values.dtype))


def _deviations(data: Sequences, scaler: Scaler) -> NDArray[np.float64]:
    """Standard deviation of each input, 0 of a category."""
    return np.array([0.0 if f.kind == "category" else std for f, std in zip(data.features, scaler.std, strict=True)])


def _dead(data: Sequences, count: int, rng: np.random.Generator) -> Sequences:
    order = rng.random((len(data), data.inputs)).argsort(axis=1)
    silent = np.floor(rng.random((len(data), data.inputs)) * data.lengths[:, None])
    silent[order >= count] = np.inf
    observed = data.observed & (np.arange(data.steps)[None, :, None] < silent[:, None, :])
    return replace(data, observed=observed, values=np.where(observed, data.values, 0))


def _jitter(data: Sequences, level: float, rng: np.random.Generator) -> NDArray[np.float64]:
    after = np.concatenate([data.dt[:, 1:], np.zeros((len(data), 1))], axis=1)
    inner = (np.arange(data.steps) > 0) & (np.arange(data.steps) < data.lengths[:, None] - 1)
    room = np.where(inner, np.minimum(data.dt, after), 0.0)
    shift = (rng.random(data.dt.shape) - 0.5) * level * room
    moved = data.dt + np.diff(shift, axis=1, prepend=0.0)
    return np.where(data.mask, np.maximum(moved, 0.0), 0.0)


def _check(kind: str, level: float) -> None:
    if kind not in KINDS:
        raise InputError("disturb", "kind", f"is {kind!r}", f"Pass one of {', '.join(KINDS)}.")
    _check_level("disturb", "level", kind, level)


def _check_level(owner: str, argument: str, kind: str, level: float) -> None:
    highest = 1.0 if kind in _SHARES else np.inf
    whole = kind not in _COUNTS or float(level).is_integer()
    if not (np.isfinite(level) and 0 <= level <= highest and whole):
        of = "" if argument == "level" else f" for {kind}"
        fault = f"is {level}{of}; expected {_span_of(kind)}"
        raise InputError(owner, argument, fault, "Pass one of `LEVELS`.")


def _span_of(kind: str) -> str:
    """What a level of a kind may be, in words."""
    if kind in _COUNTS:
        return "a whole number of at least 0"
    return f"a number from 0 to {1.0 if kind in _SHARES else np.inf:g}"
