"""The library's own sigmoid, exponential and normal distribution: 257 entries each, no libm, the same bits everywhere.

Integers: the argument is an int16 that covers the table's range, and values between entries lie on a straight line;
entries are moved so that the line errs as much above as below. Floats: the entry and its derivatives, which follow
from the entry itself (`s' = s (1 - s)`), give a third-order expansion with an error near the rounding of float32.
"""

import math

import numpy as np

from caudal.export.plan.plan import Floats
from caudal.export.program.program import HALF, INTERVALS, Array

# What the whole int16 range of an argument stands for: sigmoid and phi from -x to x, decay from 0 to x.
SIGMOID_REACH, DECAY_REACH, PHI_REACH = 11.0, 11.0, 5.5
# Argument units: this many integers stand for 1.
SIGMOID_UNIT, PHI_UNIT, DECAY_UNIT = HALF / SIGMOID_REACH, HALF / PHI_REACH, 2 * HALF / DECAY_REACH

# First argument and step of the float tables.
FLOAT_GRID = {"sigmoid": (-16.0, 1 / 8), "decay": (0.0, 1 / 16), "phi": (-8.0, 1 / 16), "density": (-8.0, 1 / 16)}


def exact(name: str, z: Floats) -> Floats:
    """The function behind a table.

    Example:
        >>> exact("sigmoid", np.zeros(1)).tolist()
        [0.5]
    """
    if name == "sigmoid":
        return np.asarray(0.5 + 0.5 * np.tanh(z / 2))
    if name == "decay":
        return np.asarray(np.exp(-z))
    if name == "density":
        return np.asarray(np.exp(-z * z / 2) / math.sqrt(2 * math.pi))
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])


def integer_table(name: str) -> Array:
    """Entries with 15 fraction bits.

    Example:
        >>> table = integer_table("sigmoid")
        >>> table[[0, 128, 256]].tolist(), bool((np.diff(table) >= 0).all())
        ([1, 16384, 32767], True)
    """
    low, high = {"sigmoid": (-11.0, 11.0), "decay": (0.0, 11.0), "phi": (-5.5, 5.5)}[name]
    step = (high - low) / INTERVALS
    z = low + step * np.arange(INTERVALS + 1, dtype=np.float64)
    wide = exact(name, np.asarray([z[0] - step, *z, z[-1] + step], np.float64))
    # A line between two entries errs by the second difference over 8 in the middle; half of it is taken off the ends.
    moved = wide[1:-1] - np.diff(wide, 2) / 16
    return np.asarray(np.clip(np.round(moved * 32768), 0, 32767).astype(np.int16))


def float_table(name: str) -> Array:
    """Entries in float32."""
    first, step = FLOAT_GRID[name]
    return np.asarray(exact(name, first + step * np.arange(INTERVALS + 1, dtype=np.float64)).astype(np.float32))
