"""Five tasks whose answer is planted in a few cells, so that an explanation can be marked."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from caudal.data.task import Task
from caudal.train import Examples

STEPS, INPUTS, NOISE, PULSE = 16, 8, 0.5, 2.0


class Planted(NamedTuple):
    """Series of two classes, and the cells that made them so.

    Attributes:
        x: `(batch, time, input)`.
        dt: `(batch, time)`, around 1.
        label: `(batch,)`.
        truth: `(batch, time, input + 1)` bool; the last column is dt.
    """

    x: Tensor
    dt: Tensor
    label: Tensor
    truth: Tensor

    @property
    def chance(self) -> float:
        """Share of the cells that are planted."""
        return float(self.truth.float().mean())

    def examples(self, rows: slice) -> Examples:
        """Some of the series, as `caudal.train.fit` takes them."""
        x, label = self.x[rows], self.label[rows]
        known, lengths = torch.ones(len(x), dtype=torch.bool), torch.full((len(x),), x.shape[1])
        return Examples(x, self.dt[rows], lengths, Task.CLASSIFY, torch.ones(len(x)), label, known)


class _Draw:
    """Noise to plant in, from a seed of its own."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.source = count, torch.Generator().manual_seed(seed)
        self.x = NOISE * torch.randn(count, STEPS, INPUTS, generator=self.source)
        self.dt = 0.5 + torch.rand(count, STEPS, generator=self.source)
        self.truth = torch.zeros(count, STEPS, INPUTS + 1, dtype=torch.bool)
        self.rows = torch.arange(count)

    def coin(self) -> Tensor:
        return torch.randint(0, 2, (self.count,), generator=self.source)

    def step(self, first: int, end: int) -> Tensor:
        return torch.randint(first, end, (self.count,), generator=self.source)

    def pulse(self, step: Tensor, column: int, sign: Tensor) -> None:
        self.x[self.rows, step, column] += PULSE * (2.0 * sign - 1)
        self.truth[self.rows, step, column] = True

    def done(self, label: Tensor) -> Planted:
        return Planted(self.x, self.dt, label, self.truth)


def rare_time(count: int, seed: int) -> Planted:
    """Two steps in a row, anywhere, carry the class as a pulse of one input."""
    draw = _Draw(count, seed)
    label, step = draw.coin(), draw.step(0, STEPS - 1)
    draw.pulse(step, 0, label)
    draw.pulse(step + 1, 0, label)
    return draw.done(label)


def rare_feature(count: int, seed: int) -> Planted:
    """One input of eight is shifted by the class at every step."""
    draw = _Draw(count, seed)
    label = draw.coin()
    draw.x[:, :, 3] += NOISE * (2.0 * label[:, None] - 1)
    draw.truth[:, :, 3] = True
    return draw.done(label)


def interaction(count: int, seed: int) -> Planted:
    """A pulse of one input in the first half and of another in the second: the class is whether their signs agree."""
    draw = _Draw(count, seed)
    first, second = draw.coin(), draw.coin()
    draw.pulse(draw.step(0, STEPS // 2), 1, first)
    draw.pulse(draw.step(STEPS // 2, STEPS), 4, second)
    return draw.done((first == second).long())


def irregular_dt(count: int, seed: int) -> Planted:
    """A pulse marks one step; the class is whether the time before that step was long. Other gaps vary as much."""
    draw = _Draw(count, seed)
    label, step = draw.coin(), draw.step(0, STEPS)
    draw.dt = torch.where(torch.rand(draw.dt.shape, generator=draw.source) < 0.5, 0.3, 2.0)
    draw.pulse(step, 2, torch.ones_like(label))
    draw.dt[draw.rows, step] = torch.where(label > 0, 2.0, 0.3)
    draw.truth[draw.rows, step, -1] = True
    return draw.done(label)


def distractor(count: int, seed: int) -> Planted:
    """As `rare_time`, beside an input four times as loud that swings slowly and means nothing."""
    draw = _Draw(count, seed)
    label, step = draw.coin(), draw.step(0, STEPS - 1)
    phase = 6.28 * torch.rand(count, 1, generator=draw.source)
    draw.x[:, :, 5] += 2 * PULSE * torch.sin(0.7 * torch.arange(STEPS) + phase)
    draw.pulse(step, 0, label)
    draw.pulse(step + 1, 0, label)
    return draw.done(label)


TASKS: dict[str, Callable[[int, int], Planted]] = {
    "rare time": rare_time,
    "rare feature": rare_feature,
    "interaction": interaction,
    "irregular dt": irregular_dt,
    "distractor": distractor,
}
