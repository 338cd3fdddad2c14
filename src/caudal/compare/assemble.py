"""A study from its outcomes."""

import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from caudal._version import __version__
from caudal.compare import verdict
from caudal.compare.budget import Schedule
from caudal.compare.data import Source
from caudal.compare.job import Parts, RunOutcome
from caudal.compare.measure.energy import energy_of
from caudal.compare.measure.fairness import fairness, group_scores
from caudal.compare.measure.matters import matters
from caudal.compare.measure.timing import Timing
from caudal.compare.metrics import summary
from caudal.compare.metrics.metrics import plan_of
from caudal.compare.metrics.record import Paired
from caudal.compare.record import Chips, Contender, Provenance, Run, Study
from caudal.data import Sequences
from caudal.energy import Spent
from caudal.errors import CaudalError

_PACKAGES = ("torch", "numpy", "numba", "scikit-learn", "optuna", "ray")
_FEW = 5


def assemble(
    finals: Mapping[str, Sequence[RunOutcome]],
    source: Source,
    agenda: Schedule,
    took: Mapping[str, Timing],
    started: str,
    command: str,
    spent: float,
    chips: Chips | None = None,
    joules: Mapping[str, Spent] | None = None,
    place: tuple[str, str] = ("", ""),
) -> Study:
    """Figures, comparisons and verdict of all outcomes.

    Arguments:
        finals: contender -> final outcomes, in the order of seeds.
        source: the data.
        agenda: what was to be run.
        took: times of steps and series.
        started: when the study began, ISO 8601.
        command: what was typed.
        spent: seconds of all runs together.
        chips: the networks on a microcontroller.
        joules: of a decision and of a training, by contender.
        place: what a command is given as source, and the folder of the results.

    Raises:
        CaudalError: all runs of the liquid or of the traditional contenders failed.
    """
    test, plan = source.parts.test, plan_of(source.parts.train, agenda.metric, agenda.margin)
    budget = agenda.budget
    tests = [parts.test for parts in source.folds or (source.parts,)]
    overlap = _overlap(source.folds)
    found = summary.panel(finals, plan, owners_of(tests), budget.seeds, budget.resamples, overlap)
    contenders = {
        model: _contender(every, took.get(model), source.parts, (joules or {}).get(model))
        for model, every in finals.items()
    }
    primary = {model: found.spread(model, plan.primary) for model in found.outcomes}
    ranked = summary.ranked(found, primary)
    verdict.check_families(ranked, contenders)
    trivial = next((primary[name].value for name in ranked if contenders[name].family == "trivial"), None)
    aim = verdict.Aim(plan.margin_of(trivial), plan.higher_is_better, agenda.prefer)
    pairs = summary.compare_all(found, primary, contenders, aim.margin)
    curves = summary.curves(found)
    last = [model for model in finals if model not in found.outcomes]
    scores = group_scores(found, source.parts, owners(test))
    scores_of = {name: primary[name].value for name in ranked}
    judged = verdict.judge(scores_of, contenders, pairs, aim, curves, budget.seeds)
    judged = replace(judged, worlds=summary.worlds(found, judged.use, aim.margin, agenda.expect))
    names = {judged.use, judged.best_liquid, judged.best_traditional}
    first = {model: every[:1] for model, every in finals.items()} if source.folds else finals
    fair = fairness(first, source.parts, owners(test), source.facts, tuple(names))
    return Study(
        data=source.facts,
        budget=budget,
        metric=plan.primary,
        higher_is_better=plan.higher_is_better,
        metric_names=plan.names,
        contenders=tuple(contenders[name] for name in (*ranked, *last)),
        runs=tuple(_finite(outcome.run) for every in finals.values() for outcome in every),
        summary=summary.summarise(found, primary),
        comparisons=pairs,
        curves=curves,
        timing=summary.clocks(found, "timing"),
        retrained=summary.clocks(found, "retrained"),
        calibration=summary.calibrations(found),
        groups=scores,
        circuits=tuple(o.circuit for every in finals.values() for o in every if o.circuit is not None),
        verdict=judged,
        provenance=provenance(started, command, spent, *place),
        not_measured=_left_open(agenda, found.is_small, bool(fair), chips, joules or {}),
        chips=chips,
        fairness=fair,
        matters=_matters(source, agenda),
        expect=dict(agenda.expect),
    )


def owners(test: Sequences) -> NDArray[np.int64]:
    """`(series,)` position of the owner of each test series: its group, or itself."""
    return owners_of([test])[0]


def owners_of(tests: Sequence[Sequences]) -> tuple[NDArray[np.int64], ...]:
    """The same for several test parts, one position for each owner of any."""
    names = [test.ids if test.group is None else test.group for test in tests]
    place = np.unique(np.concatenate(names), return_inverse=True)[1].astype(np.int64)
    return tuple(np.split(place, np.cumsum([len(each) for each in names])[:-1]))


def _matters(source: Source, agenda: Schedule) -> tuple[Paired, ...]:
    """Whether time and order matter; nothing where a summary model cannot be trained."""
    with suppress(CaudalError, ValueError):
        return matters(source.parts, owners(source.parts.test), agenda.metric, agenda.margin)
    return ()


def _overlap(folds: Sequence[Parts]) -> float:
    """Test series over training series, on average over folds; 0 without."""
    return float(np.mean([len(parts.test) / len(parts.train) for parts in folds])) if folds else 0.0


def _contender(every: Sequence[RunOutcome], took: Timing | None, parts: Parts, spent: Spent | None) -> Contender:
    good = [outcome for outcome in every if not outcome.run.failed] or list(every)
    seconds = median(outcome.contender.fit_seconds for outcome in good)
    made = replace(good[0].contender, fit_seconds=seconds, energy=energy_of(every, parts, spent))
    return made if took is None else replace(made, step_microseconds=took.step, series_microseconds=took.series)


def _finite(run: Run) -> Run:
    """The run with a history that JSON can hold."""
    history = tuple((a, b) for a, b in run.history if np.isfinite(a) and (b is None or np.isfinite(b)))
    return replace(run, history=history)


def _left_open(
    agenda: Schedule, is_small: bool, is_fair: bool, chips: Chips | None, joules: Mapping[str, Spent]
) -> tuple[str, ...]:
    codes = ["one data set"] if agenda.folds else ["one split", "one data set"]
    if is_small:
        codes.append("few owners")
    if agenda.budget.seeds < _FEW:
        codes.append("few seeds")
    if not agenda.budget.trials:
        codes.append("no tuning")
    if not agenda.retrain:
        codes.append("no retraining on changed times")
    codes.append("no mitigation" if is_fair else "no fairness")
    if chips is None or chips.missing:
        codes.append("no chips")
    if not any(one.decision.label == "measured" for one in joules.values()):
        codes.append("no joules")
    return (*codes, "no audit")


def provenance(started: str, command: str, spent: float, source: str = "", folder: str = "") -> Provenance:
    """How to do it again; nothing in it names a host or a user."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    machine = f"{_processor()}, {os.cpu_count()} threads"
    return Provenance(command, versions, machine, started, spent, __version__, source, folder)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"
