"""`caudal.export.c`: a layer as a folder of C that builds anywhere, with its proof and its golden vectors."""

import hashlib
import math
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from caudal import limits
from caudal.data import Encoder
from caudal.data.changes import thresholds_of
from caudal.errors import InputError
from caudal.export.c import golden as golden_module
from caudal.export.c import proof
from caudal.export.c.proof import DTYPES, PREFIX, STATES, ExportProof, Options
from caudal.export.c.proof import claims as claims
from caudal.export.c.text import Thresholds
from caudal.export.plan.plan import Plan
from caudal.export.plan.read import INPUT_RANGE, describe
from caudal.export.program import bounds
from caudal.export.program.assemble import neurons_of
from caudal.export.program.intervals import Broken
from caudal.export.program.lower_fixed import lower_fixed
from caudal.export.program.lower_float import lower_float
from caudal.export.program.program import Program, label
from caudal.nn.digest import model_digest

Dtype = Literal["float32", "int16", "int8"]
Width = Literal["auto", "int16", "int32"]
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
    model: object,
    folder: str | os.PathLike[str],
    dtype: Dtype = "int16",
    *,
    encoder: Encoder | None = None,
    name: str = "policy",
    state: Width = "auto",
    shortest_dt: float | None = None,
    constant_time: bool = False,
    input_range: float = INPUT_RANGE,
    send_on_change: float | Mapping[str, float] | None = None,
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
        send_on_change: thresholds as of an estimator: the C gets a second step, computed only when an input moved by
            more than its own; those of the encoder, where it has any, when left out.

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
    thresholds = _thresholds(model, encoder, send_on_change)
    shortest = None if shortest_dt is None else float(shortest_dt)
    options = Options(dtype, state, shortest, float(input_range), constant_time, thresholds)
    place = _checked(folder, name, options)
    stated = made(model, name, options, encoder)
    golden = golden_module.vectors(stated.program).digest
    _write(place, proof.files(stated))
    return Export(place, stated.program, stated.dt_min, golden)


def _thresholds(model: object, encoder: Encoder | None, asked: float | Mapping[str, float] | None) -> Thresholds:
    """Thresholds of all inputs in the user's units; features of a whole series never count.

    Raises:
        InputError: a threshold is no number of at least 0, a name is unknown, or an input may be missing.
    """
    encoder = encoder or getattr(model, "encoder_", None)
    if encoder is None:
        inputs = getattr(model, "inputs", 0)
        return thresholds_of(asked, [f"x{k}" for k in range(inputs)], [1.0] * inputs)
    changes = encoder if asked is None else encoder.with_thresholds(asked)
    if not changes.thresholds:
        return ()
    if encoder.indicators or encoder.elapsed != "none":
        fault = "is asked for, and the model reads which inputs are missing, which this rule on a chip does not"
        remedy = "Fit it on series without holes, or without `send_on_change`."
        raise InputError("export", "send_on_change", fault, remedy)
    moved = tuple(least * std for least, std in zip(changes.thresholds, encoder.scaler.std, strict=True))
    others = getattr(getattr(model, "net_", model), "inputs", 0) - len(moved)
    return (*moved, *(None for _ in range(others)))


def made(model: object, name: str, options: Options, encoder: Encoder | None = None) -> ExportProof:
    """What an export of a model states: a function of these arguments alone, in every process.

    Raises:
        InputError: the model has no C form, or the options do not suit it; see `c`.
    """
    plan = describe(model, encoder, input_range=options.input_range)
    _small_enough(plan)
    width = cast(Width, options.state)
    program, dt_min = lower(plan, cast(Dtype, options.dtype), state=width, shortest_dt=options.shortest_dt)
    return ExportProof(
        name,
        model_digest(model),
        "" if encoder is None else hashlib.sha256(encoder.to_json().encode()).hexdigest(),
        options,
        dt_min,
        tuple(map(label, plan.answers)),
        program,
    )


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
    dt_min = max(plan.dt_min, 0.0 if state == "int32" else bounds.shortest(program, bounds.bounds(program)))
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
        bounds.bounds(program)
    except Broken as fault:
        sentence = f"has no proof that its integers stay in range ({fault})"
        raise InputError("export", "model", sentence, 'Export it with `dtype="float32"`.') from fault
    return program


def _small_enough(plan: Plan) -> None:
    groups = neurons_of(plan)
    counts = {
        "weights": (sum(links.weights.size for neurons, _ in groups for links in neurons.links), limits.WEIGHTS),
        "elements in one vector": (max(vector.size for vector in plan.vectors.values()), limits.ELEMENTS),
        "sub-steps": (max((times for _, times in groups), default=1), limits.REPEATS),
    }
    for what, (count, most) in counts.items():
        if count > most:
            fault = f"holds {count:,} {what}; C is written for up to {most:,}"
            raise InputError("export", "model", fault, "Export it to ONNX, or train a smaller or sparse circuit.")


def _checked(folder: str | os.PathLike[str], name: str, options: Options) -> Path:
    place = Path(os.path.realpath(folder))
    if options.dtype not in DTYPES:
        raise InputError("export", "dtype", f"is {options.dtype!r}", f"Pass one of {', '.join(DTYPES)}.")
    if options.state not in STATES:
        raise InputError("export", "state", f"is {options.state!r}", 'Pass "auto", "int16" or "int32".')
    if not PREFIX.fullmatch(name):
        fault = f"is {name!r}; it becomes part of C names"
        raise InputError("export", "name", fault, 'Pass small letters, digits and "_", such as "policy".')
    if options.constant_time and options.dtype == "float32":
        fault = "is set with float32, whose instructions' time is the processor's affair"
        raise InputError("export", "constant_time", fault, 'Export with `dtype="int16"`.')
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        fault = f"is not empty: {place}" if place.is_dir() else f"is a file: {place}"
        raise InputError("export", "folder", fault, "Pass a new folder.")
    return place


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
