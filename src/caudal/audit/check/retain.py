"""Retention: old records go, every proof stays.

Whole bundles are removed, never the hashes of their records: proofs of what is kept, and checkpoints held of any time,
go on holding. What goes is written down first, as the event `retired`, and `log.json` names that record; so whoever
makes `log.json` say more than the log itself does is found out by `verify`.
"""

import math
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from caudal.audit.log import manifest
from caudal.audit.log.encoding import unpack
from caudal.audit.log.log import Log
from caudal.audit.log.record import time_text
from caudal.audit.log.tiles import ENTRIES, WIDTH, read, split, tile_path
from caudal.errors import FileFormatError, InputError
from caudal.files import put

DAYS = 184  # six months are never longer
_SECOND = 10**9


@dataclass(frozen=True)
class Retired:
    """What `retain` removed.

    Attributes:
        first: index of the first record that is kept.
        records: removed by this call.
        event: index of the record that says so; None where nothing was removed.
    """

    first: int
    records: int
    event: int | None


def retain(
    log: Log,
    before: date | datetime,
    *,
    days: int = DAYS,
    archive: str | os.PathLike[str] | None = None,
) -> Retired:
    """Remove the records of a log that are older than a date, in whole bundles of 256; the newest bundle stays.

    The salts of removed records are erased with them; those of persons stay until they are erased one by one.

    Arguments:
        log: open.
        before: records of this time (UTC) and later are kept, and so is what shares a bundle with one.
        days: younger records are never removed. Some laws ask for longer than six months.
        archive: a folder that the bundles are copied into before they go.

    Raises:
        InputError: `before` lies within the last `days`, or the log is closed.
        FileFormatError: a record cannot be read.

    Example:
        >>> import tempfile
        >>> from caudal.audit import keys, prove, verify
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key, sync=False, clock=lambda: 0) as log:  # as if it were 1970
        ...         for k in range(600):
        ...             at = log.decide("bed 4", [k], model="ab" * 32, inputs=b"x")
        ...     with Log(f"{folder}/log", key, sync=False) as log:
        ...         gone = retain(log, date(2020, 2, 1))
        ...     gone.first, verify(f"{folder}/log", key.verifier).holds, prove(f"{folder}/log", 300).holds(key.verifier)
        (256, True, True)
    """
    limit = _nanoseconds(before)
    with log._lock:
        log._check_open()
        youngest = log._clock() - days * 86_400 * _SECOND
        if limit > youngest:
            fault = f"is {time_text(limit)[:10]}, and records are kept for {days} days"
            remedy = f"Pass {time_text(youngest)[:10]} or earlier, or fewer `days` where no law asks for more."
            raise InputError("retain", "before", fault, remedy)
        old, new = log.about.first, _boundary(log, limit)
        if new == old:
            _remove(log, new, archive)  # what an earlier call that was cut off has left
            log.salts.erase_before(new)
            return Retired(old, 0, None)
        at = log._event("retired", first=new, records=new - old, before=time_text(limit))
        log.flush()
        log.about = manifest.with_first(log.path, log.about, new, at)
        _remove(log, new, archive)
        log.salts.erase_before(new)
        return Retired(new, new - old, at)


def unfounded(folder: Path, facts: manifest.About, promised: int) -> str | None:
    """Why `log.json` may not say that records were retired; None where the log says so itself."""
    if not facts.first:
        return None
    claim = f"log.json says that records before {facts.first:,} were retired"
    at = facts.retired
    if at is None or not facts.first <= at < promised:
        return f"{claim}, and names no record that says so"
    number, inside = divmod(at, WIDTH)
    data = read(folder / tile_path(ENTRIES, number))
    entries, _ = split((data if data is not None else read(folder / "edge" / ENTRIES)) or b"")
    try:
        record = unpack(entries[inside])
    except (FileFormatError, IndexError):
        return f"{claim}, and record {at:,} cannot be read"
    is_so = getattr(record, "kind", None) == "retired" and getattr(record, "facts", {}).get("first") == facts.first
    return None if is_so else f"{claim}, and record {at:,} does not say so"


def _nanoseconds(before: object) -> int:
    if not isinstance(before, date):
        fault = f"is {before!r}"
        raise InputError("retain", "before", fault, "Pass a date, such as `date(2026, 1, 31)`.")
    moment = before if isinstance(before, datetime) else datetime(before.year, before.month, before.day, tzinfo=UTC)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def _boundary(log: Log, limit: int) -> int:
    """Start of the first bundle that holds a record that must stay."""
    number, full = log.about.first // WIDTH, log.size // WIDTH
    while number < full - 1 and _newest(log.path, number) < limit:
        number += 1
    return number * WIDTH


def _newest(folder: Path, number: int) -> float:
    """The latest time in a bundle: clocks may have run backwards."""
    entries, _ = split(read(folder / tile_path(ENTRIES, number)) or b"")
    return max((unpack(entry).time for entry in entries), default=math.inf)


def _remove(log: Log, first: int, archive: str | os.PathLike[str] | None) -> None:
    """Remove the bundles before a record, the oldest first: what is left has no gaps, and another call goes on."""
    left = first // WIDTH
    while left and (log.path / tile_path(ENTRIES, left - 1)).is_file():
        left -= 1
    for number in range(left, first // WIDTH):
        place = log.path / tile_path(ENTRIES, number)
        if archive is not None:
            target = Path(archive) / tile_path(ENTRIES, number)
            target.parent.mkdir(parents=True, exist_ok=True)
            put(target, place.read_bytes(), sync=True)
        place.unlink()
    for folder in sorted((log.path / "tile" / ENTRIES).rglob("x*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            shutil.rmtree(folder)
