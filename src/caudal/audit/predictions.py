"""Decisions about series, as an estimator makes them: one record for each series, or for each step of one."""

from collections.abc import Iterator
from random import SystemRandom

import numpy as np
from numpy.typing import NDArray

from caudal.audit.log.log import Log
from caudal.audit.package import is_replayable, model_digest
from caudal.data import Sequences
from caudal.monitor.flags import NOT_FINITE
from caudal.nn.decide import decided_by_scores
from caudal.typing import Array

STEPWISE = ("classify_steps", "imitate")
_CHANCE = SystemRandom()


def log_series(
    log: Log,
    model: object,
    data: Sequences,
    rows: list[int],
    out: Array,
    states: NDArray[np.float64] | None = None,
    threshold: float | None = None,
) -> None:
    """Write down what a network answered about some series.

    The session is an alias of the series, made with the salt of that person; elapsed time, outputs and uncertainty
    are encrypted by it. Of classes the record says in the clear which one it was (1, and 0 for the others). The
    uncertainty of classes is 1 less the largest probability. A threshold that is another than before is an event.

    Arguments:
        log: open.
        model: estimator that answered.
        data: what it was asked about.
        rows: which of the series, in the order of `out`; with `log.shuffle` they are written in an order of chance.
        out: outputs of the network, `(series, ...)`.
        states: `(series, neurons)`, where the network ended; the guard of the log runs it again without.
        threshold: that decides between two classes; None for the likeliest.
    """
    if log.shuffle:
        order = _CHANCE.sample(range(len(rows)), len(rows))
        rows, out, states = [rows[k] for k in order], out[order], None if states is None else states[order]
    look = None if log.guard is None else log.guard.look(data, rows, out, states)
    digest, exact, task = model_digest(model), is_replayable(model), data.task
    spread = uncertainty_of(out) if task.is_classification else np.full(out.shape[:-1], np.nan)
    for k, row in enumerate(rows):
        person = str(data.ids[row])
        flags = 0 if look is None else int(look.flags[k])
        for step, parts in pieces(data, row):
            at = (k,) if step is None else (k, step)
            answer = out[at]
            bad = 0 if np.isfinite(answer).all() else NOT_FINITE
            log.decide(
                None,
                answer.reshape(-1),
                model=digest,
                inputs=parts,
                person=person,
                sequence=step,
                is_exact=exact,
                dt=elapsed(data, row, step),
                uncertainty=float(spread[at]),
                monitors=flags | bad,
                lasting=class_of(answer, threshold) if task.is_classification else None,
                threshold=threshold,
                of_model=getattr(model, "threshold_", None),
            )
        for alarm in () if look is None else look.alarms[k]:
            log.event("alarm", **alarm.facts)


def pieces(data: Sequences, row: int) -> Iterator[tuple[int | None, list[object]]]:
    """What each decision about a series was made from: all of it, or what its step brought."""
    n = int(data.lengths[row])
    fixed = [None if array is None else array[row] for array in (data.static, data.static_observed, data.ahead)]
    if data.task not in STEPWISE:
        yield None, [data.values[row, :n], data.observed[row, :n], data.dt[row, :n], *fixed]
        return
    for t in range(n):
        yield t, [data.values[row, t], data.observed[row, t], data.dt[row, t], *fixed]


def elapsed(data: Sequences, row: int, step: int | None) -> float:
    """Time before a step of a series, of its last one where none is named; NaN where there is none."""
    at = int(data.lengths[row]) - 1 if step is None else step
    return float(data.dt[row, at]) if at >= 0 else float("nan")


def class_of(answer: Array, threshold: float | None = None) -> Array:
    """1 for the class that was decided for, 0 for the others; NaN throughout where the answer is not finite."""
    scores = answer.reshape(-1)
    if not np.isfinite(scores).all():
        return np.full(scores.shape, np.nan, scores.dtype)
    shown: Array = np.eye(scores.size, dtype=scores.dtype)[decided_by_scores(scores, threshold)]
    return shown


def uncertainty_of(out: Array) -> NDArray[np.float64]:
    """1 less the largest probability, from scores of classes `(..., classes)`: `(...)`."""
    wide = out.astype(np.float64)
    shares = np.exp(wide - wide.max(axis=-1, keepdims=True))
    uncertainty: NDArray[np.float64] = 1 - (shares / shares.sum(axis=-1, keepdims=True)).max(axis=-1)
    return uncertainty
