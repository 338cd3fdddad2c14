"""One reading of a log, upward: bytes of records, hashes of leaves, nodes, and the root that a checkpoint signed.

Records and a signed root decide; nothing else that lies in the folder does. Stored hashes (`tile/0`, `tile/1`,
`edge/0`, ...) are tried as a short way: they are untrusted until the root over them and over the records of the end is
the signed one, and then they are the promised ones, since SHA-256 has no known collisions. `docs/audit-soundness.md`
has the proof.
"""

import base64
import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from caudal.audit.check.verdict import Fault
from caudal.audit.log import merkle
from caudal.audit.log.checkpoint import LARGEST, Checkpoint, Verifier
from caudal.audit.log.encoding import seal_of, unpack
from caudal.audit.log.record import Event
from caudal.audit.log.tiles import ENTRIES, HASH, HEIGHT, WIDTH, hashes, read, split, tile_path
from caudal.errors import CaudalError, FileFormatError
from caudal.files import opened

_LONGEST_HISTORY = 1 << 34  # bytes of `checkpoints`: one promise each five seconds, for eight years
_PACKED_CHANGE, _JSON_CHANGE = b'key{"new":"', b'"kind":"key"'


@dataclass(frozen=True)
class KeyChange:
    """A record that says which key signs after it.

    Attributes:
        index: of the record.
        old, new: public keys as text.
    """

    index: int
    old: str
    new: str


@dataclass
class LogReading:
    """The records that a checkpoint counts, read once and led upward.

    Attributes:
        folder: of the log.
        first: index of the first record that is kept; of those before only hashes are.
        point: the checkpoint whose root everything is led to.
        tail: promised records after the last full bundle.
        leaves: their hashes.
        nodes: roots of the full bundles where they lead to the signed root; None where nothing does.
        row: hashes of the leaves after the last full bundle that lead to the root: `leaves`, unless a record differs.
        faults: of records; each index of a fault is that of the first bad record.
        spoilt: paths of stored hashes that are not those of the records, below the folder.
        changes: promised records that change the key, oldest first.
    """

    folder: Path
    first: int
    point: Checkpoint
    tail: list[bytes]
    leaves: list[bytes]
    nodes: list[bytes] | None = None
    row: list[bytes] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    spoilt: list[str] = field(default_factory=list)
    changes: list[KeyChange] = field(default_factory=list)

    @property
    def bundles(self) -> int:
        """Full bundles that the checkpoint counts."""
        return self.point.size // WIDTH

    @property
    def retired(self) -> int:
        """Full bundles of which only hashes are kept."""
        return min(self.first // WIDTH, self.bundles)

    def leaf_row(self, number: int) -> list[bytes]:
        """Hashes of the records of a full bundle, from its bytes; from `tile/0` where the records were retired."""
        if number < self.retired:
            return hashes(read(self.folder / tile_path(0, number)) or b"")
        entries, end = split(data := read(self.folder / tile_path(ENTRIES, number)) or b"")
        return [merkle.leaf(entry) for entry in entries] if end == len(data) else []

    @cached_property
    def roots(self) -> list[bytes]:
        """Roots of the full bundles from their records, up to the first bundle that is not whole."""
        roots: list[bytes] = []
        for number in range(self.bundles):
            row = self.leaf_row(number)
            if len(row) != WIDTH:
                break
            roots.append(merkle.root(row))
        return roots

    @cached_property
    def _pyramid(self) -> list[list[bytes]]:
        rows = [self.roots if self.nodes is None else self.nodes]
        while len(rows[-1]) > 1:
            below = rows[-1]
            rows.append([merkle.node(a, b) for a, b in zip(below[::2], below[1::2], strict=False)])
        return rows

    def root_at(self, size: int) -> bytes | None:
        """Root over the first records; None where they are not there.

        Arguments:
            size: how many, at most those of the checkpoint.
        """
        number, rest = divmod(size, WIDTH)
        if number > len(self._pyramid[0]) or size > self.point.size:
            return None
        row = self._row(number) if rest else []

        def perfect(height: int, index: int) -> bytes:
            if height >= HEIGHT:
                return self._pyramid[height - HEIGHT][index]
            start = (index << height) - number * WIDTH
            return merkle.root(row[start : start + (1 << height)])

        return merkle.tree_root(perfect, size) if len(row) >= rest else None

    def _row(self, number: int) -> list[bytes]:
        """Hashes of a bundle that lead to the root where any do, otherwise those of its records."""
        if number == self.bundles:
            return self.row or self.leaves
        row = self.leaf_row(number)
        if self.nodes is not None and merkle.root(row) != self.nodes[number]:
            stored = hashes(read(self.folder / tile_path(0, number)) or b"")
            return stored if merkle.root(stored) == self.nodes[number] else row
        return row


def climb(folder: Path, first: int, point: Checkpoint, *, full: bool = False) -> LogReading:
    """Read the records that a checkpoint counts, and lead them to its root.

    A bundle is read and digested; where a seal that was itself led to the root holds that digest, its records are not
    hashed one by one. Whoever signed the seal made it from those very records (see `recover`).

    Arguments:
        folder: of the log; nothing in it is changed.
        first: index of the first record that is kept.
        point: a checkpoint whose signature was checked.
        full: hash every record and every node, whatever the seals say.

    Returns:
        what was found; no `faults` and no `spoilt` where all is as promised.
    """
    bundles, rest = divmod(point.size, WIDTH)
    tail = _tail(folder, bundles)[:rest]
    log = LogReading(folder, first, point, tail, [merkle.leaf(entry) for entry in tail])
    named = numbers(folder, ENTRIES)
    log.faults += _gaps(named, log, rest)
    _lead(log, rest)
    if log.nodes is None:
        return log
    for k, (ours, promised) in enumerate(zip(log.leaves, log.row, strict=False)):
        if ours != promised:
            index = bundles * WIDTH + k
            log.faults.append(Fault(index, f"record {index:,} is not the one that was written", index))
            break
    _walk(log, full, frozenset(named))
    log.spoilt += stored_amiss(folder, log.nodes, log.row)
    log.changes.sort(key=lambda change: change.index)
    return log


def numbers(folder: Path, level: int | str) -> list[int]:
    """Numbers of the full tiles of a level that are there, in order."""
    top = folder / "tile" / str(level)
    bundles = []
    for place, _, names in os.walk(top):
        inside = place[len(str(top)) :].replace(os.sep, "/")
        for name in names:
            text = f"{inside}/{name}"
            digits = text.replace("/x", "").replace("/", "")
            if digits.isascii() and digits.isdecimal() and len(digits) < 19:
                number = int(digits)
                if tile_path(level, number) == f"tile/{level}{text}":
                    bundles.append(number)
    return sorted(bundles)


def stored_row(folder: Path, level: int, count: int) -> list[bytes]:
    """The first hashes of a level as the folder keeps them, at most `count`; nobody vouches for them."""
    full, rest = divmod(count, WIDTH)
    row: list[bytes] = []
    for number in range(full + bool(rest)):
        want = WIDTH if number < full else rest
        path = stored_path(folder, level, number)
        piece = hashes(read(folder / path) or b"")[:want]
        row += piece
        if len(piece) < want or path.startswith("edge"):
            break
    return row


def stored_path(folder: Path, level: int, number: int) -> str:
    """Where the hashes of a tile lie: in its file, or at the edge as long as it grows."""
    path = tile_path(level, number)
    return path if (folder / path).is_file() else f"edge/{level}"


def stored_amiss(folder: Path, nodes: Sequence[bytes], row: Sequence[bytes]) -> list[str]:
    """Paths of stored hashes, those of full tiles of leaves excepted, that are not the ones given.

    Arguments:
        folder: of the log.
        nodes: roots of the full bundles.
        row: hashes of the leaves after them.
    """
    amiss = []
    if stored_row_of_edge(folder, len(nodes), len(row)) != list(row):
        amiss.append(stored_path(folder, 0, len(nodes)))
    level, above = 1, list(nodes)
    while above:
        for number in range(-(-len(above) // WIDTH)):
            right = above[number * WIDTH : (number + 1) * WIDTH]
            path = stored_path(folder, level, number)
            if hashes(read(folder / path) or b"")[: len(right)] != right:
                amiss.append(path if len(right) < WIDTH else tile_path(level, number))
        full = len(above) // WIDTH
        above = [merkle.root(above[k * WIDTH : (k + 1) * WIDTH]) for k in range(full)]
        level += 1
    return amiss


def stored_row_of_edge(folder: Path, number: int, count: int) -> list[bytes]:
    """The first hashes of the leaves of a bundle as the folder keeps them."""
    return hashes(read(folder / stored_path(folder, 0, number)) or b"")[:count] if count else []


def promises(folder: Path, key: Verifier, least: int = 0) -> Iterator[Checkpoint]:
    """Checkpoints of a log that a key signed, of the most records first; lines that are none are passed over.

    Arguments:
        folder: of the log.
        key: public.
        least: records that a checkpoint must count at least.
    """
    mark = f"{json.dumps(key.name)[1:-1]} {base64.b64encode(key.id)[:4].decode()}".encode()
    for size, line in sorted(_lines(folder, mark, least), key=lambda pair: -pair[0]):
        try:
            point = Checkpoint.parse(json.loads(line)["note"].encode())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, CaudalError):
            continue
        if point.size == size and point.note.is_signed_by(key):
            yield point


def _lines(folder: Path, mark: bytes, least: int) -> Iterator[tuple[int, bytes]]:
    try:
        file = opened(folder / "checkpoints")
    except OSError:
        return
    with file:
        if os.fstat(file.fileno()).st_size > _LONGEST_HISTORY:
            return
        while line := file.readline(2 * LARGEST):
            size = line[9:].partition(b",")[0]  # {"size": 42, ...
            if mark in line and len(size) < 19 and size.isdigit() and int(size) >= least:
                yield int(size), line


def change_of(entry: bytes, index: int) -> KeyChange | None:
    """The change of keys that a record states, or None."""
    try:
        record = unpack(entry)
    except FileFormatError:
        return None
    if not isinstance(record, Event) or record.kind != "key":
        return None
    old, new = record.facts.get("old"), record.facts.get("new")
    return KeyChange(index, old, new) if isinstance(old, str) and isinstance(new, str) else None


def _tail(folder: Path, bundles: int) -> list[bytes]:
    data = read(folder / tile_path(ENTRIES, bundles))  # complete since the checkpoint
    return split((data if data is not None else read(folder / "edge" / ENTRIES)) or b"")[0]


def _gaps(named: list[int], log: LogReading, rest: int) -> list[Fault]:
    """Promised records whose files are not there, or are too short: a fault for each gap.

    Arguments:
        named: numbers of full bundles of which the folder has a name.
        log: what was read so far.
        rest: promised records after the last full bundle.
    """
    bundles, faults = log.bundles, []
    at = log.retired
    for number in [*(k for k in named if at <= k < bundles), bundles]:
        if at < number:
            start, end = at * WIDTH, number * WIDTH
            what = f"records {start:,} to {end - 1:,} are missing"
            if number == bundles and not log.tail:
                what = f"records from {start:,} on are missing: {log.point.size:,} were promised"
            faults.append(Fault(start, what, start))
        at = number + 1
    short = bundles * WIDTH + len(log.tail)
    if len(log.tail) < rest and (log.tail or not faults or not faults[-1].what.startswith("records from")):
        what = f"records from {short:,} on are missing: {log.point.size:,} were promised"
        faults.append(Fault(short, what, short))
    return faults


def _lead(log: LogReading, rest: int) -> None:
    """Find hashes that lead to the root: the stored ones first, then those of the records, then those below."""
    folder, bundles = log.folder, log.bundles
    ends = [log.leaves, stored_row_of_edge(folder, bundles, rest)]

    def stored() -> list[bytes]:
        return stored_row(folder, 1, bundles)

    def below() -> list[bytes]:
        there = len(numbers(folder, 0))
        rows = (hashes(read(folder / tile_path(0, k)) or b"") for k in range(min(bundles, there)))
        return [merkle.root(row) for row in rows]

    for way in (stored, lambda: log.roots, below):
        nodes = way()
        if len(nodes) != bundles:
            continue
        for row in ends:
            if len(row) == rest and merkle.edge_root([row, nodes]) == log.point.root:
                log.nodes, log.row = nodes, row
                return


def _walk(log: LogReading, full: bool, named: Collection[int]) -> None:
    """Look at each full bundle, the last one first: each is sealed by the first record after it.

    A bundle that has a name in the folder and no bytes (a link to nothing, a pipe, a file that may not be read) is a
    fault of its own; one that has no name lies in a gap.
    """
    nodes, start = log.nodes or [], log.bundles * WIDTH
    if log.leaves == log.row:
        log.changes += _changes(log.tail, start)
    seal = seal_of(log.tail[0]) if log.tail and log.leaves[0] == log.row[0] else None
    for number in range(log.bundles - 1, log.retired - 1, -1):
        data, row = read(log.folder / tile_path(ENTRIES, number)), read(log.folder / tile_path(0, number))
        if data is None and number in named:
            start = number * WIDTH
            what = f"records {start:,} to {start + WIDTH - 1:,} cannot be read"
            log.faults.append(Fault(start, what, start))
        if data is None or row is None:
            seal = _look(log, number, data, row or b"", seal)
        elif full or seal is None or sha256(data).digest() != seal[0] or sha256(row).digest() != seal[1]:
            seal = _look(log, number, data, row, seal)
        else:
            if data.find(_JSON_CHANGE if data[2:3] == b"{" else _PACKED_CHANGE) >= 0:
                log.changes += _changes(split(data)[0], number * WIDTH)
            seal = seal_of(data[2 : 2 + int.from_bytes(data[:2], "big")]) if number else None
    for number in range(log.retired):
        if merkle.root(hashes(read(log.folder / tile_path(0, number)) or b"")) != nodes[number]:
            log.spoilt.append(tile_path(0, number))


def _look(
    log: LogReading, number: int, data: bytes | None, stored: bytes, seal: tuple[bytes, bytes] | None
) -> tuple[bytes, bytes] | None:
    """Hash the records of one bundle; the seal of the bundle before it, where its first record is the promised one."""
    start, node = number * WIDTH, (log.nodes or [])[number]
    entries, end = split(data or b"")
    row = [merkle.leaf(entry) for entry in entries]
    is_good = data is not None and len(row) == WIDTH and end == len(data) and merkle.root(row) == node
    row_on_disk = hashes(stored)
    is_row_good = len(stored) == WIDTH * HASH and merkle.root(row_on_disk) == node
    if not is_row_good:
        log.spoilt.append(tile_path(0, number))
    if is_good:
        log.changes += _changes(entries, start)
        if seal is not None and seal != (sha256(data or b"").digest(), sha256(b"".join(row)).digest()):
            at = start + WIDTH
            what = f"record {at:,} is a seal that does not fit the records before it, though the log's key signed both"
            log.faults.append(Fault(at, what, at))
    elif data is not None:
        is_row_good = is_row_good or (seal is not None and sha256(stored).digest() == seal[1])
        log.faults.append(_first_bad(row, row_on_disk if is_row_good else [], start))
    is_head_good = bool(row) and (is_good or (is_row_good and row[0] == row_on_disk[0]))
    return seal_of(entries[0]) if is_head_good and number else None


def _first_bad(row: list[bytes], promised: list[bytes], start: int) -> Fault:
    """The first record of a bundle whose hash is not the promised one; all of it where none is known."""
    last = start + WIDTH - 1
    if not promised:
        return Fault(start, f"a record between {start:,} and {last:,} is not the one that was promised", last)
    for k, (ours, right) in enumerate(zip(row, promised, strict=False)):
        if ours != right:
            return Fault(start + k, f"record {start + k:,} is not the one that was written", start + k)
    if len(row) < WIDTH:
        at = start + len(row)
        return Fault(at, f"record {at:,} is missing, or its length was changed", at)
    return Fault(last, f"something was put between records {last:,} and {last + 1:,}", last)


def _changes(entries: list[bytes], start: int) -> list[KeyChange]:
    changes = [
        change_of(entry, start + k)
        for k, entry in enumerate(entries)
        if (_JSON_CHANGE if entry[:1] == b"{" else _PACKED_CHANGE) in entry
    ]
    return [change for change in changes if change is not None]
