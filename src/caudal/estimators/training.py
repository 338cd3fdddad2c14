"""The way from series to a trained network: encoder, readout, recipe, loop."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import Encoder, ParquetSequences, Sequences, split
from caudal.data.disturb import Levels, augmented, expected
from caudal.data.window import WindowSource
from caudal.errors import DataError, InputError
from caudal.estimators.groups import codes_in, codes_like, codes_of, fairness_of
from caudal.estimators.inputs import in_dtype, weighted
from caudal.fair.groups import Groups
from caudal.fair.mitigate.settings import Fairness, check_events, settled
from caudal.nn import Readout, build_cell
from caudal.train import Crew, Epoch, Examples, Fitted, Stream, TrainRecipe, accelerated, examples, fit
from caudal.train.batches import MOST_PADDED

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

# The draw of the series to stop by: of no pass of a training.
STOPPING = 1_000_000
Weights = NDArray[np.float64]
Rows = NDArray[np.int64]
Watch = Callable[[Epoch], bool | None]


@dataclass(frozen=True)
class Facts:
    """What a training set amounts to, whether it is in memory or flows by.

    Attributes:
        task: what is asked.
        classes: labels in the order of their codes; empty unless the task classifies.
        counts: `(classes,)` weight of each class.
        outputs: numbers that the network gives for each series or step.
        horizon: steps ahead of a forecast, or 0.
        steps: the longest series.
    """

    task: str
    classes: tuple[object, ...]
    counts: Weights
    outputs: int
    horizon: int
    steps: int


@dataclass(frozen=True)
class FitOutcome:
    """A trained network, and what its inputs went through."""

    net: Readout
    encoder: Encoder
    fitted: Fitted
    facts: Facts


def facts_of(data: Sequences, weight: Weights | None = None) -> Facts:
    """The facts of series in memory, with a target.

    Example:
        >>> from caudal.data import from_arrays
        >>> facts_of(from_arrays(np.zeros((3, 1, 4)), [0, 1, 1])).counts.tolist()
        [1.0, 2.0]
    """
    target, known = np.asarray(data.target), np.asarray(data.target_mask)
    counts = np.zeros(0)
    if data.classes:
        share = known * (np.ones(len(data)) if weight is None else weight).reshape(-1, *[1] * (known.ndim - 1))
        counts = np.asarray(np.bincount(target.ravel(), share.ravel(), minlength=len(data.classes)), np.float64)
    outputs = len(data.classes) or int(np.prod(target.shape[2 if data.task == "imitate" else 1 :]))
    horizon = int(target.shape[1]) if data.task == "forecast" else 0
    return Facts(data.task, data.classes, counts, outputs, horizon, data.steps)


def train_held(
    model: "LiquidEstimator",
    data: Sequences,
    val: Sequences | None,
    weight: Weights | None,
    groups: Groups | None = None,
    watch: Watch | None = None,
) -> FitOutcome:
    """Train on series in memory.

    Arguments:
        model: the settings.
        data: with a target.
        val: series to stop by; None takes `model.validation` of the data.
        weight: `(batch,)`, or None for 1 each.
        groups: of the series, where `fairness` asks for them.
        watch: is given each pass as it ends.
    """
    codes = None if groups is None else codes_of(groups)
    if weight is not None:  # a series of weight 0 is not there
        codes = None if codes is None else codes[weight > 0]
        data, weight = data.select(weight > 0), weight[weight > 0]
    facts = facts_of(data, weight)
    model.check(facts)
    rows, held = parts_of(data, 0.0 if val is not None else model.validation, model.seed)
    own, paired = data.select(rows), model.cell == "gru-d"
    levels = expected(type(model).__name__, "augment", model.augment)
    encoder = encoder_for(own, paired, levels, model.seed)
    if weight is not None:
        encoder = weighted(encoder, own, weight[rows])
    encoder = timed(model, scaled(model, encoder)).with_thresholds(model.send_on_change)

    def seen(part: Sequences, rows: Rows | None, number: int | None = None) -> Examples:
        if number is not None:
            part = augmented(part, levels, model.seed, number, encoder.scaler)
        share = None if weight is None or rows is None else weight[rows]
        who = codes_like(groups, part) if rows is None else None if codes is None else codes[rows]
        found = examples(encoder, part, share, paired=paired)
        return found if who is None else replace(found, groups=torch.tensor(who))

    train = seen(own, rows)
    if levels:
        train = replace(train, redrawn=partial(seen, own, rows))
    stop = None
    if val is not None or len(held):
        stop = seen(val, None, STOPPING) if val is not None else seen(data.select(held), held, STOPPING)
    if stop is not None:  # short and long series apart: the order of validation changes nothing but the padding
        stop = stop.rows(torch.argsort(stop.lengths, stable=True))
    term = settled_of(model, facts)
    if term is not None:
        check_events(term, train)
    return _trained(model, facts, encoder, train, stop, train.x.shape[2], term, watch)


def encoder_for(train: Sequences, paired: bool, levels: Levels, seed: int) -> Encoder:
    """The encoder of training series: scales of the series as they are, and indicators for the holes to be expected.

    Arguments:
        train: the series.
        paired: whether every input has an indicator.
        levels: disturbances that training will meet.
        seed: of their draws.
    """
    encoder = Encoder.fit(train, indicators="all" if paired else "auto")
    if paired or not levels:
        return encoder
    with_holes = Encoder.fit(augmented(train, levels, seed, scaler=encoder.scaler)).indicators
    return replace(encoder, indicators=tuple(dict.fromkeys((*encoder.indicators, *with_holes))))


def train_flowing(
    model: "LiquidEstimator",
    source: ParquetSequences | WindowSource,
    val: ParquetSequences | WindowSource | None,
    groups: Groups | None = None,
    watch: Watch | None = None,
) -> FitOutcome:
    """Train on a file that is read, or windows that are cut, in batches in each pass; as `train_held`."""
    if val is None and model.validation > 0:
        source, val, _ = source.split(val=model.validation, test=0.0, seed=model.seed)
    recipe, paired = source.recipe, model.cell == "gru-d"
    levels = expected(type(model).__name__, "augment", model.augment)
    train = Stream.fit(_Cast(source, model.dtype), indicators="all" if paired else "auto", paired=paired)
    encoder = timed(model, scaled(model, train.encoder)).with_thresholds(model.send_on_change)
    if levels and not paired:
        chunks = (augmented(part, levels, model.seed + k, 0, encoder.scaler) for k, part in enumerate(train.source))
        with_holes = Encoder.fit(chunks).indicators
        encoder = replace(encoder, indicators=tuple(dict.fromkeys((*encoder.indicators, *with_holes))))
    train = replace(train, encoder=encoder)
    stop = None if val is None else Stream.fit(_Cast(val, model.dtype), train.encoder, paired=paired)
    if levels:
        # Chunks draw apart from each other; what is stopped by is the same in each pass.
        def met(part: Sequences, chunk: int, number: int) -> Sequences:
            return augmented(part, levels, model.seed + chunk, number, encoder.scaler)

        train = replace(train, change=met)
        stop = None if stop is None else replace(stop, change=lambda part, chunk, _: met(part, chunk, STOPPING))
    counts = np.array(train.counts, np.float64)
    outputs = len(recipe.classes) or len(recipe.target) * max(1, recipe.horizon)
    facts = Facts(recipe.task, recipe.classes, counts, outputs, recipe.horizon, recipe.window)
    model.check(facts)
    term = None
    if groups is not None:
        who = partial(codes_in, groups)
        train = train.of_groups(who, len(groups.names))
        stop = None if stop is None else stop.of_groups(who, len(groups.names))
        term = settled_of(model, facts)
    return _trained(model, facts, train.encoder, train, stop, next(train.chunks()).x.shape[2], term, watch)


def timed(model: "LiquidEstimator", encoder: Encoder) -> Encoder:
    """The encoder with the clock and the pace of a model.

    Raises:
        InputError: there is no such clock, or the pace is no number above 0.
    """
    owner = type(model).__name__
    if model.clock not in ("plain", "log"):
        raise InputError(owner, "clock", f"is {model.clock!r}; expected plain or log", "Name one of them.")
    if not 0 < model.pace < float("inf"):
        raise InputError(owner, "pace", f"is {model.pace}; expected a number above 0", "Leave it out for 1.")
    scaler = replace(encoder.scaler, gap=encoder.scaler.gap / model.pace)
    return replace(encoder, clock="log" if model.clock == "log" else "plain", scaler=scaler)


def scaled(model: "LiquidEstimator", encoder: Encoder) -> Encoder:
    """The encoder with the scale of targets that a model asks for.

    Raises:
        InputError: there is no such scale.
    """
    if model.target_scale not in ("each", "joint"):
        fault = f"is {model.target_scale!r}; expected each or joint"
        raise InputError(type(model).__name__, "target_scale", fault, "Name one of them.")
    deviations = encoder.scaler.target_std
    if model.target_scale == "each" or not deviations:
        return encoder
    joint = (sum(deviation**2 for deviation in deviations) / len(deviations)) ** 0.5
    return replace(encoder, scaler=replace(encoder.scaler, target_std=(joint,) * len(deviations)))


def settled_of(model: "LiquidEstimator", facts: Facts) -> Fairness | None:
    """What to keep equal, its positive class as a code."""
    fairness = fairness_of(model)
    return None if fairness is None else settled(fairness, facts.classes)


class _Cast:
    """A source whose chunks are in the dtype of the model."""

    def __init__(self, source: ParquetSequences | WindowSource, dtype: str) -> None:
        self.source, self.dtype = source, dtype

    def __iter__(self) -> Any:
        return (in_dtype(chunk, self.dtype) for chunk in self.source)


def _trained(
    model: "LiquidEstimator",
    facts: Facts,
    encoder: Encoder,
    train: Examples | Stream,
    val: Examples | Stream | None,
    inputs: int,
    term: Fairness | None,
    watch: Watch | None,
) -> FitOutcome:
    recipe = TrainRecipe(
        epochs=model.epochs,
        lr=model.lr,
        batch_size=model.batch_size,
        patience=model.patience,
        clip=model.clip,
        weight_decay=model.weight_decay,
        schedule=model.schedule,  # type: ignore[arg-type]  # the recipe checks it
        class_weights=model.class_weights(facts),
        seed=model.seed,
        precision=model.precision,  # type: ignore[arg-type]
        by_length=is_uneven(train) if model.by_length is None else model.by_length,
        least_updates=model.least_updates,
    )
    net = build_cell(
        type(model).__name__,
        model.cell,
        inputs,
        model.units,
        facts.outputs,
        model.cell_options,
        pool=model.pool,
        dropout=model.dropout,
        seed=model.seed,
    ).to(getattr(torch, model.dtype))
    crew = accelerated(cpu=model.device == "cpu") if model.accelerate else Crew()
    net.to(crew.accelerator.device if crew.size > 1 else model.device)
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller is in
        fitted = fit(
            net,
            train,
            val,
            recipe,
            checkpoint=model.checkpoint,
            progress=model.verbose,
            watch=watch,
            crew=crew,
            term=term,
        )
    return FitOutcome(net, encoder, fitted, facts)


def is_uneven(train: Examples | Stream) -> bool:
    """Whether batches dealt at random would compute more than 1.3 times the steps that there are."""
    if isinstance(train, Stream):
        return train.is_uneven
    return len(train) * int(train.lengths.max()) > MOST_PADDED * int(train.lengths.sum())


def parts_of(data: Sequences, validation: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and to validate on, at least one group of three; fewer leave none for validation."""
    owners = len(np.unique(data.ids if data.group is None else data.group))
    if validation > 0 and owners > 2:
        try:
            found = split(data, val=max(validation, 1 / owners), test=0.0, seed=seed)
        except DataError:  # each class has a single series, which must train
            return np.arange(len(data)), np.zeros(0, np.int64)
    elif validation > 0 and data.task == "forecast" and len(data) >= 8:
        try:
            found = split(data, val=validation, test=0.0, by="past")
        except DataError:  # too few windows for both parts
            return np.arange(len(data)), np.zeros(0, np.int64)
    else:
        return np.arange(len(data)), np.zeros(0, np.int64)
    return found.train, found.val


def check_task(owner: str, tasks: tuple[str, ...], task: str, has_target: bool) -> None:
    """Refuse data that ask for something else, or for nothing.

    Raises:
        DataError: names the task.
    """
    if task not in tasks:
        fault = f"asks to {task}; expected {' or '.join(tasks)}"
        raise DataError(owner, "X", fault, "Read the data with another `task`, or take another estimator.")
    if not has_target:
        raise DataError(owner, "y", "is unknown", "Pass series whose target is known.")


def check_classes(owner: str, data: Sequences, classes: tuple[object, ...]) -> None:
    """Refuse series whose classes are others than those of the training, or in another order.

    Raises:
        DataError: names both.
    """
    if data.classes and tuple(data.classes) != tuple(classes):
        fault = f"has the classes {list(data.classes)}; the model was trained on {list(classes)}"
        raise DataError(owner, "X", fault, "Read the table with `read_like` and the recipe of the training.")
