"""Two layers over one series, one of them from its end."""

from typing import Any, ClassVar, NamedTuple, final

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.nn.layer import Layer, State, check_layer, run
from caudal.nn.synapse_scale import share


class BidirectionalState(NamedTuple):
    """State of the forward layer after the last step, and of the backward layer after the first."""

    forward: State
    backward: State


@final
class Bidirectional(Layer):
    """One layer reads a series forward, another reads it backward; y holds the outputs of both, side by side.

    Going backward, the time since the previous step is the time *to the next* one: the step at t gets the dt of the
    step after it that counts. The last step, which the backward layer meets first, gets the dt of the first, so that
    regular series stay regular. Masks and lengths are honoured: the backward layer starts at each series' own end.

    An output depends on later steps, so this layer refuses `step`, and two chunks are not the whole.

    Arguments:
        forward_layer: reads from the first step to the last.
        backward_layer: reads from the last step to the first; another layer with the same inputs.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, outputs of both)`, `BidirectionalState`.

    Raises:
        InputError: an argument is not a layer of caudal, both are one layer, or their inputs differ; or `step` is
            called.

    Source: Schuster and Paliwal, IEEE Transactions on Signal Processing 45(11), 1997.

    Example:
        >>> from caudal.nn import GRU
        >>> net = Bidirectional(GRU(3, 8), GRU(3, 8))
        >>> net(torch.zeros(2, 5, 3), lengths=torch.tensor([5, 2]))[0].shape
        torch.Size([2, 5, 16])
    """

    causal: ClassVar[bool] = False
    chunked: ClassVar[bool] = False

    def __init__(self, forward_layer: Layer, backward_layer: Layer) -> None:
        super().__init__()
        self.forward_layer = check_layer("Bidirectional", "forward_layer", forward_layer)
        self.backward_layer = check_layer("Bidirectional", "backward_layer", backward_layer)
        if forward_layer is backward_layer:
            raise InputError(
                "Bidirectional", "backward_layer", "is the forward layer", "Build a second layer of the same kind."
            )
        if forward_layer.inputs != backward_layer.inputs:
            raise InputError(
                "Bidirectional",
                "backward_layer",
                f"reads {backward_layer.inputs} inputs; the forward layer reads {forward_layer.inputs}",
                "Build both with the same inputs.",
            )
        self.inputs = forward_layer.inputs
        self.outputs = forward_layer.outputs + backward_layer.outputs

    def reset_parameters(self) -> None:
        """Draw the parameters of both layers anew."""
        self.forward_layer.reset_parameters()
        self.backward_layer.reset_parameters()

    def initial_state(self, batch: int) -> State:
        """Initial states of both layers."""
        return BidirectionalState(self.forward_layer.initial_state(batch), self.backward_layer.initial_state(batch))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        counts = [self.forward_layer.synapse_count(), self.backward_layer.synapse_count()]
        first, second = share(synapses, counts)
        ahead, end = run(self.forward_layer, x, dt, mask, state[0], first)
        turned = None if mask is None else mask.flip(1)
        behind, start = run(self.backward_layer, x.flip(1), _time_to_next(dt, mask).flip(1), turned, state[1], second)
        return torch.cat([ahead, behind.flip(1)], -1), BidirectionalState(end, start)

    def synapse_count(self) -> int:
        """See `Layer.synapse_count`."""
        return self.forward_layer.synapse_count() + self.backward_layer.synapse_count()

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        raise InputError(
            "Bidirectional",
            "step",
            "cannot run: the backward layer needs the steps that are still to come",
            "Call the layer on the whole series, or use the forward layer alone.",
        )

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"forward_layer": self.forward_layer, "backward_layer": self.backward_layer}


def _time_to_next(dt: Tensor, mask: Tensor | None) -> Tensor:
    """The dt of the next step that counts, and of the first one where no other follows; `(batch, time)`."""
    if mask is None:
        return dt.roll(-1, 1)
    time = dt.shape[1]
    steps = torch.arange(time, device=dt.device).expand_as(dt)
    coming = torch.where(mask, steps, time).flip(1).cummin(1).values.flip(1)
    later = torch.where(steps == time - 1, time, coming.roll(-1, 1))
    return dt.gather(1, torch.where(later == time, coming[:, :1], later).clamp_max(time - 1))
