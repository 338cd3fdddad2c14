"""Salts, kept apart from the log: who has one can check what a commitment is of, and nobody can once it is erased.

    salts.json    whose log it is: its name, and size and root of a checkpoint; how many persons there are
    records.bin   32 bytes for each record, in the order of the log; zeros where there is none
    persons.bin   68 bytes for each person: a keyed digest of the name, the salt, CRC-32; zeros and CRC-32 once erased
    erased.bin    32 bytes for each person who was erased, in an order of chance: a digest of the keyed digest
    secret        the key of those digests
    lock          held by the one process that writes

A folder of its own for one log, for its owner alone. Erasing overwrites in place; copies and backups are the keeper's.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any
from zlib import crc32

import numpy as np

from caudal.audit.log import arguments, durable, encrypted
from caudal.audit.log.record import Decision, Record
from caudal.errors import CaudalError, FileFormatError, InputError, MissingFileError
from caudal.files import opened, put
from caudal.typing import Array

SIZE = 32
FORMAT = 2
_NOTE, _RECORDS, _PERSONS, _ERASED, _SECRET = "salts.json", "records.bin", "persons.bin", "erased.bin", "secret"
_ROW, _SECTOR = 2 * SIZE + 4, 512
_RESTORE = "Restore it from a copy."
_NONE = bytes(SIZE)
_FRESH = 256
_DOMAIN = b"caudal.commitment/1"
_BYTES = b"\0\5bytes"
_RAW = (bytes, bytearray, memoryview)  # a tuple: to make a union anew for each part of each record takes longer


def commitment(salt: bytes, session: bytes, sequence: int, parts: Iterable[object]) -> bytes:
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
        if type(part) is np.ndarray:
            pieces += _array_pieces(part)
        elif part is None:
            pieces.append(b"-")
        elif isinstance(part, _RAW):
            data = bytes(part)
            pieces += (_BYTES, len(data).to_bytes(8, "big"), data)
        else:
            pieces += _array_pieces(_array(part))
    return sha256(b"".join(pieces)).digest()


def _array(part: object) -> Array:
    try:
        return np.asarray(part)
    except Exception as error:  # whatever a foreign type raises when it is asked for numbers
        fault = f"is a {type(part).__name__}, and no array can be made of it ({str(error)[:80]})"
        raise InputError("Log", "inputs", fault, "Pass bytes, arrays of numbers, or a list of those.") from error


def _array_pieces(array: Array) -> tuple[bytes, bytes, bytes]:
    head, plain = _head(array.dtype, array.shape)
    if not head:
        fault = f"is or holds an object ({array.dtype}), which has no bytes of its own"
        raise InputError("Log", "inputs", fault, "Pass bytes, arrays of numbers, or a list of those.")
    data = (array if plain is None else array.astype(plain)).tobytes()
    return head, len(data).to_bytes(8, "big"), data


@lru_cache(maxsize=4096)
def _head(dtype: np.dtype[Any], shape: tuple[int, ...]) -> tuple[bytes, np.dtype[Any] | None]:
    """What says how the bytes of an array are to be read, empty where there are none; the type to change to, if any."""
    if dtype.kind not in "biufSU":
        return b"", None
    plain = dtype.newbyteorder("<")
    text = f"{plain.str}{shape or (1,)}".encode()
    return len(text).to_bytes(2, "big") + text, None if plain == dtype else plain


def alias(salt: bytes) -> str:
    """Name of a person's session: it tells nothing, and cannot be found again without the salt."""
    return sha256(salt + b"session").hexdigest()[:32]


@dataclass(frozen=True)
class Owner:
    """Which log a folder of salts belongs to; `salts.json`.

    Attributes:
        origin: name of the log.
        secret: SHA-256 of the key of the persons' digests, hexadecimal.
        size, root: of a checkpoint of the log; root hexadecimal.
        first: index of the first record whose salts are here.
        persons: rows of `persons.bin` that are known to be on the disk.
    """

    origin: str
    secret: str
    size: int
    root: str
    first: int
    persons: int


class Salts:
    """The salts of one log: to look them up, and to erase them. A log opens its own for writing.

    After erasing a person, their records keep: the time, the model, the monitors' flags, the class of a classifier's
    output, the alias (that some records are of one somebody), the order in the log and the number of a step. Elapsed
    time, exact output, uncertainty, influence, input and the keyed digest of the name are gone with the salt.

    Arguments:
        folder: of the salts.

    Raises:
        MissingFileError: there is no such folder.
        FileFormatError: it is damaged, or of an older version.

    Example:
        >>> import tempfile
        >>> from caudal.audit import Log, keys
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key) as log:
        ...         at = log.decide(None, [0.5], model="ab" * 32, person="bed 4")
        ...     salts = Salts(f"{folder}/log.salts")
        ...     is_known = salts.of_person("bed 4") is not None
        ...     salts.erase_person("bed 4")
        ...     is_known, salts.of_person("bed 4")
        (True, None)
    """

    owner: Owner
    _secret: bytes
    _persons: dict[bytes, tuple[int, bytes]]
    _aliases: dict[str, bytes]
    _erased: set[bytes]
    _rows: int
    _length: int
    _fault: str
    _seen: os.stat_result

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise MissingFileError(f"Salts: there is no folder {self.folder}. Pass the one beside the log.")
        self._lock = RLock()
        self._hold: durable.Hold | None = None
        self._waiting: dict[int, bytes] = {}
        self._newcomers: list[bytes] = []
        self._pool: list[bytes] = []
        self._load()

    @classmethod
    def of_log(cls, folder: Path, origin: str, size: int, root: Callable[[int], bytes]) -> "Salts":
        """The salts of a log that is open for writing; made, for their owner alone, where there are none.

        Arguments:
            folder: of the salts.
            origin: name of the log.
            size: its records.
            root: root of the tree over its first so many records.

        Raises:
            InputError: another process writes there, or the folder belongs to another log.
            FileFormatError: it is damaged.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _hold(folder)
        try:
            if not (folder / _NOTE).exists():
                _begin(folder, origin, size, root(size).hex())
            salts = cls(folder)
            salts._claim(origin, size, root)
        except BaseException:
            lock.close()
            raise
        salts._hold = lock
        return salts

    def new(self, index: int) -> bytes:
        """A salt for one record."""
        if not self._pool:
            chance = os.urandom(SIZE * _FRESH)
            self._pool = [chance[k : k + SIZE] for k in range(0, len(chance), SIZE)]
        salt = self._waiting[index] = self._pool.pop()
        return salt

    def drop(self, index: int) -> None:
        """Forget a new salt whose record was not written."""
        self._waiting.pop(index, None)

    def of_person(self, person: str, *, make: bool = False) -> bytes | None:
        """The salt of a person; None where there is none, or no longer one.

        Arguments:
            person: any name of theirs; only a keyed digest of it is kept.
            make: a new one where there never was one; of a log that is open.

        Raises:
            InputError: `make`, and the salt of this person was erased.
            FileFormatError: rows are damaged or gone, and theirs may be among them.
        """
        arguments.text("Salts", "person", person)
        with self._lock:
            self._look_again()
            id = self._id(person)
            if id in self._persons:
                return self._persons[id][1]
            is_erased = sha256(b"erased" + id).digest() in self._erased
            if self._fault and not is_erased:
                raise FileFormatError(f"{self._fault} The salt of this person may be among them. {_RESTORE}")
            if not make:
                return None
            if is_erased:
                fault = "names somebody whose salt was erased"
                raise InputError("Log", "person", fault, "Log them under a new name if they have agreed anew.")
            if self._hold is None:
                raise InputError("Salts", "make", "is True", "Only a log that is open makes salts.")
            salt = os.urandom(SIZE)
            self._newcomers.append(_row(id, salt))
            self._persons[id] = self._rows, salt
            self._aliases[alias(salt)] = salt
            self._rows += 1
            return salt

    def of_record(self, index: int) -> bytes | None:
        """The salt of a record of nobody in particular; None where there is none, or no longer one.

        Raises:
            FileFormatError: the file is cut short, and its row is gone.
        """
        if index in self._waiting:
            return self._waiting[index]
        with (self.folder / _RECORDS).open("rb") as file:
            file.seek(index * SIZE)
            salt = file.read(SIZE)
        if len(salt) < SIZE and index < self.owner.size:
            fault = (
                f"{self.folder / _RECORDS}: is cut short; it has no row for record {index:,}, which the log promised."
            )
            raise FileFormatError(f"{fault} {_RESTORE}")
        return None if len(salt) < SIZE or salt == _NONE else salt

    def opened(self, record: Record, person: str | None = None) -> Record:
        """A record with its exact values, where they are encrypted and the salt is here; otherwise as it is.

        Arguments:
            record: of the log.
            person: whose it is, where its session is not an alias.

        Raises:
            InputError: the salt of `person` does not open it.
        """
        if not isinstance(record, Decision) or not record.is_sealed:
            return record
        with self._lock:
            self._look_again()
            salt = self._aliases.get(record.session) if person is None else self.of_person(person)
        return record if salt is None else encrypted.opened(record, salt)

    def hand(self) -> None:
        """Hand new salts to the system, before the records that need them.

        Raises:
            OSError: the disk is full or gone; they wait.
            FileFormatError: another program wrote into the files.
        """
        with self._lock:
            if self._newcomers:
                data = b"".join(self._newcomers)
                file = durable.Grower(self.folder / _PERSONS)
                try:
                    self._check_size(_PERSONS, file.size, self._rows * _ROW - len(data))
                    file.add(data)
                finally:
                    file.close()
                self._newcomers.clear()
            if self._waiting:
                self._hand_records()

    def _hand_records(self) -> None:
        first, last = min(self._waiting), max(self._waiting)
        if first < self.owner.size:
            fault = f"{self.folder}: record {first:,} was promised already, and would lose its salt."
            raise FileFormatError(f"{fault} Run `caudal audit verify` on the log.")
        with (self.folder / _RECORDS).open("r+b") as file:
            self._check_size(_RECORDS, os.fstat(file.fileno()).st_size, self._length)
            file.seek(first * SIZE)
            file.write(b"".join(self._waiting.get(k, _NONE) for k in range(first, last + 1)))
            file.flush()
            self._length = os.fstat(file.fileno()).st_size
        self._waiting.clear()

    def flush(self, *, sync: bool = True) -> None:
        """Make new salts durable."""
        self.hand()
        if sync:
            durable.settle([self.folder / _RECORDS, self.folder / _PERSONS, self.folder])

    def promised(self, size: int, root: bytes) -> None:
        """Write down what the log has promised: what later is shorter than that is damaged, or another log's."""
        with self._lock:
            if self._length < size * SIZE:
                os.truncate(self.folder / _RECORDS, size * SIZE)
                self._length = size * SIZE
            self.owner = replace(self.owner, size=size, root=root.hex(), persons=self._rows)
            # In place and within one sector, so never half; an older one that a power cut leaves is true too.
            with (self.folder / _NOTE).open("r+b") as file:
                file.write(_note(self.owner))

    def close(self) -> None:
        """Let the folder go."""
        if self._hold is not None:
            self._hold.close()
            self._hold = None

    def erase_record(self, index: int) -> None:
        """Overwrite the salt of a record: nobody can tell any more what its commitment is of.

        Raises:
            InputError: it has none; or another process writes there.
            FileFormatError: its row is gone.
        """
        with self._writing():
            self.hand()
            if self.of_record(arguments.whole("Salts", "index", index, 0, 2**63)) is None:
                remedy = "Was it erased already, or is the record an event, or a person's (`erase_person`)?"
                raise InputError("Salts", "index", f"is {index}, which has no salt", remedy)
            self._overwrite(_RECORDS, index * SIZE, _NONE)

    def erase_before(self, index: int) -> None:
        """Overwrite the salts of all records before one, as those records are retired."""
        with self._writing():
            self.hand()
            self._overwrite(_RECORDS, 0, bytes(min(index * SIZE, (self.folder / _RECORDS).stat().st_size)))

    def erase_person(self, person: str) -> None:
        """Overwrite the salt of a person and the keyed digest of their name: the link to all their records.

        What was encrypted by it (elapsed time, exact output, uncertainty, influence, input) is gone too. What stays is
        listed in the class. The folder remembers, by a digest, that somebody of this name was erased, so that they are
        not written down again unasked; `erased.bin` may be deleted.

        Raises:
            InputError: they have none; or another process writes there.
            FileFormatError: rows are damaged or gone, and theirs may be among them.
        """
        with self._writing():
            self.hand()
            salt, id = self.of_person(person), self._id(person)
            if salt is None:
                raise self._nobody(sha256(b"erased" + id).digest() in self._erased)
            self._remember(sha256(b"erased" + id).digest())
            row, _ = self._persons.pop(id)
            self._aliases.pop(alias(salt), None)
            self._overwrite(_PERSONS, row * _ROW, _row(_NONE, _NONE))

    def _nobody(self, is_erased: bool) -> InputError:
        if is_erased:
            return InputError("Salts", "person", "was erased already", "There is nothing left to erase.")
        first = self.owner.first
        earlier = f" Records before {first:,} had their salts in another folder." if first else ""
        return InputError("Salts", "person", "has no salt", f"Is the name another one?{earlier}")

    def _remember(self, mark: bytes) -> None:
        """Add to those who were erased, in an order of chance: the order would tell which row was whose."""
        file = durable.Grower(self.folder / _ERASED)
        try:
            file.cut(file.size // SIZE * SIZE)
            other = secrets.randbelow(file.size // SIZE + 1) * SIZE
            data = _bytes(self.folder / _ERASED)
            file.add(data[other : other + SIZE] or mark)
            file.sync()
        finally:
            file.close()
        if other < len(data):
            self._overwrite(_ERASED, other, mark)
        self._erased.add(mark)

    def _overwrite(self, name: str, at: int, data: bytes) -> None:
        with (self.folder / name).open("r+b") as file:
            file.seek(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the folder while something is erased, and look at what is there now."""
        with self._lock:
            if self._hold is not None:
                yield
                return
            lock = _hold(self.folder)
            try:
                self._load()
                yield
            finally:
                lock.close()

    def _claim(self, origin: str, size: int, root: Callable[[int], bytes]) -> None:
        """Refuse the folder of another log; cut off the salts of records that were never promised and are not there."""
        owner = self.owner
        if owner.origin != origin:
            fault = f"{self.folder} belongs to the log {owner.origin}, and this one is {origin}"
        elif owner.size > size:
            fault = f"{self.folder} knows {owner.size:,} promised records of {origin}, and this log has {size:,}"
        elif root(owner.size).hex() != owner.root:
            fault = f"{self.folder} belongs to another log that is called {origin}"
        else:
            if self._fault:
                raise FileFormatError(f"{self._fault} {_RESTORE}")
            self._length = min(self._length, size * SIZE)
            os.truncate(self.folder / _RECORDS, self._length)
            os.truncate(self.folder / _PERSONS, self._rows * _ROW)
            return
        remedy = "Give each log a folder of salts of its own; a copy that is put back needs the salts of its time."
        raise InputError("Log", "salts", fault, remedy)

    def _load(self) -> None:
        self.owner = _owner(self.folder)
        secret = self.folder / _SECRET
        self._secret = _bytes(secret) if secret.is_file() else b""
        if sha256(self._secret).hexdigest() != self.owner.secret:
            raise FileFormatError(f"{secret}: is not the one that names the persons of these salts. {_RESTORE}")
        try:
            data = _bytes(self.folder / _PERSONS)
            self._length = (self.folder / _RECORDS).stat().st_size
        except FileNotFoundError as error:
            raise FileFormatError(f"{error.filename}: is missing. {_RESTORE}") from error
        marks = _bytes(self.folder / _ERASED) if (self.folder / _ERASED).is_file() else b""
        self._erased = {marks[k : k + SIZE] for k in range(0, len(marks) - SIZE + 1, SIZE)}
        self._persons = {}
        self._aliases = {}
        self._rows, bad = len(data) // _ROW, 0
        for row in range(self._rows):
            part = data[row * _ROW : (row + 1) * _ROW]
            id, salt = part[:SIZE], part[SIZE : 2 * SIZE]
            if part != _row(id, salt):
                bad += 1
            elif salt != _NONE:
                self._persons[id] = row, salt
                self._aliases[alias(salt)] = salt
        gone = max(self.owner.persons - self._rows, 0)
        place = self.folder / _PERSONS
        self._fault = (
            f"{place}: {bad + gone:,} of {self._rows + gone:,} rows are damaged or gone." if bad + gone else ""
        )
        self._seen = place.stat()

    def _look_again(self) -> None:
        """A reader sees what a writer has added since."""
        if self._hold is None:
            status = (self.folder / _PERSONS).stat()
            if (status.st_size, status.st_mtime_ns) != (self._seen.st_size, self._seen.st_mtime_ns):
                self._load()

    def _id(self, person: str) -> bytes:
        return sha256(self._secret + person.encode()).digest()

    def _check_size(self, name: str, size: int, expected: int) -> None:
        if size != expected:
            fault = f"{self.folder / name}: has {size:,} bytes, and this writer left {expected:,}"
            raise FileFormatError(f"{fault}: another program wrote there. {_RESTORE}")


def beside(log: Path) -> Salts | None:
    """The salts in their usual place beside a log, or None where none can be read there."""
    try:
        return Salts(log.with_name(f"{log.name}.salts"))
    except CaudalError:
        return None


def _row(id: bytes, salt: bytes) -> bytes:
    return id + salt + crc32(id + salt).to_bytes(4, "big")


def _bytes(place: Path) -> bytes:
    with opened(place) as file:
        return file.read()


def _hold(folder: Path) -> durable.Hold:
    durable.refuse_links("Salts", folder)
    try:
        return durable.hold(folder / "lock")
    except InputError as error:
        remedy = "Give each log a folder of salts of its own; while a log is open, erase by `log.salts`."
        raise InputError("Salts", "folder", error.fault, remedy) from error


def _begin(folder: Path, origin: str, size: int, root: str) -> None:
    """Make the files of new salts, or bring those of format 1 to this one."""
    secret, persons = folder / _SECRET, folder / _PERSONS
    old = _bytes(persons) if persons.is_file() else b""
    if not secret.exists():
        if old:
            raise FileFormatError(f"{secret}: is missing. {_RESTORE}")
        put(secret, os.urandom(SIZE), mode=0o600, sync=True, follow=False)
    whole = [old[k : k + _ROW] for k in range(0, len(old) // _ROW * _ROW, _ROW)]
    if not whole or any(part != _row(part[:SIZE], part[SIZE : 2 * SIZE]) for part in whole):
        rows = [(old[k : k + SIZE], old[k + SIZE : k + 64]) for k in range(0, len(old) // 64 * 64, 64)]
        gone = sorted(sha256(b"erased" + id).digest() for id, salt in rows if salt == _NONE)
        put(folder / _ERASED, b"".join(gone), mode=0o600, sync=True, follow=False)
        whole = [_row(_NONE if salt == _NONE else id, salt) for id, salt in rows]
        put(persons, b"".join(whole), mode=0o600, sync=True, follow=False)
    os.close(os.open(folder / _RECORDS, os.O_WRONLY | os.O_CREAT, 0o600))
    first = 0 if whole or (folder / _RECORDS).stat().st_size else size
    owner = Owner(origin, sha256(_bytes(secret)).hexdigest(), size, root, first, len(whole))
    put(folder / _NOTE, _note(owner), mode=0o600, sync=True, follow=False)


def _note(owner: Owner) -> bytes:
    """The text of `salts.json`, filled up to whole sectors of a disk."""
    text = json.dumps({"format": FORMAT, **asdict(owner), "check": _check(owner)}, indent=1).encode()
    return text + b" " * (-(len(text) + 1) % _SECTOR) + b"\n"


def _check(owner: Owner) -> int:
    return crc32(json.dumps(asdict(owner)).encode())


def _owner(folder: Path) -> Owner:
    place = folder / _NOTE
    try:
        data = _bytes(place)
        content: Any = json.loads(data)
        if content.pop("format") != FORMAT:
            raise ValueError("another format")
        check = content.pop("check")
        owner = Owner(**content)
        texts, counts = (owner.origin, owner.secret, owner.root), (owner.size, owner.first, owner.persons)
        if any(type(value) is not str for value in texts) or any(
            type(value) is not int or value < 0 for value in counts
        ):
            raise ValueError("a field is of another type")
        if check != _check(owner) or len(data) % _SECTOR:
            raise ValueError("its checksum is another one")
    except FileNotFoundError as error:
        fault = f"{folder}: has no {_NOTE}: it holds no salts, or those of an earlier version"
        raise FileFormatError(f"{fault}, which `audit.Log` brings to this one when it opens the log.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"{place}: is damaged ({error}). {_RESTORE}") from error
    return owner
