"""Whether a log is as its checkpoint promised, and if not, which record is the first bad one.

First the signature, by a key that is trusted: the one that the user names, or the one that a record under its signature
names as the next. Then one reading, upward, from the bytes of the records to the root that was signed; see `reading`.
"""

import os
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from caudal.audit.check import reading
from caudal.audit.check.reading import KeyChange, LogReading, promises
from caudal.audit.check.retain import unfounded
from caudal.audit.check.verdict import Fault, Verdict
from caudal.audit.log import manifest
from caudal.audit.log.checkpoint import LARGEST, Checkpoint, Verifier
from caudal.audit.log.encoding import unpack
from caudal.audit.log.tiles import ENTRIES, WIDTH, read, split, tile_path
from caudal.errors import FileFormatError


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
        key: public key that you trust, and with it the one that a record under its signature names as the next;
            without, the log's own is taken, and a remark says so: then the log is only consistent with itself.
        held: a checkpoint that was kept elsewhere. Only this tells a log that was cut short, or written anew by
            whoever has its key, from an honest one.
        full: hash every record and every node, whatever the seals say. The other way is as safe against whoever lacks
            the key; this one also finds a seal that the holder of the key falsified.

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
    facts = manifest.load(folder)
    remarks = [] if key else ["no key was given: the signature was checked with the log's own"]
    try:
        point = Checkpoint.parse(read(folder / "checkpoint", LARGEST) or b"")
    except FileFormatError as error:
        fault = Fault(None, f"the checkpoint cannot be read: {error}")
        return Verdict(0, (fault,), tuple(remarks), facts.origin, is_full=full)
    terms, newest = _terms(folder, facts, key or _named_by(facts, point), point)
    if newest is None or point.origin != facts.origin:
        what = f"the checkpoint is not signed by {key.name if key else 'a key of the log'}"
        if point.origin != facts.origin:
            what = f"the checkpoint is of {point.origin}, and log.json of {facts.origin}"
        return Verdict(point.size, (Fault(None, what),), tuple(remarks), point.origin, root=point.root, is_full=full)
    log = reading.climb(folder, facts.first, newest, full=full)
    faults = [*log.faults, *(Fault(None, _amiss(folder, path)) for path in dict.fromkeys(log.spoilt))]
    reason = unfounded(folder, facts, newest.size)
    faults += [] if reason is None else [Fault(None, reason)]
    faults += _keys_amiss(log, terms)
    if log.nodes is None and not log.faults:
        faults.append(_bracket(log, terms))
    if held is not None:
        faults += _held(log, held, terms)
    remarks += _unpromised(folder, log)
    if point.size < newest.size:
        remarks.append(f"the file `checkpoint` is older than the newest promise of {newest.size:,} records")
    if facts.first:
        remarks.append(f"records before {facts.first:,} were retired; their hashes are kept")
    return Verdict(
        newest.size,
        tuple(sorted(faults, key=lambda fault: (fault.index is None, fault.index or 0))),
        tuple(remarks),
        newest.origin,
        terms[-1].key,
        _time(log),
        newest.root,
        full,
    )


class KeyTerm(NamedTuple):
    """A key, and the number of records from which on it signs.

    Attributes:
        key: public.
        start: records that stood under the key before it.
        handover: the checkpoint, signed by the key before it, that counts the record which names it.
    """

    key: Verifier
    start: int = 0
    handover: Checkpoint | None = None


def _named_by(facts: manifest.About, point: Checkpoint) -> Verifier:
    """The key of `log.json` that signed the checkpoint; the last one where none did."""
    return next((key for key in reversed(facts.keys) if point.note.is_signed_by(key)), facts.keys[-1])


def _terms(
    folder: Path, facts: manifest.About, key: Verifier, point: Checkpoint
) -> tuple[list[KeyTerm], Checkpoint | None]:
    """Keys that may sign, in order, and the newest promise of the last one; None where none signed `checkpoint`.

    They are the key named, and each that a promised record of the one before names: the last promise of a key that is
    replaced ends with the record that replaces it. A writer that was cut off may have its newest promise in the file
    `checkpoints` alone.
    """
    terms, newest = [KeyTerm(key)], None
    while True:
        term = terms[-1]
        here = [point] if point.size >= term.start and point.note.is_signed_by(term.key) else []
        later = promises(folder, term.key, max([term.start, *(promise.size + 1 for promise in here)]))
        last = next((promise for promise in (*islice(later, 1), *here) if promise.origin == facts.origin), None)
        if last is None:
            break
        newest = last
        change = _last_change(folder, facts.first, last)
        if change is None or change.old != str(term.key) or change.new == change.old:
            break
        try:
            terms.append(KeyTerm(Verifier.parse(change.new), last.size, last))
        except FileFormatError:
            break
    if newest is not None and terms[-1].handover is newest:
        terms.pop()  # the new key has not signed yet
    return terms, newest if any(point.note.is_signed_by(term.key) for term in terms) else None


def _last_change(folder: Path, first: int, point: Checkpoint) -> KeyChange | None:
    """The change of keys that the last record under a checkpoint states, led to its root; or None."""
    number, inside = divmod(max(point.size - 1, 0), WIDTH)
    data = read(folder / tile_path(ENTRIES, number))
    entries, _ = split((data if data is not None else read(folder / "edge" / ENTRIES)) or b"")
    change = reading.change_of(entries[inside], point.size - 1) if inside < len(entries) else None
    if change is None:
        return None
    log = reading.climb(folder, first, point)
    return change if change in log.changes else None


def _keys_amiss(log: LogReading, terms: list[KeyTerm]) -> list[Fault]:
    """A key that signed after a promised record had replaced it, or that does not continue the one before it."""
    faults, signer, size = [], terms[0].key, log.point.size
    if log.nodes is not None:
        current = str(terms[-1].key)
        for change in log.changes:
            if change.index >= terms[-1].start and change.old == current and change.index + 1 < size:
                current, signer_index = change.new, change.index
        if current != str(terms[-1].key):
            what = f"the checkpoint is signed by a key that record {signer_index:,} replaced"
            faults.append(Fault(None, what))
    for term in terms[1:] if log.nodes is not None else ():
        if term.handover is not None and log.root_at(term.start) != term.handover.root:
            what = f"a record before {term.start:,} is not the one that {signer.name} had promised"
            faults.append(Fault(0, what, term.start - 1))
        signer = term.key
    return faults


def _bracket(log: LogReading, terms: list[KeyTerm]) -> Fault:
    """Between which promises the first bad record lies, by the records that are there."""
    points = sorted(
        {point.size: point for term in terms for point in promises(log.folder, term.key)}.values(),
        key=lambda point: point.size,
    )
    points = [point for point in points if point.size < log.point.size]
    low, high = 0, len(points)  # those before `low` hold; a promise that holds vouches for all before it
    while low < high:
        middle = (low + high) // 2
        if log.root_at(points[middle].size) == points[middle].root:
            low = middle + 1
        else:
            high = middle
    good = points[low - 1].size if low else 0
    end = (points[low].size if low < len(points) else log.point.size) - 1
    what = f"a record between {good:,} and {end:,} is not the one that was promised"
    return Fault(good, what, max(end, good))


def _signers(log: LogReading, terms: list[KeyTerm], size: int) -> list[Verifier]:
    """Keys whose promise of a number of records counts: of the terms, and those that promised records replaced."""
    signers = [term.key for k, term in enumerate(terms) if k + 1 == len(terms) or size <= terms[k + 1].start]
    old = str(terms[0].key)
    for change in reversed(log.changes if log.nodes is not None else []):
        if change.new == old:
            old = change.old
            if size <= change.index + 1:
                signers.append(Verifier.parse(old))
    return signers


def _held(log: LogReading, held: Checkpoint, terms: list[KeyTerm]) -> list[Fault]:
    newest = log.point
    if held.origin != newest.origin or not any(map(held.note.is_signed_by, _signers(log, terms, held.size))):
        return [Fault(None, "the checkpoint that was held is not of this log, or not signed by its key")]
    if newest.size < held.size:
        what = f"the log was cut to {newest.size:,} records: {held.size:,} stood in the checkpoint that was held"
        return [Fault(newest.size, what, newest.size)]
    if not log.faults and log.root_at(held.size) != held.root:
        what = f"a record before {held.size:,} is not the one that the checkpoint that was held had seen"
        return [Fault(0, what, held.size - 1)]
    return []


def _amiss(folder: Path, path: str) -> str:
    return f"the hashes of {path} {'were changed' if (folder / path).is_file() else 'are missing'}"


def _unpromised(folder: Path, log: LogReading) -> list[str]:
    """What lies after the last promise: nobody vouches for it, and it vouches for nothing."""
    bundles, size = log.bundles, log.point.size
    while (folder / tile_path(ENTRIES, bundles)).is_file():
        bundles += 1
    data = read(folder / "edge" / ENTRIES) or b""
    tail, end = split(data)
    there, remarks = bundles * WIDTH + len(tail), []
    if there > size:
        remarks.append(f"{there - size:,} records after the last checkpoint are not promised yet")
    if end < len(data):
        remarks.append(f"{len(data) - end:,} bytes after record {there - 1:,} are a torn record")
    return remarks


def _time(log: LogReading) -> int | None:
    """When the last promised record was written, as its clock said."""
    entries = log.tail
    if not entries and log.bundles:
        entries = split(read(log.folder / tile_path(ENTRIES, log.bundles - 1)) or b"")[0]
    try:
        return unpack(entries[-1]).time if entries and log.nodes is not None and not log.faults else None
    except FileFormatError:
        return None
