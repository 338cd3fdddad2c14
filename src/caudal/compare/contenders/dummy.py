"""The best guess that needs no model: what every contender has to beat."""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.compare.contenders.base import Progress, Trained, gather, known_targets
from caudal.compare.contenders.registry import entry_of
from caudal.compare.job import Job, Parts
from caudal.compare.record import Contender
from caudal.data import Sequences

Guess = Callable[[Sequences], NDArray[Any]]


def train(job: Job, parts: Parts, progress: Progress | None = None) -> Trained:
    """The strongest guess for the task, by the validation series.

    Classes: their shares in training. Numbers: their mean in training; where an input has the name of the output
    (`"x"` for `"x"` and `"next_x"`) also its last observed value; and for a forecast what it was so many steps before
    the step asked for. Whichever errs least.
    """
    start = perf_counter()
    name, guess, size = _shares(parts.train) if parts.train.classes else _number(parts)
    entry = entry_of(job.model)
    contender = Contender(
        name=entry.name, label=entry.label, family=entry.family, summary=f"No model: {name}.", settings={}, units=0,
        parameters=size, live_parameters=size, synapses=None, uses_dt=False, macs_per_step=0.0,
        transcendentals_per_step=0.0, fit_seconds=perf_counter() - start,
    )  # fmt: skip
    return Trained(contender, guess)


def _shares(train: Sequences) -> tuple[str, Guess, int]:
    _, truth = known_targets(train)
    counts = np.bincount(truth, minlength=len(train.classes))
    shares = counts / counts.sum()

    def guess(data: Sequences) -> NDArray[Any]:
        shape = (len(data), data.steps) if data.task == "classify_steps" else (len(data),)
        return np.broadcast_to(shares, (*shape, len(shares)))

    return "the shares of the classes in training, for every series", guess, len(shares) - 1


def _number(parts: Parts) -> tuple[str, Guess, int]:
    _, truth = known_targets(parts.train)
    mean = truth.mean(axis=0, dtype=np.float64)

    def usual(data: Sequences) -> NDArray[Any]:
        return np.broadcast_to(mean, _shape(data))

    found: list[tuple[str, Guess, int]] = [("the mean of the target in training", usual, len(mean))]
    inputs = [_input_of(output, parts.train.names) for output in parts.train.outputs]
    if parts.train.task in ("forecast", "imitate") and all(place is not None for place in inputs):
        places = [place for place in inputs if place is not None]
        found.append(("the last observed value", lambda data: _last(data, places, mean), 0))
        if parts.train.ahead is not None:
            lags = range(parts.train.ahead.shape[1], parts.train.steps + 1)
            found += [(f"the value {lag} steps before", partial(_back, places, mean, lag), 0) for lag in lags]

    def error(one: tuple[str, Guess, int]) -> float:
        got = gather(parts.val, one[1](parts.val))
        return float(np.square(got.scores - got.truth).mean())

    return min(found, key=error)


def _input_of(output: str, names: tuple[str, ...]) -> int | None:
    for name in (output, output.removeprefix("next_")):
        if name in names:
            return names.index(name)
    return None


def _shape(data: Sequences) -> tuple[int, ...]:
    if data.task == "imitate":
        return (len(data), data.steps, len(data.outputs))
    if data.ahead is not None:
        return (len(data), data.ahead.shape[1], len(data.outputs))
    return (len(data), len(data.outputs))


def _back(places: list[int], mean: NDArray[Any], lag: int, data: Sequences) -> NDArray[Any]:
    """The value `lag` steps before each step ahead; of a series that is too short its last, as `_last`."""
    ends = _last(data, places, mean)
    at = data.lengths[:, None] - lag + np.arange(ends.shape[1])
    row, inside = np.arange(len(data))[:, None], np.maximum(at, 0)
    known = (at >= 0)[:, :, None] & data.observed[row, inside][:, :, places]
    return np.where(known, data.values[row, inside][:, :, places], ends)


def _last(data: Sequences, places: list[int], mean: NDArray[Any]) -> NDArray[Any]:
    """Last observed value of some inputs at every step, the mean of the target before the first."""
    seen, values = data.observed[:, :, places], data.values[:, :, places]
    at = np.maximum.accumulate(np.where(seen, np.arange(data.steps)[None, :, None], -1), axis=1)
    held = np.where(at >= 0, np.take_along_axis(values, np.maximum(at, 0), axis=1), mean)
    if data.task == "imitate":
        return held
    ends = held[np.arange(len(data)), data.lengths - 1]
    return np.broadcast_to(ends[:, None, :], _shape(data))
