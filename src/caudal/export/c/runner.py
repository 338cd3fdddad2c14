"""The compiled export inside Python: the fastest way to take one step on a CPU, where a C compiler is present."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from caudal.errors import BackendError, ShapeError
from caudal.export.c.verify import sources
from caudal.export.program.twin import Twin
from caudal.typing import Array

_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-std=c99", "-O2", "-ffp-contract=off", "-fPIC", "-shared")


class Runner:
    """One stream through an exported step, compiled on the spot: the very numbers that the chip computes.

    What is compiled is written again from the checked program, in a folder of its own; no file of the export is run.

    Arguments:
        folder: what `caudal.export.c` wrote.
        compiler: program that compiles C; the first of cc, gcc and clang when left out.

    Raises:
        MissingFileError: the folder holds no export.
        FileFormatError: its proof cannot be read, its integers may overflow, or its C is not that of its proof.
        BackendError: there is no compiler, or it fails.

    Example:
        >>> from caudal.export import c
        >>> from caudal.nn import LTC
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     runner = Runner(c(LTC(2, 3), f"{scratch}/policy").folder)
        >>> before = runner.state
        >>> y = runner.step([0.5, -1.0], dt=1.0)
        >>> runner.state = before
        >>> y.shape, bool((runner.step([0.5, -1.0], dt=1.0) == y).all())
        ((3,), True)
    """

    def __init__(self, folder: str | os.PathLike[str], compiler: str | None = None) -> None:
        proof, files = sources(folder)
        name, program = proof.name, proof.program
        self._twin = Twin(program)
        library = _built(files, name, compiler or _found())
        self._step, init = getattr(library, f"{name}_step"), getattr(library, f"{name}_init")
        kind: Any = ctypes.c_float if program.is_float else ctypes.c_int32
        self._time: Any = ctypes.c_float if program.is_float else ctypes.c_uint32
        self._x = (kind * len(program.names))()
        self._y = (kind * program.slots["y"].size)()
        # Room for the padding of any compiler.
        self._state = ctypes.create_string_buffer(program.state_bytes() + 8 * len(program.states()))
        self._step.restype = ctypes.c_uint8
        self._init = init
        self.flags = 0
        self.reset()

    def reset(self) -> None:
        """Start anew from the initial state."""
        self._init(self._state)

    @property
    def state(self) -> bytes:
        """The state as the C holds it; it may be stored and set again."""
        return self._state.raw

    @state.setter
    def state(self, content: bytes) -> None:
        """Go on from a state that was read before.

        Raises:
            ShapeError: it holds another number of bytes.
        """
        if len(content) != len(self._state.raw):
            fault = f"holds {len(content)} bytes; expected {len(self._state.raw)}"
            raise ShapeError("Runner", "state", fault, "Set what `state` returned.")
        self._state.raw = content

    def step(self, x: ArrayLike, dt: float = 1.0) -> Array:
        """One step in the user's units; `flags` holds what the C returned.

        Arguments:
            x: `(inputs,)`.
            dt: time since the previous step.

        Raises:
            ShapeError: `x` has another size.
            TimeError: `dt` is negative or NaN.
        """
        given = np.asarray(x, np.float64)
        if given.shape != (len(self._x),):
            fault = f"has shape {given.shape}; expected ({len(self._x)},)"
            raise ShapeError("Runner", "x", fault, "Pass one number per input.")
        self._x[:] = self._twin.inputs(given).tolist()
        y = self.step_raw(int(self._twin.times(dt)) if self._time is ctypes.c_uint32 else float(dt))
        return self._twin.outputs(np.array(y))

    def step_raw(self, dt: float) -> Any:
        """One step on the numbers in `inputs`, as the C takes them, without a check: for tight loops.

        Returns:
            the answers as a ctypes array, overwritten by the next step.
        """
        self.flags = self._step(self._state, self._x, self._time(dt), self._y)
        return self._y

    @property
    def inputs(self) -> Any:
        """The ctypes array that `step_raw` reads."""
        return self._x

    def run(self, x: ArrayLike, dt: ArrayLike | None = None) -> Array:
        """Answers `(time, outputs)` to one series `(time, inputs)`, from the present state on."""
        rows = np.asarray(x, np.float64)
        times = np.ones(len(rows)) if dt is None else np.asarray(dt, np.float64)
        return np.stack([self.step(row, float(gap)) for row, gap in zip(rows, times, strict=True)])


def _found() -> str:
    compiler = next((name for name in _COMPILERS if shutil.which(name)), None)
    if compiler is None:
        raise BackendError(f"Runner: needs a C compiler, and none of {', '.join(_COMPILERS)} is installed.")
    return compiler


def _built(files: dict[str, str], name: str, compiler: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / f"{name}.so"
        for file, text in files.items():
            (Path(scratch) / file).write_text(text, encoding="utf-8", newline="\n")
        command = [compiler, *_FLAGS, str(Path(scratch) / f"{name}.c"), "-o", str(target)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BackendError(f"Runner: {compiler} did not run ({error}). Install a C compiler.") from error
        if done.returncode:
            raise BackendError(f"Runner: {compiler} failed: {done.stderr.strip()[:1000]}")
        return ctypes.CDLL(str(target))
