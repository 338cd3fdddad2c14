"""The runs of a study, in an order that leaves it whole wherever it ends: by the clock, or a score that is enough."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from caudal.compare.budget import Schedule, Tuner
from caudal.compare.contenders.registry import entry_of
from caudal.compare.data import Source
from caudal.compare.executors import Executor, open_executor
from caudal.compare.job import Job, Parts, RunOutcome
from caudal.compare.metrics.metrics import MetricPlan, plan_of
from caudal.compare.progress import Watcher, roughly
from caudal.compare.record import Unfinished
from caudal.compare.runner import JobCrew, Runner
from caudal.compare.store import Store
from caudal.errors import CaudalError, InputError

# Shares of the time: of all runs, the rest measures and writes; of tuning; of the first seeds of all contenders.
_RUNS, _TUNING, _FIRST = 0.8, 0.3, 0.6
# Below so many seconds a trial tells nothing: models run with their usual settings.
_LEAST_TRIAL = 4.0
_LEAST_MINUTES = 0.5
Finals = dict[str, list[RunOutcome]]


@dataclass(frozen=True)
class Limits:
    """What may end a study before all its runs are done.

    Attributes:
        minutes: in all, from `begun`; None without a limit.
        good_enough: value of the deciding metric, on validation, from which on no further seed is run.
        only_stored: run nothing: what is stored is all there is.
        begun: when the study began, by `time.monotonic`.

    Raises:
        InputError: the minutes are too few, or a value is not finite.
    """

    minutes: float | None = None
    good_enough: float | None = None
    only_stored: bool = False
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.minutes is not None and not (_LEAST_MINUTES <= self.minutes < math.inf):
            fault = f"is {self.minutes:g}; expected at least {_LEAST_MINUTES:g}"
            raise InputError("compare", "minutes", fault, "Give it the time of a few short trainings.")
        if self.good_enough is not None and not math.isfinite(self.good_enough):
            raise InputError("compare", "good_enough", f"is {self.good_enough}; expected a number", "Pass a score.")

    @property
    def are_set(self) -> bool:
        """Whether anything limits the study."""
        return self.minutes is not None or self.good_enough is not None or self.only_stored

    @property
    def until(self) -> float | None:
        """When runs end, by `time.monotonic`."""
        if self.only_stored:
            return self.begun
        return None if self.minutes is None else self.begun + 60 * _RUNS * self.minutes

    @property
    def left(self) -> float:
        """Seconds for runs."""
        return math.inf if self.until is None else max(0.0, self.until - time.monotonic())

    @property
    def left_in_all(self) -> float:
        """Seconds until the study must have ended."""
        return math.inf if self.minutes is None else max(0.0, self.begun + 60 * self.minutes - time.monotonic())

    def has(self, seconds: float) -> bool:
        """Whether so many seconds are left for what is measured after the runs."""
        return not self.only_stored and self.left_in_all > seconds


@dataclass(frozen=True)
class RunRoom:
    """Where and with what runs are done.

    Attributes:
        store: of finished runs.
        source: the data.
        agenda: what is to be run.
        machine: where.
        runner: does one run.
        watcher: is told.
        limits: what ends the study.
    """

    store: Store
    source: Source
    agenda: Schedule
    machine: Executor
    runner: Runner
    watcher: Watcher
    limits: Limits

    @property
    def plan(self) -> MetricPlan:
        """What is measured."""
        return plan_of(self.source.parts.train, self.agenda.metric, self.agenda.margin)

    def crew(self, parts: Parts, until: float | None = None) -> JobCrew:
        """Hands for the runs on some parts."""
        return JobCrew(self.store, self.machine, self.runner, parts, self.watcher, self.plan.primary, until)


def run_all(
    store: Store,
    source: Source,
    agenda: Schedule,
    executor: str,
    workers: int | None,
    watcher: Watcher,
    runner: Runner,
    limits: Limits,
) -> tuple[Finals, float, Unfinished | None]:
    """Final outcomes by contender, the time of all runs together, and what was left out.

    Raises:
        CaudalError: the time was too short for one liquid and one traditional model.
    """
    with open_executor("inline" if limits.only_stored else executor, workers) as machine:
        room = RunRoom(store, source, agenda, machine, runner, watcher, limits)
        if not store.count(agenda.models) and not limits.only_stored:
            watcher.say(estimate(source, agenda, machine.workers))
        watcher.start(agenda.runs, store.count(agenda.models), machine.workers, waiting(agenda, store))
        tuners, spent = _tuned(room)
        if limits.are_set:
            finals, unfinished = _rounds(room, tuners)
        else:
            finals, unfinished = _all_finals(room, tuners), None
    for outcomes in finals.values():
        outcomes.sort(key=lambda outcome: outcome.job.number)
    return finals, spent + sum(outcome.run.seconds for outcomes in finals.values() for outcome in outcomes), unfinished


def waiting(agenda: Schedule, store: Store) -> dict[tuple[str, str], int]:
    """Runs to come of each model and phase, taking what is stored of a model as its first ones."""
    counts: dict[tuple[str, str], int] = {}
    for model in agenda.models:
        stored, trials = store.count([model]), agenda.trials(model)
        counts[model, "trial"] = max(0, trials - stored)
        counts[model, "final"] = len(agenda.finals(model, {})) - max(0, stored - trials)
    return counts


def _tuned(room: RunRoom) -> tuple[list[Tuner], float]:
    """Tuners that have told all their trials, or those that the time allowed; and the seconds of their runs."""
    plan, agenda, limits = room.plan, room.agenda, room.limits
    tuners = [Tuner(model, agenda, plan.primary, plan.higher_is_better) for model in agenda.models]
    until = None if limits.until is None else time.monotonic() + _TUNING * limits.left
    count = sum(agenda.trials(model) for model in agenda.models)
    share = _TUNING * limits.left * room.machine.workers / max(1, count)
    if limits.minutes is not None and count and share < _LEAST_TRIAL and not limits.only_stored:
        room.watcher.say(f"note: {limits.minutes:g} minutes leave no time for tuning: models run as they usually are.")
        return tuners, 0.0
    spent = 0.0
    with room.crew(room.source.parts, until) as crew:
        while asking := [tuner for tuner in tuners if not tuner.is_finished]:
            rounds = [tuner.ask() for tuner in asking]
            jobs = [_limited(job, share, limits) for jobs in rounds for job in jobs]
            outcomes = crew.run(jobs)
            spent += sum(outcome.run.seconds for outcome in outcomes)
            for tuner, asked in zip(asking, rounds, strict=True):
                tuner.tell([outcomes.pop(0) for _ in asked])
            if until is not None and time.monotonic() >= until:
                break
    return tuners, spent


def _limited(job: Job, share: float, limits: Limits) -> Job:
    """The job with the seconds it may take, where the study has a clock."""
    return job if limits.minutes is None else replace(job, seconds=max(1.0, min(share, 1e9)))


def _all_finals(room: RunRoom, tuners: Sequence[Tuner]) -> Finals:
    """The final runs of all contenders: the first seed of each, then the second."""
    agenda, folds = room.agenda, max(1, room.agenda.folds)
    last = [job for tuner in tuners for job in agenda.finals(tuner.model, tuner.settings)]
    last.sort(key=lambda job: job.number)
    finals: Finals = {tuner.model: [] for tuner in tuners}
    for fold in range(folds):
        with room.crew(room.source.part_of(fold)) as crew:
            for outcome in crew.run([job for job in last if job.number % folds == fold]):
                finals[outcome.job.model].append(outcome)
    return finals


def _rounds(room: RunRoom, tuners: Sequence[Tuner]) -> tuple[Finals, Unfinished | None]:
    """Final runs seed by seed, as many seeds of all contenders as the limits allow."""
    agenda, limits, size = room.agenda, room.limits, max(1, room.agenda.folds)
    ordered = _in_turn(tuners)
    planned, number, last, reason = agenda.budget.seeds // size, 0, 0.0, ""
    finals: Finals = {}
    while number < planned and not reason:
        if number and last > limits.left and not limits.only_stored:
            reason = "time"
            break
        begun = time.monotonic()
        share = limits.left * room.machine.workers / max(1, len(ordered) * size)
        share *= _FIRST if number == 0 and planned > 1 else 1 / (planned - number)
        jobs = [
            _limited(job, share, limits)
            for tuner in ordered
            for job in agenda.finals(tuner.model, tuner.settings)
            if job.number // size == number
        ]
        outcomes = _run_folds(room, jobs, size)
        missing = {job.model for job in room.store.missing(jobs)}
        if missing and number:
            reason = "time"
            break
        for outcome in outcomes:
            if outcome.job.model not in missing:
                finals.setdefault(outcome.job.model, []).append(outcome)
        ordered = [tuner for tuner in ordered if tuner.model in finals]
        last, number = time.monotonic() - begun, number + 1
        _need_families(room, finals)
        if _is_enough(room, finals):
            reason = "good enough"
        elif missing:
            reason = "time" if number == planned else ""
    reason = "asked" if limits.only_stored else reason
    absent = tuple(tuner.model for tuner in tuners if tuner.model not in finals)
    finals = {tuner.model: finals[tuner.model] for tuner in tuners if tuner.model in finals}
    cut = tuple(name for name, outcomes in finals.items() if any(outcome.run.cut for outcome in outcomes))
    untuned = tuple(tuner.model for tuner in tuners if not tuner.is_finished and tuner.model in finals)
    if number == planned and not absent and not cut and not untuned:
        return finals, None
    reason = reason or "time"
    minutes = limits.minutes or 0.0
    return finals, Unfinished(reason, minutes, limits.good_enough, number * size, planned * size, absent, cut, untuned)


def _in_turn(tuners: Sequence[Tuner]) -> list[Tuner]:
    """Contenders in the order of their runs: those of a moment, then liquid and traditional ones in turn."""
    quick = [tuner for tuner in tuners if entry_of(tuner.model).kind in ("trivial", "summary")]
    rest = [tuner for tuner in tuners if tuner not in quick]
    liquid = [tuner for tuner in rest if entry_of(tuner.model).family == "liquid"]
    liquid.sort(key=lambda tuner: entry_of(tuner.model).wired)  # a wired one takes longer
    other = [tuner for tuner in rest if tuner not in liquid]
    both = [tuner for pair in zip(liquid, other, strict=False) for tuner in pair]
    return [*quick, *both, *(tuner for tuner in rest if tuner not in both)]


def _run_folds(room: RunRoom, jobs: Sequence[Job], folds: int) -> list[RunOutcome]:
    outcomes: list[RunOutcome] = []
    for fold in range(folds):
        with room.crew(room.source.part_of(fold), room.limits.until) as crew:
            outcomes += crew.run([job for job in jobs if job.number % folds == fold])
    return outcomes


def _need_families(room: RunRoom, finals: Mapping[str, Sequence[RunOutcome]]) -> None:
    """Refuse a study without a liquid and a traditional model.

    Raises:
        CaudalError: the time was too short, or nothing is stored yet.
    """
    families = {entry_of(name).family for name in finals}
    if {"liquid", "traditional"} <= families:
        return
    done, wanted = room.store.count(room.agenda.models), room.agenda.runs
    if room.limits.only_stored:
        remedy = "Ask again once a liquid and a traditional model have finished a final run."
        raise CaudalError(f"report: there is no verdict yet; {done} of {wanted} runs are stored. {remedy}")
    names = ", ".join(finals) or "none"
    fault = f"{room.limits.minutes:g} minutes are too short: the models that finished are {names}"
    raise CaudalError(f"compare: {fault}. Give more minutes, or fewer --models; what is done is kept.")


def _is_enough(room: RunRoom, finals: Mapping[str, Sequence[RunOutcome]]) -> bool:
    """Whether a contender that learns is good enough on validation, on average over its runs."""
    goal, plan = room.limits.good_enough, room.plan
    if goal is None:
        return False
    for name, outcomes in finals.items():
        scores = [outcome.run.val_metrics.get(plan.primary) for outcome in outcomes if not outcome.run.failed]
        known = [score for score in scores if score is not None]
        if known and entry_of(name).family != "trivial":
            mean = sum(known) / len(known)
            if mean >= goal if plan.higher_is_better else mean <= goal:
                return True
    return False


def estimate(source: Source, agenda: Schedule, workers: int) -> str:
    """About how long all runs take, as a line, from the steps to be trained; the board measures as they go.

    Arguments:
        source: the data.
        agenda: what is to be run.
        workers: runs at once.
    """
    steps = float(source.parts.train.lengths.sum())
    budget, seconds = agenda.budget, 0.0
    for model in agenda.models:
        kind = entry_of(model).kind
        per_step = _SECONDS_PER_STEP.get(kind, _SECONDS_PER_STEP["network"])
        passes = agenda.trials(model) * budget.trial_epochs + len(agenda.finals(model, {})) * budget.epochs
        seconds += _SECONDS_PER_RUN * (agenda.trials(model) + len(agenda.finals(model, {}))) + passes * steps * per_step
    low, high = (roughly(seconds / workers * factor) for factor in (0.5, 2.0))
    return f"estimate: {agenda.runs} runs, {workers} at once: {low} to {high}; a first guess, measured as they go."


# Of one pass over one step, and of a run whatever its length; measured with networks of 2,500 parameters.
_SECONDS_PER_STEP: Mapping[str, float] = {"network": 4e-5, "trees": 2e-5, "summary": 1e-6, "trivial": 1e-8}
_SECONDS_PER_RUN = 1.0
