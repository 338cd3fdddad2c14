"""Helpers shared by layers made of layers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.nn.layer import Layer, State


def check_layer(owner: str, argument: str, value: object) -> Layer:
    """The value itself, if it is a layer.

    Raises:
        InputError: it is something else; any other module has no recipe from which a file could rebuild it.
    """
    if isinstance(value, Layer):
        return value
    raise InputError(
        owner,
        argument,
        f"is a {type(value).__name__}, from which a saved file could not be rebuilt; expected a layer of caudal",
        "Apply your own module to x before the call, use `ConvHead` or `MLP`, or derive from `caudal.nn.Layer`.",
    )


def take_capabilities(net: Layer, parts: Sequence[Layer]) -> None:
    """Make a composition causal and chunked only where all its parts are."""
    net.causal = all(part.causal for part in parts)  # type: ignore[misc]  # these depend on the parts
    net.chunked = all(part.chunked for part in parts)  # type: ignore[misc]


def run(
    layer: Layer, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
) -> tuple[Tensor, State]:
    """Scan of an inner layer on arguments already checked, its output 0 at masked steps."""
    y, state = layer._chunks(x, dt, mask, state, synapses)
    return (y if mask is None else torch.where(mask[..., None], y, 0)), state
