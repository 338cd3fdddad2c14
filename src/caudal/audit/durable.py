"""Files that outlive a power cut where it is asked, and that one writer holds."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO
from weakref import WeakSet

from caudal.errors import InputError


def settle(paths: Iterable[Path]) -> None:
    """Wait until files, or the names in folders, are on the disk."""
    for path in paths:
        with suppress(FileNotFoundError, PermissionError if os.name == "nt" else FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


class Grower:
    """A file that grows, whose failed writes leave no part behind.

    Arguments:
        path: of the file; made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self.size = os.fstat(self._handle).st_size

    def add(self, data: bytes) -> None:
        """Hand bytes to the system: all or, with an OSError, none."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except BaseException:
            self.cut(self.size)
            raise
        self.size += len(data)

    def cut(self, size: int) -> None:
        """Shorten the file."""
        os.ftruncate(self._handle, size)
        self.size = size

    def sync(self) -> None:
        """Wait until it is on the disk."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._handle)


def hold(path: Path) -> IO[str]:
    """Hold a log for one writer; closing the file lets it go, and so does the end of the process.

    Raises:
        InputError: another writer holds it; the message names its process.
    """
    file = path.open("a+")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read(20).strip() or "unknown"
        file.close()
        fault = f"{path.parent} is written by process {holder}"
        remedy = "A log has one writer: give each process its own log, or let one process write for all."
        raise InputError("Log", "path", fault, remedy) from error
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    _HELD.add(file)
    return file


def _let_go() -> None:
    """A child that is forked holds nothing: the lock would otherwise outlive the writer in it."""
    for file in list(_HELD):
        file.close()


_HELD: WeakSet[IO[str]] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
