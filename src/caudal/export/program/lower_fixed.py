"""From a plan to a program of integers: which unit each vector has, and how inputs and time come in."""

import math

import numpy as np

from caudal.errors import InputError
from caudal.export.plan.plan import ELAPSED, INPUT, OUTPUT, Commit, Neurons, Plan, Retain, Substeps, Vector
from caudal.export.program.assemble import INPUT_SCALED, Assembly, is_scaled, neurons_of, reads_elapsed, relaxing
from caudal.export.program.fixed_finish import finish_block
from caudal.export.program.fixed_relax import relax_block, relax_slots
from caudal.export.program.program import Block, Clock, Program, ProgramStep, Slot
from caudal.export.program.trace import Recorder

_INT32 = (-(2**31), 2**31 - 1)


def lower_fixed(plan: Plan, dtype: str = "int16", *, wide: bool = False) -> Program:
    """The program of a plan in integers: weights of `dtype`, states of 16 bits, or of 32 where `wide`.

    Raises:
        InputError: a weight or a scale is too large for the format.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.nn import LTC
        >>> plan = describe(LTC(3, 4))
        >>> lower_fixed(plan).state_bytes(), lower_fixed(plan, wide=True).state_bytes()
        (8, 16)
    """
    assembly = Assembly(plan, dtype, wide)
    sums = {out for n, _ in neurons_of(plan) if isinstance(n.finish, Retain) for out in n.finish.outs}
    for vector in plan.vectors.values():
        if vector.name not in sums:
            _slot(assembly, vector)
    assembly.slots["dt"] = Slot(1, "int32", "scalar", 2.0**-20, np.array(0), np.array(2**31 - 1))
    if relaxing(plan):
        assembly.slots["inverse"] = Slot(1, "int32", "scalar", 1.0, np.array(2**15), np.array(2**16))
        assembly.slots["exponent"] = Slot(1, "int32", "scalar", 1.0, np.array(0), np.array(30))
    _elapse(assembly)
    _scale(assembly)
    _tops(assembly)
    for stage in plan.stages:
        if isinstance(stage, Commit):
            assembly.steps[-1] = ProgramStep(assembly.steps[-1].block, commit=((stage.source, stage.state),))
        elif isinstance(stage, Substeps):
            relax_block(assembly, stage)
        elif isinstance(stage, Neurons):
            finish_block(assembly, stage)
    return assembly.program(_clock(plan))


def _slot(assembly: Assembly, vector: Vector) -> None:
    name, bound = vector.name, max(vector.bound, 1e-6)
    if name == INPUT:
        assembly.slots[name] = Slot(vector.size, "int32", "input", 1.0, np.array(_INT32[0]), np.array(_INT32[1]))
    elif name == OUTPUT or vector.is_memory:
        return  # their units depend on who fills them
    elif name == ELAPSED:
        if reads_elapsed(assembly.plan):
            assembly.slots[name] = Slot(1, "int16", "work", 2.0**-11, np.array(0), np.array(32767))
    elif name in {part.state for part in relaxing(assembly.plan)}:
        relax_slots(assembly, vector)
    else:
        bits = math.floor(math.log2(32768 / bound) + 1e-9)
        role = "state" if vector.is_state else "work"
        limit = min(32767, math.ceil(bound * 2.0**bits))
        low, high = np.array(-limit - 1), np.array(limit)
        assembly.slots[name] = Slot(vector.size, "int16", role, 2.0**-bits, low, high)  # type: ignore[arg-type]


def _elapse(assembly: Assembly) -> None:
    if ELAPSED not in assembly.slots:
        return
    trace = Recorder()
    value = trace.scalar("dt").floor(9).clip(0, 32767)
    assembly.add(Block("elapse", 1, (), (), tuple(trace.nodes), ((ELAPSED, value.at),)))


def _scale(assembly: Assembly) -> None:
    """Inputs in the caller's integers to int16 in the network's scale, clamped at the input range."""
    plan, size = assembly.plan, assembly.plan.inputs
    bits = math.floor(math.log2(32768 / plan.vectors[INPUT].bound) + 1e-9)
    assembly.slots[INPUT_SCALED] = Slot(size, "int16", "work", 2.0**-bits, np.array(-32768), np.array(32767))
    trace = Recorder()
    if not is_scaled(plan):
        assembly.input_bits = (bits,) * size
        value = trace.load(INPUT).clip(-32768, 32767)
    else:
        mean, std = np.array(plan.scaling.mean), np.array(plan.scaling.std)
        # The caller's unit is a power of two with std between 2**(bits - 1) and 2**bits of them.
        finer = np.floor(bits - np.log2(std)).astype(np.int64)
        centre = np.floor(mean * 2.0**finer + 0.5)
        if (np.abs(centre) > 2**30).any():
            k = int(np.abs(centre).argmax())
            fault = f"scales {plan.scaling.names[k]!r} with mean {mean[k]:g} and deviation {std[k]:g}"
            raise InputError("export", "encoder", fault, "Subtract an offset from this input before training.")
        assembly.input_bits = tuple(int(b) for b in finer)
        middle = centre.astype(np.int64)
        factor = np.floor(2.0 ** (bits + 13) / (std * 2.0**finer) + 0.5).astype(np.int64)
        low = trace.constant(assembly.constant("input_low", (middle - 32768).astype(np.int32)))
        high = trace.constant(assembly.constant("input_high", (middle + 32767).astype(np.int32)))
        clipped = trace.node("clip_const", trace.load(INPUT), low, high)
        centred = clipped - trace.constant(assembly.constant("input_mean", middle.astype(np.int32)))
        scaled = centred * trace.constant(assembly.constant("input_factor", factor.astype(np.int16)))
        value = scaled.half_up(13).clip(-32768, 32767)
    assembly.add(Block("scale", size, (), (), tuple(trace.nodes), ((INPUT_SCALED, value.at),)))


def _tops(assembly: Assembly) -> None:
    """The upper halves of wide states, which gates and outputs read."""
    for name in dict.fromkeys(part.state for part in relaxing(assembly.plan)):
        if not assembly.wide:
            continue
        trace = Recorder()
        value = trace.load(name).half_up(16).clip(-32768, 32767)
        assembly.add(
            Block(f"top_{name}", assembly.slots[name].size, (), (), tuple(trace.nodes), ((f"{name}_top", value.at),))
        )


def _clock(plan: Plan) -> Clock:
    gap = plan.scaling.gap
    bits = math.floor(20 - math.log2(gap) + 1e-9)
    ratio = 2.0**20 / (gap * 2.0**bits)
    factor, shift = (1, 0) if ratio == 1 else (round(ratio * 2**29), 29)
    return Clock(bits, factor, shift, 1.0, math.ceil(plan.dt_min * 2**20))
