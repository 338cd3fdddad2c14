"""An append-only log of decisions that nobody can change unseen, its keeper included."""

import math
import os
import time as clocks
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from caudal._version import __version__
from caudal.audit import about, durable, entry, keys, recover
from caudal.audit.keys import Key
from caudal.audit.note import Checkpoint, Note
from caudal.audit.salts import Salts, alias, commitment
from caudal.audit.store import Store
from caudal.audit.vault import Vault
from caudal.errors import InputError
from caudal.records.decision import Event, Seal

if TYPE_CHECKING:
    from caudal.audit.guard import Guard

_SECOND = 10**9
_SINGLE, _DOUBLE = np.dtype("<f4"), np.dtype("<f8")
_OWN = ("open", "key", "recovered", "retired", "refused")


class Log:
    """An append-only log of decisions; one writer at a time.

    A record is *promised* once `flush` has returned, or `close`, or one of the automatic flushes: it is on the disk,
    and a checkpoint signed over it. What is not promised may be lost with the process; nothing else can be.

    Arguments:
        path: folder of the log; made where there is none.
        key: that signs, or its file; `audit.keys.default()` without.
        origin: name of a new log, such as `example.org/ward-4`; the key's name without.
        form: `"packed"` records, or canonical `"json"`; of a new log.
        salts: folder of the salts; beside the log without, as `<log>.salts`.
        vault: keeps the inputs, encrypted by this key; not kept without.
        every: records between automatic flushes; 0 for none.
        seconds: between automatic flushes, looked at when a record comes; 0 for none.
        sync: a promise waits for the disk and outlives a power cut; otherwise it outlives the process only.
        guard: watches the model that `predict` asks; see `audit.Guard`.
        clock: nanoseconds since 1970; replaced in tests.

    Raises:
        InputError: another process writes this log, or the key is not the one that signed so far.
        FileFormatError: promised records are gone or altered.
        MissingExtraError: `cryptography` or `rfc8785` is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key) as log:
        ...         at = log.decide("bed 4", np.float32([0.1, 0.9]), model="ab" * 32, inputs=np.zeros(3), dt=0.5)
        ...     log.checkpoint.size, at
        (2, 1)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        key: Key | str | os.PathLike[str] | None = None,
        *,
        origin: str | None = None,
        form: Literal["packed", "json"] = "packed",
        salts: str | os.PathLike[str] | None = None,
        vault: Vault | None = None,
        every: int = 4096,
        seconds: float = 5.0,
        sync: bool = True,
        guard: "Guard | None" = None,
        clock: Callable[[], int] = clocks.time_ns,
    ) -> None:
        self.path, self.vault, self.sync, self.guard = Path(path), vault, sync, guard
        self._every, self._pause, self._clock = every or math.inf, seconds * _SECOND or math.inf, clock
        self._key = key if isinstance(key, Key) else keys.default() if key is None else keys.load(key)
        about.check_new(self.path, form)
        (self.path / "edge").mkdir(parents=True, exist_ok=True)
        self._lock, self._process = RLock(), os.getpid()
        self._hold = durable.hold(self.path / "lock")
        try:
            self.about = about.of(self.path, self._key, origin, form)
            found = recover.find(self.path)
            aside = recover.mend(self.path, found)
            self.salts = Salts(salts or self.path.with_name(f"{self.path.name}.salts"))
            self._encode = entry.pack if self.about.form == "packed" else entry.to_json
            self._store = Store(
                self.path, found, self.about.origin, self._sign, self._seal, self.salts.hand, sync
            )  # fmt: skip
        except BaseException:
            self._hold.close()
            raise
        self._also: tuple[Key, ...] = ()
        self._numbers: dict[str, int] = {}
        self._models: dict[str, bytes] = {}
        self._last, self._flushed_at, self._is_open = about.last_time(found.tail), clocks.monotonic_ns(), True
        facts: dict[str, Any] = {"caudal": __version__, "process": os.getpid()}
        if aside is not None:
            self._event("recovered", bytes=len(found.torn), after=found.size - 1, kept=aside.name)
        self._event("open", **facts)

    @property
    def size(self) -> int:
        """Records so far, promised or not."""
        return self._store.size

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest promise."""
        return self._store.checkpoint

    def decide(
        self,
        session: str | None,
        output: Any,
        *,
        model: str,
        inputs: Any = None,
        state: Any = None,
        dt: float = math.nan,
        uncertainty: float = math.nan,
        monitors: int = 0,
        influence: Any = None,
        person: str | None = None,
        sequence: int | None = None,
        time: int | None = None,
        is_exact: bool = False,
    ) -> int:
        """Write down one decision or step.

        Arguments:
            session: whose decisions belong together; None for an alias of the person, made with their salt.
            output: what the model answered, numbers `(outputs,)`; float32 stays so, anything else becomes float64.
            model: its digest, 64 hexadecimal digits; see `audit.model_digest`.
            inputs, state: what it was made from: an array, bytes, or a list of them. Only a salted digest is kept.
            dt: time since the previous step.
            uncertainty: as its model states it.
            monitors: flags of `records.decision.MONITORS`.
            influence: of each input, kept as float32.
            person: whose salt is used, so that erasing it breaks the link to all their records; without, the record
                has a salt of its own.
            sequence: number within the session; counted from 0 by this writer without.
            time: nanoseconds since 1970; the clock's without.
            is_exact: made in replay mode.

        Returns:
            index of the record in the log.

        Raises:
            InputError: something does not fit into a record, or the log is closed.
            OSError: the disk is full; see `flush`.
        """
        with self._lock:
            self._check_open()
            index = self._store.next_index()
            salt = self.salts.new(index) if person is None else self.salts.of_person(person, make=True) or b""
            flags = 0 if person is None else entry.PERSONAL
            if session is None and person is None:
                raise InputError("Log.decide", "session", "is missing, and so is `person`", "Pass one of them.")
            session = alias(salt) if session is None else session
            name = entry.text_bytes(session)
            if sequence is None:
                sequence = self._numbers.get(session, 0)
                self._numbers[session] = sequence + 1
            parts = (*_parts(inputs), b"|", *_parts(state))
            bound = commitment(salt, name[:255], sequence, parts)
            numbers = np.asarray(output)
            is_single = numbers.dtype == _SINGLE
            flags |= entry.SINGLE * is_single | entry.EXACT * is_exact
            payload = b"" if self.vault is None else self.vault.seal(parts, place(session, sequence))
            now, flags = self._now(time, flags)
            data = entry.decision(
                flags, now, name, sequence, self._digest(model), bound,
                numbers.astype(_SINGLE if is_single else _DOUBLE, copy=False).tobytes(), dt, uncertainty, monitors,
                b"" if influence is None else np.asarray(influence, "<f4").tobytes(), payload,
            )  # fmt: skip
            if self.about.form == "json":
                data = entry.to_json(entry.unpack(data))
            return self._take(data, index)

    def event(self, kind: str, **facts: Any) -> int:
        """Write down something that is no decision.

        Arguments:
            kind: one word.
            **facts: JSON values.

        Returns:
            index of the record.

        Raises:
            InputError: the facts are no JSON values, or too many, or the kind is one that only the log itself writes.
        """
        if kind in _OWN:
            raise InputError(
                "Log.event", "kind", f"is {kind!r}, which only the log itself writes", "Pass another word."
            )
        return self._event(kind, **facts)

    def _event(self, kind: str, **facts: Any) -> int:
        with self._lock:
            self._check_open()
            now, flags = self._now(None, 0)
            data = self._encode(Event(now, kind, facts, bool(flags)))
            return self._take(data, None)

    def override(self, session: str, sequence: int, operator: str, reason: str, output: Sequence[float] = ()) -> int:
        """Write down that an operator decided otherwise; the decision itself stays as it was."""
        return self.event(
            "override", session=session, sequence=sequence, operator=operator, reason=reason, output=list(output)
        )

    def stop(self, operator: str, reason: str, session: str | None = None) -> int:
        """Write down that an operator stopped the system, or a session of it; promised at once."""
        index = self.event("stop", session=session, operator=operator, reason=reason)
        self.flush()
        return index

    def flush(self) -> Checkpoint:
        """Make every record so far durable, and sign for it.

        Returns:
            the checkpoint: whoever keeps a copy elsewhere can tell later whether anything before it was changed.

        Raises:
            OSError: the disk is full or gone; the records wait, and promised ones are safe.
        """
        with self._lock:
            self._check_open()
            self._flushed_at = clocks.monotonic_ns()
            self.salts.flush(sync=self.sync)
            return self._store.promise()

    def rotate(self, key: Key | str | os.PathLike[str]) -> None:
        """Sign with another key from now on; the old one signs one last time, for the new one.

        Raises:
            InputError: its name or the key itself is the one in use.
        """
        new = key if isinstance(key, Key) else keys.load(key)
        with self._lock:
            if new.verifier == self._key.verifier:
                raise InputError(
                    "Log.rotate", "key", "is the one in use", "Make another with `caudal audit keys make`."
                )
            self._event("key", old=str(self._key.verifier), new=str(new.verifier))
            self._also = (new,)
            self.flush()
            self.about = about.with_key(self.path, self.about, new.verifier)
            self._key, self._also = new, ()
            self._store.sign_again()

    def close(self) -> None:
        """Flush, and let the log go. Safe to call twice."""
        with self._lock:
            if not self._is_open:
                return
            self.flush()
            self._is_open = False
            self._store.close()
            self._hold.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, data: bytes, index: int | None) -> int:
        at = self._store.append(data)
        if index is not None and at != index:
            raise InputError("Log", "index", "moved while a record was made", "This is a fault of caudal.")
        waits = self._store.size - self._store.promised
        if waits >= self._every or clocks.monotonic_ns() - self._flushed_at > self._pause:
            self.flush()
        return at

    def _now(self, time: int | None, flags: int) -> tuple[int, int]:
        now = self._clock() if time is None else time
        if now < self._last:
            flags |= entry.BACKWARDS
        self._last = now
        return now, flags

    def _seal(self, bundle: bytes, tile: bytes) -> bytes:
        now, flags = self._now(None, 0)
        return self._encode(Seal(now, bundle.hex(), tile.hex(), bool(flags)))

    def _sign(self, text: str) -> Note:
        marks = [mark for key in (self._key, *self._also) for mark in key.note(text).signatures]
        return Note(text, tuple(marks))

    def _digest(self, model: str) -> bytes:
        found = self._models.get(model)
        if found is None:
            found = self._models[model] = about.digest(model)
        return found

    def _check_open(self) -> None:
        if not self._is_open:
            raise InputError("Log", "log", "is closed", "Open it again with `audit.Log(path)`.")
        if os.getpid() != self._process:
            fault = f"was opened by process {self._process}, and this is a child of it"
            raise InputError("Log", "log", fault, "Give each process its own log, or let one process write for all.")


def place(session: str, sequence: int) -> bytes:
    """What binds a payload to its decision."""
    return f"{session}/{sequence}".encode()


def _parts(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)
