"""The whole study: record, imitate, race, and one report; killed at any moment it goes on where it was."""

import functools
import importlib.metadata
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from caudal._version import __version__
from caudal.errors import InputError, NonFiniteError
from caudal.files import put
from caudal.train.bar import Bar
from studies.driving.disturb import DISTURBANCES
from studies.driving.imitate import Lesson, imitate, policy
from studies.driving.policy import Driver, ExpertDriver, Policy
from studies.driving.race import race
from studies.driving.records import EXPERT, DriveRecipe, DriveReport, Episode, Trained
from studies.driving.store import Key, Store, writable
from studies.racing import Expert, Simulator

FIRST_TRACK = 5_000_000
"""Seed of the first track to race on; recordings stay far below."""
REPORT = "drive.json"
Job = TypeVar("Job")
Done = TypeVar("Done")


@dataclass(frozen=True)
class _Race:
    """One race to do."""

    key: Key
    rate: float
    folder: str
    frames: int


def study(recipe: DriveRecipe, folder: str | Path, *, processes: int = 2, progress: bool = True) -> DriveReport:
    """Run a study, or what is left of it, and write its report into `folder/drive.json`.

    Arguments:
        recipe: what to do.
        folder: for the report, the networks and the store; made if it is not there.
        processes: 1 or 2, on this machine.
        progress: whether to draw a bar with the time left on standard error.

    Returns:
        the report. What is stored in the folder already is not done again.

    Raises:
        MissingExtraError: gymnasium or Box2D is not installed.
        InputError: `processes` is out of range, the folder cannot be written, or holds another study.
    """
    if processes not in (1, 2):
        raise InputError("drive", "processes", f"is {processes}; expected 1 or 2", "Pass 1 or 2.")
    Simulator("drive").close()
    place = writable(folder)
    writable(place / "models")
    store = Store(place / "drive.sqlite", recipe)
    try:
        chosen = _imitations(recipe, place, store, processes, progress)
        _races(recipe, chosen, place, store, processes, progress)
        report = _report(recipe, chosen, store)
    finally:
        store.close()
    put(place / REPORT, report.to_json())
    return report


def _imitations(
    recipe: DriveRecipe, place: Path, store: Store, processes: int, progress: bool
) -> dict[tuple[str, int], Trained]:
    """The network of each model and seed, its step size chosen with the first seed."""
    first = recipe.seeds[0]
    tried = [Lesson(model, first, rate) for model in recipe.models for rate in recipe.rates]
    _train("trying step sizes", tried, recipe, place, store, processes, progress)
    found = store.trained()
    rates = {model: _best([found[model, first, rate] for rate in recipe.rates]) for model in recipe.models}
    rest = [Lesson(model, seed, rates[model]) for model in recipe.models for seed in recipe.seeds]
    _train("training", rest, recipe, place, store, processes, progress)
    found = store.trained()
    chosen = {(one.model, one.seed): found[one.model, one.seed, one.rate] for one in rest}
    for one in chosen.values():
        _best([one])
    return chosen


def _best(tried: list[Trained]) -> float:
    """The step size of the lowest loss on validation."""
    sound = [(one.loss, one.rate) for one in tried if one.loss is not None]
    if not sound:
        fault = f"led {tried[0].model} with seed {tried[0].seed} to NaN"
        raise NonFiniteError("drive", "rates", fault, "Try smaller step sizes.")
    return min(sound)[1]


def _train(
    name: str, lessons: list[Lesson], recipe: DriveRecipe, place: Path, store: Store, processes: int, progress: bool
) -> None:
    known = store.trained()
    left = [one for one in lessons if (one.model, one.seed, one.rate) not in known]
    job = functools.partial(imitate, recipe, folder=place / "models")
    for one in _done(name, job, left, processes, progress):
        store.add_trained(one)


def _races(
    recipe: DriveRecipe,
    chosen: dict[tuple[str, int], Trained],
    place: Path,
    store: Store,
    processes: int,
    progress: bool,
) -> None:
    known = store.episodes()
    # Track by track, so that a study stopped halfway is a smaller study.
    keys = [key for track in range(recipe.episodes) for key in _keys(recipe, FIRST_TRACK + track)]
    left = []
    for key in keys:
        if key not in known:
            rate = 0.0 if key[0] == EXPERT else chosen[key[0], key[1]].rate
            left.append(_Race(key, rate, str(place / "models"), recipe.frames))
    for one in _done("racing", _run, left, processes, progress):
        store.add_episode(one)


def _keys(recipe: DriveRecipe, track: int) -> Iterator[Key]:
    for disturbance in recipe.disturbances:
        yield EXPERT, 0, disturbance, track
        for model in recipe.models:
            for seed in recipe.seeds:
                yield model, seed, disturbance, track


def _run(job: _Race) -> Episode:
    model, seed, disturbance, track = job.key
    driver, spread = _driver(model, seed, job.rate, job.folder)
    return race(_simulator(), driver, (model, seed), DISTURBANCES[disturbance], track, spread, job.frames)


@functools.lru_cache(maxsize=1)
def _simulator() -> Simulator:
    return Simulator("drive")


@functools.lru_cache(maxsize=256)
def _driver(model: str, seed: int, rate: float, folder: str) -> tuple[Driver, Any]:
    if model == EXPERT:
        return ExpertDriver(Expert()), np.zeros(1)
    found: Policy = policy(Path(folder), Lesson(model, seed, rate))
    return found, np.array(found.encoder.scaler.std)


def _done(name: str, job: Callable[[Job], Done], jobs: Sequence[Job], processes: int, progress: bool) -> Iterator[Done]:
    """What each job gives, in their order, as they are finished."""
    if not jobs:
        return
    with Bar(name, len(jobs), progress) as bar:
        for number, one in enumerate(_map(job, jobs, processes), start=1):
            yield one
            bar.at(number, f"{number} of {len(jobs)}")


def _map(job: Callable[[Job], Done], jobs: Sequence[Job], processes: int) -> Iterator[Done]:
    if processes == 1 or len(jobs) == 1:
        yield from map(job, jobs)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin) as pool:
        try:
            yield from pool.map(job, jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin() -> None:
    """One thread each; and no worker outlives a study that was killed."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _report(recipe: DriveRecipe, chosen: dict[tuple[str, int], Trained], store: Store) -> DriveReport:
    found = store.episodes()
    asked = [key for track in range(recipe.episodes) for key in _keys(recipe, FIRST_TRACK + track)]
    names = ("gymnasium", "box2d", "torch", "numpy")
    packages = [("caudal", __version__), *((name, importlib.metadata.version(name)) for name in names)]
    episodes = sorted((found[key] for key in asked), key=lambda one: (one.track, one.disturbance, one.model, one.seed))
    return DriveReport(recipe, tuple(chosen.values()), tuple(episodes), tuple(sorted(packages)))
