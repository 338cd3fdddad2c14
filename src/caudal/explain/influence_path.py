"""Path integrals of gradients, with as many points as the completeness error asks for."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from caudal.records.influence import TOLERANCE

FIRST, MOST = 8, 512


class Integral(NamedTuple):
    """What a path integral found.

    Attributes:
        values: `(series, ...)`, one for each thing moved along the path.
        deltas: `(series,)`, how far they miss the total, relative to it.
        points: most points that a series needed.
    """

    values: Tensor
    deltas: Tensor
    points: int


def miss(values: Tensor, total: Tensor) -> Tensor:
    """How far `values (series, ...)` fail to add up to `total (series,)`, relative to it.

    Example:
        >>> miss(torch.tensor([[1.0, 2.0]]), torch.tensor([4.0])).item()
        0.25
    """
    tiny = torch.finfo(total.dtype).tiny
    return (values.flatten(1).sum(1) - total).abs() / total.abs().clamp_min(tiny)


def integrate(
    gradient: Callable[[Tensor, Tensor], Tensor],
    total: Tensor,
    rows: int,
    *,
    tolerance: float = TOLERANCE,
    first: int = FIRST,
    most: int = MOST,
) -> Integral:
    """Integrate along a straight path from 0 to 1, by Gauss-Legendre rules of 8, 16, 32, ... points.

    The end is known beforehand: the values must add up to the difference of the outputs at both ends. A series whose
    values miss it by more than the tolerance is integrated again with twice the points; the others are left alone.

    Arguments:
        gradient: `(rows, fractions) -> (len(rows), ...)`, derivative by the fraction at points of the paths.
        total: `(series,)` output at 1 minus output at 0.
        rows: how many points to evaluate at once.
        tolerance: largest relative miss.
        first, most: points of the first and last rule.

    Source: Sundararajan, Taly and Yan, ICML 2017 (arXiv 1703.01365), eq. 1; completeness is their proposition 1.

    Example:
        >>> found = integrate(lambda row, at: 3 * at[:, None] ** 2, torch.ones(1), 64)
        >>> round(found.values.item(), 6), found.points
        (1.0, 8)
    """
    values, deltas = torch.zeros(0), torch.full_like(total, torch.inf)
    points, used = first, first
    while True:
        open_ = (deltas > tolerance).nonzero()[:, 0]
        found = _rule(gradient, open_, total, points, rows)
        if not len(values):
            values = torch.zeros(len(total), *found.shape[1:], dtype=found.dtype, device=found.device)
        better = miss(found, total[open_]) <= deltas[open_]
        values[open_[better]] = found[better]
        deltas[open_] = torch.minimum(deltas[open_], miss(found, total[open_]))
        used = points
        points *= 2
        if points > most or not bool((deltas > tolerance).any()):
            return Integral(values, deltas, used)


def _rule(
    gradient: Callable[[Tensor, Tensor], Tensor], series: Tensor, total: Tensor, points: int, rows: int
) -> Tensor:
    nodes, weights = (torch.tensor(one, dtype=total.dtype, device=total.device) for one in leggauss(points))
    row = series.repeat_interleave(points)
    at, weight = (((nodes + 1) / 2).repeat(len(series)), (weights / 2).repeat(len(series)))
    parts = zip(*(torch.split(one, rows) for one in (row, at, weight)), strict=True)
    place = torch.split(torch.arange(len(series), device=total.device).repeat_interleave(points), rows)
    whole = torch.zeros(0)
    for (own, fraction, share), where in zip(parts, place, strict=True):
        found = gradient(own, fraction)
        if not len(whole):
            whole = torch.zeros(len(series), *found.shape[1:], dtype=found.dtype, device=found.device)
        whole.index_add_(0, where, found * share.view(-1, *[1] * (found.dim() - 1)))
    return whole
