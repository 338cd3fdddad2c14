"""Statements about files: in-toto Statement v1 in a DSSE envelope, signed and checked by securesystemslib."""

import json
from pathlib import Path
from typing import Any

from caudal import limits
from caudal.audit.keys import Key
from caudal.audit.note import Verifier
from caudal.data.need import need
from caudal.errors import FileFormatError
from caudal.files import opened

TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://caudal.dev/model-package/v1"
_LARGEST = 1 << 24


def seal(subject: list[dict[str, Any]], facts: dict[str, Any], key: Key, predicate: str = PREDICATE) -> bytes:
    """A signed statement about files.

    Arguments:
        subject: name and digest of each.
        facts: what is said about them.
        key: that signs.
        predicate: what kind of statement it is.
    """
    dsse, signer = need("sign", "securesystemslib.dsse", "audit"), need("sign", "securesystemslib.signer", "audit")
    whole = {"_type": STATEMENT, "subject": subject, "predicateType": predicate, "predicate": facts}
    made = dsse.Envelope(json.dumps(whole, sort_keys=True).encode(), TYPE, {})
    made.sign(signer.CryptoSigner(key.private))
    return json.dumps(made.to_dict(), indent=1).encode()


def open_(path: Path, key: Verifier) -> dict[str, Any] | None:
    """The statement of an envelope; None where the key did not sign it.

    Raises:
        FileFormatError: it is no envelope, or holds something else than a statement.
    """
    dsse, signer = need("sign", "securesystemslib.dsse", "audit"), need("sign", "securesystemslib.signer", "audit")
    unverified = need("sign", "securesystemslib.exceptions", "audit").VerificationError
    ed = need("sign", "cryptography.hazmat.primitives.asymmetric.ed25519", "audit")
    try:
        with opened(path) as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError("it is larger than 16 MiB")
        held = dsse.Envelope.from_dict(limits.parsed(data))
        public = signer.SSlibKey.from_crypto(ed.Ed25519PublicKey.from_public_bytes(key.key))
        # Signatures are found by the id of their key, which here is not trusted to tell one from another.
        held.signatures = {name: one for name, one in held.signatures.items() if one.keyid == name == public.keyid}
        held.verify([public], 1)
        found: dict[str, Any] = limits.parsed(held.payload)
        if held.payload_type != TYPE or found["_type"] != STATEMENT:
            raise ValueError("it holds something else")
    except unverified:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"{path}: is no signed statement ({error}). Sign the folder again.") from error
    return found
