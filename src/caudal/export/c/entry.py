"""The two functions that a caller sees, `init` and `step`, and where the work vectors of a step lie."""

from dataclasses import dataclass

from caudal.export.c.text import literal, sized, slots_of
from caudal.export.program.program import Program, ProgramStep


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
