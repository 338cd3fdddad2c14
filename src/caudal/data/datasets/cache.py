"""Arrays that took time to make, kept in the cache folder of the user and checked when they are read again."""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.digest import update

Arrays = dict[str, NDArray[Any]]
_DIGEST = "digest"


def cache_folder() -> Path:
    """Where the system keeps caches of the user: `$XDG_CACHE_HOME` or `~/.cache`, and their like elsewhere.

    Example:
        >>> cache_folder().name
        'caudal'
    """
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    usual = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    return (Path(named) if named else Path.home() / usual) / "caudal"


def cached(name: str, key: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, made once for each key. A file that is damaged or altered is made again.

    Arguments:
        name: start of the file's name.
        key: everything that decides the arrays, as JSON values.
        make: makes them.

    Returns:
        the arrays by name. Where the folder cannot be written they are made each time.
    """
    mark = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{mark}.npz"
    found = _read(path)
    if found is None:
        found = make()
        with suppress(OSError):
            _write(path, found)
    return found


def digest_of(arrays: Arrays) -> str:
    """SHA-256 (hex) of names, types, shapes and bytes."""
    ledger = hashlib.sha256()
    for name in sorted(arrays):
        update(ledger, name, arrays[name])
    return ledger.hexdigest()


def _read(path: Path) -> Arrays | None:
    try:
        # Opened here, because NumPy leaves a file that is no archive open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        stated = str(found.pop(_DIGEST))
    except Exception:  # whatever a damaged archive makes NumPy raise
        return None
    return found if digest_of(found) == stated else None


def _write(path: Path, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            held: Any = {**arrays, _DIGEST: np.array(digest_of(arrays))}
            np.savez(file, **held)
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink()
