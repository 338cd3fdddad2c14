"""Tuning: so many trials for each contender, chosen by Optuna, judged on validation only."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from caudal.compare.job import Job, Outcome
from caudal.compare.need import need
from caudal.compare.plan import Schedule
from caudal.compare.space import suggest, usual
from caudal.records.study import Scalar

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
        self._asked: list[tuple[Any, Job]] = []
        self._told = 0
        self._best: tuple[float, Mapping[str, Scalar]] | None = None
        self._study: Any = None
        if schedule.trials(model):
            self._study = _study(model, higher_is_better)

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
            self._asked.append((trial, self._schedule.trial(self.model, number, suggest(self.model, trial))))
        return tuple(job for _, job in self._asked)

    def tell(self, outcomes: Sequence[Outcome | None]) -> None:
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


def _study(model: str, higher_is_better: bool) -> Any:
    optuna = need("compare", "optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Not `hash`, which differs from process to process.
    seed = int.from_bytes(hashlib.sha256(model.encode()).digest()[:4], "big")
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND),
    )
    study.enqueue_trial(usual(model))
    return study
