"""Search within a tolerance: a lower bound on what a proof must cover, and counterexamples."""

from typing import NamedTuple

import torch
from torch import Tensor

from caudal.explain.proof.box import Box
from caudal.nn import Readout


class Seen(NamedTuple):
    """Series within a tolerance, and the outputs of the model for them.

    Attributes:
        x, dt: `(count, time, input)`, `(count, time)`.
        outputs: `(count, outputs)`.
        leads: `(count,)` lead of the decision over the nearest other class.
    """

    x: Tensor
    dt: Tensor
    outputs: Tensor
    leads: Tensor


def search(model: Readout, box: Box, decision: int, samples: int, seed: int) -> Seen:
    """Random corners, and sign gradients towards each end of each output and lead.

    Example:
        >>> from caudal.explain.proof.box import Box
        >>> from caudal.nn import LTC
        >>> x = torch.zeros(5, 2)
        >>> seen = search(Readout(LTC(2, 4), 2), Box(x, x + 0.1, torch.ones(5), torch.zeros(5)), 0, 8, 0)
        >>> bool((seen.x.abs() <= 0.1).all()), bool((seen.dt == 1).all())
        (True, True)
    """
    parameter = next(model.parameters())
    x, x_far, dt, dt_far = (tensor.to(parameter) for tensor in box)
    draw = torch.Generator().manual_seed(seed)
    corners, ticks = (torch.randint(0, 2, (samples, *like.shape), generator=draw).to(like) * 2 - 1 for like in (x, dt))
    series, times = [x[None], x + x_far * corners], [dt[None], dt + dt_far * ticks]
    aims = torch.eye(model.outputs).to(x)
    for aim in (*aims, *-aims, *(aims - aims[decision])):
        at, when = x[None], dt[None]
        for _ in range(4 if bool(aim.any()) else 0):
            at, when = at.detach().requires_grad_(True), when.detach().requires_grad_(True)
            goal = (model.series(at, dt=when)[0] @ aim).sum()
            slopes = torch.autograd.grad(goal, (at, when), materialize_grads=True)
            at, when = (x + x_far * slopes[0].sign()).detach(), (dt + dt_far * slopes[1].sign()).detach()
            series.append(at)
            times.append(when)
    candidates, candidate_dt = torch.cat(series), torch.cat(times)
    with torch.no_grad():
        outputs = model.series(candidates, dt=candidate_dt)[0]
    others = outputs.clone()
    others[:, decision] = -torch.inf
    return Seen(candidates, candidate_dt, outputs, outputs[:, decision] - others.amax(1))
