"""Finished runs in one SQLite file: stored at once, found again by key, shared by processes without doing work twice.

A rollback journal and full synchronisation rather than a write-ahead log: the log needs shared memory, which a network
folder lacks, and a few writes a minute gain nothing from it. A process killed at any moment leaves a file that the next
one opens, less the run that was under way.
"""

import os
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caudal.compare.job import Job, RunOutcome, pack, unpack, unpack_array
from caudal.errors import CaudalError, FileFormatError, InputError
from caudal.typing import Array

FILE = "runs.sqlite"
EXPIRY = 60.0
_BUSY = 120.0
_OWNER = "compare"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (digest TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
  key TEXT PRIMARY KEY, model TEXT NOT NULL, phase TEXT NOT NULL, number INTEGER NOT NULL, record TEXT NOT NULL,
  scores TEXT NOT NULL, series TEXT NOT NULL, truth TEXT NOT NULL, network BLOB, finished REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL, beat REAL NOT NULL) WITHOUT ROWID;
"""


class Store:
    """The runs of one study in one folder.

    Arguments:
        folder: made where it is not there.
        facts: what the study is; a folder that states other facts is refused.

    Raises:
        InputError: the folder cannot be written, or holds another study.
        FileFormatError: the file in it is damaged or no store.
    """

    def __init__(self, folder: str | Path, facts: Mapping[str, str]) -> None:
        self.folder = Path(folder)
        self.path = self.folder / FILE
        self.owner = f"{socket.gethostname()}|{os.getpid()}|{_born(os.getpid())}|{secrets.token_hex(4)}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error.strerror or str(error)) from error
        # The heartbeat writes from a thread of its own.
        self._lock = threading.RLock()
        self._kept: dict[str, Array] = {}
        with self._words():
            self._file = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            self._begin(facts)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Give back what this process claimed, and close the file."""
        try:
            with self._change() as change:
                change("DELETE FROM claims WHERE owner = ?", (self.owner,))
        except CaudalError:
            pass  # a claim that could not be given back expires by itself
        self._file.close()

    def fact(self, name: str, first: str) -> str:
        """A fact of the study; the first process to ask lays it down."""
        with self._change() as change:
            change("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, first))
            return str(change("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])

    def note(self, name: str, value: str) -> None:
        """Write a fact anew."""
        with self._change() as change:
            change("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def get(self, job: Job) -> RunOutcome | None:
        """The stored outcome of a job.

        Raises:
            FileFormatError: what is stored does not read.
        """
        row = self._one("SELECT record, scores, series, truth, network FROM runs WHERE key = ?", job.key)
        if row is None:
            return None
        scores = unpack_array(self._blob(row[1]), self.path)
        return unpack(job, row[0], (scores, self._shared(row[2]), self._shared(row[3])), row[4], self.path)

    def _shared(self, digest: str) -> Array:
        """An array that many runs have in common."""
        if digest not in self._kept:
            self._kept[digest] = unpack_array(self._blob(digest), self.path)
        return self._kept[digest]

    def claim(self, key: str) -> bool:
        """Take a run for this process.

        Returns:
            False where it is stored, or a process that lives has it.
        """
        with self._change() as change:
            if change("SELECT 1 FROM runs WHERE key = ?", (key,)).fetchone():
                return False
            found = change("SELECT owner, beat FROM claims WHERE key = ?", (key,)).fetchone()
            if found is not None and found[0] != self.owner and not _is_stale(*found):
                return False
            change("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", (key, self.owner, time.time()))
            return True

    def beat(self) -> None:
        """Say that this process lives; called more often than claims expire."""
        with self._change() as change:
            change("UPDATE claims SET beat = ? WHERE owner = ?", (time.time(), self.owner))

    def release(self, key: str) -> None:
        """Give a run back unfinished."""
        with self._change() as change:
            change("DELETE FROM claims WHERE key = ? AND owner = ?", (key, self.owner))

    def put(self, outcome: RunOutcome) -> None:
        """Store a finished run, whole or not at all, and drop the claim on it. The first to finish stays.

        Raises:
            InputError: the disk is full or the folder cannot be written.
        """
        record, arrays = pack(outcome)
        job, names = outcome.job, [digest for digest, _ in arrays]
        with self._change() as change:
            for digest, data in arrays:
                change("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, data))
            row = (job.key, job.model, job.phase, job.number, record, *names, outcome.model, time.time())
            change(f"INSERT OR IGNORE INTO runs VALUES ({', '.join('?' * len(row))})", row)
            change("DELETE FROM claims WHERE key = ?", (job.key,))

    def count(self, models: Iterable[str]) -> int:
        """Number of runs stored of some contenders."""
        return sum(int(self._one("SELECT COUNT(*) FROM runs WHERE model = ?", model)[0]) for model in models)

    def missing(self, jobs: Iterable[Job]) -> tuple[Job, ...]:
        """Those of the jobs that are not stored, in order."""
        with self._words():
            stored = {key for (key,) in self._file.execute("SELECT key FROM runs")}
        return tuple(job for job in jobs if job.key not in stored)

    def _blob(self, digest: str) -> bytes:
        row = self._one("SELECT data FROM blobs WHERE digest = ?", digest)
        if row is None:
            raise _damaged(self.path, "an array is missing")
        return bytes(row[0])

    def _one(self, query: str, value: str) -> Any:
        with self._words():
            return self._file.execute(query, (value,)).fetchone()

    def _begin(self, facts: Mapping[str, str]) -> None:
        with self._words():
            self._file.execute("PRAGMA journal_mode = DELETE")
            self._file.execute("PRAGMA synchronous = FULL")
            if self._file.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise _damaged(self.path, "its check fails")
        with self._change() as change:
            for statement in _SCHEMA.split(";"):
                change(statement)
            for name, value in facts.items():
                change("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
            stated = dict(change("SELECT name, value FROM facts").fetchall())
        different = [name for name, value in facts.items() if stated[name] != value]
        if different:
            name = different[0]
            fault = f"holds another study, with {name} {stated[name]}; this one has {facts[name]}: {self.folder}"
            raise InputError(_OWNER, "out", fault, "Name another folder, or ask for the same study.")

    @contextmanager
    def _change(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """One transaction that no other process writes beside; undone where anything fails."""
        with self._words():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield self._file.execute
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                raise

    @contextmanager
    def _words(self) -> Iterator[None]:
        """One use of the file at a time; faults of SQLite as sentences."""
        try:
            with self._lock:
                yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "malformed" in text:
                raise _damaged(self.path, text) from error
            if "full" in text:
                fault = f"lies on a full disk: {self.folder}"
                remedy = "Make room and run the same command; finished runs are kept."
                raise InputError(_OWNER, "out", fault, remedy) from error
            raise _unwritable(self.folder, text) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, str(error)) from error


def _born(pid: int) -> str:
    """When a process began, as the system counts; tells a process from a later one of the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_stale(owner: str, beat: float) -> bool:
    host, pid, born, _ = owner.split("|")
    if host == socket.gethostname() and born and _born(int(pid)) != born:
        return True  # it was killed: no need to wait
    return abs(time.time() - beat) > EXPIRY


def _unwritable(folder: Path, reason: str) -> InputError:
    fault = f"is a folder that cannot be written: {folder} ({reason})"
    return InputError(_OWNER, "out", fault, "Name a folder of your own, and see that no other program locks it.")


def _damaged(path: Path, reason: str) -> FileFormatError:
    return FileFormatError(f"{path}: is damaged or no store of runs ({reason}). Move it away to begin anew.")
