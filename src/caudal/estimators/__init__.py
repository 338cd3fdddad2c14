"""Estimators: a liquid network, or one of its rivals, behind the door that scikit-learn opens.

The classes stand on scikit-learn and load with it when they are first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.estimators.classifier import LiquidClassifier as LiquidClassifier
    from caudal.estimators.door import load as load
    from caudal.estimators.forecaster import LiquidForecaster as LiquidForecaster
    from caudal.estimators.regressor import LiquidRegressor as LiquidRegressor

_NAMES = {
    "LiquidClassifier": "caudal.estimators.classifier",
    "LiquidForecaster": "caudal.estimators.forecaster",
    "LiquidRegressor": "caudal.estimators.regressor",
    "load": "caudal.estimators.door",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _NAMES:
            raise AttributeError(f"module 'caudal.estimators' has no attribute {name!r}")
        try:
            return getattr(import_module(_NAMES[name]), name)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] != "sklearn":
                raise
            from caudal.errors import MissingExtraError

            raise MissingExtraError(name, "sklearn", "estimators") from error

    def __dir__() -> list[str]:
        return sorted(_NAMES)
