"""Each operation of a program as a C expression."""

from collections.abc import Callable

import numpy as np

from caudal.export.program.program import Node, Program


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
    if node.op == "abs":
        return f"({args[0]} < 0.0f) ? -{args[0]} : {args[0]}" if is_float else f"{prefix}_magnitude({args[0]})"
    return _call(prefix, node, args)


def _call(prefix: str, node: Node, args: list[str]) -> str:
    name = {"mulsh": "scale_down", "mulsat": "scale_clip", "clip_const": "clip"}.get(node.op, node.op)
    values = [literal(value, False) for value in node.values]
    if node.op in ("relax", "relax_wide"):
        gain = args[4] if len(args) == 5 else "INT32_C(32768)"
        bits, drop = int(node.values[0]), int(node.values[1])
        lift = max(0, bits - drop)
        # How far force is multiplied, the product shifted, the force and the pull dropped.
        values = [str(v) for v in (lift, bits - lift, max(0, drop - bits), drop)] + values[2:]
        args = [*args[:4], gain]
    return f"{prefix}_{name}({', '.join(args + values)})"
