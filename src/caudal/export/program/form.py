"""The form of a program that comes from a file: patterns for its texts, bounds for its sizes, one place for each part.

What passes here can be written as C whose names are identifiers, whose loops stay within their arrays and whose shifts
are defined, and be followed by the twin and the checker in bounded work. Whether its integers stay in range is the
checker's affair.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from caudal import limits
from caudal.errors import FileFormatError
from caudal.export.program.program import (
    INTERVALS,
    Block,
    Clock,
    Cone,
    Gate,
    Link,
    Node,
    Program,
    ProgramStep,
    Slot,
    label,
)
from caudal.typing import Array

INT32 = (-(2**31), 2**31 - 1)
LAYER = re.compile(r"[A-Za-z0-9_(),=.' -]{1,60000}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
# Names that the writer of the C gives to variables of its own, and the words of C and C++ that begin as a name does.
_TAKEN = re.compile(
    r"[ik]|[tns]\d+|[wq]\d+\w*|value|left|gate|state|status|scaled|near|dt_raw|auto|break|case|char|const|continue|default|"
    r"do|double|else|enum|extern|float|for|goto|if|inline|int|long|register|restrict|return|short|signed|sizeof|static|"
    r"struct|switch|typedef|union|unsigned|void|volatile|while|and|asm|bool|catch|class|delete|explicit|export|false|"
    r"friend|mutable|namespace|new|not|operator|or|private|protected|public|template|this|throw|true|try|typeid|"
    r"typename|using|virtual|xor|u?int\w*_t"
)
_TYPES = {"float32": ("float",), "int16": ("int16", "int32"), "int8": ("int16", "int32")}
_ROLES = ("input", "output", "state", "work", "scalar")
# The elapsed time, and its reciprocal, as the entry of every step computes them: never what a file says of them.
SCALARS = {"dt": (0, 2**31 - 1), "inverse": (2**15, 2**16), "exponent": (0, 30)}
_WHOLE = ("int8", "int16", "int32", "uint8", "uint16")
_TABLES = {
    "float32": ("sigmoid", "softplus", "decay", "rise", "phi", "density"),
    "int16": ("sigmoid", "log1p", "decay", "chord", "phi"),
}
# Blocks, and blocks times repetitions, that a step may run; nodes of a block; synapses in all.
_BLOCKS, _RUNS, _NODES, _SYNAPSES = 3_000, 20_000, 1_000, 16 * limits.WEIGHTS


class Misfit(Exception):  # noqa: N818  # becomes a FileFormatError at the door
    """What does not have the form of a program, as a clause."""


class _Op(NamedTuple):
    """What a node of an operation holds: how many arguments, which values within which bounds, what its name names."""

    args: tuple[int, ...]
    values: tuple[tuple[int, int], ...] = ()
    named: str = ""


_ANY: dict[str, _Op] = {
    "total": _Op((0,), ((0, 255),)),
    "const": _Op((0,), named="constants"),
    "load": _Op((0,), named="slots"),
    "scalar": _Op((0,), named="slots"),
    "table": _Op((1,), named="tables"),
    "add": _Op((2,)),
    "sub": _Op((2,)),
    "mul": _Op((2,)),
    "abs": _Op((1,)),
}
_OF_FLOATS: dict[str, _Op] = {**_ANY, "imm": _Op((0,), (INT32,)), "div": _Op((2,)), "relu": _Op((1,))}
_OF_INTEGERS: dict[str, _Op] = {
    **_ANY,
    "imm": _Op((0,), (INT32,)),
    "clip": _Op((1,), (INT32, INT32)),
    "clip_const": _Op((3,)),
    "rnd": _Op((1,), ((1, 30),)),
    "shr": _Op((1,), ((0, 31),)),
    "mulsh": _Op((2,), ((0, 62),)),
    "mulsat": _Op((2,), ((0, 62), (0, INT32[1]))),
    "mulmost": _Op((2,), ((0, 62), (0, INT32[1]))),
    "at_unit": _Op((3,)),
    "blend": _Op((3,)),
    "blend_wide": _Op((3,)),
    "average": _Op((3,)),
    "resist": _Op((3,), ((0, 62),)),
    "relax": _Op((4, 5), ((0, 30), (0, 30))),
    "relax_wide": _Op((4, 5), ((0, 30), (0, 30), INT32, INT32)),
}


def program_of(stated: object) -> Program:
    """The program of a JSON value.

    Raises:
        Misfit: it is none; the message names the part.
    """
    entries = _fields("program", stated, Program)
    dtype = _among("dtype", entries["dtype"], tuple(_TYPES))
    if not isinstance(entries["layer"], str) or not LAYER.fullmatch(entries["layer"]):
        raise Misfit("`layer` is no description of a layer")
    program = Program(
        dtype,
        entries["layer"],
        tuple(_label(name) for name in _list("names", entries["names"], limits.ELEMENTS)),
        {_named("slots", name): _slot(name, slot, dtype) for name, slot in _object("slots", entries["slots"]).items()},
        {_named("constants", name): _array(name, a) for name, a in _object("constants", entries["constants"]).items()},
        {_named("tables", name): _array(name, a) for name, a in _object("tables", entries["tables"]).items()},
        _bits("input_bits", entries["input_bits"]),
        _bits("output_bits", entries["output_bits"]),
        _clock(entries["clock"]),
        tuple(_step(step) for step in _list("steps", entries["steps"], _BLOCKS)),
    )
    _Form(program).check()
    return program


@dataclass(frozen=True)
class _Form:
    """Checks how the parts of a program fit each other."""

    program: Program

    def check(self) -> None:
        program = self.program
        self._interface()
        _need(sum(map(len, program.constants.values())) <= _SYNAPSES, "it holds too many constants")
        for name, table in program.tables.items():
            known = _TABLES["float32" if program.is_float else "int16"]
            kind = "float32" if program.is_float else "int16"
            fits = name in known and len(table) == INTERVALS + 1 and table.dtype.name == kind
            _need(fits, f"the table {name} is none")
        kinds = ("float32", "uint8", "uint16") if program.is_float else _WHOLE
        for name, array in program.constants.items():
            _need(array.dtype.name in kinds, f"the constant {name} has another type")
        names = [block.name for block in program.blocks()]
        _need(len(set(names)) == len(names), "two blocks have one name")
        _need(sum(step.times for step in program.steps) <= _RUNS, "its steps repeat too often")
        for step in program.steps:
            for source, state in step.commit:
                _need(
                    source in program.slots
                    and state in program.slots
                    and program.slots[source].size == program.slots[state].size
                    and program.slots[state].role in ("state", "work"),
                    f"{source} cannot be copied to {state}",
                )
            if step.block is not None:
                self._block(step.block)

    def _interface(self) -> None:
        program, slots = self.program, self.program.slots
        _need("x" in slots and "y" in slots and "dt" in slots, "it lacks x, y or dt")
        for name, slot in slots.items():
            _need((slot.role == "input") == (name == "x"), "another vector than x is the input")
            _need((slot.role == "output") == (name == "y"), "another vector than y is the output")
            _need((slot.role == "scalar") == (name in SCALARS), "another number than the time is a scalar")
        _need(("inverse" in slots) == ("exponent" in slots), "it lacks inverse or exponent")
        wide = "float" if program.is_float else "int32"
        _need(all(slots[name].ctype == wide for name in {"x", "y", *SCALARS} & slots.keys()), "x, y or dt is narrow")
        _need(slots["x"].size == len(program.names), "x has another size than its names")
        bits = (0, 0) if program.is_float else (slots["x"].size, slots["y"].size)
        _need((len(program.input_bits), len(program.output_bits)) == bits, "x or y lacks its scales")
        for name in ("input_mean", "input_factor"):
            array = program.constants.get(name)
            _need(array is None or len(array) == len(program.names), f"{name} has another size than x")

    def _block(self, block: Block) -> None:
        program, rows = self.program, block.rows
        for name in block.base:
            _need(self._length(name) == rows, f"{block.name} starts from {name}, which has another size")
        for link in block.links:
            self._link(block, link)
        for at, node in enumerate(block.nodes):
            self._node(block, at, node)
        _need(len({name for name, _ in block.stores}) == len(block.stores), f"{block.name} stores a vector twice")
        for name, at in block.stores:
            slot = program.slots.get(name)
            fits = slot is not None and slot.size == rows and slot.role in ("state", "work", "output")
            _need(fits and 0 <= at < len(block.nodes), f"{block.name} cannot store {name}")
        spans = block.spans
        if spans:
            ends = spans[0] == 0 and spans[-1] == rows and all(low <= high for low, high in pairwise(spans))
            _need(ends, f"{block.name} has groups that are none")
        if block.cone is not None:
            cone = block.cone
            fits = max(cone.den, cone.num) < len(block.base) and len(cone.low) == len(cone.high) == rows
            _need(fits, f"the cone of {block.name} is none")

    def _length(self, name: str) -> int:
        array, slot = self.program.constants.get(name), self.program.slots.get(name)
        return len(array) if array is not None else slot.size if slot is not None else -1

    def _constant(self, block: Block, name: str, size: int, kinds: tuple[str, ...]) -> Array:
        array = self.program.constants.get(name)
        if array is None or len(array) != size or array.dtype.name not in kinds:
            raise Misfit(f"a link of {block.name} reads {name}, which is no constant of its size")
        return array

    def _link(self, block: Block, link: Link) -> None:
        program, short = self.program, ("uint8", "uint16")
        numbers = ("float32",) if program.is_float else ("int8", "int16", "int32")
        slot = program.slots.get(link.source)
        if slot is None or slot.role == "scalar":
            raise Misfit(f"a link of {block.name} reads {link.source}, which is no vector")
        counts = self._constant(block, link.counts, block.rows, short).astype(np.int64)
        total, channels = int(counts.sum()), len(block.base)
        if link.index:
            index = self._constant(block, link.index, total, short)
            _need(not total or int(index.max()) < slot.size, f"a link of {block.name} reads beyond {link.source}")
        else:
            _need(bool((counts == slot.size).all()), f"a link of {block.name} reads beyond {link.source}")
        _need(len(link.weights) == len(link.takes_gate) == channels, f"a link of {block.name} lacks a channel")
        _need(len(link.shift) in (0, channels), f"a link of {block.name} lacks a shift")
        gate = (link.gate.slope, link.gate.offset) if link.gate is not None else ()
        for name in (*filter(None, link.weights), *gate):
            self._constant(block, name, total, numbers)
        for name in filter(None, link.shift):
            array = self._constant(block, name, block.rows, short)
            _need(not program.is_float and int(array.max()) <= 30, f"a shift of {block.name} exceeds 30")
        _need(link.gate is None or link.gate.table in program.tables, f"a gate of {block.name} has no table")

    def _node(self, block: Block, at: int, node: Node) -> None:
        program = self.program
        op = (_OF_FLOATS if program.is_float else _OF_INTEGERS).get(node.op)
        if op is None:
            raise Misfit(f"the operation {limits.shown(node.op)} of {block.name} is unknown")
        fits = len(node.args) in op.args and all(0 <= arg < at for arg in node.args)
        fits &= len(node.values) == len(op.values)
        for value, (least, most) in zip(node.values, op.values, strict=False):
            fits &= (least <= value <= most) and (type(value) is int or (program.is_float and node.op == "imm"))
        if node.op == "total":
            fits &= node.values[:1] < (len(block.base),)
        if node.op in ("clip", "relax_wide"):
            fits &= node.values[-2] <= node.values[-1]
        known: Mapping[str, object] = getattr(program, op.named) if op.named else {"": None}
        fits &= node.name in known
        if fits and node.op == "const":
            fits = len(program.constants[node.name]) == block.rows
        if fits and node.op == "load":
            fits = program.slots[node.name].role != "scalar" and program.slots[node.name].size in (1, block.rows)
        if fits and node.op == "scalar":
            fits = program.slots[node.name].size == 1
        _need(bool(fits), f"operation {at} of {block.name} ({node.op}) is malformed")


def _need(holds: bool, fault: str) -> None:
    if not holds:
        raise Misfit(fault)


def _object(what: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Misfit(f"`{what}` is {limits.shown(value)}, no object")
    return value


def _list(what: str, value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise Misfit(f"`{what}` is {limits.shown(value)}, no list of at most {most:,}")
    return value


def _fields(what: str, value: object, kind: type) -> dict[str, Any]:
    entries, wanted = _object(what, value), kind.__dataclass_fields__  # type: ignore[attr-defined]  # a dataclass
    if set(entries) != set(wanted):
        odd = sorted(set(entries) ^ set(wanted))[0]
        raise Misfit(f"`{what}` lacks, or should not have, {limits.shown(odd)}")
    return entries


def _named(what: str, name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or _TAKEN.fullmatch(name):
        raise Misfit(f"{limits.shown(name)} in `{what}` cannot name a variable in C")
    return name


def _label(name: object) -> str:
    if not isinstance(name, str) or label(name) != name:
        raise Misfit(f"{limits.shown(name)} cannot name an input")
    return name


def _among(what: str, value: object, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise Misfit(f"`{what}` is {limits.shown(value)}; expected {', '.join(known)}")
    return value


def _text(what: str, value: object) -> str:
    """The name of a part; whether there is one is asked where it is used."""
    if not isinstance(value, str) or len(value) > limits.NAME:
        raise Misfit(f"`{what}` is {limits.shown(value)}, no name")
    return value


def _flag(what: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Misfit(f"`{what}` is {limits.shown(value)}, neither true nor false")
    return value


def _int(what: str, value: object, low: int = INT32[0], high: int = INT32[1]) -> int:
    try:
        return limits.integer("program", what, value, high, low)
    except FileFormatError as error:
        raise Misfit(str(error).removeprefix("program: ").partition(". ")[0]) from error


def _real(what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Misfit(f"`{what}` is {limits.shown(value)}, no finite number")
    return value


def _bits(what: str, value: object) -> tuple[int, ...]:
    # Their powers of two are finite and above 0 in float32.
    return tuple(_int(what, bits, -120, 120) for bits in _list(what, value, limits.ELEMENTS))


def _texts(what: str, value: object, most: int = 256) -> tuple[str, ...]:
    return tuple(_text(what, name) for name in _list(what, value, most))


def _ints(what: str, value: object, low: int = INT32[0], high: int = INT32[1]) -> tuple[int, ...]:
    return tuple(_int(what, number, low, high) for number in _list(what, value, limits.ELEMENTS + 1))


def _array(name: str, value: object) -> Array:
    entries = _object(name, value)
    _need(set(entries) == {"type", "values"}, f"`{name}` is no array")
    kind = _among(f"type of {name}", entries["type"], ("float32", *_WHOLE))
    values = _list(name, entries["values"], _SYNAPSES)
    allowed = {float, int} if kind == "float32" else {int}
    _need(set(map(type, values)) <= allowed, f"`{name}` holds other things than numbers of type {kind}")
    try:
        return _narrow(np.array(values, np.float64 if kind == "float32" else np.int64), kind)
    except (OverflowError, ValueError) as error:
        raise Misfit(f"`{name}` holds numbers beyond {kind}") from error


def _narrow(wide: Array, kind: str) -> Array:
    with np.errstate(over="ignore"):
        narrow = wide.astype(kind)
    if not np.isfinite(narrow).all() or (narrow != wide).any():
        raise ValueError(kind)
    return narrow


def _slot(name: str, value: object, dtype: str) -> Slot:
    entries = _fields(name, value, Slot)
    size = _int(f"size of {name}", entries["size"], 1, limits.ELEMENTS)
    ctype, unit = _among(f"ctype of {name}", entries["ctype"], _TYPES[dtype]), _real(f"unit of {name}", entries["unit"])
    bounds = [
        None if entries[end] is None else _bound(f"{end} of {name}", entries[end], size) for end in ("low", "high")
    ]
    _need((bounds[0] is None) == (bounds[1] is None) == (ctype == "float"), f"`{name}` has ranges that are none")
    role = _among(f"role of {name}", entries["role"], _ROLES)
    return Slot(size, ctype, role, unit, *bounds)  # type: ignore[arg-type]  # one of the roles


def _bound(what: str, value: object, size: int) -> Array:
    if not isinstance(value, list):
        return np.array(_int(what, value), np.int64)
    numbers = np.array(_ints(what, value), np.int64)
    _need(len(numbers) == size, f"`{what}` has {len(numbers)} numbers for {size} elements")
    return numbers


def _clock(value: object) -> Clock:
    entries = _fields("clock", value, Clock)
    scale = _real("scale", entries["scale"])
    with np.errstate(over="ignore"):
        _need(scale > 0 and 0 < float(np.float32(scale)) < math.inf, "`scale` is no scale of a time")
    bits, shift = _int("bits", entries["bits"], -120, 120), _int("shift", entries["shift"], 0, 63)
    # The product of the two fits the 64 bits in which the C forms it.
    factor = _int("factor", entries["factor"], 1, 2**32 - 1)
    return Clock(bits, factor, shift, scale, _int("shortest", entries["shortest"], 0))


def _step(value: object) -> ProgramStep:
    entries = _fields("step", value, ProgramStep)
    commit = _list("commit", entries["commit"], 64)
    pairs = tuple(_texts("commit", pair, 2) for pair in commit)
    _need(all(len(pair) == 2 for pair in pairs), "`commit` holds no pairs")
    block = None if entries["block"] is None else _block(entries["block"])
    times = _int("times", entries["times"], 1, limits.REPEATS)
    return ProgramStep(block, times, pairs, _flag("only_moving", entries["only_moving"]))  # type: ignore[arg-type]  # pairs


def _block(value: object) -> Block:
    entries = _fields("block", value, Block)
    stores = _list("stores", entries["stores"], 256)
    for pair in stores:
        _need(isinstance(pair, list) and len(pair) == 2, "`stores` holds no pairs")
    cone = None
    if entries["cone"] is not None:
        parts = _fields("cone", entries["cone"], Cone)
        den, num, bits = _int("den", parts["den"], 0, 255), _int("num", parts["num"], 0, 255), parts["bits"]
        cone = Cone(den, num, _int("bits", bits, 0, 30), _ints("low", parts["low"]), _ints("high", parts["high"]))
    return Block(
        _named("blocks", entries["name"]),
        _int("rows", entries["rows"], 1, limits.ELEMENTS),
        _texts("base", entries["base"]),
        tuple(_link(link) for link in _list("links", entries["links"], 256)),
        tuple(_node(node) for node in _list("nodes", entries["nodes"], _NODES)),
        tuple((_text("stores", name), _int("stores", at, 0)) for name, at in stores),
        _ints("spans", entries["spans"], 0),
        cone,
    )


def _link(value: object) -> Link:
    entries = _fields("link", value, Link)
    gate = None
    if entries["gate"] is not None:
        parts = _fields("gate", entries["gate"], Gate)
        slope, offset, table = (_text(key, parts[key]) for key in ("slope", "offset", "table"))
        gate = Gate(slope, offset, table, _int("shift", parts["shift"], 0, 30))
    texts: Callable[[str], tuple[str, ...]] = lambda key: _texts(key, entries[key])  # noqa: E731
    takes = tuple(_flag("takes_gate", flag) for flag in _list("takes_gate", entries["takes_gate"], 256))
    source, counts, index = (_text(key, entries[key]) for key in ("source", "counts", "index"))
    return Link(source, counts, index, texts("weights"), takes, texts("shift"), gate)


def _node(value: object) -> Node:
    entries = _fields("node", value, Node)
    values = tuple(_real("values", number) for number in _list("values", entries["values"], 8))
    return Node(_text("op", entries["op"]), _ints("args", entries["args"], 0), _text("name", entries["name"]), values)


def to_json(program: Program) -> dict[str, Any]:
    """Numbers and names only; every float keeps its bits."""
    content = {name: getattr(program, name) for name in ("dtype", "layer", "names", "input_bits", "output_bits")}
    content["clock"] = asdict(program.clock)
    content["slots"] = {name: _plain(asdict(slot)) for name, slot in program.slots.items()}
    for kind in ("constants", "tables"):
        arrays: dict[str, Array] = getattr(program, kind)
        content[kind] = {name: {"type": a.dtype.name, "values": a.tolist()} for name, a in arrays.items()}
    content["steps"] = [_plain(asdict(step)) for step in program.steps]
    return content


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def from_json(stated: object) -> Program:
    """The program that `to_json` wrote, each name, size, type and position in it checked.

    Raises:
        FileFormatError: it is no program.
    """
    try:
        return program_of(stated)
    except Misfit as fault:
        raise FileFormatError(f"proof.json: holds no program ({fault}). Export the model again.") from fault
