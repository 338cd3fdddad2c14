"""Constructors of wirings other than the policies: dense, random, layered, and from matrices."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from caudal.errors import WiringError
from caudal.wiring.checks import frozen, share, whole
from caudal.wiring.parts import ROLES, Role, roles_of
from caudal.wiring.sample import fan_out, mend, pairs, part, signed, stages
from caudal.wiring.wiring import Wiring

_SIZES = "Pass inputs first and motor last, as in [8, 6, 4, 2]."


def fully_connected(inputs: int, units: int, motor: int | None = None, seed: int = 0) -> Wiring:
    """Every input and every neuron reads onto every neuron; two synapses in three are excitatory.

    Arguments:
        inputs: number of inputs.
        units: number of neurons.
        motor: number of motor neurons, the size of the output; all of them if None.
        seed: seed of the polarities.

    Raises:
        WiringError: a size is not positive, or there are more motor neurons than neurons.

    Example:
        >>> fully_connected(3, 8, motor=2)
        Wiring(fully_connected, seed 0: 3 inputs, 6 inter, 2 motor, 88 synapses)
    """
    inputs, units, motor = _sizes("fully_connected", inputs, units, motor)
    rng = np.random.default_rng(whole("fully_connected", "seed", seed, 0))
    signs = np.array([-1, 1, 1], dtype=np.int8)
    roles, layers = _two_roles(units, motor)
    sensory, recurrent = rng.choice(signs, (inputs, units)), rng.choice(signs, (units, units))
    return Wiring(sensory, recurrent, roles, layers, int(seed), "fully_connected")


def random(inputs: int, units: int, motor: int | None = None, *, sparsity: float = 0.5, seed: int = 0) -> Wiring:
    """Synapses anywhere, a share `1 - sparsity` of the possible ones; two in three are excitatory.

    A few synapses are added to that share where, without them, a neuron would lie on no path from an input to a motor
    neuron.

    Arguments:
        inputs: number of inputs.
        units: number of neurons.
        motor: number of motor neurons, the size of the output; all of them if None.
        sparsity: share of the possible synapses left out, from 0 and below 1.
        seed: seed of every choice.

    Raises:
        WiringError: a size is not positive, there are more motor neurons than neurons, or the sparsity is out of range.

    Example:
        >>> random(4, 10, motor=2, sparsity=0.75, seed=7)
        Wiring(random, seed 7: 4 inputs, 8 inter, 2 motor, 36 synapses)
    """
    inputs, units, motor = _sizes("random", inputs, units, motor)
    sparsity = share("random", "sparsity", sparsity, "Pass for example `sparsity=0.5`.", with_zero=True, with_one=False)
    rng = np.random.default_rng(whole("random", "seed", seed, 0))
    sensory = pairs(rng, inputs, units, round(inputs * units * (1 - sparsity)))
    recurrent = pairs(rng, units, units, round(units * units * (1 - sparsity)))
    mend(rng, sensory, recurrent, motor)
    roles, ranks = _two_roles(units, motor)
    return Wiring(signed(rng, sensory, 2 / 3), signed(rng, recurrent, 2 / 3), roles, ranks, int(seed), "random")


def layers(sizes: Sequence[int], *, density: float = 0.5, recurrent: int | None = None, seed: int = 0) -> Wiring:
    """A layered circuit of any depth: inputs, inter layers, one command layer, motor; half is excitatory.

    Each neuron reads onto `density` of the next layer, at least one neuron; one left out hears the mean fan-in. The
    layer before the motor neurons is the command layer, and the recurrent synapses stand in it. `layers([8, 12, 6, 1])`
    has the plan of a neural circuit policy; more numbers make a deeper one.

    Arguments:
        sizes: inputs, then each layer, then motor neurons; at least inputs and motor.
        density: share of the next layer that a neuron reads onto, above 0 and up to 1.
        recurrent: synapses within the command layer; twice `density` of its size if None (no layer, no synapses).
        seed: seed of every choice.

    Raises:
        WiringError: there are fewer than two sizes, one is not positive, the density is out of range, or the recurrent
            synapses do not fit the command layer.

    Example:
        >>> layers([8, 6, 4, 2], seed=7)
        Wiring(layers, seed 7: 8 inputs, 6 inter, 4 command, 2 motor, 44 synapses)
    """
    if not isinstance(sizes, Sequence | np.ndarray) or len(sizes) < 2:
        raise WiringError("layers", "sizes", f"is {sizes!r}; expected two or more numbers", _SIZES)
    sizes = [whole("layers", f"sizes[{index}]", size, 1, remedy=_SIZES) for index, size in enumerate(sizes)]
    density = share("layers", "density", density, "Pass for example `density=0.5`.", with_zero=False, with_one=True)
    command = sizes[-2] if len(sizes) > 2 else 0
    if recurrent is None:
        recurrent = min(part(command, 2 * density), command**2)
    limit = f"the pairs of {command} command neurons"
    recurrent = whole("layers", "recurrent", recurrent, 0, command**2, limit, "Widen the layer before the last.")
    rng = np.random.default_rng(whole("layers", "seed", seed, 0))
    forward = [fan_out(rng, a, b, part(b, density)) for a, b in pairwise(sizes)]
    loop = pairs(rng, command, command, recurrent) if command else None
    ranks = [rank for rank, size in enumerate(sizes[1:]) for _ in range(size)]
    roles = roles_of(sum(sizes[1:-2]), command, sizes[-1])
    return Wiring(*stages(rng, forward, loop, 0.5), roles, tuple(ranks), int(seed), "layers")


def from_matrices(
    sensory: ArrayLike,
    recurrent: ArrayLike,
    *,
    motor: int | None = None,
    roles: Sequence[Role] | None = None,
    layers: Sequence[int] | None = None,
) -> Wiring:
    """A circuit that stands in two signed matrices already: yours, a paper's, a connectome's.

    Arguments:
        sensory: `(inputs, units)` integers, +1, -1 or 0 from each input (row) to each neuron (column).
        recurrent: `(units, units)` integers, +1, -1 or 0 from each neuron (row) to each neuron (column).
        motor: the last so many neurons are motor, the others inter.
        roles: or the role of each neuron, in the order inter, command, motor.
        layers: layer of each neuron, from 0, never decreasing; one layer per role if None.

    Raises:
        WiringError: both or neither of `motor` and `roles` are given, or the circuit is not valid (see `Wiring`).

    Example:
        >>> from_matrices([[1, 1, 0]], [[0, 0, 1], [0, 0, -1], [0, 0, 0]], motor=1)
        Wiring(custom: 1 input, 2 inter, 1 motor, 4 synapses)
    """
    if (motor is None) == (roles is None):
        given = "is missing" if motor is None else "was given beside `roles`"
        raise WiringError("from_matrices", "motor", given, "Pass either `motor=2` or one role per neuron.")
    sensory, recurrent = frozen("sensory", sensory), frozen("recurrent", recurrent)
    if motor is not None:
        units = len(recurrent)
        remedy = "Count the last neurons that form the output."
        motor = whole("from_matrices", "motor", motor, 1, units, "the number of neurons", remedy)
        roles = roles_of(units - motor, 0, motor)
    roles = tuple(roles or ())
    if layers is None:
        present = [role for role in ROLES if role in roles]
        layers = [present.index(role) if role in present else 0 for role in roles]
    return Wiring(sensory, recurrent, roles, tuple(layers))


def _sizes(owner: str, inputs: int, units: int, motor: int | None) -> tuple[int, int, int]:
    inputs, units = whole(owner, "inputs", inputs, 1), whole(owner, "units", units, 1)
    if motor is not None:
        motor = whole(owner, "motor", motor, 1, units, "the number of neurons", "Lower `motor`, or raise `units`.")
    return inputs, units, units if motor is None else motor


def _two_roles(units: int, motor: int) -> tuple[tuple[Role, ...], tuple[int, ...]]:
    inter = units - motor
    return roles_of(inter, 0, motor), (0,) * inter + ((1 if inter else 0),) * motor
