"""A projection after which no linear model can tell the group, and which changes the rest as little as it can."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def erasure(states: Tensor, groups: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Projection `P` and mean `m` of LEACE: `z -> m + P (z - m)` leaves states that no linear model tells the group by.

        P = I - W+ Q Q' W        W = S^(-1/2), S the covariance of z, Q a basis of the columns of W C

    and C the covariance of z with the indicators of the groups. After it every group has the same mean.

    Arguments:
        states: `(batch, neurons)`.
        groups: `(batch,)` codes; -1 unknown, left out.
        weight: `(batch,)`, or None for 1 each.

    Returns:
        `(neurons, neurons)` and `(neurons,)`, float64.

    Source: Belrose et al. 2023, LEACE: perfect linear concept erasure in closed form, theorem 4.3.

    Example:
        >>> z, who = torch.randn(300, 4).double(), torch.arange(300) % 3
        >>> z[:, 1] += who
        >>> P, m = erasure(z, who)
        >>> new = m + (z - m) @ P.T
        >>> bool((new[who == 0].mean(0) - new[who == 2].mean(0)).abs().max() < 1e-9)
        True
    """
    known = groups >= 0
    z, codes = states[known].double(), groups[known]
    share = torch.ones_like(z[:, 0]) if weight is None else weight[known].double()
    share = share / share.sum()
    mean = share @ z
    centred = z - mean
    indicators = one_hot(codes).double()
    indicators = indicators - share @ indicators
    cov, cross = centred.T @ (share[:, None] * centred), centred.T @ (share[:, None] * indicators)
    values, axes = torch.linalg.eigh(cov)
    live = values > 1e-10 * values.max().clamp_min(1e-300)
    root = torch.where(live, values.clamp_min(0).sqrt(), 0)
    whiten = axes * torch.where(live, 1 / root.clamp_min(1e-150), 0) @ axes.T
    colour = axes * root @ axes.T
    left, sizes, _ = torch.linalg.svd(whiten @ cross, full_matrices=False)
    basis = left[:, sizes > 1e-9]
    return torch.eye(len(mean), dtype=z.dtype) - colour @ basis @ basis.T @ whiten, mean
