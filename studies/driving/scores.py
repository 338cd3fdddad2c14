"""What the races say: figures for each driver and paired differences, with intervals over tracks and seeds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from caudal.intervals import Interval
from studies.driving.records import EXPERT, LIQUID, DriveReport, Episode

DRAWS = 2_000
LEVEL = 0.95
METHOD = "bootstrap over tracks, and over seeds within each model"
MARGIN = 10.0
"""Points of return below which nobody would care: one per cent of the tiles."""
Word = Literal["better", "worse", "alike", "undecided"]
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """One driver under one disturbance.

    Attributes:
        model: of `MODELS`, or `"expert"`.
        disturbance: name.
        reward: mean return.
        lost: mean return without a disturbance less that with it, on the same tracks.
        offs: times off the road per km, all races together.
        completion: mean share of the tiles visited.
        laps: share of the races whose lap was finished in time.
        by_seed: mean return of each seed.
    """

    model: str
    disturbance: str
    reward: Interval
    lost: Interval
    offs: Interval
    completion: Interval
    laps: float
    by_seed: tuple[float, ...]


@dataclass(frozen=True)
class Duel:
    """A liquid network and a rival under one disturbance, on the same tracks.

    Attributes:
        model: liquid.
        rival: not liquid.
        disturbance: name.
        reward: mean return of the first less that of the second.
        offs: times off the road per km of the first less those of the second; below 0 is better.
        kept: what the second lost by the disturbance less what the first lost; above 0 the first holds up better.
    """

    model: str
    rival: str
    disturbance: str
    reward: Interval
    offs: Interval
    kept: Interval

    @property
    def word(self) -> Word:
        """The difference of return in one word, see `word`."""
        return word(self.reward)

    @property
    def kept_word(self) -> Word:
        """The difference of what is kept in one word."""
        return word(self.kept)


def word(difference: Interval) -> Word:
    """`"alike"` within `MARGIN` of 0, `"better"` above 0 throughout, `"worse"` below it, else `"undecided"`.

    Example:
        >>> [word(Interval(one, one - 9.0, one + 9.0)) for one in (0.5, 20.0, -20.0, 5.0)]
        ['alike', 'better', 'worse', 'undecided']
    """
    if difference.low > -MARGIN and difference.high < MARGIN:
        return "alike"
    return "better" if difference.low > 0 else "worse" if difference.high < 0 else "undecided"


class _Draws:
    """Bootstrap weights: the same tracks for every driver, seeds for each model apart."""

    def __init__(self, report: DriveReport) -> None:
        self.report = report
        tracks = sorted({one.track for one in report.episodes})
        rng = np.random.default_rng(0)
        self.tracks = _weights(rng, len(tracks))
        self.seeds = {m: _weights(rng, len(report.recipe.seeds)) for m in report.recipe.models}
        self.seeds[EXPERT] = np.ones((DRAWS + 1, 1))
        place = {track: k for k, track in enumerate(tracks)}
        seed = {(m, s): k for m in report.recipe.models for k, s in enumerate(report.recipe.seeds)}
        self.races: dict[tuple[str, str], list[tuple[int, int, Episode]]] = {}
        for one in report.episodes:
            at = (seed.get((one.model, one.seed), 0), place[one.track], one)
            self.races.setdefault((one.model, one.disturbance), []).append(at)

    def table(self, model: str, disturbance: str, number: Callable[[Episode], float]) -> Table:
        """`(seeds, tracks)`."""
        grid = np.zeros((self.seeds[model].shape[1], self.tracks.shape[1]))
        for row, column, one in self.races[model, disturbance]:
            grid[row, column] = number(one)
        return grid

    def means(self, model: str, disturbance: str, number: Callable[[Episode], float]) -> Table:
        """`(draws + 1,)`, the first of them not drawn."""
        return self._mean(model, self.table(model, disturbance, number))

    def lost(self, model: str, disturbance: str) -> Table:
        """Return without the disturbance less that with it, drawn together."""
        return self.means(model, "clean", _reward) - self.means(model, disturbance, _reward)

    def offs(self, model: str, disturbance: str) -> Table:
        """Times off the road per km."""
        away = self.means(model, disturbance, lambda one: one.offs)
        metres = self.means(model, disturbance, lambda one: one.metres)
        return away / np.maximum(metres, 1e-9) * 1000

    def _mean(self, model: str, grid: Table) -> Table:
        means: Table = np.einsum("ds,st,dt->d", self.seeds[model], grid, self.tracks, optimize=True)
        return means


def scores(report: DriveReport) -> tuple[Score, ...]:
    """Figures of every driver under every disturbance, the expert first; the same report gives the same figures."""
    draws = _Draws(report)
    found = []
    for model in (EXPERT, *report.recipe.models):
        for name in report.recipe.disturbances:
            laps = draws.table(model, name, lambda one: float(one.is_lap))
            found.append(
                Score(
                    model,
                    name,
                    _interval(draws.means(model, name, _reward)),
                    _interval(draws.lost(model, name)),
                    _interval(draws.offs(model, name)),
                    _interval(draws.means(model, name, lambda one: one.completion)),
                    float(laps.mean()),
                    tuple(draws.table(model, name, _reward).mean(axis=1).tolist()),
                )
            )
    return tuple(found)


def duels(report: DriveReport) -> tuple[Duel, ...]:
    """Every liquid network against every other one, under every disturbance."""
    draws = _Draws(report)
    models = report.recipe.models
    pairs = [(one, other) for one in models if one in LIQUID for other in models if other not in LIQUID]
    return tuple(
        Duel(
            one,
            other,
            name,
            _interval(draws.means(one, name, _reward) - draws.means(other, name, _reward)),
            _interval(draws.offs(one, name) - draws.offs(other, name)),
            _interval(draws.lost(other, name) - draws.lost(one, name)),
        )
        for one, other in pairs
        for name in report.recipe.disturbances
    )


def _reward(one: Episode) -> float:
    return one.reward


def _weights(rng: np.random.Generator, count: int) -> Table:
    """`(draws + 1, count)` shares; the first row counts all alike."""
    drawn = rng.multinomial(count, np.full(count, 1 / count), DRAWS) / count
    return np.concatenate([np.full((1, count), 1 / count), drawn])


def _interval(values: Table) -> Interval:
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values[0]), float(low), float(high), LEVEL, METHOD)
