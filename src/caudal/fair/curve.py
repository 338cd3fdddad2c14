"""The gap as a curve of the decision's step: how it opens or closes as a model sees more of each series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair.answers import Answers, decisions
from caudal.fair.estimate import DRAWS
from caudal.fair.groups import Groups
from caudal.fair.intervals import Gap, GroupRate, by_group
from caudal.fair.metrics import GAPS, gaps_of


@dataclass(frozen=True)
class Moment:
    """The gap when every series was read up to some step.

    Attributes:
        step: steps read, at most; a shorter series gives its last answer.
        ended: share of series that had ended by then.
        gap: with its interval; None where fewer than two groups stand on 30 answers.
        rates: the metrics of the gap, by group; empty in a study.
    """

    step: int
    ended: float
    gap: Gap | None
    rates: tuple[GroupRate, ...] = ()


def curve(
    at: Mapping[int, Answers], groups: Groups, name: str, *, lengths: ArrayLike, draws: int = DRAWS, seed: int = 0
) -> tuple[Moment, ...]:
    """A gap at each of some steps, the same series at all of them.

    Arguments:
        at: steps read -> answers of all series, or of those whose `row` says which; `at_steps` makes it from scores
            per step, `ask` from a model.
        groups: of the series.
        name: of the gap.
        lengths: `(batch,)` steps of each series.
        draws: of the bootstrap.
        seed: of the draws.

    Raises:
        InputError: there is no step, the answers have no such gap, or answers and groups differ in number.

    Example:
        >>> from caudal.fair.synthetic import synthetic
        >>> data = synthetic(300)
        >>> groups = Groups.of({"group": data.sensitive["group"]})
        >>> level = 1 / (1 + np.exp(-np.cumsum(data.values[..., 0], 1) / np.arange(1, data.steps + 1)))
        >>> moments = curve(at_steps(level, data, [1, 6, 12]), groups, "accuracy", lengths=data.lengths)
        >>> [(moment.step, moment.gap is not None) for moment in moments]
        [(1, True), (6, True), (12, True)]
    """
    if not at:
        raise InputError("curve", "at", "holds no step", "Pass answers at one step at least.")
    ends, moments = np.asarray(lengths), []
    for step in sorted(at):
        if name not in gaps_of(at[step]):
            fault = f"is {name!r}; these answers have {', '.join(gaps_of(at[step]))}"
            raise InputError("curve", "name", fault, "Name one of them.")
        answers = at[step]
        each = groups if answers.row is None else groups.select(answers.row)
        seen = by_group(answers, each, draws=draws, seed=seed)
        rates = tuple(rate for rate in seen.rates() if rate.metric in GAPS[name])
        moments.append(Moment(step, float((ends <= step).mean()), seen.gap(name), rates))
    return tuple(moments)


def at_steps(
    score: ArrayLike, data: Sequences, steps: Sequence[int], *, positive: int = 1, threshold: float = 0.5
) -> dict[int, Answers]:
    """Answers at some steps from scores at every step.

    Arguments:
        score: `(batch, time)` probability of the positive class after each step.
        data: series with a class each.
        steps: from 1; a shorter series gives its last answer.
        positive: position of the positive class in `data.classes`.
        threshold: of the score.

    Raises:
        InputError: shapes disagree, a step is below 1, or the series have no class each.
    """
    shares = np.asarray(score, np.float64)
    if data.task != "classify" or data.target is None or shares.shape != (len(data), data.steps):
        fault = f"has shape {shares.shape}; expected {(len(data), data.steps)} and one class per series"
        raise InputError("at_steps", "score", fault, "Pass the probability after each step.")
    if any(step < 1 for step in steps):
        raise InputError("at_steps", "steps", f"holds {min(steps)}; steps count from 1", "Pass 1 or more.")
    rows, truth = np.arange(len(data)), data.target == positive
    return {
        step: decisions(truth, shares[rows, np.minimum(data.lengths, step) - 1], threshold=threshold) for step in steps
    }


def first_steps(data: Sequences, step: int) -> Sequences:
    """Every series cut after some steps; shorter ones stay whole. For models that answer once a series.

    Arguments:
        data: series with one target each, or none.
        step: from 1.

    Raises:
        InputError: the step is below 1, or each step has its own target.

    Example:
        >>> from caudal.fair.synthetic import synthetic
        >>> first_steps(synthetic(50), 3).lengths.max()
        np.int64(3)
    """
    if step < 1:
        raise InputError("first_steps", "step", f"is {step}; expected at least 1", "Pass 1 or more.")
    if not data.task.is_per_series:
        raise InputError("first_steps", "data", f"are to {data.task}", "Cut series with one target each.")
    lengths = np.minimum(data.lengths, step)
    most = int(lengths.max())
    cut = {name: getattr(data, name)[:, :most] for name in ("values", "observed", "dt")}
    return replace(data, lengths=lengths, **cut)


def usual_steps(lengths: NDArray[np.int64], count: int = 6) -> tuple[int, ...]:
    """Steps at which to draw the curve: from the first to that which nine series in ten have reached their end by.

    Example:
        >>> usual_steps(np.arange(1, 101))
        (1, 19, 37, 54, 72, 90)
    """
    most = int(np.quantile(lengths, 0.9))
    return tuple(sorted({round(step) for step in np.linspace(1, max(1, most), count)}))
