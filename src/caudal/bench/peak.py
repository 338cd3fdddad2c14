"""What this machine reaches in loops that do nothing else: the yardstick of the counted floor."""

import importlib
import importlib.util
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from caudal.bench.records import Peak
from caudal.bench.timing import quiet, threads

SIDE = 512
SYNAPSES, ROUNDS = 1024, 64


def peak(count: int, seconds: float = 0.3) -> Peak:
    """Measure both peaks with a number of threads; each probe repeats for some `seconds` and keeps its best.

    Example:
        >>> peak(1, seconds=0.01).flop_per_s > 1e8
        True
    """
    with threads(count), quiet():
        return Peak(count, _products(seconds), _synapses(count, seconds))


def higher(first: Peak, second: Peak) -> Peak:
    """The better of two probes with the same number of threads: on a busy machine one of them is held up.

    Example:
        >>> higher(Peak(1, 2e9, 7e9), Peak(1, 3e9, 5e9))
        Peak(threads=1, flop_per_s=3000000000.0, synapses_per_s=7000000000.0)
    """
    rates = [probe.synapses_per_s for probe in (first, second) if probe.synapses_per_s is not None]
    return Peak(first.threads, max(first.flop_per_s, second.flop_per_s), max(rates, default=None))


def _best(call: Callable[[], object], seconds: float) -> float:
    call()
    best, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        call()
        stop = time.perf_counter()
        best = min(best, stop - start)
        if stop > end:
            return best


def _products(seconds: float) -> float:
    a, b, out = (torch.rand(SIDE, SIDE) for _ in range(3))
    return 2 * SIDE**3 / _best(lambda: torch.mm(a, b, out=out), seconds)


def _synapses(count: int, seconds: float) -> float | None:
    if importlib.util.find_spec("numba") is None:
        return None
    probe = importlib.import_module("caudal.bench.probe_jit")
    numbers = np.full(SYNAPSES, 0.5, np.float32)
    places = [np.zeros(3 * probe.LANES.count, np.float32) for _ in range(count)]

    def run(place: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> None:
        probe.synapses(probe.LANES, numbers, numbers, numbers, numbers, ROUNDS, place)

    done: int = SYNAPSES * ROUNDS * probe.LANES.count * count
    if count == 1:
        return done / _best(lambda: run(places[0]), seconds)
    with ThreadPoolExecutor(count) as pool:
        return done / _best(lambda: list(pool.map(run, places)), seconds)
