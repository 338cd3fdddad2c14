"""Builds an export for real machines and simulated chips, runs its self-test there and measures it.

x86-64 runs here, and valgrind's callgrind counts its instructions where it is installed; Cortex-M and RISC-V run in
QEMU, which counts them (`-icount shift=0`: one virtual nanosecond each, read from SysTick or `minstret`); AVR runs in
simavr, which counts cycles. All counts are exact. Flash is the code and constants of the export alone, stack what the
compiler states for its functions (`-fstack-usage`).
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from caudal.errors import BackendError, InputError
from caudal.export.c import golden, machine_code
from caudal.export.c.machine_code import COUNTED_STEPS
from caudal.export.c.verify import sources
from caudal.export.program.program import Program

_SECONDS = 600
# What compilers and linkers say of code or tables beyond the memory of a chip.
_TOO_LARGE = ("will not fit in region", "overflowed by", "is too large", "relocation truncated to fit")


@dataclass(frozen=True)
class Target:
    """A machine, how to build for it and how to run there.

    Attributes:
        name: as users type it.
        compiler: program that compiles.
        flags: for this machine.
        runner: the command that runs the built file, its name appended; empty to run it directly.
        support: file of `machine_code` with start-up and counters.
        counts: what is counted: "instructions", "cycles" or "".
        ram: bytes of memory; 0 where it is more than any circuit needs.
    """

    name: str
    compiler: str
    flags: tuple[str, ...]
    runner: tuple[str, ...] = ()
    support: str = "host"
    counts: str = ""
    ram: int = 0

    def missing(self) -> str:
        """The program that is not installed, or "".

        Example:
            >>> Target("here", "no-such-compiler", ()).missing()
            'no-such-compiler'
        """
        needed = [self.compiler, *self.runner[:1]]
        return next((program for program in needed if shutil.which(program) is None), "")


def _arm(name: str, cpu: str, board: str, *more: str) -> Target:
    flags = ("-mthumb", f"-mcpu={cpu}", *more, "-nostartfiles", "--specs=nano.specs")
    runner = (
        "qemu-system-arm",
        "-M",
        board,
        "-nographic",
        "-monitor",
        "none",
        "-serial",
        "none",
        "-semihosting-config",
        "enable=on,target=native",
        "-icount",
        "shift=0",
        "-kernel",
    )
    return Target(name, "arm-none-eabi-gcc", flags, runner, "arm", "instructions")


_RISCV = (
    "qemu-system-riscv32",
    "-M",
    "virt",
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "stdio",
    "-bios",
    "none",
    "-icount",
    "shift=0",
    "-kernel",
)
_HARD = ("-mfloat-abi=hard",)
_RV = ("-mabi=ilp32", "-nostartfiles", "--specs=picolibc.specs")

TARGETS: dict[str, Target] = {
    chip.name: chip
    for chip in (
        Target("x86-64 gcc", "gcc", (), counts="instructions"),
        Target("x86-64 clang", "clang", (), counts="instructions"),
        _arm("Cortex-M0", "cortex-m0", "microbit"),
        _arm("Cortex-M3", "cortex-m3", "mps2-an385"),
        _arm("Cortex-M4F", "cortex-m4", "mps2-an386", "-mfpu=fpv4-sp-d16", *_HARD),
        _arm("Cortex-M7", "cortex-m7", "mps2-an500", "-mfpu=fpv5-sp-d16", *_HARD),
        Target("RV32IMAC", "riscv64-unknown-elf-gcc", ("-march=rv32imac", *_RV), _RISCV, "riscv", "instructions"),
        Target(
            "AVR",
            "avr-gcc",
            ("-mmcu=atmega328p",),
            ("simavr", "-m", "atmega328p", "-f", "16000000"),
            "avr",
            "cycles",
            ram=2048,
        ),
    )
}


@dataclass(frozen=True)
class Measured:
    """What one build did.

    Attributes:
        target: its name.
        digest: hash of all answers and final states of the golden vectors.
        counted: instructions or cycles per step, the mean over random inputs at one typical gap; None on this machine
            where valgrind is not installed.
        least, most: of a single step; None on this machine. On Cortex-M a reading is exact to 40 instructions (M0: 63).
        counts: "instructions", "cycles" or "".
        flash: bytes of code and constants of the export.
        state: bytes of the state.
        stack: bytes on the stack, at most.
    """

    target: str
    digest: int
    counted: float | None
    least: float | None
    most: float | None
    counts: str
    flash: int
    state: int
    stack: int

    @property
    def overrun(self) -> int:
        """Bytes that state and stack need beyond the memory of the machine; more than 0 spoils its answers."""
        ram = TARGETS[self.target].ram
        return max(0, self.state + self.stack - ram) if ram else 0


def available() -> dict[str, str]:
    """Every target, and the program it lacks here ("" for none).

    Example:
        >>> "Cortex-M4F" in available()
        True
    """
    return {name: target.missing() for name, target in TARGETS.items()}


def measure(
    folder: str | Path, target: str, *, optimise: str = "-O2", extra: Iterable[str] = (), steps: int = COUNTED_STEPS
) -> Measured:
    """Build an export for a target, run its golden vectors there and measure it.

    Arguments:
        folder: what `caudal.export.c` wrote.
        target: one of `TARGETS`.
        optimise: optimisation flag of the compiler.
        extra: further flags.
        steps: random steps whose instructions are counted.

    Raises:
        InputError: no such target.
        MissingFileError, FileFormatError: the folder holds no export, or one whose C is not that of its proof.
        BackendError: a program is missing, the build fails, or the run ends without an answer.
    """
    if target not in TARGETS:
        raise InputError("measure", "target", f"is {target!r}", f"Name one of {', '.join(TARGETS)}.")
    chip = TARGETS[target]
    if chip.missing():
        fault = f"measure: {target} needs `{chip.missing()}`, which is not installed."
        raise BackendError(f"{fault} See the page on export for the packages.")
    proof, files = sources(folder)
    name, program = proof.name, proof.program
    files[f"{name}_test.c"] = golden.test_source(program, name, golden.vectors(program))
    files |= {"main.c": machine_code.main(name, steps), "unit.h": _unit(program)}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        _lay(work, {**files, **machine_code.support(chip.support)})
        build = partial(_compile, chip, name, work, optimise, tuple(extra))
        flash, stack = build()
        digest, (total, least, most), size = _figures(_run(chip, work), target)
        if not chip.runner:
            counted = _here(work, name, steps, build) if is_there() else None
            counts = "" if counted is None else chip.counts
            return Measured(target, digest, counted, None, None, counts, flash, size, stack)
    return Measured(target, digest, total / steps, least, most, chip.counts, flash, size, stack)


def _here(work: Path, name: str, steps: int, build: Callable[[], object]) -> float:
    call = partial(_call, work=work, both=True)
    return per_step(work, f"{name}_step", steps, build, call)


def footprint(folder: str | Path, target: str, *, optimise: str = "-O2", extra: Iterable[str] = ()) -> tuple[int, int]:
    """Build an export for a target and size it, without running it: the compiler alone is needed.

    Arguments:
        folder, target, optimise, extra: as in `measure`.

    Returns:
        bytes of flash and of stack, as in `Measured`.

    Raises:
        InputError: no such target.
        MissingFileError, FileFormatError: the folder holds no export, or one whose C is not that of its proof.
        BackendError: the compiler is missing, or the build fails.
    """
    if target not in TARGETS:
        raise InputError("footprint", "target", f"is {target!r}", f"Name one of {', '.join(TARGETS)}.")
    chip = TARGETS[target]
    if shutil.which(chip.compiler) is None:
        raise BackendError(f"footprint: {target} needs `{chip.compiler}`, which is not installed.")
    proof, files = sources(folder)
    with tempfile.TemporaryDirectory() as scratch:
        _lay(Path(scratch), files)
        return _sizes(chip, proof.name, Path(scratch), _flags(chip, optimise, tuple(extra)))


def _lay(work: Path, files: dict[str, str]) -> None:
    """Files written again from the proof: what is built is never a file of the folder that was given."""
    for name, text in files.items():
        (work / name).write_text(text, encoding="utf-8", newline="\n")


def _unit(program: Program) -> str:
    if program.is_float:
        return machine_code.unit(True, f"{1 / program.clock.scale!r}f")
    return machine_code.unit(False, f"{round(2**20 * 2**program.clock.shift / program.clock.factor)}u")


def _flags(chip: Target, optimise: str, extra: tuple[str, ...]) -> list[str]:
    standard = "-std=gnu99" if chip.support == "avr" else "-std=c99"
    usual = [chip.compiler, *chip.flags, standard, optimise, "-ffp-contract=off", "-ffunction-sections", *extra]
    return [*usual, "-Wno-unused-command-line-argument"] if chip.compiler == "clang" else usual


def _compile(chip: Target, name: str, work: Path, optimise: str, extra: tuple[str, ...]) -> tuple[int, int]:
    usual = _flags(chip, optimise, extra)
    sizes = _sizes(chip, name, work, usual)
    linker = ["-Wl,--gc-sections", *(["-T", "link.ld"] if (work / "link.ld").exists() else [])]
    inputs = ["main.c", "machine.c", f"{name}_test.c", "export.o"]
    _call([*usual, "-I.", *inputs, *linker, "-o", "run.elf"], work)
    return sizes


def _sizes(chip: Target, name: str, work: Path, usual: list[str]) -> tuple[int, int]:
    """Flash and stack of the export alone, left as `export.o`."""
    states = [] if chip.compiler == "clang" else ["-fstack-usage"]
    compile_only = [flag for flag in usual if flag != "-nostartfiles"]
    _call([*compile_only, *states, "-c", f"{name}.c", "-o", "export.o"], work)
    tool = chip.compiler.replace("gcc", "size").replace("clang", "size")
    listed = _call([tool, "-A", "export.o"], work)
    flash = sum(int(n) for key, n in re.findall(r"^(\.(?:text|rodata|data|progmem)\S*)\s+(\d+)", listed, re.M))
    return flash, _stack(work)


def _stack(work: Path) -> int:
    """Deepest stack: the step's own, and of what it calls the largest."""
    sizes = {
        line.split("\t")[0].rsplit(":", 1)[-1]: int(line.split("\t")[1])
        for su in work.glob("*.su")
        for line in su.read_text().splitlines()
    }
    step = next((n for key, n in sizes.items() if key.endswith("_step")), 0)
    others = [n for key, n in sizes.items() if not key.endswith(("_step", "_init"))]
    return step + max(others, default=0)


def _call(command: list[str], work: Path, *, both: bool = False) -> str:
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"measure: {command[0]} did not run ({error}).") from error
    if any(words in done.stderr for words in _TOO_LARGE):
        raise BackendError(f"measure: the export does not fit this machine (`{command[0]}`). Take a larger one.")
    if done.returncode:
        raise BackendError(f"measure: `{command[0]}` failed: {done.stderr.strip()[:2000]}")
    return done.stdout + done.stderr if both else done.stdout


def _run(chip: Target, work: Path) -> str:
    command = [*chip.runner, "run.elf"] if chip.runner else ["./run.elf"]
    try:
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"measure: {chip.name} gave no answer within {_SECONDS} s.") from error
    return done.stdout + done.stderr


def _figures(output: str, target: str) -> tuple[int, tuple[float, float, float], int]:
    """Hash; total, fewest and most instructions or cycles; size of the state: from what the program printed."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    match = re.search(r"caudal" + r" ([0-9a-f]{8})" * 6, plain)
    if match is None:
        raise BackendError(f"measure: {target} ended without an answer; it said {plain.strip()[-500:]!r}.")
    digest, total, scale, size, least, most = (int(word, 16) for word in match.groups())
    return digest, (total * scale / 256, least * scale / 256, most * scale / 256), size


# The same program without any counted step tells what the golden vectors took.
_WITHOUT = "#define COUNTED 0"


def is_there() -> bool:
    """Whether callgrind is installed."""
    return shutil.which("valgrind") is not None


def per_step(
    work: Path, function: str, steps: int, build: Callable[[], object], call: Callable[[list[str]], str]
) -> float:
    """Mean instructions of one call of the step, at one typical gap and random inputs.

    Arguments:
        work: folder with `main.c`, built as `run.elf`.
        function: name of the step.
        steps: that `main.c` counts.
        build: builds `main.c` again.
        call: runs a command in `work`, and gives what it said.

    Raises:
        BackendError: callgrind counts nothing.
    """
    counted = _collected(function, call)
    main = work / "main.c"
    main.write_text(re.sub(r"^#define COUNTED \d+", _WITHOUT, main.read_text(), count=1))
    build()
    return (counted - _collected(function, call)) / steps


def _collected(function: str, call: Callable[[list[str]], str]) -> int:
    options = ["--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={function}"]
    output = call(["valgrind", *options, "./run.elf"])
    match = re.search(r"Collected\s*:\s*(\d+)", output)
    if match is None:
        raise BackendError(f"measure: valgrind counted nothing; it said {output.strip()[-300:]!r}.")
    return int(match.group(1))
