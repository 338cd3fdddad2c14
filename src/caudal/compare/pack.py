"""Outcomes as text and compressed arrays, and back."""

import hashlib
import io
import json
import math
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal import limits
from caudal.compare.job import Job, Outcome
from caudal.errors import CaudalError, FileFormatError
from caudal.records import Circuit, Contender, Run, facts

Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def pack(outcome: Outcome) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """The records of an outcome as JSON, and its three arrays as (digest of the content, compressed bytes).

    Equal arrays have equal digests: truth and owners of a test set are kept once for all runs.
    """
    parts: dict[str, Any] = {"run": outcome.run, "contender": outcome.contender, "circuit": outcome.circuit}
    record = json.dumps({name: None if part is None else asdict(part) for name, part in parts.items()})
    arrays = []
    for array in (outcome.scores, outcome.series, outcome.truth):
        file = io.BytesIO()
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        content = file.getvalue()
        arrays.append((hashlib.sha256(content).hexdigest(), zlib.compress(content, 6)))
    return record, tuple(arrays)


def unpack_array(data: bytes, source: Path) -> NDArray[Any]:
    """An array that `pack` compressed.

    Raises:
        FileFormatError: it is damaged.
    """
    try:
        plain = zlib.decompressobj().decompress(data, limits.RECORD)
        file = io.BytesIO(plain)
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        if math.prod(shape) * kind.itemsize != len(plain) - file.tell():
            raise ValueError("its header states another size")
        array: NDArray[Any] = np.load(io.BytesIO(plain), allow_pickle=False)
        return array
    except (zlib.error, ValueError, EOFError) as error:
        raise _damaged(source, error) from error


def unpack(job: Job, record: str, arrays: Arrays, network: bytes | None, source: Path) -> Outcome:
    """The outcome of a job.

    Raises:
        FileFormatError: the text is no such record.
    """
    try:
        parts: dict[str, Any] = limits.parsed(record, limits.RECORD)
        run = facts.from_json(Run, json.dumps(parts["run"]))
        contender = facts.from_json(Contender, json.dumps(parts["contender"]))
        circuit = parts["circuit"] and facts.from_json(Circuit, json.dumps(parts["circuit"]))
    except (CaudalError, ValueError, KeyError, TypeError) as error:
        raise _damaged(source, error) from error
    return Outcome(job, run, contender, arrays[0], arrays[1], arrays[2], circuit or None, network)


def _damaged(source: Path, error: Exception) -> FileFormatError:
    remedy = "Move it away to begin anew."
    return FileFormatError(f"{source}: holds a run that does not read ({error}). {remedy}")
