"""A network without memory: what remains of a policy when time is taken away."""

from typing import Any, final

from torch import Tensor, nn
from torch.nn.functional import gelu

from caudal.nn.baselines.sequence import check_sizes, with_dt
from caudal.nn.layer import Layer, State


@final
class MLP(Layer):
    """The same fully connected network at every step, without memory; `dt` is appended to `x` as its last feature.

    Each of its layers is gelu(W z + b). The state is the empty tuple.

    Arguments:
        inputs: size of the last axis of x.
        units: width of every layer, and of y.
        layers: number of layers.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `()`.

    Raises:
        InputError: a size is not a positive integer.

    Source: none; a control, which shows what memory is worth on a task.

    Example:
        >>> import torch
        >>> MLP(3, 8)(torch.zeros(2, 5, 3))[0].shape
        torch.Size([2, 5, 8])
    """

    def __init__(self, inputs: int, units: int, *, layers: int = 2) -> None:
        super().__init__()
        check_sizes("MLP", inputs=inputs, units=units, layers=layers)
        self.inputs, self.units, self.outputs, self.layers = inputs, units, units, layers
        self.maps = nn.ModuleList(nn.Linear(units if depth else inputs + 1, units) for depth in range(layers))

    def reset_parameters(self) -> None:
        """Draw every parameter anew, as `torch.nn.Linear` does."""
        for linear_map in self.maps:
            linear_map.reset_parameters()  # type: ignore[operator]  # a ModuleList forgets what it holds

    def initial_state(self, batch: int) -> State:
        """Nothing."""
        return ()

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.tick(x, dt, state)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y = with_dt(x, dt)
        for linear_map in self.maps:
            y = gelu(linear_map(y))
        return y, ()

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"inputs": self.inputs, "units": self.units, "layers": self.layers}
