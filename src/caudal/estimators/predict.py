"""Predictions as columns of a table: who, when, what, and how sure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from caudal.data import Sequences
from caudal.data.to_table import clock
from caudal.nn.decide import decided
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.audit import Log
    from caudal.estimators.base import LiquidEstimator

Columns = dict[str, Array]


def predictions(
    model: "LiquidEstimator", x: object, log: "Log | None" = None, threshold: float | None = None
) -> Iterator[Columns]:
    """Predictions in long form, one chunk of columns after the other.

    The first column names the series, unless the table is one series without a name. Classes: `class`, and `p(label)`
    of each label. Numbers: one column per output, in its own unit. Answers at each step also have the time of the step;
    forecasts `step` (1 is the next one) and the time that it is for, as the times of the table are written.

    Arguments:
        model: trained.
        x: what `predict` takes.
        log: where each decision is written down; see `caudal.audit.Log`.
        threshold: of two classes, the probability of the last from which on it is `class`; None takes `threshold_`.

    Raises:
        NotFittedError: it is not trained yet.
        DataError: the inputs are others than those of the training.
        InputError: the threshold is no probability, or there are not two classes.

    Example:
        >>> from caudal.data import from_arrays
        >>> from caudal.estimators import LiquidRegressor
        >>> series = from_arrays(np.zeros((3, 1, 4)), [0.5, 1.5, 2.5], ids=["a", "b", "c"])
        >>> model = LiquidRegressor("gru", 4, epochs=1).fit(series)
        >>> [chunk["series"].tolist() for chunk in predictions(model, series)]
        [['a', 'b', 'c']]
    """
    for part in model.parts(x):
        yield _columns(model, part, log, threshold)


def _columns(model: Any, data: Sequences, log: "Log | None", threshold: float | None) -> Columns:
    recipe = model.data_recipe_
    name, time = (recipe.series, recipe.time) if recipe else ("series", None)
    if model.task_ in ("classify", "regress"):
        where = {name: data.ids}
    elif model.task_ == "forecast":
        where = _ahead(data, name, time)
    else:
        row, step = np.nonzero(data.mask)
        where = {name: data.ids[row], time or "time": clock(data)[row, step]}
    where.pop(None, None)
    if model.task_.startswith("classify"):
        shares = model.predict_proba(data, threshold=threshold, log=log)
        shares = np.concatenate(shares) if isinstance(shares, list) else shares
        where["class"] = model.classes_[decided(shares, model.threshold_of(threshold))]
        return where | {f"p({label})": shares[:, k] for k, label in enumerate(model.classes_.tolist())}
    answers = model.predict(data, log=log)
    answers = np.concatenate(answers) if isinstance(answers, list) else np.asarray(answers)
    numbers = answers.reshape(-1, len(data.outputs))
    return where | {output: numbers[:, k] for k, output in enumerate(data.outputs)}


def _ahead(data: Sequences, name: str | None, time: str | None) -> dict[str | None, Array]:
    gaps = np.asarray(data.ahead)
    horizon = gaps.shape[1]
    last = data.times[np.arange(len(data)), data.lengths - 1]
    times = last[:, None] + np.cumsum(gaps, axis=1)
    return {
        name: np.repeat(data.ids, horizon),
        "step": np.tile(np.arange(1, horizon + 1), len(data)),
        time or "time": clock(data, times).ravel(),
    }
