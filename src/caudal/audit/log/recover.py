"""Where a log ends, after whatever happened to its last writer; what was promised must be there, to the bit.

The promised records are read as `verify` reads them. What a writer that was cut off left after them is taken on only as
far as it is whole and in order: a seal among it must fit the bundle before it, since the next checkpoint signs for it,
and a change of keys, or a retirement of records, that was never promised is none.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from caudal.audit.check import reading
from caudal.audit.check.reading import LogReading, promises
from caudal.audit.log import merkle
from caudal.audit.log.checkpoint import LARGEST, Checkpoint, Verifier
from caudal.audit.log.encoding import seal_of, unpack
from caudal.audit.log.manifest import About, wrong_key
from caudal.audit.log.record import Event
from caudal.audit.log.tiles import ENTRIES, WIDTH, hashes, read, split, tile_path
from caudal.errors import FileFormatError
from caudal.files import put

_DECREES = ("key", "retired")


@dataclass(frozen=True)
class LogEnd:
    """The end of a log.

    Attributes:
        size: whole records.
        levels: hashes of each level of the tree that are in no full tile.
        tail: bytes of the records that are in no full bundle.
        last: digests of the last full bundle and of its tile; empty where there is none.
        checkpoint: the newest promise.
        torn: bytes after the last whole record, as a writer that was cut off leaves them.
        surplus: files of records whose good part is in `tail`, and the rest in `torn`.
        tiles: full tiles of hashes that are missing or not those of the records, below the folder, with their bytes.
        replaced: index of the record that names another key for what follows; None where there is none.
    """

    size: int
    levels: tuple[tuple[bytes, ...], ...]
    tail: bytes
    last: tuple[bytes, bytes]
    checkpoint: Checkpoint | None
    torn: bytes
    surplus: tuple[Path, ...] = ()
    tiles: tuple[tuple[str, bytes], ...] = ()
    replaced: int | None = None

    @property
    def unpromised(self) -> int:
        """Whole records that no checkpoint counts."""
        return self.size - (0 if self.checkpoint is None else self.checkpoint.size)


def promise_of(folder: Path, facts: About, key: Verifier) -> Checkpoint | None:
    """The newest promise of a log, by the key that goes on with it; None where nothing was promised yet.

    A writer that was cut off may have its newest promise in the file `checkpoints` alone.

    Raises:
        InputError: the checkpoint is signed by another key.
        FileFormatError: it is damaged, or of another log.
    """
    data = read(folder / "checkpoint", LARGEST)
    point = None if data is None else Checkpoint.parse(data)
    is_own = point is not None and point.note.is_signed_by(key)
    least = 0 if point is None else point.size + is_own
    later = next((promise for promise in promises(folder, key, least) if promise.origin == facts.origin), None)
    if point is None or later is not None:
        return later
    if not is_own:
        last = next((promise for promise in reversed(facts.keys) if point.note.is_signed_by(promise)), facts.keys[-1])
        if last == key:
            raise FileFormatError(f"{folder}: the signature of its checkpoint does not hold. Restore it from a copy.")
        raise wrong_key(folder, key, last)
    if point.origin != facts.origin:
        fault = f"its checkpoint is of {point.origin}, and log.json of {facts.origin}"
        raise FileFormatError(f"{folder}: {fault}. Restore them from a copy.")
    return point


def find(folder: Path, checkpoint: Checkpoint | None, first: int = 0, key: str = "") -> LogEnd:
    """Read where a log ends; nothing is changed.

    Arguments:
        folder: of the log.
        checkpoint: the newest promise, whose signature was checked; None where nothing was promised yet.
        first: index of the first record that is kept.
        key: that signed it, as text.

    Raises:
        FileFormatError: records that were promised are gone or altered.
    """
    nodes: list[bytes] = []
    spoilt: list[str] = []
    replaced = None
    if checkpoint is not None:
        past = reading.climb(folder, first, checkpoint)
        _refuse(folder, past)
        nodes, spoilt = list(past.nodes or []), past.spoilt
        for change in past.changes:
            replaced = change.index if change.old == key else None if change.new == key else replaced
    entries, rows, torn, surplus = _take_on(folder, nodes, -1 if checkpoint is None else checkpoint.size)
    row = [merkle.leaf(entry) for entry in entries]
    return LogEnd(
        len(nodes) * WIDTH + len(entries),
        _levels(nodes, row),
        b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries),
        _last(folder, nodes),
        checkpoint,
        torn,
        surplus,
        tuple(_tiles(folder, nodes, {*spoilt, *rows})),
        replaced,
    )


def _refuse(folder: Path, past: LogReading) -> None:
    """Stop where promised records are not there, or not those that were promised."""
    size = past.point.size
    if past.faults and past.faults[0].what.startswith("records from"):
        fault = f"{size:,} records were promised by its checkpoint, and {past.faults[0].index:,} whole ones are there"
    elif past.faults or past.nodes is None:
        fault = f"its first {size:,} records are not those that its checkpoint promised"
        fault += f" ({past.faults[0].what})" if past.faults else ""
    else:
        return
    raise FileFormatError(f"{folder}: {fault}. Restore it from a copy; `caudal audit verify` names the first bad one.")


def _take_on(folder: Path, nodes: list[bytes], promised: int) -> tuple[list[bytes], list[str], bytes, tuple[Path, ...]]:
    """Add whole bundles after the promised ones to `nodes`; the records after them, and what is left over.

    Returns:
        records that are in no full bundle, tiles of the bundles added, bytes that are not taken on, and the files of
        full bundles that these and the records are from.
    """
    tiles = []
    while True:
        number = len(nodes)
        path = folder / tile_path(ENTRIES, number)
        data = read(path)
        is_full = data is not None
        data = (data if data is not None else read(folder / "edge" / ENTRIES)) or b""
        entries, _ = split(data)
        # Nothing vouches for records where there never was a promise: not even their order.
        good = 0 if promised < 0 else _good(folder, entries[:WIDTH], number, max(promised - number * WIDTH, 0))
        end = sum(2 + len(entry) for entry in entries[:good])
        if good < WIDTH or not is_full or end < len(data):
            break
        nodes.append(merkle.root([merkle.leaf(entry) for entry in entries]))
        tiles.append(tile_path(0, number))
    if not is_full:
        return entries[:good], tiles, data[end:], ()
    surplus, torn = [path], data[end:]
    while (path := folder / tile_path(ENTRIES, number + len(surplus))).is_file():
        surplus.append(path)
        torn += read(path) or b""
    return entries[:good], tiles, torn + (read(folder / "edge" / ENTRIES) or b""), tuple(surplus)


def _good(folder: Path, entries: list[bytes], number: int, promised: int) -> int:
    """How many records of a bundle are promised, or whole and in order."""
    for k, entry in enumerate(entries):
        if k < promised:
            continue
        if not _may_stand(entry):
            return k
        if k == 0 and number and seal_of(entry) != _last(folder, range(number)):
            return k
    return len(entries)


def _may_stand(entry: bytes) -> bool:
    """Whether a record that nobody promised may be taken on: it can be read, and decides nothing about the log itself.

    A change of keys, and the retirement of records, count once they are promised; whoever can write the folder can put
    one behind the last promise.
    """
    try:
        record = unpack(entry)
    except FileFormatError:
        return False
    return not (isinstance(record, Event) and record.kind in _DECREES)


def _levels(nodes: list[bytes], row: list[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """Hashes of each level that are in no full tile, leaves first."""
    levels, above = [tuple(row)], nodes
    while above:
        full = len(above) // WIDTH
        levels.append(tuple(above[full * WIDTH :]))
        above = [merkle.root(above[k * WIDTH : (k + 1) * WIDTH]) for k in range(full)]
    return tuple(levels)


def _last(folder: Path, nodes: list[bytes] | range) -> tuple[bytes, bytes]:
    """Digests of the last full bundle and of the hashes of its records."""
    if not nodes:
        return b"", b""
    data = read(folder / tile_path(ENTRIES, len(nodes) - 1)) or b""
    return sha256(data).digest(), sha256(b"".join(merkle.leaf(entry) for entry in split(data)[0])).digest()


def _tiles(folder: Path, nodes: list[bytes], looked: set[str]) -> list[tuple[str, bytes]]:
    """Full tiles that are to be made again: those of leaves that are named, and all above them that differ."""
    tiles = []
    for number in range(len(nodes)):
        path = tile_path(0, number)
        if path not in looked:
            continue
        data = b"".join(merkle.leaf(entry) for entry in split(read(folder / tile_path(ENTRIES, number)) or b"")[0])
        if read(folder / path) == data:
            continue
        if merkle.root(hashes(data)) != nodes[number]:
            fault = "is missing or damaged, and the records that it is made of were retired"
            raise FileFormatError(f"{folder / path}: {fault}. Restore it from a copy.")
        tiles.append((path, data))
    level, above = 1, nodes
    while above:
        full = len(above) // WIDTH
        for number in range(full):
            path, data = tile_path(level, number), b"".join(above[number * WIDTH : (number + 1) * WIDTH])
            if read(folder / path) != data:
                tiles.append((path, data))
        above = [merkle.root(above[k * WIDTH : (k + 1) * WIDTH]) for k in range(full)]
        level += 1
    return tiles


def mend(folder: Path, state: LogEnd) -> Path | None:
    """Bring the growing files to where a log ends, make lost hashes again, and put what is left over aside.

    Each step may be cut off: the next call finds the same end.

    Returns:
        where the bytes are that were put aside, or None.
    """
    aside = None
    if state.torn:
        aside = folder / "torn" / f"{state.size}-{secrets.token_hex(4)}.bin"
        aside.parent.mkdir(exist_ok=True)
        put(aside, state.torn, sync=True, follow=False)
    for path, data in state.tiles:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        put(folder / path, data, sync=True, follow=False)
    edges = {ENTRIES: state.tail, **{str(k): b"".join(row) for k, row in enumerate(state.levels)}}
    for name, data in edges.items():
        if read(folder / "edge" / name) != data:
            put(folder / "edge" / name, data, sync=True, follow=False)
    for file in reversed(state.surplus):
        file.unlink()
    for level in (path.name for path in (folder / "tile").glob("[0-9]*")):
        full = state.size // WIDTH ** (int(level) + 1) if level.isdecimal() and len(level) < 3 else 0
        for number in reading.numbers(folder, level):
            if number >= full:  # of hashes that are still at the edge
                (folder / tile_path(level, number)).unlink()
    return aside
