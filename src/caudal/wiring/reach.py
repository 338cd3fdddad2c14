"""Who can influence whom: within one sub-step, within one layered step, and ever.

These masks are the other half of the promise that a wiring is obeyed: the Jacobian of a wired cell must be exactly 0
wherever they are False.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from caudal.wiring.checks import whole
from caudal.wiring.parts import Mask

if TYPE_CHECKING:
    from caudal.wiring.wiring import Wiring


class Reach(NamedTuple):
    """Possible influence on each neuron's new value; False means none.

    Attributes:
        sensory: `(inputs, units)` bool, from each current input.
        recurrent: `(units, units)` bool, from each neuron's previous value (row) to each new value (column).
    """

    sensory: Mask
    recurrent: Mask


def one_substep(wiring: Wiring) -> Reach:
    """Direct influence: one synapse, or a neuron's own previous value.

    Example:
        >>> from caudal.wiring import from_matrices
        >>> chain = from_matrices([[1, 0]], [[0, 1], [0, 0]], motor=1)
        >>> one_substep(chain).sensory.tolist(), one_substep(chain).recurrent.tolist()
        ([[True, False]], [[True, True], [False, True]])
    """
    return Reach(wiring.sensory != 0, (wiring.recurrent != 0) | np.eye(wiring.units, dtype=np.bool_))


def within_substeps(wiring: Wiring, substeps: int) -> Reach:
    """Influence after several sub-steps under one held input, as the LTC's solver takes them.

    Raises:
        WiringError: `substeps` is not a whole number of at least 1.

    Example:
        >>> from caudal.wiring import from_matrices
        >>> chain = from_matrices([[1, 0]], [[0, 1], [0, 0]], motor=1)
        >>> within_substeps(chain, 2).sensory.tolist()
        [[True, True]]
    """
    direct = one_substep(wiring)
    sensory, recurrent = direct
    for _ in range(min(whole("within_substeps", "substeps", substeps, 1), wiring.units + 1) - 1):
        sensory = direct.sensory | _join(sensory, direct.recurrent)
        recurrent = _join(recurrent, direct.recurrent)
    return Reach(sensory, recurrent)


def within_step(wiring: Wiring) -> Reach:
    """Influence in one layered step, where the signal passes through every layer at once.

    A synapse from a lower to a higher layer carries its source's new value; any other carries the previous one. A
    neuron always keeps its own previous value.

    Example:
        >>> from caudal.wiring import from_matrices
        >>> chain = from_matrices([[1, 0]], [[0, 1], [0, 0]], motor=1)
        >>> within_step(chain).sensory.tolist(), within_step(chain).recurrent.tolist()
        ([[True, True]], [[True, True], [False, True]])
    """
    layer = np.array(wiring.layers)
    passes_now = (wiring.recurrent != 0) & (layer[:, None] < layer)
    sensory, recurrent = wiring.sensory != 0, one_substep(wiring).recurrent & ~passes_now
    for level in sorted(set(wiring.layers))[1:]:
        here = layer == level
        sensory[:, here] |= _join(sensory, passes_now[:, here])
        recurrent[:, here] |= _join(recurrent, passes_now[:, here])
    return Reach(sensory, recurrent)


def heard(wiring: Wiring) -> Mask:
    """`(units,)` bool: neurons that some input influences after enough steps."""
    return spread(wiring.recurrent != 0, (wiring.sensory != 0).any(0))


def heeded(wiring: Wiring) -> Mask:
    """`(units,)` bool: neurons that influence some motor neuron after enough steps, motor neurons themselves included.

    Example:
        >>> from caudal.wiring import from_matrices
        >>> heeded(from_matrices([[1, 1]], [[0, 0], [0, 0]], motor=1)).tolist()
        [False, True]
    """
    return spread((wiring.recurrent != 0).T, np.array(wiring.roles) == "motor")


def spread(edges: Mask, start: Mask, known: Mask | None = None) -> Mask:
    """Nodes on any path from `start`, over edges from row to column; `known` ones are kept and not walked again."""
    reached = start.copy() if known is None else start | known
    frontier = start
    while frontier.any():
        frontier = edges[frontier].any(0) & ~reached
        reached |= frontier
    return reached


def _join(first: Mask, second: Mask) -> Mask:
    # float32 goes through BLAS, and counts of paths below 2**24 are exact there; only "more than none" is read.
    return (first.astype(np.float32) @ second.astype(np.float32)) > 0
