"""Run-time monitors: a state outside its proven range means a wrong build, wrong weights, a flipped bit or NaN."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from caudal.errors import InputError, ShapeError
from caudal.explain.proof.ranges import ranges
from caudal.nn import Layer
from caudal.nn.layer import State, leaves


@dataclass(frozen=True)
class Violation:
    """One number outside what is proven.

    Attributes:
        kind: `"nan"`, `"low"` or `"high"`.
        series, step: where; step is 0 for a single state.
        unit: which number of the state.
        value: what it is.
        bound: what it may be at least or at most; NaN for `"nan"`.
    """

    kind: str
    series: int
    step: int
    unit: int
    value: float
    bound: float

    def __str__(self) -> str:
        where = f"series {self.series}, step {self.step}, unit {self.unit}"
        if self.kind == "nan":
            return f"{where}: the state is not a number."
        side = "below" if self.kind == "low" else "above"
        return f"{where}: the state is {self.value:.6g}, {side} the proven bound {self.bound:.6g}."


class Monitor:
    """Checks states against the ranges proven from the weights.

    The ranges are taken when the monitor is made: a weight that changes afterwards shows as soon as a state leaves
    what the old weights allow. A check is one clamp and one comparison. `watch` looks at `every` states together, for
    loops whose step takes microseconds: what it finds is named by step, at most `every - 1` steps late.

    Arguments:
        layer: as in `ranges`.
        slack: share of the range that rounding may add.
        every: how many states `watch` gathers before it looks at them.

    Raises:
        InputError: nothing is proven for this layer, or `every` is less than 1.

    Example:
        >>> from caudal.nn import LTC
        >>> layer = LTC(2, 4)
        >>> watch = Monitor(layer)
        >>> _, state = layer(torch.randn(3, 10, 2))
        >>> watch.check(state), watch.check((torch.full((1, 4), 9.0),))[0].kind
        ([], 'high')
    """

    def __init__(self, layer: Layer, slack: float = 1e-5, every: int = 1) -> None:
        if every < 1:
            raise InputError("Monitor", "every", f"is {every}; expected at least 1", "Pass how many states to gather.")
        proven = ranges(layer)
        wide = np.where(np.isfinite(proven.high), proven.high - proven.low, 0.0)
        self.ranges, self.every, self._first = proven, every, 0
        parameter = next(layer.parameters())
        # Where nothing is proven, a number must still be finite.
        most = torch.finfo(parameter.dtype).max
        self._low, self._high = (
            torch.from_numpy(end).to(parameter).clamp(-most, most)
            for end in (proven.low - slack * wide, proven.high + slack * wide)
        )
        self._waiting: list[State | Tensor] = []

    def check(self, state: State | Tensor) -> list[Violation]:
        """Every number outside its range; none for a healthy state.

        Arguments:
            state: what a layer returned, or states `(batch, time, units)`.

        Raises:
            ShapeError: it is the state of another layer.
        """
        values = state if isinstance(state, Tensor) else _flat(state)
        values = values.detach() if values.requires_grad else values
        if values.shape[-1] != len(self._low):
            fault = f"holds {values.shape[-1]} numbers a series; the monitored layer has {len(self._low)}"
            raise ShapeError("Monitor.check", "state", fault, "Pass a state of the layer it was made for.")
        # A NaN stays one when it is clamped, and equals nothing.
        if torch.equal(values.clamp(self._low, self._high), values):
            return []
        return self._named(values, (values >= self._low) & (values <= self._high))

    def watch(self, state: State | Tensor) -> list[Violation]:
        """Take the state after one step; every `every` steps, what was found in them, with steps counted from 0.

        Example:
            >>> from caudal.nn import LTC
            >>> watch = Monitor(LTC(2, 4), every=3)
            >>> [len(watch.watch(torch.full((1, 4), value))) for value in (0.0, 9.0, 0.0)]
            [0, 0, 4]
        """
        self._waiting.append(state)
        return [] if len(self._waiting) < self.every else self.flush()

    def flush(self) -> list[Violation]:
        """Look at the states that `watch` holds back, as at the end of a loop.

        Raises:
            ShapeError: the states are of another layer, or differ in their number of series.
        """
        states, first = self._waiting, self._first
        self._waiting, self._first = [], first + len(states)
        if not states:
            return []
        try:
            values = torch.cat([torch.stack(leaf, 1) for leaf in zip(*_parts(states), strict=True)], -1)
        except (RuntimeError, ValueError):
            fault = "came for different numbers of series or units within one look"
            raise ShapeError("Monitor.watch", "state", fault, "Make one monitor per stream, or call `check`.") from None
        return [replace(violation, step=violation.step + first) for violation in self.check(values)]

    def _named(self, values: Tensor, fine: Tensor) -> list[Violation]:
        violations = []
        for place in torch.nonzero(~fine).tolist():
            value, unit = float(values[tuple(place)]), place[-1]
            step = place[1] if len(place) == 3 else 0
            low, high = float(self._low[unit]), float(self._high[unit])
            kind, bound = ("nan", float("nan")) if value != value else ("low", low) if value < low else ("high", high)
            violations.append(Violation(kind, place[0], step, unit, value, bound))
        return violations


def _parts(states: list[State | Tensor]) -> list[list[Tensor]]:
    """The tensors of each state; a state that is a plain tuple of them, as most are, is taken as it stands."""
    if isinstance(states[0], tuple) and all(isinstance(part, Tensor) for part in states[0]):
        return states  # type: ignore[return-value]  # tuples of tensors
    return [[state] if isinstance(state, Tensor) else leaves(state) for state in states]


def _flat(state: State) -> Tensor:
    parts = leaves(state)
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)
