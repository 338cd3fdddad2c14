"""Files and folders that a command reads and writes: refused before the work where they would fail or destroy.

One rule for all commands. The folder of an output is there and can be written; an output is no input and no other
output; a file that is there already is replaced only where caudal wrote it, or with `--overwrite`.
"""

import argparse
import csv
import errno
import os
import secrets
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from caudal.errors import InputError, MissingFileError

Form = Literal["file", "table", "folder", "place", "resumed"]
_BEGIN = 1 << 16
_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".feather", ".xlsx", ".gz", ".bz2", ".xz", ".zip")
MARK = "<!-- caudal -->"


@dataclass(frozen=True)
class Reads:
    """Type of an option or argument that names what is read: a file, a folder, or a data set.

    Attributes:
        is_model: whether it is a saved model, which no table is.
    """

    is_model: bool = False

    def __call__(self, text: str) -> str:
        """The text, as it was typed."""
        return text


@dataclass(frozen=True)
class Writes:
    """Type of an option that names what is written.

    Attributes:
        form: `"file"`, replaced only where caudal wrote it; `"table"`, which the command checks by its columns
            (`check_table`); `"folder"`;
            `"resumed"`, a file that the command reads and goes on from; `"place"`, which of them the command decides
            and checks.
        beside: endings of files that are written beside it, such as `.json`.
        example: a name that would do.
    """

    form: Form = "file"
    beside: tuple[str, ...] = ()
    example: str = ""

    def __call__(self, text: str) -> str:
        """The text, as it was typed.

        Raises:
            ArgumentTypeError: it is empty.
        """
        if not text:
            raise argparse.ArgumentTypeError("an empty name is no place to write")
        return text


@dataclass(frozen=True)
class _Named:
    option: str
    path: Path
    role: Reads | Writes


def check(owner: str, parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse outputs that would destroy something or cannot be written.

    Arguments:
        owner: the command, for messages.
        parser: of the command; its types `Reads` and `Writes` say what names a place.
        args: as parsed.

    Raises:
        InputError: an output is an input, another output, a folder where a file is needed, a file that caudal did not
            write, or in a folder that is missing or cannot be written; or a table is not there.
        MissingFileError: a model is not there.
    """
    named = list(_named(parser, args))
    for argument in named:
        if isinstance(argument.role, Reads):
            _check_there(owner, argument.option, argument.path, argument.role)
        if isinstance(argument.role, Reads) and argument.role.is_model:
            check_model(owner, argument.option, argument.path, [other.path for other in named if other is not argument])
    outputs = [argument for argument in named if isinstance(argument.role, Writes)]
    replaces = bool(getattr(args, "overwrite", False))
    for number, output in enumerate(outputs):
        role = output.role
        assert isinstance(role, Writes)  # noqa: S101  # for the type checker: filtered above
        for other in (*(argument for argument in named if isinstance(argument.role, Reads)), *outputs[:number]):
            _check_apart(owner, output, other)
        if role.form == "folder":
            check_folder(owner, output.option, output.path)
        elif role.form != "place":
            check_file(owner, output.option, output.path, role, replaces)


def _check_there(owner: str, option: str, path: Path, role: Reads) -> None:
    """Refuse a model or a table that is not there, before anything is imported that would read it."""
    try:
        path.expanduser().stat()
        return
    except (FileNotFoundError, NotADirectoryError):
        if ":/" in str(path):  # an address, which the reader refuses by its own words
            return
    except (OSError, ValueError, RuntimeError):  # what else is wrong is told where it is read
        return
    if role.is_model:
        raise MissingFileError(f"{owner}: {path} does not exist. Pass the path of a file that `caudal fit` wrote.")
    if path.name.lower().endswith(_TABLES):
        from caudal.data.source import alike

        raise InputError(owner, option, f"names no file: {path}{alike(path)}", "Check the path.")


def check_model(owner: str, option: str, path: Path, others: Iterable[Path] = ()) -> None:
    """Refuse a table in the place of a model, as when the two are swapped.

    Arguments:
        owner: the command, for messages.
        option: that names the model.
        path: of the model.
        others: what else is named.

    Raises:
        InputError: names the file.
    """
    if not path.name.lower().endswith(_TABLES) or not path.is_file() or is_own(path):
        return
    model = next((other for other in others if other.suffix == ".caudal" and other.is_file()), None)
    remedy = "Pass a file that `caudal fit` wrote." if model is None else f"The model is {model}: swap the two."
    raise InputError(owner, option, f"names a table, and a model is needed: {path}", remedy)


def check_file(owner: str, option: str, path: Path, role: Writes, replaces: bool = False) -> None:
    """Refuse a file that cannot be written, or would replace one that caudal did not write.

    Raises:
        InputError: see `check`.
    """
    if path.is_dir():
        example = f", such as {role.example}" if role.example else ""
        raise InputError(owner, option, f"names a folder: {path}", f"Name a file in it{example}.")
    if _exists(path) and not path.is_file():
        raise InputError(owner, option, f"names a device: {path}", "Name a file.")
    _check_parent(owner, option, path)
    if role.form in ("resumed", "table") or replaces:
        return
    for place in (path, *(path.with_suffix(ending) for ending in role.beside)):
        if place.is_file() and not is_own(place):
            raise _foreign(owner, option, place)


def check_table(owner: str, path: Path, columns: Collection[str], replaces: bool = False) -> None:
    """Refuse to replace a table that cannot be one that the command wrote before.

    A CSV has no room for a mark, so it is known by its header: every column is one that the command writes.

    Arguments:
        owner: the command, for messages.
        path: of `--out`.
        columns: that the command may write; `p(` stands for the probability of any class.
        replaces: whether `--overwrite` was given.

    Raises:
        InputError: there is such a table.
    """
    if replaces or not path.is_file() or path.stat().st_size == 0:
        return
    if path.suffix.lower() in (".parquet", ".pq"):
        is_answer = b"caudal.table" in _tail(path)
    else:
        with path.open("rb") as file:
            header = (file.read(_BEGIN).splitlines() or [b""])[0].decode("utf-8", "replace")
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        names = next(csv.reader([header], delimiter=delimiter), [])
        is_answer = all(name in columns or ("p(" in columns and name.startswith("p(")) for name in names)
    if not is_answer:
        raise _foreign(owner, "--out", path)


def _foreign(owner: str, option: str, path: Path) -> InputError:
    fault = f"names a file that caudal did not write: {path}"
    return InputError(owner, option, fault, "Choose another name, or add --overwrite to replace it.")


def is_own(path: Path) -> bool:
    """Whether a file that is no table was written by caudal, by its mark; an empty file holds nothing to lose."""
    with path.open("rb") as file:
        begin = file.read(_BEGIN)
    ending = path.suffix.lower()
    if not begin:
        return True
    if ending in (".html", ".htm"):
        return b'name="generator" content="caudal ' in begin
    if ending == ".json":
        return begin[:1] == b"{" and (b'"caudal":' in begin or b"caudal.dev/" in begin or b'"payloadType"' in begin)
    if ending == ".svg":
        return MARK.encode() in _tail(path)
    if ending == ".onnx":
        return b"caudal" in begin[:64]
    if ending == ".pt2":
        return b"/caudal" in _tail(path)
    # safetensors: the length of a header, then JSON with our metadata.
    return begin[8:9] == b"{" and b'"caudal"' in begin


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _BEGIN))
        return file.read()


def _named(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Iterator[_Named]:
    for action in parser._actions:
        role, value = action.type, getattr(args, action.dest, None)
        if not isinstance(role, Reads | Writes) or not value:
            continue
        option = max(action.option_strings, key=len) if action.option_strings else action.dest
        for text in value if isinstance(value, list) else [value]:
            yield _Named(option, Path(text), role)


def _check_apart(owner: str, output: _Named, other: _Named) -> None:
    role = output.role
    beside = role.beside if isinstance(role, Writes) else ()
    for place in (output.path, *(output.path.with_suffix(ending) for ending in beside)):
        if _same(place, other.path):
            also = "" if place == output.path else f" (it writes {place} too)"
            what = "is read" if isinstance(other.role, Reads) else "is written"
            fault = f"names what {what} as {other.option}: {other.path}{also}"
            raise InputError(owner, output.option, fault, "Choose another name.")


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return os.path.realpath(path) == os.path.realpath(other)


def check_folder(owner: str, option: str, path: Path) -> None:
    """Refuse a folder that is a file, or cannot be made or written.

    Raises:
        InputError: see `check`.
    """
    if _exists(path) and not path.is_dir():
        raise InputError(owner, option, f"names a file, and a folder is needed: {path}", "Name a folder.")
    there = next((parent for parent in (path, *path.absolute().parents) if _exists(parent)), None)
    if there is not None and not there.is_dir():
        raise InputError(owner, option, f"lies in what is no folder: {there}", "Choose another place.")
    _probe(owner, option, (path if path.is_dir() else there or Path.cwd()) / (path.name or "caudal"), path)


def _check_parent(owner: str, option: str, path: Path) -> None:
    parent = path.absolute().parent
    if _exists(parent) and not parent.is_dir():
        raise InputError(owner, option, f"lies in what is no folder: {parent}", "Choose another place.")
    if not parent.is_dir():
        raise InputError(owner, option, f"names a folder that is not there: {path.parent}", "Make it first.")
    _probe(owner, option, path, path)


def _probe(owner: str, option: str, like: Path, path: Path) -> None:
    """Make a file of the name that will be needed for a moment: rights, read-only disks and long names all show."""
    beside = like.with_name(f".{like.name}.{secrets.token_hex(4)}.tmp")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        beside.unlink()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(owner, option, f"is too long a name: {path}", "Choose a shorter one.") from error
        fault = f"names a folder that cannot be written: {beside.parent} ({error.strerror})"
        raise InputError(owner, option, fault, "Choose another.") from error
    except ValueError as error:
        raise InputError(owner, option, f"is no name of a file: {str(path)!r}", "Choose another.") from error


def _exists(path: Path) -> bool:
    try:
        return bool(stat.S_IFMT(path.stat().st_mode))
    except (OSError, ValueError):
        return False
