"""What is said about the machine and the versions: enough to judge a number, nothing that names host or user."""

import os
import platform
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from benchmarks.kernels.records import Machine, Versions
from caudal._version import __version__


def machine() -> Machine:
    """The machine as the system describes it.

    Example:
        >>> machine().cores >= 1
        True
    """
    load: float | None = None
    with suppress(OSError, AttributeError):
        load = round(os.getloadavg()[0], 2)
    return Machine(_cpu(), cores(), _caches(), memory_bytes(), f"{platform.system()} {platform.release()}", load)


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Main memory in bytes, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def versions() -> Versions:
    """Versions of what takes part in a benchmark."""
    numba, ncps = (_version(name) for name in ("numba", "ncps"))
    torch = _version("torch") or "unknown"
    return Versions(__version__, _commit(), platform.python_version(), torch, numba, ncps)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def _caches() -> tuple[str, ...]:
    caches = []
    for place in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        with suppress(OSError):
            level, kind, size = ((place / part).read_text().strip() for part in ("level", "type", "size"))
            if kind != "Instruction":
                caches.append(f"L{level} {size}")
    return tuple(caches)


def _commit() -> str | None:
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
