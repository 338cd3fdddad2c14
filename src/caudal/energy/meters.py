"""Energy counters of this machine: RAPL, NVML and boards through Zeus, and the battery; else the reason why none."""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any, NamedTuple

_WINDOW = "caudal"
# Seconds between two updates of a counter; a window must hold many of them.
RESOLUTION: Mapping[str, float] = {"RAPL": 0.001, "NVML": 0.1, "Jetson": 0.1, "Apple": 0.1, "battery": 30.0}
_LEAST_UPDATES = 10
RAPL = Path("/sys/class/powercap/intel-rapl")
# No processor draws so much; more than it is a wrap of the counter that fell between two windows.
_MOST_WATTS = 5000.0
_WRAPPED = "RAPL wrapped around and its range is not known; measure again"
# Fields of Zeus's readings of a board, in millijoules, and the device that each tells of.
_BOARDS = {
    "Jetson": {"cpu_energy_mj": "cpu", "gpu_energy_mj": "gpu", "total_energy_mj": "board"},
    "Apple": {"cpu_total_mj": "cpu", "dram_mj": "dram", "gpu_mj": "gpu"},
}


@dataclass(frozen=True)
class Joules:
    """Joules read over a window by device, or why nothing was read.

    Devices are `"cpu"`, `"dram"`, `"gpu"`, `"board"` (all of a small machine) and `"battery"` (all of a portable one).

    Attributes:
        read: device -> joules and the counter's name.
        missing: device -> reason.
    """

    read: dict[str, tuple[float, str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Counters(NamedTuple):
    """Energy counters that can be read on this machine.

    Attributes:
        found: device -> name of its counter.
        missing: device -> why it has none that can be read.
    """

    found: dict[str, str]
    missing: dict[str, str]


def counters() -> Counters:
    """The counters of this machine, and why others are missing; takes a moment the first time.

    Example:
        >>> found, missing = counters()
        >>> "cpu" in found or "board" in found or missing["cpu"] != ""
        True
    """
    meter = Meter()
    meter.begin()
    seen = meter.end()
    return Counters({device: name for device, (_, name) in seen.read.items()}, seen.missing)


class Meter:
    """One window of Zeus and of the battery; without Zeus, or without counters, it reads reasons."""

    def __init__(self) -> None:
        self._monitor, self._why = _monitor()
        self._start, self._left = 0.0, charge()

    def begin(self) -> None:
        """Open the window."""
        self._start, self._left = perf_counter(), charge()
        if self._monitor is not None:
            try:
                with _by_itself():
                    self._monitor.begin_window(_WINDOW)
            except Exception as error:  # as in _monitor
                self._monitor, self._why = None, f"zeus cannot begin: {type(error).__name__}: {error}"

    def end(self) -> Joules:
        """Close the window and read it."""
        joules = self._closed()
        left = charge()
        if self._left is not None and left is not None:
            joules.read["battery"] = (self._left - left, "battery")
        return joules

    def _closed(self) -> Joules:
        if self._monitor is None:
            return Joules(missing={"cpu": self._why, "gpu": self._why})
        try:
            with _by_itself():
                seen = self._monitor.end_window(_WINDOW)
        except Exception as error:  # as in _monitor
            why = f"zeus cannot read: {type(error).__name__}: {error}"
            return Joules(missing={"cpu": why, "gpu": why})
        joules, seconds = Joules(), perf_counter() - self._start
        _packages(joules, self._monitor, seen, seconds)
        if seen.gpu_energy:
            joules.read["gpu"] = (float(sum(seen.gpu_energy.values())), "NVML")
        _board(joules, getattr(seen, "soc_energy", None))
        # A board of one chip has no device beside it; the platform of a computer may.
        whole = joules.read.get("board", (0.0, "RAPL"))[1] != "RAPL"
        if "cpu" not in joules.read and not whole:
            joules.missing.setdefault("cpu", _no_rapl())
        if "gpu" not in joules.read and not whole:
            joules.missing["gpu"] = "no device"
        return joules


def _packages(readings: Joules, monitor: Any, seen: Any, seconds: float) -> None:
    """Processors and their memory; the zone that holds a whole board ("psys") is no further processor."""
    zones = getattr(getattr(monitor, "cpus", None), "cpus", ())
    for device, values, part in (("cpu", seen.cpu_energy, "rapl_file"), ("dram", seen.dram_energy, "dram")):
        for at, joules in (values or {}).items():
            zone = getattr(zones[at], part, None) if at < len(zones) else None
            spent = _unwrapped(float(joules), getattr(zone, "max_energy_range_uj", None), seconds)
            where = "board" if getattr(zone, "name", "") == "psys" else device
            if spent is None or where in readings.missing:
                readings.missing[where] = _WRAPPED
                readings.read.pop(where, None)
            else:
                readings.read[where] = (readings.read.get(where, (0.0, ""))[0] + spent, "RAPL")


def _unwrapped(joules: float, microjoules: float | None, seconds: float) -> float | None:
    """Joules of a counter that starts anew after so many microjoules; Zeus notices a wrap up to a second late."""
    whole, most = 0.0 if microjoules is None else microjoules * 1e-6, _MOST_WATTS * max(seconds, 1.0)
    if joules >= 0 and not (whole and joules >= whole and joules > most):
        return joules
    mended = joules + whole if joules < 0 else joules - whole
    return mended if whole and 0 <= mended <= most else None


def _board(joules: Joules, seen: object) -> None:
    for counter, fields in _BOARDS.items():
        for name, device in fields.items():
            spent = getattr(seen, name, None)
            if spent is not None:
                joules.read[device] = (float(spent) / 1000, counter)


def _no_rapl() -> str:
    if not any(RAPL.glob("intel-rapl:*")):
        return "no readable RAPL counter: this machine shows none"
    return "no readable RAPL counter: it is there, and root alone may read it; run as root, or Zeus's daemon"


def too_short(counter: str, seconds: float) -> bool:
    """Whether a window holds too few updates of a counter to be trusted.

    Example:
        >>> too_short("NVML", 0.2), too_short("NVML", 60.0)
        (True, False)
    """
    return seconds < _LEAST_UPDATES * RESOLUTION[counter]


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended, to the microsecond."""
    try:
        import resource
    except ImportError:  # not on Windows, where the ticks are coarser
        spent = os.times()
        return spent.user + spent.system + spent.children_user + spent.children_system
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def _monitor() -> tuple[Any, str]:
    try:
        from zeus.monitor import ZeusMonitor
    except ImportError:
        return None, 'zeus is not installed: pip install "caudal[energy]"'
    try:
        with _by_itself():
            return ZeusMonitor(), ""
    except Exception as error:  # whatever a driver raises, the work that is measured must go on
        return None, f"zeus cannot start: {type(error).__name__}: {error}"


@contextmanager
def _by_itself() -> Iterator[None]:
    """Keep Zeus to itself: it starts processes that watch counters, and each would run the caller's script again."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.modules["__main__"] = main


SUPPLIES = Path("/sys/class/power_supply")
_JOULES_PER_MICROWATT_HOUR = 3.6e-3


def charge() -> float | None:
    """Joules left in all batteries, or None where there is none, one charges, or one tells no charge.

    Example:
        >>> joules = charge()
        >>> joules is None or joules >= 0
        True
    """
    left = [
        _left(supply)
        for supply in sorted(SUPPLIES.glob("*"))
        if _word(supply, "type") == "Battery" and _is_ours(supply)
    ]
    return None if not left or None in left else sum(joules or 0.0 for joules in left)


def _is_ours(supply: Path) -> bool:
    """Mice and keyboards have batteries too, of scope "Device"."""
    return _word(supply, "scope") != "Device"


def _left(supply: Path) -> float | None:
    if _word(supply, "status") != "Discharging":
        return None
    try:
        if (supply / "energy_now").is_file():
            return float(_word(supply, "energy_now")) * _JOULES_PER_MICROWATT_HOUR
        # Microampere hours at a nominal voltage: that of the moment sags under load.
        volts = float(_word(supply, "voltage_min_design") or _word(supply, "voltage_now")) * 1e-6
        return float(_word(supply, "charge_now")) * volts * _JOULES_PER_MICROWATT_HOUR
    except ValueError:
        return None


def _word(supply: Path, name: str) -> str:
    try:
        return (supply / name).read_text().strip()
    except OSError:
        return ""
