"""`caudal export verify`: what an export claims, checked from its folder alone."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from caudal._version import __version__
from caudal.errors import FileFormatError, MissingFileError
from caudal.export import check, emit, package, vectors
from caudal.export.intervals import Broken
from caudal.export.program import Array, Link, Program, from_json

_ARRAY = re.compile(r"static const \w+ROM \w+ (\w+)\[(\d+)\] = \{([^}]*)\};")


@dataclass(frozen=True)
class Claim:
    """One thing that was checked: what, whether it holds, and why not."""

    name: str
    holds: bool
    fault: str = ""


@dataclass(frozen=True)
class Verdict:
    """Every claim of an export.

    Attributes:
        claims: in the order in which they were checked.
    """

    claims: tuple[Claim, ...]

    @property
    def holds(self) -> bool:
        """Whether all of them hold."""
        return all(claim.holds for claim in self.claims)


def verify(folder: str | Path) -> Verdict:
    """Check an export: files unaltered, tables of the C those of the proof, ranges proven, answers the reference's.

    Raises:
        MissingFileError: there is no `proof.json`.
        FileFormatError: it cannot be read.

    Example:
        >>> import tempfile
        >>> from caudal.nn import CfC
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     made = package.c(CfC(2, 3, backbone_layers=0), f"{scratch}/policy")
        ...     verify(made.folder).holds
        True
    """
    place = Path(folder)
    proof = read_proof(place)
    program = from_json(proof["program"])
    name = str(proof["name"])
    claims = [_files(place, proof), _tables(place, name, program), _text(place, proof, program)]
    if not program.is_float:
        claims.append(_ranges(proof, program))
    digest = vectors.vectors(program).digest
    claims.append(Claim("golden vectors are the reference's", digest == proof["golden"], "the hash differs"))
    return Verdict(tuple(one if not one.holds else Claim(one.name, True) for one in claims))


def read_proof(place: Path) -> dict[str, Any]:
    """The content of `proof.json`.

    Raises:
        MissingFileError: it is not there.
        FileFormatError: it cannot be read.
    """
    path = place / "proof.json"
    if not path.is_file():
        raise MissingFileError(f"verify: {place} holds no proof.json. Pass a folder that `caudal export` wrote.")
    try:
        proof: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        wanted = ("format", "name", "golden", "files", "claims", "program", "constant_time", "caudal", "dt_min")
        missing = [key for key in wanted if key not in proof]
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(f"{path}: is no proof ({error}). Export the model again.") from error
    if missing or proof["format"] != package.FORMAT:
        fault = f"lacks {', '.join(missing)}" if missing else f"has format {proof['format']}"
        raise FileFormatError(f"{path}: {fault}. Export the model again with this version of caudal.")
    return proof


def golden_of(folder: str | Path) -> int:
    """Hash that every build of an export must answer.

    Raises:
        MissingFileError, FileFormatError: as `verify`.
    """
    return int(read_proof(Path(folder))["golden"])


def _files(place: Path, proof: dict[str, Any]) -> Claim:
    wrong = [
        key
        for key, digest in proof["files"].items()
        if not (place / key).is_file() or hashlib.sha256((place / key).read_bytes()).hexdigest() != digest
    ]
    return Claim("files are as they were written", not wrong, f"{', '.join(wrong)} differ or are missing")


def _tables(place: Path, name: str, program: Program) -> Claim:
    title = "tables in the C are those of the proof"
    try:
        text = (place / f"{name}.c").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Claim(title, False, str(error))
    found = {key.lower().removeprefix(f"{name}_"): body for key, _, body in _ARRAY.findall(text)}
    for key, values in _expected(program).items():
        if key in found and not _equal(found[key], values):
            return Claim(title, False, f"{key} differs")
    known = _expected(program)
    strange = [key for key in found if key not in known]
    return Claim(title, not strange, f"{', '.join(strange)} is in the C alone")


def _expected(program: Program) -> dict[str, Array]:
    """Every array that the C may hold: plain constants, tables, and the fields of each link side by side."""
    found = {**program.constants, **program.tables}
    for block in program.blocks():
        for k, link in enumerate(block.links):
            for kind, values in _mixed(program, link).items():
                found[f"{block.name}_{k}_{kind}"] = values
    return found


def _mixed(program: Program, link: Link) -> dict[str, Array]:
    names = [*((link.gate.slope, link.gate.offset) if link.gate else ()), *filter(None, link.weights)]
    arrays = [program.constants[one] for one in names]
    kinds = dict.fromkeys(held.dtype.name for held in arrays)
    return {kind: np.stack([held for held in arrays if held.dtype.name == kind], 1).ravel() for kind in kinds}


def _equal(body: str, values: Array) -> bool:
    words = re.sub(r"\(-INT32_C\(2147483647\) - 1\)", "-2147483648", body)
    words = re.sub(r"INT32_C\((-?\d+)\)", r"\1", words)
    texts = [word.strip().rstrip("uf") for word in words.split(",")]
    if len(texts) != len(values):
        return False
    kind = np.float32 if values.dtype == np.float32 else np.int64
    return bool(np.array_equal(np.array([kind(text) for text in texts]), values.astype(kind)))


def _text(place: Path, proof: dict[str, Any], program: Program) -> Claim:
    """The code outside the tables, compared with what this version writes for the program."""
    name = str(proof["name"])
    if proof["caudal"] != __version__:
        fault = f"written by caudal {proof['caudal']}; install that version to compare"
        return Claim("code is what caudal writes for this proof", False, fault)
    written = emit.source(program, name, constant_time=bool(proof["constant_time"]))
    path = place / f"{name}.c"
    same = path.is_file() and path.read_text(encoding="utf-8", errors="replace") == written
    return Claim("code is what caudal writes for this proof", same, f"{name}.c differs")


def _ranges(proof: dict[str, Any], program: Program) -> Claim:
    title = "nothing can overflow, for any input and any time"
    try:
        found = package.claims(check.bounds(program))
    except Broken as fault:
        return Claim(title, False, str(fault))
    except (KeyError, IndexError, ValueError) as error:
        return Claim(title, False, f"the program cannot be followed ({error!r})")
    return Claim(title, found == proof["claims"], "the stated bounds are not those found")
