"""What an export states of itself, and every file of its folder as a function of that and nothing else.

An `ExportProof` is the program with what its numbers mean, the choices that it was made with and the digest of the
model that it was made from. `files` writes the whole folder from it: bounds, answers and digests are computed anew,
never read back, and no clock, order of a set or name of a machine has a part in it. So a folder is checked by writing
it again.
"""

import hashlib
import json
import math
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from caudal import limits
from caudal._version import __version__
from caudal.errors import FileFormatError, MissingFileError
from caudal.export.c import folder_texts, source
from caudal.export.c import golden as golden_module
from caudal.export.c.text import Thresholds
from caudal.export.program import bounds as bounds_module
from caudal.export.program.form import from_json, to_json
from caudal.export.program.program import Program, label
from caudal.files import read

FORMAT = 2
FILE = "proof.json"
DTYPES = ("float32", "int16", "int8")
STATES = ("auto", "int16", "int32")
PREFIX = re.compile(r"[a-z][a-z0-9_]{0,30}")
# No input is clamped further out: its square still has meaning in the units of the integers.
WIDEST_RANGE = 1e4
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS = (
    "format",
    "caudal",
    "name",
    "model",
    "encoder",
    "constant_time",
    "options",
    "dt_min",
    "answers",
    "golden",
    "files",
    "claims",
    "program",
)


@dataclass(frozen=True)
class Options:
    """The choices of an export; see `export.c`, and `text.Thresholds` for the last."""

    dtype: str = "int16"
    state: str = "auto"
    shortest_dt: float | None = None
    input_range: float = 8.0
    constant_time: bool = False
    thresholds: Thresholds = ()


@dataclass(frozen=True, eq=False)
class ExportProof:
    """What `proof.json` states that cannot be computed from the rest of it.

    Attributes:
        name: prefix of files and functions.
        model: digest of the model, as `audit.model_digest` gives it.
        encoder: SHA-256 of the JSON of an encoder that was passed beside the model; "" for none.
        options: the choices that it was made with.
        dt_min: shortest usable elapsed time in the user's unit; 0 where none is.
        answers: what each number of `y` means.
        program: the step.
        caudal: the version that wrote it.
    """

    name: str
    model: str
    encoder: str
    options: Options
    dt_min: float
    answers: tuple[str, ...]
    program: Program
    caudal: str = __version__


def code(proof: ExportProof) -> dict[str, str]:
    """The two files that a caller builds: the step and its header."""
    name, chosen = proof.name, proof.options
    written = source.source(proof.program, name, constant_time=chosen.constant_time, thresholds=chosen.thresholds)
    return {f"{name}.c": written, f"{name}.h": source.interface(proof.program, name, chosen.thresholds)}


def files(proof: ExportProof) -> dict[str, str]:
    """Every file of the folder by its path, `proof.json` included.

    Raises:
        Broken: integers of the program may leave their range.
    """
    program, name = proof.program, proof.name
    bounds = {} if program.is_float else claims(bounds_module.bounds(program))
    golden = golden_module.vectors(program)
    texts = code(proof)
    texts[f"test/{name}_test.c"] = golden_module.test_source(program, name, golden)
    texts |= folder_texts.texts(
        program,
        name,
        answers=proof.answers,
        input_range=proof.options.input_range,
        dt_min=proof.dt_min,
        thresholds=proof.options.thresholds,
    )
    options = asdict(proof.options)
    if not proof.options.thresholds:  # what an export without them states has not changed
        del options["thresholds"]
    stated: dict[str, object] = {
        "format": FORMAT,
        "caudal": proof.caudal,
        "name": name,
        "model": proof.model,
        "encoder": proof.encoder,
        "constant_time": options.pop("constant_time"),
        "options": options,
        "dt_min": proof.dt_min,
        "answers": list(proof.answers),
        "golden": golden.digest,
        "files": {key: hashlib.sha256(text.encode()).hexdigest() for key, text in texts.items()},
        "claims": bounds,
        "program": to_json(program),
    }
    return {**texts, FILE: json.dumps(stated, allow_nan=False)}


def claims(bounds: bounds_module.ProgramBounds) -> dict[str, Any]:
    """The bounds of a program as JSON: what every sum and every vector stays within."""
    ends = {name: [int(part.low.min()), int(part.high.max())] for name, part in bounds.slots.items()}
    sums = {
        name: [[int(part.low.min()), int(part.high.max())] for part in parts] for name, parts in bounds.totals.items()
    }
    least = {name: int(part.min()) for name, part in bounds.divisors.items()}
    return {"vectors": ends, "sums": sums, "smallest conductance": least}


def read_proof(folder: str | os.PathLike[str]) -> ExportProof:
    """What the `proof.json` of a folder states, each text and number in it checked; nothing of it is believed yet.

    Raises:
        MissingFileError: there is none.
        FileFormatError: it cannot be read, or is of another format.
    """
    path = Path(folder) / FILE
    try:
        raw = read("verify", path, limits.PROOF)
    except MissingFileError as error:
        fault = f"verify: {path.parent} holds no {FILE}. Pass a folder that `caudal export` wrote."
        raise MissingFileError(fault) from error
    try:
        stated = limits.parsed(raw, limits.PROOF, finite=True)
    except ValueError as error:
        raise FileFormatError(f"{path}: is no proof ({error}). Export the model again.") from error
    if isinstance(stated, dict) and stated.get("format") == 1:
        fault = "has format 1, of caudal 0.1, which does not name the model that it was made from"
        raise FileFormatError(f"{path}: {fault}. Export the model again.")
    if isinstance(stated, dict) and stated.get("format", FORMAT) != FORMAT:
        fault = f"has format {limits.shown(stated['format'])}; caudal {__version__} reads {FORMAT}"
        raise FileFormatError(f"{path}: {fault}. Export the model again with this version of caudal.")
    return _proof(str(path), limits.keys(str(path), stated, _KEYS))


def _proof(owner: str, stated: dict[str, Any]) -> ExportProof:
    known: tuple[str, ...] = ("dtype", "state", "shortest_dt", "input_range")
    if isinstance(stated["options"], dict) and "thresholds" in stated["options"]:
        known = (*known, "thresholds")
    options = limits.keys(owner, stated["options"], known)
    program = from_json(stated["program"])
    shortest, reach, dt_min = options["shortest_dt"], options["input_range"], stated["dt_min"]
    answers, flag = stated["answers"], stated["constant_time"]
    sound = {
        "caudal": _matches(stated["caudal"], re.compile(r"[0-9A-Za-z.+!-]{1,40}")),
        "name": _matches(stated["name"], PREFIX),
        "model": _matches(stated["model"], _DIGEST),
        "encoder": stated["encoder"] == "" or _matches(stated["encoder"], _DIGEST),
        "options": options["dtype"] == program.dtype
        and options["state"] in STATES
        and (shortest is None or (_is_real(shortest) and shortest > 0))
        and _is_real(reach)
        and 0 < reach < WIDEST_RANGE
        and _are_thresholds(options.get("thresholds"), len(program.names)),
        "constant_time": isinstance(flag, bool) and not (flag and program.is_float),
        "dt_min": _is_real(dt_min) and dt_min >= 0,
        "answers": isinstance(answers, list)
        and len(answers) == program.slots["y"].size
        and all(isinstance(text, str) and label(text) == text for text in answers),
    }
    if wrong := [key for key, holds in sound.items() if not holds]:
        fault = f"`{wrong[0]}` is {limits.shown(stated[wrong[0]])}, which no export has"
        raise FileFormatError(f"{owner}: {fault}. Export the model again.")
    thresholds = tuple(options.get("thresholds", ()))
    chosen = Options(program.dtype, cast(str, options["state"]), shortest, reach, flag, thresholds)
    name, model, encoder = stated["name"], stated["model"], stated["encoder"]
    return ExportProof(name, model, encoder, chosen, dt_min, tuple(answers), program, stated["caudal"])


def _are_thresholds(value: object, inputs: int) -> bool:
    if not isinstance(value, list):
        return value is None
    return len(value) == inputs and all(least is None or (_is_real(least) and least >= 0) for least in value)


def _matches(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
