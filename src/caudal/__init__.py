"""caudal: liquid neural networks you can trust with a decision.

Rooms load when they are first used: reading a wiring or a log needs no torch, and the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from caudal._version import __version__ as __version__

if TYPE_CHECKING:
    from caudal import audit as audit
    from caudal import compare as compare
    from caudal import data as data
    from caudal import doctor as doctor
    from caudal import energy as energy
    from caudal import estimators as estimators
    from caudal import explain as explain
    from caudal import export as export
    from caudal import fair as fair
    from caudal import interop as interop
    from caudal import kernels as kernels
    from caudal import monitor as monitor
    from caudal import nn as nn
    from caudal import report as report
    from caudal import testing as testing
    from caudal import train as train
    from caudal import wiring as wiring
    from caudal.estimators import LiquidClassifier as LiquidClassifier
    from caudal.estimators import LiquidForecaster as LiquidForecaster
    from caudal.estimators import LiquidRegressor as LiquidRegressor
    from caudal.estimators import load as load
    from caudal.nn import cite as cite
    from caudal.nn import save as save

_ROOMS = (
    "audit",
    "compare",
    "data",
    "doctor",
    "energy",
    "estimators",
    "explain",
    "export",
    "fair",
    "interop",
    "kernels",
    "monitor",
    "nn",
    "report",
    "testing",
    "train",
    "wiring",
)
_NAMES = {
    "LiquidClassifier": "caudal.estimators",
    "LiquidForecaster": "caudal.estimators",
    "LiquidRegressor": "caudal.estimators",
    "cite": "caudal.nn",
    "load": "caudal.estimators",
    "save": "caudal.nn",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return import_module(f"caudal.{name}")
        if name in _NAMES:
            return getattr(import_module(_NAMES[name]), name)
        raise AttributeError(f"module 'caudal' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted((*_ROOMS, *_NAMES, "__version__"))
