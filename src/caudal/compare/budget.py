"""What a study spends: budgets by name, what overrides them, and the jobs that follow."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from caudal.compare.contenders.guests import asked
from caudal.compare.contenders.registry import CONTENDERS, OWN, Entry, entry_of, suggest, usual
from caudal.compare.job import Disturber, Job, RunOutcome
from caudal.compare.metrics.metrics import HIGHER_IS_BETTER
from caudal.compare.metrics.scorers import Scorer, adopt, scorer_of
from caudal.compare.record import Budget, Scalar
from caudal.compare.verdict import Prefer, check_preference
from caudal.data.disturb import expected
from caudal.errors import InputError
from caudal.extras import need

# Trials start from this seed, which no final run has: what tuning saw once is not measured again.
TRIAL_SEED = 10_000
# Studies of different seeds share no seed of a run.
_APART = 100_000
BUDGETS: Mapping[str, Budget] = {
    "demo": Budget("demo", seeds=5, trials=2, epochs=20, trial_epochs=6, parameters=1500, resamples=1000),
    "small": Budget("small", seeds=5, trials=3, epochs=25, trial_epochs=10, parameters=2500),
    "full": Budget("full", seeds=5, trials=8, epochs=50, trial_epochs=20, parameters=2500),
}
# The demo takes one of each kind, so that it ends in minutes.
DEMO_MODELS = ("ltc-ncp-19", "cfc", "cfc-ncp", "liquid-ssm", "gru", "lstm", "trees", "summary", "trivial")
# What a network must beat stands beside it whether asked for or not.
_ALWAYS = ("trees", "summary", "trivial")
_LEAST = {"seeds": 1, "trials": 0, "epochs": 1, "trial_epochs": 1, "parameters": 50, "resamples": 100}


@dataclass(frozen=True)
class Schedule:
    """What will be run.

    Attributes:
        budget: what each contender spends.
        models: names of the contenders, in order.
        retrain: whether to train anew on changed times as well.
        metric: that decides; `""` is the usual one of the task.
        margin: difference in it that nobody would care about; None is the usual one.
        prefer: what decides among models within the margin.
        seed: from which the seeds of final runs are counted.
        folds: test parts that final runs take in turn; 0 where they share one.
        expect: disturbances that every model is trained for, with their levels.
        guests: contenders of the caller's own, by name.
        irregular: whether gaps differ, so that it is asked when an input acts.
        scorer: the metric that decides, where it is one of others.
        disturbers: disturbances of one's own, which the final runs meet beside those of caudal.
    """

    budget: Budget
    models: tuple[str, ...]
    retrain: bool
    metric: str = ""
    margin: float | None = None
    prefer: Prefer = "score"
    seed: int = 0
    folds: int = 0
    expect: Mapping[str, float] = field(default_factory=dict)
    guests: Mapping[str, Entry] = field(default_factory=dict)
    irregular: bool = True
    scorer: Scorer | None = None
    disturbers: tuple[Disturber, ...] = ()

    def folded(self, folds: int) -> "Schedule":
        """The same over folds: as many final runs as go round them, and no fewer than before."""
        rounds = -(-self.budget.seeds // folds)
        return replace(self, folds=folds, budget=replace(self.budget, seeds=rounds * folds))

    def finals(self, model: str, settings: Mapping[str, Scalar]) -> tuple[Job, ...]:
        """The final runs of a contender, one for each seed; the trivial one needs a single run."""
        budget = self.budget
        count = 1 if entry_of(model).kind == "trivial" and not self.folds else budget.seeds
        guest = self.guests.get(model)
        first = Job(model, "final", 0, 0, dict(settings), budget.epochs, budget.parameters, self.retrain, guest=guest)
        first = replace(first, scorer=self.scorer, disturbers=self.disturbers)
        start = _APART * self.seed
        return tuple(
            replace(first, number=n, seed=start + n, metric=self.metric, expect=self.expect) for n in range(count)
        )

    def trial(self, model: str, number: int, settings: Mapping[str, Scalar]) -> Job:
        """A run of tuning."""
        budget = self.budget
        return Job(
            model,
            "trial",
            number,
            TRIAL_SEED,
            dict(settings),
            budget.trial_epochs,
            budget.parameters,
            disturb=False,
            metric=self.metric,
            expect=self.expect,
            guest=self.guests.get(model),
            scorer=self.scorer,
        )

    def trials(self, model: str) -> int:
        """How many settings are tried: the same for each contender that has any."""
        return self.budget.trials if entry_of(model).space else 0

    @property
    def runs(self) -> int:
        """Number of runs in all."""
        return sum(self.trials(model) + len(self.finals(model, {})) for model in self.models)


def schedule(
    budget: str = "small",
    models: Sequence[object] | None = None,
    changes: Mapping[str, int] | None = None,
    *,
    metric: object = "",
    margin: float | None = None,
    prefer: str = "score",
    seed: int = 0,
    expect: Mapping[str, float] | None = None,
) -> Schedule:
    """A budget by name, changed where asked.

    Arguments:
        budget: `"demo"`, `"small"` or `"full"`.
        models: contenders, as `caudal.compare.compare` takes them; None takes the usual ones (of the demo budget: one
            of each kind).
        changes: of the budget by name: seeds, trials, epochs, trial_epochs, parameters, resamples; `retrain` (0 or 1)
            says whether models are trained anew on changed times, which only the full budget does by itself.
        metric, margin, prefer, seed, expect: see `Schedule`.

    Raises:
        InputError: a budget, preference, model or name of a change is unknown, a model stands twice, or a number is
            too small.

    Example:
        >>> schedule("demo", ["cfc", "gru"], {"seeds": 2}).budget
        Budget(name='custom', seeds=2, trials=2, epochs=20, trial_epochs=6, parameters=1500, resamples=1000)
    """
    if budget not in BUDGETS:
        raise InputError("compare", "budget", f"is {budget!r}; there are {', '.join(BUDGETS)}", "Name one of them.")
    changes = dict(changes or {})
    retrain = bool(changes.pop("retrain", budget == "full"))
    for name, value in changes.items():
        if name not in _LEAST:
            known = ", ".join((*_LEAST, "retrain"))
            raise InputError("compare", "set", f"names {name!r}; a budget has {known}", "Name one of them.")
        if value < _LEAST[name]:
            raise InputError("compare", name, f"is {value}; expected at least {_LEAST[name]}", "Pass more.")
    made = replace(BUDGETS[budget], **cast("dict[str, Any]", changes))
    if made != BUDGETS[budget]:
        made = replace(made, name="custom")
    world = {str(kind): level for kind, level in expected("compare", "expect", expect).items()}
    preferred = check_preference(prefer)
    entered, scorer = asked(models), scorer_of(metric, tuple(HIGHER_IS_BETTER))
    name = str(metric) if scorer is None else adopt(scorer)
    names = _models(budget, entered.names)
    guests = _of_callers(names, entered.guests)
    return Schedule(made, names, retrain, name, margin, preferred, seed, expect=world, guests=guests, scorer=scorer)


def _of_callers(names: Sequence[str], guests: Mapping[str, Entry]) -> dict[str, Entry]:
    """Those that a process that only imports caudal would not know: handed over, or registered by the caller."""
    registered = {name: entry_of(name) for name in names if name not in OWN}
    return {**registered, **guests}


def _models(budget: str, models: Sequence[str] | None) -> tuple[str, ...]:
    chosen = tuple(models) if models else DEMO_MODELS if budget == "demo" else tuple(CONTENDERS)
    for name in chosen:
        entry_of(name)
    if len(set(chosen)) < len(chosen):
        twice = next(name for name in chosen if chosen.count(name) > 1)
        raise InputError("compare", "models", f"name {twice!r} twice", "Name each model once.")
    for family in ("liquid", "traditional"):
        if not any(entry_of(name).family == family for name in chosen):
            known = ", ".join(name for name, entry in CONTENDERS.items() if entry.family == family)
            raise InputError("compare", "models", f"hold no {family} one", f"Add one of {known}.")
    return (*chosen, *(name for name in _ALWAYS if name not in chosen))


# Trials of one round are proposed together and told together, in order. The number is fixed, so that the settings
# tried do not depend on how many workers there are, nor on which of them is faster.
ROUND = 4


class Tuner:
    """Proposes settings of one contender and keeps the best.

    The proposals follow from the seed and from what was told, in order: a resumed study tells stored outcomes and is
    given the same next settings.

    Arguments:
        model: name of the contender.
        schedule: how many trials, and what each may spend.
        metric: judged on validation.
        higher_is_better: of the metric.

    Raises:
        MissingExtraError: Optuna is not installed.
    """

    def __init__(self, model: str, schedule: Schedule, metric: str, higher_is_better: bool) -> None:
        self.model = model
        self._schedule = schedule
        self._metric, self._higher = metric, higher_is_better
        self._asked: list[tuple[object, Job]] = []
        self._told = 0
        self._best: tuple[float, Mapping[str, Scalar]] | None = None
        self._fixed = () if schedule.irregular else ("pairing",)
        self._study: Any = None
        if schedule.trials(model):
            self._study = _study(model, higher_is_better, self._fixed)

    @property
    def is_finished(self) -> bool:
        """Whether all trials have been told."""
        return self._told >= self._schedule.trials(self.model)

    @property
    def settings(self) -> Mapping[str, Scalar]:
        """The best settings so far; empty (the usual ones) where no trial gave a result."""
        return self._best[1] if self._best else {}

    def ask(self) -> tuple[Job, ...]:
        """The trials of the next round."""
        count = min(ROUND, self._schedule.trials(self.model) - self._told)
        self._asked = []
        for number in range(self._told, self._told + count):
            trial = self._study.ask()
            self._asked.append(
                (trial, self._schedule.trial(self.model, number, suggest(self.model, trial, self._fixed)))
            )
        return tuple(job for _, job in self._asked)

    def tell(self, outcomes: Sequence[RunOutcome | None]) -> None:
        """What came of the round, in the order asked; None or a failed run counts as a failed trial."""
        states = need("compare", "optuna").trial.TrialState
        for (trial, job), outcome in zip(self._asked, outcomes, strict=True):
            value = None if outcome is None or outcome.run.failed else outcome.run.val_metrics.get(self._metric)
            if value is None:
                self._study.tell(trial, state=states.FAIL)
            else:
                self._study.tell(trial, value)
                if self._best is None or ((value > self._best[0]) == self._higher and value != self._best[0]):
                    self._best = (value, job.settings)
        self._told += len(self._asked)


def _study(model: str, higher_is_better: bool, fixed: tuple[str, ...]) -> Any:
    optuna = need("compare", "optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Not `hash`, which differs from process to process.
    seed = int.from_bytes(hashlib.sha256(model.encode()).digest()[:4], "big")
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND),
    )
    first = usual(model, fixed)
    study.enqueue_trial(first)
    if "pool" in first:  # the largest lever there is, so that every budget with two trials pulls it for every network
        study.enqueue_trial({**first, "pool": "last" if first["pool"] == "mean" else "mean"})
    return study
