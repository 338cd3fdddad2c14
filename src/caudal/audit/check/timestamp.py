"""Time stamps of RFC 3161 over checkpoints: an authority says that a log was so at that time.

Nothing here opens a connection: the request is a file for any time-stamping authority, and its answer is checked
offline against the root certificate that you trust.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from caudal.audit.log.checkpoint import Checkpoint, Verifier
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.extras import need
from caudal.files import opened

_LARGEST = 1 << 20


def stamp_request(checkpoint: Checkpoint) -> bytes:
    """A request (DER) over the SHA-512 of a checkpoint; send it as `application/timestamp-query`.

    Raises:
        MissingExtraError: `rfc3161_client` is not installed.
    """
    client = need("stamp_request", "rfc3161_client")
    request = client.TimestampRequestBuilder().data(str(checkpoint).encode()).build()
    return bytes(request.as_bytes())


def stamped(
    response: bytes,
    checkpoint: Checkpoint,
    roots: Sequence[str | os.PathLike[str]],
    key: Verifier | None = None,
    origin: str | None = None,
) -> datetime:
    """When an authority saw a checkpoint.

    Arguments:
        response: what it answered (DER), its certificate included.
        checkpoint: that was stamped.
        roots: files of root certificates that you trust (PEM).
        key: public key of the log that you trust. Without, only the stamp is checked: an authority stamps any bytes,
            and those of a checkpoint that nobody signed too.
        origin: name of the log that you mean; with a key, the name of the key where it is left out.

    Returns:
        the time, UTC.

    Raises:
        MissingFileError: a certificate is not there.
        FileFormatError: the answer, or a certificate, cannot be read.
        InputError: the stamp is over something else, or by nobody whom the roots vouch for; the checkpoint is not
            signed by the key, or is of another log.
        MissingExtraError: `rfc3161_client` is not installed.
    """
    if key is not None and not checkpoint.note.is_signed_by(key):
        fault = f"of {checkpoint.size:,} records is not signed by {key.name} ({key.id.hex()})"
        raise InputError("stamped", "checkpoint", fault, "Pass the key of the log, or believe nothing of this one.")
    wanted = origin or (key.name if key else None)
    if wanted is not None and checkpoint.origin != wanted:
        fault = f"is of {checkpoint.origin!r}, and not of {wanted!r}"
        raise InputError("stamped", "checkpoint", fault, "Name the log that you mean.")
    client = need("stamped", "rfc3161_client")
    if not roots:
        raise InputError("stamped", "roots", "is empty", "Pass the root certificate of the authority.")
    builder = client.VerifierBuilder()
    for place in roots:
        for certificate in _certificates(Path(place)):
            builder = builder.add_root_certificate(certificate)
    try:
        answer = client.decode_timestamp_response(response[:_LARGEST])
        moment: datetime = answer.tst_info.gen_time
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"stamped: the answer is no time stamp ({error}). Ask the authority again.") from error
    try:
        builder.build().verify_message(answer, str(checkpoint).encode())
    except client.VerificationError as error:
        remedy = "Pass the checkpoint that was stamped, and the root certificate of the authority."
        raise InputError("stamped", "response", f"does not hold ({error})", remedy) from error
    return moment.astimezone(UTC)


def _certificates(path: Path) -> list[Any]:
    x509 = need("stamped", "cryptography.x509")
    try:
        with opened(path) as file:
            return list(x509.load_pem_x509_certificates(file.read(_LARGEST)))
    except OSError as error:
        raise MissingFileError(f"stamped: there is no certificate {path}. Pass the authority's root (PEM).") from error
    except ValueError as error:
        raise FileFormatError(f"stamped: {path} holds no certificate ({error}). Pass a PEM file.") from error
