"""What the estimators share: settings, the way from data to a trained network, and saving."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import InputTags, Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from caudal.data import Encoder, Sequences, from_frame, read_like, split
from caudal.errors import DataError
from caudal.estimators import files
from caudal.estimators.inputs import in_dtype, is_collection, is_table, weighted, weights_of
from caudal.nn import build_cell
from caudal.train import TrainRecipe, answer, examples, fit

_BATCH = 256


class LiquidEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """Abstract base of the estimators; see `LiquidClassifier` for the settings.

    A subclass sets `tasks`, and writes `arrays`, `asked` and `tags`. It never overrides `fit`.

    Attributes:
        net_: the trained `Readout`.
        encoder_: scales and channels, fitted on the training series.
        fitted_: history of the training.
        data_recipe_: how the table was read; None for arrays.
        n_features_in_: columns of a 2D array, otherwise channels.
    """

    tasks: tuple[str, ...] = ()

    def __init__(
        self,
        cell: str = "cfc",
        units: int = 32,
        *,
        cell_options: Mapping[str, Any] | None = None,
        pool: str = "last",
        dropout: float = 0.0,
        epochs: int = 50,
        lr: float = 0.01,
        batch_size: int = 32,
        patience: int = 10,
        validation: float = 0.15,
        clip: float = 1.0,
        weight_decay: float = 0.0,
        schedule: str = "cosine",
        precision: str = "full",
        dtype: str = "float32",
        seed: int = 0,
        checkpoint: str | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell = cell
        self.units = units
        self.cell_options = cell_options
        self.pool = pool
        self.dropout = dropout
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.patience = patience
        self.validation = validation
        self.clip = clip
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.precision = precision
        self.dtype = dtype
        self.seed = seed
        self.checkpoint = checkpoint
        self.verbose = verbose

    def arrays(self, x: Any, y: Any) -> Sequences:
        """Training sequences from arrays, with the target."""
        raise NotImplementedError

    def asked(self, x: Any) -> Sequences:
        """Sequences to predict, from arrays."""
        raise NotImplementedError

    def table_options(self) -> dict[str, Any]:
        """Further arguments of `from_frame`."""
        return {}

    def prepared(self, data: Sequences) -> Sequences:
        """Sequences as the task needs them."""
        return data

    def named(self, data: Sequences) -> None:
        """Note what sequences that were read elsewhere tell about the target."""

    def check(self, data: Sequences) -> None:
        """Refuse targets that nothing can be learnt from."""

    def class_weights(self, data: Sequences, weight: NDArray[np.float64] | None) -> tuple[float, ...] | None:
        """Weights of the classes, or None."""
        return None

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        target: str | Sequence[str] | None = None,
        series: str | None = None,
        time: str | None = None,
        features: Sequence[str] | None = None,
        static: Sequence[str] = (),
        categorical: Sequence[str] = (),
        group: str | None = None,
        time_unit: str | None = None,
        sample_weight: Any = None,
    ) -> Self:
        """Train on arrays with `y`, on a long table with column names, or on `Sequences`.

        Arguments:
            X: `(batch, time)` for one channel; `(batch, channels, time)`; a list of `(channels, time)` of unequal
                length; `Sequences`; or a path or frame in long form, with `target` and `series`. NaN: not observed.
            y: one target per series, or one per step with a collection; None for a table or `Sequences`.
            target, series, time, features, static, categorical, group, time_unit: columns, as in `from_frame`.
            sample_weight: `(batch,)` weight of each series, in the order of `Sequences.ids`.

        Raises:
            InputError: a setting is out of range.
            DataError: the data are unusable; the message names what and where.
            NonFiniteError: training diverged.
        """
        if isinstance(X, Sequences):
            data = self.prepared(X)
            self.named(data)
        elif is_table(X, target):
            columns: dict[str, Any] = {
                "features": features,
                "static": static,
                "categorical": categorical,
                "group": group,
            }
            if target is None or series is None:
                fault = "is missing; a table needs `target` and `series`"
                raise DataError(type(self).__name__, "series", fault, "Pass the names of the columns.")
            data = from_frame(
                X, target=target, series=series, time=time, time_unit=time_unit, **columns, **self.table_options()
            )
            self.named(data)
        else:
            data = self.arrays(X, y)
        self._check_task(data)
        data = in_dtype(data, self.dtype)
        self.is_flat_ = not (isinstance(X, Sequences) or is_table(X, target) or is_collection(X))
        if not self.is_flat_:
            self.n_features_in_ = data.inputs
            self.__dict__.pop("feature_names_in_", None)
        self._train(data, weights_of(type(self).__name__, sample_weight, data))
        return self

    def _check_task(self, data: Sequences) -> None:
        owner = type(self).__name__
        if data.task not in self.tasks:
            fault = f"asks to {data.task}; expected {' or '.join(self.tasks)}"
            raise DataError(owner, "X", fault, "Read the data with another `task`, or take another estimator.")
        if data.target is None or data.target_mask is None:
            raise DataError(owner, "y", "is unknown", "Pass series whose target is known.")

    def _train(self, data: Sequences, weight: NDArray[np.float64] | None) -> None:
        if weight is not None:  # a series of weight 0 is not there
            data, weight = data.select(weight > 0), weight[weight > 0]
        self.check(data)
        recipe = TrainRecipe(
            epochs=self.epochs,
            lr=self.lr,
            batch_size=self.batch_size,
            patience=self.patience,
            clip=self.clip,
            weight_decay=self.weight_decay,
            schedule=self.schedule,  # type: ignore[arg-type]  # the recipe checks it
            class_weights=self.class_weights(data, weight),
            seed=self.seed,
            precision=self.precision,  # type: ignore[arg-type]
        )
        rows, held = self._parts(data)
        paired, own = self.cell == "gru-d", data.select(rows)
        encoder = Encoder.fit(own, indicators="all" if paired else "auto")
        if weight is not None:
            encoder = weighted(encoder, own, weight[rows])
        parts = [
            examples(encoder, data.select(at), None if weight is None else weight[at], paired=paired)
            for at in (rows, held)
            if len(at)
        ]
        outputs = len(data.classes) or int(np.prod(np.asarray(data.target).shape[2 if data.task == "imitate" else 1 :]))
        net = build_cell(
            type(self).__name__, self.cell, parts[0].x.shape[2], self.units, outputs, self.cell_options,
            pool=self.pool, dropout=self.dropout, seed=self.seed,
        ).to(getattr(torch, self.dtype))  # fmt: skip
        self.fitted_ = fit(net, parts[0], (*parts, None)[1], recipe, checkpoint=self.checkpoint, progress=self.verbose)
        self.net_, self.encoder_, self.data_recipe_, self.task_ = net, encoder, data.recipe, data.task

    def _parts(self, data: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on and to validate on; too few series leave none for validation."""
        owners = len(np.unique(data.ids if data.group is None else data.group))
        if self.validation * owners >= 1 and owners > 2:
            found = split(data, val=self.validation, test=0.0, seed=self.seed)
        elif self.validation > 0 and data.task == "forecast" and len(data) >= 8:
            found = split(data, val=self.validation, test=0.0, by="time")
        else:
            return np.arange(len(data)), np.zeros(0, np.int64)
        return found.train, found.val

    def _read(self, x: Any, *, target: bool = False) -> Sequences:
        """Data to predict or to score, read as those of the training."""
        check_is_fitted(self, "net_")
        if isinstance(x, Sequences):
            return in_dtype(self.prepared(x) if target else x, self.dtype)
        if self.data_recipe_ is not None:
            return in_dtype(read_like(x, self.data_recipe_, target=target), self.dtype)
        return self.asked(x)

    def _answers(self, data: Sequences) -> Iterator[tuple[Tensor, Tensor]]:
        """Outputs of the network, batch by batch, with the lengths."""
        if data.task != self.task_:
            fault = f"asks to {data.task}; the model was trained to {self.task_}"
            raise DataError(type(self).__name__, "X", fault, "Read the data with the task of the training.")
        seen = examples(self.encoder_, data.without_target(), paired=self.cell == "gru-d")
        device = next(self.net_.parameters()).device
        with torch.no_grad():
            for index in torch.split(torch.arange(len(seen)), _BATCH):
                batch = seen.rows(index, device)
                yield answer(self.net_, batch).cpu(), batch.lengths.cpu()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write network, encoder, recipe and settings into one file that holds numbers and JSON only.

        `caudal.load` reads the network alone from it.

        Raises:
            InputError: a setting cannot be written as JSON.
            NotFittedError: it is not trained yet.
            OSError: the file cannot be written.
        """
        check_is_fitted(self, "net_")
        files.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator that `save` wrote; its predictions are the same to the bit.

        Raises:
            MissingFileError: there is no such file.
            FileFormatError: it is damaged, or holds no estimator of this class.
        """
        found: Self = files.load(cls, path)
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Tags:
        # Composed rather than asked of the base: these are all the tags there are.
        return Tags(input_tags=InputTags(three_d_array=True, allow_nan=True), **self.tags())

    def tags(self) -> dict[str, Any]:
        """Tags of scikit-learn that differ between the estimators."""
        raise NotImplementedError
