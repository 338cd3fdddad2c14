"""What matters over many decisions: inputs, steps, gaps and neurons, with intervals, and what swapping each does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence.explanation import usual
from caudal.explain.influence.influence import influence
from caudal.explain.influence.masks import dense_units, is_wired
from caudal.explain.influence.record import Influence
from caudal.explain.influence.references import References, references, spread
from caudal.explain.influence.swap import can_swap
from caudal.explain.influence.target import Question
from caudal.explain.interventions.ablate import bootstrap
from caudal.intervals import Interval

Kind = Literal["input", "step", "gap", "neuron"]
KINDS: tuple[Kind, ...] = ("input", "step", "gap", "neuron")
_SERIES, _REFERENCES, _NEURON_SERIES = 40, 8, 12
_SHORTCUT, _HALF, _HARDLY = 0.8, 0.5, 0.1


@dataclass(frozen=True)
class Part:
    """What one input, step, gap or neuron does over many decisions.

    Attributes:
        kind: `"input"` (over all steps; `"dt"` is all elapsed times), `"step"`, `"gap"` (the time before a step) or
            `"neuron"`.
        name: of the input or neuron, or the number of the step from 0.
        influence: mean size of its influence, in the unit of the question; of a neuron that of the swap.
        share: of the influence of all of its kind.
        swap: mean size of the change of the output where it is as in other series.
        turns: share of the decisions that turn with it; None where nothing is decided, and of neurons.
    """

    kind: Kind
    name: str
    influence: Interval
    share: float
    swap: Interval
    turns: float | None


@dataclass(frozen=True)
class Overall:
    """What matters to a net over many decisions.

    Attributes:
        parts: of every kind, the most influential of each kind first.
        series: how many decisions were looked at.
        references: how many other series each was compared with.
        unit: of influences and swaps.
    """

    parts: tuple[Part, ...]
    series: int
    references: int
    unit: str

    def of(self, kind: Kind) -> tuple[Part, ...]:
        """The parts of one kind, the most influential first."""
        return tuple(part for part in self.parts if part.kind == kind)

    @property
    def shortcut(self) -> Part | None:
        """The input on which nearly everything rests, or None.

        Swapping it alone turns half of the decisions, and swapping any other hardly one in ten; of a number, it carries
        four fifths of all influence. So looks a leak of the answer, or a shortcut; an honest input may look so, too.
        """
        inputs = self.of("input")
        if len(inputs) < 2:
            return None
        if inputs[0].turns is None:
            return inputs[0] if inputs[0].share >= _SHORTCUT else None
        first, second = sorted(inputs, key=_turns, reverse=True)[:2]
        return first if _turns(first) >= _HALF and _turns(second) <= _HARDLY else None


def _turns(part: Part) -> float:
    return part.turns or 0.0


def overall(
    question: Question,
    others: Question | None = None,
    *,
    neurons: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Overall:
    """Influence and swap importance of every input, step, gap and neuron over many decisions.

    Arguments:
        question: series to look at; at most 40 of them, at equal distances, are.
        others: series to compare them with; those of `question` itself if left out.
        neurons: look at these as well.
        progress: is told each of `KINDS` as it begins.

    Raises:
        InputError: there are fewer than two series.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> found = overall(ask(Readout(LTC(2, 3), 2), torch.randn(6, 5, 2), names=["age", "ph"]))
        >>> sorted(part.name for part in found.of("input")), len(found.of("step"))
        (['age', 'dt', 'ph'], 5)
    """
    begins = progress or (lambda kind: None)
    pool = question if others is None else others
    asked = question.rows(spread(len(question), _SERIES)) if len(question) > _SERIES else question
    background = references(asked, pool, _REFERENCES)
    if background is None or len(asked) < 2:
        raise InputError(
            "overall", "question", "holds a single series", "Pass several: it tells what matters over them."
        )
    begins("input")
    sizes = np.abs(usual(asked, "everything", background).values)
    steps, columns = sizes.shape[1:]
    names = (*asked.inputs, "dt")
    cell = torch.arange(steps * columns).view(steps, columns)
    rows = [
        *(_Row("input", name, sizes[:, :, k].sum(1), cell[:, k]) for k, name in enumerate(names)),
        *(_Row("step", str(t), sizes[:, t].sum(1), cell[t]) for t in range(steps)),
        *(_Row("gap", str(t), sizes[:, t, -1], cell[t, -1:]) for t in range(1, steps)),
    ]
    begins("step")
    parts = [part for kind in KINDS[:3] for part in _parts(kind, rows, asked, background)]
    if neurons:
        begins("neuron")
        parts += _neurons(asked, background)
    return Overall(tuple(parts), len(asked), background.count, asked.unit)


@dataclass(frozen=True, eq=False)
class _Row:
    """A group of cells and the size of its influence on each series."""

    kind: Kind
    name: str
    size: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    cells: Tensor


def _parts(kind: Kind, rows: Sequence[_Row], asked: Question, background: References) -> list[Part]:
    chosen = [row for row in rows if row.kind == kind]
    whole = max(sum(float(row.size.mean()) for row in chosen), np.finfo(float).tiny)
    parts = []
    for row in chosen:
        moved, turns = _swapped(asked, background, row.cells)
        share = float(row.size.mean()) / whole
        parts.append(Part(kind, row.name, bootstrap(row.size), share, bootstrap(moved), turns))
    return sorted(parts, key=lambda part: -part.share)


def _swapped(
    asked: Question, background: References, cells: Tensor
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], float | None]:
    """Mean size of the change of each series with some cells as in its references, and the share that turns."""
    batch, count, (steps, columns) = len(asked), background.count, (asked.x.shape[1], asked.x.shape[2] + 1)
    gone = torch.zeros(steps * columns, dtype=torch.bool)
    gone[cells] = True
    which = gone.view(steps, columns)
    each = asked.rows(torch.arange(batch).repeat_interleave(count))
    use = each.mask
    x = torch.where(which[:, :-1] & use[..., None], background.x.flatten(0, 1), each.x)
    dt = torch.where(which[:, -1] & use, background.dt.flatten(0, 1), each.dt)
    scores = each.answers(x=x, dt=dt)
    moved = (each.of(scores) - each.values()).abs().view(batch, count).mean(1)
    turns = float((~each.kept(scores)).double().mean()) if asked.decides else None
    return moved.double().numpy(), turns


def _neurons(asked: Question, background: References) -> list[Part]:
    """Neurons by swapping them, over some of the series; none where a net has no single recurrent layer."""
    model = asked.model
    if not can_swap(model):
        if is_wired(model):
            return []
        try:
            dense_units(model)
        except InputError:
            return []
    index = spread(len(asked), min(len(asked), _NEURON_SERIES))
    some = asked.rows(index)
    few = background.rows(index).first(_REFERENCES // 2)
    found: Influence = influence(some, "neurons", "swap", baseline=few)
    sizes = np.abs(found.values)
    whole = max(float(sizes.mean(0).sum()), np.finfo(float).tiny)
    parts = []
    for k, name in enumerate(found.labels[0]):
        size = bootstrap(sizes[:, k])
        parts.append(Part("neuron", name, size, float(sizes[:, k].mean()) / whole, size, None))
    return sorted(parts, key=lambda part: -part.share)
