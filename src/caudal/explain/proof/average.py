"""Exact range of a weighted average whose weights lie in intervals.

The fused LTC step is one: of the old state (weight `c_m / D`), the leak potential (`g_leak`) and the reversal potential
of every synapse (`w s`). Its highest value is reached with every weight at an end: high for potentials above the
answer, low for those below. Starting from any answer and choosing ends by it raises it until nothing changes.

Source: Karnik and Mendel, "Centroid of a type-2 fuzzy set", Information Sciences 132 (2001).
"""

import torch
from torch import Tensor


def highest(values: Tensor, low: Tensor, high: Tensor, to: Tensor, size: int) -> Tensor:
    """Highest weighted average at each target, `(size,)`.

    Arguments:
        values: `(terms,)`, what is averaged.
        low, high: `(terms,)` ends of the weights, at least 0; each target has some weight above 0 at its low ends.
        to: `(terms,)` int64 target of each term.
        size: number of targets.

    Example:
        >>> terms, low, high = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0]), torch.tensor([1.0, 3.0])
        >>> highest(terms, low, high, torch.tensor([0, 0]), 1).item()
        0.75
    """
    zeros = values.new_zeros(size)
    weight = high
    answer = zeros.index_add(0, to, weight * values) / zeros.index_add(0, to, weight)
    for _ in range(len(values) + 1):
        weight = torch.where(values > answer[to], high, low)
        better = zeros.index_add(0, to, weight * values) / zeros.index_add(0, to, weight)
        if bool((better <= answer).all()):
            break
        answer = torch.maximum(answer, better)
    return answer


def lowest(values: Tensor, low: Tensor, high: Tensor, to: Tensor, size: int) -> Tensor:
    """Lowest weighted average at each target; see `highest`."""
    return -highest(-values, low, high, to, size)
