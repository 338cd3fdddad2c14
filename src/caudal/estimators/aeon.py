"""Doors to aeon: its classifier and regressor, around ours. This file loads aeon, and is loaded by name only."""

from typing import ClassVar, final

from aeon.classification.base import BaseClassifier
from aeon.regression.base import BaseRegressor
from sklearn.base import clone

from caudal.estimators.classifier import LiquidClassifier
from caudal.estimators.regressor import LiquidRegressor

_TAGS = {
    "X_inner_type": "np-list",
    "algorithm_type": "deeplearning",
    "capability:missing_values": True,
    "capability:multivariate": True,
    "capability:unequal_length": True,
}


@final
class AeonClassifier(BaseClassifier):  # type: ignore[misc]  # aeon carries no types
    """A `LiquidClassifier` as an estimator of aeon, for its pipelines, ensembles and benchmarks.

    Arguments:
        estimator: settings; None for the usual ones. It is not trained, a clone of it is.

    Attributes:
        estimator_: the trained `LiquidClassifier`.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(20, 1, 5))
        >>> AeonClassifier(LiquidClassifier("gru", 4, epochs=1)).fit(x, np.arange(20) % 2).predict(x).shape
        (20,)
    """

    _tags: ClassVar[dict[str, object]] = _TAGS

    def __init__(self, estimator: LiquidClassifier | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: object, y: object) -> "AeonClassifier":
        self.estimator_ = clone(self.estimator or LiquidClassifier()).fit(X, y)
        return self

    def _predict(self, X: object) -> object:
        return self.estimator_.predict(X)

    def _predict_proba(self, X: object) -> object:
        return self.estimator_.predict_proba(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, object]:
        return {"estimator": LiquidClassifier("gru", 4, epochs=2)}


@final
class AeonRegressor(BaseRegressor):  # type: ignore[misc]  # aeon carries no types
    """A `LiquidRegressor` as an estimator of aeon; see `AeonClassifier`.

    Arguments:
        estimator: settings; None for the usual ones. It is not trained, a clone of it is.

    Attributes:
        estimator_: the trained `LiquidRegressor`.
    """

    _tags: ClassVar[dict[str, object]] = _TAGS

    def __init__(self, estimator: LiquidRegressor | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: object, y: object) -> "AeonRegressor":
        self.estimator_ = clone(self.estimator or LiquidRegressor()).fit(X, y)
        return self

    def _predict(self, X: object) -> object:
        return self.estimator_.predict(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, object]:
        return {"estimator": LiquidRegressor("gru", 4, epochs=2)}
