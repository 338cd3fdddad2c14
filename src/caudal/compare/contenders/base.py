"""A trained contender, whatever its kind: a function from series to answers, and what it took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.compare.contenders.encoding import Lens
from caudal.compare.record import Contender
from caudal.data import Sequences
from caudal.errors import DataError
from caudal.nn import Readout

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gave.

    Attributes:
        contender: sizes and counts, no timings but that of the training.
        answer: from series to their targets' shape with a last axis of classes (probabilities) or outputs (numbers in
            the unit of the target). The answer to a series does not depend on those beside it.
        epochs: passes made; 0 where there are none.
        history: loss on training and validation after each pass.
        net: the network, or None.
        lens: how the network sees series, or None.
    """

    contender: Contender
    answer: Callable[[Sequences], NDArray[Any]]
    epochs: int = 0
    history: tuple[tuple[float, float | None], ...] = ()
    net: Readout | None = None
    lens: Lens | None = None


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


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread, and on as many as before afterwards.

    Example:
        >>> with one_thread():
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
