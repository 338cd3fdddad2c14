"""What commands print, as JSON, columns or sentences, on streams that cannot break a command."""

import codecs
import dataclasses
import errno
import json
import os
import select
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from caudal.errors import InputError

_ERRORS = "caudal.nearest"
# Signs of our own sentences, as ASCII has them.
_PLAIN = {
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'",
    "\u201c": '"', "\u201d": '"', "\u00ab": '"', "\u00bb": '"', "\u00d7": "x", "\u00f7": "/", "\u00b1": "+/-",
    "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u2248": "~", "\u2192": "->", "\u2190": "<-", "\u00b7": ".",
    "\u2022": "*", "\u0394": "delta ", "\u03b1": "alpha", "\u03c3": "sigma", "\u03c4": "tau", "\u03bc": "u",
    "\u2588": "#", "\u2591": ".", "\u00b0": " deg", "\u00df": "ss", "\u00f8": "o", "\u00d8": "O", "\u0142": "l",
    "\u00bf": "", "\u00a1": "", "\u20ac": "EUR",
}  # fmt: skip


def nearest(text: str) -> str:
    """Text in ASCII: signs by their usual spelling, letters without accents, `?` for all else.

    Example:
        >>> nearest("\u22120.5 \u00b5s \u2265 0, se\u00f1al, \u6c34")
        '-0.5 us >= 0, senal, ?'
    """
    return "".join(_PLAIN[sign] if sign in _PLAIN else _without_accents(sign) for sign in text)


def _without_accents(sign: str) -> str:
    if sign.isascii():
        return sign
    spelled = "".join(_PLAIN.get(part, part) for part in unicodedata.normalize("NFKD", sign))
    return spelled.encode("ascii", "ignore").decode() or ("" if unicodedata.combining(sign) else "?")


def _encoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return nearest(error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _encoded)


class Talk:
    """Standard error that goes on when its reader has left: the work is worth more than what is said about it.

    Arguments:
        stream: what is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop the text where nobody can be told."""
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except OSError:
            _discard(self._stream)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def steady() -> Iterator[None]:
    """Streams that say what they can in their encoding; put back as they were at the end.

    Example:
        >>> with steady():
        ...     print("said")
        said
    """
    before = [(stream, stream.errors) for stream in (sys.stdout, sys.stderr) if hasattr(stream, "reconfigure")]
    talk = sys.stderr
    for stream, _ in before:
        with suppress(OSError):
            stream.reconfigure(errors=_ERRORS)
    if talk is not None:
        sys.stderr = Talk(talk)
    try:
        yield
    finally:
        if talk is not None:
            sys.stderr.flush()
            sys.stderr = talk
        for stream, errors in before:
            with suppress(OSError):
                stream.reconfigure(errors=errors)


@contextmanager
def exact() -> Iterator[TextIO]:
    r"""Standard output for data: what its encoding lacks is written as an escape such as `\u0142`, never changed.

    A line on standard error says that it happened.
    """
    if sys.stdout is None:
        raise InputError("predict", "--out", "is missing, and standard output is closed", "Pass -o FILE.")
    counted = _Counter(sys.stdout)
    yield counted  # type: ignore[misc]
    if counted.escaped:
        how = f"written as escapes (\\u0142): standard output is {sys.stdout.encoding}"
        say(f"note: {counted.escaped:,} signs are {how}. Set PYTHONIOENCODING=utf-8, or pass -o FILE.")


class _Counter:
    def __init__(self, stream: TextIO) -> None:
        self._stream, self._encoding = stream, getattr(stream, "encoding", None) or "utf-8"
        self.escaped = 0

    def write(self, text: str) -> int:
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            self.escaped += len(text) - len(text.encode(self._encoding, "ignore").decode(self._encoding))
            text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        return self._stream.write(text)


def flushed() -> OSError | None:
    """The fault of writing to standard output, or None; a stream that failed is not written to again."""
    stream = sys.stdout
    if stream is None:
        return None
    try:
        stream.flush()
    except (OSError, ValueError) as error:
        _discard(stream)
        return error if isinstance(error, OSError) else OSError(errno.EBADF, str(error))
    return None


def has_left() -> bool:
    """Whether the reader of standard output has gone, as `head` does; then nothing is written to it any more."""
    if flushed() is not None:
        return True
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLERR)
        gone = any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError, AttributeError):  # no stream of the system, or a system without poll
        return False
    if gone:
        _discard(sys.stdout)
    return gone


def _discard(stream: TextIO) -> None:
    """Let the interpreter's last flush go nowhere, since it would fail and change the exit code."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def print_json(value: object) -> None:
    """Print a value, records included, as JSON on stdout.

    Example:
        >>> print_json({"good": True})
        {
          "good": true
        }
    """
    print(json.dumps(value, indent=2, default=_plain, allow_nan=False))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print left-aligned columns on stdout.

    Example:
        >>> print_columns(("cell", "wired"), [("LTC", "yes")])
        cell  wired
        LTC   yes
    """
    lines = [header, *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def say(line: str) -> None:
    """Talk: a line on stderr."""
    print(line, file=sys.stderr, flush=True)


def json_line(value: object) -> str:
    r"""A value as JSON on one line, in the letters of its language; signs that move the cursor are spelled.

    Example:
        >>> print(json_line({"session": "cama ñ\u202e\x9b"}))
        {"session": "cama ñ\u202e\u009b"}
    """
    text = json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def harmless(text: str) -> str:
    r"""A text of several lines, whose signs that move the cursor or turn the direction are spelled.

    Example:
        >>> print(harmless("no file\n\x1b[2K"))
        no file
        \x1b[2K
    """
    return "\n".join(map(printable, text.split("\n")))


def printable(text: str) -> str:
    r"""A text that a file may have chosen, as one line that cannot look like several, nor move the cursor.

    Example:
        >>> print(printable("a\ngood  b"), printable("cama 4 ñ"))
        a\x0agood  b cama 4 ñ
    """
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
