"""Sets of states for the step of a cell, as an affine form and as intervals at once."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from caudal.explain.proof.affine import Affine, Symbols, boxed, ends, point, reduced


class StateSet(NamedTuple):
    """States a cell may be in.

    Attributes:
        form: affine form.
        low, high: intervals `(units,)`, never wider than those of the form.
    """

    form: Affine
    low: Tensor
    high: Tensor


# (state, input, elapsed time as a form of one entry, symbols) -> state after the step
Advance = Callable[[StateSet, Affine, Affine, Symbols], StateSet]


class Machine(NamedTuple):
    """A layer over sets instead of vectors.

    Attributes:
        start: the state before the first step.
        advance: one step.
        read: outputs of a state.
        is_late: whether a step is given the inputs of the step before it, zeros at first.
    """

    start: StateSet
    advance: Advance
    read: Callable[[StateSet], Affine]
    is_late: bool = False


def at_rest(units: int) -> StateSet:
    """The state of zeros."""
    zeros = torch.zeros(units, dtype=torch.float64)
    return StateSet(point(zeros), zeros, zeros)


def within(form: Affine, low: Tensor, high: Tensor, symbols: Symbols) -> StateSet:
    """A form that is also known to lie in intervals."""
    form = boxed(form, low, high, symbols)
    form_low, form_high = ends(form)
    return StateSet(form, torch.maximum(low, form_low), torch.minimum(high, form_high))


def bounded(form: Affine) -> StateSet:
    """A form with its own intervals."""
    return StateSet(form, *ends(form))


def trimmed(reach: StateSet, symbols: Symbols, keep: int, most: int) -> StateSet:
    """The same states in fewer symbols; `symbols` starts again behind them."""
    form = reduced(reach.form, keep, most)
    symbols.count = max(keep, len(form.parts))
    return StateSet(form, reach.low, reach.high)
