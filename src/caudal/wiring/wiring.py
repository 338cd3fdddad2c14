"""The wiring value: who may read whom, with which sign. NumPy only, so that an auditor needs no framework."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from caudal.errors import WiringError

Role = Literal["inter", "command", "motor"]
ROLES: tuple[Role, ...] = get_args(Role)
Polarity = NDArray[np.int8]


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


@dataclass(frozen=True, eq=False)
class Wiring:
    """A circuit: neurons by role and layer, and signed synapses. Frozen, checked at birth, equal by content.

    Neurons stand in one order everywhere: inter, command, motor, and by layer within a role. `layers` ranks them for
    drawing and for cells that pass a signal through the layers within one step.

    Attributes:
        sensory: `(inputs, units)` int8; +1, -1 or 0 from each input to each neuron.
        recurrent: `(units, units)` int8; +1, -1 or 0 from each neuron (row) to each neuron (column).
        roles: role of each neuron, in the order of `ROLES`.
        layers: layer of each neuron, from 0, never decreasing.
        seed: seed of the random choices, or None when there were none.
        family: name of the constructor that made it, for example `"ncp"`.

    Raises:
        WiringError: sizes disagree, a polarity is not -1, 0 or +1, roles or layers are out of order, there is no
            motor neuron, or a neuron receives nothing at all.
    """

    sensory: Polarity
    recurrent: Polarity
    roles: tuple[Role, ...]
    layers: tuple[int, ...]
    seed: int | None = None
    family: str = "custom"

    def __post_init__(self) -> None:
        for name in ("sensory", "recurrent"):
            object.__setattr__(self, name, _frozen(name, getattr(self, name)))
        object.__setattr__(self, "roles", tuple(self.roles))
        object.__setattr__(self, "layers", tuple(int(layer) for layer in self.layers))
        _check(self)

    @property
    def inputs(self) -> int:
        """Number of inputs (sensory neurons)."""
        return int(self.sensory.shape[0])

    @property
    def units(self) -> int:
        """Number of neurons: inter, command and motor."""
        return int(self.recurrent.shape[0])

    @property
    def motor(self) -> int:
        """Number of motor neurons; they are the last ones."""
        return self.roles.count("motor")

    @property
    def sensory_synapses(self) -> Synapses:
        """Synapses from inputs to neurons."""
        return _compress(self.sensory)

    @property
    def recurrent_synapses(self) -> Synapses:
        """Synapses from neurons to neurons."""
        return _compress(self.recurrent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wiring) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        arrays = (self.sensory.shape, self.sensory.tobytes(), self.recurrent.tobytes())
        return (*arrays, self.roles, self.layers, self.seed, self.family)


def _frozen(name: str, matrix: object) -> Polarity:
    array = np.asarray(matrix)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise WiringError(
            "Wiring",
            name,
            f"is {array.ndim}-dimensional of dtype {array.dtype}; expected a 2-dimensional integer matrix",
            "Pass rows of sources and columns of neurons, with +1, -1 or 0.",
        )
    if not np.isin(array, (-1, 0, 1)).all():
        raise WiringError(
            "Wiring",
            name,
            "holds a value other than -1, 0 and +1",
            "Give each synapse the sign of its effect.",
        )
    copy = np.ascontiguousarray(array, dtype=np.int8).copy()
    copy.setflags(write=False)
    return copy


def _check(wiring: Wiring) -> None:
    units = wiring.recurrent.shape[0]
    if units == 0 or wiring.sensory.shape[0] == 0:
        raise WiringError(
            "Wiring",
            "sensory",
            f"has shape {wiring.sensory.shape}",
            "Give at least one input and one neuron.",
        )
    if wiring.recurrent.shape[1] != units or wiring.sensory.shape[1] != units:
        raise WiringError(
            "Wiring",
            "recurrent",
            f"has shape {wiring.recurrent.shape} beside sensory {wiring.sensory.shape}",
            "Make recurrent (units, units) and sensory (inputs, units).",
        )
    if len(wiring.roles) != units or len(wiring.layers) != units:
        raise WiringError(
            "Wiring",
            "roles",
            f"names {len(wiring.roles)} roles and {len(wiring.layers)} layers for {units} neurons",
            "Give one role and one layer per neuron.",
        )
    _check_order(wiring)
    silent = np.flatnonzero(~(wiring.sensory.any(0) | wiring.recurrent.any(0)))
    if silent.size:
        raise WiringError(
            "Wiring",
            "recurrent",
            f"leaves neuron {int(silent[0])} without any synapse onto it",
            "Connect it to an input or a neuron, or remove it.",
        )


def _check_order(wiring: Wiring) -> None:
    unknown = sorted(set(wiring.roles) - set(ROLES))
    if unknown:
        raise WiringError("Wiring", "roles", f"holds {unknown[0]!r}", f"Use {', '.join(ROLES)}.")
    ranks = [ROLES.index(role) for role in wiring.roles]
    if ranks != sorted(ranks) or list(wiring.layers) != sorted(wiring.layers) or wiring.layers[0] < 0:
        raise WiringError(
            "Wiring",
            "roles",
            "or layers are out of order",
            "Order neurons inter, command, motor, with layers that never decrease.",
        )
    if "motor" not in wiring.roles:
        raise WiringError("Wiring", "roles", "holds no motor neuron", "Mark the neurons that form the output as motor.")


def _compress(matrix: Polarity) -> Synapses:
    by_target = matrix.T
    target, source = np.nonzero(by_target)
    ptr = np.zeros(by_target.shape[0] + 1, dtype=np.int32)
    np.cumsum(np.bincount(target, minlength=by_target.shape[0]), out=ptr[1:])
    return Synapses(ptr, source.astype(np.int32), by_target[target, source])
