"""Inputs that are kept because somebody asked for it, encrypted (AES-256-GCM of `cryptography`)."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.extras import need
from caudal.files import put

_NONCE = 12
_LENGTH = 4


@dataclass(frozen=True, repr=False)
class Vault:
    """A key that opens the payloads of a log.

    Attributes:
        key: 32 bytes; whoever has them reads the inputs, and once it is gone nobody does.

    Example:
        >>> vault = Vault(bytes(32))
        >>> sealed = vault.seal([np.arange(2.0)], b"bed 4/0")
        >>> vault.open(sealed, b"bed 4/0")[0].tolist()
        [0.0, 1.0]
    """

    key: bytes

    @staticmethod
    def at(path: str | os.PathLike[str]) -> "Vault":
        """The vault of a key file; made, for its owner alone, where there is none.

        Raises:
            FileFormatError: the file is no such key.
            MissingFileError: its folder is not there.
        """
        place = Path(path)
        if not place.parent.is_dir():
            raise MissingFileError(f"Vault: there is no folder {place.parent}. Make it first.")
        if not place.exists():
            put(place, os.urandom(32), mode=0o600, sync=True)
        with place.open("rb") as file:
            data = file.read(33)
        if len(data) != 32:
            raise FileFormatError(f"Vault: {place} is no key of 32 bytes. Pass the file that was made with the log.")
        return Vault(data)

    def seal(self, parts: Sequence[Any], place: bytes, salt: bytes = b"") -> bytes:
        """Arrays or bytes as one encrypted payload, bound to a place in the log.

        Arguments:
            parts: arrays, bytes or None.
            place: session and number of the decision, as `b"bed 4/0"`.
            salt: of the person; once it is erased the payload does not open any more. Its length then tells little of
                the input's: it is filled up by up to an eighth.
        """
        buffer = io.BytesIO()
        arrays = {str(k): _array(part) for k, part in enumerate(parts) if part is not None}
        np.savez(buffer, allow_pickle=False, **arrays)
        plain = buffer.getvalue()
        if salt:
            plain = _filled(plain)
        nonce = os.urandom(_NONCE)
        return nonce + bytes(self._cipher(salt).encrypt(nonce, plain, place))

    def open(self, payload: bytes, place: bytes, salt: bytes = b"") -> list[Any]:
        """The arrays of a payload.

        Arguments:
            payload: of a decision; of one of a person, that of `Salts.opened`.
            place: as it was sealed.
            salt: of the person, where the decision is of one.

        Raises:
            InputError: the key or the salt is another one, or the payload was altered or moved.
        """
        wrong = need("audit", "cryptography.exceptions").InvalidTag
        try:
            plain = self._cipher(salt).decrypt(payload[:_NONCE], payload[_NONCE:], place)
        except (wrong, ValueError) as error:
            fault = "does not open the payload"
            raise InputError("Vault", "key", fault, "Pass the key of the log; or the payload was altered.") from error
        if salt:
            plain = plain[_LENGTH : _LENGTH + int.from_bytes(plain[:_LENGTH], "big")]
        with np.load(io.BytesIO(plain), allow_pickle=False) as file:
            return [file[name] for name in sorted(file.files, key=int)]

    def _cipher(self, salt: bytes) -> Any:
        key = sha256(b"caudal.vault/2" + self.key + salt).digest() if salt else self.key
        return need("audit", "cryptography.hazmat.primitives.ciphers.aead").AESGCM(key)


def _filled(data: bytes) -> bytes:
    """Data behind their length, with zeros up to one of few sizes: eight for each power of two."""
    whole = len(data).to_bytes(_LENGTH, "big") + data
    step = max(64, 1 << max(len(whole).bit_length() - 4, 0))
    return whole + bytes(-len(whole) % step)


def _array(part: object) -> Any:
    return (
        np.frombuffer(bytes(part), np.uint8) if isinstance(part, bytes | bytearray | memoryview) else np.asarray(part)
    )
