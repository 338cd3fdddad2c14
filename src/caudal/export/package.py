"""`caudal.export.c`: a layer as a folder of C that builds anywhere, with its proof and its golden vectors."""

import hashlib
import json
import math
import os
import re
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from caudal._version import __version__
from caudal.data import Encoder
from caudal.errors import InputError
from caudal.export import check, deadband, emit, folder_texts, vectors
from caudal.export.assemble import neurons_of
from caudal.export.fixed import lower_fixed
from caudal.export.floats import lower_float
from caudal.export.intervals import Broken
from caudal.export.plan import Plan
from caudal.export.program import Program, to_json
from caudal.export.read import INPUT_RANGE, describe

Dtype = Literal["float32", "int16", "int8"]
Width = Literal["auto", "int16", "int32"]
DTYPES = ("float32", "int16", "int8")
FORMAT = 1
# A table of more weights is no program for a small machine, and takes hours to prove.
MOST_WEIGHTS = 1_000_000
# Without a word from the user, times down to half of the typical gap must be resolved.
USUAL_SHORTEST = 0.5


@dataclass(frozen=True, eq=False)
class Export:
    """What was written.

    Attributes:
        folder: where.
        program: the step in machine terms; `Twin(program)` runs it in NumPy.
        dt_min: shortest usable elapsed time, in the user's unit; 0 where none is.
        digest: hash that every build must answer for the golden vectors.
    """

    folder: Path
    program: Program
    dt_min: float
    digest: int


def c(
    model: Any,
    folder: str | os.PathLike[str],
    dtype: Dtype = "int16",
    *,
    encoder: Encoder | None = None,
    name: str = "policy",
    state: Width = "auto",
    shortest_dt: float | None = None,
    constant_time: bool = False,
    input_range: float = INPUT_RANGE,
) -> Export:
    """Write a model's step as C99 that needs `<stdint.h>` alone, with self-test, proof and README.

    Arguments:
        model: a layer (see `export.describe`) or a fitted estimator.
        folder: to be made; an empty one may be there.
        dtype: `"float32"`; `"int16"`: weights and states of 16 bits; `"int8"`: weights of 8, states of 16 bits.
        encoder: scales that become part of the step; an estimator brings its own.
        name: prefix of files and functions.
        state: width of states that relax (LTC, LRC, CT-RNN) in integers: `"auto"` takes 32 bits where 16 do not
            resolve `shortest_dt`.
        shortest_dt: shortest elapsed time that will be asked for, in the user's unit; half of the typical gap when
            left out.
        constant_time: integers without a branch or a division whose time depends on inputs or states.
        input_range: integers clamp scaled inputs beyond it.

    Returns:
        what was written, and the program for the twin.

    Raises:
        InputError: the model has no C form or more than a million weights, an argument is out of range, 16 bits do
            not resolve `shortest_dt` and `state="int16"`, or the folder is not empty.
        OSError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from caudal.nn import LTC
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     made = c(LTC(2, 3), f"{scratch}/policy")
        ...     sorted(path.name for path in made.folder.iterdir() if path.is_file())
        ['README.md', 'library.properties', 'policy.c', 'policy.h', 'proof.json']
    """
    place = _checked(folder, dtype, name, state, constant_time)
    plan = describe(model, encoder, input_range=input_range)
    _small_enough(plan)
    program, dt_min = lower(plan, dtype, state=state, shortest_dt=shortest_dt)
    found = vectors.vectors(program)
    files = _files(program, plan, name, found, dt_min, constant_time)
    _write(place, files)
    return Export(place, program, dt_min, found.digest)


def lower(
    plan: Plan, dtype: Dtype, *, state: Width = "auto", shortest_dt: float | None = None
) -> tuple[Program, float]:
    """The program of a plan, its states as wide as they have to be, and the shortest usable time.

    Raises:
        InputError: see `c`.
    """
    gap = plan.scaling.gap
    if shortest_dt is not None and not (math.isfinite(shortest_dt) and shortest_dt > 0):
        raise InputError("export", "shortest_dt", f"is {shortest_dt}", "Pass a time above 0, or leave it out.")
    if dtype == "float32":
        return lower_float(plan), plan.dt_min * gap
    asked = USUAL_SHORTEST if shortest_dt is None else shortest_dt / gap
    program = _proven(plan, dtype, state == "int32")
    dt_min = max(plan.dt_min, 0.0 if state == "int32" else deadband.shortest(program, check.bounds(program)))
    if state == "int16" and shortest_dt is not None and dt_min > asked:
        fault = f'is "int16", which resolves times from {dt_min * gap:.3g} on; {shortest_dt:.3g} was asked for'
        raise InputError("export", "state", fault, 'Pass `state="int32"` or "auto".')
    if state == "auto" and dt_min > asked and dt_min > plan.dt_min:
        program, dt_min = _proven(plan, dtype, True), plan.dt_min
    clock = replace(program.clock, shortest=max(program.clock.shortest, math.ceil(dt_min * 2**20)))
    return replace(program, clock=clock), dt_min * gap


def _proven(plan: Plan, dtype: str, wide: bool) -> Program:
    program = lower_fixed(plan, dtype, wide=wide)
    try:
        check.bounds(program)
    except Broken as fault:
        sentence = f"has no proof that its integers stay in range ({fault})"
        raise InputError("export", "model", sentence, 'Export it with `dtype="float32"`.') from fault
    return program


def _small_enough(plan: Plan) -> None:
    count = sum(links.weights.size for neurons, _ in neurons_of(plan) for links in neurons.links)
    if count > MOST_WEIGHTS:
        fault = f"holds {count:,} weights; C is written for up to {MOST_WEIGHTS:,}"
        raise InputError("export", "model", fault, "Export it to ONNX, or train a sparse circuit.")


def _checked(folder: str | os.PathLike[str], dtype: str, name: str, state: str, constant_time: bool) -> Path:
    place = Path(os.path.realpath(folder))
    if dtype not in DTYPES:
        raise InputError("export", "dtype", f"is {dtype!r}", f"Pass one of {', '.join(DTYPES)}.")
    if state not in ("auto", "int16", "int32"):
        raise InputError("export", "state", f"is {state!r}", 'Pass "auto", "int16" or "int32".')
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name):
        fault = f"is {name!r}; it becomes part of C names"
        raise InputError("export", "name", fault, 'Pass small letters, digits and "_", such as "policy".')
    if constant_time and dtype == "float32":
        fault = "is set with float32, whose instructions' time is the processor's affair"
        raise InputError("export", "constant_time", fault, 'Export with `dtype="int16"`.')
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        fault = f"is not empty: {place}" if place.is_dir() else f"is a file: {place}"
        raise InputError("export", "folder", fault, "Pass a new folder.")
    return place


def _files(
    program: Program, plan: Plan, name: str, found: vectors.Vectors, dt_min: float, constant_time: bool
) -> dict[str, str]:
    files = {
        f"{name}.c": emit.source(program, name, constant_time=constant_time),
        f"{name}.h": emit.interface(program, name),
        f"test/{name}_test.c": vectors.test_source(program, name, found),
    }
    proof: dict[str, Any] = {
        "format": FORMAT,
        "caudal": __version__,
        "name": name,
        "constant_time": constant_time,
        "dt_min": dt_min,
        "golden": found.digest,
        "files": {key: hashlib.sha256(text.encode()).hexdigest() for key, text in files.items()},
        "claims": {} if program.is_float else claims(check.bounds(program)),
        "program": to_json(program),
    }
    files["proof.json"] = json.dumps(proof, allow_nan=False)
    files |= folder_texts.texts(program, plan, name, dt_min)
    return files


def claims(found: check.Bounds) -> dict[str, Any]:
    """The bounds of a program as JSON: what every sum and every vector stays within."""
    ends = {name: [int(part.low.min()), int(part.high.max())] for name, part in found.slots.items()}
    sums = {
        name: [[int(part.low.min()), int(part.high.max())] for part in parts] for name, parts in found.totals.items()
    }
    least = {name: int(part.min()) for name, part in found.divisors.items()}
    return {"vectors": ends, "sums": sums, "smallest conductance": least}


def _write(place: Path, files: dict[str, str]) -> None:
    """All files or none: a folder beside, renamed once it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        for key, text in files.items():
            path = beside / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, place)  # noqa: PTH105
    finally:
        shutil.rmtree(beside, ignore_errors=True)
