"""Several processes, one log: a desk in the process that writes, and slips that the others hand in."""

import os
import threading
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from typing import Any, Self

from caudal.audit.log import Log
from caudal.errors import CaudalError

_ROOM = 10_000


class Slip:
    """The door of another process to a log; made by `Desk.slip`, passed to the process as an argument.

    It takes `decide`, `event`, `override` and `stop` as a log does, and so stands for one in `predict(..., log=slip)`.
    What is handed in is not promised before `flush` has returned.
    """

    guard = None
    shuffle = False

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def decide(self, session: str | None, output: Any, **facts: Any) -> None:
        """Hand in a decision; see `Log.decide`."""
        self._queue.put(("decide", (session, output), facts, os.getpid()))

    def event(self, kind: str, **facts: Any) -> None:
        """Hand in an event; see `Log.event`."""
        self._queue.put(("event", (kind,), facts, os.getpid()))

    def override(self, *arguments: Any, **named: Any) -> None:
        """Hand in an override; see `Log.override`."""
        self._queue.put(("override", arguments, named, os.getpid()))

    def stop(self, *arguments: Any, **named: Any) -> None:
        """Hand in a stop, and wait until it is promised; see `Log.stop`."""
        self._queue.put(("stop", arguments, named, os.getpid()))
        self.flush()

    def flush(self) -> None:
        """Wait until all that was handed in so far, by whomever, is written and promised."""
        self._queue.put(("flush", (), {}, os.getpid()))
        self._queue.join()


class Desk:
    """Writes down what other processes hand in, in the order in which it arrives.

    What the log refuses becomes the event `refused`, with the process that handed it in and the reason.

    Arguments:
        log: open in this process, which goes on writing to it as before.
        context: of `multiprocessing`; the usual one without.

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
        ...         log.checkpoint.size
        2
    """

    def __init__(self, log: Log, context: BaseContext | None = None) -> None:
        log._check_open()
        self._log = log
        self._queue: Any = (context or get_context()).JoinableQueue(_ROOM)
        self._thread = threading.Thread(target=self._work, name="caudal-audit-desk", daemon=True)
        self._fault: OSError | None = None
        self._thread.start()

    def slip(self) -> Slip:
        """A door for one other process; any number may share it."""
        return Slip(self._queue)

    def close(self) -> None:
        """Write down what has been handed in, and end; the log stays open.

        Raises:
            OSError: the disk was full or gone, and records were not written.
        """
        if not self._thread.is_alive():
            return
        self._queue.put(None)
        self._thread.join()
        self._queue.close()
        if self._fault is not None:
            raise self._fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        while (asked := self._queue.get()) is not None:
            name, arguments, named, process = asked
            try:
                getattr(self._log, name)(*arguments, **named)
            except OSError as error:
                self._fault = error
            except (CaudalError, TypeError, ValueError, OverflowError) as error:
                self._log._event("refused", process=process, action=name, why=str(error)[:500])
            finally:
                self._queue.task_done()
        self._queue.task_done()
