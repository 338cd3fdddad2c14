"""Signed notes and checkpoints in the public formats C2SP signed-note and tlog-checkpoint (Ed25519)."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from caudal.errors import FileFormatError, InputError
from caudal.extras import need

ED25519 = 1
LARGEST = 1 << 20
_DASH = "\u2014 "


@dataclass(frozen=True)
class Verifier:
    """A public key as notes name it: `name+id+base64`, text of C2SP.

    Attributes:
        name: without spaces or `+`.
        key: 32 bytes of Ed25519.

    Example:
        >>> one = Verifier("example.org/log", bytes(32))
        >>> Verifier.parse(str(one)) == one
        True
    """

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([ED25519]) + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([ED25519]) + self.key).decode()}"

    @staticmethod
    def parse(text: str) -> "Verifier":
        """The key of a text.

        Raises:
            FileFormatError: it is none.
        """
        parts = text.strip().split("+", 2)
        try:
            raw = base64.b64decode(parts[2], validate=True)
            verifier = Verifier(check_name(parts[0]), raw[1:])
            if len(raw) != 33 or raw[0] != ED25519 or verifier.id.hex() != parts[1]:
                raise ValueError("its id does not fit")
        except (IndexError, ValueError, InputError) as error:
            remedy = "Pass `name+id+base64`, as `caudal audit keys` shows it."
            sentence = f"{text.strip()[:80]!r} is no public key of a log ({error}). {remedy}"
            raise FileFormatError(sentence) from error
        return verifier

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the key made a signature over a message."""
        ed = need("audit", "cryptography.hazmat.primitives.asymmetric.ed25519")
        invalid = need("audit", "cryptography.exceptions").InvalidSignature
        try:
            ed.Ed25519PublicKey.from_public_bytes(self.key).verify(signature, message)
        except (invalid, ValueError):
            return False
        return True


def check_name(name: str) -> str:
    """A name that a note may carry.

    Raises:
        InputError: it is empty, too long, or holds a space, `+` or control character.
    """
    if not 0 < len(name) <= 200 or "+" in name or any(letter.isspace() or not letter.isprintable() for letter in name):
        fault = f"is {name[:60]!r}; spaces, `+` and control characters are not allowed"
        raise InputError("audit", "name", fault, "Pass a name such as `example.org/ward-4`.")
    return name


@dataclass(frozen=True)
class Note:
    """A text and the signatures under it.

    Attributes:
        text: ends in a newline.
        signatures: `(name, id, signature)`.
    """

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def __str__(self) -> str:
        lines = [f"{_DASH}{name} {base64.b64encode(id + mark).decode()}\n" for name, id, mark in self.signatures]
        return f"{self.text}\n{''.join(lines)}"

    def is_signed_by(self, verifier: Verifier) -> bool:
        """Whether a key signed it."""
        marks = [mark for name, id, mark in self.signatures if (name, id) == (verifier.name, verifier.id)]
        return bool(marks) and all(verifier.verifies(mark, self.text.encode()) for mark in marks)

    @staticmethod
    def parse(data: bytes) -> "Note":
        """The note of bytes.

        Raises:
            FileFormatError: they are none.
        """
        try:
            if len(data) > LARGEST:
                raise ValueError(f"it has {len(data):,} bytes")
            whole = data.decode()
            if any(ord(letter) < 32 and letter != "\n" for letter in whole):
                raise ValueError("it holds control characters")
            text, gap, marks = whole.rpartition("\n\n")
            if not gap or not marks.endswith("\n"):
                raise ValueError("it has no signatures")
            return Note(f"{text}\n", tuple(_signature(line) for line in marks[:-1].split("\n")))
        except (ValueError, binascii.Error) as error:
            raise FileFormatError(f"a checkpoint is no signed note ({error}). Restore it from a copy.") from error


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, mark = line.removeprefix(_DASH).partition(" ")
    raw = base64.b64decode(mark, validate=True)
    if not line.startswith(_DASH) or not name or len(raw) < 5:
        raise ValueError("a line of signature is malformed")
    return name, raw[:4], raw[4:]


@dataclass(frozen=True)
class Checkpoint:
    """What a log had promised at some time: how many records, and the root over them.

    Attributes:
        origin: name of the log.
        size: number of records.
        root: 32 bytes.
        note: the signed text.
    """

    origin: str
    size: int
    root: bytes
    note: Note

    def __str__(self) -> str:
        return str(self.note)

    @staticmethod
    def parse(data: bytes) -> "Checkpoint":
        """The checkpoint of bytes; its signatures are not checked.

        Raises:
            FileFormatError: they are none.
        """
        note = Note.parse(data)
        try:
            origin, size, root, *_ = note.text[:-1].split("\n")
            number, raw = int(size), base64.b64decode(root, validate=True)
            if not origin or str(number) != size or not 0 <= number < 2**64 or len(raw) != 32:
                raise ValueError("a line is malformed")
        except ValueError as error:
            raise FileFormatError(
                f"a signed note is no checkpoint ({error}). Pass the `checkpoint` of a log."
            ) from error
        return Checkpoint(origin, number, raw, note)


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text that is signed.

    Example:
        >>> checkpoint_text("example.org/log", 0, bytes(32)).splitlines()[:2]
        ['example.org/log', '0']
    """
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
