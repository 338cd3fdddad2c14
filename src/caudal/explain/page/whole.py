"""Files of text that are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: str) -> Path:
    """Write a text; missing folders are made, and a reader sees the old file or the new one.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        # Temporary files are private; a page is for others to read.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
