"""How far values and gaps may go: the range that the training series span, and what one unit of change is worth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.errors import InputError


@dataclass(frozen=True, eq=False)
class Bounds:
    """Range and spread of every input and of the gaps.

    Attributes:
        low, high: `(inputs,)` of the raw values.
        spread: `(inputs,)` standard deviation: what a change is measured in.
        gap_low, gap_high: of the elapsed times.
        gap_spread: their standard deviation, or the typical gap where they do not vary.

    Example:
        >>> from caudal.data import from_arrays
        >>> bounds = Bounds.of(from_arrays(np.array([[[1.0, 3.0]], [[5.0, 2.0]]]), [0, 1]))
        >>> bounds.low.tolist(), bounds.high.tolist(), bounds.gap_low
        ([1.0], [5.0], 1.0)
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    spread: NDArray[np.float64]
    gap_low: float
    gap_high: float
    gap_spread: float

    @staticmethod
    def of(data: Sequences, quantiles: tuple[float, float] = (0.0, 1.0)) -> "Bounds":
        """What the observed values of given series, normally the training series, span.

        Arguments:
            data: the series.
            quantiles: `(0, 1)` is from the least to the greatest; `(0.01, 0.99)` leaves out what is rare.

        Raises:
            InputError: the quantiles are out of order.
        """
        if not 0 <= quantiles[0] < quantiles[1] <= 1:
            fault = f"is {quantiles}; expected two shares in rising order"
            raise InputError("Bounds.of", "quantiles", fault, "Pass (0.0, 1.0), or (0.01, 0.99).")
        ends = np.zeros((2, data.inputs))
        spread = np.ones(data.inputs)
        for k in range(data.inputs):
            known = np.asarray(data.values[..., k][data.observed[..., k]], np.float64)
            if known.size:
                ends[:, k] = np.quantile(known, quantiles)
                spread[k] = known.std() or 1.0
        # The gap of a first step is a convention, not a measurement.
        gaps = data.dt[:, 1:][data.mask[:, 1:]]
        gaps = gaps if gaps.size else data.dt[:, :1].ravel()
        low, high = np.quantile(gaps, quantiles)
        return Bounds(ends[0], ends[1], spread, float(low), float(high), float(gaps.std() or np.median(gaps) or 1.0))
