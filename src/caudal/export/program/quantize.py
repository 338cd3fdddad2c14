"""Real numbers to integers: the largest scale at which nothing can overflow, never what some data happened to need."""

from dataclasses import dataclass

import numpy as np

from caudal.errors import InputError
from caudal.export.plan.plan import Ints, Links, Neurons
from caudal.export.program.arithmetic import SIGMOID_UNIT, integer_table
from caudal.export.program.assemble import Assembly
from caudal.export.program.program import Gate, Link
from caudal.typing import Array, Floats

WIDEST = {"int16": 32767, "int8": 127}
# Accumulators keep this much below 2**31 for their base and the rounding of a shift.
ROOM = 2**31 - 2**27


def round_half_up(values: Floats) -> Ints:
    """To the nearest integer.

    Example:
        >>> round_half_up(np.array([0.5, -0.5, 1.4])).tolist()
        [1, 0, 1]
    """
    return np.asarray(np.floor(values + 0.5).astype(np.int64))


def largest(slot_low: Array | None, slot_high: Array | None) -> int:
    """Largest absolute value that a slot holds."""
    return max(int(np.abs(np.asarray(bound)).max()) for bound in (slot_low, slot_high) if bound is not None)


def per_row(values: Floats, links: Links) -> Floats:
    """Sum of `values (synapses,)` over the synapses of each row."""
    rows = np.repeat(np.arange(len(links.ptr) - 1), np.diff(links.ptr))
    return np.asarray(np.bincount(rows, weights=values, minlength=len(links.ptr) - 1), np.float64)


def highest(values: Floats, links: Links) -> Floats:
    """Largest of `values (synapses,)` in each row, 0 for a row without synapses."""
    largest_of = np.zeros(len(links.ptr) - 1)
    np.maximum.at(largest_of, np.repeat(np.arange(len(largest_of)), np.diff(links.ptr)), values)
    return largest_of


def as_type(values: Ints) -> Array:
    """The narrowest of int8, int16 and int32 that holds the values."""
    most = int(np.abs(values).max(initial=0))
    return values.astype(np.int8 if most <= 127 else np.int16 if most <= 32767 else np.int32)


@dataclass(frozen=True, eq=False)
class Scaled:
    """Integer weights of one channel, `weight ~ weights / 2**shift` in the ratio of units.

    Attributes:
        weights: `(synapses,)`.
        shift: `(rows,)`.
    """

    weights: Ints
    shift: Ints


def fit_linear(
    owner: str, links: Links, channel: int, unit: float | Floats, source: tuple[float, int], widest: int, each: bool
) -> Scaled:
    """Weights onto an accumulator whose unit is `unit` after the shift.

    Arguments:
        source: unit and largest absolute value of what is read.
        widest: largest absolute weight; where it leaves no room, that of an int16 is taken instead.
        each: whether every row has a shift of its own.

    Raises:
        InputError: a weight is too large for any shift.
    """
    rows = np.repeat(np.arange(len(links.ptr) - 1), np.diff(links.ptr))
    units = np.broadcast_to(np.asarray(unit, np.float64), (len(links.ptr) - 1,))
    weights = links.weights[:, channel] * source[0] / units[rows]
    top = highest(np.abs(weights), links)
    total = np.maximum(per_row(np.abs(weights), links) * source[1], 1e-30)
    room = np.maximum(ROOM - 2.0**24 - np.diff(links.ptr) * source[1], 1.0)
    shift = np.floor(np.minimum(np.log2((widest + 0.49) / np.maximum(top, 1e-30)), np.log2(room / total)))
    if (shift < 0).any() and widest < WIDEST["int16"]:
        return fit_linear(owner, links, channel, unit, source, WIDEST["int16"], each)
    if (shift < 0).any():
        fault = f"has a weight of {np.abs(links.weights[:, channel]).max():.3g} onto {owner}, too large for integers"
        raise InputError("export", "model", fault, 'Export it with `dtype="float32"`, or train with a weight decay.')
    shift = np.minimum(shift, 24.0)
    shift = (shift if each else np.full_like(shift, shift.min())).astype(np.int64)
    return Scaled(round_half_up(weights * 2.0 ** shift[rows]), shift)


@dataclass(frozen=True, eq=False)
class FittedGate:
    """Integer slopes and offsets of gates; see `program.Gate`."""

    slope: Ints
    offset: Ints
    shift: int


def fit_gate(links: Links, table_unit: float, source: tuple[float, int], widest: int) -> FittedGate:
    """Slopes and offsets whose argument can never leave 32 bits.

    Raises:
        InputError: a slope or an offset is too large for any shift.
    """
    if links.slope is None or links.offset is None:
        raise TypeError("links without a gate")
    slope, offset = links.slope * source[0] * table_unit, links.offset * table_unit
    top = max(float(np.abs(slope).max(initial=0)), 1e-300)
    reach = max(float((np.abs(slope) * source[1]).max(initial=0)), 1.0)
    shift = int(np.floor(min(np.log2((widest + 0.49) / top), np.log2(ROOM / 2 / reach), 20)))
    if shift < 0 and widest < WIDEST["int16"]:
        return fit_gate(links, table_unit, source, WIDEST["int16"])
    if shift < 0:
        fault = f"has a gate of slope {np.abs(links.slope).max():.3g}, too steep for integers"
        raise InputError("export", "model", fault, 'Export it with `dtype="float32"`, or train with a weight decay.')
    steep = round_half_up(slope * 2.0**shift)
    # A gate without a slope has no threshold: nothing that the source can reach.
    steeps = np.where(links.slope != 0, links.slope, 1.0)
    middle = np.where(links.slope != 0, -links.offset / steeps / source[0], 2.0 * source[1] + 1.0)
    # The threshold stays where it was though the slope was rounded, if the source can reach it; the half makes up for
    # the product being rounded down.
    exact = np.where(np.abs(middle) <= source[1], -steep * middle / 2.0**shift, offset)
    return FittedGate(steep, round_half_up(np.clip(exact, -(2.0**20), 2.0**20) + 0.5 * (shift > 0)), shift)


# A gate has 15 fraction bits.
GATE = (2.0**-15, 32767)


def source_of(assembly: Assembly, links: Links) -> tuple[float, int]:
    """Unit and largest absolute value of the slot that links read."""
    slot = assembly.slots[assembly.reads(links.source)]
    return slot.unit, largest(slot.low, slot.high)


def as_link(assembly: Assembly, stem: str, links: Links, fitted: list[Scaled | None], gate: FittedGate | None) -> Link:
    """The link in table form; None where a channel receives nothing."""
    counts, index = assembly.shape(stem, links)
    names, shifts = [], []
    for k, channel in enumerate(fitted):
        names.append("" if channel is None else assembly.constant(f"{stem}_w{k}", as_type(channel.weights)))
        shifted = channel is not None and channel.shift.any()
        shifts.append(
            assembly.constant(f"{stem}_shift{k}", channel.shift.astype(np.uint8)) if channel and shifted else ""
        )
    table_gate = None
    if gate is not None:
        assembly.tables["sigmoid"] = integer_table("sigmoid")
        slope = assembly.constant(f"{stem}_slope", as_type(gate.slope))
        table_gate = Gate(slope, assembly.constant(f"{stem}_offset", as_type(gate.offset)), "sigmoid", gate.shift)
    takes = links.gated if gate is not None else (False,) * len(fitted)
    return Link(assembly.reads(links.source), counts, index, tuple(names), takes, tuple(shifts), table_gate)


def fitted_links(assembly: Assembly, neurons: Neurons, units: tuple[float | Floats, ...]) -> tuple[Link, ...]:
    """All links of some neurons, onto accumulators of the given units."""
    joined = []
    for place, links in enumerate(neurons.links):
        source, fitted = source_of(assembly, links), list[Scaled | None]()
        for k, unit in enumerate(units):
            if not links.weights[:, k].any():
                fitted.append(None)
                continue
            seen = GATE if links.slope is not None and links.gated[k] else source
            widest, each = WIDEST[assembly.dtype], assembly.dtype == "int8"
            fitted.append(fit_linear(neurons.name, links, k, unit, seen, widest, each))
        gate = None if links.slope is None else fit_gate(links, SIGMOID_UNIT, source, WIDEST[assembly.dtype])
        joined.append(as_link(assembly, f"{neurons.name}_{place}", links, fitted, gate))
    return tuple(joined)


def fitted_base(assembly: Assembly, neurons: Neurons, units: tuple[float | Floats, ...]) -> tuple[str, ...]:
    """Constants that the accumulators start from."""
    base = neurons.base
    if isinstance(base, tuple):
        return base
    whole = [np.floor(row / unit + 0.5).astype(np.int64) for row, unit in zip(base, units, strict=True)]
    return tuple(assembly.constant(f"{neurons.name}_base{k}", as_type(row)) for k, row in enumerate(whole))
