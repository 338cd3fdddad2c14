"""How kernels are compiled: options, the cache in the user's folder, and a word when compiling takes long."""

import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config as numba_config

_njit: Any = numba.njit
_config: Any = numba_config

_ANNOUNCE_AFTER = 1.0


def _cache_root() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local")))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"


def _sources_digest() -> str:
    """Digest of every kernel source: Numba watches only the file of the function, not what it inlines."""
    digest = hashlib.sha256(numba.__version__.encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """Folder of compiled kernels for this version of their sources, or None when it cannot be written."""
    try:
        folder = _cache_root() / "caudal" / "kernels" / _sources_digest()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return None


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    before = _config.CACHE_DIR
    _config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        _config.CACHE_DIR = before


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel on first call, without the GIL, bounds checks or Python's error branches.

    Numba's default error model puts a branch behind every division, which stops vectorisation; fast-math is off
    because it may reorder sums and fold the rounding trick of `exp2`.
    """
    options = {"error_model": "numpy", "nogil": True, "boundscheck": False, "fastmath": False}
    folder = cache_folder()
    if folder is None:
        return _announced(_njit(**options)(function))
    with _cache_in(folder):
        return _announced(_njit(cache=True, **options)(function))


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A helper that kernels inline; it is never called from Python."""
    compiled: Callable[..., Any] = _njit(error_model="numpy", nogil=True, boundscheck=False)(function)
    return compiled


def _announced(dispatcher: Any) -> Callable[..., Any]:
    """Say on stderr, once per signature, that a kernel is being compiled when that takes over a second."""
    ready: set[tuple[Any, ...]] = set()

    def call(*args: Any) -> Any:
        key = tuple(getattr(arg, "dtype", None) or getattr(arg, "count", type(arg)) for arg in args)
        if key in ready:
            return dispatcher(*args)
        timer = threading.Timer(_ANNOUNCE_AFTER, _announce, [dispatcher.__name__])
        timer.daemon = True
        timer.start()
        try:
            result = dispatcher(*args)
        finally:
            timer.cancel()
        ready.add(key)
        return result

    call.__name__ = dispatcher.__name__
    call.__doc__ = dispatcher.__doc__
    call.dispatcher = dispatcher  # type: ignore[attr-defined]
    return call


def _announce(name: str) -> None:
    kept = cache_folder()
    where = f"kept in {kept}" if kept else "not kept: the cache folder cannot be written"
    print(f"caudal: compiling the kernel {name} for this processor, a few seconds, once ({where})", file=sys.stderr)
