"""Golden vectors: 1,000 steps that every build of an export must answer alike, and the C that drives them.

Twenty series of 50 steps each, drawn by xorshift (Marsaglia 2003): inputs within a few standard deviations and, one in
sixteen, far beyond; elapsed times between 0 and 1 typical gap and, one in ten, none, tiny or huge. The hash takes in
every answer and every final state, 32 bits at a time (FNV-1a by words).
"""

from dataclasses import dataclass

import numpy as np

from caudal.export.c.text import array, literal
from caudal.export.program.program import Program
from caudal.export.program.twin import Twin
from caudal.typing import Array

SERIES, STEPS, GOLDEN = 20, 50, 16
_SEED, _SPREAD, _PRIME, _OFFSET = 2463534242, 2654435769, 16777619, 2166136261


@dataclass(frozen=True, eq=False)
class Vectors:
    """What a build must reproduce.

    Attributes:
        x: inputs `(series, steps, inputs)` and `dt (series, steps)`, as the C takes them.
        y: answers `(series, steps, outputs)`.
        digest: hash of all answers and final states.
    """

    x: Array
    dt: Array
    y: Array
    digest: int


def centres(program: Program) -> Array:
    """The middle of each input, as the C takes it."""
    if program.is_float:
        mean = program.constants.get("input_mean")
        return np.zeros(len(program.names), np.float32) if mean is None else mean
    mean = program.constants.get("input_mean")
    return np.zeros(len(program.names), np.int64) if mean is None else mean.astype(np.int64)


def _spreads(program: Program) -> Array:
    factor = program.constants.get("input_factor")
    return np.ones(len(program.names), np.float32) if factor is None else (np.float32(1) / factor).astype(np.float32)


def _next(state: Array) -> Array:
    for left, shift in ((True, 13), (False, 17), (True, 5)):
        state = state ^ ((state << np.uint32(shift)) if left else (state >> np.uint32(shift)))
    return state


def drive(program: Program, series: int = SERIES, steps: int = STEPS) -> tuple[Array, Array]:
    """Inputs and times, as the C takes them."""
    with np.errstate(over="ignore"):
        state = np.uint32(_SEED) ^ (np.arange(series, dtype=np.uint32) * np.uint32(_SPREAD))
    centre, spread = centres(program), _spreads(program)
    xs, times = [], []
    for _ in range(steps):
        state = _next(state)
        times.append(_time(program, state))
        row = []
        for i in range(len(program.names)):
            state = _next(state)
            k = (state >> np.uint32(18)).astype(np.int64) - 8192
            k = np.where(state & np.uint32(15) == 0, k * 16, k)
            if program.is_float:
                row.append((k.astype(np.float32) * np.float32(1 / 4096)) * spread[i] + centre[i])
            else:
                row.append(k + centre[i])
        xs.append(np.stack(row, 1))
    return np.stack(xs, 1), np.stack(times, 1)


def _time(program: Program, r: Array) -> Array:
    kind = r & np.uint32(31)
    ticks = np.select([kind == 0, kind == 1, kind == 2], [np.zeros_like(r), r, r >> np.uint32(22)], r >> np.uint32(12))
    if program.is_float:
        return ticks.astype(np.float32) * _tick(program)
    return ticks.astype(np.int64)


def _tick(program: Program) -> np.float32:
    return np.float32(2.0**-20 / program.clock.scale)


def vectors(program: Program) -> Vectors:
    """The vectors of a program, answered by its twin.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.export.program.lower_fixed import lower_fixed
        >>> from caudal.nn import CfC
        >>> found = vectors(lower_fixed(describe(CfC(2, 3, backbone_layers=0))))
        >>> found.y.shape
        (20, 50, 3)
    """
    twin = Twin(program)
    x, dt = drive(program)
    state, answers = twin.start(len(x)), []
    for t in range(x.shape[1]):
        y, state = twin.step(x[:, t], dt[:, t], state)
        answers.append(y)
    y = np.stack(answers, 1)
    digest = _OFFSET
    for series in range(len(x)):
        digest = _hash(digest, y[series].ravel())
        for part in state.values():
            digest = _hash(digest, part[series])
    return Vectors(x, dt, y, digest)


def _hash(digest: int, values: Array) -> int:
    words = values.astype(np.float32).view(np.uint32) if values.dtype == np.float32 else values & 0xFFFFFFFF
    for word in words.tolist():
        digest = ((digest ^ word) * _PRIME) & 0xFFFFFFFF
    return digest


def test_source(program: Program, name: str, expected: Vectors) -> str:
    """The text of `<name>_test.c`: `uint32_t <name>_hash(void)` and `int <name>_test(void)`, 0 when all is equal."""
    upper, is_float = name.upper(), program.is_float
    kind, time = ("float", "float") if is_float else ("int32_t", "uint32_t")
    rom, inputs, outputs = f"{upper}_ROM ", len(program.names), expected.y.shape[2]
    golden = expected.y[0, :GOLDEN].ravel()
    centre = array(f"{upper}_CENTRE", kind, centres(program), rom)
    spread = array(f"{upper}_SPREAD", "float", _spreads(program), rom) if is_float else ""
    value = f"(((float)k * {literal(1 / 4096, True)}) * {upper}_SPREAD[i]) + {upper}_CENTRE[i]"
    return _TEST.format(
        p=name,
        P=upper,
        kind=kind,
        time=time,
        inputs=inputs,
        outputs=outputs,
        steps=STEPS,
        series=SERIES,
        golden=array(f"{upper}_GOLDEN", kind, golden, rom),
        count=len(golden),
        centre=centre,
        spread=spread,
        digest=expected.digest,
        value=value if is_float else f"k + {upper}_CENTRE[i]",
        ticks=f"(float)ticks * {literal(float(_tick(program)), True)}" if is_float else "ticks",
        word=_WORD_FLOAT if is_float else _WORD_INT,
        states="\n".join(_state_loop(name, key, slot.size, is_float) for key, slot in program.states().items()),
        seed=_SEED,
        golden_steps=GOLDEN,
        offset=_OFFSET,
    )


def _state_loop(name: str, key: str, size: int, is_float: bool) -> str:
    element = f"{name}_state_now.{key}[i]"
    word = f"{name}_word({element})" if is_float else f"{name}_word((int32_t){element})"
    return f"""        for (i = 0u; i < {size}u; ++i)
        {{
            digest = (digest ^ {word}) * 16777619u;
        }}"""


_WORD_INT = "    return (uint32_t)value;"
_WORD_FLOAT = """    union
    {
        float number;
        uint32_t bits;
    } both;
    both.number = value;
    return both.bits;"""

_TEST = """/* Self-test: {series} series of {steps} steps against the answers of the reference. Needs no library. */
#include "{p}.h"

#if defined(__AVR__) && !defined(__cplusplus)
#define {P}_ROM __flash
#else
#define {P}_ROM
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

uint32_t {p}_hash(void);
int {p}_test(void);
uint_fast16_t {p}_mismatch(void);

/* Answers of the first {golden_steps} steps. */
{golden}
{centre}
{spread}
static uint32_t {p}_random;
static {p}_state {p}_state_now;
static uint_fast16_t {p}_first_mismatch;

static uint32_t {p}_next(void)
{{
    {p}_random ^= {p}_random << 13;
    {p}_random ^= {p}_random >> 17;
    {p}_random ^= {p}_random << 5;
    return {p}_random;
}}

static uint32_t {p}_word({kind} value)
{{
{word}
}}

static {time} {p}_time(void)
{{
    const uint32_t r = {p}_next();
    uint32_t ticks = r >> 12;
    if ((r & 31u) == 0u)
    {{
        ticks = 0u;
    }}
    else if ((r & 31u) == 1u)
    {{
        ticks = r;
    }}
    else if ((r & 31u) == 2u)
    {{
        ticks = r >> 22;
    }}
    return {ticks};
}}

static {kind} {p}_input(uint_fast16_t i)
{{
    const uint32_t r = {p}_next();
    int32_t k = (int32_t)(r >> 18) - INT32_C(8192);
    if ((r & 15u) == 0u)
    {{
        k *= INT32_C(16);
    }}
    return {value};
}}

uint32_t {p}_hash(void)
{{
    uint32_t digest = {offset}u;
    uint_fast16_t series;
    uint_fast16_t step;
    uint_fast16_t i;
    {p}_first_mismatch = 0u;
    for (series = 0u; series < {series}u; ++series)
    {{
        {p}_random = {seed}u ^ ((uint32_t)series * 2654435769u);
        {p}_init(&{p}_state_now);
        for (step = 0u; step < {steps}u; ++step)
        {{
            {kind} x[{inputs}];
            {kind} y[{outputs}];
            const {time} dt = {p}_time();
            for (i = 0u; i < {inputs}u; ++i)
            {{
                x[i] = {p}_input(i);
            }}
            (void){p}_step(&{p}_state_now, x, dt, y);
            for (i = 0u; i < {outputs}u; ++i)
            {{
                digest = (digest ^ {p}_word(y[i])) * 16777619u;
                if ((series == 0u) && (step < {golden_steps}u) && ({p}_first_mismatch == 0u)
                    && ({p}_word(y[i]) != {p}_word({P}_GOLDEN[(step * {outputs}u) + i])))
                {{
                    {p}_first_mismatch = step + 1u;
                }}
            }}
        }}
{states}
    }}
    return digest;
}}

/* The first step (from 1) whose answer differs, 0 for none among those kept. */
uint_fast16_t {p}_mismatch(void)
{{
    return {p}_first_mismatch;
}}

/* 0: every answer and state is the reference's, to the bit. */
int {p}_test(void)
{{
    const uint32_t digest = {p}_hash();
    return (({p}_first_mismatch == 0u) && (digest == {digest}u)) ? 0 : 1;
}}

#if defined({P}_TEST_MAIN)
int main(void)
{{
    return {p}_test();
}}
#endif
"""
