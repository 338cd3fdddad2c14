"""Rank correlations, row by row."""

import torch
from torch import Tensor


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """Rank correlation of each row, ties at their mean rank; NaN where one row is constant.

    Example:
        >>> spearman(torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[3.0, 2.0, 1.0]])).tolist()
        [-1.0]
    """
    a, b = (_ranks(one.double()) for one in (first, second))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()


def _ranks(rows: Tensor) -> Tensor:
    found = []
    for row in rows:
        _, place, count = torch.unique(row, return_inverse=True, return_counts=True)
        last = count.cumsum(0)
        found.append((last - (count - 1) / 2)[place].double())
    return torch.stack(found)


def known_mean(values: Tensor) -> float:
    """Mean of what is known; NaN where nothing is.

    Example:
        >>> known_mean(torch.tensor([1.0, torch.nan, 3.0]))
        2.0
    """
    known = values[~values.isnan()]
    return float(known.mean()) if len(known) else float("nan")
