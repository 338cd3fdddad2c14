"""How cost grows in time steps, batch, units and synapses: ours and an LSTM, one thread."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn as torch_nn

from benchmarks.kernels.counts import cost
from benchmarks.kernels.records import LSTM, Point, Settings, Work
from benchmarks.kernels.rows import MOTOR, SEED, Subject, call_of, liquid
from benchmarks.kernels.timing import Progress, interleaved, threads, warm
from caudal import nn, wiring

AXES = ("time", "batch", "units", "synapses")
UNITS, TIME = 64, 100
DENSITIES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
WORKS: tuple[Work, ...] = ("forward", "train")


def _lstm(inputs: int, units: int) -> Subject:
    layer = torch_nn.LSTM(inputs, units, batch_first=True)
    return Subject(LSTM, layer, lambda x: layer(x)[0], lambda x: lambda: None)


MODELS: dict[str, Callable[[int, int], Subject]] = {
    "LTC-NCP": lambda inputs, units: liquid(
        "LTC-NCP", nn.LTC(wiring.auto_ncp(inputs, units, MOTOR, seed=SEED), init="ncps")
    ),
    "LTC-FC": lambda inputs, units: liquid("LTC-FC", nn.LTC(inputs, units, init="ncps")),
    "CfC": lambda inputs, units: liquid("CfC", nn.CfC(inputs, units)),
    LSTM: _lstm,
}


@dataclass(frozen=True, eq=False)
class Place:
    """One place on an axis.

    Attributes:
        axis: what grows.
        at: value on the axis; None where it is the number of connections of each model.
        time: time steps.
        batch: series.
        models: makes the models that are measured there.
    """

    axis: str
    at: int | None
    time: int
    batch: int
    models: Callable[[], list[Subject]]

    def __str__(self) -> str:
        """The place in words."""
        return f"growth in {self.axis}" + (f", at {self.at}" if self.at else "")


def plan(settings: Settings) -> list[Place]:
    """The places of all axes, between the sizes that the settings allow.

    Example:
        >>> [place.at for place in plan(Settings(rows=(), lengths=(100,))) if place.axis == "time"]
        [10, 25, 50, 100]
    """
    inputs, batch = settings.inputs, settings.batch
    longest = max(settings.lengths)
    time = min(TIME, longest)
    lengths = [t for t in (10, 25, 50, 100, 200, 500, 1000, 2000) if t <= longest] or [longest]
    batches = [b for b in (1, 4, 16, 64, 256) if b <= 4 * batch]
    units = [8, 16, 32, 64, 128]
    places = [Place("time", t, t, batch, lambda: _all(inputs, UNITS)) for t in lengths]
    places += [Place("batch", b, time, b, lambda: _all(inputs, UNITS)) for b in batches]
    places += [Place("units", u, time, batch, lambda u=u: _all(inputs, u)) for u in units]  # type: ignore[misc]
    places += [Place("synapses", None, time, batch, lambda d=d: _sparse(inputs, d)) for d in DENSITIES]  # type: ignore[misc]
    return [*places, Place("synapses", None, time, batch, lambda: _all(inputs, UNITS)[2:])]


def _all(inputs: int, units: int) -> list[Subject]:
    return [build(inputs, units) for build in MODELS.values()]


def _sparse(inputs: int, density: float) -> list[Subject]:
    circuit = wiring.random(inputs, UNITS, MOTOR, sparsity=1 - density, seed=SEED)
    return [liquid("LTC", nn.LTC(circuit, init="ncps"))]


def grow(settings: Settings, progress: Progress) -> tuple[Point, ...]:
    """Measure every place of the plan; a call that would take longer than `skip_s` is left out."""
    points: list[Point] = []
    brief = _brief(settings)
    with threads(1):
        for place in plan(settings):
            progress.start(str(place), 0.25)
            torch.manual_seed(SEED)
            models = {model.name: model for model in place.models()}
            x = torch.randn(place.batch, place.time, settings.inputs)
            for work in WORKS:
                calls = {name: call_of(model, x, work) for name, model in models.items()}
                for name in calls.keys() - {LSTM}:
                    calls[name]()
                expected = {name: warm(call) for name, call in calls.items()}
                taken = {name: call for name, call in calls.items() if expected[name] <= settings.skip_s}
                for timing in interleaved(taken, expected, brief):
                    at = place.at or cost(models[timing.subject].module).weights
                    points.append(Point(place.axis, timing.subject, at, work, timing))
    return tuple(points)


def _brief(settings: Settings) -> Settings:
    """A curve has many points, so each may take an eighth of the time of a row."""
    return Settings(
        settings.rows,
        repetitions=max(2, settings.repetitions // 2),
        sample_s=settings.sample_s / 4,
        task_s=settings.task_s / 8,
        skip_s=settings.skip_s,
        batch=settings.batch,
        inputs=settings.inputs,
    )
