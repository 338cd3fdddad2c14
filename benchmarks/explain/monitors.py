"""Run-time monitors on trained nets: false alarms in many updates, faults found, and what a look costs."""

import math
import os
import time
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.explain.circuits import trained
from caudal.monitor import Monitor
from caudal.nn import Layer
from caudal.nn.layer import State, leaves
from caudal.train import TrainRecipe

DATA = "japanese-vowels"
CELLS = ("ltc-ncp", "cfc", "cfc-ncp", "lstm", "gru", "ctrnn")
UPDATES, BATCH, GATHERED = 10_000_000, 1024, 64
FAULTS = ("nan", "infinity", "sign", "exponent")
_BIAS_BITS = 8


@dataclass(frozen=True)
class MonitorRow:
    """One trained net, watched.

    Attributes:
        data, cell, seed: which.
        updates: states after one step of one series, of a healthy net, under inputs and times wilder than any data.
        violations: how many of them the monitor named; each is a false alarm.
        leaving: by fault, how many states it took outside the proven ranges, told without the monitor.
        found: by fault, how many of these the monitor named in the right place.
        inside: by fault, how many it left inside the ranges, where no monitor of ranges can see it.
        weights: share of the flips of one exponent bit of one weight that showed within 50 steps.
        cost: by batch and states looked at together, processor time of a watched step over that of a bare one, minus
            1; the median of paired repetitions, one after the other.
        load: running processes over the last minute, ours among them; costs taken on a busy machine scatter.
    """

    data: str
    cell: str
    seed: int
    updates: int
    violations: int
    leaving: dict[str, int]
    found: dict[str, int]
    inside: dict[str, int]
    weights: float
    cost: dict[str, float]
    load: float


def monitors(
    cell: str,
    seed: int = 0,
    *,
    epochs: int = 60,
    updates: int = -(-UPDATES // len(CELLS)),
    flips: int = 100,
    repetitions: int = 21,
) -> MonitorRow:
    """Train one net on Japanese vowels, watch it, break it, and time the watching."""
    net = trained(DATA, cell, seed, TrainRecipe(epochs=epochs, lr=0.02, patience=40, seed=seed), pool="last")[0]
    layer: Layer = net.layer.eval()
    draw = torch.Generator().manual_seed(seed)
    steps = max(1, math.ceil(updates / BATCH))
    with torch.no_grad():
        violations, state = healthy(layer, steps, draw)
        counts = {fault: faults(layer, state, fault, draw) for fault in FAULTS}
        shown = flipped_weights(layer, flips, draw)
        looks = [(batch, gathered) for batch in (1, 64) for gathered in (1, GATHERED)]
        cost = {
            f"{batch} series, {gathered} together": overhead(layer, batch, gathered, repetitions)
            for batch, gathered in looks
        }
    leaving, named, inside = ({name: counted[k] for name, counted in counts.items()} for k in range(3))
    return MonitorRow(DATA, cell, seed, steps * BATCH, violations, leaving, named, inside, shown, cost, load())


def wild(batch: int, inputs: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs of scales from 0.01 to 100 and times from 0.001 to 1000, `(batch, inputs)` and `(batch,)`."""
    scale = 10 ** (4 * torch.rand(batch, 1, generator=draw) - 2)
    x = scale * torch.randn(batch, inputs, generator=draw)
    return x, 10 ** (6 * torch.rand(batch, generator=draw) - 3)


def healthy(layer: Layer, steps: int, draw: torch.Generator) -> tuple[int, State]:
    """Violations in `steps` updates of `BATCH` series, and the last state."""
    watch, state, violations = Monitor(layer, every=16), layer.initial_state(BATCH), 0
    for _ in range(steps):
        x, dt = wild(BATCH, layer.inputs, draw)
        _, state = layer.step(x, dt=dt, state=state)
        violations += len(watch.watch(state))
    return violations + len(watch.flush()), state


def faults(layer: Layer, state: State, fault: str, draw: torch.Generator) -> tuple[int, int, int]:
    """One fault in one number of each series of a state: how many left the ranges, were named, stayed inside.

    Example:
        >>> from caudal.nn import LTC
        >>> layer = LTC(2, 4)
        >>> faults(layer, (torch.zeros(5, 4),), "nan", torch.Generator())
        (5, 5, 0)
    """
    watch = Monitor(layer)
    values = torch.cat(leaves(state), -1).clone()
    unit = torch.randint(0, values.shape[1], (len(values),), generator=draw)
    row = torch.arange(len(values))
    values[row, unit] = broken(values[row, unit], fault, draw)
    leaving = _leaves(values, watch.ranges.low, watch.ranges.high)
    named = {(violation.series, violation.unit) for violation in watch.check(values)}
    right = sum((k, int(unit[k])) in named for k in np.flatnonzero(leaving).tolist())
    return int(leaving.sum()), right, int((~leaving).sum())


def broken(values: Tensor, fault: str, draw: torch.Generator) -> Tensor:
    """Numbers `(count,)` float32 after a fault; `"exponent"` flips one of the eight exponent bits of each.

    Example:
        >>> broken(torch.tensor([0.5, 0.25]), "sign", torch.Generator()).tolist()
        [-0.5, -0.25]
    """
    if fault in ("nan", "infinity"):
        return torch.full_like(values, torch.nan if fault == "nan" else torch.inf)
    if fault == "sign":
        return -values
    bit = 23 + torch.randint(0, _BIAS_BITS, values.shape, generator=draw, dtype=torch.int32)
    return (values.contiguous().view(torch.int32) ^ (1 << bit)).view(torch.float32)


def _leaves(values: Tensor, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which series hold a number outside the ranges by more than rounding, or one that is none."""
    exact = values.double().numpy()
    spare = 2e-5 * np.where(np.isfinite(high), high - low, 0.0)
    outside = (exact < low - spare) | (exact > high + spare) | ~np.isfinite(exact)
    leaving: NDArray[np.bool_] = outside.any(1)
    return leaving


def flipped_weights(layer: Layer, count: int, draw: torch.Generator, steps: int = 50) -> float:
    """Share of the flips of one exponent bit of one weight, drawn at random, that a state shows within some steps."""
    watch = Monitor(layer)
    weights = list(layer.parameters())
    shown = 0
    for _ in range(count):
        flat = weights[int(torch.randint(0, len(weights), (1,), generator=draw))].view(-1)
        at = int(torch.randint(0, len(flat), (1,), generator=draw))
        original = flat[at].clone()
        flat[at] = broken(original[None], "exponent", draw)[0]
        state = None
        for _ in range(steps):
            x, dt = wild(8, layer.inputs, draw)
            _, state = layer.step(x, dt=dt, state=state)
            if watch.check(state):
                shown += 1
                break
        flat[at] = original
    return shown / count


def overhead(layer: Layer, batch: int, gathered: int, repetitions: int, steps: int = 4 * GATHERED) -> float:
    """Time of a watched step over that of a bare one, minus 1: median over pairs timed one after the other.

    Time of the processor, not of the clock: what else runs on the machine then weighs less.
    """
    x, dt = torch.randn(batch, layer.inputs), torch.ones(batch)
    watch = Monitor(layer, every=gathered)

    def run(is_watched: bool) -> float:
        state, start = None, time.process_time()
        for _ in range(steps):
            _, state = layer.step(x, dt=dt, state=state)
            if is_watched:
                watch.watch(state)
        return time.process_time() - start

    run(True)
    ratios = []
    for k in range(repetitions):
        first = run(k % 2 == 0)
        second = run(k % 2 == 1)
        ratios.append(first / second if k % 2 == 0 else second / first)
    return median(ratios) - 1


def load() -> float:
    """Mean number of running processes over the last minute; NaN where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
