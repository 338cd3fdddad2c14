"""Metrics of predicted numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]


def all_of(scores: Numbers, truth: Numbers) -> dict[str, float]:
    """Every metric by name; NaN where one is not defined.

    The squared error is the papers': the mean over rows and outputs alike, in the squared unit of the target.

    Arguments:
        scores: `(known, outputs)`.
        truth: `(known, outputs)`.

    Example:
        >>> all_of(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]]))
        {'mse': 0.5, 'rmse': 0.707..., 'mae': 0.5, 'r2': -1.0}
    """
    gap = scores - truth
    mse = float(np.square(gap).mean())
    return {"mse": mse, "rmse": float(np.sqrt(mse)), "mae": float(np.abs(gap).mean()), "r2": r2(scores, truth)}


def r2(scores: Numbers, truth: Numbers) -> float:
    """Share of the variance explained, mean over the outputs that vary; NaN where none does."""
    spread = np.square(truth - truth.mean(axis=0)).sum(axis=0)
    left = np.square(truth - scores).sum(axis=0)
    varies = spread > 0
    return float((1 - left[varies] / spread[varies]).mean()) if varies.any() else float("nan")
