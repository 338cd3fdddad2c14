"""Where a log ends, after whatever happened to its last writer; what was promised must be there, to the bit."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from caudal.audit import merkle
from caudal.audit.entry import is_whole
from caudal.audit.note import Checkpoint
from caudal.audit.tiles import ENTRIES, HASH, WIDTH, Tiles, hashes, read, split, tile_path
from caudal.errors import FileFormatError
from caudal.files import put


@dataclass(frozen=True)
class Found:
    """The end of a log.

    Attributes:
        size: whole records.
        levels: hashes of each level of the tree that are in no full tile.
        tail: bytes of the records that are in no full bundle.
        last: digests of the last full bundle and of its tile; empty where there is none.
        checkpoint: the newest promise.
        torn: bytes after the last whole record, as a writer that was cut off leaves them.
    """

    size: int
    levels: tuple[tuple[bytes, ...], ...]
    tail: bytes
    last: tuple[bytes, bytes]
    checkpoint: Checkpoint | None
    torn: bytes


def find(folder: Path) -> Found:
    """Read where a log ends; nothing is changed.

    Raises:
        FileFormatError: records that were promised are gone or altered.
    """
    note = read(folder / "checkpoint")
    checkpoint = None if note is None else Checkpoint.parse(note)
    promised = 0 if checkpoint is None else checkpoint.size
    bundles = count(folder, promised)
    data = read(folder / "edge" / ENTRIES) or b""
    entries, end = split(data)
    whole = next((k for k, one in enumerate(entries) if not is_whole(one)), len(entries))
    end = end if whole == len(entries) else sum(2 + len(one) for one in entries[:whole])
    size = bundles * WIDTH + whole
    if size < promised:
        fault = f"{promised:,} records were promised by its checkpoint, and {size:,} whole ones are there"
        raise FileFormatError(
            f"{folder}: {fault}. Restore it from a copy; `caudal audit verify` names the first one missing."
        )
    levels = ([merkle.leaf(one) for one in entries[:whole]], *_upper(folder, bundles))
    found = Found(size, tuple(tuple(row) for row in levels), data[:end], _last(folder, bundles), checkpoint, data[end:])
    if checkpoint is not None and merkle.tree_root(Tiles(folder, found.levels), promised) != checkpoint.root:
        fault = f"its first {promised:,} records are not those that its checkpoint promised"
        raise FileFormatError(f"{folder}: {fault}. Run `caudal audit verify` to find the first bad one.")
    return found


def mend(folder: Path, found: Found) -> Path | None:
    """Bring the growing files to where a log ends, and put torn bytes aside.

    Returns:
        where the torn bytes are, or None.
    """
    aside = None
    if found.torn:
        aside = folder / "torn" / f"{found.size}-{secrets.token_hex(4)}.bin"
        aside.parent.mkdir(exist_ok=True)
        put(aside, found.torn, sync=True)
    edges = {ENTRIES: found.tail, **{str(k): b"".join(row) for k, row in enumerate(found.levels)}}
    for name, data in edges.items():
        if read(folder / "edge" / name) != data:
            put(folder / "edge" / name, data, sync=True)
    return aside


def count(folder: Path, promised: int) -> int:
    """Full bundles, from what was promised on."""
    number = promised // WIDTH
    while number and not (folder / tile_path(ENTRIES, number - 1)).is_file():
        number -= 1
    while (folder / tile_path(ENTRIES, number)).is_file():
        number += 1
    return number


def _last(folder: Path, bundles: int) -> tuple[bytes, bytes]:
    if not bundles:
        return b"", b""
    data = read(folder / tile_path(ENTRIES, bundles - 1)) or b""
    return sha256(data).digest(), sha256(b"".join(_tile(folder, 0, bundles - 1))).digest()


def _tile(folder: Path, level: int, number: int) -> list[bytes]:
    """A full tile; made again from below where a writer was cut off before it could make it."""
    place = folder / tile_path(level, number)
    data = read(place)
    if data is not None and len(data) == WIDTH * HASH:
        return hashes(data)
    if level:
        row = [merkle.root(_tile(folder, level - 1, number * WIDTH + k)) for k in range(WIDTH)]
    else:
        row = [merkle.leaf(one) for one in split(read(folder / tile_path(ENTRIES, number)) or b"")[0]]
    if len(row) != WIDTH:
        raise FileFormatError(
            f"{place}: is missing, and so are the records that it is made of. Restore it from a copy."
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    put(place, b"".join(row), sync=True)
    return row


def _upper(folder: Path, bundles: int) -> list[list[bytes]]:
    """Rows of the levels above the leaves."""
    rows, level, below = [], 1, bundles
    while below:
        full, rest = divmod(below, WIDTH)
        if full:
            _tile(folder, level, full - 1)
        row = hashes(read(folder / "edge" / str(level)) or b"")
        if len(row) != rest:
            row = [merkle.root(_tile(folder, level - 1, full * WIDTH + k)) for k in range(rest)]
        rows.append(row)
        level, below = level + 1, full
    return rows
