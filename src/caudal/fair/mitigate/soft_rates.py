"""Rates of decisions by group as sums of probabilities, which gradients go through."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from caudal.errors import InputError
from caudal.train import Judged

Constraint = Literal["equal_opportunity", "demographic_parity", "equalised_odds"]
NumberConstraint = Literal["mean_residual", "mean_prediction"]
CONSTRAINTS: tuple[Constraint, ...] = get_args(Constraint)
OF_NUMBERS: tuple[NumberConstraint, ...] = get_args(NumberConstraint)


def sums(
    constraint: Constraint | NumberConstraint, seen: Judged, positive: int, groups: int, sharpness: float = 1.0
) -> Tensor:
    """Probability of the positive decision, and rows, summed by event and group.

    Arguments:
        constraint: `"equal_opportunity"` has one event, that the positive class is true; `"demographic_parity"` one,
            that there is a row; `"equalised_odds"` two, that the positive class is true and that it is not. Of numbers,
            `"mean_residual"` and `"mean_prediction"` have one event for each output, that its truth is known, and sum
            residuals or predictions in place of probabilities.
        seen: scores and what is known.
        positive: code of the positive class.
        groups: how many there are.
        sharpness: factor of the margin between the positive class and the rest: 1 gives the probability, more comes
            nearer to the decision itself.

    Returns:
        `(2, events, groups)`: sums of weighted probability, and of weight.
    """
    member = one_hot(seen.groups.clamp_min(0), groups).to(seen.scores) * (seen.groups >= 0).to(seen.scores)[:, None]
    if constraint in OF_NUMBERS:
        known = torch.ones_like(seen.scores, dtype=torch.bool) if seen.known is None else seen.known
        value = seen.scores - seen.target if constraint == "mean_residual" else seen.scores
        share = (known * seen.weight[:, None]).T
        return torch.stack([(share * torch.where(known, value, 0).T) @ member, share @ member])
    share = events_of(constraint, seen.target, positive).to(seen.scores) * seen.weight
    return torch.stack([(share * chance(seen.scores, positive, sharpness)) @ member, share @ member])


def events_of(constraint: str, target: Tensor, positive: int) -> Tensor:
    """`(events, rows)` bool: which rows a constraint looks at."""
    is_true = target == positive
    if constraint == "equal_opportunity":
        return is_true[None]
    if constraint == "demographic_parity":
        return torch.ones_like(is_true)[None]
    return torch.stack([is_true, ~is_true])


def chance(scores: Tensor, positive: int, sharpness: float = 1.0) -> Tensor:
    """Probability of the positive class `(rows,)`, its margin sharpened."""
    positive_score = scores[:, positive]
    others = scores.masked_fill(torch.arange(scores.shape[1], device=scores.device) == positive, -torch.inf)
    return torch.sigmoid(sharpness * (positive_score - others.logsumexp(1)))


def rates(totals: Tensor) -> tuple[Tensor, Tensor]:
    """Rate of each event and group, and of each event over all groups, from `sums`.

    Returns:
        `(events, groups)`, that of all rows where a group has none; and `(events, 1)`.

    Example:
        >>> own, whole = rates(torch.tensor([[[1.0, 3.0]], [[2.0, 4.0]]]))
        >>> own.tolist(), whole.tolist()
        ([[0.5, 0.75]], [[0.6666666865348816]])
    """
    top, count = totals
    whole = top.sum(-1, keepdim=True) / count.sum(-1, keepdim=True).clamp_min(1e-12)
    return torch.where(count > 0, top / count.clamp_min(1e-12), whole), whole


def per_pair(count: Tensor) -> Tensor:
    """Factor by which a sum over the groups of an event means the same as over two: 2 / groups that have rows.

    Arguments:
        count: `(events, groups)` rows, as in `sums`.

    Returns:
        `(events, 1)`, at most 2.

    Example:
        >>> per_pair(torch.tensor([[5.0, 9.0], [1.0, 0.0]])).tolist()
        [[1.0], [2.0]]
    """
    return 2 / (count > 0).sum(-1, keepdim=True).clamp_min(1)


def soft_gaps(
    constraint: Constraint, scores: Tensor, target: Tensor, groups: Tensor, *, positive: int = 1, sharpness: float = 1.0
) -> Tensor:
    """How far the rate of each group lies from that of all, with gradients: to be added to any loss.

    The estimate of a small batch is noisy, and a norm of it is biased upwards; `Penalty` remembers rates over batches.

    Arguments:
        constraint: see `sums`.
        scores: `(rows, classes)`.
        target: `(rows,)` codes of the classes.
        groups: `(rows,)` codes of the groups; -1 unknown.
        positive, sharpness: see `sums`.

    Returns:
        `(events, groups)`.

    Raises:
        InputError: the constraint is unknown.

    Example:
        >>> scores = torch.tensor([[0.0, 0.0], [0.0, 9.0]], requires_grad=True)
        >>> soft_gaps("equal_opportunity", scores, torch.tensor([1, 1]), torch.tensor([0, 1])).abs().sum().backward()
        >>> scores.grad[0, 1] < 0
        tensor(True)
    """
    check_constraint("soft_gaps", constraint)
    seen = Judged(scores, target, groups, torch.ones_like(scores[:, 0]))
    by_group, whole = rates(sums(constraint, seen, positive, int(groups.max()) + 1, sharpness))
    return by_group - whole


def check_constraint(owner: str, constraint: str, *, numbers: bool = False) -> None:
    """Raise InputError where a name is no constraint on decisions.

    Arguments:
        owner: whose argument it is.
        constraint: the name.
        numbers: whether those of numbers may be named as well.

    Raises:
        InputError: the constraint is unknown.
    """
    known = (*CONSTRAINTS, *OF_NUMBERS) if numbers else CONSTRAINTS
    if constraint not in known:
        listed = ", ".join(map(repr, known))
        raise InputError(owner, "constraint", f"is {constraint!r}", f"There are {listed}.")
