"""Monitors of a model while it decides: calibrated sets, states out of distribution, drift; each a flag of a record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from caudal.data import Sequences
from caudal.errors import InputError, ShapeError
from caudal.monitor import conformal
from caudal.monitor.conformal import Conformal, group_codes
from caudal.monitor.drift import Alarm, Space, Watch
from caudal.monitor.flags import ABSTAINED, DRIFT, OUT_OF_DISTRIBUTION
from caudal.train import examples
from caudal.typing import Array

_TASKS = ("classify", "regress")
_BATCH = 256


@dataclass(frozen=True, eq=False)
class Look:
    """What a guard saw in some series.

    Attributes:
        flags: `(series,)`, bits of `records.decision.MONITORS`.
        alarms: of each series, in order.
    """

    flags: NDArray[np.int64]
    alarms: tuple[tuple[Alarm, ...], ...]


class Guard:
    """Watches a model; pass it to the log: `audit.Log(path, guard=guard)`.

    It flags decisions whose conformal set is not exactly one class (`abstained`), whose state lies further out than
    all but a share of the calibration's (`out of distribution`), and those at which a stream drifts; each
    drift is also an event `alarm`. Streams are the mean of each channel of a series, the uncertainty, and the distance
    in state space. It costs one more pass through the network.

    Arguments:
        model: a trained estimator that answers once for each series, by a class or a number.
        data: series that it was not trained on, with their target; what `score` takes.
        by: name of the column of groups in which the promise holds; None for one promise over all.
        confidence: of the sets.
        by_class: keep the promise in each class too.
        widest: interval that is still an answer, in units of the target.
        rare: share of series that are flagged as out of distribution while all is well.
        per: series between false alarms, at least.

    Raises:
        InputError: the model answers at each step, or an argument does not fit.
        MissingExtraError: `crepes` or `river` is not installed.
    """

    def __init__(
        self,
        model: Any,
        data: Any,
        *,
        by: str | None = None,
        confidence: float = 0.9,
        by_class: bool = False,
        widest: float = float("inf"),
        rare: float = 0.005,
        per: float = 10_000,
    ) -> None:
        if model.task_ not in _TASKS:
            fault = f"is trained to {model.task_}"
            remedy = "A guard watches one answer for each series; for steps, feed an `monitor.Watch` yourself."
            raise InputError("Guard", "model", fault, remedy)
        if not 0 < rare < 1:
            raise InputError("Guard", "rare", f"is {rare}", "Pass a share such as 0.005.")
        self.model, self.by, self.rare = model, by, rare
        series: Sequences = model.read(data, target=True)
        predictions, truth = predictions_of(model, series), np.asarray(series.target)
        known = np.asarray(series.target_mask).reshape(len(truth), -1).all(axis=1)
        self.conformal: Conformal = conformal.calibrate(
            predictions[known],
            truth.reshape(len(truth), -1)[known, 0],
            _part(self.groups(series), known),
            confidence=confidence,
            by_class=by_class,
            widest=widest,
        )
        states = states_of(model, series, range(len(series)))
        self.space = Space.of(states)
        reference = streams(series, predictions, self.space.distance(states))
        watched = {name: values for name, values in reference.items() if np.isfinite(values).sum() >= 100}
        self.watch = Watch(watched, per=per)
        self._columns = [k for k, name in enumerate(reference) if name in watched]
        self._names = series.names
        self._across, self._furthest = np.ascontiguousarray(self.space.whiten.T), self.space.threshold(rare)

    def groups(self, data: Sequences) -> ArrayLike | None:
        """Group of each series.

        Raises:
            InputError: there is no such column.
        """
        if self.by is None:
            return None
        if self.by not in data.sensitive:
            fault = f"is {self.by!r}, and the data have {', '.join(data.sensitive) or 'no groups'}"
            raise InputError("Guard", "by", fault, "Name the column in `sensitive` when the data are read.")
        return data.sensitive[self.by]

    def look(self, data: Sequences, rows: list[int], out: Array, states: NDArray[np.float64] | None = None) -> Look:
        """Look at some series and what the network said of them.

        Arguments:
            data: as `predict` was asked.
            rows: which of the series.
            out: `(series, outputs)` of the network.
            states: `(series, neurons)`, where the network ended; it is run again without.

        Raises:
            InputError: the data have other inputs than those of the calibration, or not so many series.
            ShapeError: `out` has not one row for each series, and one column for each class.
        """
        from caudal.monitor.drift_jit import measure

        count, is_scores = len(rows), self.model.task_ == "classify"
        self._check(data, rows, out)
        states = states_of(self.model, data, rows) if states is None else states
        if states.shape != (count, len(self.space.mean)):
            fault = f"has shape {states.shape}; expected ({count}, {len(self.space.mean)})"
            raise ShapeError("Guard.look", "states", fault, "Pass the states of the network that is guarded.")
        outputs = out.astype(np.float64)
        if not is_scores:
            outputs = self.model.encoder_.scaler.restore(outputs)
        codes = group_codes(_part(self.groups(data), rows), self.conformal.groups, count)
        table, flags = np.empty((count, data.inputs + 2)), np.empty((2, count), np.int64)
        measure(
            data.values,
            data.observed,
            data.lengths,
            np.array(rows, np.int64),
            outputs,
            is_scores,
            codes,
            self.conformal.limits,
            self.conformal.widest,
            states,
            self.space.mean,
            self._across,
            self._furthest,
            table,
            flags[0],
            flags[1],
        )
        alarms = self.watch.see_table(table if len(self._columns) == table.shape[1] else table[:, self._columns])
        flags = flags[0] * ABSTAINED + flags[1] * OUT_OF_DISTRIBUTION
        if any(alarms):
            flags += np.array([bool(some) for some in alarms]) * DRIFT
        return Look(flags, alarms)

    def _check(self, data: Sequences, rows: list[int], out: Array) -> None:
        if data.names != self._names:
            fault = f"have the inputs {', '.join(data.names)}; the guard was calibrated on {', '.join(self._names)}"
            raise InputError("Guard.look", "data", fault, "Pass series with the same inputs, in the same order.")
        if rows and (min(rows) < 0 or max(rows) >= len(data)):
            fault = f"reach from {min(rows)} to {max(rows)}"
            raise InputError("Guard.look", "rows", fault, f"Pass numbers from 0 to {len(data) - 1}.")
        width = max(self.conformal.classes, 1)
        if out.shape != (len(rows), width):
            fault = f"has shape {out.shape}; expected ({len(rows)}, {width})"
            raise ShapeError("Guard.look", "out", fault, "Pass what the network answered to these series.")


def predictions_of(model: Any, data: Any) -> NDArray[np.float64]:
    """What conformal prediction is about: probabilities of a classifier, or numbers."""
    predictions: NDArray[np.float64] = np.asarray(
        model.predict_proba(data) if model.task_ == "classify" else model.predict(data), np.float64
    )
    if model.task_ == "regress" and predictions.ndim != 1:
        fault = f"answers {predictions.shape[1]} numbers for each series"
        raise InputError("Guard", "model", fault, "Calibrate each of them with `monitor.conformal.calibrate`.")
    return predictions


def states_of(model: Any, data: Sequences, rows: Any) -> NDArray[np.float64]:
    """`(series, neurons)`: the state of the circuit at the end of each series."""
    encoded = examples(model.encoder_, data.without_target(), paired=getattr(model, "cell", "") == "gru-d")
    device = next(model.net_.parameters()).device
    states = []
    with torch.no_grad():
        for index in torch.split(torch.tensor(list(rows)), _BATCH):
            batch = encoded.rows(index, device)
            state = model.net_.series(batch.x, dt=batch.dt, lengths=batch.lengths)[1]
            states.append(flat(state))
    return np.concatenate(states)


def flat(state: object) -> NDArray[np.float64]:
    """`(series, neurons)`: a state of the network in one row for each series."""
    leaves = [leaf.cpu().numpy() for leaf in _leaves(state)]
    return np.concatenate(leaves, axis=1, dtype=np.float64)


def streams(data: Sequences, predictions: Array, distance: Array) -> Mapping[str, NDArray[np.float64]]:
    """Values of each stream, `(series,)`; NaN where a channel was never observed.

    Arguments:
        data: the series.
        predictions, distance: what conformal prediction is about, and how far out the states lie.
    """
    from caudal.monitor.drift_jit import channel_means

    means = np.empty((len(data), data.inputs))
    channel_means(data.values, data.observed, data.lengths, np.arange(len(data)), means)
    columns = {f"input {name}": means[:, k] for k, name in enumerate(data.names)}
    if predictions.ndim == 2:
        return columns | {"uncertainty": 1 - predictions.max(axis=1), "distance of the state": distance}
    return columns | {"output": predictions, "distance of the state": distance}


def _leaves(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state.reshape(len(state), -1)] if state.is_floating_point() else []
    return [leaf for part in state for leaf in _leaves(part)]


def _part(groups: ArrayLike | None, rows: ArrayLike) -> ArrayLike | None:
    return None if groups is None else np.asarray(groups)[np.asarray(rows)]
