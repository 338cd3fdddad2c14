"""The networks of a study as C on simulated microcontrollers: what the export answers, and what a step of it costs."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal import export
from caudal.compare.contenders.base import ContenderAnswers, gather, network_in, unpacked
from caudal.compare.contenders.registry import entry_of
from caudal.compare.job import Parts, RunOutcome
from caudal.compare.metrics import metrics
from caudal.compare.record import Chip, Chips, DataFacts, OnChip
from caudal.data import Encoder, Sequences
from caudal.errors import BackendError, InputError
from caudal.export.plan.read import scaling_of
from caudal.export.program.intervals import Broken
from caudal.nn import Readout
from caudal.train import examples

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

DTYPE: Literal["int16"] = "int16"
RUNS_ON, BUILT_FOR = "Cortex-M4F", "AVR"
# Steps of the test series that an export answers, at most: its twin takes about 20 microseconds for each.
_STEPS, _BATCH = 60_000, 256


class _Judged(NamedTuple):
    """A network with its encoder and test series, in times that an export reads."""

    net: Readout
    encoder: Encoder
    test: Sequences
    shortest: float | None


def chips(finals: Mapping[str, Sequence[RunOutcome]], parts: Parts, shortest: float | None = None) -> Chips | None:
    """Export the network of the first seed of each contender, judge it on test series, and run it on a chip.

    Arguments:
        finals: contender -> final outcomes, in the order of seeds.
        parts: the series, divided.
        shortest: elapsed time that the integers must resolve, in the unit of the data; None leaves it to the export.

    Returns:
        figures and refusals; None where the study holds no network.
    """
    models = {name: network_in(unpacked(outcomes[0].model)) for name, outcomes in finals.items() if outcomes[0].model}
    if all(model is None for model in models.values()):
        return None
    rows = judged_rows(parts.test)
    test = parts.test.select(rows)
    figures = []
    for name, outcomes in finals.items():
        model = models.get(name)
        if model is not None:
            metric = metrics.plan_of(test, outcomes[0].job.metric).primary
            figures.append(_chip(name, model, test, _of_rows(outcomes[0], rows), shortest, metric))
        elif entry_of(name).kind != "trivial":
            failed = outcomes[0].run.failed
            figures.append(
                Chip(name, "failed" if failed else "no network", failed or f"{entry_of(name).label} is no network")
            )
    return Chips(DTYPE, len(test), shortest, missing(), tuple(figures))


def _of_rows(outcome: RunOutcome, rows: NDArray[np.int64]) -> ContenderAnswers:
    """What the network answered to some of the test series."""
    kept_rows = np.isin(outcome.series, rows)
    return ContenderAnswers(outcome.scores[kept_rows], outcome.series[kept_rows], outcome.truth[kept_rows])


def regular_gap(facts: DataFacts) -> float | None:
    """The gap of data whose gaps are all about the same: nothing shorter has to be resolved."""
    same = isclose(facts.gap_low, facts.gap_high, rel_tol=0.01)
    return facts.gap_median if same and facts.gap_median > 0 else None


def missing() -> dict[str, str]:
    """Machine -> the program that is not installed, of those that a study asks."""
    lacking = {RUNS_ON: export.TARGETS[RUNS_ON].missing(), BUILT_FOR: export.TARGETS[BUILT_FOR].missing()}
    return {target: program for target, program in lacking.items() if program}


def judged_rows(test: Sequences) -> NDArray[np.int64]:
    """Test series that exports are judged on: all, or as many drawn ones as hold 60,000 steps."""
    order = np.random.default_rng(0).permutation(len(test))
    count = int(np.searchsorted(np.cumsum(test.lengths[order]), _STEPS, side="right"))
    return np.sort(order[: max(1, count)]).astype(np.int64)


def _chip(
    name: str, model: "LiquidEstimator", test: Sequences, answers: ContenderAnswers, shortest: float | None, metric: str
) -> Chip:
    """The network as C, or why it has no such form: what fails here must not cost the study."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            return _exported(name, _straight(model, test, shortest), answers, Path(scratch) / "policy", test, metric)
    except InputError as error:
        return Chip(name, _code(error), error.fault)
    except Exception as error:
        return Chip(name, "other", f"{type(error).__name__}: {error}")


def _exported(name: str, judged: _Judged, answers: ContenderAnswers, place: Path, test: Sequences, metric: str) -> Chip:
    policy = export.c(judged.net, place, DTYPE, encoder=judged.encoder, shortest_dt=judged.shortest)
    theirs = gather(test, _answers(judged, policy.program))
    machines, fault = _built(policy)
    network, exported = (
        metrics.score(test.task, part.scores, part.truth, metric=metric).get(metric) for part in (answers, theirs)
    )
    is_bent = judged.test is not test
    return Chip(
        name,
        metric=metric,
        network=network,
        export=exported,
        widest=float(np.abs(theirs.scores - answers.scores).max()),
        state_bytes=policy.program.state_bytes(),
        dt_min=0.0 if is_bent else policy.dt_min,
        is_bent=is_bent,
        machines=machines,
        fault=fault,
    )


def _straight(model: "LiquidEstimator", test: Sequences, shortest: float | None) -> _Judged:
    """Times as an export reads them: where the network is told `log1p` of a gap, that is the time of its step."""
    encoder = model.encoder_
    if encoder.clock == "plain":
        return _Judged(model.net_, encoder, test, shortest)
    gap = encoder.scaler.gap
    plain = replace(encoder, clock="plain", scaler=replace(encoder.scaler, gap=1.0))
    ahead = None if test.ahead is None else (test.ahead / gap).astype(test.ahead.dtype)
    bent = replace(test, dt=encoder.told(test.dt / gap).astype(test.dt.dtype), ahead=ahead)
    return _Judged(model.net_, plain, bent, None)


def _answers(judged: _Judged, program: export.Program) -> NDArray[np.float64]:
    """What the chip answers, as the study judges it; long and short series apart, for speed."""
    test, scaling = judged.test, scaling_of(judged.net, judged.encoder)
    seen = examples(judged.encoder, test.without_target())
    x = seen.x.double().numpy() * np.array(scaling.std) + np.array(scaling.mean)
    dt, lengths = seen.dt.double().numpy() * scaling.gap, seen.lengths.numpy()
    is_each = test.task.is_per_step
    twin, order = export.Twin(program), np.argsort(lengths, kind="stable")
    scores = np.zeros((*x.shape[:2], judged.net.outputs) if is_each else (len(x), judged.net.outputs))
    for begin in range(0, len(order), _BATCH):
        rows = order[begin : begin + _BATCH]
        most = int(lengths[rows[-1]])
        batch = twin.run(x[rows, :most], dt[rows, :most])
        if is_each:
            scores[rows, :most] = batch
        else:
            scores[rows] = batch[np.arange(len(rows)), lengths[rows] - 1]
    if test.classes:
        return np.asarray(softmax(scores))
    return scores.reshape(len(scores), -1, len(test.outputs)) if test.ahead is not None else scores


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities over the last axis.

    Example:
        >>> softmax(np.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
    """
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _built(exported: export.Export) -> tuple[tuple[OnChip, ...], str]:
    """The export on each machine that is at hand, and what went wrong."""
    lacking, machines, faults = missing(), [], []
    try:
        if RUNS_ON not in lacking:
            ran = export.measure(exported.folder, RUNS_ON)
            machines.append(
                OnChip(RUNS_ON, ran.flash, ran.state, ran.stack, ran.counted, ran.counts, ran.digest == exported.digest)
            )
        if BUILT_FOR not in lacking:
            flash, stack = export.footprint(exported.folder, BUILT_FOR)
            machines.append(OnChip(BUILT_FOR, flash, exported.program.state_bytes(), stack))
    except BackendError as error:
        faults.append(str(error))
    return tuple(machines), " ".join(faults)


def _code(error: InputError) -> str:
    if isinstance(error.__cause__, Broken):
        return "range"
    return "time" if error.argument == "encoder" else "layer" if error.argument == "model" else "other"
