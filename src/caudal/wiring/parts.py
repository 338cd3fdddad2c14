"""The parts of a circuit that every file of this room names: roles, polarities, compressed synapses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Role = Literal["inter", "command", "motor"]
ROLES: tuple[Role, ...] = get_args(Role)
Polarity = NDArray[np.int8]
Mask = NDArray[np.bool_]


def roles_of(inter: int, command: int, motor: int) -> tuple[Role, ...]:
    """The role of each neuron when so many of each stand in order.

    Example:
        >>> roles_of(2, 0, 1)
        ('inter', 'inter', 'motor')
    """
    sizes = zip(ROLES, (inter, command, motor), strict=True)
    return tuple(role for role, size in sizes for _ in range(size))


@dataclass(frozen=True)
class Synapses:
    """Synapses of one kind, sorted by target and then by source (compressed rows by target).

    Attributes:
        ptr: `(units + 1,)` int32; target `i` owns `ptr[i]:ptr[i + 1]`.
        source: `(synapses,)` int32.
        polarity: `(synapses,)` int8, +1 excitatory, -1 inhibitory.
    """

    ptr: NDArray[np.int32]
    source: NDArray[np.int32]
    polarity: Polarity

    @property
    def target(self) -> NDArray[np.int32]:
        """`(synapses,)` int32, the neuron each synapse ends on."""
        return np.repeat(np.arange(len(self.ptr) - 1, dtype=np.int32), np.diff(self.ptr))


def compress(matrix: Polarity) -> Synapses:
    """Synapses of a signed matrix with sources as rows and targets as columns.

    Example:
        >>> compress(np.array([[1, 0], [-1, 1]], dtype=np.int8)).source.tolist()
        [0, 1, 1]
    """
    by_target = matrix.T
    target, source = np.nonzero(by_target)
    ptr = np.zeros(by_target.shape[0] + 1, dtype=np.int32)
    np.cumsum(np.bincount(target, minlength=by_target.shape[0]), out=ptr[1:])
    return Synapses(ptr, source.astype(np.int32), by_target[target, source])


ARROW = " -> "


def name_of(kind: str, number: int) -> str:
    """Name of one input or neuron, counted from 0 within its kind.

    Example:
        >>> name_of("command", 3)
        'command/3'
    """
    return f"{kind}/{number}"


def pair_of(source: str, target: str) -> str:
    """Name of what runs from one thing to another: of a synapse between names, of a bundle between roles.

    Example:
        >>> pair_of("command/3", "motor/0")
        'command/3 -> motor/0'
    """
    return f"{source}{ARROW}{target}"


def input_names(inputs: int) -> tuple[str, ...]:
    """Names of the inputs, in order."""
    return tuple(name_of("input", number) for number in range(inputs))


def neuron_names(roles: Sequence[Role]) -> tuple[str, ...]:
    """Names of the neurons, in the order of the state.

    Example:
        >>> neuron_names(("inter", "inter", "motor"))
        ('inter/0', 'inter/1', 'motor/0')
    """
    first = {role: roles.index(role) for role in roles}
    return tuple(name_of(role, index - first[role]) for index, role in enumerate(roles))


def synapse_names(synapses: Synapses, sources: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """Names of synapses, in their own order (by target, then by source)."""
    ends = zip(synapses.source.tolist(), synapses.target.tolist(), strict=True)
    return tuple(pair_of(sources[source], targets[target]) for source, target in ends)
