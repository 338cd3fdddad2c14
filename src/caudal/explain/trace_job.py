"""What the tracers share: checked arguments of one layer, and the signals kept so far."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from caudal.explain.trace import Signal, Trace
from caudal.nn.layer import Layer, State
from caudal.wiring import Wiring
from caudal.wiring.names import name_of, pair_of


class Job(NamedTuple):
    """Checked arguments of one layer.

    Attributes:
        x, dt, mask, state, synapses: as in `Layer.through`; x and dt are 0 where the mask is False.
        substeps: whether sub-steps are kept apart.
        path: of the layer in the net.
        names: of the inputs, or None.
    """

    x: Tensor
    dt: Tensor
    mask: Tensor | None
    state: State
    synapses: Tensor | None
    substeps: bool
    path: str
    names: Sequence[str] | None

    def inside(self, name: str, **changed: Any) -> "Job":
        """The job of a layer inside."""
        return self._replace(path=f"{self.path}.{name}" if self.path else name, **changed)


Followed = tuple[Trace, Tensor, State]


class Kept:
    """Signals of one layer, gathered."""

    def __init__(self, layer: Layer, job: Job) -> None:
        self.layer, self.job, self.signals = layer, job, dict[str, Signal]()

    def add(
        self,
        name: str,
        values: Tensor,
        axis: str,
        names: Sequence[str],
        unit: str,
        meaning: str,
        *between: str,
        everywhere: bool = False,
    ) -> None:
        """Keep `(batch, time, *between, axis)`, 0 at steps that do not count unless it is kept `everywhere`."""
        mask = self.job.mask
        if mask is not None and not everywhere:
            values = torch.where(mask.view(*mask.shape, *[1] * (values.dim() - 2)), values, 0)
        axes = ("batch", "time", *between, axis)
        self.signals[name] = Signal(values.detach(), axes, tuple(names), unit or "1", meaning)

    def values(self, name: str) -> Tensor:
        """Values of a signal kept before."""
        return self.signals[name].values

    def distance(self, again: Tensor, states: Tensor) -> float:
        """Largest difference at steps that count."""
        gap = (again - states).abs().flatten(2).amax(2)
        if self.job.mask is not None:
            gap = torch.where(self.job.mask, gap, 0)
        return float(gap.max())

    def trace(self, residual: float = float("nan"), parts: tuple[Trace, ...] = ()) -> Trace:
        """The trace of the layer."""
        return Trace(type(self.layer).__name__, self.job.path, self.signals, parts, residual)


def numbered(kind: str, count: int) -> tuple[str, ...]:
    """`kind/0`, `kind/1`, ...

    Example:
        >>> numbered("unit", 2)
        ('unit/0', 'unit/1')
    """
    return tuple(name_of(kind, k) for k in range(count))


def synapse_names(wiring: Wiring, inputs: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the sensory and recurrent synapses, with the inputs by the names given.

    Example:
        >>> from caudal.wiring import fully_connected
        >>> synapse_names(fully_connected(1, 1), ["pulse"])
        ('pulse -> motor/0', 'motor/0 -> motor/0')
    """
    if inputs is None:
        return wiring.synapse_names
    sensory, recurrent = wiring.sensory_synapses, wiring.synapse_names[len(wiring.sensory_synapses.source) :]
    ends = zip(sensory.source.tolist(), sensory.target.tolist(), strict=True)
    return (*(pair_of(inputs[a], wiring.names[b]) for a, b in ends), *recurrent)


def rows(values: Tensor) -> Tensor:
    """`(batch, time, ...)` with both axes as one."""
    return values.flatten(0, 1)


def unrow(values: Tensor, axes: Sequence[int]) -> Tensor:
    """The first axis as several again, the reverse of `rows`."""
    return values.reshape(*axes, *values.shape[1:])


def per_row(strength: Tensor | None, job: Job) -> Tensor | None:
    """Strengths as the rows of `rows` read them."""
    if strength is None or strength.dim() == 1:
        return strength
    return strength.repeat_interleave(job.x.shape[1], 0)
