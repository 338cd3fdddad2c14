"""How well a group can be told from numbers inside a net."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from caudal.errors import InputError
from caudal.intervals import Interval

Kind = Literal["linear", "curved"]
_FEATURES = 256
_LEVEL = 0.95


@dataclass(frozen=True)
class Probe:
    """What a small model, trained for nothing else, tells about the group of people it has not seen.

    Attributes:
        told: share that it tells right, mean over the groups, so that a large group counts no more than a small one.
        chance: of a guess: 1 / groups.
        kind: `"linear"`, which is what a linear readout can use; `"curved"` finds more.
    """

    told: Interval
    chance: float
    kind: Kind

    @property
    def points(self) -> float:
        """Percentage points above chance.

        Example:
            >>> Probe(Interval(0.53, 0.5, 0.56), 0.5, "linear").points
            3.0
        """
        return round(100 * (self.told.value - self.chance), 2)


def probe(
    states: Tensor, groups: Tensor, new_states: Tensor, new_groups: Tensor, *, kind: Kind = "linear", seed: int = 0
) -> Probe:
    """Train a new probe on some people and ask it about others.

    Arguments:
        states: `(batch, neurons)`.
        groups: `(batch,)` codes; -1 unknown, left out.
        new_states, new_groups: of other people.
        kind: a logistic regression on the states, or on 256 random cosines of them as well.
        seed: of the cosines.

    Raises:
        InputError: one of the two parts has fewer than two groups.

    Source: Alain & Bengio 2016 (linear probes); Rahimi & Recht 2007 (random features).

    Example:
        >>> x, who = torch.randn(200, 3), torch.arange(200) % 2
        >>> x[:, 0] += 3.0 * who
        >>> probe(x[:100], who[:100], x[100:], who[100:]).told.value > 0.8
        True
    """
    known, asked = groups >= 0, new_groups >= 0
    x, y, new_x, new_y = states[known].double(), groups[known], new_states[asked].double(), new_groups[asked]
    if len(set(y.tolist())) < 2 or len(set(new_y.tolist())) < 2:
        raise InputError("probe", "groups", "holds fewer than two groups in one of the parts", "Pass more people.")
    mean, std = x.mean(0), x.std(0, correction=0)
    x, new_x = ((block - mean) / std.clamp_min(1e-9) for block in (x, new_x))
    if kind == "curved":
        x, new_x = _cosines(x, new_x, seed)
    names, codes = y.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    count = torch.bincount(codes).double()
    weight, bias = logistic(x, codes, (len(codes) / (len(count) * count))[codes])
    right = names[(new_x @ weight.T + bias).argmax(1)] == new_y
    shares = [(right[new_y == name].double().mean(), int((new_y == name).sum())) for name in set(new_y.tolist())]
    accuracy = float(sum(share for share, _ in shares)) / len(shares)
    # A share of 0 or 1 has no spread of its own; Agresti and Coull's added half counts keep some.
    spread = sum(_variance(float(share), size) for share, size in shares) ** 0.5 / len(shares)
    width = 1.959964 * spread
    interval = Interval(accuracy, max(0.0, accuracy - width), min(1.0, accuracy + width), _LEVEL, "normal, over people")
    return Probe(interval, 1 / len(shares), kind)


def logistic(
    x: Tensor, target: Tensor, weight: Tensor | None = None, *, classes: int = 0, ridge: float = 1e-3
) -> tuple[Tensor, Tensor]:
    """Weights `(classes, features)` and biases of a multinomial logistic regression, by L-BFGS.

    Arguments:
        x: `(rows, features)` float64.
        target: `(rows,)` codes.
        weight: `(rows,)`, or None for 1 each.
        classes: how many; 0 takes the highest code.
        ridge: price of the squared weights, on the mean loss.

    Example:
        >>> weight, bias = logistic(torch.tensor([[0.0], [1.0]]).double(), torch.tensor([0, 1]))
        >>> weight[1, 0] > weight[0, 0]
        tensor(True)
    """
    classes = classes or int(target.max()) + 1
    share = torch.ones_like(x[:, 0]) if weight is None else weight.to(x)
    share = share / share.sum()
    coefficients = torch.zeros(classes, x.shape[1] + 1, dtype=x.dtype, requires_grad=True)
    search = torch.optim.LBFGS([coefficients], max_iter=200, tolerance_grad=1e-8, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        scores = x @ coefficients[:, :-1].T + coefficients[:, -1]
        misfit = (share * cross_entropy(scores, target, reduction="none")).sum()
        value = misfit + ridge * coefficients[:, :-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        search.step(loss)  # type: ignore[no-untyped-call]
    fitted = coefficients.detach()
    return fitted[:, :-1], fitted[:, -1]


def _cosines(x: Tensor, new_x: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    at = torch.randn(x.shape[1], _FEATURES, generator=rng, dtype=x.dtype) / math.sqrt(x.shape[1])
    phase = 2 * math.pi * torch.rand(_FEATURES, generator=rng, dtype=x.dtype)
    return torch.cat([x, torch.cos(x @ at + phase)], 1), torch.cat([new_x, torch.cos(new_x @ at + phase)], 1)


def _variance(share: float, size: int) -> float:
    near = (share * size + 2) / (size + 4)
    return near * (1 - near) / (size + 4)
