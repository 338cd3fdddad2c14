"""From what a layer answers to a decision, at every step or one for each series."""

from typing import Any, Literal, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from caudal import shapes
from caudal.errors import InputError
from caudal.kernels.affine import affine
from caudal.kernels.dispatch import is_exact
from caudal.nn.baselines.sequence import check_dropout, check_sizes, clock, wide, wound
from caudal.nn.layer import Layer, State, check_layer, run, take_capabilities

Pool = Literal["last", "mean"]


class MeanState(NamedTuple):
    """What a readout of means carries.

    Attributes:
        layer: state of the layer inside.
        mean: mean of its outputs so far `(batch, outputs of the layer)`.
        steps: how many so far `(batch, 1)`; in a narrow dtype `(batch, 3)`, whose sum it is.
    """

    layer: State
    mean: Tensor
    steps: Tensor


def last_step(y: Tensor, mask: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
    """Outputs at the last step that counts in each series, 0 for a series without any.

    Arguments:
        y: outputs `(batch, time, outputs)`.
        mask, lengths: as the layer got them.

    Returns:
        `(batch, outputs)`.

    Example:
        >>> last_step(torch.tensor([[[1.0], [2.0], [3.0]]]), lengths=torch.tensor([2])).tolist()
        [[2.0]]
    """
    steps = shapes.steps_mask(y, mask, lengths)
    if steps is None:
        return y[:, -1]
    place = torch.where(steps, torch.arange(y.shape[1], device=y.device), 0).amax(1)
    ends = y.gather(1, place[:, None, None].expand(-1, 1, y.shape[2]))[:, 0]
    return torch.where(steps.any(1)[:, None], ends, 0)


@final
class Readout(Layer):
    """A layer and a linear map of what it answers: the decision so far at every step, or one for each series.

        pool="last": z_k = y_k          pool="mean": z_k = (y_1 + .. + y_k) / k
        out_k = W z_k + b

    It is a layer like any other: called, it answers at every step from the steps up to it, so a classifier can be
    watched while it makes up its mind, and run step by step. `series` answers once for each series, at its last step.
    Steps that do not count are neither averaged nor read.

    Under a `Bidirectional` layer take `pool="mean"`: at the last step its backward half has read that step only.

    Arguments:
        layer: what answers y.
        outputs: size of the decision: classes, or values to predict.
        pool: read the layer's output at the step, or the mean of its outputs up to it.
        dropout: rate on z, in training only.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> `(batch, time, outputs)`; `series` -> `(batch, outputs)`.
        The state is the layer's own for `"last"`, and `MeanState` for `"mean"`.

    Raises:
        InputError: `layer` is not a layer of caudal, or another argument is out of range.

    Example:
        >>> from caudal.nn import LTC
        >>> net = Readout(LTC(3, 8), 2, pool="mean")
        >>> x, lengths = torch.randn(4, 5, 3), torch.tensor([5, 2, 3, 1])
        >>> answer, state = net.series(x, lengths=lengths)
        >>> answer.shape, net(x, lengths=lengths)[0].shape
        (torch.Size([4, 2]), torch.Size([4, 5, 2]))
    """

    def __init__(self, layer: Layer, outputs: int, *, pool: Pool = "last", dropout: float = 0.0) -> None:
        super().__init__()
        self.layer = check_layer("Readout", "layer", layer)
        check_sizes("Readout", outputs=outputs)
        check_dropout("Readout", dropout)
        if pool not in ("last", "mean"):
            raise InputError(
                "Readout", "pool", f"is {pool!r}", 'Pass "last" or "mean"; every step is answered with either.'
            )
        self.inputs, self.outputs, self.pool, self.dropout = layer.inputs, outputs, pool, dropout
        self.map = nn.Linear(layer.outputs, outputs)
        take_capabilities(self, [layer])

    def reset_parameters(self) -> None:
        """Draw the parameters of the layer and of the map anew."""
        self.layer.reset_parameters()
        self.map.reset_parameters()

    def series(
        self,
        x: Tensor,
        dt: Tensor | None = None,
        mask: Tensor | None = None,
        lengths: Tensor | None = None,
        state: State | None = None,
        synapses: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """One decision for each series, at its last step that counts; arguments and errors as in `Layer.forward`.

        Returns:
            `(batch, outputs)`, 0 for a series without any step, and the state.
        """
        y, state = self(x, dt=dt, mask=mask, lengths=lengths, state=state, synapses=synapses)
        return last_step(y, mask, lengths), state

    def initial_state(self, batch: int) -> State:
        """Initial state of the layer, and a mean of nothing."""
        start = self.layer.initial_state(batch)
        if self.pool == "last":
            return start
        weight = self.map.weight
        count = weight.new_zeros(batch, 1, dtype=wide(weight.dtype))
        return MeanState(start, weight.new_zeros(batch, self.layer.outputs), wound(count, weight.dtype))

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        return self.through(x, dt, mask, state, None)

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """See `Layer.through`."""
        if self.pool == "last":
            y, end = run(self.layer, x, dt, mask, state, synapses)
            return self._decide(y), end
        y, end = run(self.layer, x, dt, mask, state[0], synapses)
        steps = torch.ones_like(dt, dtype=torch.bool) if mask is None else mask
        mean, count = self._means(y, steps, state)
        return self._decide(mean), MeanState(end, mean[:, -1], count)

    def _means(self, y: Tensor, steps: Tensor, state: State) -> tuple[Tensor, Tensor]:
        before = clock(state[2])
        count = before + steps.to(before.dtype).cumsum(1)
        total = (state[1] * before)[:, None] + y.to(before.dtype).cumsum(1)
        mean = (total / count.clamp_min(1)[..., None]).to(y.dtype)
        return mean, wound(count[:, -1:], y.dtype)

    def _decide(self, z: Tensor) -> Tensor:
        z = dropout(z, self.dropout, self.training) if self.dropout else z
        # The compiler does not follow context variables; a compiled net makes no promise about bits.
        if not torch.compiler.is_compiling() and is_exact():
            return affine(z, self.map.weight, self.map.bias)
        decision: Tensor = self.map(z)
        return decision

    def synapse_count(self) -> int:
        """See `Layer.synapse_count`."""
        return self.layer.synapse_count()

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        if self.pool == "last":
            y, end = self.layer.advance(x, dt, state)
            return self._decide(y), end
        y, end = self.layer.advance(x, dt, state[0])
        mean, count = self._means(y[:, None], torch.ones_like(dt, dtype=torch.bool)[:, None], state)
        return self._decide(mean[:, 0]), MeanState(end, mean[:, 0], count)

    def quick(self, x: Tensor, dt: Tensor | None, state: State | None) -> tuple[Tensor, State] | None:
        """See `Layer.quick`: the layer's own quick step, decided upon."""
        is_quick = self.pool == "last" and self.layer.pairing == "hold"
        done = self.layer.quick(x, dt, state) if is_quick else None
        return None if done is None else (self._decide(done[0]), done[1])

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"layer": self.layer, "outputs": self.outputs, "pool": self.pool, "dropout": self.dropout}

    def extra_repr(self) -> str:
        """Pooling and dropout."""
        return f"pool={self.pool!r}, dropout={self.dropout}"
