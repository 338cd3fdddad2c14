"""Series made worse on purpose: by noise, holes, lost steps, unsure clocks and slower sampling.

A disturbance depends on the series, its level and the seed alone, so all contenders of a seed meet the same ones.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from caudal.compare.metrics.record import Disturbance
from caudal.data import Sequences
from caudal.data.scaler import Scaler
from caudal.errors import InputError

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
# Draws of permuted times have a stream of their own, whatever disturbances there are.
_TIMES = 5

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
    parts: dict[str, Any] = {
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
    highest = 1.0 if kind in ("missing", "dropped", "jitter", "gaps") else np.inf
    whole = kind not in ("subsampled", "dead") or float(level).is_integer()
    if not (np.isfinite(level) and 0 <= level <= highest and whole):
        expected = (
            "a whole number of at least 0" if kind in ("subsampled", "dead") else f"a number from 0 to {highest:g}"
        )
        raise InputError("disturb", "level", f"is {level}; expected {expected}", "Pass one of `LEVELS`.")
