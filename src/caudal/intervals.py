"""An estimate with its uncertainty, as every room states it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate with its uncertainty.

    Attributes:
        value: the estimate.
        low, high: ends of the interval.
        level: of confidence, for example 0.95.
        method: how it was made, in a few words.
    """

    value: float
    low: float
    high: float
    level: float = 0.95
    method: str = ""
