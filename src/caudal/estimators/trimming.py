"""A fitted estimator on a smaller circuit, by the settings that it was fitted with."""

import copy
from typing import TYPE_CHECKING

from caudal.data import Sequences, split
from caudal.errors import InputError
from caudal.train import examples
from caudal.train import trim as trim_net

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator


def trim(
    model: "LiquidEstimator", X: object, *, val: object = None, keep: float = 0.25, rounds: int = 3
) -> "LiquidEstimator":
    """The estimator with a share of its synapses, trained again; see `caudal.train.trim`.

    Learning rate, passes, batches, patience and class weights are those of the fit.

    Arguments:
        model: fitted, with `cell` "ltc", "ltc-ncp", "cfc-ncp", "lrc" or "ctrnn"; it is left as it is.
        X: the training series with their target, as a table or `Sequences`.
        val: series to stop by; None takes `model.validation` of X, by the model's seed.
        keep: share of the synapses left, above 0 and below 1.
        rounds: how often synapses leave.

    Returns:
        another estimator with the same settings and encoder; `net_` holds the smaller circuit, `fitted_` the last
        training. Its `fit` would train the whole circuit anew.

    Raises:
        NotFittedError: the model is not trained yet.
        InputError: the cell has no circuit, the model was fitted with `fairness`, or a number is out of range.
        DataError: the series are others than those of the training.

    Example:
        >>> import numpy as np
        >>> from caudal.data import from_arrays
        >>> from caudal.estimators import LiquidClassifier
        >>> x = np.random.default_rng(0).normal(size=(40, 2, 6)) + np.array([0.0, 2.0] * 20)[:, None, None]
        >>> data = from_arrays(x, ["calm", "busy"] * 20)
        >>> model = LiquidClassifier("ltc", 8, epochs=5).fit(data)
        >>> smaller = trim(model, data, keep=0.2)
        >>> model.net_.synapse_count(), smaller.net_.synapse_count() <= 16, str(smaller.predict(data)[0])
        (80, True, 'calm')
    """
    data = model.read(X, target=True)
    if model.fairness is not None:
        fault = "was fitted with `fairness`, which trimming would not keep"
        raise InputError("trim", "model", fault, "Fit a smaller net with `fairness` instead.")
    train, val_part = _parts(model, data) if val is None else (data, model.read(val, target=True))
    stop = None if val_part is None else examples(model.encoder_, val_part)
    recipe, seen = model.fitted_.recipe, examples(model.encoder_, train)
    trimmed = trim_net(model.net_, seen, stop, recipe, keep=keep, rounds=rounds, progress=model.verbose)
    smaller = copy.copy(model)
    smaller.net_, smaller.fitted_, smaller.origin_ = trimmed.model, trimmed.rounds[-1].fitted, None
    return smaller


def _parts(model: "LiquidEstimator", data: Sequences) -> tuple[Sequences, Sequences | None]:
    """Series to train on and to stop by; too few leave none for the latter."""
    owners = len(set((data.ids if data.group is None else data.group).tolist()))
    if model.validation * owners < 1 or owners < 3:
        return data, None
    drawn = split(data, val=model.validation, test=0.0, seed=model.seed)
    return data.select(drawn.train), data.select(drawn.val)
