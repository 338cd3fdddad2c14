"""A trained contender, whatever its kind: a function from series to answers, and what it took."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from caudal.compare.encoded import Lens
from caudal.data import Sequences
from caudal.nn import Readout
from caudal.records import Contender

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
