"""Axes of plots: where a value stands, and which values are written beside the line."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A scale from `low` to `high`.

    Attributes:
        low, high: its ends; above 0 where it is logarithmic.
        log: whether equal ratios take equal room.
        nought: whether a value of 0 has a place of its own at the start of a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False
    nought: bool = False

    def at(self, value: float) -> float:
        """Place of a value from 0 to 1; values beyond the ends stand on them."""
        if self.log:
            start = 0.1 if self.nought else 0.0
            if value <= 0:
                return 0.0
            place = start + (1 - start) * _part(math.log(value), math.log(self.low), math.log(self.high))
        else:
            place = _part(value, self.low, self.high)
        return min(max(place, 0.0), 1.0)

    def holds(self, value: float) -> bool:
        """Whether a value lies between the ends."""
        return self.low <= value <= self.high

    def ticks(self, count: int = 5) -> list[float]:
        """Round values along the scale, about so many.

        Example:
            >>> Axis(2500, 7000, log=True).ticks(), Axis(1, 1000, log=True).ticks()
            ([3000.0, 4000.0, 5000.0, 6000.0, 7000.0], [1.0, 10.0, 100.0, 1000.0])
        """
        if not self.log:
            ticks = self._evenly(count)
            # One written value alone is no scale.
            return ticks if len(ticks) > 1 else self._evenly(2 * count)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        within = [m * 10.0**d for d in decades for m in (1, 2, 5) if self.low <= m * 10.0**d <= self.high * (1 + 1e-9)]
        if len(within) < 2:
            return ([0.0] if self.nought else []) + self._evenly(count)
        whole = [value for value in within if math.isclose(math.log10(value) % 1, 0, abs_tol=1e-9)]
        return ([0.0] if self.nought else []) + (whole if len(whole) > 2 else within)

    def _evenly(self, count: int) -> list[float]:
        step = _step(self.high - self.low, count)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 12) for k in range(first, last + 1)]


def linear(values: Iterable[float], room: float = 0.06) -> Axis:
    """An axis that holds all values, with a little room at both ends.

    Example:
        >>> linear([0.6, 0.9], room=0).ticks()
        [0.6, 0.7, 0.8, 0.9]
    """
    numbers = list(values) or [0.0, 1.0]
    low, high = min(numbers), max(numbers)
    spare = (high - low) * room if high > low else abs(high) * 0.05 or 1.0
    return Axis(low - spare, high + spare)


def logarithmic(values: Iterable[float]) -> Axis:
    """A logarithmic axis that holds all values above 0; zeros get a place of their own."""
    numbers = list(values)
    above = [value for value in numbers if value > 0] or [1.0]
    return Axis(min(above) / 1.35, max(above) * 1.35, True, any(value <= 0 for value in numbers))


def _part(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _step(span: float, count: int) -> float:
    rough = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next(power * step for step in _STEPS if power * step >= rough * (1 - 1e-9))
