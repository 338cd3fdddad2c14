"""Series as rows of numbers, for models that read features; known targets; and how large a model is."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences, since_observed
from caudal.errors import DataError
from caudal.typing import Array

# Numbers held at once while features are made.
_CELLS = 8_000_000
SUMMARIES = ("last", "mean", "min", "max", "std", "slope", "count", "missing", "since", "change")
CLOCK = ("steps", "duration", "gap", "mean gap", "std gap", "longest gap")


class Size(NamedTuple):
    """How large a trained model is, and what one step costs it.

    Attributes:
        units: neurons, trees or features.
        parameters: trained numbers.
        live_parameters: those that can change an answer.
        synapses: of a wired network; None of others.
        arithmetic: multiply-adds and the like per step.
        transcendentals: exponentials and the like per step.
    """

    units: int
    parameters: int
    live_parameters: int
    synapses: int | None
    arithmetic: float
    transcendentals: float


def known_targets(data: Sequences) -> tuple[NDArray[np.bool_], Array]:
    """Which targets are known, and those.

    A row is one decision: a series, one of its steps, or one step ahead. It is known where all its outputs are.

    Returns:
        a bool mask over rows, of the shape of the target less its axis of outputs; and the known targets.

    Raises:
        DataError: no target is known.
    """
    target, known = data.target, data.target_mask
    if target is None or known is None:
        raise DataError("compare", "data", "have no target", "Pass series whose target is known.")
    rows = known if data.classes else np.asarray(known.all(axis=-1))
    if not rows.any():
        raise DataError("compare", "data", "have no known target", "Pass series whose target is known.")
    return rows, target[rows]


def decisions_of(data: Sequences) -> NDArray[np.bool_]:
    """A mask of all decisions, of the shape of the target less its axis of outputs; False in the padding of steps."""
    if data.task in ("classify_steps", "imitate"):
        return data.mask
    shape = (len(data),) if data.ahead is None else (len(data), data.ahead.shape[1])
    return np.ones(shape, np.bool_)


def names_of(data: Sequences, lags: int) -> tuple[str, ...]:
    """Names of the features, in order.

    Example:
        >>> from caudal.data import from_arrays
        >>> names_of(from_arrays(np.zeros((2, 1, 3)), [0.0, 1.0], task="regress"), 1)[-8:-5]
        ('change(x0)', 'x0 1 back', 'steps')
    """
    summed = [f"{summary}({name})" for summary in SUMMARIES for name in data.names]
    back = [f"{name} {lag} back" for lag in range(1, lags + 1) for name in data.names]
    ahead = [] if data.ahead is None else [f"time to step {k + 1}" for k in range(data.ahead.shape[1])]
    return (*summed, *back, *CLOCK, *(feature.name for feature in data.statics), *ahead)


def at_ends(data: Sequences, lags: int) -> NDArray[np.float32]:
    """Features of each whole series, `(batch, features)`; NaN where a value was never observed."""
    parts = [
        features[np.arange(len(rows)), data.lengths[rows] - 1] for rows, features in _chunks(data, lags, by_length=True)
    ]
    order = np.concatenate([rows for rows, _ in _rows(data, lags, by_length=True)])
    whole = np.empty((len(data), parts[0].shape[1]), np.float32)
    whole[order] = np.concatenate(parts)
    return whole


def at_steps(data: Sequences, rows: NDArray[np.bool_], lags: int) -> NDArray[np.float32]:
    """Features of the history up to each marked step, `(marked, features)`, in the order of the mask.

    Arguments:
        data: series.
        rows: `(batch, time)` bool.
        lags: earlier steps whose values are features of their own.
    """
    return np.concatenate([features[rows[at][:, : features.shape[1]]] for at, features in _chunks(data, lags)])


def _rows(data: Sequences, lags: int, by_length: bool = False) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Rows of a few series at a time, and the steps of the longest of them."""
    order = np.argsort(data.lengths, kind="stable") if by_length else np.arange(len(data))
    width = max(1, len(names_of(data, lags)))
    at = 0
    while at < len(order):
        count = 1
        while at + count < len(order):
            longest = int(data.lengths[order[at : at + 2 * count]].max())
            if 2 * count * longest * width > _CELLS:
                break
            count *= 2
        rows = order[at : at + count]
        yield rows, int(data.lengths[rows].max())
        at += count


def _chunks(
    data: Sequences, lags: int, by_length: bool = False
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    for rows, steps in _rows(data, lags, by_length):
        yield rows, _rows_of_features(data, rows, steps, lags)


def _rows_of_features(data: Sequences, rows: NDArray[np.int64], steps: int, lags: int) -> NDArray[np.float32]:
    """`(rows, steps, features)`: at each step what is known up to it."""
    values, seen = data.values[rows, :steps].astype(np.float64), data.observed[rows, :steps]
    dt = data.dt[rows, :steps].copy()
    place = np.arange(1, steps + 1, dtype=np.float64)[None, :, None]
    since = since_observed(seen, dt)
    dt[:, 0] = 0.0
    time = np.cumsum(dt, axis=1)
    parts = [*_summaries(values, seen, time, place), np.where(seen, 0.0, since)]
    last = parts[0]
    parts.append(_change(last, values, seen))
    filled = np.pad(last, ((0, 0), (lags, 0), (0, 0)), constant_values=np.nan)
    parts += [filled[:, lags - lag : lags - lag + steps] for lag in range(1, lags + 1)]
    parts.append(_clock(dt, time))
    fixed = [np.where(data.static_observed[rows], data.static[rows], np.nan)]
    if data.ahead is not None:
        fixed.append(data.ahead[rows])
    constant = np.concatenate(fixed, axis=1)[:, None, :]
    parts.append(np.broadcast_to(constant, (len(rows), steps, constant.shape[2])))
    return np.concatenate(parts, axis=2).astype(np.float32)


def _summaries(values: Array, seen: NDArray[np.bool_], time: Array, place: Array) -> list[Array]:
    count = np.cumsum(seen, axis=1).astype(np.float64)
    safe, none = np.maximum(count, 1), count == 0
    # Sums are taken about a value of the series, so that large means cost no digits.
    middle = (values.sum(axis=1) / np.maximum(seen.sum(axis=1), 1))[:, None]
    off = np.where(seen, values - middle, 0.0)
    first, second = np.cumsum(off, axis=1) / safe, np.cumsum(off**2, axis=1) / safe
    clock = np.where(seen, time[:, :, None], 0.0)
    t, tt = np.cumsum(clock, axis=1) / safe, np.cumsum(clock**2, axis=1) / safe
    spread = tt - t**2
    slope = (np.cumsum(clock * off, axis=1) / safe - t * first) / np.where(
        spread > 1e-12 * np.maximum(tt, 1e-30), spread, np.inf
    )
    at = np.maximum.accumulate(np.where(seen, np.arange(values.shape[1])[None, :, None], 0), axis=1)
    last = np.take_along_axis(values, at, axis=1)
    lowest = np.minimum.accumulate(np.where(seen, values, np.inf), axis=1)
    highest = np.maximum.accumulate(np.where(seen, values, -np.inf), axis=1)
    known = [last, middle + first, lowest, highest, np.sqrt(np.maximum(second - first**2, 0.0)), slope]
    return [*(np.where(none, np.nan, summary) for summary in known), count, 1 - count / place]


def _change(last: Array, values: Array, seen: NDArray[np.bool_]) -> Array:
    """Latest observed value less the one observed before it, NaN before the second."""
    before = np.concatenate([np.full_like(last[:, :1], np.nan), last[:, :-1]], axis=1)
    steps = np.arange(values.shape[1])[None, :, None]
    at = np.maximum.accumulate(np.where(seen, steps, -1), axis=1)
    change = np.take_along_axis(values - before, np.maximum(at, 0), axis=1)
    return np.where(at >= 0, change, np.nan)


def _clock(dt: Array, time: Array) -> Array:
    """Steps so far, time so far, and the gaps between them."""
    steps = np.broadcast_to(np.arange(1, dt.shape[1] + 1, dtype=np.float64), dt.shape)
    gaps = np.maximum(steps - 1, 1)
    mean = time / gaps
    spread = np.sqrt(np.maximum(np.cumsum(dt**2, axis=1) / gaps - mean**2, 0.0))
    return np.stack([steps, time, dt, mean, spread, np.maximum.accumulate(dt, axis=1)], axis=2)


def features_at(data: Sequences, rows: NDArray[np.bool_], lags: int) -> NDArray[np.float32]:
    """Features of each marked decision, `(marked, features)`: a series, one of its steps, or one step ahead.

    Arguments:
        data: series.
        rows: bool, of the shape of the target less its axis of outputs.
        lags: earlier steps whose values are features of their own.
    """
    if data.task in ("classify_steps", "imitate"):
        return at_steps(data, rows, lags)
    whole = at_ends(data, lags)
    if data.ahead is None:
        return whole[rows]
    series, step = np.nonzero(rows)
    return np.concatenate([whole[series], step[:, None].astype(np.float32)], axis=1)
