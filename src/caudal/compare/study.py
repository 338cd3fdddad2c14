"""The main job: data and a budget in, a study with its verdict out."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from caudal import serial
from caudal._version import __version__
from caudal.compare.assemble import assemble
from caudal.compare.budget import Schedule, Tuner, schedule
from caudal.compare.contenders.base import TrainedModel, recipe_of, unpacked
from caudal.compare.contenders.guests import check_portable, disturbers, examine
from caudal.compare.contenders.registry import CONTENDERS
from caudal.compare.data import Source, open_source
from caudal.compare.job import RunOutcome
from caudal.compare.measure import energy, timing
from caudal.compare.measure.chips import chips as on_chips
from caudal.compare.measure.chips import missing, regular_gap
from caudal.compare.measure.timing import Timing
from caudal.compare.metrics.bootstrap import FEW_SEEDS
from caudal.compare.metrics.metrics import plan_of
from caudal.compare.metrics.scorers import check as check_scorer
from caudal.compare.parts import have_names_of_their_own
from caudal.compare.progress import Board, Silent, Watcher
from caudal.compare.recipe import STUDY_RECIPE, StudyRecipe, study_recipe
from caudal.compare.record import Chips, Study
from caudal.compare.rounds import Finals, Limits, run_all
from caudal.compare.run import run_job
from caudal.compare.runner import Runner
from caudal.compare.store import Store
from caudal.data import Columns
from caudal.energy import Span, Spent
from caudal.errors import InputError
from caudal.estimators.score import ids_of
from caudal.estimators.training import facts_of
from caudal.files import put
from caudal.intervals import Reading

STUDY = "study.json"
# Of what a stored run holds beside its figures; older ones hold bare networks, or no threshold.
_FORMAT = 3
# Seconds that a study needs to be put together and written, that the time of one step takes, and a network as C.
_WRITING, _TIMING, _CHIP = 25.0, 4.0, 6.0


def compare(
    data: object,
    out: str | Path,
    *,
    target: str | Sequence[str] | None = None,
    series: str | None = None,
    time: str | None = None,
    columns: Columns | Mapping[str, object] | None = None,
    folder: str | Path | None = None,
    protocol: str | None = None,
    by: str = "auto",
    seed: int = 0,
    folds: int | None = None,
    test: object = None,
    split_column: str | None = None,
    options: Mapping[str, object] | None = None,
    budget: str = "small",
    models: Sequence[object] | None = None,
    changes: Mapping[str, int] | None = None,
    metric: object = "",
    margin: float | None = None,
    prefer: str = "score",
    executor: str = "local",
    workers: int | None = None,
    watcher: Watcher | None = None,
    command: str = "",
    disturbances: Sequence[object] = (),
    keep: Callable[[TrainedModel], None] | None = None,
    chips: bool = True,
    watts: Span | None = None,
    runner: Runner = run_job,
    expect: Mapping[str, float] | None = None,
    minutes: float | None = None,
    good_enough: float | None = None,
    only_stored: bool = False,
    begun: float | None = None,
) -> Study:
    """Train liquid and traditional models at equal budget and say which to use, with its uncertainty.

    Every finished run is kept in `out` at once. Calling again with the same arguments goes on where the last call
    ended, however it ended; several processes may work on one folder.

    Arguments:
        data: name of a data set (`caudal.data.datasets.names()`), path of CSV or Parquet, data frame, `Dataset`, or
            `Sequences`.
        out: folder of results; made where it is not there.
        target, series, time: columns of a table.
        columns: further columns: a `Columns`, or its fields by name: features, static, sensitive, group, task, ...
        folder: of a named data set that does not ship in a package.
        protocol: of a named data set; None is `"clean"`.
        by: how a table is divided: `"auto"`, `"series"`, `"group"`, `"time"`.
        seed: of the division of a table, and of the weights of each run.
        folds: of a table: test every series once, in so many folds that keep groups whole, one run of each model in
            each; 1 keeps one test part; None folds where that part would hold fewer than 10 groups.
        test: table to test on, of the columns of `data`, so that figures compare with those of others; or `Sequences`,
            where `data` are.
        split_column: column of `data` that says train, validation or test of each series; a part of the training
            validates where it says of none.
        options: of a named data set, as `load` takes them.
        budget: `"demo"`, `"small"` or `"full"`.
        models: contenders: names; a class of layers of your own, or a layer; an estimator or pipeline of scikit-learn
            or aeon; an `Entry`, or what `contender` makes of any of these; `"module:object"`, which is imported; or a
            name that an installed package offers as `caudal.contenders`. Your own are looked at before anything is
            trained. None takes the usual ones. Trees, summary model and the trivial one always stand beside them.
        changes: of the budget: seeds, trials, epochs, trial_epochs, parameters, resamples, retrain.
        metric: that decides: a name of caudal or of a scorer of scikit-learn, a function of truth and answers (see
            `Scorer`), `"module:function"`, or a name that a package offers as `caudal.metrics`; `""` takes the usual
            one of the task.
        margin: difference in that metric that nobody would care about; None takes the usual one.
        prefer: what decides among models within the margin: `"score"`, `"cheap"`, `"robust"` or `"explainable"`.
        executor: `"local"`, `"inline"`, `"ray"` or `"ray:ADDRESS"`.
        workers: runs at once; None takes one per core.
        watcher: is told what happens; None draws on standard error.
        command: what was typed, for the provenance.
        disturbances: of your own, beside those of caudal: each a `Disturber`, `"module:object"` of one, or a name that
            a package offers as `caudal.disturbances`.
        keep: is given the model of the first seed of each contender that did not fail.
        chips: export the network of the first seed of each contender as C and run it on simulated microcontrollers,
            as far as their tools are installed; seconds a network.
        watts: of a busy core, from low to high: joules are estimated from processor time where no counter is. Either
            way each contender is trained once more, alone on the machine.
        runner: does one run; another one is for tests.
        expect: what the models will meet, as level by kind of `caudal.data.disturb`, such as `{"dropped": 0.4}`: each
            of them, whatever its family, is trained for it, as `augment` of the estimators says. The test series stay
            as they are; the section on robustness and the verdict tell the scores at these levels.
        minutes: end within so many: runs are done seed by seed and given up when the time is over, a network stops
            training before it outlasts its share, and `Study.unfinished` says what was left out. The same command goes
            on from there.
        good_enough: value of the metric that decides, on validation, that ends the study once a contender reaches it.
        begun: when the minutes began, by `time.monotonic`; None means now.
        only_stored: run nothing: a report on the way, from the runs that are stored in `out`.

    Returns:
        the study, also written to `study.json` in the folder.

    Raises:
        DataError: the data do not read, or an argument does not fit them.
        InputError: budget, model, metric, preference or executor is unknown; or the folder holds another study or
            cannot be written.
        FileFormatError: the stored runs are damaged.
        MissingExtraError: a package is not installed (`pip install "caudal[compare]"`).
        CaudalError: all runs of the liquid or of the traditional contenders failed.
    """
    given = Columns.of(columns, "compare", target=target, series=series, time=time)
    recipe = study_recipe([data], given, locals(), Path(out))
    agenda = schedule(budget, models, changes, metric=metric, margin=margin, prefer=prefer, seed=seed, expect=expect)
    limits = Limits(minutes, good_enough, only_stored, monotonic() if begun is None else begun)
    energy.check(watts)
    source = open_source(
        data,
        folder=folder,
        protocol=protocol,
        by=by,
        seed=seed,
        options=options,
        folds=folds,
        test=test,
        split_column=split_column,
        columns=given,
    )
    agenda = _fitted_to(source, agenda, disturbances)
    watcher = watcher or Board()
    _say_all(watcher, (*source.read, *_looked_at(agenda, source, executor)))
    store = Store(out, _facts(source, agenda))
    try:
        _write_recipe(recipe, out, only_stored)
        agenda = _with_stored(agenda, store, source, watcher)
        started = store.fact("started", datetime.now(UTC).isoformat(timespec="seconds"))
        finals, spent, unfinished = run_all(store, source, agenda, executor, workers, watcher, runner, limits)
        if unfinished is not None:
            agenda = replace(agenda, models=tuple(finals), budget=replace(agenda.budget, seeds=unfinished.seeds))
        recipes = _hand_over(finals, source, watcher, None if only_stored else keep)
        took, took_joules, small = _measured(store, source, finals, watcher, limits, watts, chips)
        # A command can be named where it can read the data, and where the models are files.
        place = (str(data), str(out)) if isinstance(data, str | Path) and keep is not None else ("", "")
        told = command or _call(data, out, budget)
        study = assemble(finals, source, agenda, took, started, told, spent, small, took_joules, place)
        tested = str(test) if isinstance(test, str | Path) and all(place) else ""
        origin = replace(study.provenance, test=tested, recipes=recipes)
        study = replace(study, unfinished=unfinished, provenance=origin)
    finally:
        watcher.close()
        store.close()
    return study if only_stored else _written(study, out)


def interim(folder: str | Path) -> Study:
    """The study of a folder as far as its runs are done, without running any.

    Arguments:
        folder: of results, in which `compare` was begun.

    Raises:
        MissingFileError: it holds no recipe of a study, as where the data were no file.
        CaudalError: too few runs are done for a verdict.
    """
    place = Path(folder)
    recipe = StudyRecipe.from_toml(place / STUDY_RECIPE)
    arguments: dict[str, Any] = dict(recipe.settings)
    return compare(recipe.data[0], place, columns=recipe.columns, watcher=Silent(), only_stored=True, **arguments)


def _written(study: Study, out: str | Path) -> Study:
    write_whole(Path(out) / STUDY, study.to_json())
    return study


def _say_all(watcher: Watcher, lines: Sequence[str]) -> None:
    for line in lines:
        watcher.say(line)


def _write_recipe(recipe: StudyRecipe | None, out: str | Path, only_stored: bool) -> None:
    """Write how the study is run again, where files can say it."""
    if recipe is not None and not only_stored:
        write_whole(Path(out) / STUDY_RECIPE, recipe.to_toml())


def _fitted_to(source: Source, agenda: Schedule, disturbances: Sequence[object]) -> Schedule:
    """The agenda with what follows from the data."""
    agenda = replace(agenda, irregular=regular_gap(source.facts) is None)
    if source.folds:
        agenda = agenda.folded(len(source.folds))
    if disturbances:
        agenda = replace(agenda, disturbers=disturbers(disturbances, source.parts.train))
    return agenda


def _measured(
    store: Store, source: Source, finals: Finals, watcher: Watcher, limits: Limits, watts: Span | None, chips: bool
) -> tuple[dict[str, Timing], dict[str, Spent], Chips | None]:
    """Times, joules and chips of the first run of each contender, as far as the time reaches."""
    first = [outcomes[0] for outcomes in finals.values()]
    took = _times(store, source, first, watcher) if limits.has(_WRITING + _TIMING * len(first)) else {}
    _warn_of_untrained(finals, watcher)
    again = sum(outcome.run.seconds for outcome in first)
    joules = _joules(store, source, first, watts, watcher) if limits.has(_WRITING + again) else {}
    small = _small(store, source, finals, watcher) if chips and limits.has(_WRITING + _CHIP * len(first)) else None
    return took, joules, small


def _looked_at(agenda: Schedule, source: Source, executor: str) -> list[str]:
    """Notes on what the caller brings.

    Raises:
        InputError: a contender or the metric does not fit the data or the executor.
    """
    train = source.parts.train
    plan = plan_of(train, agenda.metric, agenda.margin)
    if agenda.scorer is not None:
        check_scorer(agenda.scorer, len(train.classes), facts_of(train).outputs)
    notes = [examine(entry, train, plan.primary) for entry in agenda.guests.values()]
    if executor != "inline":
        for entry in agenda.guests.values():
            check_portable(entry)
    if agenda.budget.seeds <= FEW_SEEDS:
        seeds = agenda.budget.seeds
        notes.append(f"note: from {seeds} seeds no spread of training is told; three and more tell it.")
    return list(filter(None, notes))


def _with_stored(agenda: Schedule, store: Store, source: Source, watcher: Watcher) -> Schedule:
    """The same with all other contenders whose runs are stored: what a folder has told it does not forget."""
    plan = plan_of(source.parts.train, agenda.metric, agenda.margin)
    others = [name for name in CONTENDERS if name not in agenda.models and store.count([name])]
    whole = tuple(
        name for name in others if _is_stored(Tuner(name, agenda, plan.primary, plan.higher_is_better), agenda, store)
    )
    if whole:
        watcher.say(f"Also in the report, since their runs are stored here: {', '.join(whole)}.")
    return replace(agenda, models=(*agenda.models, *whole))


def _is_stored(tuner: Tuner, agenda: Schedule, store: Store) -> bool:
    """Whether all trials and final runs of a contender are stored."""
    while not tuner.is_finished:
        jobs = tuner.ask()
        if store.missing(jobs):
            return False
        tuner.tell([store.get(job) for job in jobs])
    return not store.missing(agenda.finals(tuner.model, tuner.settings))


def _times(store: Store, source: Source, first: Sequence[RunOutcome], watcher: Watcher) -> dict[str, Timing]:
    """Times of steps and series, measured together once all runs are done, and then kept."""
    good = [outcome for outcome in first if not outcome.run.failed]
    names = sorted(outcome.job.key for outcome in good)
    kept = json.loads(store.fact("times", "{}"))
    if kept.get("of") != names:
        watcher.say("Measuring the time of a step and of a series.")
        kept = {"of": names, "times": {name: list(time) for name, time in timing.measure(good, source.parts).items()}}
        store.note("times", json.dumps(kept))
    return {name: Timing(*time) for name, time in kept["times"].items()}


def _joules(
    store: Store, source: Source, first: Sequence[RunOutcome], watts: Span | None, watcher: Watcher
) -> dict[str, Spent]:
    """Joules where a counter is or watts are stated, kept as long as what is measured stays the same."""
    good = [outcome for outcome in first if not outcome.run.failed]
    of = [sorted(outcome.job.key for outcome in good), list(watts) if watts else None, energy.why_not(watts)]
    kept = json.loads(store.fact("readings", "{}"))
    if kept.get("of") != of:
        found = energy.measure(good, source.parts, watts, watcher.say)
        kept = {"of": of, "joules": {name: [asdict(reading) for reading in one] for name, one in found.items()}}
        store.note("readings", json.dumps(kept))
    return {name: Spent(*(serial.read(Reading, reading) for reading in pair)) for name, pair in kept["joules"].items()}


def _small(store: Store, source: Source, finals: Mapping[str, Sequence[RunOutcome]], watcher: Watcher) -> Chips | None:
    """The networks on a microcontroller, kept as long as the networks and the tools stay the same."""
    of = [sorted(every[0].job.key for every in finals.values()), missing()]
    stored = json.loads(store.fact("chips", "{}"))
    if stored.get("of") == of:
        return None if stored["chips"] is None else serial.from_json(Chips, stored["chips"])
    if any(every[0].model is not None for every in finals.values()):
        watcher.say("Exporting the networks as C and counting their steps on a simulated chip.")
    found = on_chips(finals, source.parts, regular_gap(source.facts))
    store.note("chips", json.dumps({"of": of, "chips": None if found is None else serial.to_json(found)}))
    return found


def _hand_over(
    finals: Mapping[str, Sequence[RunOutcome]],
    source: Source,
    watcher: Watcher,
    keep: Callable[[TrainedModel], None] | None,
) -> tuple[str, ...]:
    """Give each model away; names of those that a recipe trains anew."""
    if keep is None:
        return ()
    repeatable: list[str] = []
    for name, outcomes in finals.items():
        first = outcomes[0]
        if first.model is None:
            why = first.run.failed or "its estimator has no form of numbers and JSON"
            watcher.say(f"No model file of {name}: {why}.")
        else:
            model = unpacked(first.model)
            model.origin_ = _origin(first, source)
            # A recipe names cells that come with caudal, and data that another call finds again.
            is_named = bool(source.drawn.keys() & {"table", "dataset"})
            recipe = recipe_of(model, source.drawn) if is_named and not first.contender.code else None
            repeatable += [] if recipe is None else [name]
            keep(TrainedModel(name, model, recipe))
    return tuple(repeatable)


def _origin(first: RunOutcome, source: Source) -> dict[str, object]:
    """What the file of a model says about where it comes from; its test scores are those of this model alone."""
    job, parts, facts = first.job, source.part_of(first.job.number), source.facts
    return {
        "caudal": __version__,
        "study": {"data": facts.name, "digest": facts.digest, "split": facts.split, "contender": job.model},
        "seed": job.seed,
        "settings": first.contender.settings,
        "held_out": {"series": len(parts.test), "entries": len(first.truth), "scores": dict(first.run.metrics)},
        "data": parts.train.digest,
        "parts": ids_of(parts.train, parts.val, parts.test) if have_names_of_their_own(parts) else None,
    }


def _warn_of_untrained(finals: Mapping[str, Sequence[RunOutcome]], watcher: Watcher) -> None:
    for name, outcomes in finals.items():
        runs = [outcome.run for outcome in outcomes if outcome.run.is_hardly_trained]
        if runs:
            what = f"{len(runs)} of {len(outcomes)} runs of {name} kept the weights of pass 1, or their loss never fell"
            watcher.say(f"{what}: hardly trained. Validate on more series, or train longer: --set epochs=100.")


def _facts(source: Source, agenda: Schedule) -> dict[str, str]:
    """What two calls must agree on to share a folder; seeds, models and resamples may differ."""
    budget = agenda.budget
    return {
        "data": f"{source.facts.name} {source.facts.digest[:16]}",
        "version": f"{__version__}, models of format {_FORMAT}",
        "trials": str(budget.trials),
        "epochs": str(budget.epochs),
        "trial_epochs": str(budget.trial_epochs) if budget.trials else "any",
        "parameters": str(budget.parameters),
        "retrain": str(agenda.retrain),
        "expect": ", ".join(f"{kind}={level:g}" for kind, level in agenda.expect.items()) or "the series as they are",
    }


def _call(data: object, out: str | Path, budget: str) -> str:
    shown = repr(str(data)) if isinstance(data, str | Path) else type(data).__name__.lower()
    return f"caudal.compare.compare({shown}, {str(out)!r}, budget={budget!r}, ...)"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    try:
        put(path, text)
    except OSError as error:
        fault = f"cannot take {path.name}: {path.parent} ({error.strerror})"
        raise InputError(
            "compare", "out", fault, "Make room and run the same command; finished runs are kept."
        ) from None
