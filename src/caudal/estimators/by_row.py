"""Series behind row numbers, for tools that make one array of X: reductions, thresholds, grids, stacks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.validation import check_is_fitted

from caudal.data import Sequences, Task
from caudal.errors import DataError, InputError
from caudal.typing import Array


@final
class Shelf:
    """Series that are fetched by their row, and never copied with an estimator that is cloned.

    Arguments:
        series: `Sequences`, or a list of `(channels, time)` arrays of unequal length; those to train on and those to
            decide about together.

    Raises:
        InputError: there is no series.

    Example:
        >>> shelf = Shelf([np.ones((1, 3)), np.ones((1, 5))])
        >>> shelf.rows.tolist(), [one.shape for one in shelf.fetch([1])]
        ([[0], [1]], [(1, 5)])
    """

    def __init__(self, series: Sequences | Sequence[object]) -> None:
        if not len(series):
            raise InputError("Shelf", "series", "is empty", "Put the series on it.")
        self.series = series if isinstance(series, Sequences) else list(series)

    @property
    def rows(self) -> NDArray[np.int64]:
        """`(batch, 1)` what to pass as X; slices of it name some of the series."""
        return np.arange(len(self.series))[:, None]

    def fetch(self, rows: ArrayLike) -> Any:
        """The series of some rows.

        Raises:
            DataError: a row is none of the shelf.
        """
        at = np.asarray(rows)
        if at.ndim > 1:
            at = at[:, 0]
        whole = np.asarray(at, np.float64)
        if not ((whole >= 0) & (whole < len(self.series)) & (whole == np.round(whole))).all():
            fault = f"holds other numbers than rows 0 to {len(self.series) - 1}"
            raise DataError("Shelf", "X", fault, "Pass `shelf.rows`, or some of them.")
        at = whole.astype(np.int64)
        return self.series.select(at) if isinstance(self.series, Sequences) else [self.series[k] for k in at]

    def __len__(self) -> int:
        return len(self.series)

    def __deepcopy__(self, memo: dict[int, object]) -> "Shelf":
        # Reductions clone an estimator dozens of times; the series are the same in all of them.
        return self


@final
class ByRow(BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """An estimator whose X is row numbers, and whose series stand on a shelf.

    Arguments:
        estimator: of series, such as `LiquidClassifier`.
        shelf: where the series are.

    Attributes:
        estimator_: a clone, fitted.

    Example:
        >>> from caudal import LiquidClassifier
        >>> rng = np.random.default_rng(0)
        >>> y = np.array([0, 1] * 20)
        >>> shelf = Shelf([rng.normal(size=(1, 3 + k % 4)) + 3 * y[k] for k in range(40)])
        >>> model = ByRow(LiquidClassifier(units=4, epochs=10), shelf).fit(shelf.rows[:30], y[:30])
        >>> model.predict_proba(shelf.rows[30:]).shape
        (10, 2)
    """

    def __init__(self, estimator: object, shelf: Shelf) -> None:
        self.estimator = estimator
        self.shelf = shelf

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: object = None, **more: object) -> Self:
        """Train on the series of some rows, with the targets given.

        Arguments:
            X: `(batch, 1)` or `(batch,)` rows of the shelf.
            y: `(batch,)`; targets of `Sequences` on the shelf are not read.
            sample_weight: `(batch,)`.
            more: further arguments of the estimator's `fit`, such as `sensitive`.

        Raises:
            DataError: a row is none of the shelf.
        """
        self.estimator_ = clone(self.estimator)
        labels = np.asarray(y).reshape(-1)
        series = self.shelf.fetch(X)
        if isinstance(series, Sequences):
            series = _with_target(series, labels)
            self.estimator_.fit(series, sample_weight=sample_weight, **more)
        else:
            self.estimator_.fit(series, labels, sample_weight=sample_weight, **more)
        if hasattr(self.estimator_, "classes_"):
            self.classes_ = self.estimator_.classes_
        self.n_features_in_ = 1
        return self

    def predict(self, X: ArrayLike) -> Any:
        """What the estimator predicts for the series of some rows."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(self.shelf.fetch(X))

    def predict_proba(self, X: ArrayLike) -> Any:
        """Probabilities `(batch, classes)` float64 for the series of some rows."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_proba(self.shelf.fetch(X))

    def __sklearn_tags__(self) -> Tags:
        # X is rows, whatever the series are.
        tags = get_tags(self.estimator)
        tags.input_tags = replace(tags.input_tags, three_d_array=False, allow_nan=False)
        return tags


def _with_target(series: Sequences, y: Array) -> Sequences:
    if series.task == "regress":
        numbers = y.astype(np.float64)[:, None]
        return replace(series, target=numbers, target_mask=np.isfinite(numbers), recipe=None)
    classes, codes = np.unique(y, return_inverse=True)
    known = np.ones(len(y), np.bool_)
    return replace(
        series, task=Task.CLASSIFY, classes=tuple(classes.tolist()), target=codes, target_mask=known, recipe=None
    )
