"""The NumPy twin of the exported C: the same program read by arrays instead of by a compiler, equal bit for bit.

Integers run in int64, in which nothing overflows; that nothing would overflow in the C either is what `check.py`
proves. Floats run in float32, sums in the order of the C.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from caudal.errors import ShapeError, TimeError
from caudal.export.program.arithmetic import FLOAT_OPS, INT_OPS, elapsed, float_lookup, half_up, lookup
from caudal.export.program.program import Block, Link, Program
from caudal.typing import Array

# Values between -CAP and CAP: how far the resistance of a very short step is followed.
State = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Twin:
    """A program that runs on arrays, many series at once.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.export.program.lower_fixed import lower_fixed
        >>> from caudal.nn import LTC
        >>> twin = Twin(lower_fixed(describe(LTC(2, 3))))
        >>> y = twin.run(np.zeros((4, 5, 2)))
        >>> y.shape
        (4, 5, 3)
    """

    program: Program

    def start(self, batch: int = 1) -> State:
        """State before the first step: zeros."""
        kind = np.float32 if self.program.is_float else np.int64
        return {name: np.zeros((batch, slot.size), kind) for name, slot in self.program.states().items()}

    def inputs(self, x: ArrayLike) -> Array:
        """Inputs in the user's units `(..., inputs)` as the C takes them: float32, or integers rounded to nearest."""
        x = np.asarray(x, np.float64)
        if x.shape[-1:] != (len(self.program.names),):
            fault = f"has shape {x.shape}; the last axis holds the {len(self.program.names)} inputs"
            raise ShapeError("Twin", "x", fault, "Pass `(batch, time, inputs)`.")
        if self.program.is_float:
            return x.astype(np.float32)
        scaled = np.clip(x * 2.0 ** np.array(self.program.input_bits), -(2**31), 2**31 - 1)
        return np.floor(scaled + 0.5).clip(-(2**31), 2**31 - 1).astype(np.int64)

    def times(self, dt: ArrayLike) -> Array:
        """Elapsed times in the user's unit as the C takes them: float32, or unsigned integers."""
        dt = np.asarray(dt, np.float64)
        if not (dt >= 0).all():
            raise TimeError("Twin", "dt", "is negative or NaN", "Pass times since the previous step.")
        if self.program.is_float:
            return dt.astype(np.float32)
        return np.minimum(np.floor(dt * 2.0**self.program.clock.bits + 0.5), 2**32 - 1).astype(np.int64)

    def outputs(self, y: Array) -> Array:
        """Answers of the C in the user's units, float64."""
        return (
            np.asarray(y / 2.0 ** np.array(self.program.output_bits)) if not self.program.is_float else y.astype(float)
        )

    def run(self, x: ArrayLike, dt: ArrayLike | None = None, state: State | None = None) -> Array:
        """Answers at every step `(batch, time, outputs)` for inputs `(batch, time, inputs)` in the user's units.

        Arguments:
            dt: elapsed times `(batch, time)`; 1 when left out.
        """
        raw = self.inputs(x)
        times = self.times(np.ones(raw.shape[:2]) if dt is None else dt)
        state = self.start(len(raw)) if state is None else state
        answers = []
        for t in range(raw.shape[1]):
            y, state = self.step(raw[:, t], times[:, t], state)
            answers.append(y)
        return self.outputs(np.stack(answers, 1))

    def step(self, x: Array, dt: Array, state: State) -> tuple[Array, State]:
        """One step on numbers as the C takes them: `x (batch, inputs)`, `dt (batch,)`."""
        program = self.program
        kind = np.float32 if program.is_float else np.int64
        memory = {name: np.zeros((len(x), slot.size), kind) for name, slot in program.slots.items()}
        memory.update({name: part.copy() for name, part in state.items()})
        memory["x"] = x.astype(kind)
        memory.update(elapsed(program, dt))
        for step in program.steps:
            for _ in range(step.times):
                before = {state: memory[state] for _, state in step.commit}
                if step.block is not None:
                    _run(program, step.block, memory)
                for source, name in step.commit:
                    memory[name] = memory[source].copy()
                    if step.only_moving:
                        memory[name] = np.where(memory["dt"] > 0, memory[name], before[name])
        return memory["y"], {name: memory[name] for name in state}


def _run(program: Program, block: Block, memory: State) -> None:
    spans = block.spans or (0, block.rows)
    for first, end in pairwise(spans):
        rows = slice(first, end)
        values: list[Array] = []
        totals = _totals(program, block, memory, rows)
        operations = FLOAT_OPS if program.is_float else INT_OPS
        for node in block.nodes:
            args = [values[k] for k in node.args]
            if node.op == "total":
                value = totals[int(node.values[0])]
            elif node.op == "imm":
                value = np.array([[node.values[0]]]).astype(np.float32 if program.is_float else np.int64)
            elif node.op == "const":
                constant = program.constants[node.name][rows][None]
                value = constant if program.is_float else constant.astype(np.int64)
            elif node.op == "load":
                value = memory[node.name][:, rows]
            elif node.op == "scalar":
                value = memory[node.name][:, :1]
            elif node.op == "table":
                value = _table(program, node.name, args[0])
            else:
                value = operations[node.op](*args, *node.values)
            values.append(value)
        for name, at in block.stores:
            target = memory[name]
            target[:, rows] = np.broadcast_to(values[at], target[:, rows].shape)


def _table(program: Program, name: str, z: Array) -> Array:
    if not program.is_float:
        return lookup(program.tables[name], z)
    return float_lookup(name, program.tables, z)


def _totals(program: Program, block: Block, memory: State, rows: slice) -> list[Array]:
    """Accumulators `(batch, rows)` of each channel."""
    totals = []
    for name in block.base:
        start = program.constants[name][None] if name in program.constants else memory[name]
        batch = len(next(iter(memory.values())))
        kind = np.float32 if program.is_float else np.int64
        totals.append(np.broadcast_to(start[:, rows], (batch, rows.stop - rows.start)).astype(kind))
    for link in block.links:
        _gather(program, link, memory, rows, totals)
    return totals


def _gather(program: Program, link: Link, memory: State, rows: slice, totals: list[Array]) -> None:
    counts = program.constants[link.counts].astype(np.int64)
    ends = np.concatenate([[0], counts.cumsum()])
    first, last = int(ends[rows.start]), int(ends[rows.stop])
    size = memory[link.source].shape[1]
    index = program.constants[link.index] if link.index else np.tile(np.arange(size), len(counts))
    value = memory[link.source][:, index[first:last].astype(np.int64)]
    gate = value
    if link.gate is not None:
        gate = _gated(program, link, value, slice(first, last))
    rank: Callable[[], Array] = lambda: np.arange(first, last) - np.repeat(ends[:-1][rows], counts[rows])  # noqa: E731
    row = np.repeat(np.arange(rows.stop - rows.start), counts[rows])
    for k, name in enumerate(link.weights):
        if not name:
            continue
        seen = gate if link.takes_gate[k] else value
        weight = program.constants[name][first:last]
        if program.is_float:
            _add_in_order(totals[k], seen * weight, row, rank())
            continue
        brought = _row_sums(seen * weight.astype(np.int64), counts[rows])
        shift = program.constants[link.shift[k]][rows].astype(np.int64) if link.shift and link.shift[k] else 0
        totals[k] += half_up(brought, shift)


def _row_sums(product: Array, counts: Array) -> Array:
    """Sums of what the synapses of each row bring: `(batch, synapses)` to `(batch, rows)`."""
    sums = np.zeros((len(product), len(counts)), np.int64)
    busy = counts > 0
    if busy.any():
        starts = np.concatenate([[0], counts[busy].cumsum()[:-1]])
        sums[:, busy] = np.add.reduceat(product, starts, axis=1)
    return sums


def _add_in_order(total: Array, product: Array, row: Array, rank: Array) -> None:
    for k in range(int(rank.max(initial=-1)) + 1):
        here = rank == k
        total[:, row[here]] += product[:, here]


def _gated(program: Program, link: Link, value: Array, part: slice) -> Array:
    if link.gate is None:
        return value
    slope, offset = (program.constants[name][part] for name in (link.gate.slope, link.gate.offset))
    if program.is_float:
        return float_lookup(link.gate.table, program.tables, slope * value + offset)
    z = ((slope.astype(np.int64) * value) >> link.gate.shift) + offset.astype(np.int64)
    return lookup(program.tables[link.gate.table], z)
