"""An estimator around a network that was trained elsewhere."""

from collections.abc import Mapping
from typing import Any

from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.estimators.base import LiquidEstimator
from caudal.estimators.classifier import LiquidClassifier
from caudal.estimators.forecaster import LiquidForecaster
from caudal.estimators.regressor import LiquidRegressor
from caudal.estimators.training import facts_of
from caudal.nn import Readout
from caudal.train import Fitted

_KINDS: tuple[type[LiquidEstimator], ...] = (LiquidClassifier, LiquidRegressor, LiquidForecaster)


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
    kind = next(one for one in _KINDS if train.task in one.tasks)
    facts, told = facts_of(train), fitted.recipe
    if net.outputs != facts.outputs:
        fault = f"gives {net.outputs} outputs where the task asks for {facts.outputs}"
        raise InputError("wrap", "net", fault, "Pass the series that it was trained on.")
    training = {
        name: getattr(told, name)
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
