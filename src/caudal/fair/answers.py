"""What a model answered about some series, next to what is true."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import InputError

Kind = Literal["decision", "number"]


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers and truth, one per series, or several of each series. Make it with `decisions` or `numbers`.

    Attributes:
        kind: `"decision"` (yes or no) or `"number"`.
        truth: `(n,)` float64: 1 where the positive class is true, else 0; or the true number.
        given: `(n,)` float64: 1 where the positive class was decided, else 0; or the predicted number.
        right: `(n,)` bool, whether the decision was right; for numbers all False.
        score: `(n,)` float64 probability of the positive class, or None.
        owner: `(n,)` int64, whose answer it is: answers of one series, or person, are drawn together.
        row: `(n,)` int64, position of the series that was asked about; None where that is the owner.
    """

    kind: Kind
    truth: NDArray[np.float64]
    given: NDArray[np.float64]
    right: NDArray[np.bool_]
    score: NDArray[np.float64] | None
    owner: NDArray[np.int64]
    row: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def select(self, rows: ArrayLike) -> "Answers":
        """The answers at some positions.

        Arguments:
            rows: positions, or a bool mask `(n,)`.
        """
        at = np.asarray(rows)
        score = None if self.score is None else self.score[at]
        row = None if self.row is None else self.row[at]
        return Answers(self.kind, self.truth[at], self.given[at], self.right[at], score, self.owner[at], row)

    @property
    def rows(self) -> NDArray[np.int64]:
        """`(n,)` position of the series of each answer."""
        return self.owner if self.row is None else self.row


def decisions(
    truth: ArrayLike,
    score: ArrayLike | None = None,
    *,
    decided: ArrayLike | None = None,
    right: ArrayLike | None = None,
    threshold: float = 0.5,
    owner: ArrayLike | None = None,
    row: ArrayLike | None = None,
) -> Answers:
    """`Answers` from true classes (yes or no) and scores, or decisions, of a model.

    Arguments:
        truth: `(n,)` bool, or 0 and 1: whether the positive class is true.
        score: `(n,)` probability of the positive class.
        decided: `(n,)` what was decided; None decides yes where the score reaches the threshold.
        right: `(n,)` where there are more than two classes, whether the class was right; None compares with `truth`.
        threshold: of the score.
        owner: `(n,)` whose answer it is; None takes each for its own.
        row: `(n,)` position of the series, where one owner has several.

    Raises:
        InputError: neither score nor decision is given, shapes disagree, a score is no probability, or the truth
            holds one class only.

    Example:
        >>> decisions([0, 1, 1], [0.2, 0.9, 0.4]).given.tolist()
        [0.0, 1.0, 0.0]
    """
    real = _flags("truth", truth, None)
    if real.min() == real.max():
        fault = f"holds one class only: all {len(real):,} are {'positive' if real[0] else 'negative'}"
        raise InputError("decisions", "truth", fault, "Errors of both kinds need both classes; use more series.")
    shares = None if score is None else _scores(score, len(real))
    if decided is None:
        if shares is None:
            raise InputError("decisions", "score", "is not given, nor what was decided", "Pass one of them.")
        if not 0 <= threshold <= 1:
            raise InputError("decisions", "threshold", f"is {threshold}; expected 0 to 1", "Pass 0.5, say.")
        given = (shares >= threshold).astype(np.float64)
    else:
        given = _flags("decided", decided, len(real))
    hits = real == given if right is None else _flags("right", right, len(real)) == 1
    whose = _owners(owner, len(real), "decisions")
    return Answers("decision", real, given, hits, shares, whose, _rows(row, len(real), "decisions"))


def numbers(
    truth: ArrayLike, given: ArrayLike, *, owner: ArrayLike | None = None, row: ArrayLike | None = None
) -> Answers:
    """`Answers` from true and predicted numbers.

    Arguments:
        truth: `(n,)` true numbers.
        given: `(n,)` predicted ones.
        owner, row: as in `decisions`.

    Raises:
        InputError: shapes disagree, or a number is not finite.

    Example:
        >>> len(numbers([1.0, 2.0], [1.5, 2.0]))
        2
    """
    real, predicted = np.asarray(truth, np.float64), np.asarray(given, np.float64)
    if real.ndim != 1 or real.shape != predicted.shape or not len(real):
        fault = f"has shape {predicted.shape}; the truth has {real.shape}"
        raise InputError("numbers", "given", fault, "Pass one number per answer.")
    if not (np.isfinite(real).all() and np.isfinite(predicted).all()):
        raise InputError("numbers", "given", "or the truth is not finite", "Leave those series out.")
    whose = _owners(owner, len(real), "numbers")
    right = np.zeros(len(real), np.bool_)
    return Answers("number", real, predicted, right, None, whose, _rows(row, len(real), "numbers"))


def _flags(name: str, column: ArrayLike, count: int | None) -> NDArray[np.float64]:
    array = np.asarray(column)
    if array.ndim != 1 or not len(array) or (count is not None and len(array) != count):
        fault = f"has shape {array.shape}; expected ({'n' if count is None else count},)"
        raise InputError("decisions", name, fault, "Pass one value per answer.")
    if array.dtype.kind not in "iufb" or not np.isin(array, (0, 1)).all():
        raise InputError("decisions", name, "holds other values than 0 and 1", "Compare with the positive class first.")
    return array.astype(np.float64)


def _scores(score: ArrayLike, count: int) -> NDArray[np.float64]:
    array = np.asarray(score, np.float64)
    if array.shape != (count,):
        raise InputError("decisions", "score", f"has shape {array.shape}; expected ({count},)", "Pass one per answer.")
    if not ((array >= 0) & (array <= 1)).all():
        raise InputError("decisions", "score", "is no probability: below 0, above 1 or NaN", "Pass probabilities.")
    return array


def _owners(owner: ArrayLike | None, count: int, who: str) -> NDArray[np.int64]:
    if owner is None:
        return np.arange(count, dtype=np.int64)
    array = np.asarray(owner)
    if array.shape != (count,):
        raise InputError(who, "owner", f"has shape {array.shape}; expected ({count},)", "Pass one per answer.")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)


def _rows(row: ArrayLike | None, count: int, who: str) -> NDArray[np.int64] | None:
    if row is None:
        return None
    array = np.asarray(row)
    if array.shape != (count,) or array.dtype.kind not in "iu" or (array < 0).any():
        raise InputError(who, "row", f"is not {count} positions of at least 0", "Pass one per answer.")
    return array.astype(np.int64)
