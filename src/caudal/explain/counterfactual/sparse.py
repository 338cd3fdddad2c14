"""From a candidate that turns the decision to one from which nothing can be left out, made as small as it may be."""

import torch
from torch import Tensor

from caudal.explain.counterfactual.search import SearchSpace

_GRID, _LEVELS, _ROUNDS = 16, 3, 12
_GROWTH = (1.05, 1.1, 1.2, 1.35, 1.5, 2.0, 3.0)


def least(space: SearchSpace, change: Tensor) -> tuple[Tensor, bool]:
    """The smallest change found from a candidate: restoring any single entry loses the turn.

    Arguments:
        space: where it lies.
        change: `(time, input + 1)`, which turns the decision.

    Returns:
        the smaller change, and whether every entry was checked to be needed.
    """
    for _ in range(_ROUNDS):
        change = _cut(space, _fewer(space, change))
        change = _pruned(space, change)
        smaller = _each(space, _whole(space, change))
        if bool(((smaller != 0) == (change != 0)).all()) and _needed(space, smaller):
            return smaller, True
        change = smaller
        if space.is_spent:
            break
    change = _pruned(space, change)
    return change, _needed(space, change)


def _turns(space: SearchSpace, change: Tensor) -> bool:
    return bool(space.margins(change[None]) > 0)


def _cut(space: SearchSpace, change: Tensor) -> Tensor:
    """Without the rounding of numbers that changed by next to nothing."""
    tidy = torch.where(change.abs() < 1e-9, 0, change)
    return tidy if _turns(space, tidy) else change


def _fewer(space: SearchSpace, change: Tensor) -> Tensor:
    """As many of the smallest entries restored at once as the turn allows."""
    flat = change.flatten()
    order = torch.nonzero(flat)[:, 0]
    order = order[flat[order].abs().argsort()]
    counts = torch.linspace(0, max(len(order) - 1, 0), _GRID * 2).long()
    tried = flat.expand(len(counts), -1).clone()
    for candidate, count in zip(tried, counts.tolist(), strict=True):
        candidate[order[:count]] = 0
    turns = space.margins(tried.view(-1, *change.shape)) > 0
    return tried[int(torch.nonzero(turns)[-1])].view_as(change) if bool(turns.any()) else change


def _restored(change: Tensor) -> Tensor:
    """The change once without each of its entries, `(entries, time, input + 1)`."""
    places = torch.nonzero(change)
    variants = change.expand(len(places), *change.shape).clone()
    variants[torch.arange(len(places)), places[:, 0], places[:, 1]] = 0
    return variants


def _pruned(space: SearchSpace, change: Tensor) -> Tensor:
    """Entries restored one after another, always the one that is missed least, while the turn holds.

    Where only the lead is lost with it, the others grow instead.
    """
    while int((change != 0).sum()) > 1:
        without = _restored(change)
        margins = space.margins(without)
        best = int(margins.argmax())
        if float(margins[best]) > 0:
            change = without[best]
            continue
        close = margins.argsort(descending=True)[: int((margins + space.goal.lead > 0).sum())]
        grown = (_grown(space, without[k]) for k in close.tolist())
        longer = next((larger for larger in grown if larger is not None), None)
        if longer is None:
            break
        change = longer
    return change


def _grown(space: SearchSpace, change: Tensor) -> Tensor | None:
    """The change scaled up by as little as gives it the lead; None where the range ends before."""
    tried = space.within(torch.tensor(_GROWTH, dtype=change.dtype)[:, None, None] * change)
    turns = torch.nonzero(space.margins(tried) > 0)[:, 0]
    return tried[int(turns[0])] if len(turns) else None


def _needed(space: SearchSpace, change: Tensor) -> bool:
    """Whether it turns the decision with the lead, and does not even without the lead once any one entry is gone."""
    if not bool((change != 0).any()) or not _turns(space, change):
        return False
    return bool((space.margins(_restored(change)) + space.goal.lead <= 0).all())


def _scale(space: SearchSpace, change: Tensor, which: Tensor) -> float:
    """The smallest factor of some entries with which the decision still turns, to 1/4096."""
    low, high = 0.0, 1.0
    for _ in range(_LEVELS):
        factors = torch.linspace(low, high, _GRID + 1, dtype=change.dtype)[:-1]
        tried = torch.where(which, factors[:, None, None] * change, change)
        turns = torch.nonzero(space.margins(tried) > 0)[:, 0]
        first = int(turns[0]) if len(turns) else _GRID
        if first == 0:
            return float(factors[0])
        low, high = float(factors[first - 1]), float(factors[first]) if len(turns) else high
    return high


def _whole(space: SearchSpace, change: Tensor) -> Tensor:
    """All entries scaled down by one factor, as far as the turn allows."""
    return change * _scale(space, change, torch.ones_like(change, dtype=torch.bool))


def _each(space: SearchSpace, change: Tensor) -> Tensor:
    """Each entry scaled down by itself, the largest first."""
    places = torch.nonzero(change)
    order = change[places[:, 0], places[:, 1]].abs().argsort(descending=True)
    for step, k in places[order].tolist():
        which = torch.zeros_like(change, dtype=torch.bool)
        which[step, k] = True
        change = torch.where(which, change * _scale(space, change, which), change)
    return change
