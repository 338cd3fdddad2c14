"""An append-only log of decisions that nobody can change unseen, its keeper included."""

import math
import os
import time as clocks
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from caudal._version import __version__
from caudal.audit import keys
from caudal.audit.keys import Key
from caudal.audit.log import arguments, durable, encoding, encrypted, manifest, merkle, recover
from caudal.audit.log.checkpoint import Checkpoint, Note
from caudal.audit.log.record import Event, Seal
from caudal.audit.log.salts import Salts, alias, commitment
from caudal.audit.log.store import LogStore
from caudal.audit.log.tiles import Tiles
from caudal.audit.log.vault import Vault
from caudal.errors import InputError
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.monitor.guard import Guard

_SECOND = 10**9
_SINGLE, _DOUBLE = np.dtype("<f4"), np.dtype("<f8")
_OWN = ("open", "key", "recovered", "retired", "refused", "lost")
_DECIDE, _U32, _U64 = "Log.decide", 2**32 - 1, 2**64 - 1


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
        guard: watches the model that `predict` asks; see `monitor.Guard`.
        shuffle: the series of a batch of `predict` are written in an order of chance, so that nobody who has the table
            finds an erased person by counting its rows.
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
        shuffle: bool = False,
        clock: Callable[[], int] = clocks.time_ns,
    ) -> None:
        self.path, self.vault, self.sync, self.guard = Path(path), vault, sync, guard
        self.shuffle = shuffle
        self._every, self._pause, self._clock = every or math.inf, seconds * _SECOND or math.inf, clock
        self._key = key if isinstance(key, Key) else keys.default() if key is None else keys.load(key)
        manifest.check_new(self.path, form)
        durable.refuse_links("Log", self.path, ("edge", "tile", "tile/entries", "tile/0", "torn"))
        was_there, is_new = self.path.exists(), not (self.path / manifest.NAME).exists()
        (self.path / "edge").mkdir(parents=True, exist_ok=True)
        self._lock, self._process = RLock(), os.getpid()
        self._hold = ExitStack()
        hold = self._hold.enter_context(closing(durable.hold(self.path / "lock")))
        try:
            self.about = manifest.of(self.path, self._key, origin, form)
            state = self._find()
            aside = recover.mend(self.path, state)
            tree = Tiles(self.path, state.levels)
            self.salts = Salts.of_log(
                Path(salts or self.path.with_name(f"{self.path.name}.salts")),
                self.about.origin,
                state.size,
                lambda size: merkle.tree_root(tree, size),
            )
            self._hold.callback(self.salts.close)
            self._encode = encoding.pack if self.about.form == "packed" else encoding.to_json
            self._store = LogStore(
                self.path, hold, state, self.about.origin, self._sign, self._seal, self.salts.hand, sync
            )
        except BaseException:
            if is_new:
                manifest.unmake(self.path, with_folder=not was_there)
            self._hold.close()
            raise
        self._next: Key | None = None
        self._numbers: dict[str, int] = {}
        self._models: dict[str, bytes] = {}
        self._thresholds: dict[str, float | None] = {}
        self._last, self._flushed_at, self._is_open = manifest.last_time(state.tail), clocks.monotonic_ns(), True
        facts: dict[str, Any] = {"caudal": __version__, "process": os.getpid()}
        if aside is not None or state.unpromised:
            where = None if aside is None else aside.name
            self._event(
                "recovered", bytes=len(state.torn), after=state.size - 1, kept=where, unpromised=state.unpromised
            )
        self._event("open", **facts)

    def _find(self) -> recover.LogEnd:
        key = self._key.verifier
        point = recover.promise_of(self.path, self.about, key)
        state = recover.find(self.path, point, self.about.first, str(key))
        if state.replaced is not None:
            fault = f"is {key.name} ({key.id.hex()}); record {state.replaced:,} of {self.path} replaced it"
            raise InputError("Log", "key", fault, "Pass the key that the record names.")
        if self.about.keys[-1] != key:
            self.about = manifest.with_key(self.path, self.about, key)
        return state

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
        output: object,
        *,
        model: str,
        inputs: object = None,
        state: object = None,
        dt: float = math.nan,
        uncertainty: float = math.nan,
        monitors: int = 0,
        influence: object = None,
        person: str | None = None,
        sequence: int | None = None,
        time: int | None = None,
        is_exact: bool = False,
        lasting: object = None,
        threshold: float | None = None,
        of_model: float | None = None,
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
            person: whose salt is used. Output, `dt`, uncertainty and influence are then encrypted by it, and NaN stands
                in their place: once the salt is erased nobody reads them. Without, the record has a salt of its own,
                and they stand in the clear.
            sequence: number within the session; counted from 0 by this writer without.
            time: nanoseconds since 1970; the clock's without.
            is_exact: made in replay mode.
            lasting: what of the output of a person stays readable, such as 1 for the class and 0 for the others.
            threshold: probability from which on the last of two classes was decided for; None for the likeliest. Where
                it is another than that of the decision before of the same model, an event `"threshold"` says so first.
            of_model: the threshold that the file of the model states; any other was the choice of a user.

        Returns:
            index of the record in the log.

        Raises:
            InputError: something does not fit into a record, or the log is closed.
            OSError: the disk is full; see `flush`.
        """
        if type(session) is not str or person is not None or type(model) is not str or not session.isascii():
            _names(session, person, model)
        dt, uncertainty = arguments.number(_DECIDE, "dt", dt), arguments.number(_DECIDE, "uncertainty", uncertainty)
        monitors = arguments.whole(_DECIDE, "monitors", monitors, 0, _U32)
        sequence = None if sequence is None else arguments.whole(_DECIDE, "sequence", sequence, 0, _U64)
        time = None if time is None else arguments.moment(_DECIDE, time)
        is_exact = arguments.yes_or_no(_DECIDE, "is_exact", is_exact)
        numbers = arguments.numbers(_DECIDE, "output", output)
        if lasting is not None:
            lasting = _lasting(lasting, numbers, person)
        if numbers.dtype != _SINGLE:
            numbers = numbers.astype(_DOUBLE, copy=False)
        weights = arguments.singles(_DECIDE, "influence", influence)
        with self._lock:
            self._check_open()
            self._note_threshold(model, threshold, of_model)
            index = self._store.next_index()
            salt = self.salts.new(index) if person is None else self.salts.of_person(person, make=True) or b""
            name = alias(salt) if session is None else session
            step = self._numbers.get(name, 0) if sequence is None else sequence
            try:
                data = self._decision(
                    salt,
                    name,
                    step,
                    (*_parts(inputs), b"|", *_parts(state)),
                    numbers,
                    (dt, uncertainty),
                    weights,
                    lasting,
                    person is not None,
                    is_exact,
                    monitors,
                    self._digest(model),
                    time,
                )
                return self._take(data, index)
            finally:
                if self._store.size <= index:
                    self.salts.drop(index)
                elif sequence is None:
                    self._numbers[name] = step + 1

    def _decision(
        self,
        salt: bytes,
        session: str,
        sequence: int,
        parts: tuple[Any, ...],
        output: Array,
        scalars: tuple[float, float],
        influence: bytes,
        lasting: Any,
        is_personal: bool,
        is_exact: bool,
        monitors: int,
        model: bytes,
        time: int | None,
    ) -> bytes:
        """Bytes of a decision; what would say whose it is stands behind the salt, where that is a person's."""
        flags = encoding.SINGLE * (output.dtype == _SINGLE) | encoding.EXACT * is_exact
        payload, key = b"", b""
        if is_personal:
            plain = encrypted.values(output, *scalars, influence)
            payload, key = encrypted.hide(salt, encrypted.place(session, sequence), plain), salt
            parts = (*parts, encrypted.MARK, plain)
            output, scalars, influence = encrypted.shown(output, lasting), (math.nan, math.nan), b""
            flags |= encoding.PERSONAL | encoding.SEALED
        name = session.encode()
        bound = commitment(salt, name[:255], sequence, parts)
        if self.vault is not None:
            payload += self.vault.seal(parts, encrypted.place(session, sequence), key)
        now, flags = self._now(time, flags)
        data = encoding.decision(
            flags, now, name, sequence, model, bound, output.tobytes(), *scalars, monitors, influence, payload
        )
        return data if self.about.form == "packed" else encoding.to_json(encoding.unpack(data))

    def event(self, kind: str, **facts: object) -> int:
        """Write down something that is no decision.

        Arguments:
            kind: one word.
            **facts: JSON values.

        Returns:
            index of the record.

        Raises:
            InputError: the facts are no JSON values, or too many, or the kind is one that only the log itself writes.
        """
        arguments.text("Log.event", "kind", kind)
        if not kind or len(kind.encode()) > 255:
            fault = f"has {len(kind.encode())} bytes"
            raise InputError("Log.event", "kind", fault, "Keep it one word, and say more in the facts.")
        if kind in _OWN:
            raise InputError(
                "Log.event", "kind", f"is {kind!r}, which only the log itself writes", "Pass another word."
            )
        return self._event(kind, **facts)

    def _event(self, kind: str, **facts: object) -> int:
        with self._lock:
            self._check_open()
            now, flags = self._now(None, 0)
            data = self._encode(Event(now, kind, facts, bool(flags)))
            return self._take(data, None)

    def _note_threshold(self, model: str, threshold: float | None, of_model: float | None) -> None:
        """An event where the decisions of a model that follow are a yes from another probability on than before."""
        if threshold != self._thresholds.get(model):
            by = "model" if threshold == of_model else "user"
            self._event("threshold", model=model, threshold=threshold, chosen_by=by, of_model=of_model)
            self._thresholds[model] = threshold

    def override(self, session: str, sequence: int, operator: str, reason: str, output: Sequence[float] = ()) -> int:
        """Write down that an operator decided otherwise; the decision itself stays as it was.

        Raises:
            InputError: an argument is of another type, or too long.
        """
        for name, value in (("session", session), ("operator", operator), ("reason", reason)):
            arguments.text("Log.override", name, value)
        facts = {"sequence": arguments.whole("Log.override", "sequence", sequence, 0, 2**53 - 1)}
        numbers = arguments.numbers("Log.override", "output", output).ravel().tolist()
        return self.event("override", session=session, operator=operator, reason=reason, output=numbers, **facts)

    def stop(self, operator: str, reason: str, session: str | None = None) -> int:
        """Write down that an operator stopped the system, or a session of it; promised at once.

        Raises:
            InputError: an argument is of another type, or too long.
            OSError: the disk is full; see `flush`.
        """
        for name, value in (("operator", operator), ("reason", reason)):
            arguments.text("Log.stop", name, value)
        arguments.text("Log.stop", "session", session, optional=True)
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
            self._hand_over()
            self._flushed_at = clocks.monotonic_ns()
            return self._promise()

    def rotate(self, key: Key | str | os.PathLike[str]) -> None:
        """Sign with another key from now on; the old one signs one last time, for the record that names the new one.

        Raises:
            InputError: it is the one in use.
            OSError: the disk is full or gone. The change then comes first as soon as there is room: call `flush`, or
                this again; until then nothing else is written.
        """
        new = key if isinstance(key, Key) else keys.load(key)
        with self._lock:
            self._check_open()
            if new.verifier == self._key.verifier:
                raise InputError(
                    "Log.rotate", "key", "is the one in use", "Make another with `caudal audit keys make`."
                )
            if self._next is not None and self._next.verifier != new.verifier:
                fault = "is another one than that of the change that could not be finished"
                raise InputError("Log.rotate", "key", fault, f"Pass the key {self._next.verifier}.")
            if self._next is None:
                self.flush()
                now, flags = self._now(None, 0)
                facts = {"old": str(self._key.verifier), "new": str(new.verifier)}
                self._store.append(self._encode(Event(now, "key", facts, bool(flags))))
                self._next = new
            self._hand_over()

    def _hand_over(self) -> None:
        """Let the key in use promise the record that names the next one, and nothing after it; the next signs too."""
        if self._next is None:
            return
        self._promise()
        self.about = manifest.with_key(self.path, self.about, self._next.verifier)
        self._key, self._next = self._next, None

    def _promise(self) -> Checkpoint:
        self.salts.flush(sync=self.sync)
        point = self._store.promise()
        self.salts.promised(point.size, point.root)
        return point

    def close(self) -> None:
        """Flush, and let the log go. Safe to call twice."""
        with self._lock:
            if not self._is_open:
                return
            try:
                self.flush()
            except OSError:
                raise
            except BaseException:
                self._let_go()  # another writer was at work: nothing more can be promised here
                raise
            self._let_go()

    def _let_go(self) -> None:
        self._is_open = False
        self._store.close()
        self._hold.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, data: bytes, index: int | None) -> int:
        self._hand_over()
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
            flags |= encoding.BACKWARDS
        self._last = now
        return now, flags

    def _seal(self, bundle: bytes, tile: bytes) -> bytes:
        now, flags = self._now(None, 0)
        return self._encode(Seal(now, bundle.hex(), tile.hex(), bool(flags)))

    def _sign(self, text: str) -> Note:
        signers = (self._key,) if self._next is None else (self._key, self._next)
        marks = [mark for key in signers for mark in key.note(text).signatures]
        return Note(text, tuple(marks))

    def _digest(self, model: str) -> bytes:
        digest = self._models.get(model)
        if digest is None:
            digest = self._models[model] = manifest.digest(model)
        return digest

    def _check_open(self) -> None:
        if not self._is_open:
            raise InputError("Log", "log", "is closed", "Open it again with `audit.Log(path)`.")
        if os.getpid() != self._process:
            fault = f"was opened by process {self._process}, and this is a child of it"
            raise InputError("Log", "log", fault, "Give each process its own log, or let one process write for all.")


def _names(session: object, person: object, model: object) -> None:
    if type(session) is not str or not session.isascii():
        arguments.text(_DECIDE, "session", session, optional=True)
    if person is not None:
        arguments.text(_DECIDE, "person", person)
    if session is None and person is None:
        raise InputError(_DECIDE, "session", "is missing, and so is `person`", "Pass one of them.")
    if not isinstance(model, str):
        arguments.text(_DECIDE, "model", model)


def _lasting(value: object, output: Array, person: str | None) -> Array:
    numbers = arguments.numbers(_DECIDE, "lasting", value)
    if person is None:
        fault = "is given, and the decision is of no `person`: all of its output stays readable"
        raise InputError(_DECIDE, "lasting", fault, "Leave it out.")
    if numbers.size != output.size:
        fault = f"holds {numbers.size} numbers, and `output` {output.size}"
        raise InputError(_DECIDE, "lasting", fault, "Pass one for each output.")
    return numbers


def _parts(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else (value,)
