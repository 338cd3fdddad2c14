"""The two functions that a caller sees, `init` and `step`, and where the work vectors of a step lie."""

import math
from dataclasses import dataclass

import numpy as np

from caudal.export.c.text import Thresholds, array, literal, sized, slots_of
from caudal.export.program.program import Program, ProgramStep
from caudal.typing import Array


@dataclass(frozen=True)
class Place:
    """An array on the stack: its name, C type and size."""

    name: str
    ctype: str
    size: int


def _touched(step: ProgramStep) -> list[str]:
    """Slots that a step reads or writes, in the order in which the program names them."""
    names = [name for pair in step.commit for name in pair]
    if step.block is not None:
        names += [*step.block.base, *(link.source for link in step.block.links)]
        names += [name for name, _ in step.block.stores]
        names += [node.name for node in step.block.nodes if node.op in ("load", "scalar")]
    return names


def places(program: Program) -> dict[str, Place]:
    """The array of each work vector.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.export.program.lower_fixed import lower_fixed
        >>> from caudal.nn import LTC
        >>> found = places(lower_fixed(describe(LTC(4, 3))))
        >>> found["x_scaled"] == found["v_next"], found["x_scaled"].size
        (True, 4)
    """
    spans: dict[str, tuple[int, int]] = {}
    for at, step in enumerate(program.steps):
        for name in _touched(step):
            if name in program.slots and program.slots[name].role == "work":
                spans[name] = (spans.get(name, (at, at))[0], at)
    groups: list[tuple[list[tuple[int, int]], Place]] = []
    group_of: dict[str, int] = {}
    # Ties are broken by name: equal programs must give equal C in every process.
    for name, span in sorted(spans.items(), key=lambda item: (-program.slots[item[0]].size, item[1], item[0])):
        slot = program.slots[name]
        for k, (taken, place) in enumerate(groups):
            if place.ctype == slot.ctype and all(span[1] < first or last < span[0] for first, last in taken):
                taken.append(span)
                group_of[name] = k
                break
        else:
            group_of[name] = len(groups)
            groups.append(([span], Place(f"w{len(groups)}", slot.ctype, slot.size)))
    return {name: groups[k][1] for name, k in group_of.items()}


_CTYPE = {"int16": "int16_t", "int32": "int32_t", "float": "float"}


def init(program: Program, prefix: str) -> str:
    """The function that sets a state to zeros."""
    lines = [f"void {prefix}_init({prefix}_state *state)", "{", f"    {sized(_largest(program))} i;"]
    zero = "0.0f" if program.is_float else "0"
    for name, slot in program.states().items():
        lines += [f"    for (i = 0u; i < {slot.size}u; ++i)", "    {", f"        state->{name}[i] = {zero};", "    }"]
    return "\n".join([*lines, "}", ""])


def _largest(program: Program) -> int:
    return max(slot.size for slot in program.slots.values())


def step(program: Program, prefix: str, places: dict[str, Place]) -> str:
    """The function that advances a state by one step."""
    kind = "float" if program.is_float else "int32_t"
    time = "float" if program.is_float else "uint32_t"
    sizes = program.slots["x"].size, program.slots["y"].size
    lines = [
        f"uint8_t {prefix}_step({prefix}_state *state, const {kind} x[{sizes[0]}], {time} dt_raw,",
        f"                    {kind} y[{sizes[1]}])",
        "{",
    ]
    lines += [f"    {_CTYPE[place.ctype]} {place.name}[{place.size}];" for place in dict.fromkeys(places.values())]
    if any(stage.commit for stage in program.steps):
        lines.append(f"    {sized(_largest(program))} i;")
    if any(stage.times > 1 for stage in program.steps):
        lines.append("    uint_fast16_t k;")
    lines += _clock(program, prefix)
    for stage in program.steps:
        lines += _advance(program, prefix, stage, places)
    return "\n".join([*lines, "    return status;", "}", ""])


def _clock(program: Program, prefix: str) -> list[str]:
    upper, clock = prefix.upper(), program.clock
    if program.is_float:
        scaled = "dt_raw" if clock.scale == 1.0 else f"dt_raw * {literal(clock.scale, True)}"
        return [f"    const float dt = {scaled};", "    uint8_t status = 0u;", *_uses(program)]
    product = "dt_raw" if clock.shift == 0 else f"((uint64_t)dt_raw * {clock.factor}u) >> {clock.shift}"
    lines = [
        f"    const uint64_t scaled = {product};",
        "    const int32_t dt = (scaled > 2147483647u) ? INT32_C(2147483647) : (int32_t)scaled;",
    ]
    if "inverse" in program.slots:
        lines += [
            "    uint32_t near = (dt > 0) ? (uint32_t)dt : 1u;",
            "    int32_t exponent = 0;",
            "    int32_t inverse;",
        ]
    lines.append(f"    uint8_t status = (scaled > 2147483647u) ? {upper}_DT_LONG : 0u;")
    if clock.shortest:
        lines += [
            f"    if (dt < {literal(clock.shortest, False)})",
            "    {",
            f"        status = {upper}_DT_SHORT;",
            "    }",
        ]
    if "inverse" in program.slots:
        lines += [
            "    while (near < 1073741824u)",
            "    {",
            "        near <<= 1;",
            "        ++exponent;",
            "    }",
            "    inverse = (int32_t)(2147483647u / (near >> 15));",
        ]
    return lines


def _uses(program: Program) -> list[str]:
    """Silence about a time that no block reads."""
    read = any("dt" in {node.name for node in block.nodes if node.op == "scalar"} for block in program.blocks())
    return [] if read else ["    (void)dt;"]


def _advance(program: Program, prefix: str, stage: ProgramStep, places: dict[str, Place]) -> list[str]:
    def where(name: str) -> str:
        slot = program.slots[name]
        if slot.role == "state":
            return f"state->{name}"
        return places[name].name if name in places else name

    lines: list[str] = []
    if stage.block is not None:
        arguments = ", ".join(where(name) for name in slots_of(program, stage.block))
        lines.append(f"{prefix}_run_{stage.block.name}({arguments});")
    for source, state in stage.commit:
        size = program.slots[state].size
        lines += [f"for (i = 0u; i < {size}u; ++i)", "{", f"    {where(state)}[i] = {where(source)}[i];", "}"]
    if stage.times > 1:
        lines = [f"for (k = 0u; k < {stage.times}u; ++k)", "{", *(f"    {line}" for line in lines), "}"]
    if stage.only_moving:
        lines = ["if (dt > 0)", "{", *(f"    {line}" for line in lines), "}"]
    return [f"    {line}" for line in lines]


def on_change(program: Program, prefix: str, rom: str, thresholds: Thresholds) -> str:
    """Thresholds, and the functions that compute a step only when an input moved by more than its own."""
    kind, time = ("float", "float") if program.is_float else ("int32_t", "uint32_t")
    inputs, outputs = program.slots["x"].size, program.slots["y"].size
    table, moved = f"{prefix.upper()}_THRESHOLD", f"!((higher - lower) <= {prefix.upper()}_THRESHOLD[i])"
    later = "change->waited = change->waited + dt_raw;"
    if not program.is_float:
        moved = f"((uint32_t)higher - (uint32_t)lower) > {table}[i]"
        later = "change->waited = (dt_raw > (4294967295u - change->waited)) ? 4294967295u : (change->waited + dt_raw);"
    zero, none = ("0.0f", "0.0f") if program.is_float else ("0", "0u")
    text = _ON_CHANGE.format(
        p=prefix,
        P=prefix.upper(),
        kind=kind,
        time=time,
        inputs=inputs,
        outputs=outputs,
        moved=moved,
        later=later,
        counter=sized(max(inputs, outputs)),
        zero=zero,
        none=none,
    )
    return array(table, "float" if program.is_float else "uint32_t", _raw(program, thresholds), rom) + "\n" + text


def _raw(program: Program, thresholds: Thresholds) -> Array:
    """Thresholds as the C compares them; the largest number where an input never counts."""
    if program.is_float:
        return np.array([np.finfo(np.float32).max if least is None else least for least in thresholds], np.float32)
    scaled = (
        2.0**32 if least is None else least * 2.0**bits
        for least, bits in zip(thresholds, program.input_bits, strict=True)
    )
    return np.array([min(math.floor(least), 2**32 - 1) for least in scaled], np.int64)


_ON_CHANGE = """\
void {p}_on_change_init({p}_on_change *change)
{{
    {counter} i;
    {p}_init(&change->state);
    for (i = 0u; i < {inputs}u; ++i)
    {{
        change->sent[i] = {zero};
    }}
    for (i = 0u; i < {outputs}u; ++i)
    {{
        change->answer[i] = {zero};
    }}
    change->waited = {none};
    change->steps = 0u;
    change->computed = 0u;
}}

uint8_t {p}_step_on_change({p}_on_change *change, const {kind} x[{inputs}], {time} dt_raw, {kind} y[{outputs}])
{{
    uint8_t status = {P}_UNCHANGED;
    uint8_t moved = (change->computed == 0u) ? 1u : 0u;
    {counter} i;
    for (i = 0u; i < {inputs}u; ++i)
    {{
        const {kind} higher = (x[i] > change->sent[i]) ? x[i] : change->sent[i];
        const {kind} lower = (x[i] > change->sent[i]) ? change->sent[i] : x[i];
        if ({moved})
        {{
            moved = 1u;
        }}
    }}
    {later}
    change->steps += (change->steps < 4294967295u) ? 1u : 0u;
    if (moved != 0u)
    {{
        status = {p}_step(&change->state, x, change->waited, change->answer);
        change->waited = {none};
        change->computed += (change->computed < 4294967295u) ? 1u : 0u;
        for (i = 0u; i < {inputs}u; ++i)
        {{
            change->sent[i] = x[i];
        }}
    }}
    for (i = 0u; i < {outputs}u; ++i)
    {{
        y[i] = change->answer[i];
    }}
    return status;
}}
"""
