"""How far values and gaps may go, what one unit of change is worth, and which numbers occur: whole ones, yes or no."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.errors import InputError

_MOST_DECIMALS = 4
_DIFFERENT, _SEEN = 4, 8


@dataclass(frozen=True, eq=False)
class Bounds:
    """Range, spread and grid of every input and of the gaps.

    Attributes:
        low, high: `(inputs,)` of the raw values.
        spread: `(inputs,)` standard deviation: what a change is measured in.
        gap_low, gap_high: of the elapsed times.
        gap_spread: their standard deviation, or the typical gap where they do not vary.
        step: `(inputs,)` distance of the grid that the values lie on, such as 1 for whole numbers and for yes or no;
            0 where they lie on none; None for no grid at all.
        gap_step: the same of the gaps.

    Example:
        >>> from caudal.data import from_arrays
        >>> bounds = Bounds.of(from_arrays(np.array([[[1.0, 3.0]], [[5.0, 2.0]]]), [0, 1]))
        >>> bounds.low.tolist(), bounds.high.tolist(), bounds.gap_low
        ([1.0], [5.0], 1.0)
        >>> bounds.step.tolist()
        [1.0]
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    spread: NDArray[np.float64]
    gap_low: float
    gap_high: float
    gap_spread: float
    step: NDArray[np.float64] | None = None
    gap_step: float = 0.0

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
        spread, step = np.ones(data.inputs), np.zeros(data.inputs)
        for k in range(data.inputs):
            known = np.asarray(data.values[..., k][data.observed[..., k]], np.float64)
            if known.size:
                ends[:, k] = np.quantile(known, quantiles)
                spread[k] = known.std() or 1.0
                step[k] = grid_step(known)
        # The gap of a first step is a convention, not a measurement.
        gaps = data.dt[:, 1:][data.mask[:, 1:]]
        gaps = gaps if gaps.size else data.dt[:, :1].ravel()
        low, high = np.quantile(gaps, quantiles)
        typical = float(gaps.std() or np.median(gaps) or 1.0)
        return Bounds(ends[0], ends[1], spread, float(low), float(high), typical, step, grid_step(gaps))


def grid_step(values: NDArray[np.float64]) -> float:
    """Distance of the grid that finite numbers `(count,)` lie on; 0 where they lie on none with few decimals.

    The grid is that of the last decimal, or a wider one that all differences share (yes or no, quarters), where there
    are values enough to tell.

    Example:
        >>> [grid_step(np.array(values)) for values in ([0.0, 3.0, 7.0, 10.0], [36.2, 37.4], [0.1234567])]
        [1.0, 0.1, 0.0]
        >>> grid_step(np.array([0.0, 10.0, 20.0, 40.0])), grid_step(np.array([1.0, 4.0] * 5))
        (10.0, 3.0)
    """
    different = np.unique(values)
    # Values were perhaps kept as float32: what it cannot tell apart is no decimal.
    blur = 2.0 * np.finfo(np.float32).eps * max(float(np.abs(different).max(initial=0.0)), 1e-30)
    for decimals in range(_MOST_DECIMALS + 1):
        unit = 10.0**-decimals
        units = np.round(different / unit)
        if blur < 0.05 * unit and np.abs(different - units * unit).max(initial=0.0) <= blur:
            break
    else:
        return 0.0
    if len(units) < 2 or (len(units) < _DIFFERENT and len(values) < _SEEN):
        return unit
    shared = math.gcd(*(int(difference) for difference in np.diff(units)))
    return round(max(shared, 1) * unit, _MOST_DECIMALS)
