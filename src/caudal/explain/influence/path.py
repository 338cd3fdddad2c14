"""Path integrals of gradients, with points where the path is steep, until the values add up."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from caudal.explain.influence.record import TOLERANCE

ORDER, MOST = 8, 2048
_NARROW = 1 / 16

Along = Callable[[Tensor, Tensor], Tensor]


class Integral(NamedTuple):
    """Result of a path integral.

    Attributes:
        values: `(series, ...)`, one for each thing moved along the path.
        deltas: `(series,)`, how far they miss the total, relative to it.
        points: most points that a series needed.
    """

    values: Tensor
    deltas: Tensor
    points: int


class _Panels(NamedTuple):
    """Panels of the paths: series, both ends, and the output at both ends."""

    series: Tensor
    low: Tensor
    high: Tensor
    at_low: Tensor
    at_high: Tensor

    def where(self, keep: Tensor) -> "_Panels":
        return _Panels(*(column[keep] for column in self))

    def halves(self, value: Along) -> "_Panels":
        middle = (self.low + self.high) / 2
        at_middle = value(self.series, middle)
        first = (self.series, self.low, middle, self.at_low, at_middle)
        second = (self.series, middle, self.high, at_middle, self.at_high)
        return _Panels(*(torch.cat(pair) for pair in zip(first, second, strict=True)))


def miss(values: Tensor, total: Tensor, least: Tensor | float = 0.0) -> Tensor:
    """How far `values (series, ...)` fail to add up to `total (series,)`, relative to it or to what is larger.

    Example:
        >>> miss(torch.tensor([[1.0, 2.0]]), torch.tensor([4.0])).item()
        0.25
    """
    size = torch.maximum(total.abs(), torch.as_tensor(least, dtype=total.dtype, device=total.device))
    return (values.flatten(1).sum(1) - total).abs() / size.clamp_min(torch.finfo(total.dtype).tiny)


def integrate(
    gradient: Along,
    value: Along,
    ends: tuple[Tensor, Tensor],
    rows: int,
    *,
    tolerance: float = TOLERANCE,
    most: int = MOST,
    least: Tensor | float = 0.0,
) -> Integral:
    """Integrate along straight paths from 0 to 1, by Gauss-Legendre rules of 8 points on ever shorter panels.

    The integral over a panel is known beforehand, it is the difference of the outputs at its ends; so is its error. A
    panel whose error is too large is halved. A trained gate can open within a thousandth of the path: equal points
    would have to be that dense everywhere.

    Arguments:
        gradient: `(rows, fractions) -> (len(rows), ...)`, derivative by the fraction at points of the paths.
        value: `(rows, fractions) -> (len(rows),)`, the output there.
        ends: `(series,)` output at 0, and at 1.
        rows: how many points to evaluate at once.
        tolerance: largest relative miss; panels aim at half of it, in proportion to their length.
        most: points to spend on one series.
        least: size `(series,)` of a difference below which no accuracy is asked for.

    Source: Sundararajan, Taly and Yan, ICML 2017 (arXiv 1703.01365), eq. 1; completeness is their proposition 1.

    Example:
        >>> rise = lambda row, at: torch.sigmoid(5000 * (at - 0.3))
        >>> slope = lambda row, at: (5000 * rise(row, at) * (1 - rise(row, at)))[:, None]
        >>> integral = integrate(slope, rise, (torch.zeros(1), torch.ones(1)), 64)
        >>> integral.deltas.item() < 0.01, integral.points < 300
        (True, True)
    """
    start, end = ends
    total, series = end - start, torch.arange(len(end), device=end.device)
    open_ = _Panels(series, torch.zeros_like(end), torch.ones_like(end), start, end)
    aimed = torch.maximum(total.abs(), torch.as_tensor(least, dtype=total.dtype, device=total.device))
    spent = torch.zeros(len(end), dtype=torch.int64, device=end.device)
    values: Tensor | None = None
    while len(open_.series):
        integrals = _rule(gradient, open_, rows)
        spent.index_add_(0, open_.series, torch.full_like(open_.series, ORDER))
        if values is None:
            values = integrals.new_zeros(len(end), *integrals.shape[1:])
        error = (integrals.flatten(1).sum(1) - (open_.at_high - open_.at_low)).abs()
        allowed = 0.5 * tolerance * aimed[open_.series] * (open_.high - open_.low).clamp_min(_NARROW)
        waiting = torch.zeros_like(spent).index_add_(0, open_.series, torch.ones_like(open_.series))
        splits = (error > allowed) & ((spent + 2 * ORDER * waiting)[open_.series] <= most)
        values.index_add_(0, open_.series[~splits], integrals[~splits])
        open_ = open_.where(splits)
        if len(open_.series):
            open_ = open_.halves(value)
    whole = total.new_zeros(0) if values is None else values
    return Integral(whole, miss(whole, total), int(spent.max()))


def _rule(gradient: Along, panels: _Panels, rows: int) -> Tensor:
    """The rule on every panel, `(panels, ...)`."""
    like = panels.low
    nodes, weights = (torch.tensor(rule, dtype=like.dtype, device=like.device) for rule in leggauss(ORDER))
    width = (panels.high - panels.low)[:, None]
    at = (panels.low[:, None] + width * (nodes + 1) / 2).flatten()
    share = (width * weights / 2).flatten()
    row = panels.series.repeat_interleave(ORDER)
    parts = zip(torch.split(row, rows), torch.split(at, rows), strict=True)
    slopes = torch.cat([gradient(series, fraction) for series, fraction in parts])
    slopes = slopes * share.view(-1, *[1] * (slopes.dim() - 1))
    return slopes.reshape(len(like), ORDER, *slopes.shape[1:]).sum(1)
