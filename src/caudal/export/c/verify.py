"""`caudal export verify`: a folder written anew, from the model or from its own proof, and compared byte for byte."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from caudal._version import __version__
from caudal.data import Encoder
from caudal.errors import FileFormatError, InputError
from caudal.export.c import golden, package
from caudal.export.c.proof import ExportProof, code, files, read_proof
from caudal.export.program import bounds
from caudal.export.program.intervals import Broken
from caudal.files import read

_RANGES = "nothing can overflow, for any input and any time"
# Faults of one kind that are listed by name.
_LISTED = 8


@dataclass(frozen=True)
class Claim:
    """One thing that was checked: what, whether it holds, and why not."""

    name: str
    holds: bool
    fault: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a check of an export found.

    Attributes:
        claims: in the order in which they were checked.
        model: digest of the model that the folder was compared with; "" where it was compared with none.
    """

    claims: tuple[Claim, ...]
    model: str = ""

    @property
    def holds(self) -> bool:
        """Whether every claim that was checked holds; `word` says what that is worth."""
        return all(claim.holds for claim in self.claims)

    @property
    def word(self) -> str:
        """`"broken"`, `"consistent with itself"` where no model was compared with, or `"holds"`."""
        if not self.holds:
            return "broken"
        return "holds" if self.model else "consistent with itself"


def verify(folder: str | os.PathLike[str], model: object = None, *, encoder: Encoder | None = None) -> Verdict:
    """Write an export again and compare every byte: from the model where one is passed, from its own proof otherwise.

    Without the model, whoever can write the folder can make another that is as consistent with itself.

    Arguments:
        folder: what `export.c` wrote; any other file in it is a fault.
        model: the layer or estimator that it is said to be made from.
        encoder: the one that was passed beside the model, where one was.

    Raises:
        MissingFileError: there is no `proof.json`.
        FileFormatError: it cannot be read.

    Example:
        >>> import tempfile
        >>> from caudal.nn import CfC
        >>> net = CfC(2, 3, backbone_layers=0)
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     made = package.c(net, f"{scratch}/policy")
        ...     verify(made.folder).word, verify(made.folder, net).word, verify(made.folder, CfC(2, 3)).word
        ('consistent with itself', 'holds', 'broken')
    """
    place, claims, digest = Path(folder), list[Claim](), ""
    proof = read_proof(place)
    if model is not None:
        of_model, claim, digest = _of_model(proof, model, encoder)
        claims.append(claim)
        proof = of_model or proof
    try:
        expected = files(proof)
    except Broken as fault:
        return Verdict((*claims, Claim(_RANGES, False, str(fault))), digest)
    claims.append(_compared(place, expected, proof))
    claims.append(_alone(place, expected))
    if not proof.program.is_float:
        claims.append(Claim(_RANGES, True))
    return Verdict(tuple(claims), digest)


def sources(folder: str | os.PathLike[str]) -> tuple[ExportProof, dict[str, str]]:
    """The proof of an export and every file that a build needs, written again from it; no file of the folder is used.

    Raises:
        MissingFileError: there is no `proof.json`.
        FileFormatError: it cannot be read, its integers may overflow, or the C and header of the folder are not those
            that its proof gives.
    """
    place = Path(folder)
    proof = read_proof(place)
    texts = code(proof)
    if not proof.program.is_float:
        try:
            bounds.bounds(proof.program)
        except Broken as broken:
            raise FileFormatError(f"{place}: its integers may overflow ({broken}). Export the model again.") from broken
    differing = [name for name, text in texts.items() if not _is_same(place / name, text.encode())]
    if differing and proof.caudal == __version__:
        fault = f"{', '.join(differing)} differs from what the proof gives"
        raise FileFormatError(f"{place}: {fault}. Run `caudal export verify` on it, or export the model again.")
    return proof, texts


def golden_of(folder: str | os.PathLike[str]) -> int:
    """Hash that every build of an export must answer, computed from its program.

    Raises:
        MissingFileError, FileFormatError: as `verify`.
    """
    return golden.vectors(read_proof(folder).program).digest


def _of_model(proof: ExportProof, model: object, encoder: Encoder | None) -> tuple[ExportProof | None, Claim, str]:
    """What an export of the model states, the claim that the folder is one, and the digest of the model."""
    title = "it is the export of this model"
    try:
        stated = package.made(model, proof.name, proof.options, encoder)
    except InputError as error:
        return None, Claim(title, False, f"this model cannot be exported so ({error})"), ""
    fault = ""
    if stated.model != proof.model:
        fault = f"it was made from the model {proof.model[:16]}...; this one is {stated.model[:16]}..."
    elif stated.encoder != proof.encoder:
        fault = "it was made with another encoder beside the model; pass that one as `encoder`"
    return (None if fault else stated), Claim(title, not fault, fault), stated.model


def _compared(place: Path, expected: dict[str, str], proof: ExportProof) -> Claim:
    title = "every file is, to the byte, what caudal writes"
    if proof.caudal != __version__:
        fault = f"written by caudal {proof.caudal}; this is {__version__}: install that version to compare"
        return Claim(title, False, fault)
    wrong = [name for name, text in expected.items() if not _is_same(place / name, text.encode())]
    return Claim(title, not wrong, f"{_some(wrong)} differ or are missing" if wrong else "")


def _is_same(path: Path, expected: bytes) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size != len(expected):
        return False
    return read("verify", path, len(expected)) == expected


def _alone(place: Path, expected: dict[str, str]) -> Claim:
    foreign: list[str] = []
    for name in _foreign(place, place, expected):
        foreign.append(name)
        if len(foreign) > _LISTED:
            break
    fault = f"{_some(foreign)} does not belong to an export" if foreign else ""
    return Claim("the folder holds nothing else", not foreign, fault)


def _foreign(place: Path, folder: Path, expected: dict[str, str]) -> Iterator[str]:
    """Files, folders and links that an export does not write, hidden ones too."""
    parents = {str(parent) for name in expected for parent in PurePosixPath(name).parents}
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = Path(entry.path).relative_to(place).as_posix()
            if entry.is_dir(follow_symlinks=False) and name in parents:
                yield from _foreign(place, Path(entry.path), expected)
            elif name not in expected or not entry.is_file(follow_symlinks=False):
                yield name


def _some(names: list[str]) -> str:
    return ", ".join([*map(ascii, names[:_LISTED]), *(["..."] if len(names) > _LISTED else [])])
