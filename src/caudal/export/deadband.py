"""The shortest elapsed time that a state of 16 bits resolves.

A relaxing state moves by `force / (C + den)`, `C = c / dt`: below half a unit it stands still. So it may rest as far as
`(1 + C / den) / 2` units from where it should, a band that grows as `1 / dt`. Its width follows from the weights and
the smallest conductance that the checker finds; a state of 32 bits has 65,536 times finer units.
"""

import math

import numpy as np

from caudal.export.check import Bounds
from caudal.export.program import Block, Program

# Widest dead band that counts as usable, as a share of the range of the state.
TOLERANCE = 0.005


def dead_band(program: Program, found: Bounds, dt: float) -> float:
    """Widest dead band at an elapsed time in typical gaps, as a share of the state's range; 0 where nothing relaxes.

    Example:
        >>> from caudal.export import check, fixed, read
        >>> from caudal.nn import LTC
        >>> program = fixed.lower_fixed(read.describe(LTC(2, 3)))
        >>> found = check.bounds(program)
        >>> dead_band(program, found, 0.01) > 5 * dead_band(program, found, 0.1)
        True
    """
    return max((_band(program, found, block, dt) for block in program.blocks()), default=0.0)


def _band(program: Program, found: Bounds, block: Block, dt: float) -> float:
    node = next((node for node in block.nodes if node.op in ("relax", "relax_wide")), None)
    if node is None:
        return 0.0
    resist = block.nodes[node.args[3]]
    name = block.nodes[resist.args[0]].name
    c = program.constants[name].astype(np.float64) * 2.0 ** (26 - resist.values[0]) / dt
    state = next(slot for slot, _ in block.stores)
    low, high = (np.asarray(end, np.float64) for end in (program.slots[state].low, program.slots[state].high))
    # The gain of an elastance cancels in the quotient of force and conductance.
    units = 0.5 * (1 + c / found.divisors[block.name].astype(np.float64))
    return float((units / np.maximum(high - low, 1.0)).max())


def shortest(program: Program, found: Bounds) -> float:
    """The shortest usable elapsed time in typical gaps."""
    if dead_band(program, found, 1e6) > TOLERANCE:
        return math.inf
    low, high = 1e-9, 1e6
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if dead_band(program, found, middle) <= TOLERANCE else (middle, high)
    return high if high > 2e-9 else 0.0
