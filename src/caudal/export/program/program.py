"""The exported step in machine terms: vectors of a C type, constants, and blocks that loop over rows.

A program has four readings that must agree: C (`c/source.py`), NumPy (`twin.py`), bounds (`bounds.py`) and JSON
(`form.py`), in which it travels inside `proof.json`. It holds nothing but numbers and names, and what is read from a
file passes the patterns and sizes of `form.py` before anything else looks at it.

A `Block` runs, for each row: start every accumulator from its base; for each link add `weight * value`, where the value
is the source's element or the gate of it; shift what the links brought by the link's shift, rounding half up; then
evaluate the nodes in order and store. Nodes are in single-assignment form: arguments are positions of earlier nodes.
"""

import re
from dataclasses import dataclass
from typing import Literal

from caudal import limits
from caudal.typing import Array

Role = Literal["input", "output", "state", "work", "scalar"]

# The only text of a user that a program carries: no sign that ends a comment, a cell of a table or a line.
_UNSAFE = re.compile(r"""[*/\\?|`<>"']""")
# Intervals of a table, and the half-width of its argument in integers: every table covers an int16.
INTERVALS, HALF = 256, 32768


@dataclass(frozen=True, eq=False)
class Slot:
    """A vector in memory.

    Attributes:
        size: elements.
        ctype: "int16", "int32" or "float".
        role: where it lives; a scalar is passed by value.
        unit: what 1 stands for.
        low, high: what every element stays within, one number each or one per element; None for floats.
    """

    size: int
    ctype: str
    role: Role
    unit: float = 1.0
    low: Array | None = None
    high: Array | None = None


@dataclass(frozen=True, eq=False)
class Gate:
    """`table(((slope * value) >> shift) + offset)`, rounding down; `table(slope * value + offset)` for floats."""

    slope: str
    offset: str
    table: str
    shift: int = 0


@dataclass(frozen=True, eq=False)
class Link:
    """Synapses of one source, sorted by row.

    Attributes:
        source: the slot read.
        counts: constant, synapses of each row.
        index: constant, element read by each synapse; "" when every row reads the whole source in order.
        weights: constants, one per channel; "" where a channel receives nothing.
        takes_gate: of each channel, whether it receives the gate or the value.
        shift: of each channel a constant `(rows,)` of right shifts; "" for none.
        gate: or None.
    """

    source: str
    counts: str
    index: str
    weights: tuple[str, ...]
    takes_gate: tuple[bool, ...]
    shift: tuple[str, ...] = ()
    gate: Gate | None = None


@dataclass(frozen=True)
class Node:
    """One operation: a name, positions of its arguments, and what else it needs."""

    op: str
    args: tuple[int, ...] = ()
    name: str = ""
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Cone:
    """A claim: channel `num` times `2**bits` lies between `low` and `high` (slots' bounds per row) times `den`."""

    den: int
    num: int
    bits: int
    low: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that run alike; see the module.

    Attributes:
        base: per channel, the name of a constant or of a slot.
        stores: slot and position of the node whose value it takes.
        spans: as in `plan.Neurons`.
        cone: claim about two channels, or None.
    """

    name: str
    rows: int
    base: tuple[str, ...]
    links: tuple[Link, ...]
    nodes: tuple[Node, ...]
    stores: tuple[tuple[str, int], ...]
    spans: tuple[int, ...] = ()
    cone: Cone | None = None


@dataclass(frozen=True, eq=False)
class ProgramStep:
    """A block and how often it runs; `commit` copies slots into states afterwards, each time.

    Attributes:
        times: repetitions.
        only_moving: skipped when no time has elapsed.
    """

    block: Block | None
    times: int = 1
    commit: tuple[tuple[str, str], ...] = ()
    only_moving: bool = False


@dataclass(frozen=True)
class Clock:
    """How the caller's elapsed time becomes the program's.

    Attributes:
        bits: fraction bits of the caller's `dt` (integers only).
        factor, shift: `min((dt * factor) >> shift, 2**31 - 1)` is the time in typical gaps, 20 fraction bits.
        scale: for floats, multiplies `dt`.
        shortest: of the scaled time; below it the step still runs, and says so.
    """

    bits: int = 0
    factor: int = 1
    shift: int = 0
    scale: float = 1.0
    shortest: int = 0


@dataclass(frozen=True, eq=False)
class Program:
    """A whole step.

    Attributes:
        dtype: "float32", "int16" or "int8".
        layer: what was exported, in words.
        names: of the inputs.
        slots, constants, tables: by name; a table has `INTERVALS + 1` entries.
        input_bits, output_bits: fraction bits of each input and output (integers only).
        steps: in order.
    """

    dtype: str
    layer: str
    names: tuple[str, ...]
    slots: dict[str, Slot]
    constants: dict[str, Array]
    tables: dict[str, Array]
    input_bits: tuple[int, ...]
    output_bits: tuple[int, ...]
    clock: Clock
    steps: tuple[ProgramStep, ...]

    @property
    def is_float(self) -> bool:
        """Whether it computes in float32."""
        return self.dtype == "float32"

    def states(self) -> dict[str, Slot]:
        """Slots carried from step to step."""
        return {name: slot for name, slot in self.slots.items() if slot.role == "state"}

    def blocks(self) -> list[Block]:
        """Every block, in order."""
        return [step.block for step in self.steps if step.block is not None]

    def state_bytes(self) -> int:
        """Size of the numbers in the state."""
        return sum(slot.size * (2 if slot.ctype == "int16" else 4) for slot in self.states().values())


def label(text: str) -> str:
    """A name of an input or an answer as an export may carry it: printable, short, and unable to end a comment.

    Example:
        >>> label("pulse */ evil()"), label("presión|kPa")
        ('pulse __ evil()', 'presión_kPa')
    """
    return _UNSAFE.sub("_", "".join(sign if sign.isprintable() else "_" for sign in text))[: limits.NAME]
