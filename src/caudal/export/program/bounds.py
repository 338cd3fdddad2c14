"""The independent checker of an export: whether the proof holds, and the C is what it is about.

It reads the folder alone. For integers it walks through the program with intervals (`intervals.py`): every
accumulator, at every partial sum, and every value on the way stays within 32 bits; every vector stays within what it
declares, the states from one step to the next. An input is taken to be anything that its C type holds, and the time
what the entry of the step makes of any 32 bits: what the file says of these is compared and never used. The cone of a
relaxing state is checked synapse by synapse, see `fixed_relax.py` for why it suffices.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from caudal.export.program.form import SCALARS
from caudal.export.program.intervals import (
    Broken,
    Span,
    down,
    fits,
    looked_up,
    minus,
    node_span,
    plus,
    product,
    span,
    whole,
)
from caudal.export.program.program import Block, Cone, Gate, Link, Node, Program, ProgramStep
from caudal.typing import Array

_TYPES = {"int16": (-(2**15), 2**15 - 1), "int32": (-(2**31), 2**31 - 1)}
# The smallest divisor for which a rounded quotient cannot leave the cone.
_LEAST_DIVISOR = 7


@dataclass(frozen=True, eq=False)
class ProgramBounds:
    """What the checker has established.

    Attributes:
        slots: span of each slot after the step.
        totals: span of each channel of each block.
        divisors: for each relaxing block, the conductance at least there, in units of the divisor.
    """

    slots: dict[str, Span]
    totals: dict[str, list[Span]]
    divisors: dict[str, Array]


def bounds(program: Program) -> ProgramBounds:
    """Walk through an integer program.

    Raises:
        Broken: something may leave its range; the message names block and value.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.export.program.lower_fixed import lower_fixed
        >>> from caudal.nn import LTC
        >>> found = bounds(lower_fixed(describe(LTC(2, 3))))
        >>> bool((found.slots["v"].high <= 32767).all())
        True
    """
    return _Walk(program).run()


class _Walk:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.slots: dict[str, Span] = {}
        self.totals: dict[str, list[Span]] = {}
        self.divisors: dict[str, Array] = {}
        self.cones: dict[tuple[str, str], Cone] = {}

    def run(self) -> ProgramBounds:
        for name, slot in self.program.slots.items():
            if slot.role in ("input", "scalar"):
                self.slots[name] = self._given(name)
            elif slot.role == "state":
                self.slots[name] = self._declared(name)
                if not ((self.slots[name].low <= 0) & (self.slots[name].high >= 0)).all():
                    raise Broken(f"the state {name} cannot start at 0")
        for step in self.program.steps:
            self._step(step)
        if "y" not in self.slots:
            raise Broken("no answer is written")
        return ProgramBounds(self.slots, self.totals, self.divisors)

    def _given(self, name: str) -> Span:
        """What a caller can pass, and what the entry of the step makes of any time, whatever the file declares."""
        slot = self.program.slots[name]
        given = span(*(_TYPES[slot.ctype] if slot.role == "input" else SCALARS[name]), slot.size)
        declared = self._declared(name)
        if (declared.low != given.low).any() or (declared.high != given.high).any():
            raise Broken(f"{name} declares another range than its type")
        return given

    def _step(self, step: ProgramStep) -> None:
        known = set(self.slots)
        stored = {name for name, _ in step.block.stores} if step.block is not None else set()
        if step.times > 1:  # a later repetition reads what an earlier one has left, which stays as declared
            for name in stored & known:
                self.slots[name] = self._declared(name)
        if step.block is not None:
            try:
                self._block(step.block)
            except Broken as fault:
                raise Broken(f"{step.block.name}: {fault}") from fault
        for source, name in step.commit:
            self._within(name, self._written(source))
            self.slots[name] = self._declared(name)
        if step.only_moving:  # where no time has passed, nothing was written
            written = stored | {name for _, name in step.commit}
            for name in written & known:
                self.slots[name] = self._declared(name)
            for name in written - known:
                del self.slots[name]
            self._forget(written)

    def _written(self, name: str) -> Span:
        if name not in self.slots:
            raise Broken(f"{name} is read before it is written")
        return self.slots[name]

    def _forget(self, written: set[str]) -> None:
        self.cones = {names: cone for names, cone in self.cones.items() if not written & set(names)}

    def _declared(self, name: str) -> Span:
        slot = self.program.slots[name]
        if slot.low is None or slot.high is None:
            raise Broken(f"{name} declares no range")
        declared = span(slot.low, slot.high, slot.size)
        least, most = _TYPES[slot.ctype]
        if (declared.low < least).any() or (declared.high > most).any():
            raise Broken(f"{name} declares more than its type holds")
        return declared

    def _within(self, name: str, reached: Span) -> None:
        declared = self._declared(name)
        if (reached.low < declared.low).any() or (reached.high > declared.high).any():
            raise Broken(f"{name} may leave the range it declares")

    def _block(self, block: Block) -> None:
        stored = {name for name, _ in block.stores}
        for name in stored:
            if block.spans and name not in self.slots:
                self.slots[name] = self._declared(name)
        self._forget(stored)
        totals = [self._base(block, name) for name in block.base]
        for link in block.links:
            self._ordered(block, link, stored)
            totals = self._gathered(block, link, totals)
        self.totals[block.name] = totals
        if block.cone is not None:
            self._check_cone(block, block.cone)
        values: list[Span] = []
        for node in block.nodes:
            values.append(self._node(block, node, values, totals))
        for name, at in block.stores:
            self._within(name, values[at])
            self.slots[name] = values[at]

    def _base(self, block: Block, name: str) -> Span:
        if name in self.program.constants:
            return span(self.program.constants[name], self.program.constants[name], block.rows)
        return self._written(name)

    def _ordered(self, block: Block, link: Link, stored: set[str]) -> None:
        """A row may read what its own block writes only from rows of earlier groups."""
        if link.source not in stored:
            return
        if not block.spans or not link.index:
            raise Broken(f"a link reads {link.source} while it is written")
        counts = self.program.constants[link.counts].astype(np.int64)
        starts = np.repeat(block.spans[:-1], np.diff(block.spans))
        if (self.program.constants[link.index] >= np.repeat(starts, counts)).any():
            raise Broken(f"a link reads {link.source} before it is written")

    def _gathered(self, block: Block, link: Link, totals: list[Span]) -> list[Span]:
        program, source = self.program, self._written(link.source)
        counts = program.constants[link.counts].astype(np.int64)
        size = program.slots[link.source].size
        index = program.constants[link.index].astype(np.int64) if link.index else np.tile(np.arange(size), len(counts))
        if len(counts) != block.rows or counts.sum() != len(index) or (len(index) and index.max() >= size):
            raise Broken("a link reads beyond its source")
        value = Span(source.low[index], source.high[index])
        gate = value if link.gate is None else self._gate(link.gate, value)
        sums = list(totals)
        for k, name in enumerate(link.weights):
            if name:
                seen = gate if link.gate is not None and link.takes_gate[k] else value
                shift = link.shift[k] if link.shift else ""
                sums[k] = self._sum(totals[k], seen, program.constants[name], counts, shift)
        return sums

    def _sum(self, base: Span, seen: Span, weights: Array, counts: Array, shift: str) -> Span:
        """Sum per row, every partial sum included."""
        rows = np.repeat(np.arange(len(counts)), counts)
        weight = whole(weights, len(weights))
        brought = product(Span(weight, weight), seen) if len(weights) else Span(weight, weight)
        low, high, most = (np.array([0] * len(counts), object) for _ in range(3))
        for ends, sums in ((brought.low, low), (brought.high, high), (brought.most, most)):
            np.add.at(sums, rows, ends)
        if not shift:
            fits("an accumulator", -(base.most + most), base.most + most)
            return Span(base.low + low, base.high + high)
        bits = whole(self.program.constants[shift], len(counts))
        half = np.array([(1 << int(b)) >> 1 for b in bits], object)
        fits("an accumulator", -most, most + half)
        total = plus(base, Span((low + half) >> bits, (high + half) >> bits))
        fits("a sum", total.low, total.high)
        return total

    def _gate(self, gate: Gate, value: Span) -> Span:
        slope, offset = (whole(self.program.constants[name], len(value.low)) for name in (gate.slope, gate.offset))
        if not len(value.low):
            return value
        moved = product(Span(slope, slope), value)
        fits("a gate's product", moved.low, moved.high)
        z = plus(down(moved, gate.shift), Span(offset, offset))
        fits("a gate's argument", z.low, z.high)
        return looked_up(self.program.tables[gate.table], z)

    def _check_cone(self, block: Block, cone: Cone) -> None:
        low, high = whole(cone.low, block.rows), whole(cone.high, block.rows)
        names = block.base[cone.den], block.base[cone.num]
        if names[0] in self.program.constants:
            self._inside(
                whole(self._held(names[0]), block.rows), whole(self._held(names[1]), block.rows), low, high, cone
            )
        elif self.cones.get(names) is None or not _same(self.cones[names], cone):
            raise Broken("the held sums have another cone")
        for link in block.links:
            if link.gate is None or not all(link.takes_gate[k] for k in (cone.den, cone.num)):
                raise Broken("a link of a cone has no gate")
            if any(link.shift[k] for k in (cone.den, cone.num) if link.shift):
                raise Broken("a link of a cone is shifted")
            if (self.program.tables[link.gate.table] < 0).any():
                raise Broken("a gate may be negative")
            rows = np.repeat(np.arange(block.rows), self.program.constants[link.counts].astype(np.int64))
            den, num = (whole(self._held(link.weights[k]), len(rows)) for k in (cone.den, cone.num))
            self._inside(den, num, low[rows], high[rows], cone)
        outs = {int(block.nodes[at].values[0]): name for name, at in block.stores if block.nodes[at].op == "total"}
        if cone.den in outs and cone.num in outs:
            self.cones[(outs[cone.den], outs[cone.num])] = cone

    def _held(self, name: str) -> Array:
        return self.program.constants[name] if name else np.zeros(1, np.int64)

    @staticmethod
    def _inside(den: Array, num: Array, low: Array, high: Array, cone: Cone) -> None:
        scaled = num * 2**cone.bits
        if (den < 0).any() or (scaled < low * den).any() or (scaled > high * den).any():
            raise Broken("a synapse pulls beyond the range of the state")

    def _node(self, block: Block, node: Node, values: list[Span], totals: list[Span]) -> Span:
        args = [values[k] for k in node.args]
        if node.op == "total":
            return totals[int(node.values[0])]
        if node.op == "const":
            return span(self.program.constants[node.name], self.program.constants[node.name], block.rows)
        if node.op in ("load", "scalar"):
            written = self._written(node.name)
            is_scalar = len(written.low) == 1 or node.op == "scalar"
            return span(written.low[0], written.high[0], block.rows) if is_scalar else written
        if node.op == "relax":
            return self._relax(block, node, args)
        if node.op == "relax_wide":
            self._force(node, args, 16)
            return span(int(node.values[2]), int(node.values[3]), block.rows)
        return node_span(self.program, node, args, block.rows)

    def _force(self, node: Node, args: list[Span], extra: int) -> tuple[Span, Span]:
        """Force and divisor, and that nothing on the way overflows."""
        v, num, den, c, *gain = args
        bits, drop = int(node.values[0]), int(node.values[1])
        lift = max(0, bits - drop)
        if (den.low < 0).any() or (den.high >= 2**30).any() or not 0 <= bits - lift <= 15:
            raise Broken("a conductance leaves 0 to 2**30, or its shift 0 to 15")
        if extra == 0:
            upper = ((den.high >> 15) * v.most) * 2 ** (15 - (bits - lift))
            fits("a product of state and conductance", -upper - v.most * 32768, upper + v.most * 32768)
        moved = down(product(den, v), bits + extra - lift)
        raised = Span(num.low * 2**lift, num.high * 2**lift)
        force = minus(raised, moved)
        for what in (raised, moved, force):
            fits("a force", what.low - 1, what.high)  # its size is taken, which -2**31 has none of
        pull = den
        if gain:
            if (gain[0].low < 0).any() or (gain[0].high > 32768).any():
                raise Broken("a gain leaves 0 to 1")
            force, pull = down(product(force, gain[0]), 15), down(product(den, gain[0]), 15)
        below = plus(c, down(pull, drop))
        below = Span(below.low + 1, below.high + 1)
        fits("a divisor", below.low, below.high)
        if (below.low < 1).any():
            raise Broken("a divisor may be 0")
        return force, below

    def _relax(self, block: Block, node: Node, args: list[Span]) -> Span:
        v, num, den, *_ = args
        bits = int(node.values[0])
        _, below = self._force(node, args, 0)
        if (below.low < _LEAST_DIVISOR).any():
            raise Broken(f"a divisor may be as low as {int(below.low.min())}, which may round beyond the cone")
        self.divisors[block.name] = np.maximum(den.low >> int(node.values[1]), 1)
        cone = block.cone
        if cone is not None and self._is_cone_of(block, node, cone):
            inside = (whole(cone.low, block.rows) >= v.low) & (whole(cone.high, block.rows) <= v.high)
        else:
            scaled = Span(num.low * 2**bits, num.high * 2**bits)
            inside = (den.low > 0) & (v.low <= 0) & (v.high >= 0)
            inside &= (scaled.high <= v.high * den.low) & (scaled.low >= v.low * den.low)
        if not inside.all():
            raise Broken("a state is pulled beyond its range")
        return v

    @staticmethod
    def _is_cone_of(block: Block, node: Node, cone: Cone) -> bool:
        """Whether the node relaxes towards the very channels of the cone, within its own state."""
        num, den = block.nodes[node.args[1]], block.nodes[node.args[2]]
        same = int(node.values[0]) == cone.bits and num.op == den.op == "total"
        return same and (int(num.values[0]), int(den.values[0])) == (cone.num, cone.den)


def _same(cone: Cone, other: Cone) -> bool:
    return replace(cone, den=other.den, num=other.num) == other


# Widest dead band that counts as usable, as a share of the range of the state.
TOLERANCE = 0.005


def dead_band(program: Program, limits: ProgramBounds, dt: float) -> float:
    """Widest dead band at an elapsed time in typical gaps, as a share of the state's range; 0 where nothing relaxes.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.export.program.lower_fixed import lower_fixed
        >>> from caudal.nn import LTC
        >>> program = lower_fixed(describe(LTC(2, 3)))
        >>> found = bounds(program)
        >>> dead_band(program, found, 0.01) > 5 * dead_band(program, found, 0.1)
        True
    """
    return max((_band(program, limits, block, dt) for block in program.blocks()), default=0.0)


def _band(program: Program, limits: ProgramBounds, block: Block, dt: float) -> float:
    node = next((node for node in block.nodes if node.op in ("relax", "relax_wide")), None)
    if node is None:
        return 0.0
    resist = block.nodes[node.args[3]]
    if block.nodes[resist.args[1]].op == "imm":  # an event lasts as long as it lasts
        dt = 1.0
    name = block.nodes[resist.args[0]].name
    c = program.constants[name].astype(np.float64) * 2.0 ** (26 - resist.values[0]) / dt
    state = next(slot for slot, _ in block.stores)
    low, high = (np.asarray(end, np.float64) for end in (program.slots[state].low, program.slots[state].high))
    # The gain of an elastance cancels in the quotient of force and conductance.
    units = 0.5 * (1 + c / limits.divisors[block.name].astype(np.float64))
    return float((units / np.maximum(high - low, 1.0)).max())


def shortest(program: Program, limits: ProgramBounds) -> float:
    """The shortest usable elapsed time in typical gaps."""
    if dead_band(program, limits, 1e6) > TOLERANCE:
        return math.inf
    low, high = 1e-9, 1e6
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if dead_band(program, limits, middle) <= TOLERANCE else (middle, high)
    return high if high > 2e-9 else 0.0
