"""Candidates: proximal gradients from several starts, single entries at the ends of their range, and greedy sums."""

from dataclasses import dataclass

import torch
from torch import Tensor

from caudal.explain.counterfactual.goal import Goal

_RATES = (0.3, 0.1, 0.03, 0.01)
_PROMISING = 64
_MOST_STEPS = 400_000


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """Where a search may go. Entries are the inputs at every step, then the gap of every step: `(time, input + 1)`.

    Changes are in spreads, so that one unit is as large for a gap as for a value.

    Attributes:
        goal: what is wanted.
        free: `(time, input + 1)` bool, which entries may change.
        low, high: `(time, input + 1)` furthest changes, in spreads; 0 lies between them.
        spread: `(input + 1,)` size of a spread in the user's units.
        step: `(input + 1,)` distance of the grid in the user's units, 0 for none.
        offset: `(input + 1,)` some point of each grid.
    """

    goal: Goal
    free: Tensor
    low: Tensor
    high: Tensor
    spread: Tensor
    step: Tensor
    offset: Tensor

    def raw(self, change: Tensor) -> tuple[Tensor, Tensor]:
        """Values and gaps of changed series, from `(batch, time, input + 1)`."""
        moved = change * self.spread
        encoding = self.goal.encoding
        return encoding.values + moved[..., :-1], encoding.gaps + moved[..., -1]

    def margins(self, change: Tensor) -> Tensor:
        """Margin of each change as it would be printed, without gradients."""
        return self.goal.margins(*self.raw(self.printed(change)))

    def printed(self, change: Tensor) -> Tensor:
        """The change with numbers as they are printed, `(batch, time, input + 1)`.

        Each is rounded away from the old value: to the grid of the data, else to three figures of the number and at
        least two of the difference. At the end of the range it is rounded back, to seven figures.
        """
        current = torch.cat((self.goal.encoding.values, self.goal.encoding.gaps[:, None]), 1)
        moved = change * self.spread
        raw, up = current + moved, change > 0
        width = torch.minimum(_decade(raw) * 1e-2, _decade(moved) * 1e-1)
        # A grid much finer than three figures is thinned to about as many.
        widths = torch.where(width >= 10 * self.step, (width / self.step.clamp_min(1e-300)).round(), 1.0)
        width = torch.where(self.step > 0, widths * self.step, width)
        rounded = _outward(raw, width, self.offset, up)
        end = current + torch.where(up, self.high, self.low) * self.spread
        finest = torch.where(self.step > 0, self.step, _decade(end) * 1e-6)
        inside = _outward(end, finest, self.offset, ~up)
        rounded = torch.where(up, torch.minimum(rounded, inside), torch.maximum(rounded, inside))
        goes_on = torch.where(up, rounded > current, rounded < current) & (change != 0)
        return torch.where(goes_on, (rounded - current) / self.spread, 0)

    @property
    def is_spent(self) -> bool:
        """Whether the model was asked about as many steps of series as a search may take."""
        return self.goal.tried * len(self.free) > _MOST_STEPS

    def within(self, change: Tensor) -> Tensor:
        """The change cut to what is allowed."""
        return torch.where(self.free, torch.minimum(torch.maximum(change, self.low), self.high), 0)


def _decade(numbers: Tensor) -> Tensor:
    """The power of ten at or below the size of each number."""
    return 10 ** torch.floor(torch.log10(numbers.abs().clamp_min(1e-30)) + 1e-9)


def _outward(numbers: Tensor, width: Tensor, offset: Tensor, up: Tensor) -> Tensor:
    """Numbers rounded to multiples of a width from an offset, up or down; one that is such a multiple stays."""
    places = (numbers - offset) / width
    return offset + width * torch.where(up, torch.ceil(places - 1e-6), torch.floor(places + 1e-6))


def by_gradient(space: SearchSpace, restarts: int, steps: int, seed: int) -> Tensor:
    """One candidate per restart `(restarts, time, input + 1)`: the cheapest that turned, or the nearest to turning.

    Proximal gradients of the hinge of the margin, with a penalty on the sum of the changes and on the norm of each
    step's and each input's (Wachter et al. 2018, with sparse groups). Restarts differ in their start and penalty.
    """
    draw = torch.Generator().manual_seed(seed)
    shape = (restarts, *space.free.shape)
    change = 0.5 * torch.randn(shape, generator=draw, dtype=torch.float64)
    change[0] = 0
    change = space.within(change)
    penalty = torch.tensor(_RATES, dtype=torch.float64).repeat(restarts)[:restarts, None, None]
    best, cost = change.clone(), torch.full((restarts,), torch.inf, dtype=torch.float64)
    near = torch.full((restarts,), -torch.inf, dtype=torch.float64)
    first, second = torch.zeros_like(change), torch.zeros_like(change)
    for k in range(1, steps + 1):
        at = change.detach().requires_grad_(True)
        margin = space.goal.margin(*space.raw(at)).double()
        (slope,) = torch.autograd.grad(torch.relu(0.1 - margin).sum(), at)
        turned, paid = margin.detach() > 0, change.abs().sum((1, 2))
        better = torch.where(turned, paid < cost, ~torch.isfinite(cost) & (margin.detach() > near))
        best[better], near[better] = change[better], margin.detach()[better]
        cost = torch.where(better & turned, paid, cost)
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope.square()
        size = 0.1 * (1 - 0.8 * k / steps)
        move = first / (1 - 0.9**k) / ((second / (1 - 0.99**k)).sqrt() + 1e-8)
        change = space.within(_shrunk(change - size * move, size * penalty))
    return best


def _shrunk(change: Tensor, by: Tensor) -> Tensor:
    """Proximal map of the penalties: entries pulled to 0, then whole steps and whole inputs."""
    change = change.sign() * (change.abs() - by).clamp_min(0)
    for axis in (1, 2):
        norm = change.norm(dim=axis, keepdim=True)
        change = change * (1 - by / norm.clamp_min(1e-12)).clamp_min(0)
    return change


def by_entry(space: SearchSpace, most: int = 2048) -> Tensor:
    """The single entries that turn the decision at an end of their range, `(found, time, input + 1)`."""
    ends = _ends(space)[:most]
    return ends[space.margins(ends) > 0] if len(ends) else ends


def by_sum(space: SearchSpace, most: int) -> Tensor:
    """Entries moved to an end of their range one after another, always the one that helps most: one candidate."""
    ends = _ends(space)
    change = torch.zeros_like(space.low)[None]
    known = float(space.margins(change))
    if len(ends) > _PROMISING:
        # What helps little alone is seldom the next best beside others.
        ends = ends[space.margins(ends).argsort(descending=True)[:_PROMISING]]
    for _ in range(most):
        moved = torch.where(ends != 0, ends, change)
        if not len(moved) or known > 0:
            break
        margins = space.margins(moved)
        best = int(margins.argmax())
        if float(margins[best]) <= known:
            break
        change, known = moved[best : best + 1], float(margins[best])
    return change


def _ends(space: SearchSpace) -> Tensor:
    """Every free entry at either end of its range, one at a time."""
    places = torch.nonzero(space.free & ((space.low != 0) | (space.high != 0)))
    blocks = []
    for end in (space.low, space.high):
        block = torch.zeros(len(places), *space.free.shape, dtype=torch.float64)
        block[torch.arange(len(places)), places[:, 0], places[:, 1]] = end[places[:, 0], places[:, 1]]
        blocks.append(block)
    candidates = torch.cat(blocks)
    return candidates[(candidates != 0).any(-1).any(-1)]
