"""Whether what comes in is still like what a model was calibrated on: drift of streams, and distance in state space.

Each value becomes its rank among those of the reference. Two detectors look at the ranks: a cumulative sum (Page 1954)
of their normal scores, against the reference; and ADWIN of `river` (Bifet and Gavalda 2007), against their own past.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.data.need import need
from caudal.errors import InputError, ShapeError

SHIFT = 0.5  # standard deviations that are to be found
_LEAST = 50
_SPARE = 5.0  # times fewer false alarms than promised, for what the reference does not show
_OVERSHOOT = 1.166
_FEW = 12  # rows: for fewer of them, one after the other is faster


@dataclass(frozen=True)
class Alarm:
    """A stream that is no longer what it was.

    Attributes:
        stream: its name.
        detector: `"cusum"` or `"adwin"`.
        direction: `"up"` or `"down"`.
        since: how many values ago the change seems to have begun.
        seen: values of the stream so far.
    """

    stream: str
    detector: str
    direction: str
    since: int
    seen: int

    @property
    def facts(self) -> dict[str, Any]:
        """What `Log.event("alarm", ...)` writes down."""
        return {"monitor": "drift", **self.__dict__}


class Watch:
    """Watches streams of numbers.

    After an alarm a stream begins anew, so that a drift that stays is told again.

    Arguments:
        reference: values of each stream while all was well, at least 50; NaN and infinity are left out.
        per: on average at most one false alarm in so many calls of `see`, over all streams.

    Raises:
        InputError: a stream has too few values.
        MissingExtraError: `river` is not installed.

    Example:
        >>> dice = np.random.default_rng(0)
        >>> watch = Watch({"pulse": dice.normal(80, 10, 1000)})
        >>> quiet = [alarm for one in dice.normal(80, 10, 2000) for alarm in watch.see({"pulse": one})]
        >>> drift = [alarm for one in dice.normal(85, 10, 200) for alarm in watch.see({"pulse": one})]
        >>> quiet, drift[0].stream, drift[0].direction
        ([], 'pulse', 'up')
    """

    def __init__(self, reference: Mapping[str, ArrayLike], *, per: float = 10_000) -> None:
        if not reference or not per >= 1:
            raise InputError("Watch", "reference" if per >= 1 else "per", "is empty", "Pass at least one stream.")
        count = len(reference)
        self.streams = {name: _Stream(name, values, 2 * count * per * _SPARE) for name, values in reference.items()}

    def see(self, values: Mapping[str, float]) -> tuple[Alarm, ...]:
        """Look at one value of each stream; NaN, infinity and streams that are left out count as not seen.

        Raises:
            InputError: there is no such stream.
        """
        unknown = [name for name in values if name not in self.streams]
        if unknown:
            fault = f"holds the stream {unknown[0]!r}"
            raise InputError("Watch.see", "values", fault, f"Pass some of {', '.join(list(self.streams)[:8])}.")
        found = (self.streams[name].see(float(value)) for name, value in values.items())
        return tuple(alarm for alarm in found if alarm is not None)

    def see_all(self, values: Mapping[str, ArrayLike]) -> tuple[tuple[Alarm, ...], ...]:
        """The alarms of each row of a table, as `see` gives them row by row, in less time.

        Arguments:
            values: `(rows,)` of each stream.

        Raises:
            InputError: there is no such stream.
        """
        table = {name: np.asarray(column, np.float64) for name, column in values.items()}
        rows = len(next(iter(table.values()), ()))
        if rows < _FEW or any(name not in self.streams for name in table):
            return tuple(self.see({name: column[k] for name, column in table.items()}) for k in range(rows))
        alarms: list[list[Alarm]] = [[] for _ in range(rows)]
        for name, column in table.items():
            for row, alarm in self.streams[name].see_all(column):
                alarms[row].append(alarm)
        return tuple(map(tuple, alarms))


class _Stream:
    def __init__(self, name: str, reference: ArrayLike, length: float) -> None:
        values = np.asarray(reference, np.float64).ravel()
        self.name, self.sorted = name, np.sort(values[np.isfinite(values)])
        size = len(self.sorted)
        if size < _LEAST:
            fault = f"has {size} values of {name!r}"
            raise InputError("Watch", "reference", fault, f"Pass at least {_LEAST}, or leave the stream out.")
        # Half the shift is best; the mean of the reference is itself known only so well.
        self.slack = SHIFT / 2 + 0.5 / math.sqrt(size)
        self.limit = limit(length, self.slack)
        self.drift: Any = need("Watch", "river.drift", "monitor").ADWIN
        self.seen = 0
        # A value has one of 2 n + 1 ranks, ties in the middle: their normal scores are made once.
        self.rank_table = (np.arange(2 * size + 1) + 1) / 2 / (size + 1)
        self.score_table = np.array([NormalDist().inv_cdf(rank) for rank in self.rank_table.tolist()])
        self.values, self.ranks, self.scores = self.sorted.tolist(), self.rank_table.tolist(), self.score_table.tolist()
        self.begin()

    def begin(self) -> None:
        self.up = self.down = 0.0
        self.since_up = self.since_down = 0
        self.total, self.count = 0.0, 0
        self.adwin = self.drift()

    def see(self, value: float) -> Alarm | None:
        if not math.isfinite(value):
            return None
        self.seen += 1
        place = bisect_left(self.values, value) + bisect_right(self.values, value)
        rank, score = self.ranks[place], self.scores[place]
        self.up, self.down = max(0.0, self.up + score - self.slack), max(0.0, self.down - score - self.slack)
        self.since_up = self.since_up + 1 if self.up else 0
        self.since_down = self.since_down + 1 if self.down else 0
        self.total, self.count = self.total + rank, self.count + 1
        self.adwin.update(rank)
        if max(self.up, self.down) > self.limit:
            return self._cusum()
        return self._adwin() if self.adwin.drift_detected else None

    def see_all(self, values: NDArray[np.float64]) -> list[tuple[int, Alarm]]:
        """Alarms with the positions of the values at which they came."""
        rows, found = np.flatnonzero(np.isfinite(values)), []
        values = values[rows]
        places = np.searchsorted(self.sorted, values, "left") + np.searchsorted(self.sorted, values, "right")
        ranks, scores, start = self.rank_table[places], self.score_table[places], 0
        while start < len(rows):
            taken, alarm = self._stretch(ranks[start:], scores[start:])
            start += taken
            if alarm is not None:
                found.append((int(rows[start - 1]), alarm))
        return found

    def _stretch(self, ranks: NDArray[np.float64], scores: NDArray[np.float64]) -> tuple[int, Alarm | None]:
        """Take values up to the first alarm, or all; how many they were, and the alarm."""
        up, since_up = _sums(self.up, self.since_up, scores - self.slack)
        down, since_down = _sums(self.down, self.since_down, -scores - self.slack)
        beyond = np.maximum(up, down) > self.limit
        end, is_cusum = (int(beyond.argmax()), True) if beyond.any() else (len(ranks) - 1, False)
        adwin, is_adwin = self.adwin, False
        for k, rank in enumerate(ranks[: end + 1].tolist()):
            adwin.update(rank)
            if adwin.drift_detected:
                is_cusum, is_adwin, end = is_cusum and k == end, True, k
                break
        self.up, self.down, self.since_up, self.since_down = (
            float(up[end]), float(down[end]), int(since_up[end]), int(since_down[end])
        )  # fmt: skip
        self.total, self.count = self.total + float(ranks[: end + 1].sum()), self.count + end + 1
        self.seen += end + 1
        return end + 1, self._cusum() if is_cusum else self._adwin() if is_adwin else None

    def _cusum(self) -> Alarm:
        is_up = self.up > self.down
        since = self.since_up if is_up else self.since_down
        self.begin()
        return Alarm(self.name, "cusum", "up" if is_up else "down", since, self.seen)

    def _adwin(self) -> Alarm:
        # Its window held all values since the last alarm: their mean is what it estimated before it cut.
        width, mean = int(self.adwin.width), self.total / max(self.count, 1)
        is_up = self.adwin.estimation > mean
        self.begin()
        return Alarm(self.name, "adwin", "up" if is_up else "down", width, self.seen)


def _sums(start: float, since: int, steps: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cumulative sums that never fall below 0, and how many values ago each was 0."""
    free = start + np.cumsum(steps)
    lowest = np.minimum(np.minimum.accumulate(free), 0.0)
    sums = free - lowest
    number = np.arange(1, len(steps) + 1)
    last_zero = np.maximum.accumulate(np.where(sums > 0, -since, number))
    return sums, number - last_zero


def share(reference: NDArray[np.float64], value: float) -> float:
    """Rank of a value among sorted ones, between 0 and 1, ties in the middle.

    Example:
        >>> share(np.array([1.0, 2.0, 2.0, 3.0]), 2.0)
        0.5
    """
    low, high = np.searchsorted(reference, value, "left"), np.searchsorted(reference, value, "right")
    return float((low + high + 1) / 2 / (len(reference) + 1))


def limit(length: float, slack: float) -> float:
    """Threshold of a one-sided cumulative sum of normal scores whose false alarms are `length` values apart.

    Siegmund, *Sequential Analysis*, 1985, equation 2.57: the length is `(exp(2 k b) - 2 k b - 1) / (2 k**2)`, where `k`
    is the slack and `b` the threshold plus 1.166.

    Example:
        >>> round(limit(370, 0.5), 1)
        4.1
    """
    low, high = 0.0, 1000.0
    for _ in range(80):
        middle = (low + high) / 2
        power = 2 * slack * middle
        reached = power > 600 or (math.expm1(power) - power) / (2 * slack**2) > length
        low, high = (low, middle) if reached else (middle, high)
    return max(high - _OVERSHOOT, 0.0)


@dataclass(frozen=True, eq=False)
class Space:
    """Where the state of a circuit usually is: an ellipsoid, and how far out known states lie.

    Attributes:
        mean: `(neurons,)`.
        whiten: `(neurons, neurons)`, inverse of a Cholesky factor of the covariance.
        reference: sorted distances of states that the ellipsoid was not fitted on.
    """

    mean: NDArray[np.float64]
    whiten: NDArray[np.float64]
    reference: NDArray[np.float64]

    @classmethod
    def of(cls, states: ArrayLike) -> Self:
        """Fit on every second state, and measure the others.

        Arguments:
            states: `(series, neurons)`, finite.

        Raises:
            ShapeError: there are fewer than 100, or they are no table.

        Example:
            >>> space = Space.of(np.random.default_rng(0).normal(size=(400, 3)))
            >>> (space.tail([[0, 0, 0], [9, 9, 9]]) < 0.01).tolist()
            [False, True]
        """
        rows = np.asarray(states, np.float64)
        if rows.ndim != 2 or len(rows) < 2 * _LEAST or not np.isfinite(rows).all():
            fault = f"have shape {rows.shape}, or are not finite"
            raise ShapeError("Space", "states", fault, f"Pass at least {2 * _LEAST} states, `(series, neurons)`.")
        fitted = rows[::2]
        mean, centred = fitted.mean(axis=0), fitted - fitted.mean(axis=0)
        cov = centred.T @ centred / max(len(fitted) - 1, 1)
        n, width = fitted.shape
        pull = min(1.0, (width + 1) / (n + width))  # towards a sphere, the more so the fewer states there are
        spread = max(float(np.trace(cov)) / width, 1e-12)
        cov = (1 - pull) * cov + pull * spread * np.eye(width)
        whiten = np.linalg.inv(np.linalg.cholesky(cov))
        bare = cls(mean, whiten, np.zeros(0))
        return cls(mean, whiten, np.sort(bare.distance(rows[1::2])))

    def distance(self, states: ArrayLike) -> NDArray[np.float64]:
        """`(series,)` distances of Mahalanobis; not finite where a state is not."""
        found: NDArray[np.float64] = np.linalg.norm(
            (np.asarray(states, np.float64) - self.mean) @ self.whiten.T, axis=1
        )
        return found

    def tail(self, states: ArrayLike) -> NDArray[np.float64]:
        """`(series,)` share of known states that are at least as far out: a conformal p-value; 0 is never reached."""
        return self.share(self.distance(states))

    def share(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(series,)` share of known states that are at least so far out."""
        beyond = len(self.reference) - np.searchsorted(self.reference, distance, "left")
        return np.where(np.isfinite(distance), beyond + 1, 1) / (len(self.reference) + 1)
