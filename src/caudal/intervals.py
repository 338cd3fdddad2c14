"""An estimate with its uncertainty, as every room states it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate with its uncertainty.

    Attributes:
        value: the estimate.
        low, high: ends of the interval.
        level: of confidence, for example 0.95; 0 where there is no interval, and the ends hold all that the figure can
            be.
        method: how it was made, or why there is none, in a few words.
    """

    value: float
    low: float
    high: float
    level: float = 0.95
    method: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it says anything of how sure the estimate is."""
        return self.level > 0
