"""Salts, kept apart from the log: who has one can check what a commitment is of, and nobody can once it is erased.

    records.bin   32 bytes for each record, in the order of the log; zeros where there is none
    persons.bin   64 bytes for each person: a keyed digest of the name, and the salt
    secret        the key of those digests

A folder of its own, for its owner alone. Erasing overwrites the salt in place; copies and backups are the keeper's.
"""

import os
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from caudal.audit import durable
from caudal.errors import FileFormatError, InputError
from caudal.files import put

SIZE = 32
_NONE = bytes(SIZE)
_FRESH = 256
_DOMAIN = b"caudal.commitment/1"
_BYTES = b"\0\5bytes"


def commitment(salt: bytes, session: bytes, sequence: int, parts: Iterable[Any]) -> bytes:
    """Salted SHA-256 of what a decision was made from.

    Arguments:
        salt: 32 bytes.
        session, sequence: of the decision.
        parts: arrays, bytes or None: input and state.

    Example:
        >>> one = commitment(bytes(32), b"bed 4", 0, [np.zeros(2, np.float32), None])
        >>> one == commitment(bytes(32), b"bed 4", 0, [np.zeros(2), None])
        False
    """
    pieces = [salt, _DOMAIN, len(session).to_bytes(1, "big"), session, sequence.to_bytes(8, "big")]
    for part in parts:
        if part is None:
            pieces.append(b"-")
            continue
        if isinstance(part, bytes | bytearray | memoryview):
            data = bytes(part)
            pieces += (_BYTES, len(data).to_bytes(8, "big"), data)
            continue
        array = part if type(part) is np.ndarray else np.asarray(part)
        head, plain = _head(array.dtype, array.shape)
        if plain is None:
            fault = f"is a {type(part).__name__}, which has no bytes of its own"
            raise InputError("Log", "inputs", fault, "Pass bytes, arrays of numbers, or a list of those.")
        data = (array if plain == array.dtype else array.astype(plain)).tobytes()
        pieces += (head, len(data).to_bytes(8, "big"), data)
    return sha256(b"".join(pieces)).digest()


@lru_cache(maxsize=4096)
def _head(dtype: np.dtype[Any], shape: tuple[int, ...]) -> tuple[bytes, np.dtype[Any] | None]:
    """What says how the bytes of an array are to be read, and the type that they are of; None where there is none."""
    if dtype.kind not in "biufSU":
        return b"", None
    plain = dtype.newbyteorder("<")
    text = f"{plain.str}{shape or (1,)}".encode()
    return len(text).to_bytes(2, "big") + text, plain


def alias(salt: bytes) -> str:
    """Name of a person's session: it tells nothing, and cannot be found again without the salt."""
    return sha256(salt + b"session").hexdigest()[:32]


class Salts:
    """The salts of one log.

    Arguments:
        folder: apart from the log; made, for its owner alone, where there is none.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     salts = Salts(Path(folder) / "salts")
        ...     salt = salts.new(0)
        ...     salts.flush(sync=False)
        ...     kept = salts.of_record(0) == salt
        ...     salts.erase_record(0)
        ...     kept, salts.of_record(0)
        (True, None)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("records.bin", "persons.bin"):
            os.close(os.open(self.folder / name, os.O_WRONLY | os.O_CREAT, 0o600))
        secret = self.folder / "secret"
        if not secret.exists():
            put(secret, os.urandom(SIZE), mode=0o600, sync=True)
        self._secret = secret.read_bytes()
        data = (self.folder / "persons.bin").read_bytes()
        whole = len(data) // 64 * 64
        if len(self._secret) != SIZE:
            raise FileFormatError(f"{secret}: has {len(self._secret)} bytes instead of 32. Restore it from a copy.")
        self._persons = {data[k : k + SIZE]: (k, data[k + SIZE : k + 64]) for k in range(0, whole, 64)}
        self._end = whole
        self._waiting: dict[int, bytes] = {}
        self._newcomers: list[bytes] = []
        self._pool = b""

    def new(self, index: int) -> bytes:
        """A salt for one record."""
        if not self._pool:
            self._pool = os.urandom(SIZE * _FRESH)
        salt, self._pool = self._pool[:SIZE], self._pool[SIZE:]
        self._waiting[index] = salt
        return salt

    def of_person(self, person: str, *, make: bool = False) -> bytes | None:
        """The salt of a person; None where there is none, or no longer one.

        Arguments:
            person: any name of theirs; only a keyed digest of it is kept.
            make: a new one where there never was one.

        Raises:
            InputError: `make`, and the salt of this person was erased.
        """
        id = self._id(person)
        if id in self._persons:
            salt = self._persons[id][1]
            if salt == _NONE and make:
                fault = "names somebody whose salt was erased"
                raise InputError("Log", "person", fault, "Log them under a new name if they have agreed anew.")
            return None if salt == _NONE else salt
        if not make:
            return None
        salt = os.urandom(SIZE)
        self._newcomers.append(id + salt)
        self._persons[id] = self._end, salt
        self._end += 64
        return salt

    def of_record(self, index: int) -> bytes | None:
        """The salt of a record; None where there is none, or no longer one."""
        if index in self._waiting:
            return self._waiting[index]
        with (self.folder / "records.bin").open("rb") as file:
            file.seek(index * SIZE)
            salt = file.read(SIZE)
        return None if len(salt) < SIZE or salt == _NONE else salt

    def hand(self) -> None:
        """Hand new salts to the system, before the records that need them."""
        if self._newcomers:
            data = b"".join(self._newcomers)
            self._write("persons.bin", self._end - len(data), data)
            self._newcomers.clear()
        if not self._waiting:
            return
        first, last = min(self._waiting), max(self._waiting)
        self._write("records.bin", first * SIZE, b"".join(self._waiting.get(k, _NONE) for k in range(first, last + 1)))
        self._waiting.clear()

    def flush(self, *, sync: bool = True) -> None:
        """Make new salts durable."""
        self.hand()
        if sync:
            durable.settle([self.folder / "records.bin", self.folder / "persons.bin", self.folder])

    def erase_record(self, index: int) -> None:
        """Overwrite the salt of a record: nobody can tell any more what its commitment is of.

        Raises:
            InputError: it has none.
        """
        self.hand()
        if self.of_record(index) is None:
            raise InputError("Salts", "index", f"is {index}, which has no salt", "Was it erased already?")
        self._write("records.bin", index * SIZE, _NONE)
        durable.settle([self.folder / "records.bin"])

    def erase_before(self, index: int) -> None:
        """Overwrite the salts of all records before one, as those records are retired."""
        self.hand()
        held = (self.folder / "records.bin").stat().st_size
        self._write("records.bin", 0, bytes(min(index * SIZE, held)))
        durable.settle([self.folder / "records.bin"])

    def erase_person(self, person: str) -> None:
        """Overwrite the salt of a person, and with it the link to all their records.

        Raises:
            InputError: they have none.
        """
        self.hand()
        if self.of_person(person) is None:
            raise InputError("Salts", "person", "has no salt", "Was it erased already, or is the name another one?")
        id = self._id(person)
        at, _ = self._persons[id]
        self._write("persons.bin", at + SIZE, _NONE)
        durable.settle([self.folder / "persons.bin"])
        self._persons[id] = at, _NONE

    def _id(self, person: str) -> bytes:
        return sha256(self._secret + person.encode()).digest()

    def _write(self, name: str, at: int, data: bytes) -> None:
        with (self.folder / name).open("r+b") as file:
            file.seek(at)
            file.write(data)
