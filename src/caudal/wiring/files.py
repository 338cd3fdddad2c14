"""A circuit as JSON: exact, versioned, legible as a picture of its two matrices, and read without executing anything.

Each row of `sensory` and `recurrent` is one source, each character one target: `+` excites, `-` inhibits, `.` is none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from caudal import limits
from caudal.errors import FileFormatError
from caudal.wiring.parts import ROLES, Polarity, Role, roles_of

if TYPE_CHECKING:
    from caudal.wiring.wiring import Wiring

FORMAT, VERSION = "caudal.wiring", 1
SIGNS = {"+": 1, "-": -1, ".": 0}
# The polarity of each sign, by its code in ASCII.
_POLARITIES = np.array([SIGNS.get(chr(code), 0) for code in range(128)], np.int8)
KEYS = ("format", "version", "family", "seed", "neurons", "layers", "sensory", "recurrent")


class Fields(NamedTuple):
    """The fields of a wiring, in the order of its constructor, read but not yet checked against each other."""

    sensory: Polarity
    recurrent: Polarity
    roles: tuple[Role, ...]
    layers: tuple[int, ...]
    seed: int | None
    family: str


def dumps(wiring: Wiring) -> str:
    """The JSON text of a wiring; equal wirings give equal text."""
    values = (
        FORMAT,
        VERSION,
        wiring.family,
        wiring.seed,
        {role: wiring.roles.count(role) for role in ROLES},
        list(wiring.layers),
        _rows(wiring.sensory),
        _rows(wiring.recurrent),
    )
    pairs = zip(KEYS, values, strict=True)
    lines = (f"  {json.dumps(key)}: {_lines(value)}" for key, value in pairs)
    return "{\n" + ",\n".join(lines) + "\n}\n"


def loads(text: str | bytes) -> Fields:
    """The fields that a JSON text states.

    Raises:
        FileFormatError: it is no JSON, not a wiring, of another version, or a field is missing, foreign or malformed.
    """
    fields = _object(text)
    if fields.get("format") != FORMAT:
        raise _fault("format", f"is {limits.shown(fields.get('format'))}; expected {FORMAT!r}")
    version = fields.get("version")
    if type(version) is not int or version != VERSION:
        raise _fault(
            "version",
            f"is {limits.shown(version)}; this release reads {VERSION}",
            "Read it with the release of its time.",
        )
    for key in (*KEYS, *fields):
        if key not in fields or key not in KEYS:
            raise _fault(
                limits.shown(key).strip("'"), "is missing" if key not in fields else "is not a field of a wiring"
            )
    neurons = _neurons(fields["neurons"])
    units = sum(neurons.values())
    return Fields(
        _matrix("sensory", fields["sensory"], units),
        _matrix("recurrent", fields["recurrent"], units),
        roles_of(*(neurons[role] for role in ROLES)),
        _layers(fields["layers"], units),
        _seed(fields["seed"]),
        _family(fields["family"]),
    )


def _rows(matrix: Polarity) -> list[str]:
    return ["".join(row) for row in np.array([".", "+", "-"])[matrix].tolist()]


def _lines(value: object) -> str:
    if not (isinstance(value, list) and value and isinstance(value[0], str)):
        return json.dumps(value)
    return "[\n" + ",\n".join(f"    {json.dumps(row)}" for row in value) + "\n  ]"


def _object(text: str | bytes) -> dict[str, object]:
    try:
        value = limits.parsed(text, limits.WIRING)
    except (ValueError, TypeError) as error:
        raise FileFormatError(
            f"Wiring.from_json: `text` is not JSON ({error}). Pass the text that `Wiring.to_json` wrote."
        ) from None
    if not isinstance(value, dict):
        raise _fault("text", f"holds a {type(value).__name__}; expected an object")
    return value


def _neurons(value: Any) -> dict[Role, int]:
    is_sound = isinstance(value, dict) and set(value) == set(ROLES)
    # The bound refuses a short text that claims a circuit too large for memory.
    if not is_sound or not all(type(number) is int and 0 <= number <= limits.NEURONS for number in value.values()):
        raise _fault("neurons", f"is not a number for each of {', '.join(ROLES)}")
    return {role: value[role] for role in ROLES}


def _layers(value: Any, units: int) -> tuple[int, ...]:
    is_sound = isinstance(value, list) and len(value) == units
    if not is_sound or not all(type(layer) is int and 0 <= layer <= limits.NEURONS for layer in value):
        raise _fault("layers", f"is not a list of {units} whole numbers, one per neuron")
    return tuple(value)


def _matrix(key: str, value: Any, units: int) -> Polarity:
    is_sound = isinstance(value, list) and all(
        isinstance(row, str) and len(row) == units and set(row) <= set(SIGNS) for row in value
    )
    if not is_sound or (key == "recurrent" and len(value) != units):
        raise _fault(key, f"is not a list of rows of {units} characters out of '+', '-' and '.'")
    codes = np.frombuffer("".join(value).encode(), np.uint8)
    return _POLARITIES[codes].reshape(len(value), units)


def _seed(value: object) -> int | None:
    if value is not None and type(value) is not int:
        raise _fault("seed", f"is {limits.shown(value)}; expected a whole number or null")
    return value


def _family(value: object) -> str:
    if not isinstance(value, str):
        raise _fault("family", f"is {limits.shown(value)}; expected a name")
    return value


def _fault(
    key: str, fault: str, remedy: str = "Pass the text that `Wiring.to_json` wrote, unaltered."
) -> FileFormatError:
    return FileFormatError(f"Wiring.from_json: `{key}` {fault}. {remedy}")
