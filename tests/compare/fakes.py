"""A run that takes no time and knows what it will find; imported by name in other processes."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from caudal.compare.job import RunOutcome
from caudal.compare.metrics import metrics
from caudal.compare.record import Run
from caudal.compare.runner import failed
from caudal.data import from_arrays

# How well the score of each contender tells the classes apart.
SKILL = {"cfc": 2.0, "gru": 1.5, "ltc-ncp": 0.8, "lstm": 0.7, "trees": 0.2, "summary": 0.1, "trivial": 0.0}
SIZE = {"cfc": 2000, "gru": 2500, "ltc-ncp": 300, "lstm": 2600, "trees": 900, "summary": 20, "trivial": 1}


def table(series=120, seed=0):
    """Sequences of two classes with an attribute and numbers."""
    rng = np.random.default_rng(seed)
    return from_arrays(
        rng.normal(size=(series, 2, 5)),
        np.arange(series) % 2,
        sensitive={"sex": np.array(["f", "m"])[rng.integers(0, 2, series)], "age": rng.uniform(20, 90, series)},
    )


def run(job, parts, progress):
    """A binary classifier of known skill; trials with a larger `lr` are better."""
    progress(0.5, "half")
    pause = float(os.environ.get("FAKE_PAUSE", "0"))
    if pause:
        time.sleep(pause)
    if log := os.environ.get("FAKE_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{job.model} {job.phase} {job.number} {os.getpid()}\n")
    blank = failed(job, "")
    size = SIZE[job.model]
    contender = replace(
        blank.contender, parameters=size, live_parameters=size, macs_per_step=float(size), fit_seconds=0.1
    )
    if job.phase == "trial":
        found = {"auroc": 0.5 + float(job.settings.get("lr", 0.0))}
        return replace(blank, run=Run(job.model, job.seed, {}, found, 1, 0.1), contender=contender)
    test = parts.test
    rng = np.random.default_rng([job.seed, list(SKILL).index(job.model)])
    noise = np.random.default_rng(0).normal(size=len(test)) + 0.3 * rng.normal(size=len(test))
    logit = SKILL[job.model] * (2 * test.target - 1) + (noise if SKILL[job.model] else 0)
    chance = (1 / (1 + np.exp(-logit))).astype(np.float32)
    scores = np.stack([1 - chance, chance], axis=1)
    values = metrics.score("classify", scores, test.target)
    robust = {"noise": {"0": values["auroc"], "1": values["auroc"] - 0.1}}
    timing = dict.fromkeys(("true", "one", "shuffled"), values["auroc"])
    found = Run(job.model, job.seed, values, values, 2, 0.1, timing=timing, robustness=robust)
    return RunOutcome(job, found, contender, scores, np.arange(len(test)), test.target)


def add(job, shared, progress):
    """Job plus shared; a negative job raises, `die` kills the process, `die once` only the first time."""
    progress("working", job)
    if isinstance(job, int):
        if job < 0:
            raise ValueError(f"{job} is below 0")
        return job + shared
    what, flag = job
    if what == "die" or not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return shared


def where(job, shared, progress):
    """Threads that the process may use, and its number."""
    return os.environ.get("OMP_NUM_THREADS"), os.getpid()


def wait(job, shared, progress):
    """A run that outlasts any test, and says so."""
    for _ in range(600):
        time.sleep(0.05)
        progress("waiting")
