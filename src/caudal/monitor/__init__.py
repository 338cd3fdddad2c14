"""Monitors of a running model: conformal sets, drift alarms, proven ranges and the guard that joins them.

What needs torch loads when it is first used: drift of any numbers needs none.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from caudal.monitor import conformal as conformal
from caudal.monitor.drift import Alarm as Alarm
from caudal.monitor.drift import Space as Space
from caudal.monitor.drift import Watch as Watch

if TYPE_CHECKING:
    from caudal.monitor.bounds import Monitor as Monitor
    from caudal.monitor.bounds import Violation as Violation
    from caudal.monitor.guard import Guard as Guard

_NAMES = {
    "Guard": "caudal.monitor.guard",
    "Monitor": "caudal.monitor.bounds",
    "Violation": "caudal.monitor.bounds",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _NAMES:
            return getattr(import_module(_NAMES[name]), name)
        raise AttributeError(f"module 'caudal.monitor' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_NAMES})
