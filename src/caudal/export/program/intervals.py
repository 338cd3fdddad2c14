"""Bounds of every number that an integer program computes, from its constants alone, for any input and any time.

This is the checker's own arithmetic: it shares nothing with the code that chose the scales, wrote the C or runs the
twin. Numbers are Python integers in object arrays, so that the checker itself cannot overflow.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.export.program.program import Node, Program
from caudal.typing import Array

LOW, HIGH = -(2**31), 2**31 - 1


@dataclass(frozen=True, eq=False)
class Span:
    """Lowest and highest value, one of each per row."""

    low: Array
    high: Array

    @property
    def most(self) -> Array:
        """Largest absolute value per row."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


class Broken(Exception):  # noqa: N818  # not an error of the user
    """A claim does not hold; the message says which."""


def whole(values: object, rows: int) -> Array:
    """Python integers, one per row."""
    return np.array([int(v) for v in np.broadcast_to(np.asarray(values), (rows,))], dtype=object)


def span(low: object, high: object, rows: int) -> Span:
    """A span from numbers or arrays."""
    return Span(whole(low, rows), whole(high, rows))


def fits(what: str, low: Any, high: Any) -> None:
    """Refuse what leaves 32 bits.

    Raises:
        Broken: it does.
    """
    if (np.asarray(low) < LOW).any() or (np.asarray(high) > HIGH).any():
        raise Broken(f"{what} may reach {max(abs(int(np.min(low))), abs(int(np.max(high))))}, beyond 32 bits")


def product(a: Span, b: Span) -> Span:
    """Every product of two spans."""
    corners = np.stack([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high])
    return Span(corners.min(0), corners.max(0))


def plus(a: Span, b: Span) -> Span:
    """Every sum."""
    return Span(a.low + b.low, a.high + b.high)


def minus(a: Span, b: Span) -> Span:
    """Every difference."""
    return Span(a.low - b.high, a.high - b.low)


def down(a: Span, bits: object) -> Span:
    """Divided by a power of two, rounded down."""
    return Span(a.low >> bits, a.high >> bits)


def kept(a: Span, low: Any, high: Any) -> Span:
    """Clipped."""
    return Span(np.minimum(np.maximum(a.low, low), high), np.minimum(np.maximum(a.high, low), high))


def looked_up(table: Array, z: Span) -> Span:
    """Values of a table between two arguments; lines between entries never leave the entries."""
    if (np.diff(table.astype(np.int64)) > 32767).any():
        raise Broken("a table jumps by more than 16 bits")
    inner = kept(z, -32768, 32767)
    entries = [int(v) for v in table]
    pairs = [
        (
            min(entries[(int(a) >> 8) + 128 : (int(b) >> 8) + 130]),
            max(entries[(int(a) >> 8) + 128 : (int(b) >> 8) + 130]),
        )
        for a, b in zip(inner.low, inner.high, strict=True)
    ]
    return Span(np.array([a for a, _ in pairs], object), np.array([b for _, b in pairs], object))


def node_span(program: Program, node: Node, args: list[Span], rows: int) -> Span:
    """The span of a plain operation.

    Raises:
        Broken: a value or a value on the way leaves 32 bits, or the operation is unknown.
    """
    values = [int(value) for value in node.values]
    if node.op == "imm":
        return span(values[0], values[0], rows)
    if node.op == "table":
        return looked_up(program.tables[node.name], args[0])
    result = _arithmetic(node.op, args, values)
    fits(f"operation {node.op}", result.low, result.high)
    return result


def _arithmetic(op: str, args: list[Span], values: list[int]) -> Span:
    if op in ("add", "sub", "mul"):
        return {"add": plus, "sub": minus, "mul": product}[op](*args)
    if op == "abs":
        (a,) = args
        straddles = (a.low < 0) & (a.high > 0)
        return Span(np.where(straddles, 0, np.minimum(np.abs(a.low), np.abs(a.high))), a.most)
    if op == "clip":
        return kept(args[0], values[0], values[1])
    if op == "clip_const":
        a, low, high = args
        lowest, highest = np.minimum(a.low, high.low), np.minimum(a.high, high.high)
        return Span(np.maximum(lowest, low.low), np.maximum(highest, low.high))
    if op == "shr":
        return down(args[0], values[0])
    if op == "rnd":
        half = plus(args[0], Span(*(np.full(len(args[0].low), 1 << (values[0] - 1), object),) * 2))
        fits("a rounded value", half.low, half.high)
        return down(half, values[0])
    if op in ("mulsh", "mulsat"):
        scaled = down(product(*args), values[0])
        return kept(scaled, -values[1], values[1]) if op == "mulsat" else scaled
    if op == "at_unit":
        _, a, b = args
        return Span(np.minimum(a.low, b.low), np.maximum(a.high, b.high))
    if op == "mulmost":
        if any((factor.low < 0).any() for factor in args):
            raise Broken("a factor of an unsigned product is negative")
        return kept(down(product(*args), values[0]), 0, values[1])
    if op in ("blend", "blend_wide"):
        a, b, share = args
        if (share.low < 0).any() or (share.high > (32768 if op == "blend" else 2**30)).any():
            raise Broken("a share of a blend leaves 0 to 1")
        gap = minus(b, a)
        fits("a blend on the way", gap.low, gap.high)
        if op == "blend":  # the wide one multiplies in 64 bits, which this product cannot leave
            moved = product(share, gap)
            fits("a blend on the way", moved.low, moved.high + 16384)
        return Span(np.minimum(a.low, b.low), np.maximum(a.high, b.high))
    if op == "average":
        mean, value, count = args
        if (count.low < 1).any():
            raise Broken("a mean is divided by less than 1")
        gap = minus(value, mean)
        fits("a step of a mean", gap.low - count.high, gap.high + count.high)
        return Span(np.minimum(mean.low, value.low), np.maximum(mean.high, value.high))
    if op == "resist":
        return _resistance(args, values[0])
    raise Broken(f"operation {op!r} is unknown")


def _resistance(args: list[Span], places: int) -> Span:
    c, inverse, exponent = args
    if (c.low < 0).any() or (inverse.low < 0).any() or (exponent.low < 0).any() or (exponent.high > 30).any():
        raise Broken("a resistance is negative, or its exponent leaves 0 to 30")
    wide = product(c, inverse)
    fits("a resistance on the way", wide.low, wide.high)
    least = wide.low >> max(0, places - int(exponent.low.min()))
    # Shifted to the right by as little as this it passes unclamped; to the left it is kept below 2**30.
    most = wide.high >> max(0, places - int(exponent.high.max()))
    return Span(np.minimum(least, 2**30), np.maximum(most, 2**30))
