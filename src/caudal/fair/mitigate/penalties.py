"""During training: a price on the gap between groups, fixed, or raised until the gap is small enough."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.fair.mitigate.soft_rates import (
    OF_NUMBERS,
    Constraint,
    NumberConstraint,
    check_constraint,
    per_pair,
    rates,
    sums,
)
from caudal.train import Judged
from caudal.train.penalty import Memory

_DECAY = 0.95


@final
@dataclass(frozen=True)
class Penalty:
    """Adds `weight` times the squared gaps between the rate of each group and the rate of all, as if of two groups.

    The sum over the groups is scaled by 2 / groups, so that a weight means the same for two of them and for ten.

    Rates are remembered over batches (each counts 0.95 times as much as the next), so that small groups do not make the
    price noise; the gradient goes through the batch. The group is read in training only.

    Arguments:
        constraint: `"equal_opportunity"`: those for whom the positive class is true get it equally often, in every
            group; `"demographic_parity"`: all get it equally often; `"equalised_odds"`: those for whom it is true, and
            those for whom it is not. Of numbers, in standard deviations of the training: `"mean_residual"`: no group's
            numbers lean to a side on average; `"mean_prediction"`: they are equally high on average.
        weight: of the squared gaps; far above what the loss can lose, it drives the net to one answer for all, of
            which `fit` warns.
        warm_up: passes without a price, and as many in which it rises.
        positive: label of the positive class; None takes the second of two.
        sharpness: see `soft_gaps`; rates of decisions, rather than of probabilities, ask for more than 1.
        attribute: the sensitive column, where the series have several; None takes all, crossed.

    Raises:
        InputError: a number is out of range or the constraint is unknown.

    Source: as a regulariser, Beutel et al. 2019 (arXiv:1910.11779) and Buyl et al. 2024 (fairret).

    Example:
        >>> price = Penalty("equal_opportunity", weight=4.0, positive=1)
        >>> seen = Judged(torch.zeros(4, 2), torch.ones(4).long(), torch.tensor([0, 0, 1, 1]), torch.ones(4))
        >>> cost, memory = price.cost(seen, price.start(2), epoch=9)
        >>> cost.item(), len(memory)
        (0.0, 5)
    """

    constraint: Constraint | NumberConstraint = "equal_opportunity"
    weight: float = 5.0
    warm_up: int = 3
    positive: Any = None
    sharpness: float = 1.0
    attribute: str | None = None
    kind: ClassVar[str] = "penalty"

    def __post_init__(self) -> None:
        check_constraint("Penalty", self.constraint, numbers=True)
        check_numbers("Penalty", self.weight, self.warm_up, self.sharpness)

    def start(self, groups: int, outputs: int = 1) -> Memory:
        """See `Term`."""
        return (0.0,) * (1 + 2 * _events(self.constraint, outputs) * groups)

    def cost(self, seen: Judged, memory: Memory, epoch: int) -> tuple[Tensor, Memory]:
        """See `Term`; the gradient is that of the penalty, the value is not, since it knows this batch alone."""
        known, batch, remembered = _remembered(self.constraint, seen, memory, code_of(self.positive), self.sharpness)
        by_group, whole = rates(known)
        price = 2 * self.weight * share_of(self.warm_up, epoch) * per_pair(known[1]) * (by_group - whole)
        return _linear(price, batch, known), remembered

    def held(self, seen: Judged) -> Tensor:
        """See `Term`."""
        gap, scale = _gaps(self.constraint, seen, code_of(self.positive), self.sharpness)
        return self.weight * (scale * gap.square()).sum()

    def sets_in(self) -> tuple[int, int]:
        """See `Term`."""
        return passes_of(self.warm_up)


@final
@dataclass(frozen=True)
class Lagrangian:
    """Raises the price of a gap as long as it is wider than `tolerance`, and lowers it again: dual ascent.

    Two multipliers for each event and group, one for each direction, rise by `step` times the excess at every update,
    never below 0 nor above `limit`, and count as if there were two groups; a damping price on the gap itself keeps them
    from swinging. The group is read in training only.

    Arguments:
        constraint, warm_up, positive, sharpness, attribute: as in `Penalty`.
        tolerance: distance of a group's rate from that of all that is small enough.
        step: of the multipliers.
        limit: of the multipliers.
        damping: see above.

    Raises:
        InputError: a number is out of range or the constraint is unknown.

    Source: Cotter et al. 2019 (JMLR 20, 172), proxy Lagrangian; Platt & Barr 1987 for the damping.

    Example:
        >>> price = Lagrangian("equal_opportunity", tolerance=0.02, positive=1)
        >>> scores = torch.tensor([[0.0, 3.0], [0.0, -3.0]])
        >>> seen = Judged(scores, torch.ones(2).long(), torch.tensor([0, 1]), torch.ones(2))
        >>> cost, memory = price.cost(seen, price.start(2), epoch=9)
        >>> [round(number, 3) for number in memory[5:]]
        [0.022, 0.0, 0.0, 0.022]
    """

    constraint: Constraint | NumberConstraint = "equal_opportunity"
    tolerance: float = 0.01
    step: float = 0.05
    limit: float = 10.0
    damping: float = 2.0
    warm_up: int = 3
    positive: Any = None
    sharpness: float = 1.0
    attribute: str | None = None
    kind: ClassVar[str] = "lagrangian"

    def __post_init__(self) -> None:
        check_constraint("Lagrangian", self.constraint, numbers=True)
        check_numbers("Lagrangian", self.step, self.warm_up, self.sharpness)
        for name in ("tolerance", "limit", "damping"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError("Lagrangian", name, f"is {value}; expected a finite number of at least 0", "Pass one.")

    def start(self, groups: int, outputs: int = 1) -> Memory:
        """See `Term`; sums of rates, then the multipliers."""
        return (0.0,) * (1 + 4 * _events(self.constraint, outputs) * groups)

    def cost(self, seen: Judged, memory: Memory, epoch: int) -> tuple[Tensor, Memory]:
        """See `Term`; the gradient is that of the Lagrangian, the value is not."""
        half = len(memory) // 2 + 1
        known, batch, remembered = _remembered(
            self.constraint, seen, memory[:half], code_of(self.positive), self.sharpness
        )
        by_group, whole = rates(known)
        gap = by_group - whole
        duals = torch.tensor(memory[half:]).to(gap).view(2, *gap.shape)
        share = share_of(self.warm_up, epoch)
        if share > 0:
            excess = torch.stack([gap - self.tolerance, -gap - self.tolerance])
            duals = (duals + self.step * excess).clamp(0, self.limit)
        price = share * per_pair(known[1]) * (duals[0] - duals[1] + self.damping * gap)
        return _linear(price, batch, known), (*remembered, *duals.flatten().tolist())

    def held(self, seen: Judged) -> Tensor:
        """See `Term`: what lies beyond the tolerance, squared, at the highest price."""
        gap, scale = _gaps(self.constraint, seen, code_of(self.positive), self.sharpness)
        return self.limit * (scale * (gap.abs() - self.tolerance).clamp_min(0).square()).sum()

    def sets_in(self) -> tuple[int, int]:
        """See `Term`."""
        return passes_of(self.warm_up)


def _events(constraint: str, outputs: int) -> int:
    if constraint in OF_NUMBERS:
        return outputs
    return 2 if constraint == "equalised_odds" else 1


def share_of(warm_up: int, epoch: int) -> float:
    """Of the price: 0 in the passes of the warm-up, then rising for as many."""
    return min(1.0, max(0, epoch + 1 - warm_up) / max(warm_up, 1))


def passes_of(warm_up: int) -> tuple[int, int]:
    """The first passes whose `_share` is above 0, and 1."""
    return warm_up, max(0, 2 * warm_up - 1)


def code_of(positive: Any) -> int:
    """Code of the positive class; without one the second."""
    return 1 if positive is None else int(positive)


def _remembered(
    constraint: Constraint | NumberConstraint, seen: Judged, memory: Memory, positive: int, sharpness: float
) -> tuple[Tensor, Tensor, Memory]:
    """Mean sums of the last batches, no gradients attached, those of this one, and what to remember."""
    first, *rest = memory
    batch = sums(constraint, seen, positive, len(rest) // (2 * _events(constraint, seen.scores.shape[1])), sharpness)
    old = torch.tensor(rest, dtype=batch.dtype, device=batch.device).view(batch.shape)
    # A mean from the first batch on: without the count, early batches would weigh too much.
    count = _DECAY * first + 1
    new = (_DECAY * old * first + batch.detach()) / count
    return new, batch, (count, *new.flatten().tolist())


def _linear(price: Tensor, batch: Tensor, known: Tensor) -> Tensor:
    """Prices times gaps of this batch; each row weighs the same in whatever batch it is drawn."""
    usual = known[1].clamp_min(1e-9)
    by_group, whole = batch[0] / usual, batch[0].sum(-1, keepdim=True) / usual.sum(-1, keepdim=True)
    return (price * torch.where(known[1] > 1e-9, by_group - whole, 0)).sum()


def _gaps(
    constraint: Constraint | NumberConstraint, seen: Judged, positive: int, sharpness: float
) -> tuple[Tensor, Tensor]:
    totals = sums(constraint, seen, positive, max(int(seen.groups.max()), 0) + 1, sharpness)
    by_group, whole = rates(totals)
    return by_group - whole, per_pair(totals[1])


def check_numbers(owner: str, weight: float, warm_up: int, sharpness: float) -> None:
    """Raise InputError where a number of a term is out of its range.

    Raises:
        InputError: a number is out of range.
    """
    for name, value in (("weight", weight), ("sharpness", sharpness)):
        if not (math.isfinite(value) and value >= 0):
            raise InputError(owner, name, f"is {value}; expected a finite number of at least 0", "Pass 1.0, say.")
    if isinstance(warm_up, bool) or not isinstance(warm_up, int) or warm_up < 0:
        raise InputError(owner, "warm_up", f"is {warm_up!r}; expected passes, a whole number", "Pass 3, say.")
