"""Random choices that constructors share. Every choice is drawn from the generator that is passed in."""

from collections.abc import Sequence

import numpy as np

from caudal.wiring.parts import Mask, Polarity
from caudal.wiring.reach import spread


def fan_out(rng: np.random.Generator, sources: int, targets: int, fan: int) -> Mask:
    """Each source reads onto `fan` targets; a target left out hears the mean fan-in of sources, at least one.

    Transposed, with the two sizes exchanged, it is the fan-in rule of motor neurons.

    Returns:
        `(sources, targets)` bool, no row and no column empty.

    Source: Lechner et al., NMI 2020, Algorithms 3, 4 and 6.
    """
    mask = np.zeros((sources, targets), dtype=np.bool_)
    for row in mask:
        row[rng.choice(targets, fan, replace=False)] = True
    mean = min(max(sources * fan // targets, 1), sources)
    for target in np.flatnonzero(~mask.any(0)):
        mask[rng.choice(sources, mean, replace=False), target] = True
    return mask


def pairs(rng: np.random.Generator, sources: int, targets: int, number: int) -> Mask:
    """Exactly `number` distinct pairs, self-synapses included."""
    mask = np.zeros(sources * targets, dtype=np.bool_)
    mask[rng.choice(mask.size, number, replace=False)] = True
    return mask.reshape(sources, targets)


def signed(rng: np.random.Generator, mask: Mask, excitatory: float) -> Polarity:
    """Polarities of a mask, each +1 with probability `excitatory`, else -1."""
    signs = np.where(rng.random(mask.shape) < excitatory, 1, -1)
    return np.where(mask, signs, 0).astype(np.int8)


def mend(rng: np.random.Generator, sensory: Mask, recurrent: Mask, motor: int) -> None:
    """Add, in place, the synapses without which some neuron would lie on no path from an input to a motor neuron."""
    inputs, units = sensory.shape
    neurons = np.arange(units)
    reached = spread(recurrent, np.logical_or.reduce(sensory))
    while not reached.all():
        lost = rng.choice(np.flatnonzero(~reached))
        sensory[rng.integers(inputs), lost] = True
        reached = spread(recurrent, np.equal(neurons, lost), reached)
    heeded = spread(recurrent.T, neurons >= units - motor)
    while not heeded.all():
        lost = rng.choice(np.flatnonzero(~heeded))
        recurrent[lost, rng.integers(units - motor, units)] = True
        heeded = spread(recurrent.T, neurons == lost, heeded)


def part(size: int, density: float) -> int:
    """`density` of `size`, rounded down and at least 1.

    Example:
        >>> part(12, 0.5), part(100, 0.29), part(3, 0.1)
        (6, 29, 1)
    """
    # Rounding first undoes what binary fractions lose: 100 * 0.29 is 28.999999999999996.
    return max(int(round(size * density, 9)), 1)


def stages(
    rng: np.random.Generator, forward: Sequence[Mask], loop: Mask | None, excitatory: float
) -> tuple[Polarity, Polarity]:
    """Signed matrices of stages that each read onto the next, from the inputs to the motor neurons.

    Arguments:
        rng: source of the polarities.
        forward: mask of each pair of neighbours, `(sources, targets)`; the first one's sources are the inputs.
        loop: recurrent synapses of the stage before the last, or None.
        excitatory: share of excitatory synapses.

    Returns:
        `(inputs, units)` and `(units, units)` int8.
    """
    starts = np.cumsum([0, *(mask.shape[1] for mask in forward)]).tolist()
    sensory = np.zeros((len(forward[0]), starts[-1]), dtype=np.bool_)
    recurrent = np.zeros((starts[-1], starts[-1]), dtype=np.bool_)
    sensory[:, : starts[1]] = forward[0]
    for start, middle, end, mask in zip(starts, starts[1:], starts[2:], forward[1:], strict=False):
        recurrent[start:middle, middle:end] = mask
    if loop is not None:
        last = slice(starts[-3], starts[-2])
        recurrent[last, last] = loop
    return signed(rng, sensory, excitatory), signed(rng, recurrent, excitatory)
