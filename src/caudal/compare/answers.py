"""What a model answers to the known targets of some series, one row each, ready to be judged."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.errors import DataError


@dataclass(frozen=True, eq=False)
class Answers:
    """Predictions beside the truth.

    Attributes:
        scores: probabilities `(known, classes)`, or numbers in the unit of the target `(known, outputs)`; float32.
        series: `(known,)` int64, position of the series of each row.
        truth: `(known,)` int64 codes, or `(known, outputs)` numbers.
    """

    scores: NDArray[np.float32]
    series: NDArray[np.int64]
    truth: NDArray[Any]


def known_targets(data: Sequences) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Which targets are known, and those.

    A row is one decision: a series, one of its steps, or one step ahead. It is known where all its outputs are.

    Returns:
        a bool mask over rows, of the shape of the target less its axis of outputs; and the known targets.

    Raises:
        DataError: no target is known.
    """
    target, known = data.target, data.target_mask
    if target is None or known is None:
        raise DataError("compare", "data", "have no target", "Pass series whose target is known.")
    rows = known if data.classes else np.asarray(known.all(axis=-1))
    if not rows.any():
        raise DataError("compare", "data", "have no known target", "Pass series whose target is known.")
    return rows, target[rows]


def gather(data: Sequences, answer: NDArray[Any]) -> Answers:
    """The rows of an answer whose target is known.

    Arguments:
        data: series with their target.
        answer: shape of the target, with a last axis of classes or outputs.

    Raises:
        DataError: no target is known.
    """
    rows, truth = known_targets(data)
    return Answers(answer[rows].astype(np.float32), np.nonzero(rows)[0].astype(np.int64), truth)
