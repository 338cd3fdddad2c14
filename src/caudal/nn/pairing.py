"""When an input acts: over the gap before it, over the gap after it, or at its moment.

    hold       x_k acts over the gap before step k          sums and averages over an interval
    previous   x_{k-1} acts over the gap before step k      a sensor or a pump that keeps its value until the next one
    event      nothing acts over the gap, then x_k acts for one unit of time       measurements, alarms, doses, clicks

The choice is a fact of the data. It changes what a layer is fed, not its equation, so every liquid layer has it.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from caudal.errors import InputError

Pairing = Literal["hold", "previous", "event"]
PAIRINGS: tuple[Pairing, ...] = ("hold", "previous", "event")


class PreviousState(NamedTuple):
    """State of a layer under `"previous"`.

    Attributes:
        inner: the layer's own state.
        last: `(batch, inputs)`, the inputs of the last step that counted; zeros before the first.
    """

    inner: tuple[Any, ...]
    last: Tensor


def check_pairing(owner: str, pairing: str) -> None:
    """Refuse a word that is no pairing.

    Raises:
        InputError: it is none of `PAIRINGS`.
    """
    if pairing not in PAIRINGS:
        raise InputError(owner, "pairing", f"is {pairing!r}", 'Pass "hold", "previous" or "event".')


def shifted(x: Tensor, mask: Tensor | None, last: Tensor) -> tuple[Tensor, Tensor]:
    """The inputs that act over the gap before each step under `"previous"`, and those that act next.

    Arguments:
        x: `(batch, time, inputs)`.
        mask: `(batch, time)` bool; a step that does not count has no inputs to keep.
        last: `(batch, inputs)` from before the first step.

    Example:
        >>> x, mask = torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([[True, False, True]])
        >>> before, last = shifted(x, mask, torch.zeros(1, 1))
        >>> before.flatten().tolist(), last.item()
        ([0.0, 1.0, 1.0], 3.0)
    """
    known = torch.cat((last[:, None], x), 1)
    if mask is None:
        return known[:, :-1], x[:, -1]
    places = torch.arange(1, x.shape[1] + 1, device=x.device)
    latest = torch.where(mask, places, 0).cummax(1).values
    latest = torch.cat((torch.zeros_like(latest[:, :1]), latest), 1)
    acting = known.gather(1, latest[..., None].expand(-1, -1, x.shape[2]))
    return acting[:, :-1], acting[:, -1]


def doubled(x: Tensor, dt: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Two steps for each one under `"event"`: its gap without inputs, then its inputs for one unit of time.

    Example:
        >>> x, dt, _ = doubled(torch.tensor([[[7.0]]]), torch.tensor([[0.5]]), None)
        >>> x.flatten().tolist(), dt.flatten().tolist()
        ([0.0, 7.0], [0.5, 1.0])
    """
    inputs = torch.stack((torch.zeros_like(x), x), 2).flatten(1, 2)
    times = torch.stack((dt, torch.ones_like(dt)), 2).flatten(1, 2)
    return inputs, times, None if mask is None else mask.repeat_interleave(2, 1)
