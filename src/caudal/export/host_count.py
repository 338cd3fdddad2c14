"""Instructions of a step on this very machine, counted by valgrind's callgrind: exact, for one compiler."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from caudal.errors import BackendError

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
    every = _collected(function, call)
    main = work / "main.c"
    main.write_text(re.sub(r"^#define COUNTED \d+", _WITHOUT, main.read_text(), count=1))
    build()
    return (every - _collected(function, call)) / steps


def _collected(function: str, call: Callable[[list[str]], str]) -> int:
    options = ["--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={function}"]
    said = call(["valgrind", *options, "./run.elf"])
    found = re.search(r"Collected\s*:\s*(\d+)", said)
    if found is None:
        raise BackendError(f"measure: valgrind counted nothing; it said {said.strip()[-300:]!r}.")
    return int(found.group(1))
