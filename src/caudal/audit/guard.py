"""What watches a model while it decides: calibrated sets, states out of distribution, drift; all of it records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from caudal.audit import conformal
from caudal.audit.conformal import Conformal
from caudal.audit.drift import Alarm, Space, Watch
from caudal.data import Sequences
from caudal.errors import InputError
from caudal.records.decision import ABSTAINED, DRIFT, OUT_OF_DISTRIBUTION
from caudal.train import examples

_TASKS = ("classify", "regress")
_BATCH = 256
_ALL_ROWS = slice(None)


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
    all but a share of the calibration's (`out of distribution`), and those at which a stream was found to drift; each
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
            remedy = "A guard watches one answer for each series; for steps, feed an `audit.Watch` yourself."
            raise InputError("Guard", "model", fault, remedy)
        if not 0 < rare < 1:
            raise InputError("Guard", "rare", f"is {rare}", "Pass a share such as 0.005.")
        self.model, self.by, self.rare = model, by, rare
        seen: Sequences = model.read(data, target=True)
        told, truth = told_of(model, seen), np.asarray(seen.target)
        known = np.asarray(seen.target_mask).reshape(len(truth), -1).all(axis=1)
        self.conformal: Conformal = conformal.calibrate(
            told[known], truth.reshape(len(truth), -1)[known, 0], _part(self.groups(seen), known),
            confidence=confidence, by_class=by_class, widest=widest,
        )  # fmt: skip
        states = states_of(model, seen, range(len(seen)))
        self.space = Space.of(states)
        reference = streams(seen, told, self.space.distance(states))
        self.watch = Watch({k: v for k, v in reference.items() if np.isfinite(v).sum() >= 100}, per=per)

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

    def look(
        self, data: Sequences, rows: list[int], out: NDArray[Any], states: NDArray[np.float64] | None = None
    ) -> Look:
        """Look at some series and what the network said of them.

        Arguments:
            data: as `predict` was asked.
            rows: which of the series.
            out: `(series, outputs)` of the network.
            states: `(series, neurons)`, where the network ended; it is run again without.
        """
        told = shares(out) if self.model.task_ == "classify" else _numbers(self.model, out)
        distance = self.space.distance(states_of(self.model, data, rows) if states is None else states)
        flags = np.zeros(len(rows), np.int64)
        good = np.isfinite(told).reshape(len(rows), -1).all(axis=1)
        if good.any():
            answer = self.conformal.answer(told[good], _part(_part(self.groups(data), rows), good))
            flags[good] |= answer.abstained * ABSTAINED
        flags |= (~good) * ABSTAINED
        flags |= (self.space.share(distance) <= self.rare) * OUT_OF_DISTRIBUTION
        seen = streams(data, told, distance, rows)
        alarms = self.watch.see_all({name: seen[name] for name in self.watch.streams})
        flags |= np.array([bool(some) for some in alarms]) * DRIFT
        return Look(flags, alarms)


def told_of(model: Any, data: Any) -> NDArray[np.float64]:
    """What conformal prediction is about: probabilities of a classifier, or numbers."""
    found: NDArray[np.float64] = np.asarray(
        model.predict_proba(data) if model.task_ == "classify" else model.predict(data), np.float64
    )
    if model.task_ == "regress" and found.ndim != 1:
        fault = f"answers {found.shape[1]} numbers for each series"
        raise InputError("Guard", "model", fault, "Calibrate each of them with `audit.conformal.calibrate`.")
    return found


def shares(out: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities of scores."""
    wide = out.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    found: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return found


def states_of(model: Any, data: Sequences, rows: Any) -> NDArray[np.float64]:
    """`(series, neurons)`: the state of the circuit at the end of each series."""
    seen = examples(model.encoder_, data.without_target(), paired=getattr(model, "cell", "") == "gru-d")
    device = next(model.net_.parameters()).device
    found = []
    with torch.no_grad():
        for index in torch.split(torch.tensor(list(rows)), _BATCH):
            batch = seen.rows(index, device)
            state = model.net_.series(batch.x, dt=batch.dt, lengths=batch.lengths)[1]
            found.append(flat(state))
    return np.concatenate(found)


def flat(state: Any) -> NDArray[np.float64]:
    """`(series, neurons)`: a state of the network in one row for each series."""
    found: NDArray[np.float64] = torch.cat([leaf.double().cpu() for leaf in _leaves(state)], dim=1).numpy()
    return found


def streams(
    data: Sequences, told: NDArray[Any], distance: NDArray[Any], rows: list[int] | slice = _ALL_ROWS
) -> Mapping[str, NDArray[np.float64]]:
    """Values of each stream, `(series,)`; NaN where a channel was never observed.

    Arguments:
        data: all of the series.
        told, distance: of the rows: what conformal prediction is about, and how far out the states lie.
        rows: which of the series; all without.
    """
    values, lengths = np.asarray(data.values[rows], np.float64), data.lengths[rows]
    observed = data.observed[rows] & (np.arange(values.shape[1]) < lengths[:, None])[:, :, None]
    if observed.all():
        means = values.mean(axis=1)
    else:
        count = observed.sum(axis=1)
        total = np.where(observed, values, 0.0).sum(axis=1)
        means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    found = {f"input {name}": means[:, k] for k, name in enumerate(data.names)}
    spread = 1 - told.max(axis=1) if told.ndim == 2 else told
    return found | {"uncertainty" if told.ndim == 2 else "output": spread, "distance of the state": distance}


def _numbers(model: Any, out: NDArray[Any]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = model.encoder_.scaler.restore(out.astype(np.float64))[:, 0]
    return found


def _leaves(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state.reshape(len(state), -1)] if state.is_floating_point() else []
    return [leaf for one in state for leaf in _leaves(one)]


def _part(groups: ArrayLike | None, kept: ArrayLike) -> ArrayLike | None:
    return None if groups is None else np.asarray(groups)[np.asarray(kept)]
