"""Where a log keeps its tree: the files of C2SP tlog-tiles, and the right edge that is not full yet.

checkpoint            the newest promise, a signed note
tile/entries/x000/007 256 records, each after its length (u16, big-endian)
tile/0/x000/007       their hashes; tile/1 the roots of tiles of tile/0, and so on
edge/entries, edge/0, edge/1, ...   what will become the next files of `tile`, growing
checkpoints           every promise so far, a JSON line each
log.json              origin, form and public keys
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from caudal.audit.log import merkle
from caudal.errors import FileFormatError
from caudal.files import opened

WIDTH = 256  # hashes of a tile, 2**HEIGHT
HEIGHT = 8
HASH = 32
ENTRIES = "entries"


def tile_path(level: int | str, number: int) -> str:
    """Path of a full tile below the folder of its log.

    Example:
        >>> tile_path(0, 1234067), tile_path("entries", 7)
        ('tile/0/x001/x234/067', 'tile/entries/007')
    """
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[k : k + 3] for k in range(0, len(digits), 3)]
    return "/".join(["tile", str(level), *(f"x{group}" for group in groups[:-1]), groups[-1]])


def split(data: bytes) -> tuple[list[bytes], int]:
    r"""Entries of a bundle, and how many bytes they take; fewer than there are where the last one is cut off.

    Example:
        >>> split(b"\0\1a\0\2b")
        ([b'a'], 3)
    """
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at + 2 <= end:
        size = data[at] << 8 | data[at + 1]
        if at + 2 + size > end:
            break
        entries.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return entries, at


def hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile; what is left of a cut one is dropped."""
    return [data[k : k + HASH] for k in range(0, len(data) - HASH + 1, HASH)]


class Tiles:
    """Hashes of a tree, read from its folder as they are needed.

    Arguments:
        folder: of the log.
        edges: hashes of each level that are in no full tile; read from `edge` without.
    """

    def __init__(self, folder: Path, edges: Sequence[Sequence[bytes]] | None = None) -> None:
        self.folder = folder
        self._edges = edges
        self._full = lru_cache(maxsize=64)(self._read_full)

    def full(self, level: int, number: int) -> list[bytes] | None:
        """Hashes of a full tile, or None where there is none."""
        return self._full(level, number)

    def edge(self, level: int) -> Sequence[bytes]:
        """Hashes of a level that are in no full tile."""
        if self._edges is not None:
            return self._edges[level] if level < len(self._edges) else ()
        data = read(self.folder / "edge" / str(level))
        return hashes(data or b"")

    def __call__(self, height: int, index: int) -> bytes:
        """Root of a perfect subtree; see `merkle.Read`.

        Raises:
            FileFormatError: a tile that it needs is not there.
        """
        level, inside = divmod(height, HEIGHT)
        number, start = divmod(index << inside, WIDTH)
        row: Sequence[bytes] | None = self.full(level, number)
        if row is None:
            row = self.edge(level)
        nodes = row[start : start + (1 << inside)]
        if len(nodes) < 1 << inside:
            raise FileFormatError(
                f"{self.folder}: hashes of {tile_path(level, number)} are missing. Restore the file from a copy."
            )
        return merkle.root(nodes)

    def _read_full(self, level: int, number: int) -> list[bytes] | None:
        data = read(self.folder / tile_path(level, number))
        return None if data is None or len(data) != WIDTH * HASH else hashes(data)


def read(path: Path, limit: int = WIDTH * (65535 + 2)) -> bytes | None:
    """Bytes of a file, or None where there is none, or more than any file of a log holds."""
    try:
        # Unbuffered: a log of a million records is eight thousand small files.
        with opened(path, buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            return None if size > limit else file.read(size)
    except OSError:
        return None
