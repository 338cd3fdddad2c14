"""What the estimators share: settings, the way from data to a trained network, and saving."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, Unpack

from sklearn.base import BaseEstimator
from sklearn.utils import InputTags, Tags
from sklearn.utils.validation import check_is_fitted

from caudal.data import Columns, ParquetSequences, Sequences, read_like
from caudal.data.columns import KEY_NAMES, TableArguments
from caudal.data.frame import read_whole
from caudal.data.plan import refuse_flips
from caudal.data.window import WindowSource, recipe_of
from caudal.errors import DataError
from caudal.estimators import files
from caudal.estimators.features import Size
from caudal.estimators.groups import groups_in, groups_of, is_values
from caudal.estimators.inputs import (
    in_dtype,
    is_collection,
    is_table,
    listed,
    series_of,
    settled_axes,
    single_target,
    weights_of,
)
from caudal.estimators.outputs import answers
from caudal.estimators.settings import with_plain_settings
from caudal.estimators.training import Facts, FitOutcome, Watch, check_classes, check_task, train_flowing, train_held
from caudal.fair.mitigate.settings import Fairness
from caudal.nn.operations import live_parameters, operations
from caudal.nn.registry import Cell
from caudal.typing import Array

if TYPE_CHECKING:  # a prediction needs no explanation
    from caudal.doctor import Symptom
    from caudal.explain import Baseline, Checks, Explanation
    from caudal.explain.influence.influence import Method
    from caudal.explain.influence.record import On


def read_table(model: "LiquidEstimator", x: object, columns: Columns) -> Sequences | WindowSource:
    """A long table, its target read as the estimator needs it; of a long forecast a source of windows.

    Raises:
        DataError: no target is named, or no series where there must be several; or `from_frame` refuses the table.
    """
    owner = type(model).__name__
    is_one_series = "forecast" in model.tasks or columns.task in ("classify_steps", "imitate")
    if not columns.target or (columns.series is None and not is_one_series):
        fault = "is missing; a table needs `target` and `series`"
        raise DataError(owner, "series" if columns.target else "target", fault, "Pass the names of the columns.")
    task = model.kind if columns.task == "auto" else columns.task
    whole = read_whole(x, replace(columns, **{"task": task, **model.table_options()}))
    refuse_flips(owner, whole.findings, whole.task)
    return WindowSource.of(whole) if recipe_of(whole).task == "forecast" else whole


def refuse_names(owner: str, columns: Columns) -> None:
    """Refuse names of columns beside arrays, where nothing would read them.

    Raises:
        DataError: names the argument, and `target` as what is missing.
    """
    given = columns.given()
    if given:
        first = next(iter(given))
        says = "says how a table is read" if first not in KEY_NAMES else "names a column"
        fault = f"is missing, and `{first}` {says}: a long table holds its target in a column as well"
        remedy = 'Put it into the table and name it: `fit(X.assign(y=y), target="y", series=...)`.'
        raise DataError(owner, "target", fault, remedy)


def check_stop(owner: str, val: object) -> None:
    """Refuse what cannot be series to stop by.

    Raises:
        DataError: names what to pass.
    """
    if isinstance(val, float | int):
        fault = f"is {val}; it takes series, and a share of X is a setting of the model"
        raise DataError(owner, "val", fault, f"Pass `{owner}(validation={val})`.")
    if isinstance(val, tuple | list):
        fault = "is a list or a pair; expected a table, `Sequences` or `ParquetSequences`"
        raise DataError(owner, "val", fault, "Of arrays pass `caudal.data.from_arrays(X, y)`.")


def check_flow(
    model: "LiquidEstimator", source: ParquetSequences | WindowSource, val: object, sample_weight: object
) -> None:
    """Refuse what cannot go with series that are read in batches.

    Raises:
        DataError: names the argument.
    """
    owner = type(model).__name__
    if sample_weight is not None:
        fault = "is given, and the series are read in batches"
        raise DataError(owner, "sample_weight", fault, "Leave it out, or read the table whole.")
    if val is None or isinstance(val, type(source)):
        return
    if isinstance(source, ParquetSequences):
        fault = f"is a {type(val).__name__}; X is ParquetSequences"
        raise DataError(owner, "val", fault, "Pass a part of the same kind, such as `X.split()` gives.")
    fault = "is given, and X holds so many windows that they are cut in batches"
    raise DataError(owner, "val", fault, "Leave it out for `validation` of X, or pass a larger `stride`.")


def known(model: Any, x: Any) -> Sequences:
    """Data read as those of the training, with the target where it is there."""
    read = model.read
    if isinstance(x, Sequences):
        found: Sequences = read(x, target=x.target is not None)
    elif model.data_recipe_ is None:
        found = read(x)
    else:
        try:
            found = read(x, target=True)
        except DataError as error:
            if error.argument not in model.data_recipe_.target:
                raise
            found = read(x)
    return found


class LiquidEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """Abstract base of the estimators; see `LiquidClassifier` for the settings.

    A subclass sets `tasks` and `kind`, and writes `arrays`, `asked` and `tags`. It never overrides `fit`.

    Attributes:
        net_: the trained `Readout`.
        encoder_: scales and channels, fitted on the training series.
        fitted_: history of the training.
        data_recipe_: how the table was read; None for arrays.
        task_: what was asked.
        n_features_in_: columns of a 2D array, otherwise channels.
        origin_: what `fit_recipe` was told and found, or None.
        threshold_: see `LiquidClassifier`; None of numbers.
    """

    tasks: tuple[str, ...] = ()
    kind: str = "auto"
    origin_: Mapping[str, object] | None = None
    threshold_: float | None = None

    def __init__(
        self,
        cell: Cell = "cfc",
        units: int = 32,
        *,
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
        self.device = device
        self.accelerate = accelerate
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.fairness = fairness
        self.axes = axes
        self.clock = clock
        self.pace = pace
        self.target_scale = target_scale
        self.by_length = by_length
        self.least_updates = least_updates
        self.augment = augment
        self.send_on_change = send_on_change

    def arrays(self, x: object, y: object) -> Sequences:
        """Training sequences from arrays, with the target."""
        raise NotImplementedError

    def asked(self, x: object) -> Sequences:
        """Sequences to predict, from arrays."""
        raise NotImplementedError

    def table_options(self) -> dict[str, Any]:
        """Further arguments of `from_frame`."""
        return {}

    def prepared(self, data: Sequences) -> Sequences:
        """Sequences as the task needs them."""
        return data

    def named(self, classes: tuple[object, ...]) -> None:
        """Note the classes of series that were read elsewhere."""

    def check(self, facts: Facts) -> None:
        """Refuse targets that nothing can be learnt from."""

    def class_weights(self, facts: Facts) -> tuple[float, ...] | None:
        """Weights of the classes, or None."""
        return None

    def fit(
        self,
        X: object,
        y: object = None,
        *,
        columns: Columns | None = None,
        sensitive: object = (),
        val: object = None,
        sample_weight: object = None,
        watch: Watch | None = None,
        **arguments: Unpack[TableArguments],
    ) -> Self:
        """Train on arrays with `y`, on a long table with column names, or on series that were read elsewhere.

        Arguments:
            X: `(batch, time)` for one channel; `(batch, channels, time)`; a list of `(channels, time)` of unequal
                length; frames of sktime (an index of series and time, a list of frames, or cells that hold series);
                `Sequences`; `ParquetSequences`, read again in each pass; or a path or frame in long form, with
                `target` and `series`. NaN: not observed.
            y: one target per series, or one per step with a collection; None otherwise.
            columns: of a table, by their part; a classifier reads the target as classes, a regressor as numbers.
            sensitive: names of columns as there, or what `fairness` asks for: values `(batch,)`, several by name, or
                `caudal.fair.Groups`. Never an input.
            val: series to stop by, as a table, `Sequences` or `ParquetSequences`; None takes `validation` of X.
            sample_weight: `(batch,)` weight of each series, in the order of `Sequences.ids`.
            watch: is called with each `caudal.train.Epoch` as it ends.
            arguments: fields of `caudal.data.Columns` that `columns` leaves open: `target="ill", series="patient"`.

        Raises:
            InputError: a setting is out of range.
            DataError: the data are unusable; the message names what and where.
            NonFiniteError: training diverged.
        """
        owner = type(self).__name__
        asked = Columns.of(columns, owner, **arguments)
        self.is_flat_, self.origin_, self.threshold_, X = False, None, None, listed(X)
        self.axes_ = settled_axes(owner, self.axes, X)
        if isinstance(X, ParquetSequences | WindowSource):
            return self._flow(X, val, sample_weight, sensitive, watch)
        if isinstance(X, Sequences):
            data = self.prepared(X)
            self.named(data.classes)
        elif is_table(X, asked.target):
            read = read_table(
                self, X, Columns.of({**asked.given(), "sensitive": () if is_values(sensitive) else sensitive}, owner)
            )
            if isinstance(read, WindowSource) and val is None and sample_weight is None:
                return self._flow(read, val, sample_weight, sensitive, watch)
            data = read.whole() if isinstance(read, WindowSource) else read
            self.named(data.classes)
        else:
            refuse_names(owner, asked)
            data = self.arrays(X, single_target(y))
            self.is_flat_ = not is_collection(X)
        check_task(owner, self.tasks, data.task, data.target is not None)
        data = in_dtype(data, self.dtype)
        self.data_recipe_, self.task_ = data.recipe, str(data.task)
        if not self.is_flat_:
            self.n_features_in_ = data.inputs
            self.__dict__.pop("feature_names_in_", None)
        weight = weights_of(owner, sample_weight, data)
        stop = None if val is None else self._stop(val, data.is_fine)
        groups = groups_of(self, sensitive, data)
        return self._keep(train_held(with_plain_settings(self), data, stop, weight, groups, watch))

    def _flow(
        self,
        source: ParquetSequences | WindowSource,
        val: Any,
        sample_weight: object,
        sensitive: object,
        watch: Watch | None,
    ) -> Self:
        owner = type(self).__name__
        check_flow(self, source, val, sample_weight)
        check_task(owner, self.tasks, source.recipe.task, True)
        self.named(source.recipe.classes)
        self.data_recipe_, self.task_ = source.recipe, source.recipe.task
        self.__dict__.pop("feature_names_in_", None)
        groups = groups_in(self, sensitive, source)
        self._keep(train_flowing(with_plain_settings(self), source, val, groups, watch))
        self.n_features_in_ = len(self.encoder_.names)
        return self

    def _keep(self, found: FitOutcome) -> Self:
        self.net_, self.encoder_, self.fitted_ = found.net, found.encoder, found.fitted
        self.check(found.facts)  # a copy of the estimator was trained
        return self

    def read(self, x: object, *, target: bool = False) -> Sequences:
        """Data to predict or to score, read as those of the training; `target`: whether it is there."""
        check_is_fitted(self, "net_")
        return self._series(x, self.encoder_.scaler.fine, target=target)

    def _stop(self, val: object, fine: bool) -> Sequences:
        """Series to stop by."""
        check_stop(type(self).__name__, val)
        return self._series(val, fine, target=True)

    def _series(self, x: object, fine: bool, *, target: bool = False) -> Sequences:
        if isinstance(x, Sequences):
            if target:
                check_classes(type(self).__name__, x, tuple(getattr(self, "classes_", x.classes)))
            return in_dtype(self.prepared(x) if target else x, self.dtype, fine)
        if self.data_recipe_ is not None:
            return in_dtype(read_like(x, self.data_recipe_, target=target), self.dtype, fine)
        return in_dtype(self.asked(listed(x)), self.dtype, fine)

    def from_arrays(self, x: object, y: object = None, *, exact: bool = False, **options: object) -> Sequences:
        """Arrays as sequences, time where the training had it; `exact`: in float64 whatever the model has."""
        axes = getattr(self, "axes_", "channels_first")
        return series_of(x, "float64" if exact else self.dtype, y, axes=axes, **options)

    def _reads(self, x: object, *, target: bool = False) -> Iterator[Sequences]:
        """The same, in chunks where the data come in chunks."""
        check_is_fitted(self, "net_")
        for part in x if isinstance(x, ParquetSequences | WindowSource) else (x,):
            yield self.read(part, target=target)

    def asking(self, data: Sequences) -> Sequences:
        """Series as the task is asked of them."""
        return data

    def parts(self, X: object) -> Iterator[Sequences]:
        """What `predict` is asked about, one chunk of series after the other."""
        yield from map(self.asking, self._reads(X))

    def answer(self, data: Sequences) -> Array:
        """Probabilities of classes, or numbers in their unit, in the shape of the target with a last axis of them.

        Arguments:
            data: series read as those of the training.

        Returns:
            `(batch, classes)`; with an answer at each step `(batch, time, ...)`; of a forecast `(batch, horizon,
            outputs)`; float32.
        """
        return answers(self.net_, self.encoder_, self.read(data), paired=self.cell == "gru-d")

    def size(self, steps: float) -> Size:
        """How large the network is, and what one step costs in series of `steps` steps."""
        work = operations(self.net_, steps)
        parameters = sum(parameter.numel() for parameter in self.net_.parameters() if parameter.requires_grad)
        return Size(
            self.units,
            parameters,
            live_parameters(self.net_),
            self.net_.synapse_count() or None,
            work.arithmetic,
            work.transcendentals,
        )

    def doctor(self, X: object, *, other: object = None) -> "tuple[Symptom, ...]":
        """What is wrong with the model on data, and with the data, in words; see `caudal.doctor.examine`.

        Arguments:
            X: what `fit` takes, but no `ParquetSequences`; the target may be missing from a table.
            other: another part, which must share no series with X.

        Raises:
            NotFittedError: it is not trained yet.
            DataError: the inputs are others than those of the training.
        """
        from caudal.doctor import examine

        check_is_fitted(self, "net_")
        apart = None if other is None else known(self, other)
        return examine(self.net_, known(self, X), self.encoder_, other=apart)

    def explain(
        self,
        X: object,
        *,
        on: "On" = "inputs",
        method: "Method | None" = None,
        target: object = None,
        at: int | None = None,
        baseline: "Baseline | None" = None,
        others: object = None,
        checks: "Checks | None" = None,
    ) -> "Explanation":
        """Why the model answers as it does, with a scorecard of the answer; see `caudal.explain.explain`.

        Inputs are those of the network: scaled, with an indicator for what was observed. Each series is compared with
        real ones, with those that are decided otherwise where there are any. Where no other series is given, it is
        compared with the mean of the training, nothing observed, and the typical gap.

        Arguments:
            X: what `predict` takes.
            on: `"inputs"`, `"dt"`, `"everything"`, `"steps"`, `"neurons"`, or `"synapses"` of a wired cell.
            method: `"path"`, `"gradient"`, `"occlusion"` or `"removal"`; the usual one of `on` without.
            target: a class, or the name or index of an output; None for what is decided for each series.
            at: step to explain where every step is answered; None for the last of each series.
            baseline: `Baseline()` compares with the mean of the training instead.
            others: series to choose those to compare with from, in the form of `X`; those of `X` without.
            checks: how much work the scorecard may be.

        Raises:
            NotFittedError: it is not trained yet.
            DataError: the series are of another kind than those of the training, or the class is unknown.
            InputError: `on`, `method` or `at` does not fit.
        """
        from caudal.estimators.explain import question
        from caudal.explain import explain

        asked = question(self, self.read(X), target, at)
        pool = None if others is None else question(self, self.read(others))
        return explain(asked, on, method, baseline=baseline, others=pool, checks=checks)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write network, encoder, recipe and settings into one file that holds numbers and JSON only.

        `caudal.load` gives the estimator back, and `caudal.nn.load` the network alone.

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

    def tags(self) -> dict[str, object]:
        """Tags of scikit-learn that differ between the estimators."""
        raise NotImplementedError
