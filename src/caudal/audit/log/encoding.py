"""Records as the bytes that are hashed and kept: packed, or as canonical JSON (RFC 8785).

A packed record, little-endian: version u8 (1), kind u8, flags u16, time i64, then by kind

    decision  sequence u64, monitors u32, dt f64, uncertainty f64 (NaN: none), model 32 bytes, commitment 32 bytes,
              length of session u8, outputs u16, influences u16, length of payload u16; session UTF-8, outputs f32 or
              f64 (by flag), influences f32, payload; by flag the payload begins with encrypted exact values (`sealed`)
    event     length of kind u8, length of facts u16, kind UTF-8, facts as canonical JSON
    seal      SHA-256 of bundle, SHA-256 of tile, 32 bytes each

and CRC-32 (u32) of all before it, which tells a torn record from a whole one. Tampering is what the tree is for.
"""

import json
import math
import struct
from collections.abc import Callable
from zlib import crc32

import numpy as np

from caudal.audit.log.record import (
    Decision,
    Event,
    Record,
    Seal,
    number_or_text,
    record_from_dict,
    record_to_dict,
    time_text,
)
from caudal.errors import FileFormatError, InputError
from caudal.extras import need


def spell(record: Decision, rare: Callable[[float], str]) -> str:
    """The text of a decision.

    Arguments:
        record: with a session that is text.
        rare: spells a finite number that needs an exponent.

    Example:
        >>> spell(Decision(5, "ab", "bed 4", 7, "00", (0.25, 1.0)), repr)[:51]
        '{"commitment":"00","dt":null,"influence":[],"is_bac'
    """

    def number(value: float | None) -> str:
        if value is None:
            return "null"
        plain = number_or_text(value)
        if isinstance(plain, str):
            return f'"{plain}"'
        text = repr(plain)
        if "e" in text:
            return rare(plain)
        if text.endswith(".0"):
            text = text[:-2]
        return "0" if text == "-0" else text

    def word(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    def numbers(values: tuple[float, ...]) -> str:
        return ",".join(map(number, values))

    return (
        f'{{"commitment":{word(record.commitment)},"dt":{number(record.dt)},"influence":[{numbers(record.influence)}],'
        f'"is_backwards":{_WORD[record.is_backwards]},"is_exact":{_WORD[record.is_exact]},'
        f'"is_personal":{_WORD[record.is_personal]},'
        f'"is_sealed":{_WORD[record.is_sealed]},"is_single":{_WORD[record.is_single]},"model":{word(record.model)},'
        f'"monitors":{record.monitors},"output":[{numbers(record.output)}],"payload":"{record.payload.hex()}",'
        f'"sequence":{record.sequence},"session":{word(record.session)},'
        f'"time":"{time_text(record.time)}","type":"decision","uncertainty":{number(record.uncertainty)}}}'
    )


_WORD = {False: "false", True: "true"}


VERSION = 1
DECISION, EVENT, SEAL = 0, 1, 2
BACKWARDS, EXACT, SINGLE, PERSONAL, SEALED = 1, 2, 4, 8, 16
LARGEST = 65535  # a bundle of C2SP states the length of an entry in two bytes
HEAD = struct.Struct("<BBHq")
BODY = struct.Struct("<QIdd32s32sBHHH")
_CRC = struct.Struct("<I")
_EVENT = struct.Struct("<BH")
_NESTED = 40


def pack(record: Record) -> bytes:
    """A record as packed bytes.

    Raises:
        InputError: a field is too large, or a digest is no digest.

    Example:
        >>> one = Decision(5, "ab" * 32, "bed 4", 7, "00" * 32, (0.25,))
        >>> len(pack(one)), unpack(pack(one)) == one
        (124, True)
    """
    flags = BACKWARDS if record.is_backwards else 0
    if isinstance(record, Decision):
        flags |= EXACT * record.is_exact | SINGLE * record.is_single | PERSONAL * record.is_personal
        flags |= SEALED * record.is_sealed
        output = np.asarray(record.output, "<f4" if record.is_single else "<f8").tobytes()
        influence = np.asarray(record.influence, "<f4").tobytes() if record.influence else b""
        return decision(
            flags,
            record.time,
            text_bytes(record.session),
            record.sequence,
            _digest(record.model),
            _digest(record.commitment),
            output,
            math.nan if record.dt is None else record.dt,
            math.nan if record.uncertainty is None else record.uncertainty,
            record.monitors,
            influence,
            record.payload,
        )
    if isinstance(record, Seal):
        return closed(HEAD.pack(VERSION, SEAL, flags, record.time) + _digest(record.bundle) + _digest(record.tile))
    kind, facts = text_bytes(record.kind), canonical(dict(record.facts))
    if len(kind) > 255 or not kind or len(facts) > LARGEST - 300:
        fault = f"has a kind of {len(kind)} and facts of {len(facts):,} bytes"
        raise InputError("Log", "event", fault, "Keep the kind one word and the facts below 65,000 bytes.")
    return closed(HEAD.pack(VERSION, EVENT, flags, record.time) + _EVENT.pack(len(kind), len(facts)) + kind + facts)


def decision(
    flags: int,
    time: int,
    session: bytes,
    sequence: int,
    model: bytes,
    commitment: bytes,
    output: bytes,
    dt: float,
    uncertainty: float,
    monitors: int,
    influence: bytes,
    payload: bytes,
) -> bytes:
    """The packed bytes of a decision, from parts that are bytes already: the short way of a writer."""
    width = 4 if flags & SINGLE else 8
    try:
        head = HEAD.pack(VERSION, DECISION, flags, time)
        body = BODY.pack(
            sequence,
            monitors,
            dt,
            uncertainty,
            model,
            commitment,
            len(session),
            len(output) // width,
            len(influence) // 4,
            len(payload),
        )
    except struct.error as error:
        raise _too_large(session, output, influence, payload, str(error)) from error
    whole = head + body + session + output + influence + payload
    if len(whole) > LARGEST - 4:
        raise _too_large(session, output, influence, payload, f"{len(whole):,} bytes")
    return whole + _CRC.pack(crc32(whole))


def _too_large(session: bytes, output: bytes, influence: bytes, payload: bytes, why: str) -> InputError:
    sizes = f"session {len(session):,}, output {len(output):,}, influence {len(influence):,}, payload {len(payload):,}"
    remedy = "A session has up to 255 bytes, a record up to 65,535, numbers are in range; keep larger inputs elsewhere."
    return InputError("Log", "record", f"does not fit ({why}; bytes: {sizes})", remedy)


def text_bytes(text: str) -> bytes:
    """UTF-8 of a text.

    Raises:
        InputError: it holds half a character, as badly decoded input does.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        fault = "holds characters that are no text"
        raise InputError("Log", "session", fault, "Decode it as UTF-8 first.") from error


def closed(data: bytes) -> bytes:
    """Bytes with their CRC-32."""
    return data + _CRC.pack(crc32(data))


def unpack(data: bytes) -> Record:
    """The record of bytes, packed or JSON.

    Raises:
        FileFormatError: they hold no record.
    """
    if data[:1] == b"{":
        return _from_json(data)
    if not is_whole(data):
        raise FileFormatError(
            f"a record of {len(data)} bytes is torn or altered. Run `caudal audit verify` on the log."
        )
    try:
        return _unpacked(data)
    except (struct.error, ValueError, IndexError, RecursionError) as error:
        raise FileFormatError(
            f"a record of {len(data)} bytes is malformed ({error}). It was not written by a log."
        ) from error


def is_whole(data: bytes) -> bool:
    """Whether bytes are a complete record, as far as a checksum tells."""
    if data[:1] == b"{":
        try:
            return isinstance(json.loads(data), dict)
        except (ValueError, RecursionError):
            return False
    return len(data) >= HEAD.size + 4 and data[0] == VERSION and _CRC.unpack(data[-4:])[0] == crc32(data[:-4])


def seal_of(data: bytes) -> tuple[bytes, bytes] | None:
    """The two digests of a seal, or None where the bytes are none."""
    try:
        record = unpack(data)
    except FileFormatError:
        return None
    return (bytes.fromhex(record.bundle), bytes.fromhex(record.tile)) if isinstance(record, Seal) else None


def _unpacked(data: bytes) -> Record:
    _, kind, flags, time = HEAD.unpack_from(data)
    at, end, back = HEAD.size, len(data) - 4, bool(flags & BACKWARDS)
    if kind == SEAL and end - at == 64:
        return Seal(time, data[at : at + 32].hex(), data[at + 32 : end].hex(), back)
    if kind == EVENT:
        n, m = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        if at + n + m != end:
            raise ValueError("lengths do not add up")
        facts = json.loads(data[at + n : end])
        if not isinstance(facts, dict):
            raise ValueError("facts are no object")
        return Event(time, data[at : at + n].decode(), facts, back)
    if kind != DECISION:
        raise ValueError(f"kind {kind} is unknown")
    sequence, monitors, dt, uncertainty, model, commitment, n, out, parts, extra = BODY.unpack_from(data, at)
    at += BODY.size
    width = 4 if flags & SINGLE else 8
    if at + n + out * width + parts * 4 + extra != end:
        raise ValueError("lengths do not add up")
    session, at = data[at : at + n].decode(), at + n
    output, at = tuple(np.frombuffer(data, f"<f{width}", out, at).tolist()), at + out * width
    influence, at = tuple(np.frombuffer(data, "<f4", parts, at).tolist()), at + parts * 4
    return Decision(
        time,
        model.hex(),
        session,
        sequence,
        commitment.hex(),
        output,
        None if dt != dt else dt,
        None if uncertainty != uncertainty else uncertainty,
        monitors,
        influence,
        bool(flags & EXACT),
        bool(flags & SINGLE),
        back,
        bool(flags & PERSONAL),
        data[at:end],
        bool(flags & SEALED),
    )


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except (ValueError, TypeError):
        digest = b""
    if len(digest) != 32:
        raise InputError("Log", "model", f"is {text!r}, which is no SHA-256", "Pass 64 hexadecimal digits.")
    return digest


def canonical(value: object) -> bytes:
    """JSON by RFC 8785: one text for one value.

    Raises:
        InputError: it is no JSON value, or nested too deep.
        MissingExtraError: `rfc8785` is not installed.

    Example:
        >>> canonical({"b": 1.0, "a": [True, None]})
        b'{"a":[true,null],"b":1}'
    """
    library = need("audit", "rfc8785")
    try:
        if _depth(value) > _NESTED:
            raise ValueError("it is nested too deep")
        return bytes(library.dumps(value))
    except Exception as error:  # whatever a foreign type raises when it is looked at
        remedy = "Pass texts, whole numbers below 2**53, finite numbers, lists and objects of them."
        raise InputError("Log", "facts", f"have no canonical JSON ({str(error)[:200]})", remedy) from error


def _depth(value: object, limit: int = _NESTED + 1) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return 0 if limit == 0 else 1 + max((_depth(item, limit - 1) for item in inner), default=0)


def to_json(record: Record) -> bytes:
    """A record as canonical JSON, the form of logs that are read by people."""
    if isinstance(record, Decision) and record.sequence < 2**53 and record.monitors < 2**53:
        text_bytes(record.session)
        data = spell(record, lambda number: canonical(number).decode()).encode()
    else:
        data = canonical(record_to_dict(record))
    if len(data) > LARGEST:
        raise InputError("Log", "record", f"has {len(data):,} bytes as JSON", "A record has up to 65,535.")
    return data


def _from_json(data: bytes) -> Record:
    try:
        content = json.loads(data)
        return record_from_dict(content)
    except (ValueError, RecursionError, TypeError) as error:
        raise FileFormatError(
            f"a record of {len(data)} bytes is malformed ({error}). It was not written by a log."
        ) from error
