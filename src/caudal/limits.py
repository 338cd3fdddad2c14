"""What a file may state, in one table: each reader asks before its first loop or its first allocation.

A count in a file decides how much work and memory its reader spends, so it is believed up to these bounds only, and no
further than bytes or tensors are there for it.
"""

import json
from collections.abc import Collection
from typing import Any, NoReturn

from caudal.errors import FileFormatError

LAYERS = 1_000  # in a saved network, layers inside layers counted
SUBSTEPS = 1_000  # of one step of a cell
PARAMETERS = 10**10  # numbers in all tensors of a saved network
MODEL = 64 * 2**30  # bytes of a saved network
SIZE = 10_000_000  # units, inputs, features or states of a layer
CONTEXT = 10_000_000  # steps that a layer looks back
DEPTH = 64  # layers, lists and objects inside each other
NEURONS = 1_000_000  # in one role of a wiring
COLUMNS = 100_000  # of a table, or classes of a target
STEPS = 100_000_000  # ahead, back or between windows of a table
EPOCHS = 10_000_000  # of a recipe of training
DIGITS = 40  # of a whole number: a seed of 128 bits has 39
NUMBER = 2**63  # what a whole number of a record lies within
RECIPE = 2**20  # bytes of a recipe in TOML
RECORD = 512 * 2**20  # bytes of a record, such as a study
WIRING = 512 * 2**20  # bytes of a wiring, which has a character for each possible synapse
TEXT = 64 * 2**20  # bytes of a text that one value is read from
REPEATS = 256  # sub-steps of a cell in exported C
ELEMENTS = 65_535  # of a vector in exported C, whose counters have 16 bits
WEIGHTS = 1_000_000  # of an exported network
PROOF = 512 * 2**20  # bytes of proof.json: a million weights, each with what surrounds it
NAME = 200  # characters of the name of an input in exported C


def integer(owner: str, name: str, value: object, most: int, least: int = 0) -> int:
    """The value, if it is a whole number from `least` to `most`.

    Raises:
        FileFormatError: it is none.

    Example:
        >>> integer("net.caudal", "substeps", 6, SUBSTEPS)
        6
        >>> integer("net.caudal", "substeps", 10**9, SUBSTEPS, 1)
        Traceback (most recent call last):
        caudal.errors.FileFormatError: net.caudal: `substeps` is 1000000000; expected 1 to 1,000. Restore the file.
    """
    if type(value) is not int or not least <= value <= most:
        fault = f"is {shown(value)}; expected {least:,} to {most:,}"
        raise FileFormatError(f"{owner}: `{name}` {fault}. Restore the file.")
    return value


def shown(value: object) -> str:
    """A value from a file as a short text, however long it is.

    Example:
        >>> shown(10**12), shown("a" * 99)[:5]
        ('1000000000000', "'aaaa")
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**DIGITS:
        return "a number of more than 40 digits"
    if isinstance(value, list | dict | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def parsed(text: str | bytes, largest: int = TEXT, *, finite: bool = False) -> Any:
    """The value of a JSON text of bounded size, depth and digits, in which no key stands twice.

    Arguments:
        text: of one value, UTF-8 where it is bytes.
        largest: how many characters or bytes it may have.
        finite: whether `NaN` and `Infinity`, which are not JSON, are refused.

    Raises:
        ValueError: it is none; who calls says whose text it is.

    Example:
        >>> parsed('{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
        >>> parsed('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ValueError: a key stands twice
    """
    if len(text) > largest:
        raise ValueError(f"it has {len(text):,} characters; at most {largest:,} are read")
    refuse = _no_number if finite else None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_int=_whole, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def keys(owner: str, fields: object, wanted: Collection[str]) -> dict[str, Any]:
    """The object, if it has just these keys.

    Raises:
        FileFormatError: it is no object, lacks one, or has another.

    Example:
        >>> keys("a.json", {"b": 1}, ("a",))
        Traceback (most recent call last):
        caudal.errors.FileFormatError: a.json: lacks `a`.
    """
    if not isinstance(fields, dict):
        raise FileFormatError(f"{owner}: is a {type(fields).__name__}; expected an object.")
    if missing := [key for key in wanted if key not in fields]:
        raise FileFormatError(f"{owner}: lacks `{missing[0]}`.")
    if foreign := [key for key in fields if key not in wanted]:
        raise FileFormatError(f"{owner}: has the unknown field {shown(foreign[0])}.")
    return fields


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Two readers may disagree on which of two equal keys counts; a file that is checked has none.
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a whole number has {len(digits)} digits; at most {DIGITS} are read")
    return int(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
