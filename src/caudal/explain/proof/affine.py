"""Affine forms (zonotopes): sets of vectors that keep track of what depends on what.

A form is `centre + symbols @ parts` with every symbol anywhere in [-1, 1]. Two forms that share symbols are correlated,
so that `v - v` is 0 and not an interval twice as wide; that is what plain intervals lose in a recurrence. Linear maps
are exact. A bounded curve is replaced by a line and a new symbol that holds its whole error, a product by its linear
part and a new symbol for the product of the deviations. Every form contains the true set; rounding is covered by
widening each new symbol (`SLACK`).

Source: Comba and Stolfi, "Affine arithmetic and its applications to computer graphics", 1993; the parallelogram
around a sigmoid as in Singh et al., "Fast and effective robustness certification", NeurIPS 2018.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

SLACK = 1e-12
WORTH = 0.5
_TIGHT = 1e-9
# Symbols of a product that are looked at pair by pair.
_SHARED = 64
# Of a sampled curve.
_POINTS = 129


class Affine(NamedTuple):
    """A set of vectors.

    Attributes:
        centre: `(size,)` float64.
        parts: `(symbols, size)`; symbols beyond the last row do not act.
    """

    centre: Tensor
    parts: Tensor


class Symbols:
    """Allocates error symbols, so that two unrelated errors never share one."""

    def __init__(self, count: int) -> None:
        self.count = count

    def widen(self, form: Affine, by: Tensor) -> Affine:
        """The form with an error of its own for each entry, `by (size,)` at least 0."""
        entries = torch.nonzero(by > 0).flatten()
        parts = form.parts.new_zeros(self.count + len(entries), len(by))
        parts[: len(form.parts)] = form.parts
        parts[torch.arange(self.count, self.count + len(entries)), entries] = by[entries]
        self.count += len(entries)
        return Affine(form.centre, parts)


def point(centre: Tensor) -> Affine:
    """A single vector."""
    return Affine(centre, centre.new_zeros(0, len(centre)))


def radius(form: Affine) -> Tensor:
    """Largest deviation of each entry, `(size,)`."""
    return form.parts.abs().sum(0)


def ends(form: Affine) -> tuple[Tensor, Tensor]:
    """Lowest and highest value of each entry.

    Example:
        >>> low, high = ends(Affine(torch.tensor([1.0]), torch.tensor([[0.5], [-0.25]])))
        >>> low.item(), high.item()
        (0.25, 1.75)
    """
    far = radius(form)
    return form.centre - far, form.centre + far


def through(form: Affine, weight: Tensor, bias: Tensor | None = None) -> Affine:
    """Image under `weight (out, in)` and `bias (out,)`; exact."""
    centre = weight @ form.centre
    return Affine(centre if bias is None else centre + bias, form.parts @ weight.T)


def plus(first: Affine, second: Affine) -> Affine:
    """Sum of two forms; exact.

    Example:
        >>> x = Affine(torch.tensor([1.0]), torch.tensor([[0.5]]))
        >>> ends(plus(x, scaled(x, torch.tensor([-1.0]))))
        (tensor([0.]), tensor([0.]))
    """
    longer, shorter = (first, second) if len(first.parts) >= len(second.parts) else (second, first)
    parts = longer.parts.clone()
    parts[: len(shorter.parts)] += shorter.parts
    return Affine(first.centre + second.centre, parts)


def scaled(form: Affine, by: Tensor) -> Affine:
    """Each entry times a number `(size,)`; exact."""
    return Affine(form.centre * by, form.parts * by)


def shifted(form: Affine, by: Tensor) -> Affine:
    """Each entry plus a number `(size,)`; exact."""
    return Affine(form.centre + by, form.parts)


def wide(scalar: Affine, size: int) -> Affine:
    """A form of one entry, repeated; every copy moves with the same symbols."""
    return Affine(scalar.centre.expand(size), scalar.parts.expand(-1, size))


def take(form: Affine, index: Tensor) -> Affine:
    """Some of the entries, `index (n,)` int64."""
    return Affine(form.centre[index], form.parts[:, index])


class Line(NamedTuple):
    """A curve over an interval as `slope x + offset`, off by at most `error`; each `(size,)`."""

    slope: Tensor
    offset: Tensor
    error: Tensor


def sigmoid_line(low: Tensor, high: Tensor) -> Line:
    """The narrowest strip of the chord's slope around the logistic sigmoid over `[low, high]`.

    Where the slope equals that of the chord the curve leaves the strip: at `sigmoid(x) = (1 +- sqrt(1 - 4 slope)) / 2`.

    Example:
        >>> line = sigmoid_line(torch.tensor([-1.0]), torch.tensor([1.0]))
        >>> round(line.slope.item(), 4), round(line.error.item(), 4)
        (0.2311, 0.0071)
    """
    at_low, at_high = torch.sigmoid(low), torch.sigmoid(high)
    wide = high - low
    tangent = torch.sigmoid((low + high) / 2)
    slope = torch.where(wide > _TIGHT, (at_high - at_low) / wide.clamp_min(_TIGHT), tangent * (1 - tangent))
    slope = slope.clamp(0.0, 0.25)
    root = (1 - 4 * slope).clamp_min(0).sqrt()
    gaps = [at_low - slope * low, at_high - slope * high]
    for value in ((1 + root) / 2, (1 - root) / 2):
        inside = torch.logit(value.clamp(1e-300, 1 - 1e-16)).clamp(low, high)
        gaps.append(torch.sigmoid(inside) - slope * inside)
    stacked = torch.stack(gaps)
    least, most = stacked.amin(0), stacked.amax(0)
    # A slope off by a rounding moves the touching point, not the strip by more than this.
    spare = SLACK * (1 + wide)
    return Line(slope, (least + most) / 2, (most - least) / 2 + spare)


def tanh_line(low: Tensor, high: Tensor) -> Line:
    """The same for tanh, which is `2 sigmoid(2 x) - 1`."""
    inner = sigmoid_line(2 * low, 2 * high)
    return Line(4 * inner.slope, 2 * inner.offset - 1, 2 * inner.error)


def sampled_line(curve: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, bend: float) -> Line:
    """The strip of the chord's slope around a smooth curve over `[low, high]`, from points along it.

    Arguments:
        curve: maps `(points, size)` entry by entry.
        low, high: `(size,)`.
        bend: bound of the size of the curve's second derivative; it covers what lies between two points.

    Example:
        >>> line = sampled_line(lambda x: torch.exp(-x), torch.tensor([0.0]), torch.tensor([1.0]), 1.0)
        >>> round(line.slope.item(), 3), round(line.error.item(), 3)
        (-0.632, 0.039)
    """
    gap = high - low
    places = torch.linspace(0, 1, _POINTS, dtype=low.dtype, device=low.device)[:, None]
    points = low + places * gap
    reach = gap.clamp_min(_TIGHT**0.5) / 2
    middle = (low + high) / 2
    slope = (curve(middle + reach) - curve(middle - reach)) / (2 * reach)
    away = curve(points) - slope * points
    least, most = away.amin(0), away.amax(0)
    between = bend * (gap / (_POINTS - 1)).square() / 8
    return Line(slope, (least + most) / 2, (most - least) / 2 + between + SLACK * (1 + gap))


def along(form: Affine, line: Line, symbols: Symbols) -> Affine:
    """Image under a curve that a strip contains."""
    moved = Affine(form.centre * line.slope + line.offset, form.parts * line.slope)
    return symbols.widen(moved, line.error)


def sigmoid(form: Affine, symbols: Symbols) -> Affine:
    """Image under the logistic sigmoid."""
    return along(form, sigmoid_line(*ends(form)), symbols)


def tanh(form: Affine, symbols: Symbols) -> Affine:
    """Image under tanh."""
    return along(form, tanh_line(*ends(form)), symbols)


def product(first: Affine, second: Affine) -> tuple[Affine, Tensor]:
    """Linear part of the product entry by entry, and the largest error of each entry `(size,)`.

    A symbol that both forms share enters as its square, which lies in [0, 1]; two that they share enter once, together.

    Example:
        >>> x = Affine(torch.tensor([1.0]), torch.tensor([[0.5]]))
        >>> linear, error = product(x, x)
        >>> linear.centre.item(), linear.parts.item(), error.item()
        (1.125, 1.0, 0.125)
    """
    linear = plus(scaled(first, second.centre), scaled(second, first.centre))
    centre, spread = first.centre * second.centre, radius(first) * radius(second)
    count = min(len(first.parts), len(second.parts))
    shared = (first.parts[:count].any(1) & second.parts[:count].any(1)).nonzero()[:_SHARED, 0]
    if len(shared):
        pairs = first.parts[shared][:, None] * second.parts[shared][None]
        squares = pairs.diagonal().t()
        both = (pairs + pairs.transpose(0, 1)).abs().sum((0, 1)) / 2
        # Of the pairs (i, j) and (j, i) together; the squares stand in both sums once, and count for half.
        spread = spread - pairs.abs().sum((0, 1)) + both - squares.abs().sum(0) / 2
        centre = centre + squares.sum(0) / 2
    return Affine(centre, linear.parts), spread.clamp_min(0) + SLACK * (1 + linear.centre.abs())


def times(first: Affine, second: Affine, symbols: Symbols) -> Affine:
    """Product entry by entry."""
    linear, error = product(first, second)
    return symbols.widen(linear, error)


def boxed(form: Affine, low: Tensor, high: Tensor, symbols: Symbols) -> Affine:
    """The form, with an entry replaced by a known interval where that is much the narrower.

    A box forgets what its entry depends on, which costs more later than a small gain is worth now.
    """
    mine_low, mine_high = ends(form)
    swap = (high - low) < WORTH * (mine_high - mine_low)
    if not bool(swap.any()):
        return form
    centre = torch.where(swap, (low + high) / 2, form.centre)
    trimmed = Affine(centre, form.parts * ~swap)
    return symbols.widen(trimmed, torch.where(swap, (high - low) / 2 + SLACK, 0.0))


def reduced(form: Affine, keep: int, most: int) -> Affine:
    """A form of at most about `most` symbols: the first `keep` stay, the weakest of the others become one box.

    Its symbols from `keep` on are new; no other form may share them.
    """
    if len(form.parts) <= most:
        return form
    others = form.parts[keep:]
    room = max(most - keep - len(form.centre), 0)
    strongest = others.abs().sum(1).argsort(descending=True)
    rest = others[strongest[room:]].abs().sum(0)
    return Affine(form.centre, torch.cat((form.parts[:keep], others[strongest[:room]], torch.diag(rest))))
