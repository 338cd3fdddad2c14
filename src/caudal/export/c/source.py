"""A program as C99: one static function per block, tables of the real synapses, the state in the caller's struct."""

import re

import numpy as np

from caudal.errors import FileFormatError
from caudal.export.c.entry import init, on_change, places, step
from caudal.export.c.helpers import CALLS, CONSTANT_TIME, FLOAT_HELPERS, HELPERS
from caudal.export.c.text import Thresholds, array, expression, header, literal, preamble, sized, slots_of
from caudal.export.program.arithmetic import UNIT
from caudal.export.program.program import Block, Link, Program
from caudal.typing import Array

_CTYPE = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "uint8": "uint8_t", "uint16": "uint16_t"}
_CTYPE |= {"float32": "float", "float": "float"}


def source(program: Program, name: str, *, constant_time: bool = False, thresholds: Thresholds = ()) -> str:
    """The text of `<name>.c`.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.export.program.lower_fixed import lower_fixed
        >>> from caudal.nn import LTC
        >>> text = source(lower_fixed(describe(LTC(2, 3))), "policy")
        >>> "#include <" in text, "malloc" in text, text.count("static void policy_run_relax(")
        (False, False, 1)
    """
    writer = _Writer(program, name, constant_time)
    blocks = [writer.block(block) for block in program.blocks()]
    parts = [preamble(program, name), *writer.tables(), *writer.helpers(), *blocks, *writer.entry()]
    parts += [on_change(program, name, writer.rom, thresholds)] if thresholds else []
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def interface(program: Program, name: str, thresholds: Thresholds = ()) -> str:
    """The text of `<name>.h`."""
    return header(program, name, thresholds)


def fields(program: Program, link: Link) -> dict[str, list[str]]:
    """Constants of a link by C type, in the order in which each synapse holds them side by side."""
    names = [*([link.gate.slope, link.gate.offset] if link.gate else []), *(n for n in link.weights if n)]
    by_type: dict[str, list[str]] = {}
    for name in names:
        by_type.setdefault(program.constants[name].dtype.name, []).append(name)
    return by_type


class _Writer:
    def __init__(self, program: Program, prefix: str, constant_time: bool) -> None:
        self.program, self.prefix, self.constant_time = program, prefix, constant_time
        self.arrays: dict[str, str] = {}
        self.rom = f"{prefix.upper()}_ROM "

    def _upper(self, name: str) -> str:
        return f"{self.prefix.upper()}_{name.upper()}"

    def tables(self) -> list[str]:
        """Look-up tables and the constants that blocks have asked for."""
        tables = {
            self._upper(name): array(self._upper(name), _CTYPE[table.dtype.name], table, self.rom)
            for name, table in self.program.tables.items()
        }
        return [*tables.values(), *self.arrays.values()]

    def helpers(self) -> list[str]:
        """Functions that the blocks call, each once."""
        if self.program.is_float:
            called = {node.name for block in self.program.blocks() for node in block.nodes if node.op == "table"}
            called |= {link.gate.table for block in self.program.blocks() for link in block.links if link.gate}
            texts = [FLOAT_HELPERS[name] for name in self.program.tables if name in called]
            for word, value in {"THIRD": 1 / 3, "SIXTH": 1 / 6, "TWENTYFOURTH": 1 / 24}.items():
                texts = [text.replace(word, literal(value, True)) for text in texts]
        else:
            used = {node.op for block in self.program.blocks() for node in block.nodes}
            used |= {"table"} if any(link.gate for block in self.program.blocks() for link in block.links) else set()
            chosen = {**HELPERS, **CONSTANT_TIME} if self.constant_time else HELPERS
            asked = {call for op in used for call in CALLS.get(op, ())}
            texts = [chosen[name] for name in chosen if name in asked]
        return [self._named(text) for text in texts]

    def _named(self, text: str) -> str:
        """A helper under this export's prefix: `P_name` for functions, `P_NAME` for tables and macros."""
        text = re.sub(r"\bP_(?=[A-Z])", f"{self.prefix.upper()}_", text)
        return re.sub(r"\bP_(?=[a-z])", f"{self.prefix}_", text)

    def _constant(self, name: str) -> str:
        """Element of a constant for the row at hand: a literal where all are equal."""
        values = self.program.constants[name]
        if (values == values.flat[0]).all():
            return literal(values.flat[0], self.program.is_float)
        self._keep(name, values, _CTYPE[values.dtype.name])
        return f"{self._upper(name)}[i]"

    def _keep(self, name: str, values: Array, ctype: str) -> str:
        upper = self._upper(name)
        text = array(upper, ctype, values, self.rom)
        if self.arrays.setdefault(upper, text) != text or name in self.program.tables:
            raise FileFormatError(f"export: two tables would be named {upper} in the C. Export the model again.")
        return upper

    def block(self, block: Block) -> str:
        """One function."""
        program, counter = self.program, sized(block.rows)
        body = [f"    {counter} i;"]
        starts, heads = self._links(block)
        body[:0] = starts
        body += [f"    for (i = 0u; i < {block.rows}u; ++i)", "    {"]
        kind = "float" if program.is_float else "int32_t"
        body += [f"        {kind} t{k} = {self._base(name)};" for k, name in enumerate(block.base)]
        for lines in heads:
            body += lines
        names = self._values(block, body)
        for slot, at in block.stores:
            ctype = _CTYPE[program.slots[slot].ctype]
            cast = f"({ctype})" if ctype == "int16_t" else ""
            where = "0" if program.slots[slot].size == 1 else "i"
            body.append(f"        {slot}[{where}] = {cast}{names[at]};")
        signature = ", ".join(self._parameters(block))
        return "\n".join([f"static void {self.prefix}_run_{block.name}({signature})", "{", *body, "    }", "}", ""])

    def _values(self, block: Block, body: list[str]) -> list[str]:
        """Write every node, and answer how each is called; what one branch alone needs is written within it."""
        names: list[str] = []
        waiting: dict[int, list[str]] = {}
        within = {} if self.constant_time else _branches(block)
        kind = "float" if self.program.is_float else "int32_t"
        for k, node in enumerate(block.nodes):
            text = expression(self.program, self.prefix, node, [names[at] for at in node.args], self._constant)
            if node.op in ("total", "imm", "scalar") or (node.op == "const" and "[" not in text):
                names.append(text)
                continue
            names.append(f"n{k}")
            if k in within:
                waiting.setdefault(within[k], []).append(f"            const {kind} n{k} = {text};")
            elif node.op == "at_unit" and not self.constant_time:
                dt, usual, other = (names[at] for at in node.args)
                body += [f"        {kind} n{k} = {usual};", f"        if ({dt} != {literal(UNIT, False)})", "        {"]
                body += [*waiting.pop(k, []), f"            n{k} = {other};", "        }"]
            else:
                body.append(f"        const {kind} n{k} = {text};")
        return names

    def _base(self, name: str) -> str:
        return self._constant(name) if name in self.program.constants else f"{name}[i]"

    def _parameters(self, block: Block) -> list[str]:
        parameters = []
        for name, written in slots_of(self.program, block).items():
            slot = self.program.slots[name]
            ctype = _CTYPE[slot.ctype]
            if slot.role == "scalar":
                parameters.append(f"{ctype} {name}")
            else:
                parameters.append(f"{'' if written else 'const '}{ctype} {name}[{slot.size}]")
        return parameters

    def _links(self, block: Block) -> tuple[list[str], list[list[str]]]:
        """Declarations before the loop over rows, and the loop over synapses of each link."""
        starts, heads = [], []
        for k, link in enumerate(block.links):
            pointers: dict[str, str] = {}
            groups = fields(self.program, link)
            for kind, names in groups.items():
                mixed = np.stack([self.program.constants[name] for name in names], 1).ravel()
                table = self._keep(f"{block.name}_{k}_{kind}", mixed, _CTYPE[kind])
                starts.append(f"    const {self.rom}{_CTYPE[kind]} *w{k}_{kind} = {table};")
                pointers |= {name: f"w{k}_{kind}[{place}]" for place, name in enumerate(names)}
            if link.index:
                index = self.program.constants[link.index]
                table = self._keep(link.index, index, _CTYPE[index.dtype.name])
                starts.append(f"    const {self.rom}{_CTYPE[index.dtype.name]} *q{k} = {table};")
            heads.append(self._loop(k, link, pointers, {kind: len(names) for kind, names in groups.items()}))
        return starts, heads

    def _loop(self, k: int, link: Link, at: dict[str, str], strides: dict[str, int]) -> list[str]:
        program, is_float = self.program, self.program.is_float
        slot = program.slots[link.source]
        counts = program.constants[link.counts]
        most, ctype = int(counts.max(initial=0)), _CTYPE[slot.ctype]
        into, before, after = self._channels(k, link)
        lines = ["        {", *before, f"            {sized(most)} left;"]
        if link.index:
            lines += [f"            for (left = {self._count(link.counts)}; left > 0u; --left)", "            {"]
            lines.append(f"                const {ctype} value = {link.source}[*q{k}];")
        else:
            lines += [f"            for (left = 0u; left < {slot.size}u; ++left)", "            {"]
            lines.append(f"                const {ctype} value = {link.source}[left];")
        if link.gate is not None:
            lines += [f"                {line}" for line in self._gate(link, at)]
        for channel, name in enumerate(link.weights):
            if name:
                seen = "gate" if link.gate is not None and link.takes_gate[channel] else "value"
                product = f"{at[name]} * {seen}" if is_float else f"(int32_t){at[name]} * {seen}"
                lines.append(f"                {into[channel]} += {product};")
        lines += [f"                w{k}_{kind} = &w{k}_{kind}[{stride}];" for kind, stride in strides.items()]
        lines += [f"                ++q{k};"] if link.index else []
        return [*lines, "            }", *after, "        }"]

    def _count(self, name: str) -> str:
        counts = self.program.constants[name]
        if (counts == counts[0]).all():
            return f"{int(counts[0])}u"
        self._keep(name, counts, _CTYPE[counts.dtype.name])
        return f"{self._upper(name)}[i]"

    def _channels(self, k: int, link: Link) -> tuple[list[str], list[str], list[str]]:
        """Accumulator of each channel, and the lines that open and close those with a shift."""
        into, before, after = [], [], []
        for channel, _ in enumerate(link.weights):
            shift = link.shift[channel] if link.shift else ""
            if not shift:
                into.append(f"t{channel}")
                continue
            into.append(f"s{channel}")
            shifts = self.program.constants[shift]
            if (shifts == shifts[0]).all():
                bits = int(shifts[0])
                before.append(f"            int32_t s{channel} = {literal((1 << bits) >> 1, False)};")
                after.append(f"            t{channel} += s{channel} >> {bits};")
            else:
                bits_text = self._constant(shift)
                before.append(f"            int32_t s{channel} = (INT32_C(1) << {bits_text}) >> 1;")
                after.append(f"            t{channel} += s{channel} >> {bits_text};")
        return into, before, after

    def _gate(self, link: Link, at: dict[str, str]) -> list[str]:
        gate = link.gate
        if gate is None:
            return []
        slope, offset = at[gate.slope], at[gate.offset]
        if self.program.is_float:
            return [f"const float gate = {self.prefix}_{gate.table}(({slope} * value) + {offset});"]
        z = f"(((int32_t){slope} * value) >> {gate.shift}) + {offset}"
        return [f"const int16_t gate = {self.prefix}_lookup(&{self._upper(gate.table)}[128], {z});"]

    def entry(self) -> list[str]:
        """`init` and `step`."""
        return [init(self.program, self.prefix), step(self.program, self.prefix, places(self.program))]


def _branches(block: Block) -> dict[int, int]:
    """Nodes that nothing but the last argument of one `at_unit` needs, and the position of that one."""
    needed = {at: {-1} for _, at in block.stores}
    for k, node in reversed(list(enumerate(block.nodes))):
        for place, at in enumerate(node.args):
            needed.setdefault(at, set()).update({k} if node.op == "at_unit" and place == 2 else needed[k])
    return {at: min(users) for at, users in needed.items() if len(users) == 1 and -1 not in users}
