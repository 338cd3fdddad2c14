"""What the wired cells share: the graph, sums onto targets, the gradient moments of a gate, the loop over time.

Synapse vectors are `(synapses,)`, sorted by target and then by source; values per synapse are `(batch, synapses)`.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

_State = TypeVar("_State")
_Params = TypeVar("_Params")


class State(NamedTuple):
    """State of a cell whose neurons have one number each, the membrane potential.

    Attributes:
        v: `(batch, units)`, or `(batch, time, units)` after a scan.
    """

    v: Tensor


class Adjoint(NamedTuple, Generic[_State, _Params]):
    """Gradients that a `scan_backward` returns: inputs, times, initial state, parameters."""

    x: Tensor
    dt: Tensor
    state: _State
    params: _Params


class Graph(NamedTuple):
    """Synapses sorted by target, then source (compressed rows by target), as int32 vectors.

    Attributes:
        sensory_ptr: `(units + 1,)`; synapses of target `i` are `sensory_ptr[i]:sensory_ptr[i + 1]`.
        sensory_source: `(sensory synapses,)` index of the input.
        ptr: `(units + 1,)`.
        source: `(recurrent synapses,)` index of the neuron.
    """

    sensory_ptr: Tensor
    sensory_source: Tensor
    ptr: Tensor
    source: Tensor


def targets(ptr: Tensor) -> Tensor:
    """Target neuron of each synapse, `(synapses,)` int64, from the row pointers.

    Example:
        >>> targets(torch.tensor([0, 2, 2, 3])).tolist()
        [0, 0, 2]
    """
    counts = (ptr[1:] - ptr[:-1]).long()
    return torch.repeat_interleave(torch.arange(counts.shape[0], device=ptr.device), counts)


def gates(values: Tensor, source: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """Synapse gates `sigmoid(sigma (values[source] - mu))`, `(batch, synapses)`."""
    return torch.sigmoid(sigma * (values[:, source.long()] - mu))


def onto_targets(values: Tensor, to: Tensor, units: int) -> Tensor:
    """Sum `values (batch, synapses)` over the synapses of each target `to`: `(batch, units)`."""
    return values.new_zeros(values.shape[0], units).index_add(1, to, values)


def onto_sources(values: Tensor, source: Tensor, size: int) -> Tensor:
    """Sum `values (batch, synapses)` over the synapses of each source: `(batch, size)`."""
    return values.new_zeros(values.shape[0], size).index_add(1, source.long(), values)


class Moments:
    """Running sums over batch and time that give every gradient of gated synapses `sigmoid(sigma (value - mu))`.

    With `a`, `b` the gradients of the two sums a gate enters, and `z` the gate's argument: `gate_a = sum s a`,
    `gate_b = sum s b`, `slope = sum dL/dz`, `slope_value = sum dL/dz * value`; each `(synapses,)`.
    """

    def __init__(self, like: Tensor) -> None:
        self.gate_a, self.gate_b, self.slope, self.slope_value = (torch.zeros_like(like) for _ in range(4))

    def add(self, value: Tensor, gate: Tensor, a: Tensor, b: Tensor, pull: Tensor) -> Tensor:
        """Add one (sub-)step; all `(batch, synapses)`.

        Arguments:
            value: what the synapse reads.
            gate: its gate.
            a, b: gradients of the two sums at its target.
            pull: gradient of the gate itself.

        Returns:
            gradient of each gate's argument.
        """
        slope = pull * gate * (1 - gate)
        self.gate_a += (gate * a).sum(0)
        self.gate_b += (gate * b).sum(0)
        self.slope += slope.sum(0)
        self.slope_value += (slope * value).sum(0)
        return slope

    def gate_gradients(self, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of `(mu, sigma)`."""
        return -sigma * self.slope, self.slope_value - mu * self.slope


def unroll(advance: Callable[[int, Tensor], Tensor], mask: Tensor | None, v: Tensor, time: int) -> Tensor:
    """States after every step, `(batch, time, units)`; a masked step leaves the state as it was.

    Arguments:
        advance: `(t, v) -> v` after step `t`.
        mask: `(batch, time)` bool or None.
        v: state before the first step `(batch, units)`.
        time: number of steps.
    """
    states = []
    for t in range(time):
        new = advance(t, v)
        v = new if mask is None else torch.where(mask[:, t, None], new, v)
        states.append(v)
    return torch.stack(states, 1)


def unroll_backward(
    retreat: Callable[[int, Tensor, Tensor], Tensor], grad: Tensor, states: Tensor, mask: Tensor | None, v: Tensor
) -> Tensor:
    """Reverse of `unroll`: the gradient of the initial state, `(batch, units)`.

    Arguments:
        retreat: `(t, state before step t, gradient after it) -> gradient before it`; it is handed a zero gradient for
            a masked step, and adds the gradients of everything else to its own sums.
        grad: gradient of the states `(batch, time, units)`.
        states: what `unroll` returned.
        mask, v: as given to `unroll`.
    """
    carry = torch.zeros_like(v)
    for t in reversed(range(grad.shape[1])):
        carry = carry + grad[:, t]
        before = states[:, t - 1] if t else v
        if mask is None:
            carry = retreat(t, before, carry)
        else:
            keep = mask[:, t, None]
            carry = torch.where(keep, retreat(t, before, torch.where(keep, carry, 0)), carry)
    return carry
