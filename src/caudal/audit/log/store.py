"""Entries into the files of a log: buffered, handed to the system, promised by a signed checkpoint."""

import json
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from caudal.audit.log import durable, merkle
from caudal.audit.log.checkpoint import Checkpoint, Note, checkpoint_text
from caudal.audit.log.durable import Hold
from caudal.audit.log.recover import LogEnd
from caudal.audit.log.tiles import ENTRIES, WIDTH, tile_path
from caudal.errors import InputError
from caudal.files import put


class LogStore:
    """The growing end of a log.

    Every step that the system may refuse can be done again: what is in memory changes only once the disk has it.

    Arguments:
        folder: of the log.
        hold: of the folder, by this process.
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
        hold: Hold,
        state: LogEnd,
        origin: str,
        sign: Callable[[str], Note],
        seal: Callable[[bytes, bytes], bytes],
        before: Callable[[], None],
        sync: bool = True,
    ) -> None:
        self.folder, self.hold, self.origin, self.sync = folder, hold, origin, sync
        self.sign, self.seal, self.before = sign, seal, before
        self.size, self.checkpoint = state.size, state.checkpoint
        self._levels = [list(row) for row in state.levels]
        self._pending: list[bytes] = []
        self._handed = len(self._levels[0])
        self._fresh: set[Path] = set()
        self._grown: set[int] = set()
        self._folders: set[Path] = set()
        # Finished tiles go to the disk beside the writing; a promise waits for them.
        self._sinking: dict[Path, Future[None]] = {}
        self._sinker = ThreadPoolExecutor(16, "caudal-log")
        self._entries = durable.Grower(folder / "edge" / ENTRIES)
        self._hashes = durable.Grower(folder / "edge" / "0")
        self._digest = sha256(state.tail)
        self._needs_seal = state.size > 0 and not self._levels[0]
        self._last = state.last

    @property
    def promised(self) -> int:
        """How many entries the newest checkpoint counts."""
        return 0 if self.checkpoint is None else self.checkpoint.size

    def append(self, entry: bytes) -> int:
        """Take an entry; it is safe once `promise` has returned.

        Returns:
            its index in the log.

        Raises:
            OSError: the disk is full or gone; the entry was not taken, and a later call may go through.
        """
        if self._needs_seal or len(self._levels[0]) == WIDTH:
            self._begin()
        self._take(entry)
        return self.size - 1

    def _begin(self) -> None:
        """Begin a bundle: its first entry seals the one before it."""
        if not self._needs_seal:
            self._complete()
        self._take(self.seal(*self._last))
        self._needs_seal = False

    def next_index(self) -> int:
        """Index that the next entry will get."""
        return self.size + (self._needs_seal or len(self._levels[0]) == WIDTH)

    def hand(self) -> None:
        """Hand what waits to the system: from then on it outlives this process, though not a power cut.

        Raises:
            OSError: the disk is full or gone; what waits goes on waiting, and nothing handed over is lost.
            InputError: another writer was at work.
        """
        if not self._pending:
            return
        try:
            self.before()
            self._check_edge()
            data, row = b"".join(self._pending), self._levels[0]
            self._entries.add(data)
            try:
                self._hashes.add(b"".join(row[self._handed :]))
            except OSError:
                with suppress(OSError):
                    self._entries.cut(self._entries.size - len(data))
                raise
        except OSError as error:
            raise self._waiting(error) from error
        self._digest.update(data)
        self._pending.clear()
        self._handed = len(row)

    def promise(self) -> Checkpoint:
        """Make everything durable and sign for it: what a checkpoint counts is on the disk.

        Raises:
            OSError: as in `hand`; no promise was made.
            InputError: another writer was at work; no promise was made.
        """
        if len(self._levels[0]) == WIDTH:
            self._complete()
        self._raise_rows()
        self.hand()
        if self.checkpoint is not None and self.checkpoint.size == self.size:
            return self.checkpoint
        return self._promise()

    def _promise(self) -> Checkpoint:
        try:
            self._write_grown()
            if self.sync:
                self._sync()
            self._check_edge()
            note = self.sign(checkpoint_text(self.origin, self.size, merkle.edge_root(self._levels)))
            self._write_history(json.dumps({"size": self.size, "note": str(note)}))
            put(self.folder / "checkpoint", str(note).encode(), sync=self.sync, follow=False)
        except OSError as error:
            raise self._waiting(error) from error
        self.checkpoint = Checkpoint.parse(str(note).encode())
        return self.checkpoint

    def close(self) -> None:
        """Give the files back."""
        self._entries.close()
        self._hashes.close()
        self._sinker.shutdown()

    def _waiting(self, error: OSError) -> OSError:
        waits = self.size - self.promised
        sentence = (
            f"Log: could not write to {self.folder} ({error.strerror or error}); {waits:,} records wait in memory, "
            f"and the {self.promised:,} promised ones are safe. Free space, then flush or close again"
        )
        return OSError(error.errno, sentence)

    def _check_edge(self) -> None:
        """See to it that the end of the log is as this writer left it, before more is written or signed."""
        self.hold.check()
        last = b"".join(self._levels[0][self._handed - 1 : self._handed])
        if not self._entries.is_as_left() or not self._hashes.is_as_left(last):
            fault = f"was changed while this process wrote to it: {self.folder}"
            raise InputError("Log", "path", fault, "Close this log, run `caudal audit verify`, and open it again.")

    def _write_history(self, line: str) -> None:
        history = durable.Grower(self.folder / "checkpoints")
        try:
            start = "" if not history.size or history.is_as_left(b"\n") else "\n"  # what an older fault has left
            history.add(f"{start}{line}\n".encode())
            if self.sync:
                history.sync()
        finally:
            history.close()

    def _sync(self) -> None:
        """Wait until records, every finished tile, and every new name are on the disk."""
        for grower in (self._entries, self._hashes):
            if grower.size:
                grower.sync()
        wait(self._sinking.values())
        # What failed beside the writing fails again here, for the writer to see.
        self._fresh |= {path for path, done in self._sinking.items() if done.exception() is not None}
        self._sinking.clear()
        durable.settle(sorted(self._fresh))
        self._fresh.clear()

    def _take(self, entry: bytes) -> None:
        self._pending.append(len(entry).to_bytes(2, "big") + entry)
        self._levels[0].append(sha256(b"\0" + entry).digest())
        self.size += 1

    def _complete(self) -> None:
        """Turn a full edge into tiles."""
        self._raise_rows()
        self.hand()
        number, row = self.size // WIDTH - 1, self._levels[0]
        try:
            self._check_edge()
            self._move(self._hashes, 0, number)
            self._move(self._entries, ENTRIES, number)
        except OSError as error:
            raise self._waiting(error) from error
        self._last = self._digest.digest(), sha256(b"".join(row)).digest()
        self._levels[0], self._handed, self._digest, self._needs_seal = [], 0, sha256(), True
        if len(self._levels) == 1:
            self._levels.append([])
        self._levels[1].append(merkle.root(row))
        self._grown.add(1)

    def _raise_rows(self) -> None:
        """Turn full rows above the leaves into tiles."""
        for level in range(1, 1 + len(self._levels)):
            row = self._levels[level] if level < len(self._levels) else []
            if len(row) < WIDTH:
                return
            target = self.folder / tile_path(level, self.size // WIDTH ** (level + 1) - 1)
            try:
                self._make_folder(target.parent)
                put(target, b"".join(row), follow=False)
            except OSError as error:
                raise self._waiting(error) from error
            self._fresh |= {target, target.parent}
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(merkle.root(row))
            self._levels[level] = []
            self._grown |= {level, level + 1}

    def _write_grown(self) -> None:
        """Rows above the leaves, as they stand; `recover` makes them again where they are not up to date."""
        for level in sorted(self._grown):
            edge = self.folder / "edge" / str(level)
            put(edge, b"".join(self._levels[level]), follow=False)
            self._fresh |= {edge, edge.parent}
        self._grown.clear()

    def _move(self, grower: durable.Grower, level: int | str, number: int) -> None:
        """Rename a file of the edge to what it has become, unless that was done before something else failed."""
        target = self.folder / tile_path(level, number)
        if not grower.size and target.exists():
            return
        self._make_folder(target.parent)
        grower.tidy()
        os.replace(grower.path, target)  # noqa: PTH105
        grower.restart()
        if self.sync:
            self._sinking[target] = self._sinker.submit(durable.settle, [target])
        self._fresh |= {target.parent, target.parent.parent, grower.path.parent}

    def _make_folder(self, folder: Path) -> None:
        if folder not in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
