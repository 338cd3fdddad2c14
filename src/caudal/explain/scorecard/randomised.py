"""Parameter randomisation test: explanations of a network compared with those of re-drawn networks."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from caudal.errors import InputError
from caudal.explain.influence.target import Question
from caudal.nn.layer import Layer


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """Rank correlation of each row, ties at their mean rank; NaN where one row is constant.

    Example:
        >>> spearman(torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[3.0, 2.0, 1.0]])).tolist()
        [-1.0]
    """
    a, b = (_ranks(rows.double()) for rows in (first, second))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()


def _ranks(rows: Tensor) -> Tensor:
    ranks = []
    for row in rows:
        _, place, count = torch.unique(row, return_inverse=True, return_counts=True)
        last = count.cumsum(0)
        ranks.append((last - (count - 1) / 2)[place].double())
    return torch.stack(ranks)


def known_mean(values: Tensor) -> float:
    """Mean of the entries that are not NaN; NaN where all are.

    Example:
        >>> known_mean(torch.tensor([1.0, torch.nan, 3.0]))
        2.0
    """
    known = values[~values.isnan()]
    return float(known.mean()) if len(known) else float("nan")


class Likeness(NamedTuple):
    """Rank correlations of an explanation with those of re-drawn networks, averaged in four ways.

    Attributes:
        over_series: signed, mean over series, then the mean of its size over the draws: what the scorecard holds.
            Nothing learnt would give 1.
        each: mean of its size over series and draws. Chance counts fully here: where an explanation is one number per
            input, spread over time, two unrelated ones over 12 inputs already share about 0.8 / sqrt(12) = 0.23.
        shared: signed, mean over the draws, then the mean of its size over series: what no draw changes.
        sizes: of the sizes of the entries, signed mean: how far the pattern of what is large is the input's own. A
            path integral multiplies by the distance from the baseline, so this is high for inputs.
    """

    over_series: float
    each: float
    shared: float
    sizes: float


def likeness(
    question: Question,
    values: Tensor,
    explainer: Callable[[Question], Tensor],
    draws: int,
    seed: int,
    there: Tensor | None = None,
) -> Likeness:
    """Rank correlation of an explanation with those of re-drawn networks, entry by entry.

    Arguments:
        question: what was asked.
        values: `(series, entries)` of the explanation.
        explainer: explains another question in the same way.
        draws, seed: how many nets to draw, and from what.
        there: `(series, entries)` bool, which entries to compare; all if left out.

    Source: Adebayo et al., NeurIPS 2018 (arXiv 1810.03292); on the chance in it: Hedström et al., 2024 (arXiv
    2405.02383).

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> question = ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2))
        >>> blind = lambda asked: asked.x.flatten(1)  # shows the input, whatever the net
        >>> round(likeness(question, blind(question), blind, 2, 0).over_series, 6)
        1.0
    """
    there = torch.ones_like(values, dtype=torch.bool) if there is None else there
    signed, sizes = [], []
    for draw in range(draws):
        other = explainer(replace(question, model=redrawn(question.model, seed + 7919 * (draw + 1))))
        rows = [(row[use][None], drawn[use][None]) for row, drawn, use in zip(values, other, there, strict=True)]
        signed.append(torch.cat([spearman(row, drawn) for row, drawn in rows]))
        sizes.append(torch.cat([spearman(row.abs(), drawn.abs()) for row, drawn in rows]))
    correlations = torch.stack(signed)
    over_series, shared = correlations.nanmean(1).abs(), correlations.nanmean(0).abs()
    return Likeness(*(known_mean(tensor) for tensor in (over_series, correlations.abs(), shared, torch.stack(sizes))))


def counted(question: Question, on: str, values: Tensor) -> Tensor:
    """Which entries `(series, entries)` are there at all: no padding."""
    if on in ("neurons", "synapses"):
        return torch.ones_like(values, dtype=torch.bool)
    width = values.shape[1] // question.mask.shape[1]
    return question.mask.repeat_interleave(width, 1)


def coverage(model: nn.Module) -> float:
    """Share of the parameters that `reset_parameters` draws anew, by trying it on a copy filled with NaN.

    Example:
        >>> from caudal.nn import LTC, Readout
        >>> coverage(Readout(LTC(2, 3), 2))
        1.0
    """
    twin = copy.deepcopy(model)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for parameter in twin.parameters():
            parameter.fill_(torch.nan)
        _reset(twin)
    total = sum(p.numel() for p in twin.parameters())
    drawn = sum(int(torch.isfinite(p).sum()) for p in twin.parameters())
    return drawn / max(total, 1)


def _reset(model: nn.Module) -> None:
    reset: Callable[[], None] | None = getattr(model, "reset_parameters", None)
    if reset is not None:
        reset()
        return
    for child in model.children():
        _reset(child)


def redrawn(model: Layer, seed: int) -> Layer:
    """A copy of a net with every parameter drawn anew.

    Raises:
        InputError: a part of the net has parameters that nothing draws anew; a check on it would prove nothing.
    """
    covered = coverage(model)
    if covered < 1:
        fault = f"has parameters that `reset_parameters` does not reach: {covered:.1%} are drawn anew"
        raise InputError("scorecard", "model", fault, "Write `reset_parameters` on every module that owns parameters.")
    twin = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _reset(twin)
    return twin
