"""Scaling fitted on training series only, as a value that JSON carries there and back exactly."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from caudal import limits, serial
from caudal.data.sequences import Feature, Sequences
from caudal.errors import DataError
from caudal.serial import Schema
from caudal.typing import Array

_GAPS_KEPT = 100_000
_LOSS = 1e-4


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of what was observed, and the typical gap.

    Categories keep their 0 and 1; a constant column is centred and keeps its size.

    Attributes:
        mean: of each input.
        std: of each input, population form; 1 for categories and constants.
        static_mean: of each static feature.
        static_std: of each static feature.
        target_mean: of each output; empty for classes.
        target_std: of each output; empty for classes.
        fine: whether float32 would lose differences that matter, so that values are scaled in float64.
        gap: the unit of scaled time: median positive elapsed time (of a sample of 100,000), first steps left out.

    Example:
        >>> from caudal.data import from_arrays
        >>> scaler = Scaler.fit(from_arrays(np.array([[1.0, 3.0], [5.0, 7.0]]), [0, 1]))
        >>> scaler.mean, Scaler.from_json(scaler.to_json()) == scaler
        ((4.0,), True)
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    static_mean: tuple[float, ...] = ()
    static_std: tuple[float, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()
    gap: float = 1.0
    fine: bool = False
    schema: ClassVar[Schema] = Schema(noun="a scaler", remedy="Fit it again.", is_ascii=True)

    @staticmethod
    def fit(train: Sequences | Iterable[Sequences]) -> "Scaler":
        """Learn from training series, given at once or in chunks (one pass, bounded memory).

        Raises:
            DataError: there is no chunk.
        """
        inputs, statics, targets, gaps = _Moments(), _Moments(), _Moments(), _Gaps()
        first: Sequences | None = None
        fine = False
        for part in [train] if isinstance(train, Sequences) else train:
            first, fine = first or part, fine or part.is_fine
            inputs.add(part.values.reshape(-1, part.inputs), part.observed.reshape(-1, part.inputs))
            statics.add(part.static, part.static_observed)
            if part.target is not None and part.target_mask is not None and not part.classes:
                width = part.target.shape[-1]
                targets.add(part.target.reshape(-1, width), part.target_mask.reshape(-1, width))
            gaps.add(part)
        if first is None:
            raise DataError("Scaler.fit", "train", "holds no chunk", "Pass at least one series.")
        mean, std = inputs.result(first.features)
        static_mean, static_std = statics.result(first.statics)
        target_mean, target_std = targets.result(None)
        return Scaler(mean, std, static_mean, static_std, target_mean, target_std, gaps.median(), fine)

    def target(self, target: Array) -> Array:
        """Scale outputs `(..., outputs)`; classes pass through."""
        if not self.target_mean:
            return target
        scaled = (target - np.array(self.target_mean)) / np.array(self.target_std)
        return np.asarray(scaled, dtype=target.dtype)

    def restore(self, output: Array) -> Array:
        """Predicted outputs `(..., outputs)` back in their own units."""
        if not self.target_mean:
            return output
        dtype = np.float64 if self.fine else output.dtype
        return np.asarray(output * np.array(self.target_std) + np.array(self.target_mean), dtype=dtype)

    def to_json(self) -> str:
        """One JSON object; numbers keep every bit."""
        return serial.to_json(self)

    @staticmethod
    def from_json(text: str) -> "Scaler":
        """The scaler that `to_json` wrote.

        Raises:
            FileFormatError: the text is no scaler, or of another version.
        """
        return serial.from_json(Scaler, text, limit=limits.TEXT, check=check_scaler)


def check_scaler(scaler: Scaler) -> None:
    """Raise ValueError for a scaler that scales nothing: lengths that differ, or widths that are not above 0."""
    for mean, std in (("mean", "std"), ("static_mean", "static_std"), ("target_mean", "target_std")):
        if len(getattr(scaler, mean)) != len(getattr(scaler, std)):
            raise ValueError(f"{mean} and {std} are of different lengths")
        if not all(0 < width < math.inf for width in getattr(scaler, std)):
            raise ValueError(f"{std} holds a width that is not above 0")
    if not 0 < scaler.gap < math.inf:
        raise ValueError(f"gap is {scaler.gap}; expected a time above 0")


def is_flat(mean: NDArray[np.float64], std: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    """Which columns are constant: what spread they have is left by rounding in the dtype of their cells."""
    return np.asarray(std <= (1e-7 if dtype == np.float32 else 1e-13) * np.maximum(np.abs(mean), 1e-30), np.bool_)


def needs_float64(cells: Array, known: NDArray[np.bool_]) -> bool:
    """Whether rounding to float32 takes more than a ten-thousandth of the spread of some column `(..., columns)`.

    Example:
        >>> needs_float64(np.array([[1.7e9], [1.7e9 + 20]]), np.ones((2, 1), bool))
        True
    """
    for k in range(cells.shape[-1]):
        column = cells[..., k][known[..., k]].astype(np.float64)
        if not column.size:
            continue
        low, high = float(column.min()), float(column.max())
        with np.errstate(over="ignore"):
            is_lost = low < high and max(-low, high) * 2.0**-24 > _LOSS * float(column.std())
            if is_lost and (column.astype(np.float32) != column).any():
                return True
    return False


class _Moments:
    """Count, mean and squared deviation per column, merged chunk by chunk (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.dtype = np.dtype(np.float32)
        self.count: NDArray[np.float64] = np.zeros(0)
        self.mean: NDArray[np.float64] = np.zeros(0)
        self.spread: NDArray[np.float64] = np.zeros(0)

    def add(self, cells: Array, known: NDArray[np.bool_]) -> None:
        if not self.count.size:
            self.count, self.mean, self.spread = (np.zeros(cells.shape[1]) for _ in range(3))
        self.dtype = np.dtype(cells.dtype)
        count = known.sum(axis=0).astype(np.float64)
        safe = np.maximum(count, 1)
        mean = cells.sum(axis=0, dtype=np.float64, where=known) / safe
        # In float64, so that a column with a large mean keeps its spread; column by column to bound the memory.
        spread = np.array(
            [np.square(cells[known[:, k], k].astype(np.float64) - mean[k]).sum() for k in range(cells.shape[1])]
        )
        total = self.count + count
        shift = mean - self.mean
        weight = count / np.maximum(total, 1)
        self.mean = self.mean + shift * weight
        self.spread = self.spread + spread + np.square(shift) * self.count * weight
        self.count = total

    def result(self, features: tuple[Feature, ...] | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
        std = np.sqrt(self.spread / np.maximum(self.count, 1))
        flat = is_flat(self.mean, std, self.dtype)
        is_category = (
            np.array([f.kind == "category" for f in features], dtype=np.bool_) if features else np.zeros_like(flat)
        )
        mean = np.where(is_category, 0.0, self.mean)
        return tuple(mean.tolist()), tuple(np.where(is_category | flat, 1.0, std).tolist())


class _Gaps:
    """Positive elapsed times, thinned evenly once there are many, for their median."""

    def __init__(self) -> None:
        self.kept: list[NDArray[np.float64]] = []
        self.every = 1

    def add(self, part: Sequences) -> None:
        later = part.dt[:, 1:]
        self.kept.append(later[later > 0][:: self.every])
        while sum(map(len, self.kept)) > _GAPS_KEPT:
            self.every *= 2
            self.kept = [np.concatenate(self.kept)[::2]]

    def median(self) -> float:
        gaps = np.concatenate(self.kept)
        return float(np.median(gaps)) if gaps.size else 1.0
