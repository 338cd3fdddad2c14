"""What each operation of a program computes, on arrays: int64 for integers, float32 for floats."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from caudal.export.program.program import HALF, INTERVALS, Program
from caudal.typing import Array, Floats

# What the whole int16 range of an argument stands for: sigmoid and phi from -x to x, the others from 0 to x. These are
# decay, exp(-y); log1p, log(1 + exp(-y)); chord, 11 / 16 (1 - exp(-y)) / y, to half of it.
SIGMOID_REACH, DECAY_REACH, PHI_REACH = 11.0, 11.0, 5.5
# Argument units: this many integers stand for 1.
SIGMOID_UNIT, PHI_UNIT, DECAY_UNIT = HALF / SIGMOID_REACH, HALF / PHI_REACH, 2 * HALF / DECAY_REACH

# First argument and step of the float tables.
FLOAT_GRID = {
    "sigmoid": (-16.0, 1 / 8),
    "softplus": (-16.0, 1 / 8),
    "decay": (0.0, 1 / 16),
    "rise": (0.0, 1 / 16),
    "phi": (-8.0, 1 / 16),
    "density": (-8.0, 1 / 16),
}
# The table whose entries are the slopes of another.
SLOPES = {"phi": "density", "softplus": "sigmoid"}


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
    if name == "rise":
        return np.asarray(-np.expm1(-z))
    if name == "chord":
        return np.divide(-np.expm1(-z), z, out=np.ones_like(z), where=z != 0) * DECAY_REACH / 16
    if name in ("softplus", "log1p"):
        return np.asarray(np.logaddexp(0, z if name == "softplus" else -z))
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
    low, high = {"sigmoid": (-11.0, 11.0), "phi": (-5.5, 5.5), "chord": (0.0, 5.5)}.get(name, (0.0, 11.0))
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


# A resistance beyond it counts as it: the state then moves less than its last bit.
CAP = 2**30
LARGEST = 2**31 - 1
# One typical gap, as `dt` counts time.
UNIT = 2**20


def half_up(value: Array, bits: Array | int) -> Array:
    """`value / 2**bits`, rounded half up.

    Example:
        >>> half_up(np.array([5, -5, 6]), 1).tolist()
        [3, -2, 3]
    """
    return np.asarray((value + ((1 << np.asarray(bits)) >> 1)) >> bits)


def half_away(num: Array, den: Array) -> Array:
    """`num / den` for `den > 0`, rounded to nearest, halves away from 0.

    Example:
        >>> half_away(np.array([5, -5, 1]), np.array([2, 2, 3])).tolist()
        [3, -3, 0]
    """
    return np.asarray(np.sign(num) * ((np.abs(num) + (den >> 1)) // den))


def lookup(table: Array, z: Array) -> Array:
    """An integer table at `z`, which is kept within int16 first."""
    z = np.clip(z, -HALF, HALF - 1)
    at, within = (z >> 8) + INTERVALS // 2, z & 255
    low = table.astype(np.int64)[at]
    return np.asarray(low + (((table.astype(np.int64)[at + 1] - low) * within) >> 8))


def float_lookup(name: str, tables: dict[str, Array], z: Array) -> Array:
    """A float table at `z`, expanded to third order around the nearest entry; every operation in float32."""
    first, step = FLOAT_GRID[name]
    f = np.float32
    low, high, per = f(first), f(first + step * INTERVALS), f(1 / step)
    above = np.where(z > low, z, low)  # NaN too
    z = np.where(above < high, above, high).astype(f)
    at = (z * per + f(0.5 - first / step)).astype(np.int32)
    d = z - (at.astype(f) * f(step) + low)
    s = tables[name][at]
    if name == "sigmoid":
        p = s - s * s
        return np.asarray(s + p * d * (f(1) + d * (f(0.5) - s + d * (f(1 / 6) - p))))
    if name == "softplus":
        g = tables["sigmoid"][at]
        p = g - g * g
        return np.asarray((above - z) + (s + d * (g + p * d * (f(0.5) + d * (f(1 / 6) - f(1 / 3) * g)))))
    if name == "decay":
        return np.asarray(s * (f(1) - d * (f(1) - d * (f(0.5) - d * f(1 / 6)))))
    if name == "rise":
        return np.asarray(s + (f(1) - s) * (d * (f(1) - d * (f(0.5) - d * (f(1 / 6) - d * f(1 / 24))))))
    p, node = tables["density"][at], at.astype(f) * f(step) + low
    return np.asarray(s + p * d * (f(1) - d * (f(0.5) * node - d * (f(1 / 6) * (node * node - f(1))))))


def resist(c: Array, inverse: Array, exponent: Array, places: float) -> Array:
    """`c / dt` in the program's scale: the product with the reciprocal, shifted by what is left, at most `CAP`."""
    product, shift = c * inverse, int(places) - exponent
    down = product >> np.clip(shift, 0, 62)
    up = np.minimum(product, CAP >> np.clip(-shift, 0, 31)) << np.clip(-shift, 0, 31)
    return np.asarray(np.where(shift >= 0, down, np.minimum(up, CAP)))


def relax(v: Array, num: Array, den: Array, c: Array, *rest: Any) -> Array:
    """One implicit step towards `num / den`; see `fixed_relax.py` for the formula and the bounds it keeps."""
    *gain, bits, drop = rest
    lift = max(0, int(bits) - int(drop))
    force = (num << lift) - ((den * v) >> (int(bits) - lift))
    pull = den
    if gain:
        force, pull = (force * gain[0]) >> 15, (den * gain[0]) >> 15
    force = force >> max(0, int(drop) - int(bits))
    return np.asarray(v + half_away(force, c + (pull >> int(drop)) + 1))


def relax_wide(v: Array, num: Array, den: Array, c: Array, *rest: Any) -> Array:
    """`relax` for a state of 16 more bits."""
    *gain, bits, drop, low, high = rest
    lift = max(0, int(bits) - int(drop))
    force = (num << lift) - ((den * v) >> (int(bits) + 16 - lift))
    pull = den
    if gain:
        force, pull = (force * gain[0]) >> 15, (den * gain[0]) >> 15
    force = force >> max(0, int(drop) - int(bits))
    below = c + (pull >> int(drop)) + 1
    spare = np.zeros_like(below)
    for _ in range(16):
        spare += (below >> spare) >= 65535
    near = (below >> spare) + (spare > 0)
    size = np.abs(force)
    whole = size // near
    part = ((size - whole * near) << 15) // near
    moved = half_up_by((whole << 15) + part, spare)
    return np.asarray(np.clip(v + np.sign(force) * moved, int(low), int(high)))


def half_up_by(value: Array, spare: Array) -> Array:
    """`value * 2**(1 - spare)`, rounded half up."""
    down = np.maximum(spare - 1, 0)
    return np.asarray(np.where(spare == 0, value << 1, (value + ((1 << down) >> 1)) >> down))


def elapsed(program: Program, dt: Array) -> dict[str, Array]:
    """The scalar slots of a step from the caller's elapsed times `(batch,)`."""
    clock = program.clock
    if program.is_float:
        return {"dt": (dt.astype(np.float32) * np.float32(clock.scale))[:, None]}
    dt = np.minimum((dt * clock.factor) >> clock.shift, LARGEST)[:, None]
    scalars = {"dt": dt}
    if "inverse" in program.slots:
        exponent, near = np.zeros_like(dt), np.maximum(dt, 1)
        for _ in range(30):
            small = near < 2**30
            near, exponent = np.where(small, near << 1, near), exponent + small
        scalars |= {"inverse": LARGEST // (near >> 15), "exponent": exponent}
    return scalars


INT_OPS: dict[str, Callable[..., Array]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "abs": np.abs,
    "clip": lambda a, low, high: np.clip(a, int(low), int(high)),
    "clip_const": lambda a, low, high: np.clip(a, low, high),
    "rnd": lambda a, bits: half_up(a, int(bits)),
    "shr": lambda a, bits: a >> int(bits),
    "mulsh": lambda a, b, bits: (a * b) >> int(bits),
    "mulsat": lambda a, b, bits, limit: np.clip((a * b) >> int(bits), -int(limit), int(limit)),
    "mulmost": lambda a, b, bits, limit: np.minimum((a * b) >> int(bits), int(limit)),
    "at_unit": lambda dt, a, b: np.asarray(np.where(dt == UNIT, a, b)),
    "blend": lambda a, b, share: a + half_up(share * (b - a), 15),
    "blend_wide": lambda a, b, share: a + half_up(share * (b - a), 30),
    "average": lambda mean, value, count: mean + half_away(value - mean, count),
    "resist": resist,
    "relax": relax,
    "relax_wide": relax_wide,
}

FLOAT_OPS: dict[str, Callable[..., Array]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "abs": np.abs,
    "relu": lambda a: np.where(a > 0, a, np.float32(0)),
}
