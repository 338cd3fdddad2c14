"""The texts around an export: README, and what Arduino and Zephyr need to take the folder as a library."""

from caudal._version import __version__
from caudal.export.c.text import Thresholds
from caudal.export.program.program import Program


def texts(
    program: Program,
    name: str,
    *,
    answers: tuple[str, ...],
    input_range: float,
    dt_min: float,
    thresholds: Thresholds = (),
) -> dict[str, str]:
    """Files by path, from a program and what its numbers mean in the user's units.

    Arguments:
        answers: what each number of `y` means.
        input_range: deviations beyond which an input is clamped.
        dt_min: shortest usable elapsed time; 0 where none is.
        thresholds: see `text.Thresholds`.
    """
    words = _float_words(program, answers)
    if not program.is_float:
        words = _integer_words(program, answers, input_range, dt_min, name)
    words += _change_words(program, name, thresholds) if thresholds else []
    return {
        "README.md": _readme(program, name, words),
        "library.properties": _arduino(name),
        "examples/Step/Step.ino": _sketch(program, name),
        "zephyr/module.yml": f"name: {name}\nbuild:\n  cmake: zephyr\n",
        "zephyr/CMakeLists.txt": (
            f"zephyr_library_named({name})\n"
            f"zephyr_library_sources(${{CMAKE_CURRENT_SOURCE_DIR}}/../{name}.c)\n"
            "zephyr_include_directories(${CMAKE_CURRENT_SOURCE_DIR}/..)\n"
        ),
    }


def _arduino(name: str) -> str:
    return (
        f"name={name}\nversion=1.0.0\nauthor=caudal {__version__}\nmaintainer=caudal\n"
        "sentence=A trained recurrent network in C.\nparagraph=No heap, no library, state in your struct.\n"
        f"category=Data Processing\nurl=https://arduino.cc\narchitectures=*\nincludes={name}.h\n"
    )


def _sketch(program: Program, name: str) -> str:
    upper, kind = name.upper(), "float" if program.is_float else "int32_t"
    reading = "(float)analogRead(A0)" if program.is_float else f"({kind})(analogRead(A0) * {upper}_X_SCALE_0)"
    unit_time = "1.0f" if program.is_float else f"(uint32_t)(1.0f * {upper}_DT_SCALE)"
    answer = "y[0]" if program.is_float else f"(float)y[0] / {upper}_Y_SCALE_0"
    return f"""#include <{name}.h>

static {name}_state state;

void setup() {{
  Serial.begin(115200);
  {name}_init(&state);
}}

void loop() {{
  {kind} x[{upper}_INPUTS] = {{0}};
  {kind} y[{upper}_OUTPUTS];
  x[0] = {reading}; /* fill all {upper}_INPUTS */
  {name}_step(&state, x, {unit_time}, y);
  Serial.println({answer});
  delay(1000);
}}
"""


def _readme(program: Program, name: str, words: list[str]) -> str:
    upper = name.upper()
    numbers = "float32" if program.is_float else f"integers ({program.dtype} weights)"
    lines = [
        f"# {name}",
        "",
        f"`{program.layer}` in {numbers}, written by caudal {__version__}. C99, `<stdint.h>` alone, no heap, no",
        "recursion, no maths library; the state lies in your struct and takes "
        f"{program.state_bytes()} bytes. Take the folder as an Arduino library or a",
        "Zephyr module, or add the one C file to any build.",
        "",
        "```c",
        f'#include "{name}.h"',
        f"{name}_state state;",
        f"{name}_init(&state);",
        f"{name}_step(&state, x, dt, y); /* once per reading */",
        "```",
        "",
        *words,
        "## Test",
        "",
        "```",
        f"cc -std=c99 -ffp-contract=off -D{upper}_TEST_MAIN -I. {name}.c test/{name}_test.c -o ../selftest",
        "../selftest",
        "```",
        "",
        "It runs 1,000 steps and ends with 0 when every answer and every state is, to the bit, that of the reference.",
        "Build outside this folder: `caudal export verify` calls every further file in it a fault.",
        "",
    ]
    return "\n".join(lines)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join([*names[:8], *(["..."] if len(names) > 8 else [])])


def _float_words(program: Program, answers: tuple[str, ...]) -> list[str]:
    return [
        f"Inputs ({_some(program.names)}), time and answers ({_some(answers)}) are in",
        "the units of the training data. Compile with `-ffp-contract=off` (the default of gcc with `-std=c99`) and",
        "never with `-ffast-math`: then the numbers are the same to the bit on every machine with IEEE floats.",
        "",
    ]


def _change_words(program: Program, name: str, thresholds: Thresholds) -> list[str]:
    rows = [
        f"| {label} | {'never counts' if least is None else f'{least:.6g}'} |"
        for label, least in zip(program.names, thresholds, strict=True)
    ]
    return [
        "## Compute only when something happened",
        "",
        f"`{name}_step_on_change` computes the first step, and then those at which an input moved by more than its",
        "threshold since the last computed one. Otherwise it compares, lets the elapsed times add up, and answers",
        f"as before with `{name.upper()}_UNCHANGED`. `computed` and `steps` of its struct tell how many were computed.",
        "",
        "| input | threshold |",
        "|---|---|",
        *rows[:16],
        *([f"| {len(rows) - 16} more, see the C | |"] if len(rows) > 16 else []),
        "",
    ]


def _whole(bits: int) -> str:
    """A power of two in full: whoever copies it must get every bit of an answer."""
    return str(2**bits) if bits >= 0 else f"1/{2**-bits}"


def _integer_words(
    program: Program, answers: tuple[str, ...], input_range: float, dt_min: float, name: str
) -> list[str]:
    rows = [
        f"| `x[{k}]` | {label} | {_whole(bits)} |"
        for k, (label, bits) in enumerate(zip(program.names, program.input_bits, strict=True))
    ]
    shown = rows[:16] + ([f"| ... | {len(rows) - 16} more, see the header | |"] if len(rows) > 16 else [])
    words = [
        "| number | meaning | value times |",
        "|---|---|---|",
        *shown,
        f"| `dt_raw` | time since the previous step | {_whole(program.clock.bits)} |",
        *(
            f"| `y[{k}]` | {label} | {_whole(bits)} |"
            for k, (label, bits) in list(enumerate(zip(answers, program.output_bits, strict=True)))[:16]
        ),
        "",
        f"An input further than {input_range:g} deviations from its mean counts as {input_range:g} deviations.",
    ]
    if dt_min > 0:
        words.append(
            f"Times below {dt_min:.3g} are too short for this state; the step then returns `{name.upper()}_DT_SHORT`."
        )
    return [
        *words,
        "",
        "## Proof",
        "",
        "`proof.json` holds every number of this code, the range of every sum and vector, and the digest of the model",
        "that it was made from. `caudal export verify FOLDER --model MODEL` makes this folder again from the model,",
        "compares every byte, and checks that nothing can overflow for any input and any time.",
        "",
        "## Relaxation",
        "",
        "Neurons that relax compute `v + (num - den v) / (c / dt + den)` with the divisor rounded up by one and the",
        "quotient to nearest: the state can then never leave the range of the potentials that pull at it.",
        "",
    ]
