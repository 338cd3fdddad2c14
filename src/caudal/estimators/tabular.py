"""Abstract base of the estimators that are no networks: trees, summaries, and the answer without a model."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from caudal.data import Encoder, ParquetSequences, Recipe, Sequences, from_frame, read_like
from caudal.data.changes import held_answers
from caudal.data.disturb import augmented, expected, stacked
from caudal.data.plan import refuse_flips
from caudal.errors import DataError, FileFormatError, InputError
from caudal.estimators.features import Size, decisions_of
from caudal.estimators.files import FORMAT, KEY, checked, facts_of_file, labels_of, plain_of
from caudal.estimators.settings import plain
from caudal.estimators.training import STOPPING, check_classes, parts_of
from caudal.files import put
from caudal.nn.decide import check_threshold, decided
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.audit import Log

Arrays = Mapping[str, Array]
# Draws of disturbed series that it meets beside the series as they are.
_PASSES = 3


class FeatureModel(BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """Abstract base; it learns any task from `Sequences`, or from a table whose columns are named.

    A subclass writes `learn`, `computed`, `size`, `arrays` and `restore`. Its settings `augment` and `send_on_change`
    are those of `LiquidClassifier`; what a network meets pass by pass, it meets at once: the series as they are, and
    as three passes would draw them.

    Attributes:
        task_: what was asked.
        classes_: labels in the order of their probabilities; none of numbers.
        outputs_: names of the numbers that are predicted.
        horizon_: steps ahead of a forecast, or 0.
        encoder_: scales and channels of the training series, by which a table in other units is noticed.
        data_recipe_: how the table was read; None for series of arrays.
        origin_: data, split, seed and scores, where a study or a recipe trained it; or None.
        threshold_: of two classes, the probability of the last from which on it is decided for; None for the likeliest.
    """

    origin_: Mapping[str, object] | None = None
    threshold_: float | None = None
    seed: int
    validation: float
    augment: Mapping[str, float] | None = None
    send_on_change: float | Mapping[str, float] | None = None

    def fit(self, X: Any, *, val: Sequences | None = None, **columns: Any) -> Self:
        """Learn from series.

        Arguments:
            X: `Sequences` with their target; or a table, with `target`, `series` and more as `from_frame` takes them.
            val: series to choose by, where the model chooses something; None takes a share of X.

        Raises:
            DataError: the target is unknown, or the table does not read.
        """
        owner = type(self).__name__
        data = X if isinstance(X, Sequences) else from_frame(X, **{"series": None, "time": None, **columns})
        refuse_flips(owner, data.findings, data.task)
        if data.target is None:
            raise DataError(owner, "X", "have no target", "Name the column to predict, or pass series with a target.")
        self.origin_, self.threshold_ = None, None
        self.task_, self.data_recipe_ = str(data.task), data.recipe
        self.classes_, self.outputs_ = np.array(data.classes), tuple(data.outputs)
        self.horizon_ = 0 if data.ahead is None else int(data.ahead.shape[1])
        self.n_features_in_ = data.inputs
        levels = expected(owner, "augment", self.augment)
        self.encoder_ = Encoder.fit(data).with_thresholds(self.send_on_change)
        if val is None and self.validation > 0:
            rows, stops = parts_of(data, self.validation, self.seed)
            data, val = (data.select(rows), data.select(stops)) if len(stops) else (data, None)
        scaler = self.encoder_.scaler
        if levels:
            data = stacked([data, *(augmented(data, levels, self.seed, number, scaler) for number in range(_PASSES))])
            val = None if val is None else augmented(val, levels, self.seed, STOPPING, scaler)
        self.learn(self.encoder_.sent(data), None if val is None else self.encoder_.sent(val))
        return self

    def learn(self, train: Sequences, val: Sequences | None) -> None:
        """Learn from training series, choosing by others where there are any."""
        raise NotImplementedError

    def answer(self, data: Sequences) -> Array:
        """Probabilities of classes or numbers in their unit, in the shape of the target with a last axis of them."""
        if not self.encoder_.thresholds:
            return self.computed(data)
        answers = self.computed(self.encoder_.sent(data))
        if not data.task.is_per_step:
            return answers
        at_every_step: Array = held_answers(self.encoder_.moved(data), answers) * data.mask[:, :, None]
        return at_every_step

    def computed(self, data: Sequences) -> Array:
        """The answers to series whose every step counts; see `answer`."""
        raise NotImplementedError

    def size(self, steps: float) -> Size:
        """How large it is, and what one of `steps` steps costs."""
        raise NotImplementedError

    def arrays(self) -> Arrays:
        """What it learnt, as named arrays of numbers."""
        raise NotImplementedError

    def restore(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave.

        Raises:
            ValueError, LookupError: they do not fit one another.
        """
        raise NotImplementedError

    def read(self, x: object, *, target: bool = False) -> Sequences:
        """Data to predict or to score, read as those of the training; `target`: whether it is there.

        Raises:
            NotFittedError: it is not trained yet.
            DataError: the data are others than those of the training.
        """
        check_is_fitted(self, "task_")
        owner = type(self).__name__
        if isinstance(x, Sequences):
            if target:
                check_classes(owner, x, tuple(self.classes_.tolist()))
            return x
        if self.data_recipe_ is None:
            raise DataError(owner, "X", "is a table, and the model was trained on arrays", "Pass `Sequences`.")
        return read_like(x, self.data_recipe_, target=target)

    def parts(self, X: object) -> Iterator[Sequences]:
        """What `predict` is asked about, one chunk of series after the other."""
        check_is_fitted(self, "task_")
        for part in X if isinstance(X, ParquetSequences) else (X,):
            data = self.read(part)
            if data.task != self.task_ or data.inputs != self.n_features_in_:
                fault = f"asks to {data.task} from {data.inputs} inputs; the model was trained to {self.task_} from "
                raise DataError(type(self).__name__, "X", f"{fault}{self.n_features_in_}", "Read them as in training.")
            yield data

    def predict(self, X: object, *, threshold: float | None = None, log: "Log | None" = None) -> Any:
        """Classes `(batch,)`, numbers `(batch,)` or `(batch, [horizon,] outputs)`, or a list with one array a series.

        Arguments:
            X: `Sequences`, or a table with the columns of the training.
            threshold: of two classes: the last is decided for from this probability on; None takes `threshold_`.
            log: refused: a log replays networks.

        Raises:
            NotFittedError: it is not trained yet.
            DataError: the inputs are others than those of the training.
            InputError: a log is given; or the threshold is no probability, or there are not two classes.
        """
        _refuse_log(self, log)
        check_is_fitted(self, "task_")
        used = self.threshold_of(threshold)
        if self.task_.startswith("classify"):
            shares = self.predict_proba(X)
            if isinstance(shares, list):
                return [self.classes_[decided(row, used)] for row in shares]
            return self.classes_[decided(shares, used)]
        numbers = self._rows(X)
        if isinstance(numbers, list):
            return numbers
        return numbers[:, 0] if self.task_ == "regress" and numbers.shape[1] == 1 else numbers

    def threshold_of(self, asked: float | None = None) -> float | None:
        """The threshold that decides: the one asked for, else `threshold_`; None decides for the likeliest class.

        Raises:
            InputError: as `predict`.
        """
        return check_threshold(type(self).__name__, self.threshold_ if asked is None else asked, len(self.classes_))

    def predict_proba(self, X: object, *, threshold: float | None = None, log: "Log | None" = None) -> Any:
        """Probabilities `(batch, classes)` float64, or a list of `(time, classes)`; see `predict`."""
        del threshold  # of an answer that is logged, which a network alone gives
        _refuse_log(self, log)
        return self._rows(X)

    def _rows(self, x: object) -> Any:
        rows: list[Array] = []
        for data in self.parts(x):
            answers = np.asarray(self.answer(data.without_target()), np.float64)
            if self.task_ in ("classify_steps", "imitate"):
                rows.extend(row[:n] for row, n in zip(answers, data.lengths.tolist(), strict=True))
            else:
                rows.append(answers)
        return rows if self.task_ in ("classify_steps", "imitate") else np.concatenate(rows)

    def explain(self, X: object, **options: object) -> NoReturn:
        """Refused in words: influences and proofs are those of a network.

        Raises:
            InputError: always.
        """
        fault = f"is a {type(self).__name__}, and an explanation follows a signal through a network"
        raise InputError("explain", "model", fault, "Pass a network of the same study, such as models/cfc.caudal.")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what it learnt, its settings and how it reads a table into one file of numbers and JSON.

        Raises:
            NotFittedError: it is not trained yet.
            OSError: the file cannot be written.
        """
        check_is_fitted(self, "task_")
        recipe = self.data_recipe_
        facts = {
            "format": FORMAT,
            "kind": type(self).__name__,
            "settings": self.stated(),
            "encoder": self.encoder_.to_json(),
            "data_recipe": None if recipe is None else recipe.to_json(),
            "plain": plain_of(self),
            "outputs": list(self.outputs_),
            "lists": {"classes_": [self.classes_.dtype.str, self.classes_.tolist()]},
        }
        text = json.dumps(facts, sort_keys=True)
        metadata = {KEY: json.dumps({"facts": text, "digest": hashlib.sha256(text.encode()).hexdigest()})}
        arrays = {name: np.ascontiguousarray(value) for name, value in self.arrays().items()}
        put(Path(path), pack(arrays, metadata=metadata))

    def stated(self) -> dict[str, object]:
        """Settings that a file states."""
        return {name: plain(value) for name, value in self.get_params(deep=False).items()}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The model that `save` wrote; its answers are the same to the bit.

        Raises:
            MissingFileError: there is no such file.
            FileFormatError: it is damaged, or holds no model of this class.
        """
        facts = facts_of_file(cls.__name__, Path(path))
        try:
            model = cls(**facts["settings"])
            model.encoder_ = Encoder.from_json(facts["encoder"])
            recipe = facts["data_recipe"]
            model.data_recipe_ = None if recipe is None else Recipe.from_json(recipe)
            model.classes_ = labels_of("classes_", *facts["lists"]["classes_"])
            model.outputs_ = tuple(map(str, facts["outputs"]))
            for name, value in checked(facts["plain"]).items():
                setattr(model, name, value)
            with safe_open(os.fspath(path), framework="np") as file:
                model.restore({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118  # no mapping
        except FileFormatError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, SafetensorError) as error:
            raise FileFormatError(f"{path}: does not rebuild a {cls.__name__} ({error}). Save it again.") from error
        return model

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what it learnt, how it reads a table, and its classes."""
        ledger = hashlib.sha256(f"caudal.{type(self).__name__}".encode())
        for name, value in sorted(self.arrays().items()):
            ledger.update(f"{name} {value.dtype} {value.shape} ".encode() + np.ascontiguousarray(value).tobytes())
        recipe = None if self.data_recipe_ is None else self.data_recipe_.to_json()
        ledger.update(json.dumps([self.encoder_.to_json(), recipe, list(map(str, self.classes_.tolist()))]).encode())
        return ledger.hexdigest()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "task_")


def spread_out(data: Sequences, scores: Callable[[NDArray[np.bool_]], Array]) -> Array:
    """What is answered to each decision of some series, in the shape of the target; 0 in the padding of steps."""
    rows = decisions_of(data)
    answers = scores(rows)
    whole = np.zeros((*rows.shape, answers.shape[1]))
    whole[rows] = answers
    return whole


def _refuse_log(model: FeatureModel, log: object) -> None:
    if log is not None:
        fault = f"is given, and a {type(model).__name__} is no network: a log replays what a network computed"
        raise InputError("predict", "log", fault, "Leave it out, or predict with a network of the same study.")
