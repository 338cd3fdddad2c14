"""A fingerprint of the content of `Sequences`, for lineage."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from caudal.data.sequences import Sequences

ARRAYS = (
    *("values", "observed", "dt", "lengths", "target", "target_mask", "ids"),
    *("start", "ahead", "group", "static", "static_observed"),
)


def digest(data: "Sequences") -> str:
    """SHA-256 in hex of every array (dtype, shape, bytes) and of names, units, task and classes."""
    ledger = hashlib.sha256(b"caudal.Sequences/1")
    for name in ARRAYS:
        update(ledger, name, getattr(data, name))
    for name in sorted(data.sensitive):
        update(ledger, f"sensitive/{name}", data.sensitive[name])
    facts = {
        "features": [[f.name, f.unit, f.kind] for f in data.features],
        "statics": [[f.name, f.unit, f.kind] for f in data.statics],
        "task": data.task,
        "classes": list(data.classes),
        "outputs": list(data.outputs),
        "time_unit": data.time_unit,
    }
    ledger.update(json.dumps(facts, sort_keys=True).encode())
    return ledger.hexdigest()


def update(ledger: "hashlib._Hash", name: str, array: NDArray[Any] | None) -> None:
    """Add name, dtype, shape and bytes of an array to a digest under way."""
    if array is None:
        ledger.update(f"|{name}:none".encode())
        return
    if array.dtype.kind == "U":
        # The width of a string array depends on its neighbours, not on its content.
        ledger.update(f"|{name}:text:".encode() + json.dumps(array.tolist()).encode())
        return
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    ledger.update(f"|{name}:{plain.dtype.str}:{plain.shape}:".encode())
    ledger.update(plain.data)
