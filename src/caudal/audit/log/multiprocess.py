"""Several processes, one log: a desk in the process that writes, and slips that the others hand in.

Each process has a line of its own to the desk (a local socket), with a count of its own: one that dies in the middle of
a message, or hands in what does not fit, is an event of the log, and the others go on.
"""

import hmac
import os
import pickle
import secrets
import selectors
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing import util
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

from caudal.audit.log import arguments as arguments_module
from caudal.audit.log.log import Log
from caudal.errors import CaudalError, InputError

_ROOM = 10_000  # messages that wait for the disk before a process is let wait too
_PIECE = 1 << 20
_PATIENCE = 5.0
_PAUSE = 1.0
_LONGEST = 1 << 28  # bytes of a message, arrays of inputs included
_AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0)
_LENGTH = struct.Struct(">I")
_HELLO = struct.Struct(">32sQ")
_LONGEST_PATH = 100
_ASKED = ("decide", "event", "override", "stop")
_Asked = tuple[str, tuple[Any, ...], dict[str, Any]]
_Address = str | tuple[str, int]


class Slip:
    """The door of another process to a log; made by `Desk.slip`, passed to the process as an argument.

    It takes `decide`, `event`, `override` and `stop` as a log does, and so stands for one in `predict(..., log=slip)`.
    What is handed in is not promised before `flush` has returned. Any number of processes and threads may share one:
    each process gets a line of its own when it first hands something in.
    """

    guard = None

    def __init__(self, address: _Address, key: bytes, shuffle: bool) -> None:
        self._address, self._key, self.shuffle = address, key, shuffle
        self._line: _Line | None = None

    def __reduce__(self) -> tuple[type[Self], tuple[_Address, bytes, bool]]:
        return type(self), (self._address, self._key, self.shuffle)

    def decide(self, session: str | None, output: object, **facts: object) -> None:
        """Hand in a decision; see `Log.decide`.

        Raises:
            InputError: a name is no text, or something cannot be handed to another process.
            ConnectionError: the writer is gone.
        """
        arguments_module.text("Slip.decide", "session", session, optional=True)
        arguments_module.text("Slip.decide", "person", facts.get("person"), optional=True)
        self._open().hand_in("decide", (session, output), facts)

    def event(self, kind: str, **facts: object) -> None:
        """Hand in an event; see `Log.event` and, for errors, `decide`."""
        arguments_module.text("Slip.event", "kind", kind)
        self._open().hand_in("event", (kind,), facts)

    def override(self, *arguments: object, **named: object) -> None:
        """Hand in an override; see `Log.override` and, for errors, `decide`."""
        self._open().hand_in("override", arguments, named)

    def stop(self, *arguments: object, **named: object) -> int:
        """Hand in a stop, and wait until it is promised; see `Log.stop` and `flush`."""
        self._open().hand_in("stop", arguments, named)
        return self.flush()

    def flush(self) -> int:
        """Wait until all that this process handed in is written and promised; what did not fit is an event there.

        Returns:
            how many records the newest checkpoint counts.

        Raises:
            OSError: what the writer met, such as a full disk: what was handed in waits there, and may be flushed again.
            ConnectionError: the writer is gone.
        """
        return self._open().flush()

    def _open(self) -> "_Line":
        line = self._line
        if line is None or line.process != os.getpid():
            with _fork.opening:
                line = self._line
                if line is None or line.process != os.getpid():
                    line = self._line = _Line(self._address, self._key)
        return line


class _Line:
    """What one process has to a desk."""

    def __init__(self, address: _Address, key: bytes) -> None:
        self.process, self._lock, self._count, self._is_broken = os.getpid(), threading.Lock(), 0, False
        self._socket = _fork.add(socket.socket(_family(address)))
        try:
            self._socket.connect(address)
            self._send(_HELLO.pack(key, self.process))
        except OSError as error:
            self._socket.close()
            raise _gone() from error
        # An end that was meant is told from one that was not: at exit, and when nobody has the slip any more.
        util.Finalize(self, _farewell, args=(self._socket,), exitpriority=10)

    def hand_in(self, name: str, arguments: tuple[object, ...], named: dict[str, object]) -> None:
        try:
            data = pickle.dumps((name, arguments, named), pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # whatever a foreign type raises when it is copied
            fault = f"holds what cannot be handed to another process ({type(error).__name__}: {str(error)[:200]})"
            raise InputError(f"Slip.{name}", "facts", fault, "Pass numbers, arrays, texts and bytes.") from error
        if len(data) > _LONGEST:
            fault = f"have {len(data):,} bytes in all; a desk takes {_LONGEST:,}"
            raise InputError(f"Slip.{name}", "facts", fault, "Pass a digest of what is so large.")
        with self._lock:
            self._count += 1
            self._send(data)

    def flush(self) -> int:
        with self._lock:
            self._send(pickle.dumps(("flush", (self._count,), {})))
            try:
                size, error = pickle.loads(_read(self._socket))
            except OSError as fault:
                self._is_broken = True
                raise _gone() from fault
        if error is not None:
            raise error
        return int(size)

    def _send(self, data: bytes) -> None:
        if self._is_broken:
            raise _gone()
        try:
            self._socket.sendall(_LENGTH.pack(len(data)) + data)
        except BaseException as error:  # half a message may have gone out: nothing can follow it
            self._is_broken = True
            self._socket.close()
            if isinstance(error, OSError):
                raise _gone() from error
            raise


class Desk:
    """Writes down what other processes hand in, in the order in which it arrives from each.

    What the log refuses becomes the event `refused`, with the process that handed it in and the reason; a process that
    ends without a word, or in the middle of a message, becomes the event `lost`. What cannot be written since the disk
    is full waits, and is written once there is room.

    Arguments:
        log: open in this process, which goes on writing to it as before.
        context: of `multiprocessing`, any: a slip is plain data, and may be sent to a process in whatever way.

    Raises:
        InputError: the log is closed.

    Example:
        >>> import tempfile
        >>> from caudal.audit import keys
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key) as log, Desk(log) as desk:
        ...         slip = desk.slip()  # an argument of another process
        ...         slip.decide("bed 4", [0.5], model="ab" * 32)
        ...         slip.flush()
        2
    """

    def __init__(self, log: Log, context: BaseContext | None = None) -> None:
        log._check_open()
        self._log, self._key = log, secrets.token_bytes(32)
        self._folder = _folder()
        self._server, self._address = _server(self._folder)
        near, far = socket.socketpair()
        self._bell, self._inside = _fork.add(near), _fork.add(far)
        self._sides: set[_Side] = set()
        self._selector = selectors.DefaultSelector()
        for waiting in (self._server, self._inside):
            self._selector.register(waiting, selectors.EVENT_READ)
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="caudal-audit-desk", daemon=True)
        self._thread.start()

    def slip(self) -> Slip:
        """A door for other processes."""
        return Slip(self._address, self._key, self._log.shuffle)

    def close(self) -> None:
        """Write down and promise what has been handed in, and end; the log stays open. Safe to call twice.

        Raises:
            OSError: the disk is full or gone, and records were not written.
            CaudalError: the log was closed before; or the writer was gone, and since when nothing was written.
        """
        with suppress(OSError):
            self._bell.send(b"!")
        self._thread.join()
        self._bell.close()
        fault, self._fault = self._fault, None
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            why = f"{type(fault).__name__}: {str(fault)[:200]}"
            raise CaudalError(f"Desk: the writer had ended ({why}); what was handed in since is not written.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        try:
            while not self._turn(None):
                pass
            end = time.monotonic() + _PATIENCE
            while time.monotonic() < end and self._selector.select(0):
                self._turn(0)
            self._end()
        except BaseException as error:  # told by `close`, and by `flush` in the other processes: their lines end
            self._fault = error
        finally:
            for open_socket in (self._server, self._inside, *(side.socket for side in self._sides)):
                open_socket.close()
            self._selector.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _turn(self, seconds: float | None) -> bool:
        """Take what is there; whether the bell rang."""
        waits = [side for side in self._sides if side.waiting]
        events = self._selector.select(_PAUSE if waits and seconds is None else seconds)
        for side in waits:
            self._catch_up(side)
        is_over = False
        for key, _ in events:
            if key.fileobj is self._server:
                self._meet()
            elif key.fileobj is self._inside:
                self._selector.unregister(self._inside)
                is_over = True
            else:
                self._hear(key.data)
        return is_over

    def _meet(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:  # no file number is left: whoever knocks waits until there is one
            time.sleep(0.01)
            return
        side = _Side(_fork.add(connection))
        self._sides.add(side)
        self._selector.register(connection, selectors.EVENT_READ, side)

    def _hear(self, side: "_Side") -> None:
        if len(side.waiting) >= _ROOM:
            self._selector.unregister(side.socket)
            side.is_paused = True
            return
        try:
            data = side.socket.recv(_PIECE)
        except OSError:
            data = b""
        side.buffer += data
        if data:
            for message in side.messages():
                self._take(side, message)
            if side.is_bounded():
                return
        self._leave(side)
        if side.process is not None and not side.has_said_farewell:
            facts = {"process": side.process, "handed_in": side.count, "flushed": side.flushed}
            self._put(side, ("_event", ("lost",), {**facts, "half_a_message": bool(side.buffer)}))

    def _leave(self, side: "_Side") -> None:
        if not side.is_paused and side.socket.fileno() >= 0:
            self._selector.unregister(side.socket)
        side.socket.close()
        if not side.waiting:
            self._sides.discard(side)

    def _take(self, side: "_Side", message: bytes) -> None:
        if side.process is None:
            key, process = _HELLO.unpack(message) if len(message) == _HELLO.size else (b"", 0)
            if hmac.compare_digest(key, self._key):
                side.process = process
            else:
                side.buffer.clear()
                self._leave(side)
            return
        if not message:
            side.has_said_farewell = True
            return
        try:
            asked: _Asked = pickle.loads(message)
            if asked[0] == "flush":
                side.reply(*self._promise(side, *asked[1]))
                return
            name, arguments, named = asked
            if name not in _ASKED:
                raise ValueError(f"a log does not {name}")
            asked = (name, tuple(arguments), dict(named))
        except Exception as error:  # whatever a foreign type raises when it is read
            asked = _refused(side, "read", error)
        side.count += 1
        self._put(side, asked)

    def _put(self, side: "_Side", asked: _Asked) -> None:
        side.waiting.append(asked)
        self._catch_up(side)

    def _catch_up(self, side: "_Side") -> None:
        """Write what waits, as far as the disk takes it."""
        while side.waiting and self._write(side, side.waiting[0]):
            side.waiting.popleft()
        if side.socket.fileno() < 0:
            if not side.waiting:
                self._sides.discard(side)
        elif side.is_paused and len(side.waiting) < _ROOM:
            self._selector.register(side.socket, selectors.EVENT_READ, side)
            side.is_paused = False

    def _write(self, side: "_Side", asked: _Asked) -> bool:
        """Write one message down; whether it is done with, be it written or refused."""
        name, arguments, named = asked
        with self._log._lock:
            before = self._log.size
            try:
                getattr(self._log, name)(*arguments, **named)
            except OSError as error:
                side.fault = error
                return self._log.size > before
            except Exception as error:
                side.fault = error if name == "_event" else None
                return name == "_event" or self._write(side, _refused(side, name, error))
        return True

    def _promise(self, side: "_Side", count: int) -> tuple[int, Exception | None]:
        """Promise what a process handed in: the size of the promise, or why there is none."""
        try:
            self._catch_up(side)
            if side.waiting and side.fault is not None:
                raise side.fault
            point = self._log.flush()
            if count != side.count:
                raise CaudalError(f"Slip: {count:,} messages were handed in, and {side.count:,} arrived.")
        except Exception as error:
            return 0, error
        side.flushed = side.count
        return point.size, None

    def _end(self) -> None:
        """Promise all that waits, or raise what stands in the way."""
        for side in list(self._sides):
            self._catch_up(side)
            if side.waiting and side.fault is not None:
                raise side.fault
        self._log.flush()


class _Side:
    """A line as the desk sees it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket, self.buffer = connection, bytearray()
        self.process: int | None = None
        self.waiting: deque[_Asked] = deque()
        self.count = self.flushed = 0
        self.has_said_farewell = self.is_paused = False
        self.fault: Exception | None = None

    def is_bounded(self) -> bool:
        """Whether the message that is on its way states a length that is taken: of a stranger, that of a greeting."""
        most = _HELLO.size if self.process is None else _LONGEST
        return len(self.buffer) < _LENGTH.size or _LENGTH.unpack_from(self.buffer)[0] <= most

    def messages(self) -> list[bytes]:
        """Whole messages of what has arrived; half a one stays."""
        whole, start = [], 0
        while len(self.buffer) - start >= _LENGTH.size:
            end = start + _LENGTH.size + _LENGTH.unpack_from(self.buffer, start)[0]
            if end > len(self.buffer):
                break
            whole.append(bytes(self.buffer[start + _LENGTH.size : end]))
            start = end
        del self.buffer[:start]
        return whole

    def reply(self, size: int, error: Exception | None) -> None:
        try:
            data = pickle.dumps((size, error))
            pickle.loads(data)
        except Exception:  # an error of a foreign type
            data = pickle.dumps((size, CaudalError(f"{type(error).__name__}: {error}")))
        message, sent = _LENGTH.pack(len(data)) + data, 0
        with suppress(OSError):
            sent = self.socket.send(message, _AT_ONCE)
        if sent < len(message):  # it died, or asks and never listens: its line ends, and the others go on
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class _Fork:
    """Sockets that a forked child must not keep: the end of a process would otherwise go unnoticed."""

    def __init__(self) -> None:
        self.opening = threading.Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()

    def add(self, opened: socket.socket) -> socket.socket:
        self._sockets.add(opened)
        return opened

    def in_child(self) -> None:
        self.opening = threading.Lock()
        for opened in list(self._sockets):
            opened.close()


_fork = _Fork()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork.in_child)


def _refused(side: _Side, action: str, error: Exception) -> _Asked:
    return "_event", ("refused",), {"process": side.process, "action": action, "why": str(error)[:500]}


def _farewell(line: socket.socket) -> None:
    with suppress(OSError):
        line.sendall(_LENGTH.pack(0))
    line.close()


def _read(line: socket.socket) -> bytes:
    """One message; ConnectionError where the other end is gone."""

    def take(count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = line.recv(count - len(data))
            if not piece:
                raise ConnectionResetError
            data += piece
        return data

    return take(_LENGTH.unpack(take(_LENGTH.size))[0])


def _gone() -> ConnectionError:
    return ConnectionError(
        "Slip: the process that writes the log is gone, or its desk was closed; what was handed in since the last "
        "flush may not be in the log. Open the log anew with `audit.Log`, and take a new slip."
    )


def _folder() -> Path:
    """A folder of a short name, for its owner alone: a socket's path holds some hundred bytes."""
    place = Path(tempfile.mkdtemp(prefix="caudal-"))
    if len(os.fsencode(place)) + 5 <= _LONGEST_PATH:
        return place
    place.rmdir()
    return Path(tempfile.mkdtemp(prefix="caudal-", dir="/tmp"))


def _server(folder: Path) -> tuple[socket.socket, _Address]:
    if not hasattr(socket, "AF_UNIX"):
        server = socket.create_server(("127.0.0.1", 0), backlog=128)
        return _fork.add(server), server.getsockname()[:2]
    address = str(folder / "desk")
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen(128)
    return _fork.add(server), address


def _family(address: _Address) -> socket.AddressFamily:
    return socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
