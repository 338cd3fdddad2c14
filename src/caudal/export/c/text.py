"""Texts of the C: expressions of operations, arrays, the head of the file, the header that a caller includes."""

import textwrap
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from caudal._version import __version__
from caudal.export.program.program import Block, Node, Program, label
from caudal.typing import Array

# By how much each input must move, in the user's units, for a step to be computed; None where it never counts. Empty
# where every step is computed.
Thresholds: TypeAlias = tuple[float | None, ...]


def literal(value: float, is_float: bool) -> str:
    """A number as C writes it, to the bit.

    Example:
        >>> literal(-3, False), literal(0.5, True), literal(-(2**31), False)
        ('INT32_C(-3)', '0.5f', '(-INT32_C(2147483647) - 1)')
    """
    if not is_float:
        whole = int(value)
        return "(-INT32_C(2147483647) - 1)" if whole == -(2**31) else f"INT32_C({whole})"
    text = np.format_float_scientific(np.float32(value), unique=True, trim="-")
    if abs(value) < 1e6 and (abs(value) > 1e-4 or value == 0):
        text = np.format_float_positional(np.float32(value), unique=True, trim="0")
    return f"{text}f"


def expression(program: Program, prefix: str, node: Node, args: list[str], constant: Callable[[str], str]) -> str:
    """The right-hand side of one node.

    Arguments:
        args: names of the arguments.
        constant: how this row's element of a constant is written.
    """
    is_float = program.is_float
    if node.op == "total":
        return f"t{int(node.values[0])}"
    if node.op == "imm":
        return literal(node.values[0], is_float)
    if node.op == "const":
        return constant(node.name)
    if node.op == "load":
        return f"{node.name}[{'0' if program.slots[node.name].size == 1 else 'i'}]"
    if node.op == "scalar":
        return node.name if program.slots[node.name].role == "scalar" else f"{node.name}[0]"
    if node.op in ("add", "sub", "mul", "div"):
        sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}[node.op]
        return f"{args[0]} {sign} {args[1]}"
    if node.op == "relu":
        return f"({args[0]} > 0.0f) ? {args[0]} : 0.0f"
    if node.op == "shr":
        return f"{args[0]} >> {int(node.values[0])}"
    if node.op == "rnd":
        bits = int(node.values[0])
        return f"({args[0]} + {literal(2 ** (bits - 1), False)}) >> {bits}"
    if node.op == "table":
        table = f"{prefix.upper()}_{node.name.upper()}"
        return f"{prefix}_{node.name}({args[0]})" if is_float else f"{prefix}_lookup(&{table}[128], {args[0]})"
    if node.op == "clip" and list(node.values) == [-32768, 32767]:
        return f"{prefix.upper()}_SATURATE({args[0]})"
    if node.op == "abs":
        return f"({args[0]} < 0.0f) ? -{args[0]} : {args[0]}" if is_float else f"{prefix}_magnitude({args[0]})"
    return _call(prefix, node, args)


def _call(prefix: str, node: Node, args: list[str]) -> str:
    name = {"mulsh": "scale_down", "mulsat": "scale_clip", "mulmost": "scale_most", "clip_const": "clip"}.get(
        node.op, node.op
    )
    values = [literal(value, False) for value in node.values]
    if node.op in ("relax", "relax_wide"):
        gain = args[4] if len(args) == 5 else "INT32_C(32768)"
        bits, drop = int(node.values[0]), int(node.values[1])
        lift = max(0, bits - drop)
        # How far force is multiplied, the product shifted, the force and the pull dropped.
        values = [str(v) for v in (lift, bits - lift, max(0, drop - bits), drop)] + values[2:]
        args = [*args[:4], gain]
    return f"{prefix}_{name}({', '.join(args + values)})"


def sized(most: int) -> str:
    """An unsigned type that counts so far, as fast as the processor has one."""
    return "uint_fast8_t" if most < 256 else "uint_fast16_t"


def array(name: str, ctype: str, values: Array, rom: str) -> str:
    """A constant array.

    Example:
        >>> import numpy as np
        >>> print(array("A", "int8_t", np.array([1, -2], np.int8), ""), end="")
        static const int8_t A[2] = {
            1, -2
        };
    """
    is_float = ctype == "float"
    texts = [literal(v, True) if is_float else literal(v, False) if ctype == "int32_t" else str(int(v)) for v in values]
    if ctype.startswith("u"):
        texts = [f"{text}u" for text in texts]
    body = textwrap.fill(", ".join(texts), 116, initial_indent="    ", subsequent_indent="    ")
    return f"static const {rom}{ctype} {name}[{len(values)}] = {{\n{body}\n}};\n"


def preamble(program: Program, name: str) -> str:
    """What stands at the top of the C file."""
    upper = name.upper()
    lines = [
        f"/* {program.layer}, {program.dtype}. Written by caudal {__version__}; do not edit, export again. */",
        f'#include "{name}.h"',
        "",
        "/* Tables stay in flash where data and program memory are apart. */",
        "#if defined(__AVR__) && !defined(__cplusplus)",
        f"#define {upper}_ROM __flash",
        "#else",
        f"#define {upper}_ROM",
        "#endif",
        "",
    ]
    if program.is_float:
        lines += [
            "#if defined(__clang__)",
            "#pragma STDC FP_CONTRACT OFF",
            "#endif",
            "#if defined(__FAST_MATH__)",
            '#error "Compile without -ffast-math: the numbers would differ from those of the proof."',
            "#endif",
            "#if defined(__FLT_EVAL_METHOD__)",
            "#if (__FLT_EVAL_METHOD__ != 0)",
            '#error "This target computes floats in a wider format; the numbers would differ."',
            "#endif",
            "#endif",
        ]
    else:
        lines += [
            "/* Right shifts of negative numbers must be arithmetic, as on every compiler of note. */",
            f"typedef char {name}_needs_arithmetic_shifts[((-1 >> 1) == -1) ? 1 : -1];",
        ]
    return "\n".join([*lines, ""])


def header(program: Program, name: str, thresholds: Thresholds) -> str:
    """The header: sizes, units, the state, two functions; with thresholds, two more that step on change."""
    upper = name.upper()
    kind, time = ("float", "float") if program.is_float else ("int32_t", "uint32_t")
    slots = program.slots
    lines = [
        f"/* {program.layer}, {program.dtype}. Written by caudal {__version__}; do not edit, export again. */",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define {upper}_INPUTS {slots['x'].size}",
        f"#define {upper}_OUTPUTS {slots['y'].size}",
        "",
        *_units(program, upper),
        "/* What the step remembers. Start it with init; it holds numbers only and may be copied and stored. */",
        "typedef struct",
        "{",
        *(f"    {_ctype(slot.ctype)} {key}[{slot.size}];" for key, slot in program.states().items()),
        f"}} {name}_state;",
        "",
        f"void {name}_init({name}_state *state);",
        "",
        "/* One step: inputs, time since the previous step, answers. Returns 0, or the flags above. */",
        f"uint8_t {name}_step({name}_state *state, const {kind} x[{slots['x'].size}], {time} dt_raw, "
        f"{kind} y[{slots['y'].size}]);",
        "",
        *(_on_change(program, name) if thresholds else ()),
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        f"#endif /* {upper}_H */",
        "",
    ]
    return "\n".join(lines)


def _on_change(program: Program, name: str) -> list[str]:
    kind, time = ("float", "float") if program.is_float else ("int32_t", "uint32_t")
    sizes = program.slots["x"].size, program.slots["y"].size
    return [
        "/* Steps that are computed only when an input moved by more than its threshold since the last of them. */",
        "typedef struct",
        "{",
        f"    {name}_state state;",
        f"    {kind} sent[{sizes[0]}]; /* inputs of the last computed step */",
        f"    {kind} answer[{sizes[1]}];",
        f"    {time} waited; /* time since the last computed step */",
        "    uint32_t steps; /* so far; both counters stay at the largest number */",
        "    uint32_t computed; /* of these */",
        f"}} {name}_on_change;",
        "",
        f"#define {name.upper()}_UNCHANGED ((uint8_t)4u)",
        "",
        f"void {name}_on_change_init({name}_on_change *change);",
        "",
        "/* As the step; UNCHANGED and the answer of the last computed step where nothing moved. Times add up. */",
        f"uint8_t {name}_step_on_change({name}_on_change *change, const {kind} x[{sizes[0]}], {time} dt_raw,",
        f"                              {kind} y[{sizes[1]}]);",
        "",
    ]


def _ctype(kind: str) -> str:
    return "float" if kind == "float" else f"{kind}_t"


def _units(program: Program, upper: str) -> list[str]:
    """Macros between the user's units and the integers of the interface."""
    if program.is_float:
        return ["/* Inputs, times and answers are in the units of the training data. */", ""]
    clock = program.clock
    scales = [f"{literal(2.0**bits, True)}" for bits in program.input_bits]
    return [
        "/* Inputs, times and answers are integers: the number in the units of the training data, times a scale. */",
        *(
            f"#define {upper}_X_SCALE_{k} {scale} /* {_plain(name)} */"
            for k, (scale, name) in enumerate(zip(scales, program.names, strict=True))
        ),
        f"#define {upper}_DT_SCALE {literal(2.0**clock.bits, True)}",
        *(f"#define {upper}_Y_SCALE_{k} {literal(2.0**bits, True)}" for k, bits in enumerate(program.output_bits)),
        "",
        "/* Flags: the time was shorter than the state resolves, or longer than the step counts. */",
        f"#define {upper}_DT_SHORT ((uint8_t)1u)",
        f"#define {upper}_DT_LONG ((uint8_t)2u)",
        "",
    ]


def _plain(name: str) -> str:
    """A name of a column in plain ASCII, which cannot end a comment."""
    return "".join(sign if sign.isascii() else "_" for sign in label(name))[:60]


def slots_of(program: Program, block: Block) -> dict[str, bool]:
    """Slots that a block touches, in order, and whether it writes them."""
    read: list[str] = [name for name in block.base if name in program.slots]
    read += [link.source for link in block.links]
    read += [node.name for node in block.nodes if node.op in ("load", "scalar")]
    written = [name for name, _ in block.stores]
    return {name: name in written for name in dict.fromkeys([*read, *written])}
