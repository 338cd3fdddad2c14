"""Estimators: a liquid network, or one of its rivals, behind the door that scikit-learn opens.

The classes stand on scikit-learn and load with it when they are first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.estimators.aeon import AeonClassifier as AeonClassifier
    from caudal.estimators.aeon import AeonRegressor as AeonRegressor
    from caudal.estimators.by_row import ByRow as ByRow
    from caudal.estimators.by_row import Shelf as Shelf
    from caudal.estimators.classifier import LiquidClassifier as LiquidClassifier
    from caudal.estimators.door import load as load
    from caudal.estimators.fitting import Trained as Trained
    from caudal.estimators.fitting import fit_recipe as fit_recipe
    from caudal.estimators.fitting import wrap as wrap
    from caudal.estimators.forecaster import LiquidForecaster as LiquidForecaster
    from caudal.estimators.predict import predictions as predictions
    from caudal.estimators.recipe import FitRecipe as FitRecipe
    from caudal.estimators.regressor import LiquidRegressor as LiquidRegressor
    from caudal.estimators.score import HeldOut as HeldOut
    from caudal.estimators.sklearn_model import SklearnModel as SklearnModel
    from caudal.estimators.summary import SummaryModel as SummaryModel
    from caudal.estimators.trees import BoostedTrees as BoostedTrees
    from caudal.estimators.trimming import trim as trim
    from caudal.estimators.trivial import TrivialModel as TrivialModel

_NAMES = {
    "AeonClassifier": "caudal.estimators.aeon",
    "AeonRegressor": "caudal.estimators.aeon",
    "BoostedTrees": "caudal.estimators.trees",
    "ByRow": "caudal.estimators.by_row",
    "FitRecipe": "caudal.estimators.recipe",
    "HeldOut": "caudal.estimators.score",
    "LiquidClassifier": "caudal.estimators.classifier",
    "LiquidForecaster": "caudal.estimators.forecaster",
    "LiquidRegressor": "caudal.estimators.regressor",
    "Shelf": "caudal.estimators.by_row",
    "SklearnModel": "caudal.estimators.sklearn_model",
    "SummaryModel": "caudal.estimators.summary",
    "TrivialModel": "caudal.estimators.trivial",
    "Trained": "caudal.estimators.fitting",
    "fit_recipe": "caudal.estimators.fitting",
    "load": "caudal.estimators.door",
    "predictions": "caudal.estimators.predict",
    "trim": "caudal.estimators.trimming",
    "wrap": "caudal.estimators.fitting",
}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _NAMES:
            raise AttributeError(f"module 'caudal.estimators' has no attribute {name!r}")
        try:
            return getattr(import_module(_NAMES[name]), name)
        except ModuleNotFoundError as error:
            package = (error.name or "").split(".")[0]
            if package not in ("sklearn", "aeon"):
                raise
            from caudal.extras import missing

            raise missing(name, package) from error

    def __dir__() -> list[str]:
        return sorted(_NAMES)
