"""Keys that sign logs and packages: Ed25519, kept in files that only their owner can read."""

import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal import limits
from caudal.audit.log.checkpoint import Note, Verifier, check_name
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.extras import need
from caudal.files import opened

_ED = "cryptography.hazmat.primitives.asymmetric.ed25519"
_SERIAL = "cryptography.hazmat.primitives.serialization"
_LARGEST = 1 << 16


@dataclass(frozen=True)
class Key:
    """A private key with a name.

    Attributes:
        name: under which it signs.
        private: of `cryptography`; never shown.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = make(f"{folder}/ward.pem", "example.org/ward-4")
        ...     load(f"{folder}/ward.pem").verifier == made.verifier
        True
    """

    name: str
    private: Any

    def __repr__(self) -> str:
        return f"Key({self.name!r})"

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Signature of 64 bytes."""
        return bytes(self.private.sign(message))

    def note(self, text: str) -> Note:
        """A text with a signature under it."""
        return Note(text, ((self.name, self.verifier.id, self.sign(text.encode())),))


def make(path: str | os.PathLike[str], name: str, *, passphrase: str | None = None) -> Key:
    """Make a key: `path` for its owner alone (mode 0600), and `path` + `.pub` with the public half.

    Arguments:
        path: of a new file; its folder is made, for its owner alone, where there is none.
        name: under which the key signs, such as `example.org/ward-4`.
        passphrase: encrypts the file.

    Raises:
        InputError: the name cannot be carried, or the file exists.
        MissingExtraError: `cryptography` is not installed.
    """
    check_name(name)
    place = Path(path)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    serial = need("audit", _SERIAL)
    private = need("audit", _ED).Ed25519PrivateKey.generate()
    lock = serial.BestAvailableEncryption(passphrase.encode()) if passphrase else serial.NoEncryption()
    pem = private.private_bytes(serial.Encoding.PEM, serial.PrivateFormat.PKCS8, lock)
    public = private.public_key().public_bytes(serial.Encoding.PEM, serial.PublicFormat.SubjectPublicKeyInfo)
    key = Key(name, private)
    _new(place, f"# caudal key: {name}\n".encode() + pem, 0o600)
    _new(place.with_name(f"{place.name}.pub"), f"{key.verifier}\n".encode() + public, 0o644)
    return key


def load(path: str | os.PathLike[str], *, passphrase: str | None = None) -> Key:
    """Read a private key.

    Raises:
        MissingFileError: there is no such file.
        InputError: others than its owner can read it, or the passphrase is missing or wrong.
        FileFormatError: it holds no key of `make`.
    """
    place = Path(path)
    try:
        mode = place.stat().st_mode
        with place.open("rb") as file:  # a pipe, such as of a program that decrypts the key, is read too
            raw = file.read(_LARGEST)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise MissingFileError(f"audit: there is no key {place}. Make one with `caudal audit keys make`.") from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        fault = f"{place} can be read by others (mode {stat.S_IMODE(mode):04o})"
        raise InputError("audit", "key", fault, f"Run `chmod 600 {place}`, and make a new key if it may have leaked.")
    first, _, pem = raw.partition(b"\n")
    name = first.decode(errors="replace").removeprefix("# caudal key: ")
    if pem[:11] != b"-----BEGIN " or b"PRIVATE KEY" not in pem[:40]:
        sentence = f"audit: {place} holds no private key of caudal. Pass the file that `caudal audit keys make` wrote"
        raise FileFormatError(f"{sentence}, not its public half.")
    serial = need("audit", _SERIAL)
    try:
        private = serial.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except TypeError as error:
        fault = "is given, and the key is not encrypted" if passphrase else "is missing; the key is encrypted"
        raise InputError("audit", "passphrase", fault, "Leave it out, or give it.") from error
    except ValueError as error:
        if b"ENCRYPTED" in pem[:40]:
            raise InputError("audit", "passphrase", f"does not open {place}", "Give the right one.") from error
        raise FileFormatError(f"audit: {place} is damaged ({error}). Restore it from a copy.") from error
    except need("audit", "cryptography.exceptions").UnsupportedAlgorithm as error:
        fault = f"audit: {place} holds a key of a kind that is not known here ({error})"
        raise FileFormatError(f"{fault}. Restore it from a copy, or make one with `caudal audit keys make`.") from error
    if not isinstance(private, need("audit", _ED).Ed25519PrivateKey):
        raise FileFormatError(
            f"audit: {place} holds a key of another kind than Ed25519. Make one with `caudal audit keys make`."
        )
    return Key(check_name(name), private)


def public(path: str | os.PathLike[str]) -> Verifier:
    """A public key: of a file that `make` wrote (`.pub`), or the text `name+id+base64` itself.

    Raises:
        MissingFileError: it is neither such a text nor the path of a file.
        FileFormatError: the file holds none.
    """
    text = os.fspath(path)
    place = Path(text)
    try:
        if place.is_file():
            with opened(place) as file:
                return Verifier.parse(file.read(_LARGEST).decode(errors="replace").partition("\n")[0])
    except OSError as error:  # a text that is too long for a path
        if text.count("+") < 2:
            raise MissingFileError(f"audit: cannot read {text[:80]} ({error.strerror}).") from error
    if text.count("+") < 2:
        raise MissingFileError(
            f"audit: there is no public key {text[:200]}. Pass the `.pub` file of the key that signed."
        )
    return Verifier.parse(text)


def default() -> Key:
    """The key of `CAUDAL_AUDIT_KEY`, or else of the user's configuration folder, where one is made at first use."""
    named = os.environ.get("CAUDAL_AUDIT_KEY")
    if named:
        return load(named, passphrase=os.environ.get("CAUDAL_AUDIT_PASSPHRASE"))
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    place = home / "caudal" / "audit.pem"
    return load(place) if place.exists() else make(place, f"caudal.local/{secrets.token_hex(4)}")


def _new(path: Path, data: bytes, mode: int) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    if path.exists():
        fault = f"{path} exists"
        raise InputError("audit", "key", fault, "Choose another name: a lost key cannot be made again.")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)  # unlike a rename it never replaces a file that came in between
    except FileExistsError as error:
        raise InputError("audit", "key", f"{path} exists", "Choose another name.") from error
    finally:
        beside.unlink(missing_ok=True)


TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://caudal.dev/model-package/v1"
_LARGEST_envelope = 1 << 24


def seal(subject: list[dict[str, Any]], facts: dict[str, Any], key: Key, predicate: str = PREDICATE) -> bytes:
    """A signed statement about files.

    Arguments:
        subject: name and digest of each.
        facts: what is said about them.
        key: that signs.
        predicate: what kind of statement it is.
    """
    dsse, signer = need("sign", "securesystemslib.dsse"), need("sign", "securesystemslib.signer")
    whole = {"_type": STATEMENT, "subject": subject, "predicateType": predicate, "predicate": facts}
    envelope = dsse.Envelope(json.dumps(whole, sort_keys=True).encode(), TYPE, {})
    envelope.sign(signer.CryptoSigner(key.private))
    return json.dumps(envelope.to_dict(), indent=1).encode()


def open_(path: Path, key: Verifier) -> dict[str, Any] | None:
    """The statement of an envelope; None where the key did not sign it.

    Raises:
        FileFormatError: it is no envelope, or holds something else than a statement.
    """
    dsse, signer = need("sign", "securesystemslib.dsse"), need("sign", "securesystemslib.signer")
    unverified = need("sign", "securesystemslib.exceptions").VerificationError
    ed = need("sign", "cryptography.hazmat.primitives.asymmetric.ed25519")
    try:
        with opened(path) as file:
            data = file.read(_LARGEST_envelope + 1)
        if len(data) > _LARGEST_envelope:
            raise ValueError("it is larger than 16 MiB")
        envelope = dsse.Envelope.from_dict(limits.parsed(data))
        public = signer.SSlibKey.from_crypto(ed.Ed25519PublicKey.from_public_bytes(key.key))
        # Signatures are found by the id of their key, which here is not trusted to tell one from another.
        envelope.signatures = {
            name: signature
            for name, signature in envelope.signatures.items()
            if signature.keyid == name == public.keyid
        }
        envelope.verify([public], 1)
        statement: dict[str, object] = limits.parsed(envelope.payload)
        if envelope.payload_type != TYPE or statement["_type"] != STATEMENT:
            raise ValueError("it holds something else")
    except unverified:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"{path}: is no signed statement ({error}). Sign the folder again.") from error
    return statement
