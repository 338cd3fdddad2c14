"""A trained contender, whatever its kind: its estimator and what it took."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.compare.contenders.registry import Estimator
from caudal.compare.record import Contender
from caudal.data import Sequences
from caudal.errors import InputError
from caudal.estimators import load
from caudal.estimators.features import known_targets
from caudal.estimators.recipe import FitRecipe, ModelPart, TrainPart
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class TrainedContender:
    """What training gave.

    Attributes:
        contender: sizes and counts, no timings but that of the training.
        model: the estimator, trained.
        epochs: passes made; 0 where there are none.
        history: loss on training and validation after each pass.
        best_epoch: the pass whose weights were kept, from 1; 0 where there are none.
    """

    contender: Contender
    model: Estimator
    epochs: int = 0
    history: tuple[tuple[float, float | None], ...] = ()
    best_epoch: int = 0

    def answer(self, data: Sequences) -> Array:
        """The answers to series, in the shape of their targets with a last axis of classes or outputs."""
        return self.model.answer(data)


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that a study hands over.

    Attributes:
        name: of the contender.
        model: the estimator of the first seed; `clone(model).fit(data)` gives the same architecture and settings.
        recipe: what `fit_recipe` trains the same model from; None where the model is no network, or its series are of
            no table or data set that a recipe can name and divide in the same way.
    """

    name: str
    model: Estimator
    recipe: FitRecipe | None = None


@dataclass(frozen=True, eq=False)
class ContenderAnswers:
    """Predictions beside the truth.

    Attributes:
        scores: probabilities `(known, classes)`, or numbers in the unit of the target `(known, outputs)`; float32.
        series: `(known,)` int64, position of the series of each row.
        truth: `(known,)` int64 codes, or `(known, outputs)` numbers.
    """

    scores: NDArray[np.float32]
    series: NDArray[np.int64]
    truth: Array


def gather(data: Sequences, answer: Array) -> ContenderAnswers:
    """The rows of an answer whose target is known.

    Arguments:
        data: series with their target.
        answer: shape of the target, with a last axis of classes or outputs.

    Raises:
        DataError: no target is known.
    """
    rows, truth = known_targets(data)
    return ContenderAnswers(answer[rows].astype(np.float32), np.nonzero(rows)[0].astype(np.int64), truth)


def packed(model: Estimator) -> bytes | None:
    """The file of a trained estimator, as bytes; None of one of the caller's own that no file can hold."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model.caudal"
        try:
            model.save(str(place))
        except InputError:
            if network_in(model) is not None:
                raise
            return None
        return place.read_bytes()


def recipe_of(model: Estimator, data: Mapping[str, object]) -> FitRecipe | None:
    """The recipe that trains the same network, or None of what is no network.

    Arguments:
        model: trained.
        data: which series and how they are divided, by the fields of `DataPart`.
    """
    network = network_in(model)
    if network is None:
        return None
    settings = {name: value for name, value in network.get_params(deep=False).items() if value is not None}

    def of(kind: type[ModelPart | TrainPart]) -> dict[str, object]:
        return {field.name: settings[field.name] for field in fields(kind) if field.name in settings}

    named = {**of(ModelPart), **({} if model.threshold_ is None else {"threshold": model.threshold_})}
    return FitRecipe.from_dict({"data": data, "model": named, "train": of(TrainPart)})


def network_in(model: Estimator) -> "LiquidEstimator | None":
    """The model itself where it is a network, else None."""
    from caudal.estimators.base import LiquidEstimator

    return model if isinstance(model, LiquidEstimator) else None


def unpacked(model: bytes) -> Estimator:
    """The trained estimator of a file."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model.caudal"
        place.write_bytes(model)
        found: Estimator = load(place)
        return found


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
