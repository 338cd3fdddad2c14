"""What a log of decisions holds: decisions, events and seals, as plain records with a JSON form."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from caudal.errors import InputError
from caudal.monitor.flags import MONITORS

_ODD = {math.inf: "Infinity", -math.inf: "-Infinity"}
_BACK = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Decision:
    """One decision, or one step of a sequence of them.

    Attributes:
        time: of the decision, nanoseconds since 1970 (UTC), as the clock said.
        model: digest of the model, 64 hexadecimal digits.
        session: whose decisions belong together: a patient, a trip, a connection.
        sequence: number within the session.
        commitment: salted SHA-256 of input and state, 64 hexadecimal digits.
        output: what the model answered.
        dt: elapsed time since the previous step, or None.
        uncertainty: as its model states it, or None.
        monitors: flags of what was violated; see `MONITORS`.
        influence: of each input, where it was asked for.
        is_exact: made in replay mode, so that it can be recomputed to the bit.
        is_single: the outputs are float32, otherwise float64.
        is_backwards: the clock was behind that of the record before.
        is_personal: the salt is that of a person, otherwise of this record alone.
        payload: encrypted input, or empty; of a sealed record, before it the encrypted values and their length (u16).
        is_sealed: the exact output, `dt`, uncertainty and influence are in the payload, and only the person's salt
            opens them; what stands in the clear is what stays once it is erased.

    Example:
        >>> decision = Decision(0, "ab" * 32, "bed 4", 7, "00" * 32, (0.25, math.nan), monitors=9)
        >>> decision.violations
        ('not finite', 'out of distribution')
        >>> record_from_dict(record_to_dict(decision)) == decision, record_to_dict(decision)["time"]
        (True, '1970-01-01T00:00:00.000000000Z')
    """

    time: int
    model: str
    session: str
    sequence: int
    commitment: str
    output: tuple[float, ...]
    dt: float | None = None
    uncertainty: float | None = None
    monitors: int = 0
    influence: tuple[float, ...] = ()
    is_exact: bool = False
    is_single: bool = True
    is_backwards: bool = False
    is_personal: bool = False
    payload: bytes = b""
    is_sealed: bool = False

    @property
    def violations(self) -> tuple[str, ...]:
        """The monitors in words."""
        bits = (1 << k for k in range(32) if self.monitors >> k & 1)
        return tuple(MONITORS.get(bit, f"monitor {bit}") for bit in bits)


@dataclass(frozen=True)
class Event:
    """Something that is no decision: a run that began, an operator's override or stop, an alarm, a change of keys.

    Attributes:
        time: as in `Decision`.
        kind: one word; `"open"`, `"override"`, `"stop"`, `"threshold"`, `"alarm"`, `"key"`, `"retired"`, `"recovered"`,
            `"refused"`, `"lost"` are known.
        facts: JSON values.
        is_backwards: as in `Decision`.
    """

    time: int
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_backwards: bool = False


@dataclass(frozen=True)
class Seal:
    """The first record of each bundle of 256 but the first: digests of the bundle before it.

    Attributes:
        time: as in `Decision`.
        bundle: SHA-256 of the file of records, hexadecimal.
        tile: SHA-256 of the file of their hashes, hexadecimal.
        is_backwards: as in `Decision`.
    """

    time: int
    bundle: str
    tile: str
    is_backwards: bool = False


Record = Decision | Event | Seal
_KINDS = {"decision": Decision, "event": Event, "seal": Seal}


def record_to_dict(record: Record) -> dict[str, Any]:
    """A record as JSON values: times as RFC 3339 text, numbers that JSON does not have as texts, payloads as hex."""
    content = {"type": type(record).__name__.lower(), **record.__dict__, "time": time_text(record.time)}
    if isinstance(record, Decision):
        content["payload"] = record.payload.hex()
        for name in ("dt", "uncertainty"):
            content[name] = None if content[name] is None else number_or_text(content[name])
        for name in ("output", "influence"):
            content[name] = [number_or_text(value) for value in content[name]]
    elif isinstance(record, Event):
        content["facts"] = dict(record.facts)
    return content


def record_from_dict(content: Mapping[str, Any]) -> Record:
    """The record of `record_to_dict`.

    Raises:
        InputError: it is no such record.
    """
    try:
        given = dict(content)
        kind: Any = _KINDS[given.pop("type")]
        given["time"] = time_of(given["time"])
        if kind is Decision:
            given["payload"] = bytes.fromhex(given["payload"])
            for name in ("dt", "uncertainty"):
                given[name] = None if given[name] is None else _float(given[name])
            for name in ("output", "influence"):
                given[name] = tuple(_float(value) for value in given[name])
        record: Record = kind(**given)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        fault = f"is no record of a log ({type(error).__name__}: {error})"
        raise InputError("record_from_dict", "content", fault, "Pass what `record_to_dict` gave.") from error
    return record


def time_text(time: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 text in UTC, to the nanosecond.

    Example:
        >>> time_text(1_500_000_001), time_of("1970-01-01T00:00:01.500000001Z")
        ('1970-01-01T00:00:01.500000001Z', 1500000001)
    """
    seconds, rest = divmod(time, 10**9)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    except (ValueError, OverflowError, OSError):
        return f"{time} ns"


def time_of(text: str) -> int:
    """Nanoseconds since 1970 of a text of `time_text`."""
    if text.endswith(" ns"):
        return int(text[:-3])
    whole, rest = text.removesuffix("Z").split(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(rest)


def number_or_text(value: float) -> float | str:
    """The number, or the word for one that JSON does not have."""
    if value != value:
        return "NaN"
    return _ODD.get(value, value)


def _float(value: Any) -> float:
    return _BACK[value] if isinstance(value, str) else float(value)
