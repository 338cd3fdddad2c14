"""Files that outlive a power cut where it is asked, and that one writer holds."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO
from weakref import WeakSet

from caudal.errors import InputError

# A name that was made a link leads to a file of somebody else: it is not opened for writing.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def settle(paths: Iterable[Path]) -> None:
    """Wait until files, or the names in folders, are on the disk."""
    for path in paths:
        with suppress(FileNotFoundError, PermissionError if os.name == "nt" else FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def refuse_links(owner: str, folder: Path, below: Iterable[str] = ()) -> None:
    """Refuse a folder in which a name leads elsewhere: what is written under it would replace something else.

    Arguments:
        owner: to name in the error.
        folder: that will be written to; it may be a link itself.
        below: folders in it that are looked into, too.

    Raises:
        InputError: it holds a link, a pipe or a device.
    """
    for place in (folder, *(folder / name for name in below)):
        if not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                fault = f"holds {path}, which is a link or no plain file"
                raise InputError(owner, "path", fault, "Remove it, or put the file itself in its place.")


class Grower:
    """A file that grows, whose failed writes leave no part behind; it is opened when it is first needed.

    Arguments:
        path: of the file; made at the first write where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._is_torn = False
        self.size = path.stat().st_size if path.exists() else 0

    def add(self, data: bytes) -> None:
        """Hand bytes to the system: all or, with an OSError, none."""
        handle = self._open()
        self.tidy()
        self._is_torn = True
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(handle, rest) :]
        except BaseException:
            with suppress(OSError):
                self.tidy()
            raise
        self.size += len(data)
        self._is_torn = False

    def cut(self, size: int) -> None:
        """Shorten the file; where the system refuses, the next call of `tidy` tries again."""
        self.size, self._is_torn = size, True
        self.tidy()

    def tidy(self) -> None:
        """Remove what a failed write has left."""
        if self._is_torn:
            os.ftruncate(self._open(), self.size)
            self._is_torn = False

    def is_as_left(self, end: bytes = b"") -> bool:
        """Whether the file of this path is the one that was written here, has its size, and ends in some bytes."""
        self.tidy()
        if not self.size and not self.path.exists():
            return True
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        handle = self._open()
        mine = os.fstat(handle)
        is_same = (mine.st_ino, mine.st_dev, mine.st_size) == (there.st_ino, there.st_dev, self.size)
        return is_same and (not end or (self.size >= len(end) and _tail(handle, self.size, len(end)) == end))

    def sync(self) -> None:
        """Wait until it is on the disk."""
        os.fsync(self._open())

    def close(self) -> None:
        """Give the file back; the number under which the system knew it is forgotten."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def restart(self) -> None:
        """Go on with an empty file of the same path, since this one was renamed."""
        self.close()
        self.size, self._is_torn = 0, False

    def _open(self) -> int:
        if self._handle is None:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _NO_LINK, 0o644)
        return self._handle


def _tail(handle: int, size: int, count: int) -> bytes:
    os.lseek(handle, size - count, os.SEEK_SET)  # writes append, wherever the position is
    return os.read(handle, count)


class Hold:
    """Holds a log for one writer, until it is closed or the process ends.

    The folder itself is held beside the file `lock`, where the system can: a file that somebody removes keeps nobody
    out.

    Arguments:
        path: of the file `lock` in the folder of the log.

    Raises:
        InputError: another writer holds it; the message names its process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _locked(path)
        try:
            self._folder = _locked_folder(path.parent)
        except BaseException:
            self._file.close()
            raise
        _HELD.add(self)

    def check(self) -> None:
        """See to it that nobody else can hold the log.

        Raises:
            InputError: the file was removed, and another writer may be at work.
        """
        if _is_at(self._file, self.path):
            return
        if self._folder is None:
            fault = f"{self.path} was removed while this process wrote, and another one may write now"
            raise InputError("Log", "path", fault, "Close this log, run `caudal audit verify`, and open it again.")
        file = _locked(self.path)
        self._file.close()
        self._file = file

    def close(self) -> None:
        """Let the log go."""
        self._file.close()
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None


def hold(path: Path) -> Hold:
    """Hold a folder for one writer by the file `lock` in it; see `Hold`."""
    return Hold(path)


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        there, mine = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev)


def _locked(path: Path) -> IO[str]:
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o644), "r+")
        try:
            _lock(file.fileno())
        except OSError as error:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            file.close()
            raise _refusal(path.parent, f"process {holder}") from error
        if _is_at(file, path):
            file.seek(0)
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            return file
        file.close()  # removed between opening and locking it


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _locked_folder(folder: Path) -> int | None:
    """A handle that holds a folder; None where the system cannot."""
    if sys.platform == "win32":
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle)
    except BlockingIOError as error:
        os.close(handle)
        raise _refusal(folder, "another process, whose file `lock` was removed") from error
    except OSError:
        os.close(handle)
        return None
    return handle


def _refusal(folder: Path, holder: str) -> InputError:
    fault = f"{folder} is written by {holder}"
    remedy = "A log has one writer: give each process its own log, or let one process write for all."
    return InputError("Log", "path", fault, remedy)


def release_all() -> None:
    """Let go of whatever this process holds, as its end does; a child that is forked holds nothing either."""
    for lock in list(_HELD):
        lock.close()


_HELD: WeakSet[Hold] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=release_all)
