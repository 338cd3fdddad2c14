"""What commands print: JSON, or columns."""

import dataclasses
import json
import sys
from collections.abc import Sequence


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
