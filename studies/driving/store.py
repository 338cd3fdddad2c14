"""Results of a study in one SQLite file, each stored as it is finished: a kill loses what was under way only."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from caudal import limits, serial
from caudal.errors import FileFormatError, InputError
from caudal.files import put
from studies.driving.records import DriveRecipe, Episode, Trained

_TABLES = """
CREATE TABLE IF NOT EXISTS study (digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trained (model TEXT, seed INTEGER, rate REAL, facts TEXT, PRIMARY KEY (model, seed, rate));
CREATE TABLE IF NOT EXISTS episode (
  model TEXT, seed INTEGER, disturbance TEXT, track INTEGER, facts TEXT,
  PRIMARY KEY (model, seed, disturbance, track));
"""
Key = tuple[str, int, str, int]
Record = TypeVar("Record", Trained, Episode)


class Store:
    """The file of one study.

    Arguments:
        path: of the file; made if it is not there.
        recipe: what the study was told.

    Raises:
        InputError: the file holds a study with another recipe.
        FileFormatError: the file is no such store.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = Store(Path(folder) / "drive.sqlite", DriveRecipe())
        ...     found = store.episodes()
        ...     store.close()
        >>> found
        {}
    """

    def __init__(self, path: Path, recipe: DriveRecipe) -> None:
        self.path = path
        try:
            # Two processes on one folder wait for each other.
            self._file = sqlite3.connect(path, timeout=60)
            self._file.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {_TABLES}")
            held = self._file.execute("SELECT digest FROM study").fetchone()
        except sqlite3.DatabaseError as error:
            raise FileFormatError(f"{path}: is no store of a driving study ({error}). Name another folder.") from error
        if held is None:
            self._write("INSERT INTO study VALUES (?)", (recipe.digest,))
        elif held[0] != recipe.digest:
            self.close()
            fault = f"holds a study with another recipe: {path}"
            raise InputError("drive", "out", fault, "Name another folder, or give the options of that run.")

    def add_trained(self, one: Trained) -> None:
        """Keep a trained network's record."""
        row = (one.model, one.seed, one.rate, json.dumps(asdict(one)))
        self._write("INSERT OR IGNORE INTO trained VALUES (?, ?, ?, ?)", row)

    def add_episode(self, one: Episode) -> None:
        """Keep a race."""
        row = (one.model, one.seed, one.disturbance, one.track, json.dumps(asdict(one)))
        self._write("INSERT OR IGNORE INTO episode VALUES (?, ?, ?, ?, ?)", row)

    def trained(self) -> dict[tuple[str, int, float], Trained]:
        """Every trained network by model, seed and step size."""
        rows = self._file.execute("SELECT facts FROM trained ORDER BY model, seed, rate")
        found = [self._read(Trained, text) for (text,) in rows]
        return {(one.model, one.seed, one.rate): one for one in found}

    def episodes(self) -> dict[Key, Episode]:
        """Every race by model, seed, disturbance and track."""
        rows = self._file.execute("SELECT facts FROM episode ORDER BY model, seed, disturbance, track")
        found = [self._read(Episode, text) for (text,) in rows]
        return {(one.model, one.seed, one.disturbance, one.track): one for one in found}

    def _read(self, kind: type[Record], text: object) -> Record:
        try:
            return serial.read(kind, limits.parsed(str(text)))
        except (ValueError, TypeError) as error:
            fault = f"holds a row that does not read ({error})"
            raise FileFormatError(f"{self.path}: {fault}. Name another folder.") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, statement: str, row: tuple[object, ...]) -> None:
        with self._file, closing(self._file.execute(statement, row)):
            pass


def writable(folder: str | Path) -> Path:
    """The folder, made if it is not there.

    Raises:
        InputError: it cannot be made or written into.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        put(place / ".writable", "")
        (place / ".writable").unlink()
    except OSError as error:
        fault = f"cannot be written into ({error.strerror or error}): {place}"
        raise InputError("drive", "out", fault, "Name a folder of your own.") from error
    return place
