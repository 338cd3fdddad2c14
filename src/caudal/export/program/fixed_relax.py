"""Cells that relax towards a potential, in integers: LTC, CT-RNN and LRC by one operation.

    force = num - den v,    v' = v + force / (C + den),    C = c / dt

With the state `v` of `bits` fraction bits, `num` and `den` in one scale per neuron (any scale: it cancels) and `C` and
`den` with `drop` bits fewer. The divisor is rounded up by one and the quotient to nearest. If for every neuron
`low den <= num 2**bits <= high den` (its *cone*), then `low <= v <= high` holds after the step when it held before,
in integers, for any input and any elapsed time: the exact quotient never passes `high - v` by more than
`2 / (C + den)`, which is below a half once the divisor exceeds 4, and `high - v` is an integer. No state saturates and
none is clamped. A state of 32 bits takes 16 more bits of the quotient by a second division, and is clamped at the
cone, which can bind by rounding errors of those extra bits only.
"""

import math
from dataclasses import dataclass

import numpy as np

from caudal.export.plan.plan import Conduct, Ints, Leak, Links, Neurons, Resist, Substeps, Vector
from caudal.export.program.arithmetic import LARGEST, SIGMOID_UNIT, integer_table
from caudal.export.program.assemble import Assembly, Relaxing, relaxing
from caudal.export.program.program import Block, Cone, Link, Slot
from caudal.export.program.quantize import (
    WIDEST,
    Scaled,
    as_link,
    fit_gate,
    fitted_base,
    fitted_links,
    highest,
    per_row,
    round_half_up,
    source_of,
)
from caudal.export.program.trace import Recorder, Value
from caudal.typing import Floats

TANH_UNIT = 1 / (2 * SIGMOID_UNIT)
# Lowest that a gate of a non-negative argument can be.
_HALF = 16300


@dataclass(frozen=True, eq=False)
class Scales:
    """Units of one relaxing state: see the module.

    Attributes:
        bits, drop: as there.
        low, high: the cone `(rows,)` in units of the state.
        c: `(rows,)` integers, and `places` that `arithmetic.resist` shifts by.
    """

    bits: int
    drop: int
    low: Ints
    high: Ints
    c: Ints
    places: int


def relax_slots(assembly: Assembly, vector: Vector) -> None:
    """The state, what it becomes, and in the wide form its upper half."""
    unit, size = 2.0 ** -state_bits(vector.bound), vector.size
    names = {"": "state", "_next": "work"}
    low, high = np.array(-32767), np.array(32767)
    if assembly.wide:
        for suffix in ("_top", "_top_next"):
            assembly.slots[vector.name + suffix] = Slot(size, "int16", "work", unit, low - 1, high)
        unit, low, high = unit / 65536, low * 65536, high * 65536
    ctype = "int32" if assembly.wide else "int16"
    for suffix, role in names.items():
        assembly.slots[vector.name + suffix] = Slot(size, ctype, role, unit, low, high)  # type: ignore[arg-type]


def state_bits(bound: float) -> int:
    """Fraction bits of a 16-bit state of this bound.

    Example:
        >>> state_bits(1.0), state_bits(2.5)
        (14, 13)
    """
    # The cone of an LRC is wider than its bound by the rounding of its gates, half a per cent.
    return min(15, math.floor(math.log2(32560 / max(bound, 1e-6))))


def relax_block(assembly: Assembly, stage: Substeps) -> None:
    """The block of a relaxing state; `hold_block` has come before it."""
    neurons = stage.neurons
    finish = neurons.finish
    if not isinstance(finish, Conduct | Leak | Resist) or not isinstance(neurons.base, tuple):
        raise TypeError(type(finish).__name__)
    trace = Recorder()
    cone = None
    if isinstance(finish, Conduct):
        fitted = _conducting(assembly, neurons)
        scales, links = fitted.scales, fitted.recurrent
        cone = Cone(0, 1, scales.bits, tuple(scales.low.tolist()), tuple(scales.high.tolist()))
        num, den, gain = trace.total(1), trace.total(0), None
    else:
        links = fitted_links(assembly, neurons, total_units(finish))
        if isinstance(finish, Leak):
            scales = _leaking(assembly, finish, stage.count)
        else:
            scales = _resisting(assembly, finish, stage.count)
        num, den, gain = _pulls(assembly, trace, finish, len(neurons.base), scales)
    reciprocal = trace.scalar("inverse"), trace.scalar("exponent")
    if neurons.one_unit:
        reciprocal = trace.number(LARGEST // 2**15), trace.number(10)
    stores = _stores(assembly, trace, finish.state, (num, den, gain), scales, reciprocal)
    block = Block(neurons.name, neurons.rows, neurons.base, links, tuple(trace.nodes), stores, (), cone)
    names = (finish.state, f"{finish.state}_top") if assembly.wide else (finish.state,)
    commit = tuple((f"{name}_next", name) for name in names)
    assembly.add(block, times=stage.count, commit=commit, only_moving=not neurons.one_unit)


def hold_block(assembly: Assembly, part: Relaxing, outs: tuple[str, ...]) -> None:
    """The block that holds the sensory sums of a relaxing state."""
    neurons, finish = part.sense, part.neurons.finish
    if isinstance(finish, Conduct):
        fitted = _conducting(assembly, part.neurons)
        links, leak = fitted.sensory, fitted.leak
        base = tuple(assembly.constant(f"{neurons.name}_base{k}", row.astype(np.int32)) for k, row in enumerate(leak))
    else:
        units = total_units(finish)  # type: ignore[arg-type]
        links, base = fitted_links(assembly, neurons, units), fitted_base(assembly, neurons, units)
    trace = Recorder()
    stores = tuple((out, trace.total(k).at) for k, out in enumerate(outs))
    for out in outs:
        limit = np.array(2**31 - 1)
        assembly.slots[out] = Slot(neurons.rows, "int32", "work", 1.0, -limit, limit)
    cone = None
    if isinstance(finish, Conduct):
        scales = _conducting(assembly, part.neurons).scales
        cone = Cone(0, 1, scales.bits, tuple(scales.low.tolist()), tuple(scales.high.tolist()))
    assembly.add(Block(neurons.name, neurons.rows, base, links, tuple(trace.nodes), stores, (), cone))


def total_units(finish: Leak | Resist) -> tuple[float, ...]:
    """Units of the accumulators whose sums enter a sigmoid or a tanh."""
    if isinstance(finish, Leak):
        return (TANH_UNIT,)
    both = (1 / SIGMOID_UNIT, TANH_UNIT)
    return both if finish.elastance == "none" else (*both, 1 / SIGMOID_UNIT)


@dataclass(frozen=True, eq=False)
class Conducting:
    """The joint fit of an LTC's sensory and recurrent synapses."""

    scales: Scales
    leak: tuple[Ints, Ints]
    sensory: tuple[Link, ...]
    recurrent: tuple[Link, ...]


def _conducting(assembly: Assembly, neurons: Neurons) -> Conducting:
    if neurons.name not in assembly.conducting:
        part = next(part for part in relaxing(assembly.plan) if part.neurons is neurons)
        assembly.conducting[neurons.name] = _fit_conducting(assembly, part)
    fitted: Conducting = assembly.conducting[neurons.name]
    return fitted


def _fit_conducting(assembly: Assembly, part: Relaxing) -> Conducting:
    state, sense, relax, substeps = part
    finish, widest = relax.finish, WIDEST[assembly.dtype]
    if not isinstance(finish, Conduct) or isinstance(sense.base, tuple):
        raise TypeError(type(finish).__name__)
    leak, groups = sense.base, (*sense.links, *relax.links)
    bits = state_bits(assembly.plan.vectors[state].bound)
    pull = max(float(np.maximum(-finish.low, finish.high).max()), 2.0**-bits)
    top = np.maximum.reduce([highest(np.abs(links.weights).max(1), links) for links in groups])
    total = leak[0] * 32768 + 32768 * sum(per_row(links.weights[:, 0], links) for links in groups)
    with np.errstate(divide="ignore"):
        scale = 2.0 ** np.floor(np.minimum(np.log2((widest + 0.49) / top), np.log2(2.0**29.9 / (2 * pull * total))))
    low, high = np.floor(finish.low * 2.0**bits), np.ceil(finish.high * 2.0**bits)
    most = float((total * scale).max())
    drop = max(math.floor(math.log2(most)) - 15, bits - math.floor(math.log2(2.0**30.9 / (2 * pull * most))), 0)
    # A divisor of at least 8 keeps the quotient within the cone; it is an 8000th of the neuron's largest conductance.
    conductance = np.maximum(round_half_up(leak[0] * scale * 32768), 8 << drop)
    drive = _within(leak[1] / np.maximum(leak[0], 1e-300), conductance, finish.low, finish.high)
    c, places = _resistance(finish.c_m * substeps * scale * 2.0 ** (15 - drop))
    scales = Scales(bits, drop, low.astype(np.int64), high.astype(np.int64), c, places)
    sensory, recurrent = (
        tuple(_conductances(assembly, neurons, k, scale, finish) for k in range(len(neurons.links)))
        for neurons in (sense, relax)
    )
    return Conducting(scales, (conductance, drive), sensory, recurrent)


def _within(potential: Floats, conductance: Ints, low: Floats, high: Floats) -> Ints:
    """`conductance * potential` in integers that do not leave the cone."""
    exact = round_half_up(conductance * potential)
    return np.asarray(np.clip(exact, np.ceil(conductance * low), np.floor(conductance * high)).astype(np.int64))


def _conductances(assembly: Assembly, neurons: Neurons, place: int, scale: Floats, finish: Conduct) -> Link:
    links: Links = neurons.links[place]
    rows = np.repeat(np.arange(neurons.rows), np.diff(links.ptr))
    conductance = np.maximum(round_half_up(links.weights[:, 0] * scale[rows]), 0)
    potential = links.weights[:, 1] / np.maximum(links.weights[:, 0], 1e-300)
    num = _within(potential, conductance, finish.low[rows], finish.high[rows])
    none = np.zeros(neurons.rows, np.int64)
    gate = fit_gate(links, SIGMOID_UNIT, source_of(assembly, links), WIDEST[assembly.dtype])
    return as_link(assembly, f"{neurons.name}_{place}", links, [Scaled(conductance, none), Scaled(num, none)], gate)


def _resistance(c: Floats) -> tuple[Ints, int]:
    """Integers below 2**15 for `c`, and the shift that `arithmetic.resist` starts from."""
    more = math.floor(math.log2(32767 / float(c.max())))
    return np.maximum(round_half_up(c * 2.0**more), 1), 26 + more


def _leaking(assembly: Assembly, finish: Leak, substeps: int) -> Scales:
    """`num = tau tanh`, `den = 1`, `c = tau`."""
    bits = state_bits(assembly.plan.vectors[finish.state].bound)
    one_bits = 29 - max(0, math.ceil(math.log2(float(finish.tau.max()))))
    drop = one_bits - 15
    c, places = _resistance(finish.tau * substeps * 2.0 ** (one_bits - drop))
    pull = round_half_up(finish.tau * 2.0 ** (one_bits - 15))
    high = -(-(pull * 32768 * 2**bits) // 2**one_bits)
    return Scales(bits, drop, -high, high, c, places)


def _resisting(assembly: Assembly, finish: Resist, substeps: int) -> Scales:
    """`num = tanh e_leak`, `den = sigmoid`, `c = 1`; the elastance multiplies both."""
    bits, one_bits, drop = state_bits(assembly.plan.vectors[finish.state].bound), *_resist_scale(finish)
    c, places = _resistance(np.full(len(finish.e_leak), substeps * 2.0 ** (one_bits - drop)))
    pull = np.abs(round_half_up(finish.e_leak * 2.0 ** (one_bits - 15)))
    high = -(-(pull * 32768 * 2**bits) // (_HALF * 2 ** (one_bits - 15)))
    return Scales(bits, drop, -high, high, c, places)


def _resist_scale(finish: Resist) -> tuple[int, int]:
    one_bits = 29 - max(0, math.ceil(math.log2(2 * max(float(np.abs(finish.e_leak).max()), 1e-6))))
    return one_bits, one_bits - 15


def _pulls(
    assembly: Assembly, trace: Recorder, finish: Leak | Resist, channels: int, scales: Scales
) -> tuple[Value, Value, Value | None]:
    """Values of `num`, `den` and the gain."""
    assembly.tables["sigmoid"] = integer_table("sigmoid")
    totals = [trace.total(k) for k in range(channels)]
    if isinstance(finish, Leak):
        one_bits = scales.drop + 15
        tau = trace.constant(
            assembly.constant("tau", round_half_up(finish.tau * 2.0 ** (one_bits - 15)).astype(np.int32))
        )
        return tanh_of(totals[0]) * tau, trace.number(2**one_bits), None
    one_bits, _ = _resist_scale(finish)
    e_leak = round_half_up(finish.e_leak * 2.0 ** (one_bits - 15)).astype(np.int32)
    num = tanh_of(totals[1]) * trace.constant(assembly.constant("e_leak", e_leak))
    den = totals[0].table("sigmoid") * 2 ** (one_bits - 15)
    if finish.elastance == "none":
        return num, den, None
    if finish.elastance == "asymmetric":
        return num, den, totals[2].table("sigmoid")
    k = trace.constant(assembly.constant("elastance_k", round_half_up(finish.k * SIGMOID_UNIT).astype(np.int32)))
    gain = (totals[2] + k).table("sigmoid") - (totals[2] - k).table("sigmoid")
    return num, den, gain.clip(0, 32767)


def tanh_of(total: Value) -> Value:
    """`tanh` with 15 fraction bits of a total in `TANH_UNIT`: `2 sigmoid(2 z) - 1`."""
    return total.table("sigmoid") * 2 - 32768


def _stores(
    assembly: Assembly,
    trace: Recorder,
    state: str,
    pulls: tuple[Value, Value, Value | None],
    scales: Scales,
    reciprocal: tuple[Value, Value],
) -> tuple[tuple[str, int], ...]:
    """Slots and values of the step; `reciprocal` is that of the elapsed time and its exponent."""
    num, den, gain = pulls
    slot = assembly.slots[state]
    c = trace.constant(assembly.constant(f"{state}_c", scales.c.astype(np.int16)))
    resistance = trace.node("resist", c, *reciprocal, values=(scales.places,))
    args = [trace.load(state), num, den, resistance, *(() if gain is None else (gain,))]
    if not assembly.wide:
        for name in (state, f"{state}_next"):
            assembly.slots[name] = Slot(
                slot.size, slot.ctype, assembly.slots[name].role, slot.unit, scales.low, scales.high
            )
        return ((f"{state}_next", trace.node("relax", *args, values=(scales.bits, scales.drop)).at),)
    low, high = int(scales.low.min()) * 65536, int(scales.high.max()) * 65536
    for name in (state, f"{state}_next"):
        assembly.slots[name] = Slot(
            slot.size, slot.ctype, assembly.slots[name].role, slot.unit, np.array(low), np.array(high)
        )
    new = trace.node("relax_wide", *args, values=(scales.bits, scales.drop, low, high))
    return ((f"{state}_next", new.at), (f"{state}_top_next", new.half_up(16).clip(-32768, 32767).at))
