"""What counts joules on this machine: RAPL and NVML through Zeus where they are; elsewhere a reason in words."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WINDOW = "caudal"
# Seconds between two updates of a counter; a window must hold many of them.
RESOLUTION: Mapping[str, float] = {"RAPL": 0.001, "NVML": 0.1}
_LEAST_UPDATES = 10


@dataclass(frozen=True)
class Joules:
    """What a counter read over a window, by device (`"cpu"`, `"dram"`, `"gpu"`), or why it read nothing.

    Attributes:
        read: device -> joules and the counter's name.
        missing: device -> reason.
    """

    read: dict[str, tuple[float, str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Meter:
    """One window of Zeus; without Zeus, or without counters, it reads reasons."""

    def __init__(self) -> None:
        self._monitor, self._why = _monitor()

    def begin(self) -> None:
        """Open the window."""
        if self._monitor is not None:
            self._monitor.begin_window(_WINDOW)

    def end(self) -> Joules:
        """Close the window and read it."""
        if self._monitor is None:
            return Joules(missing={"cpu": self._why, "gpu": self._why})
        found = self._monitor.end_window(_WINDOW)
        read: dict[str, tuple[float, str]] = {}
        missing: dict[str, str] = {}
        for device, values, counter, reason in (
            ("cpu", found.cpu_energy, "RAPL", "no readable RAPL counter"),
            ("dram", found.dram_energy, "RAPL", ""),
            ("gpu", found.gpu_energy, "NVML", "no device"),
        ):
            if values:
                read[device] = (float(sum(values.values())), counter)
            elif reason:
                missing[device] = reason
        return Joules(read, missing)


def too_short(counter: str, seconds: float) -> bool:
    """Whether a window holds too few updates of a counter to be trusted.

    Example:
        >>> too_short("NVML", 0.2), too_short("NVML", 60.0)
        (True, False)
    """
    return seconds < _LEAST_UPDATES * RESOLUTION[counter]


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _monitor() -> tuple[Any, str]:
    try:
        from zeus.monitor import ZeusMonitor
    except ImportError:
        return None, 'zeus is not installed: pip install "caudal[energy]"'
    try:
        return ZeusMonitor(), ""
    except Exception as error:  # whatever a driver raises, the work that is measured must go on
        return None, f"zeus cannot start: {type(error).__name__}: {error}"
