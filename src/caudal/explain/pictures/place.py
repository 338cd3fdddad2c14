"""Write pages and pictures to a path."""

from pathlib import Path

from caudal.files import put


def placed(path: Path, content: str | bytes) -> Path:
    """Write a file whole or not at all; missing folders are made.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, content)
    return path
