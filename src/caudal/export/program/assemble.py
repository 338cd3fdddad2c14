"""What both lowerings share: slots, constants without repeats, links in table form, steps in order."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from caudal.export.plan.plan import INPUT, Conduct, Leak, Links, Neurons, Plan, Resist, Retain, Substeps
from caudal.export.program.arithmetic import SLOPES
from caudal.export.program.program import Block, Clock, Program, ProgramStep, Slot, label
from caudal.typing import Array


class Assembly:
    """A program in the making."""

    def __init__(self, plan: Plan, dtype: str, wide: bool = False) -> None:
        self.plan, self.dtype, self.wide = plan, dtype, wide
        self.slots: dict[str, Slot] = {}
        self.constants: dict[str, Array] = {}
        self.tables: dict[str, Array] = {}
        self.steps: list[ProgramStep] = []
        self.input_bits: tuple[int, ...] = ()
        self.output_bits: tuple[int, ...] = ()
        self.conducting: dict[str, Any] = {}

    def constant(self, stem: str, values: Array) -> str:
        """The name of a constant, of an equal one where there is one."""
        for name, array in self.constants.items():
            if array.dtype == values.dtype and np.array_equal(array, values):
                return name
        name = stem
        while name in self.constants:
            name += "_"
        self.constants[name] = values
        return name

    def shape(self, stem: str, links: Links) -> tuple[str, str]:
        """Constants with the counts per row and the index; no index where every row reads the whole source."""
        counts, size = np.diff(links.ptr), self.slots[self.reads(links.source)].size
        whole = (counts == size).all() and np.array_equal(links.index, np.tile(np.arange(size), len(counts)))
        index = "" if whole else self.constant(f"{stem}_index", _narrow(links.index))
        return self.constant(f"{stem}_count", _narrow(counts)), index

    def reads(self, vector: str) -> str:
        """The slot in which links find a vector."""
        for name in (f"{vector}_top", f"{vector}_scaled"):
            if name in self.slots:
                return name
        return vector

    def add(self, block: Block, **how: object) -> None:
        """The next block, without nodes that nothing stored depends on."""
        self.steps.append(ProgramStep(_pruned(block), **how))  # type: ignore[arg-type]

    def program(self, clock: Clock) -> Program:
        """All of it, without tables that nothing reads."""
        blocks = [step.block for step in self.steps if step.block is not None]
        read = {node.name for block in blocks for node in block.nodes if node.op == "table"}
        read |= {link.gate.table for block in blocks for link in block.links if link.gate is not None}
        if self.dtype == "float32":
            read |= {SLOPES[name] for name in read & SLOPES.keys()}
        self.tables = {name: table for name, table in self.tables.items() if name in read}
        names = tuple(map(label, self.plan.scaling.names))
        return Program(
            self.dtype,
            self.plan.layer,
            names,
            self.slots,
            self.constants,
            self.tables,
            self.input_bits,
            self.output_bits,
            clock,
            tuple(self.steps),
        )


def _pruned(block: Block) -> Block:
    live: set[int] = set()
    waiting = [at for _, at in block.stores]
    while waiting:
        at = waiting.pop()
        if at not in live:
            live.add(at)
            waiting += block.nodes[at].args
    order = {at: k for k, at in enumerate(sorted(live))}
    nodes = tuple(
        replace(block.nodes[at], args=tuple(order[arg] for arg in block.nodes[at].args)) for at in sorted(live)
    )
    return replace(block, nodes=nodes, stores=tuple((slot, order[at]) for slot, at in block.stores))


def _narrow(values: Array) -> Array:
    return values.astype(np.uint8 if values.size == 0 or values.max() < 256 else np.uint16)


def is_scaled(plan: Plan) -> bool:
    """Whether inputs have to be brought to the network's scale."""
    return any(plan.scaling.mean) or any(std != 1 for std in plan.scaling.std)


def neurons_of(plan: Plan) -> list[tuple[Neurons, int]]:
    """Every group of neurons with its number of sub-steps."""
    groups = []
    for stage in plan.stages:
        if isinstance(stage, Substeps):
            groups.append((stage.neurons, stage.count))
        elif isinstance(stage, Neurons):
            groups.append((stage, 1))
    return groups


def reads_elapsed(plan: Plan) -> bool:
    """Whether any neuron reads the elapsed time as a feature."""
    return any(links.source == "elapsed" for neurons, _ in neurons_of(plan) for links in neurons.links)


class Relaxing(NamedTuple):
    """Neurons that relax.

    Attributes:
        state: what they advance; under an event it is advanced twice in a step.
        sense: the neurons that hold their sensory sums.
        neurons, substeps: themselves, and how often they run.
    """

    state: str
    sense: Neurons
    neurons: Neurons
    substeps: int


def relaxing(plan: Plan) -> list[Relaxing]:
    """All neurons that relax, in order."""
    return [
        Relaxing(neurons.finish.state, holder_of(plan, neurons.base[0]), neurons, count)
        for neurons, count in neurons_of(plan)
        if isinstance(neurons.finish, Conduct | Leak | Resist) and isinstance(neurons.base, tuple)
    ]


def holder_of(plan: Plan, vector: str) -> Neurons:
    """The neurons that fill a held vector."""
    return next(
        neurons
        for neurons, _ in neurons_of(plan)
        if isinstance(neurons.finish, Retain) and vector in neurons.finish.outs
    )


INPUT_SCALED = f"{INPUT}_scaled"
