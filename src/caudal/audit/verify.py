"""Whether a log is as its checkpoint promised, and if not, which record is the first bad one.

The newest checkpoint is signed; its root fixes the edge of the tree, the edge fixes the last records, and each seal
fixes the bundle before it. So a log is checked backwards, two digests of whole files for each 256 records; single
records are hashed only where a file is not what its seal says. `full=True` also hashes every record and every node.
"""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from caudal.audit import about, merkle
from caudal.audit.entry import is_whole, seal_of
from caudal.audit.note import LARGEST, Checkpoint, Verifier
from caudal.audit.retain import unfounded
from caudal.audit.tiles import ENTRIES, HASH, WIDTH, Tiles, hashes, read, split, tile_path
from caudal.audit.verdict import Fault, Verdict
from caudal.errors import CaudalError, FileFormatError


def verify(
    path: str | os.PathLike[str],
    key: Verifier | None = None,
    held: Checkpoint | None = None,
    *,
    full: bool = False,
) -> Verdict:
    """Check a log.

    Arguments:
        path: folder of the log; nothing in it is changed.
        key: public key that you trust; without, the log's own are taken, and a remark says so.
        held: a checkpoint that was kept elsewhere. Only this tells a log that was cut short, or written anew by
            whoever has its key, from an honest one.
        full: hash every record and every node, whatever the seals say.

    Raises:
        MissingFileError: there is no log.
        FileFormatError: `log.json` is damaged.

    Example:
        >>> import tempfile
        >>> from caudal.audit import Log, keys
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key) as log:
        ...         kept = log.flush()
        ...     verify(f"{folder}/log", key.verifier, kept).holds
        True
    """
    folder = Path(path)
    facts = about.load(folder)
    remarks = [] if key else ["no key was given: the signature was checked with the log's own"]
    trusted = trust(folder, facts, key)
    try:
        newest = Checkpoint.parse(read(folder / "checkpoint", LARGEST) or b"")
    except FileFormatError as error:
        return Verdict(0, (Fault(None, f"the checkpoint cannot be read: {error}"),), tuple(remarks))
    faults = []
    if newest.origin != facts.origin or not any(newest.note.is_signed_by(one) for one in trusted):
        faults.append(Fault(None, f"the checkpoint is not signed by {key.name if key else 'a key of the log'}"))
    edge = _Edge.read(folder, newest.size)
    reason = unfounded(folder, facts, newest.size)
    faults += [] if reason is None else [Fault(None, reason)]
    faults += _missing(folder, edge, newest.size, facts.first)
    if not faults or edge.bundles:
        faults += _walk(folder, edge, newest, full)
    faults += _roots(folder, edge, newest, trusted, faults)
    if held is not None:
        faults += _held(folder, edge, held, newest, trusted)
    remarks += edge.remarks(newest.size)
    if facts.first:
        remarks.append(f"records before {facts.first:,} were retired; their hashes are kept")
    return Verdict(newest.size, tuple(sorted(faults, key=lambda one: (one.index is None, one.index))), tuple(remarks))


def trust(folder: Path, facts: about.About, key: Verifier | None) -> tuple[Verifier, ...]:
    """Keys that may sign: the one given, and those that it, or one of them, signed for."""
    if key is None:
        return facts.keys
    found = [key]
    for one in facts.keys:
        if one not in found and any(
            n.note.is_signed_by(one) and any(map(n.note.is_signed_by, found)) for n in history(folder)
        ):
            found.append(one)
    return tuple(found)


def history(folder: Path) -> Iterator[Checkpoint]:
    """Every checkpoint that a log kept, oldest first; lines that are none are passed over."""
    try:
        lines = (folder / "checkpoints").read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            yield Checkpoint.parse(json.loads(line)["note"].encode())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, CaudalError):
            continue


class _Edge(NamedTuple):
    """The end of a log as it lies on the disk."""

    bundles: int
    tail: list[bytes]
    row: list[bytes]
    torn: int

    @staticmethod
    def read(folder: Path, promised: int) -> "_Edge":
        data = read(folder / "edge" / ENTRIES) or b""
        tail, end = split(data)
        bundles = promised // WIDTH
        while (folder / tile_path(ENTRIES, bundles)).is_file():
            bundles += 1
        row = read(folder / "edge" / "0") or read(folder / tile_path(0, bundles)) or b""  # cut off between two renames
        return _Edge(bundles, tail, hashes(row), len(data) - end)

    def remarks(self, promised: int) -> list[str]:
        found = []
        there = self.bundles * WIDTH + len(self.tail)
        if there > promised:
            found.append(f"{there - promised:,} records after the last checkpoint are not promised yet")
        if self.torn:
            found.append(f"{self.torn:,} bytes after record {there - 1:,} are a torn record")
        return found


def _missing(folder: Path, edge: _Edge, promised: int, first: int) -> list[Fault]:
    """Files that should be there, and records that the end lacks."""
    faults = []
    for number in range(first // WIDTH, edge.bundles):
        if not (folder / tile_path(ENTRIES, number)).is_file():
            index = number * WIDTH
            faults.append(Fault(index, f"records {index:,} to {index + WIDTH - 1:,} are missing", index))
    there = edge.bundles * WIDTH + len(edge.tail)
    if there < promised:
        faults.append(Fault(there, f"records from {there:,} on are missing: {promised:,} were promised", there))
    return faults


def _walk(folder: Path, edge: _Edge, newest: Checkpoint, full: bool) -> list[Fault]:
    """Check the tail and then each bundle, the last one first."""
    start = edge.bundles * WIDTH
    faults = _compare(edge.tail, edge.row, start, max(newest.size - start, 0))
    roots = _Roots(folder, edge.bundles, newest.size)
    faults += roots.faults
    is_sure = bool(edge.tail) and bool(edge.row) and merkle.leaf(edge.tail[0]) == edge.row[0]
    seal = seal_of(edge.tail[0]) if is_sure else None
    for number in range(edge.bundles - 1, -1, -1):
        seen = _Seen.read(folder, number)  # threads were slower: handing a bundle over costs more than reading it
        kept = seen.bundle is not None
        if seal == (seen.bundle, seen.tile) and not full:
            seal = seal_of(seen.head)
            continue
        faults += _bundle(folder, number, seal, roots)
        seal = seal_of(seen.head) if kept and merkle.leaf(seen.head) == seen.hash else None
    return faults


class _Seen(NamedTuple):
    """Digests of the two files of a bundle, its first record, and the hash of that."""

    bundle: bytes | None
    tile: bytes | None
    head: bytes
    hash: bytes

    @staticmethod
    def read(folder: Path, number: int) -> "_Seen":
        data, tile = read(folder / tile_path(ENTRIES, number)), read(folder / tile_path(0, number))
        head = b"" if data is None or len(data) < 2 else data[2 : 2 + int.from_bytes(data[:2], "big")]
        digests = [None if one is None else sha256(one).digest() for one in (data, tile)]
        return _Seen(digests[0], digests[1], head, (tile or b"")[:HASH])


class _Roots:
    """Roots of the tiles of hashes, from the level above them, itself checked up to the edge.

    Above what is promised a writer that was cut off may have left hashes out: it writes them with each promise.
    """

    def __init__(self, folder: Path, bundles: int, promised: int) -> None:
        self.faults: list[Fault] = []
        self._promised = promised
        self._rows: dict[int, list[bytes]] = {}
        level, below = 1, bundles
        while below:
            full = below // WIDTH
            edge = hashes(read(folder / "edge" / str(level)) or b"")
            tiles = [hashes(read(folder / tile_path(level, k)) or b"") for k in range(full)]
            if tiles and not tiles[-1] and len(edge) == WIDTH:
                tiles[-1], edge = edge, []
            self._rows[level] = [one for row in tiles for one in (row if len(row) == WIDTH else [b""] * WIDTH)] + edge
            for k, row in enumerate(tiles if level > 1 else []):
                self._check(level, k, row)
            level, below = level + 1, full
        for number in range(bundles // WIDTH):
            self._check(1, number, self._rows[1][number * WIDTH : (number + 1) * WIDTH])

    def holds(self, number: int, tile: list[bytes]) -> bool:
        """Whether a tile of leaves is the one that the level above has."""
        row = self._rows.get(1, [])
        if number >= len(row) and (number + 1) * WIDTH > self._promised:
            return True
        return number < len(row) and merkle.root(tile) == row[number]

    def _check(self, level: int, number: int, row: list[bytes]) -> None:
        above = self._rows.get(level + 1, [])
        if number >= len(above) and (number + 1) * WIDTH ** (level + 1) > self._promised:
            return
        if number >= len(above) or merkle.root(row) != above[number]:
            self.faults.append(Fault(None, f"the hashes of {tile_path(level, number)} were changed"))


def _bundle(folder: Path, number: int, seal: tuple[bytes, bytes] | None, roots: _Roots) -> list[Fault]:
    """Look into one bundle, record by record, by whichever of its hashes can be believed."""
    start = number * WIDTH
    data, tile = read(folder / tile_path(ENTRIES, number)), read(folder / tile_path(0, number)) or b""
    row = hashes(tile)
    is_good = len(tile) == WIDTH * HASH and roots.holds(number, row)
    faults = []
    if not is_good and not (seal and sha256(tile).digest() == seal[1]):
        faults.append(Fault(None, f"the hashes of {tile_path(0, number)} were changed"))
        if data is not None and seal and sha256(data).digest() == seal[0]:
            return faults
    elif not is_good:
        faults.append(Fault(None, f"the root of {tile_path(0, number)} was changed"))
    if data is None:
        return faults
    entries, end = split(data)
    found = _compare(entries, row, start, WIDTH)
    last = start + WIDTH - 1
    if not found and (end != len(data) or len(entries) > WIDTH):
        found = [Fault(last, f"something was put between records {last:,} and {last + 1:,}", last)]
    return faults + found


def _compare(entries: list[bytes], row: list[bytes], start: int, promised: int) -> list[Fault]:
    """The first entry whose hash is not the one kept."""
    for k, entry in enumerate(entries[: max(promised, min(len(row), len(entries)))]):
        if k >= promised and k >= len(row):
            break
        if k >= WIDTH or k >= len(row) or sha256(b"\0" + entry).digest() != row[k]:
            if k >= promised and not is_whole(entry):
                break  # torn, and never promised
            return [Fault(start + k, f"record {start + k:,} is not the one that was written", start + k)]
    if len(entries) < promised:
        at = start + len(entries)
        return [Fault(at, f"record {at:,} is missing, or its length was changed", at)]
    return []


def _roots(
    folder: Path, edge: _Edge, newest: Checkpoint, trusted: tuple[Verifier, ...], faults: list[Fault]
) -> list[Fault]:
    """Whether the hashes lead to the root of the checkpoint; where not, between which older promises they fail."""
    tree = Tiles(folder)
    if _root(tree, newest.size) == newest.root or any(one.index is not None for one in faults):
        return []
    good = 0
    for one in history(folder):
        if not any(map(one.note.is_signed_by, trusted)) or one.size > newest.size:
            continue
        if _root(tree, one.size) != one.root:
            what = f"a record between {good:,} and {one.size - 1:,} is not the one that was promised"
            return [Fault(good, what, one.size - 1)]
        good = one.size
    what = f"a record between {good:,} and {newest.size - 1:,} is not the one that was promised"
    return [Fault(good, what, max(newest.size - 1, good))]


def _held(
    folder: Path, edge: _Edge, held: Checkpoint, newest: Checkpoint, trusted: tuple[Verifier, ...]
) -> list[Fault]:
    if held.origin != newest.origin or not any(map(held.note.is_signed_by, trusted)):
        return [Fault(None, "the checkpoint that was held is not of this log, or not signed by its key")]
    if newest.size < held.size:
        what = f"the log was cut to {newest.size:,} records: {held.size:,} stood in the checkpoint that was held"
        return [Fault(newest.size, what, newest.size)]
    if _root(Tiles(folder), held.size) != held.root:
        what = f"a record before {held.size:,} is not the one that the checkpoint that was held had seen"
        return [Fault(0, what, held.size - 1)]
    return []


def _root(tree: Tiles, size: int) -> bytes | None:
    try:
        return merkle.tree_root(tree, size)
    except FileFormatError:
        return None
