"""Layers one upon another."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast, final

from torch import Tensor, nn

from caudal.errors import InputError
from caudal.nn.layer import Layer, State, check_layer, run, take_capabilities
from caudal.nn.synapse_scale import share


@final
class Stack(Layer):
    """Layers one upon another: each reads what the one below it answers, and all get the same `dt`, mask and lengths.

    The state is the tuple of the layers' states. A stack of causal layers is causal, and so with `chunked`.

    Arguments:
        parts: layers from the input upwards; a `ConvHead` or `MLP` may be the first.
        layers: the same as one sequence, instead of `parts`.

    Shapes:
        x `(batch, time, inputs of the first)`, dt `(batch, time)` -> y `(batch, time, outputs of the last)`.

    Raises:
        InputError: there is no layer, a layer comes twice, something is not a layer of caudal, or the outputs of one
            are not the inputs of the next.

    Source: Pascanu et al., ICLR 2014 (arXiv 1312.6026), stacked recurrent network.

    Example:
        >>> import torch
        >>> from caudal.nn import GRU, LTC
        >>> net = Stack(GRU(3, 8), LTC(8, 4))
        >>> y, (low, high) = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y.shape, low.h.shape, high.v.shape
        (torch.Size([2, 5, 4]), torch.Size([2, 8]), torch.Size([2, 4]))
    """

    def __init__(self, *parts: Layer, layers: Sequence[Layer] = ()) -> None:
        super().__init__()
        members = [check_layer("Stack", "layers", part) for part in (*parts, *layers)]
        if not members or (parts and layers):
            fault = "is empty" if not members else "was given beside single layers"
            raise InputError("Stack", "layers", fault, "Pass `Stack(lower, upper)`.")
        if len({id(part) for part in members}) < len(members):
            raise InputError("Stack", "layers", "holds one layer twice", "Build a second layer of the same kind.")
        for k, (low, high) in enumerate(pairwise(members)):
            if low.outputs != high.inputs:
                raise InputError(
                    "Stack",
                    "layers",
                    f"answers {low.outputs} outputs at layer {k} ({type(low).__name__}); layer {k + 1} "
                    f"({type(high).__name__}) reads {high.inputs} inputs",
                    f"Build layer {k + 1} with {low.outputs} inputs.",
                )
        self.layers = nn.ModuleList(members)
        self.inputs, self.outputs = members[0].inputs, members[-1].outputs
        take_capabilities(self, members)

    def _parts(self) -> list[Layer]:
        return [cast(Layer, part) for part in self.layers]

    def reset_parameters(self) -> None:
        """Draw the parameters of every layer anew."""
        for part in self._parts():
            part.reset_parameters()

    def initial_state(self, batch: int) -> State:
        """Initial states of the layers."""
        return tuple(part.initial_state(batch) for part in self._parts())

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        ends = []
        strengths = share(synapses, [part.synapse_count() for part in self._parts()])
        for part, part_state, strength in zip(self._parts(), state, strengths, strict=True):
            x, end = run(part, x, dt, mask, part_state, strength)
            ends.append(end)
        return x, tuple(ends)

    def synapse_count(self) -> int:
        """See `Layer.synapse_count`."""
        return sum(part.synapse_count() for part in self._parts())

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        ends = []
        for part, part_state in zip(self._parts(), state, strict=True):
            x, end = part.advance(x, dt, part_state)
            ends.append(end)
        return x, tuple(ends)

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"layers": self._parts()}
