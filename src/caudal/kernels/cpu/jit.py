"""How kernels are compiled: options, the cache in the user's folder, and a word when compiling takes long."""

import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numba
from filelock import FileLock, Timeout
from numba.core import config as numba_config
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

_njit: Any = numba.njit
_config: Any = numba_config

_ANNOUNCE_AFTER = 1.0
# No kernel takes so long: a process that holds its lock for longer hangs.
_LONGEST_S = 600.0
_OURS: set[Any] = set()


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
        compiled: Callable[..., Any] = _njit(**options)(function)
    else:
        with _cache_in(folder):
            compiled = _njit(cache=True, **options)(function)
        _compile_once(compiled, folder)
    _OURS.add(compiled)
    return compiled


def _compile_once(dispatcher: Any, folder: Path) -> None:
    """Let one process of this machine compile a kernel while the others wait, and then load what it kept.

    Numba's own lock is taken first, since a thread that holds it may compile this kernel within another.
    """
    compile_now = dispatcher.compile
    lock = FileLock(folder / f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}.lock")

    def compile_in_turn(signature: object) -> object:
        with global_compiler_lock, _turn(dispatcher, lock):
            return compile_now(signature)

    dispatcher.compile = compile_in_turn


@contextmanager
def _turn(dispatcher: object, lock: FileLock) -> Iterator[None]:
    """Hold a lock, whose wait counts as compiling; where the disk knows no locks, each process compiles for itself."""
    try:
        with event.trigger_event("numba:compile", {"dispatcher": dispatcher}):
            lock.acquire(timeout=_LONGEST_S)
    except (OSError, NotImplementedError, Timeout):
        yield
        return
    try:
        yield
    finally:
        lock.release()


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A helper that kernels inline; it is never called from Python."""
    compiled: Callable[..., Any] = _njit(error_model="numpy", nogil=True, boundscheck=False)(function)
    return compiled


def always_inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A helper that LLVM would leave as a call for its size, though it is called per neuron.

    Such a call passes every array by its parts and counts references to it, which costs more than a small sum.
    """
    options = {"error_model": "numpy", "nogil": True, "boundscheck": False, "forceinline": True}
    compiled: Callable[..., Any] = _njit(**options)(function)
    return compiled


class _Announcer(event.Listener):
    """Says on stderr that one of our kernels is being compiled, when that takes over a second."""

    def __init__(self) -> None:
        self._timers: dict[int, threading.Timer] = {}

    def on_start(self, event: Any) -> None:
        """A compilation, or a load from the cache, begins."""
        dispatcher = event.data["dispatcher"]
        if dispatcher in _OURS:
            timer = threading.Timer(_ANNOUNCE_AFTER, _announce)
            timer.daemon = True
            timer.start()
            self._timers[id(dispatcher)] = timer

    def on_end(self, event: Any) -> None:
        """It is done."""
        timer = self._timers.pop(id(event.data["dispatcher"]), None)
        if timer is not None:
            timer.cancel()


@cache
def _announce() -> None:
    """Say it once in a process, however many kernels are compiled."""
    folder = cache_folder()
    where = f"kept in {folder}" if folder else "not kept: the cache folder cannot be written"
    line = f"caudal: compiling kernels for this processor, once ({where}); seconds, or minutes where it is busy"
    print(line, file=sys.stderr)


event.register("numba:compile", _Announcer())
