"""Files that are whole or not there, never a part; and bytes of a file, never more than were asked for."""

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from caudal import limits
from caudal.errors import FileFormatError, InputError, MissingFileError

# What an open for reading asks of the system: not to wait for a pipe's writer, and bytes as they are.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def put(path: Path, data: str | bytes, *, sync: bool = False, mode: int = 0o644, follow: bool = True) -> None:
    """Write beside the path, then rename.

    Arguments:
        path: of the file; its folder must be there.
        data: all of it; a text is written as UTF-8, its line ends as they are.
        sync: whether it must outlive a power cut once this returns, its name in the folder included.
        mode: who may read and write, before the umask.
        follow: whether a link at the path stays one and what it leads to is replaced; otherwise the link is.

    Raises:
        OSError: it cannot be written; an older file is as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     put(Path(folder) / "a.txt", "whole")
        ...     [one.name for one in Path(folder).iterdir()]
        ['a.txt']
    """
    path = Path(os.path.realpath(path)) if follow else path
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105
    except BaseException as error:
        with suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error  # the place that was asked for
        raise
    if sync:
        with suppress(OSError, AttributeError):  # a folder cannot be opened on every system
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def opened(path: Path, buffering: int = -1) -> IO[bytes]:
    """A regular file, open for reading its bytes; it does not wait for a pipe, not even one put there meanwhile.

    Arguments:
        path: of the file.
        buffering: 0 for none.

    Raises:
        OSError: there is none, it cannot be read, or it is a folder, a pipe or a device.
    """
    handle = os.open(path, os.O_RDONLY | _AT_ONCE)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no plain file", str(path))
        return os.fdopen(handle, "rb", buffering)
    except BaseException:
        os.close(handle)
        raise


def read(owner: str, path: Path, largest: int = limits.TEXT) -> bytes:
    """All bytes of a regular file; a pipe or a device, which may never end, is not opened.

    Arguments:
        owner: function or class to name in errors.
        path: of the file.
        largest: how many bytes it may have.

    Raises:
        MissingFileError: there is none, or it is a folder.
        FileFormatError: it is no file, or larger.
        OSError: it cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     put(Path(folder) / "a.txt", "whole")
        ...     read("load", Path(folder) / "a.txt")
        b'whole'
    """
    try:
        facts = path.stat()
        if stat.S_ISREG(facts.st_mode):
            with opened(path) as file:
                facts = os.fstat(file.fileno())
                data = file.read(facts.st_size + 1) if facts.st_size <= largest else b""
            if len(data) <= facts.st_size <= largest:  # nobody writes to it while it is read
                return data
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(f"{owner}: {path} does not exist. Pass the path of a file.") from error
    except (ValueError, UnicodeError) as error:  # a path with a zero byte
        raise MissingFileError(f"{owner}: {str(path)!r} is no path. Pass the path of a file.") from error
    if stat.S_ISDIR(facts.st_mode):
        raise MissingFileError(f"{owner}: {path} is a folder. Pass the path of a file.")
    fault = f"is larger than the {largest:,} bytes that are read" if stat.S_ISREG(facts.st_mode) else "is no file"
    raise FileFormatError(f"{owner}: {path} {fault}. Pass the path of a file that caudal wrote.")


def read_toml(owner: str, argument: str, path: Path) -> dict[str, Any]:
    """The content of a recipe in TOML.

    Arguments:
        owner: function or class to name in errors.
        argument: of it that held the path.
        path: of the file.

    Raises:
        MissingFileError: there is none.
        FileFormatError: it is larger than a recipe may be, or no plain file.
        InputError: it is no TOML.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     put(Path(folder) / "a.toml", "seed = 3")
        ...     read_toml("fit", "path", Path(folder) / "a.toml")
        {'seed': 3}
    """
    import tomllib  # 4 ms that no other start needs

    try:
        return tomllib.loads(read(owner, path, limits.RECIPE).decode())
    except MissingFileError as error:
        raise MissingFileError(f"{owner}: {path} is no file. Pass a recipe in TOML.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(owner, argument, f"is no TOML: {path.name} ({error})", "Correct the line.") from error
