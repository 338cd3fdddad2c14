"""Files that are whole or not there: whoever reads sees the old one or the new one, never a part."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def put(path: Path, data: str | bytes, *, sync: bool = False, mode: int = 0o644) -> None:
    """Write beside the path, then rename.

    Arguments:
        path: of the file; its folder must be there.
        data: all of it; a text is written as UTF-8, its line ends as they are.
        sync: whether it must outlive a power cut once this returns, its name in the folder included.
        mode: who may read and write, before the umask.

    Raises:
        OSError: it cannot be written; an older file is as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     put(Path(folder) / "a.txt", "whole")
        ...     [one.name for one in Path(folder).iterdir()]
        ['a.txt']
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    if sync:
        with suppress(OSError, AttributeError):  # a folder cannot be opened on every system
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
