"""Initial values and the maps that keep parameters positive by construction."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

_FLOOR = 1e-12


def softplus_inverse(value: Tensor) -> Tensor:
    """The raw number whose softplus is `value`; values under 1e-12 are raised to it.

    Example:
        >>> torch.nn.functional.softplus(softplus_inverse(torch.tensor([1e-6, 0.5, 30.0])))
        tensor([1.0000e-06, 5.0000e-01, 3.0000e+01])
    """
    value = value.clamp_min(_FLOOR)
    return value + torch.log(-torch.expm1(-value))


def positive(raw: Tensor) -> Tensor:
    """Softplus: how every conductance and capacitance is kept above 0."""
    return softplus(raw)


def uniform_(parameter: Tensor, low: float, high: float) -> None:
    """Fill a parameter from U(low, high)."""
    with torch.no_grad():
        parameter.uniform_(low, high)


def positive_uniform_(parameter: Tensor, low: float, high: float) -> None:
    """Fill a raw parameter so that its softplus is drawn from U(low, high)."""
    with torch.no_grad():
        parameter.copy_(softplus_inverse(torch.empty_like(parameter).uniform_(low, high)))


def fill_(parameter: Tensor, value: Tensor | float) -> None:
    """Fill a parameter with given values."""
    with torch.no_grad():
        parameter.copy_(value if isinstance(value, Tensor) else torch.full_like(parameter, value))
