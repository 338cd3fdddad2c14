"""Proofs that stand alone: a record is in a log, a log continues an older one; and copies for outside witnesses."""

import base64
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caudal.audit.check.reading import numbers
from caudal.audit.log import manifest, merkle
from caudal.audit.log.checkpoint import LARGEST, Checkpoint, Verifier
from caudal.audit.log.encoding import unpack
from caudal.audit.log.record import Record
from caudal.audit.log.tiles import ENTRIES, WIDTH, Tiles, read, split, tile_path
from caudal.errors import FileFormatError, InputError
from caudal.files import put

FIRST = "c2sp.org/tlog-proof@v1"
_MOST = 64


@dataclass(frozen=True)
class Proof:
    """A record and what shows that a log holds it; its text is C2SP tlog-proof, the record its `extra` data.

    Attributes:
        index: of the record.
        entry: its bytes.
        path: hashes from its sibling to the root.
        checkpoint: of the log.

    Example:
        >>> import tempfile
        >>> from caudal.audit import Log, keys
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key) as log:
        ...         at = log.override("bed 4", 0, "dr. vega", "seen at the bedside")
        ...     found = prove(f"{folder}/log", at)
        >>> again = Proof.parse(str(found).encode())
        >>> again == found, again.holds(key.verifier), again.record.kind
        (True, True, 'override')
    """

    index: int
    entry: bytes
    path: tuple[bytes, ...]
    checkpoint: Checkpoint

    @property
    def record(self) -> Record:
        """The record itself."""
        return unpack(self.entry)

    def holds(self, key: Verifier, origin: str | None = None) -> bool:
        """Whether a key signed for the record at this place.

        Arguments:
            key: that you trust.
            origin: name of the log that you mean; without, any log of that key will do, and `checkpoint.origin` says
                which it was.
        """
        point = self.checkpoint
        included = merkle.is_included(merkle.leaf(self.entry), self.index, point.size, self.path, point.root)
        return included and point.note.is_signed_by(key) and origin in (None, point.origin)

    def __str__(self) -> str:
        lines = [FIRST, f"extra {_text(self.entry)}", f"index {self.index}", *map(_text, self.path)]
        return "\n".join(lines) + f"\n\n{self.checkpoint}"

    @staticmethod
    def parse(data: bytes) -> "Proof":
        """The proof of a text.

        Raises:
            FileFormatError: it is none.
        """
        try:
            if len(data) > LARGEST:
                raise ValueError(f"it has {len(data):,} bytes")
            top, gap, rest = data.decode().partition("\n\n")
            first, extra, index, *path = top.split("\n")
            if first != FIRST or not gap or extra[:6] != "extra " or index[:6] != "index " or len(path) > _MOST:
                raise ValueError("a line is missing")
            hashes = tuple(base64.b64decode(digest, validate=True) for digest in path)
            number = int(index[6:])
            if any(len(digest) != 32 for digest in hashes) or str(number) != index[6:] or not 0 <= number < 2**64:
                raise ValueError("a line is malformed")
            entry = base64.b64decode(extra[6:], validate=True)
        except ValueError as error:
            raise FileFormatError(f"the file is no proof ({error}). Make one with `caudal audit prove`.") from error
        return Proof(number, entry, hashes, Checkpoint.parse(rest.encode()))


def newest(path: str | os.PathLike[str]) -> Checkpoint:
    """The newest checkpoint of a log.

    Raises:
        FileFormatError: there is none.
    """
    return Checkpoint.parse(read(Path(path) / "checkpoint", LARGEST) or b"")


def prove(path: str | os.PathLike[str], index: int) -> Proof:
    """Proof that a record is in a log, under its newest checkpoint.

    Raises:
        InputError: the record is not promised yet, or was retired.
        FileFormatError: the files of the log do not give a proof that holds.
    """
    folder = Path(path)
    facts, point = manifest.load(folder), newest(path)
    if not facts.first <= index < point.size:
        fault = f"is {index}; records {facts.first:,} to {point.size - 1:,} can be proven"
        raise InputError("prove", "index", fault, "Flush the log for newer ones.")
    entry = entry_at(folder, index)
    hops = tuple(merkle.inclusion(Tiles(folder), index, point.size))
    if not merkle.is_included(merkle.leaf(entry), index, point.size, hops, point.root):
        sentence = f"{folder}: record {index:,} does not lead to the root of the checkpoint. Run `caudal audit verify`."
        raise FileFormatError(sentence)
    return Proof(index, entry, hops, point)


def continues(path: str | os.PathLike[str], held: Checkpoint) -> tuple[bytes, ...]:
    """Hashes that show that a log continues the one that a checkpoint was held of; see `merkle.is_consistent`.

    Raises:
        InputError: it is shorter.
        FileFormatError: it does not.
    """
    point = newest(path)
    if held.size > point.size:
        fault = f"counts {held.size:,} records, and the log {point.size:,}"
        raise InputError("continues", "held", fault, "The log was cut short, or is another one.")
    hops = tuple(merkle.consistency(Tiles(Path(path)), held.size, point.size))
    if not merkle.is_consistent(held.size, point.size, held.root, point.root, hops):
        sentence = f"{path}: does not continue the checkpoint of {held.size:,} records. Run `caudal audit verify`."
        raise FileFormatError(sentence)
    return hops


def entry_at(folder: Path, index: int) -> bytes:
    """Bytes of a record.

    Raises:
        FileFormatError: they are not there.
    """
    number, inside = divmod(index, WIDTH)
    data = read(folder / tile_path(ENTRIES, number))
    entries, _ = split((data if data is not None else read(folder / "edge" / ENTRIES)) or b"")
    if inside >= len(entries):
        raise FileFormatError(f"{folder}: record {index:,} is not there. Run `caudal audit verify`.")
    return entries[inside]


def records(path: str | os.PathLike[str], start: int = 0) -> Iterator[tuple[int, Record]]:
    """The records of a log with their indices, those after the last checkpoint included.

    Raises:
        FileFormatError: a record cannot be read, or a file of records is not there.
        MissingFileError: there is no log.
    """
    folder = Path(path)
    number = max(start, manifest.load(folder).first) // WIDTH
    full = _full_bundles(folder)
    while True:
        data = read(folder / tile_path(ENTRIES, number))
        if data is None and number < full:
            raise FileFormatError(f"{folder / tile_path(ENTRIES, number)}: cannot be read. Run `caudal audit verify`.")
        entries, _ = split((data if data is not None else read(folder / "edge" / ENTRIES)) or b"")
        for k, entry in enumerate(entries):
            if number * WIDTH + k >= start:
                yield number * WIDTH + k, unpack(entry)
        if data is None:
            return
        number += 1


def _full_bundles(folder: Path) -> int:
    """How many full bundles there must be: those that the checkpoint counts, and any whose name is there."""
    try:
        promised = newest(folder).size // WIDTH
    except FileFormatError:
        promised = 0
    return max([promised, *(number + 1 for number in numbers(folder, ENTRIES))])


def export(path: str | os.PathLike[str], to: str | os.PathLike[str], *, entries: bool = True) -> Checkpoint:
    """Copy a log as the static files of C2SP tlog-tiles, for witnesses and monitors; whole or not at all.

    Arguments:
        path: of the log.
        to: a new folder; any web server of files can serve it.
        entries: the records too; without, only hashes leave the house.

    Raises:
        InputError: the folder is there already.
        FileFormatError: the files of the log do not lead to its checkpoint.
    """
    folder, place = Path(path), Path(to)
    if place.exists():
        raise InputError("export", "to", f"is there already: {place}", "Pass a new folder.")
    point = newest(folder)
    if merkle.tree_root(Tiles(folder), point.size) != point.root:
        sentence = f"{folder}: its hashes do not lead to the root of the checkpoint. Run `caudal audit verify`."
        raise FileFormatError(sentence)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        for name, data in _files(folder, point.size, entries):
            target = beside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        put(beside / "checkpoint", str(point).encode(), sync=True)
        beside.replace(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return point


def _files(folder: Path, size: int, entries: bool) -> Iterator[tuple[str, bytes]]:
    level, below, tree = 0, size, Tiles(folder)
    while below:
        full, rest = divmod(below, WIDTH)
        for number in range(full):
            yield tile_path(level, number), _row(tree, level, number, WIDTH)
        if rest:
            yield f"{tile_path(level, full)}.p/{rest}", _row(tree, level, full, rest)
        level, below = level + 1, full
    if not entries:
        return
    full, rest = divmod(size, WIDTH)
    for number in range(manifest.load(folder).first // WIDTH, full):
        yield tile_path(ENTRIES, number), _bundle(folder, number, WIDTH)
    if rest:
        yield f"{tile_path(ENTRIES, full)}.p/{rest}", _bundle(folder, full, rest)


def _row(tree: Tiles, level: int, number: int, count: int) -> bytes:
    """The first hashes of a tile, at its place or at the edge.

    Raises:
        FileFormatError: they are not there.
    """
    row = tree.full(level, number) or tree.edge(level)
    if len(row) < count:
        raise FileFormatError(f"{tree.folder}: hashes of {tile_path(level, number)} are missing. Restore the file.")
    return b"".join(row[:count])


def _bundle(folder: Path, number: int, count: int) -> bytes:
    """The first records of a bundle, each after its length.

    Raises:
        FileFormatError: they are not there.
    """
    data = read(folder / tile_path(ENTRIES, number))
    entries, _ = split((data if data is not None else read(folder / "edge" / ENTRIES)) or b"")
    if len(entries) < count:
        raise FileFormatError(f"{folder}: records of {tile_path(ENTRIES, number)} are missing. Restore the file.")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries[:count])


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
