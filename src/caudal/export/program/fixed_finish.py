"""What becomes of the sums of the other cells, in integers with 15 fraction bits."""

import math

import numpy as np

from caudal.errors import InputError
from caudal.export.plan.plan import (
    OUTPUT,
    Approach,
    Average,
    Closed,
    Emit,
    Heads,
    Neurons,
    Remember,
    Reset,
    Retain,
    Squash,
)
from caudal.export.plan.read_dense import MEMORY_RANGE
from caudal.export.program.arithmetic import (
    DECAY_REACH,
    DECAY_UNIT,
    LARGEST,
    PHI_UNIT,
    SIGMOID_UNIT,
    UNIT,
    integer_table,
)
from caudal.export.program.assemble import Assembly, relaxing
from caudal.export.program.fixed_relax import TANH_UNIT, hold_block, tanh_of
from caudal.export.program.program import Block, Slot
from caudal.export.program.quantize import WIDEST, fitted_base, fitted_links, largest, round_half_up, source_of
from caudal.export.program.trace import Recorder, Value
from caudal.typing import Floats

_GATE_UNIT = 1 / SIGMOID_UNIT
# The time gate's slope keeps so many bits more, since it is multiplied by the elapsed time.
_FINER = 4
_MEMORY_BITS = 26
_AVERAGE_BITS = 14
# Of a state that approaches its target, of the argument of its exponential, and of its largest rate.
_STATE_BITS, _WAY_BITS, _FASTEST = 30, 30, 16
_FINEST_OUTPUT = 16
_TABLES = {"silu": ("sigmoid", SIGMOID_UNIT), "gelu": ("phi", PHI_UNIT)}


def finish_block(assembly: Assembly, neurons: Neurons) -> None:
    """The block of neurons that do not relax."""
    finish = neurons.finish
    if isinstance(finish, Retain):
        part = next(part for part in relaxing(assembly.plan) if part.sense is neurons)
        hold_block(assembly, part, finish.outs)
        return
    if isinstance(finish, Emit):
        _answer(assembly, neurons)
        return
    if isinstance(finish, Average):
        _average(assembly, neurons, finish)
        return
    assembly.tables["sigmoid"] = integer_table("sigmoid")
    if isinstance(finish, Closed):
        units, trace, stores = _closed(assembly, neurons, finish)
    elif isinstance(finish, Approach):
        units, trace, stores = _approach(assembly, neurons, finish)
    elif isinstance(finish, Squash):
        units, trace, stores = _squash(assembly, finish)
    else:
        units, trace, stores = _gates(assembly, neurons)
    base, links = fitted_base(assembly, neurons, units), fitted_links(assembly, neurons, units)
    assembly.add(Block(neurons.name, neurons.rows, base, links, tuple(trace.nodes), stores, neurons.spans))


_Parts = tuple[tuple[float | Floats, ...], Recorder, tuple[tuple[str, int], ...]]


def _elapsed(trace: Recorder, neurons: Neurons) -> Value:
    return trace.number(UNIT) if neurons.one_unit else trace.scalar("dt")


def _gates(assembly: Assembly, neurons: Neurons) -> _Parts:
    trace, finish = Recorder(), neurons.finish
    totals = [trace.total(k) for k in range(4)]
    gates = [total.table("sigmoid") for total in totals]
    if isinstance(finish, Heads):
        f1, f2 = tanh_of(totals[0]), tanh_of(totals[1])
        slope = totals[2].times_clipped(_elapsed(trace, neurons), 20 + _FINER, 2**20)
        t = (slope + totals[3]).table("sigmoid")
        if finish.mode == "no_gate":
            new = (f1 + (t * f2).half_up(15)).half_up(1).clip(-32768, 32767)
        else:
            new = f1.toward(f2, t)
        units = (TANH_UNIT, TANH_UNIT, _GATE_UNIT / 2**_FINER, _GATE_UNIT)
        return units, trace, ((finish.out, new.at),)
    if isinstance(finish, Remember):
        memory, trace_new = _memory(assembly, trace, finish, gates, tanh_of(totals[2]))
        return (
            (_GATE_UNIT, _GATE_UNIT, TANH_UNIT, _GATE_UNIT),
            trace,
            ((finish.memory, memory), (finish.out, trace_new)),
        )
    if not isinstance(finish, Reset):
        raise TypeError(type(finish).__name__)
    new = tanh_of(totals[2] + gates[0].times(totals[3], 15))
    blend = new.toward(trace.load(finish.state), gates[1])
    return (_GATE_UNIT, _GATE_UNIT, TANH_UNIT, TANH_UNIT), trace, ((finish.out, blend.at),)


def _memory(assembly: Assembly, trace: Recorder, finish: Remember, gates: list[Value], g: Value) -> tuple[int, int]:
    limit = int(MEMORY_RANGE * 2**_MEMORY_BITS)
    bounds = (np.array(-limit), np.array(limit))
    size = assembly.plan.vectors[finish.memory].size
    assembly.slots[finish.memory] = Slot(size, "int32", "state", 2.0**-_MEMORY_BITS, *bounds)
    remembered = trace.load(finish.memory).times(gates[1], 15)
    memory = (remembered + (gates[0] * g).floor(30 - _MEMORY_BITS)).clip(-limit, limit)
    bits = 31
    z = memory.times(round(2 * SIGMOID_UNIT * 2.0 ** (bits - _MEMORY_BITS)), bits)
    return memory.at, (gates[3] * tanh_of(z)).half_up(15).at


def _closed(assembly: Assembly, neurons: Neurons, finish: Closed) -> _Parts:
    """`a - a exp(-dt (|w_tau| + |f|)) f`, with `f` in units of the exponential's argument."""
    assembly.tables["decay"] = integer_table("decay")
    # So large that no weight of this width needs a left shift.
    reach, top = _reach(assembly, neurons), 2.0**18 if assembly.dtype == "int8" else 2.0**26
    more = math.floor(math.log2(top / ((reach + float(np.abs(finish.w_tau).max()) + 1) * DECAY_UNIT)))
    unit = 1 / (DECAY_UNIT * 2.0**more)
    slot, trace = assembly.slots[finish.out], Recorder()
    f, rate = trace.total(0), round_half_up(np.abs(finish.w_tau) / unit).astype(np.int32)
    speed = abs(f) + trace.constant(assembly.constant("w_tau", rate))
    left = (speed.times_clipped(_elapsed(trace, neurons), 20 + more, 2**20) - 32768).table("decay")
    a = finish.a * unit / slot.unit
    bits = min(40, math.floor(math.log2(2.0**30 / max(float(np.abs(a).max()), 1e-9))))
    scale = trace.constant(assembly.constant("asymptote", round_half_up(a * 2.0**bits).astype(np.int32)))
    remains = trace.number(round(1 / unit)) - f.times(left, 15)
    limit = int(slot.high) if slot.high is not None else 32767
    return (unit,), trace, ((finish.out, remains.times_clipped(scale, bits, limit).at),)


def _approach(assembly: Assembly, neurons: Neurons, finish: Approach) -> _Parts:
    """`v + (1 - exp(-k dt)) (u - v)` with a state and a share of 30 bits, so that the slowest neuron still moves."""
    bound = assembly.plan.vectors[finish.state].bound
    trace, bits = Recorder(), _STATE_BITS - max(0, math.ceil(math.log2(bound)))
    top, limit = f"{finish.state}_top", math.ceil(bound * 2.0 ** (bits - 15))
    low, high = np.array(-limit), np.array(limit)
    assembly.slots[finish.state] = Slot(neurons.rows, "int32", "state", 2.0**-bits, low * 2**15, high * 2**15)
    assembly.slots[top] = Slot(neurons.rows, "int16", "work", 2.0 ** -(bits - 15), low, np.minimum(high, 32767))
    share = _share(assembly, trace, neurons, finish)
    if finish.target == "tanh":
        unit, target = TANH_UNIT, tanh_of(trace.total(1)) * 2**15
    else:
        unit = _finest(assembly, neurons, 2.0 ** -(bits - 2))
        more = round(bits + math.log2(unit))
        most = limit * 2 ** (15 - more)
        target = trace.total(1).clip(-most, most - 1) * 2**more
    v = trace.load(finish.state).toward(target, share, wide=True)
    half = v.half_up(15).clip(-32768, 32767)
    stores = ((finish.state, v.at), (top, half.at))
    if finish.out == finish.state:
        return (_GATE_UNIT, unit), trace, stores
    gated = (trace.total(2).table("sigmoid") * half).half_up(15)
    return (_GATE_UNIT, unit, _GATE_UNIT), trace, (*stores, (finish.out, gated.at))


def _finest(assembly: Assembly, neurons: Neurons, least: float) -> float:
    """The smallest power of two, from `least` on, in which no weight of channel 1 needs a left shift."""
    widest, unit = WIDEST[assembly.dtype], least
    for links in neurons.links:
        heaviest = float(np.abs(links.weights[:, 1]).max(initial=0.0)) * source_of(assembly, links)[0]
        unit = max(unit, 2.0 ** math.ceil(math.log2(max(heaviest / widest, 1e-30))))
    return unit


def _share(assembly: Assembly, trace: Recorder, neurons: Neurons, finish: Approach) -> Value:
    """Share of the way to the target, in 30 bits."""
    a = trace.total(0)
    at_once = a.table("sigmoid") * 2**15
    if finish.decay == "unclocked" or (finish.decay == "softplus" and neurons.one_unit):
        return at_once
    rate, places = _rate(assembly, trace, finish)
    assembly.tables["chord"] = integer_table("chord")
    way = rate.times_most(_elapsed(trace, neurons), places + 20 - _WAY_BITS, 2**_WAY_BITS)
    chord = (way.floor(_WAY_BITS - 16) - 32768).table("chord")
    # Half the way first: what the table errs by counts the less, the more is done.
    half = way.times_most(chord, _WAY_BITS + 15 - 33, 2**30)
    share = half.times_most(trace.number(LARGEST) - half, 30, 2**30)
    # 1 - exp(-softplus(a)) is the sigmoid of a.
    return at_once.at_unit(trace.scalar("dt"), share) if finish.decay == "softplus" else share


def _rate(assembly: Assembly, trace: Recorder, finish: Approach) -> tuple[Value, int]:
    """Reciprocal of the time constant as a part of the table's reach, and its fraction bits."""
    a = trace.total(0)
    if finish.decay == "softplus":
        assembly.tables["log1p"] = integer_table("log1p")
        # softplus(a) = max(a, 0) + log(1 + exp(-|a|))
        places, steepest = 21, 2**20 - 1
        per_unit = 2.0**places / DECAY_REACH
        steep = a.clip(0, steepest).times(round(2.0**16 * per_unit / SIGMOID_UNIT), 16)
        bend = (abs(a.clip(-32767, 32767)) * 2 - 32768).table("log1p")
        return steep + (bend * round(per_unit / 2**5)).floor(10), places
    if finish.rate is None or not float(finish.rate.max()) < 2**_FASTEST:
        fault = f"has a rate beyond {2**_FASTEST:,} in a typical gap, too fast for integers"
        raise InputError("export", "model", fault, 'Export it with `dtype="float32"`, or train it again.')
    places = 30 - max(0, math.ceil(math.log2(float(finish.rate.max()) / DECAY_REACH)))
    rates = round_half_up(finish.rate * 2.0**places / DECAY_REACH).astype(np.int32)
    return a.table("sigmoid").times(trace.constant(assembly.constant("rate", rates)), 15), places


def _reach(assembly: Assembly, neurons: Neurons) -> float:
    """What `|f|` never exceeds, given the bounds of what is read."""
    total = np.abs(neurons.base[0]) if not isinstance(neurons.base, tuple) else np.zeros(neurons.rows)
    for links in neurons.links:
        unit, most = source_of(assembly, links)
        rows = np.repeat(np.arange(neurons.rows), np.diff(links.ptr))
        total = total + np.bincount(rows, np.abs(links.weights[:, 0]) * unit * most, neurons.rows)
    return float(total.max())


def _squash(assembly: Assembly, finish: Squash) -> _Parts:
    trace, slot = Recorder(), assembly.slots[finish.out]
    total = trace.total(0)
    if finish.kind == "tanh":
        return (TANH_UNIT,), trace, ((finish.out, tanh_of(total).at),)
    if finish.kind == "linear":
        limit = largest(slot.low, slot.high) - 1
        return (slot.unit,), trace, ((finish.out, total.clip(-limit, limit).at),)
    if finish.kind == "relu":
        return (slot.unit,), trace, ((finish.out, total.clip(0, largest(slot.low, slot.high)).at),)
    table, per_one = _TABLES[finish.kind]
    assembly.tables[table] = integer_table(table)
    limit = largest(slot.low, slot.high) - 1
    value = total.clip(-limit, limit)
    share = value.times(round(slot.unit * per_one * 2.0**16), 16).table(table)
    return (slot.unit,), trace, ((finish.out, (value * share).half_up(15).at),)


def _answer(assembly: Assembly, neurons: Neurons) -> None:
    """Outputs in powers of two of their own, as fine as 32 bits hold."""
    if isinstance(neurons.base, tuple):
        raise TypeError("outputs start from constants")
    reach = np.abs(neurons.base[0])
    finest = np.full(neurons.rows, float(_FINEST_OUTPUT))
    for links in neurons.links:
        unit, most = source_of(assembly, links)
        rows = np.repeat(np.arange(neurons.rows), np.diff(links.ptr))
        reach = reach + np.bincount(rows, np.abs(links.weights[:, 0]) * unit * most, neurons.rows)
    # At least 16 bits of every output matter, however small its unit.
    bits = np.maximum(np.floor(np.log2(2.0**16 / np.maximum(reach, 1e-30))), np.minimum(finest, 0))
    bits = np.where(np.log2(np.maximum(reach, 1e-30)) > 10, bits, np.maximum(bits, finest))
    bits = np.minimum(bits, np.floor(np.log2(2.0**29 / np.maximum(reach, 1e-30))))
    assembly.output_bits = tuple(int(b) for b in bits)
    unit = 2.0**-bits
    limit = np.array(2**31 - 1)
    assembly.slots[OUTPUT] = Slot(neurons.rows, "int32", "output", 1.0, -limit, limit)
    trace = Recorder()
    stores = ((OUTPUT, trace.total(0).at),)
    base, links_made = fitted_base(assembly, neurons, (unit,)), fitted_links(assembly, neurons, (unit,))
    assembly.add(Block(neurons.name, neurons.rows, base, links_made, tuple(trace.nodes), stores))


def _average(assembly: Assembly, neurons: Neurons, finish: Average) -> None:
    """Running mean with 14 bits more than what it is the mean of."""
    source = assembly.slots[assembly.reads(neurons.links[0].source)]
    limit = largest(source.low, source.high)
    wide = np.array(limit * 2**_AVERAGE_BITS)
    size, most = neurons.rows, 2**30
    assembly.slots[finish.count] = Slot(1, "int32", "state", 1.0, np.array(0), np.array(most))
    assembly.slots[finish.mean] = Slot(size, "int32", "state", source.unit / 2**_AVERAGE_BITS, -wide, wide)
    assembly.slots[f"{finish.mean}_top"] = Slot(size, "int16", "work", source.unit, np.array(-32768), np.array(32767))
    trace = Recorder()
    count = (trace.load(finish.count) + 1).clip(1, most)
    assembly.add(Block("tally", 1, (), (), tuple(trace.nodes), ((finish.count, count.at),)))
    trace = Recorder()
    value = trace.total(0) * 2**_AVERAGE_BITS
    mean = trace.node("average", trace.load(finish.mean), value, trace.scalar(finish.count))
    top = mean.half_up(_AVERAGE_BITS).clip(-32768, 32767)
    base, links = fitted_base(assembly, neurons, (source.unit,)), fitted_links(assembly, neurons, (source.unit,))
    stores = ((finish.mean, mean.at), (f"{finish.mean}_top", top.at))
    assembly.add(Block(neurons.name, neurons.rows, base, links, tuple(trace.nodes), stores))
