"""Made series, alike in every group: what a bias is planted into when there are no real ones."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from caudal.data import Sequences, from_arrays
from caudal.errors import InputError


def synthetic(
    series: int = 1000, *, steps: int = 12, share: float = 0.4, noise: float = 1.0, seed: int = 0
) -> Sequences:
    """Series at irregular times whose class lies in a slow level seen through noise; groups `a` and `b` are alike.

    Arguments:
        series: how many.
        steps: mean number of steps.
        share: of group `b`.
        noise: standard deviation at each step; the level has 1.
        seed: of the draw.

    Raises:
        InputError: there are fewer than 8 series or 3 steps, or the share is not within 0 and 1.

    Example:
        >>> synthetic(200)
        Sequences(200 series of up to 17 steps, 3 inputs, classify 2 classes, 10 % missing, time in h)
    """
    if series < 8 or steps < 3 or not 0 < share < 1:
        fault = f"is {series} of {steps} steps, a share of {share} in group b"
        raise InputError("made", "series", fault, "Ask for 8 series, 3 steps and a share within 0 and 1 at least.")
    rng = np.random.default_rng([seed, 11])
    lengths = rng.integers(max(3, steps - steps // 2), steps + steps // 2, series)
    level = rng.normal(size=series)
    x, dt = [], []
    for k, length in enumerate(lengths):
        gaps = rng.exponential(1.0, length) + 0.05
        wave = np.sin(np.cumsum(gaps))
        rows = [level[k] + noise * rng.normal(size=length), level[k] * wave + noise * rng.normal(size=length)]
        block = np.stack([*rows, rng.normal(size=length)])
        block[rng.random(block.shape) < 0.1] = np.nan
        x.append(block)
        dt.append(gaps)
    ill = rng.random(series) < 1 / (1 + np.exp(-3 * level))
    group = np.where(rng.permutation(series) < round(share * series), "b", "a")
    names = ("level", "wave", "noise")
    return from_arrays(x, ill.astype(int), dt=dt, names=names, sensitive={"group": group}, time_unit="h")


def with_coin(data: Sequences, *, name: str = "coin", share: float = 0.4, seed: int = 0) -> Sequences:
    """Real series with one more sensitive column that has nothing to do with them: `"b"` by the fall of a coin.

    Arguments:
        data: series.
        name: of the column.
        share: of `b`.
        seed: of the draw.

    Example:
        >>> sorted(with_coin(synthetic(50)).sensitive)
        ['coin', 'group']
    """
    rng = np.random.default_rng([seed, 13])
    column = np.where(rng.permutation(len(data)) < round(share * len(data)), "b", "a")
    return with_column(data, name, column)


def with_column(data: Sequences, name: str, column: ArrayLike) -> Sequences:
    """The series with one more sensitive column.

    Arguments:
        data: series.
        name: of the column.
        column: `(batch,)`.
    """
    return replace(data, sensitive={**data.sensitive, name: np.asarray(column)})
