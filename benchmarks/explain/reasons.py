"""Whether the default explanation names what was planted: worlds whose answer is known, asked as a user asks."""

from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import from_arrays
from caudal.estimators import LiquidClassifier
from caudal.estimators.explain import question
from caudal.explain import Baseline, Checks, Question, References, explain, influence, references, scorecard
from caudal.explain.influence.record import Influence

STEPS, INPUTS = 10, ("lactate", "pulse", "temp")
PULSE, TEMP, GAP = 1, 2, 3
STEP, BEFORE = 7, 6
REASON_CELLS = ("ltc-ncp", "cfc", "lstm", "gru")
SOLVED, TEST = 0.9, 300


class Effort(NamedTuple):
    """How much of everything: series and passes of a training, decisions explained and checked."""

    series: int = 1500
    epochs: int = 25
    decisions: int = 20
    checked: int = 6


class World(NamedTuple):
    """Series of two classes, and what made them so.

    Attributes:
        x, dt: `(series, inputs, steps)` and `(series, steps)`.
        label: `(series,)` of 0 and 1.
        cells: `(steps, inputs + 1)` bool, the cells that decide; the last column is the gap before the step.
    """

    x: NDArray[np.float64]
    dt: NDArray[np.float64]
    label: NDArray[np.int64]
    cells: NDArray[np.bool_]


@dataclass(frozen=True)
class ReasonRow:
    """One net in one world.

    Attributes:
        world, cell, seed: which.
        accuracy: on test series.
        decisions: right ones that were explained.
        named: share of them whose strongest cell was planted, asked by default.
        by_mean: the same against the training mean.
        synapse: whether the widest input synapse reads a planted input; None without a wiring, or where a gap decides.
        right: what the check measured of default explanations whose strongest cell was planted; -1 where nothing was.
        wrong: likewise of explanations whose strongest cell was not, by default, against the mean, or by one gradient.
        seconds: of processor time for one explanation.
    """

    world: str
    cell: str
    seed: int
    accuracy: float
    decisions: int
    named: float
    by_mean: float
    synapse: bool | None
    right: tuple[float, ...]
    wrong: tuple[float, ...]
    seconds: float


def _noise(count: int, seed: int) -> tuple[np.random.Generator, World]:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, len(INPUTS), STEPS))
    dt = draw.uniform(0.5, 1.5, (count, STEPS))
    return draw, World(x, dt, draw.integers(0, 2, count), np.zeros((STEPS, len(INPUTS) + 1), bool))


def channel(count: int, seed: int) -> World:
    """The mean of the pulse over all steps decides."""
    _, world = _noise(count, seed)
    world.x[:, PULSE] += np.where(world.label, 0.6, -0.6)[:, None]
    world.cells[:, PULSE] = True
    return world


def step(count: int, seed: int) -> World:
    """The pulse at the eighth step decides, and at no other."""
    draw, world = _noise(count, seed)
    world.x[:, PULSE, STEP] = np.where(world.label, 1, -1) * (0.6 + np.abs(draw.normal(size=count)))
    world.cells[STEP, PULSE] = True
    return world


def gap(count: int, seed: int) -> World:
    """The time before the seventh step decides; every second series has a long gap elsewhere, which means nothing."""
    draw, world = _noise(count, seed)
    world.dt[:, BEFORE] = np.where(world.label, draw.uniform(4, 7, count), draw.uniform(0.2, 1, count))
    rows = np.flatnonzero(draw.random(count) < 0.5)
    world.dt[rows, draw.integers(1, BEFORE, len(rows))] = draw.uniform(3, 7, len(rows))
    world.cells[BEFORE, GAP] = True
    return world


def interaction(count: int, seed: int) -> World:
    """Pulse and temperature have to be high at the eighth step, both."""
    draw, world = _noise(count, seed)
    signs = np.where(draw.random((count, 2)) < 0.7, 1, -1)
    world.x[:, [PULSE, TEMP], STEP] = signs * (0.6 + np.abs(draw.normal(size=(count, 2))))
    world.cells[STEP, [PULSE, TEMP]] = True
    both = np.asarray((signs > 0).all(1), np.int64)
    return world._replace(label=both)


def leak(count: int, seed: int) -> World:
    """The temperature was taken after the answer was known, and gives it away; the pulse knows a little, honestly."""
    _, world = _noise(count, seed)
    world.x[:, TEMP] += np.where(world.label, 1.2, -1.2)[:, None]
    world.x[:, PULSE] += np.where(world.label, 0.3, -0.3)[:, None]
    world.cells[:, TEMP] = True
    return world


WORLDS: dict[str, Callable[[int, int], World]] = {
    "channel": channel,
    "step": step,
    "gap": gap,
    "interaction": interaction,
    "leak": leak,
}


def reasons(world: str, cell: str, seed: int, effort: Effort | None = None) -> ReasonRow:
    """Train one net in one world and ask it why, as a user does.

    Arguments:
        world, cell, seed: which.
        effort: of the training and the explanations.

    Example:
        >>> row = reasons("leak", "gru", 0, Effort(series=100, epochs=1, decisions=2, checked=1))
        >>> 0 <= row.named <= 1
        True
    """
    # An LTC takes more passes before it counts steps.
    effort = effort or Effort(epochs=80 if cell == "ltc-ncp" else Effort().epochs)
    planted = WORLDS[world](effort.series + TEST, 100 + seed)
    names = np.array(["no", "ill"])[planted.label]
    data = from_arrays(planted.x, names, dt=planted.dt, names=list(INPUTS), time_unit="h")
    train, test = (data.select(range(*ends)) for ends in ((0, effort.series), (effort.series, len(data))))
    model = LiquidClassifier(cell=cell, units=16, epochs=effort.epochs, lr=0.02, patience=0, seed=seed).fit(train)
    everyone = question(model, test)
    told = np.array([model.classes_[k] for k in everyone.target.tolist()])
    is_right = told == names[effort.series :]
    asked = everyone.rows(torch.tensor(np.flatnonzero(is_right)[: effort.decisions].tolist()))
    begun = process_time()
    why = explain(asked, "everything", others=everyone, checks=Checks(series=0))
    seconds = (process_time() - begun) / max(len(asked), 1)
    named = _named(why.influence, planted.cells)
    mean, slope = influence(asked, "everything"), influence(asked, "everything", "gradient")
    background = references(asked, everyone)
    measured = _checked(asked, (why.influence, mean, slope), planted.cells, background, effort.checked)
    return ReasonRow(
        world,
        cell,
        seed,
        float(is_right.mean()),
        len(asked),
        float(named.mean()),
        float(_named(mean, planted.cells).mean()),
        _synapse(asked, background, planted.cells),
        *measured,
        seconds,
    )


def _named(attribution: Influence, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the strongest cell of each series is planted, `(series,)`."""
    strongest = np.abs(attribution.values).reshape(len(attribution), -1).argmax(1)
    named: NDArray[np.bool_] = cells.flatten()[strongest]
    return named


def _checked(
    asked: Question,
    explanations: tuple[Influence, ...],
    cells: NDArray[np.bool_],
    background: References | None,
    count: int,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What the check measures of right explanations and of wrong ones."""
    measured: tuple[list[float], list[float]] = ([], [])
    for kind, attribution in enumerate(explanations):
        for row, is_right in enumerate(_named(attribution, cells)[:count].tolist()):
            if is_right and kind:  # where a whole input was planted, a wrong explanation meets it by chance
                continue
            index = torch.tensor([row])
            against = Baseline() if background is None else background.rows(index)
            # What swapped by itself is checked as any other list of values is.
            values = Influence(**{**attribution.select(row).__dict__, "method": "path"})
            card = scorecard(asked.rows(index), values, Checks(series=1), against)
            value = card["ablation"].value
            measured[0 if is_right else 1].append(-1.0 if np.isnan(value) else round(value, 4))
    return tuple(measured[0]), tuple(measured[1])


def _synapse(asked: Question, background: References | None, cells: NDArray[np.bool_]) -> bool | None:
    if not asked.model.synapse_count() or cells[:, GAP].any() or background is None:
        return None
    circuit = influence(asked, "synapses", baseline=background)
    size = np.abs(circuit.values).mean(0)
    sources = [name.split(" -> ")[0] for name in circuit.labels[0]]
    reads = [k for k, source in enumerate(sources) if source in INPUTS]
    widest = sources[max(reads, key=lambda k: float(size[k]))]
    return bool(cells[:, INPUTS.index(widest)].any())
