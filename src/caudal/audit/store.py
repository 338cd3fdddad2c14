"""Entries into the files of a log: buffered, handed to the system, promised by a signed checkpoint."""

import json
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from hashlib import sha256
from pathlib import Path

from caudal.audit import durable, merkle
from caudal.audit.note import Checkpoint, Note, checkpoint_text
from caudal.audit.recover import Found
from caudal.audit.tiles import ENTRIES, WIDTH, tile_path
from caudal.files import put


class Store:
    """The growing end of a log.

    Arguments:
        folder: of the log, held by this process.
        found: where it ends.
        origin: name of the log.
        sign: what puts signatures under a text.
        seal: the entry that holds the digests of a finished bundle and of its tile.
        before: called before entries are handed to the system.
        sync: whether a promise waits for the disk.
    """

    def __init__(
        self,
        folder: Path,
        found: Found,
        origin: str,
        sign: Callable[[str], Note],
        seal: Callable[[bytes, bytes], bytes],
        before: Callable[[], None],
        sync: bool = True,
    ) -> None:
        self.folder, self.origin, self.sign, self.seal, self.before, self.sync = (
            folder,
            origin,
            sign,
            seal,
            before,
            sync,
        )
        self.size, self.checkpoint = found.size, found.checkpoint
        self._levels = [list(row) for row in found.levels]
        self._pending: list[bytes] = []
        self._handed = len(self._levels[0])
        self._fresh: set[Path] = set()
        self._grown: set[int] = set()
        # Finished tiles go to the disk beside the writing; a promise waits for them.
        self._sinking: dict[Path, Future[None]] = {}
        self._sinker = ThreadPoolExecutor(1, "caudal-log")
        self._open_edges()
        self._digest = sha256(found.tail)
        self._needs_seal = found.size > 0 and not self._levels[0]
        self._last = found.last

    @property
    def promised(self) -> int:
        """How many entries the newest checkpoint counts."""
        return 0 if self.checkpoint is None else self.checkpoint.size

    def append(self, entry: bytes) -> int:
        """Take an entry; it is safe once `promise` has returned.

        Returns:
            its index in the log.
        """
        row = self._levels[0]
        if len(row) == WIDTH:
            self._complete()
            row = self._levels[0]
        if self._needs_seal:
            self._needs_seal = False
            self._take(self.seal(*self._last))
        self._take(entry)
        index = self.size - 1
        if len(row) == WIDTH:
            self._complete()
        return index

    def next_index(self) -> int:
        """Index that the next entry will get."""
        return self.size + self._needs_seal + (1 if len(self._levels[0]) == WIDTH else 0)

    def hand(self) -> None:
        """Hand what waits to the system: from then on it outlives this process, though not a power cut.

        Raises:
            OSError: the disk is full or gone; what waits goes on waiting, and nothing handed over is lost.
        """
        if not self._pending:
            return
        try:
            self.before()
            data, row = b"".join(self._pending), self._levels[0]
            self._entries.add(data)
            try:
                self._hashes.add(b"".join(row[self._handed :]))
            except OSError:
                self._entries.cut(self._entries.size - len(data))
                raise
        except OSError as error:
            waits = len(self._pending)
            sentence = (
                f"Log: could not write to {self.folder} ({error.strerror or error}); {waits:,} records wait in memory, "
                f"and the {self.promised:,} promised ones are safe. Free space, then flush or close again"
            )
            raise OSError(error.errno, sentence) from error
        self._digest.update(data)
        self._pending.clear()
        self._handed = len(row)

    def promise(self) -> Checkpoint:
        """Make everything durable and sign for it: what a checkpoint counts is on the disk.

        Raises:
            OSError: as in `hand`; no promise was made.
        """
        if len(self._levels[0]) == WIDTH:
            self._complete()
        self.hand()
        if self.checkpoint is not None and self.checkpoint.size == self.size:
            return self.checkpoint
        return self.sign_again()

    def sign_again(self) -> Checkpoint:
        """A checkpoint of what was handed over, whether or not it has grown."""
        self._write_grown()
        if self.sync:
            self._entries.sync()
            self._hashes.sync()
            self._settle()
        note = self.sign(checkpoint_text(self.origin, self.size, merkle.edge_root(self._levels)))
        line = json.dumps({"size": self.size, "note": str(note)}) + "\n"
        history = durable.Grower(self.folder / "checkpoints")
        try:
            history.add(line.encode())
            if self.sync:
                history.sync()
        finally:
            history.close()
        put(self.folder / "checkpoint", str(note).encode(), sync=self.sync)
        self.checkpoint = Checkpoint.parse(str(note).encode())
        return self.checkpoint

    def _settle(self) -> None:
        """Wait until every finished tile, and every new name, is on the disk."""
        wait(self._sinking.values())
        # What failed beside the writing fails again here, for the writer to see.
        self._fresh |= {path for path, done in self._sinking.items() if done.exception() is not None}
        self._sinking.clear()
        durable.settle(sorted(self._fresh))
        self._fresh.clear()

    def close(self) -> None:
        """Give the files back."""
        self._close_edges()
        self._sinker.shutdown()

    def _close_edges(self) -> None:
        self._entries.close()
        self._hashes.close()

    def _take(self, entry: bytes) -> None:
        self._pending.append(len(entry).to_bytes(2, "big") + entry)
        self._levels[0].append(sha256(b"\0" + entry).digest())
        self.size += 1

    def _open_edges(self) -> None:
        self._entries = durable.Grower(self.folder / "edge" / ENTRIES)
        self._hashes = durable.Grower(self.folder / "edge" / "0")

    def _complete(self) -> None:
        """Turn a full edge into tiles. Every step may be cut off: `recover` finds its way from what is there."""
        self.hand()
        number = self.size // WIDTH - 1
        row = self._levels[0]
        self._last = self._digest.digest(), sha256(b"".join(row)).digest()
        self._close_edges()
        self._rename("0", 0, number)
        self._rename(ENTRIES, ENTRIES, number)
        self._open_edges()
        self._levels[0], self._handed, self._digest = [], 0, sha256()
        self._needs_seal = True
        self._up(1, merkle.root(row), number)

    def _up(self, level: int, hash_: bytes, number: int) -> None:
        if level == len(self._levels):
            self._levels.append([])
        row = self._levels[level]
        row.append(hash_)
        self._grown.add(level)
        if len(row) == WIDTH:
            self._write_grown()
            self._levels[level] = []
            self._rename(str(level), level, number // WIDTH)
            self._up(level + 1, merkle.root(row), number // WIDTH)

    def _write_grown(self) -> None:
        """Rows above the leaves, as they stand; `recover` makes them again where they are not up to date."""
        for level in sorted(self._grown):
            edge = self.folder / "edge" / str(level)
            put(edge, b"".join(self._levels[level]))
            self._fresh |= {edge, edge.parent}
        self._grown.clear()

    def _rename(self, edge: str, level: int | str, number: int) -> None:
        target = self.folder / tile_path(level, number)
        target.parent.mkdir(parents=True, exist_ok=True)
        source = self.folder / "edge" / edge
        if source.exists() or not target.exists():
            os.replace(source, target)  # noqa: PTH105
        if self.sync:
            self._sinking[target] = self._sinker.submit(durable.settle, [target])
        self._fresh |= {target.parent, target.parent.parent, source.parent}
