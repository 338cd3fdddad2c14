"""Sets and intervals that hold the truth as often as they say, in each group: split conformal prediction (crepes).

Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World*, 2005, sections 2.2 and 4.5 (Mondrian). The promise
is over series that come as those of the calibration came: whether they still do is what `audit.drift` watches.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.extras import need

_ALL = ""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a calibrated model says.

    Attributes:
        sets: `(batch, classes)`, which classes cannot be ruled out; None for numbers.
        intervals: `(batch, 2)`, ends of the interval; None for classes.
        abstained: `(batch,)`, whether nothing definite can be said: not exactly one class is left, the interval is
            wider than it may be, or the group was not calibrated.
    """

    sets: NDArray[np.bool_] | None
    intervals: NDArray[np.float64] | None
    abstained: NDArray[np.bool_]


@dataclass(frozen=True)
class Coverage:
    """How often the truth lay within.

    Attributes:
        marginal: share of all series.
        by_group: share of each group.
        counts: series of each group.
        abstained: share of series on which nothing definite was said.
        size: mean number of classes in a set, or mean width of an interval.
    """

    marginal: float
    by_group: Mapping[str, float]
    counts: Mapping[str, int]
    abstained: float
    size: float

    @property
    def worst(self) -> float:
        """The smallest share of a group."""
        return min(self.by_group.values())


@dataclass(frozen=True, eq=False)
class Conformal:
    """A calibration; see `calibrate`.

    Attributes:
        scores: `(series,)`, how strange the truth was, sorted by nothing.
        bins: `(series,)`, category of each: its group, and with `by_class` its class.
        groups: names, in the order of their codes; one empty name where there are no groups.
        classes: how many, 0 for numbers.
        confidence: what is promised.
        by_class: the promise holds in each class too.
        widest: of an interval that is still an answer.
    """

    scores: NDArray[np.float64]
    bins: NDArray[np.int64]
    groups: tuple[str, ...]
    classes: int
    confidence: float
    by_class: bool = False
    widest: float = math.inf
    counts: Mapping[int, int] = field(init=False)

    def __post_init__(self) -> None:
        bins, number = np.unique(self.bins, return_counts=True)
        object.__setattr__(self, "counts", dict(zip(bins.tolist(), number.tolist(), strict=True)))

    @property
    def least(self) -> int:
        """Series that a category needs before anything can be promised of it."""
        return math.ceil(self.confidence / (1 - self.confidence) - 1e-9)

    @property
    def small(self) -> tuple[str, ...]:
        """Groups of which nothing is promised: too few series, in all or in one of the classes."""
        width = self.classes if self.by_class else 1
        return tuple(
            name
            for k, name in enumerate(self.groups)
            if any(self.counts.get(k * width + c, 0) < self.least for c in range(width))
        )

    def answer(self, predictions: ArrayLike, groups: ArrayLike | None = None) -> Answer:
        """Sets or intervals for new series.

        Arguments:
            predictions: probabilities `(batch, classes)`, or numbers `(batch,)`, of the model that was calibrated.
            groups: `(batch,)`; of a group that was not calibrated, or that has too few series, nothing is promised:
                all classes, or an interval without ends.

        Raises:
            ShapeError: it has another shape than what was calibrated.
            NonFiniteError: it holds NaN or infinity.
        """
        numbers = _checked("answer", predictions, self.classes)
        codes = group_codes(groups, self.groups, len(numbers))
        limits = self.limits[codes]  # the last row is that of a group which is not known
        if self.classes:
            sets = 1 - numbers <= limits
            return Answer(sets, None, sets.sum(axis=1) != 1)
        ends = numbers[:, None] + limits * [-1.0, 1.0]
        return Answer(None, ends, (ends[:, 1] - ends[:, 0] > self.widest) | np.isinf(limits[:, 0]))

    @cached_property
    def limits(self) -> NDArray[np.float64]:
        """`(groups + 1, classes)`, or `(groups + 1, 1)` for numbers: scores up to these are within; infinity where
        nothing is promised, and in the last row.
        """
        limits = np.full((len(self.groups) + 1, max(self.classes, 1)), np.inf)
        crepes = need("Conformal", "crepes")
        promised = [k for k, name in enumerate(self.groups) if name not in self.small]
        if not self.classes:
            if promised:
                is_enough = np.isin(self.bins, promised)
                model = crepes.ConformalRegressor().fit(self.scores[is_enough], bins=self.bins[is_enough])
                ends = model.predict_int(np.zeros(len(promised)), bins=np.array(promised), confidence=self.confidence)
                limits[promised, 0] = ends[:, 1]
            return limits
        # The p-value falls as the score grows, in steps at the scores of the calibration.
        model = crepes.ConformalClassifier().fit(self.scores, bins=self.bins)
        is_within = model.predict_p(self.scores[:, None], bins=self.bins, smoothing=False)[:, 0] > self._least_p
        for k in promised:
            for c in range(self.classes):
                scores = self.scores[is_within & (self.bins == (k * self.classes + c if self.by_class else k))]
                limits[k, c] = scores.max(initial=-np.inf)
        return limits

    @property
    def _least_p(self) -> float:
        return 1 - self.confidence + 1e-9


def calibrate(
    predictions: ArrayLike,
    truth: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    confidence: float = 0.9,
    by_class: bool = False,
    widest: float = math.inf,
) -> Conformal:
    """Calibrate on series that the model was not trained on.

    Arguments:
        predictions: probabilities `(series, classes)`, or numbers `(series,)`.
        truth: `(series,)`, the code of the class, or the number.
        groups: `(series,)`, whose promise is kept apart (Mondrian); None for one promise over all.
        confidence: share that is promised, such as 0.9.
        by_class: keep the promise in each class too: a rare class is otherwise the one that is missed.
        widest: interval that is still an answer; wider ones count as abstentions.

    Raises:
        InputError: `confidence` is not between 0 and 1, or there are too few series for it.
        ShapeError: the shapes do not go together.
        NonFiniteError: something is NaN or infinite.
        MissingExtraError: `crepes` is not installed.

    Example:
        >>> dice = np.random.default_rng(0)
        >>> predictions, ward = dice.normal(size=500), dice.integers(0, 2, 500)
        >>> conformal = calibrate(predictions, predictions + dice.normal(size=500) * (1 + ward), ward)
        >>> new = dice.normal(size=2000)
        >>> wide = conformal.answer(new, np.ones(2000, int)).intervals
        >>> narrow = conformal.answer(new, np.zeros(2000, int)).intervals
        >>> bool((wide[:, 1] - wide[:, 0] > narrow[:, 1] - narrow[:, 0]).all())
        True
    """
    if not 0 < confidence < 1:
        raise InputError("calibrate", "confidence", f"is {confidence}", "Pass a share such as 0.9.")
    need("calibrate", "crepes")
    width = 0 if np.ndim(predictions) == 1 else np.shape(predictions)[-1]
    numbers, real = _checked("calibrate", predictions, width), np.asarray(truth)
    if real.shape != (len(numbers),):
        fault = f"has shape {real.shape}; expected ({len(numbers)},)"
        raise ShapeError("calibrate", "truth", fault, "Pass one truth for each series.")
    names = (_ALL,) if groups is None else tuple(sorted({str(name) for name in np.asarray(groups).tolist()}))
    codes = group_codes(groups, names, len(numbers))
    if width:
        if real.dtype.kind not in "iub" or real.min(initial=0) < 0 or real.max(initial=0) >= width:
            fault = f"holds what is no code of {width} classes"
            raise InputError("calibrate", "truth", fault, f"Pass whole numbers from 0 to {width - 1}.")
        scores = 1 - numbers[np.arange(len(numbers)), real.astype(np.int64)]
        codes = codes * width + real.astype(np.int64) if by_class else codes
    else:
        if not np.isfinite(real.astype(float)).all():
            raise NonFiniteError("calibrate", "truth", "holds NaN or infinity", "Leave series without truth out.")
        scores = np.abs(real.astype(float) - numbers)
    conformal = Conformal(scores, codes, names, width, confidence, by_class and bool(width), widest)
    if len(conformal.small) == len(names):
        fault = f"has {len(numbers)} series, and no group has the {conformal.least} that {confidence:g} needs"
        raise InputError("calibrate", "predictions", fault, "Pass more series, or merge groups.")
    return conformal


def coverage(answer: Answer, truth: ArrayLike, groups: ArrayLike | None = None) -> Coverage:
    """How often the truth lay within, in all and in each group; series of which nothing is promised count too.

    Raises:
        ShapeError: there are not as many truths as answers.
    """
    real = np.asarray(truth)
    if real.shape != answer.abstained.shape or not len(real):
        fault = f"has shape {real.shape}; expected {answer.abstained.shape}, at least 1"
        raise ShapeError("coverage", "truth", fault, "Pass one truth for each answer.")
    if answer.sets is not None:
        is_within, size = answer.sets[np.arange(len(real)), real.astype(np.int64)], answer.sets.sum(axis=1)
    else:
        ends: Any = answer.intervals
        is_within, size = (ends[:, 0] <= real) & (real <= ends[:, 1]), ends[:, 1] - ends[:, 0]
    owner = np.full(len(real), _ALL) if groups is None else np.asarray(groups).astype(str)
    parts = {str(name): is_within[owner == name] for name in np.unique(owner)}
    return Coverage(
        float(is_within.mean()),
        {name: float(part.mean()) for name, part in parts.items()},
        {name: len(part) for name, part in parts.items()},
        float(answer.abstained.mean()),
        float(size.mean()),
    )


def _checked(owner: str, predictions: ArrayLike, classes: int) -> NDArray[np.float64]:
    numbers = np.asarray(predictions, np.float64)
    if (numbers.ndim != 2 or numbers.shape[1] != classes) if classes else numbers.ndim != 1:
        expected = f"(series, {classes})" if classes else "(series,)"
        fault = f"has shape {numbers.shape}; expected {expected}"
        raise ShapeError(owner, "predictions", fault, "Pass probabilities by class, or one number for each series.")
    if not np.isfinite(numbers).all():
        raise NonFiniteError(owner, "predictions", "holds NaN or infinity", "See `caudal doctor` for why.")
    return numbers


def group_codes(groups: ArrayLike | None, names: tuple[str, ...], count: int) -> NDArray[np.int64]:
    """Number of each group `(count,)`; -1 where it is not among the names.

    Raises:
        ShapeError: there are not as many groups as series.
    """
    if groups is None:
        return np.full(count, 0 if names == (_ALL,) else -1, np.int64)
    owners = np.asarray(groups)
    if owners.shape != (count,):
        fault = f"has shape {owners.shape}; expected ({count},)"
        raise ShapeError("Conformal", "groups", fault, "Pass the group of each series.")
    order = {name: k for k, name in enumerate(names)}
    if names == (_ALL,):
        return np.zeros(count, np.int64)
    return np.array([order.get(str(owner), -1) for owner in owners.tolist()], np.int64)
