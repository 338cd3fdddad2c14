"""Whether what comes in is still like what a model was calibrated on: drift of streams, and distance in state space.

Each value becomes its rank among those of the reference. Two detectors look at the ranks: a cumulative sum (Page 1954)
of their normal scores, against the reference; and ADWIN of `river` (Bifet and Gavalda 2007), against their own past.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import InputError, ShapeError
from caudal.extras import need

SHIFT = 0.5  # standard deviations that are to be noticed
_LEAST = 50
_SPARE = 5.0  # times fewer false alarms than promised, for what the reference does not show
_OVERSHOOT = 1.166
_MOST_ROWS = 256  # that are looked at together


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

    After an alarm a stream begins anew, so that a drift that stays is reported once more.

    Arguments:
        reference: values of each stream while all was well, at least 50; NaN and infinity are left out.
        per: on average at most one false alarm in so many calls of `see`, over all streams.

    Attributes:
        streams: their names, in order.

    Raises:
        InputError: a stream has too few values.
        MissingExtraError: `river` is not installed.

    Example:
        >>> dice = np.random.default_rng(0)
        >>> watch = Watch({"pulse": dice.normal(80, 10, 1000)})
        >>> quiet = [alarm for value in dice.normal(80, 10, 2000) for alarm in watch.see({"pulse": value})]
        >>> drift = [alarm for value in dice.normal(85, 10, 200) for alarm in watch.see({"pulse": value})]
        >>> quiet, drift[0].stream, drift[0].direction
        ([], 'pulse', 'up')
    """

    def __init__(self, reference: Mapping[str, ArrayLike], *, per: float = 10_000) -> None:
        if not reference or not per >= 1:
            raise InputError("Watch", "reference" if per >= 1 else "per", "is empty", "Pass at least one stream.")
        self.streams = tuple(reference)
        self._adwin = need("Watch", "river.drift").ADWIN
        self._windows = [_Window(self._adwin()) for _ in self.streams]
        self._block = int(self._windows[0].adwin.clock)
        known = [_known(name, values) for name, values in reference.items()]
        sizes = [len(values) for values in known]
        # Half the shift is best; the mean of the reference is itself known only so well.
        slacks = [SHIFT / 2 + 0.5 / math.sqrt(size) for size in sizes]
        length = 2 * len(known) * per * _SPARE
        bounds = np.array([(slack, limit(length, slack)) for slack in slacks])
        begins = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        scores = np.concatenate([_normal_scores(size) for size in sizes])
        self._sums = np.zeros((len(known), 2))
        self._counts = np.zeros((len(known), 4), np.int64)
        self._ranks = np.empty((len(known), self._block + _MOST_ROWS))
        self._constants = (self._block, np.concatenate(known), begins, scores, bounds)
        self._state = (self._sums, self._counts, self._ranks)

    def see(self, values: Mapping[str, float]) -> tuple[Alarm, ...]:
        """Look at one value of each stream; NaN, infinity and streams that are left out count as not seen.

        Raises:
            InputError: there is no such stream.
        """
        return self.see_all({name: (value,) for name, value in values.items()})[0] if values else ()

    def see_all(self, values: Mapping[str, ArrayLike]) -> tuple[tuple[Alarm, ...], ...]:
        """The alarms of each row of a table, as `see` gives them row by row, in less time.

        Arguments:
            values: `(rows,)` of each stream.

        Raises:
            InputError: there is no such stream.
            ShapeError: the columns are not of one length.
        """
        unknown = [name for name in values if name not in self.streams]
        if unknown:
            fault = f"holds the stream {unknown[0]!r}"
            raise InputError("Watch.see", "values", fault, f"Pass some of {', '.join(self.streams[:8])}.")
        shapes = {np.shape(column) for column in values.values()}
        if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
            fault = f"holds columns of shapes {', '.join(map(str, sorted(shapes)))}"
            raise ShapeError("Watch.see_all", "values", fault, "Pass one value of each stream for each row.")
        table = np.full((*(shapes.pop() if shapes else (0,)), len(self.streams)), np.nan)
        for name, column in values.items():
            table[:, self.streams.index(name)] = column
        return self.see_table(table)

    def see_table(self, table: NDArray[np.float64]) -> tuple[tuple[Alarm, ...], ...]:
        """The alarms of each row of a table `(rows, streams)`, as `see` gives them row by row.

        Raises:
            ShapeError: it has not one column for each stream.
        """
        if table.ndim != 2 or table.shape[1] != len(self.streams):
            fault = f"has shape {table.shape}; expected (rows, {len(self.streams)})"
            raise ShapeError("Watch.see_table", "table", fault, "Pass one column for each stream, in their order.")
        rows, alarms = np.ascontiguousarray(table, np.float64), list[tuple[Alarm, ...]]()
        for start in range(0, len(rows), _MOST_ROWS):
            alarms += self._part(rows[start : start + _MOST_ROWS])
        return tuple(alarms)

    def _part(self, table: NDArray[np.float64]) -> list[tuple[Alarm, ...]]:
        from caudal.monitor.drift_jit import advance

        width, place = len(self.streams), advance(table, 0, 0, *self._constants, *self._state)
        alarms: list[tuple[Alarm, ...]] = [()] * len(table)
        while place >= 0:
            row, stream = divmod(place, width)
            row, alarm = self._decide(table, row, stream)
            if alarm is not None:
                alarms[row] += (alarm,)
            place = advance(table, stream, row + 1, *self._constants, *self._state)
        return alarms

    def _decide(self, table: NDArray[np.float64], row: int, stream: int) -> tuple[int, Alarm | None]:
        """Where a stream stopped, whether it drifted; else it goes on after the row that is returned.

        ADWIN looks for a cut at every 32nd value only: it is given the ranks in blocks of so many, which changes
        neither its alarms nor when they come. A cumulative sum that exceeds its limit goes before ADWIN at that value.
        """
        up, down = self._sums[stream].tolist()
        since_up, since_down, seen, gathered = self._counts[stream].tolist()
        is_beyond = max(up, down) > self._constants[-1][stream, 1]
        ranks, window = self._ranks[stream, :gathered].tolist(), self._windows[stream]
        for end in range(self._block, gathered + (not is_beyond), self._block):
            if window.drifts(ranks[end - self._block : end]):
                later = gathered - end
                rows = np.flatnonzero(np.isfinite(table[: row + 1, stream]))
                self._begin(stream, seen - later)
                return int(rows[-1 - later]), window.alarm(self.streams[stream], seen - later)
        if is_beyond:
            self._begin(stream, seen)
            is_up = up > down
            direction, since = ("up", since_up) if is_up else ("down", since_down)
            return row, Alarm(self.streams[stream], "cusum", direction, since, seen)
        left = gathered % self._block
        self._ranks[stream, :left] = ranks[gathered - left :]
        self._counts[stream, 3] = left
        return row, None

    def _begin(self, stream: int, seen: int) -> None:
        self._sums[stream] = 0.0
        self._counts[stream] = 0, 0, seen, 0
        self._windows[stream] = _Window(self._adwin())


@dataclass
class _Window:
    """ADWIN on the ranks of a stream since its last alarm, with their sum and number."""

    adwin: Any
    total: float = 0.0
    count: int = 0

    def drifts(self, ranks: list[float]) -> bool:
        """Take a block of ranks; whether their mean changed."""
        update = self.adwin.update
        for rank in ranks:
            update(rank)
        self.total, self.count = self.total + sum(ranks), self.count + len(ranks)
        return bool(self.adwin.drift_detected)

    def alarm(self, stream: str, seen: int) -> Alarm:
        """The alarm of a change."""
        # Its window held all values since the last alarm: their mean is what it estimated before it cut.
        direction = "up" if self.adwin.estimation > self.total / self.count else "down"
        return Alarm(stream, "adwin", direction, int(self.adwin.width), seen)


def _known(name: str, reference: ArrayLike) -> NDArray[np.float64]:
    """The finite values of a reference, sorted."""
    values = np.asarray(reference, np.float64).ravel()
    values = np.sort(values[np.isfinite(values)])
    if len(values) < _LEAST:
        fault = f"has {len(values)} values of {name!r}"
        raise InputError("Watch", "reference", fault, f"Pass at least {_LEAST}, or leave the stream out.")
    return values


def _normal_scores(size: int) -> NDArray[np.float64]:
    """Normal scores of the `2 size + 1` ranks that a value may have among `size` others, ties in the middle."""
    ranks = (np.arange(2 * size + 1) + 1) / 2 / (size + 1)
    return np.array([NormalDist().inv_cdf(rank) for rank in ranks.tolist()])


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
        from caudal.monitor.drift_jit import distances

        rows = np.ascontiguousarray(states, np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            fault = f"have shape {rows.shape}; expected (series, {len(self.mean)})"
            raise ShapeError("Space", "states", fault, "Pass states of the network that the space was fitted on.")
        distance = np.empty(len(rows))
        distances(rows, self.mean, np.ascontiguousarray(self.whiten.T), distance)
        return distance

    def tail(self, states: ArrayLike) -> NDArray[np.float64]:
        """`(series,)` share of known states that are at least as far out: a conformal p-value; 0 is never reached."""
        return self.share(self.distance(states))

    def share(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(series,)` share of known states that are at least so far out."""
        beyond = len(self.reference) - np.searchsorted(self.reference, distance, "left")
        return np.where(np.isfinite(distance), beyond + 1, 1) / (len(self.reference) + 1)

    def threshold(self, rare: float) -> float:
        """The distance beyond which `share` is at most `rare`; infinity where no share is as small.

        Example:
            >>> space = Space(np.zeros(1), np.eye(1), np.arange(9.0))
            >>> space.threshold(0.1), space.threshold(0.2), space.threshold(0.05)
            (8.0, 7.0, inf)
        """
        size = len(self.reference)
        allowed = int(((np.arange(size + 1) + 1) / (size + 1) <= rare).sum())
        return math.inf if allowed == 0 else -math.inf if allowed > size else float(self.reference[size - allowed])
