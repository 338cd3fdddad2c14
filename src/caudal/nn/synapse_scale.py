"""Strength of each synapse as an argument of the call: 1 as trained, 0 as if the synapse were not there."""

import torch
from torch import Tensor

from caudal import shapes
from caudal.errors import DtypeError, InputError, NonFiniteError, ShapeError


def check_strength(owner: str, synapses: Tensor, count: int, batch: int, like: Tensor) -> Tensor:
    """The strengths in the dtype of `like`, if they fit.

    Arguments:
        owner: layer to name in errors.
        synapses: `(synapses,)`, or `(batch, synapses)`; bool or the dtype of `like`.
        count: synapses of the layer, sensory and recurrent.
        batch: series of the call.
        like: the layer's inputs.

    Raises:
        InputError: the layer has no wiring.
        ShapeError: there is not one strength per synapse.
        DtypeError: dtype or device are others than those of `like`.
        NonFiniteError: a strength is NaN or infinite.

    Example:
        >>> check_strength("LTC", torch.tensor([True, False]), 2, 3, torch.zeros(3, 1, 1)).tolist()
        [1.0, 0.0]
    """
    if count == 0:
        raise InputError(
            owner,
            "synapses",
            "was given, and no layer in it has a wiring",
            "Leave it out, or build the net from LTC, WiredCfC, LRC or CTRNN.",
        )
    if tuple(synapses.shape) not in ((count,), (batch, count)):
        raise ShapeError(
            owner,
            "synapses",
            f"has shape {tuple(synapses.shape)}; expected ({count},), or ({batch}, {count}) for one circuit per series",
            "Pass one strength per synapse, in the order of `wiring.synapse_names`.",
        )
    if synapses.dtype == torch.bool:
        synapses = synapses.to(like.dtype)
    if synapses.dtype != like.dtype or synapses.device != like.device:
        raise DtypeError(
            owner,
            "synapses",
            f"is {synapses.dtype} on {synapses.device}; x is {like.dtype} on {like.device}",
            "Pass `synapses.to(x)`.",
        )
    if shapes.values_are_checked() and not bool(torch.isfinite(synapses.detach()).all()):
        raise NonFiniteError(owner, "synapses", "holds NaN or infinity", "Pass 1 to keep a synapse, 0 to remove it.")
    return synapses


def halves(synapses: Tensor | None, sensory: int) -> tuple[Tensor | None, Tensor | None]:
    """Strengths of the sensory and of the recurrent synapses; None where none were given."""
    return (None, None) if synapses is None else (synapses[..., :sensory], synapses[..., sensory:])


def times(parameter: Tensor, strength: Tensor | None) -> Tensor:
    """A parameter that scales what a synapse sends, times its strength; `(synapses,)` or `(batch, synapses)`."""
    return parameter if strength is None else parameter * strength


def is_per_series(synapses: Tensor | None) -> bool:
    """Whether each series has a circuit of its own; kernels share one, so such calls run in plain torch."""
    return synapses is not None and synapses.dim() == 2


def share(synapses: Tensor | None, counts: list[int]) -> list[Tensor | None]:
    """The part of the strengths that belongs to each of several layers."""
    if synapses is None:
        return [None] * len(counts)
    return [part if part.shape[-1] else None for part in torch.split(synapses, counts, -1)]
