"""One run from job to outcome: train, judge, change the clock, disturb, draw."""

import math
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from caudal.compare.contenders.base import (
    ContenderAnswers,
    Progress,
    TrainedContender,
    gather,
    network_in,
    one_thread,
    packed,
)
from caudal.compare.contenders.guests import adopt
from caudal.compare.contenders.registry import CONTENDERS, Plan, entry_of, settings_of
from caudal.compare.job import Job, Parts, RunOutcome
from caudal.compare.measure.circuits import circuit_of
from caudal.compare.measure.timing import compiling
from caudal.compare.metrics import metrics, scorers
from caudal.compare.record import Contender, Run
from caudal.data import Sequences
from caudal.data.disturb import KINDS, LEVELS, disturb, retime
from caudal.data.scaler import Scaler
from caudal.estimators.features import known_targets
from caudal.nn.decide import best_threshold
from caudal.train import Epoch

# Share of the seconds of a run that training may take.
_TRAINING = 0.7
_CLOCKS = ("true", "one", "shuffled")
# Passes of a training that stops as early as it may; a pass with its gradients costs about three without.
_PASSES, _COST = 5, 3


def run_job(job: Job, parts: Parts, progress: Progress | None = None) -> RunOutcome:
    """Do a run, at one thread so that it comes out the same on every machine of a kind.

    A model that diverges, or fails in any other way, is a result: `run.failed` says in words what happened, and there
    are no scores. Only what stops the program (Ctrl-C) passes.

    Arguments:
        job: what to do.
        parts: the series, divided.
        progress: told the share done, from 0 to 1, and what is being done.
    """
    start = perf_counter()
    if job.guest is not None:
        adopt(job.guest)
    if job.scorer is not None:
        scorers.adopt(job.scorer)
    try:
        with one_thread():
            return _run(job, parts, progress or (lambda share, words: None))
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
        run = Run(job.model, job.seed, {}, {}, 0, perf_counter() - start, failed=failed)
        return RunOutcome(job, run, _unknown(job), *_nothing())


def train(job: Job, parts: Parts, progress: Progress | None = None) -> TrainedContender:
    """Train the contender of a job, whatever its kind.

    Raises:
        InputError: a setting is unknown or out of range.
        NonFiniteError: training diverged.
    """
    entry, chosen = entry_of(job.model), settings_of(job.model, job.settings)
    longest = max(part.steps for part in (parts.train, parts.val, parts.test))
    model = entry.build(Plan(parts.train, longest, job.epochs, job.parameters, job.seed, job.expect), chosen)

    start, network = perf_counter(), network_in(model)

    def watch(epoch: Epoch) -> bool:
        if progress is not None:
            progress(epoch.number / job.epochs, f"epoch {epoch.number} of {job.epochs}, loss {epoch.train:.4g}")
        spent = perf_counter() - start
        # Whether another pass would outlast the share of the training.
        return job.seconds is not None and spent * (epoch.number + 1) / epoch.number > _TRAINING * job.seconds

    with compiling() as compiled:
        if network is None:
            model.fit(parts.train, val=parts.val)
        else:
            network.fit(parts.train, val=parts.val, watch=watch)
    # Kernels are compiled once on a machine, and are no cost of a model.
    seconds = max(0.0, perf_counter() - start - compiled[0])
    size = model.size(float(np.median(parts.train.lengths)))
    guess = getattr(model, "guess", None)
    summary = f"No model: {guess}." if guess else entry.summary
    contender = Contender(
        name=entry.name,
        label=entry.label,
        family=entry.family,
        summary=summary,
        settings=chosen,
        units=size.units,
        parameters=size.parameters,
        live_parameters=size.live_parameters,
        synapses=size.synapses,
        uses_dt=entry.uses_dt,
        macs_per_step=size.arithmetic,
        transcendentals_per_step=size.transcendentals,
        fit_seconds=seconds,
        kind=entry.kind,
        code=entry.code,
    )
    if network is None:
        return TrainedContender(contender, model)
    # Equal jobs give equal files: seconds are those of one run alone.
    passes = tuple(replace(epoch, seconds=math.nan) for epoch in network.fitted_.history)
    network.fitted_ = replace(network.fitted_, history=passes)
    history = tuple((epoch.train, epoch.val) for epoch in passes)
    return TrainedContender(contender, model, len(history), history, network.fitted_.best_epoch)


def _run(job: Job, parts: Parts, progress: Progress) -> RunOutcome:
    entry = entry_of(job.model)
    final = job.phase == "final"

    def training(share: float, words: str) -> None:
        progress((0.85 if final else 0.98) * share, words)

    start = perf_counter()
    progress(0.0, "training")
    trained = train(job, parts, training)
    task = parts.train.task
    judged = gather(parts.val, trained.answer(parts.val))
    threshold = trained.model.threshold_ = _threshold(job, parts.train, judged)
    run = Run(
        job.model,
        job.seed,
        {},
        metrics.score(task, judged.scores, judged.truth, threshold, job.metric),
        trained.epochs,
        trained.contender.fit_seconds,
        history=trained.history,
        best_epoch=trained.best_epoch,
        threshold=threshold,
        cut=getattr(getattr(network_in(trained.model), "fitted_", None), "stopped", "") == "watch",
    )
    if not final:
        progress(1.0, "done")
        return RunOutcome(job, run, trained.contender, *_nothing())
    progress(0.86, "testing")
    found = gather(parts.test, trained.answer(parts.test))
    values, left_out = metrics.measure(task, found.scores, found.truth, threshold, job.metric)
    if not getattr(trained.model, "gives_probabilities", True):
        left_out |= dict.fromkeys(metrics.OF_PROBABILITIES & values.keys(), "it gives no probabilities")
        values = {name: value for name, value in values.items() if name not in left_out}
    run = replace(run, metrics=values, left_out=left_out, timing=_timing(job, parts, trained))
    is_late = job.seconds is not None and perf_counter() - start > _TRAINING * job.seconds
    if job.disturb and is_late:
        run = replace(run, cut=True)
    if job.disturb and not is_late:
        progress(0.9, "disturbing the test series")
        run = _disturbed(run, job, parts, trained)
    if job.retrain_timing:
        run = replace(run, retrained=_retrained(job, parts, values, progress))
    circuit = circuit_of(trained, parts, found) if entry.wired and job.number == 0 else None
    model = packed(trained.model) if job.number == 0 else None
    progress(1.0, "done")
    return RunOutcome(job, run, trained.contender, found.scores, found.series, found.truth, circuit, model)


def _judge(job: Job, trained: TrainedContender, data: Sequences) -> float | None:
    """The metric that decides, on some series."""
    answers = gather(data, trained.answer(data))
    values = metrics.score(data.task, answers.scores, answers.truth, trained.model.threshold_, job.metric)
    return values.get(metrics.plan_of(data, job.metric).primary)


def _threshold(job: Job, train: Sequences, judged: ContenderAnswers) -> float | None:
    """The threshold of a trained model, by its answers to the validation series; None where there are not two classes.

    The share of the positive class in training stands in where validation holds too few of a class; of calibrated
    probabilities it is the one that finds most of both classes.
    """
    if len(train.classes) != 2 or entry_of(job.model).kind == "trivial":
        return None
    by = "accuracy" if job.metric == "accuracy" else "balanced"
    usual = float((known_targets(train)[1] == 1).mean())
    return best_threshold(judged.scores[:, 1], judged.truth == 1, usual, by=by)


def _timing(job: Job, parts: Parts, trained: TrainedContender) -> dict[str, float]:
    gap = Scaler.fit(parts.train).gap
    found = {how: _judge(job, trained, retime(parts.test, how, gap, job.seed)) for how in _CLOCKS}
    return {how: value for how, value in found.items() if value is not None}


def _disturbed(run: Run, job: Job, parts: Parts, trained: TrainedContender) -> Run:
    some = parts.test.select(disturbed_rows(job, parts))
    scaler = Scaler.fit(parts.train)
    curves: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        wanted = sorted({*LEVELS[kind], job.expect.get(kind, 0.0)})
        levels = {f"{x:g}": _judge(job, trained, disturb(some, kind, x, job.seed, scaler)) for x in wanted}
        curves[kind] = {level: value for level, value in levels.items() if value is not None}
    for disturber in job.disturbers:
        levels = {f"{x:g}": _judge(job, trained, disturber.function(some, x, job.seed)) for x in disturber.levels}
        curves[disturber.name] = {level: value for level, value in levels.items() if value is not None}
    return replace(run, robustness=curves, robustness_series=len(some))


def disturbed_rows(job: Job, parts: Parts) -> NDArray[np.int64]:
    """Test series on which robustness is measured: as many as cost no more steps than a short training.

    The draw depends on the seed alone, so that all contenders of a seed are measured on the same series.
    """
    order = np.random.default_rng([job.seed, 7]).permutation(len(parts.test))
    variants = sum(len(levels) for levels in LEVELS.values())
    budget = _COST * min(_PASSES, job.epochs) * int(parts.train.lengths.sum())
    steps = np.cumsum(parts.test.lengths[order]) * variants
    count = max(1, int(np.searchsorted(steps, budget, side="right")))
    return np.sort(order[:count])


def _retrained(job: Job, parts: Parts, values: dict[str, float], progress: Progress) -> dict[str, float]:
    gap, primary = Scaler.fit(parts.train).gap, metrics.plan_of(parts.train, job.metric).primary
    found = {"true": values[primary]} if primary in values else {}
    for k, how in enumerate(_CLOCKS[1:]):
        progress(0.94 + 0.02 * k, f"training anew with {how} gaps")
        three = (parts.train, parts.val, parts.test)
        changed = Parts(*(retime(part, how, gap, job.seed + at) for at, part in enumerate(three)))
        value = _judge(job, train(job, changed), changed.test)
        if value is not None:
            found[how] = value
    return found


def _nothing() -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    return np.zeros((0, 0), np.float32), np.zeros(0, np.int64), np.zeros(0)


def _unknown(job: Job) -> Contender:
    """A contender of which nothing was measured."""
    entry = CONTENDERS.get(job.model)
    label, family, summary = (entry.label, entry.family, entry.summary) if entry else (job.model, "traditional", "")
    return Contender(job.model, label, family, summary, dict(job.settings), 0, 0, 0, None, False, 0.0, 0.0, 0.0)
