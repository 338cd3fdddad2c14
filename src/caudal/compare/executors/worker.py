"""The other end of `Local`: a process that reads jobs from its standard input and writes outcomes to its output.

It is started by command and not by `multiprocessing`, so that it never imports the user's main script: a script or
notebook that calls `compare` needs no guard. It ends when its input ends, so no worker outlives a parent that was
killed.
"""

import os
import pickle
import signal
import struct
import sys
import threading
from queue import SimpleQueue
from typing import IO, Any

from caudal.compare.executors.inline import words_of

_SIZE = struct.Struct("<Q")


def send(stream: IO[bytes], value: Any) -> None:
    """Write one value: its size in 8 bytes, then its pickle.

    Raises:
        OSError: the other end has gone.
    """
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_SIZE.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one value.

    Raises:
        EOFError: the other end has gone.
    """
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    size = _SIZE.unpack(head)[0]
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def main() -> None:
    """Serve jobs until the input ends: first `(function, shared)`, then one job at a time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a run prints must not mix with its outcome
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, inbox), daemon=True).start()
    lock = threading.Lock()

    def answer(kind: str, value: Any) -> None:
        with lock:
            send(answers, (kind, value))

    function, shared = inbox.get()
    while True:
        job = inbox.get()
        try:
            answer("done", function(job, shared, lambda *words: answer("progress", words)))
        except Exception as error:
            answer("error", words_of(error))


def _listen(stream: IO[bytes], inbox: "SimpleQueue[Any]") -> None:
    try:
        while True:
            inbox.put(receive(stream))
    except EOFError:
        os._exit(0)
    except BaseException as error:
        print(f"cannot read what to do: {words_of(error)}", file=sys.stderr, flush=True)
        os._exit(1)
