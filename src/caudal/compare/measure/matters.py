"""Whether elapsed times matter, and the order of steps: a linear model on summaries, with them and without.

It is trained three times, which takes seconds: on the series as they are, with every gap the typical one, and with the
steps of each series in another order at the same times. What it loses is a lower bound: a network may find more.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from caudal.compare.contenders.base import gather
from caudal.compare.job import Job, Parts, RunOutcome
from caudal.compare.metrics.metrics import measure, plan_of
from caudal.compare.metrics.record import Paired
from caudal.compare.metrics.summary import TEST, panel, word
from caudal.compare.runner import failed
from caudal.data import Sequences
from caudal.data.disturb import retime
from caudal.data.scaler import Scaler

AS_THEY_ARE = "summary"
# Series of a part, at most: the question needs no more, and is answered in a minute.
_MOST = 2000
_RESAMPLES = 1000


def matters(
    parts: Parts, owner: NDArray[np.int64], metric: str = "", margin: float | None = None
) -> tuple[Paired, ...]:
    """What the series as they are give beyond equal gaps (question `"time"`), and beyond another order (`"order"`).

    Arguments:
        parts: series, divided.
        owner: `(series,)` position of the owner of each test series.
        metric, margin: as in `plan_of`.

    Returns:
        a comparison for each question, above 0 where it matters; that of order only where a series has one answer.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    plan, gap = plan_of(parts.train, metric, margin), Scaler.fit(parts.train).gap
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(len(parts.test))[:_MOST])
    three = (_some(parts.train, rng), _some(parts.val, rng), parts.test.select(chosen))
    changes: dict[str, Callable[[Sequences], Sequences]] = {
        AS_THEY_ARE: lambda part: part,
        "time": lambda part: retime(part, "one", gap),
    }
    if parts.train.task in ("classify", "regress", "forecast"):
        changes["order"] = shuffled
    outcomes = {name: (_outcome(name, Parts(*map(change, three))),) for name, change in changes.items()}
    found = panel(outcomes, plan, owner[chosen], 1, _RESAMPLES)
    if len(found.outcomes) < len(changes):
        return ()
    first = found.spread(AS_THEY_ARE, plan.primary)
    width = plan.margin_of(first.value)
    pairs = []
    for question in list(changes)[1:]:
        lead = first.minus(found.spread(question, plan.primary))
        lead = lead if plan.higher_is_better else lead.turned()
        p, ends = lead.p_value(), lead.interval()
        pairs.append(
            Paired(
                AS_THEY_ARE, question, plan.primary, ends, p, TEST, word(ends, p, width), width, question, lead.enough()
            )
        )
    return tuple(pairs)


def words_of(pair: Paired) -> str:
    """What one of `matters` says, as a sentence for a terminal."""
    asked, gap = {"time": "elapsed times", "order": "the order of steps"}[pair.question], pair.difference
    ask = {"time": "elapsed times matter", "order": "the order of steps matters"}[pair.question]
    if pair.verdict == "better":
        return f"matters: {asked}: a linear summary model loses {gap.value:.3g} {pair.metric} without."
    if pair.verdict == "alike":
        return f"matters not: {asked}: a linear summary model does as well without."
    ends = f" [{gap.low:.3g}, {gap.high:.3g}]" if gap.is_known else ""
    return f"cannot tell whether {ask}: with {gap.value:+.3g} {pair.metric}{ends} by a linear summary model."


def shuffled(data: Sequences) -> Sequences:
    """Series whose steps have changed places, each with all that it holds; times stay where they are.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.arange(8.0).reshape(1, 1, 8), None)
        >>> other = shuffled(data)
        >>> sorted(other.values[0, :, 0].tolist()) == data.values[0, :, 0].tolist(), bool((other.dt == data.dt).all())
        (True, True)
    """
    key = np.random.default_rng(0).random(data.mask.shape)
    order = np.argsort(np.where(data.mask, key, 2.0), axis=1)[:, :, None]
    values = np.take_along_axis(data.values, order, axis=1)
    observed = np.take_along_axis(data.observed, order, axis=1)
    return replace(data, values=values, observed=observed)


def _some(part: Sequences, rng: np.random.Generator) -> Sequences:
    return part.select(np.sort(rng.permutation(len(part))[:_MOST]))


def _outcome(name: str, parts: Parts) -> RunOutcome:
    """What a summary model answers, as the outcome of a run of that name."""
    from caudal.estimators.summary import SummaryModel

    model = SummaryModel().fit(parts.train, val=parts.val)
    answers = gather(parts.test, model.answer(parts.test))
    blank = failed(Job("summary", "final", 0, 0), "")
    values, _ = measure(parts.test.task, answers.scores, answers.truth)
    run = replace(blank.run, model=name, metrics=values)
    return replace(blank, run=run, scores=answers.scores, series=answers.series, truth=answers.truth)
