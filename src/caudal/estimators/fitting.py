"""From a recipe to a trained estimator and its score on series that it has not seen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from caudal._version import __version__
from caudal.data import Encoder, Finding, ParquetSequences, Sequences, datasets, split
from caudal.data.account import read_as, without_past
from caudal.data.disturb import expected
from caudal.data.frame import read_whole
from caudal.data.plan import refuse_flips
from caudal.data.split import FEW
from caudal.data.window import WindowSource, recipe_of, windows_of_one
from caudal.errors import InputError
from caudal.estimators.base import LiquidEstimator
from caudal.estimators.classifier import LiquidClassifier
from caudal.estimators.forecaster import LiquidForecaster
from caudal.estimators.recipe import FitRecipe
from caudal.estimators.regressor import LiquidRegressor
from caudal.estimators.score import HeldOut, held_out, ids_of
from caudal.estimators.training import facts_of
from caudal.nn import Readout
from caudal.nn.decide import check_threshold
from caudal.nn.registry import cell_builder
from caudal.train import Crew, Fitted, TrainRecipe, accelerated
from caudal.train.recipe import Precision, Schedule

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator


_KINDS = {
    "classify": "LiquidClassifier",
    "classify_steps": "LiquidClassifier",
    "regress": "LiquidRegressor",
    "imitate": "LiquidRegressor",
    "forecast": "LiquidForecaster",
}


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained estimator and how good it is.

    Attributes:
        model: of the kind that the data ask for.
        held_out: scores on the series held out; None when none were.
        recipe: what was asked, the task settled.
        findings: what was odd in the data, and what was done about it.
        is_first: whether this process is the one that talks and writes, of those that `accelerate` started.
    """

    model: "LiquidEstimator"
    held_out: HeldOut | None
    recipe: FitRecipe
    findings: tuple[Finding, ...] = ()
    is_first: bool = True


@dataclass(frozen=True, eq=False)
class _Parts:
    """Training, validation and test series, each in memory or in batches."""

    train: Any
    val: Any
    test: Any
    task: str
    windows: tuple[int, int]
    findings: tuple[Finding, ...] = ()
    read: tuple[str, ...] = ()


def fit_recipe(
    recipe: FitRecipe,
    *,
    checkpoint: str | None = None,
    verbose: bool = True,
    told: Callable[[tuple[str, ...], tuple[Finding, ...]], None] | None = None,
) -> Trained:
    """Read the data, hold some out, train, and score.

    Data sets come with their own parts. Of a table whole clusters (or series) are held out at random; of forecasts
    of fewer than ten series, the last windows in time.

    Arguments:
        recipe: what to do.
        checkpoint: file to resume from after a kill.
        verbose: draw a bar with the time left on standard error.
        told: is called before the training with what a table was read as, in two lines, and with what is odd in it.

    Returns:
        the estimator; what it was told and how it scored go with it into its file.

    Raises:
        DataError: the data are unusable; the message names what and where.
        InputError: a setting is out of range.
        NonFiniteError: training diverged.

    Example:
        >>> import pytest
        >>> _ = pytest.importorskip("sktime")
        >>> recipe = FitRecipe.from_dict({"data": {"dataset": "japanese-vowels"}, "train": {"epochs": 2}})
        >>> done = fit_recipe(recipe, verbose=False)
        >>> type(done.model).__name__, done.held_out.series
        ('LiquidClassifier', 370)
    """
    _check_settings(recipe)
    parts = _parts(recipe)
    refuse_flips("fit", parts.findings, parts.task)
    check_threshold("fit", recipe.model.threshold, _classes(parts.train))
    crew = accelerated(cpu=recipe.train.device == "cpu") if recipe.train.accelerate else Crew()
    if told is not None and crew.rank == 0:
        told(parts.read, parts.findings)
    model = _model(recipe, parts).set_params(checkpoint=checkpoint, verbose=verbose)
    model.fit(parts.train, val=parts.val)
    model.set_params(checkpoint=None, verbose=False)  # of this run, not of the model
    model.threshold_ = recipe.model.threshold
    scores = None if parts.test is None else held_out(model, _chunks(parts.test), _chunks(parts.train))
    settled = recipe.with_data(task=parts.task)
    model.origin_ = {
        "caudal": __version__,
        "recipe": settled.to_dict(),
        "held_out": None if scores is None else asdict(scores),
        "data": parts.train.digest if isinstance(parts.train, Sequences) else None,
        "parts": ids_of(parts.train, parts.val, parts.test) if isinstance(parts.train, Sequences) else None,
    }
    return Trained(model, scores, settled, parts.findings, crew.rank == 0)


def _check_settings(recipe: FitRecipe) -> None:
    """Refuse a wrong setting before the data are read.

    Raises:
        InputError: names the setting.
    """
    cell_builder("fit", recipe.model.cell)
    expected("fit", "augment", recipe.train.augment)
    check_threshold("fit", recipe.model.threshold, 2)
    train = recipe.train
    TrainRecipe(
        epochs=train.epochs,
        lr=train.lr,
        batch_size=train.batch_size,
        patience=train.patience,
        clip=train.clip,
        weight_decay=train.weight_decay,
        seed=train.seed,
        schedule=cast(Schedule, train.schedule),  # `TrainRecipe` checks the words
        precision=cast(Precision, train.precision),
    )


def _model(recipe: FitRecipe, parts: _Parts) -> "LiquidEstimator":
    """The estimator that the data ask for, with the settings of a recipe."""
    from caudal import estimators

    settings = {**asdict(recipe.model), **asdict(recipe.train)}
    settings["cell_options"] = dict(recipe.model.cell_options) or None
    settings["augment"] = expected("fit", "augment", recipe.train.augment) or None
    del settings["threshold"]  # of the file: it decides on answers, and changes no training
    kind = _KINDS[parts.task]
    if kind != "LiquidClassifier":
        del settings["class_weight"]
    if kind == "LiquidForecaster":
        settings["horizon"], settings["window"] = parts.windows
        settings["stride"] = recipe.data.stride
    model: LiquidEstimator = getattr(estimators, kind)(**settings)
    return model


def _classes(part: Sequences | ParquetSequences) -> int:
    """How many classes the series are told apart by; 0 of numbers."""
    return len(part.classes if isinstance(part, Sequences) else part.recipe.classes)


def _chunks(part: Any) -> Iterable[Sequences]:
    return [part] if isinstance(part, Sequences) else part


def _parts(recipe: FitRecipe) -> _Parts:
    data = recipe.data
    if data.dataset is not None:
        return _of_dataset(recipe)
    if data.stream:
        return _flowing(recipe)
    uncut = read_whole(data.table, data, dtype=recipe.model.dtype)
    whole = WindowSource.of(uncut) if recipe_of(uncut).task == "forecast" else uncut
    if isinstance(whole, WindowSource):
        return _cut_in_chunks(recipe, whole)
    ahead = (data.horizon, whole.steps)
    if not (data.test or data.val):
        return _Parts(
            whole, None, None, whole.task, ahead, whole.findings, read_as(whole.recipe, whole.findings, whole)
        )
    read = read_as(whole.recipe, whole.findings, whole)
    whole, cut = windows_of_one(whole) if data.by == "auto" else (whole, ())
    by = "time" if cut else _by(data.by, whole)
    if data.val and whole.target_mask is not None:
        whole = whole.select(np.flatnonzero(whole.target_mask.reshape(len(whole), -1).any(axis=1)))
    seed = recipe.train.seed if data.split_seed is None else data.split_seed
    drawn = split(whole, val=data.val, test=data.test, by=by, seed=seed)
    val, test = whole.select(drawn.val) if data.val else None, whole.select(drawn.test) if data.test else None
    few = [] if test is None else _few_classes(test, str(data.target[0]))
    findings = (*whole.findings, *without_past(whole), *few)
    return _Parts(whole.select(drawn.train), val, test, whole.task, ahead, findings, (*read, *cut))


def _few_classes(test: Sequences, target: str) -> list[Finding]:
    """A finding where the held-out series say nothing of some classes."""
    if not test.classes:
        return []
    seen = np.unique(np.asarray(test.target)[np.asarray(test.target_mask)])
    lost = [str(label) for code, label in enumerate(test.classes) if code not in seen]
    if not lost:
        return []
    named = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
    text = f"The held-out series hold none of {len(lost)} of {len(test.classes)} classes of `{target}` ({named})."
    return [Finding("few", target, f"{text} The score says nothing of them.", len(lost))]


def _by(asked: str, data: Sequences) -> str:
    """How to hold out: forecasts of a few series have nothing but time to be split by."""
    few = data.group is not None and len(np.unique(data.group)) < FEW
    return "past" if asked == "auto" and data.task == "forecast" and few else asked


def _flowing(recipe: FitRecipe) -> _Parts:
    data, train = recipe.data, recipe.train
    whole = ParquetSequences.open(str(data.table), data, dtype=recipe.model.dtype)
    ahead = (whole.recipe.horizon, whole.recipe.window)
    parts = whole.split(val=train.validation, test=data.test, seed=train.seed)
    val, task = parts[1] if train.validation else None, whole.recipe.task
    read = read_as(whole.recipe, whole.findings)
    return _Parts(parts[0], val, parts[2] if data.test else None, task, ahead, whole.findings, read)


def _cut_in_chunks(recipe: FitRecipe, source: WindowSource) -> _Parts:
    """Parts of a forecast whose windows would fill the memory."""
    train, read = recipe.train, read_as(source.recipe, source.findings)
    parts = source.split(val=train.validation, test=recipe.data.test, seed=train.seed, by=recipe.data.by)
    ahead = (source.recipe.horizon, source.recipe.window)
    val, test = parts[1] if train.validation else None, parts[2] if recipe.data.test else None
    return _Parts(parts[0], val, test, source.recipe.task, ahead, source.findings, read)


def _of_dataset(recipe: FitRecipe) -> _Parts:
    data = recipe.data
    shipped = datasets.load(str(data.dataset), folder=data.folder, protocol=data.protocol)
    whole, rows = shipped.sequences, shipped.split
    horizon = 0 if whole.ahead is None else int(np.asarray(whole.ahead).shape[1])
    train, val = shipped.train, shipped.val if len(rows.val) else None
    if val is None and data.val:
        inner = split(train, val=data.val, test=0.0, seed=data.split_seed or 0)
        train, val = train.select(inner.train), train.select(inner.val)
    test = shipped.test if len(rows.test) else None
    return _Parts(train, val, test, whole.task, (horizon, whole.steps), shipped.train.findings)


_KINDS_wrapping: tuple[type[LiquidEstimator], ...] = (LiquidClassifier, LiquidRegressor, LiquidForecaster)


def wrap(
    net: Readout, encoder: Encoder, train: Sequences, fitted: Fitted, settings: Mapping[str, Any] | None = None
) -> LiquidEstimator:
    """A fitted estimator whose answers are those of a network.

    Arguments:
        net: trained; its outputs are classes, or numbers scaled as `encoder` scales targets.
        encoder: how the network reads series.
        train: what it was trained on: the task, classes and channels are read from it.
        fitted: how it was trained.
        settings: of the estimator (cell, units, cell_options, pool, dropout, clock, pace), for those who fit it again.

    Returns:
        a `LiquidClassifier`, `LiquidRegressor` or `LiquidForecaster`, as the task asks.

    Raises:
        InputError: the network gives another number of outputs than the task asks.
    """
    kind = next(estimator for estimator in _KINDS_wrapping if train.task in estimator.tasks)
    facts, recipe = facts_of(train), fitted.recipe
    if net.outputs != facts.outputs:
        fault = f"gives {net.outputs} outputs where the task asks for {facts.outputs}"
        raise InputError("wrap", "net", fault, "Pass the series that it was trained on.")
    training = {
        name: getattr(recipe, name)
        for name in ("epochs", "lr", "batch_size", "patience", "clip", "weight_decay", "schedule", "seed", "precision")
    }
    model = kind(**training, **dict(settings or {}))
    if isinstance(model, LiquidForecaster):
        model.horizon, model.window = facts.horizon, facts.steps
    model.named(train.classes)
    model.check(facts)
    model.is_flat_, model.task_, model.n_features_in_ = False, train.task, train.inputs
    model.data_recipe_ = train.recipe
    model.net_, model.encoder_, model.fitted_ = net.eval(), encoder, fitted
    return model
