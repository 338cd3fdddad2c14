"""Exact values of a person's record, behind that person's salt: once it is erased, nobody reads them.

Elapsed time, output, uncertainty and influence are fingerprints: whoever has the data and the model makes them again
and finds the record by them. So the record of a person carries them encrypted (AES-256-GCM of `cryptography`, by a key
made from the salt), and in the clear only what the caller lets stand for ever, such as the class. The plain bytes
are a part of the commitment, so no other salt opens them to other values.
"""

import math
import os
import struct
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from caudal.audit.log.record import Decision
from caudal.errors import InputError
from caudal.extras import need
from caudal.typing import Array

_NONCE = 12
_HEAD = struct.Struct("<ddH")
_LENGTH = struct.Struct("<H")
MARK = b"="


def place(session: str, sequence: int) -> bytes:
    """What binds encrypted bytes to their decision."""
    return f"{session}/{sequence}".encode()


def values(output: Array, dt: float, uncertainty: float, influence: bytes) -> bytes:
    """The exact values of a decision as bytes: what is encrypted, and what the commitment covers."""
    return _HEAD.pack(dt, uncertainty, output.size) + output.tobytes() + influence


def hide(salt: bytes, where: bytes, plain: bytes) -> bytes:
    """Values as the start of a payload: their length in two bytes, and the encrypted bytes."""
    nonce = os.urandom(_NONCE)
    data = nonce + bytes(_cipher(salt).encrypt(nonce, plain, where))
    if len(data) > 0xFFFF:
        fault = f"does not fit ({len(data):,} bytes)"
        raise InputError("Log", "output", fault, "A record has up to 65,535 bytes; keep larger outputs elsewhere.")
    return _LENGTH.pack(len(data)) + data


def split(record: Decision) -> tuple[bytes, bytes]:
    """The encrypted values of a record, and what follows them: the encrypted input, if it was kept."""
    if not record.is_sealed:
        return b"", record.payload
    (size,) = _LENGTH.unpack_from(record.payload)
    end = _LENGTH.size + size
    return record.payload[_LENGTH.size : end], record.payload[end:]


def parts(record: Decision, salt: bytes) -> tuple[bytes, ...]:
    """What the commitment of a record covers besides input and state: the exact values, where they are encrypted.

    Raises:
        InputError: the salt is not that of the record, or the record is malformed.
    """
    return (MARK, _plain(record, salt)) if record.is_sealed else ()


def opened(record: Decision, salt: bytes) -> Decision:
    """The record with its exact values in the clear; one that hides none comes back as it is.

    Arguments:
        record: of a log.
        salt: of its person.

    Raises:
        InputError: the salt is not that of the record, or the record is malformed.

    Example:
        >>> plain = values(np.float32([0.25, 0.75]), 1.5, 0.25, b"")
        >>> payload = hide(bytes(32), b"bed 4/7", plain)
        >>> record = Decision(5, "ab" * 32, "bed 4", 7, "00" * 32, (0, 1), is_sealed=True, payload=payload)
        >>> exact = opened(record, bytes(32))
        >>> exact.output, exact.dt, exact.uncertainty, exact.payload
        ((0.25, 0.75), 1.5, 0.25, b'')
    """
    if not record.is_sealed:
        return record
    plain, kind = _plain(record, salt), "<f4" if record.is_single else "<f8"
    try:
        dt, uncertainty, count = _HEAD.unpack_from(plain)
        output = np.frombuffer(plain, kind, count, _HEAD.size)
        influence = np.frombuffer(plain, "<f4", offset=_HEAD.size + output.nbytes)
    except (struct.error, ValueError) as error:
        raise _closed() from error
    return replace(
        record,
        output=tuple(output.tolist()),
        influence=tuple(influence.tolist()),
        dt=_known(dt),
        uncertainty=_known(uncertainty),
        is_sealed=False,
        payload=split(record)[1],
    )


def shown(output: Array, lasting: Iterable[float] | None) -> Array:
    """What of an output stands in the clear: what the caller gave, and NaN in each place without."""
    if lasting is None:
        return np.full(output.shape, math.nan, output.dtype)
    return np.asarray(lasting, output.dtype)


def _plain(record: Decision, salt: bytes) -> bytes:
    wrong = need("audit", "cryptography.exceptions").InvalidTag
    try:
        data = split(record)[0]
        return bytes(_cipher(salt).decrypt(data[:_NONCE], data[_NONCE:], place(record.session, record.sequence)))
    except (wrong, ValueError, struct.error) as error:
        raise _closed() from error


def _closed() -> InputError:
    return InputError("audit", "salt", "does not open the values of the record", "Pass the salt of its person.")


def _known(value: float) -> float | None:
    return None if value != value else value


def _cipher(salt: bytes) -> Any:
    key = sha256(salt + b"caudal.sealed/1").digest()
    return need("audit", "cryptography.hazmat.primitives.ciphers.aead").AESGCM(key)
