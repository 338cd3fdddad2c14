"""How long a step and a series take, contender against contender in the same minutes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch

from caudal.compare.contenders.base import network_in, one_thread, unpacked
from caudal.compare.job import Parts, RunOutcome
from caudal.data import Sequences
from caudal.train import examples

_BATCH, _MOST_SERIES, _STEPS = 64, 256, 200


@contextmanager
def compiling() -> Iterator[list[float]]:
    """Seconds that kernels are compiled inside, or loaded: a list of one number, filled at the end.

    Example:
        >>> with compiling() as seconds:
        ...     pass
        >>> seconds
        [0.0]
    """
    seconds = [0.0]
    try:
        event = import_module("numba.core.event")
    except ImportError:
        yield seconds
        return
    with event.install_recorder("numba:compile") as recorder:
        yield seconds
    depth, start = 0, 0.0
    for moment, happened in recorder.buffer:
        if happened.is_start:
            depth, start = depth + 1, start if depth else moment
        elif depth:
            depth -= 1
            seconds[0] += 0.0 if depth else moment - start


class Timing(NamedTuple):
    """Median times of one contender.

    Attributes:
        step: microseconds of one step of one series through the public API (`net.step`), or None for a contender
            without steps.
        series: microseconds per series, from `Sequences` to its answer in batches of 64.
    """

    step: float | None
    series: float


class _Subject(NamedTuple):
    """What is timed."""

    series: Callable[[Sequences], object]
    step: Callable[[], object] | None


def measure(outcomes: Sequence[RunOutcome], parts: Parts, rounds: int = 7) -> dict[str, Timing]:
    """Times of contenders, measured in rounds in which each has its turn, at one thread; the median counts.

    Arguments:
        outcomes: of seed 0, one for each contender; those that failed are left out.
        parts: the series, divided.
        rounds: how often each is measured.

    Returns:
        times by name of the contender.
    """
    few = [parts.test.select(slice(at, at + _BATCH)) for at in range(0, min(len(parts.test), _MOST_SERIES), _BATCH)]
    series: dict[str, list[float]] = {}
    step: dict[str, list[float]] = {}
    with one_thread(), torch.no_grad():
        subjects = {o.job.model: _subject(o, parts) for o in outcomes if o.model is not None and not o.run.failed}
        for turn in range(rounds + 1):
            for name, subject in subjects.items():
                spent = _seconds(lambda subject=subject: [subject.series(some) for some in few], 1)  # type: ignore[misc]
                steps = None if subject.step is None else _seconds(subject.step, _STEPS)
                if turn:  # the first round warms up
                    series.setdefault(name, []).append(spent / sum(map(len, few)))
                    step.setdefault(name, []).extend([] if steps is None else [steps / _STEPS])
    return {
        name: Timing(1e6 * float(np.median(step[name])) if step[name] else None, 1e6 * float(np.median(series[name])))
        for name in subjects
    }


def _seconds(what: Callable[[], object], times: int) -> float:
    start = perf_counter()
    for _ in range(times):
        what()
    return perf_counter() - start


def _subject(outcome: RunOutcome, parts: Parts) -> _Subject:
    model = unpacked(outcome.model or b"")
    network = network_in(model)
    if network is None:
        return _Subject(model.answer, None)
    net = network.net_
    seen = examples(network.encoder_, parts.train.select([0]).without_target(), paired=network.cell == "gru-d")
    x, dt = seen.x[:1, 0].contiguous(), seen.dt[:1, 0].contiguous()
    state = net.step(x, dt=dt)[1]
    return _Subject(model.answer, lambda: net.step(x, dt=dt, state=state))
