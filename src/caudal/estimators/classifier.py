"""Classes of series, or of each step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from sklearn.metrics import accuracy_score
from sklearn.utils import ClassifierTags, TargetTags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from caudal.data import Sequences
from caudal.errors import DataError, InputError
from caudal.estimators.base import LiquidEstimator
from caudal.estimators.inputs import flat, is_collection, per_step, refuse_unlabelled
from caudal.estimators.outputs import outputs
from caudal.estimators.training import Facts
from caudal.fair.mitigate.settings import Fairness
from caudal.nn.decide import check_threshold, decided
from caudal.nn.registry import Cell
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.audit import Log


@final
class LiquidClassifier(LiquidEstimator):
    """Classifies series, or each of their steps, with a liquid network or one of its rivals.

    It keeps scikit-learn's promises: clone, pipelines, grid search. Series may be of unequal length, on irregular
    times, and have holes (NaN).

    Arguments:
        cell: liquid: `"cfc"`, `"ltc"`, `"ltc-ncp"`, `"cfc-ncp"`, `"mixed"`, `"lrc"`, `"ctrnn"`,
            `"liquid-ssm"`, `"liquid-s4"`, `"lrc-ssm"`, `"d-linoss"`; rivals: `"lstm"`, `"gru"`, `"min-gru"`, `"gru-d"`,
            `"transformer"`, `"ssm"`, `"mlp"`, `"ode-rnn"`, `"phased-lstm"`; or a class of your
            own, or `"module:Class"`, that takes `(inputs, units)`.
        units: neurons.
        class_weight: None; `"balanced"` for the same total weight in each class; or weights by class.
        cell_options: further arguments of the layer, by name.
        pool: `"last"` or `"mean"` of the layer's outputs.
        dropout: rate before the decision.
        epochs, lr, batch_size, patience, clip, weight_decay, schedule, precision: as in `TrainRecipe`.
        validation: share of the series held out to stop by, whole clusters together; 0 trains all epochs.
        dtype: `"float32"` or `"float64"`.
        seed: of weights, order and validation; equal seeds give equal models.
        device: where the network lives, for example `"cuda"`.
        accelerate: share each batch among the processes that `accelerate launch` or torchrun started, each of which
            calls `fit` with the same data and ends with the same model.
        checkpoint: file to resume from after a kill.
        verbose: draw a progress bar on standard error.
        fairness: what to keep equal between groups while training, `Penalty`, `Lagrangian` or `Fairret` of
            `caudal.fair.mitigate`; `fit(..., sensitive=)` says who belongs to which, and no decision asks again.
        axes: of 3D arrays and lists: `"channels_first"`, `"time_first"`, or `"auto"`: channels first, but for a block
            with 20 times more channels than steps, which is read as time first, with a warning.
        clock: `"plain"`, or `"log"` for a network that reads `log1p` of the elapsed time.
        pace: factor of the elapsed time, which counts in typical gaps of the training series.
        target_scale: of several numbers to predict: `"each"` by its own deviation, or `"joint"`, all by one number, so
            that the loss is in proportion to the error in their unit.
        by_length: as in `TrainRecipe`; None where padding would cost more than a third of the steps.
        least_updates: as in `TrainRecipe`.
        augment: what the model must expect, as level by kind of `caudal.data.disturb`, such as `{"dropped": 0.4}`: in
            each pass half of the training series are disturbed, each by one of the kinds, drawn anew; the series to
            stop by are disturbed once. Scales are those of the series as they are.
        send_on_change: a step is computed only when a channel moved by more than this since the last computed step, in
            standard deviations of the training, or by name of the channel in its own unit; see `caudal.data.changes`.

    Attributes:
        classes_: labels in the order of `predict_proba`.
        threshold_: of two classes, the probability of the last from which on it is decided for; None for the likeliest.
            A study chooses it by its validation series, `fit` sets it to None, and you may set it; `save` keeps it.

    Raises:
        InputError, DataError: see `fit`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(40, 2, 6)) + np.array([0.0, 2.0] * 20)[:, None, None]
        >>> model = LiquidClassifier(units=8, epochs=5).fit(x, ["calm", "busy"] * 20)
        >>> model.predict(x[:2]).tolist(), model.predict_proba(x).shape
        (['calm', 'busy'], (40, 2))
    """

    tasks = ("classify", "classify_steps")
    kind = "classes"

    def __init__(
        self,
        cell: Cell = "cfc",
        units: int = 32,
        *,
        class_weight: str | Mapping[object, float] | None = None,
        cell_options: Mapping[str, object] | None = None,
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
        device: str = "cpu",
        accelerate: bool = False,
        checkpoint: str | None = None,
        verbose: bool = False,
        fairness: Fairness | None = None,
        axes: str = "auto",
        clock: str = "plain",
        pace: float = 1.0,
        target_scale: str = "each",
        by_length: bool | None = None,
        least_updates: int = 0,
        augment: Mapping[str, float] | None = None,
        send_on_change: float | Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(
            cell,
            units,
            cell_options=cell_options,
            pool=pool,
            dropout=dropout,
            epochs=epochs,
            lr=lr,
            batch_size=batch_size,
            patience=patience,
            validation=validation,
            clip=clip,
            weight_decay=weight_decay,
            schedule=schedule,
            precision=precision,
            dtype=dtype,
            seed=seed,
            device=device,
            accelerate=accelerate,
            checkpoint=checkpoint,
            verbose=verbose,
            fairness=fairness,
            axes=axes,
            clock=clock,
            pace=pace,
            target_scale=target_scale,
            by_length=by_length,
            least_updates=least_updates,
            augment=augment,
            send_on_change=send_on_change,
        )
        self.class_weight = class_weight

    def predict(self, X: object, *, threshold: float | None = None, log: "Log | None" = None) -> Any:
        """The class decided for of each series `(batch,)`, or of each step, a list of `(time,)`.

        It is the likeliest one; of two classes the last where its probability reaches `threshold`.

        Arguments:
            X: what `fit` takes, read the same way. Rows of a table come in the order of the ids of `read_like`.
            threshold: of two classes; None takes `threshold_`.
            log: where each decision is written down; see `caudal.audit.Log`.

        Raises:
            NotFittedError: it is not trained yet.
            DataError: the inputs are others than those of the training.
            InputError: the threshold is no probability, or there are not two classes.
        """
        used = self.threshold_of(threshold)
        shares = self.predict_proba(X, threshold=threshold, log=log)
        if isinstance(shares, list):
            return [self.classes_[decided(series, used)] for series in shares]
        return self.classes_[decided(shares, used)]

    def threshold_of(self, asked: float | None = None) -> float | None:
        """The threshold that decides: the one asked for, else `threshold_`; None decides for the likeliest class.

        Raises:
            InputError: as `predict`.
        """
        return check_threshold(
            type(self).__name__, self.threshold_ if asked is None else asked, len(getattr(self, "classes_", (0, 1)))
        )

    def predict_proba(self, X: object, *, threshold: float | None = None, log: "Log | None" = None) -> Any:
        """Probabilities `(batch, classes)` float64, or a list of `(time, classes)`; see `predict`.

        Of the threshold only what a log says of the decisions depends.
        """
        rows: list[Array] = []
        for out, lengths in outputs(self, X, log, self.threshold_of(threshold)):
            shares = torch.softmax(out.double(), -1).numpy()
            if self.task_ == "classify":
                rows.append(shares)
            else:
                rows.extend(one[:n] for one, n in zip(shares, lengths.tolist(), strict=True))
        return np.concatenate(rows) if self.task_ == "classify" else rows

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of series, or of steps whose class is known, that are told right.

        Arguments:
            X: what `fit` takes.
            y: classes; None for a table, `Sequences` or `ParquetSequences` that hold them.
            sample_weight: `(batch,)`; of series only.
        """
        if y is not None:
            found = self.predict(X)
            if isinstance(found, list):
                return float(accuracy_score(np.concatenate([np.asarray(o) for o in y]), np.concatenate(found)))
            return float(accuracy_score(y, found, sample_weight=sample_weight))
        seen: list[Array] = []
        told: list[Array] = []
        for data in self._reads(X, target=True):
            known, truth = np.asarray(data.target_mask), self.classes_[np.asarray(data.target)]
            found = self.predict(data)
            if isinstance(found, list):
                seen += [truth[k, : len(one)][known[k, : len(one)]] for k, one in enumerate(found)]
                told += [one[known[k, : len(one)]] for k, one in enumerate(found)]
            else:
                seen, told = [*seen, truth], [*told, found]
        return float(accuracy_score(np.concatenate(seen), np.concatenate(told), sample_weight=sample_weight))

    def arrays(self, x: object, y: object) -> Sequences:
        """Training sequences from arrays; see `fit`."""
        if is_collection(x) and y is not None and per_step(y):
            data = self.from_arrays(x, y, task="classify_steps")
            self.named(data.classes)
            return data
        if not is_collection(x):
            x, y = flat(self, x, y, reset=True, numeric=False)
        labels = column_or_1d(y, warn=True)
        refuse_unlabelled("LiquidClassifier", labels)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        return self.from_arrays(x, codes, task="classify")

    def asked(self, x: object) -> Sequences:
        """Sequences to classify."""
        if not is_collection(x):
            x, _ = flat(self, x, None, reset=False, numeric=False)
        return self.from_arrays(x, exact=self.encoder_.scaler.fine, task=self.task_)

    def class_weights(self, facts: Facts) -> tuple[float, ...] | None:
        """Weights of the classes in the order of their codes, or None."""
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, Mapping):
            return tuple(float(self.class_weight.get(label, 1.0)) for label in self.classes_.tolist())
        if self.class_weight != "balanced":
            fault = f"is {self.class_weight!r}; expected None, 'balanced', or weights by class"
            raise InputError("LiquidClassifier", "class_weight", fault, "Pass one of them.")
        counts = facts.counts
        return tuple((counts.sum() / (len(counts) * np.maximum(counts, 1e-12))).tolist())

    def named(self, classes: tuple[object, ...]) -> None:
        """Take the labels of the data."""
        self.classes_ = np.array(classes)

    def check(self, facts: Facts) -> None:
        """Refuse a single class."""
        if (facts.counts > 0).sum() < 2:
            fault = "holds one class only, among series of positive weight"
            raise DataError("LiquidClassifier", "y", fault, "A classifier needs at least two classes.")

    def tags(self) -> dict[str, object]:
        """Tags of scikit-learn."""
        return {
            "estimator_type": "classifier",
            "target_tags": TargetTags(required=True),
            "classifier_tags": ClassifierTags(),
        }
